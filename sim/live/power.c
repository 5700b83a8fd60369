#include "sim/live/power.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/live/preload/journal.h"

enum { POWER_PAGE = 4096 };

/* ---- starting a process --------------------------------------------------------------------- */

const char *power_object(char path[POWER_PATH_MAX])
{
    char self[POWER_PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    char *slash;
    int len;

    if (n <= 0) {
        return NULL;
    }
    self[n] = '\0';
    slash = strrchr(self, '/');
    if (slash == NULL) {
        return NULL;
    }
    *slash = '\0';
    len = snprintf(path, POWER_PATH_MAX, "%.480s/../lib/ackproof_power.so", self);
    return len > 0 && len < POWER_PATH_MAX && access(path, R_OK) == 0 ? path : NULL;
}

void power_preload(const char *object, const char *root, const char *journal)
{
    assert(object != NULL && root != NULL && journal != NULL);
    (void)setenv("LD_PRELOAD", object, 1);
    (void)setenv(POWER_ROOT_ENV, root, 1);
    (void)setenv(POWER_JOURNAL_ENV, journal, 1);
}

/* ---- traps ---------------------------------------------------------------------------------- */

static void in_folder(char path[POWER_PATH_MAX + 64], const char *folder, const char *name)
{
    (void)snprintf(path, POWER_PATH_MAX + 64, "%.500s/%.60s", folder, name);
}

bool power_set_trap(const char *journal, const char *call, const char *stem, const char *action,
                    uint32_t skip)
{
    char path[POWER_PATH_MAX + 64];
    char new[POWER_PATH_MAX + 64];
    FILE *f;

    power_clear_trap(journal);
    in_folder(path, journal, POWER_TRAP);
    in_folder(new, journal, "trap.new"); /* nobody must read half a trap */
    f = fopen(new, "we");
    if (f == NULL) {
        return false;
    }
    (void)fprintf(f, "%s %s %s %u\n", call, stem, action, skip);
    return fclose(f) == 0 && rename(new, path) == 0;
}

bool power_trap_hit(const char *journal)
{
    char path[POWER_PATH_MAX + 64];

    in_folder(path, journal, POWER_TRAP_HIT);
    return access(path, F_OK) == 0;
}

const char *power_trap_text(const char *journal, char text[POWER_TEXT_MAX])
{
    char path[POWER_PATH_MAX + 64];
    FILE *f;

    in_folder(path, journal, POWER_TRAP_HIT);
    f = fopen(path, "re");
    if (f == NULL || fgets(text, POWER_TEXT_MAX, f) == NULL) {
        text[0] = '\0';
    }
    if (f != NULL) {
        (void)fclose(f);
    }
    return text;
}

void power_clear_trap(const char *journal)
{
    char path[POWER_PATH_MAX + 64];

    in_folder(path, journal, POWER_TRAP);
    (void)unlink(path);
    in_folder(path, journal, POWER_TRAP_HIT);
    (void)unlink(path);
}

/* ---- the loss ------------------------------------------------------------------------------- */

/* What became of a write, truncation or extension. */
enum fate {
    FATE_OPEN,    /* no fsync yet */
    FATE_DURABLE, /* covered by one */
    FATE_CLEAN,   /* one failed: durable only where a later write took its page along */
};

struct change {
    size_t at; /* of its UNDO record in the journal */
    enum fate fate;
};

/* A journal as it is read: one pass finds the file's name and what became of each change. */
struct journal {
    uint8_t *bytes;
    size_t len;
    uint32_t n;
    struct change *change; /* in the order in which they were made */
    char path[POWER_PATH_MAX];
};

static bool load(const char *path, struct journal *j)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n;

    memset(j, 0, sizeof *j);
    if (fd < 0 || fstat(fd, &st) != 0) {
        return false;
    }
    j->len = (size_t)st.st_size;
    j->bytes = malloc(j->len + 1);
    j->change = malloc((j->len / sizeof(struct power_record) + 1) * sizeof *j->change);
    assert(j->bytes != NULL && j->change != NULL);
    n = read(fd, j->bytes, j->len);
    (void)close(fd);
    return n == (ssize_t)j->len;
}

static void unload(struct journal *j)
{
    free(j->bytes);
    free(j->change);
}

/* All that is open and was made before offset `asked` of the journal. */
static void decide(struct journal *j, uint64_t asked, enum fate fate)
{
    for (uint32_t i = 0; i < j->n && j->change[i].at < asked; i++) {
        if (j->change[i].fate == FATE_OPEN) {
            j->change[i].fate = fate;
        }
    }
}

/* A process that was killed in the middle of a record had not made the call: it is no record. */
static void scan(struct journal *j)
{
    struct power_record r;

    for (size_t at = 0; at + sizeof r <= j->len; at += sizeof r + r.len) {
        memcpy(&r, j->bytes + at, sizeof r);
        if (r.len > j->len - at - sizeof r) {
            break;
        }
        switch (r.kind) {
        case POWER_PATH:
            (void)snprintf(j->path, sizeof j->path, "%.*s", (int)r.len,
                           (const char *)j->bytes + at + sizeof r);
            break;
        case POWER_UNDO:
            j->change[j->n++] = (struct change){.at = at, .fate = FATE_OPEN};
            break;
        case POWER_COVER:
            decide(j, r.off, FATE_DURABLE);
            break;
        case POWER_FAILED:
            decide(j, r.off, FATE_CLEAN);
            break;
        default:
            assert(r.kind == POWER_GONE);
            j->n = 0;
            j->path[0] = '\0';
            break;
        }
    }
}

static struct power_record record_of(const struct journal *j, uint32_t i)
{
    struct power_record r;

    memcpy(&r, j->bytes + j->change[i].at, sizeof r);
    return r;
}

static bool put(int fd, const uint8_t *bytes, uint64_t len, uint64_t off)
{
    while (len > 0) {
        ssize_t n = pwrite(fd, bytes, (size_t)len, (off_t)off);

        if (n <= 0) {
            return false;
        }
        bytes += n;
        off += (uint64_t)n;
        len -= (uint64_t)n;
    }
    return true;
}

static bool undo(int fd, const struct journal *j, uint32_t i)
{
    struct power_record r = record_of(j, i);

    return put(fd, j->bytes + j->change[i].at + sizeof r, r.len, r.off) &&
           ftruncate(fd, (off_t)r.size) == 0;
}

/* ---- pages that a failed fsync has left clean ------------------------------------------------ */

/* Where change i ends: what it overwrote is in its record; what it appended shows in the size that
 * the next one met, or that the file has. */
static uint64_t end_of(const struct journal *j, uint32_t i, uint64_t size)
{
    struct power_record r = record_of(j, i);
    uint64_t then = i + 1 < j->n ? record_of(j, i + 1).size : size;

    return r.off + r.len > then ? r.off + r.len : then > r.size ? then : r.off + r.len;
}

/* Did a later change that is durable write to this page as well? Then it is as that one left it. */
static bool taken_along(const struct journal *j, uint32_t i, uint64_t page, uint64_t size)
{
    for (uint32_t k = i + 1; k < j->n; k++) {
        if (j->change[k].fate == FATE_DURABLE && record_of(j, k).off < page + POWER_PAGE &&
            end_of(j, k, size) > page) {
            return true;
        }
    }
    return false;
}

static bool durable_behind(const struct journal *j, uint32_t i)
{
    for (uint32_t k = i + 1; k < j->n; k++) {
        if (j->change[k].fate == FATE_DURABLE) {
            return true;
        }
    }
    return false;
}

/* Puts the part of [from, to) back that lay in the file before; what did not reads as zeros. */
static bool put_back_page(int fd, const struct journal *j, uint32_t i, uint64_t from, uint64_t to)
{
    static const uint8_t zeros[POWER_PAGE];
    struct power_record r = record_of(j, i);
    uint64_t old = r.off + r.len < to ? r.off + r.len : to;
    const uint8_t *bytes = j->bytes + j->change[i].at + sizeof r + (from - r.off);

    if (from < old && !put(fd, bytes, old - from, from)) {
        return false;
    }
    from = from > old ? from : old;
    return from >= to || put(fd, zeros, to - from, from);
}

/* A later fsync that succeeded has made the file's size durable, and the pages written since.
 * `lost`: something is put back. */
static bool undo_clean(int fd, const struct journal *j, uint32_t i, bool *lost)
{
    struct power_record r = record_of(j, i);
    struct stat st;
    uint64_t size;
    uint64_t end;

    *lost = !durable_behind(j, i);
    if (*lost) {
        return undo(fd, j, i);
    }
    if (fstat(fd, &st) != 0) {
        return false;
    }
    size = (uint64_t)st.st_size;
    end = end_of(j, i, size);
    end = end < size ? end : size;
    for (uint64_t from = r.off; from < end;) {
        uint64_t page = from - from % POWER_PAGE;
        uint64_t to = page + POWER_PAGE < end ? page + POWER_PAGE : end;

        if (!taken_along(j, i, page, size)) {
            *lost = true;
            if (!put_back_page(fd, j, i, from, to)) {
                return false;
            }
        }
        from = to;
    }
    return true;
}

/* Number of changes undone, all or in part; or -1 with errno. Backwards: what is open goes first,
 * since a page is then as the last fsync found it. */
static int32_t put_back(const struct journal *j)
{
    int fd = open(j->path, O_RDWR | O_CLOEXEC);
    bool good = true;
    int32_t n = 0;

    if (fd < 0) {
        return errno == ENOENT ? 0 : -1;
    }
    for (uint32_t i = j->n; i > 0 && good; i--) {
        if (j->change[i - 1].fate == FATE_OPEN) {
            good = undo(fd, j, i - 1);
            n++;
        }
    }
    for (uint32_t i = j->n; i > 0 && good; i--) {
        if (j->change[i - 1].fate == FATE_CLEAN) {
            bool lost = false;

            good = undo_clean(fd, j, i - 1, &lost);
            n += lost ? 1 : 0;
        }
    }
    (void)close(fd);
    return good ? n : -1;
}

static const char *name_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash == NULL ? path : slash + 1;
}

static void add_text(struct power_loss *loss, const char *name, uint32_t writes)
{
    size_t n = strlen(loss->text);

    (void)snprintf(loss->text + n, sizeof loss->text - n, "%s%s (%u write%s)", n > 0 ? ", " : "",
                   name, writes, writes == 1 ? "" : "s");
}

static bool lose_one(const char *path, const char *stem, struct power_loss *loss, char *why,
                     size_t cap)
{
    struct journal j;
    bool good = load(path, &j);
    int32_t n = 0;

    if (good) {
        scan(&j);
        if (j.path[0] != '\0' &&
            (stem == NULL || strncmp(name_of(j.path), stem, strlen(stem)) == 0)) {
            n = put_back(&j);
        }
    }
    if (!good || n < 0) {
        (void)snprintf(why, cap, "power loss: %.80s: %s", j.path, strerror(errno));
        unload(&j);
        return false;
    }
    if (n > 0) {
        loss->files++;
        loss->writes += (uint32_t)n;
        add_text(loss, name_of(j.path), (uint32_t)n);
    }
    unload(&j);
    return unlink(path) == 0;
}

bool power_lose(const char *journal, const char *stem, struct power_loss *loss, char *why,
                size_t cap)
{
    DIR *d = opendir(journal);
    bool good = d != NULL;

    assert(loss != NULL && why != NULL);
    memset(loss, 0, sizeof *loss);
    if (!good) {
        (void)snprintf(why, cap, "power loss: %s", strerror(errno));
        return false;
    }
    for (struct dirent *e = readdir(d); e != NULL && good; e = readdir(d)) {
        char path[POWER_PATH_MAX + 300];
        const char *dot = strrchr(e->d_name, '.');

        if (dot != NULL && strcmp(dot, ".undo") == 0) {
            (void)snprintf(path, sizeof path, "%.500s/%.255s", journal, e->d_name);
            good = lose_one(path, stem, loss, why, cap);
        }
    }
    (void)closedir(d);
    if (loss->files == 0) {
        (void)snprintf(loss->text, sizeof loss->text, "nothing");
    }
    return good;
}

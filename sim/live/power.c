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

void power_clear_trap(const char *journal)
{
    char path[POWER_PATH_MAX + 64];

    in_folder(path, journal, POWER_TRAP);
    (void)unlink(path);
    in_folder(path, journal, POWER_TRAP_HIT);
    (void)unlink(path);
}

/* ---- the loss ------------------------------------------------------------------------------- */

/* A journal as it is read: one pass finds the file's name and where the undoing ends. */
struct journal {
    uint8_t *bytes;
    size_t len;
    uint64_t durable; /* records before this offset are durable, or void */
    uint32_t n;       /* UNDO records */
    size_t *at;       /* their offsets, ascending */
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
    j->at = malloc((j->len / sizeof(struct power_record) + 1) * sizeof *j->at);
    assert(j->bytes != NULL && j->at != NULL);
    n = read(fd, j->bytes, j->len);
    (void)close(fd);
    return n == (ssize_t)j->len;
}

static void unload(struct journal *j)
{
    free(j->bytes);
    free(j->at);
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
            j->at[j->n++] = at;
            break;
        case POWER_COVER:
            j->durable = r.off > j->durable ? r.off : j->durable;
            break;
        default:
            assert(r.kind == POWER_GONE);
            j->durable = at;
            j->n = 0;
            j->path[0] = '\0';
            break;
        }
    }
}

static bool undo(int fd, const struct journal *j, size_t at)
{
    struct power_record r;
    size_t done = 0;

    memcpy(&r, j->bytes + at, sizeof r);
    while (done < r.len) {
        ssize_t n =
            pwrite(fd, j->bytes + at + sizeof r + done, r.len - done, (off_t)(r.off + done));

        if (n <= 0) {
            return false;
        }
        done += (size_t)n;
    }
    return ftruncate(fd, (off_t)r.size) == 0;
}

/* Number of records undone, or -1 with errno. */
static int32_t put_back(const struct journal *j)
{
    int fd = open(j->path, O_RDWR | O_CLOEXEC);
    int32_t n = 0;

    if (fd < 0) {
        return errno == ENOENT ? 0 : -1;
    }
    for (uint32_t i = j->n; i > 0 && j->at[i - 1] >= j->durable; i--) {
        if (!undo(fd, j, j->at[i - 1])) {
            n = -1;
            break;
        }
        n++;
    }
    (void)close(fd);
    return n;
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

/* Preloaded into a mariadbd (LD_PRELOAD): keeps, for each file of its data directory, what is
 * needed to put the file back to what fsync has made durable. After a kill -9 the runner does that,
 * and the pair is a power loss. It also sets traps (journal.h).
 *
 * What an fsync covers: what was written when it was asked for, no more. What a power loss leaves
 * is the runner's choice; the journal offers "all that is not covered is lost", by file.
 *
 * Not modelled: directory entries (a created, renamed or unlinked file is durable at once), writes
 * through mmap, asynchronous I/O, O_DSYNC and O_DIRECT as ways to durability (the server is started
 * without all four: innodb_use_native_aio=0, innodb_flush_method=fsync, log file buffering on), a
 * write that is torn, a block that is durable before an fsync asks for it.
 *
 * All calls of this object are made as system calls: it meets no other wrapper, and not itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "sim/live/preload/journal.h"

enum {
    FILES_TRACKED = 1024,
    CHUNK = 1 << 16,
    PATH_LEN = 1024,
    STALL_MS = 2500,
    LATE_MS = 500,
    LIES = -1
};

struct tracked {
    dev_t dev;
    ino_t ino;
    int reader;   /* of the file, read only; -1: not ours to track */
    int journal;  /* appends */
    uint64_t len; /* of the journal */
    char name[64];
};

/* One lock over journal and call: a write and its undo record are one thing for every other
 * thread. fsync runs without it. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct tracked table[FILES_TRACKED];
static unsigned n_tracked;
static unsigned syncing; /* fsyncs under way */

/* A journal with a hole would tell lies. */
static _Noreturn void give_up(const char *what)
{
    static const char head[] = "ackproof_power: ERROR: ";

    (void)!syscall(SYS_write, 2, head, sizeof head - 1);
    (void)!syscall(SYS_write, 2, what, strlen(what));
    (void)!syscall(SYS_write, 2, "\n", (size_t)1);
    abort();
}

/* ---- journals ------------------------------------------------------------------------------- */

static int sys_open(const char *path, int flags)
{
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC, 0600);
}

static void must_write(int fd, const void *bytes, size_t len)
{
    const char *at = bytes;

    while (len > 0) {
        long n = syscall(SYS_write, fd, at, len);

        if (n <= 0 && errno != EINTR) {
            give_up("a journal cannot be written");
        }
        if (n > 0) {
            at += n;
            len -= (size_t)n;
        }
    }
}

static void append(struct tracked *t, uint32_t kind, uint64_t off, uint64_t size, const void *bytes,
                   uint32_t len)
{
    struct power_record r;

    memset(&r, 0, sizeof r);
    r.kind = kind;
    r.len = len;
    r.off = off;
    r.size = size;
    must_write(t->journal, &r, sizeof r);
    must_write(t->journal, bytes, len);
    t->len += sizeof r + len;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash == NULL ? path : slash + 1;
}

static bool ours(const char *path)
{
    const char *root = getenv(POWER_ROOT_ENV);
    const char *name = base_name(path);
    size_t n = root == NULL ? 0 : strlen(root);

    return n > 0 && strncmp(path, root, n) == 0 && path[n] == '/' &&
           strstr(path, " (deleted)") == NULL && strncmp(name, "ibtmp", 5) != 0 &&
           strcmp(name, "error.log") != 0 && strcmp(name, "console.log") != 0 &&
           strcmp(name, "pid") != 0;
}

/* A process that was killed in the middle of a record had not made the call: the record goes. */
static uint64_t whole_records(const char *name, uint64_t size)
{
    struct power_record r;
    uint64_t at = 0;
    int fd = sys_open(name, O_RDWR);

    while (fd >= 0 && at + sizeof r <= size &&
           pread(fd, &r, sizeof r, (off_t)at) == (ssize_t)sizeof r &&
           at + sizeof r + r.len <= size) {
        at += sizeof r + r.len;
    }
    if (fd < 0 || syscall(SYS_ftruncate, fd, at) != 0) {
        give_up("a journal cannot be read");
    }
    (void)syscall(SYS_close, fd);
    return at;
}

static void open_journal(struct tracked *t, const char *descriptor, const char *path)
{
    const char *folder = getenv(POWER_JOURNAL_ENV);
    char name[PATH_LEN];
    struct stat st;

    (void)snprintf(name, sizeof name, "%.900s/%llu.undo", folder == NULL ? "." : folder,
                   (unsigned long long)t->ino);
    t->journal = sys_open(name, O_WRONLY | O_CREAT | O_APPEND);
    t->reader = sys_open(descriptor, O_RDONLY); /* not by its name, which may have gone */
    if (t->journal < 0 || t->reader < 0 || fstat(t->journal, &st) != 0) {
        give_up("a journal cannot be opened");
    }
    t->len = whole_records(name, (uint64_t)st.st_size);
    (void)snprintf(t->name, sizeof t->name, "%.63s", base_name(path));
    append(t, POWER_PATH, 0, 0, path, (uint32_t)strlen(path));
}

/* The file behind a descriptor, or NULL where it is none of ours. Locked. */
static struct tracked *find(int fd)
{
    char proc[40];
    char path[PATH_LEN];
    struct stat st;
    struct tracked *t;
    long n;

    if (fd <= 2 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        return NULL;
    }
    for (unsigned i = 0; i < n_tracked; i++) {
        if (table[i].ino == st.st_ino && table[i].dev == st.st_dev) {
            return table[i].reader < 0 ? NULL : &table[i];
        }
    }
    (void)snprintf(proc, sizeof proc, "/proc/self/fd/%d", fd);
    n = readlink(proc, path, sizeof path - 1);
    if (n <= 0 || n_tracked == FILES_TRACKED) {
        give_up("a descriptor without a name, or too many files");
    }
    path[n] = '\0';
    if (!ours(path)) {
        return NULL; /* not remembered: temporary files come and go */
    }
    t = &table[n_tracked++];
    t->dev = st.st_dev;
    t->ino = st.st_ino;
    open_journal(t, proc, path);
    return t;
}

/* Keeps what stands in [off, off + len) and the size. Locked. */
static void keep(struct tracked *t, uint64_t off, uint64_t len)
{
    static char bytes[CHUNK];
    struct stat st;
    uint64_t size;

    if (fstat(t->reader, &st) != 0) {
        give_up("a file has no size");
    }
    size = (uint64_t)st.st_size;
    if (off >= size || len == 0) {
        append(t, POWER_UNDO, off, size, bytes, 0);
        return;
    }
    for (uint64_t end = off + len < size ? off + len : size; off < end;) {
        uint64_t want = end - off < CHUNK ? end - off : CHUNK;
        ssize_t n = pread(t->reader, bytes, (size_t)want, (off_t)off);

        if (n <= 0) {
            give_up("a file cannot be read");
        }
        append(t, POWER_UNDO, off, size, bytes, (uint32_t)n);
        off += (uint64_t)n;
    }
}

/* ---- traps ---------------------------------------------------------------------------------- */

static bool trap_path(char path[PATH_LEN], const char *name)
{
    const char *folder = getenv(POWER_JOURNAL_ENV);

    return folder != NULL && snprintf(path, PATH_LEN, "%.900s/%s", folder, name) > 0;
}

/* Locked before and behind it; meanwhile all others go on. */
static void sleep_unlocked(long ms)
{
    const struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

    (void)pthread_mutex_unlock(&lock);
    (void)nanosleep(&t, NULL);
    (void)pthread_mutex_lock(&lock);
}

/* Locked. An fsync under way ends first: InnoDB moves its log checkpoint past pages that another
 * thread is still fsyncing (seen on 10.11.19), and what that is worth is no scenario's question. */
static void die(void)
{
    while (syncing > 0) {
        sleep_unlocked(1);
    }
    (void)kill(getpid(), SIGKILL);
    for (;;) {
        (void)pause();
    }
}

static void replace(const char *path, const char *text, int n)
{
    int fd = sys_open(path, O_WRONLY | O_TRUNC);

    if (n > 0 && fd >= 0) {
        must_write(fd, text, (size_t)n);
    }
    if (fd >= 0) {
        (void)syscall(SYS_close, fd);
    }
}

static void set_trap(const char *path, const char *call, const char *stem, const char *action,
                     unsigned skip)
{
    char text[160];

    replace(path, text,
            snprintf(text, sizeof text, "%.15s %.63s %.15s %u\n", call, stem, action, skip));
}

/* `trap` says what it struck, and is `trap.hit` then. */
static void say_hit(const char *path, const char *hit, const char *call, const char *name)
{
    char text[100];
    int n = snprintf(text, sizeof text, "%.15s of %.63s", call, name);

    replace(path, text, n);
    (void)syscall(SYS_rename, path, hit);
}

/* 0, or the errno with which the call fails, or LIES of an fsync that is to claim and keep nothing.
 * Locked. */
static int sprung(const struct tracked *t, const char *call)
{
    char path[PATH_LEN];
    char hit[PATH_LEN];
    char text[160] = {0};
    char its_call[16];
    char stem[64];
    char action[16];
    unsigned skip;
    int fd;
    long n;

    if (!trap_path(path, POWER_TRAP) || !trap_path(hit, POWER_TRAP_HIT)) {
        return 0;
    }
    fd = sys_open(path, O_RDONLY);
    if (fd < 0) {
        return 0;
    }
    n = syscall(SYS_read, fd, text, sizeof text - 1);
    (void)syscall(SYS_close, fd);
    if (n <= 0 || sscanf(text, "%15s %63s %15s %u", its_call, stem, action, &skip) != 4 ||
        (strcmp(its_call, call) != 0 && strcmp(its_call, "any") != 0) ||
        strncmp(t->name, stem, strlen(stem)) != 0) {
        return 0;
    }
    if (skip > 0) {
        set_trap(path, its_call, stem, action, skip - 1);
        return 0;
    }
    say_hit(path, hit, call, t->name);
    if (strcmp(action, "stall") == 0) {
        sleep_unlocked(STALL_MS);
    }
    if (strcmp(action, "kill") == 0 || strcmp(action, "stall") == 0) {
        die();
    }
    if (strcmp(action, "late") == 0) {
        sleep_unlocked(LATE_MS);
        return 0;
    }
    if (strcmp(action, "lie") == 0) {
        return LIES;
    }
    return strcmp(action, "enospc") == 0 ? ENOSPC : EIO;
}

/* ---- the calls ------------------------------------------------------------------------------ */

static ssize_t refused(int why)
{
    (void)pthread_mutex_unlock(&lock);
    errno = why;
    return -1;
}

static ssize_t write_at(int fd, const void *bytes, size_t len, off_t off, bool positioned)
{
    struct tracked *t;
    long n;
    int why;

    (void)pthread_mutex_lock(&lock);
    t = find(fd);
    if (t != NULL) {
        uint64_t at = (uint64_t)off;

        why = sprung(t, "write");
        if (why != 0) {
            return refused(why);
        }
        if (!positioned) {
            struct stat st;
            bool at_end = (fcntl(fd, F_GETFL) & O_APPEND) != 0 && fstat(fd, &st) == 0;

            at = at_end ? (uint64_t)st.st_size : (uint64_t)lseek(fd, 0, SEEK_CUR);
        }
        keep(t, at, len);
    }
    n = positioned ? syscall(SYS_pwrite64, fd, bytes, len, off)
                   : syscall(SYS_write, fd, bytes, len);
    why = errno;
    (void)pthread_mutex_unlock(&lock);
    errno = why;
    return n;
}

ssize_t write(int fd, const void *bytes, size_t len)
{
    return write_at(fd, bytes, len, 0, false);
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t off)
{
    return write_at(fd, bytes, len, off, true);
}

ssize_t pwrite64(int fd, const void *bytes, size_t len, off64_t off)
{
    return write_at(fd, bytes, len, (off_t)off, true);
}

int ftruncate(int fd, off_t size)
{
    struct tracked *t;
    long rc;
    int why;

    (void)pthread_mutex_lock(&lock);
    t = find(fd);
    if (t != NULL) {
        why = sprung(t, "truncate");
        if (why != 0) {
            return (int)refused(why);
        }
        keep(t, (uint64_t)size, UINT64_MAX / 2);
    }
    rc = syscall(SYS_ftruncate, fd, size);
    why = errno;
    (void)pthread_mutex_unlock(&lock);
    errno = why;
    return (int)rc;
}

int ftruncate64(int fd, off64_t size)
{
    return ftruncate(fd, (off_t)size);
}

int fallocate(int fd, int mode, off_t off, off_t len)
{
    struct tracked *t;
    long rc;
    int why;

    (void)pthread_mutex_lock(&lock);
    t = find(fd);
    if (t != NULL) {
        keep(t, (uint64_t)off, (uint64_t)len);
    }
    rc = syscall(SYS_fallocate, fd, mode, off, len);
    why = errno;
    (void)pthread_mutex_unlock(&lock);
    errno = why;
    return (int)rc;
}

int fallocate64(int fd, int mode, off64_t off, off64_t len)
{
    return fallocate(fd, mode, (off_t)off, (off_t)len);
}

static int sync_with(long number, int fd)
{
    struct tracked *t;
    uint64_t asked = 0;
    bool lies = false;
    long rc = -1;
    int why = 0;

    (void)pthread_mutex_lock(&lock);
    t = find(fd);
    if (t != NULL) {
        why = sprung(t, "fsync");
        lies = why == LIES;
        why = lies ? 0 : why;
        asked = t->len;
        syncing++;
    }
    (void)pthread_mutex_unlock(&lock);
    if (why == 0) {
        rc = syscall(number, fd);
        why = errno;
    }
    if (t != NULL) {
        (void)pthread_mutex_lock(&lock);
        syncing--;
        if (t->reader >= 0 && !(rc == 0 && lies)) { /* not unlinked meanwhile; entries never move */
            append(t, rc == 0 ? POWER_COVER : POWER_FAILED, asked, 0, "", 0);
        }
        (void)pthread_mutex_unlock(&lock);
    }
    errno = why;
    return (int)rc;
}

int fsync(int fd)
{
    return sync_with(SYS_fsync, fd);
}

int fdatasync(int fd)
{
    return sync_with(SYS_fdatasync, fd);
}

/* ---- names ---------------------------------------------------------------------------------- */

/* The file of that name as it is known here or to an earlier process. Locked. */
static struct tracked *find_path(const char *path)
{
    int fd = sys_open(path, O_RDONLY);
    struct tracked *t = fd < 0 ? NULL : find(fd);

    if (fd >= 0) {
        (void)syscall(SYS_close, fd);
    }
    return t;
}

/* Its inode may come again as another file. */
static void forget(struct tracked *t)
{
    append(t, POWER_GONE, 0, 0, "", 0);
    (void)syscall(SYS_close, t->reader);
    (void)syscall(SYS_close, t->journal);
    t->dev = 0;
    t->ino = 0;
    t->reader = -1;
}

static int unlink_with(int folder, const char *path, int flags)
{
    struct tracked *t;
    long rc;
    int why;

    (void)pthread_mutex_lock(&lock);
    t = folder == AT_FDCWD && flags == 0 ? find_path(path) : NULL;
    why = t == NULL ? 0 : sprung(t, "unlink");
    if (why != 0) {
        return (int)refused(why);
    }
    rc = syscall(SYS_unlinkat, folder, path, flags);
    why = errno;
    if (rc == 0 && t != NULL) {
        forget(t);
    }
    (void)pthread_mutex_unlock(&lock);
    errno = why;
    return (int)rc;
}

int unlink(const char *path)
{
    return unlink_with(AT_FDCWD, path, 0);
}

int unlinkat(int folder, const char *path, int flags)
{
    return unlink_with(folder, path, flags);
}

int rename(const char *from, const char *to)
{
    struct tracked *old;
    struct tracked *t;
    char path[PATH_LEN];
    long rc;
    int why;

    (void)pthread_mutex_lock(&lock);
    old = find_path(to);
    t = find_path(from);
    rc = syscall(SYS_rename, from, to);
    why = errno;
    if (rc == 0 && old != NULL && old != t) {
        forget(old);
    }
    if (rc == 0 && t != NULL && realpath(to, path) != NULL) {
        append(t, POWER_PATH, 0, 0, path, (uint32_t)strlen(path));
        (void)snprintf(t->name, sizeof t->name, "%.63s", base_name(path));
    }
    (void)pthread_mutex_unlock(&lock);
    errno = why;
    return (int)rc;
}

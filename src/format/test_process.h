/* Processes and files for tests that run MariaDB's own programs.
 *
 * test_guarded runs a test body in a process group of its own, with a fresh directory, and sees to
 * it that at the end no process and no file of it is left, whether the body passes, fails, crashes
 * or is interrupted. The guard adopts orphans (it is their subreaper), so it can wait for all.
 *
 * Includes must define _GNU_SOURCE before the first system header. */
#ifndef ACKPROOF_FORMAT_TEST_PROCESS_H
#define ACKPROOF_FORMAT_TEST_PROCESS_H

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { TEST_SKIPPED = 77, TEST_PATH_MAX = 256, TEST_ARGS_MAX = 24 };

static inline void test_sleep_ms(long ms)
{
    const struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    (void)nanosleep(&t, NULL);
}

/* Finds a program in PATH or in the directories of system daemons. */
static inline bool test_find_program(const char *name, char path[TEST_PATH_MAX])
{
    const char *env = getenv("PATH");
    char dirs[4096];
    (void)snprintf(dirs, sizeof dirs, "%s:/usr/sbin:/usr/local/sbin", env == NULL ? "" : env);
    char *rest = NULL;
    for (char *d = strtok_r(dirs, ":", &rest); d != NULL; d = strtok_r(NULL, ":", &rest)) {
        const int n = snprintf(path, TEST_PATH_MAX, "%s/%s", d, name);
        if (n > 0 && n < TEST_PATH_MAX && access(path, X_OK) == 0) {
            return true;
        }
    }
    return false;
}

/* Starts a program with its output in a file. It dies with the process that started it. */
static inline pid_t test_start(const char *const argv[], const char *output)
{
    char *copy[TEST_ARGS_MAX + 1] = {NULL};
    for (int i = 0; argv[i] != NULL && i < TEST_ARGS_MAX; i++) {
        copy[i] = strdup(argv[i]);
    }
    const pid_t pid = fork();
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        const int fd = open(output, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        const int none = open("/dev/null", O_RDONLY);
        if (fd >= 0 && none >= 0 && dup2(fd, 1) == 1 && dup2(fd, 2) == 2 && dup2(none, 0) == 0) {
            (void)execv(copy[0], copy);
        }
        _exit(127);
    }
    for (int i = 0; copy[i] != NULL; i++) {
        free(copy[i]);
    }
    return pid;
}

/* Waits; answers the exit status, or 128 + the signal. */
static inline int test_wait(pid_t pid)
{
    int status = 0;
    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR) {
            return 127;
        }
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static inline int test_run(const char *const argv[], const char *output)
{
    const pid_t pid = test_start(argv, output);
    return pid < 0 ? 127 : test_wait(pid);
}

/* The whole file, with a NUL behind it; NULL where it cannot be read. The caller frees it. */
static inline uint8_t *test_read_file(const char *path, uint32_t *len)
{
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        return NULL;
    }
    uint8_t *bytes = NULL;
    if (fseek(f, 0, SEEK_END) == 0) {
        const long size = ftell(f);
        rewind(f);
        bytes = size < 0 ? NULL : calloc(1, (size_t)size + 1);
        if (bytes != NULL) {
            *len = (uint32_t)fread(bytes, 1, (size_t)size, f);
        }
    }
    (void)fclose(f);
    return bytes;
}

static inline bool test_write_file(const char *path, const uint8_t *bytes, uint32_t len)
{
    FILE *f = fopen(path, "wb");
    if (f == NULL) {
        return false;
    }
    const bool written = fwrite(bytes, 1, len, f) == len;
    return fclose(f) == 0 && written;
}

static inline int test_unlink_one(const char *path, const struct stat *st, int type,
                                  struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    (void)remove(path);
    return 0;
}

/* Ends the whole group, politely and then not, and reaps everyone. */
static inline void test_end_group(pid_t group)
{
    (void)kill(-group, SIGTERM);
    for (int tick = 0; tick < 400; tick++) {
        pid_t pid = waitpid(-1, NULL, WNOHANG);
        if (pid < 0 && errno == ECHILD) {
            return;
        }
        if (tick == 200) {
            (void)kill(-group, SIGKILL);
        }
        if (pid == 0) {
            test_sleep_ms(50);
        }
    }
}

/* Waits for the body or for a signal to us, whichever comes first; answers the exit status. */
static inline int test_guard_wait(pid_t body, const sigset_t *signals)
{
    for (;;) {
        const int sig = sigwaitinfo(signals, NULL);
        if (sig > 0 && sig != SIGCHLD) {
            return 128 + sig;
        }
        int status = 0;
        if (sig == SIGCHLD && waitpid(body, &status, WNOHANG) == body) {
            return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        }
    }
}

/* Runs body(dir) as described above and answers its exit status. */
static inline int test_guarded(int (*body)(const char *dir))
{
    const char *base = getenv("TMPDIR");
    char dir[TEST_PATH_MAX];
    /* A socket's path must stay below 108 bytes. */
    const bool usable = base != NULL && strlen(base) > 0 && strlen(base) < 60;
    (void)snprintf(dir, sizeof dir, "%s/ackproof-XXXXXX", usable ? base : P_tmpdir);
    sigset_t signals;
    sigset_t before;
    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGCHLD);
    (void)sigaddset(&signals, SIGINT);
    (void)sigaddset(&signals, SIGTERM);
    (void)sigaddset(&signals, SIGHUP);
    (void)sigprocmask(SIG_BLOCK, &signals, &before);
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1);
    if (mkdtemp(dir) == NULL) {
        perror("mkdtemp");
        return 1;
    }
    (void)fflush(NULL);
    const pid_t pid = fork();
    if (pid == 0) {
        (void)setpgid(0, 0);
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)sigprocmask(SIG_SETMASK, &before, NULL);
        exit(body(dir));
    }
    int status = 1;
    if (pid > 0) {
        (void)setpgid(pid, pid);
        status = test_guard_wait(pid, &signals);
        test_end_group(pid);
    }
    (void)nftw(dir, test_unlink_one, 16, FTW_DEPTH | FTW_PHYS);
    return status;
}

/* The next GTID that mariadb-binlog printed, or NULL: *at moves behind it. */
static inline const char *test_next_printed_gtid(const char **at)
{
    const char *p = strstr(*at, "\tGTID ");
    if (p == NULL) {
        return NULL;
    }
    p += strlen("\tGTID ");
    *at = p;
    return p;
}

#endif

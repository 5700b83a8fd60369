#include "sim/live/guard.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const int guarded[GUARD_SIGNALS] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
static volatile sig_atomic_t asked_to_end;

/* What is told to the guardian; small enough for one atomic write to the pipe. */
struct guard_note {
    pid_t pid;
    bool watch;
};

uint64_t guard_now_ms(void)
{
    struct timespec t;
    int rc = clock_gettime(CLOCK_MONOTONIC, &t);

    assert(rc == 0);
    (void)rc;
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void guard_sleep_ms(uint32_t ms)
{
    struct timespec t = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};

    (void)nanosleep(&t, NULL); /* a signal may end it early: the caller looks at guard_signal */
}

static void on_signal(int sig)
{
    asked_to_end = sig;
}

int guard_signal(void)
{
    return (int)asked_to_end;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    (void)remove(path); /* go on: what is left is found by the caller */
    return 0;
}

bool guard_remove(const char *path)
{
    assert(path != NULL && path[0] != '\0');
    assert(strcmp(path, "/") != 0);
    (void)nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
    return access(path, F_OK) != 0 && errno == ENOENT;
}

/* ---- the guardian --------------------------------------------------------------------------- */

/* After SIGKILL a big process takes a moment to go; its files must not come back behind us. */
static void guardian_end_all(const pid_t *child)
{
    for (int i = 0; i < GUARD_CHILDREN_MAX; i++) {
        if (child[i] > 0) {
            (void)kill(-child[i], SIGKILL);
        }
    }
    for (int i = 0; i < GUARD_CHILDREN_MAX; i++) {
        for (int turn = 0; child[i] > 0 && turn < 500 && kill(-child[i], 0) == 0; turn++) {
            guard_sleep_ms(10);
        }
    }
}

static void guardian_take(pid_t *child, const struct guard_note *n)
{
    for (int i = 0; i < GUARD_CHILDREN_MAX; i++) {
        if (child[i] == (n->watch ? 0 : n->pid)) {
            child[i] = n->watch ? n->pid : 0;
            return;
        }
    }
}

static _Noreturn void guardian_main(int fd, const char *dir)
{
    pid_t child[GUARD_CHILDREN_MAX] = {0};
    struct guard_note n;
    ssize_t got;
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    (void)setsid();
    for (int i = 0; i < GUARD_SIGNALS; i++) {
        (void)signal(guarded[i], SIG_IGN);
    }
    /* Somebody may wait for the end of our standard output; it must not depend on the guardian. */
    for (int i = 0; i <= 2 && null >= 0; i++) {
        (void)dup2(null, i);
    }
    if (fd > 3) {
        (void)close_range(3, (unsigned)fd - 1, 0);
    }
    (void)close_range((unsigned)fd + 1, ~0U, 0);
    do {
        got = read(fd, &n, sizeof n);
        if (got == (ssize_t)sizeof n) {
            guardian_take(child, &n);
        }
    } while (got > 0 || (got < 0 && errno == EINTR));
    guardian_end_all(child);
    (void)guard_remove(dir);
    _exit(0);
}

static void tell(const struct guard *g, pid_t pid, bool watch)
{
    struct guard_note n;

    memset(&n, 0, sizeof n);
    n.pid = pid;
    n.watch = watch;
    if (g->pipe >= 0) {
        ssize_t put = write(g->pipe, &n, sizeof n);
        (void)put; /* a guardian that is gone cannot be told; the first net still holds */
    }
}

/* ---- start and stop ------------------------------------------------------------------------- */

static void take_signals(struct guard *g)
{
    struct sigaction sa;

    memset(&sa, 0, sizeof sa);
    (void)sigemptyset(&sa.sa_mask);
    asked_to_end = 0;
    for (int i = 0; i < GUARD_SIGNALS; i++) {
        sa.sa_handler = guarded[i] == SIGPIPE ? SIG_IGN : on_signal;
        (void)sigaction(guarded[i], &sa, &g->before[i]); /* no SA_RESTART: waits end early */
    }
}

static void give_signals_back(const struct guard *g)
{
    for (int i = 0; i < GUARD_SIGNALS; i++) {
        (void)sigaction(guarded[i], &g->before[i], NULL);
    }
}

bool guard_start(struct guard *g, const char *parent)
{
    int fd[2];
    int n;

    assert(g != NULL && parent != NULL);
    memset(g, 0, sizeof *g);
    g->pipe = -1;
    n = snprintf(g->dir, sizeof g->dir, "%s/ackproof-live-XXXXXX", parent);
    if (n < 0 || (size_t)n >= sizeof g->dir) {
        g->dir[0] = '\0';
        errno = ENAMETOOLONG;
        return false;
    }
    if (mkdtemp(g->dir) == NULL) {
        g->dir[0] = '\0';
        return false;
    }
    if (pipe2(fd, O_CLOEXEC) != 0) {
        (void)rmdir(g->dir);
        return false;
    }
    take_signals(g);
    g->guardian = fork();
    if (g->guardian == 0) {
        (void)close(fd[1]);
        guardian_main(fd[0], g->dir);
    }
    (void)close(fd[0]);
    if (g->guardian < 0) {
        (void)close(fd[1]);
        give_signals_back(g);
        (void)rmdir(g->dir);
        return false;
    }
    g->pipe = fd[1];
    return true;
}

bool guard_stop(struct guard *g)
{
    bool gone = true;
    int status;

    assert(g != NULL);
    if (g->dir[0] == '\0') {
        return true;
    }
    for (int i = 0; i < GUARD_CHILDREN_MAX; i++) {
        if (g->child[i] > 0) {
            pid_t pid = g->child[i];

            guard_kill(g, pid, SIGKILL);
            while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
            }
            /* Its own children (of mariadb-install-db: a mariadbd) take a moment longer. */
            for (int turn = 0; turn < 100 && kill(-pid, 0) == 0; turn++) {
                guard_sleep_ms(10);
            }
            tell(g, pid, false);
            g->child[i] = 0;
        }
    }
    gone = guard_remove(g->dir);
    if (g->pipe >= 0) {
        (void)close(g->pipe);
        g->pipe = -1;
        while (waitpid(g->guardian, &status, 0) < 0 && errno == EINTR) {
        }
    }
    gone = gone || access(g->dir, F_OK) != 0;
    give_signals_back(g);
    g->dir[0] = '\0';
    return gone;
}

/* ---- children ------------------------------------------------------------------------------- */

static void child_setup(pid_t parent, int keep_fd)
{
    sigset_t none;

    (void)setpgid(0, 0);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) {
        _exit(127); /* the parent ended before prctl: nobody would end us */
    }
    for (int i = 0; i < GUARD_SIGNALS; i++) {
        (void)signal(guarded[i], SIG_DFL);
    }
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    /* Another child's or the guardian's pipe held open here would keep them from seeing our end. */
    if (keep_fd > 3) {
        (void)close_range(3, (unsigned)keep_fd - 1, 0);
    }
    (void)close_range(keep_fd >= 3 ? (unsigned)keep_fd + 1 : 3, ~0U, 0);
}

pid_t guard_fork(struct guard *g, int keep_fd)
{
    pid_t parent = getpid();
    pid_t pid;
    int slot = 0;

    assert(g != NULL && g->dir[0] != '\0');
    while (slot < GUARD_CHILDREN_MAX && g->child[slot] != 0) {
        slot++;
    }
    assert(slot < GUARD_CHILDREN_MAX);
    pid = fork();
    if (pid == 0) {
        child_setup(parent, keep_fd);
        return 0;
    }
    if (pid > 0) {
        (void)setpgid(pid, pid); /* both sides: whoever is first */
        g->child[slot] = pid;
        tell(g, pid, true);
    }
    return pid;
}

void guard_kill(const struct guard *g, pid_t child, int sig)
{
    assert(g != NULL && child > 1);
    (void)g;
    if (kill(-child, sig) != 0) {
        (void)kill(child, sig);
    }
}

bool guard_reap(struct guard *g, pid_t child, uint32_t limit_ms, int *status)
{
    uint64_t end = guard_now_ms() + limit_ms;

    assert(g != NULL && child > 1 && status != NULL);
    for (;;) {
        pid_t got = waitpid(child, status, WNOHANG);

        if (got == child || (got < 0 && errno == ECHILD)) {
            for (int i = 0; i < GUARD_CHILDREN_MAX; i++) {
                if (g->child[i] == child) {
                    g->child[i] = 0;
                }
            }
            tell(g, child, false);
            return true;
        }
        if (guard_now_ms() >= end || guard_signal() != 0) {
            return false;
        }
        guard_sleep_ms(5);
    }
}

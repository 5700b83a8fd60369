/* What a live run must not leave behind: one temporary directory and the processes it started.
 *
 * Two nets. The first is the ordinary one: signals only set a flag (guard_signal), every wait of a
 * run looks at it, and guard_stop kills, reaps and removes. The second is a guardian: a small
 * process of its own session that holds the reading end of a pipe. When this process ends in any
 * way the pipe closes, and the guardian kills the process groups it was told of and removes the
 * directory. It is what helps after SIGKILL or a failed assertion, where no handler of ours runs.
 *
 * Each child is the leader of a process group of its own (Ctrl-C of a terminal reaches this process
 * only) and asks the kernel for SIGKILL at its parent's death.
 */
#ifndef ACKPROOF_SIM_LIVE_GUARD_H
#define ACKPROOF_SIM_LIVE_GUARD_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { GUARD_PATH_MAX = 512, GUARD_CHILDREN_MAX = 8, GUARD_SIGNALS = 4 };

struct guard {
    char dir[GUARD_PATH_MAX]; /* "" where there is none */
    int pipe;                 /* writing end; -1 where there is no guardian */
    pid_t guardian;
    pid_t child[GUARD_CHILDREN_MAX]; /* 0 = free */
    struct sigaction before[GUARD_SIGNALS];
};

/* Makes <parent>/ackproof-live-XXXXXX, starts the guardian, takes over SIGINT, SIGTERM, SIGHUP and
 * ignores SIGPIPE. False (and nothing left) with errno where that fails. */
bool guard_start(struct guard *g, const char *parent);
/* Kills and reaps what is still watched, removes the directory, ends the guardian, gives the
 * signals back. False where something of the directory is left. */
bool guard_stop(struct guard *g);

/* A signal that asked this process to end since guard_start; 0 = none. */
int guard_signal(void);

/* fork() for a child as described above, watched until guard_reap. In the child: returns 0, signals
 * are back to their defaults, and only descriptors 0, 1, 2 and keep_fd are open (-1: none more). */
pid_t guard_fork(struct guard *g, int keep_fd);
/* Sends a signal to the child's process group. */
void guard_kill(const struct guard *g, pid_t child, int sig);
/* Waits up to limit_ms for the end of a child. True and its wait status; it is then no longer
 * watched. limit_ms 0 only looks. A pending guard_signal ends the wait. */
bool guard_reap(struct guard *g, pid_t child, uint32_t limit_ms, int *status);

/* Removes a file or a whole directory tree; never follows a link. True where it is gone. */
bool guard_remove(const char *path);

/* Milliseconds of a clock that only goes forward. */
uint64_t guard_now_ms(void);
void guard_sleep_ms(uint32_t ms);

#endif

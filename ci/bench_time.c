/* Runs a command and says what it cost, itself and all its children together:
 *
 *   bench_time FILE SECONDS COMMAND [ARGUMENT...]
 *
 * FILE gets one line: wall seconds, processor seconds, peak resident KiB (of the largest process),
 * exit status (124 where SECONDS had passed and the command was ended). Processor time is what
 * ci/bench compares: on a machine that others use too, wall time measures the others.
 */
#define _DEFAULT_SOURCE 1 /* wait4, clock_gettime */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { STATUS_TIMEOUT = 124, STATUS_NO_COMMAND = 127, STATUS_SIGNAL = 128, STATUS_USAGE = 2 };

static volatile pid_t child;
static volatile sig_atomic_t timed_out;

static void on_alarm(int signal_number)
{
    (void)signal_number;
    timed_out = 1;
    (void)kill(child, SIGTERM); /* ackproof ends its own children on it */
}

static double now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double seconds_of(struct timeval t)
{
    return (double)t.tv_sec + 1e-6 * (double)t.tv_usec;
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        (void)fputs("usage: bench_time FILE SECONDS COMMAND [ARGUMENT...]\n", stderr);
        return STATUS_USAGE;
    }
    struct sigaction action = {.sa_handler = on_alarm};
    (void)sigaction(SIGALRM, &action, NULL);
    double started = now();
    child = fork();
    if (child < 0) {
        perror("bench_time: fork");
        return STATUS_USAGE;
    }
    if (child == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
        (void)execvp(argv[3], argv + 3);
        perror(argv[3]);
        _exit(STATUS_NO_COMMAND);
    }
    (void)alarm((unsigned)strtoul(argv[2], NULL, 10));
    int status = 0;
    struct rusage used = {0};
    while (wait4(child, &status, 0, &used) < 0) {
        if (errno != EINTR) {
            perror("bench_time: wait4");
            return STATUS_USAGE;
        }
    }
    double wall = now() - started;
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : STATUS_SIGNAL + WTERMSIG(status);
    FILE *f = fopen(argv[1], "w");
    if (f == NULL) {
        perror(argv[1]);
        return STATUS_USAGE;
    }
    double cpu = seconds_of(used.ru_utime) + seconds_of(used.ru_stime);
    (void)fprintf(f, "%.6f %.6f %ld %d\n", wall, cpu, used.ru_maxrss,
                  timed_out ? STATUS_TIMEOUT : code);
    return fclose(f) == 0 ? 0 : STATUS_USAGE;
}

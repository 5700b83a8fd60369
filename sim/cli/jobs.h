/* Searches side by side, in processes that take one scenario after the other, so that a crash (a
 * failed assertion, say) costs that scenario only, and is reported with its name.
 *
 * A worker claims the next scenario on a board in shared memory, searches, replays each witness it
 * found (which checks that replay is deterministic), writes OUT/witness/NAME-INVARIANT.witness, and
 * sends what it found through a pipe of its own; the parent makes a part of the report of it. A
 * worker that dies is replaced. Progress comes through the board. On SIGINT, SIGTERM and SIGHUP the
 * parent ends its workers and then itself by the same signal.
 */
#ifndef ACKPROOF_SIM_CLI_JOBS_H
#define ACKPROOF_SIM_CLI_JOBS_H

#include "sim/cli/cli.h"

enum job_state { JOB_WAITING, JOB_DONE, JOB_FAILED };

enum { WITNESS_PATH_MAX = 512 };

/* What a worker hands back. */
struct cell_outcome {
    struct result result;
    char path[INVARIANTS][WITNESS_PATH_MAX]; /* where each witness lies */
    bool deterministic;                      /* each witness replayed to the same state */
    bool asked_faults;
    struct fault_walk faults;       /* asked_faults */
    struct story story[INVARIANTS]; /* what happens in each witness */
};
void cell_outcome_free(struct cell_outcome *o);
/* Between processes of one fork: a number and the outcome, in one message. False: the other end
 * is gone, or sent less than a message. */
bool cell_outcome_send(int fd, size_t number, const struct cell_outcome *o);
bool cell_outcome_receive(int fd, size_t *number, struct cell_outcome *o);

struct job {
    const struct scenario *scenario;
    uint32_t row; /* of the matrix; 0: of none */
    enum job_state state;
    struct cell_outcome *outcome; /* JOB_DONE */
    struct report *part;          /* JOB_DONE */
    char failure[160];            /* JOB_FAILED: why, in words */
};

/* Runs all of job[0..n); `done` is called for each in their order. True: none failed. */
bool jobs_run(struct job *job, size_t n, const struct common *common,
              void (*done)(void *arg, struct job *j), void *arg);
/* Frees outcome and part, for a `done` that needs them no more. */
void job_forget(struct job *j);
void jobs_free(struct job *job, size_t n);

/* The worker's part (cell.c): searches and writes witnesses. */
void cell_search(const struct scenario *sc, const struct common *common,
                 const struct explore_options *options, struct cell_outcome *out);
/* What it found, as a report of one scenario. */
struct report *cell_report(const struct scenario *sc, uint32_t row, const struct cell_outcome *o);
/* Lines about a finished job (cell.c): verdict, expectation, numbers, witness, replay command. */
void cell_print(FILE *f, const struct job *j, const struct common *common, bool colour);

/* Searches, prints each cell as it is finished, writes --json and --junit. The report is handed to
 * the caller, who frees it; *status is 0, 1 or 3. */
struct report *search_scenarios(const struct scenario *sc, const uint32_t *row, size_t n,
                                const struct common *common, const char *command, int *status);
/* --json and --junit. False: said why. */
bool write_derived(const struct report *r, const struct common *common);

#endif

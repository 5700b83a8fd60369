/* Searches side by side: one process per scenario, so that a crash of one (a failed assertion, say)
 * costs that scenario only, and is reported with its name.
 *
 * The child searches, replays each witness it found (which checks that replay is deterministic),
 * writes OUT/witness/NAME-INVARIANT.witness, and leaves its numbers and its part of the report in a
 * temporary directory below OUT, which the parent reads, merges and removes. Progress comes through
 * shared memory. On SIGINT, SIGTERM and SIGHUP the parent ends the children it started, removes the
 * directory, and ends by the same signal.
 */
#ifndef ACKPROOF_SIM_CLI_JOBS_H
#define ACKPROOF_SIM_CLI_JOBS_H

#include "sim/cli/cli.h"

enum job_state { JOB_WAITING, JOB_RUNNING, JOB_DONE, JOB_FAILED };

enum { WITNESS_PATH_MAX = 512 };

/* What a child hands back besides its part of the report. */
struct cell_outcome {
    struct result result;                    /* its witnesses without choices */
    uint32_t choices[INVARIANTS];            /* length of each witness; 0: none */
    char path[INVARIANTS][WITNESS_PATH_MAX]; /* where each lies */
    bool deterministic;                      /* each witness replayed to the same state */
    struct fault_sets fault_sets[INVARIANTS];
};

struct job {
    const struct scenario *scenario;
    uint32_t row; /* of the matrix; 0: of none */
    enum job_state state;
    struct cell_outcome outcome; /* JOB_DONE */
    struct report *part;         /* JOB_DONE */
    char failure[160];           /* JOB_FAILED: why, in words */
    int pid;
};

/* Runs all of job[0..n); `done` is called for each in their order. True: none failed. */
bool jobs_run(struct job *job, size_t n, const struct common *common,
              void (*done)(void *arg, const struct job *j), void *arg);
void jobs_free(struct job *job, size_t n);

/* The child's part (cell.c): searches and writes witnesses; `tick` may be NULL. */
void cell_search(const struct scenario *sc, uint32_t row, const struct common *common,
                 const struct explore_options *options, struct cell_outcome *out,
                 struct report *part);
/* Lines about a finished job (cell.c): verdict, expectation, numbers, witness, replay command. */
void cell_print(FILE *f, const struct job *j, const struct common *common, bool colour);

/* Searches, prints each cell as it is finished, writes --json and --junit. The report is handed to
 * the caller, who frees it; *status is 0, 1 or 3. */
struct report *search_scenarios(const struct scenario *sc, const uint32_t *row, size_t n,
                                const struct common *common, const char *command, int *status);
/* --json and --junit. False: said why. */
bool write_derived(const struct report *r, const struct common *common);

#endif

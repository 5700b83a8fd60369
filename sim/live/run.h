/* One call of live_run under way: what its parts share, how they speak and how they judge. */
#ifndef ACKPROOF_SIM_LIVE_RUN_H
#define ACKPROOF_SIM_LIVE_RUN_H

#include <uv.h>

#include "sim/live/live.h"
#include "sim/live/plan.h"
#include "sim/live/logs.h"
#include "sim/live/server.h"

/* A session that waits so long beside a replica that is there again waits for ever: a replica that
 * is sent the transaction again has ACKed it 5 to 150 ms after it connected (the old dump thread
 * is ended first, in steps of 100 ms). */
enum { RUN_STUCK_MS = 2500 };

struct live_run {
    const struct scenario *sc;
    const struct live_options *opt;
    struct live_result *out;
    FILE *log;
    struct guard guard;
    struct live_server server;
    struct live_plan plan;
    uv_loop_t loop;
    /* Of the case under way: promises judged in it, and those broken. */
    invariant_mask judged;
    invariant_mask broken;
};

/* A line of what was seen; no newline at the end. */
void run_say(struct live_run *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The run cannot go on: keeps the first reason. Always false. */
bool run_fail(struct live_run *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Begins a case and says its title. */
void run_case(struct live_run *r, const char *title);
/* In this case the promise held. */
void run_held(struct live_run *r, enum invariant i);
/* In this case it broke, and how. */
void run_broke(struct live_run *r, enum invariant i, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Ends the case: counts, and says which promises held and broke in it. */
void run_case_end(struct live_run *r);
/* What a judge of the model said: `bad` are the transactions for which the promise is broken, in
 * words "T2: <how>". */
void run_judge(struct live_run *r, enum invariant i, txn_mask bad, const char *how);

/* All cases of a plan. False after run_fail. */
bool primary_lost(struct live_run *r);
bool operated(struct live_run *r);
bool ddl_under_way(struct live_run *r);
bool replica_away(struct live_run *r);
bool shut_down_by_operator(struct live_run *r);
bool undisturbed(struct live_run *r);
bool index_lies(struct live_run *r);
bool disk_fails(struct live_run *r);
bool receiver_lost(struct live_run *r);
bool alone(struct live_run *r);

#endif

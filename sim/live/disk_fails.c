/* Cases in which a write or fsync of the primary's binlog fails once, in the commit of T2: what its
 * client is told, what binlog and table hold then, and, when T3 has committed behind it, what a
 * replica has got. A primary that starts again behind a power loss finds a hole where T2 stood, if
 * it was the fsync: no later one writes those pages (sim/live/power.h).
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim/live/stage.h"

enum { DISK_FAILS_ANSWER_MS = 5000 };

static bool first_answered(struct stage *st)
{
    return stage_answered(st, 0);
}

/* T2 meets the trap. */
static bool fail_one(struct stage *st)
{
    struct live_run *r = st->run;
    /* A large T2 is renamed to the next binlog; first its head is written there, then its end. */
    bool large = stage_is_large(st, 1);

    if (!power_set_trap(r->server.journal, r->plan.fails, large ? "binlog.000002" : "binlog.000001",
                        "eio", large ? 1 : 0)) {
        return run_fail(r, "a trap cannot be set");
    }
    if (!stage_send(st, 0) ||
        !stage_until(st, first_answered, DISK_FAILS_ANSWER_MS, "T2 is answered")) {
        return false;
    }
    if (!power_trap_hit(r->server.journal)) {
        return run_fail(r, "no %s of the binlog came", r->plan.fails);
    }
    run_say(r, "    T2: %s", st->client[0].answer == ANSWER_OK ? "OK" : st->client[0].error);
    return true;
}

static bool judge(struct stage *st)
{
    struct live_run *r = st->run;
    txn_mask visible = st->ledger.seen;
    char in_table[TXNS_TEXT_MAX];
    char in_binlog[TXNS_TEXT_MAX];

    if (!stage_read_logs(st)) {
        return false;
    }
    run_say(r, "    the table holds %s, the binlog %s", txns_text(visible, in_table),
            txns_text(history_mask(&st->primary), in_binlog));
    run_judge(r, INV_AGREE, ledger_disagree(&st->primary, visible, false),
              "table and binlog of the running primary differ");
    return true;
}

/* What a replica is told that has more than the primary. */
static bool reconnect(struct stage *st)
{
    struct peer *p = &st->peer[0];

    peer_set_hold(p, false);
    peer_set_down(p, false);
    for (uint64_t end = guard_now_ms() + st->run->plan.settle_ms; guard_now_ms() < end;) {
        (void)uv_run(&st->run->loop, UV_RUN_NOWAIT);
        guard_sleep_ms(STAGE_TURN_MS);
    }
    run_say(st->run, "    the replica connects again: %s", p->why[0] == '\0' ? "accepted" : p->why);
    return true;
}

/* The end: another server is promoted, or this one starts again. */
static bool lose(struct stage *st)
{
    if (!stage_lose(st)) {
        return false;
    }
    if (!st->run->plan.restart) {
        stage_judge_replicas(st);
        return true;
    }
    return stage_go_on(st) && (st->refused || reconnect(st));
}

static bool play(struct stage *st, const char *name)
{
    run_held(st->run, INV_SANE);
    if (!stage_up(st, st->run, name) || !fail_one(st) || !stage_read(st) ||
        !stage_send(st, st->n_clients - 1) ||
        !stage_until(st, stage_all_answered, STAGE_LIMIT_MS, "T3 is answered") || !stage_turn(st) ||
        !stage_read(st)) {
        return false;
    }
    stage_say_seen(st, "T3 behind it");
    return judge(st) && lose(st);
}

bool disk_fails(struct live_run *r)
{
    struct stage *st = calloc(1, sizeof *st);
    char title[80];
    bool good;

    assert(st != NULL);
    (void)snprintf(title, sizeof title, "the %s of the binlog fails with EIO in the commit of T2",
                   r->plan.fails);
    run_case(r, title);
    st->run = r;
    good = play(st, "case1");
    stage_down(st);
    run_case_end(r);
    free(st);
    return good;
}

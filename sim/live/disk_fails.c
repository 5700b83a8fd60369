/* Cases in which a write or fsync of the primary's binlog fails once, in the commit of T2 (a DDL
 * statement where the scenario has one): what its client is told, what binlog and table hold then,
 * and, when T3 has committed behind it, what a replica has got. A primary that starts again behind
 * a power loss finds a hole where T2 stood, if it was the fsync: no later one writes those pages
 * (sim/live/power.h).
 *
 * And cases in which it is the redo log: InnoDB ends the server.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "sim/live/stage.h"
#include "sim/live/status.h"

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

    if (!stage_set_trap(st, r->plan.fails, large ? "binlog.000002" : "binlog.000001", "eio",
                        large ? 1 : 0) ||
        !stage_send(st, 0) ||
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

/* Nobody waits and nobody was killed: each OK was counted once, and nothing else (MDEV-38829: the
 * wait behind a failed DDL). */
static bool look(struct stage *st, const char *when)
{
    struct live_status s;

    if (!stage_read(st) || !status_read(st->run, &st->reader, when, &s)) {
        return false;
    }
    stage_say_seen(st, when);
    status_judge_sum(st->run, &s, st->ledger.answered);
    return judge(st);
}

static bool play_binlog(struct stage *st, bool goes_on)
{
    run_held(st->run, INV_SANE);
    if (!fail_one(st) || !look(st, "T2 failed")) {
        return false;
    }
    if (goes_on && (!stage_send(st, st->n_clients - 1) ||
                    !stage_until(st, stage_all_answered, STAGE_LIMIT_MS, "T3 is answered") ||
                    !stage_turn(st) || !look(st, "T3 behind it"))) {
        return false;
    }
    return lose(st);
}

/* ---- the redo log --------------------------------------------------------------------------- */

static bool ends_itself(struct stage *st)
{
    bool ended = false;
    int status = 0;

    if (!stage_await_end(st, STAGE_LIMIT_MS, &ended, &status)) {
        return false;
    }
    if (!ended || !WIFSIGNALED(status)) {
        return run_fail(st->run, "the server goes on without its redo log");
    }
    run_say(st->run, "    signal %d, its own", WTERMSIG(status));
    return true;
}

/* It meets the prepare of T2; or of T3, when T2 waits for its ACK. */
static bool play_redo(struct stage *st, bool waits)
{
    const struct live_plan *p = &st->run->plan;

    peer_set_hold(&st->peer[0], true);
    if (waits && (!stage_send(st, 0) || !stage_until(st, stage_all_received, STAGE_LIMIT_MS,
                                                     "the replica receives T2"))) {
        return false;
    }
    peer_set_down(&st->peer[0], true); /* soon nobody is there to connect to */
    if (!stage_set_trap(st, p->fails, "ib_logfile0", "eio", 0) ||
        !stage_send(st, waits ? st->n_clients - 1 : 0) ||
        !stage_until_trapped(st, p->fails, "ib_logfile0") || !ends_itself(st)) {
        return false;
    }
    return lose(st);
}

/* ---- the cases ------------------------------------------------------------------------------ */

struct fail_case {
    const char *title; /* with %s for the call */
    enum file_kind file;
    bool more; /* T3 behind a failed T2; T2 in front of a failed T3 */
};

static const struct fail_case cases[] = {
    {"the %s of the binlog fails with EIO in the commit of T2", FILE_BINLOG, true},
    {"the same; the primary is lost before it commits anything else", FILE_BINLOG, false},
    {"the %s of the redo log fails with EIO in the prepare of T2", FILE_REDO, false},
    {"T2 waits for its ACK, the %s of the redo log fails in the prepare of T3", FILE_REDO, true},
};

static bool play(struct stage *st, const void *played)
{
    const struct fail_case *c = played;

    return c->file == FILE_REDO ? play_redo(st, c->more) : play_binlog(st, c->more);
}

bool disk_fails(struct live_run *r)
{
    struct stage *st = calloc(1, sizeof *st);
    bool good = true;

    assert(st != NULL);
    for (size_t i = 0; good && i < sizeof cases / sizeof cases[0]; i++) {
        const struct fail_case *c = &cases[i];
        char title[80];
        if (c->file != r->plan.fails_file ||
            (c->file == FILE_REDO && c->more && r->plan.sessions < 2)) {
            continue;
        }
        (void)snprintf(title, sizeof title, c->title, r->plan.fails);
        good = stage_case(st, r, title, play, c);
    }
    free(st);
    return good;
}

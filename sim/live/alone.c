/* Cases of a primary without a replica: what a power loss leaves of its binlogs, their index and
 * its engine. Power is lost at each call in turn of what is tried, the first time at its first call
 * on the named files, then at its second, until there is none left: two commits that each fill a
 * binlog, the binlog checkpoint that follows, RESET MASTER, or a recovery that reads several
 * binlogs. Then the server is started again, and its engine must agree with its binlog.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/live/stage.h"

enum {
    CALLS_MAX = 60,
    PREPARED_MS = 150,   /* behind it a commit stands in the queue for the binlog */
    CHECKPOINT_MS = 300, /* behind a flush of the redo log its checkpoint is written */
};

enum tried {
    CHECKPOINT,
    COMMITS,
    RESET,
    RECOVERY, /* of what a power loss in COMMITS leaves */
};

struct sweep {
    const char *title;
    enum tried tried;
    const char *stem; /* of the files whose calls are swept */
    /* RECOVERY: the first loss */
    const char *call;
    const char *file;
    uint32_t skip;
};

#define PURGE_INDEX "binlog.~rec~" /* in it a server notes a file before it makes it */

static const struct sweep sweeps[] = {
    {.title = "a binlog checkpoint", .tried = CHECKPOINT, .stem = "binlog"},
    {.title = "two commits, each with a rotation", .tried = COMMITS, .stem = "binlog"},
    {.title = "RESET MASTER, and a commit behind it", .tried = RESET, .stem = "binlog"},
    {.title = "the recovery of two binlogs; a third one had no name yet",
     .tried = RECOVERY,
     .stem = "binlog",
     .call = "write",
     .file = "binlog.000004"},
    {.title = "the recovery of three binlogs",
     .tried = RECOVERY,
     .stem = "binlog",
     .call = "unlink",
     .file = PURGE_INDEX,
     .skip = 3}, /* it goes twice in a rotation */
    {.title = "the recovery of three binlogs",
     .tried = RECOVERY,
     .stem = "ib_logfile0",
     .call = "unlink",
     .file = PURGE_INDEX,
     .skip = 3},
};

struct play {
    struct stage st;
    struct live_session operator;
};

/* ---- turns ---------------------------------------------------------------------------------- */

static bool trapped(struct stage *st)
{
    return power_trap_hit(st->run->server.journal);
}

static bool set_trap(struct stage *st, const char *call, const char *stem, const char *action,
                     uint32_t skip)
{
    return power_set_trap(st->run->server.journal, call, stem, action, skip) ||
           run_fail(st->run, "a trap cannot be set");
}

/* Reads until the trap strikes, or `done` says so (NULL: never), or limit_ms are over. A server
 * that is about to be killed need not answer a reader. */
static bool go_on(struct play *p, bool (*done)(struct play *p), uint32_t limit_ms)
{
    struct stage *st = &p->st;
    uint64_t end = guard_now_ms() + limit_ms;

    while (!trapped(st) && guard_now_ms() < end && (done == NULL || !done(p))) {
        txn_mask visible;

        if (session_visible(&st->reader, &visible)) {
            st->ledger.seen |= visible;
        }
        if (!stage_turn(st)) {
            return false;
        }
        if (server_died(&st->run->server) && !trapped(st)) {
            return run_fail(st->run, "%s", st->run->server.why);
        }
    }
    return done == NULL || trapped(st) || done(p) ||
           run_fail(st->run, "within %u s there is no answer", limit_ms / 1000);
}

static bool clients_answered(struct play *p)
{
    return stage_all_answered(&p->st);
}

static bool operator_answered(struct play *p)
{
    return session_answer(&p->operator, 0) != ANSWER_NONE;
}

static bool operate(struct play *p, const char *sql)
{
    return session_send(&p->operator, sql) ||
           run_fail(p->st.run, "operator: %s", p->operator.error);
}

/* ---- what is tried -------------------------------------------------------------------------- */

#define FLUSH_REDO "FLUSH NO_WRITE_TO_BINLOG ENGINE LOGS"

/* From now on only who needs it writes the redo log: a commit record stays in its buffer. */
static bool quiet_redo(struct play *p)
{
    return session_exec(&p->operator, "SET GLOBAL innodb_flush_log_at_timeout=2700") ||
           run_fail(p->st.run, "operator: %s", p->operator.error);
}

/* T2 is late in the fsync of its group. The checkpoint of T1's binlog has been fsynced before. */
static bool hold_up_t2(struct play *p)
{
    struct stage *st = &p->st;

    return set_trap(st, "fsync", "binlog.0", "late", 1) && operate(p, FLUSH_REDO) &&
           go_on(p, operator_answered, STAGE_LIMIT_MS) && go_on(p, NULL, CHECKPOINT_MS) &&
           stage_send(st, 0) && stage_until(st, trapped, STAGE_LIMIT_MS, "T2 is late");
}

/* T3 is prepared, and its commit follows T2's before anything makes T2's durable. */
static bool commits_begin(struct play *p)
{
    struct stage *st = &p->st;

    if (!quiet_redo(p) || !hold_up_t2(p) || !stage_send(st, 1)) {
        return false;
    }
    for (uint64_t end = guard_now_ms() + PREPARED_MS; guard_now_ms() < end;) {
        if (!stage_turn(st)) {
            return false;
        }
    }
    return true;
}

/* T2 is committed, and its commit record not durable. */
static bool begin(struct play *p, enum tried what)
{
    if (what == COMMITS || what == RECOVERY) {
        return commits_begin(p);
    }
    return (what == RESET || quiet_redo(p)) && stage_send(&p->st, 0) &&
           go_on(p, clients_answered, STAGE_LIMIT_MS);
}

/* RESET MASTER waits until T2 is durable in the engine, and nothing hurries that: InnoDB flushes
 * its log once a second. */
static bool flush_for_reset(struct play *p)
{
    if (!go_on(p, NULL, CHECKPOINT_MS / 10)) {
        return false;
    }
    (void)session_exec(&p->st.reader, FLUSH_REDO); /* it may be dead already */
    return true;
}

static bool carry_on(struct play *p, enum tried what)
{
    switch (what) {
    case CHECKPOINT:
        return operate(p, FLUSH_REDO) && go_on(p, operator_answered, STAGE_LIMIT_MS) &&
               go_on(p, NULL, CHECKPOINT_MS);
    case RESET:
        return operate(p, "RESET MASTER") && flush_for_reset(p) &&
               go_on(p, operator_answered, STAGE_LIMIT_MS) &&
               (trapped(&p->st) || stage_send(&p->st, 1)) &&
               go_on(p, clients_answered, STAGE_LIMIT_MS);
    default:
        return go_on(p, clients_answered, STAGE_LIMIT_MS);
    }
}

/* ---- losses --------------------------------------------------------------------------------- */

static bool lose(struct play *p, bool again)
{
    struct stage *st = &p->st;
    char what[POWER_TEXT_MAX];
    char txns[TXNS_TEXT_MAX];
    struct power_loss loss;

    (void)power_trap_text(st->run->server.journal, what);
    power_clear_trap(st->run->server.journal);
    session_close(&p->operator, true);
    st->keep_power = true;
    if (!stage_lose(st) || !server_power_off(&st->run->server, NULL, &loss)) {
        return run_fail(st->run, "%s", st->run->server.why);
    }
    run_say(st->run, "    power lost%s %s%s: %s", again ? " again" : "",
            what[0] == '\0' ? "behind it all" : "at the ", what, loss.text);
    if (!stage_read_logs(st)) {
        return false;
    }
    run_say(st->run, "    its binlog holds %s", txns_text(history_mask(&st->primary), txns));
    return true;
}

/* A recovery in which power is lost at the call after `skip` others. */
static bool lose_again(struct play *p, const struct sweep *w, uint32_t skip, bool *struck)
{
    struct stage *st = &p->st;
    struct live_server *s = &st->run->server;

    if (!set_trap(st, "any", w->stem, "kill", skip)) {
        return false;
    }
    *struck = !server_start(s, &st->run->sc->node[0], &st->reader);
    if (*struck && !trapped(st)) {
        return run_fail(st->run, "restart: %s", s->why);
    }
    return lose(p, true);
}

/* ---- judging -------------------------------------------------------------------------------- */

/* What a RESET MASTER has deleted is no concern of the binlog any more; it had waited for all who
 * were in between. */
static txn_mask deleted(const struct stage *st)
{
    return (st->run->plan.acts & 1u << OPERATOR_RESET_MASTER) == 0
               ? 0
               : st->ledger.answered & ~history_mask(&st->primary);
}

static bool judge(struct stage *st)
{
    struct live_run *r = st->run;
    txn_mask before = st->ledger.seen;
    txn_mask visible;
    char in_table[TXNS_TEXT_MAX];
    char in_binlog[TXNS_TEXT_MAX];

    st->ledger.seen = 0;
    if (!stage_restart(st)) {
        return false;
    }
    if (st->refused) {
        return true;
    }
    visible = st->ledger.seen;
    st->ledger.seen = before;
    run_say(r, "    started again: its table holds %s, its binlog %s", txns_text(visible, in_table),
            txns_text(history_mask(&st->primary), in_binlog));
    run_held(r, INV_LIVE);
    run_judge(r, INV_AGREE, ledger_disagree(&st->primary, visible & ~deleted(st), true),
              "not in both binlog and table after recovery");
    run_judge(r, INV_NOLOSS, ledger_lost(&st->ledger, visible),
              "answered OK, not on the restarted primary");
    run_judge(r, INV_NOPHANTOM, ledger_phantom(&st->ledger, visible),
              "read before the crash, not on the restarted primary");
    return true;
}

/* ---- a case --------------------------------------------------------------------------------- */

/* *struck: there was a call to lose power at. */
static bool play(struct play *p, const struct sweep *w, uint32_t skip, bool *struck)
{
    struct stage *st = &p->st;
    bool again = w->tried == RECOVERY;
    char name[16];

    (void)snprintf(name, sizeof name, "case%u", st->run->out->n_cases);
    if (!stage_up(st, st->run, name) || !session_open(&p->operator, st->run->server.socket)) {
        return run_fail(st->run, "operator: %s", p->operator.error);
    }
    if (!begin(p, w->tried) ||
        !(again ? set_trap(st, w->call, w->file, "kill", w->skip)
                : set_trap(st, "any", w->stem, "kill", skip)) ||
        !carry_on(p, w->tried)) {
        return false;
    }
    *struck = trapped(st);
    if (again && !*struck) {
        return run_fail(st->run, "there was no %s of %s", w->call, w->file);
    }
    return lose(p, false) && (!again || lose_again(p, w, skip, struck)) && judge(st);
}

static bool play_sweep(struct play *p, struct live_run *r, const struct sweep *w)
{
    bool struck = true;
    bool good = true;

    for (uint32_t skip = 0; good && struck; skip++) {
        char title[LIVE_LINE_MAX];

        if (skip == CALLS_MAX) {
            return run_fail(r, "there is no end to the calls of %s", w->title);
        }
        (void)snprintf(title, sizeof title, "power lost at call %u, on a file %s*, of %s", skip + 1,
                       w->stem, w->title);
        memset(p, 0, sizeof *p);
        p->st.run = r;
        run_case(r, title);
        good = play(p, w, skip, &struck);
        session_close(&p->operator, true);
        stage_down(&p->st);
        run_case_end(r);
    }
    return good;
}

/* With two losses the second strikes the recovery from a first that is given. */
static bool applies(const struct live_plan *p, const struct sweep *w)
{
    bool resets = (p->acts & 1u << OPERATOR_RESET_MASTER) != 0;

    return resets ? w->tried == RESET
                  : w->tried != RESET && (w->tried == RECOVERY) == (p->powers > 1);
}

bool alone(struct live_run *r)
{
    struct play *p = calloc(1, sizeof *p);
    bool good = true;

    assert(p != NULL);
    for (size_t i = 0; good && i < sizeof sweeps / sizeof sweeps[0]; i++) {
        good = !applies(&r->plan, &sweeps[i]) || play_sweep(p, r, &sweeps[i]);
    }
    free(p);
    return good;
}

/* Cases in which an operator meddles with commits that wait for their ACK, DDL among them, and a
 * DDL statement that fills the binlog: who gets an answer, what the status variables say, and, once
 * the primary is lost, what the promise was worth; or, where nobody is lost, whether all go on.
 * Each OK behind T1 is one without an ACK: no replica has received anything, or (RESET MASTER) the
 * only ACK speaks of a binlog that is gone.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/live/stage.h"
#include "sim/live/status.h"

enum { OPERATED_WAIT_MS = 1000 };

enum victim { NOBODY, WHO_WAITS, FOLLOWER };

struct operated_case {
    const char *title;
    enum operator_act act; /* OPERATOR_ACTS: nothing is done */
    enum victim victim;
    const char *statement; /* where there is no victim */
    bool then_on;          /* semi-sync is switched on again */
    bool group;            /* needs two sessions, whose commits are one group */
    bool ddl;              /* T2 is DDL */
    bool behind;           /* not T2: T3, behind a transaction that waits */
    bool reset;      /* the replica has T2, its ACK is held until T3 stands in the new binlog */
    bool after_sync; /* at that wait point only */
};

static const struct operated_case cases[] = {
    {.title = "KILL CONNECTION of the session that waits",
     .act = OPERATOR_KILL_SESSION,
     .victim = WHO_WAITS},
    {.title = "KILL CONNECTION of a follower of the group, whose leader waits",
     .act = OPERATOR_KILL_SESSION,
     .victim = FOLLOWER,
     .group = true,
     .after_sync = true},
    {.title = "KILL QUERY of the session that waits",
     .act = OPERATOR_KILL_QUERY,
     .victim = WHO_WAITS},
    {.title = "rpl_semi_sync_master_enabled=0",
     .act = OPERATOR_SEMI_SYNC_OFF,
     .statement = "SET GLOBAL rpl_semi_sync_master_enabled=0"},
    {.title = "rpl_semi_sync_master_enabled=0, then =1",
     .act = OPERATOR_SEMI_SYNC_ON,
     .statement = "SET GLOBAL rpl_semi_sync_master_enabled=0",
     .then_on = true},
    {.title = "FLUSH BINARY LOGS", .act = OPERATOR_FLUSH_LOGS, .statement = "FLUSH BINARY LOGS"},
    {.title = "RESET MASTER; then the ACK of the old binlog arrives",
     .act = OPERATOR_RESET_MASTER,
     .statement = "RESET MASTER",
     .reset = true,
     .group = true},
    {.title = "a DDL statement that fills the binlog", .act = OPERATOR_ACTS, .ddl = true},
    {.title = "KILL CONNECTION of the session whose DDL statement waits",
     .act = OPERATOR_KILL_SESSION,
     .victim = WHO_WAITS,
     .ddl = true},
    {.title = "KILL CONNECTION of a DDL statement's session, behind a transaction that waits",
     .act = OPERATOR_KILL_SESSION,
     .victim = FOLLOWER,
     .ddl = true,
     .behind = true,
     .after_sync = true},
    {.title = "KILL CONNECTION of the transaction that waits, a DDL statement is behind it",
     .act = OPERATOR_KILL_SESSION,
     .victim = WHO_WAITS,
     .ddl = true,
     .behind = true},
    {.title = "KILL QUERY of the DDL statement that waits",
     .act = OPERATOR_KILL_QUERY,
     .victim = WHO_WAITS,
     .ddl = true},
};

struct play {
    struct stage st;
    struct live_session operator;
};

static bool somebody_waits(struct stage *st)
{
    struct live_status s;

    return status_read(st->run, &st->reader, NULL, &s) && s.waiting > 0;
}

/* An OK behind T1 is one without an ACK. Where the status was OFF meanwhile, ON says nothing. */
static void judge_status(struct stage *st, const struct live_status *s, bool always_on)
{
    status_judge(st->run, s, st->ledger.answered, always_on ? st->ledger.answered & ~1u : 0);
}

/* ---- acts ----------------------------------------------------------------------------------- */

/* Its connection id, or 0. */
static unsigned long find_victim(struct stage *st, enum victim v)
{
    char text[32];
    char sql[200];

    (void)snprintf(
        sql, sizeof sql,
        "SELECT ID FROM information_schema.PROCESSLIST WHERE (INFO LIKE 'INSERT INTO ackproof%%' OR"
        " INFO LIKE 'CREATE TABLE t%%') AND STATE %sLIKE 'Waiting for semi-sync ACK%%'"
        " ORDER BY ID LIMIT 1",
        v == FOLLOWER ? "NOT " : "");
    return session_text(&st->reader, sql, text, sizeof text) ? strtoul(text, NULL, 10) : 0;
}

static bool say_and_do(struct play *p, const char *sql)
{
    struct stage *st = &p->st;
    uint64_t begin = guard_now_ms();
    enum answer a;

    if (!session_send(&p->operator, sql)) {
        return run_fail(st->run, "operator: %s", p->operator.error);
    }
    a = session_answer(&p->operator, OPERATED_WAIT_MS);
    if (a == ANSWER_NONE) {
        run_say(st->run, "    %s: blocks", sql);
    } else {
        run_say(st->run, "    %s: %s after %u ms", sql, a == ANSWER_OK ? "OK" : p->operator.error,
                (unsigned)(guard_now_ms() - begin));
    }
    return true;
}

static bool do_act(struct play *p, const struct operated_case *c)
{
    struct stage *st = &p->st;
    unsigned long id = 0;
    char sql[100];

    if (c->victim != NOBODY) {
        id = find_victim(st, c->victim);
        if (id == 0) {
            return run_fail(st->run, "no session to be killed is found");
        }
        (void)snprintf(sql, sizeof sql, "KILL %s %lu",
                       c->act == OPERATOR_KILL_QUERY ? "QUERY" : "CONNECTION", id);
        return say_and_do(p, sql);
    }
    return say_and_do(p, c->statement) &&
           (!c->then_on || say_and_do(p, "SET GLOBAL rpl_semi_sync_master_enabled=1"));
}

/* ---- a case --------------------------------------------------------------------------------- */

/* Commits of all sessions as one group, or as groups of their own. */
static bool commit(struct stage *st, bool group)
{
    char sql[120];

    (void)snprintf(sql, sizeof sql,
                   "SET GLOBAL binlog_commit_wait_usec=%u, binlog_commit_wait_count=%u",
                   group ? 2000000u : 0, group ? st->n_clients : 0);
    for (uint32_t i = 0; i < st->n_peers; i++) {
        peer_set_deaf(&st->peer[i], true);
    }
    if (!session_exec(&st->reader, sql)) {
        return run_fail(st->run, "reader: %s", st->reader.error);
    }
    return stage_commit(st) &&
           stage_until(st, stage_in_binlog, STAGE_LIMIT_MS, "the commits reach the binlog");
}

static bool t2_answered(struct stage *st)
{
    return stage_answered(st, 0);
}

static bool t3_answered(struct stage *st)
{
    return stage_answered(st, 1);
}

static bool in_new_binlog(struct stage *st)
{
    char text[200];

    return session_text(&st->reader, "SELECT @@global.gtid_binlog_pos", text, sizeof text) &&
           text[0] != '\0';
}

/* T2 waits at a position of the old binlog, T3 at one of the new, which has the same name; T2's ACK
 * speaks of the old. */
static bool play_reset(struct play *p, const struct operated_case *c)
{
    struct stage *st = &p->st;
    struct live_status s;

    for (uint32_t i = 0; i < st->n_peers; i++) {
        peer_set_hold(&st->peer[i], true);
    }
    if (!stage_send(st, 0) ||
        !stage_until(st, stage_all_received, STAGE_LIMIT_MS, "the replicas receive T2") ||
        !stage_until(st, somebody_waits, STAGE_LIMIT_MS, "a session waits") || !do_act(p, c) ||
        !stage_until(st, t2_answered, STAGE_LIMIT_MS, "T2 is answered") ||
        !status_read(st->run, &st->reader, "reset", &s) || !stage_send(st, 1) ||
        !stage_until(st, in_new_binlog, STAGE_LIMIT_MS, "T3 reaches the new binlog") ||
        !stage_until(st, somebody_waits, STAGE_LIMIT_MS, "T3 waits") ||
        !status_read(st->run, &st->reader, "T3 waits", &s)) {
        return false;
    }
    for (uint32_t i = 0; i < st->n_peers; i++) {
        peer_set_hold(&st->peer[i], false);
    }
    return stage_until(st, t3_answered, STAGE_LIMIT_MS, "T3 is answered");
}

/* Nobody is lost: every replica receives and ACKs, and then nobody waits any more (LIVE). */
static bool let_go(struct play *p)
{
    struct stage *st = &p->st;
    uint64_t begin = guard_now_ms();
    char txns[TXNS_TEXT_MAX];
    struct live_status s;
    bool waits;

    for (uint32_t i = 0; i < st->n_peers; i++) {
        peer_set_deaf(&st->peer[i], false);
        peer_set_hold(&st->peer[i], false);
    }
    do {
        if (!stage_turn(st) || !stage_read_logs(st)) {
            return false;
        }
        waits = !stage_all_answered(st) || session_answer(&p->operator, 0) == ANSWER_NONE;
    } while ((waits || stage_missing(st, UINT32_MAX) != 0) &&
             guard_now_ms() - begin < RUN_STUCK_MS);
    run_held(st->run, INV_LIVE);
    if (waits) {
        run_broke(st->run, INV_LIVE, "somebody waits %u ms after the replicas went on",
                  (unsigned)(guard_now_ms() - begin));
    } else if (stage_missing(st, UINT32_MAX) != 0) {
        run_broke(st->run, INV_LIVE, "%s: not sent to a connected replica",
                  txns_text(stage_missing(st, UINT32_MAX), txns));
    }
    if (!stage_read(st) || !status_read(st->run, &st->reader, "the replicas went on", &s)) {
        return false;
    }
    stage_say_seen(st, "the replicas went on");
    status_judge(st->run, &s, st->ledger.answered, 0);
    return true;
}

static bool end(struct play *p)
{
    const struct live_plan *plan = &p->st.run->plan;

    if (plan->unharmed) {
        return let_go(p);
    }
    return stage_lose(&p->st) && (!plan->restart || stage_go_on(&p->st));
}

static bool play(struct play *p, const struct operated_case *c, const char *name)
{
    struct stage *st = &p->st;
    struct live_status s;
    bool acts = c->act != OPERATOR_ACTS && !c->reset;

    if (!stage_up(st, st->run, name) || !session_open(&p->operator, st->run->server.socket)) {
        return run_fail(st->run, "operator: %s", p->operator.error);
    }
    st->ddl = c->behind ? st->ddl << 1 : st->ddl;
    if (c->reset ? !play_reset(p, c) : !commit(st, st->n_clients > 1 && !c->ddl)) {
        return false;
    }
    if (acts && (!stage_until(st, somebody_waits, STAGE_LIMIT_MS, "a session waits") ||
                 !stage_read(st) || !status_read(st->run, &st->reader, "waiting", &s))) {
        return false;
    }
    if (acts && !do_act(p, c)) {
        return false;
    }
    if (!stage_watch(st, st->run->plan.settle_ms) ||
        !status_read(st->run, &st->reader, "then", &s)) {
        return false;
    }
    stage_say_seen(st, "then");
    judge_status(st, &s, !c->then_on);
    if (!end(p)) {
        return false;
    }
    stage_judge_replicas(st);
    return true;
}

static bool applies(const struct live_run *r, const struct operated_case *c)
{
    const struct live_plan *p = &r->plan;

    return c->ddl == (p->ddl > 0) && !(c->behind && p->ddl >= p->sessions) &&
           (c->act == OPERATOR_ACTS ? p->acts == 0 : (p->acts >> c->act & 1) != 0) &&
           (!c->group || p->sessions > 1) &&
           (!c->after_sync || r->sc->node[0].wait_point == WAIT_AFTER_SYNC);
}

bool operated(struct live_run *r)
{
    struct play *p = calloc(1, sizeof *p);
    bool good = true;

    assert(p != NULL);
    for (size_t i = 0; good && i < sizeof cases / sizeof cases[0]; i++) {
        char name[16];

        if (!applies(r, &cases[i])) {
            continue;
        }
        run_case(r, cases[i].title);
        (void)snprintf(name, sizeof name, "case%u", r->out->n_cases);
        memset(p, 0, sizeof *p);
        p->st.run = r;
        good = play(p, &cases[i], name);
        session_close(&p->operator, true);
        stage_down(&p->st);
        run_case_end(r);
    }
    free(p);
    return good;
}

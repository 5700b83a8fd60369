/* Cases in which an operator shuts the primary down while commits wait for their ACK: who is
 * answered what, how long the process stays, what the binlog holds and whether it is marked as
 * closed; then what a restart or a promotion finds. With a power loss in the scenario it comes at a
 * given call of the shutdown, or behind its end.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/live/stage.h"
#include "sim/live/status.h"

enum { STAYS_MS = 1500 };

struct shut_case {
    const char *title;
    enum operator_act act;
    bool deaf;        /* the transactions have reached no replica; else their ACKs are held */
    const char *call; /* the power is lost at the (skip + 1)-th such call; NULL: behind the end */
    const char *stem;
    uint32_t skip;
    uint32_t times; /* played so often, 0 = once: InnoDB flushes its log once a second as well */
};

#define BINLOG "binlog.000001"

static const struct shut_case cases[] = {
    {.title = "SHUTDOWN, every ACK is held", .act = OPERATOR_SHUTDOWN},
    {.title = "SHUTDOWN, the transactions have reached no replica",
     .act = OPERATOR_SHUTDOWN,
     .deaf = true},
    {.title = "SHUTDOWN WAIT FOR ALL SLAVES, every ACK is held for a while",
     .act = OPERATOR_SHUTDOWN_WAIT},
    {.title = "SHUTDOWN WAIT FOR ALL SLAVES, the replicas receive nothing for a while",
     .act = OPERATOR_SHUTDOWN_WAIT,
     .deaf = true},
    {.title = "power lost when a shutdown fsyncs the redo log",
     .act = OPERATOR_SHUTDOWN,
     .call = "fsync",
     .stem = "ib_logfile0",
     .times = 3},
    {.title = "power lost when a shutdown writes to the binlog",
     .act = OPERATOR_SHUTDOWN,
     .call = "write",
     .stem = BINLOG},
    {.title = "power lost when a shutdown writes to the binlog a second time",
     .act = OPERATOR_SHUTDOWN,
     .call = "write",
     .stem = BINLOG,
     .skip = 1},
    {.title = "power lost when a shutdown fsyncs the binlog",
     .act = OPERATOR_SHUTDOWN,
     .call = "fsync",
     .stem = BINLOG},
    {.title = "power lost when a shutdown fsyncs the binlog a second time",
     .act = OPERATOR_SHUTDOWN,
     .call = "fsync",
     .stem = BINLOG,
     .skip = 1},
};

/* ---- the shutdown --------------------------------------------------------------------------- */

static void say_answers(struct stage *st, const char *when)
{
    static const char *const word[] = {[ANSWER_NONE] = "no answer yet",
                                       [ANSWER_OK] = "OK",
                                       [ANSWER_ERROR] = "an error",
                                       [ANSWER_GONE] = "cut off without an answer"};

    for (uint32_t i = 0; i < st->n_clients && st->client[i].my != NULL; i++) {
        char txns[TXNS_TEXT_MAX];

        run_say(st->run, "    %s: client of %s: %s", when, txns_text(st->sent[i], txns),
                word[st->client[i].answer]);
    }
}

static void let_replicas(struct stage *st)
{
    for (uint32_t i = 0; i < st->n_peers; i++) {
        peer_set_deaf(&st->peer[i], false);
        peer_set_hold(&st->peer[i], false);
    }
}

static bool judge_end(struct stage *st, const struct shut_case *c, bool ended, int status)
{
    bool trapped = c->call != NULL && power_trap_hit(st->run->server.journal);

    run_held(st->run, INV_LIVE);
    if (!ended) {
        run_broke(st->run, INV_LIVE, "the server does not end");
    } else if (c->call != NULL) {
        run_say(st->run, "    %s the %s of %s",
                trapped ? "killed at" : "there was no such call:", c->call, c->stem);
        power_clear_trap(st->run->server.journal);
    }
    return !ended || trapped || status == 0 ||
           run_fail(st->run, "the server ended with wait status %d", status);
}

/* The statement, and what there is to see until the process has ended. */
static bool shut_down(struct stage *st, const struct shut_case *c)
{
    bool waits = c->act == OPERATOR_SHUTDOWN_WAIT;
    const char *sql = waits ? "SHUTDOWN WAIT FOR ALL SLAVES" : "SHUTDOWN";
    bool ended = false;
    int status = 0;

    if (!session_send(&st->reader, sql)) {
        return run_fail(st->run, "operator: %s", st->reader.error);
    }
    run_say(st->run, "    %s", sql);
    for (uint32_t i = 0; i < st->n_peers; i++) {
        peer_set_down(&st->peer[i], true); /* soon nobody is there to connect to */
    }
    if (!stage_await_end(st, waits ? STAYS_MS : STAGE_LIMIT_MS, &ended, &status)) {
        return false;
    }
    say_answers(st, ended ? "ended" : "meanwhile");
    if (waits) { /* what was sent arrives, whether or not the sender is still there */
        let_replicas(st);
    }
    if (waits && !ended) {
        run_say(st->run, "    the replicas receive and ACK");
        if (!stage_await_end(st, STAGE_LIMIT_MS, &ended, &status)) {
            return false;
        }
    }
    return judge_end(st, c, ended, status);
}

static void say_logs(struct stage *st)
{
    char txns[TXNS_TEXT_MAX];
    bool in_use = logs_in_use(st->run->server.data, "binlog");

    run_say(st->run, "    its binlog holds %s and is marked as %s",
            txns_text(history_mask(&st->primary), txns), in_use ? "in use" : "closed");
}

/* ---- a case --------------------------------------------------------------------------------- */

static bool ack_is_held(struct stage *st)
{
    for (uint32_t i = 0; i < st->n_peers; i++) {
        if (!st->peer[i].deaf && peer_acks_held(&st->peer[i]) == 0) {
            return false;
        }
    }
    return true;
}

static bool somebody_waits(struct stage *st)
{
    struct live_status s;

    return status_read(st->run, &st->reader, NULL, &s) && s.waiting > 0;
}

static bool commit(struct stage *st, const struct shut_case *c)
{
    struct live_status s;

    for (uint32_t i = 0; i < st->n_peers; i++) {
        peer_set_deaf(&st->peer[i], c->deaf);
        peer_set_hold(&st->peer[i], true);
    }
    return stage_commit(st) &&
           stage_until(st, stage_in_binlog, STAGE_LIMIT_MS, "the commits reach the binlog") &&
           stage_until(st, ack_is_held, STAGE_LIMIT_MS, "the replicas store them") &&
           stage_until(st, somebody_waits, STAGE_LIMIT_MS, "a session waits") && stage_read(st) &&
           status_read(st->run, &st->reader, "waiting", &s);
}

static bool lose(struct stage *st, const struct shut_case *c)
{
    if (!shut_down(st, c) || !stage_lose(st)) {
        return false;
    }
    say_logs(st);
    return true;
}

static bool play(struct stage *st, const void *played)
{
    const struct shut_case *c = played;
    const struct live_plan *p = &st->run->plan;

    if (!commit(st, c)) {
        return false;
    }
    if (c->call != NULL &&
        !power_set_trap(st->run->server.journal, c->call, c->stem, "kill", c->skip)) {
        return run_fail(st->run, "a trap cannot be set");
    }
    if (!lose(st, c)) {
        return false;
    }
    stage_say_seen(st, "shut down");
    if (p->restart && !stage_go_on(st)) {
        return false;
    }
    if (p->restart && p->failover && !st->refused && !lose(st, c)) {
        return false;
    }
    if (p->failover) {
        stage_judge_replicas(st);
    }
    return !p->follows || stage_rejoin(st);
}

static bool applies(const struct live_plan *p, const struct shut_case *c)
{
    return (p->acts >> c->act & 1) != 0 && (c->call == NULL || p->power);
}

bool shut_down_by_operator(struct live_run *r)
{
    struct stage *st = calloc(1, sizeof *st);
    bool good = true;

    assert(st != NULL);
    for (size_t i = 0; good && i < sizeof cases / sizeof cases[0]; i++) {
        if (!applies(&r->plan, &cases[i])) {
            continue;
        }
        for (uint32_t n = 0; good && n < (cases[i].times > 0 ? cases[i].times : 1); n++) {
            good = stage_case(st, r, cases[i].title, play, &cases[i]);
        }
    }
    free(st);
    return good;
}

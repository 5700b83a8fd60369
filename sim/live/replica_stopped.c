/* Cases in which the replica is away for a while and nothing else goes wrong: an operator stops its
 * IO thread and starts it again, or it loses power and is started again. Who is answered while it
 * is away, what the status variables say to that (OBS), whether what it has ACKed is still there
 * (ACKTRUE), and whether the replica that is back ends the waits (LIVE; bug 104015, facts 2.2).
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim/live/stage.h"
#include "sim/live/status.h"

struct stopped_case {
    const char *title;
    bool before; /* stopped before T2 is sent */
    bool deaf;   /* has not received T2 when it is stopped; else it has made it durable */
    bool acked;  /* and its ACK has left */
    bool power;  /* it loses power, instead of STOP SLAVE */
};

static const struct stopped_case cases[] = {
    {.title = "STOP SLAVE with T2 stored and its ACK not sent; START SLAVE"},
    {.title = "STOP SLAVE with T2 sent and not received; START SLAVE", .deaf = true},
    {.title = "T2 commits between STOP SLAVE and START SLAVE", .before = true},
    {.title = "the replica loses power with T2 stored and its ACK not sent", .power = true},
    {.title = "the replica loses power with T2 ACKed", .acked = true, .power = true},
    {.title = "the replica loses power with T2 sent and not received", .deaf = true, .power = true},
    {.title = "T2 commits while the replica is without power", .before = true, .power = true},
};

/* ---- what is to be seen --------------------------------------------------------------------- */

/* What the ACKs that have left release. */
static txn_mask acked(const struct stage *st)
{
    const struct peer *p = &st->peer[0];
    txn_mask released = 0;

    for (uint32_t i = 0; i < p->n_acks; i++) {
        if (p->ack[i].sent) {
            released |= ledger_released(&st->primary, binlog_name_num(p->ack[i].ack.file),
                                        (uint32_t)p->ack[i].ack.pos);
        }
    }
    return released;
}

/* The status comes back to ON only with an ACK of all that is in the binlog: under ON each OK has
 * its ACK, whatever was meanwhile. */
static bool observe(struct stage *st, const char *when)
{
    struct live_status s;

    if (!stage_read(st) || !status_read(st->run, &st->reader, when, &s) || !stage_read_logs(st)) {
        return false;
    }
    stage_say_seen(st, when);
    status_judge(st->run, &s, st->ledger.answered, st->ledger.answered & ~acked(st));
    return true;
}

static bool t2_answered(struct stage *st)
{
    return stage_answered(st, 0);
}

static bool t3_answered(struct stage *st)
{
    return stage_answered(st, 1);
}

static bool ack_is_due(struct stage *st)
{
    return peer_acks_held(&st->peer[0]) > 0;
}

static bool nobody_counted(struct stage *st)
{
    struct live_status s;

    return status_read(st->run, &st->reader, NULL, &s) && s.clients == 0;
}

/* Turns until T2 is answered, but no longer than that. */
static bool give_t2(struct stage *st, uint32_t limit_ms)
{
    for (uint64_t end = guard_now_ms() + limit_ms; !t2_answered(st) && guard_now_ms() < end;) {
        if (!stage_turn(st)) {
            return false;
        }
    }
    return true;
}

/* ---- a case --------------------------------------------------------------------------------- */

/* Its dump thread notices nothing. */
static bool lose_power(struct stage *st)
{
    struct peer *p = &st->peer[0];
    char text[120];

    peer_set_down(p, true);
    peer_cut(p);
    if (!stage_until(st, stage_peers_settled, STAGE_LIMIT_MS, "the replica is gone")) {
        return false;
    }
    if (!peer_lose_power(p, text, sizeof text)) {
        return run_fail(st->run, "%s", p->why);
    }
    run_say(st->run, "    the replica loses power: %s", text);
    if (!stage_read_logs(st)) {
        return false;
    }
    stage_judge_replicas(st);
    return true;
}

static bool stop(struct stage *st, const struct stopped_case *c)
{
    if (c->power) {
        return lose_power(st);
    }
    peer_stop_slave(&st->peer[0]);
    return stage_until(st, nobody_counted, STAGE_LIMIT_MS, "the primary misses its replica");
}

static bool leave(struct stage *st, const struct stopped_case *c)
{
    struct peer *p = &st->peer[0];

    peer_set_hold(p, !c->acked);
    peer_set_deaf(p, c->deaf);
    if (c->before && !stop(st, c)) {
        return false;
    }
    if (!stage_send(st, 0) ||
        !stage_until(st, stage_in_binlog, STAGE_LIMIT_MS, "T2 reaches the binlog")) {
        return false;
    }
    if (!c->before && !c->deaf &&
        !stage_until(st, c->acked ? t2_answered : ack_is_due, STAGE_LIMIT_MS,
                     "the replica has stored T2")) {
        return false;
    }
    return (c->before || (observe(st, c->acked ? "T2 ACKed" : "T2 waits") && stop(st, c))) &&
           give_t2(st, st->run->plan.settle_ms) && observe(st, c->power ? "away" : "stopped");
}

/* Behind T2 it is not sent T2 a second time. */
static bool come_back(struct stage *st, const struct stopped_case *c)
{
    struct live_run *r = st->run;
    struct peer *p = &st->peer[0];
    char pos[GTID_DOMAINS_MAX * GTID_TEXT_MAX];
    uint64_t begin;

    peer_set_hold(p, false);
    peer_set_deaf(p, false);
    if (c->power) {
        peer_set_down(p, false);
    } else {
        peer_start_slave(p);
    }
    if (!stage_until(st, stage_all_streaming, STAGE_LIMIT_MS, "the replica connects") ||
        !stage_until(st, stage_replicas_counted, STAGE_LIMIT_MS,
                     "the primary counts its replica")) {
        return false;
    }
    begin = guard_now_ms();
    if (!gtid_pos_text(&p->asked, pos, sizeof pos)) {
        pos[0] = '\0';
    }
    run_say(r, "    it comes back with GTID position '%s'", pos);
    if (!give_t2(st, RUN_STUCK_MS)) {
        return false;
    }
    run_held(r, INV_LIVE);
    if (t2_answered(st)) {
        run_say(r, "    T2 has its answer");
        return true;
    }
    run_say(r, "    T2 is not answered %u ms after that", (unsigned)(guard_now_ms() - begin));
    run_broke(r, INV_LIVE, "T2 waits for an ACK %u ms after the replica came back at '%.40s'",
              (unsigned)(guard_now_ms() - begin), pos);
    return true;
}

/* The replica is a good one: it ACKs the next transaction, and with it T2, since ACKs are
 * cumulative. */
static bool next_transaction(struct stage *st)
{
    return stage_send(st, 1) && stage_until(st, t3_answered, STAGE_LIMIT_MS, "T3 is answered") &&
           stage_until(st, t2_answered, STAGE_LIMIT_MS, "T2 is answered with T3") &&
           stage_until(st, stage_all_received, STAGE_LIMIT_MS, "the replica receives T3") &&
           observe(st, "T3 behind it");
}

static bool play(struct stage *st, const struct stopped_case *c, const char *name)
{
    if (!stage_up(st, st->run, name) || !leave(st, c) || !come_back(st, c) ||
        !observe(st, "started") || !next_transaction(st)) {
        return false;
    }
    stage_judge_replicas(st);
    return true;
}

bool replica_stopped(struct live_run *r)
{
    struct stage *st = calloc(1, sizeof *st);
    bool good = true;

    assert(st != NULL);
    for (size_t i = 0; good && i < sizeof cases / sizeof cases[0]; i++) {
        char name[16];

        if (cases[i].power != r->plan.replica_power) {
            continue;
        }
        run_case(r, cases[i].title);
        (void)snprintf(name, sizeof name, "case%u", r->out->n_cases);
        st->run = r;
        good = play(st, &cases[i], name);
        stage_down(st);
        run_case_end(r);
    }
    free(st);
    return good;
}

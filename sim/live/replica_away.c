/* Cases in which the replica is away for a while and nothing else goes wrong: an operator stops
 * its IO thread and starts it again, the connection is reset with all that is in flight, or the
 * replica loses power and is started again. Who is answered meanwhile, what the status variables
 * say to that (OBS), whether what it has ACKed is still there (ACKTRUE), and whether the replica
 * that is back ends the waits (LIVE; bug 104015, facts 2.2).
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim/live/stage.h"
#include "sim/live/status.h"

struct away_case {
    const char *title;
    bool reset;     /* the connection is reset, else STOP SLAVE */
    bool before;    /* before T2 is sent */
    bool deaf;      /* has not received T2 then; else it has made it durable */
    bool acked;     /* its ACK of T2 has left, and T2 is answered */
    bool power;     /* it loses power, instead of STOP SLAVE */
    bool part;      /* has received T2 but for its end */
    bool race;      /* the ACK has just left */
    uint32_t times; /* played so often, 0 = once: its outcome depends on who is faster */
};

static const struct away_case cases[] = {
    {.title = "STOP SLAVE with T2 stored and its ACK not sent; START SLAVE"},
    {.title = "STOP SLAVE with T2 sent and not received; START SLAVE", .deaf = true},
    {.title = "T2 commits between STOP SLAVE and START SLAVE", .before = true},
    {.title = "the connection is reset with T2 stored, its ACK is lost in it", .reset = true},
    {.title = "the connection is reset with T2 sent and not received", .reset = true, .deaf = true},
    {.title = "the connection is reset in the middle of T2", .reset = true, .part = true},
    {.title = "the connection is reset at the moment at which the ACK of T2 has left",
     .reset = true,
     .race = true,
     .times = 3},
    {.title = "T2 commits between a reset and the next connection", .reset = true, .before = true},
    {.title = "the replica loses power with T2 stored and its ACK not sent", .power = true},
    {.title = "the replica loses power with T2 ACKed", .acked = true, .power = true},
    {.title = "the replica loses power with T2 sent and not received", .deaf = true, .power = true},
    {.title = "T2 commits while the replica is without power", .before = true, .power = true},
};

/* ---- what is to be seen --------------------------------------------------------------------- */

/* The status comes back to ON only with an ACK of all that is in the binlog: under ON each OK has
 * its ACK, whatever was meanwhile. */
static bool observe(struct stage *st, const char *when)
{
    struct live_status s;

    if (!stage_read(st) || !status_read(st->run, &st->reader, when, &s) || !stage_read_logs(st)) {
        return false;
    }
    stage_say_seen(st, when);
    status_judge(st->run, &s, st->ledger.answered, st->ledger.answered & ~stage_acked(st));
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

static bool has_its_part(struct stage *st)
{
    return st->peer[0].deaf && st->peer[0].core.busy == RECEIVER_IDLE;
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

    peer_set_down(p, true);
    peer_cut(p);
    if (!stage_until(st, stage_peers_settled, STAGE_LIMIT_MS, "the replica is gone")) {
        return false;
    }
    if (!stage_replica_power_off(st, 0)) {
        return false;
    }
    stage_judge_replicas(st);
    return true;
}

/* Behind a reset the primary goes on counting the replica: it has sent nothing since. */
static bool go_away(struct stage *st, const struct away_case *c)
{
    struct peer *p = &st->peer[0];

    if (c->power) {
        return lose_power(st);
    }
    if (!c->reset) {
        peer_stop_slave(p);
        return stage_until(st, nobody_counted, STAGE_LIMIT_MS, "the primary misses its replica");
    }
    peer_set_down(p, true);
    peer_cut(p);
    return true;
}

/* T2 up to the moment at which the replica goes. */
static bool commit_t2(struct stage *st, const struct away_case *c)
{
    struct peer *p = &st->peer[0];

    peer_set_hold(p, !c->race && !c->acked);
    peer_set_deaf(p, c->deaf);
    if (c->part) {
        peer_deafen_behind(p, PART_OF_GROUP);
    }
    if (!stage_send(st, 0)) {
        return false;
    }
    if (c->race) {
        return stage_until(st, stage_any_ack_left, STAGE_LIMIT_MS, "the ACK of T2 leaves");
    }
    if (!stage_until(st, stage_in_binlog, STAGE_LIMIT_MS, "T2 reaches the binlog")) {
        return false;
    }
    return c->before || c->deaf ||
           stage_until(st,
                       c->acked  ? t2_answered
                       : c->part ? has_its_part
                                 : ack_is_due,
                       STAGE_LIMIT_MS, "the replica has stored what it is to have");
}

static bool leave(struct stage *st, const struct away_case *c)
{
    if (c->before && !go_away(st, c)) {
        return false;
    }
    if (!commit_t2(st, c)) {
        return false;
    }
    if (!c->before &&
        !((c->race || observe(st, c->acked ? "T2 ACKed" : "T2 waits")) && go_away(st, c))) {
        return false;
    }
    return give_t2(st, st->run->plan.settle_ms) && observe(st, "away");
}

/* Behind T2 it is not sent T2 a second time. */
static bool come_back(struct stage *st, const struct away_case *c)
{
    struct live_run *r = st->run;
    struct peer *p = &st->peer[0];
    char pos[GTID_DOMAINS_MAX * GTID_TEXT_MAX];
    uint64_t begin;

    peer_set_hold(p, false);
    peer_set_deaf(p, false);
    if (c->reset || c->power) {
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

static bool play(struct stage *st, const void *played)
{
    const struct away_case *c = played;

    if (!leave(st, c) || !come_back(st, c) || !observe(st, "back") || !next_transaction(st)) {
        return false;
    }
    stage_judge_replicas(st);
    return true;
}

static bool applies(const struct live_plan *p, const struct away_case *c)
{
    return c->reset ? p->resets : c->power ? p->replica_power : !p->resets && !p->replica_power;
}

bool replica_away(struct live_run *r)
{
    struct stage *st = calloc(1, sizeof *st);
    bool good = true;

    assert(st != NULL);
    for (size_t i = 0; good && i < sizeof cases / sizeof cases[0]; i++) {
        const struct away_case *c = &cases[i];

        for (uint32_t n = 0; good && applies(&r->plan, c) && n < (c->times > 0 ? c->times : 1);
             n++) {
            good = stage_case(st, r, c->title, play, c);
        }
    }
    free(st);
    return good;
}

/* Cases in which a crash recovery is what is tried: the first loss strikes with a group written and
 * not yet fsynced, or with its ACK held; the second strikes the recovery, or the moment behind it.
 * Then the server is started once more, and its engine must agree with its binlog.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "sim/live/stage.h"

/* The call at which the process is killed. */
struct trap {
    const char *call;   /* NULL: no trap */
    const char *stem;   /* T2_BINLOG: of the binlog in which T2 stands */
    const char *action; /* NULL: kill at once */
    uint32_t skip;      /* so many such calls come first */
};

struct recovery_case {
    const char *title;
    struct trap first; /* kills the server in the commit; else it is killed with the ACK held */
    bool first_power;
    struct trap second; /* kills it in the recovery; else it is killed when it is ready */
    bool second_power;
    bool once;         /* there is no second loss */
    bool catch_up;     /* the replicas are sent what recovery kept, before the second loss */
    const char *loses; /* the second power loss takes of files of this stem only; NULL: of all */
    bool cuts;         /* of a truncating recovery */
    bool shown;    /* T2 alone; its ACK leaves when the trap is set, and it is read from then on */
    bool synced;   /* where a group's end is fsynced (sync_binlog) */
    bool large;    /* of a large T2, which becomes a binlog of its own */
    bool counted;  /* where every second group is fsynced: T1's waits for T2's */
    bool unsynced; /* of full binlogs that only their end makes durable (sync_binlog=0) */
};

#define T2_BINLOG NULL

static const struct recovery_case cases[] = {
    {.title = "killed before the group's fsync; power lost when recovery has ended",
     .first = {"fsync", T2_BINLOG, NULL, 0},
     .second_power = true,
     .loses = "binlog"},
    {.title = "killed before the group's fsync; power lost when recovery makes the next binlog",
     .first = {"fsync", T2_BINLOG, NULL, 0},
     .second = {"write", "binlog.000002", NULL, 0},
     .second_power = true,
     .loses = "binlog"},
    {.title = "killed before the group's fsync; the replicas catch up after recovery; power lost",
     .first = {"fsync", T2_BINLOG, NULL, 0},
     .catch_up = true,
     .second_power = true,
     .loses = "binlog"},
    {.title = "power lost before the group's fsync, and again when recovery has ended",
     .first = {"fsync", T2_BINLOG, NULL, 0},
     .first_power = true,
     .second_power = true},
    {.title = "power lost with the ACK held, and again when recovery makes the next binlog",
     .first_power = true,
     .second = {"write", "binlog.000002", NULL, 0},
     .second_power = true},
    {.title = "power lost before the fsync that T1's group waits for, in the commit of T2",
     .first = {"fsync", T2_BINLOG, NULL, 0},
     .first_power = true,
     .once = true,
     .counted = true},
    {.title = "the replicas have the transactions; power lost before a full binlog is fsynced",
     .first = {"fsync", "binlog.000002", "stall", 0},
     .first_power = true,
     .once = true,
     .unsynced = true},
    {.title = "power lost when the transaction is visible and its commit record is not durable",
     .first = {"fsync", "ib_logfile0", "stall", 0},
     .first_power = true,
     .once = true,
     .shown = true},
    {.title = "power lost when the large transaction has the name of a binlog, and no head yet",
     .first = {"write", T2_BINLOG, NULL, 0},
     .first_power = true,
     .once = true,
     .large = true},
    {.title = "power lost when it is a whole binlog but for its end, before the index names it",
     .first = {"write", "binlog.index", NULL, 0},
     .first_power = true,
     .once = true,
     .large = true},
    {.title = "power lost when the index names it, before its end is written",
     .first = {"write", T2_BINLOG, NULL, 1},
     .first_power = true,
     .once = true,
     .large = true},
    {.title = "power lost when its end is written and not fsynced",
     .first = {"fsync", T2_BINLOG, NULL, 1},
     .first_power = true,
     .once = true,
     .synced = true,
     .large = true},
    {.title = "killed with the ACK held, and again when recovery is about to cut the binlog",
     .second = {"truncate", T2_BINLOG, NULL, 0},
     .cuts = true},
    {.title = "killed with the ACK held, and again 2.5 s after recovery wanted to cut the binlog",
     .second = {"truncate", T2_BINLOG, "stall", 0},
     .cuts = true},
    {.title = "power lost with the ACK held; recovery cuts the binlog",
     .first_power = true,
     .once = true,
     .cuts = true},
    {.title = "power lost with the ACK held, and again when recovery is about to cut the binlog",
     .first_power = true,
     .second = {"truncate", T2_BINLOG, NULL, 0},
     .second_power = true,
     .cuts = true},
    {.title =
         "power lost with the ACK held, and again 2.5 s after recovery wanted to cut the binlog",
     .first_power = true,
     .second = {"truncate", T2_BINLOG, "stall", 0},
     .second_power = true,
     .cuts = true},
    {.title = "likewise; what the engine had written by then was durable by chance",
     .first_power = true,
     .second = {"truncate", T2_BINLOG, NULL, 0},
     .second_power = true,
     .loses = "binlog",
     .cuts = true},
    {.title = "power lost with the ACK held, and again before the cut of the binlog is fsynced",
     .first_power = true,
     .second = {"fsync", T2_BINLOG, NULL, 0},
     .second_power = true,
     .cuts = true},
};

/* ---- losses --------------------------------------------------------------------------------- */

/* Where each group fills a binlog, or T2 is one, T1 has the first. */
static const char *stem_of(const struct stage *st, const struct trap *t)
{
    return t->stem != T2_BINLOG                                                  ? t->stem
           : st->run->sc->node[0].max_binlog_size == 0 && !stage_is_large(st, 1) ? "binlog.000001"
                                                                                 : "binlog.000002";
}

static const char *action_of(const struct trap *t)
{
    return t->action == NULL ? "kill" : t->action;
}

static bool set_trap(struct stage *st, const struct trap *t)
{
    power_clear_trap(st->run->server.journal);
    return t->call == NULL || stage_set_trap(st, t->call, stem_of(st, t), action_of(t), t->skip);
}

/* The process is still there for a while: a trap that stalls. */
static bool read_while_alive(struct stage *st)
{
    char txns[TXNS_TEXT_MAX];

    for (uint64_t end = guard_now_ms() + RUN_STUCK_MS / 2; guard_now_ms() < end;) {
        if (!stage_turn(st) || !stage_read(st)) {
            return false;
        }
        guard_sleep_ms(10);
    }
    run_say(st->run, "    before its fsync the second connection reads %s",
            txns_text(st->ledger.seen, txns));
    return true;
}

static void hold_acks(struct stage *st, bool hold)
{
    for (uint32_t i = 0; i < st->n_peers; i++) {
        peer_set_hold(&st->peer[i], hold);
        peer_set_down(&st->peer[i], true); /* behind the trap there is nobody to connect to */
    }
}

static bool commit_into_trap(struct stage *st, const struct recovery_case *c)
{
    hold_acks(st, true);
    if (!c->shown) {
        return set_trap(st, &c->first) && stage_commit(st);
    }
    if (!stage_send(st, 0) ||
        !stage_until(st, stage_all_received, STAGE_LIMIT_MS, "the replicas receive T2") ||
        !set_trap(st, &c->first)) {
        return false;
    }
    hold_acks(st, false);
    return true;
}

static bool first_loss(struct stage *st, const struct recovery_case *c)
{
    if (!commit_into_trap(st, c)) {
        return false;
    }
    if (c->first.call != NULL && !stage_until_trapped(st, c->first.call, stem_of(st, &c->first))) {
        return false;
    }
    if (c->first.call == NULL &&
        (!stage_until(st, stage_all_received, STAGE_LIMIT_MS, "the replicas receive them") ||
         !stage_read(st))) {
        return false;
    }
    if (c->shown && !read_while_alive(st)) {
        return false;
    }
    st->keep_power = true;
    return stage_lose(st) && (!c->first_power || stage_power_off(st, NULL)) && stage_read_logs(st);
}

/* Starts the server, and loses it in its recovery or behind it. */
static bool second_loss(struct stage *st, const struct recovery_case *c)
{
    const struct trap *t = &c->second;
    struct live_server *s = &st->run->server;

    if (t->call != NULL &&
        !stage_start_into_trap(st, t->call, stem_of(st, t), action_of(t), t->skip)) {
        return false;
    }
    if (t->call == NULL && !server_start(s, &st->run->sc->node[0], &st->reader)) {
        return run_fail(st->run, "restart: %s", s->why);
    }
    power_clear_trap(s->journal);
    return (!c->catch_up || stage_catch_up(st)) && stage_lose(st) &&
           (!c->second_power || stage_power_off(st, c->loses));
}

/* ---- a case --------------------------------------------------------------------------------- */

static void judge_replica(struct stage *st, uint32_t i)
{
    const struct history *held = &st->held[i];
    char txns[TXNS_TEXT_MAX];

    run_say(st->run, "    replica %u holds %s", i + 1, txns_text(history_mask(held), txns));
    run_judge(st->run, INV_NOAHEAD, ledger_ahead(history_mask(&st->primary), history_mask(held)),
              "on a replica, not on the restarted primary");
    run_held(st->run, INV_CONVERGE);
    if (!history_prefix(held, &st->primary)) {
        run_broke(st->run, INV_CONVERGE, "the relay log of replica %u is no prefix of the binlog",
                  i + 1);
    }
}

static bool judge(struct stage *st, const struct recovery_case *c)
{
    struct live_run *r = st->run;
    txn_mask visible = 0;
    char in_table[TXNS_TEXT_MAX];
    char in_binlog[TXNS_TEXT_MAX];

    if (!stage_start_again(st, &visible) || st->refused) {
        return st->refused;
    }
    run_say(r, "    started again: its table holds %s, its binlog %s", txns_text(visible, in_table),
            txns_text(history_mask(&st->primary), in_binlog));
    run_judge(r, INV_AGREE, ledger_disagree(&st->primary, visible, true),
              "not in both binlog and table after recovery");
    if (r->plan.restart && (!r->plan.cuts || c->shown)) {
        run_judge(r, INV_NOLOSS, ledger_lost(&st->ledger, visible),
                  "answered OK, not on the restarted primary");
        run_judge(r, INV_NOPHANTOM, ledger_phantom(&st->ledger, visible),
                  "read before the crash, not on the restarted primary");
        for (uint32_t i = 0; i < st->n_peers; i++) {
            judge_replica(st, i);
        }
    }
    return true;
}

static bool play(struct stage *st, const void *played)
{
    const struct recovery_case *c = played;
    char text[TXNS_TEXT_MAX];

    if (!first_loss(st, c)) {
        return false;
    }
    run_say(st->run, "    lost; its binlog holds %s", txns_text(history_mask(&st->primary), text));
    return (c->once || second_loss(st, c)) && judge(st, c) && (st->refused || stage_serves_on(st));
}

static bool applies(const struct live_plan *p, const struct recovery_case *c)
{
    uint32_t powers = (c->first_power ? 1u : 0) + (c->second_power ? 1u : 0);
    uint32_t kills = (c->first_power ? 0 : 1u) + (c->second_power || c->once ? 0 : 1u);

    return powers <= p->powers && kills <= p->kills && (c->shown ? p->shows : c->cuts == p->cuts) &&
           (!c->large || p->large > 0) && (!c->synced || p->synced) &&
           (!c->counted || p->counted) && c->unsynced == p->full_unsynced;
}

bool recovery_lost(struct stage *st, struct live_run *r)
{
    bool good = true;

    for (size_t i = 0; good && i < sizeof cases / sizeof cases[0]; i++) {
        if (!applies(&r->plan, &cases[i])) {
            continue;
        }
        good = stage_case(st, r, cases[i].title, play, &cases[i]);
    }
    return good;
}

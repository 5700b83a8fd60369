/* Cases in which the primary is lost: kill -9 or a power loss with the ACK in each of its states,
 * then a promotion, or a restart as primary and a second loss.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/live/stage.h"
#include "sim/live/status.h"

struct lost_case {
    const char *title;
    bool deaf_first; /* replica 1 receives nothing */
    bool deaf_rest;  /* replicas 2 and up receive nothing */
    bool hold;       /* ACKs are held */
    bool race;       /* killed at the moment at which an ACK has left */
    bool catch_up;   /* between restart and second loss the replicas fetch and ACK everything */
    bool restart_only;
    bool needs_two; /* replicas */
    bool away;      /* the replica is lost before the commits, and comes back behind the primary */
    bool reset;     /* its connection is reset behind the commits, or in the middle of the first */
    bool lies;      /* the fsync behind its last event claims and keeps nothing */
    bool alone;     /* it loses power alone, and comes back before the primary is lost */
    uint32_t times; /* played so often, 0 = once: its outcome depends on who is faster */
};

static const struct lost_case cases[] = {
    {.title = "every replica has the transactions, every ACK is held", .hold = true},
    {.title = "every ACK was sent, the clients have their answers"},
    {.title = "lost at the moment at which the first ACK has left", .race = true, .times = 3},
    {.title = "the transactions are in the binlog and have reached no replica",
     .deaf_first = true,
     .deaf_rest = true},
    {.title = "replica 1 has the transactions and has ACKed, the others have received nothing",
     .deaf_rest = true,
     .needs_two = true},
    {.title = "replica 1 has received nothing, the others have the transactions",
     .deaf_first = true,
     .needs_two = true},
    {.title = "the replica is lost before the commits",
     .deaf_first = true,
     .deaf_rest = true,
     .away = true},
    {.title = "the connection is reset with every ACK held, which is lost; the replica comes back",
     .hold = true,
     .reset = true},
    {.title = "the connection is reset in the middle of a transaction; the replica comes back",
     .reset = true},
    {.title = "the replica's last fsync lies; every ACK was sent", .lies = true},
    {.title = "likewise; the replica loses power first, and is sent again what it has not",
     .lies = true,
     .alone = true},
    {.title = "they have reached no replica; between the two losses the replicas catch up",
     .deaf_first = true,
     .deaf_rest = true,
     .catch_up = true,
     .restart_only = true},
};

/* ---- the window ----------------------------------------------------------------------------- */

/* Watches until everything is visible and answered, or nothing more is to be expected. */
static bool settle(struct stage *st, bool must_answer)
{
    uint32_t limit = must_answer ? STAGE_LIMIT_MS : st->run->plan.settle_ms;
    uint64_t end = guard_now_ms() + limit;
    txn_mask all = (1u << st->n_sent) - 1;

    while (guard_now_ms() < end) {
        if (!stage_turn(st) || !stage_read(st)) {
            return false;
        }
        if (stage_all_answered(st) && st->ledger.seen == all) {
            return true;
        }
        guard_sleep_ms(10);
    }
    return !must_answer ||
           run_fail(st->run, "commits were ACKed and are not answered after %u s", limit / 1000);
}

static bool first_is_deaf(struct stage *st)
{
    return st->peer[0].deaf && st->peer[0].core.busy == RECEIVER_IDLE;
}

static bool connect_again(struct stage *st)
{
    peer_set_deaf(&st->peer[0], false);
    peer_set_hold(&st->peer[0], false);
    peer_set_down(&st->peer[0], false);
    return stage_until(st, stage_all_streaming, STAGE_LIMIT_MS, "the replica connects again");
}

static void cut(struct peer *p)
{
    peer_set_down(p, true);
    peer_cut(p);
}

/* With all that is in flight. Behind an ACK that was lost in it there is nothing to wait for. */
static bool reset(struct stage *st, const struct lost_case *c)
{
    struct peer *p = &st->peer[0];

    if (!c->hold && !stage_until(st, first_is_deaf, STAGE_LIMIT_MS, "half a transaction arrives")) {
        return false;
    }
    if (c->hold && !stage_until(st, stage_all_received, STAGE_LIMIT_MS, "the replica has them")) {
        return false;
    }
    cut(p);
    return connect_again(st);
}

static bool ack_left_or_none_needed(struct stage *st)
{
    return stage_any_ack_left(st) || stage_all_answered(st);
}

static bool open_window(struct stage *st, const struct lost_case *c)
{
    bool someone_acks = false;

    for (uint32_t i = 0; i < st->n_peers; i++) {
        bool deaf = i == 0 ? c->deaf_first : c->deaf_rest;

        someone_acks |= !deaf && !c->hold && st->peer[i].set.semi_sync_slave;
        peer_set_deaf(&st->peer[i], deaf);
        peer_set_hold(&st->peer[i], c->hold);
        if (c->away) {
            cut(&st->peer[i]);
        }
        if (c->lies) {
            peer_lie_at(&st->peer[i], st->n_sent + st->n_clients);
        }
        if (c->reset && !c->hold) {
            peer_deafen_behind(&st->peer[i], PART_OF_GROUP);
        }
    }
    if (!stage_commit(st) || (c->reset && !reset(st, c))) {
        return false;
    }
    if (c->race && st->run->sc->node[0].semi_sync_master) {
        return stage_until(st, ack_left_or_none_needed, STAGE_LIMIT_MS, "an ACK leaves");
    }
    return stage_until(st, stage_in_binlog, STAGE_LIMIT_MS, "the commits reach the binlog") &&
           stage_until(st, stage_all_received, STAGE_LIMIT_MS, "the replicas receive them") &&
           settle(st, someone_acks || !st->run->sc->node[0].semi_sync_master);
}

/* ---- judging: with the relations of model/ledger.h ------------------------------------------- */

static void judge_ack(struct stage *st, uint32_t node, const struct peer_ack *a)
{
    txn_mask released = stage_released(st, &a->ack);
    char how[64];

    (void)snprintf(how, sizeof how, "ACKed by replica %u, which does not hold it", node);
    run_judge(st->run, INV_ACKTRUE, released & ~history_mask(&st->held[node - 1]), how);
    if (!a->durable && scenario_admits_power(st->run->sc, node)) {
        run_broke(st->run, INV_ACKTRUE, "replica %u sent an ACK before its fsync", node);
    }
}

static void judge_acks(struct stage *st, uint32_t node)
{
    const struct peer *p = &st->peer[node - 1];

    for (uint32_t a = 0; a < p->n_acks; a++) {
        if (p->ack[a].sent) {
            judge_ack(st, node, &p->ack[a]);
        }
    }
}

static void judge_replica(struct stage *st, uint32_t node)
{
    const struct peer *p = &st->peer[node - 1];
    const struct history *h = &st->held[node - 1];
    char txns[TXNS_TEXT_MAX];
    char how[64];

    run_say(st->run, "    replica %u holds %s; ACKs sent %u, held %u", node,
            txns_text(history_mask(h), txns), peer_acks_sent(p), peer_acks_held(p));
    (void)snprintf(how, sizeof how, "another transaction on replica %u", node);
    run_judge(st->run, INV_CONVERGE, ledger_diverged(&st->primary, h), how);
    if (!history_prefix(h, &st->primary)) {
        run_broke(st->run, INV_CONVERGE, "the relay log of replica %u is no prefix of the binlog",
                  node);
    }
    judge_acks(st, node);
}

/* The restarted server serves: it is a primary elected later, and it must hold what replicas
 * hold. */
static void judge_restarted(struct stage *st, txn_mask visible)
{
    char how[64];

    run_judge(st->run, INV_NOLOSS, ledger_lost(&st->ledger, visible),
              "answered OK, not on the restarted primary");
    run_judge(st->run, INV_NOPHANTOM, ledger_phantom(&st->ledger, visible),
              "read before the crash, not on the restarted primary");
    run_judge(st->run, INV_AGREE, ledger_disagree(&st->primary, visible, true),
              "not in both binlog and table after recovery");
    for (uint32_t node = 1; node <= st->n_peers; node++) {
        (void)snprintf(how, sizeof how, "on replica %u, not on the restarted primary", node);
        run_judge(st->run, INV_NOAHEAD,
                  ledger_ahead(history_mask(&st->primary), history_mask(&st->held[node - 1])), how);
    }
}

uint32_t stage_most_advanced(const struct stage *st)
{
    uint32_t best = 1;

    for (uint32_t node = 2; node <= st->n_peers; node++) {
        if (st->held[node - 1].n > st->held[best - 1].n) {
            best = node;
        }
    }
    return best;
}

static void judge_promotion(struct stage *st)
{
    bool any = st->run->plan.promote_any;
    uint32_t from = any ? 1 : stage_most_advanced(st);
    uint32_t to = any ? st->n_peers : from;

    for (uint32_t node = from; node <= to; node++) {
        txn_mask visible = history_mask(&st->held[node - 1]);
        char txns[TXNS_TEXT_MAX];
        char how[80];

        run_say(st->run, "    promoted: replica %u; it holds %s", node, txns_text(visible, txns));
        (void)snprintf(how, sizeof how, "answered OK, not on the promoted replica %u", node);
        run_judge(st->run, INV_NOLOSS, ledger_lost(&st->ledger, visible), how);
        (void)snprintf(how, sizeof how, "read on a serving primary, not on the promoted replica %u",
                       node);
        run_judge(st->run, INV_NOPHANTOM, ledger_phantom(&st->ledger, visible), how);
    }
}

void stage_say_seen(struct stage *st, const char *when)
{
    char ok[TXNS_TEXT_MAX];
    char seen[TXNS_TEXT_MAX];

    run_say(st->run, "    %s: answered OK: %s; read by the second connection: %s", when,
            txns_text(st->ledger.answered, ok), txns_text(st->ledger.seen, seen));
}

void stage_judge_replicas(struct stage *st)
{
    for (uint32_t node = 1; node <= st->n_peers; node++) {
        judge_replica(st, node);
    }
    if (st->run->plan.failover) {
        judge_promotion(st);
    }
}

/* Its power loss alone shows what an ACK was worth; then the primary sends what it lost again. */
static bool replica_back(struct stage *st)
{
    struct peer *p = &st->peer[0];

    cut(p);
    while (p->core.busy != RECEIVER_IDLE || store_busy(&p->store)) {
        if (!stage_turn(st)) {
            return false;
        }
    }
    if (!stage_replica_power_off(st, 0)) {
        return false;
    }
    judge_acks(st, 1);
    return connect_again(st) &&
           stage_until(st, stage_all_received, STAGE_LIMIT_MS, "the replica is sent them again");
}

/* What an operator sees just before the loss, beside the ACKs that have left. Where the primary
 * serves again there is more of it to come, and that nothing is wrong so far says little. */
static bool observe(struct stage *st)
{
    struct live_status s;

    if (!st->run->sc->node[0].semi_sync_master) {
        return true;
    }
    if (!status_read(st->run, &st->reader, "before", &s) || !stage_read_logs(st)) {
        return false;
    }
    status_judge(st->run, &s, st->ledger.answered, st->ledger.answered & ~stage_acked(st));
    if (st->run->plan.restart) {
        st->run->judged &= st->run->broken | ~(invariant_mask)(1u << INV_OBS);
    }
    return true;
}

/* ---- a case --------------------------------------------------------------------------------- */

bool stage_go_on(struct stage *st)
{
    txn_mask visible = 0;
    char txns[TXNS_TEXT_MAX];

    if (!stage_start_again(st, &visible) || st->refused) {
        return st->refused;
    }
    run_say(st->run, "    restarted as primary: the second connection reads %s",
            txns_text(visible, txns));
    judge_restarted(st, visible);
    st->ledger.seen |= visible;
    return true;
}

/* A start that refuses to cut leaves all as it is: one that is not to cut commits it. Only told:
 * the scenario knows no other role. */
static bool start_as_master(struct stage *st)
{
    txn_mask visible = 0;
    char in_table[TXNS_TEXT_MAX];
    char in_binlog[TXNS_TEXT_MAX];

    st->refused = false;
    st->as_master = true;
    if (!stage_start_again(st, &visible)) {
        return false;
    }
    if (!st->refused) {
        run_say(st->run, "    started with init_rpl_role=MASTER: its table holds %s, its binlog %s",
                txns_text(visible, in_table), txns_text(history_mask(&st->primary), in_binlog));
    }
    st->refused = true; /* in the role that the scenario gives it */
    return true;
}

static bool go_on_as_primary(struct stage *st, const struct lost_case *c)
{
    if (!stage_go_on(st)) {
        return false;
    }
    if (st->refused) {
        return !st->run->plan.cuts || start_as_master(st);
    }
    if (c->catch_up) {
        for (uint32_t i = 0; i < st->n_peers; i++) {
            peer_set_deaf(&st->peer[i], false);
            peer_set_hold(&st->peer[i], false);
            peer_set_down(&st->peer[i], false);
        }
        if (!stage_until(st, stage_all_received, STAGE_LIMIT_MS, "the replicas catch up")) {
            return false;
        }
    }
    return !st->run->plan.failover || stage_lose(st);
}

static bool replicas_lose_power(struct stage *st)
{
    for (uint32_t i = 0; i < st->n_peers; i++) {
        if (!stage_replica_power_off(st, i)) {
            return false;
        }
    }
    return true;
}

static bool play_case(struct stage *st, const void *played)
{
    const struct lost_case *c = played;

    if (!open_window(st, c)) {
        return false;
    }
    if (!c->race && (!stage_read(st) || !observe(st))) {
        return false;
    }
    stage_say_seen(st, "before");
    if ((c->alone && !replica_back(st)) || !stage_lose(st)) {
        return false;
    }
    stage_say_seen(st, st->run->plan.partition ? "cut off" : "lost");
    if (st->run->plan.restart && !go_on_as_primary(st, c)) {
        return false;
    }
    if (st->run->plan.replica_power && !c->alone && !replicas_lose_power(st)) {
        return false;
    }
    stage_judge_replicas(st);
    if (st->run->plan.follows && !stage_rejoin(st)) {
        return false;
    }
    if (st->refused && !st->run->plan.follows) {
        st->run->judged &= st->run->broken; /* what a promise holds for has not come */
        return true;
    }
    return stage_serves_on(st);
}

static bool applies(const struct live_plan *p, const struct lost_case *c)
{
    return !(c->away && !p->replica_power) && !(c->reset && !p->resets) &&
           !(c->lies && !p->relay_lies) && !(c->restart_only && !(p->restart && p->failover)) &&
           !(c->needs_two && p->peers < 2);
}

bool primary_lost(struct live_run *r)
{
    struct stage *st = calloc(1, sizeof *st);
    bool good = true;

    assert(st != NULL);
    if (r->plan.kill_for_power) {
        run_say(r, "the scenario's power loss of the primary is played as kill -9: its disk is "
                   "never read again");
    }
    for (uint32_t i = 0; good && i < sizeof cases / sizeof cases[0]; i++) {
        if (!applies(&r->plan, &cases[i])) {
            continue;
        }
        for (uint32_t n = 0; good && n < (cases[i].times > 0 ? cases[i].times : 1); n++) {
            good = stage_case(st, r, cases[i].title, play_case, &cases[i]);
        }
    }
    good = good && (!r->plan.recovers || recovery_lost(st, r));
    free(st);
    good = good && (!r->plan.tears || torn_writes(r));
    return good && (!r->plan.comes_back || receiver_lost(r));
}

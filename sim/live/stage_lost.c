/* The stage when its server is lost: what the files hold then, power losses, and the restart. */
#include <stdio.h>
#include <string.h>

#include "sim/live/stage.h"

bool stage_peers_settled(struct stage *st)
{
    for (uint32_t i = 0; i < st->n_peers; i++) {
        if (peer_streaming(&st->peer[i]) || st->peer[i].core.busy != RECEIVER_IDLE ||
            store_busy(&st->peer[i].store)) {
            return false;
        }
    }
    return true;
}

static bool drain_clients(struct stage *st)
{
    for (uint32_t i = 0; i < st->n_clients; i++) {
        /* The server is dead: what is in the socket comes at once, then its end. */
        if (st->client[i].waiting && session_answer(&st->client[i], 2000) == ANSWER_NONE) {
            return run_fail(st->run, "client %u is still connected to a dead server", i);
        }
        if (st->client[i].answer == ANSWER_OK) {
            st->ledger.answered |= st->sent[i];
        }
    }
    return true;
}

static bool read_one(struct stage *st, struct history *h, const char *folder, const char *stem,
                     uint32_t first)
{
    char why[100];

    if (!logs_read_from(h, folder, stem, first, why, sizeof why)) {
        return run_fail(st->run, "%s", why);
    }
    if (h->broken != 0) {
        run_broke(st->run, INV_SANE, "%s", why);
    }
    return true;
}

bool stage_read_logs(struct stage *st)
{
    for (uint32_t i = 0; i < st->n_peers; i++) {
        if (!read_one(st, &st->held[i], st->peer[i].store.folder, "relay", 1)) {
            return false;
        }
    }
    return read_one(st, &st->primary, st->run->server.data, "binlog",
                    st->run->sc->node[0].first_binlog);
}

static bool caught_up(struct stage *st)
{
    for (uint32_t i = 0; i < st->n_peers; i++) {
        if (peer_received(&st->peer[i]) < st->primary.n) {
            return false;
        }
    }
    return true;
}

bool stage_catch_up(struct stage *st)
{
    for (uint32_t i = 0; i < st->n_peers; i++) {
        peer_set_hold(&st->peer[i], false);
        peer_set_down(&st->peer[i], false);
    }
    return stage_until(st, caught_up, STAGE_LIMIT_MS, "the replicas catch up");
}

bool stage_power_off(struct stage *st, const char *stem)
{
    struct power_loss loss;

    if (!server_power_off(&st->run->server, stem, &loss)) {
        return run_fail(st->run, "%s", st->run->server.why);
    }
    run_say(st->run, "    power lost%s: %s", stem == NULL ? "" : ", some files kept", loss.text);
    return true;
}

bool stage_replica_power_off(struct stage *st, uint32_t i)
{
    char text[120];

    if (!peer_lose_power(&st->peer[i], text, sizeof text)) {
        return run_fail(st->run, "%s", st->peer[i].why);
    }
    run_say(st->run, "    replica %u loses power: %s; it is started again", i + 1, text);
    return stage_read_logs(st);
}

txn_mask stage_missing(const struct stage *st, uint32_t replicas)
{
    txn_mask txns = 0;

    for (uint32_t i = 0; i < st->n_peers; i++) {
        if ((replicas >> i & 1) != 0) {
            txns |= history_mask(&st->primary) & ~history_mask(&st->held[i]);
        }
    }
    return txns;
}

/* Kills come first, then power losses; the last kind repeats. */
static bool take_power(struct stage *st)
{
    const struct live_plan *p = &st->run->plan;

    st->losses++;
    return !p->power || st->keep_power || st->losses <= p->kills || stage_power_off(st, st->loses);
}

bool stage_lose(struct stage *st)
{
    uint64_t end;

    for (uint32_t i = 0; i < st->n_peers; i++) {
        peer_set_down(&st->peer[i], true); /* the core would connect again at once */
        if (st->peer[i].deaf) {
            peer_cut(&st->peer[i]);
        }
    }
    server_kill(&st->run->server);
    if (guard_signal() != 0) {
        return run_fail(st->run, "interrupted");
    }
    if (!drain_clients(st)) {
        return false;
    }
    end = guard_now_ms() + STAGE_LIMIT_MS;
    while (!stage_peers_settled(st)) {
        if (!stage_turn(st)) {
            return false;
        }
        if (guard_now_ms() > end) {
            return run_fail(st->run, "a replica did not notice the end of its primary");
        }
    }
    stage_clients_down(st);
    return take_power(st) && stage_read_logs(st);
}

/* Behind a power loss InnoDB itself is now and then not what its own purge expects. That says
 * nothing of binlog and replicas. */
static bool engine_failed(const struct live_server *s)
{
    return s->watched && strstr(s->why, "InnoDB: Assertion failure") != NULL;
}

bool stage_restart(struct stage *st)
{
    struct live_run *r = st->run;
    struct server_settings set = r->sc->node[0];

    if (st->read_only) {
        set.recovery = RECOVERY_READ_ONLY;
    }
    if (st->as_master) {
        set.init_rpl_role = ROLE_MASTER;
    }
    if (server_start(&r->server, &set, &st->reader)) {
        run_held(r, INV_SANE); /* unless a log cannot be read */
        return stage_read(st) && stage_read_logs(st);
    }
    if (r->server.pid != 0 || guard_signal() != 0) {
        return run_fail(r, "restart: %s", r->server.why);
    }
    st->refused = true;
    run_say(r, "    it does not start again: %s", r->server.why);
    if (engine_failed(&r->server)) {
        run_say(r, "    the engine's own assertion: not judged");
    } else if (r->plan.restart) {
        run_broke(r, INV_LIVE, "%s", r->server.why);
    }
    return true;
}

bool stage_start_into_trap(struct stage *st, const char *call, const char *stem, const char *action,
                           uint32_t skip)
{
    struct live_server *s = &st->run->server;
    bool up;
    bool trapped;

    if (!stage_set_trap(st, call, stem, action, skip)) {
        return false;
    }
    up = server_start(s, &st->run->sc->node[0], &st->reader);
    trapped = power_trap_hit(s->journal);
    power_clear_trap(s->journal);
    if (!up && !trapped) {
        return run_fail(st->run, "restart: %s", s->why);
    }
    run_say(st->run,
            up ? "    its recovery has no %s of %s" : "    killed in its recovery, at the %s of %s",
            call, stem);
    return true;
}

bool stage_start_again(struct stage *st, txn_mask *visible)
{
    txn_mask before = st->ledger.seen;

    st->ledger.seen = 0;
    if (!stage_restart(st)) {
        return false;
    }
    *visible = st->ledger.seen;
    st->ledger.seen = before;
    return true;
}

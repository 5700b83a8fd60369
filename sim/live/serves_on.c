/* LIVE behind a restart: the server that serves again has new commits to wait for before its
 * replicas are back. When they are, nobody may wait, and no replica may lack what its primary
 * holds. A replica that is refused is out, loudly: that is no concern of LIVE.
 */
#include <stdio.h>

#include "sim/live/stage.h"

enum { COMMITS_MS = 200, CONNECTS_MS = 1500 };

/* As stage_turn, but a replica may be refused. */
static bool turn(struct stage *st)
{
    guard_sleep_ms(STAGE_TURN_MS);
    (void)uv_run(&st->run->loop, UV_RUN_NOWAIT);
    if (guard_signal() != 0) {
        return run_fail(st->run, "interrupted");
    }
    return !server_died(&st->run->server) || run_fail(st->run, "%s", st->run->server.why);
}

/* As many commits as it takes until the newest GTID of a replica is used again, if it was lost:
 * before that the replica would be refused. */
static uint32_t commits(struct stage *st)
{
    uint64_t seq = stage_binlog_seq(st);
    uint64_t n = 1;

    for (uint32_t i = 0; i < st->n_peers; i++) {
        uint64_t held = peer_received(&st->peer[i]);

        n = held > seq + n ? held - seq : n;
    }
    return n < SESSIONS_MAX ? (uint32_t)n : SESSIONS_MAX;
}

/* One group: behind one that waits for its ACK only one more gets into the binlog. */
static bool commit(struct stage *st)
{
    char sql[120];

    st->n_clients = commits(st);
    (void)snprintf(sql, sizeof sql,
                   "SET GLOBAL binlog_commit_wait_usec=%d, binlog_commit_wait_count=%u",
                   COMMITS_MS * 1000, st->n_clients);
    if (!session_exec(&st->reader, sql)) {
        return run_fail(st->run, "reader: %s", st->reader.error);
    }
    for (uint32_t i = 0; i < st->n_clients; i++) {
        if (!session_open(&st->client[i], st->run->server.socket)) {
            return run_fail(st->run, "client %u: %s", i, st->client[i].error);
        }
        if (!stage_send(st, i)) {
            return false;
        }
    }
    for (uint64_t end = guard_now_ms() + 2 * COMMITS_MS; guard_now_ms() < end;) {
        if (!turn(st)) {
            return false;
        }
    }
    return true;
}

/* Replicas that were accepted. */
static uint32_t accepted(const struct stage *st)
{
    uint32_t mask = 0;

    for (uint32_t i = 0; i < st->n_peers; i++) {
        mask |= st->peer[i].why[0] == '\0' && peer_streaming(&st->peer[i]) ? 1u << i : 0;
    }
    return mask;
}

static bool settled(struct stage *st)
{
    uint32_t in = accepted(st);

    for (uint32_t i = 0; i < st->n_peers; i++) {
        if (st->peer[i].why[0] == '\0' && (in >> i & 1) == 0) {
            return false;
        }
    }
    return true;
}

/* Until they are through, or RUN_STUCK_MS behind the return of the replicas. */
static bool wait_for_all(struct stage *st, bool *waits, txn_mask *lacks)
{
    uint64_t begin = guard_now_ms();
    uint64_t end = begin + CONNECTS_MS + RUN_STUCK_MS;
    bool back = false;

    do {
        if (!turn(st) || !stage_read_logs(st)) {
            return false;
        }
        if (!back && settled(st)) {
            back = true;
            end = guard_now_ms() + RUN_STUCK_MS;
        }
        *waits = !stage_all_answered(st);
        *lacks = stage_missing(st, accepted(st));
    } while ((!back || *waits || *lacks != 0) && guard_now_ms() < end);
    return true;
}

static void let_replicas(struct stage *st)
{
    for (uint32_t i = 0; i < st->n_peers; i++) {
        peer_set_deaf(&st->peer[i], false);
        peer_set_hold(&st->peer[i], false);
        peer_set_down(&st->peer[i], false);
    }
}

/* The primary stays, and whoever waits has nothing but an ACK to hope for. */
static bool applies(const struct live_run *r)
{
    const struct server_settings *s = &r->sc->node[0];

    return r->plan.restart && !r->plan.failover &&
           (!s->semi_sync_master || s->semi_sync_timeout_ms == 0);
}

bool stage_serves_on(struct stage *st)
{
    struct live_run *r = st->run;
    char text[TXNS_TEXT_MAX];
    bool waits = false;
    txn_mask lacks = 0;

    if (!applies(r)) {
        return true;
    }
    if (!commit(st)) {
        return false;
    }
    let_replicas(st);
    if (!wait_for_all(st, &waits, &lacks)) {
        return false;
    }
    for (uint32_t i = 0; i < st->n_peers; i++) {
        if (st->peer[i].why[0] != '\0') {
            run_say(r, "    replica %u comes back and is refused: %s", i + 1, st->peer[i].why);
        }
    }
    if (accepted(st) == 0) {
        return true; /* nobody is there to be asked: to wait is what was promised */
    }
    run_say(r, "    it goes on, the replicas are back: answered OK: %s%s",
            txns_text(st->ledger.answered, text), waits ? "; somebody waits" : "");
    run_held(r, INV_LIVE);
    if (waits) {
        run_broke(r, INV_LIVE, "somebody waits %u ms after a replica came back", RUN_STUCK_MS);
    } else if (lacks != 0) {
        run_broke(r, INV_LIVE, "%s: not sent to a connected replica", txns_text(lacks, text));
    }
    return true;
}

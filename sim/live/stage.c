#include "sim/live/stage.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- turns ---------------------------------------------------------------------------------- */

static void take_answers(struct stage *st)
{
    for (uint32_t i = 0; i < st->n_clients; i++) {
        if (st->client[i].waiting && session_answer(&st->client[i], 0) == ANSWER_OK) {
            st->ledger.answered |= st->sent[i];
        }
    }
}

bool stage_turn(struct stage *st)
{
    guard_sleep_ms(STAGE_TURN_MS); /* first, so that the caller looks at once at what it did */
    (void)uv_run(&st->run->loop, UV_RUN_NOWAIT);
    take_answers(st);
    if (guard_signal() != 0) {
        return run_fail(st->run, "interrupted");
    }
    for (uint32_t i = 0; i < st->n_peers; i++) {
        if (st->peer[i].why[0] != '\0') {
            return run_fail(st->run, "%s", st->peer[i].why);
        }
    }
    return true;
}

bool stage_until(struct stage *st, bool (*done)(struct stage *st), uint32_t limit_ms,
                 const char *what)
{
    uint64_t end = guard_now_ms() + limit_ms;

    while (!done(st)) {
        if (!stage_turn(st)) {
            return false;
        }
        if (server_died(&st->run->server)) {
            return run_fail(st->run, "%s", st->run->server.why);
        }
        if (guard_now_ms() > end) {
            return run_fail(st->run, "within %u s this did not happen: %s", limit_ms / 1000, what);
        }
    }
    return true;
}

bool stage_watch(struct stage *st, uint32_t watch_ms)
{
    for (uint64_t end = guard_now_ms() + watch_ms; guard_now_ms() < end;) {
        if (!stage_turn(st) || !stage_read(st)) {
            return false;
        }
        guard_sleep_ms(10);
    }
    return true;
}

bool stage_set_trap(struct stage *st, const char *call, const char *stem, const char *action,
                    uint32_t skip)
{
    return power_set_trap(st->run->server.journal, call, stem, action, skip) ||
           run_fail(st->run, "a trap cannot be set");
}

bool stage_until_trapped(struct stage *st, const char *call, const char *stem)
{
    for (uint64_t end = guard_now_ms() + STAGE_LIMIT_MS;
         !power_trap_hit(st->run->server.journal);) {
        if (!stage_turn(st)) {
            return false;
        }
        if (guard_now_ms() > end) {
            return run_fail(st->run, "no %s of %s came", call, stem);
        }
    }
    return true;
}

bool stage_await_end(struct stage *st, uint32_t limit_ms, bool *ended, int *status)
{
    uint64_t begin = guard_now_ms();

    *ended = false;
    while (!*ended && guard_now_ms() - begin < limit_ms) {
        if (!stage_turn(st)) {
            return false;
        }
        *ended = server_ended(&st->run->server, status);
    }
    run_say(st->run, "    the process %s %u ms",
            *ended ? "has ended after" : "is still there after",
            (unsigned)(guard_now_ms() - begin));
    return true;
}

bool stage_all_streaming(struct stage *st)
{
    for (uint32_t i = 0; i < st->n_peers; i++) {
        if (!peer_streaming(&st->peer[i])) {
            return false;
        }
    }
    return true;
}

bool stage_all_received(struct stage *st)
{
    for (uint32_t i = 0; i < st->n_peers; i++) {
        if (!st->peer[i].deaf && peer_received(&st->peer[i]) < st->n_sent) {
            return false;
        }
    }
    return true;
}

bool stage_answered(struct stage *st, uint32_t client)
{
    take_answers(st);
    return !st->client[client].waiting;
}

bool stage_all_answered(struct stage *st)
{
    take_answers(st);
    for (uint32_t i = 0; i < st->n_clients; i++) {
        if (st->client[i].waiting) {
            return false;
        }
    }
    return true;
}

uint64_t stage_binlog_seq(struct stage *st)
{
    char text[200];
    struct gtid_pos pos;

    if (!session_text(&st->reader, "SELECT @@global.gtid_binlog_pos", text, sizeof text) ||
        !gtid_pos_parse(text, &pos)) {
        return 0;
    }
    return gtid_pos_find(&pos, st->run->sc->node[0].domain_id).seq;
}

bool stage_in_binlog(struct stage *st)
{
    return stage_binlog_seq(st) >= st->n_sent;
}

bool stage_any_ack_left(struct stage *st)
{
    for (uint32_t i = 0; i < st->n_peers; i++) {
        if (peer_received(&st->peer[i]) > 1 && st->peer[i].n_acks > 1 &&
            st->peer[i].ack[st->peer[i].n_acks - 1].sent) {
            return true;
        }
    }
    return false;
}

txn_mask stage_released(const struct stage *st, const struct ack_packet *ack)
{
    uint32_t before = st->run->sc->node[0].first_binlog - 1;

    return ledger_released(&st->primary, binlog_name_num(ack->file) - before, (uint32_t)ack->pos);
}

txn_mask stage_acked(const struct stage *st)
{
    txn_mask released = 0;

    for (uint32_t i = 0; i < st->n_peers; i++) {
        for (uint32_t a = 0; a < st->peer[i].n_acks; a++) {
            const struct peer_ack *ack = &st->peer[i].ack[a];

            released |= !ack->sent ? 0 : stage_released(st, &ack->ack);
        }
    }
    return released;
}

/* ---- clients -------------------------------------------------------------------------------- */

/* With a DDL to come, T1 leaves just so much room that the DDL is what fills the binlog. A group
 * whose fsync fails is long enough for a page of its own, which no other group's write touches. */
static uint32_t pad_of(const struct stage *st)
{
    const struct scenario *sc = st->run->sc;

    if (st->pad > 0) {
        return st->pad;
    }
    if (st->run->plan.fails != NULL && st->n_sent == 1) {
        return SESSION_PAD_MAX;
    }
    return sc->node[0].max_binlog_size == 0 ? 0
           : !st->run->plan.ddl             ? SESSION_PAD / st->run->plan.fills
           : st->n_sent == 0                ? STAGE_PAD_BEFORE_DDL
                                            : 0;
}

bool stage_is_large(const struct stage *st, uint32_t txn)
{
    return txn >= 1 && txn <= st->run->plan.large;
}

/* The last of what is committed at the same time behind T1. */
static bool is_plain(const struct stage *st, uint32_t txn)
{
    const struct live_plan *p = &st->run->plan;

    return txn >= 1 && txn <= p->sessions && txn + p->plain > p->sessions;
}

bool stage_send(struct stage *st, uint32_t client)
{
    struct live_session *s = &st->client[client];
    uint32_t txn = st->n_sent;
    bool sent = stage_is_large(st, txn)     ? session_send_large(s, txn)
                : (st->ddl >> txn & 1) != 0 ? session_send_ddl(s, txn)
                : is_plain(st, txn)         ? session_send_plain(s, txn)
                                            : session_send_insert(s, txn, pad_of(st));

    if (!sent) {
        return run_fail(st->run, "client %u: %s", client, s->error);
    }
    st->sent[client] = 1u << st->n_sent;
    st->n_sent++;
    return true;
}

bool stage_commit(struct stage *st)
{
    for (uint32_t i = 0; i < st->n_clients; i++) {
        if (!stage_send(st, i)) {
            return false;
        }
        /* What comes behind DDL must not fill the binlog; a row that cannot be rolled back is to
         * stand behind one that can. */
        if (i == 0 && (st->run->plan.ddl || st->run->plan.plain > 0) &&
            !stage_until(st, stage_in_binlog, STAGE_LIMIT_MS, "the first reaches the binlog")) {
            return false;
        }
    }
    return true;
}

bool stage_read(struct stage *st)
{
    txn_mask visible;

    if (!session_visible(&st->reader, &visible)) {
        return run_fail(st->run, "reader: %s", st->reader.error);
    }
    st->ledger.seen |= visible;
    for (uint32_t t = 0; t < st->n_sent; t++) {
        if ((st->ddl >> t & 1) != 0 && session_sees_ddl(&st->reader, t)) {
            st->ledger.seen |= 1u << t;
        }
    }
    return true;
}

/* ---- up and down ---------------------------------------------------------------------------- */

static uint32_t semi_sync_peers(const struct stage *st)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < st->n_peers; i++) {
        n += st->peer[i].set.semi_sync_slave ? 1 : 0;
    }
    return n;
}

/* The dump thread registers the replica a moment after the stream is asked for. */
bool stage_replicas_counted(struct stage *st)
{
    char text[32];

    if (!st->run->sc->node[0].semi_sync_master) {
        return true;
    }
    if (!session_text(&st->reader,
                      "SELECT VARIABLE_VALUE FROM information_schema.GLOBAL_STATUS"
                      " WHERE VARIABLE_NAME='RPL_SEMI_SYNC_MASTER_CLIENTS'",
                      text, sizeof text)) {
        return false;
    }
    return strtoul(text, NULL, 10) >= semi_sync_peers(st);
}

/* RESET MASTER TO is how a server gets there without a million rotations. */
static bool name_binlogs(struct stage *st)
{
    uint32_t first = st->run->sc->node[0].first_binlog;
    char sql[60];

    (void)snprintf(sql, sizeof sql, "RESET MASTER TO %" PRIu32, first);
    return first == 1 || session_exec(&st->reader, sql) ||
           run_fail(st->run, "reader: %s", st->reader.error);
}

/* A server that starts read-only serves when its manager says so. */
static bool let_in(struct stage *st)
{
    return st->run->sc->node[0].recovery != RECOVERY_READ_ONLY ||
           session_exec(&st->reader, "SET GLOBAL read_only=0") ||
           run_fail(st->run, "reader: %s", st->reader.error);
}

static bool peers_up(struct stage *st, const char *name)
{
    char folder[STORE_PATH_MAX];

    for (uint32_t i = 0; i < st->run->plan.peers; i++) {
        (void)snprintf(folder, sizeof folder, "%.400s/%.60s.replica%u", st->run->guard.dir, name,
                       i + 1);
        st->n_peers++;
        if (!peer_start(&st->peer[i], &st->run->loop, i + 1, &st->run->sc->node[i + 1],
                        st->run->server.socket, folder)) {
            return run_fail(st->run, "%s", st->peer[i].why);
        }
    }
    return stage_until(st, stage_all_streaming, STAGE_LIMIT_MS, "replicas connect") &&
           stage_until(st, stage_replicas_counted, STAGE_LIMIT_MS,
                       "the primary counts its replicas");
}

static bool clients_up(struct stage *st)
{
    uint32_t n = st->run->plan.sessions;

    for (uint32_t i = 0; i < n; i++) {
        if (!session_open(&st->client[i], st->run->server.socket)) {
            return run_fail(st->run, "client %u: %s", i, st->client[i].error);
        }
        st->n_clients++;
    }
    return true;
}

bool stage_up(struct stage *st, struct live_run *run, const char *name)
{
    memset(st, 0, sizeof *st);
    st->run = run;
    (void)snprintf(st->name, sizeof st->name, "%s", name);
    st->ddl = ((1u << run->plan.ddl) - 1) << 1;
    if (run->sc->ddl == run->sc->transactions && run->sc->node[0].max_binlog_size == 0) {
        st->ddl |= 1; /* what nobody commits must not be lost: DDL is durable, whatever F is */
    }
    if (!server_fresh(&run->server, name) ||
        !server_start(&run->server, &run->sc->node[0], &st->reader)) {
        return run_fail(run, "%s", run->server.why);
    }
    if (!session_text(&st->reader, "SELECT VERSION()", run->out->server_version,
                      sizeof run->out->server_version)) {
        return run_fail(run, "reader: %s", st->reader.error);
    }
    if (!let_in(st) || !name_binlogs(st) || !peers_up(st, name) || !clients_up(st)) {
        return false;
    }
    /* A transaction before the window, so that "survives" is never true of nothing. */
    return stage_send(st, 0) &&
           stage_until(st, stage_all_answered, STAGE_LIMIT_MS, "T1 is answered") &&
           stage_until(st, stage_all_received, STAGE_LIMIT_MS, "T1 reaches every replica") &&
           stage_read(st);
}

void stage_clients_down(struct stage *st)
{
    for (uint32_t i = 0; i < st->n_clients; i++) {
        session_close(&st->client[i], true);
    }
    session_close(&st->reader, true);
}

void stage_down(struct stage *st)
{
    for (uint32_t i = 0; i < st->n_peers; i++) {
        peer_stop(&st->peer[i]);
    }
    stage_clients_down(st);
    server_kill(&st->run->server);
    server_discard(&st->run->server);
}

bool stage_case(struct stage *st, struct live_run *run, const char *title,
                bool (*play)(struct stage *st, const void *played), const void *played)
{
    char name[16];
    bool good;

    run_case(run, title);
    (void)snprintf(name, sizeof name, "case%u", run->out->n_cases);
    st->run = run;
    good = stage_up(st, run, name) && play(st, played);
    stage_down(st);
    run_case_end(run);
    return good;
}

/* Behind a failover the old primary is started again, read-only, and wants to be a replica of the
 * promoted one. A second server plays that one: it holds what the promoted replica's relay logs
 * hold, under the same GTIDs, and one transaction of its own. Whether it takes the old primary is
 * what it says to a dump request behind the old primary's GTID position.
 */
#include <stdio.h>
#include <string.h>

#include "sim/live/dump.h"
#include "sim/live/stage.h"

enum { REJOIN_ANSWER_MS = 1000 };

struct promoted {
    struct live_server server;
    struct live_session session; /* of a client that may do everything */
    struct history binlog;
};

/* ---- the old primary ------------------------------------------------------------------------ */

/* Only who has READ_ONLY ADMIN may write there, so a client without it is needed. */
static bool open_client(struct stage *st, struct live_session *client)
{
    static const char *const sql[] = {"SET SESSION sql_log_bin=0", "CREATE USER app@localhost",
                                      "GRANT SELECT, INSERT ON ackproof.* TO app@localhost"};

    for (size_t i = 0; i < sizeof sql / sizeof sql[0]; i++) {
        if (!session_exec(&st->reader, sql[i])) {
            return run_fail(st->run, "read-only server: %s", st->reader.error);
        }
    }
    return session_open_as(client, st->run->server.socket, "app") ||
           run_fail(st->run, "client of a read-only server: %s", client->error);
}

/* An OK to it would be one that nobody has heard of who is promoted. */
static bool try_client(struct stage *st)
{
    struct live_session client;
    txn_mask visible = 0;
    char txns[TXNS_TEXT_MAX];
    bool good = open_client(st, &client);

    if (good &&
        (!session_visible(&client, &visible) || !session_send_insert(&client, st->n_sent, 0))) {
        good = run_fail(st->run, "client of a read-only server: %s", client.error);
    }
    if (good) {
        enum answer a = session_answer(&client, REJOIN_ANSWER_MS);

        run_say(st->run, "    a client without READ_ONLY ADMIN reads %s there; it writes: %s",
                txns_text(visible, txns),
                a == ANSWER_OK     ? "OK"
                : a == ANSWER_NONE ? "no answer"
                                   : client.error);
        st->ledger.answered |= a == ANSWER_OK ? 1u << st->n_sent : 0;
    }
    session_close(&client, true);
    return good;
}

static bool start_old(struct stage *st)
{
    txn_mask visible = 0;
    char in_table[TXNS_TEXT_MAX];
    char in_binlog[TXNS_TEXT_MAX];

    st->read_only = true;
    if (!stage_start_again(st, &visible) || st->refused) {
        return st->refused;
    }
    run_say(st->run, "    the old primary starts, read-only: its table holds %s, its binlog %s",
            txns_text(visible, in_table), txns_text(history_mask(&st->primary), in_binlog));
    run_judge(st->run, INV_AGREE, ledger_disagree(&st->primary, visible, true),
              "not in both binlog and table of the old primary after recovery");
    return try_client(st);
}

/* ---- the new primary ------------------------------------------------------------------------ */

static bool commit(struct stage *st, struct promoted *p, const struct held *h, uint32_t txn)
{
    char sql[120];

    (void)snprintf(sql, sizeof sql, "SET SESSION gtid_domain_id=%u, server_id=%u, gtid_seq_no=%u",
                   h == NULL ? 0 : h->domain, h == NULL ? 0 : h->server, h == NULL ? 0 : h->seq);
    return ((h == NULL || session_exec(&p->session, sql)) &&
            session_send_insert(&p->session, txn, 0) &&
            session_answer(&p->session, STAGE_LIMIT_MS) == ANSWER_OK) ||
           run_fail(st->run, "new primary: %s", p->session.error);
}

/* Its relay log applied, opened for clients, and a first transaction of one of them. */
static bool fill(struct stage *st, struct promoted *p, const struct history *held)
{
    if (!session_exec(&p->session, "SET GLOBAL rpl_semi_sync_master_enabled=0")) {
        return run_fail(st->run, "new primary: %s", p->session.error);
    }
    for (uint32_t i = 0; i < held->n; i++) {
        if (!commit(st, p, &held->at[i], held->at[i].txn)) {
            return false;
        }
    }
    session_close(&p->session, false);
    return (session_open(&p->session, p->server.socket) &&
            session_exec(&p->session, "SET GLOBAL read_only=0")) ||
           run_fail(st->run, "new primary: %s", p->session.error);
}

static bool promote(struct stage *st, struct promoted *p, uint32_t node)
{
    struct live_server *s = &p->server;
    char folder[40];
    char why[100];

    *s = st->run->server; /* the program and the fresh data directory are the same */
    s->pid = 0;
    s->data[0] = '\0';
    s->watched = false;
    (void)snprintf(s->socket, sizeof s->socket, "%.100s2", st->run->server.socket);
    (void)snprintf(folder, sizeof folder, "%s.promoted", st->name);
    if (!server_fresh(s, folder) || !server_start(s, &st->run->sc->node[node], &p->session)) {
        return run_fail(st->run, "new primary: %s", s->why);
    }
    return fill(st, p, &st->held[node - 1]) && commit(st, p, NULL, st->n_sent + 1) &&
           (logs_read(&p->binlog, s->data, "binlog", why, sizeof why) ||
            run_fail(st->run, "%s", why));
}

static bool judge_promoted(struct stage *st, struct promoted *p)
{
    txn_mask visible;

    if (!session_visible(&p->session, &visible)) {
        return run_fail(st->run, "new primary: %s", p->session.error);
    }
    run_judge(st->run, INV_NOLOSS, ledger_lost(&st->ledger, visible),
              "answered OK, not on the new primary");
    run_judge(st->run, INV_NOPHANTOM, ledger_phantom(&st->ledger, visible),
              "read on a serving primary, not on the new primary");
    return true;
}

/* ---- the rejoin ----------------------------------------------------------------------------- */

static bool ask(struct stage *st, struct promoted *p)
{
    const struct server_settings *old = &st->run->sc->node[0];
    struct gtid_pos pos;
    char text[GTID_DOMAINS_MAX * GTID_TEXT_MAX];
    char why[160] = "";
    enum dump_said said = DUMP_FAILED;
    void *my;

    if (!session_text(&st->reader, "SELECT @@global.gtid_current_pos", text, sizeof text) ||
        !gtid_pos_parse(text, &pos)) {
        return run_fail(st->run, "GTID position of the old primary: %s", st->reader.error);
    }
    my = dump_connect(p->server.socket, why, sizeof why);
    if (my != NULL) {
        if (dump_negotiate(my, &pos, false, why, sizeof why) &&
            dump_request(my, old->server_id, why, sizeof why)) {
            said = dump_first_group(dump_fd(my), why, sizeof why);
        }
        dump_close(my);
    }
    if (said == DUMP_FAILED) {
        return run_fail(st->run, "rejoin: %s", why);
    }
    run_say(st->run, "    it asks behind '%s': %s", text,
            said == DUMP_SENDS ? "old primary rejoined as replica, it is sent a transaction"
                               : "old primary refused at its rejoin:");
    if (said == DUMP_REFUSES) {
        run_say(st->run, "        %s", why);
        return true;
    }
    run_judge(st->run, INV_CONVERGE,
              (history_mask(&st->primary) & ~history_mask(&p->binlog)) |
                  ledger_diverged(&st->primary, &p->binlog),
              "on the old primary, which the new one accepted as its replica, and not on that");
    return true;
}

bool stage_rejoin(struct stage *st)
{
    struct promoted p;
    bool good;

    memset(&p, 0, sizeof p);
    good = start_old(st) && promote(st, &p, stage_most_advanced(st)) && judge_promoted(st, &p) &&
           (st->refused || ask(st, &p));
    session_close(&p.session, true);
    server_kill(&p.server);
    server_discard(&p.server);
    return good;
}

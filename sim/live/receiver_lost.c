/* Cases in which a receiver that ACKs is lost: kill -9 of its process. What its file then lacks
 * although the primary counted an ACK was never true (ACKTRUE). Where it comes back on its files, a
 * session that goes on waiting for an ACK although a semi-sync replica is there again waits for
 * ever (LIVE; bug 104015, facts 2.2).
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/live/app.h"
#include "sim/live/run.h"
#include "sim/live/status.h"

enum {
    RECEIVER_LIMIT_MS = 20000,
    RECEIVER_ANSWER_MS = 5000,
};

struct receiver_case {
    const char *title;
    bool libmariadb; /* a case of the Connector/C application, else of our receiver */
    bool let_store;  /* the application gets leave to store before it is killed */
    bool kill_first; /* killed without waiting for the client's answer */
    bool comes_back; /* started again on its files; the session of T2 waits meanwhile */
    bool deaf;       /* has not received T2; else it has made it durable and holds the ACK */
    uint32_t times;
};

static const struct receiver_case cases[] = {
    {.title = "the application has the event and is killed before it stores it",
     .libmariadb = true,
     .times = 1},
    {.title = "the application has stored the event and is killed",
     .libmariadb = true,
     .let_store = true,
     .times = 1},
    {.title = "the receiver is killed as soon as the client has its answer", .times = 2},
    {.title = "the receiver is killed while the commit is on its way",
     .kill_first = true,
     .times = 3},
    {.title = "killed when it has stored the transaction and its ACK has not left; started again",
     .comes_back = true,
     .times = 1},
    {.title = "killed before it has received the transaction; started again",
     .comes_back = true,
     .deaf = true,
     .times = 1},
};

struct theatre {
    struct live_run *run;
    struct live_session reader;
    struct live_session client;
    struct live_session other; /* of T3; opened where it is needed */
    struct live_app app;
    struct ledger ledger;
};

/* ---- preparing ------------------------------------------------------------------------------ */

static bool counted(struct theatre *t)
{
    uint64_t end = guard_now_ms() + RECEIVER_LIMIT_MS;
    char text[32];

    while (guard_now_ms() < end && guard_signal() == 0) {
        if (!session_text(&t->reader,
                          "SELECT VARIABLE_VALUE FROM information_schema.GLOBAL_STATUS"
                          " WHERE VARIABLE_NAME='RPL_SEMI_SYNC_MASTER_CLIENTS'",
                          text, sizeof text)) {
            return run_fail(t->run, "reader: %s", t->reader.error);
        }
        if (strcmp(text, "0") != 0) {
            return true;
        }
        if (app_listen(&t->app, 2) == APP_GONE) {
            return run_fail(t->run, "receiver: %s", t->app.why);
        }
    }
    return run_fail(t->run, "the primary does not count the receiver as a semi-sync replica");
}

static bool up(struct theatre *t, struct live_run *r, const char *name)
{
    memset(t, 0, sizeof *t);
    t->run = r;
    t->app.fd = -1;
    if (!server_fresh(&r->server, name) || !server_start(&r->server, &r->sc->node[0], &t->reader)) {
        return run_fail(r, "%s", r->server.why);
    }
    if (!session_text(&t->reader, "SELECT VERSION()", r->out->server_version,
                      sizeof r->out->server_version)) {
        return run_fail(r, "reader: %s", t->reader.error);
    }
    if (!app_start(&t->app, &r->guard, &r->sc->node[1], r->server.socket, name)) {
        return run_fail(r, "receiver: %s", t->app.why);
    }
    if (!session_open(&t->client, r->server.socket)) {
        return run_fail(r, "client: %s", t->client.error);
    }
    return counted(t);
}

static void down(struct theatre *t)
{
    app_kill(&t->app);
    session_close(&t->client, true);
    session_close(&t->other, true);
    session_close(&t->reader, true);
    server_kill(&t->run->server);
    server_discard(&t->run->server);
}

/* ---- playing -------------------------------------------------------------------------------- */

static bool await_word(struct theatre *t, enum app_word word)
{
    uint64_t end = guard_now_ms() + RECEIVER_LIMIT_MS;

    while (guard_now_ms() < end && guard_signal() == 0) {
        enum app_word heard = app_listen(&t->app, 20);

        if (heard == word) {
            return true;
        }
        if (heard == APP_GONE) {
            return run_fail(t->run, "receiver: %s", t->app.why);
        }
    }
    return run_fail(t->run, "the application did not say '%c'", (char)word);
}

/* T1 goes the whole way, so that "does not hold" is never true of an application that holds
 * nothing. */
static bool first_transaction(struct theatre *t, bool libmariadb)
{
    if (!session_send_insert(&t->client, 0, 0)) {
        return run_fail(t->run, "client: %s", t->client.error);
    }
    if (libmariadb) {
        if (!await_word(t, APP_FETCHED)) {
            return false;
        }
        app_let_store(&t->app);
        if (!await_word(t, APP_STORED)) {
            return false;
        }
    }
    if (session_answer(&t->client, RECEIVER_LIMIT_MS) != ANSWER_OK) {
        return run_fail(t->run, "T1 was not answered");
    }
    t->ledger.answered |= 1;
    return true;
}

/* Commits T2 up to the moment of the kill. */
static bool second_transaction(struct theatre *t, const struct receiver_case *c)
{
    uint64_t fetched;
    enum answer answer;

    if (!session_send_insert(&t->client, 1, 0)) {
        return run_fail(t->run, "client: %s", t->client.error);
    }
    if (c->libmariadb && !await_word(t, APP_FETCHED)) {
        return false;
    }
    fetched = guard_now_ms();
    if (c->kill_first) {
        guard_sleep_ms(t->run->out->n_cases % 3); /* a little earlier, a little later */
        return true;
    }
    answer = session_answer(&t->client, RECEIVER_ANSWER_MS);
    if (answer == ANSWER_OK) {
        t->ledger.answered |= 2;
    }
    if (c->libmariadb) {
        run_say(t->run, "    mariadb_rpl_fetch has returned, nothing is stored; T2 answered OK: %s",
                answer == ANSWER_OK ? "yes" : "no");
        run_say(t->run, "    (%u ms behind the fetch; the semi-sync timeout is an hour)",
                (unsigned)(guard_now_ms() - fetched));
    }
    if (c->let_store) {
        app_let_store(&t->app);
        return await_word(t, APP_STORED);
    }
    return true;
}

/* With an infinite timeout and one replica, an OK proves that the primary counted that replica's
 * ACK. */
static bool judge(struct theatre *t)
{
    struct history held;
    char ok[TXNS_TEXT_MAX];
    char txns[TXNS_TEXT_MAX];
    char why[100];

    app_kill(&t->app);
    if (session_answer(&t->client, 500) == ANSWER_OK) {
        t->ledger.answered |= 2; /* the ACK had left before the kill */
    }
    if (!logs_read(&held, t->app.folder, "relay", why, sizeof why) || held.broken != 0) {
        return run_fail(t->run, "file of the receiver: %s", why);
    }
    run_say(t->run, "    kill -9 of the receiver: answered OK, so ACKed: %s; its file holds %s",
            txns_text(t->ledger.answered, ok), txns_text(history_mask(&held), txns));
    if (!t->run->plan.live_only) {
        run_judge(t->run, INV_ACKTRUE, ledger_lost(&t->ledger, history_mask(&held)),
                  "ACKed, not in the file of the receiver");
    }
    return true;
}

/* ---- coming back ---------------------------------------------------------------------------- */

/* T2 up to the point at which its session waits, and the receiver is where the case wants it. */
static bool leave_waiting(struct theatre *t, const struct receiver_case *c)
{
    uint64_t end = guard_now_ms() + RECEIVER_LIMIT_MS;
    char pos[GTID_TEXT_MAX] = "";
    struct gtid_pos in_binlog;
    uint64_t seq = 0;

    if (c->deaf) {
        app_deafen(&t->app);
    } else {
        app_hold(&t->app);
    }
    if (!await_word(t, APP_OBEYED)) {
        return false;
    }
    if (!session_send_insert(&t->client, 1, 0)) {
        return run_fail(t->run, "client: %s", t->client.error);
    }
    while (seq < 2) {
        if (!session_text(&t->reader, "SELECT @@global.gtid_binlog_pos", pos, sizeof pos)) {
            return run_fail(t->run, "reader: %s", t->reader.error);
        }
        seq = gtid_pos_parse(pos, &in_binlog)
                  ? gtid_pos_find(&in_binlog, t->run->sc->node[0].domain_id).seq
                  : 0;
        if (guard_now_ms() > end || guard_signal() != 0) {
            return run_fail(t->run, "T2 does not reach the binlog");
        }
        guard_sleep_ms(2);
    }
    return c->deaf || await_word(t, APP_HELD);
}

static bool say_status(struct theatre *t, const char *when)
{
    struct live_status s;

    return status_read(t->run, &t->reader, when, &s);
}

/* Shows that the replica which came back is a good one: it ACKs the next transaction, which
 * releases T2 as well, since ACKs are cumulative. */
static bool next_transaction(struct theatre *t)
{
    enum answer t2;

    if (!session_open(&t->other, t->run->server.socket) || !session_send_insert(&t->other, 2, 0)) {
        return run_fail(t->run, "client of T3: %s", t->other.error);
    }
    if (session_answer(&t->other, RECEIVER_LIMIT_MS) != ANSWER_OK) {
        return run_fail(t->run, "T3 was not answered: the receiver that came back does not ACK");
    }
    t2 = session_answer(&t->client, RECEIVER_ANSWER_MS);
    run_say(t->run, "    T3 commits in another session and is ACKed; T2 answered OK with it: %s",
            t2 == ANSWER_OK ? "yes" : "no");
    return true;
}

/* The receiver starts again. Behind T2 it is not sent T2 a second time. */
static bool judge_return(struct theatre *t, const char *name)
{
    struct live_run *r = t->run;
    char pos[GTID_DOMAINS_MAX * GTID_TEXT_MAX];
    bool behind;
    uint64_t begin;

    if (!app_start(&t->app, &r->guard, &r->sc->node[1], r->server.socket, name)) {
        return run_fail(r, "receiver: %s", t->app.why);
    }
    if (!await_word(t, APP_STREAMING)) {
        return false;
    }
    begin = guard_now_ms();
    behind = gtid_pos_find(&t->app.asked, r->sc->node[0].domain_id).seq >= 2;
    if (!gtid_pos_text(&t->app.asked, pos, sizeof pos)) {
        pos[0] = '\0';
    }
    run_say(r, "    it comes back with GTID position '%s', which %s T2", pos,
            behind ? "includes" : "is before");
    if (session_answer(&t->client, behind ? RUN_STUCK_MS : RECEIVER_LIMIT_MS) == ANSWER_OK) {
        run_say(r, "    T2 answered OK %u ms after that", (unsigned)(guard_now_ms() - begin));
        run_held(r, INV_LIVE);
        return say_status(t, "afterwards");
    }
    if (guard_signal() != 0 || t->client.answer != ANSWER_NONE || server_died(&r->server)) {
        return run_fail(r, "the session of T2 ended: %s", t->client.error);
    }
    run_say(r, "    T2 is not answered %u ms after that", (unsigned)(guard_now_ms() - begin));
    run_broke(r, INV_LIVE, "T2 waits for an ACK %u ms after a replica came back at '%.40s'",
              (unsigned)(guard_now_ms() - begin), pos);
    return say_status(t, "still waiting") && next_transaction(t);
}

static bool play(struct theatre *t, const struct receiver_case *c, const char *name)
{
    if (!up(t, t->run, name) || !first_transaction(t, c->libmariadb)) {
        return false;
    }
    if (!c->comes_back) {
        return second_transaction(t, c) && judge(t);
    }
    if (!leave_waiting(t, c) || !judge(t)) {
        return false;
    }
    if (t->ledger.answered != 1) {
        return run_fail(t->run, "T2 was answered without an ACK");
    }
    return say_status(t, "receiver gone") && judge_return(t, name);
}

static bool applies(const struct live_plan *p, const struct receiver_case *c)
{
    return c->comes_back
               ? p->comes_back
               : p->kind == LIVE_RECEIVER_LOST && !p->live_only && c->libmariadb == p->libmariadb;
}

bool receiver_lost(struct live_run *r)
{
    struct theatre *t = calloc(1, sizeof *t);
    bool good = true;

    assert(t != NULL);
    if (r->plan.kill_for_power) {
        run_say(r,
                "the scenario's power loss of the receiver is played as kill -9, which takes less");
    }
    if (r->plan.live_only) {
        run_say(r, "judged is LIVE alone: what else the scenario loses cannot be shown by kill -9");
    }
    for (uint32_t i = 0; good && i < sizeof cases / sizeof cases[0]; i++) {
        const struct receiver_case *c = &cases[i];

        for (uint32_t n = 0; good && applies(&r->plan, c) && n < c->times; n++) {
            char name[16];

            run_case(r, c->title);
            (void)snprintf(name, sizeof name, "case%u", r->out->n_cases);
            t->run = r;
            good = play(t, c, name);
            down(t);
            run_case_end(r);
        }
    }
    free(t);
    return good && (guard_signal() == 0 || run_fail(r, "interrupted"));
}

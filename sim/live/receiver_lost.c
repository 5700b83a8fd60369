/* Cases in which a receiver that ACKs is lost: kill -9 of its process. What its file then lacks
 * although the primary counted an ACK was never true (ACKTRUE).
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/live/app.h"
#include "sim/live/run.h"

enum { RECEIVER_LIMIT_MS = 20000, RECEIVER_ANSWER_MS = 5000 };

struct receiver_case {
    const char *title;
    bool libmariadb; /* a case of the Connector/C application, else of our receiver */
    bool let_store;  /* the application gets leave to store before it is killed */
    bool kill_first; /* killed without waiting for the client's answer */
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
};

struct theatre {
    struct live_run *run;
    struct live_session reader;
    struct live_session client;
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
                      sizeof r->out->server_version) ||
        !session_make_table(&t->reader)) {
        return run_fail(r, "making the table: %s", t->reader.error);
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
    if (!session_send_insert(&t->client, 0)) {
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

    if (!session_send_insert(&t->client, 1)) {
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
    if (!logs_read(&held, t->app.folder, "relay", why, sizeof why)) {
        return run_fail(t->run, "file of the receiver: %s", why);
    }
    run_say(t->run, "    kill -9 of the receiver: answered OK, so ACKed: %s; its file holds %s",
            txns_text(t->ledger.answered, ok), txns_text(history_mask(&held), txns));
    run_judge(t->run, INV_ACKTRUE, ledger_lost(&t->ledger, history_mask(&held)),
              "ACKed, not in the file of the receiver");
    return true;
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
    for (uint32_t i = 0; good && i < sizeof cases / sizeof cases[0]; i++) {
        const struct receiver_case *c = &cases[i];

        for (uint32_t n = 0; good && c->libmariadb == r->plan.libmariadb && n < c->times; n++) {
            char name[16];

            run_case(r, c->title);
            (void)snprintf(name, sizeof name, "case%u", r->out->n_cases);
            good = up(t, r, name) && first_transaction(t, c->libmariadb) &&
                   second_transaction(t, c) && judge(t);
            down(t);
            run_case_end(r);
        }
    }
    free(t);
    return good && (guard_signal() == 0 || run_fail(r, "interrupted"));
}

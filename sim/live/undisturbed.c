/* Cases in which nothing goes wrong: sessions commit at the same time, as one group or as two, with
 * the ACKs let go one by one; or they commit without a pause. Whatever a reader sees, at any
 * moment, must be a prefix of the binlog (AGREE); a client is answered for an ACK that has left
 * (OBS), and everybody is answered when all have (LIVE).
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/live/stage.h"
#include "sim/live/status.h"

enum { GROUP_WAIT_US = 2000000, STORM_WAIT_US = 3000, STORM_TXNS = 15 };

struct undisturbed_case {
    const char *title;
    bool groups;  /* the last session commits behind the others' group, which waits for its ACK */
    bool third;   /* three sessions, each a group: how deep is the pipeline? */
    bool held;    /* ACKs are held, and let go one by one */
    bool endless; /* each session sends its next transaction when it has an answer */
};

static const struct undisturbed_case cases[] = {
    {.title = "the sessions commit as one group; its ACKs leave one by one", .held = true},
    {.title = "one session commits behind a group that waits; the ACKs leave one by one",
     .held = true,
     .groups = true},
    {.title = "a third group behind two, of which the first waits; the ACKs leave one by one",
     .held = true,
     .third = true},
    {.title = "the sessions commit without a pause", .endless = true},
};

struct scene {
    struct stage st; /* first: what is turned */
    uint32_t n_reads;
    txn_mask read[64]; /* what the reader saw, each once */
    unsigned commits, groups;
};

/* ---- what is to be seen --------------------------------------------------------------------- */

/* One look of the reader. What it sees is compared with the binlog in the end. */
static bool look(struct scene *s)
{
    struct stage *st = &s->st;
    txn_mask all = st->ledger.seen;
    txn_mask now;
    bool good;

    st->ledger.seen = 0;
    good = stage_read(st);
    now = st->ledger.seen;
    st->ledger.seen |= all;
    for (uint32_t i = 0; i < s->n_reads; i++) {
        if (s->read[i] == now) {
            return good;
        }
    }
    if (s->n_reads == sizeof s->read / sizeof s->read[0]) { /* of 15 transactions: 16 prefixes */
        return run_fail(st->run, "more readings than there can be prefixes of the binlog");
    }
    s->read[s->n_reads++] = now;
    return good;
}

static bool watch(struct scene *s, uint32_t ms)
{
    for (uint64_t end = guard_now_ms() + ms; guard_now_ms() < end;) {
        if (!stage_turn(&s->st) || !look(s)) {
            return false;
        }
    }
    return true;
}

static bool groups_so_far(struct scene *s, unsigned *commits, unsigned *groups)
{
    char text[60];

    return (session_text(&s->st.reader,
                         "SELECT GROUP_CONCAT(VARIABLE_VALUE ORDER BY VARIABLE_NAME SEPARATOR ' ')"
                         " FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME IN"
                         " ('BINLOG_COMMITS', 'BINLOG_GROUP_COMMITS')",
                         text, sizeof text) &&
            sscanf(text, "%u %u", commits, groups) == 2) ||
           run_fail(s->st.run, "reader: %s", s->st.reader.error);
}

static bool say_groups(struct scene *s)
{
    unsigned commits;
    unsigned groups;

    if (!groups_so_far(s, &commits, &groups)) {
        return false;
    }
    run_say(s->st.run, "    %u commits in %u groups", commits - s->commits, groups - s->groups);
    return true;
}

static bool observe(struct scene *s, const char *when)
{
    struct stage *st = &s->st;
    struct live_status status;

    if (!look(s) || !status_read(st->run, &st->reader, when, &status) || !stage_read_logs(st)) {
        return false;
    }
    stage_say_seen(st, when);
    status_judge(st->run, &status, st->ledger.answered, st->ledger.answered & ~stage_acked(st));
    return true;
}

/* ---- the sessions commit -------------------------------------------------------------------- */

/* The next group begins to be written when so many have queued, or after that time. */
static bool gather(struct scene *s, uint32_t n, uint32_t wait_us)
{
    char sql[120];

    (void)snprintf(sql, sizeof sql,
                   "SET GLOBAL binlog_commit_wait_count=%u, GLOBAL binlog_commit_wait_usec=%u", n,
                   wait_us);
    return session_exec(&s->st.reader, sql) ||
           run_fail(s->st.run, "reader: %s", s->st.reader.error);
}

static bool in_binlog_at_once(struct scene *s, uint32_t from, uint32_t to)
{
    if (!gather(s, to - from, GROUP_WAIT_US)) {
        return false;
    }
    for (uint32_t i = from; i < to; i++) {
        if (!stage_send(&s->st, i)) {
            return false;
        }
    }
    return stage_until(&s->st, stage_in_binlog, STAGE_LIMIT_MS, "the commits reach the binlog") &&
           gather(s, 0, 0);
}

static bool commit(struct scene *s, const struct undisturbed_case *c)
{
    uint32_t n = s->st.n_clients;
    uint32_t first = c->groups ? n - 1 : n;

    return in_binlog_at_once(s, 0, first) && (first == n || in_binlog_at_once(s, first, n)) &&
           stage_until(&s->st, stage_all_received, STAGE_LIMIT_MS, "the replica receives them");
}

/* AFTER_SYNC: the first waits with LOCK_after_binlog_sync, the second waits for that lock with
 * LOCK_log, and the third has nothing to write with (facts 1.1). */
static bool commit_three(struct scene *s)
{
    struct stage *st = &s->st;

    for (uint32_t i = 0; i < 3; i++) {
        if (i > 0 &&
            (!stage_until(st, stage_in_binlog, STAGE_LIMIT_MS, "a commit is in the binlog") ||
             !stage_until(st, stage_all_received, STAGE_LIMIT_MS, "and on the replica"))) {
            return false;
        }
        if (!stage_send(st, i)) {
            return false;
        }
    }
    if (!watch(s, 2 * st->run->plan.settle_ms)) {
        return false;
    }
    run_say(st->run, "    the third group is %s",
            stage_in_binlog(st) ? "in the binlog" : "not written meanwhile");
    return true;
}

/* Each ACK by itself, and a while in which what it releases is done: two threads of the server and
 * a client, one behind the other. */
static bool let_go(struct scene *s)
{
    struct stage *st = &s->st;
    const uint32_t settle_ms = 2 * st->run->plan.settle_ms;

    if (!watch(s, settle_ms) || !observe(s, "every ACK held")) {
        return false;
    }
    while (peer_acks_held(&st->peer[0]) > 0) {
        peer_let_ack_go(&st->peer[0]);
        if (!watch(s, settle_ms) || !observe(s, "an ACK has left")) {
            return false;
        }
    }
    peer_set_hold(&st->peer[0], false);
    return true;
}

static bool storm(struct scene *s)
{
    struct stage *st = &s->st;

    if (!gather(s, 2, STORM_WAIT_US)) { /* else each is a group of its own */
        return false;
    }
    while (st->n_sent < STORM_TXNS) {
        for (uint32_t i = 0; i < st->n_clients && st->n_sent < STORM_TXNS; i++) {
            if (stage_answered(st, i) && !stage_send(st, i)) {
                return false;
            }
        }
        if (!stage_turn(st) || !look(s)) {
            return false;
        }
        if (server_died(&st->run->server)) {
            return run_fail(st->run, "%s", st->run->server.why);
        }
    }
    return true;
}

/* ---- a case --------------------------------------------------------------------------------- */

/* All ACKs have left: whoever is not answered yet waits for nothing that could come. */
static bool judge_answers(struct scene *s)
{
    struct stage *st = &s->st;
    txn_mask waits = 0;

    for (uint64_t end = guard_now_ms() + RUN_STUCK_MS;
         !stage_all_answered(st) && guard_now_ms() < end;) {
        if (!stage_turn(st) || !look(s)) {
            return false;
        }
    }
    for (uint32_t i = 0; i < st->n_clients; i++) {
        waits |= stage_answered(st, i) ? 0 : st->sent[i];
    }
    run_judge(st->run, INV_LIVE, waits, "not answered although every ACK has left");
    return stage_until(st, stage_all_received, STAGE_LIMIT_MS, "the replica receives them");
}

static bool judge(struct scene *s)
{
    struct stage *st = &s->st;
    txn_mask all = (1u << st->n_sent) - 1;
    char order[TXNS_TEXT_MAX] = "";

    if (!judge_answers(s) || !say_groups(s) || !observe(s, "in the end")) {
        return false;
    }
    for (uint32_t i = 0; i < st->primary.n; i++) {
        size_t n = strlen(order);

        (void)snprintf(order + n, sizeof order - n, "%sT%u", i > 0 ? " " : "",
                       st->primary.at[i].txn + 1);
    }
    run_say(st->run, "    order of the binlog: %s; %u different readings", order, s->n_reads);
    for (uint32_t i = 0; i < s->n_reads; i++) {
        run_judge(st->run, INV_AGREE, ledger_disagree(&st->primary, s->read[i], false),
                  "not in the order of the binlog, or not in it");
    }
    run_judge(st->run, INV_AGREE, all & ~(st->ledger.seen & history_mask(&st->primary)),
              "committed, and not in both binlog and table");
    stage_judge_replicas(st);
    return true;
}

static bool play(struct scene *s, const struct undisturbed_case *c, const char *name)
{
    struct live_run *r = s->st.run;

    if (!stage_up(&s->st, r, name) || !groups_so_far(s, &s->commits, &s->groups)) {
        return false;
    }
    peer_set_hold(&s->st.peer[0], c->held);
    if (c->endless) {
        return storm(s) && judge(s);
    }
    return (c->third ? commit_three(s) : commit(s, c)) && let_go(s) && judge(s);
}

bool undisturbed(struct live_run *r)
{
    bool good = true;

    for (size_t i = 0; good && i < sizeof cases / sizeof cases[0]; i++) {
        struct scene *s;
        char name[16];

        if (cases[i].third && r->plan.sessions < 3) {
            continue;
        }
        s = calloc(1, sizeof *s);
        assert(s != NULL);
        run_case(r, cases[i].title);
        (void)snprintf(name, sizeof name, "case%u", r->out->n_cases);
        s->st.run = r;
        good = play(s, &cases[i], name);
        stage_down(&s->st);
        run_case_end(r);
        free(s);
    }
    return good;
}

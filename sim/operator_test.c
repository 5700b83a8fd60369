/* Operators: who is asked, the budget, and what each act does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "sim/test_sim.h"

#define TWO "workload: {sessions: 2, transactions: 2}\n"
#define ONE "workload: {sessions: 1, transactions: 1}\n"

static uint32_t act_key(enum operator_act act, uint32_t node, uint32_t session)
{
    return move_key(MOVE_OPERATOR, node, act, session);
}

static bool waits(const struct rig *g, uint32_t session)
{
    return g->w->node[P].primary.by[session].state == COMMITTER_ACK;
}

/* The session's transaction is published and its thread waits; nothing has been sent. */
static void bring_to_wait(struct rig *g, uint32_t session)
{
    rig_do(g, MOVE_CLIENT, (int)session, -1);
    while (!waits(g, session)) {
        uint32_t key = rig_find(g, MOVE_DISK, P, (int)session);
        rig_take(g, key != 0 ? key : rig_find(g, MOVE_RUN, P, (int)session));
    }
}

/* Session 0 leads, session 1 follows, and the leader waits for both. */
static void bring_group_to_wait(struct rig *g)
{
    rig_do(g, MOVE_CLIENT, 0, -1);
    rig_do(g, MOVE_CLIENT, 1, -1);
    rig_run_to(g, P, 0, "write");
    rig_run_to(g, P, 1, "queue"); /* there it stays */
    while (!waits(g, 0)) {
        uint32_t key = rig_find(g, MOVE_DISK, P, 0);
        rig_take(g, key != 0 ? key : rig_find(g, MOVE_RUN, P, 0));
    }
}

static void names_are_found(void **state)
{
    (void)state;
    for (uint32_t a = 0; a < OPERATOR_ACTS; a++) {
        assert_int_equal(operator_act_find(operator_act_name((enum operator_act)a)), a);
        assert_true(strlen(operator_act_statement((enum operator_act)a)) > 0);
    }
    assert_int_equal(operator_act_find("reboot"), OPERATOR_ACTS);
}

static void budgets_are_spent(void **state)
{
    (void)state;
    struct rig g;
    rig_open(&g, RIG_TRIO ONE "operator: [{do: stop-slave, at_most: 1}, {do: start-slave}]\n");
    assert_true(rig_may(&g, act_key(OPERATOR_STOP_SLAVE, R1, 0)));
    assert_true(rig_may(&g, act_key(OPERATOR_STOP_SLAVE, R2, 0)));
    assert_false(rig_may(&g, act_key(OPERATOR_STOP_SLAVE, P, 0)));
    assert_false(rig_may(&g, act_key(OPERATOR_START_SLAVE, R1, 0))); /* it runs */
    assert_true(operator_admitted(&g.sim, R1));
    assert_false(operator_admitted(&g.sim, P));
    rig_take(&g, act_key(OPERATOR_STOP_SLAVE, R1, 0));
    assert_int_equal(g.w->node[R1].receiver.state, RECEIVER_STOPPED);
    assert_false(rig_may(&g, act_key(OPERATOR_STOP_SLAVE, R2, 0)));
    rig_take(&g, act_key(OPERATOR_START_SLAVE, R1, 0));
    rig_settle(&g);
    assert_int_equal(g.w->node[R1].receiver.state, RECEIVER_STREAMING);
    assert_false(operator_admitted(&g.sim, R1));
    assert_true(rig_reached(&g, REACH_OPERATOR_STOP_SLAVE));
    assert_true(rig_reached(&g, REACH_OPERATOR_START_SLAVE));
    assert_int_equal(g.violated, 0);
    rig_close(&g);
}

/* A run that stands still but for an operator stands still. */
static void a_run_may_end_without_them(void **state)
{
    (void)state;
    struct rig g;
    rig_open(&g, RIG_PAIR ONE "operator: [{do: stop-slave}]\n");
    rig_do(&g, MOVE_CLIENT, 0, -1);
    rig_settle(&g);
    assert_true(rig_reached(&g, REACH_ALL_DONE));
    assert_false(moves_any(&g.sim));
    rig_close(&g);
}

static void disabled_releases_who_waits(void **state)
{
    (void)state;
    struct rig g;
    rig_open(&g, RIG_PAIR TWO "operator: [{do: set-semi-sync-off}, {do: set-semi-sync-on}]\n");
    bring_to_wait(&g, 0);
    assert_false(rig_may(&g, act_key(OPERATOR_SEMI_SYNC_ON, P, 0)));
    rig_take(&g, act_key(OPERATOR_SEMI_SYNC_OFF, P, 0));
    assert_int_equal(g.w->node[P].primary.semisync.enabled, 0);
    assert_int_equal(g.w->node[P].primary.semisync.clients, 1u << R1); /* dump threads stay */
    while (g.w->client[0].busy != CLIENT_IDLE)
        rig_do(&g, MOVE_RUN, P, 0);
    assert_int_equal(g.w->ledger.answered & 1, 1);
    assert_int_equal(g.w->ledger.acked[R1] & 1, 0);
    rig_take(&g, act_key(OPERATOR_SEMI_SYNC_ON, P, 0));
    assert_int_equal(g.w->node[P].primary.semisync.on, 1);
    rig_do(&g, MOVE_CLIENT, 1, -1);
    rig_settle(&g);
    assert_true(rig_reached(&g, REACH_ACK_COUNTED));
    assert_int_equal(g.w->ledger.answered & 3, 3);
    assert_int_equal(g.violated, 0);
    rig_close(&g);
}

/* MDEV-34122: registered, then OFF and ON, then the wait: nobody will ask for its ACK. */
static void forgotten_positions_are_not_awaited(void **state)
{
    (void)state;
    struct rig g;
    rig_open(&g, RIG_PAIR ONE "operator: [{do: set-semi-sync-off}, {do: set-semi-sync-on}]\n");
    rig_do(&g, MOVE_CLIENT, 0, -1);
    rig_run_to(&g, P, 0, "publish");
    assert_int_equal(g.w->node[P].primary.semisync.n, 1);
    rig_take(&g, act_key(OPERATOR_SEMI_SYNC_OFF, P, 0));
    rig_take(&g, act_key(OPERATOR_SEMI_SYNC_ON, P, 0));
    rig_run(&g, P);
    assert_int_equal(g.w->client[0].busy, CLIENT_IDLE);
    assert_int_equal(g.violated, 1u << INV_OBS); /* nobody counts it */
    rig_close(&g);
}

static void a_killed_query_is_answered(void **state)
{
    (void)state;
    struct rig g;
    rig_open(&g, RIG_PAIR ONE "operator: [{do: kill-query, at_most: 2}]\n");
    assert_int_equal(rig_find(&g, MOVE_OPERATOR, -1, -1), 0); /* nobody waits */
    bring_to_wait(&g, 0);
    rig_take(&g, act_key(OPERATOR_KILL_QUERY, P, 0));
    assert_int_equal(rig_find(&g, MOVE_OPERATOR, -1, -1), 0); /* it is killed already */
    while (g.w->client[0].busy != CLIENT_IDLE)
        rig_do(&g, MOVE_RUN, P, 0);
    assert_int_equal(g.w->ledger.answered & 1, 1);
    assert_int_equal(g.w->node[P].primary.semisync.on, 1);
    assert_int_equal(g.w->node[P].primary.semisync.n, 1); /* an ACK is asked for all the same */
    assert_int_equal(g.w->node[P].primary.killed, 0);     /* the flag goes with the statement */
    rig_settle(&g);
    assert_int_equal(g.w->node[P].primary.semisync.n, 0);
    assert_int_equal(g.violated, 1u << INV_OBS); /* an OK under ON, without an ACK */
    rig_close(&g);
}

static void a_killed_leader_waits_for_nobody(void **state)
{
    (void)state;
    struct rig g;
    rig_open(&g, RIG_PAIR TWO "operator: [{do: kill-session}]\n");
    bring_group_to_wait(&g);
    assert_int_equal(primary_kill_victim(&g.w->node[P].primary, 0), KILL_LEADER);
    assert_int_equal(primary_kill_victim(&g.w->node[P].primary, 1), KILL_FOLLOWER);
    rig_take(&g, act_key(OPERATOR_KILL_SESSION, P, 0));
    assert_true(rig_reached(&g, REACH_KILLED_LEADER));
    assert_int_equal(g.w->client[0].busy, CLIENT_CUT_OFF);
    while (g.w->client[0].busy != CLIENT_IDLE || g.w->client[1].busy != CLIENT_IDLE) {
        uint32_t key = rig_find(&g, MOVE_RUN, P, 1);
        rig_take(&g, key != 0 ? key : rig_find(&g, MOVE_RUN, P, 0));
    }
    assert_int_equal(g.w->ledger.answered & 3, 2); /* the member, without an ACK */
    assert_int_equal(g.w->ledger.acked[R1] & 3, 0);
    assert_int_equal(g.w->ledger.refused, 0);
    rig_close(&g);
}

static void a_killed_follower_changes_no_wait(void **state)
{
    (void)state;
    struct rig g;
    rig_open(&g, RIG_PAIR TWO "operator: [{do: kill-session}]\n");
    bring_group_to_wait(&g);
    rig_take(&g, act_key(OPERATOR_KILL_SESSION, P, 1));
    assert_false(rig_reached(&g, REACH_KILLED_LEADER));
    assert_int_equal(rig_find(&g, MOVE_RUN, P, 0), 0); /* the leader sleeps on */
    assert_true(waits(&g, 0));
    rig_settle(&g);
    assert_int_equal(g.w->ledger.answered & 3, 1);
    assert_int_equal(g.w->ledger.acked[R1] & 3, 3);
    assert_int_equal(g.violated, 0);
    rig_close(&g);
}

static void mysql_waits_on(void **state)
{
    (void)state;
    struct rig g;
    rig_open(&g, RIG_HEAD "cluster: {primary: {profile: mysql-8.0}, replicas: [{}]}\n" ONE
                          "operator: [{do: kill-session}, {do: kill-query}]\n");
    bring_to_wait(&g, 0);
    assert_false(rig_may(&g, act_key(OPERATOR_KILL_QUERY, P, 0))); /* it would change nothing */
    rig_take(&g, act_key(OPERATOR_KILL_SESSION, P, 0));
    assert_true(waits(&g, 0));
    rig_settle(&g);
    assert_int_equal(g.w->client[0].busy, CLIENT_IDLE);
    assert_int_equal(g.w->ledger.answered & 1, 0);
    assert_int_equal(g.violated, 0);
    rig_close(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_found),
        cmocka_unit_test(budgets_are_spent),
        cmocka_unit_test(a_run_may_end_without_them),
        cmocka_unit_test(disabled_releases_who_waits),
        cmocka_unit_test(forgotten_positions_are_not_awaited),
        cmocka_unit_test(a_killed_query_is_answered),
        cmocka_unit_test(a_killed_leader_waits_for_nobody),
        cmocka_unit_test(a_killed_follower_changes_no_wait),
        cmocka_unit_test(mysql_waits_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

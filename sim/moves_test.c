/* What could happen next: the list, its order, and what must not be on it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/test_sim.h"

#define WORK "workload: {sessions: 2, transactions: 3}\n"

static void names_go_both_ways(void **state)
{
    (void)state;
    for (uint32_t k = MOVE_RUN; k < MOVE_KINDS; k++)
        assert_int_equal(move_kind_find(move_kind_name((enum move_kind)k)), k);
    assert_int_equal(move_kind_find("none"), MOVE_KINDS); /* 0 is no move */
    assert_int_equal(move_kind_find(""), MOVE_KINDS);
    assert_int_equal(move_key(MOVE_NET, 1, 2, 3), (uint32_t)MOVE_NET << 24 | 0x010203);
}

/* Along random walks: no key twice, faults and operators last, moves_any agrees. */
static void the_list_is_in_order(void **state)
{
    (void)state;
    struct rig g;
    uint32_t kinds = 0;
    rig_open(&g,
             RIG_HEAD "cluster: {primary: {timeout: 1s}, replicas: [{}, {}]}\n" WORK
                      "faults: [{point: node/power, at_most: 2}, {point: net/reset, at_most: 2},\n"
                      "         {point: net/partition, of: primary}, {point: node/kill}]\n"
                      "operator: [{do: kill-session}, {do: stop-slave}, {do: start-slave}]\n");
    struct walker k = {.base = {.pick = walker_pick}, .seed = 5};
    g.sim.chooser = &k.base;
    for (uint32_t run = 0; run < 20; run++) {
        sim_start(&g.sim);
        do {
            struct moves m;
            moves_list(&g.sim, &m);
            assert_int_equal(moves_any(&g.sim), m.n > m.faults);
            for (uint32_t i = 0; i < m.n; i++) {
                uint32_t kind = m.key[i] >> 24;
                bool fault = kind == MOVE_KILL || kind == MOVE_POWER || kind == MOVE_RESET ||
                             kind == MOVE_PARTITION || kind == MOVE_OPERATOR;
                assert_int_equal(fault, i + m.faults >= m.n);
                for (uint32_t j = 0; j < i; j++)
                    assert_int_not_equal(m.key[i], m.key[j]);
                kinds |= 1u << kind;
            }
        } while (sim_step(&g.sim) == STEP_MOVED);
    }
    uint32_t long_runs = 1u << MOVE_CALM | 1u << MOVE_PHASE;
    /* each kind was there at least once */
    assert_int_equal(kinds | long_runs, (1u << MOVE_KINDS) - 2);
    rig_close(&g);
}

static void a_refused_step_changes_nothing(void **state)
{
    (void)state;
    struct rig g;
    rig_open(&g, RIG_PAIR WORK);
    struct hash128 before = world_hash(g.w);
    g.move = move_key(MOVE_KILL, P, 0, 0);
    assert_int_equal(sim_step(&g.sim), STEP_REFUSED);
    assert_hash_equal(world_hash(g.w), before);
    assert_int_equal(world_steps(g.w), 0);
    rig_do(&g, MOVE_CLIENT, 0, -1);
    assert_int_equal(world_steps(g.w), 1);
    rig_close(&g);
}

static void clients_go_one_by_one_to_who_serves(void **state)
{
    (void)state;
    struct rig g;
    rig_open(&g, RIG_PAIR WORK "faults: [{point: node/kill, of: primary}]\n");
    rig_do(&g, MOVE_CLIENT, 0, -1);
    assert_int_equal(rig_find(&g, MOVE_CLIENT, 0, -1), 0); /* waits for its answer */
    assert_int_not_equal(rig_find(&g, MOVE_CLIENT, 1, -1), 0);
    assert_int_equal(g.w->client[0].txn, 0);
    rig_settle(&g);
    assert_int_equal(g.w->ledger.answered & 7, 1);
    rig_do(&g, MOVE_CLIENT, 0, -1); /* numbered as they are sent */
    assert_int_equal(g.w->client[0].txn, 1);
    assert_int_equal(rig_find(&g, MOVE_CLIENT, 0, -1), 0);
    rig_do(&g, MOVE_KILL, P, -1);
    assert_int_equal(rig_find(&g, MOVE_CLIENT, -1, -1), 0); /* nobody serves */
    assert_false(g.w->client[0].busy);                      /* it will never know */
    rig_manage(&g);
    assert_true(g.w->node[R1].primary.serving);
    rig_do(&g, MOVE_CLIENT, 1, -1);
    assert_int_equal(g.w->client[1].node, R1);
    assert_int_equal(g.w->client[1].txn, 2);
    assert_int_equal(rig_find(&g, MOVE_CLIENT, -1, -1), 0); /* all are sent */
    rig_close(&g);
}

static void the_end_is_when_nothing_can_happen(void **state)
{
    (void)state;
    struct rig g;
    rig_open(&g, RIG_PAIR "workload: {sessions: 1, transactions: 1}\n");
    rig_do(&g, MOVE_CLIENT, 0, -1);
    rig_settle(&g);
    assert_true(rig_reached(&g, REACH_ALL_DONE));
    struct hash128 before = world_hash(g.w);
    assert_int_equal(sim_step(&g.sim), STEP_END);
    assert_hash_equal(world_hash(g.w), before);
    assert_false(moves_any(&g.sim));
    rig_close(&g);
}

static void an_applier_keeps_the_pace_of_the_scenario(void **state)
{
    (void)state;
    for (uint32_t lags = 0; lags < 2; lags++) {
        struct rig g;
        rig_open(&g, lags ? RIG_PAIR WORK "manager: {applier: at-promotion}\n"
                                          "faults: [{point: node/kill, of: primary}]\n"
                          : RIG_PAIR WORK);
        rig_do(&g, MOVE_CLIENT, 0, -1);
        rig_settle(&g);
        assert_int_equal(rig_sees(&g, R1, 0), lags == 0);
        assert_int_equal(g.w->node[R1].behind, lags);
        if (lags) {
            rig_do(&g, MOVE_KILL, P, -1);
            rig_manage(&g);
            assert_true(rig_sees(&g, R1, 0));
            assert_true(rig_reached(&g, REACH_PROMOTION_APPLIED_RELAY));
        }
        rig_close(&g);
    }
}

static void who_may_be_started_again(void **state)
{
    (void)state;
    for (uint32_t may = 0; may < 2; may++) {
        struct rig g;
        char yaml[512];
        snprintf(yaml, sizeof yaml,
                 RIG_TRIO WORK "manager: {restart_replicas: %s}\n"
                               "faults: [{point: node/kill, at_most: 2}]\n",
                 may ? "true" : "false");
        rig_open(&g, yaml);
        assert_int_equal(rig_find(&g, MOVE_START, -1, -1), 0);
        rig_do(&g, MOVE_KILL, R1, -1);
        assert_int_equal(rig_find(&g, MOVE_START, R1, -1) != 0, may);
        rig_do(&g, MOVE_KILL, P, -1);
        assert_int_equal(rig_find(&g, MOVE_START, P, -1), 0); /* the manager's business */
        rig_manage(&g);
        assert_true(g.w->node[R2].primary.serving);
        assert_int_equal(rig_find(&g, MOVE_START, P, -1), 0); /* discarded */
        if (may) {
            rig_do(&g, MOVE_START, R1, -1);
            rig_settle(&g);
            assert_int_equal(g.w->node[R1].receiver.primary, R2);
            assert_true(rig_reached(&g, REACH_REPLICA_RESTART));
        }
        assert_int_equal(g.violated, 0);
        rig_close(&g);
    }
}

static void a_dead_or_full_world_stands_still(void **state)
{
    (void)state;
    struct rig g;
    struct moves m;
    rig_open(&g, RIG_PAIR WORK "faults: [{point: node/kill}]\n");
    g.w->dead = 1;
    moves_list(&g.sim, &m);
    assert_int_equal(m.n + m.faults, 0);
    assert_int_equal(sim_step(&g.sim), STEP_END);
    g.w->dead = 0;
    g.w->full = 1;
    moves_list(&g.sim, &m);
    assert_int_equal(m.n + m.faults, 0);
    assert_int_equal(sim_step(&g.sim), STEP_FULL);
    g.w->full = 0;
    moves_list(&g.sim, &m);
    assert_true(m.n > 0);
    rig_close(&g);
}

/* What the manager finds out about a node. */
static void the_manager_sees_what_it_could_ask(void **state)
{
    (void)state;
    struct rig g;
    struct manager_view v;
    rig_open(&g, RIG_TRIO WORK "faults: [{point: node/kill, of: replica},\n"
                               "         {point: net/partition, of: primary}]\n"
                               "manager: {applier: at-promotion}\n");
    rig_do(&g, MOVE_CLIENT, 0, -1);
    rig_run(&g, P);
    rig_receive(&g, P, R1);
    rig_do(&g, MOVE_KILL, R2, -1);
    manager_view_of(g.w, 3, &v);
    assert_true(v.node[P].reachable && v.node[P].serving && !v.node[P].down);
    assert_true(v.node[R1].reachable && v.node[R1].hears_primary && !v.node[R1].applied);
    assert_true(v.node[R2].down && !v.node[R2].reachable && !v.node[R2].hears_primary);
    assert_int_equal(v.node[R1].received, 2);
    assert_int_equal(v.node[P].received, 2);
    rig_do(&g, MOVE_PARTITION, P, -1);
    manager_view_of(g.w, 3, &v);
    assert_true(!v.node[P].reachable && !v.node[P].down);
    rig_close(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_go_both_ways),
        cmocka_unit_test(the_list_is_in_order),
        cmocka_unit_test(a_refused_step_changes_nothing),
        cmocka_unit_test(clients_go_one_by_one_to_who_serves),
        cmocka_unit_test(the_end_is_when_nothing_can_happen),
        cmocka_unit_test(an_applier_keeps_the_pace_of_the_scenario),
        cmocka_unit_test(who_may_be_started_again),
        cmocka_unit_test(a_dead_or_full_world_stands_still),
        cmocka_unit_test(the_manager_sees_what_it_could_ask),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}

/* Weakened faults, the proof of need, and smaller scenarios. */
#include "sim/explore/toy_test_util.h"

#include "sim/explore/reduce.h"
#include "sim/test_sim.h"

/* ---- on the toy ------------------------------------------------------------------------------ */

/* NOLOSS: worker 0 done, worker 1 began, the kill leaves nothing. */
static void start_noloss(struct witness *w)
{
    rules = (struct rules){.n = 2, .k = 2, .kills = 1};
    witness_start(w, &scenario);
    witness_add(w, CHOOSE_MOVE, key_of(MOVE_RUN, 1), 0);
    witness_add(w, CHOOSE_MOVE, key_of(MOVE_RUN, 0), 0);
    witness_add(w, CHOOSE_MOVE, key_of(MOVE_RUN, 0), 0);
}

static void need_is_shown(void **state)
{
    (void)state;
    struct witness w = {0};
    enum need need[8];
    start_noloss(&w);
    witness_add(&w, CHOOSE_MOVE, key_of(MOVE_KILL, 0), 0);
    witness_add(&w, CHOOSE_SURVIVE, 0, 3);
    assert_int_equal(search_needed(&toy_machine, &scenario, INV_NOLOSS, &w, need), 0);
    for (uint32_t i = 0; i < w.n; i++)
        assert_int_equal(need[i], NEEDED);

    /* a move too many, in the middle: it and nothing else is idle */
    start_noloss(&w);
    witness_add(&w, CHOOSE_MOVE, key_of(MOVE_RUN, 1), 0);
    witness_add(&w, CHOOSE_MOVE, key_of(MOVE_KILL, 0), 0);
    witness_add(&w, CHOOSE_SURVIVE, 0, 3);
    assert_int_equal(search_needed(&toy_machine, &scenario, INV_NOLOSS, &w, need), 2);
    assert_int_equal(need[0], NEED_NOT); /* either step of worker 1 does */
    assert_int_equal(need[3], NEED_NOT);
    assert_int_equal(need[1], NEEDED);
    assert_int_equal(need[4], NEEDED);
    assert_int_equal(need[5], NEEDED);
    search_shorten(&toy_machine, &scenario, INV_NOLOSS, &w);
    assert_int_equal(w.n, 5);
    assert_int_equal(search_needed(&toy_machine, &scenario, INV_NOLOSS, &w, need), 0);

    /* an answer that asks for nothing: the kill took nothing, and LIVE breaks all the same */
    witness_start(&w, &scenario);
    witness_add(&w, CHOOSE_MOVE, key_of(MOVE_KILL, 0), 0);
    for (uint32_t i = 0; i < 4; i++)
        witness_add(&w, CHOOSE_MOVE, key_of(MOVE_RUN, i / 2), 0);
    assert_int_equal(search_needed(&toy_machine, &scenario, INV_LIVE, &w, need), 0);
    witness_free(&w);
}

static void a_witness_of_another_scenario(void **state)
{
    (void)state;
    struct witness w = {0};
    start_noloss(&w);
    assert_false(search_adapt(&toy_machine, &scenario, INV_NOLOSS, &w));
    assert_int_equal(w.n, 3);                             /* as it was */
    witness_add(&w, CHOOSE_MOVE, key_of(MOVE_RUN, 3), 0); /* there is no worker 3 */
    witness_add(&w, CHOOSE_FAULT, 1, 2);
    witness_add(&w, CHOOSE_MOVE, key_of(MOVE_KILL, 0), 0);
    witness_add(&w, CHOOSE_SURVIVE, 0, 3);
    assert_true(search_adapt(&toy_machine, &scenario, INV_NOLOSS, &w));
    assert_int_equal(w.n, 5);
    assert_replays(&w, INV_NOLOSS);
    witness_free(&w);
}

/* ---- scenarios ------------------------------------------------------------------------------- */

static void power_becomes_kill(void **state)
{
    (void)state;
    struct scenario sc = {.n_faults = 2,
                          .fault = {{FAULT_NODE_POWER, OF_ANY, 2, FILE_NONE},
                                    {FAULT_NET_RESET, OF_ANY, 1, FILE_NONE}}};
    assert_false(scenario_power_to_kill(&sc, 1));
    assert_true(scenario_power_to_kill(&sc, 0));
    assert_int_equal(sc.n_faults, 3);
    assert_int_equal(sc.fault[0].at_most, 1);
    assert_int_equal(sc.fault[2].point, FAULT_NODE_KILL);
    assert_int_equal(sc.fault[2].of, OF_ANY);
    assert_int_equal(sc.fault[2].at_most, 1);
    assert_true(scenario_power_to_kill(&sc, 0));
    assert_int_equal(sc.n_faults, 2); /* the last power loss takes its entry with it */
    assert_int_equal(sc.fault[0].point, FAULT_NET_RESET);
    assert_int_equal(sc.fault[1].at_most, 2);

    /* a budget for kills of other nodes would overlap */
    sc = (struct scenario){.n_faults = 2,
                           .fault = {{FAULT_NODE_POWER, OF_ANY, 1, FILE_NONE},
                                     {FAULT_NODE_KILL, OF_REPLICA, 1, FILE_NONE}}};
    assert_false(scenario_power_to_kill(&sc, 0));
    scenario_drop_fault(&sc, 0);
}

static void replicas_close_up(void **state)
{
    (void)state;
    struct scenario sc = {.n_nodes = 4};
    for (uint32_t i = 0; i < 4; i++)
        sc.node[i].server_id = 10 + i;
    scenario_drop_replica(&sc, 2);
    scenario_drop_replica(&sc, 2);
    assert_int_equal(sc.n_nodes, 2);
    assert_int_equal(sc.node[1].server_id, 11);
}

/* ---- on the world ---------------------------------------------------------------------------- */

static void search_and_reduce(const char *yaml, enum invariant inv, uint64_t max_states,
                              struct scenario *sc, struct witness *w)
{
    struct result r;
    enum need need[256];
    rig_load(sc, yaml);
    explore_random(sc, DRIVER_SWARM, 1, 5000, NULL, &r);
    assert_int_equal(r.verdict[inv], VERDICT_BREAKS);
    witness_copy(w, &r.witness[inv], r.witness[inv].n);
    assert_true(explore_reduce(sc, inv, &(struct reduce_options){.max_states = max_states}, w));
    struct run_outcome out;
    assert_int_equal(explore_replay(sc, w, NULL, &out, stderr, NULL, NULL), REPLAY_DONE);
    assert_true(out.violated >> inv & 1);
    assert_int_equal(sc->expect[inv], EXPECT_BREAKS);
    assert_true(w->n < 256);
    assert_int_equal(explore_needed(sc, inv, w, need), 0);
    result_free(&r);
}

#define LOSE "faults: [{point: node/power, of: any}, {point: net/reset}]\n"

/* Asynchronous: one session, one transaction, one kill of the primary, one replica. */
static void to_the_bone(void **state)
{
    (void)state;
    for (uint64_t max_states = 0; max_states <= 2000; max_states += 2000) {
        struct scenario sc;
        struct witness w = {0};
        search_and_reduce(RIG_HEAD "cluster: {primary: {semi_sync: off}, replicas: [{}, {}]}\n"
                                   "workload: {sessions: 2, transactions: 2}\n" LOSE
                                   "manager: {applier: at-promotion}\nreach: [promotion]\n",
                          INV_NOLOSS, max_states, &sc, &w);
        assert_int_equal(sc.n_nodes, 2);
        assert_int_equal(sc.sessions, 1);
        assert_int_equal(sc.transactions, 1);
        assert_int_equal(sc.n_faults, 1);
        assert_int_equal(sc.fault[0].point, FAULT_NODE_KILL);
        assert_true(sc.reach == (reach_mask)1 << REACH_PROMOTION);
        witness_free(&w);
    }
}

/* What needs a power loss keeps it: an unsynced relay log survives a kill. */
static void what_is_needed_stays(void **state)
{
    (void)state;
    struct scenario sc;
    struct witness w = {0};
    search_and_reduce(
        RIG_HEAD "cluster: {replicas: [{sync_relay_log: 0}]}\n"
                 "workload: {sessions: 1, transactions: 2}\n"
                 "faults: [{point: node/power, of: primary}, {point: node/power, of: replica}]\n"
                 "manager: {applier: at-promotion}\n",
        INV_NOLOSS, 2000, &sc, &w);
    assert_int_equal(sc.n_nodes, 2);
    assert_int_equal(sc.transactions, 1);
    assert_int_equal(sc.n_faults, 2);
    assert_int_equal(scenario_budget(&sc, FAULT_NODE_POWER, 1), 1);
    assert_int_equal(scenario_budget(&sc, FAULT_NODE_KILL, 0), 1);
    witness_free(&w);
}

static bool never(void *arg, const struct scenario *sc, const struct witness *w)
{
    (void)sc;
    (void)w;
    ++*(int *)arg;
    return false;
}

static void another_counterexample_is_none(void **state)
{
    (void)state;
    struct scenario sc;
    struct result r;
    int asked = 0;
    rig_load(&sc, RIG_HEAD "cluster: {primary: {semi_sync: off}, replicas: [{}]}\n"
                           "workload: {sessions: 1, transactions: 2}\n"
                           "faults: [{point: node/power, of: primary}]\n");
    const struct scenario was = sc;
    explore_exhaust(&sc, NULL, &r);
    const struct reduce_options o = {.max_states = 10000, .same = never, .arg = &asked};
    assert_false(explore_reduce(&sc, INV_NOLOSS, &o, &r.witness[INV_NOLOSS]));
    assert_true(asked > 0);
    assert_memory_equal(&sc, &was, sizeof sc);
    result_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(need_is_shown),
        cmocka_unit_test(a_witness_of_another_scenario),
        cmocka_unit_test(power_becomes_kill),
        cmocka_unit_test(replicas_close_up),
        cmocka_unit_test(to_the_bone),
        cmocka_unit_test(what_is_needed_stays),
        cmocka_unit_test(another_counterexample_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}

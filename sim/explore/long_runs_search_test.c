/* Long runs over the real world: a seed is a run, also of hundreds of phases; what breaks late is
 * found, replayed, and cut down to the phase that breaks it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/explore/search.h"

static struct result result;

static void load(struct scenario *sc, const char *file, uint32_t phases)
{
    assert_true(scenario_load(file, sc, stderr));
    sc->phases = phases;
}

static uint32_t count(const struct witness *w, enum move_kind kind)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < w->n; i++) {
        n += w->choice[i].what == CHOOSE_MOVE && w->choice[i].key >> 24 == (uint32_t)kind;
    }
    return n;
}

static void test_a_seed_is_a_run(void **state)
{
    (void)state;
    static struct scenario sc;
    load(&sc, "scenarios/02-after-sync.yaml", 40);
    for (enum driver d = DRIVER_UNIFORM; d < DRIVER_GUIDED; d++) {
        struct run_outcome a;
        struct run_outcome b;
        struct witness w = {0};
        explore_seed(&sc, d, 7, &a, &w);
        explore_seed(&sc, d, 7, &b, NULL);
        assert_memory_equal(&a, &b, sizeof a);
        assert_int_equal(a.violated, 0);
        assert_int_equal(a.phases, 39);
        assert_int_equal(count(&w, MOVE_PHASE), 39);
        assert_int_equal(count(&w, MOVE_CALM), 40);
        assert_int_equal(a.transactions, count(&w, MOVE_CLIENT));
        assert_true(a.transactions > 39 && a.crashes > 10);
        assert_int_equal(explore_replay(&sc, &w, NULL, &b, stderr, NULL, NULL), REPLAY_DONE);
        assert_memory_equal(&a, &b, sizeof a);
        witness_free(&w);
    }
}

/* Cells in which it takes many runs until something breaks: it is found in a later phase, and what
 * is kept of the run is that phase, or a few that it does not break without. */
static void test_a_late_defect_is_cut_to_its_phase(void **state)
{
    (void)state;
    static const struct {
        const char *file;
        enum invariant inv;
    } known[] = {
        {"scenarios/09-go-mysql-handler-kill.yaml", INV_LIVE},
        {"scenarios/10-promote-any.yaml", INV_NOLOSS},
    };
    for (uint32_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        static struct scenario sc;
        uint32_t late = 0;
        uint32_t alone = 0;
        for (uint64_t seed = 1; late < 6; seed++) {
            struct run_outcome out;
            assert_true(seed < 200);
            load(&sc, known[i].file, 400);
            explore_seed(&sc, DRIVER_SWARM, seed, &out, NULL);
            if ((out.violated >> known[i].inv & 1) == 0 || out.phases < 4)
                continue; /* one that breaks it, and not at once */
            explore_random(&sc, DRIVER_SWARM, seed, seed, NULL, &result);
            assert_int_equal(result.broken_runs[known[i].inv], 1);
            const struct witness *w = &result.witness[known[i].inv];
            sc.phases = 1 + count(w, MOVE_PHASE);
            assert_true(sc.phases <= 4 && sc.phases <= out.phases);
            assert_true(w->n < 120);
            late++;
            alone += sc.phases == 1;
            sc.phases = sc.phases == 1 ? 0 : sc.phases;
            assert_int_equal(explore_replay(&sc, w, NULL, &out, stderr, NULL, NULL), REPLAY_DONE);
            assert_true(out.violated >> known[i].inv & 1);
            result_free(&result);
        }
        assert_true(alone >= 2);
    }
}

/* The largest cluster: five replicas, of which one ACK releases a commit. Which of them is promoted
 * is all that decides. */
static void test_six_servers(void **state)
{
    (void)state;
    static const struct {
        const char *file;
        invariant_mask breaks;
    } known[] = {
        {"scenarios/10-promote-most-advanced.yaml", 0},
        {"scenarios/10-promote-any.yaml", 1u << INV_NOLOSS},
    };
    for (uint32_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        static struct scenario sc;
        load(&sc, known[i].file, 50);
        assert_int_equal(sc.n_nodes, 3);
        for (; sc.n_nodes < NODES_MAX; sc.n_nodes++) {
            sc.node[sc.n_nodes] = sc.node[2];
            sc.node[sc.n_nodes].server_id = sc.node[2].server_id + sc.n_nodes - 2;
        }
        explore_random(&sc, DRIVER_SWARM, 1, 20, NULL, &result);
        assert_int_equal(result.full, 0);
        invariant_mask broken = 0;
        for (uint32_t k = 0; k < INVARIANTS; k++)
            broken |= (result.broken_runs[k] != 0 ? 1u : 0u) << k;
        assert_int_equal(broken & known[i].breaks, known[i].breaks);
        if (known[i].breaks == 0) {
            assert_int_equal(broken, 0);
            assert_int_equal(result.phases, 20 * 49);
            assert_true(result.crashes > 500);
            assert_true(result.reached >> REACH_PROMOTION & 1);
        }
        result_free(&result);
    }
}

static void test_processes_do_not_show(void **state)
{
    (void)state;
    static struct scenario sc;
    static struct result again;
    load(&sc, "scenarios/02-after-sync.yaml", 20);
    explore_random(&sc, DRIVER_SWARM, 1, 40, NULL, &result);
    explore_random(&sc, DRIVER_SWARM, 1, 40, &(struct explore_options){.jobs = 3}, &again);
    assert_true(hash_equal(result.digest, again.digest));
    assert_int_equal(result.phases, 40 * 19);
    assert_int_equal(again.phases, result.phases);
    assert_int_equal(again.transactions, result.transactions);
    assert_int_equal(again.crashes, result.crashes);
    assert_int_equal(result.full, 0);
    result_free(&result);
    result_free(&again);
}

/* A run that reaches its bound is not left standing: the faults stop, and it ends in rest. */
static void test_a_bound_is_no_end(void **state)
{
    (void)state;
    static struct scenario sc;
    load(&sc, "scenarios/02-after-sync.yaml", 0);
    sc.max_steps = 5;
    for (enum driver d = DRIVER_UNIFORM; d < DRIVER_GUIDED; d++) {
        struct run_outcome out;
        struct run_outcome again;
        struct witness w = {0};
        for (uint64_t seed = 1; seed < 30; seed++) {
            explore_seed(&sc, d, seed, &out, &w);
            assert_int_equal(count(&w, MOVE_CALM), 1);
            assert_int_equal(w.choice[w.n - 1].what, CHOOSE_MOVE);
            assert_true(out.steps > 5);
            assert_int_equal(out.violated, 0);
            assert_int_equal(explore_replay(&sc, &w, NULL, &again, stderr, NULL, NULL),
                             REPLAY_DONE);
        }
        witness_free(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_seed_is_a_run),
        cmocka_unit_test(test_a_late_defect_is_cut_to_its_phase),
        cmocka_unit_test(test_six_servers),
        cmocka_unit_test(test_processes_do_not_show),
        cmocka_unit_test(test_a_bound_is_no_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}

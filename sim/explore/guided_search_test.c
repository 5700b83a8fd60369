/* Guided sessions: a seed is a session, sessions know nothing of each other, and runs that learn
 * find more than runs that do not. */
#include "sim/explore/sampler.h"
#include "sim/explore/toy_test_util.h"

static struct result again;

static void load(struct scenario *sc, const char *file)
{
    assert_true(scenario_load(file, sc, stderr));
}

static void test_a_seed_is_a_session(void **state)
{
    (void)state;
    static struct scenario sc;
    load(&sc, "scenarios/02-after-sync.yaml");
    explore_random(&sc, DRIVER_GUIDED, 5, 7, NULL, &result);
    explore_random(&sc, DRIVER_GUIDED, 5, 7, &(struct explore_options){.jobs = 2}, &again);
    assert_int_equal(result.runs, 3 * GUIDED_RUNS);
    assert_int_equal(again.runs, result.runs);
    assert_int_equal(again.transitions, result.transitions);
    assert_int_equal(again.ends, result.ends);
    assert_true(hash_equal(again.digest, result.digest));
    result_free(&again);
    explore_random(&sc, DRIVER_GUIDED, 6, 8, NULL, &again);
    assert_false(hash_equal(again.digest, result.digest));
    result_free(&again);
    result_free(&result);
}

/* Of a session the first run that broke something is its seed's run. */
static void test_what_is_found_is_found_again(void **state)
{
    (void)state;
    static struct scenario sc;
    load(&sc, "scenarios/08-publish-before-fsync.yaml");
    const struct explore_options o = {.until = 1u << INV_NOAHEAD};
    explore_random(&sc, DRIVER_GUIDED, 1, 20, &o, &result);
    assert_int_equal(result.verdict[INV_NOAHEAD], VERDICT_BREAKS);
    assert_int_equal(result.broken_runs[INV_NOAHEAD], 1); /* no run behind it was made */
    assert_true(result.runs < 20 * GUIDED_RUNS);
    struct run_outcome out;
    assert_int_equal(
        explore_replay(&sc, &result.witness[INV_NOAHEAD], NULL, &out, stderr, NULL, NULL),
        REPLAY_DONE);
    assert_true(out.violated >> INV_NOAHEAD & 1);
    struct witness w = {0};
    explore_seed(&sc, DRIVER_GUIDED, result.first_seed[INV_NOAHEAD], &out, &w);
    assert_int_not_equal(out.violated, 0);
    assert_int_equal(explore_replay(&sc, &w, NULL, &out, stderr, NULL, NULL), REPLAY_DONE);
    assert_int_not_equal(out.violated, 0);
    witness_free(&w);
    result_free(&result);
}

static void test_until_stops_the_others_too(void **state)
{
    (void)state;
    static struct scenario sc;
    load(&sc, "scenarios/01-after-commit.yaml");
    explore_random(&sc, DRIVER_PCT, 1, 2000, NULL, &again);
    const struct explore_options o = {.until = 1u << INV_NOPHANTOM, .jobs = 2};
    explore_random(&sc, DRIVER_PCT, 1, 2000, &o, &result);
    assert_int_equal(result.first_seed[INV_NOPHANTOM], again.first_seed[INV_NOPHANTOM]);
    assert_int_equal(result.runs, again.first_seed[INV_NOPHANTOM]);
    result_free(&result);
    result_free(&again);
}

/* CONVERGE in row 8 takes a power loss in a window of a few moves, and one more transaction. */
static void test_learning_helps(void **state)
{
    (void)state;
    static struct scenario sc;
    load(&sc, "scenarios/08-publish-before-fsync.yaml");
    explore_random(&sc, DRIVER_GUIDED, 1, 5, NULL, &result);
    explore_random(&sc, DRIVER_SWARM, 1, 5 * GUIDED_RUNS, NULL, &again);
    print_message("guided %llu, swarm %llu of %u\n",
                  (unsigned long long)result.broken_runs[INV_CONVERGE],
                  (unsigned long long)again.broken_runs[INV_CONVERGE], 5 * GUIDED_RUNS);
    assert_true(result.broken_runs[INV_CONVERGE] > 2 * again.broken_runs[INV_CONVERGE]);
    result_free(&result);
    result_free(&again);
}

/* A machine without a ledger: nothing is learnt, and the runs are made. */
static void test_without_a_ledger(void **state)
{
    (void)state;
    rules = (struct rules){.n = 2, .k = 4, .kills = 1, .lies = 1};
    search_random(&toy_machine, &scenario, DRIVER_GUIDED, 1, 1, NULL, &result);
    assert_int_equal(result.runs, GUIDED_RUNS);
    assert_int_equal(result.verdict[INV_NOLOSS], VERDICT_BREAKS);
    assert_replays(&result.witness[INV_NOLOSS], INV_NOLOSS);
    result_free(&result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_seed_is_a_session),
        cmocka_unit_test(test_what_is_found_is_found_again),
        cmocka_unit_test(test_until_stops_the_others_too),
        cmocka_unit_test(test_learning_helps),
        cmocka_unit_test(test_without_a_ledger),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}

/* The random drivers on the toy, and the finds of PCT on the real world. */
#include "sim/explore/sampler.h"
#include "sim/explore/toy_test_util.h"

/* ---- random drivers -------------------------------------------------------------------------- */

static void test_a_seed_is_a_run(void **state)
{
    (void)state;
    rules = (struct rules){.n = 4, .k = 9, .kills = 2, .lies = 1};
    const enum driver drivers[] = {DRIVER_UNIFORM, DRIVER_SWARM, DRIVER_PCT};
    for (uint32_t d = 0; d < 3; d++) {
        struct hash128 seen[50];
        for (uint64_t seed = 0; seed < 50; seed++) {
            struct run_outcome a;
            struct run_outcome b;
            struct run_outcome c;
            struct witness w = {0};
            search_seed(&toy_machine, &scenario, drivers[d], seed, &a, &w);
            search_seed(&toy_machine, &scenario, drivers[d], seed, &b, NULL);
            assert_memory_equal(&a, &b, sizeof a);
            assert_true(a.steps >= 4 * 9);
            assert_int_equal(replay(&w, NULL, &c, NULL, 0), REPLAY_DONE);
            assert_memory_equal(&a, &c, sizeof a);
            seen[seed] = a.rolling;
            for (uint64_t i = 0; i < seed; i++) {
                assert_false(hash_equal(seen[i], a.rolling));
            }
            witness_free(&w);
        }
    }
}

/* PCT: the highest moves until it falls, and falls at the changes that were drawn and nowhere else;
 * who has fallen is below all who have not. */
static void test_pct_falls_where_it_was_drawn(void **state)
{
    (void)state;
    enum { ACTORS = 8, MOVES = 200 };
    uint32_t keys[ACTORS];
    for (uint32_t i = 0; i < ACTORS; i++) {
        keys[i] = (uint32_t)MOVE_RUN << 24 | i << 16 | (uint32_t)TASK_APPLIER << 8;
    }
    uint32_t falls = 0;
    for (uint64_t seed = 0; seed < 100; seed++) {
        struct streams s;
        struct pct p;
        bool fell[ACTORS] = {false};
        streams_start(&s, seed);
        pct_start(&p, &s, MOVES);
        uint32_t last = ACTORS;
        for (uint32_t at = 0; at < MOVES; at++) {
            bool falls_here = false;
            for (uint32_t i = 0; i < p.n_changes; i++) {
                falls_here |= p.change[i] == at && !p.lifts[i];
            }
            uint32_t picked = pct_pick(&p, &s, ACTORS, keys);
            assert_true(picked < ACTORS && !fell[picked]);
            if (last < ACTORS) {
                assert_true((picked != last) == falls_here);
                fell[last] = falls_here;
                falls += falls_here;
            }
            last = picked;
        }
    }
    assert_true(falls > 100);
}

static void test_random_finds_and_repeats(void **state)
{
    (void)state;
    static struct result again;
    rules = (struct rules){.n = 2, .k = 4, .kills = 1, .lies = 1};
    const enum driver drivers[] = {DRIVER_UNIFORM, DRIVER_SWARM, DRIVER_PCT};
    for (uint32_t d = 0; d < 3; d++) {
        search_random(&toy_machine, &scenario, drivers[d], 1, 2000, NULL, &result);
        search_random(&toy_machine, &scenario, drivers[d], 1, 2000, NULL, &again);
        assert_int_equal(result.runs, 2000);
        assert_true(hash_equal(result.digest, again.digest));
        assert_int_equal(result.transitions, again.transitions);
        assert_false(result.exhausted);
        assert_int_equal(result.reach_times[REACH_ALL_DONE], 2000);
        assert_int_equal(result.ends, 2); /* lied or not */
        assert_int_equal(result.verdict[INV_NOLOSS], VERDICT_BREAKS);
        assert_replays(&result.witness[INV_NOLOSS], INV_NOLOSS);
        assert_int_equal(result.witness[INV_NOLOSS].n, 8);
        assert_replays(&result.witness[INV_LIVE], INV_LIVE);
        assert_replays(&result.witness[INV_AGREE], INV_AGREE);
        result_free(&again);
        search_random(&toy_machine, &scenario, drivers[d], 2, 2001, NULL, &again);
        assert_false(hash_equal(result.digest, again.digest));
        result_free(&again);
        result_free(&result);
    }
}

/* One more question about a fault must not move the moves. */
static void test_streams_are_apart(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct run_outcome out;
        struct witness quiet = {0};
        struct witness asked = {0};
        rules = (struct rules){.n = 3, .k = 8};
        search_seed(&toy_machine, &scenario, DRIVER_SWARM, seed, &out, &quiet);
        rules.lies = 2;
        search_seed(&toy_machine, &scenario, DRIVER_SWARM, seed, &out, &asked);
        assert_true(asked.n > quiet.n);
        uint32_t j = 0;
        for (uint32_t i = 0; i < asked.n; i++) {
            if (asked.choice[i].what == CHOOSE_MOVE) {
                assert_int_equal(asked.choice[i].key, quiet.choice[j++].key);
            }
        }
        assert_int_equal(j, quiet.n);
        witness_free(&quiet);
        witness_free(&asked);
    }
}

/* A driver must be able to put the fault anywhere: each position of the kill occurs. */
static void places_faults_everywhere(enum driver d)
{
    rules = (struct rules){.n = 2, .k = 10, .kills = 1};
    uint32_t at[22] = {0};
    for (uint64_t seed = 0; seed < 3000; seed++) {
        struct run_outcome out;
        struct witness w = {0};
        search_seed(&toy_machine, &scenario, d, seed, &out, &w);
        uint32_t moves = 0;
        for (uint32_t i = 0; i < w.n && w.choice[i].key != key_of(MOVE_KILL, 0); i++) {
            moves += w.choice[i].what == CHOOSE_MOVE;
        }
        assert_true(moves <= 20);
        at[moves]++;
        witness_free(&w);
    }
    for (uint32_t i = 0; i <= 20; i++) {
        assert_true(at[i] > 5);
    }
}

static void test_faults_come_everywhere(void **state)
{
    (void)state;
    places_faults_everywhere(DRIVER_SWARM);
    places_faults_everywhere(DRIVER_PCT);
}

static void test_long_runs_are_cut(void **state)
{
    (void)state;
    rules = (struct rules){.n = 1, .k = 3, .turns = true};
    scenario.max_steps = 17;
    struct run_outcome out;
    search_seed(&toy_machine, &scenario, DRIVER_UNIFORM, 5, &out, NULL);
    assert_int_equal(out.steps, 17);
    search_random(&toy_machine, &scenario, DRIVER_SWARM, 1, 3, NULL, &result);
    assert_int_equal(result.transitions, 3 * 17);
    assert_int_equal(result.ends, 0);
    result_free(&result);
    scenario.max_steps = 0;
}

/* One worker is to run to its end before the other one starts, which uniform hardly ever does. */
static void test_pct_starves(void **state)
{
    (void)state;
    rules = (struct rules){.n = 4, .k = 12};
    uint32_t order[4] = {0};
    for (uint64_t seed = 0; seed < 400; seed++) {
        struct run_outcome out;
        struct witness w = {0};
        search_seed(&toy_machine, &scenario, DRIVER_PCT, seed, &out, &w);
        uint32_t last[4] = {0};
        uint32_t first[4] = {0};
        for (uint32_t i = w.n; i > 0; i--) {
            first[w.choice[i - 1].key >> 16 & 3] = i;
        }
        for (uint32_t i = 0; i < w.n; i++) {
            last[w.choice[i].key >> 16 & 3] = i + 1;
        }
        for (uint32_t i = 0; i < 4; i++) {
            order[i] += last[i] < first[(i + 1) & 3];
        }
        witness_free(&w);
    }
    for (uint32_t i = 0; i < 4; i++) {
        assert_true(order[i] > 40);
    }
}

/* ---- counts ---------------------------------------------------------------------------------- */

static void assert_same_numbers(const struct result *a, const struct result *b)
{
    assert_true(hash_equal(a->digest, b->digest));
    assert_int_equal(a->runs, b->runs);
    assert_int_equal(a->transitions, b->transitions);
    assert_int_equal(a->ends, b->ends);
    assert_int_equal(a->depth_max, b->depth_max);
    assert_int_equal(a->reached, b->reached);
    assert_memory_equal(a->reach_times, b->reach_times, sizeof a->reach_times);
    assert_memory_equal(a->verdict, b->verdict, sizeof a->verdict);
    assert_memory_equal(a->broken_runs, b->broken_runs, sizeof a->broken_runs);
    assert_memory_equal(a->first_seed, b->first_seed, sizeof a->first_seed);
    for (uint32_t i = 0; i < INVARIANTS; i++) {
        assert_int_equal(a->witness[i].n, b->witness[i].n);
        assert_true(hash_equal(a->witness[i].final_hash, b->witness[i].final_hash));
    }
}

/* Counts are those of the seeds one by one. */
static void test_counts_of_runs(void **state)
{
    (void)state;
    rules = (struct rules){.n = 2, .k = 4, .kills = 1, .lies = 1};
    for (uint32_t d = 0; d < DRIVER_GUIDED; d++) {
        uint64_t runs[INVARIANTS] = {0};
        uint64_t first[INVARIANTS] = {0};
        for (uint64_t seed = 7; seed <= 306; seed++) {
            struct run_outcome out;
            search_seed(&toy_machine, &scenario, (enum driver)d, seed, &out, NULL);
            for (uint32_t i = 0; i < INVARIANTS; i++) {
                if (out.violated >> i & 1 && runs[i]++ == 0) {
                    first[i] = seed;
                }
            }
        }
        search_random(&toy_machine, &scenario, (enum driver)d, 7, 306, NULL, &result);
        assert_memory_equal(result.broken_runs, runs, sizeof runs);
        assert_memory_equal(result.first_seed, first, sizeof first);
        assert_true(runs[INV_LIVE] > 0 && runs[INV_SANE] == 0);
        result_free(&result);
    }
}

static void test_processes_do_not_show(void **state)
{
    (void)state;
    static struct result alone;
    rules = (struct rules){.n = 3, .k = 5, .kills = 2, .lies = 1};
    for (uint32_t d = 0; d < DRIVER_GUIDED; d++) {
        search_random(&toy_machine, &scenario, (enum driver)d, 10, 510, NULL, &alone);
        for (uint32_t jobs = 2; jobs <= 5; jobs++) {
            const struct explore_options o = {.jobs = jobs};
            search_random(&toy_machine, &scenario, (enum driver)d, 10, 510, &o, &result);
            assert_same_numbers(&alone, &result);
            result_free(&result);
        }
        result_free(&alone);
        /* at the end of the numbers, and fewer seeds than processes */
        const struct explore_options o = {.jobs = 3};
        search_random(&toy_machine, &scenario, (enum driver)d, UINT64_MAX - 9, UINT64_MAX, NULL,
                      &alone);
        search_random(&toy_machine, &scenario, (enum driver)d, UINT64_MAX - 9, UINT64_MAX, &o,
                      &result);
        assert_int_equal(alone.runs, 10);
        assert_same_numbers(&alone, &result);
        result_free(&result);
        result_free(&alone);
        search_random(&toy_machine, &scenario, (enum driver)d, 5, 5, &o, &result);
        assert_int_equal(result.runs, 1);
        result_free(&result);
    }
}

/* ---- the real world -------------------------------------------------------------------------- */

/* Cells that are known to break, found by PCT with a few thousand runs, and replayed. */
static void test_pct_finds_known_bugs(void **state)
{
    (void)state;
    static const struct {
        const char *file;
        enum invariant inv;
    } known[] = {
        {"scenarios/01-after-commit.yaml", INV_NOPHANTOM},
        {"scenarios/07-before-write-serves.yaml", INV_CONVERGE},
        {"scenarios/08-publish-before-fsync.yaml", INV_NOAHEAD},
        {"scenarios/08-sync-binlog-0.yaml", INV_AGREE},
        {"scenarios/10-promote-any.yaml", INV_NOLOSS},
    };
    for (uint32_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        static struct scenario sc;
        struct run_outcome out;
        const struct explore_options o = {.jobs = 2};
        assert_true(scenario_load(known[i].file, &sc, stderr));
        explore_random(&sc, DRIVER_PCT, 1, 2000, &o, &result);
        assert_int_equal(result.verdict[known[i].inv], VERDICT_BREAKS);
        print_message("%s: %llu of 2000\n", sc.name,
                      (unsigned long long)result.broken_runs[known[i].inv]);
        assert_int_equal(
            explore_replay(&sc, &result.witness[known[i].inv], NULL, &out, stderr, NULL, NULL),
            REPLAY_DONE);
        assert_true(out.violated >> known[i].inv & 1);
        for (uint32_t k = 0; k < INVARIANTS; k++) { /* no sample refutes what is proved */
            assert_true(sc.expect[k] != EXPECT_HOLDS || result.broken_runs[k] == 0);
        }
        result_free(&result);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_seed_is_a_run),
        cmocka_unit_test(test_pct_falls_where_it_was_drawn),
        cmocka_unit_test(test_random_finds_and_repeats),
        cmocka_unit_test(test_streams_are_apart),
        cmocka_unit_test(test_faults_come_everywhere),
        cmocka_unit_test(test_long_runs_are_cut),
        cmocka_unit_test(test_pct_starves),
        cmocka_unit_test(test_counts_of_runs),
        cmocka_unit_test(test_processes_do_not_show),
        cmocka_unit_test(test_pct_finds_known_bugs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}

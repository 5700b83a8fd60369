/* Exhaustive search, replay and shortening on the toy. */
#include "sim/explore/toy_test_util.h"

/* ---- exhaustive search ----------------------------------------------------------------------- */

static void test_counts_are_exact(void **state)
{
    (void)state;
    for (uint32_t n = 1; n <= 4; n++) {
        for (uint32_t k = 1; k <= 5; k++) {
            exhaust((struct rules){.n = n, .k = k}, NULL);
            assert_true(result.exhausted);
            assert_int_equal(result.states, power(k + 1, n));
            assert_int_equal(result.transitions, n * k * power(k + 1, n - 1));
            assert_int_equal(result.moves, result.transitions);
            assert_int_equal(result.ends, 1);
            assert_int_equal(result.depth_max, n * k);
            assert_int_equal(result.reached, (reach_mask)1 << REACH_ALL_DONE);
            assert_int_equal(result.reach_times[REACH_ALL_DONE], 1);
            for (uint32_t i = 0; i < INVARIANTS; i++) {
                assert_int_equal(result.verdict[i], VERDICT_HOLDS);
                assert_int_equal(result.witness[i].n, 0);
            }
            result_free(&result);
        }
    }
}

static void test_answers_within_a_step(void **state)
{
    (void)state;
    for (uint32_t n = 2; n <= 3; n++) {
        for (uint32_t k = 1; k <= 5; k++) {
            exhaust((struct rules){.n = n, .k = k, .kills = 1}, NULL);
            uint64_t kill_transitions = power(k + 1, n - 1) * (k + 1) * (k + 2) / 2;
            assert_true(result.exhausted);
            assert_int_equal(result.states, 2 * power(k + 1, n));
            assert_int_equal(result.transitions,
                             2 * n * k * power(k + 1, n - 1) + kill_transitions);
            assert_int_equal(result.reach_times[REACH_PRIMARY_CRASH], kill_transitions);
            assert_int_equal(result.ends, 1);
            result_free(&result);
        }
    }
}

static void test_cycles(void **state)
{
    (void)state;
    exhaust((struct rules){.n = 2, .k = 3, .turns = true}, NULL);
    assert_true(result.exhausted);
    assert_int_equal(result.states, 2 * 16);
    assert_int_equal(result.transitions, 2 * (2 * 3 * 4) + 2 * 16);
    assert_int_equal(result.ends, 0);
    result_free(&result);
}

static void test_each_invariant_has_its_own_verdict(void **state)
{
    (void)state;
    exhaust((struct rules){.n = 2, .k = 4, .kills = 1, .lies = 1}, NULL);
    assert_true(result.exhausted);
    const invariant_mask broken = 1u << INV_NOLOSS | 1u << INV_AGREE | 1u << INV_LIVE;
    for (uint32_t i = 0; i < INVARIANTS; i++) {
        assert_int_equal(result.verdict[i], broken >> i & 1 ? VERDICT_BREAKS : VERDICT_HOLDS);
    }

    /* Worker 0 to the end, worker 1 once, the kill that leaves nothing. No lie. */
    const struct witness *w = &result.witness[INV_NOLOSS];
    assert_replays(w, INV_NOLOSS);
    assert_int_equal(count_choices(w, CHOOSE_MOVE, key_of(MOVE_RUN, 0)), 4);
    assert_int_equal(count_choices(w, CHOOSE_MOVE, key_of(MOVE_RUN, 1)), 1);
    assert_int_equal(count_choices(w, CHOOSE_MOVE, key_of(MOVE_KILL, 0)), 1);
    assert_int_equal(count_choices(w, CHOOSE_SURVIVE, 0), 1);
    assert_int_equal(count_choices(w, CHOOSE_FAULT, 0), 1);
    assert_int_equal(w->n, 4 + 1 + 1 + 2);
    assert_int_equal(w->choice[w->n - 1].what, CHOOSE_SURVIVE);
    assert_int_equal(w->choice[w->n - 1].n, 5);

    w = &result.witness[INV_AGREE];
    assert_replays(w, INV_AGREE);
    assert_int_equal(count_choices(w, CHOOSE_MOVE, key_of(MOVE_RUN, 1)), 4);
    assert_int_equal(count_choices(w, CHOOSE_FAULT, 1), 1);
    assert_int_equal(count_choices(w, CHOOSE_MOVE, key_of(MOVE_RUN, 0)), 0);
    assert_int_equal(count_choices(w, CHOOSE_MOVE, key_of(MOVE_KILL, 0)), 0);

    /* Seen only at the end: everybody is done and the kill has been, at no cost. */
    w = &result.witness[INV_LIVE];
    assert_replays(w, INV_LIVE);
    assert_int_equal(count_choices(w, CHOOSE_MOVE, key_of(MOVE_RUN, 0)), 4);
    assert_int_equal(count_choices(w, CHOOSE_MOVE, key_of(MOVE_RUN, 1)), 4);
    assert_int_equal(count_choices(w, CHOOSE_MOVE, key_of(MOVE_KILL, 0)), 1);
    assert_int_equal(count_choices(w, CHOOSE_FAULT, 1), 0);
    result_free(&result);
}

static void test_bounds_leave_it_unfinished(void **state)
{
    (void)state;
    struct rules big = {.n = 4, .k = 30, .kills = 1};
    exhaust(big, &(struct explore_options){.memory_bytes = 1 << 20});
    assert_false(result.exhausted);
    assert_int_equal(result.verdict[INV_SANE], VERDICT_UNFINISHED);
    assert_true(result.states > 20000 && result.states < (1 << 20) / 16);
    result_free(&result);

    exhaust(big, &(struct explore_options){.max_states = 5000});
    assert_false(result.exhausted);
    assert_int_equal(result.states, 5000);
    result_free(&result);

    scenario.max_states = 4000;
    exhaust(big, NULL);
    assert_int_equal(result.states, 4000);
    result_free(&result);
    scenario.max_states = 0;

    /* A bound of the world. What was found before counts. */
    exhaust((struct rules){.n = 2, .k = 4, .lies = 1, .full = true}, NULL);
    assert_false(result.exhausted);
    assert_int_equal(result.states, 4 * 5 + 4 * 4);
    assert_int_equal(result.verdict[INV_AGREE], VERDICT_BREAKS);
    assert_int_equal(result.verdict[INV_NOLOSS], VERDICT_UNFINISHED);
    result_free(&result);

    scenario.max_steps = 8; /* the longest run there is */
    exhaust((struct rules){.n = 2, .k = 4}, NULL);
    assert_true(result.exhausted);
    assert_int_equal(result.states, 25);
    result_free(&result);
    scenario.max_steps = 7;
    exhaust((struct rules){.n = 2, .k = 4}, NULL);
    assert_false(result.exhausted);
    assert_int_equal(result.states, 24);
    assert_int_equal(result.verdict[INV_NOLOSS], VERDICT_UNFINISHED);
    result_free(&result);
    scenario.max_steps = 1; /* one look is enough to know that a state at the bound goes on */
    exhaust((struct rules){.n = 3, .k = 1}, NULL);
    assert_int_equal(result.states, 1 + 3);
    assert_int_equal(result.transitions, 3 + 3);
    result_free(&result);
    scenario.max_steps = 0;
}

/* What one search leaves to the next does not show. */
static void test_memory_is_handed_on(void **state)
{
    (void)state;
    struct explore_options o = {.memory = explore_memory_new()};
    const struct rules wide = {.n = 4, .k = 8, .kills = 2};
    const struct rules small = {.n = 2, .k = 3, .lies = 1};
    for (uint32_t i = 0; i < 3; i++) {
        exhaust(i == 1 ? wide : small, NULL);
        struct result alone = result;
        exhaust(i == 1 ? wide : small, &o);
        assert_int_equal(result.states, alone.states);
        assert_int_equal(result.transitions, alone.transitions);
        assert_int_equal(result.depth_max, alone.depth_max);
        assert_true(hash_equal(result.digest, alone.digest));
        assert_memory_equal(result.verdict, alone.verdict, sizeof alone.verdict);
        result_free(&result);
        result_free(&alone);
    }
    explore_memory_free(o.memory);
    explore_memory_free(NULL);
}

static void test_not_exercised(void **state)
{
    (void)state;
    scenario.reach = (reach_mask)1 << REACH_PROMOTION | (reach_mask)1 << REACH_ALL_DONE;
    exhaust((struct rules){.n = 2, .k = 2, .lies = 1}, NULL);
    assert_true(result.exhausted);
    assert_int_equal(result.verdict[INV_NOLOSS], VERDICT_NOT_EXERCISED);
    assert_int_equal(result.verdict[INV_AGREE], VERDICT_BREAKS);
    result_free(&result);
    scenario.reach = (reach_mask)1 << REACH_ALL_DONE;
    exhaust((struct rules){.n = 2, .k = 2, .lies = 1}, NULL);
    assert_int_equal(result.verdict[INV_NOLOSS], VERDICT_HOLDS);
    result_free(&result);
    scenario.reach = 0;
}

static void count_tick(void *arg, const struct progress *p)
{
    uint64_t *ticks = arg;
    assert_int_equal(p->transitions, ++*ticks * 65536);
    assert_true(p->states > 0 && p->depth > 0);
}

static void test_progress(void **state)
{
    (void)state;
    uint64_t ticks = 0;
    exhaust((struct rules){.n = 4, .k = 15},
            &(struct explore_options){.tick = count_tick, .arg = &ticks});
    assert_int_equal(result.states, 65536);
    assert_int_equal(ticks, result.transitions / 65536);
    assert_true(ticks > 2);
    result_free(&result);
}

/* ---- replay ---------------------------------------------------------------------------------- */

static void record(struct witness *w, struct run_outcome *out)
{
    rules = (struct rules){.n = 2, .k = 3, .kills = 1, .lies = 1};
    search_seed(&toy_machine, &scenario, DRIVER_UNIFORM, 11, out, w);
    assert_true(w->n > 8);
}

static void test_misfits_are_said(void **state)
{
    (void)state;
    struct run_outcome out;
    struct witness w = {0};
    char said[1024];
    record(&w, &out);
    w.n--; /* cut: the run stops early in another state */
    assert_int_equal(replay(&w, NULL, &out, said, sizeof said),
                     w.choice[w.n].what == CHOOSE_MOVE ? REPLAY_HASH_DIFFERS : REPLAY_MISFIT);
    w.n++;
    struct witness_choice kept = w.choice[0];
    w.choice[0].key = key_of(MOVE_START, 3);
    assert_int_equal(replay(&w, NULL, &out, said, sizeof said), REPLAY_MISFIT);
    assert_int_equal(out.steps, 0);
    assert_non_null(strstr(said, "toy.yaml: error: choice 1 (step 1) does not fit"));
    assert_non_null(strstr(said, move_kind_name(MOVE_START)));
    assert_non_null(strstr(said, "possible is `"));
    w.choice[0] = kept;
    for (uint32_t i = 0; i < w.n; i++) { /* each answer out of place is noticed */
        if (w.choice[i].what != CHOOSE_MOVE) {
            kept = w.choice[i];
            w.choice[i].n++;
            assert_int_equal(replay(&w, NULL, &out, said, sizeof said), REPLAY_MISFIT);
            w.choice[i] = kept;
            w.choice[i].what = CHOOSE_PICK;
            assert_int_equal(replay(&w, NULL, &out, said, sizeof said), REPLAY_MISFIT);
            assert_non_null(strstr(said, "the witness says `pick"));
            w.choice[i] = kept;
        }
    }
    witness_add(&w, CHOOSE_MOVE, key_of(MOVE_RUN, 0), 0);
    assert_int_equal(replay(&w, NULL, &out, said, sizeof said), REPLAY_MISFIT);
    assert_non_null(strstr(said, "nothing can happen any more"));
    w.n--;
    assert_int_equal(replay(&w, NULL, &out, said, sizeof said), REPLAY_DONE);
    w.final_hash.lo++;
    assert_int_equal(replay(&w, NULL, &out, said, sizeof said), REPLAY_HASH_DIFFERS);
    w.final_hash.lo--;
    rules.tampered = true; /* the code under test changed */
    assert_int_equal(replay(&w, NULL, &out, said, sizeof said), REPLAY_HASH_DIFFERS);
    rules.full = true;
    assert_int_equal(replay(&w, NULL, &out, said, sizeof said), REPLAY_MISFIT);
    assert_non_null(strstr(said, "a bound of the world was hit"));
    witness_free(&w);
}

static void keep_steps(void *arg, const struct sim *s)
{
    const struct toy *t = (const struct toy *)(const void *)s->world;
    *(uint64_t *)arg = t->steps;
}

static void test_replay_stops_where_told(void **state)
{
    (void)state;
    struct run_outcome out;
    struct witness w = {0};
    record(&w, &out);
    for (uint64_t until = 1, all = out.steps; until <= all; until++) {
        uint64_t steps = 0;
        assert_int_equal(search_replay(&toy_machine, &scenario, &w,
                                       &(struct replay){.until = until, .break_at = 2}, &out,
                                       stderr, keep_steps, &steps),
                         REPLAY_DONE);
        assert_int_equal(steps, until);
        assert_int_equal(out.steps, until);
    }
    witness_free(&w);
}

/* ---- shortening ------------------------------------------------------------------------------ */

static void test_shortened_from_anywhere(void **state)
{
    (void)state;
    rules = (struct rules){.n = 3, .k = 5, .kills = 3, .lies = 2};
    uint32_t found = 0;
    for (uint64_t seed = 0; seed < 1000; seed++) {
        struct run_outcome out;
        struct witness w = {0};
        search_seed(&toy_machine, &scenario, DRIVER_SWARM, seed, &out, &w);
        if (out.violated >> INV_NOLOSS & 1) {
            found++;
            search_shorten(&toy_machine, &scenario, INV_NOLOSS, &w);
            assert_replays(&w, INV_NOLOSS);
            assert_int_equal(count_choices(&w, CHOOSE_MOVE, key_of(MOVE_RUN, 0)), 5);
            assert_int_equal(count_choices(&w, CHOOSE_MOVE, key_of(MOVE_RUN, 1)), 1);
            assert_int_equal(count_choices(&w, CHOOSE_MOVE, key_of(MOVE_KILL, 0)), 1);
            assert_int_equal(count_choices(&w, CHOOSE_FAULT, 1), 0);
            assert_int_equal(w.n, 5 + 2 + 2);
        }
        witness_free(&w);
    }
    assert_true(found > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts_are_exact),
        cmocka_unit_test(test_answers_within_a_step),
        cmocka_unit_test(test_cycles),
        cmocka_unit_test(test_each_invariant_has_its_own_verdict),
        cmocka_unit_test(test_bounds_leave_it_unfinished),
        cmocka_unit_test(test_memory_is_handed_on),
        cmocka_unit_test(test_not_exercised),
        cmocka_unit_test(test_progress),
        cmocka_unit_test(test_misfits_are_said),
        cmocka_unit_test(test_replay_stops_where_told),
        cmocka_unit_test(test_shortened_from_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}

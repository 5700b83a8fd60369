/* The walk over budgets: on the toy, where the smallest ones are known, and on real scenarios
 * beside a search of every budget by itself. */
#include "sim/explore/toy_test_util.h"

static struct fault_walk walk;

static void walk_toy(uint32_t kills, uint32_t lies, const struct explore_options *o)
{
    scenario.n_faults = 2;
    scenario.fault[0] = (struct fault_budget){FAULT_NODE_KILL, OF_PRIMARY, kills, FILE_NONE};
    scenario.fault[1] = (struct fault_budget){FAULT_FSYNC_LIE, OF_REPLICA, lies, FILE_RELAY};
    rules = (struct rules){.n = 2, .k = 3, .many = true};
    search_exhaust(&toy_machine, &scenario, o, &result);
    search_fault_sets(&toy_machine, &scenario, o, &result, &walk);
    assert_int_equal(scenario.fault[0].at_most, kills);
}

static void done(void)
{
    result_free(&result);
    fault_walk_free(&walk);
    scenario.n_faults = 0;
}

static void assert_set(const struct fault_budgets *b, uint8_t kills, uint8_t lies)
{
    assert_int_equal(b->n[0], kills);
    assert_int_equal(b->n[1], lies);
    assert_int_equal(fault_budgets_sum(b), kills + lies);
}

static void test_smallest_sets(void **state)
{
    (void)state;
    walk_toy(2, 2, NULL);
    const struct fault_sets *of = walk.of;
    for (uint32_t i = 0; i < INVARIANTS; i++) {
        assert_int_equal(of[i].asked, result.verdict[i] == VERDICT_BREAKS);
        assert_int_equal(of[i].exhausted, of[i].asked);
        assert_int_equal(of[i].n, of[i].asked);
    }
    assert_set(&of[INV_NOLOSS].minimal[0], 1, 0);
    assert_set(&of[INV_AGREE].minimal[0], 0, 1);
    assert_set(&of[INV_LIVE].minimal[0], 1, 0);
    assert_set(&of[INV_NOPHANTOM].minimal[0], 1, 1);
    assert_set(&of[INV_NOAHEAD].minimal[0], 2, 0);
    assert_set(&of[INV_SANE].minimal[0], 0, 0);
    assert_false(of[INV_CONVERGE].asked);

    assert_int_equal(of[INV_NOLOSS].n_safe, 1);
    assert_set(&of[INV_NOLOSS].safe[0], 0, 2);
    assert_int_equal(of[INV_NOPHANTOM].n_safe, 2);
    assert_set(&of[INV_NOPHANTOM].safe[0], 2, 0);
    assert_set(&of[INV_NOPHANTOM].safe[1], 0, 2);
    assert_int_equal(of[INV_NOAHEAD].n_safe, 1);
    assert_set(&of[INV_NOAHEAD].safe[0], 1, 2);
    assert_int_equal(of[INV_SANE].n_safe, 0);
    done();
}

/* One search per budget, none where everything is known, the scenario's own one not again. */
static void test_searches_are_shared(void **state)
{
    (void)state;
    walk_toy(2, 2, NULL);
    assert_int_equal(walk.n, 7); /* 00 10 01 20 11 02 12; at 21 all is known */
    for (uint32_t i = 0; i < walk.n; i++) {
        const struct fault_search *s = &walk.search[i];
        assert_true(s->asked != 0 && (s->broken & ~s->asked) == 0);
        for (uint32_t k = 0; k < i; k++) {
            assert_memory_not_equal(&s->at, &walk.search[k].at, sizeof s->at);
            assert_true(fault_budgets_sum(&walk.search[k].at) <= fault_budgets_sum(&s->at));
        }
        assert_true(s->exhausted || s->broken == s->asked);
    }
    done();
    walk_toy(0, 0, NULL); /* nothing below the top */
    assert_int_equal(walk.n, 0);
    assert_int_equal(walk.of[INV_SANE].n, 1);
    assert_set(&walk.of[INV_SANE].minimal[0], 0, 0);
    done();
    /* nothing breaks: nothing is searched */
    struct fault_walk none;
    static struct result holds;
    search_fault_sets(&toy_machine, &scenario, NULL, &holds, &none);
    assert_int_equal(none.n, 0);
    assert_false(none.of[INV_NOLOSS].asked);
}

static void test_unfinished_is_said(void **state)
{
    (void)state;
    bool any = false;
    for (uint64_t max = 4; max <= 64; max += 4) {
        walk_toy(2, 1, &(struct explore_options){.max_states = max});
        for (uint32_t i = 0; i < INVARIANTS; i++) {
            const struct fault_sets *of = &walk.of[i];
            for (uint32_t k = 0; k < walk.n; k++) {
                const struct fault_search *s = &walk.search[k];
                bool open = ((s->asked & ~s->broken) >> i & 1) != 0 && !s->exhausted;
                assert_false(open && of->exhausted);
                any = any || open;
            }
            assert_true(!of->asked || of->n > 0);
        }
        done();
    }
    assert_true(any);
}

/* A lattice too large is walked from its small end, and said to be cut. */
static void test_too_many_budgets(void **state)
{
    (void)state;
    walk_toy(100, 100, &(struct explore_options){.max_states = 2000});
    assert_true(walk.n <= FAULT_BUDGETS_DEFAULT);
    assert_true(walk.of[INV_NOPHANTOM].asked);
    assert_false(walk.of[INV_NOPHANTOM].exhausted);
    assert_set(&walk.of[INV_NOPHANTOM].minimal[0], 1, 1);
    done();
}

static void test_words(void **state)
{
    (void)state;
    char text[128];
    scenario.n_faults = 2;
    scenario.fault[0] = (struct fault_budget){FAULT_NODE_KILL, OF_ANY, 2, FILE_NONE};
    scenario.fault[1] = (struct fault_budget){FAULT_FSYNC_LIE, OF_REPLICA, 1, FILE_RELAY};
    fault_budgets_text(&scenario, &(struct fault_budgets){{0}}, text, sizeof text);
    assert_string_equal(text, "no fault");
    fault_budgets_text(&scenario, &(struct fault_budgets){{2, 1}}, text, sizeof text);
    assert_string_equal(text, "2x node/kill of any, 1x disk/fsync/lie of replica on a relay log");
    fault_budgets_text(&scenario, &(struct fault_budgets){{2, 1}}, text, 12);
    assert_string_equal(text, "2x node/kil");
    scenario.n_faults = 0;
}

/* ---- the real world -------------------------------------------------------------------------- */

static invariant_mask brute(const struct scenario *sc, uint32_t a, uint32_t b)
{
    struct scenario at = *sc;
    at.reach = 0;
    at.fault[0].at_most = a;
    at.fault[1].at_most = b;
    const struct explore_options o = {.no_witness = true};
    struct result r;
    invariant_mask broken = 0;
    explore_exhaust(&at, &o, &r);
    assert_true(r.exhausted);
    for (uint32_t i = 0; i < INVARIANTS; i++) {
        broken |= (r.verdict[i] == VERDICT_BREAKS ? 1u : 0u) << i;
    }
    result_free(&r);
    return broken;
}

/* A search finds nothing in its memory of what an earlier one left there. */
static void test_searches_do_not_meet(void **state)
{
    (void)state;
    static struct scenario sc;
    struct result again;
    const struct explore_options o = {.no_witness = true};
    assert_true(scenario_load("scenarios/09-ackproof-kill.yaml", &sc, stderr));
    explore_exhaust(&sc, &o, &result);
    explore_exhaust(&sc, &o, &again);
    assert_int_equal(result.states, again.states);
    assert_int_equal(result.transitions, again.transitions);
    assert_int_equal(result.ends, again.ends);
    assert_int_equal(result.witness[INV_LIVE].n, 0); /* verdicts only */
    assert_int_equal(result.verdict[INV_LIVE], VERDICT_BREAKS);
    result_free(&again);
    result_free(&result);
}

/* What breaks with fewer faults breaks with more, and the smallest sets are those that a search of
 * each budget by itself shows. */
static void test_real_scenarios(void **state)
{
    (void)state;
    static const char *const files[] = {
        "scenarios/01-after-commit.yaml",
        "scenarios/07-before-write-serves.yaml",
        "scenarios/05-relay-fsync-lies.yaml",
    };
    for (uint32_t f = 0; f < sizeof files / sizeof files[0]; f++) {
        static struct scenario sc;
        assert_true(scenario_load(files[f], &sc, stderr));
        sc.n_faults = sc.n_faults > 2 ? 2 : sc.n_faults;
        uint32_t top[2] = {sc.fault[0].at_most, sc.n_faults > 1 ? sc.fault[1].at_most : 0};
        explore_exhaust(&sc, NULL, &result);
        explore_fault_sets(&sc, NULL, &result, &walk);
        invariant_mask broken[4][4];
        for (uint32_t a = 0; a <= top[0]; a++) {
            for (uint32_t b = 0; b <= top[1]; b++) {
                broken[a][b] = brute(&sc, a, b);
                assert_true(a == 0 || (broken[a - 1][b] & ~broken[a][b]) == 0);
                assert_true(b == 0 || (broken[a][b - 1] & ~broken[a][b]) == 0);
            }
        }
        for (uint32_t i = 0; i < INVARIANTS; i++) {
            const struct fault_sets *of = &walk.of[i];
            uint32_t n = 0;
            assert_int_equal(of->asked, broken[top[0]][top[1]] >> i & 1);
            for (uint32_t a = 0; a <= top[0]; a++) {
                for (uint32_t b = 0; b <= top[1]; b++) {
                    bool below = (a > 0 && broken[a - 1][b] >> i & 1) ||
                                 (b > 0 && broken[a][b - 1] >> i & 1);
                    n += (broken[a][b] >> i & 1) != 0 && !below;
                }
            }
            assert_int_equal(of->n, n);
            for (uint32_t k = 0; k < of->n; k++) {
                assert_true(broken[of->minimal[k].n[0]][of->minimal[k].n[1]] >> i & 1);
            }
        }
        result_free(&result);
        fault_walk_free(&walk);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_smallest_sets),
        cmocka_unit_test(test_searches_are_shared),
        cmocka_unit_test(test_unfinished_is_said),
        cmocka_unit_test(test_too_many_budgets),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_searches_do_not_meet),
        cmocka_unit_test(test_real_scenarios),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}

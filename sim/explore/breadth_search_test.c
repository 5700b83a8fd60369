/* Breadth-first search: the same states and verdicts as depth first, and witnesses than which none
 * is shorter, on toys against a recursion without any memory of states. */
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sim/explore/toy_test_util.h"
#include "sim/explore/walk_test_util.h"

static uint32_t moves_of(const struct witness *w)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < w->n; i++)
        n += w->choice[i].what == CHOOSE_MOVE;
    return n;
}

static void assert_equal(const struct result *a, const struct result *b)
{
    assert_int_equal(a->states, b->states);
    assert_int_equal(a->transitions, b->transitions);
    assert_int_equal(a->moves, b->moves);
    assert_int_equal(a->ends, b->ends);
    assert_int_equal(a->reached, b->reached);
    assert_int_equal(a->exhausted, b->exhausted);
    assert_true(hash_equal(a->digest, b->digest));
    assert_memory_equal(a->verdict, b->verdict, sizeof a->verdict);
    assert_memory_equal(a->reach_times, b->reach_times, sizeof a->reach_times);
}

/* ---- the fewest moves, by trying everything -------------------------------------------------- */

struct fixed {
    struct chooser base;
    const uint32_t *answer;
    uint32_t n, asked, more; /* alternatives at the first question behind the answers; 0: none */
};

static uint32_t fixed_pick(struct chooser *c, enum choice what, uint32_t n, const uint32_t *keys)
{
    struct fixed *f = (struct fixed *)c;
    (void)what;
    (void)keys;
    if (f->asked == f->n)
        f->more = n;
    uint32_t i = f->asked++;
    return i < f->n ? f->answer[i] : 0;
}

static uint32_t fewest[INVARIANTS];

static void note(invariant_mask violated, uint32_t moves)
{
    for (uint32_t i = 0; i < INVARIANTS; i++) {
        if (violated >> i & 1 && moves < fewest[i])
            fewest[i] = moves;
    }
}

static void try_all(const struct toy *from, uint32_t moves, uint32_t *answer, uint32_t n)
{
    struct toy t = *from;
    struct fixed f = {.base = {.pick = fixed_pick}, .answer = answer, .n = n};
    struct sim s = {.scenario = &scenario, .world = (struct world *)&t, .chooser = &f.base};
    enum step_result end = toy_step(&s);
    if (end == STEP_END) {
        note(s.violated, moves);
    } else if (f.more > 0) {
        for (answer[n] = 0; answer[n] < f.more; answer[n]++)
            try_all(from, moves, answer, n + 1);
    } else {
        note(s.violated, moves + 1);
        uint32_t next[16];
        try_all(&t, moves + 1, next, 0);
    }
}

static void as_short_as_any(void **state)
{
    (void)state;
    static const struct rules some[] = {
        {.n = 2, .k = 3, .kills = 1, .lies = 1},
        {.n = 2, .k = 3, .kills = 2},
        {.n = 3, .k = 2, .kills = 1, .lies = 1, .many = true},
        {.n = 2, .k = 2, .kills = 2, .lies = 2, .many = true},
    };
    for (size_t i = 0; i < sizeof some / sizeof some[0]; i++) {
        struct toy start;
        uint32_t answer[16];
        struct sim s = {.scenario = &scenario, .world = (struct world *)&start};
        rules = some[i];
        toy_start(&s);
        memset(fewest, 255, sizeof fewest);
        try_all(&start, 0, answer, 0);
        exhaust(some[i], NULL);
        struct result deep = result;
        search_breadth(&toy_machine, &scenario, NULL, &result);
        assert_equal(&result, &deep);
        for (enum invariant k = 0; k < INVARIANTS; k++) {
            assert_int_equal(result.shortest >> k & 1, result.verdict[k] == VERDICT_BREAKS);
            assert_int_equal(result.verdict[k] == VERDICT_BREAKS, fewest[k] < UINT32_MAX);
            if (result.verdict[k] != VERDICT_BREAKS)
                continue;
            assert_replays(&result.witness[k], k);
            assert_int_equal(moves_of(&result.witness[k]), fewest[k]);
            assert_true(moves_of(&deep.witness[k]) >= fewest[k]);
        }
        result_free(&result);
        result_free(&deep);
    }
}

/* ---- bounds ---------------------------------------------------------------------------------- */

static void nothing_is_claimed_behind_a_bound(void **state)
{
    (void)state;
    const struct rules r = {.n = 3, .k = 6, .kills = 1};
    exhaust(r, NULL);
    struct result deep = result;
    assert_int_equal(deep.verdict[INV_NOLOSS], VERDICT_BREAKS);
    uint32_t n = deep.witness[INV_NOLOSS].n;
    assert_int_equal(search_shortest(&toy_machine, &scenario,
                                     &(struct explore_options){.max_states = 20}, &deep),
                     0);
    assert_int_equal(deep.witness[INV_NOLOSS].n, n); /* the one there was */
    assert_false(deep.witness[INV_NOLOSS].shortest);
    const struct explore_options little = {.memory_bytes = 40000};
    assert_int_equal(search_shortest(&toy_machine, &scenario, &little, &deep) >> INV_LIVE & 1, 0);
    const invariant_mask broken = 1u << INV_NOLOSS | 1u << INV_LIVE;
    assert_int_equal(search_shortest(&toy_machine, &scenario, NULL, &deep), broken);
    assert_true(deep.witness[INV_NOLOSS].shortest);
    assert_int_equal(moves_of(&deep.witness[INV_NOLOSS]), 6 + 1 + 1);
    result_free(&deep);
    /* A bound of the world is hit in the first level: what lies behind might be shorter. */
    struct rules full = {.n = 2, .k = 1, .kills = 1, .lies = 1, .many = true};
    for (uint32_t i = 0; i < 2; i++) {
        full.full = i == 1;
        exhaust(full, NULL);
        result_free(&result);
        search_breadth(&toy_machine, &scenario, NULL, &result);
        assert_int_equal(result.exhausted, i == 0);
        assert_int_equal(result.verdict[INV_NOPHANTOM], VERDICT_BREAKS);
        assert_int_equal(result.shortest >> INV_NOPHANTOM & 1, i == 0);
        result_free(&result);
    }
}

/* ---- the world ------------------------------------------------------------------------------- */

static void small_cells(void **state)
{
    (void)state;
    glob_t files;
    uint32_t cells = 0, witnesses = 0, shorter = 0;
    assert_int_equal(glob("scenarios/[0-9]*.yaml", 0, NULL, &files), 0);
    for (size_t i = 0; i < files.gl_pathc; i += WALK_STRIDE) {
        struct scenario sc;
        struct result deep, wide;
        assert_true(scenario_load(files.gl_pathv[i], &sc, stderr));
        explore_exhaust(&sc, &(struct explore_options){.max_states = 3000}, &deep);
        if (deep.exhausted) {
            search_breadth(&world_machine, &sc, NULL, &wide);
            assert_equal(&wide, &deep);
            result_free(&wide);
            cells++;
        }
        for (uint32_t k = 0; deep.exhausted && k < INVARIANTS; k++) {
            struct run_outcome out;
            if (deep.verdict[k] != VERDICT_BREAKS)
                continue;
            uint32_t before = moves_of(&deep.witness[k]);
            struct result one = deep; /* of this promise alone */
            for (uint32_t j = 0; j < INVARIANTS; j++)
                one.verdict[j] = j == k ? VERDICT_BREAKS : VERDICT_HOLDS;
            explore_shortest(&sc, &(struct explore_options){.max_states = 40000}, &one);
            deep.witness[k] = one.witness[k];
            if ((one.shortest >> k & 1) == 0)
                continue;
            assert_int_equal(explore_replay(&sc, &one.witness[k], NULL, &out, stderr, NULL, NULL),
                             REPLAY_DONE);
            assert_true(out.violated >> k & 1);
            assert_true(moves_of(&one.witness[k]) <= before);
            shorter += moves_of(&one.witness[k]) < before;
            witnesses++;
        }
        result_free(&deep);
    }
    print_message("%u cells; of %u shortened witnesses %u were not the shortest\n", cells,
                  witnesses, shorter);
    assert_true(cells >= 40 / WALK_STRIDE && witnesses >= 40 / WALK_STRIDE);
    globfree(&files);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_short_as_any),
        cmocka_unit_test(nothing_is_claimed_behind_a_bound),
        cmocka_unit_test(small_cells),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}

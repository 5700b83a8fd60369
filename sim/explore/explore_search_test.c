/* The drivers on a toy whose states, transitions and shortest violations can be counted by hand.
 *
 * n workers count to k each. With `kills`, MOVE_KILL may happen that often: it asks how much of
 * worker 0's count survives. With `lies`, a step of worker 1 asks whether it lies, that often.
 * With `turns` a switch can be flipped at any time, which makes cycles.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sim/explore/search.h"

static struct rules {
    uint32_t n, k;
    uint8_t kills, lies;
    bool turns;
    bool full;     /* a bound of the world is hit when worker 0 is done */
    bool tampered; /* a step leaves something else behind than it did before */
} rules;

struct toy {
    uint8_t count[4];
    uint8_t kills, lies, turned, odd;
    uint64_t steps; /* history: not hashed */
};

static struct toy *toy(struct sim *s)
{
    return (struct toy *)(void *)s->world;
}

static size_t toy_size(void)
{
    return sizeof(struct toy);
}

static void toy_start(struct sim *s)
{
    *toy(s) = (struct toy){.kills = rules.kills, .lies = rules.lies};
}

static void toy_copy(struct world *to, const struct world *from)
{
    memcpy(to, from, sizeof(struct toy));
}

static struct hash128 toy_hash(const struct world *w)
{
    uint64_t state;
    memcpy(&state, w, sizeof state);
    state ^= state >> 31;
    return (struct hash128){.lo = state, .hi = (state + 1) * 0x9e3779b97f4a7c15u};
}

static uint32_t key_of(enum move_kind kind, uint32_t a)
{
    return (uint32_t)kind << 24 | a << 16;
}

static uint32_t toy_moves(const struct toy *t, uint32_t *keys)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < rules.n; i++) {
        if (t->count[i] < rules.k) {
            keys[n++] = key_of(MOVE_RUN, i);
        }
    }
    if (t->kills > 0) {
        keys[n++] = key_of(MOVE_KILL, 0);
    }
    if (rules.turns) {
        keys[n++] = key_of(MOVE_TIMER, 7);
    }
    return n;
}

static void toy_run(struct sim *s, struct toy *t, uint32_t i)
{
    t->count[i]++;
    t->odd ^= rules.tampered && i == 1;
    if (i == 1 && t->lies > 0 && choose(s->chooser, CHOOSE_FAULT, 2, NULL) == 1) {
        t->lies--;
        s->reached |= 1u << REACH_FSYNC_LIED;
    }
    if (t->lies < rules.lies && t->count[1] == rules.k) {
        s->violated |= 1u << INV_AGREE;
    }
}

static void toy_kill(struct sim *s, struct toy *t)
{
    uint32_t had = t->count[0];
    t->kills--;
    t->count[0] = (uint8_t)choose(s->chooser, CHOOSE_SURVIVE, had + 1, NULL);
    s->reached |= 1u << REACH_PRIMARY_CRASH;
    if (had == rules.k && t->count[0] == 0 && t->count[1] >= 1) {
        s->violated |= 1u << INV_NOLOSS;
    }
}

static enum step_result toy_step(struct sim *s)
{
    struct toy *t = toy(s);
    uint32_t keys[8];
    uint32_t n = toy_moves(t, keys);
    if (n == 0) {
        s->violated = rules.kills > 0 ? 1u << INV_LIVE : 0;
        s->reached = (reach_mask)1 << REACH_ALL_DONE;
        return STEP_END;
    }
    uint32_t r = choose(s->chooser, CHOOSE_MOVE, n, keys);
    if (r == CHOICE_REFUSED) {
        return STEP_REFUSED;
    }
    t->steps++;
    if (keys[r] >> 24 == MOVE_RUN) {
        toy_run(s, t, keys[r] >> 16 & 255);
    } else if (keys[r] >> 24 == MOVE_KILL) {
        toy_kill(s, t);
    } else {
        t->turned ^= 1;
    }
    return rules.full && t->count[0] == rules.k ? STEP_FULL : STEP_MOVED;
}

static const struct machine toy_machine = {toy_size, toy_start, toy_step, toy_hash, toy_copy};
static struct scenario scenario = {.file = "toy.yaml"};
static struct result result;

static uint64_t power(uint64_t base, uint32_t n)
{
    return n == 0 ? 1 : base * power(base, n - 1);
}

static void exhaust(struct rules r, const struct explore_options *o)
{
    rules = r;
    search_exhaust(&toy_machine, &scenario, o, &result);
}

static enum replay_end replay(const struct witness *w, const struct replay *opt,
                              struct run_outcome *out, char *said, size_t cap)
{
    FILE *err = tmpfile();
    assert_non_null(err);
    enum replay_end end = search_replay(&toy_machine, &scenario, w, opt, out, err, NULL, NULL);
    rewind(err);
    size_t len = said != NULL ? fread(said, 1, cap - 1, err) : 0;
    if (said != NULL) {
        said[len] = 0;
    }
    fclose(err);
    return end;
}

static void assert_replays(const struct witness *w, enum invariant inv)
{
    struct run_outcome out;
    char said[1024];
    assert_int_equal(replay(w, NULL, &out, said, sizeof said), REPLAY_DONE);
    assert_string_equal(said, "");
    assert_true(out.violated >> inv & 1);
    assert_string_equal(w->invariant, invariant_id(inv));
    assert_string_equal(w->scenario, "toy.yaml");
}

static uint32_t count_choices(const struct witness *w, enum choice what, uint32_t key)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < w->n; i++) {
        n += w->choice[i].what == (uint32_t)what && w->choice[i].key == key;
    }
    return n;
}

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

/* ---- random drivers -------------------------------------------------------------------------- */

static void test_a_seed_is_a_run(void **state)
{
    (void)state;
    rules = (struct rules){.n = 4, .k = 9, .kills = 2, .lies = 1};
    const enum driver drivers[] = {DRIVER_UNIFORM, DRIVER_SWARM};
    for (uint32_t d = 0; d < 2; d++) {
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

static void test_random_finds_and_repeats(void **state)
{
    (void)state;
    static struct result again;
    rules = (struct rules){.n = 2, .k = 4, .kills = 1, .lies = 1};
    const enum driver drivers[] = {DRIVER_UNIFORM, DRIVER_SWARM};
    for (uint32_t d = 0; d < 2; d++) {
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

/* Swarm must be able to put the fault anywhere: each position of the kill occurs. */
static void test_swarm_places_faults_everywhere(void **state)
{
    (void)state;
    rules = (struct rules){.n = 2, .k = 10, .kills = 1};
    uint32_t at[22] = {0};
    for (uint64_t seed = 0; seed < 3000; seed++) {
        struct run_outcome out;
        struct witness w = {0};
        search_seed(&toy_machine, &scenario, DRIVER_SWARM, seed, &out, &w);
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
        cmocka_unit_test(test_not_exercised),
        cmocka_unit_test(test_progress),
        cmocka_unit_test(test_a_seed_is_a_run),
        cmocka_unit_test(test_random_finds_and_repeats),
        cmocka_unit_test(test_streams_are_apart),
        cmocka_unit_test(test_swarm_places_faults_everywhere),
        cmocka_unit_test(test_long_runs_are_cut),
        cmocka_unit_test(test_misfits_are_said),
        cmocka_unit_test(test_replay_stops_where_told),
        cmocka_unit_test(test_shortened_from_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}

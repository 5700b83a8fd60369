/* The bound on real scenarios: who can move is in the list of actors, nearly each of them has one
 * move at a time, and known defects are found at least as often as the bound says. */
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/explore/sampler.h"
#include "sim/explore/walk_test_util.h"
#include "sim/test_sim.h"

/* ---- who moves ------------------------------------------------------------------------------- */

static struct {
    struct scenario sc;
    uint32_t n;
    uint32_t actor[ACTORS_MAX];
    uint64_t states;
} listed;

static void list_actors(const char *file)
{
    assert_true(scenario_load(file, &listed.sc, stderr));
    listed.n = scenario_actors(&listed.sc, listed.actor);
    assert_true(listed.n > 0 && listed.n < ACTORS_MAX);
    for (uint32_t i = 1; i < listed.n; i++)
        assert_true(listed.actor[i - 1] < listed.actor[i]);
}

/* A dump thread of a binlog inside the engine may be woken while the flush that it asked for is
 * under way; of two servers that follow each other in turn both a packet of the stream and an ACK
 * may be on their way in one direction. */
static bool may_have_several(uint32_t actor)
{
    uint32_t task = actor >> 8 & 255;
    switch (actor >> 24) {
    case MOVE_MANAGER:
    case MOVE_NET:
        return true;
    case MOVE_RUN:
        return listed.sc.node[actor >> 16 & 255].engine_binlog && task >= TASK_DUMP &&
               task < TASK_DUMP + NODES_MAX;
    default:
        return false;
    }
}

/* All that is possible, not just what is then done. */
static void check_moves(uint32_t n, const uint32_t *keys)
{
    listed.states++;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t actor = actor_of(keys[i]);
        uint32_t at = 0;
        while (at < listed.n && listed.actor[at] != actor)
            at++;
        if (at == listed.n)
            fail_msg("%s: %s %u %u %u is nobody's", listed.sc.name,
                     move_kind_name((enum move_kind)(keys[i] >> 24)), keys[i] >> 16 & 255,
                     keys[i] >> 8 & 255, keys[i] & 255);
        for (uint32_t k = 0; k < i && !may_have_several(actor); k++) {
            if (actor_of(keys[k]) == actor)
                fail_msg("%s: two moves of %s %u %u", listed.sc.name,
                         move_kind_name((enum move_kind)(actor >> 24)), actor >> 16 & 255,
                         actor >> 8 & 255);
        }
    }
}

/* Answers by chance; faults seldom, so that they hit anywhere. */
struct looker {
    struct chooser base;
    struct streams streams;
};

static uint32_t look_and_pick(struct chooser *c, enum choice what, uint32_t n, const uint32_t *keys)
{
    struct looker *l = (struct looker *)c;
    uint32_t r = draw_below(&l->streams, what, n);
    if (what != CHOOSE_MOVE)
        return r;
    check_moves(n, keys);
    for (uint32_t tries = 0; tries < 6 && move_is_rare(keys[r]); tries++)
        r = draw_below(&l->streams, what, n);
    return r;
}

static void look_at_runs(uint64_t runs)
{
    struct runner on;
    runner_open(&on, &world_machine, &listed.sc);
    for (uint64_t seed = 0; seed < runs; seed++) {
        struct looker l = {.base = {.pick = look_and_pick}};
        streams_start(&l.streams, seed);
        runner_reset(&on);
        on.sim.chooser = &l.base;
        for (uint32_t i = 0; i < 2000 && sim_step(&on.sim) == STEP_MOVED; i++) {
        }
    }
    runner_close(&on);
}

static void all_who_move_are_listed(void **state)
{
    (void)state;
    glob_t files;
    assert_int_equal(glob("scenarios/*.yaml", 0, NULL, &files), 0);
    uint32_t read = 0;
    for (size_t i = 0; i < files.gl_pathc; i += WALK_STRIDE) {
        if (strcmp(files.gl_pathv[i], "scenarios/matrix.yaml") == 0)
            continue;
        list_actors(files.gl_pathv[i]);
        look_at_runs(60);
        read++;
    }
    assert_true(read > 150 / WALK_STRIDE);
    assert_true(listed.states > 500000 / WALK_STRIDE);
    print_message("%u scenarios, %llu states\n", read, (unsigned long long)listed.states);
    globfree(&files);
}

static void look_at_state(struct walk *k, uint32_t depth)
{
    struct moves m;
    struct sim s = k->sim;
    s.world = k->block[depth];
    moves_list(&s, &m);
    check_moves(m.n, m.key);
}

static void look_at_all(void)
{
    static struct walk k;
    walk_open(&k, &listed.sc, 0);
    k.states_max = 40000;
    k.each = look_at_state;
    walk_all(&k);
    assert_true(k.states > 500);
    walk_close(&k);
}

static void nor_is_anybody_else_in_any_state(void **state)
{
    (void)state;
    /* what no scenario has */
    rig_load(&listed.sc, RIG_PAIR "workload: {sessions: 3, transactions: 3}\n"
                                  "operator: [{do: kill-query}, {do: kill-session}]\n");
    listed.n = scenario_actors(&listed.sc, listed.actor);
    look_at_all();
    static const char *const cells[] = {
        "scenarios/02-after-sync.yaml",       "scenarios/06-restart-waits-for-ack.yaml",
        "scenarios/10-promote-any.yaml",      "scenarios/11-partition-finite.yaml",
        "scenarios/14-rejoin-cut.yaml",       "scenarios/17-reset-and-power.yaml",
        "scenarios/22-stop-slave.yaml",       "scenarios/22-shutdown-power.yaml",
        "scenarios/33-drain-flush-logs.yaml", "scenarios/07-before-write-readonly.yaml",
    };
    for (size_t i = 0; i < sizeof cells / sizeof cells[0]; i += WALK_STRIDE) {
        list_actors(cells[i]);
        look_at_all();
    }
}

/* ---- what is found --------------------------------------------------------------------------- */

static struct result result;

static void sample(struct scenario *sc, const char *file, uint32_t depth, uint64_t runs)
{
    const struct explore_options o = {.jobs = 2};
    assert_true(scenario_load(file, sc, stderr));
    sc->depth = depth;
    sc->max_steps = explore_moves(sc);
    explore_random(sc, DRIVER_PCT, 1, runs, &o, &result);
}

static void known_defects_are_found_as_often_as_claimed(void **state)
{
    (void)state;
    static const struct {
        const char *file;
        enum invariant inv;
        uint32_t depth;
        uint64_t runs;
    } known[] = {
        {"scenarios/01-after-commit.yaml", INV_NOPHANTOM, 3, 20000},
        {"scenarios/07-before-write-serves.yaml", INV_NOAHEAD, 2, 4000},
        {"scenarios/12-asynchronous.yaml", INV_NOLOSS, 2, 4000},
        {"scenarios/15-flush-0-kill.yaml", INV_AGREE, 2, 4000},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        struct scenario sc;
        struct run_outcome out;
        sample(&sc, known[i].file, known[i].depth, known[i].runs);
        double share = (double)result.broken_runs[known[i].inv] / (double)known[i].runs;
        print_message("%s %s: %.2g, bound %.2g\n", sc.name, invariant_id(known[i].inv), share,
                      explore_bound_chance(&result.bound));
        assert_true(share >= explore_bound_chance(&result.bound));
        assert_int_equal(result.verdict[known[i].inv], VERDICT_BREAKS);
        assert_int_equal(
            explore_replay(&sc, &result.witness[known[i].inv], NULL, &out, stderr, NULL, NULL),
            REPLAY_DONE);
        assert_true(out.violated >> known[i].inv & 1);
        for (uint32_t k = 0; k < INVARIANTS; k++) /* no sample refutes what is proved */
            assert_true(sc.expect[k] != EXPECT_HOLDS || result.broken_runs[k] == 0);
        result_free(&result);
    }
}

static void processes_do_not_show(void **state)
{
    (void)state;
    struct scenario sc;
    assert_true(scenario_load("scenarios/05-relay-fsync-lies.yaml", &sc, stderr));
    sc.depth = 3;
    sc.max_steps = 20; /* many runs are longer */
    struct result alone;
    explore_random(&sc, DRIVER_PCT, 1, 600, NULL, &alone);
    assert_true(alone.calmed > 100 && alone.calmed < 600);
    const struct explore_options o = {.jobs = 3};
    explore_random(&sc, DRIVER_PCT, 1, 600, &o, &result);
    assert_true(hash_equal(result.digest, alone.digest));
    assert_int_equal(result.calmed, alone.calmed);
    assert_memory_equal(&result.bound, &alone.bound, sizeof result.bound);
    result_free(&result);
    sc.depth = 2;
    explore_random(&sc, DRIVER_PCT, 1, 600, NULL, &result);
    assert_false(hash_equal(result.digest, alone.digest));
    result_free(&result);
    result_free(&alone);
    sc.max_steps = 0;
    uint32_t moves = explore_moves(&sc);
    assert_true(moves > 20 && moves < 200);
    assert_int_equal(explore_moves(&sc), moves);
}

/* A run with more moves goes on without faults, is counted, and its record replays. */
static void cut_runs_are_counted(void **state)
{
    (void)state;
    struct scenario sc;
    assert_true(scenario_load("scenarios/02-after-sync.yaml", &sc, stderr));
    sc.depth = 2;
    sc.max_steps = 9;
    uint64_t calmed = 0;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct run_outcome out;
        struct run_outcome again;
        struct witness w = {0};
        explore_seed(&sc, DRIVER_PCT, seed, &out, &w);
        uint32_t moves = 0;
        uint32_t calm_at = 0;
        for (uint32_t i = 0; i < w.n; i++) {
            moves += w.choice[i].what == CHOOSE_MOVE;
            if (w.choice[i].what == CHOOSE_MOVE && w.choice[i].key >> 24 == MOVE_CALM)
                calm_at = moves;
        }
        assert_int_equal(moves, out.steps);
        assert_int_equal(calm_at, out.calmed ? 10 : 0);
        assert_true(out.calmed || out.steps <= 9);
        calmed += out.calmed;
        assert_int_equal(explore_replay(&sc, &w, NULL, &again, stderr, NULL, NULL), REPLAY_DONE);
        assert_memory_equal(&out, &again, sizeof out);
        witness_free(&w);
    }
    assert_true(calmed > 100);
    explore_random(&sc, DRIVER_PCT, 1, 200, NULL, &result);
    assert_int_equal(result.calmed, calmed);
    assert_int_equal(result.bound.moves, 9);
    assert_int_equal(result.bound.turns, 10);
    result_free(&result);
}

/* Nothing is claimed of runs that a find has ended, nor without a depth. */
static void no_claim_where_there_is_none(void **state)
{
    (void)state;
    struct scenario sc;
    assert_true(scenario_load("scenarios/12-asynchronous.yaml", &sc, stderr));
    explore_random(&sc, DRIVER_PCT, 1, 100, NULL, &result);
    assert_int_equal(result.bound.depth, 0);
    result_free(&result);
    sc.depth = 2;
    explore_random(&sc, DRIVER_SWARM, 1, 100, NULL, &result);
    assert_int_equal(result.bound.depth, 0);
    result_free(&result);
    const struct explore_options o = {.until = 1u << INV_NOLOSS};
    explore_random(&sc, DRIVER_PCT, 1, 10000, &o, &result);
    assert_true(result.runs < 10000 && result.broken_runs[INV_NOLOSS] == 1);
    assert_int_equal(result.bound.runs, 0);
    result_free(&result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_who_move_are_listed),
        cmocka_unit_test(nor_is_anybody_else_in_any_state),
        cmocka_unit_test(known_defects_are_found_as_often_as_claimed),
        cmocka_unit_test(processes_do_not_show),
        cmocka_unit_test(cut_runs_are_counted),
        cmocka_unit_test(no_claim_where_there_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}

/* Depths of real defects, checked and not just argued: a plan is a list of pairs of moves, and
 * every run of the scenario that keeps it (and gives the answers that it names) is walked. Each
 * must break the promise, and none may get stuck in front of the plan: the two conditions of
 * bounded.c. What a bounded driver of that depth then finds is at least what is claimed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/explore/sampler.h"
#include "sim/explore/walk_test_util.h"
#include "sim/test_sim.h"

enum { PAIRS_MAX = 4, SAMPLES = 20000 };

/* The nth move of an actor, from 1. */
struct event_of {
    uint32_t actor, nth;
};
struct plan {
    struct {
        struct event_of a, b; /* a before b */
    } pair[PAIRS_MAX];
    uint32_t pairs;
    uint32_t least_of; /* a power loss: it leaves the least. 0: none */
};

#define RUNS(node, task) (MOVE_RUN << 24 | (node) << 16 | (task) << 8)
#define NET(from, to)    (MOVE_NET << 24 | (from) << 16 | (to) << 8)
#define POWER(node)      (MOVE_POWER << 24 | (node) << 16)
#define KILL(node)       (MOVE_KILL << 24 | (node) << 16)
#define DUMP(node)       (TASK_DUMP + (node))

enum outcome {
    PLAN_WORKS,
    PLAN_SPARES, /* a run keeps it, and the promise holds */
    PLAN_BLOCKS  /* only what it forbids is left */
};

static struct {
    const struct plan *plan;
    enum invariant inv;
    struct walk walk;
    uint8_t made[PAIRS_MAX][2]; /* of the actors of each a and b, in the state under way */
    uint32_t move;              /* under way */
    uint32_t answers;           /* alternatives of what the plan answers, together: the most */
    uint32_t answers_now;       /* of the move under way */
    uint64_t states;
} g;

static bool a_made(uint32_t pair)
{
    return g.made[pair][0] >= g.plan->pair[pair].a.nth;
}

static bool is_b(uint32_t pair, uint32_t actor)
{
    return g.plan->pair[pair].b.actor == actor && g.made[pair][1] + 1u == g.plan->pair[pair].b.nth;
}

static bool forbidden(uint32_t actor)
{
    for (uint32_t i = 0; i < g.plan->pairs; i++) {
        if (is_b(i, actor) && !a_made(i))
            return true;
    }
    return false;
}

/* Does it stand at or behind a b[j] of its own with j > i? */
static bool is_held(uint32_t actor, uint32_t i)
{
    for (uint32_t j = i + 1; j < g.plan->pairs; j++) {
        if (g.plan->pair[j].b.actor == actor && g.made[j][1] + 1u >= g.plan->pair[j].b.nth)
            return true;
    }
    return false;
}

static bool blocks(const struct moves *m)
{
    for (uint32_t i = 0; i < g.plan->pairs; i++) {
        bool possible = false;
        bool others = false;
        for (uint32_t k = 0; k < m->n; k++) {
            uint32_t actor = actor_of(m->key[k]);
            possible |= is_b(i, actor);
            others |= actor != g.plan->pair[i].b.actor && !is_held(actor, i);
        }
        if (possible && !others && !a_made(i))
            return true;
    }
    return false;
}

/* Counts no further than the plan looks. */
static void count_move(uint32_t actor)
{
    for (uint32_t i = 0; i < g.plan->pairs; i++) {
        const struct event_of both[2] = {g.plan->pair[i].a, g.plan->pair[i].b};
        for (uint32_t k = 0; k < 2; k++)
            g.made[i][k] =
                (uint8_t)(g.made[i][k] + (both[k].actor == actor && g.made[i][k] < both[k].nth));
    }
}

static uint32_t plan_pick(struct chooser *c, enum choice what, uint32_t n, const uint32_t *keys)
{
    if (what != CHOOSE_SURVIVE || g.move != g.plan->least_of)
        return walk_pick(c, what, n, keys);
    g.answers_now *= n;
    g.answers = g.answers_now > g.answers ? g.answers_now : g.answers;
    return 0;
}

static struct hash128 place(uint32_t depth)
{
    struct hash128 h = world_hash(g.walk.block[depth]);
    for (uint32_t i = 0; i < g.plan->pairs; i++)
        h.lo = (h.lo ^ (uint64_t)(g.made[i][0] << 8 | g.made[i][1])) * 0x9e3779b97f4a7c15u;
    return h;
}

static enum outcome check_from(uint32_t depth);

/* Move `index` of those that are possible, with each list of answers to what it asks. */
static enum outcome check_move(uint32_t depth, uint32_t index, uint32_t key)
{
    struct walk *k = &g.walk;
    uint32_t answer[WALK_ASKED_MAX] = {index};
    uint32_t asked_n[WALK_ASKED_MAX];
    uint32_t asked = 0;
    do {
        g.move = key;
        g.answers_now = 1;
        assert_int_equal(walk_step(k, depth, answer), STEP_MOVED);
        asked = k->asked;
        memcpy(asked_n, k->asked_n, sizeof asked_n);
        asked_n[0] = 1; /* this move only */
        bool broken = (k->sim.violated >> g.inv & 1) != 0;
        enum outcome o = broken ? PLAN_WORKS : check_from(depth + 1);
        if (o != PLAN_WORKS)
            return o;
    } while (walk_count_up(answer, asked_n, asked));
    return PLAN_WORKS;
}

static enum outcome check_from(uint32_t depth)
{
    struct moves m;
    struct sim s = g.walk.sim;
    uint8_t made[PAIRS_MAX][2];
    if (visited_add(&g.walk.seen, place(depth)) != VISITED_NEW)
        return PLAN_WORKS;
    g.states++;
    s.world = g.walk.block[depth];
    moves_list(&s, &m);
    if (m.n == 0)
        return PLAN_SPARES;
    if (blocks(&m))
        return PLAN_BLOCKS;
    memcpy(made, g.made, sizeof made);
    enum outcome o = PLAN_WORKS;
    for (uint32_t i = 0; i < m.n && o == PLAN_WORKS; i++) {
        if (forbidden(actor_of(m.key[i])))
            continue;
        count_move(actor_of(m.key[i]));
        o = check_move(depth, i, m.key[i]);
        memcpy(g.made, made, sizeof made);
    }
    return o;
}

static enum outcome check(const struct scenario *sc, enum invariant inv, const struct plan *plan)
{
    memset(&g, 0, sizeof g);
    g.plan = plan;
    g.inv = inv;
    g.answers = 1;
    walk_open(&g.walk, sc, 0);
    g.walk.base.pick = plan_pick;
    g.walk.sim.world = walk_block(&g.walk, 0);
    sim_start(&g.walk.sim);
    enum outcome o = check_from(0);
    walk_close(&g.walk);
    return o;
}

/* ---- known defects --------------------------------------------------------------------------- */

#define ONE "workload: {sessions: 1, transactions: 1}\n"
#define PAIR_OF(primary, replica)                                                                  \
    RIG_HEAD "cluster: {primary: {" primary "}, replicas: [{" replica "}]}\n"

static const struct {
    const char *what, *yaml;
    enum invariant inv;
    struct plan plan;
    uint32_t answers; /* alternatives of those that it needs, multiplied */
} known[] = {
    {"asynchronous: answered, the dump thread has not run",
     PAIR_OF("semi_sync: off", "") ONE "faults: [{point: node/power, of: primary}]\n",
     INV_NOLOSS,
     {.pair = {{{RUNS(0, 0), 8}, {POWER(0), 1}}, {{POWER(0), 1}, {RUNS(0, DUMP(1)), 1}}},
      .pairs = 2},
     1},
    {"AFTER_COMMIT: visible, the dump thread has not run",
     PAIR_OF("wait_point: AFTER_COMMIT", "") ONE "faults: [{point: node/power, of: primary}]\n",
     INV_NOPHANTOM,
     {.pair = {{{RUNS(0, 0), 7}, {POWER(0), 1}}, {{POWER(0), 1}, {RUNS(0, DUMP(1)), 1}}},
      .pairs = 2},
     1},
    {"relay log not synced: visible, both lose power, nothing applied yet",
     PAIR_OF("", "sync_relay_log: 0") ONE
     "faults: [{point: node/power, of: primary}, {point: node/power, of: replica}]\n"
     "manager: {applier: at-promotion}\n",
     INV_NOPHANTOM,
     {.pair = {{{RUNS(0, 0), 8}, {POWER(0), 1}},
               {{POWER(0), 1}, {POWER(1), 1}},
               {{POWER(1), 1}, {RUNS(1, TASK_APPLIER), 1}}},
      .pairs = 3,
      .least_of = POWER(1)},
     5},
    {"sync_binlog=0: the replica has it, the primary loses its binlog",
     PAIR_OF("sync_binlog: 0", "") ONE
     "faults: [{point: node/power, of: primary}]\nmanager: {on_primary_loss: [restart]}\n",
     INV_NOAHEAD,
     {.pair = {{{NET(0, 1), 4}, {POWER(0), 1}}}, .pairs = 1, .least_of = POWER(0)},
     2},
    {"killed between write and fsync of the binlog, power lost behind the recovery",
     PAIR_OF("", "") ONE
     "faults: [{point: node/kill, of: primary}, {point: node/power, of: primary}]\n"
     "manager: {on_primary_loss: [restart]}\n",
     INV_AGREE,
     {.pair = {{{RUNS(0, 0), 3}, {KILL(0), 1}},
               {{KILL(0), 1}, {RUNS(0, 0), 4}},
               {{RUNS(0, TASK_BOOT), 1}, {POWER(0), 1}}},
      .pairs = 3,
      .least_of = POWER(0)},
     12},
};

static void plans_are_what_it_takes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        struct scenario sc;
        rig_load(&sc, known[i].yaml);
        assert_int_equal(check(&sc, known[i].inv, &known[i].plan), PLAN_WORKS);
        assert_int_equal(g.answers, known[i].answers);
        print_message("%s: %llu states\n", known[i].what, (unsigned long long)g.states);
        /* with a pair less there is a run that keeps it and breaks nothing */
        for (uint32_t left_out = 0; left_out < known[i].plan.pairs; left_out++) {
            struct plan less = known[i].plan;
            less.pairs--;
            for (uint32_t k = left_out; k < less.pairs; k++)
                less.pair[k] = less.pair[k + 1];
            assert_int_equal(check(&sc, known[i].inv, &less), PLAN_SPARES);
        }
    }
}

static void what_is_found_is_what_is_claimed(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        static struct result r;
        struct scenario sc;
        rig_load(&sc, known[i].yaml);
        sc.depth = known[i].plan.pairs;
        sc.max_steps = explore_moves(&sc);
        const struct explore_options o = {.jobs = 2};
        explore_random(&sc, DRIVER_PCT, 1, SAMPLES, &o, &r);
        double p = explore_bound_chance(&r.bound) / known[i].answers;
        double found = (double)r.broken_runs[known[i].inv] / SAMPLES;
        print_message("depth %u, n %u, k %u: bound %.2g, found %.2g\n", r.bound.depth,
                      r.bound.actors, r.bound.turns, p, found);
        assert_int_equal(r.calmed, 0); /* the walk does not know of an end of faults */
        assert_true(found >= p);
        result_free(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plans_are_what_it_takes),
        cmocka_unit_test(what_is_found_is_what_is_claimed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}

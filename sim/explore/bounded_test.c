/* The bound of bounded.c, counted: on machines of a few actors each first order and each turn of
 * the falls is tried, so that the chance of a run to keep a plan is known exactly, and compared
 * with 1 / (n k^(d-1)). Then what the driver draws is compared with these fractions. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sim/explore/sampler.h"

/* ---- a machine ------------------------------------------------------------------------------- */

enum { WORKERS_MAX = 8, LEN_MAX = 3, PLAN_MAX = 4 };

/* A move of a worker: 10 * worker + number, both from 1; 0: none. */
struct pair {
    uint8_t a, b; /* a before b */
};

/* Workers that make `len` moves each. The last move breaks SANE where the run kept the plan, and
 * where the first move of worker 1 was answered with the last of `answers`. */
static struct program {
    uint32_t n;
    uint8_t len[WORKERS_MAX];
    struct pair needs[WORKERS_MAX]; /* b cannot be made without a */
    struct pair plan[PLAN_MAX];
    uint32_t answers;
    bool one; /* all workers are one actor: a manager with several options */
} program;

struct made {
    uint8_t moves[WORKERS_MAX];
    uint8_t at[WORKERS_MAX][LEN_MAX]; /* when, from 1 */
    uint8_t now, answer;
};

static uint32_t when(const struct made *m, uint8_t move)
{
    return m->at[move / 10 - 1][move % 10 - 1];
}

static bool possible(const struct made *m, uint32_t w)
{
    if (m->moves[w] == program.len[w]) {
        return false;
    }
    for (uint32_t i = 0; i < WORKERS_MAX && program.needs[i].a != 0; i++) {
        if (program.needs[i].b == (w + 1) * 10 + m->moves[w] + 1u &&
            when(m, program.needs[i].a) == 0) {
            return false;
        }
    }
    return true;
}

static bool keeps_plan(const struct made *m)
{
    for (uint32_t i = 0; i < PLAN_MAX && program.plan[i].a != 0; i++) {
        uint32_t b = when(m, program.plan[i].b);
        if (b != 0 && (when(m, program.plan[i].a) == 0 || when(m, program.plan[i].a) > b)) {
            return false;
        }
    }
    return true;
}

static uint32_t key_of(uint32_t w)
{
    return (uint32_t)(program.one ? MOVE_MANAGER : MOVE_RUN) << 24 | w << 16;
}

static uint32_t list_moves(const struct made *m, uint32_t *keys)
{
    uint32_t n = 0;
    for (uint32_t w = 0; w < program.n; w++) {
        if (possible(m, w)) {
            keys[n++] = key_of(w);
        }
    }
    return n;
}

static void make_move(struct made *m, uint32_t w)
{
    m->at[w][m->moves[w]++] = ++m->now;
}

static size_t program_size(void)
{
    return sizeof(struct made);
}

static void program_start(struct sim *s)
{
    memset(s->world, 0, sizeof(struct made));
}

static enum step_result program_step(struct sim *s)
{
    struct made *m = (struct made *)(void *)s->world;
    uint32_t keys[WORKERS_MAX];
    uint32_t n = list_moves(m, keys);
    if (n == 0) {
        return STEP_END;
    }
    uint32_t r = choose(s->chooser, CHOOSE_MOVE, n, keys);
    if (r == CHOICE_REFUSED) {
        return STEP_REFUSED;
    }
    uint32_t w = keys[r] >> 16 & 255;
    make_move(m, w);
    if (program.answers > 1 && w == 0 && m->moves[0] == 1) {
        m->answer = (uint8_t)choose(s->chooser, CHOOSE_SURVIVE, program.answers, NULL);
    }
    bool answered = program.answers < 2 || m->answer == program.answers - 1;
    if (list_moves(m, keys) == 0 && keeps_plan(m) && answered) {
        s->violated = 1u << INV_SANE;
    }
    return STEP_MOVED;
}

static struct hash128 program_hash(const struct world *w)
{
    const struct made *m = (const struct made *)(const void *)w;
    struct hash128 h = {.lo = 14695981039346656037u, .hi = m->answer};
    for (size_t i = 0; i < sizeof m->at; i++) {
        h.lo = (h.lo ^ m->at[i / LEN_MAX][i % LEN_MAX]) * 1099511628211u;
    }
    return h;
}

static void program_copy(struct world *to, const struct world *from)
{
    memcpy(to, from, sizeof(struct made));
}

static uint32_t program_actors(const struct scenario *sc, uint32_t *actor)
{
    (void)sc;
    uint32_t n = program.one ? 1 : program.n;
    for (uint32_t i = 0; i < n; i++) {
        actor[i] = actor_of(key_of(i));
    }
    return n;
}

static const struct machine program_machine = {.size = program_size,
                                               .start = program_start,
                                               .step = program_step,
                                               .hash = program_hash,
                                               .copy = program_copy,
                                               .actors = program_actors};
static struct scenario scenario = {.file = "program.yaml"};
static struct result result;

static uint32_t moves_of_program(void)
{
    uint32_t sum = 0;
    for (uint32_t w = 0; w < program.n; w++) {
        sum += program.len[w];
    }
    return sum;
}

/* ---- every order, every turn ----------------------------------------------------------------- */

/* Runs that keep the plan, of all: their places are permuted and each fall has each turn. */
struct count {
    uint64_t kept, all;
    struct bounded b;
    uint32_t turns;
};

static bool run_keeps_plan(const struct bounded *first)
{
    struct made m = {0};
    struct bounded b = *first;
    struct streams s;
    streams_start(&s, 0);
    uint32_t keys[WORKERS_MAX];
    for (uint32_t n = list_moves(&m, keys); n > 0; n = list_moves(&m, keys)) {
        make_move(&m, keys[bounded_pick(&b, &s, n, keys)] >> 16 & 255);
    }
    assert_int_equal(m.now, moves_of_program());
    return keeps_plan(&m);
}

static void each_fall(struct count *c, uint32_t fall)
{
    if (fall == c->b.falls) {
        c->all++;
        c->kept += run_keeps_plan(&c->b);
        return;
    }
    for (uint32_t turn = 1; turn <= c->turns; turn++) {
        c->b.fall[fall] = turn;
        each_fall(c, fall + 1);
    }
}

static void each_order(struct count *c, uint32_t actor, uint32_t taken)
{
    if (actor == c->b.n) {
        each_fall(c, 0);
        return;
    }
    for (uint32_t i = 0; i < c->b.n; i++) {
        if ((taken >> i & 1) == 0) {
            c->b.place[actor] = (uint16_t)(c->b.falls + 1 + i);
            each_order(c, actor + 1, taken | 1u << i);
        }
    }
}

static struct count count_all(uint32_t depth)
{
    static uint32_t actor[ACTORS_MAX];
    struct count c = {.turns = bounded_turns(depth, moves_of_program())};
    c.b.n = program_actors(&scenario, actor);
    c.b.actor = actor;
    c.b.falls = depth - 1;
    each_order(&c, 0, 0);
    return c;
}

/* The claim, without a rounding: kept / all >= 1 / (n k^(d-1)). */
static void assert_bound(const struct count *c)
{
    uint64_t share = c->b.n;
    for (uint32_t i = 0; i < c->b.falls; i++) {
        share *= c->turns;
    }
    assert_int_equal(c->all % share, 0);
    assert_true(c->kept >= c->all / share);
}

/* Can the plan be kept at all? Tries every run. */
static bool can_be_kept(const struct made *m)
{
    uint32_t keys[WORKERS_MAX];
    uint32_t n = list_moves(m, keys);
    if (!keeps_plan(m)) {
        return false;
    }
    for (uint32_t i = 0; i < n; i++) {
        struct made next = *m;
        make_move(&next, keys[i] >> 16 & 255);
        if (can_be_kept(&next)) {
            return true;
        }
    }
    return n == 0;
}

static uint32_t all_pairs(struct pair *pairs)
{
    uint32_t n = 0;
    for (uint32_t a = 0; a < program.n * LEN_MAX; a++) {
        for (uint32_t b = 0; b < program.n * LEN_MAX; b++) {
            bool there =
                a % LEN_MAX < program.len[a / LEN_MAX] && b % LEN_MAX < program.len[b / LEN_MAX];
            if (there && a / LEN_MAX != b / LEN_MAX) {
                pairs[n++] = (struct pair){(uint8_t)(a / LEN_MAX * 10 + a % LEN_MAX + 11),
                                           (uint8_t)(b / LEN_MAX * 10 + b % LEN_MAX + 11)};
            }
        }
    }
    return n;
}

/* Every plan of up to `depth` pairs, in a run of that depth: a defect that is less deep than the
 * depth asked for is covered too. */
static uint32_t check_plans(uint32_t depth)
{
    struct pair pairs[64 * LEN_MAX];
    uint32_t n = all_pairs(pairs);
    uint32_t checked = 0;
    uint32_t plans = 1;
    for (uint32_t i = 0; i < depth; i++) {
        plans *= n;
    }
    for (uint32_t p = 0; p < plans; p++) {
        uint32_t rest = p;
        uint32_t last = 0;
        bool ascending = true; /* each set once; a pair twice: a plan of fewer */
        for (uint32_t i = 0; i < depth; i++, rest /= n) {
            program.plan[i] = pairs[rest % n];
            ascending &= i == 0 || rest % n >= last;
            last = rest % n;
        }
        if (ascending && can_be_kept(&(struct made){0})) {
            struct count c = count_all(depth);
            assert_bound(&c);
            checked++;
        }
    }
    return checked;
}

static void test_every_plan_has_its_chance(void **state)
{
    (void)state;
    static const struct {
        struct program p;
        uint32_t plans[3]; /* with 1, 2, 3 pairs that can be kept */
    } all[] = {
        {{.n = 3, .len = {2, 1, 1}}, {10, 48, 148}},
        {{.n = 3, .len = {2, 2, 1}, .needs = {{11, 21}, {31, 22}}}, {13, 82, 347}},
        {{.n = 3, .len = {2, 2, 2}, .needs = {{31, 12}, {21, 32}}}, {22, 228, 1528}},
        {{.n = 4, .len = {2, 1, 1, 1}, .needs = {{11, 41}, {41, 31}}}, {15, 109, 523}},
    };
    for (uint32_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        program = all[i].p;
        for (uint32_t depth = 1; depth <= 3; depth++) {
            memset(program.plan, 0, sizeof program.plan);
            assert_int_equal(check_plans(depth), all[i].plans[depth - 1]);
        }
    }
}

/* ---- plans of which the chance is known ------------------------------------------------------ */

/* Worker 1 is to move behind all the others: it must be the lowest. Exactly 1 / n. */
static const struct program last_of_five = {
    .n = 5, .len = {1, 1, 1, 1, 1}, .needs = {{21, 31}, {31, 41}, {41, 51}}, .plan = {{51, 11}}};
/* All of worker 2 comes between two certain moves of worker 1. Exactly 1 / (2 k). */
static const struct program between = {.n = 2, .len = {3, 3}, .plan = {{12, 21}, {23, 13}}};
/* Worker 1 is stopped before 2 can move, which the others make possible one after the other; and it
 * must stand still until 2 has gone on, which waits for 3. Who is stopped first moves last. Exactly
 * 1 / (6 k^2). */
static const struct program first_is_last = {.n = 6,
                                             .len = {2, 2, 1, 1, 1, 1},
                                             .needs = {{11, 41}, {41, 51}, {51, 61}, {61, 21}},
                                             .plan = {{21, 31}, {31, 22}, {22, 12}}};

static void test_known_chances(void **state)
{
    (void)state;
    program = last_of_five;
    struct count c = count_all(1);
    assert_bound(&c);
    assert_int_equal(c.kept * 5, c.all);
    program = between;
    c = count_all(2);
    assert_bound(&c);
    assert_int_equal(c.kept * 2 * c.turns, c.all);
    c = count_all(1);
    assert_int_equal(c.kept, 0); /* one fall less does not do */
    program = first_is_last;
    c = count_all(3);
    assert_bound(&c);
    assert_int_equal(c.kept * 6 * c.turns * c.turns, c.all);
    c = count_all(2);
    assert_int_equal(c.kept, 0);
}

/* ---- what is drawn --------------------------------------------------------------------------- */

enum { SEEDS = 60000 };

/* Within four standard deviations of SEEDS draws with chance p. */
static void assert_frequency(uint64_t seen, double p)
{
    assert_true(fabs((double)seen - SEEDS * p) <= 4 * sqrt(SEEDS * p * (1 - p)));
}

static void sample(uint32_t depth)
{
    scenario.depth = depth;
    scenario.max_steps = moves_of_program();
    search_random(&program_machine, &scenario, DRIVER_PCT, 1, SEEDS, NULL, &result);
    result_free(&result); /* the numbers stay */
}

static void test_runs_have_the_chance_that_was_counted(void **state)
{
    (void)state;
    static const struct program *const of_depth[] = {&last_of_five, &between, &first_is_last};
    for (uint32_t depth = 1; depth <= 3; depth++) {
        program = *of_depth[depth - 1];
        struct count c = count_all(depth);
        double p = (double)c.kept / (double)c.all;
        sample(depth);
        assert_frequency(result.broken_runs[INV_SANE], p);
        assert_int_equal(result.bound.depth, depth);
        assert_int_equal(result.bound.actors, program.n);
        assert_int_equal(result.bound.moves, moves_of_program());
        assert_int_equal(result.bound.turns, c.turns);
        assert_int_equal(result.bound.runs, SEEDS);
        assert_true(explore_bound_chance(&result.bound) <= p);
        /* an answer out of three halves that to a third */
        program.answers = 3;
        sample(depth);
        assert_frequency(result.broken_runs[INV_SANE], p / 3);
        program.answers = 0;
        /* another depth is another driver */
        if (depth > 1) {
            sample(depth - 1);
            assert_int_equal(result.broken_runs[INV_SANE], 0);
        }
    }
    scenario.depth = 0;
}

static void test_orders_and_turns_are_equally_likely(void **state)
{
    (void)state;
    enum { TURNS = 7 + 2 };
    static uint32_t orders[720], turns[2][TURNS + 1];
    static struct runner on;
    program = (struct program){.n = 6};
    scenario.depth = 3;
    on = (struct runner){.sim.scenario = &scenario, .max_steps = TURNS - 2};
    on.n_actors = program_actors(&scenario, on.actor);
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct streams s;
        struct bounded b;
        streams_start(&s, seed);
        bounded_start(&b, &s, &on);
        assert_int_equal(b.falls, 2);
        uint32_t order = 0; /* its number, by the places of each behind it */
        uint32_t taken = 0;
        for (uint32_t i = 0; i < 6; i++) {
            assert_true(b.place[i] >= 3 && b.place[i] < 3 + 6);
            uint32_t lower = 0;
            for (uint32_t k = i + 1; k < 6; k++) {
                lower += b.place[k] < b.place[i];
            }
            order = order * (6 - i) + lower;
            taken |= 1u << b.place[i];
        }
        assert_int_equal(taken, 0x1f8);
        orders[order]++;
        turns[0][b.fall[0]]++;
        turns[1][b.fall[1]]++;
    }
    double spread = 0; /* chi square, of 719 degrees of freedom */
    for (uint32_t i = 0; i < 720; i++) {
        spread += pow(orders[i] - SEEDS / 720.0, 2) / (SEEDS / 720.0);
    }
    assert_true(fabs(spread - 719) < 4 * sqrt(2 * 719));
    for (uint32_t i = 0; i < 2; i++) {
        assert_int_equal(turns[i][0], 0);
        for (uint32_t turn = 1; turn <= TURNS; turn++) {
            assert_frequency(turns[i][turn], 1.0 / TURNS);
        }
    }
    scenario.depth = 0;
}

/* An actor with several moves makes each with the same chance. */
static void test_options_are_equally_likely(void **state)
{
    (void)state;
    program = (struct program){.n = 3, .len = {1, 1, 1}, .one = true, .plan = {{31, 11}, {11, 21}}};
    sample(1);
    assert_frequency(result.broken_runs[INV_SANE], 1.0 / 6);
    assert_int_equal(result.bound.actors, 1);
    scenario.depth = 0;
}

static void test_fair_draws(void **state)
{
    (void)state;
    /* two thirds of 2^32 and a bit: draw_below gives one half of them a third more often */
    const uint32_t n = 0xaaaaaaabu;
    uint32_t high = 0;
    struct streams s;
    streams_start(&s, 5);
    for (uint32_t i = 0; i < SEEDS; i++) {
        uint32_t r = draw_fairly(&s, STREAM_CHANGES, n);
        assert_true(r < n);
        high += r % 2;
    }
    assert_frequency(high, (n / 2) / (double)n);
    streams_start(&s, 5);
    for (uint32_t i = 0; i < 100; i++) {
        assert_int_equal(draw_fairly(&s, STREAM_CHANGES, 1), 0);
    }
}

/* ---- the numbers ----------------------------------------------------------------------------- */

static void test_numbers_of_the_bound(void **state)
{
    (void)state;
    struct explore_bound b = {.depth = 1, .actors = 8, .moves = 90, .turns = 90, .runs = 1};
    assert_true(explore_bound_chance(&b) <= 0.125 && explore_bound_chance(&b) > 0.125 * 0.999999);
    assert_true(explore_bound_missed(&b) >= 0.875 && explore_bound_missed(&b) < 0.875001);
    b.depth = 3;
    b.turns = 100;
    double p = explore_bound_chance(&b);
    assert_true(p <= 1 / 80000.0 && p > 1 / 80000.0001);
    b.runs = 800000; /* ten times 1/p */
    assert_true(fabs(explore_bound_missed(&b) / exp(-10) - 1) < 1e-4);
    b.runs = 0;
    assert_true(explore_bound_missed(&b) == 1);
    /* a chance that 1 - p does not show */
    b = (struct explore_bound){.depth = 16, .actors = 500, .turns = 100000, .runs = 1000000};
    assert_true(explore_bound_chance(&b) > 0 && explore_bound_missed(&b) <= 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_plan_has_its_chance),
        cmocka_unit_test(test_known_chances),
        cmocka_unit_test(test_runs_have_the_chance_that_was_counted),
        cmocka_unit_test(test_orders_and_turns_are_equally_likely),
        cmocka_unit_test(test_options_are_equally_likely),
        cmocka_unit_test(test_fair_draws),
        cmocka_unit_test(test_numbers_of_the_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}

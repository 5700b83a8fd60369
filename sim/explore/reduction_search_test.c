/* A reduction must not show. A cell is walked without any, with each alone and with all: the same
 * promises break, the same conditions are met, and the set of final outcomes is the same. This is
 * done for the cells of a list, and for every scenario that is small without a reduction. */
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/explore/outcome_test_util.h"
#include "sim/explore/walk_test_util.h"

/* Cells in which each reduction has something to do. */
static const char *const cells[] = {
    "02-after-sync",
    "03-before-write",
    "09-ackproof-kill",
    "09-ackproof-power",
    "09-go-mysql-handler-kill",
    "09-libmariadb-kill",
    "12-asynchronous",
    "14-rejoin-before-write",
    "14-rejoin-cut",
    "14-rejoin-not-cut",
    "16-binlog-fsync-fails",
    "16-binlog-write-fails",
    "16-redo-fsync-fails",
    "17-reset-and-power",
    "18-mysql-57",
    "07-before-write-serves",
    "14-restart-cut",
    "23-count-2",
    "23-count-2-on-again",
    "23-count-2-on-again-mysql",
    "23-count-2-acker-lost",
};

/* The same, with all reductions only. A lying fsync within a group that never got complete; a
 * manager beside a primary that is cut off. */
static const char *const large[] = {"05-relay-fsync-lies", "11-partition-infinite"};

/* The set of final outcomes, as the sum of its members. */
struct outcomes {
    struct visited seen;
    uint64_t n;
    struct hash128 sum;
};

static void end(struct walk *k, uint32_t depth)
{
    struct outcomes *o = k->arg;
    struct hash128 h = outcome_of(k->sim.scenario, k->block[depth]);
    if (visited_add(&o->seen, h) != VISITED_NEW)
        return;
    o->n++;
    o->sum.lo += h.lo;
    o->sum.hi += h.hi;
}

struct found {
    uint64_t states, steps, outcomes;
    struct hash128 sum;
    invariant_mask broken;
    reach_mask reached;
};

/* False where there are more states than states_max (0: no limit). */
static bool walk_up_to(const struct scenario *sc, uint32_t reduce, uint64_t states_max,
                       struct found *f)
{
    static struct walk k;
    struct outcomes o = {.n = 0};
    walk_open(&k, sc, reduce);
    k.states_max = states_max;
    visited_init(&o.seen, (uint64_t)1 << 28);
    k.end = end;
    k.arg = &o;
    walk_all(&k);
    *f = (struct found){k.states, k.steps, o.n, o.sum, k.broken, k.reached};
    walk_close(&k);
    visited_free(&o.seen);
    return !k.cut;
}

static struct found walk(const struct scenario *sc, uint32_t reduce)
{
    struct found f;
    assert_true(walk_up_to(sc, reduce, 0, &f));
    return f;
}

static void assert_same(const struct found *some, const struct found *all, const char *which)
{
    if (some->outcomes != all->outcomes || some->sum.lo != all->sum.lo ||
        some->sum.hi != all->sum.hi || some->broken != all->broken ||
        some->reached != all->reached || some->states > all->states)
        fail_msg("%s: %llu outcomes, broken %x, reached %llx; without it %llu, %x, %llx", which,
                 (unsigned long long)some->outcomes, some->broken,
                 (unsigned long long)some->reached, (unsigned long long)all->outcomes, all->broken,
                 (unsigned long long)all->reached);
}

static struct found without_and_with_all(const char *name, struct scenario *sc)
{
    char path[128];
    snprintf(path, sizeof path, "scenarios/%s.yaml", name);
    assert_true(scenario_load(path, sc, stderr));
    struct found all = walk(sc, 0);
    struct found some = walk(sc, REDUCE_ALL);
    print_message("%s: %llu states, %llu with all reductions, %llu outcomes\n", name,
                  (unsigned long long)all.states, (unsigned long long)some.states,
                  (unsigned long long)all.outcomes);
    assert_same(&some, &all, "all reductions");
    return all;
}

static void same_verdicts_and_outcomes(void **state)
{
    (void)state;
    struct scenario sc;
    uint64_t less[REDUCTIONS] = {0};
    for (size_t i = 0; i < sizeof large / sizeof large[0] && WALK_STRIDE == 1; i++)
        without_and_with_all(large[i], &sc);
    for (size_t i = 0; i < sizeof cells / sizeof cells[0]; i += WALK_STRIDE) {
        struct found some;
        struct found all = without_and_with_all(cells[i], &sc);
        for (uint32_t r = 0; r < REDUCTIONS; r++) {
            some = walk(&sc, 1u << r);
            assert_same(&some, &all, reduction_name(r));
            less[r] += all.steps - some.steps;
        }
    }
    for (uint32_t r = 0; r < REDUCTIONS; r++)
        if (less[r] == 0 && WALK_STRIDE == 1)
            fail_msg("%s reduces nothing", reduction_name(r));
}

enum { SMALL = 60000 }; /* states without a reduction */

static void same_in_every_small_scenario(void **state)
{
    (void)state;
    glob_t files;
    uint32_t small = 0;
    assert_int_equal(glob("scenarios/[0-9]*.yaml", 0, NULL, &files), 0);
    for (size_t i = 0; i < files.gl_pathc; i++) {
        struct scenario sc;
        struct found all;
        assert_true(scenario_load(files.gl_pathv[i], &sc, stderr));
        if (!walk_up_to(&sc, 0, SMALL, &all))
            continue;
        small++;
        struct found some = walk(&sc, REDUCE_ALL);
        assert_same(&some, &all, sc.name);
        for (uint32_t r = 0; r < REDUCTIONS; r++) {
            char which[SCENARIO_NAME_MAX + 32];
            some = walk(&sc, 1u << r);
            snprintf(which, sizeof which, "%s, %s", sc.name, reduction_name(r));
            assert_same(&some, &all, which);
        }
    }
    print_message("%u of %zu scenarios are small enough\n", small, files.gl_pathc);
    assert_true(small >= 40);
    globfree(&files);
}

/* With the argument "every" (ctest's label heavy) all small scenarios, else the list. */
int main(int argc, char **argv)
{
    const struct CMUnitTest list[] = {cmocka_unit_test(same_verdicts_and_outcomes)};
    const struct CMUnitTest every[] = {cmocka_unit_test(same_in_every_small_scenario)};
    if (argc > 1 && strcmp(argv[1], "every") == 0)
        return cmocka_run_group_tests(every, NULL, NULL) != 0;
    return cmocka_run_group_tests(list, NULL, NULL) != 0;
}

/* A reduction must not show. Each cell of the matrix that is small enough without any is walked
 * without, with each alone and with all: the same promises break, the same conditions are met, and
 * the set of final outcomes is the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/explore/outcome_test_util.h"
#include "sim/explore/walk_test_util.h"

/* Every cell of the matrix with less than 60,000 states without a reduction, and some more. */
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

static struct found walk(const struct scenario *sc, uint32_t reduce)
{
    static struct walk k;
    struct outcomes o = {.n = 0};
    walk_open(&k, sc, reduce);
    visited_init(&o.seen, (uint64_t)1 << 28);
    k.end = end;
    k.arg = &o;
    walk_all(&k);
    struct found f = {k.states, k.steps, o.n, o.sum, k.broken, k.reached};
    walk_close(&k);
    visited_free(&o.seen);
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

static void same_verdicts_and_outcomes(void **state)
{
    (void)state;
    uint64_t less[REDUCTIONS] = {0};
    for (size_t i = 0; i < sizeof cells / sizeof cells[0]; i++) {
        struct scenario sc;
        char path[128];
        snprintf(path, sizeof path, "scenarios/%s.yaml", cells[i]);
        assert_true(scenario_load(path, &sc, stderr));
        struct found all = walk(&sc, 0);
        struct found some = walk(&sc, REDUCE_ALL);
        print_message("%s: %llu states, %llu with all reductions, %llu outcomes\n", cells[i],
                      (unsigned long long)all.states, (unsigned long long)some.states,
                      (unsigned long long)all.outcomes);
        assert_same(&some, &all, "all reductions");
        for (uint32_t r = 0; r < REDUCTIONS; r++) {
            some = walk(&sc, 1u << r);
            assert_same(&some, &all, reduction_name(r));
            less[r] += all.steps - some.steps;
        }
    }
    for (uint32_t r = 0; r < REDUCTIONS; r++)
        if (less[r] == 0)
            fail_msg("%s reduces nothing", reduction_name(r));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(same_verdicts_and_outcomes)};
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}

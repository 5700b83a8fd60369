/* The reduction must not show: each small cell of the matrix has the same verdicts, meets the same
 * conditions and ends in the same set of final states with it and without it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "sim/explore/explore.h"

static const char *const cells[] = {
    "01-after-commit",        "02-after-sync",
    "03-before-write",        "04-relay-synced-kept",
    "06-restart-serves",      "06-restart-waits-for-ack",
    "07-before-write-serves", "07-before-write-readonly",
    "08-sync-binlog-0",       "08-publish-before-fsync",
    "08-sync-binlog-1",       "11-partition-infinite",
    "12-asynchronous",        "14-rejoin-cut",
    "14-rejoin-not-cut",      "14-restart-cut",
    "16-binlog-fsync-fails",  "17-connection-reset",
    "19-torn-writes",
};

static void a_cell(const char *name, uint64_t *less)
{
    struct scenario sc;
    struct result all, some;
    char path[128];
    snprintf(path, sizeof path, "scenarios/%s.yaml", name);
    assert_true(scenario_load(path, &sc, stderr));
    explore_exhaust(&sc, &(struct explore_options){.no_reduction = true}, &all);
    explore_exhaust(&sc, &(struct explore_options){.no_reduction = false}, &some);
    assert_true(all.exhausted && some.exhausted);
    assert_int_equal(some.ends, all.ends);
    assert_int_equal(some.digest.lo, all.digest.lo);
    assert_int_equal(some.digest.hi, all.digest.hi);
    assert_int_equal(some.reached, all.reached);
    for (uint32_t i = 0; i < INVARIANTS; i++)
        assert_int_equal(some.verdict[i], all.verdict[i]);
    assert_true(some.states <= all.states);
    *less += all.states - some.states;
    result_free(&all);
    result_free(&some);
}

static void same_verdicts_and_outcomes(void **state)
{
    (void)state;
    uint64_t less = 0;
    for (size_t i = 0; i < sizeof cells / sizeof cells[0]; i++) {
        print_message("%s\n", cells[i]);
        a_cell(cells[i], &less);
    }
    assert_true(less > 500000); /* and it does reduce */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(same_verdicts_and_outcomes)};
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "model/invariant.h"
#include "model/reach.h"

/* Ids stand in scenarios and reports: they must not change. */
static void test_ids_are_stable(void **state)
{
    (void)state;
    static const char *const ids[INVARIANTS] = {
        "NOLOSS", "NOPHANTOM", "NOAHEAD", "AGREE", "CONVERGE", "ACKTRUE", "LIVE", "OBS", "SANE"};
    for (uint32_t i = 0; i < INVARIANTS; i++) {
        assert_string_equal(invariant_id((enum invariant)i), ids[i]);
        assert_int_equal(invariant_find(ids[i]), i);
        const char *statement = invariant_statement((enum invariant)i);
        assert_true(strlen(statement) > 20);
        assert_int_equal(statement[strlen(statement) - 1], '.');
    }
}

static void test_unknown_ids(void **state)
{
    (void)state;
    static const char *const unknown[] = {"", "noloss", "NOLOSS ", "NOLOS", "ATOMIC"};
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++)
        assert_int_equal(invariant_find(unknown[i]), INVARIANTS);
}

static void test_reach_names(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < REACHES; i++) {
        const char *name = reach_name((enum reach)i);
        assert_non_null(name);
        assert_true(strlen(name) > 3);
        assert_int_equal(reach_find(name), i); /* so no two are the same */
    }
    assert_int_equal(reach_find("no such thing"), REACHES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ids_are_stable),
        cmocka_unit_test(test_unknown_ids),
        cmocka_unit_test(test_reach_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "model/ledger.h"

enum { T1 = 1, T2 = 2, T3 = 4, T4 = 8 };

/* A binlog with these transactions (by number - 1), as 0-1-1, 0-1-2 ... */
static struct history binlog(uint32_t n, const uint8_t *txns)
{
    struct history h = {.n = n, .file = 1};
    for (uint32_t i = 0; i < n; i++)
        h.at[i] = (struct held){.txn = txns[i], .file = 1, .server = 1, .seq = i + 1};
    return h;
}

static void test_lost_and_phantom(void **state)
{
    (void)state;
    struct ledger l = {.answered = T1 | T3, .seen = T1 | T2 | T3, .refused = T4};
    assert_int_equal(ledger_lost(&l, T1 | T2 | T3), 0);
    assert_int_equal(ledger_lost(&l, T1 | T2), T3);
    assert_int_equal(ledger_lost(&l, T1 | T3), 0); /* T2 was seen, not answered */
    assert_int_equal(ledger_phantom(&l, T1 | T3), T2);
    assert_int_equal(ledger_lost(&l, 0), T1 | T3);
    assert_int_equal(ledger_phantom(&l, 0), T1 | T2 | T3);
    assert_int_equal(ledger_phantom(&l, T1 | T2 | T3 | T4), 0); /* more than promised is fine */
}

static void test_ahead(void **state)
{
    (void)state;
    assert_int_equal(ledger_ahead(T1 | T2, T1), 0);
    assert_int_equal(ledger_ahead(T1 | T2, T1 | T2), 0);
    assert_int_equal(ledger_ahead(T1, T1 | T2 | T3), T2 | T3);
}

static void test_disagree(void **state)
{
    (void)state;
    static const uint8_t order[] = {2, 0, 1}; /* T3, T1, T2 */
    const struct history h = binlog(3, order);
    static const struct {
        uint32_t visible;
        txn_mask part, whole;
    } cases[] = {
        {0, 0, T1 | T2 | T3},
        {T3, 0, T1 | T2},
        {T3 | T1, 0, T2},
        {T3 | T1 | T2, 0, 0},
        {T1, T1, T1 | T2 | T3}, /* overtook T3 */
        {T3 | T2, T2, T1 | T2},
        {T1 | T2, T1 | T2, T1 | T2 | T3},
        {T3 | T4, T4, T1 | T2 | T4}, /* T4 is not in the binlog */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(ledger_disagree(&h, cases[i].visible, false), cases[i].part);
        assert_int_equal(ledger_disagree(&h, cases[i].visible, true), cases[i].whole);
    }
    const struct history none = binlog(0, NULL);
    assert_int_equal(ledger_disagree(&none, 0, true), 0);
    assert_int_equal(ledger_disagree(&none, T2, false), T2);
}

static void test_diverged(void **state)
{
    (void)state;
    static const uint8_t one[] = {0, 1};
    static const uint8_t other[] = {0, 3};
    const struct history a = binlog(2, one);
    struct history b = binlog(2, other);
    assert_int_equal(ledger_diverged(&a, &a), 0);
    assert_int_equal(ledger_diverged(&a, &b), T2 | T4); /* 0-1-2 is two things */
    assert_int_equal(ledger_diverged_from(&a, 1, &b), T2 | T4);
    assert_int_equal(ledger_diverged_from(&a, 2, &b), 0); /* nothing new */
    b.at[1].server = 2;                                   /* 0-2-2 is another GTID */
    assert_int_equal(ledger_diverged(&a, &b), 0);
    b.at[1] = a.at[0]; /* the same transaction twice is no divergence */
    assert_int_equal(ledger_diverged(&a, &b), 0);
    const struct history none = binlog(0, NULL);
    assert_int_equal(ledger_diverged(&a, &none), 0);
}

static void test_released(void **state)
{
    (void)state;
    const struct history h = {
        .n = 3,
        .at = {{.txn = 0, .file = 1, .start = 400, .end = 500},
               {.txn = 1, .file = 1, .start = 500, .end = 700},
               {.txn = 2, .file = 2, .start = 300, .end = 400}},
    };
    assert_int_equal(ledger_released(&h, 1, 499), 0);
    assert_int_equal(ledger_released(&h, 1, 500), T1);
    assert_int_equal(ledger_released(&h, 1, 699), T1);
    assert_int_equal(ledger_released(&h, 1, 9000), T1 | T2);
    assert_int_equal(ledger_released(&h, 2, 4), T1 | T2);
    assert_int_equal(ledger_released(&h, 2, 400), T1 | T2 | T3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lost_and_phantom), cmocka_unit_test(test_ahead),
        cmocka_unit_test(test_disagree),         cmocka_unit_test(test_diverged),
        cmocka_unit_test(test_released),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}

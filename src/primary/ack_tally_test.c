/* More ACKs than one: MySQL's slots with its minimum as it is, and MariaDB's proposal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "primary/ack_tally.h"

static struct ack_tally t;

static log_pos_t slots(uint32_t count, uint32_t node, log_pos_t pos)
{
    return ack_tally_insert(&t, ACK_COUNT_SLOTS, count, node, pos);
}

static log_pos_t each(uint32_t count, uint32_t node, log_pos_t pos)
{
    return ack_tally_insert(&t, ACK_COUNT_EACH, count, node, pos);
}

/* With one slot the function cannot be wrong: whatever comes, two replicas have what it reports. */
static void two_are_two(void **state)
{
    (void)state;
    uint32_t z = 1;
    for (uint32_t run = 0; run < 2000; run++) {
        log_pos_t has[NODES_MAX] = {0};
        memset(&t, 0, sizeof t);
        for (uint32_t step = 0; step < 12; step++) {
            z = z * 1664525u + 1013904223u;
            uint32_t node = 1 + (z >> 16) % 3;
            has[node] += 1 + (z >> 24) % 3;
            log_pos_t report = slots(2, node, has[node]);
            uint32_t n = 0;
            for (uint32_t i = 1; i < NODES_MAX; i++)
                n += has[i] >= report;
            assert_true(n >= 2 || report == 0);
        }
    }
}

static void two_replicas_in_turn(void **state)
{
    (void)state;
    memset(&t, 0, sizeof t);
    assert_int_equal(slots(2, 1, 100), 0);
    assert_int_equal(slots(2, 1, 200), 0); /* the same replica: nothing new */
    assert_int_equal(slots(2, 2, 100), 0 + 100);
    assert_int_equal(slots(2, 2, 100), 0); /* reported already */
    assert_int_equal(slots(2, 2, 300), 200);
    assert_int_equal(slots(2, 1, 300), 300);
    assert_int_equal(t.greatest, 300);
}

/* mysql-server PR 509: 200 is reported, and only two of three have it. */
static void the_minimum_of_mysql(void **state)
{
    (void)state;
    memset(&t, 0, sizeof t);
    assert_int_equal(slots(3, 2, 200), 0);
    assert_int_equal(slots(3, 1, 100), 0);
    assert_int_equal(slots(3, 3, 300), 200);
    memset(&t, 0, sizeof t);
    assert_int_equal(slots(3, 1, 100), 0);
    assert_int_equal(slots(3, 2, 200), 0);
    assert_int_equal(slots(3, 3, 300), 100); /* in this order it is right by luck */
}

static void each_counts_replicas(void **state)
{
    (void)state;
    memset(&t, 0, sizeof t);
    assert_int_equal(each(2, 1, 100), 0);
    assert_int_equal(each(2, 1, 200), 0);
    assert_int_equal(each(2, 2, 100), 100);
    assert_int_equal(each(2, 3, 150), 150);
    assert_int_equal(each(2, 2, 400), 200);
    assert_int_equal(each(2, 1, 150), 0); /* an old one */
    memset(&t, 0, sizeof t);
    assert_int_equal(each(3, 2, 200), 0);
    assert_int_equal(each(3, 1, 100), 0);
    assert_int_equal(each(3, 3, 300), 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_are_two),
        cmocka_unit_test(two_replicas_in_turn),
        cmocka_unit_test(the_minimum_of_mysql),
        cmocka_unit_test(each_counts_replicas),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

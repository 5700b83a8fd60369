#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sim/explore/visited.h"

static struct hash128 fingerprint(uint64_t i)
{
    uint64_t x = (i + 1) * 0x9e3779b97f4a7c15u;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return (struct hash128){.lo = i, .hi = x ^ x >> 31};
}

static void test_a_million(void **state)
{
    (void)state;
    struct visited v;
    visited_init(&v, (uint64_t)1 << 30);
    for (uint64_t i = 0; i < 1000000; i++) {
        assert_int_equal(visited_add(&v, fingerprint(i)), VISITED_NEW);
        assert_int_equal(visited_add(&v, fingerprint(i / 2)), VISITED_SEEN);
    }
    for (uint64_t i = 0; i < 1000000; i++) {
        assert_int_equal(visited_add(&v, fingerprint(i)), VISITED_SEEN);
    }
    assert_int_equal(v.n, 1000000);
    assert_int_equal(visited_bytes(&v), (uint64_t)16 << 21); /* 2^20 is full at three quarters */
    visited_free(&v);
}

static void test_all_on_one_place(void **state)
{
    (void)state;
    struct visited v;
    visited_init(&v, 1 << 20);
    for (uint64_t top = 0; top < 2; top++) { /* at the wrap-around and at the beginning */
        for (uint64_t i = 1; i < 500; i++) {
            struct hash128 h = {.lo = i, .hi = top == 0 ? UINT64_MAX : 0};
            assert_int_equal(visited_add(&v, h), VISITED_NEW);
            assert_int_equal(visited_add(&v, h), VISITED_SEEN);
        }
    }
    assert_int_equal(v.n, 998);
    visited_free(&v);
}

static void test_the_bound_is_said(void **state)
{
    (void)state;
    const uint64_t bound = 1 << 20;
    struct visited v;
    visited_init(&v, bound);
    uint64_t n = 0;
    while (visited_add(&v, fingerprint(n)) == VISITED_NEW) {
        n++;
        assert_true(visited_bytes(&v) <= bound);
    }
    assert_int_equal(n, (bound / 2 / 16) / 8 * 7); /* half: growing needs old and new */
    assert_int_equal(visited_add(&v, fingerprint(n)), VISITED_FULL);
    assert_int_equal(visited_add(&v, fingerprint(n - 1)), VISITED_SEEN);
    visited_free(&v);
}

static void test_cleared(void **state)
{
    (void)state;
    struct visited v = {0};
    for (uint64_t round = 0; round < 3; round++) {
        visited_clear(&v, 1 << 22);
        assert_int_equal(v.n, 0);
        for (uint64_t i = 0; i < (round == 1 ? 100000 : 100); i++) {
            assert_true(visited_room(&v));
            assert_int_equal(visited_add(&v, fingerprint(i)), VISITED_NEW);
        }
    }
    visited_free(&v);
}

/* The table of several processes: fingerprints that are alike in one half, or have a half that is
 * 0, are different ones all the same. */
static void test_shared(void **state)
{
    (void)state;
    static struct hash128 table[1024];
    struct visited v = {.at = table, .cap = 1024, .grow_at = 1024, .shift = 54, .shared = true};
    for (uint64_t i = 0; i < 500; i++) {
        struct hash128 h = {.lo = i < 250 ? 7 : 1000 + i, .hi = i < 250 ? 1000 + i : UINT64_MAX};
        assert_int_equal(visited_add(&v, h), VISITED_NEW);
        assert_int_equal(visited_add(&v, h), VISITED_SEEN);
    }
    const struct hash128 halves[] = {{.lo = 0, .hi = 5}, {.lo = 5, .hi = 0}, {.lo = 0, .hi = 0}};
    for (size_t i = 0; i < sizeof halves / sizeof halves[0]; i++) {
        assert_int_equal(visited_add(&v, halves[i]), VISITED_NEW);
        assert_int_equal(visited_add(&v, halves[i]), VISITED_SEEN);
    }
    assert_int_equal(v.n, 503);
    visited_free(&v);
}

static void test_zero_is_a_fingerprint(void **state)
{
    (void)state;
    struct visited v;
    visited_init(&v, 1 << 20);
    assert_int_equal(visited_add(&v, (struct hash128){0}), VISITED_NEW);
    assert_int_equal(visited_add(&v, (struct hash128){0}), VISITED_SEEN);
    visited_free(&v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_million),
        cmocka_unit_test(test_all_on_one_place),
        cmocka_unit_test(test_the_bound_is_said),
        cmocka_unit_test(test_cleared),
        cmocka_unit_test(test_shared),
        cmocka_unit_test(test_zero_is_a_fingerprint),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}

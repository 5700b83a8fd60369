#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "format/bytes.h"

static void numbers_are_little_endian(void **state)
{
    (void)state;
    uint8_t at[15];
    const uint8_t want[15] = {0x01, 0x03, 0x02, 0x07, 0x06, 0x05, 0x04, 0x0f,
                              0x0e, 0x0d, 0x0c, 0x0b, 0x0a, 0x09, 0x08};
    struct writer w = writer_over(at, sizeof at);
    put_u8(&w, 0x01);
    put_u16(&w, 0x0203);
    put_u32(&w, 0x04050607);
    put_u64(&w, 0x08090a0b0c0d0e0f);
    assert_false(w.failed);
    assert_int_equal(w.len, sizeof at);
    assert_memory_equal(at, want, sizeof at);

    struct reader r = reader_over(at, sizeof at);
    assert_int_equal(get_u8(&r), 0x01);
    assert_int_equal(get_u16(&r), 0x0203);
    assert_int_equal(get_u32(&r), 0x04050607);
    assert_true(get_u64(&r) == 0x08090a0b0c0d0e0f);
    assert_int_equal(reader_left(&r), 0);
    assert_false(r.failed);
}

static void extremes_come_back(void **state)
{
    (void)state;
    uint8_t at[15];
    struct writer w = writer_over(at, sizeof at);
    put_u8(&w, UINT8_MAX);
    put_u16(&w, UINT16_MAX);
    put_u32(&w, UINT32_MAX);
    put_u64(&w, UINT64_MAX);
    struct reader r = reader_over(at, sizeof at);
    assert_int_equal(get_u8(&r), UINT8_MAX);
    assert_int_equal(get_u16(&r), UINT16_MAX);
    assert_true(get_u32(&r) == UINT32_MAX);
    assert_true(get_u64(&r) == UINT64_MAX);
}

static void blocks_are_copied(void **state)
{
    (void)state;
    uint8_t at[8];
    memset(at, 0xaa, sizeof at);
    struct writer w = writer_over(at, 6);
    put_bytes(&w, "abc", 3);
    put_zero(&w, 3);
    put_bytes(&w, NULL, 0);
    assert_false(w.failed);
    assert_memory_equal(at, "abc\0\0\0\xaa\xaa", 8);

    struct reader r = reader_over(at, 6);
    get_skip(&r, 1);
    assert_ptr_equal(get_bytes(&r, 2), at + 1);
    assert_ptr_equal(get_bytes(&r, 0), at + 3);
    assert_int_equal(reader_left(&r), 3);
}

/* A put that does not fit writes nothing, and neither does any later one, even if it would fit. */
static void a_full_writer_stays_failed(void **state)
{
    (void)state;
    for (uint32_t cap = 0; cap < 8; cap++) {
        uint8_t at[9];
        memset(at, 0xaa, sizeof at);
        struct writer w = writer_over(at, cap);
        put_u64(&w, 0);
        assert_true(w.failed);
        assert_int_equal(w.len, 0);
        put_u8(&w, 0);
        put_u16(&w, 0);
        put_u32(&w, 0);
        put_zero(&w, 1);
        put_bytes(&w, "x", 1);
        assert_null(put_claim(&w, 0));
        assert_int_equal(w.len, 0);
        for (size_t i = 0; i < sizeof at; i++) {
            assert_int_equal(at[i], 0xaa);
        }
    }
}

static void an_overrun_reader_stays_failed(void **state)
{
    (void)state;
    const uint8_t at[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    for (uint32_t len = 0; len < 8; len++) {
        struct reader r = reader_over(at, len);
        assert_true(get_u64(&r) == 0);
        assert_true(r.failed);
        assert_int_equal(get_u8(&r), 0);
        assert_int_equal(get_u16(&r), 0);
        assert_int_equal(get_u32(&r), 0);
        assert_null(get_bytes(&r, 0));
        assert_int_equal(reader_left(&r), 0);
    }
}

/* Lengths near 2^32 must not wrap around the bound. */
static void absurd_lengths_fail(void **state)
{
    (void)state;
    uint8_t at[4] = {0};
    struct reader r = reader_over(at, sizeof at);
    get_skip(&r, 2);
    assert_null(get_bytes(&r, UINT32_MAX));
    assert_true(r.failed);
    struct writer w = writer_over(at, sizeof at);
    put_u16(&w, 1);
    put_zero(&w, UINT32_MAX - 1);
    assert_true(w.failed);
    assert_int_equal(w.len, 2);
}

static void nothing_can_be_read_from_nothing(void **state)
{
    (void)state;
    struct reader r = reader_over(NULL, 0);
    assert_int_equal(reader_left(&r), 0);
    assert_int_equal(get_u8(&r), 0);
    assert_true(r.failed);
    struct writer w = writer_over(NULL, 0);
    put_u8(&w, 1);
    assert_true(w.failed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_little_endian),
        cmocka_unit_test(extremes_come_back),
        cmocka_unit_test(blocks_are_copied),
        cmocka_unit_test(a_full_writer_stays_failed),
        cmocka_unit_test(an_overrun_reader_stays_failed),
        cmocka_unit_test(absurd_lengths_fail),
        cmocka_unit_test(nothing_can_be_read_from_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}

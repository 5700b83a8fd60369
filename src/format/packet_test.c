#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "format/packet.h"

static const uint8_t payload[5] = {0xef, 0x01, 2, 3, 4}; /* begins like a semi-sync header */

static void event_packets_round_trip(void **state)
{
    (void)state;
    for (int mode = 0; mode < 3; mode++) {
        const bool semi = mode > 0;
        const bool need = mode > 1;
        uint8_t at[16];
        struct writer w = writer_over(at, sizeof at);
        assert_int_equal(encode_event_packet(&w, payload, sizeof payload, semi, need), FMT_OK);
        assert_int_equal(w.len, sizeof payload + (semi ? 3 : 1));
        struct event_packet p;
        assert_int_equal(decode_event_packet(at, w.len, semi, &p), FMT_OK);
        assert_int_equal(p.len, sizeof payload);
        assert_memory_equal(p.event, payload, sizeof payload);
        assert_int_equal(p.semi_sync, semi);
        assert_int_equal(p.need_ack, need);
    }
}

static void event_packet_bytes(void **state)
{
    (void)state;
    uint8_t at[16];
    struct writer w = writer_over(at, sizeof at);
    assert_int_equal(encode_event_packet(&w, (const uint8_t *)"E", 1, true, true), FMT_OK);
    assert_int_equal(encode_event_packet(&w, (const uint8_t *)"E", 1, true, false), FMT_OK);
    assert_int_equal(encode_event_packet(&w, (const uint8_t *)"E", 1, false, false), FMT_OK);
    assert_int_equal(w.len, 10);
    assert_memory_equal(at, "\x00\xef\x01\x45\x00\xef\x00\x45\x00\x45", 10);
}

/* What was negotiated decides, not the look of the bytes. */
static void the_mode_decides_and_not_the_bytes(void **state)
{
    (void)state;
    const uint8_t plain[] = {0, 0xef, 1, 9};
    struct event_packet p;
    assert_int_equal(decode_event_packet(plain, sizeof plain, false, &p), FMT_OK);
    assert_int_equal(p.len, 3);
    assert_ptr_equal(p.event, plain + 1);
    assert_false(p.semi_sync);
    assert_false(p.need_ack);
    const uint8_t bare[] = {0, 9, 9, 9};
    assert_int_equal(decode_event_packet(bare, sizeof bare, true, &p), FMT_BAD_MAGIC);
    assert_null(p.event);
}

static void bad_event_packets(void **state)
{
    (void)state;
    struct event_packet p;
    const uint8_t error[] = {0xff, 0xef, 1, 9};
    assert_int_equal(decode_event_packet(error, sizeof error, true, &p), FMT_BAD_BODY);
    assert_int_equal(decode_event_packet(error, sizeof error, false, &p), FMT_BAD_BODY);
    const uint8_t good[] = {0, 0xef, 1, 9};
    for (uint32_t len = 0; len < sizeof good; len++) {
        assert_int_equal(decode_event_packet(good, len, true, &p), FMT_SHORT);
    }
    assert_int_equal(decode_event_packet(NULL, 0, false, &p), FMT_SHORT);
    assert_int_equal(decode_event_packet(good, 1, false, &p), FMT_SHORT);
    const uint8_t other_flags[] = {0, 0xef, 0xfe, 9};
    assert_int_equal(decode_event_packet(other_flags, sizeof other_flags, true, &p), FMT_OK);
    assert_false(p.need_ack);
}

static void full_writers_keep_what_they_had(void **state)
{
    (void)state;
    const struct ack_packet ack = {.pos = 1, .file = "b.1"};
    for (uint32_t cap = 0; cap < 12; cap++) {
        uint8_t at[12];
        struct writer w = writer_over(at, cap);
        assert_int_equal(encode_ack(&w, &ack), FMT_FULL);
        assert_true(w.failed);
        assert_int_equal(w.len, 0);
        w = writer_over(at, cap < 7 ? cap : 7);
        assert_int_equal(encode_event_packet(&w, payload, 5, true, false), FMT_FULL);
        assert_true(w.failed);
        assert_int_equal(w.len, 0);
    }
}

static void ack_bytes(void **state)
{
    (void)state;
    struct ack_packet ack = {.pos = 0x0102030405060708, .file = "b.000001"};
    uint8_t at[128];
    struct writer w = writer_over(at, sizeof at);
    assert_int_equal(encode_ack(&w, &ack), FMT_OK);
    assert_int_equal(w.len, 17);
    assert_memory_equal(at,
                        "\xef\x08\x07\x06\x05\x04\x03\x02\x01"
                        "b.000001",
                        17);
    struct ack_packet back;
    memset(&back, 0xaa, sizeof back);
    assert_int_equal(decode_ack(at, w.len, &back), FMT_OK);
    assert_memory_equal(&back, &ack, sizeof ack);
}

static void ack_names_of_every_length(void **state)
{
    (void)state;
    for (uint32_t n = 1; n < BINLOG_NAME_MAX; n++) {
        struct ack_packet ack = {.pos = n};
        memset(ack.file, 'n', n);
        uint8_t at[128];
        struct writer w = writer_over(at, sizeof at);
        assert_int_equal(encode_ack(&w, &ack), FMT_OK);
        struct ack_packet back;
        assert_int_equal(decode_ack(at, w.len, &back), FMT_OK);
        assert_memory_equal(&back, &ack, sizeof ack);
    }
}

static void bad_acks(void **state)
{
    (void)state;
    const struct ack_packet none = {0};
    uint8_t at[9 + BINLOG_NAME_MAX];
    memset(at, 'n', sizeof at);
    at[0] = SEMISYNC_MAGIC;
    struct ack_packet out;
    for (uint32_t len = 0; len < ACK_LEN_MIN; len++) {
        assert_int_equal(decode_ack(at, len, &out), FMT_SHORT);
    }
    assert_int_equal(decode_ack(at, ACK_LEN_MIN, &out), FMT_BAD_BODY);
    assert_int_equal(decode_ack(at, ACK_LEN_MIN + 1, &out), FMT_OK);
    assert_int_equal(decode_ack(at, sizeof at, &out), FMT_BAD_BODY);
    assert_memory_equal(&out, &none, sizeof out);
    at[9 + 3] = 0; /* a client that sends the terminating NUL along */
    assert_int_equal(decode_ack(at, 9 + 4, &out), FMT_BAD_BODY);
    assert_memory_equal(&out, &none, sizeof out);
    at[0] = 0x01; /* COM_QUIT: the replica goes away */
    assert_int_equal(decode_ack(at, 1, &out), FMT_BAD_MAGIC);
    assert_int_equal(decode_ack(at, 20, &out), FMT_BAD_MAGIC);
    assert_int_equal(decode_ack(NULL, 0, &out), FMT_SHORT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(event_packets_round_trip),           cmocka_unit_test(event_packet_bytes),
        cmocka_unit_test(the_mode_decides_and_not_the_bytes), cmocka_unit_test(bad_event_packets),
        cmocka_unit_test(full_writers_keep_what_they_had),    cmocka_unit_test(ack_bytes),
        cmocka_unit_test(ack_names_of_every_length),          cmocka_unit_test(bad_acks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}

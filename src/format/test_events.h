/* What the tests of this folder share: one sample of every event, and hex.
 * A test includes cmocka before this. */
#ifndef ACKPROOF_FORMAT_TEST_EVENTS_H
#define ACKPROOF_FORMAT_TEST_EVENTS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "format/event.h"
#include "format/event_crc.h"

enum { SAMPLE_MAX = 512, SAMPLES = 12 };

#define SAMPLE_VERSION "10.11.18-MariaDB-log"

struct sample {
    uint8_t bytes[SAMPLE_MAX];
    uint32_t len;
    struct event_head head;
};

static inline struct gtid_state sample_state(void)
{
    struct gtid_state s = {0};
    assert_true(gtid_state_update(&s, (struct gtid){0, 1, 7}));
    assert_true(gtid_state_update(&s, (struct gtid){0, 2, 9}));
    assert_true(gtid_state_update(&s, (struct gtid){0, 1, 10}));
    assert_true(gtid_state_update(&s, (struct gtid){3, 1, 1}));
    return s;
}

/* Encodes sample `i` (0 <= i < SAMPLES) with the surroundings c. */
static inline enum fmt sample_encode(int i, struct writer *w, const struct event_ctx *c)
{
    const struct gtid g = {5, c->server_id, 0x1122334455667788};
    const struct gtid_state state = sample_state();
    const struct gtid_state empty = {0};
    switch (i) {
    case 0:
        return encode_format_description(w, c, SAMPLE_VERSION);
    case 1:
        return encode_gtid_list(w, c, &state);
    case 2:
        return encode_gtid_list(w, c, &empty);
    case 3:
        return encode_binlog_checkpoint(w, c, "binlog.000001");
    case 4:
        return encode_gtid(w, c, g, GTID_FLAG_TRANSACTIONAL | GTID_FLAG_ALLOW_PARALLEL, 0);
    case 5:
        return encode_gtid(w, c, g, GTID_FLAG_TRANSACTIONAL, 77);
    case 6:
        return encode_query(w, c, "test", "CREATE TABLE t (k INT NOT NULL, v INT NOT NULL)");
    case 7:
        return encode_table_map(w, c, 0x123456789abc, "test", "t");
    case 8:
        return encode_write_rows(w, c, 0x123456789abc, -1, INT32_MIN);
    case 9:
        return encode_xid(w, c, UINT64_MAX - 1);
    case 10:
        return encode_rotate(w, c, "binlog.000002", BINLOG_MAGIC_LEN);
    default:
        return encode_stop(w, c);
    }
}

static inline struct sample sample_make(int i)
{
    const struct event_ctx c = {
        .timestamp = 1700000000, .server_id = 42, .start = 1000, .flags = 0};
    struct sample s = {0};
    struct writer w = writer_over(s.bytes, SAMPLE_MAX);
    assert_int_equal(sample_encode(i, &w, &c), FMT_OK);
    s.len = w.len;
    assert_int_equal(event_parse(s.bytes, s.len, true, &s.head), FMT_OK);
    return s;
}

/* Feeds the event to every decoder and to the scanner, whatever its type: none may crash. */
static inline void sample_decode_all(const uint8_t *event, const struct event_head *h)
{
    struct gtid_event gtid;
    struct gtid_state state;
    struct rows_event rows;
    struct rotate_event rotate;
    uint64_t xid;
    char file[BINLOG_NAME_MAX];
    const char *text;
    uint32_t len;
    (void)decode_gtid(event, h, &gtid);
    (void)decode_gtid_list(event, h, &state);
    (void)decode_write_rows(event, h, &rows);
    (void)decode_xid(event, h, &xid);
    (void)decode_rotate(event, h, &rotate);
    (void)decode_binlog_checkpoint(event, h, file);
    (void)decode_query(event, h, &text, &len);
    struct group_scan closed;
    group_scan_start(&closed);
    (void)group_scan_event(&closed, event, h);
    struct group_scan open = {.open = 1};
    (void)group_scan_event(&open, event, h);
}

/* Sets length and CRC of the event to fit `len` bytes; the rest of the header stays. */
static inline void sample_reseal(uint8_t *event, uint32_t len)
{
    for (unsigned i = 0; i < 4; i++) {
        event[9 + i] = (uint8_t)((len >> (8 * i)) & 0xff);
    }
    const uint32_t crc = event_crc(event, len - EVENT_CRC_LEN);
    for (unsigned i = 0; i < 4; i++) {
        event[len - EVENT_CRC_LEN + i] = (uint8_t)((crc >> (8 * i)) & 0xff);
    }
}

static inline uint32_t hex_digit(char c)
{
    return (uint32_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

/* Reads pairs of lower-case hex digits; returns the number of bytes. */
static inline uint32_t from_hex(const char *hex, uint8_t *out, uint32_t cap)
{
    const uint32_t n = (uint32_t)strlen(hex) / 2;
    assert_true(n <= cap);
    for (uint32_t i = 0; i < n; i++) {
        out[i] = (uint8_t)(hex_digit(hex[2 * i]) << 4 | hex_digit(hex[2 * i + 1]));
    }
    return n;
}

#endif

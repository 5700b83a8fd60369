#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "format/event.h"
#include "format/test_events.h"

/* Events as a MariaDB 10.11.19 wrote them, server_id 7. */
static const char real_fde[] = "1212016b0f07000000fc000000000100000000040031302e31312e31392d4d61726"
                               "96144422d302b646562313275312d"
                               "6c6f6700000000000000000000000000000000000000000000000013380d0008001"
                               "20004040404120000e400041a0800"
                               "0000080808020000000a0a0a0000000000000a0a0a0000000000000000000000000"
                               "00000000000000000000000000000"
                               "0000000000000000000000000000000000000000000000000000000000000000000"
                               "00000000000000000000000000000"
                               "0000000000000000000000000000000000000000000000000000000000000000000"
                               "00000000000000000000004130400"
                               "0d0808080a0a0a0149b4f348";
static const char real_gtid_list_empty[] =
    "1112016ba3070000001d0000001d01000000000000000000005309ef68";
static const char real_gtid_list[] =
    "1212016ba3070000002b0000002b010000000001000000000000000700000004000000000000000b8e5399";
/* The server lists domain 3 before domain 0: its order is that of a hash. */
static const char real_gtid_list_two[] = "1212016ba3070000003b0000003b01000000000200000003000000070"
                                         "000000100000000000000000000000700000005"
                                         "00000000000000cd49c926";
static const char real_checkpoint[] =
    "1112016ba1070000002300000040010000000008000000622e3030303030314404945a";
static const char real_gtid[] =
    "1212016ba2070000002a000000ab01000008000200000000000000030000000c000000000000beca88ba";
static const char real_gtid_ddl[] =
    "1212016ba2070000002a000000e5010000080002000000000000000000000029000000000000"
    "6cde1242";
/* XA PREPARE: the XA id stands right behind the flags, without padding between them. */
static const char real_gtid_xa[] = "0e17016ba2070000002d000000f60300000800"
                                   "1000000000000000000000004c01000000010061"
                                   "01ff7ab50cd7";
static const char real_table_map[] =
    "1212016b13070000002a000000f102000000001200000000000100016400017400020303000056f00013";
static const char real_write_rows[] =
    "1212016b17070000002a0000001b030000000012000000000001000203fc010000000200000037b76e18";
static const char real_write_two_rows[] = "1212016b170700000033000000fc0300000000120000000000010002"
                                          "03fcfbffffff4d000000fc030000000400000027"
                                          "0aab36";
static const char real_xid[] = "1212016b10070000001f0000003a03000000000500000000000000dd6220e1";
static const char real_rotate[] =
    "1212016b0407000000270000004204000000000400000000000000622e303030303032f20868ad";
static const char real_query_commit[] =
    "1212016b0207000000450000007d040000080005000000000000000000001a0000000000010100002054000000"
    "0006037374640421002100080000434f4d4d4954c5defc59";
static const char real_stop[] = "1212016b030700000017000000940400000000cb0600b0";

struct real {
    uint8_t bytes[SAMPLE_MAX];
    struct event_head head;
    struct event_ctx ctx; /* what an encoder has to be told to write the same */
};

static struct real real_event(const char *hex)
{
    struct real r = {0};
    const uint32_t len = from_hex(hex, r.bytes, sizeof r.bytes);
    assert_int_equal(event_parse(r.bytes, len, true, &r.head), FMT_OK);
    assert_int_equal(r.head.len, len);
    assert_int_equal(r.head.server_id, 7);
    r.ctx = (struct event_ctx){.timestamp = r.head.timestamp,
                               .server_id = r.head.server_id,
                               .start = r.head.log_pos - r.head.len,
                               .flags = 0};
    return r;
}

static void assert_same(const struct writer *w, const struct real *r)
{
    assert_false(w->failed);
    assert_int_equal(w->len, r->head.len);
    assert_memory_equal(w->at, r->bytes, w->len);
}

static void a_server_writes_the_same_file_events(void **state)
{
    (void)state;
    uint8_t at[SAMPLE_MAX];
    struct writer w = writer_over(at, sizeof at);
    struct real r = real_event(real_fde);
    assert_int_equal(r.head.len, 252);
    encode_format_description(&w, &r.ctx, "10.11.19-MariaDB-0+deb12u1-log");
    assert_same(&w, &r);

    const struct gtid_state empty = {0};
    w = writer_over(at, sizeof at);
    r = real_event(real_gtid_list_empty);
    encode_gtid_list(&w, &r.ctx, &empty);
    assert_same(&w, &r);

    struct gtid_state one = {0};
    assert_true(gtid_state_update(&one, (struct gtid){0, 7, 4}));
    w = writer_over(at, sizeof at);
    r = real_event(real_gtid_list);
    encode_gtid_list(&w, &r.ctx, &one);
    assert_same(&w, &r);

    w = writer_over(at, sizeof at);
    r = real_event(real_checkpoint);
    encode_binlog_checkpoint(&w, &r.ctx, "b.000001");
    assert_same(&w, &r);

    w = writer_over(at, sizeof at);
    r = real_event(real_rotate);
    encode_rotate(&w, &r.ctx, "b.000002", 4);
    assert_same(&w, &r);

    w = writer_over(at, sizeof at);
    r = real_event(real_stop);
    encode_stop(&w, &r.ctx);
    assert_same(&w, &r);
}

static void a_server_writes_the_same_group_events(void **state)
{
    (void)state;
    uint8_t at[SAMPLE_MAX];
    struct writer w = writer_over(at, sizeof at);
    struct real r = real_event(real_gtid);
    encode_gtid(&w, &r.ctx, (struct gtid){3, 7, 2},
                GTID_FLAG_TRANSACTIONAL | GTID_FLAG_ALLOW_PARALLEL, 0);
    assert_same(&w, &r);

    w = writer_over(at, sizeof at);
    r = real_event(real_gtid_ddl);
    encode_gtid(&w, &r.ctx, (struct gtid){0, 7, 2},
                GTID_FLAG_STANDALONE | GTID_FLAG_ALLOW_PARALLEL | GTID_FLAG_DDL, 0);
    assert_same(&w, &r);

    w = writer_over(at, sizeof at);
    r = real_event(real_table_map);
    encode_table_map(&w, &r.ctx, 18, "d", "t");
    assert_same(&w, &r);

    w = writer_over(at, sizeof at);
    r = real_event(real_write_rows);
    encode_write_rows(&w, &r.ctx, 18, 1, 2);
    assert_same(&w, &r);

    w = writer_over(at, sizeof at);
    r = real_event(real_xid);
    encode_xid(&w, &r.ctx, 5);
    assert_same(&w, &r);
}

static void a_servers_events_are_understood(void **state)
{
    (void)state;
    struct real r = real_event(real_gtid_list_two);
    struct gtid_state s;
    assert_int_equal(decode_gtid_list(r.bytes, &r.head, &s), FMT_OK);
    assert_int_equal(s.n, 2);
    assert_true(gtid_equal(s.at[0], (struct gtid){0, 7, 5}));
    assert_true(gtid_equal(s.at[1], (struct gtid){3, 7, 1}));

    r = real_event(real_write_two_rows);
    struct rows_event rows;
    assert_int_equal(decode_write_rows(r.bytes, &r.head, &rows), FMT_OK);
    assert_int_equal(rows.table_id, 18);
    assert_int_equal(rows.k, -5);
    assert_int_equal(rows.v, 77);

    r = real_event(real_gtid_xa);
    struct gtid_event g;
    assert_int_equal(decode_gtid(r.bytes, &r.head, &g), FMT_OK);
    assert_true(gtid_equal(g.gtid, (struct gtid){0, 7, 16}));
    assert_int_equal(g.flags2, 0x4c);
    assert_int_equal(g.commit_id, 0);

    r = real_event(real_query_commit);
    const char *text;
    uint32_t len;
    assert_int_equal(decode_query(r.bytes, &r.head, &text, &len), FMT_OK);
    assert_int_equal(len, 6);
    assert_memory_equal(text, "COMMIT", 6);
}

static void every_event_round_trips(void **state)
{
    (void)state;
    for (int i = 0; i < SAMPLES; i++) {
        const struct sample s = sample_make(i);
        assert_int_equal(s.head.len, s.len);
        assert_int_equal(s.head.timestamp, 1700000000);
        assert_int_equal(s.head.server_id, 42);
        assert_int_equal(s.head.log_pos, 1000 + s.len);
        assert_int_equal(s.head.flags & ~EVENT_FLAG_SUPPRESS_USE, 0);
        assert_string_not_equal(event_type_text(s.head.type), "unknown");
    }
}

static void bodies_round_trip(void **state)
{
    (void)state;
    struct sample s = sample_make(1);
    struct gtid_state list;
    const struct gtid_state want = sample_state();
    assert_int_equal(decode_gtid_list(s.bytes, &s.head, &list), FMT_OK);
    assert_memory_equal(&list, &want, sizeof list);
    s = sample_make(2);
    assert_int_equal(decode_gtid_list(s.bytes, &s.head, &list), FMT_OK);
    assert_int_equal(list.n, 0);

    s = sample_make(3);
    char file[BINLOG_NAME_MAX];
    assert_int_equal(decode_binlog_checkpoint(s.bytes, &s.head, file), FMT_OK);
    assert_string_equal(file, "binlog.000001");

    for (int i = 4; i <= 5; i++) {
        struct gtid_event g;
        s = sample_make(i);
        assert_int_equal(decode_gtid(s.bytes, &s.head, &g), FMT_OK);
        assert_true(gtid_equal(g.gtid, (struct gtid){5, 42, 0x1122334455667788}));
        assert_int_equal(g.commit_id, i == 5 ? 77 : 0);
        assert_int_equal(g.flags2, i == 5 ? 6 : 12);
    }

    s = sample_make(6);
    const char *text;
    uint32_t len;
    const char ddl[] = "CREATE TABLE t (k INT NOT NULL, v INT NOT NULL)";
    assert_int_equal(decode_query(s.bytes, &s.head, &text, &len), FMT_OK);
    assert_int_equal(len, strlen(ddl));
    assert_memory_equal(text, ddl, len);

    s = sample_make(8);
    struct rows_event rows;
    assert_int_equal(decode_write_rows(s.bytes, &s.head, &rows), FMT_OK);
    assert_true(rows.table_id == 0x123456789abc);
    assert_int_equal(rows.k, -1);
    assert_int_equal(rows.v, INT32_MIN);

    s = sample_make(9);
    uint64_t xid;
    assert_int_equal(decode_xid(s.bytes, &s.head, &xid), FMT_OK);
    assert_true(xid == UINT64_MAX - 1);

    s = sample_make(10);
    struct rotate_event rotate;
    assert_int_equal(decode_rotate(s.bytes, &s.head, &rotate), FMT_OK);
    assert_string_equal(rotate.next_file, "binlog.000002");
    assert_int_equal(rotate.next_pos, 4);
}

/* Any prefix of an event is a torn tail; what follows an event does not matter. */
static void every_truncation_is_short(void **state)
{
    (void)state;
    for (int i = 0; i < SAMPLES; i++) {
        const struct sample s = sample_make(i);
        struct event_head h;
        for (uint32_t len = 0; len < s.len; len++) {
            uint8_t exact[SAMPLE_MAX];
            memcpy(exact, s.bytes, len);
            assert_int_equal(event_parse(exact, len, true, &h), FMT_SHORT);
            assert_int_equal(event_parse(exact, len, false, &h), FMT_SHORT);
        }
        assert_int_equal(event_parse(s.bytes, SAMPLE_MAX, true, &h), FMT_OK);
    }
}

/* All 255 other values of every byte. The one bit that the CRC does not cover is BINLOG_IN_USE. */
static void every_corrupt_byte_is_found(void **state)
{
    (void)state;
    for (int i = 0; i < SAMPLES; i++) {
        struct sample s = sample_make(i);
        const bool fde = s.head.type == EVENT_FORMAT_DESCRIPTION;
        for (uint32_t at = 0; at < s.len; at++) {
            for (unsigned flip = 1; flip < 256; flip++) {
                struct event_head h;
                s.bytes[at] = (uint8_t)(s.bytes[at] ^ flip);
                const enum fmt e = event_parse(s.bytes, s.len, true, &h);
                if (fde && at == 17 && flip == EVENT_FLAG_IN_USE) {
                    assert_int_equal(e, FMT_OK);
                    assert_true(format_description_in_use(&h));
                } else {
                    assert_int_not_equal(e, FMT_OK);
                }
                s.bytes[at] = (uint8_t)(s.bytes[at] ^ flip);
            }
        }
    }
}

/* Corrupt bytes under a CRC that fits, as a reader that does not verify sees them: any answer, no
 * crash. The buffer is exactly as long as the event, for the sanitizers. */
static void decoders_stand_any_body(void **state)
{
    (void)state;
    for (int i = 0; i < SAMPLES; i++) {
        const struct sample s = sample_make(i);
        for (uint32_t at = 0; at < s.len - EVENT_CRC_LEN; at++) {
            for (unsigned value = 0; value < 256; value += value < 8 || value > 246 ? 1 : 13) {
                struct event_head h;
                uint8_t bytes[SAMPLE_MAX];
                memcpy(bytes, s.bytes, s.len);
                bytes[at] = (uint8_t)value;
                sample_reseal(bytes, s.len);
                assert_int_equal(event_parse(bytes, s.len, true, &h), FMT_OK);
                sample_decode_all(bytes, &h);
            }
        }
    }
}

static void decoders_stand_any_length(void **state)
{
    (void)state;
    for (int i = 0; i < SAMPLES; i++) {
        const struct sample s = sample_make(i);
        for (uint32_t len = EVENT_HEADER_LEN + EVENT_CRC_LEN; len < s.len + 64; len++) {
            uint8_t bytes[SAMPLE_MAX] = {0};
            memcpy(bytes, s.bytes, s.len - EVENT_CRC_LEN);
            sample_reseal(bytes, len);
            struct event_head h;
            assert_int_equal(event_parse(bytes, len, true, &h), FMT_OK);
            sample_decode_all(bytes, &h);
            uint64_t xid;
            struct rows_event rows;
            if (h.type == EVENT_XID && len != s.len) {
                assert_int_equal(decode_xid(bytes, &h, &xid), FMT_BAD_BODY);
            }
            if (h.type == EVENT_WRITE_ROWS_V1 && (len - s.len) % 9 != 0) {
                assert_int_equal(decode_write_rows(bytes, &h, &rows), FMT_BAD_BODY);
            }
        }
    }
}

static void a_decoder_refuses_other_types(void **state)
{
    (void)state;
    const struct sample s = sample_make(11);
    struct gtid_event gtid;
    struct gtid_state list;
    struct rows_event rows;
    struct rotate_event rotate;
    uint64_t xid;
    char file[BINLOG_NAME_MAX];
    const char *text;
    uint32_t len;
    assert_int_equal(decode_gtid(s.bytes, &s.head, &gtid), FMT_BAD_BODY);
    assert_int_equal(decode_gtid_list(s.bytes, &s.head, &list), FMT_BAD_BODY);
    assert_int_equal(decode_write_rows(s.bytes, &s.head, &rows), FMT_BAD_BODY);
    assert_int_equal(decode_xid(s.bytes, &s.head, &xid), FMT_BAD_BODY);
    assert_int_equal(decode_rotate(s.bytes, &s.head, &rotate), FMT_BAD_BODY);
    assert_int_equal(decode_binlog_checkpoint(s.bytes, &s.head, file), FMT_BAD_BODY);
    assert_int_equal(decode_query(s.bytes, &s.head, &text, &len), FMT_BAD_BODY);
    assert_null(text);
}

static void absurd_lengths_are_garbage(void **state)
{
    (void)state;
    const uint32_t lens[] = {0, 1, 18, 22, EVENT_LEN_MAX + 1, 0x7fffffff, 0x80000000, UINT32_MAX};
    struct sample s = sample_make(9);
    struct event_head h;
    for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
        for (unsigned b = 0; b < 4; b++) {
            s.bytes[9 + b] = (uint8_t)((lens[i] >> (8 * b)) & 0xff);
        }
        assert_int_equal(event_parse(s.bytes, s.len, true, &h), FMT_BAD_LENGTH);
        assert_int_equal(event_parse(s.bytes, s.len, false, &h), FMT_BAD_LENGTH);
    }
    const uint8_t zeros[64] = {0}; /* a hole in the file after a power loss */
    assert_int_equal(event_parse(zeros, sizeof zeros, true, &h), FMT_BAD_LENGTH);
    assert_int_equal(event_parse(NULL, 0, true, &h), FMT_SHORT);
}

static void a_full_writer_gets_no_part_of_an_event(void **state)
{
    (void)state;
    const struct event_ctx c = {.timestamp = 1, .server_id = 42, .start = 4, .flags = 0};
    for (int i = 0; i < SAMPLES; i++) {
        const struct sample s = sample_make(i);
        for (uint32_t cap = 0; cap < s.len; cap++) {
            uint8_t at[SAMPLE_MAX] = {0};
            struct writer w = writer_over(at, cap);
            assert_int_equal(sample_encode(i, &w, &c), FMT_FULL);
            assert_true(w.failed);
            assert_int_equal(w.len, 0);
            assert_int_equal(at[0], 0);
            w.cap = SAMPLE_MAX; /* once failed, failed for good */
            assert_int_equal(sample_encode(i, &w, &c), FMT_FULL);
        }
    }
    uint8_t four[4];
    struct writer w = writer_over(four, 3);
    assert_int_equal(encode_magic(&w), FMT_FULL);
    w = writer_over(four, 4);
    assert_int_equal(encode_magic(&w), FMT_OK);
    assert_memory_equal(four, binlog_magic, 4);
}

static void in_use_changes_one_bit_and_no_crc(void **state)
{
    (void)state;
    struct sample s = sample_make(0);
    const struct sample before = s;
    uint32_t offset = 0;
    struct event_head h;
    format_description_set_in_use(s.bytes, true, &offset);
    assert_int_equal(offset, 17);
    assert_int_equal(s.bytes[offset], 1);
    assert_int_equal(event_parse(s.bytes, s.len, true, &h), FMT_OK);
    assert_true(format_description_in_use(&h));
    format_description_set_in_use(s.bytes, false, &offset);
    assert_memory_equal(s.bytes, before.bytes, s.len);
    assert_false(format_description_in_use(&before.head));

    /* Encoded in use from the start: the same bytes but for the flag. */
    const struct event_ctx c = {
        .timestamp = 1700000000, .server_id = 42, .start = 1000, .flags = EVENT_FLAG_IN_USE};
    uint8_t at[SAMPLE_MAX];
    struct writer w = writer_over(at, sizeof at);
    assert_int_equal(encode_format_description(&w, &c, SAMPLE_VERSION), FMT_OK);
    format_description_set_in_use(at, false, &offset);
    assert_memory_equal(at, before.bytes, w.len);
}

static void artificial_events_have_no_position(void **state)
{
    (void)state;
    const struct event_ctx c = {
        .timestamp = 0, .server_id = 1, .start = 900, .flags = EVENT_FLAG_ARTIFICIAL};
    uint8_t at[SAMPLE_MAX];
    struct writer w = writer_over(at, sizeof at);
    assert_int_equal(encode_rotate(&w, &c, "b.000009", 4), FMT_OK);
    struct event_head h;
    assert_int_equal(event_parse(at, w.len, true, &h), FMT_OK);
    assert_int_equal(h.log_pos, 0);
    assert_int_equal(h.flags, EVENT_FLAG_ARTIFICIAL);
}

static uint32_t gtid_list_bytes(uint8_t *at, uint32_t count, const struct gtid *g, uint32_t n)
{
    struct writer w = writer_over(at, SAMPLE_MAX);
    put_zero(&w, 4);
    put_u8(&w, EVENT_GTID_LIST);
    put_zero(&w, EVENT_HEADER_LEN - 5);
    put_u32(&w, count);
    for (uint32_t i = 0; i < n; i++) {
        put_u32(&w, g[i].domain);
        put_u32(&w, g[i].server);
        put_u64(&w, g[i].seq);
    }
    put_zero(&w, EVENT_CRC_LEN);
    sample_reseal(at, w.len);
    return w.len;
}

static enum fmt gtid_list_decode(uint32_t count, const struct gtid *g, uint32_t n)
{
    uint8_t at[SAMPLE_MAX];
    struct event_head h;
    struct gtid_state s;
    const struct gtid_state empty = {0};
    const uint32_t len = gtid_list_bytes(at, count, g, n);
    assert_int_equal(event_parse(at, len, true, &h), FMT_OK);
    const enum fmt e = decode_gtid_list(at, &h, &s);
    if (e != FMT_OK) {
        assert_memory_equal(&s, &empty, sizeof s);
    }
    return e;
}

static void gtid_lists_that_contradict_themselves(void **state)
{
    (void)state;
    const struct gtid g[] = {{0, 1, 1}, {0, 2, 2}, {0, 3, 3}, {0, 4, 4}, {0, 5, 5},
                             {0, 6, 6}, {0, 7, 7}, {0, 8, 8}, {0, 9, 9}};
    const struct gtid twice[] = {{0, 1, 1}, {0, 2, 2}, {0, 1, 3}};
    const struct gtid zero[] = {{0, 1, 0}};
    const struct gtid domains[] = {{0, 1, 1}, {1, 1, 1}, {2, 1, 1}, {3, 1, 1}, {4, 1, 1}};
    assert_int_equal(gtid_list_decode(8, g, 8), FMT_OK);
    assert_int_equal(gtid_list_decode(0x30000008, g, 8), FMT_OK);
    assert_int_equal(gtid_list_decode(9, g, 9), FMT_BAD_BODY);
    assert_int_equal(gtid_list_decode(7, g, 8), FMT_BAD_BODY);
    assert_int_equal(gtid_list_decode(8, g, 7), FMT_BAD_BODY);
    assert_int_equal(gtid_list_decode(0, g, 1), FMT_BAD_BODY);
    assert_int_equal(gtid_list_decode(0x0fffffff, g, 1), FMT_BAD_BODY);
    assert_int_equal(gtid_list_decode(3, twice, 3), FMT_BAD_BODY);
    assert_int_equal(gtid_list_decode(1, zero, 1), FMT_BAD_BODY);
    assert_int_equal(gtid_list_decode(4, domains, 4), FMT_OK);
    assert_int_equal(gtid_list_decode(5, domains, 5), FMT_BAD_BODY);
    assert_int_equal(gtid_list_decode(0, NULL, 0), FMT_OK);
}

static void names_that_are_none(void **state)
{
    (void)state;
    struct sample s = sample_make(10);
    struct rotate_event rotate;
    s.bytes[EVENT_HEADER_LEN + 8 + 3] = 0;
    assert_int_equal(decode_rotate(s.bytes, &s.head, &rotate), FMT_BAD_BODY);
    sample_reseal(s.bytes, EVENT_HEADER_LEN + 8 + EVENT_CRC_LEN);
    assert_int_equal(event_parse(s.bytes, SAMPLE_MAX, true, &s.head), FMT_OK);
    assert_int_equal(decode_rotate(s.bytes, &s.head, &rotate), FMT_BAD_BODY);

    char longest[BINLOG_NAME_MAX] = {0};
    memset(longest, 'x', BINLOG_NAME_MAX - 1);
    const struct event_ctx c = {.timestamp = 1, .server_id = 42, .start = 4, .flags = 0};
    uint8_t at[SAMPLE_MAX];
    struct writer w = writer_over(at, sizeof at);
    assert_int_equal(encode_rotate(&w, &c, longest, UINT64_MAX), FMT_OK);
    struct event_head h;
    assert_int_equal(event_parse(at, w.len, true, &h), FMT_OK);
    assert_int_equal(decode_rotate(at, &h, &rotate), FMT_OK);
    assert_string_equal(rotate.next_file, longest);
    assert_true(rotate.next_pos == UINT64_MAX);
    at[w.len - EVENT_CRC_LEN] = 'x'; /* one character more */
    sample_reseal(at, w.len + 1);
    assert_int_equal(event_parse(at, w.len + 1, true, &h), FMT_OK);
    assert_int_equal(decode_rotate(at, &h, &rotate), FMT_BAD_BODY);
}

static void every_error_has_a_text(void **state)
{
    (void)state;
    for (int e = FMT_OK; e <= FMT_BAD_BODY; e++) {
        assert_string_not_equal(fmt_text((enum fmt)e), "unknown");
    }
    assert_string_equal(event_type_text(EVENT_XID), "XID");
    assert_string_equal(event_type_text(EVENT_HEARTBEAT), "HEARTBEAT");
    assert_string_equal(event_type_text(EVENT_ANNOTATE_ROWS), "ANNOTATE_ROWS");
    assert_string_equal(event_type_text(0), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_writes_the_same_file_events),
        cmocka_unit_test(a_server_writes_the_same_group_events),
        cmocka_unit_test(a_servers_events_are_understood),
        cmocka_unit_test(every_event_round_trips),
        cmocka_unit_test(bodies_round_trip),
        cmocka_unit_test(every_truncation_is_short),
        cmocka_unit_test(every_corrupt_byte_is_found),
        cmocka_unit_test(decoders_stand_any_body),
        cmocka_unit_test(decoders_stand_any_length),
        cmocka_unit_test(a_decoder_refuses_other_types),
        cmocka_unit_test(absurd_lengths_are_garbage),
        cmocka_unit_test(a_full_writer_gets_no_part_of_an_event),
        cmocka_unit_test(in_use_changes_one_bit_and_no_crc),
        cmocka_unit_test(artificial_events_have_no_position),
        cmocka_unit_test(gtid_lists_that_contradict_themselves),
        cmocka_unit_test(names_that_are_none),
        cmocka_unit_test(every_error_has_a_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}

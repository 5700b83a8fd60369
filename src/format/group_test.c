#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "format/event.h"
#include "format/test_events.h"

/* Events one after the other, and what the scanner says of each. */
struct stream {
    uint8_t bytes[4096];
    struct writer w;
    struct event_ctx c;
};

static void stream_start(struct stream *s)
{
    memset(s->bytes, 0, sizeof s->bytes);
    s->w = writer_over(s->bytes, sizeof s->bytes);
    s->c = (struct event_ctx){.timestamp = 1, .server_id = 1, .start = 4, .flags = 0};
}

/* An event of any type, with a body of zeros. */
static void add_raw(struct stream *s, uint8_t type, uint32_t body_len)
{
    uint8_t *event = s->bytes + s->w.len;
    put_zero(&s->w, EVENT_HEADER_LEN + body_len + EVENT_CRC_LEN);
    assert_false(s->w.failed);
    event[4] = type;
    sample_reseal(event, EVENT_HEADER_LEN + body_len + EVENT_CRC_LEN);
}

static void add_gtid(struct stream *s, uint64_t seq, uint8_t flags2)
{
    assert_int_equal(encode_gtid(&s->w, &s->c, (struct gtid){0, 1, seq}, flags2, 0), FMT_OK);
}

static void add_query(struct stream *s, const char *text)
{
    assert_int_equal(encode_query(&s->w, &s->c, "", text), FMT_OK);
}

static void add_row(struct stream *s, int32_t k, int32_t v)
{
    assert_int_equal(encode_table_map(&s->w, &s->c, 18, "d", "t"), FMT_OK);
    assert_int_equal(encode_write_rows(&s->w, &s->c, 18, k, v), FMT_OK);
}

static void add_xid(struct stream *s, uint64_t xid)
{
    assert_int_equal(encode_xid(&s->w, &s->c, xid), FMT_OK);
}

static const char step_letter[] = {'o', 'B', 'm', 'E', '!'};

/* Scans the stream; answers one letter per event: o outside, B begin, m middle, E end, ! error. */
static const char *scan(const struct stream *s, struct group_scan *g)
{
    static char letters[64];
    uint32_t n = 0;
    group_scan_start(g);
    for (uint32_t at = 0; at < s->w.len;) {
        struct event_head h;
        assert_int_equal(event_parse(s->bytes + at, s->w.len - at, true, &h), FMT_OK);
        assert_true(n + 1 < sizeof letters);
        letters[n++] = step_letter[group_scan_event(g, s->bytes + at, &h)];
        at += h.len;
    }
    letters[n] = '\0';
    return letters;
}

static void a_transaction_ends_at_its_xid(void **state)
{
    (void)state;
    struct stream s;
    struct group_scan g;
    stream_start(&s);
    add_gtid(&s, 5, GTID_FLAG_TRANSACTIONAL);
    add_row(&s, 7, -8);
    add_row(&s, 9, 10);
    add_xid(&s, 99);
    assert_string_equal(scan(&s, &g), "BmmmmE");
    assert_int_equal(g.open, 0);
    assert_int_equal(g.xid, 99);
    assert_int_equal(g.rows, 1);
    assert_int_equal(g.k, 7);
    assert_int_equal(g.v, -8);
    assert_true(gtid_equal(g.gtid.gtid, (struct gtid){0, 1, 5}));
    assert_int_equal(g.gtid.flags2, GTID_FLAG_TRANSACTIONAL);
}

static void the_next_group_starts_afresh(void **state)
{
    (void)state;
    struct stream s;
    struct group_scan g;
    stream_start(&s);
    add_gtid(&s, 1, GTID_FLAG_TRANSACTIONAL);
    add_row(&s, 1, 1);
    add_xid(&s, 11);
    add_gtid(&s, 2, 0);
    add_query(&s, "SAVEPOINT a");
    add_query(&s, "COMMIT");
    assert_string_equal(scan(&s, &g), "BmmEBmE");
    assert_int_equal(g.xid, 0);
    assert_int_equal(g.rows, 0);
    assert_int_equal(g.k, 0);
    assert_int_equal(g.gtid.gtid.seq, 2);
}

static void commit_and_rollback_end_a_group(void **state)
{
    (void)state;
    struct stream s;
    struct group_scan g;
    stream_start(&s);
    add_gtid(&s, 1, 0);
    add_query(&s, "COMMIT");
    add_gtid(&s, 2, 0);
    add_query(&s, "ROLLBACK");
    add_gtid(&s, 3, 0);
    add_query(&s, "COMMIT AND CHAIN");
    add_query(&s, "commit");
    add_query(&s, "ROLLBACK TO a");
    add_query(&s, "COMMI");
    add_query(&s, "");
    add_xid(&s, 1);
    assert_string_equal(scan(&s, &g), "BEBEBmmmmmE");
}

static void a_standalone_group_is_one_statement(void **state)
{
    (void)state;
    struct stream s;
    struct group_scan g;
    stream_start(&s);
    add_gtid(&s, 1, GTID_FLAG_STANDALONE | GTID_FLAG_DDL);
    add_query(&s, "CREATE TABLE t (k INT)");
    add_gtid(&s, 2, GTID_FLAG_STANDALONE);
    add_raw(&s, EVENT_ANNOTATE_ROWS, 3);
    add_raw(&s, 5, 9);
    add_raw(&s, 13, 16);
    add_raw(&s, 14, 4);
    add_row(&s, 3, 4);
    assert_string_equal(scan(&s, &g), "BEBmmmmmE");
    assert_int_equal(g.rows, 1);
    assert_int_equal(g.k, 3);
}

static void file_events_stand_outside_and_change_nothing(void **state)
{
    (void)state;
    struct stream s;
    struct group_scan g;
    stream_start(&s);
    const struct gtid_state empty = {0};
    encode_format_description(&s.w, &s.c, SAMPLE_VERSION);
    encode_gtid_list(&s.w, &s.c, &empty);
    encode_binlog_checkpoint(&s.w, &s.c, "b.000001");
    add_gtid(&s, 1, GTID_FLAG_TRANSACTIONAL);
    add_row(&s, 1, 2);
    /* A relay log may rotate inside a group. */
    encode_rotate(&s.w, &s.c, "r.000002", 4);
    encode_format_description(&s.w, &s.c, SAMPLE_VERSION);
    add_raw(&s, EVENT_HEARTBEAT, 8);
    add_xid(&s, 3);
    add_raw(&s, 26, 2);
    add_raw(&s, 164, 17);
    encode_stop(&s.w, &s.c);
    assert_string_equal(scan(&s, &g), "oooBmmoooEooo");
    assert_int_equal(g.xid, 3);
    assert_int_equal(g.gtid.gtid.seq, 1);
}

static void events_without_a_group_are_errors(void **state)
{
    (void)state;
    struct stream s;
    struct group_scan g;
    stream_start(&s);
    add_xid(&s, 3);
    add_query(&s, "COMMIT");
    add_row(&s, 1, 2);
    add_raw(&s, EVENT_ANNOTATE_ROWS, 1);
    add_raw(&s, 99, 1);
    assert_string_equal(scan(&s, &g), "!!!!!!");
    assert_int_equal(g.open, 0);
}

static void a_gtid_inside_a_group_is_an_error(void **state)
{
    (void)state;
    struct stream s;
    struct group_scan g;
    stream_start(&s);
    add_gtid(&s, 1, GTID_FLAG_TRANSACTIONAL);
    add_row(&s, 1, 2);
    add_gtid(&s, 2, GTID_FLAG_TRANSACTIONAL);
    assert_string_equal(scan(&s, &g), "Bmm!");
    assert_int_equal(g.open, 1);
    assert_int_equal(g.gtid.gtid.seq, 1);
}

static void malformed_events_are_errors(void **state)
{
    (void)state;
    struct stream s;
    struct group_scan g;
    stream_start(&s);
    add_raw(&s, EVENT_GTID, 19); /* sequence number 0 */
    add_gtid(&s, 1, GTID_FLAG_TRANSACTIONAL);
    add_raw(&s, EVENT_XID, 7);
    add_raw(&s, EVENT_QUERY, 12);
    assert_string_equal(scan(&s, &g), "!B!!");
}

static void other_tables_and_types_pass_unread(void **state)
{
    (void)state;
    struct stream s;
    struct group_scan g;
    stream_start(&s);
    add_gtid(&s, 1, GTID_FLAG_TRANSACTIONAL);
    add_raw(&s, EVENT_WRITE_ROWS_V1, 30);
    add_raw(&s, 24, 30);
    add_raw(&s, 38, 14); /* XA PREPARE */
    assert_string_equal(scan(&s, &g), "BmmE");
    assert_int_equal(g.rows, 0);
    assert_int_equal(g.xid, 0);
}

static void equal_scans_are_equal_bytes(void **state)
{
    (void)state;
    struct stream s;
    struct group_scan a;
    struct group_scan b;
    memset(&a, 0xaa, sizeof a);
    memset(&b, 0x55, sizeof b);
    stream_start(&s);
    add_gtid(&s, 5, GTID_FLAG_TRANSACTIONAL);
    add_row(&s, 7, -8);
    (void)scan(&s, &a);
    (void)scan(&s, &b);
    assert_memory_equal(&a, &b, sizeof a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_transaction_ends_at_its_xid),
        cmocka_unit_test(the_next_group_starts_afresh),
        cmocka_unit_test(commit_and_rollback_end_a_group),
        cmocka_unit_test(a_standalone_group_is_one_statement),
        cmocka_unit_test(file_events_stand_outside_and_change_nothing),
        cmocka_unit_test(events_without_a_group_are_errors),
        cmocka_unit_test(a_gtid_inside_a_group_is_an_error),
        cmocka_unit_test(malformed_events_are_errors),
        cmocka_unit_test(other_tables_and_types_pass_unread),
        cmocka_unit_test(equal_scans_are_equal_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}

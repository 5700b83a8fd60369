/* The DDL statement of these binlogs: text there and back, its event with the XID, its group. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "format/event.h"

static uint8_t bytes[512];

static void there_and_back(void **state)
{
    (void)state;
    static const int32_t numbers[] = {1, 9, 10, 700, INT32_MAX};
    char text[DDL_TEXT_MAX];
    int32_t k, v;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        for (size_t j = 0; j < sizeof numbers / sizeof numbers[0]; j++) {
            ddl_text(text, numbers[i], numbers[j]);
            assert_true(ddl_parse(text, (uint32_t)strlen(text), &k, &v));
            assert_int_equal(k, numbers[i]);
            assert_int_equal(v, numbers[j]);
            assert_false(ddl_parse(text, (uint32_t)strlen(text) - 1, &k, &v));
        }
    }
    ddl_text(text, 7, 700);
    assert_string_equal(text, "CREATE TABLE t7 (v INT DEFAULT 700)");
}

static void other_texts(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "CREATE TABLE t",
        "CREATE TABLE tx (v INT DEFAULT 1)",
        "CREATE TABLE t0 (v INT DEFAULT 1)",
        "CREATE TABLE t1 (v INT DEFAULT )",
        "CREATE TABLE t1 (v INT DEFAULT 1) ",
        "CREATE TABLE t2147483648 (v INT DEFAULT 1)",
        "CREATE TABLE t99999999999999999999999 (v INT DEFAULT 1)",
        "CREATE TABLE t-1 (v INT DEFAULT 1)",
        "DROP TABLE t1",
    };
    int32_t k, v;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_false(ddl_parse(texts[i], (uint32_t)strlen(texts[i]), &k, &v));
}

/* GTID, then the statement: the whole group. */
static uint32_t encode_group(bool with_xid, uint8_t flags)
{
    struct writer w = writer_over(bytes, sizeof bytes);
    struct event_ctx c = {.server_id = 3};
    char text[DDL_TEXT_MAX];
    ddl_text(text, 5, 500);
    assert_int_equal(encode_gtid(&w, &c, (struct gtid){0, 3, 8}, flags, 0), FMT_OK);
    c.start = w.len;
    if (with_xid)
        assert_int_equal(encode_query_xid(&w, &c, "ap", text, 0x1122334455667788), FMT_OK);
    else
        assert_int_equal(encode_query(&w, &c, "ap", text), FMT_OK);
    return w.len;
}

static void a_group_with_its_xid(void **state)
{
    (void)state;
    for (uint32_t with_xid = 0; with_xid < 2; with_xid++) {
        uint32_t len = encode_group(with_xid != 0, GTID_FLAG_STANDALONE | GTID_FLAG_DDL);
        struct group_scan g;
        struct event_head h;
        group_scan_start(&g);
        assert_int_equal(event_parse(bytes, len, true, &h), FMT_OK);
        assert_int_equal(group_scan_event(&g, bytes, &h), GROUP_BEGIN);
        const uint8_t *statement = bytes + h.len;
        assert_int_equal(event_parse(statement, len - h.len, true, &h), FMT_OK);
        assert_int_equal(group_scan_event(&g, statement, &h), GROUP_END);
        assert_true(g.xid == (with_xid != 0 ? 0x1122334455667788 : 0));
        assert_int_equal(g.rows, 1);
        assert_int_equal(g.k, 5);
        assert_int_equal(g.v, 500);
        int32_t k, v;
        assert_true(event_row(statement, &h, &k, &v));
        assert_int_equal(k, 5);
        const char *text;
        uint32_t text_len;
        assert_int_equal(decode_query(statement, &h, &text, &text_len), FMT_OK);
        assert_int_equal(text_len, strlen("CREATE TABLE t5 (v INT DEFAULT 500)"));
    }
}

/* In a transaction the text ends nothing. */
static void not_standalone(void **state)
{
    (void)state;
    uint32_t len = encode_group(true, GTID_FLAG_TRANSACTIONAL);
    struct group_scan g;
    struct event_head h;
    group_scan_start(&g);
    assert_int_equal(event_parse(bytes, len, true, &h), FMT_OK);
    assert_int_equal(group_scan_event(&g, bytes, &h), GROUP_BEGIN);
    const uint8_t *statement = bytes + h.len;
    assert_int_equal(event_parse(statement, len - h.len, true, &h), FMT_OK);
    assert_int_equal(group_scan_event(&g, statement, &h), GROUP_MIDDLE);
    uint64_t xid = 1;
    assert_int_equal(event_parse(bytes, len, true, &h), FMT_OK);
    assert_int_equal(decode_query_xid(bytes, &h, &xid), FMT_BAD_BODY); /* a GTID event */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_and_back),
        cmocka_unit_test(other_texts),
        cmocka_unit_test(a_group_with_its_xid),
        cmocka_unit_test(not_standalone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}

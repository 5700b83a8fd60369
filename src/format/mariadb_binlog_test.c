/* MariaDB's own reader must accept what our encoders write. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "format/event.h"
#include "format/test_process.h"

static const char *scratch;
static char program[TEST_PATH_MAX];

struct file {
    uint8_t bytes[8192];
    struct writer w;
};

/* Surroundings of the next event of the file. */
static struct event_ctx next(const struct file *f, uint32_t server_id, uint16_t flags)
{
    const struct event_ctx c = {
        .timestamp = 1700000000, .server_id = server_id, .start = f->w.len, .flags = flags};
    return c;
}

static void file_start(struct file *f, uint16_t flags, const struct gtid_state *before,
                       const char *oldest)
{
    f->w = writer_over(f->bytes, sizeof f->bytes);
    assert_int_equal(encode_magic(&f->w), FMT_OK);
    struct event_ctx c = next(f, 1, flags);
    assert_int_equal(encode_format_description(&f->w, &c, "10.11.18-MariaDB-log"), FMT_OK);
    c = next(f, 1, 0);
    assert_int_equal(encode_gtid_list(&f->w, &c, before), FMT_OK);
    c = next(f, 1, 0);
    assert_int_equal(encode_binlog_checkpoint(&f->w, &c, oldest), FMT_OK);
}

static void add_ddl(struct file *f, struct gtid g, const char *text)
{
    struct event_ctx c = next(f, g.server, 0);
    assert_int_equal(encode_gtid(&f->w, &c, g, GTID_FLAG_STANDALONE | GTID_FLAG_DDL, 0), FMT_OK);
    c = next(f, g.server, 0);
    assert_int_equal(encode_query(&f->w, &c, "test", text), FMT_OK);
}

static void add_row(struct file *f, uint32_t server_id, int32_t k, int32_t v)
{
    struct event_ctx c = next(f, server_id, 0);
    assert_int_equal(encode_table_map(&f->w, &c, 18, "test", "t"), FMT_OK);
    c = next(f, server_id, 0);
    assert_int_equal(encode_write_rows(&f->w, &c, 18, k, v), FMT_OK);
}

static void add_insert(struct file *f, struct gtid g, uint64_t commit_id, int32_t k, int32_t v)
{
    struct event_ctx c = next(f, g.server, 0);
    assert_int_equal(encode_gtid(&f->w, &c, g, GTID_FLAG_TRANSACTIONAL, commit_id), FMT_OK);
    add_row(f, g.server, k, v);
    c = next(f, g.server, 0);
    assert_int_equal(encode_xid(&f->w, &c, g.seq + 100), FMT_OK);
}

/* Writes the file, lets mariadb-binlog read it and answers what that printed (to be freed). */
static char *read_back(const struct file *f, int want_exit)
{
    char path[TEST_PATH_MAX];
    char out[TEST_PATH_MAX];
    (void)snprintf(path, sizeof path, "%s/binlog.000001", scratch);
    (void)snprintf(out, sizeof out, "%s/out", scratch);
    assert_true(test_write_file(path, f->bytes, f->w.len));
    const char *const argv[] = {program, "--no-defaults", "--verify-binlog-checksum", "-v", path,
                                NULL};
    const int status = test_run(argv, out);
    uint32_t len = 0;
    char *text = (char *)test_read_file(out, &len);
    assert_non_null(text);
    if (status != want_exit) {
        print_error("%s", text);
    }
    assert_int_equal(status, want_exit);
    return text;
}

static void expect_in_order(const char *text, const char *const *parts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char *found = strstr(text, parts[i]);
        if (found == NULL) {
            print_error("not printed, or not there: %s\n", parts[i]);
        }
        assert_non_null(found);
        text = found + strlen(parts[i]);
    }
}

static struct gtid_state state_before(void)
{
    struct gtid_state s = {0};
    assert_true(gtid_state_update(&s, (struct gtid){0, 2, 3}));
    assert_true(gtid_state_update(&s, (struct gtid){0, 1, 4}));
    assert_true(gtid_state_update(&s, (struct gtid){7, 1, 1}));
    return s;
}

static void a_file_in_use_is_read(void **state)
{
    (void)state;
    static struct file f;
    const struct gtid_state before = state_before();
    file_start(&f, EVENT_FLAG_IN_USE, &before, "binlog.000001");
    add_ddl(&f, (struct gtid){0, 1, 5}, "CREATE TABLE t (k INT NOT NULL, v INT NOT NULL)");
    add_insert(&f, (struct gtid){0, 1, 6}, 0, 1, 10);
    add_insert(&f, (struct gtid){0, 2, 7}, 0, -2, INT32_MIN);
    add_insert(&f, (struct gtid){7, 1, 2}, 55, 3, 30);
    add_insert(&f, (struct gtid){0, 1, 8}, 55, 4, INT32_MAX);
    char *text = read_back(&f, 0);
    const char *const parts[] = {
        "Start: binlog v 4, server v 10.11.18-MariaDB-log",
        "binlog is either in use",
        "Gtid list [0-2-3",
        "0-1-4",
        "7-1-1]",
        "Binlog checkpoint binlog.000001",
        "GTID 0-1-5 ddl",
        "CREATE TABLE t (k INT NOT NULL, v INT NOT NULL)",
        "GTID 0-1-6 trans",
        "### INSERT INTO `test`.`t`",
        "@1=1\n",
        "@2=10\n",
        "Xid = 106",
        "GTID 0-2-7 trans",
        "@1=-2",
        "@2=-2147483648",
        "GTID 7-1-2 cid=55 trans",
        "@1=3\n",
        "@2=30\n",
        "GTID 0-1-8 cid=55 trans",
        "@1=4\n",
        "@2=2147483647",
        "Xid = 108",
    };
    expect_in_order(text, parts, sizeof parts / sizeof parts[0]);
    free(text);
}

static void a_rotated_file_is_read(void **state)
{
    (void)state;
    static struct file f;
    const struct gtid_state empty = {0};
    file_start(&f, 0, &empty, "binlog.000001");
    add_insert(&f, (struct gtid){0, 1, 1}, 0, 1, 2);
    const struct event_ctx c = next(&f, 1, 0);
    assert_int_equal(encode_rotate(&f.w, &c, "binlog.000002", BINLOG_MAGIC_LEN), FMT_OK);
    char *text = read_back(&f, 0);
    assert_null(strstr(text, "binlog is either in use"));
    const char *const parts[] = {"Gtid list []", "GTID 0-1-1 trans",
                                 "Rotate to binlog.000002  pos: 4"};
    expect_in_order(text, parts, sizeof parts / sizeof parts[0]);
    free(text);
}

/* A non-transactional group, which ends in a COMMIT without an XID, and a clean shutdown. */
static void a_stopped_file_is_read(void **state)
{
    (void)state;
    static struct file f;
    const struct gtid_state before = state_before();
    file_start(&f, 0, &before, "binlog.000001");
    struct event_ctx c = next(&f, 1, 0);
    assert_int_equal(encode_gtid(&f.w, &c, (struct gtid){0, 1, 5}, 0, 0), FMT_OK);
    add_row(&f, 1, 8, 9);
    c = next(&f, 1, 0);
    assert_int_equal(encode_query(&f.w, &c, "", "COMMIT"), FMT_OK);
    c = next(&f, 1, 0);
    assert_int_equal(encode_stop(&f.w, &c), FMT_OK);
    char *text = read_back(&f, 0);
    const char *const parts[] = {"GTID 0-1-5", "@1=8\n", "@2=9\n", "COMMIT", "Stop"};
    expect_in_order(text, parts, sizeof parts / sizeof parts[0]);
    free(text);
}

/* The control: the same reader does refuse a wrong byte, so the CRCs above were looked at. */
static void a_corrupt_file_is_refused(void **state)
{
    (void)state;
    static struct file f;
    const struct gtid_state empty = {0};
    file_start(&f, 0, &empty, "binlog.000001");
    add_insert(&f, (struct gtid){0, 1, 1}, 0, 1, 2);
    f.bytes[f.w.len - EVENT_CRC_LEN - 1] ^= 1;
    char *text = read_back(&f, 1);
    assert_non_null(strstr(text, "ERROR"));
    free(text);
}

static int body(const char *dir)
{
    scratch = dir;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_in_use_is_read),
        cmocka_unit_test(a_rotated_file_is_read),
        cmocka_unit_test(a_stopped_file_is_read),
        cmocka_unit_test(a_corrupt_file_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}

int main(void)
{
    if (!test_find_program("mariadb-binlog", program)) {
        (void)fprintf(stderr, "skipped: no mariadb-binlog (package mariadb-client)\n");
        return TEST_SKIPPED;
    }
    return test_guarded(body);
}

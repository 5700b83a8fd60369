#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "primary/test_primary.h"

static struct tw w;

static void test_head_of_a_new_file(void **state)
{
    (void)state;
    tw_init(&w);
    w.set.server_id = 42;
    tw_serve(&w);
    const struct tw_file *f = tw_file(&w, FILE_BINLOG, 1);
    static const uint8_t types[] = {EVENT_FORMAT_DESCRIPTION, EVENT_GTID_LIST,
                                    EVENT_BINLOG_CHECKPOINT};
    uint32_t off = BINLOG_MAGIC_LEN;
    assert_memory_equal(f->bytes, binlog_magic, BINLOG_MAGIC_LEN);
    for (uint32_t i = 0; i < 3; i++) {
        struct event_head h;
        assert_int_equal(event_parse(f->bytes + off, f->len - off, true, &h), FMT_OK);
        assert_int_equal(h.type, types[i]);
        assert_int_equal(h.server_id, 42);
        assert_int_equal(h.timestamp, EVENT_TIMESTAMP);
        assert_int_equal(h.log_pos, off + h.len);
        assert_int_equal(h.flags, i == 0 ? EVENT_FLAG_IN_USE : 0);
        if (i == 2) {
            char name[BINLOG_NAME_MAX];
            assert_int_equal(decode_binlog_checkpoint(f->bytes + off, &h, name), FMT_OK);
            assert_string_equal(name, "binlog.000001");
        }
        off += h.len;
    }
    assert_int_equal(off, f->len);
    assert_int_equal(w.p.binlog.len, f->len);
    assert_int_equal(w.p.binlog.end_pos, log_pos(1, f->len));
}

static void test_head_must_be_whole(void **state)
{
    (void)state;
    tw_init(&w);
    tw_serve(&w);
    struct tw_file *f = tw_file(&w, FILE_BINLOG, 1);
    const uint32_t full = f->len;
    struct gtid_state list;
    bool in_use = false;
    for (uint32_t len = 0; len <= full + 8; len++) {
        struct file_view v = {f->id, len, f->bytes};
        assert_int_equal(binlog_head(&v, &in_use, &list), len < full ? 0 : full);
    }
    assert_true(in_use);
    assert_int_equal(list.n, 0);
    for (uint32_t at = 0; at < full; at++) { /* nor with any byte changed, IN_USE excepted */
        struct file_view v = {f->id, full, f->bytes};
        f->bytes[at] ^= 0x10;
        assert_int_equal(binlog_head(&v, &in_use, &list), 0);
        f->bytes[at] ^= 0x10;
    }
    f->bytes[BINLOG_MAGIC_LEN + 17] ^= EVENT_FLAG_IN_USE;
    struct file_view v = {f->id, full, f->bytes};
    assert_int_equal(binlog_head(&v, &in_use, &list), full);
    assert_false(in_use);
}

static void test_events_of_a_group(void **state)
{
    (void)state;
    tw_init(&w);
    w.set.semi_sync_master = false;
    w.set.domain_id = 3;
    w.set.server_id = 8;
    tw_serve(&w);
    const uint32_t start = w.p.binlog.len;
    tw_client(&w, 0, 4);
    tw_settle(&w);
    const struct tw_file *f = tw_file(&w, FILE_BINLOG, 1);
    static const uint8_t types[] = {EVENT_GTID, EVENT_TABLE_MAP, EVENT_WRITE_ROWS_V1, EVENT_XID};
    uint32_t off = start;
    for (uint32_t i = 0; i < 4; i++) {
        struct event_head h;
        struct gtid_event g;
        assert_int_equal(event_parse(f->bytes + off, f->len - off, true, &h), FMT_OK);
        assert_int_equal(h.type, types[i]);
        assert_int_equal(h.server_id, 8);
        assert_int_equal(h.log_pos, off + h.len);
        if (i == 0) {
            assert_int_equal(decode_gtid(f->bytes + off, &h, &g), FMT_OK);
            assert_int_equal(g.flags2, GTID_FLAG_TRANSACTIONAL | GTID_FLAG_ALLOW_PARALLEL);
            assert_true(gtid_equal(g.gtid, (struct gtid){3, 8, 1}));
        }
        off += h.len;
    }
    assert_int_equal(off, f->len);
    struct tw_group g[2];
    assert_int_equal(tw_groups(&w, 1, g, 2), 1);
    assert_int_equal(g[0].k, 5);
    assert_int_equal(g[0].v, 500);
    assert_int_equal(g[0].xid, 5);
}

/* A new GTID follows the domain's latest, of whatever server; other domains do not count. */
static void test_sequence_numbers(void **state)
{
    (void)state;
    bool error = false;
    tw_init(&w);
    w.set.semi_sync_master = false;
    tw_boot(&w, ADMIN_FOLLOW);
    static const struct gtid held[] = {{0, 1, 20}, {0, 2, 7}, {4, 2, 900}};
    for (uint32_t i = 0; i < 3; i++) {
        tw_apply(&w, held[i], 50 + i, (int32_t)i + 1);
        tw_settle(&w);
        assert_true(primary_applied(&w.p, &error));
    }
    tw_admin(&w, ADMIN_SERVE);
    tw_client(&w, 0, 5);
    tw_settle(&w);
    assert_true(gtid_equal(gtid_state_latest(&w.p.binlog.state, 0), (struct gtid){0, 1, 8}));
    struct gtid_pos pos;
    primary_gtid_pos(&w.p, &w.e, &pos);
    char text[128];
    assert_true(gtid_pos_text(&pos, text, sizeof text));
    assert_string_equal(text, "0-1-8,4-2-900");
}

/* The slave position counts where the binlog has nothing (a power loss took its tail). */
static void test_gtid_pos_of_server(void **state)
{
    (void)state;
    bool error = false;
    tw_init(&w);
    w.set.sync_binlog = 0;
    tw_boot(&w, ADMIN_FOLLOW);
    tw_apply(&w, (struct gtid){0, 9, 1}, 50, 1);
    tw_settle(&w);
    assert_true(primary_applied(&w.p, &error));
    w.runnable |= 1u << TASK_REDO; /* the commit record reaches the disk, the binlog does not */
    tw_settle(&w);
    tw_power(&w);
    tw_boot(&w, ADMIN_FOLLOW);
    assert_int_equal(w.visible, 1);
    assert_int_equal(w.p.binlog.state.n, 0);
    struct gtid_pos pos;
    primary_gtid_pos(&w.p, &w.e, &pos);
    assert_true(gtid_equal(gtid_pos_find(&pos, 0), (struct gtid){0, 9, 1}));
}

static void test_publication_wakes_the_dump_threads_that_are_there(void **state)
{
    (void)state;
    tw_init(&w);
    w.set.semi_sync_master = false;
    tw_serve(&w);
    tw_connect(&w, 1, "", false);
    tw_connect(&w, 3, "", false);
    tw_settle(&w);
    tw_client(&w, 0, 0);
    tw_run(&w, 0);
    tw_fsync(&w, 0, IO_OK);
    tw_run_only(&w, 0);
    assert_int_equal(w.runnable, 0);
    tw_fsync(&w, 0, IO_OK);
    while (w.runnable == 1u << 0)
        tw_run(&w, 0);
    assert_int_equal(w.runnable & ~1u, 1u << (TASK_DUMP + 1) | 1u << (TASK_DUMP + 3));
}

static void test_read_limits(void **state)
{
    (void)state;
    uint32_t len = 7;
    tw_init(&w);
    w.set.semi_sync_master = false;
    tw_serve(&w);
    tw_client(&w, 0, 0);
    tw_settle(&w);
    struct disk_view view;
    tw_view(&w, &view);
    const struct env env = {.set = &w.set, .disk = &view};
    const struct ctx c = {.p = &w.p, .e = &w.e, .env = &env};
    const struct tw_file *f = tw_file(&w, FILE_BINLOG, 1);
    assert_ptr_equal(binlog_read(&c, log_pos(1, 4), &len), f->bytes + 4);
    assert_int_equal(len, f->len - 4);
    w.p.binlog.end_pos -= 10; /* written, not published */
    assert_ptr_equal(binlog_read(&c, log_pos(1, 4), &len), f->bytes + 4);
    assert_int_equal(len, f->len - 14);
    assert_null(binlog_read(&c, w.p.binlog.end_pos, &len));
    assert_int_equal(len, 0);
    assert_null(binlog_read(&c, log_pos(1, f->len), &len));
    assert_null(binlog_read(&c, log_pos(9, 4), &len));
    assert_int_equal(len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_head_of_a_new_file),
        cmocka_unit_test(test_head_must_be_whole),
        cmocka_unit_test(test_events_of_a_group),
        cmocka_unit_test(test_sequence_numbers),
        cmocka_unit_test(test_gtid_pos_of_server),
        cmocka_unit_test(test_publication_wakes_the_dump_threads_that_are_there),
        cmocka_unit_test(test_read_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}

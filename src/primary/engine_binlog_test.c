#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "primary/test_primary.h"

enum { DISK_SECTOR_TEST = 512 };

static struct tw w;

static void begin(enum wait_point wait_point, uint32_t flush)
{
    tw_init(&w);
    w.set.profile = server_profile_find("mariadb-12.3");
    w.set.engine_binlog = true;
    w.set.wait_point = wait_point;
    w.set.flush_log_at_trx_commit = flush;
    tw_serve(&w);
}

static void begin_with_replica(enum wait_point wait_point, uint32_t flush)
{
    begin(wait_point, flush);
    tw_connect(&w, 1, "", true);
    tw_settle(&w);
    tw_clear(&w);
}

static void commit(uint32_t txn)
{
    tw_client(&w, 0, txn);
    tw_settle(&w);
}

/* T1, in pieces. */
static void large(uint32_t session)
{
    tw_event(&w, &(struct event){
                     .kind = EV_CLIENT, .task = (uint8_t)session, .statement = STATEMENT_LARGE});
}

static void write_pages(void)
{
    w.runnable |= 1u << TASK_REDO;
    tw_settle(&w);
}

/* The transactions that the stream holds, as "1 2". */
static const char *held(void)
{
    static char text[64];
    struct ibb_record r;
    struct ibb_span span = ibb_span(&w.e);
    text[0] = '\0';
    for (uint32_t at = w.e.ibb.first, len; (len = ibb_record_at(&w.e, at, &r)) != 0; at += len) {
        uint8_t group[1024];
        struct writer out = writer_over(group, sizeof group);
        struct group_scan g;
        struct event_head h;
        assert_true(ibb_record_sound(&r));
        if (r.type != IBB_COMMIT)
            continue;
        assert_true(ibb_group(&span, &r, &out));
        group_scan_start(&g);
        for (uint32_t off = 0; off < out.len; off += h.len) {
            assert_int_equal(event_parse(group + off, out.len - off, true, &h), FMT_OK);
            assert_int_not_equal(group_scan_event(&g, group + off, &h), GROUP_ERROR);
        }
        assert_int_equal(h.log_pos, at + len); /* a position is the end of a record */
        snprintf(text + strlen(text), sizeof text - strlen(text), text[0] == '\0' ? "%d" : " %d",
                 g.k);
    }
    return text;
}

/* ---- commit ---------------------------------------------------------------------------------- */

static void test_order_of_one_commit(void **state)
{
    (void)state;
    static const struct {
        enum wait_point wait_point;
        uint32_t flush;
        const char *before_ack, *behind_ack;
    } cases[] = {
        /* x r: the redo log is all there is. With F=0 and 2 the dump thread flushes it. */
        {WAIT_AFTER_COMMIT, 1, "gv1xrpSW", "ao1"}, {WAIT_AFTER_COMMIT, 3, "gv1xrpSW", "ao1"},
        {WAIT_AFTER_COMMIT, 2, "gv1xpWrS", "ao1"}, {WAIT_AFTER_COMMIT, 0, "gv1pxWrS", "ao1"},
        {WAIT_BEFORE_WRITE, 1, "gpSW", "av1xro1"}, {WAIT_BEFORE_WRITE, 2, "gpSW", "av1xo1"},
        {WAIT_BEFORE_WRITE, 0, "gpSW", "av1o1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        begin_with_replica(cases[i].wait_point, cases[i].flush);
        commit(0);
        assert_string_equal(w.log, cases[i].before_ack);
        assert_stream(&w, 1, "0-1-1!");
        tw_clear(&w);
        tw_ack(&w, 1, w.p.binlog.end_pos);
        tw_settle(&w);
        assert_string_equal(w.log, cases[i].behind_ack);
        assert_string_equal(held(), "1");
        assert_int_equal(w.p.binlog.cached, 0);
        assert_int_equal(w.p.binlog.len, w.e.ibb.end);
    }
}

/* One fsync for the group, and nobody is answered before it. */
static void test_group_commit(void **state)
{
    (void)state;
    begin(WAIT_AFTER_COMMIT, 1);
    w.set.semi_sync_master = false;
    tw_serve(&w);
    for (uint32_t i = 0; i < 3; i++) {
        tw_client(&w, i, i);
        tw_run(&w, i); /* queued */
    }
    tw_run_all(&w);
    assert_string_equal(w.log, "v1v2v3x");
    tw_settle(&w);
    assert_string_equal(w.log, "v1v2v3xrpo3o2o1");
    assert_string_equal(held(), "1 2 3");
}

static void test_redo_error_ends_the_server(void **state)
{
    (void)state;
    begin_with_replica(WAIT_AFTER_COMMIT, 1);
    w.fail_kind = FILE_REDO;
    w.fail_write = IO_ENOSPC;
    commit(0);
    assert_string_equal(w.log, "gv1X");
    assert_stream(&w, 1, "");
}

/* ---- dump threads ---------------------------------------------------------------------------- */

/* A replica that comes later gets what is durable, from where its position says. */
static void test_dump_starts_at_a_file(void **state)
{
    (void)state;
    begin(WAIT_AFTER_COMMIT, 1);
    w.set.semi_sync_master = false;
    tw_serve(&w);
    for (uint32_t t = 0; t < 5; t++)
        commit(t);
    write_pages();
    write_pages();
    tw_clear(&w);
    tw_connect(&w, 1, "", true);
    tw_connect(&w, 2, "0-1-3", true);
    tw_connect(&w, 3, "0-1-9", true);
    tw_settle(&w);
    assert_stream(&w, 1, "0-1-1 0-1-2 0-1-3 0-1-4 0-1-5");
    assert_stream(&w, 2, "0-1-4 0-1-5");
    assert_stream(&w, 3, "E1945");
    assert_int_equal(w.p.dump[1].pos, w.p.binlog.end_pos);
    /* The second file begins with the state behind T2, which crosses into it. */
    struct ibb_header h;
    const struct tw_file *f = tw_file(&w, FILE_IBB, 2);
    assert_true(ibb_header_decode(f->bytes, f->len, 2, &h));
    assert_int_equal(gtid_state_latest(&h.state, 0).seq, 2);
    assert_true(h.first > h.start);
}

/* ---- start ----------------------------------------------------------------------------------- */

static void test_power_loss_takes_row_and_binlog_together(void **state)
{
    (void)state;
    begin(WAIT_AFTER_COMMIT, 0);
    w.set.semi_sync_master = false;
    tw_serve(&w);
    commit(0);
    write_pages(); /* the redo log first */
    commit(1);
    assert_int_equal(w.visible, 3);
    tw_power(&w);
    tw_serve(&w);
    assert_string_equal(held(), "1");
    assert_int_equal(engine_read_keys(&w.e, 2), 1);
    assert_int_equal(gtid_state_latest(&w.p.binlog.state, 0).seq, 1);
    commit(2);
    assert_string_equal(held(), "1 3");
}

/* Pages are written behind the redo log; a checkpoint says so, and the next start believes it. */
static void fill_and_checkpoint(void)
{
    begin(WAIT_AFTER_COMMIT, 1);
    w.set.semi_sync_master = false;
    tw_serve(&w);
    for (uint32_t t = 0; t < 4; t++) {
        commit(t);
        write_pages();
        write_pages();
    }
    assert_int_equal(w.e.ibb.flushed, w.e.ibb.end);
    commit(4); /* flushes the checkpoint record */
    assert_true(w.e.ibb.flushed < w.e.ibb.end);
}

static void test_start_from_pages_and_redo(void **state)
{
    (void)state;
    fill_and_checkpoint();
    uint32_t end = w.e.ibb.end;
    tw_power(&w);
    tw_serve(&w);
    assert_string_equal(held(), "1 2 3 4 5");
    assert_int_equal(w.e.ibb.end, end);
    assert_true(w.e.ibb.flushed < end);
    write_pages();
    assert_int_equal(w.e.ibb.flushed, end);
}

/* The checkpoint stands inside T2, where the first file ends: its beginning is in a page, its end
 * in the redo log only. */
static void test_checkpoint_inside_a_record(void **state)
{
    (void)state;
    begin(WAIT_AFTER_COMMIT, 1);
    w.set.semi_sync_master = false;
    tw_serve(&w);
    commit(0);
    commit(1);
    write_pages();
    assert_int_equal(w.e.ibb.flushed, ibb_file_start(2));
    assert_true(w.e.ibb.flushed < w.e.ibb.end);
    for (uint32_t t = 2; t < 4; t++) {
        commit(t); /* makes the checkpoint durable */
        tw_power(&w);
        tw_serve(&w);
        assert_int_equal(w.e.ibb.flushed, ibb_file_start(2));
        assert_string_equal(held(), t == 2 ? "1 2 3" : "1 2 3 4");
    }
}

/* Half of the last page is old: what the checkpoint covers of it has not changed. */
static void test_torn_last_page(void **state)
{
    (void)state;
    fill_and_checkpoint();
    struct tw_file *f = tw_file(&w, FILE_IBB, ibb_file_of(w.e.ibb.end));
    uint8_t old[IBB_FILE];
    memcpy(old, f->bytes, sizeof old);
    write_pages();
    assert_memory_not_equal(old, f->bytes, sizeof old);
    memcpy(f->bytes + DISK_SECTOR_TEST, old + DISK_SECTOR_TEST, IBB_FILE - DISK_SECTOR_TEST);
    tw_kill(&w);
    tw_serve(&w);
    assert_string_equal(held(), "1 2 3 4 5");
}

/* A page that a checkpoint relies on is not there: the server does not start on half a binlog. */
static void test_damaged_page_refuses_the_start(void **state)
{
    (void)state;
    for (uint32_t file = 1; file <= 3; file++) {
        fill_and_checkpoint();
        struct tw_file *f = tw_file(&w, FILE_IBB, file);
        memset(f->bytes + IBB_PAGE, 0, IBB_PAGE);
        tw_kill(&w);
        tw_start(&w, ADMIN_SERVE);
        assert_string_equal(w.log, "X");
    }
    fill_and_checkpoint();
    memset(tw_file(&w, FILE_IBB, 2), 0, sizeof(struct tw_file));
    tw_kill(&w);
    tw_start(&w, ADMIN_SERVE);
    assert_string_equal(w.log, "X");
}

/* Files behind the end are of a life whose redo was lost; a short one was being allocated. */
static void test_files_behind_the_end_go(void **state)
{
    (void)state;
    begin(WAIT_AFTER_COMMIT, 1);
    tw_create(&w, (struct file_id){FILE_IBB, 3});
    tw_file(&w, FILE_IBB, 2)->len = 100;
    tw_kill(&w);
    w.set.semi_sync_master = false;
    tw_serve(&w);
    assert_null(tw_file(&w, FILE_IBB, 3));
    for (uint32_t t = 0; t < 3; t++)
        commit(t);
    write_pages();
    write_pages();
    assert_int_equal(tw_file(&w, FILE_IBB, 2)->len, IBB_FILE);
    assert_int_equal(tw_file(&w, FILE_IBB, 3)->len, IBB_FILE);
    tw_kill(&w);
    tw_serve(&w);
    assert_string_equal(held(), "1 2 3");
}

/* ---- large transactions ---------------------------------------------------------------------- */

static void test_pieces(void **state)
{
    (void)state;
    begin_with_replica(WAIT_AFTER_COMMIT, 1);
    large(0);
    tw_run(&w, 0); /* prepare, first piece */
    tw_client(&w, 1, 1);
    tw_settle(&w); /* T2 finds its way between the pieces, or behind them */
    assert_string_equal(w.log[0] == 'g' ? "ok" : w.log, "ok");
    assert_int_equal(w.visible, 3);
    tw_ack(&w, 1, w.p.binlog.end_pos);
    tw_settle(&w);
    assert_int_equal(strlen(held()), 3);
    assert_int_equal(w.e.ibb.piece[0], 0);
    tw_power(&w);
    tw_serve(&w);
    assert_int_equal(strlen(held()), 3);
}

/* The pieces of a transaction that never committed stay, and nobody is sent them. */
static void test_pieces_left_behind(void **state)
{
    (void)state;
    begin_with_replica(WAIT_AFTER_COMMIT, 1);
    large(0);
    tw_run(&w, 0);
    tw_run(&w, 0);
    assert_int_equal(w.e.ibb.pieces[0], 2);
    tw_client(&w, 1, 1);
    tw_run_only(&w, 1);
    tw_fsync(&w, 1, IO_OK);
    tw_power(&w);
    tw_serve(&w);
    assert_string_equal(held(), "2");
    assert_true(w.e.ibb.first < w.e.ibb.end);
    tw_connect(&w, 1, "", true);
    tw_settle(&w);
    assert_stream(&w, 1, "0-1-1");
}

/* ---- purge ----------------------------------------------------------------------------------- */

static void purge(void)
{
    tw_event(&w, &(struct event){.kind = EV_ADMIN, .admin = ADMIN_PURGE, .task = TASK_OPERATOR});
    tw_settle(&w);
}

static void test_purge_and_who_comes_late(void **state)
{
    (void)state;
    fill_and_checkpoint();
    uint32_t kept = ibb_file_in_use(&w.e);
    assert_true(kept > 2);
    purge();
    assert_int_equal(w.e.ibb.base, ibb_file_start(kept));
    for (uint32_t num = 1; num < kept; num++)
        assert_null(tw_file(&w, FILE_IBB, (uint8_t)num));
    tw_connect(&w, 1, "", true);
    tw_connect(&w, 2, "0-1-4", true);
    tw_settle(&w);
    assert_stream(&w, 1, "E1236");
    assert_stream(&w, 2, "0-1-5");
    uint32_t end = w.e.ibb.end;
    tw_power(&w);
    tw_serve(&w);
    assert_int_equal(w.e.ibb.base, ibb_file_start(kept));
    assert_int_equal(w.e.ibb.end, end);
    assert_int_equal(gtid_state_latest(&w.p.binlog.state, 0).seq, 5);
}

/* Any of the deleted files may be back: it is deleted again. */
static void test_purged_files_that_came_back(void **state)
{
    (void)state;
    fill_and_checkpoint();
    struct tw_file old = *tw_file(&w, FILE_IBB, 1);
    purge();
    tw_create(&w, old.id);
    *tw_file(&w, FILE_IBB, 1) = old;
    uint32_t base = w.e.ibb.base;
    tw_kill(&w);
    tw_serve(&w);
    assert_int_equal(w.e.ibb.base, base);
    assert_null(tw_file(&w, FILE_IBB, 1));
}

static void test_purge_leaves_what_a_dump_thread_reads(void **state)
{
    (void)state;
    fill_and_checkpoint();
    w.p.dump[1] = (struct dump){.active = 1, .pos = log_pos(1, w.e.ibb.first)};
    assert_int_equal(primary_purge_to(&w.p, &w.e), 1);
    purge();
    assert_int_equal(w.e.ibb.base, IBB_START);
    assert_non_null(tw_file(&w, FILE_IBB, 1));
}

/* A large transaction, before its commit and behind it: its pieces stand in the first file, the end
 * of the binlog does not. */
static void test_purge_leaves_pieces(void **state)
{
    (void)state;
    for (uint32_t committed = 0; committed < 2; committed++) {
        begin(WAIT_AFTER_COMMIT, 1);
        w.set.semi_sync_master = false;
        tw_serve(&w);
        large(0);
        tw_run(&w, 0); /* prepare, first piece */
        for (uint32_t t = 1; t < 3; t++) {
            tw_client(&w, 1, t);
            for (uint32_t i = 0; i < 20 && w.p.by[1].state != COMMITTER_IDLE; i++) {
                tw_run_only(&w, 1);
                if (w.p.by[1].state == COMMITTER_IO)
                    tw_fsync(&w, 1, IO_OK);
            }
        }
        assert_int_equal(w.e.ibb.pieces[0], 1);
        if (committed != 0)
            tw_settle(&w);
        for (uint32_t i = 0; i < 6 && ibb_pages_due(&w.e); i++) {
            ibb_pages_write(&w.e, &(struct env){.set = &w.set, .disk = &(struct disk_view){0}},
                            &(struct actions){0});
            ibb_pages_written(&w.e);
        }
        assert_true(ibb_file_in_use(&w.e) > 1);
        assert_int_equal(primary_purge_to(&w.p, &w.e), 1);
        /* Without a look at the references the group could not be put together any more. */
        if (committed == 0)
            continue;
        assert_int_equal(strlen(held()), 5);
        ibb_purge(&w.e, ibb_file_in_use(&w.e));
        struct ibb_record r;
        struct ibb_span span = ibb_span(&w.e);
        uint8_t group[1024];
        struct writer out = writer_over(group, sizeof group);
        uint32_t at = w.e.ibb.first;
        for (uint32_t len; (len = ibb_record_at(&w.e, at, &r)) != 0; at += len) {
            if ((r.flags & IBB_HAS_PIECES) != 0)
                break;
        }
        assert_true(at < w.e.ibb.end);
        assert_false(ibb_group(&span, &r, &out));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_of_one_commit),
        cmocka_unit_test(test_group_commit),
        cmocka_unit_test(test_redo_error_ends_the_server),
        cmocka_unit_test(test_dump_starts_at_a_file),
        cmocka_unit_test(test_power_loss_takes_row_and_binlog_together),
        cmocka_unit_test(test_start_from_pages_and_redo),
        cmocka_unit_test(test_checkpoint_inside_a_record),
        cmocka_unit_test(test_torn_last_page),
        cmocka_unit_test(test_damaged_page_refuses_the_start),
        cmocka_unit_test(test_files_behind_the_end_go),
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_pieces_left_behind),
        cmocka_unit_test(test_purge_and_who_comes_late),
        cmocka_unit_test(test_purged_files_that_came_back),
        cmocka_unit_test(test_purge_leaves_what_a_dump_thread_reads),
        cmocka_unit_test(test_purge_leaves_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}

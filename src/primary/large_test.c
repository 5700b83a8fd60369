/* Commit by rotate (MDEV-32014): what stands where, and who may see it, before and behind the end
 * event. Marks as in test_primary.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "primary/test_primary.h"

static struct tw w;

static void serve(void)
{
    tw_serve(&w);
    tw_connect(&w, 1, "", true);
    tw_settle(&w);
    tw_clear(&w);
}

static void large(uint32_t session, uint32_t txn)
{
    tw_statement(&w, session, txn, STATEMENT_LARGE);
}

/* Runs the session until the rotation of its file has come to an end and the end event is next. */
static void up_to_the_end_event(void)
{
    large(0, 0);
    for (uint32_t i = 0; i < 20 && tw_file(&w, FILE_BINLOG, 2) == NULL; i++) {
        tw_run_all(&w);
        if (w.io[0].n > 0)
            tw_fsync(&w, 0, IO_OK);
    }
    assert_non_null(tw_file(&w, FILE_BINLOG, 2));
}

static void test_order(void **state)
{
    (void)state;
    struct tw_group g[2];
    for (uint32_t sync = 0; sync < 2; sync++) {
        tw_init(&w);
        w.set.sync_binlog = sync;
        serve();
        large(0, 0);
        tw_settle(&w);
        assert_int_equal(w.p.binlog.num, 2);
        assert_int_equal(w.answered, 0);
        assert_int_equal(w.p.by[0].state, COMMITTER_ACK);
        /* The body was fsynced with its file, whatever sync_binlog says; the end event was not. */
        const struct tw_file *f = tw_file(&w, FILE_BINLOG, 2);
        assert_int_equal(f->kept_len == f->len, sync);
        assert_int_equal(tw_groups(&w, 1, g, 2), 0);
        assert_int_equal(tw_groups(&w, 2, g, 2), 1);
        assert_int_equal(g[0].xid, 1);
        assert_int_equal(g[0].k, 1);
        assert_int_equal(f->kept_len < f->len ? f->kept_len + 31 : f->len, g[0].end);
        assert_true(w.p.binlog.end_pos == log_pos(2, g[0].end));
        tw_ack(&w, 1, w.p.binlog.end_pos);
        tw_settle(&w);
        assert_int_equal(w.answered, 1);
        tw_client(&w, 1, 1); /* the file is used like any other */
        tw_settle(&w);
        assert_int_equal(tw_groups(&w, 2, g, 2), 2);
        assert_int_equal(g[1].gtid.seq, 2);
    }
}

static void test_nothing_is_sent_before_its_end(void **state)
{
    (void)state;
    tw_init(&w);
    serve();
    up_to_the_end_event();
    for (uint32_t i = 0; i < 6 && w.p.binlog.num == 1; i++)
        tw_fsync(&w, 0, IO_OK);
    assert_int_equal(w.p.binlog.num, 2);
    const struct tw_file *f = tw_file(&w, FILE_BINLOG, 2);
    const struct file_view file = {.len = f->len, .bytes = f->bytes};
    struct gtid_state before;
    bool in_use = false;
    uint32_t head = binlog_head(&file, &in_use, &before);
    assert_int_equal(before.n, 0);
    assert_true(w.p.binlog.end_pos == log_pos(2, head)); /* published: the head, and no more */
    assert_true(f->kept_len > head);
    tw_run_all(&w);
    for (uint32_t i = 0; i < w.n_sent; i++) {
        assert_int_not_equal(w.sent[i].type, EVENT_GTID);
        assert_int_not_equal(w.sent[i].type, EVENT_WRITE_ROWS_V1);
    }
}

/* The file is complete but for the end event; whether the index names it or not, recovery rolls the
 * transaction back. */
static void test_crash_before_its_end(void **state)
{
    (void)state;
    for (uint32_t fsyncs = 0; fsyncs < 3; fsyncs++) {
        tw_init(&w);
        serve();
        up_to_the_end_event();
        for (uint32_t i = 0; i < fsyncs; i++)
            tw_fsync(&w, 0, IO_OK);
        tw_power(&w);
        tw_boot(&w, ADMIN_SERVE);
        assert_int_equal(w.p.boot, BOOT_DONE);
        assert_int_equal(w.visible, 0);
        assert_int_equal(w.p.binlog.state.n, 0);
    }
}

static void test_crash_behind_its_end(void **state)
{
    (void)state;
    tw_init(&w);
    serve();
    large(0, 0);
    tw_settle(&w);
    tw_power(&w);
    tw_boot(&w, ADMIN_SERVE);
    assert_int_equal(w.visible, 1);
    assert_int_equal(gtid_state_latest(&w.p.binlog.state, 0).seq, 1);
}

static void test_after_commit(void **state)
{
    (void)state;
    tw_init(&w);
    w.set.wait_point = WAIT_AFTER_COMMIT;
    serve();
    large(0, 0);
    tw_settle(&w);
    assert_int_equal(w.visible, 1);
    assert_int_equal(w.answered, 0);
    tw_ack(&w, 1, w.p.binlog.end_pos);
    tw_settle(&w);
    assert_int_equal(w.answered, 1);
    for (uint32_t lock = 0; lock < COMMIT_LOCKS; lock++)
        assert_int_equal(w.p.owner[lock], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_nothing_is_sent_before_its_end),
        cmocka_unit_test(test_crash_before_its_end),
        cmocka_unit_test(test_crash_behind_its_end),
        cmocka_unit_test(test_after_commit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}

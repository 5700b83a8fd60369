#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "primary/test_primary.h"

static struct tw w;

static void serve_with_replica(void)
{
    tw_serve(&w);
    tw_connect(&w, 1, "", true);
    tw_settle(&w);
    tw_clear(&w);
}

/* ---- one commit, step by step ---------------------------------------------------------------- */

static void test_order_of_one_commit(void **state)
{
    (void)state;
    static const struct {
        const char *profile;
        enum wait_point wait_point;
        uint32_t sync_binlog;
        const char *before_ack, *behind_ack;
    } cases[] = {
        {"mariadb-10.11", WAIT_AFTER_SYNC, 1, "xrwbgpSW", "av1o1"},
        {"mariadb-10.11", WAIT_AFTER_SYNC, 0, "xrwgpSW", "av1o1"},
        {"mariadb-10.11", WAIT_AFTER_COMMIT, 1, "xrwbgpSv1W", "ao1"},
        {"mariadb-10.11", WAIT_AFTER_COMMIT, 0, "xrwgpSv1W", "ao1"},
        {"mariadb-10.11", WAIT_BEFORE_WRITE, 1, "xrgpSW", "awbv1o1"},
        {"mariadb-10.11", WAIT_BEFORE_WRITE, 0, "xrgpSW", "awv1o1"},
        {"mysql-5.6", WAIT_AFTER_SYNC, 1, "xrwgpSbW", "av1o1"}, /* bug 70669 */
        {"mysql-5.6", WAIT_AFTER_COMMIT, 1, "xrwgpSbv1W", "ao1"},
        {"mysql-5.7", WAIT_AFTER_SYNC, 1, "xrwgbpSW", "av1o1"},
        {"mysql-8.0", WAIT_AFTER_SYNC, 1, "xrwgbpSW", "av1o1"},
        {"mysql-8.0", WAIT_AFTER_SYNC, 0, "xrwgpSW", "av1o1"},
        {"mysql-8.0", WAIT_AFTER_COMMIT, 1, "xrwgbpSv1W", "ao1"},
        {"mysql-8.0", WAIT_AFTER_COMMIT, 0, "xrwgpSv1W", "ao1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        tw_init(&w);
        w.set.profile = server_profile_find(cases[i].profile);
        w.set.wait_point = cases[i].wait_point;
        w.set.sync_binlog = cases[i].sync_binlog;
        serve_with_replica();
        tw_client(&w, 0, 0);
        tw_settle(&w);
        assert_string_equal(w.log, cases[i].before_ack);
        tw_clear(&w);
        tw_ack(&w, 1, w.p.binlog.end_pos);
        tw_settle(&w);
        assert_string_equal(w.log, cases[i].behind_ack);
        assert_int_equal(w.timers, 0);
    }
}

/* MySQL with sync_binlog=2: every second fsync stands behind the publication. */
static void test_mysql_publishes_early_unless_sync_binlog_is_1(void **state)
{
    (void)state;
    tw_init(&w);
    w.set.profile = server_profile_find("mysql-8.0");
    w.set.sync_binlog = 2;
    w.set.semi_sync_master = false;
    serve_with_replica();
    tw_client(&w, 0, 0);
    tw_settle(&w);
    tw_client(&w, 0, 1);
    tw_settle(&w);
    assert_string_equal(w.log, "xrwpsv1o1xrwpsbv2o2");
}

static void test_redo_levels(void **state)
{
    (void)state;
    static const char *const expected[] = {"wbgpv1o1", "xrwbgpv1o1", "xwbgpv1xo1", "xrwbgpv1xro1"};
    for (uint32_t level = 0; level <= 3; level++) {
        tw_init(&w);
        w.set.flush_log_at_trx_commit = level;
        w.set.wait_no_slave = false;
        tw_serve(&w);
        tw_client(&w, 0, 0);
        tw_settle(&w);
        assert_string_equal(w.log, expected[level]);
        tw_clear(&w);
        /* The background flush takes what is left; with F=1 and 3 there is no such task. */
        struct disk_view view;
        tw_view(&w, &view);
        const struct env env = {.set = &w.set, .disk = &view};
        assert_true(engine_background_due(&w.e, &env) == (level == 0 || level == 2));
        w.runnable |= 1u << TASK_REDO;
        tw_settle(&w);
        assert_string_equal(w.log, level == 3 ? "" : level == 2 ? "r" : "xr");
        assert_int_equal(w.e.synced, engine_lsn(&w.e));
        tw_clear(&w);
        w.runnable |= 1u << TASK_REDO;
        tw_settle(&w);
        assert_string_equal(w.log, "");
    }
}

/* A prepare of another session that the flush took along is not durable before that fsync ends. */
static void test_redo_flush_covers_only_what_was_written(void **state)
{
    (void)state;
    tw_init(&w);
    w.set.semi_sync_master = false;
    tw_serve(&w);
    tw_client(&w, 0, 0);
    tw_client(&w, 1, 1);
    tw_run(&w, 0);
    tw_run(&w, 1);
    assert_string_equal(w.log, "xx");
    const uint32_t first = w.e.written - REDO_RECORD_LEN;
    tw_fsync(&w, 0, IO_OK);
    assert_int_equal(w.e.synced, first);
    assert_int_equal(w.io[1].n, 1);
    tw_settle(&w);
    assert_string_equal(w.log, "xxrwbpv1o1rwbpv2o2");
}

static void test_background_flush_covers_only_what_was_written(void **state)
{
    (void)state;
    tw_init(&w);
    w.set.flush_log_at_trx_commit = 2;
    w.set.semi_sync_master = false;
    tw_serve(&w);
    tw_client(&w, 0, 0);
    tw_settle(&w);
    const uint32_t lsn = engine_lsn(&w.e);
    w.runnable |= 1u << TASK_REDO;
    tw_run(&w, TASK_REDO);
    tw_client(&w, 1, 1);
    tw_run(&w, 1); /* writes on while the fsync is under way */
    assert_true(w.e.written > lsn);
    tw_fsync(&w, TASK_REDO, IO_OK);
    assert_int_equal(w.e.synced, lsn);
}

static void test_sync_binlog_counts_flushes(void **state)
{
    (void)state;
    static const struct {
        uint32_t n;
        const char *fsyncs; /* per flush; the third is a group of two */
    } cases[] = {{0, "000000"}, {1, "111111"}, {2, "010101"}, {3, "001001"}, {100, "000000"}};
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        tw_init(&w);
        w.set.sync_binlog = cases[c].n;
        w.set.semi_sync_master = false;
        tw_serve(&w);
        uint32_t txn = 0;
        for (uint32_t flush = 0; flush < 6; flush++) {
            tw_clear(&w);
            tw_client(&w, 0, txn++);
            if (flush == 2)
                tw_client(&w, 1, txn++);
            if (flush == 2) { /* both prepared and queued before the leader goes on */
                tw_run(&w, 0);
                tw_run(&w, 1);
                tw_fsync(&w, 0, IO_OK);
                tw_fsync(&w, 1, IO_OK);
            }
            tw_settle(&w);
            const char *synced = strchr(w.log, 'b');
            assert_int_equal(synced != NULL, cases[c].fsyncs[flush] == '1');
            assert_true(synced == NULL || strchr(synced + 1, 'b') == NULL);
        }
        assert_int_equal(w.n_seen, 7);
    }
}

/* ---- group commit ---------------------------------------------------------------------------- */

/* n sessions are prepared and queued, session 0 leads and has not begun. */
static void queue_group(uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        tw_client(&w, i, i);
    for (uint32_t i = 0; i < n; i++)
        tw_run(&w, i);
    for (uint32_t i = 0; i < n; i++)
        tw_fsync(&w, i, IO_OK);
    assert_int_equal(w.p.n_queue, n);
    for (uint32_t i = 1; i < n; i++)
        assert_int_equal(w.p.by[i].state, COMMITTER_FOLLOWER);
    tw_clear(&w);
}

static void test_group_of_three_each_waited_for(void **state)
{
    (void)state;
    tw_init(&w);
    serve_with_replica();
    queue_group(3);
    tw_settle(&w);
    assert_string_equal(w.log, "wbgpSSSW"); /* one write, one fsync, three positions */
    struct tw_group g[4];
    assert_int_equal(tw_groups(&w, 1, g, 4), 3);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(g[i].xid, i + 1);
        assert_int_equal(g[i].gtid.seq, i + 1);
        assert_int_equal(g[i].commit_id, g[0].xid); /* facts 1.1 step 6: that of the leader */
        assert_true(i == 0 || g[i].start == g[i - 1].end);
        assert_int_equal(w.p.by[i].end, log_pos(1, g[i].end));
    }
    /* The ACK of the first does not release the others; cumulative that of the last. */
    tw_clear(&w);
    tw_ack(&w, 1, log_pos(1, g[0].end));
    tw_settle(&w);
    assert_string_equal(w.log, "a");
    assert_int_equal(w.p.by[0].state, COMMITTER_ACK);
    assert_int_equal(w.p.by[0].cursor, 2);
    tw_ack(&w, 1, log_pos(1, g[2].end));
    tw_settle(&w);
    assert_string_equal(w.log, "aav1v2o2v3o3o1");
}

static void test_group_of_three_waited_for_once(void **state)
{
    (void)state;
    tw_init(&w);
    w.set.profile = server_profile_find("mysql-8.0");
    serve_with_replica();
    queue_group(3);
    tw_settle(&w);
    assert_string_equal(w.log, "wgbpssSW"); /* only the last position is registered */
    tw_clear(&w);
    tw_ack(&w, 1, w.p.by[1].end);
    tw_settle(&w);
    assert_string_equal(w.log, "a");
    tw_ack(&w, 1, w.p.by[2].end);
    tw_settle(&w);
    assert_string_equal(w.log, "aav1v2v3o3o2o1"); /* the leader lets nobody go before its end */
}

/* AFTER_COMMIT of a group: each thread waits for its own position, MySQL's leader for the group's.
 */
static void test_group_of_two_after_commit(void **state)
{
    (void)state;
    static const struct {
        const char *profile, *first, *behind;
    } cases[] = {{"mariadb-11.8", "wbgpSSv1v2WW", "ao1"}, {"mysql-8.0", "wgbpsSv1v2W", "a"}};
    for (size_t i = 0; i < 2; i++) {
        tw_init(&w);
        w.set.profile = server_profile_find(cases[i].profile);
        w.set.wait_point = WAIT_AFTER_COMMIT;
        serve_with_replica();
        queue_group(2);
        tw_settle(&w);
        assert_string_equal(w.log, cases[i].first);
        tw_clear(&w);
        tw_ack(&w, 1, w.p.by[0].end);
        tw_settle(&w);
        assert_string_equal(w.log, cases[i].behind);
        tw_ack(&w, 1, w.p.by[1].end);
        tw_settle(&w);
        assert_int_equal(w.answered, 3);
    }
}

static void test_lone_transaction_has_no_commit_id(void **state)
{
    (void)state;
    struct tw_group g[2];
    tw_init(&w);
    w.set.semi_sync_master = false;
    tw_serve(&w);
    tw_client(&w, 2, 6);
    tw_settle(&w);
    assert_int_equal(tw_groups(&w, 1, g, 2), 1);
    assert_int_equal(g[0].commit_id, 0);
    assert_int_equal(g[0].k, 7);
    assert_int_equal(g[0].v, 700);
}

/* Who comes while the leader has the queue forms the next group (facts 1.1, pipeline at depth two):
 * group 1 waits for its ACK, group 2 is published and stands before LOCK_after_binlog_sync with
 * LOCK_log in its hand, group 3 cannot write. */
static void test_three_groups_in_the_pipeline(void **state)
{
    (void)state;
    tw_init(&w);
    serve_with_replica();
    for (uint32_t i = 0; i < 3; i++) {
        tw_client(&w, i, i);
        tw_settle(&w);
    }
    assert_string_equal(w.log, "xrwbgpSWxrwbgpSxr");
    assert_int_equal(w.p.owner[LOCK_AFTER_BINLOG_SYNC], 1);
    assert_int_equal(w.p.owner[LOCK_LOG], 2);
    assert_int_equal(w.p.by[1].state, COMMITTER_LOCK);
    const struct env env = {.set = &w.set};
    assert_string_equal(primary_wanted_lock(&env, &w.p.by[1]), "LOCK_after_binlog_sync");
    assert_string_equal(primary_wanted_lock(&env, &w.p.by[2]), "LOCK_log");
    tw_clear(&w);
    tw_ack(&w, 1, w.p.by[1].end); /* cumulative: group 2 need not wait any more */
    tw_settle(&w);
    assert_string_equal(w.log, "av1wo1v2o2bgpSW");
    tw_ack(&w, 1, w.p.binlog.end_pos);
    tw_settle(&w);
    for (uint32_t lock = 0; lock < COMMIT_LOCKS; lock++)
        assert_int_equal(w.p.owner[lock], 0);
}

static void test_before_write_holds_log_over_the_wait(void **state)
{
    (void)state;
    tw_init(&w);
    w.set.wait_point = WAIT_BEFORE_WRITE;
    serve_with_replica();
    tw_client(&w, 0, 0);
    tw_client(&w, 1, 1);
    tw_run(&w, 0);
    tw_fsync(&w, 0, IO_OK);
    tw_settle(&w);
    assert_string_equal(w.log, "xrxgpSWr");
    assert_int_equal(w.p.owner[LOCK_LOG], 1);
    assert_int_equal(tw_file(&w, FILE_BINLOG, 1)->len, w.p.binlog.len);
    tw_ack(&w, 1, w.p.binlog.end_pos);
    tw_settle(&w);
    tw_ack(&w, 1, w.p.binlog.end_pos);
    tw_settle(&w);
    assert_int_equal(w.answered, 3);
}

/* ---- errors ---------------------------------------------------------------------------------- */

static void test_duplicate_key(void **state)
{
    (void)state;
    tw_init(&w);
    w.set.semi_sync_master = false;
    tw_serve(&w);
    tw_client(&w, 0, 4);
    tw_run(&w, 0);
    tw_client(&w, 1, 4); /* the other is prepared, not committed */
    tw_run_all(&w);
    assert_string_equal(w.log, "xe5");
    tw_settle(&w);
    assert_string_equal(w.log, "xe5rwbpv5o5");
    tw_client(&w, 1, 4);
    tw_settle(&w);
    assert_string_equal(w.log, "xe5rwbpv5o5e5");
    assert_int_equal(w.e.n_rows, 1);
    assert_int_equal(w.p.by[1].state, COMMITTER_IDLE);
}

/* Facts 1.1 step 7e, write(2): nothing is published and every member is rolled back, but what was
 * not written stays in the cache, and the next group's write takes it along (seen on 10.11.19). */
static void test_write_error_of_a_group(void **state)
{
    (void)state;
    struct tw_group g[5];
    tw_init(&w);
    serve_with_replica();
    queue_group(3);
    const uint32_t len = w.p.binlog.len;
    w.fail_kind = FILE_BINLOG;
    w.fail_write = IO_ENOSPC;
    tw_settle(&w);
    assert_string_equal(w.log, "e3e2e1");
    assert_int_equal(w.e.n_rows, 0);
    assert_int_equal(w.p.binlog.len, len);
    assert_true(w.p.binlog.cached > 0);
    assert_int_equal(w.p.owner[LOCK_LOG], 0);
    tw_clear(&w);
    tw_client(&w, 1, 5);
    tw_settle(&w);
    assert_string_equal(w.log, "xrwbgpsssSW"); /* those that were rolled back are sent, too */
    assert_int_equal(w.p.binlog.cached, 0);
    assert_int_equal(tw_groups(&w, 1, g, 5), 4);
    assert_int_equal(g[0].start, len);
    assert_int_equal(g[0].gtid.seq, 1);
    assert_int_equal(g[3].gtid.seq, 4);
}

/* Step 7e, fsync: the bytes stay, and the next good group publishes an end beyond them. */
static void test_fsync_error_of_a_group(void **state)
{
    (void)state;
    struct tw_group g[4];
    tw_init(&w);
    serve_with_replica();
    queue_group(2);
    tw_run_only(&w, 0);
    assert_string_equal(w.log, "w");
    const log_pos_t published = w.p.binlog.end_pos;
    tw_fsync(&w, 0, IO_EIO);
    tw_settle(&w);
    assert_string_equal(w.log, "we2e1");
    assert_int_equal(w.e.n_rows, 0);
    assert_int_equal(w.p.binlog.end_pos, published);
    assert_int_equal(w.p.semisync.n, 0);
    tw_clear(&w);
    tw_client(&w, 0, 5);
    tw_settle(&w);
    assert_string_equal(w.log, "xrwbgpssSW");
    assert_int_equal(tw_groups(&w, 1, g, 4), 3);
    assert_stream(&w, 1, "0-1-1 0-1-2 0-1-3!");
}

static void test_disk_error_ends_the_server(void **state)
{
    (void)state;
    tw_init(&w);
    w.set.semi_sync_master = false;
    tw_serve(&w);
    tw_client(&w, 0, 0);
    tw_run(&w, 0);
    tw_fsync(&w, 0, IO_EIO);
    assert_string_equal(w.log, "xX"); /* redo of a prepare */

    tw_init(&w);
    w.set.flush_log_at_trx_commit = 2;
    w.set.semi_sync_master = false;
    tw_serve(&w);
    tw_client(&w, 0, 0);
    tw_run(&w, 0);
    tw_run_only(&w, 0);
    w.fail_kind = FILE_REDO;
    w.fail_write = IO_ENOSPC;
    tw_settle(&w);
    assert_string_equal(w.log, "xwbpv1X"); /* redo of a commit record */

    tw_init(&w);
    w.set.flush_log_at_trx_commit = 0;
    w.set.semi_sync_master = false;
    tw_serve(&w);
    tw_client(&w, 0, 0);
    tw_settle(&w);
    w.runnable |= 1u << TASK_REDO;
    tw_run(&w, TASK_REDO);
    tw_fsync(&w, TASK_REDO, IO_EIO);
    assert_string_equal(w.log, "wbpv1o1xX"); /* background flush */
}

/* ---- who may commit -------------------------------------------------------------------------- */

static void test_read_only_refuses_sessions(void **state)
{
    (void)state;
    tw_init(&w);
    w.set.semi_sync_master = false;
    tw_serve(&w);
    tw_admin(&w, ADMIN_READ_ONLY);
    tw_client(&w, 0, 0);
    assert_string_equal(w.log, "e1");
    assert_int_equal(w.p.by[0].state, COMMITTER_IDLE);
    tw_admin(&w, ADMIN_SERVE);
    tw_client(&w, 0, 0);
    tw_settle(&w);
    assert_string_equal(w.log, "e1xrwbpv1o1");
}

static void test_applier_commits_like_a_session(void **state)
{
    (void)state;
    struct tw_group g[3];
    struct actions out;
    struct gtid_pos pos;
    bool error = true;
    tw_init(&w);
    tw_boot(&w, ADMIN_FOLLOW);
    tw_clear(&w);
    assert_false(w.p.serving);
    const struct replicated_group second = {.gtid = {2, 7, 42}, .xid = 901, .k = 4, .v = 400};
    tw_apply(&w, (struct gtid){2, 7, 41}, 900, 3);
    assert_false(primary_applied(&w.p, &error));
    actions_clear(&out);
    assert_false(primary_apply(&w.p, &second, &out));
    tw_settle(&w);
    assert_string_equal(w.log, "xrwbpv3"); /* no semi-sync on a replica, nobody to answer */
    assert_false(primary_apply(&w.p, &second, &out));
    assert_true(primary_applied(&w.p, &error));
    assert_false(error);
    assert_false(primary_applied(&w.p, &error));
    assert_int_equal(tw_groups(&w, 1, g, 3), 1);
    assert_true(gtid_equal(g[0].gtid, (struct gtid){2, 7, 41}));
    assert_true(gtid_equal(gtid_pos_find(&w.e.applied, 2), g[0].gtid));
    primary_gtid_pos(&w.p, &w.e, &pos);
    assert_int_equal(pos.n, 1);
    assert_true(gtid_equal(pos.at[0], g[0].gtid));
    tw_apply(&w, (struct gtid){2, 7, 42}, 901, 3);
    tw_settle(&w);
    assert_true(primary_applied(&w.p, &error));
    assert_true(error); /* duplicate key */
}

static void test_wake_up_that_comes_too_late(void **state)
{
    (void)state;
    tw_init(&w);
    serve_with_replica();
    tw_client(&w, 0, 0);
    tw_settle(&w);
    const struct primary before = w.p;
    w.runnable |= 1u << 0 | 1u << 1; /* one waits for an ACK, one is idle */
    tw_settle(&w);
    assert_memory_equal(&before, &w.p, sizeof before);
    tw_client(&w, 1, 1);
    tw_run(&w, 1);
    w.runnable |= 1u << 1; /* its fsync is under way */
    tw_run_all(&w);
    assert_int_equal(w.p.by[1].state, COMMITTER_IO);
    tw_settle(&w);
    w.runnable |= 1u << 1; /* it waits for a lock */
    tw_run_all(&w);
    assert_int_equal(w.p.by[1].state, COMMITTER_LOCK);
}

static void test_names(void **state)
{
    (void)state;
    tw_init(&w);
    const struct env env = {.set = &w.set};
    assert_string_equal(primary_stage_name(&env, &w.p.by[0]), "idle");
    w.p.by[0].state = COMMITTER_READY;
    static const char *const names[] = {"prepare",  "queue",   "write",  "fsync",
                                        "register", "publish", "rotate", "wait",
                                        "commit",   "flush",   "reply"};
    for (uint8_t row = 0; row < sizeof names / sizeof names[0]; row++) {
        w.p.by[0].row = row;
        assert_string_equal(primary_stage_name(&env, &w.p.by[0]), names[row]);
    }
    assert_string_equal(primary_lock_name(LOCK_LOG), "LOCK_log");
    assert_string_equal(primary_lock_name(LOCK_COMMIT_ORDERED), "LOCK_commit_ordered");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_of_one_commit),
        cmocka_unit_test(test_mysql_publishes_early_unless_sync_binlog_is_1),
        cmocka_unit_test(test_redo_levels),
        cmocka_unit_test(test_redo_flush_covers_only_what_was_written),
        cmocka_unit_test(test_background_flush_covers_only_what_was_written),
        cmocka_unit_test(test_sync_binlog_counts_flushes),
        cmocka_unit_test(test_group_of_three_each_waited_for),
        cmocka_unit_test(test_group_of_three_waited_for_once),
        cmocka_unit_test(test_group_of_two_after_commit),
        cmocka_unit_test(test_lone_transaction_has_no_commit_id),
        cmocka_unit_test(test_three_groups_in_the_pipeline),
        cmocka_unit_test(test_before_write_holds_log_over_the_wait),
        cmocka_unit_test(test_duplicate_key),
        cmocka_unit_test(test_write_error_of_a_group),
        cmocka_unit_test(test_fsync_error_of_a_group),
        cmocka_unit_test(test_disk_error_ends_the_server),
        cmocka_unit_test(test_read_only_refuses_sessions),
        cmocka_unit_test(test_applier_commits_like_a_session),
        cmocka_unit_test(test_wake_up_that_comes_too_late),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}

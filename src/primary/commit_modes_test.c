/* The ways in which servers and their settings differ about a commit group: how many ACKs it asks
 * for, who makes its members visible, and what a failed binlog write or fsync does. Marks as in
 * test_primary.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "primary/test_primary.h"

static struct tw w;

static void serve(const char *profile)
{
    w.set.profile = server_profile_find(profile);
    tw_serve(&w);
    tw_connect(&w, 1, "", true);
    tw_settle(&w);
    tw_clear(&w);
}

/* Sessions 0 .. n-1 stand prepared in the queue. */
static void queue_group(uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        tw_client(&w, i, i);
        tw_run(&w, i);
        tw_fsync(&w, i, IO_OK);
    }
    tw_clear(&w);
}

/* ---- ACKs ------------------------------------------------------------------------------------ */

static void test_one_ack_for_a_group(void **state)
{
    (void)state;
    tw_init(&w);
    w.set.group_wait = GROUP_WAIT_LAST;
    serve("mariadb-10.11");
    queue_group(3);
    tw_settle(&w);
    assert_string_equal(w.log, "wbgpssSW"); /* against SSS with an ACK for each */
    assert_int_equal(w.p.semisync.n, 1);
    tw_clear(&w);
    tw_ack(&w, 1, w.p.binlog.end_pos);
    tw_settle(&w);
    assert_string_equal(w.log, "av1v2o2v3o3o1");
}

static void test_one_ack_for_a_group_after_commit(void **state)
{
    (void)state;
    tw_init(&w);
    w.set.group_wait = GROUP_WAIT_LAST;
    w.set.wait_point = WAIT_AFTER_COMMIT;
    serve("mariadb-10.11");
    queue_group(2);
    tw_settle(&w);
    assert_string_equal(w.log, "wbgpsSv1v2WW");
    tw_clear(&w);
    tw_ack(&w, 1, w.p.by[0].end); /* the first member's own end releases nobody */
    tw_settle(&w);
    assert_string_equal(w.log, "a");
    tw_ack(&w, 1, w.p.by[1].end);
    tw_settle(&w);
    assert_int_equal(w.answered, 3);
}

/* Runs one session alone until its transaction is visible; it holds LOCK_commit_ordered then. */
static void up_to_visible(uint32_t session)
{
    tw_client(&w, session, session);
    while ((w.visible >> session & 1) == 0) {
        if (w.io[session].n > 0)
            tw_fsync(&w, session, IO_OK);
        else
            tw_run(&w, session);
    }
}

/* Between that lock and its wait a thread may be late. Then another is the first to wait, for a
 * higher position, and no ACK is asked for the lower one. */
static void test_the_next_group_waits_first(void **state)
{
    (void)state;
    static const char *const profiles[] = {"mariadb-10.11", "mysql-5.7"};
    const struct env env = {.set = &w.set};
    for (uint32_t i = 0; i < 2; i++) {
        tw_init(&w);
        w.set.wait_point = WAIT_AFTER_COMMIT;
        serve(profiles[i]);
        up_to_visible(0);
        tw_run(&w, 0);
        assert_int_equal(w.p.owner[LOCK_COMMIT_ORDERED], 0);
        assert_int_equal(w.p.semisync.wait_sessions, 0);
        up_to_visible(1);
        tw_run(&w, 1);
        tw_run(&w, 1);
        assert_int_equal(w.p.semisync.wait_sessions, 1);
        assert_false(semisync_wants_ack(&w.p.semisync, &env, w.p.by[0].end));
        assert_true(semisync_wants_ack(&w.p.semisync, &env, w.p.by[1].end));
        tw_settle(&w);
        assert_int_equal(w.answered, 0);
        tw_ack(&w, 1, w.p.binlog.end_pos);
        tw_settle(&w);
        assert_int_equal(w.answered, 3);
    }
}

/* MySQL 8.0: behind LOCK_commit groups queue for LOCK_after_commit. One leader waits for all that
 * it finds in the queue, and nobody of them is told before the last has its ACK (seen on 9.7.4). */
static void test_groups_wait_in_turn(void **state)
{
    (void)state;
    tw_init(&w);
    w.set.wait_point = WAIT_AFTER_COMMIT;
    serve("mysql-8.0");
    for (uint32_t session = 0; session < 3; session++) {
        up_to_visible(session);
        tw_run_only(&w, session);
    }
    assert_int_equal(w.p.owner[LOCK_COMMIT_ORDERED], 0);
    assert_int_equal(w.p.by[0].state, COMMITTER_ACK);
    assert_int_equal(w.p.by[1].state, COMMITTER_LOCK);
    assert_int_equal(w.p.by[2].state, COMMITTER_FOLLOWER);
    tw_settle(&w);
    log_pos_t end[3] = {w.p.by[0].end, w.p.by[1].end, w.p.by[2].end};
    assert_int_equal(w.p.semisync.wait_sessions, 1);
    static const uint32_t answered[] = {1, 1, 7};
    for (uint32_t i = 0; i < 3; i++) {
        tw_ack(&w, 1, end[i]);
        tw_settle(&w);
        assert_int_equal(w.answered, answered[i]);
    }
    assert_int_equal(w.p.semisync.yes_tx, 3);
    assert_int_equal(w.p.after_leader, 0);
}

/* ---- order ----------------------------------------------------------------------------------- */

static void test_own_threads_in_turn(void **state)
{
    (void)state;
    tw_init(&w);
    w.set.commit_order = ORDER_BY_OWN_THREADS;
    serve("mariadb-10.11");
    queue_group(3);
    tw_settle(&w);
    tw_clear(&w);
    tw_ack(&w, 1, w.p.binlog.end_pos);
    tw_run(&w, 0);
    tw_run(&w, 0);
    assert_string_equal(w.log, "av1");
    assert_int_equal(w.p.owner[LOCK_COMMIT_ORDERED], 2); /* it is the second session's turn */
    assert_int_equal(w.runnable & 7, 3);
    tw_settle(&w);
    assert_int_equal(w.visible, 7);
    assert_int_equal(w.answered, 7);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(w.seen[i], i);
    for (uint32_t lock = 0; lock < COMMIT_LOCKS; lock++)
        assert_int_equal(w.p.owner[lock], 0);
}

static void test_no_order(void **state)
{
    (void)state;
    for (uint32_t after_commit = 0; after_commit < 2; after_commit++) {
        tw_init(&w);
        w.set.commit_order = ORDER_NONE;
        w.set.wait_point = after_commit != 0 ? WAIT_AFTER_COMMIT : WAIT_AFTER_SYNC;
        serve("mysql-8.0");
        queue_group(2);
        if (after_commit == 0) {
            tw_settle(&w);
            assert_string_equal(w.log, "wgbpsSW");
            for (uint32_t lock = 0; lock < COMMIT_LOCKS; lock++)
                assert_int_equal(w.p.owner[lock], 0); /* the wait holds none */
            tw_ack(&w, 1, w.p.binlog.end_pos);
        }
        for (uint32_t i = 0; i < 30 && (w.runnable >> 1 & 1) == 0; i++) {
            if (w.runnable & 1)
                tw_run(&w, 0);
            else
                tw_fsync(&w, 0, IO_OK);
        }
        tw_run(&w, 1); /* the follower first: it is the later one in the binlog */
        assert_int_equal(w.visible, 2);
        tw_settle(&w);
        if (after_commit != 0)
            tw_ack(&w, 1, w.p.binlog.end_pos);
        tw_settle(&w);
        assert_int_equal(w.visible, 3);
        assert_int_equal(w.answered, 3);
    }
}

/* ---- errors ---------------------------------------------------------------------------------- */

static void fail_one(bool fsync)
{
    if (!fsync) {
        w.fail_kind = FILE_BINLOG;
        w.fail_write = IO_ENOSPC;
        return;
    }
    for (uint32_t i = 0; i < 4 && w.io[0].n == 0; i++)
        tw_run(&w, 0); /* the stages up to the fsync */
    assert_string_equal(w.log, "wg");
    tw_fsync(&w, 0, IO_EIO);
}

static void test_abort_server(void **state)
{
    (void)state;
    for (uint32_t fsync = 0; fsync < 2; fsync++) {
        tw_init(&w);
        serve("mysql-8.0");
        queue_group(2);
        fail_one(fsync != 0);
        if (fsync == 0)
            tw_run(&w, 0);
        assert_int_equal(w.exited, 1);
        assert_int_equal(w.visible, 0);
        assert_int_equal(w.answered, 0);
    }
}

static void test_ignore_error(void **state)
{
    (void)state;
    for (uint32_t fsync = 0; fsync < 2; fsync++) {
        tw_init(&w);
        w.set.binlog_error = BINLOG_ERROR_IGNORE;
        serve("mysql-8.0");
        queue_group(2);
        tw_client(&w, 2, 2); /* prepares, and queues behind the group that fails */
        fail_one(fsync != 0);
        const log_pos_t published = w.p.binlog.end_pos;
        tw_settle(&w);
        assert_int_equal(w.exited, 0);
        assert_int_equal(w.p.binlog.closed, 1);
        assert_false(tw_in_use(&w, 1)); /* a start takes it for clean */
        assert_int_equal(w.visible, 7);
        assert_int_equal(w.answered, 7); /* without an ACK */
        assert_int_equal(w.p.binlog.end_pos, published);
        assert_int_equal(w.n_sent, 0);
        tw_clear(&w);
        tw_client(&w, 0, 3); /* no binlog: the commit record has to be durable by itself */
        tw_settle(&w);
        assert_string_equal(w.log, "v4xro4");
        for (uint32_t lock = 0; lock < COMMIT_LOCKS; lock++)
            assert_int_equal(w.p.owner[lock], 0);
    }
}

static void test_unlogged_redo_levels(void **state)
{
    (void)state;
    static const char *const expected[] = {"v1o1", "v1xro1", "v1xo1"};
    for (uint32_t level = 0; level <= 2; level++) {
        tw_init(&w);
        w.set.flush_log_at_trx_commit = level;
        serve("mysql-5.7");
        w.p.binlog.closed = 1;
        tw_client(&w, 0, 0);
        tw_settle(&w);
        assert_string_equal(w.log, expected[level]);
        tw_clear(&w);
        tw_client(&w, 1, 0); /* a duplicate key still is one */
        tw_settle(&w);
        assert_string_equal(w.log, "e1");
    }
}

static void test_defaults_of_profiles(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum group_wait wait;
        enum binlog_error error;
    } cases[] = {
        {"mariadb-10.11", GROUP_WAIT_EACH, BINLOG_ERROR_ROLLBACK},
        {"mysql-5.6", GROUP_WAIT_LAST, BINLOG_ERROR_IGNORE},
        {"mysql-8.0", GROUP_WAIT_LAST, BINLOG_ERROR_ABORT},
    };
    struct server_settings set;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        server_settings_default(&set);
        set.profile = server_profile_find(cases[i].name);
        assert_int_equal(settings_group_wait(&set), cases[i].wait);
        assert_int_equal(settings_binlog_error(&set), cases[i].error);
        set.group_wait = GROUP_WAIT_LAST;
        set.binlog_error = BINLOG_ERROR_IGNORE;
        assert_int_equal(settings_group_wait(&set), GROUP_WAIT_LAST);
        assert_int_equal(settings_binlog_error(&set), BINLOG_ERROR_IGNORE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_ack_for_a_group),
        cmocka_unit_test(test_one_ack_for_a_group_after_commit),
        cmocka_unit_test(test_the_next_group_waits_first),
        cmocka_unit_test(test_groups_wait_in_turn),
        cmocka_unit_test(test_own_threads_in_turn),
        cmocka_unit_test(test_no_order),
        cmocka_unit_test(test_abort_server),
        cmocka_unit_test(test_ignore_error),
        cmocka_unit_test(test_unlogged_redo_levels),
        cmocka_unit_test(test_defaults_of_profiles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}

/* Statements that are written by themselves (MYSQL_BIN_LOG::write): their way through the locks,
 * what they are waited for by, and what a recovery does with them. Marks as in test_primary.h. */
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

static void ddl(uint32_t session, uint32_t txn)
{
    tw_statement(&w, session, txn, STATEMENT_DDL);
}

static void test_order(void **state)
{
    (void)state;
    struct tw_group g[2];
    for (uint32_t flush = 0; flush <= 3; flush++) {
        tw_init(&w);
        w.set.flush_log_at_trx_commit = flush; /* the DDL log does not care */
        serve();
        ddl(0, 0);
        tw_settle(&w);
        assert_string_equal(w.log, "xrwbgpSW");
        tw_clear(&w);
        tw_ack(&w, 1, w.p.binlog.end_pos);
        tw_settle(&w);
        assert_string_equal(w.log, "av1o1");
        assert_int_equal(tw_groups(&w, 1, g, 2), 1);
        assert_int_equal(g[0].xid, 1);
        assert_int_equal(g[0].k, 1);
    }
    tw_init(&w);
    w.set.wait_point = WAIT_AFTER_COMMIT;
    serve();
    ddl(0, 0);
    tw_settle(&w);
    assert_string_equal(w.log, "xrwbgpSW"); /* committed, and hidden by its metadata lock */
    assert_int_equal(w.e.row[0].state, ROW_EXECUTED);
    tw_clear(&w);
    tw_ack(&w, 1, w.p.binlog.end_pos);
    tw_settle(&w);
    assert_string_equal(w.log, "av1o1");
    for (uint32_t lock = 0; lock < COMMIT_LOCKS; lock++)
        assert_int_equal(w.p.owner[lock], 0);
}

/* It does not queue: it and a transaction are two groups, whoever comes first. */
static void test_past_the_queue(void **state)
{
    (void)state;
    struct tw_group g[3];
    tw_init(&w);
    w.set.semi_sync_master = false;
    tw_serve(&w);
    ddl(0, 0);
    tw_client(&w, 1, 1);
    tw_settle(&w);
    assert_int_equal(w.answered, 3);
    assert_int_equal(tw_groups(&w, 1, g, 3), 2);
    assert_int_equal(g[0].commit_id, 0);
    assert_int_equal(g[1].commit_id, 0);
}

static void test_duplicate(void **state)
{
    (void)state;
    tw_init(&w);
    w.set.semi_sync_master = false;
    tw_serve(&w);
    ddl(0, 0);
    tw_settle(&w);
    tw_clear(&w);
    ddl(1, 0);
    tw_settle(&w);
    assert_string_equal(w.log, "e1");
    assert_int_equal(w.e.n_rows, 1);
}

/* Facts A36: the wait names the new file, where nobody has registered the old offset. A transaction
 * remembers its position, and so does AFTER_COMMIT. */
static void test_rotation_hides_its_wait(void **state)
{
    (void)state;
    tw_init(&w);
    w.set.max_binlog_size = 1;
    serve();
    tw_client(&w, 1, 1);
    tw_settle(&w);
    assert_int_equal(w.answered, 0);
    tw_ack(&w, 1, w.p.by[1].end);
    tw_settle(&w);
    assert_int_equal(w.answered, 2);
    ddl(0, 0);
    tw_settle(&w);
    assert_int_equal(w.answered, 3);
    assert_int_equal(w.p.semisync.n, 1); /* registered, and not ACKed */

    tw_init(&w);
    w.set.max_binlog_size = 1;
    w.set.wait_point = WAIT_AFTER_COMMIT;
    serve();
    ddl(0, 0);
    tw_settle(&w);
    assert_int_equal(w.answered, 0);
    tw_ack(&w, 1, w.p.by[0].end);
    tw_settle(&w);
    assert_int_equal(w.answered, 1);
}

/* What was executed stays; its client gets an error; nobody waits, and AFTER_SYNC counts that
 * (MDEV-38829, seen on 10.11.19). The next group's write or publication takes its bytes along. */
static void test_failed_write(void **state)
{
    (void)state;
    struct tw_group g[3];
    for (uint32_t i = 0; i < 4; i++) {
        tw_init(&w);
        w.set.wait_point = (i & 1) != 0 ? WAIT_AFTER_COMMIT : WAIT_AFTER_SYNC;
        serve();
        ddl(0, 0);
        if ((i & 2) != 0) {
            w.fail_kind = FILE_BINLOG;
            w.fail_write = IO_ENOSPC;
            tw_settle(&w);
            assert_string_equal(w.log, "xrv1e1");
        } else {
            tw_run(&w, 0);
            tw_fsync(&w, 0, IO_OK);
            tw_run_all(&w);
            tw_fsync(&w, 0, IO_EIO);
            tw_settle(&w);
            assert_string_equal(w.log, "xrwv1e1");
        }
        assert_int_equal(w.visible, 1);
        assert_int_equal(w.e.row[0].state, ROW_COMMITTED);
        assert_int_equal(w.p.semisync.no_tx, (i & 1) != 0 ? 0 : 1);
        for (uint32_t lock = 0; lock < COMMIT_LOCKS; lock++)
            assert_int_equal(w.p.owner[lock], 0);
        ddl(1, 1);
        tw_settle(&w);
        assert_int_equal(tw_groups(&w, 1, g, 3), 2);
        assert_int_equal(g[0].k, 1);
    }
}

static void test_applied_like_it_was_done(void **state)
{
    (void)state;
    struct actions out;
    struct tw_group g[2];
    bool error = true;
    tw_init(&w);
    tw_boot(&w, ADMIN_FOLLOW);
    tw_clear(&w);
    actions_clear(&out);
    const struct replicated_group group = {
        .gtid = {0, 7, 4}, .xid = 3, .k = 3, .v = 300, .statement = STATEMENT_DDL};
    assert_true(primary_apply(&w.p, &group, &out));
    w.runnable |= 1u << TASK_APPLIER;
    tw_settle(&w);
    assert_string_equal(w.log, "xrwbpv3");
    assert_true(primary_applied(&w.p, &error));
    assert_false(error);
    assert_int_equal(tw_groups(&w, 1, g, 2), 1);
    assert_true(gtid_equal(g[0].gtid, (struct gtid){0, 7, 4}));
    assert_true(gtid_equal(gtid_pos_find(&w.e.applied, 0), g[0].gtid));
}

/* Session by session, each as far as its fsync in the binlog; nobody is answered. */
static void crash_in_the_wait(uint32_t n, uint32_t ddls)
{
    tw_init(&w);
    w.set.wait_no_slave = true;
    tw_serve(&w);
    for (uint32_t i = 0; i < n; i++) {
        if ((ddls >> i & 1) != 0)
            ddl(i, i);
        else
            tw_client(&w, i, i);
        tw_settle(&w);
    }
    assert_int_equal(w.answered, 0);
    tw_power(&w);
}

static void test_recovery(void **state)
{
    (void)state;
    crash_in_the_wait(2, 1u << 1);
    tw_boot(&w, ADMIN_SERVE);
    assert_int_equal(w.p.boot, BOOT_DONE);
    assert_int_equal(w.visible, 3); /* in the binlog: kept, by its XID */

    tw_init(&w);
    serve();
    ddl(0, 0);
    tw_run(&w, 0);
    tw_fsync(&w, 0, IO_OK); /* executed and durable, not in the binlog */
    assert_string_equal(w.log, "xrw");
    tw_power(&w);
    tw_boot(&w, ADMIN_SERVE);
    assert_int_equal(w.e.n_rows, 0); /* undone */
}

/* --init-rpl-role=SLAVE: DDL behind the cut is refused; before it, it stays. */
static void test_cut(void **state)
{
    (void)state;
    static const struct {
        uint32_t ddls;
        bool starts;
        uint32_t visible;
    } cases[] = {
        {0, true, 0},                 /* both cut off */
        {1u << 1, false, 0},          /* T1, then DDL */
        {1u << 0, true, 1},           /* DDL, then T2: cut at T2 */
        {1u << 0 | 1u << 1, true, 3}, /* nothing to cut */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        crash_in_the_wait(2, cases[i].ddls);
        w.set.init_rpl_role = ROLE_SLAVE;
        w.exited = 0;
        tw_start(&w, ADMIN_FOLLOW);
        if (cases[i].starts)
            tw_settle(&w);
        assert_int_equal(w.exited, !cases[i].starts);
        if (!cases[i].starts)
            continue;
        assert_int_equal(w.p.boot, BOOT_DONE);
        assert_int_equal(w.visible, cases[i].visible);
    }
}

/* MySQL's queues like a transaction. Atomic from 8.0 on: before that it is durable before it is
 * logged, and a recovery does not undo it. */
static void test_mysql(void **state)
{
    (void)state;
    static const char *const profiles[] = {"mysql-8.0", "mysql-5.7"};
    struct tw_group g[3];
    for (uint32_t i = 0; i < 2; i++) {
        tw_init(&w);
        w.set.profile = server_profile_find(profiles[i]);
        serve();
        ddl(0, 0);
        tw_client(&w, 1, 1);
        tw_run(&w, 0);
        tw_run(&w, 1);
        tw_fsync(&w, 0, IO_OK);
        tw_fsync(&w, 1, IO_OK);
        tw_settle(&w);
        assert_int_equal(w.visible, 0);
        tw_ack(&w, 1, log_pos(1, w.p.binlog.len));
        tw_settle(&w);
        assert_int_equal(w.answered, 3);
        assert_int_equal(tw_groups(&w, 1, g, 3), 2);
        assert_int_equal(g[0].commit_id, 0);
        assert_true(g[1].commit_id != 0); /* one group; a DDL's GTID event has no commit id */

        tw_init(&w);
        w.set.profile = server_profile_find(profiles[i]);
        serve();
        ddl(0, 0);
        tw_run(&w, 0);
        tw_fsync(&w, 0, IO_OK); /* executed and durable, not in the binlog */
        tw_power(&w);
        tw_boot(&w, ADMIN_SERVE);
        assert_int_equal(w.visible, i);
        assert_int_equal(tw_groups(&w, 1, g, 3), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),        cmocka_unit_test(test_past_the_queue),
        cmocka_unit_test(test_duplicate),    cmocka_unit_test(test_rotation_hides_its_wait),
        cmocka_unit_test(test_failed_write), cmocka_unit_test(test_applied_like_it_was_done),
        cmocka_unit_test(test_recovery),     cmocka_unit_test(test_cut),
        cmocka_unit_test(test_mysql),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}

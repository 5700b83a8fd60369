/* Inserts into a table without transactions: their way through a commit group, who sees them when,
 * and what a crash leaves. Marks as in test_primary.h. */
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

static void plain(uint32_t session, uint32_t txn)
{
    tw_statement(&w, session, txn, STATEMENT_PLAIN);
}

/* No prepare, no XID, no commit record; hidden over its wait, wherever that stands. */
static void test_order(void **state)
{
    (void)state;
    struct tw_group g[2];
    for (uint32_t i = 0; i < 4; i++) {
        tw_init(&w);
        w.set.wait_point = (i & 1) != 0 ? WAIT_AFTER_COMMIT : WAIT_AFTER_SYNC;
        w.set.commit_order = (i & 2) != 0 ? ORDER_BY_OWN_THREADS : ORDER_BY_LEADER;
        w.set.flush_log_at_trx_commit = 3;
        serve();
        plain(0, 0);
        tw_settle(&w);
        assert_string_equal(w.log, "wbgpSW");
        assert_int_equal(w.visible, 0);
        tw_ack(&w, 1, w.p.binlog.end_pos);
        tw_settle(&w);
        assert_string_equal(w.log, "wbgpSWav1to1");
        assert_int_equal(tw_groups(&w, 1, g, 2), 1);
        assert_int_equal(g[0].xid, 0);
        assert_int_equal(g[0].k, 1);
        assert_int_equal(w.p.binlog.life[0].xids, 0);
    }
}

/* One group, one fsync, two positions (seen on 10.11.19: one commit id). */
static void test_in_a_group(void **state)
{
    (void)state;
    struct tw_group g[3];
    for (uint32_t i = 0; i < 2; i++) {
        tw_init(&w);
        serve();
        tw_statement(&w, 0, 0, i == 0 ? STATEMENT_PLAIN : STATEMENT_INSERT);
        tw_statement(&w, 1, 1, i == 0 ? STATEMENT_INSERT : STATEMENT_PLAIN);
        tw_run(&w, 0);
        if (i == 1)
            tw_fsync(&w, 0, IO_OK); /* prepared: the first in the queue */
        tw_run(&w, 1);
        if (i == 0)
            tw_fsync(&w, 1, IO_OK);
        tw_settle(&w);
        assert_int_equal(tw_groups(&w, 1, g, 3), 2);
        assert_int_equal(g[0].k, 1);
        assert_true(g[0].commit_id != 0);
        assert_int_equal(g[0].commit_id, g[1].commit_id);
        assert_int_equal(w.visible, 0);
        tw_ack(&w, 1, w.p.binlog.end_pos);
        tw_settle(&w);
        assert_int_equal(w.visible, 3);
        assert_int_equal(w.answered, 3);
        assert_int_equal(w.p.semisync.yes_tx, 2);
        assert_int_equal(w.p.binlog.life[0].xids, 0);
    }
}

static void test_duplicate(void **state)
{
    (void)state;
    tw_init(&w);
    w.set.semi_sync_master = false;
    tw_serve(&w);
    plain(0, 0);
    tw_settle(&w);
    tw_clear(&w);
    plain(1, 0);
    tw_settle(&w);
    assert_string_equal(w.log, "e1");
}

/* Killed before the statement ends: in the binlog, not in the table. Killed behind it: in both.
 * After a power loss: nobody has fsynced the table. */
static void test_crash(void **state)
{
    (void)state;
    struct tw_group g[2];
    for (uint32_t i = 0; i < 3; i++) {
        tw_init(&w);
        serve();
        plain(0, 0);
        tw_settle(&w);
        if (i > 0) {
            tw_ack(&w, 1, w.p.binlog.end_pos);
            tw_settle(&w);
            assert_int_equal(w.answered, 1);
        }
        (i == 2 ? tw_power : tw_kill)(&w);
        tw_boot(&w, ADMIN_SERVE);
        assert_int_equal(w.p.boot, BOOT_DONE);
        assert_int_equal(tw_groups(&w, 1, g, 2), 1);
        assert_int_equal(w.visible, i == 1);
        assert_int_equal(gtid_state_latest(&w.p.binlog.state, 0).seq, 1);
    }
}

/* --init-rpl-role=SLAVE: one that stands behind the cut is refused, one before it stays. */
static void test_cut(void **state)
{
    (void)state;
    for (uint32_t first = 0; first < 2; first++) {
        struct tw_group g[3];
        tw_init(&w);
        w.set.wait_no_slave = true;
        tw_serve(&w);
        tw_statement(&w, 0, 0, first == 0 ? STATEMENT_PLAIN : STATEMENT_INSERT);
        tw_settle(&w);
        tw_statement(&w, 1, 1, first == 0 ? STATEMENT_INSERT : STATEMENT_PLAIN);
        tw_settle(&w);
        assert_int_equal(tw_groups(&w, 1, g, 3), 2);
        tw_kill(&w);
        w.set.init_rpl_role = ROLE_SLAVE;
        w.exited = 0;
        tw_start(&w, ADMIN_FOLLOW);
        assert_int_equal(w.exited, first);
        if (first != 0)
            continue;
        tw_settle(&w);
        assert_int_equal(w.p.boot, BOOT_DONE);
        assert_int_equal(tw_groups(&w, 1, g, 3), 1);
        assert_int_equal(g[0].k, 1);
    }
}

/* The group is rolled back, the table has its row all the same; its client gets an error. */
static void test_failed_write(void **state)
{
    (void)state;
    tw_init(&w);
    serve();
    plain(0, 0);
    w.fail_kind = FILE_BINLOG;
    w.fail_write = IO_ENOSPC;
    tw_settle(&w);
    assert_string_equal(w.log, "v1te1");
    tw_kill(&w);
    tw_boot(&w, ADMIN_SERVE);
    assert_int_equal(w.visible, 1);
}

/* A replica applies it into its own table, and knows from its binlog that it has. */
static void test_applied(void **state)
{
    (void)state;
    struct actions out;
    struct tw_group g[2];
    struct gtid_pos pos;
    bool error = true;
    const struct replicated_group group = {
        .gtid = {0, 7, 4}, .k = 3, .v = 300, .statement = STATEMENT_PLAIN};
    tw_init(&w);
    tw_boot(&w, ADMIN_FOLLOW);
    tw_clear(&w);
    actions_clear(&out);
    assert_true(primary_apply(&w.p, &group, &out));
    w.runnable |= 1u << TASK_APPLIER;
    tw_settle(&w);
    assert_string_equal(w.log, "wbpv3t");
    assert_true(primary_applied(&w.p, &error));
    assert_false(error);
    assert_int_equal(tw_groups(&w, 1, g, 2), 1);
    assert_true(gtid_equal(g[0].gtid, group.gtid));
    tw_power(&w);
    tw_boot(&w, ADMIN_FOLLOW);
    primary_gtid_pos(&w.p, &w.e, &pos);
    assert_int_equal(gtid_pos_find(&pos, 0).seq, 4); /* it will not ask for it again */
    assert_int_equal(w.visible, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),     cmocka_unit_test(test_in_a_group),
        cmocka_unit_test(test_duplicate), cmocka_unit_test(test_crash),
        cmocka_unit_test(test_cut),       cmocka_unit_test(test_failed_write),
        cmocka_unit_test(test_applied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}

/* Cells with power losses, disks that fail, operators, DDL and large transactions, which a real
 * mariadbd must confirm. Without a mariadbd: exit status 77.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sim/live/server.h"
#include "sim/live/test_play.h"

/* ---- power losses --------------------------------------------------------------------------- */

static void test_cell_8_power(void **state)
{
    (void)state;
    test_scenario(&sc, "cell-8-power");
    sc.sessions = 1;
    sc.node[0].sync_binlog = 0;
    sc.fault[0].point = FAULT_NODE_POWER;
    sc.manager.on_loss[0] = ON_LOSS_RESTART;
    sc.expect[INV_NOLOSS] = sc.expect[INV_NOPHANTOM] = EXPECT_BREAKS;
    sc.expect[INV_NOAHEAD] = sc.expect[INV_AGREE] = sc.expect[INV_CONVERGE] = EXPECT_BREAKS;
    sc.expect[INV_LIVE] = EXPECT_BREAKS;
    play(0);
    judged(INV_NOLOSS, LIVE_BREAKS);
    judged(INV_NOAHEAD, LIVE_BREAKS);
    judged(INV_LIVE, LIVE_BREAKS); /* a GTID used again, which the replica has */
    judged(INV_SANE, LIVE_HOLDS);
}

/* Visible before its commit record is durable: read, and then cut off by the recovery. */
static void test_cell_25_shown(void **state)
{
    (void)state;
    test_scenario(&sc, "cell-25");
    sc.fault[0].point = FAULT_NODE_POWER;
    sc.manager.on_loss[0] = ON_LOSS_RESTART;
    sc.node[0].flush_log_at_trx_commit = 3;
    sc.node[0].init_rpl_role = ROLE_SLAVE;
    sc.expect[INV_NOPHANTOM] = sc.expect[INV_NOAHEAD] = sc.expect[INV_CONVERGE] = EXPECT_BREAKS;
    sc.expect[INV_LIVE] = EXPECT_BREAKS;
    play(0);
    assert_int_equal(result.judged[INV_NOPHANTOM].broken, 1);
    assert_true(saw("before its fsync the second connection reads T1 T2"));
}

/* The next power loss takes the group that the kill left in the page cache, in the binlog only. */
static void test_cell_19_kill_then_power(void **state)
{
    (void)state;
    test_scenario(&sc, "cell-19");
    sc.n_faults = 2;
    sc.fault[1] = (struct fault_budget){FAULT_NODE_POWER, OF_PRIMARY, 1, FILE_NONE};
    sc.manager.on_loss[0] = ON_LOSS_RESTART;
    sc.expect[INV_AGREE] = sc.expect[INV_NOAHEAD] = sc.expect[INV_CONVERGE] = EXPECT_BREAKS;
    play(0);
    assert_int_equal(result.judged[INV_AGREE].broken, 3);
}

/* A37: the bytes of a group whose fsync failed are published by the next one. */
static void test_cell_16_fsync_fails(void **state)
{
    (void)state;
    test_scenario(&sc, "cell-16");
    sc.n_faults = 2;
    sc.fault[1] = (struct fault_budget){FAULT_FSYNC_FAIL, OF_PRIMARY, 1, FILE_BINLOG};
    sc.expect[INV_AGREE] = EXPECT_BREAKS;
    play(0);
    assert_true(saw("the table holds T1 T3, the binlog T1 T2 T3"));
    assert_true(saw("replica 1 holds T1 T2 T3"));
}

/* No later fsync writes the pages of a failed one: recovery ends in front of them. */
static void test_cell_34_hole(void **state)
{
    (void)state;
    test_scenario(&sc, "cell-34-hole");
    sc.sessions = 1;
    sc.n_faults = 2;
    sc.fault[0].point = FAULT_NODE_POWER;
    sc.fault[1] = (struct fault_budget){FAULT_FSYNC_FAIL, OF_PRIMARY, 1, FILE_BINLOG};
    sc.manager.on_loss[0] = ON_LOSS_RESTART;
    sc.expect[INV_NOLOSS] = sc.expect[INV_NOPHANTOM] = sc.expect[INV_NOAHEAD] = EXPECT_BREAKS;
    sc.expect[INV_AGREE] = sc.expect[INV_SANE] = EXPECT_BREAKS;
    play(0);
    judged(INV_NOLOSS, LIVE_BREAKS);
    judged(INV_SANE, LIVE_BREAKS);
    assert_true(saw("T3 behind it: answered OK: T1 T3"));
    assert_true(saw("restarted as primary: the second connection reads T1"));
    assert_true(saw("GTID 0-1-3, which is not in the master's binlog"));
}

/* Between the shortened index and the shortened file: the last file was marked as clean. */
static void test_cell_34_killed(void **state)
{
    (void)state;
    test_scenario(&sc, "cell-34-killed");
    sc.sessions = 1;
    sc.fault[0].at_most = 2;
    sc.manager.rejoin = true;
    sc.node[0].init_rpl_role = ROLE_SLAVE;
    sc.node[0].max_binlog_size = 1;
    sc.expect[INV_AGREE] = EXPECT_BREAKS;
    play(0);
    assert_true(saw("killed in its recovery, at the truncate of binlog.000002"));
    assert_true(saw("started again: its table holds T1, its binlog T1 T2"));
    /* Behind a slow recovery the engine has flushed what it decided before the kill as well. */
    bool refused =
        saw("does not start again: the server ended by itself (status 1): [ERROR] Found 1");
    /* Behind each case of a lost primary it is started as a replica, too. */
    assert_int_equal(result.judged[INV_AGREE].cases, 6 + (refused ? 1 : 2));
    assert_true(saw("old primary rejoined as replica"));
}

/* ---- operators and DDL ---------------------------------------------------------------------- */

/* A38: the leader's kill frees the others of its group, the follower's nobody. */
static void test_cell_20_kill(void **state)
{
    (void)state;
    test_scenario(&sc, "cell-20");
    sc.n_operators = 1;
    sc.operator[0].act = OPERATOR_KILL_SESSION;
    sc.expect[INV_NOLOSS] = sc.expect[INV_NOPHANTOM] = sc.expect[INV_OBS] = EXPECT_BREAKS;
    play(0);
    assert_int_equal(result.n_cases, 2);
    assert_int_equal(result.judged[INV_NOLOSS].broken, 1);
    assert_true(saw("no_tx=2 status=ON"));
}

/* The old binlog's ACK releases a transaction of the new one. */
static void test_cell_22_reset(void **state)
{
    (void)state;
    test_scenario(&sc, "cell-22");
    sc.n_operators = 1;
    sc.operator[0].act = OPERATOR_RESET_MASTER;
    sc.expect[INV_NOLOSS] = sc.expect[INV_NOPHANTOM] = sc.expect[INV_OBS] = EXPECT_BREAKS;
    sc.expect[INV_CONVERGE] = sc.expect[INV_ACKTRUE] = EXPECT_BREAKS;
    play(0);
    judged(INV_ACKTRUE, LIVE_BREAKS);
    assert_non_null(strstr(result.judged[INV_NOLOSS].how, "T3"));
    assert_true(saw("answered OK: T1 T2 T3"));
    /* And where nobody is lost the dump thread, which stands behind the new end, never sends it. */
    sc.n_faults = 0;
    sc.expect[INV_LIVE] = EXPECT_BREAKS;
    play(0);
    assert_non_null(strstr(result.judged[INV_LIVE].how, "T3: not sent"));
}

/* FLUSH BINARY LOGS waits with the commits; the ACK ends all of it. */
static void test_cell_31_flush(void **state)
{
    (void)state;
    test_scenario(&sc, "cell-31");
    sc.n_faults = 0;
    sc.n_operators = 1;
    sc.operator[0].act = OPERATOR_FLUSH_LOGS;
    play(0);
    judged(INV_LIVE, LIVE_HOLDS);
    assert_true(saw("FLUSH BINARY LOGS: blocks"));
    assert_true(saw("the replicas went on: answered OK: T1 T2 T3"));
    sc.n_faults = 1;
    sc.manager.on_loss[0] = ON_LOSS_RESTART;
    play(0);
    judged(INV_AGREE, LIVE_HOLDS);
}

/* Bug 104015 without a crash: a replica that has T2 is not sent it again after START SLAVE. */
static void test_cell_22_stop_slave(void **state)
{
    (void)state;
    test_scenario(&sc, "cell-22-stop");
    sc.n_faults = 0;
    sc.n_operators = 2;
    sc.operator[0].act = OPERATOR_STOP_SLAVE;
    sc.operator[1].act = OPERATOR_START_SLAVE;
    sc.expect[INV_LIVE] = EXPECT_BREAKS;
    play(0);
    assert_int_equal(result.judged[INV_LIVE].cases, 3);
    assert_int_equal(result.judged[INV_LIVE].broken, 1);
    assert_non_null(strstr(result.judged[INV_LIVE].how, "'0-1-2'"));
    assert_true(saw("away: Rpl_semi_sync_master: clients=0"));
    assert_true(saw("T3 behind it: answered OK: T1 T2 T3"));
}

/* Nobody connected, nobody waited for, and ON. */
static void test_cell_24_no_replica(void **state)
{
    (void)state;
    test_scenario(&sc, "cell-24");
    sc.n_faults = 0;
    sc.n_operators = 1;
    sc.operator[0].act = OPERATOR_STOP_SLAVE;
    sc.node[0].wait_no_slave = false;
    sc.expect[INV_OBS] = EXPECT_BREAKS;
    play(0);
    assert_int_equal(result.judged[INV_OBS].broken, 3);
    judged(INV_LIVE, LIVE_HOLDS);
    assert_true(saw("away: Rpl_semi_sync_master: clients=0 no_tx=1 status=ON"));
    sc.node[0].wait_no_slave = true;
    sc.node[0].semi_sync_timeout_ms = 500; /* it then says OFF */
    sc.expect[INV_OBS] = EXPECT_HOLDS;
    play(0);
    assert_true(saw("away: Rpl_semi_sync_master: clients=0 no_tx=1 status=OFF"));
    assert_true(saw("T3 behind it: Rpl_semi_sync_master: clients=1 no_tx=2 status=ON"));
}

/* MDEV-11853: plain SHUTDOWN waits for nobody, WAIT FOR ALL SLAVES does; clients hear nothing. */
static void test_cell_22_shutdown(void **state)
{
    (void)state;
    test_scenario(&sc, "cell-22-shutdown");
    sc.sessions = 1;
    sc.n_faults = 0;
    sc.n_operators = 1;
    sc.operator[0] =(struct operator_budget){OPERATOR_SHUTDOWN, OF_PRIMARY, 2};
    sc.manager.on_loss[0] = ON_LOSS_RESTART;
    sc.manager.on_loss[1] = ON_LOSS_FAILOVER;
    sc.manager.n_on_loss = 2;
    sc.expect[INV_NOPHANTOM] = EXPECT_BREAKS;
    play(0);
    assert_int_equal(result.judged[INV_NOPHANTOM].broken, 1);
    assert_true(saw("ended: client of T2: cut off without an answer"));
    assert_true(saw("its binlog holds T1 T2 and is marked as closed"));
    assert_false(saw("is still there"));
    sc.operator[0].act = OPERATOR_SHUTDOWN_WAIT;
    sc.expect[INV_NOPHANTOM] = EXPECT_HOLDS;
    play(0);
    assert_true(saw("the process is still there after 15"));
    assert_true(saw("meanwhile: client of T2: cut off without an answer"));
    assert_true(saw("replica 1 holds T1 T2; ACKs sent 2, held 0"));
}

/* The binlog is marked as closed before the redo log is fsynced: power lost between the two leaves
 * a prepared transaction and nobody who decides it. */
static void test_cell_22_shutdown_power(void **state)
{
    (void)state;
    test_scenario(&sc, "cell-22-power");
    sc.sessions = 1;
    sc.fault[0].point = FAULT_NODE_POWER;
    sc.n_operators = 1;
    sc.operator[0] =(struct operator_budget){OPERATOR_SHUTDOWN, OF_PRIMARY, 1};
    sc.manager.on_loss[0] = ON_LOSS_RESTART;
    sc.expect[INV_LIVE] = EXPECT_BREAKS;
    play(0);
    judged(INV_LIVE, LIVE_BREAKS);
    assert_non_null(strstr(result.judged[INV_LIVE].how, "Found 1 prepared transactions"));
    assert_true(saw("power lost: nothing"));
    assert_true(saw("marked as in use"));
}

/* Power lost at each call of a RESET MASTER: only between the last binlog and the index that names
 * it is there no way back. */
static void test_cell_22_reset_power(void **state)
{
    (void)state;
    test_scenario(&sc, "cell-22-reset-power");
    sc.n_nodes = 1;
    sc.node[0].semi_sync_master = false;
    sc.fault[0].point = FAULT_NODE_POWER;
    sc.n_operators = 1;
    sc.operator[0] =(struct operator_budget){OPERATOR_RESET_MASTER, OF_PRIMARY, 1};
    sc.manager.on_loss[0] = ON_LOSS_RESTART;
    sc.expect[INV_LIVE] = EXPECT_BREAKS;
    play(0);
    assert_int_equal(result.judged[INV_LIVE].broken, 1);
    assert_int_equal(result.judged[INV_AGREE].cases, result.n_cases - 1);
    assert_true(saw("power lost at the unlink of binlog.000001"));
    assert_true(saw("power lost at the unlink of binlog.index"));
    assert_true(saw("power lost behind it all"));
    assert_true(saw("started again: its table holds T1 T2 T3, its binlog T3"));
}

/* A36: AFTER_COMMIT waits for the same statement. */
static void test_cell_29_ddl(void **state)
{
    (void)state;
    test_scenario(&sc, "cell-29");
    sc.ddl = 1;
    sc.sessions = 1;
    sc.node[0].max_binlog_size = 512;
    sc.expect[INV_NOLOSS] = sc.expect[INV_NOPHANTOM] = sc.expect[INV_OBS] = EXPECT_BREAKS;
    play(0);
    sc.node[0].wait_point = WAIT_AFTER_COMMIT;
    sc.expect[INV_NOLOSS] = sc.expect[INV_NOPHANTOM] = sc.expect[INV_OBS] = EXPECT_HOLDS;
    play(0);
    judged(INV_NOLOSS, LIVE_HOLDS);
}

/* A group of the binlog keeps a DDL statement, and nothing before it does; F=0 takes transactions
 * away, but the DDL log is fsynced. What keeps it may be lost behind the recovery. */
static void test_cell_29_ddl_killed(void **state)
{
    (void)state;
    test_scenario(&sc, "cell-29-killed");
    sc.sessions = 1;
    sc.ddl = sc.transactions;
    sc.node[0].flush_log_at_trx_commit = 0;
    sc.manager.on_loss[0] = ON_LOSS_RESTART;
    sc.n_faults = 2;
    sc.fault[1] = (struct fault_budget){FAULT_NODE_POWER, OF_PRIMARY, 1, FILE_NONE};
    sc.expect[INV_AGREE] = sc.expect[INV_NOAHEAD] = sc.expect[INV_CONVERGE] = EXPECT_BREAKS;
    play(0);
    assert_int_equal(result.judged[INV_AGREE].cases, 18);
    assert_int_equal(result.judged[INV_AGREE].broken, 2);
    assert_int_equal(result.judged[INV_NOAHEAD].broken, 1);
    assert_true(reads_in("lost when all is done but the binlog", "reads T1"));
    assert_true(reads_in("lost before its group is fsynced", "reads T1 T2"));
    assert_true(reads_in("ACKed; lost before the end of the entry", "reads T1 T2"));
}

/* A truncating recovery cuts off a transaction in doubt, not where DDL stands behind it. */
static void test_cell_29_ddl_cut(void **state)
{
    (void)state;
    test_scenario(&sc, "cell-29-cut");
    sc.ddl = 1;
    sc.fault[0].point = FAULT_NODE_POWER;
    sc.node[0].init_rpl_role = ROLE_SLAVE;
    sc.manager.on_loss[0] = ON_LOSS_RESTART;
    sc.expect[INV_NOLOSS] = sc.expect[INV_NOPHANTOM] = sc.expect[INV_NOAHEAD] = EXPECT_BREAKS;
    sc.expect[INV_CONVERGE] = sc.expect[INV_LIVE] = EXPECT_BREAKS;
    play(0);
    judged(INV_NOLOSS, LIVE_BREAKS);
    assert_int_equal(result.judged[INV_LIVE].broken, 2);
    assert_non_null(strstr(result.judged[INV_LIVE].how, "Cannot truncate the binary log"));
    assert_true(reads_in("every ACK was sent, the clients have their answers", "reads T1 T2"));
}

/* Visible, and on no replica: a killed session, whose transaction or DDL statement waited. */
static void test_cell_29_ddl_session_killed(void **state)
{
    (void)state;
    test_scenario(&sc, "cell-29-session");
    sc.ddl = 1;
    sc.n_operators = 1;
    sc.operator[0].act = OPERATOR_KILL_SESSION;
    sc.expect[INV_NOPHANTOM] = EXPECT_BREAKS;
    play(0);
    assert_int_equal(result.judged[INV_NOPHANTOM].cases, 3);
    assert_int_equal(result.judged[INV_NOPHANTOM].broken, 2);
    assert_true(saw("then: answered OK: T1; read by the second connection: T1 T2"));
}

/* It stays executed, is counted, and goes to the replicas with the next group. */
static void test_cell_29_ddl_write_fails(void **state)
{
    (void)state;
    test_scenario(&sc, "cell-29-write");
    sc.sessions = 1;
    sc.ddl = sc.transactions;
    sc.n_faults = 2;
    sc.fault[1] = (struct fault_budget){FAULT_WRITE_FAIL, OF_PRIMARY, 1, FILE_BINLOG};
    sc.expect[INV_NOPHANTOM] = sc.expect[INV_AGREE] = sc.expect[INV_OBS] = EXPECT_BREAKS;
    play(0);
    assert_int_equal(result.judged[INV_NOPHANTOM].broken, 1);
    assert_true(saw("T2 failed: Rpl_semi_sync_master: clients=1 no_tx=1"));
    assert_true(saw("the table holds T1 T2, the binlog T1"));
    assert_true(saw("replica 1 holds T1 T2 T3"));
}

/* InnoDB ends the server: nobody is told anything wrong. */
static void test_cell_16_redo_fails(void **state)
{
    (void)state;
    test_scenario(&sc, "cell-16-redo");
    sc.fault[0] = (struct fault_budget){FAULT_FSYNC_FAIL, OF_PRIMARY, 1, FILE_REDO};
    play(0);
    assert_int_equal(result.judged[INV_NOLOSS].cases, 2);
    assert_true(saw("signal 6, its own"));
    assert_true(saw("promoted: replica 1; it holds T1 T2"));
}

/* A large transaction whose end cannot be written comes back; an older server does not send one. */
static void test_cell_29_large(void **state)
{
    char path[512];

    (void)state;
    test_scenario(&sc, "cell-29-large");
    sc.sessions = 1;
    sc.large = 1;
    sc.n_faults = 2;
    sc.fault[1] = (struct fault_budget){FAULT_WRITE_FAIL, OF_PRIMARY, 1, FILE_BINLOG};
    sc.expect[INV_AGREE] = EXPECT_BREAKS;
    if (server_version(live_find_server(NULL, path)) < 110701) {
        assert_int_equal(run_with(NULL), 77);
        assert_non_null(strstr(result.reason, "binlog_large_commit_threshold"));
        return;
    }
    play(0);
    assert_true(saw("the table holds T1 T3, the binlog T1 T2 T3"));
    assert_true(saw("replica 1 holds T1 T2 T3"));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_cell_8_power),
    cmocka_unit_test(test_cell_19_kill_then_power),
    cmocka_unit_test(test_cell_16_fsync_fails),
    cmocka_unit_test(test_cell_34_hole),
    cmocka_unit_test(test_cell_34_killed),
    cmocka_unit_test(test_cell_20_kill),
    cmocka_unit_test(test_cell_22_reset),
    cmocka_unit_test(test_cell_22_stop_slave),
    cmocka_unit_test(test_cell_24_no_replica),
    cmocka_unit_test(test_cell_22_shutdown),
    cmocka_unit_test(test_cell_22_shutdown_power),
    cmocka_unit_test(test_cell_25_shown),
    cmocka_unit_test(test_cell_31_flush),
    cmocka_unit_test(test_cell_29_ddl),
    cmocka_unit_test(test_cell_29_large),
    cmocka_unit_test(test_cell_29_ddl_killed),
    cmocka_unit_test(test_cell_29_ddl_cut),
    cmocka_unit_test(test_cell_29_ddl_session_killed),
    cmocka_unit_test(test_cell_29_ddl_write_fails),
    cmocka_unit_test(test_cell_16_redo_fails),
    cmocka_unit_test(test_cell_22_reset_power),
};

TEST_PLAY_MAIN(tests)

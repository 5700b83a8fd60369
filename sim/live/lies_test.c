/* Cells of a disk that lies, of a connection that is reset, and of commits that nothing disturbs,
 * which a real mariadbd must confirm. Without a mariadbd: exit status 77.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sim/live/test_play.h"

/* The ACK behind the lie was false: the power loss of the replica alone shows that, and together
 * with the loss of the primary it is a loss. */
static void test_cell_5_relay_lies(void **state)
{
    (void)state;
    test_scenario(&sc, "cell-5");
    sc.restart_replicas = true;
    sc.node[1].relay_restart = RELAY_KEEP;
    sc.n_faults = 3;
    sc.fault[1] = (struct fault_budget){FAULT_NODE_POWER, OF_REPLICA, 1, FILE_NONE};
    sc.fault[2] = (struct fault_budget){FAULT_FSYNC_LIE, OF_REPLICA, 1, FILE_RELAY};
    sc.expect[INV_NOLOSS] = sc.expect[INV_NOPHANTOM] = EXPECT_BREAKS;
    sc.expect[INV_ACKTRUE] = sc.expect[INV_LIVE] = EXPECT_BREAKS;
    play(0);
    assert_int_equal(result.judged[INV_NOLOSS].broken, 1);
    assert_int_equal(result.judged[INV_ACKTRUE].broken, 2);
    assert_true(saw("replica 1 loses power: relay.000001 from"));
}

/* What the index does not name is not there, but for what is durable in the table by then. */
static void test_cell_30_index_lies(void **state)
{
    (void)state;
    test_scenario(&sc, "cell-30");
    sc.sessions = 1;
    sc.node[0].max_binlog_size = 600;
    sc.n_faults = 2;
    sc.fault[0].point = FAULT_NODE_POWER;
    sc.fault[1] = (struct fault_budget){FAULT_FSYNC_LIE, OF_PRIMARY, 1, FILE_BINLOG_INDEX};
    sc.manager.on_loss[0] = ON_LOSS_RESTART;
    sc.expect[INV_NOLOSS] = sc.expect[INV_NOPHANTOM] = sc.expect[INV_NOAHEAD] = EXPECT_BREAKS;
    sc.expect[INV_AGREE] = sc.expect[INV_CONVERGE] = sc.expect[INV_LIVE] = EXPECT_BREAKS;
    play(0);
    assert_int_equal(result.judged[INV_NOLOSS].broken, 2);
    assert_int_equal(result.judged[INV_NOAHEAD].broken, 4);
    assert_int_equal(result.judged[INV_AGREE].broken, 1);
    assert_int_equal(result.judged[INV_LIVE].broken, 1);
    assert_non_null(strstr(result.judged[INV_LIVE].how, "Found 1 prepared transactions"));
    assert_true(saw("the start left binlog.000002, which the index does not name"));
    assert_true(saw("the start deleted binlog.000002, which the index did not name"));
}

/* Bug 104015 by nothing but a reset. */
static void test_cell_17_reset(void **state)
{
    (void)state;
    test_scenario(&sc, "cell-17");
    sc.fault[0] = (struct fault_budget){FAULT_NET_RESET, OF_REPLICA, 1, FILE_NONE};
    sc.expect[INV_LIVE] = EXPECT_BREAKS;
    play(0);
    assert_int_equal(result.n_cases, 7);
    assert_true(result.judged[INV_LIVE].broken >= 1 && result.judged[INV_LIVE].broken <= 4);
    assert_non_null(strstr(result.judged[INV_LIVE].how, "'0-1-2'"));
    judged(INV_OBS, LIVE_HOLDS);
    judged(INV_ACKTRUE, LIVE_HOLDS);
}

/* AFTER_SYNC: a group is shown behind the ACK of its last; AFTER_COMMIT: at once, and each
 * client is answered for its own ACK. */
static void test_cell_13_order(void **state)
{
    (void)state;
    test_scenario(&sc, "cell-13-after-sync");
    sc.n_faults = 0;
    sc.sessions = 3;
    play(0);
    judged(INV_AGREE, LIVE_HOLDS);
    judged(INV_LIVE, LIVE_HOLDS);
    assert_true(saw("3 commits in 1 groups") && saw("3 commits in 2 groups"));
    assert_true(saw("every ACK held: answered OK: T1; read by the second connection: T1"));
    assert_true(saw("an ACK has left: answered OK: T1 T2 T3; read by the second connection: T1"));
    assert_true(saw("an ACK has left: answered OK: T1; read by the second connection: T1"));
    assert_true(saw("the third group is not written meanwhile"));
    sc.node[0].wait_point = WAIT_AFTER_COMMIT;
    play(0);
    assert_true(saw("the third group is in the binlog"));
    judged(INV_AGREE, LIVE_HOLDS);
    assert_true(saw("every ACK held: answered OK: T1; read by the second connection: T1 T2 T3 T4"));
    assert_true(saw("an ACK has left: Rpl_semi_sync_master: clients=1 no_tx=0 status=ON"
                    " wait_sessions=2 yes_tx=2"));
}

/* OK at once, and the status says ON: the name of the new file is lower than that of the old. */
static void test_cell_30_seventh_digit(void **state)
{
    (void)state;
    test_scenario(&sc, "cell-30-digit");
    sc.sessions = 1;
    sc.node[0].max_binlog_size = 1;
    sc.node[0].first_binlog = 999999;
    sc.expect[INV_NOLOSS] = sc.expect[INV_NOPHANTOM] = sc.expect[INV_OBS] = EXPECT_BREAKS;
    play(0);
    judged(INV_NOLOSS, LIVE_BREAKS);
    judged(INV_OBS, LIVE_BREAKS);
    judged(INV_ACKTRUE, LIVE_HOLDS);
    assert_true(saw("before: Rpl_semi_sync_master: clients=1 no_tx=0 status=ON"));
    assert_true(saw("replica 1 holds T1; ACKs sent 1, held 0"));
}

/* The old binlog's torn end: met by a replica that was behind, and its dump thread hangs. */
static void test_cell_19_torn(void **state)
{
    (void)state;
    test_scenario(&sc, "cell-19-torn");
    sc.transactions = 5;
    sc.device.tear = true;
    sc.fault[0].point = FAULT_NODE_POWER;
    sc.manager.on_loss[0] = ON_LOSS_RESTART;
    sc.expect[INV_LIVE] = EXPECT_BREAKS;
    play(0);
    assert_int_equal(result.judged[INV_LIVE].broken, 1);
    assert_true(saw("the replica is connected, and has not been sent T2, nor an error"));
    assert_true(saw("its dump thread: Waiting to finalize termination"));
    assert_true(saw("T4 behind it: answered OK: T1 T4; read by the second connection: T1 T2 T4"));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_cell_5_relay_lies),     cmocka_unit_test(test_cell_30_index_lies),
    cmocka_unit_test(test_cell_30_seventh_digit), cmocka_unit_test(test_cell_19_torn),
    cmocka_unit_test(test_cell_17_reset),         cmocka_unit_test(test_cell_13_order),
};

TEST_PLAY_MAIN(tests)

/* Plans of disks that lie, of resets, and of what nothing disturbs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sim/live/fill.h"
#include "sim/live/test_plan.h"

/* A simulated binlog begins with 325 bytes, and an insert has 158. */
static void test_fill_groups(void **state)
{
    (void)state;
    assert_int_equal(fill_groups(0), 0);
    assert_int_equal(fill_groups(1), 1);
    assert_int_equal(fill_groups(325 + 158), 1);
    assert_int_equal(fill_groups(325 + 158 + 1), 2);
    assert_int_equal(fill_groups(325 + 2 * 158), 2);
    assert_int_equal(fill_groups(325 + 2 * 158 + 1), 3);
}

/* Nothing but resets of the connection. */
static void test_resets(void **state)
{
    (void)state;
    test_scenario(&sc, "resets");
    sc.sessions = 1;
    sc.fault[0] = (struct fault_budget){FAULT_NET_RESET, OF_REPLICA, 2, FILE_NONE};
    assert_true(make());
    assert_true(plan.kind == LIVE_REPLICA_AWAY && plan.resets && plan.sessions == 2);
    sc.node[0].semi_sync_timeout_ms = 60000;
    refused_for("timeout");
    sc.node[0].semi_sync_timeout_ms = 0;
    sc.node[1].semi_sync_slave = false;
    refused_for("one semi-sync replica");
    sc.node[1].semi_sync_slave = true;
    sc.n_faults = 2; /* beside power losses: both kinds of cases */
    sc.fault[1] = (struct fault_budget){FAULT_NODE_POWER, OF_REPLICA, 1, FILE_NONE};
    sc.restart_replicas = true;
    assert_true(make());
    assert_true(plan.kind == LIVE_REPLICA_AWAY && plan.replica_power && plan.resets);
    sc.fault[2] = (struct fault_budget){FAULT_NODE_KILL, OF_PRIMARY, 1, FILE_NONE};
    sc.n_faults = 3;
    assert_true(make());
    assert_true(plan.kind == LIVE_PRIMARY_LOST && plan.replica_power && plan.resets);
}

/* No fault and no act: only the order of the commits can go wrong. */
static void test_undisturbed(void **state)
{
    (void)state;
    test_scenario(&sc, "undisturbed");
    sc.n_faults = 0;
    sc.sessions = 3;
    assert_true(make());
    assert_true(plan.kind == LIVE_UNDISTURBED && plan.sessions == 3 && !plan.watched);
    sc.sessions = 1;
    assert_true(make());
    assert_int_equal(plan.sessions, 2); /* one alone has no order */
    sc.node[0].semi_sync_timeout_ms = 1000;
    refused_for("nothing disturbs");
    sc.node[0].semi_sync_timeout_ms = 0;
    sc.n_faults = 1;
    sc.fault[0] = (struct fault_budget){FAULT_NET_PARTITION, OF_REPLICA, 1, FILE_NONE};
    refused_for("nobody is lost");
}

/* A lie needs the power losses that show it. */
static void test_lies(void **state)
{
    (void)state;
    test_scenario(&sc, "relay-lies");
    sc.restart_replicas = true;
    sc.n_faults = 3;
    sc.fault[1] = (struct fault_budget){FAULT_NODE_POWER, OF_REPLICA, 1, FILE_NONE};
    sc.fault[2] = (struct fault_budget){FAULT_FSYNC_LIE, OF_REPLICA, 1, FILE_RELAY};
    assert_true(make());
    assert_true(plan.kind == LIVE_PRIMARY_LOST && plan.replica_power && plan.relay_lies);
    sc.fault[2].at_most = 0;
    assert_true(make());
    assert_false(plan.relay_lies);
    sc.fault[2].at_most = 1;
    sc.fault[1].of = OF_PRIMARY;
    refused_for("a relay log's fsync");
    test_scenario(&sc, "index-lies");
    sc.node[0].max_binlog_size = 600;
    sc.n_faults = 2;
    sc.fault[0].point = FAULT_NODE_POWER;
    sc.fault[1] = (struct fault_budget){FAULT_FSYNC_LIE, OF_PRIMARY, 1, FILE_BINLOG_INDEX};
    refused_for("an fsync of the index"); /* its disk is never read again */
    sc.manager.on_loss[0] = ON_LOSS_RESTART;
    assert_true(make());
    assert_true(plan.kind == LIVE_INDEX_LIES && plan.watched && plan.fills == 2);
    sc.node[0].max_binlog_size = 1;
    refused_for("two groups");
    sc.node[0].max_binlog_size = 600;
    sc.fault[1].of = OF_ANY;
    refused_for("fails or lies");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fill_groups),
        cmocka_unit_test(test_resets),
        cmocka_unit_test(test_undisturbed),
        cmocka_unit_test(test_lies),
    };

    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}

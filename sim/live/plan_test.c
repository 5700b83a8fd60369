/* Which scenarios can be played on a real server, as what, and why others cannot. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sim/live/test_plan.h"

static void test_failover(void **state)
{
    (void)state;
    test_scenario(&sc, "failover");
    assert_true(make());
    assert_int_equal(plan.kind, LIVE_PRIMARY_LOST);
    assert_true(plan.failover && !plan.restart && !plan.partition && !plan.promote_any);
    assert_false(plan.kill_for_power);
    assert_int_equal(plan.peers, 1);
    assert_int_equal(plan.sessions, 2);
    sc.fault[0].point = FAULT_NODE_POWER;
    assert_true(make());
    assert_true(plan.kill_for_power);
    sc.manager.promote = PROMOTE_ANY;
    sc.n_nodes = 3;
    assert_true(make());
    assert_true(plan.promote_any && plan.peers == 2);
}

static void test_restart(void **state)
{
    (void)state;
    test_scenario(&sc, "restart");
    sc.manager.on_loss[0] = ON_LOSS_RESTART;
    assert_true(make());
    assert_true(plan.restart && !plan.failover);
    sc.manager.on_loss[1] = ON_LOSS_FAILOVER;
    sc.manager.n_on_loss = 2;
    assert_true(make());
    assert_true(plan.restart && !plan.failover); /* one loss only: the second never comes */
    sc.fault[0].at_most = 2;
    assert_true(make());
    assert_true(plan.restart && plan.failover);
}

static void test_receivers(void **state)
{
    (void)state;
    test_scenario(&sc, "receiver");
    sc.fault[0].of = OF_REPLICA;
    refused_for("mariadbd");
    sc.node[1].receiver = receiver_profile_find("libmariadb");
    assert_true(make());
    assert_int_equal(plan.kind, LIVE_RECEIVER_LOST);
    assert_true(plan.libmariadb);
    sc.fault[0].point = FAULT_NODE_POWER;
    assert_true(make());
    assert_true(plan.kill_for_power);
    sc.node[1].receiver = receiver_profile_find("ackproof");
    refused_for("power loss");
    sc.fault[0].point = FAULT_NODE_KILL;
    assert_true(make());
    assert_false(plan.libmariadb);
    sc.node[1].receiver = receiver_profile_find("go-mysql-channel");
    refused_for("go-mysql-channel");
    sc.node[1].receiver = receiver_profile_find("libmariadb");
    sc.node[0].semi_sync_timeout_ms = 1000;
    refused_for("timeout");
}

/* A replica that comes back with the ACK lost: LIVE, also where a kill -9 shows nothing else. */
static void test_comes_back(void **state)
{
    (void)state;
    test_scenario(&sc, "back");
    sc.restart_replicas = true;
    sc.fault[0].of = OF_REPLICA;
    sc.node[1].receiver = receiver_profile_find("ackproof");
    assert_true(make());
    assert_true(plan.comes_back && !plan.live_only && !plan.kill_for_power);
    sc.fault[0].point = FAULT_NODE_POWER;
    assert_true(make()); /* a real loss, of a peer in this process */
    assert_int_equal(plan.kind, LIVE_REPLICA_AWAY);
    assert_true(plan.replica_power && !plan.live_only && !plan.kill_for_power);
    sc.node[1].receiver = receiver_profile_find("mariadbd");
    assert_true(make());
    assert_int_equal(plan.kind, LIVE_REPLICA_AWAY);
    sc.fault[0].point = FAULT_NODE_KILL;
    assert_true(make());
    assert_true(plan.comes_back && plan.live_only && !plan.libmariadb);
    sc.fault[1] = (struct fault_budget){FAULT_NODE_POWER, OF_PRIMARY, 1, FILE_NONE};
    sc.n_faults = 2;
    assert_true(make());
    assert_int_equal(plan.kind, LIVE_RECEIVER_LOST);
    assert_true(plan.live_only && !plan.kill_for_power);
    sc.node[0].semi_sync_timeout_ms = 1000; /* the wait then ends by itself */
    refused_for("replica");
    sc.node[0].semi_sync_timeout_ms = 0;
    sc.n_nodes = 3; /* the other one's ACK would do */
    refused_for("replica");
    sc.n_nodes = 2;
    sc.restart_replicas = false;
    refused_for("replica");
    sc.restart_replicas = true;
    sc.n_faults = 1;
    sc.node[1].receiver = receiver_profile_find("libmariadb");
    assert_true(make());
    assert_false(plan.comes_back); /* its ACK leaves in the fetch: there is none to hold */
}

/* The replica loses power with its primary: what it holds then is played as well. */
static void test_replica_power(void **state)
{
    (void)state;
    test_scenario(&sc, "both");
    sc.restart_replicas = true;
    sc.n_faults = 2;
    sc.fault[1] = (struct fault_budget){FAULT_NODE_POWER, OF_REPLICA, 1, FILE_NONE};
    assert_true(make());
    assert_int_equal(plan.kind, LIVE_PRIMARY_LOST);
    assert_true(plan.replica_power && plan.comes_back && !plan.live_only);
    sc.node[0].semi_sync_timeout_ms = 1000;
    assert_true(make());
    assert_true(plan.replica_power && !plan.comes_back);
    sc.restart_replicas = false;
    refused_for("beside the primary");
    sc.restart_replicas = true;
    sc.n_nodes = 3;
    refused_for("beside the primary");
    sc.n_nodes = 2;
    sc.node[0].semi_sync_timeout_ms = 0;
    sc.manager.on_loss[0] = ON_LOSS_RESTART; /* then only its way back is played */
    assert_true(make());
    assert_true(plan.live_only && !plan.replica_power);
}

static void test_timeouts(void **state)
{
    (void)state;
    test_scenario(&sc, "partition");
    sc.fault[0].point = FAULT_NET_PARTITION;
    assert_true(make());
    assert_true(plan.partition && plan.failover);
    assert_true(plan.settle_ms < 1000);
    sc.node[0].semi_sync_timeout_ms = 10000;
    assert_true(make());
    assert_true(plan.settle_ms > 10000);
    sc.node[0].semi_sync_timeout_ms = 60000;
    refused_for("timeout");
    sc.node[0].semi_sync_master = false; /* it then means nothing */
    assert_true(make());
}

static void test_refused(void **state)
{
    (void)state;
    test_scenario(&sc, "refused");
    sc.node[0].wait_point = WAIT_BEFORE_WRITE;
    refused_for("BEFORE_WRITE");
    sc.node[0].group_wait = GROUP_WAIT_LAST;
    sc.node[0].wait_point = WAIT_AFTER_SYNC;
    refused_for("MDEV-33491");
    sc.node[0].group_wait = GROUP_WAIT_OF_PROFILE;
    sc.node[0].wait_point = WAIT_AFTER_SYNC;
    sc.node[0].recovery = RECOVERY_WAIT_ACK;
    refused_for("wait for an ACK");
    sc.node[0].recovery = RECOVERY_READ_ONLY;
    refused_for("caught up");
    sc.manager.on_loss[0] = ON_LOSS_DEMOTE;
    assert_true(make());
    assert_true(plan.failover && plan.rejoins && plan.follows && !plan.restart);
    sc.manager.on_loss[0] = ON_LOSS_FAILOVER;
    sc.node[0].recovery = RECOVERY_SERVE;
    sc.node[0].profile = server_profile_find("mysql-5.6");
    assert_non_null(sc.node[0].profile);
    refused_for("mysql-5.6");
    sc.node[0].profile = server_profile_find("mariadb-10.11");
    sc.fault[1] = (struct fault_budget){FAULT_FSYNC_LIE, OF_REPLICA, 1, FILE_BINLOG};
    sc.n_faults = 2;
    refused_for("disk");
    sc.fault[1] = (struct fault_budget){FAULT_NODE_POWER, OF_REPLICA, 1, FILE_NONE};
    refused_for("replica");
}

/* Without a replica: power losses of full binlogs, or of a RESET MASTER. */
static void test_alone(void **state)
{
    (void)state;
    test_scenario(&sc, "alone");
    sc.n_nodes = 1;
    sc.node[0].semi_sync_master = false;
    sc.node[0].max_binlog_size = 1;
    sc.fault[0].point = FAULT_NODE_POWER;
    refused_for("restarts"); /* a failover needs somebody */
    sc.manager.on_loss[0] = ON_LOSS_RESTART;
    assert_true(make());
    assert_int_equal(plan.kind, LIVE_ALONE);
    assert_true(plan.power && plan.watched && plan.restart && plan.powers == 1);
    assert_int_equal(plan.peers, 0);
    sc.node[0].semi_sync_master = true;
    refused_for("semi-sync off");
    sc.node[0].semi_sync_master = false;
    sc.node[0].max_binlog_size = 0;
    refused_for("fill up");
    sc.n_operators = 1;
    sc.operator[0].act = OPERATOR_RESET_MASTER;
    assert_true(make());
    sc.operator[0].act = OPERATOR_FLUSH_LOGS;
    refused_for("RESET MASTER");
    sc.operator[0].act = OPERATOR_SHUTDOWN;
    refused_for("RESET MASTER");
    sc.operator[0].act = OPERATOR_RESET_MASTER;
    sc.fault[0].point = FAULT_NODE_KILL;
    refused_for("power losses");
    sc.node[0].engine_binlog = true;
    refused_for("12.3");
}

/* A disk that is read again loses what it has not synced. */
static void test_power(void **state)
{
    (void)state;
    test_scenario(&sc, "power");
    sc.fault[0].point = FAULT_NODE_POWER;
    assert_true(make()); /* its disk is never read again */
    assert_true(!plan.power && plan.kill_for_power);
    sc.manager.rejoin = true;
    sc.node[0].init_rpl_role = ROLE_SLAVE;
    assert_true(make());
    assert_true(plan.power && plan.rejoins && plan.cuts && !plan.kill_for_power);
    sc.manager.on_loss[0] = ON_LOSS_RESTART;
    assert_true(make());
    assert_true(plan.power && !plan.rejoins && !plan.kill_for_power);
    assert_true(plan.kills == 0 && plan.powers == 1);
    sc.n_faults = 2;
    sc.fault[1] = (struct fault_budget){FAULT_NODE_KILL, OF_PRIMARY, 1, FILE_NONE};
    assert_true(make());
    assert_true(plan.power && plan.kills == 1 && plan.powers == 1);
    sc.n_faults = 1;
    sc.fault[0].point = FAULT_NODE_KILL;
    assert_true(make());
    assert_false(plan.power || plan.shows);
    sc.node[0].flush_log_at_trx_commit = 3;
    assert_true(make());
    assert_true(plan.shows);
}

static void test_shut_down(void **state)
{
    (void)state;
    test_scenario(&sc, "shut-down");
    sc.n_faults = 0;
    sc.n_operators = 1;
    sc.operator[0] =(struct operator_budget){OPERATOR_SHUTDOWN, OF_PRIMARY, 1};
    assert_true(make());
    assert_int_equal(plan.kind, LIVE_SHUT_DOWN);
    assert_true(plan.failover && !plan.restart && !plan.watched);
    sc.manager.on_loss[0] = ON_LOSS_RESTART;
    sc.manager.on_loss[1] = ON_LOSS_FAILOVER;
    sc.manager.n_on_loss = 2;
    assert_true(make());
    assert_true(plan.restart && !plan.failover); /* there is no second shutdown */
    sc.operator[0] =(struct operator_budget){OPERATOR_SHUTDOWN_WAIT, OF_PRIMARY, 2};
    assert_true(make());
    assert_true(plan.restart && plan.failover);
    sc.n_faults = 1;
    sc.fault[0].point = FAULT_NODE_POWER;
    refused_for("power loss of a primary");
    sc.manager.n_on_loss = 1;
    assert_true(make());
    assert_true(plan.power && plan.watched && plan.powers == 1 && plan.kills == 0);
    sc.fault[0].of = OF_REPLICA;
    refused_for("power loss of a primary");
    sc.n_faults = 0;
    sc.node[0].semi_sync_timeout_ms = 500;
    refused_for("commits that wait");
    sc.node[0].semi_sync_timeout_ms = 0;
    sc.n_operators = 2;
    sc.operator[1].act = OPERATOR_FLUSH_LOGS;
    refused_for("other acts");
}

/* A recovery that cuts can be killed in the middle; another has nothing to lose to a kill. */
static void test_recovers(void **state)
{
    (void)state;
    test_scenario(&sc, "recovers");
    sc.manager.rejoin = true;
    sc.fault[0].at_most = 2;
    assert_true(make());
    assert_false(plan.recovers || plan.watched);
    assert_true(plan.follows);
    sc.manager.promote = PROMOTE_ANY; /* which of them the old primary would ask is not said */
    assert_true(make());
    assert_false(plan.follows);
    sc.manager.promote = PROMOTE_MOST_ADVANCED;
    sc.node[0].init_rpl_role = ROLE_SLAVE;
    assert_true(make());
    assert_true(plan.recovers && plan.watched && !plan.power && plan.kills == 2);
    sc.fault[0].at_most = 1;
    assert_true(make());
    assert_false(plan.recovers);
    sc.fault[0].at_most = 2;
    sc.manager.rejoin = false; /* nobody starts it again */
    assert_true(make());
    assert_false(plan.recovers);
}

static void test_operated(void **state)
{
    (void)state;
    test_scenario(&sc, "operated");
    sc.n_operators = 1;
    sc.operator[0].act = OPERATOR_KILL_SESSION;
    assert_true(make());
    assert_int_equal(plan.kind, LIVE_OPERATED);
    assert_int_equal(plan.acts, 1u << OPERATOR_KILL_SESSION);
    sc.operator[0].act = OPERATOR_STOP_SLAVE;
    refused_for("not played");
    sc.operator[0].act = OPERATOR_FLUSH_LOGS;
    sc.node[0].semi_sync_timeout_ms = 1000;
    refused_for("commits that wait");
    sc.node[0].semi_sync_timeout_ms = 0;
    sc.manager.on_loss[0] = ON_LOSS_RESTART;
    assert_true(make());
    assert_true(plan.kind == LIVE_OPERATED && plan.restart && !plan.unharmed);
    sc.fault[0].at_most = 2;
    sc.manager.on_loss[1] = ON_LOSS_FAILOVER;
    sc.manager.n_on_loss = 2;
    refused_for("one loss");
    sc.n_faults = 0;
    assert_true(make());
    assert_true(plan.kind == LIVE_OPERATED && plan.unharmed && !plan.restart && !plan.failover);
}

/* What is done to DDL that waits, and DDL that fills a binlog, are acts; else it is lost with its
 * primary at each of its steps. */
static void test_ddl(void **state)
{
    (void)state;
    test_scenario(&sc, "ddl");
    sc.ddl = 2;
    sc.sessions = 3;
    assert_true(make());
    assert_true(plan.kind == LIVE_DDL && plan.failover && !plan.watched);
    assert_true(plan.ddl == 2 && plan.sessions == 2); /* a third waits for LOCK_log */
    sc.sessions = 1;
    assert_true(make());
    assert_int_equal(plan.ddl, 1);
    sc.manager.on_loss[0] = ON_LOSS_RESTART;
    assert_true(make());
    assert_true(plan.kind == LIVE_DDL && plan.restart && plan.watched && !plan.power);
    sc.fault[0].point = FAULT_NODE_POWER;
    assert_true(make());
    assert_true(plan.kind == LIVE_DDL && plan.power);
    sc.node[0].semi_sync_timeout_ms = 1000;
    refused_for("commits that wait");
    sc.node[0].semi_sync_timeout_ms = 0;
    sc.plain = 1;
    refused_for("ordinary transactions");
    sc.plain = 0;
    sc.node[0].max_binlog_size = 512;
    refused_for("promotion");
    sc.manager.on_loss[0] = ON_LOSS_FAILOVER;
    assert_true(make());
    assert_true(plan.kind == LIVE_OPERATED && plan.ddl == 1 && plan.acts == 0);
    sc.node[0].max_binlog_size = 0;
    sc.n_operators = 1;
    sc.operator[0].act = OPERATOR_KILL_SESSION;
    assert_true(make());
    assert_true(plan.kind == LIVE_OPERATED && plan.ddl == 1);
    sc.node[0].max_binlog_size = 512;
    refused_for("no other act");
    sc.node[0].max_binlog_size = 0;
    sc.operator[0].act = OPERATOR_FLUSH_LOGS;
    refused_for("no other act");
    sc.n_operators = 0;
    sc.n_faults = 0;
    refused_for("loss of the primary");
}

/* Nobody is lost: the replica is away for a while. */
static void test_replica_stopped(void **state)
{
    (void)state;
    test_scenario(&sc, "stopped");
    sc.n_faults = 0;
    sc.sessions = 1;
    sc.n_operators = 2;
    sc.operator[0].act = OPERATOR_STOP_SLAVE;
    sc.operator[1].act = OPERATOR_START_SLAVE;
    assert_true(make());
    assert_int_equal(plan.kind, LIVE_REPLICA_AWAY);
    assert_int_equal(plan.sessions, 2); /* the second one's commit shows that the replica ACKs */
    sc.node[0].semi_sync_timeout_ms = 10000;
    assert_true(make());
    assert_true(plan.settle_ms > 10000);
    sc.node[0].semi_sync_timeout_ms = 60000;
    refused_for("timeout");
    sc.node[0].semi_sync_timeout_ms = 0;
    sc.operator[1].act = OPERATOR_FLUSH_LOGS;
    refused_for("other acts");
    sc.operator[1].act = OPERATOR_START_SLAVE;
    sc.operator[0].act = OPERATOR_START_SLAVE; /* of a replica that nobody has stopped */
    refused_for("not played");
    sc.operator[0].act = OPERATOR_STOP_SLAVE;
    sc.node[1].receiver = receiver_profile_find("libmariadb");
    refused_for("client library");
    sc.node[1].receiver = receiver_profile_find("ackproof");
    assert_true(make());
    sc.n_nodes = 3;
    refused_for("one semi-sync replica");
    sc.n_nodes = 2;
    sc.n_faults = 1;
    sc.fault[0] = (struct fault_budget){FAULT_NET_RESET, OF_ANY, 1, FILE_NONE};
    refused_for("no fault");
}

static void test_disk_fails(void **state)
{
    (void)state;
    test_scenario(&sc, "disk-fails");
    assert_true(make());
    assert_false(plan.watched);
    sc.n_faults = 2;
    sc.fault[1] = (struct fault_budget){FAULT_FSYNC_FAIL, OF_PRIMARY, 1, FILE_BINLOG};
    assert_true(make());
    assert_true(plan.kind == LIVE_DISK_FAILS && plan.watched);
    assert_string_equal(plan.fails, "fsync");
    sc.fault[1].point = FAULT_WRITE_FAIL;
    assert_true(make());
    assert_string_equal(plan.fails, "write");
    sc.sessions = 1;
    assert_true(make());
    assert_false(plan.power); /* another server is promoted */
    sc.fault[0].point = FAULT_NODE_POWER;
    sc.manager.on_loss[0] = ON_LOSS_RESTART;
    assert_true(make());
    assert_true(plan.power && plan.restart && !plan.failover);
    sc.manager.on_loss[1] = ON_LOSS_FAILOVER;
    sc.manager.n_on_loss = 2;
    sc.fault[0].at_most = 2;
    refused_for("one loss");
    sc.fault[0].at_most = 1;
    sc.n_nodes = 3;
    refused_for("one replica");
    sc.n_nodes = 2;
    sc.fault[1].file = FILE_RELAY;
    refused_for("fails or lies");
    sc.fault[1] = (struct fault_budget){FAULT_FSYNC_LIE, OF_PRIMARY, 1, FILE_BINLOG};
    refused_for("fails or lies");
}

/* A redo log that fails is a loss of the primary by itself. */
static void test_redo_fails(void **state)
{
    (void)state;
    test_scenario(&sc, "redo-fails");
    sc.fault[0] = (struct fault_budget){FAULT_FSYNC_FAIL, OF_PRIMARY, 1, FILE_REDO};
    assert_true(make());
    assert_true(plan.kind == LIVE_DISK_FAILS && plan.watched && plan.failover && !plan.restart);
    assert_int_equal(plan.fails_file, FILE_REDO);
    sc.manager.on_loss[0] = ON_LOSS_RESTART;
    assert_true(make());
    assert_true(plan.restart && !plan.failover && !plan.power);
    sc.ddl = 1;
    refused_for("without DDL");
    sc.ddl = 0;
    sc.fault[1] = (struct fault_budget){FAULT_NODE_POWER, OF_PRIMARY, 1, FILE_NONE};
    sc.n_faults = 2;
    refused_for("other faults");
}

/* A binlog of a real server is never as short as a scenario's, unless it holds one group only. */
static void test_full_binlogs(void **state)
{
    (void)state;
    test_scenario(&sc, "full");
    sc.node[0].max_binlog_size = 1;
    sc.node[0].sync_binlog = 0;
    assert_true(make());
    assert_true(plan.full_unsynced && plan.fills == 1);
    sc.node[0].max_binlog_size = 600;
    refused_for("several groups");
    sc.ddl = 1; /* it then leaves just room for the DDL */
    assert_true(make());
}

/* What the server of that version does not have, or does differently. */
static void test_versions(void **state)
{
    (void)state;
    test_scenario(&sc, "versions");
    sc.large = 1;
    refused_for("binlog_large_commit_threshold");
    version = 110809;
    assert_true(make());
    assert_int_equal(plan.large, 1);
    sc.large = 0;
    sc.plain = 1;
    assert_true(make());
    assert_int_equal(plan.plain, 1);
    sc.plain = 0;
    sc.node[0].profile = server_profile_find("mariadb-10.11.9");
    refused_for("MDEV-34122");
    version = 101109;
    assert_true(make());
    version = 101119;
    sc.node[0].profile = server_profile_find("mariadb-12.1-preview");
    assert_true(make());
    sc.node[0].wait_for_slave_count = 2;
    refused_for("wait_for_slave_count");
    sc.node[0].wait_for_slave_count = 1;
    sc.node[0].profile = server_profile_find("mariadb-12.3");
    sc.node[0].engine_binlog = true;
    refused_for("inside the engine");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_failover),
        cmocka_unit_test(test_restart),
        cmocka_unit_test(test_receivers),
        cmocka_unit_test(test_comes_back),
        cmocka_unit_test(test_timeouts),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_power),
        cmocka_unit_test(test_operated),
        cmocka_unit_test(test_full_binlogs),
        cmocka_unit_test(test_disk_fails),
        cmocka_unit_test(test_ddl),
        cmocka_unit_test(test_redo_fails),
        cmocka_unit_test(test_replica_stopped),
        cmocka_unit_test(test_recovers),
        cmocka_unit_test(test_replica_power),
        cmocka_unit_test(test_versions),
        cmocka_unit_test(test_shut_down),
        cmocka_unit_test(test_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}

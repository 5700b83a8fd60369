/* The cells that a real mariadbd must confirm, and that nothing of a run remains. Without a
 * mariadbd: exit status 77.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/wait.h>
#include <unistd.h>

#include "sim/live/guard.h"
#include "sim/live/live.h"
#include "sim/live/test_live.h"

static char parent[] = "/tmp/ackproof-live-test-XXXXXX";
static struct scenario sc;
static struct live_result result;

static int make_parent(void **state)
{
    (void)state;
    return mkdtemp(parent) == NULL ? -1 : 0;
}

static int remove_parent(void **state)
{
    (void)state;
    return guard_remove(parent) ? 0 : -1;
}

static bool nothing_left(void)
{
    return test_entries(parent) == 0 && test_processes(parent) == 0;
}

/* Plays the scenario; on a surprise shows what was seen. */
static void play(int status)
{
    struct live_options o = {.temp_dir = parent, .quiet = true};
    FILE *null = fopen("/dev/null", "we");
    int got;

    assert_non_null(null);
    got = live_run(&sc, &o, &result, null);
    (void)fclose(null);
    if (got != status) {
        for (uint32_t i = 0; i < result.n_lines; i++) {
            print_message("%s\n", result.line[i]);
        }
        fail_msg("%s: status %d (%s), expected %d", sc.name, got, result.reason, status);
    }
    assert_true(nothing_left());
}

static void judged(enum invariant i, enum live_verdict v)
{
    if (result.judged[i].verdict != v) {
        fail_msg("%s: %s: %s, expected %s", sc.name, invariant_id(i),
                 live_verdict_text(result.judged[i].verdict), live_verdict_text(v));
    }
    assert_int_equal(result.judged[i].broken > 0, v == LIVE_BREAKS);
    assert_int_equal(result.judged[i].how[0] != '\0', v == LIVE_BREAKS);
}

/* Is this among what was said? */
static bool saw(const char *text)
{
    for (uint32_t i = 0; i < result.n_lines; i++) {
        if (strstr(result.line[i], text) != NULL) {
            return true;
        }
    }
    return false;
}

/* ---- the cells ------------------------------------------------------------------------------ */

static void test_cell_1_after_commit(void **state)
{
    (void)state;
    test_scenario(&sc, "cell-1-after-commit");
    sc.node[0].wait_point = WAIT_AFTER_COMMIT;
    sc.expect[INV_NOPHANTOM] = EXPECT_BREAKS;
    play(0);
    judged(INV_NOPHANTOM, LIVE_BREAKS);
    judged(INV_NOLOSS, LIVE_HOLDS);
    judged(INV_ACKTRUE, LIVE_HOLDS);
    judged(INV_CONVERGE, LIVE_HOLDS);
    judged(INV_LIVE, LIVE_NOT_JUDGED);
    assert_true(strncmp(result.server_version, "10.11", 5) != 0 || result.n_cases >= 4);
}

static void test_cell_2_after_sync(void **state)
{
    (void)state;
    test_scenario(&sc, "cell-2-after-sync");
    play(0);
    judged(INV_NOPHANTOM, LIVE_HOLDS);
    judged(INV_NOLOSS, LIVE_HOLDS);
    assert_true(result.judged[INV_NOPHANTOM].cases >= 4);
    /* The opposite expectation makes the same run a difference. */
    sc.expect[INV_NOPHANTOM] = EXPECT_BREAKS;
    play(1);
}

static void test_cell_6_restart(void **state)
{
    (void)state;
    test_scenario(&sc, "cell-6-restart");
    sc.fault[0].at_most = 2;
    sc.manager.n_on_loss = 2;
    sc.manager.on_loss[0] = ON_LOSS_RESTART;
    sc.manager.on_loss[1] = ON_LOSS_FAILOVER;
    sc.expect[INV_NOPHANTOM] = EXPECT_BREAKS;
    play(0);
    judged(INV_NOPHANTOM, LIVE_BREAKS);
    judged(INV_NOLOSS, LIVE_HOLDS);
    judged(INV_NOAHEAD, LIVE_HOLDS);
    judged(INV_AGREE, LIVE_HOLDS);
}

/* Row 8's last variant: restart as primary and nothing else. */
static void test_cell_8_restart_only(void **state)
{
    (void)state;
    test_scenario(&sc, "cell-8-restart");
    sc.fault[0].point = FAULT_NODE_POWER;
    sc.manager.on_loss[0] = ON_LOSS_RESTART;
    play(0);
    judged(INV_NOLOSS, LIVE_HOLDS);
    judged(INV_NOAHEAD, LIVE_HOLDS);
    judged(INV_AGREE, LIVE_HOLDS);
}

static void test_cell_9_libmariadb(void **state)
{
    (void)state;
    test_scenario(&sc, "cell-9-libmariadb");
    sc.fault[0].of = OF_REPLICA;
    sc.node[1].receiver = receiver_profile_find("libmariadb");
    sc.expect[INV_ACKTRUE] = EXPECT_BREAKS;
    play(0);
    judged(INV_ACKTRUE, LIVE_BREAKS);
    assert_true(result.judged[INV_ACKTRUE].broken < result.judged[INV_ACKTRUE].cases);
}

static void test_cell_9_ours(void **state)
{
    (void)state;
    test_scenario(&sc, "cell-9-ackproof");
    sc.fault[0].of = OF_REPLICA;
    sc.node[1].receiver = receiver_profile_find("ackproof");
    sc.node[1].relay_restart = RELAY_KEEP;
    sc.restart_replicas = true;
    sc.expect[INV_LIVE] = EXPECT_BREAKS;
    play(0);
    judged(INV_ACKTRUE, LIVE_HOLDS);
    /* The transaction was stored and its ACK lost: it waits. It was not received: it does not. */
    judged(INV_LIVE, LIVE_BREAKS);
    assert_int_equal(result.judged[INV_LIVE].cases, 2);
    assert_int_equal(result.judged[INV_LIVE].broken, 1);
    assert_non_null(strstr(result.judged[INV_LIVE].how, "'0-1-2'"));
    assert_true(saw("T2 is not answered"));
    assert_true(saw("T2 answered OK with it: yes"));
}

/* Row 4: a replica that throws its relay log away asks for everything again, and ACKs it again. */
static void test_cell_4_purged(void **state)
{
    (void)state;
    test_scenario(&sc, "cell-4-purged");
    sc.node[0].wait_point = WAIT_AFTER_COMMIT;
    sc.fault[0].point = FAULT_NODE_POWER;
    sc.fault[1] = (struct fault_budget){FAULT_NODE_POWER, OF_REPLICA, 1, FILE_NONE};
    sc.n_faults = 2;
    sc.node[1].relay_restart = RELAY_PURGE;
    sc.restart_replicas = true;
    play(0);
    judged(INV_LIVE, LIVE_HOLDS);
    assert_int_equal(result.judged[INV_LIVE].cases, 2);
    judged(INV_ACKTRUE, LIVE_NOT_JUDGED);
    assert_true(saw("LIVE alone"));
    /* The same with the relay log kept. */
    sc.node[1].relay_restart = RELAY_KEEP;
    play(1);
    judged(INV_LIVE, LIVE_BREAKS);
}

static void test_cell_10_promotion(void **state)
{
    (void)state;
    test_scenario(&sc, "cell-10-any");
    sc.n_nodes = 3;
    sc.manager.promote = PROMOTE_ANY;
    sc.expect[INV_NOLOSS] = EXPECT_BREAKS;
    sc.expect[INV_NOPHANTOM] = EXPECT_BREAKS;
    play(0);
    judged(INV_NOLOSS, LIVE_BREAKS);
}

static void test_cell_11_timeout(void **state)
{
    (void)state;
    test_scenario(&sc, "cell-11-finite");
    sc.sessions = 1;
    sc.fault[0].point = FAULT_NET_PARTITION;
    sc.node[0].semi_sync_timeout_ms = 500;
    sc.expect[INV_NOLOSS] = EXPECT_BREAKS;
    sc.expect[INV_NOPHANTOM] = EXPECT_BREAKS;
    play(0);
    judged(INV_NOLOSS, LIVE_BREAKS);
}

static void test_cell_12_asynchronous(void **state)
{
    (void)state;
    test_scenario(&sc, "cell-12-async");
    sc.node[0].semi_sync_master = false;
    sc.expect[INV_NOLOSS] = EXPECT_BREAKS;
    sc.expect[INV_NOPHANTOM] = EXPECT_BREAKS;
    play(0);
    judged(INV_NOLOSS, LIVE_BREAKS);
    judged(INV_ACKTRUE, LIVE_NOT_JUDGED);
}

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
    play(0);
    judged(INV_NOLOSS, LIVE_BREAKS);
    judged(INV_NOAHEAD, LIVE_BREAKS);
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
    assert_true(
        saw("does not start again: the server ended by itself (status 1): [ERROR] Found 1"));
    assert_true(saw("started again: its table holds T1, its binlog T1 T2"));
    assert_int_equal(result.judged[INV_AGREE].cases, 1);
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
    assert_true(saw("stopped: Rpl_semi_sync_master: clients=0"));
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
    assert_true(saw("stopped: Rpl_semi_sync_master: clients=0 no_tx=1 status=ON"));
    sc.node[0].wait_no_slave = true;
    sc.node[0].semi_sync_timeout_ms = 500; /* it then says OFF */
    sc.expect[INV_OBS] = EXPECT_HOLDS;
    play(0);
    assert_true(saw("stopped: Rpl_semi_sync_master: clients=0 no_tx=1 status=OFF"));
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

/* ---- refusals and failures ------------------------------------------------------------------ */

static int run_with(const char *server)
{
    struct live_options o = {.temp_dir = parent, .quiet = true, .server_path = server};
    FILE *null = fopen("/dev/null", "we");
    int status;

    assert_non_null(null);
    status = live_run(&sc, &o, &result, null);
    (void)fclose(null);
    assert_true(nothing_left());
    return status;
}

static void test_no_server(void **state)
{
    (void)state;
    test_scenario(&sc, "no-server");
    assert_int_equal(run_with("/nonexistent/mariadbd"), 77);
    assert_non_null(strstr(result.reason, "/nonexistent/mariadbd"));
    assert_non_null(strstr(result.reason, "mariadb-server"));
}

static void test_not_a_server(void **state)
{
    (void)state;
    test_scenario(&sc, "not-a-server");
    assert_int_equal(run_with("/bin/false"), 3);
    assert_non_null(strstr(result.reason, "ended by itself"));
}

static void test_cannot_show(void **state)
{
    (void)state;
    test_scenario(&sc, "cannot-show");
    sc.node[0].wait_point = WAIT_BEFORE_WRITE;
    assert_int_equal(run_with(NULL), 77);
    assert_non_null(strstr(result.reason, "BEFORE_WRITE"));
    assert_int_equal(result.n_cases, 0);
}

/* ---- an end in the middle ------------------------------------------------------------------- */

static pid_t play_in_child(void)
{
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        struct live_options o = {.temp_dir = parent, .quiet = true};
        FILE *null = fopen("/dev/null", "we");

        _exit(null == NULL ? 1 : live_run(&sc, &o, &result, null));
    }
    return pid;
}

static bool await(bool (*done)(void), uint32_t limit_ms)
{
    uint64_t end = guard_now_ms() + limit_ms;

    while (!done()) {
        if (guard_now_ms() > end) {
            return false;
        }
        guard_sleep_ms(10);
    }
    return true;
}

static bool server_is_up(void)
{
    return test_processes(parent) > 0;
}

static void end_with(int sig, uint32_t after_ms)
{
    int status = 0;
    pid_t pid;

    test_scenario(&sc, "ended");
    sc.node[0].semi_sync_timeout_ms =
        10000; /* the first case alone then takes longer than we wait */
    pid = play_in_child();
    assert_true(await(server_is_up, 20000));
    guard_sleep_ms(after_ms);
    assert_int_equal(kill(pid, sig), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (sig == SIGKILL) {
        assert_true(WIFSIGNALED(status));
        assert_true(await(nothing_left, 20000)); /* the guardian's work */
    } else {
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 128 + sig);
        assert_true(nothing_left());
    }
}

static void test_interrupted(void **state)
{
    (void)state;
    end_with(SIGINT, 0);    /* mariadb-install-db */
    end_with(SIGINT, 1000); /* somewhere in a case */
    end_with(SIGTERM, 1400);
    end_with(SIGHUP, 700);
}

static void test_killed(void **state)
{
    (void)state;
    end_with(SIGKILL, 900);
}

/* An argument chooses tests by their name: 'test_cell_2*'. */
int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cell_1_after_commit),
        cmocka_unit_test(test_cell_2_after_sync),
        cmocka_unit_test(test_cell_6_restart),
        cmocka_unit_test(test_cell_8_restart_only),
        cmocka_unit_test(test_cell_9_libmariadb),
        cmocka_unit_test(test_cell_9_ours),
        cmocka_unit_test(test_cell_4_purged),
        cmocka_unit_test(test_cell_10_promotion),
        cmocka_unit_test(test_cell_11_timeout),
        cmocka_unit_test(test_cell_12_asynchronous),
        cmocka_unit_test(test_no_server),
        cmocka_unit_test(test_not_a_server),
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
        cmocka_unit_test(test_cell_29_ddl),
        cmocka_unit_test(test_cannot_show),
        cmocka_unit_test(test_interrupted),
        cmocka_unit_test(test_killed),
    };
    char path[512];

    if (live_find_server(NULL, path) == NULL) {
        print_message("skipped: no mariadbd (Debian package mariadb-server)\n");
        return 77;
    }
    if (argc > 1) {
        cmocka_set_test_filter(argv[1]);
    }
    return cmocka_run_group_tests(tests, make_parent, remove_parent) != 0;
}

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

#include "sim/live/test_play.h"

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
    judged(INV_SANE, LIVE_HOLDS);
    judged(INV_LIVE, LIVE_HOLDS);
    assert_int_equal(result.judged[INV_LIVE].cases, result.n_cases);
}

/* The row of a table without transactions is in memory until its statement ends. */
static void test_cell_29_myisam(void **state)
{
    (void)state;
    test_scenario(&sc, "cell-29-myisam-restart");
    sc.manager.on_loss[0] = ON_LOSS_RESTART;
    sc.sessions = 1;
    sc.transactions = sc.plain = 1;
    sc.expect[INV_AGREE] = EXPECT_BREAKS;
    play(0);
    judged(INV_NOLOSS, LIVE_HOLDS);
    judged(INV_NOPHANTOM, LIVE_HOLDS);
    judged(INV_AGREE, LIVE_BREAKS);
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

/* A replica that ACKs before its fsync loses with its power what it has ACKed, asks for it again
 * and leaves nobody waiting. */
static void test_cell_9_power(void **state)
{
    (void)state;
    test_scenario(&sc, "cell-9-power");
    sc.fault[0] = (struct fault_budget){FAULT_NODE_POWER, OF_REPLICA, 1, FILE_NONE};
    sc.node[1].sync_relay_log = 0;
    sc.node[1].relay_restart = RELAY_KEEP;
    sc.restart_replicas = true;
    sc.expect[INV_ACKTRUE] = EXPECT_BREAKS;
    play(0);
    assert_int_equal(result.n_cases, 4);
    assert_int_equal(result.judged[INV_ACKTRUE].broken, 4);
    judged(INV_LIVE, LIVE_HOLDS);
    judged(INV_OBS, LIVE_HOLDS);
    assert_true(saw("replica 1 holds nothing; ACKs sent 2, held 0"));
}

/* Row 4: what a replica holds that lost power as well. One that throws its relay log away asks for
 * everything again, and ACKs it again, where there is a primary to ask. */
static void test_cell_4_relay_logs(void **state)
{
    (void)state;
    test_scenario(&sc, "cell-4-purged");
    sc.sessions = 1;
    sc.fault[0].point = FAULT_NODE_POWER;
    sc.fault[1] = (struct fault_budget){FAULT_NODE_POWER, OF_REPLICA, 1, FILE_NONE};
    sc.n_faults = 2;
    sc.node[1].relay_restart = RELAY_PURGE;
    sc.restart_replicas = true;
    sc.expect[INV_NOLOSS] = sc.expect[INV_NOPHANTOM] = sc.expect[INV_ACKTRUE] = EXPECT_BREAKS;
    play(0);
    judged(INV_NOLOSS, LIVE_BREAKS);
    judged(INV_ACKTRUE, LIVE_BREAKS);
    assert_int_equal(result.judged[INV_LIVE].cases, 2);
    assert_true(saw("replica 1 loses power: nothing; it is started again"));
    /* The same with the relay log kept. */
    sc.node[1].relay_restart = RELAY_KEEP;
    sc.expect[INV_NOLOSS] = sc.expect[INV_NOPHANTOM] = sc.expect[INV_ACKTRUE] = EXPECT_HOLDS;
    sc.expect[INV_LIVE] = EXPECT_BREAKS;
    play(0);
    judged(INV_ACKTRUE, LIVE_HOLDS);
    /* And never fsynced. */
    sc.node[1].sync_relay_log = 0;
    sc.expect[INV_NOLOSS] = sc.expect[INV_NOPHANTOM] = sc.expect[INV_ACKTRUE] = EXPECT_BREAKS;
    play(0);
    assert_int_equal(result.judged[INV_NOLOSS].broken, result.judged[INV_NOLOSS].cases);
    assert_true(saw("replica 1 loses power: relay.000001 from"));
}

/* Row 15: with wait_no_slave=0 a replica that is lost first is not waited for. */
static void test_cell_15_no_replica(void **state)
{
    (void)state;
    test_scenario(&sc, "cell-15");
    sc.node[1].relay_restart = RELAY_KEEP;
    sc.fault[1] = (struct fault_budget){FAULT_NODE_POWER, OF_REPLICA, 1, FILE_NONE};
    sc.n_faults = 2;
    sc.restart_replicas = true;
    sc.node[0].wait_no_slave = false;
    sc.expect[INV_NOLOSS] = sc.expect[INV_NOPHANTOM] = EXPECT_BREAKS;
    sc.expect[INV_OBS] = EXPECT_BREAKS; /* ON, and nobody is there to ACK */
    play(0);
    assert_int_equal(result.judged[INV_NOLOSS].broken, 1);
    judged(INV_ACKTRUE, LIVE_HOLDS);
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

/* ---- refusals and failures ------------------------------------------------------------------ */

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

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_cell_1_after_commit),  cmocka_unit_test(test_cell_2_after_sync),
    cmocka_unit_test(test_cell_6_restart),       cmocka_unit_test(test_cell_8_restart_only),
    cmocka_unit_test(test_cell_29_myisam),       cmocka_unit_test(test_cell_9_libmariadb),
    cmocka_unit_test(test_cell_9_ours),          cmocka_unit_test(test_cell_9_power),
    cmocka_unit_test(test_cell_4_relay_logs),    cmocka_unit_test(test_cell_15_no_replica),
    cmocka_unit_test(test_cell_10_promotion),    cmocka_unit_test(test_cell_11_timeout),
    cmocka_unit_test(test_cell_12_asynchronous), cmocka_unit_test(test_no_server),
    cmocka_unit_test(test_not_a_server),         cmocka_unit_test(test_cannot_show),
    cmocka_unit_test(test_interrupted),          cmocka_unit_test(test_killed),
};

TEST_PLAY_MAIN(tests)

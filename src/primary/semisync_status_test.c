/* Status counters, killed waits, and where the servers differ. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "format/event.h"
#include "primary/semisync.h"

static struct server_settings set;
static const struct env env = {.set = &set, .node = 0};
static struct semisync s;
static struct actions out;

enum { A = 1000, B = 1100, C = 1200, HEAD = 300 };

static log_pos_t at(uint32_t offset)
{
    return log_pos(1, offset);
}

static void begin(void)
{
    server_settings_default(&set);
    memset(&s, 0, sizeof s);
    actions_clear(&out);
    semisync_enable(&s, &env, at(HEAD));
    semisync_replica_joins(&s, &env, 1, at(BINLOG_MAGIC_LEN), &out);
    actions_clear(&out);
}

static bool woken(uint32_t task)
{
    for (uint32_t i = 0; i < out.n; i++) {
        if (out.at[i].kind == ACT_WAKE && out.at[i].task == task)
            return true;
    }
    return false;
}

static uint32_t actions_of(enum action_kind kind)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < out.n; i++)
        n += out.at[i].kind == kind;
    return n;
}

static void test_counters(void **state)
{
    (void)state;
    begin();
    set.semi_sync_timeout_ms = 5;
    semisync_register(&s, &env, at(A), &out);
    semisync_register(&s, &env, at(B), &out);
    semisync_register(&s, &env, at(C), &out);
    assert_false(semisync_wait(&s, &env, at(A), 0, &out));
    assert_false(semisync_wait(&s, &env, at(B), 1, &out));
    assert_int_equal(s.wait_sessions, 2);
    semisync_ack(&s, &env, 1, at(A), &out);
    assert_int_equal(s.wait_sessions, 2); /* it was woken and has not run */
    assert_true(semisync_wait(&s, &env, at(A), 0, &out));
    assert_int_equal(s.wait_sessions, 1);
    assert_true(s.yes_tx == 1 && s.no_tx == 0);
    semisync_timeout(&s, &env, 1, &out);
    assert_true(semisync_wait(&s, &env, at(B), 1, &out));
    assert_true(semisync_wait(&s, &env, at(C), 2, &out)); /* OFF: not awaited, and counted */
    assert_int_equal(s.wait_sessions, 0);
    assert_true(s.yes_tx == 1 && s.no_tx == 2);
    semisync_disable(&s, &env, &out);
    assert_true(semisync_wait(&s, &env, at(C), 2, &out)); /* disabled: not counted */
    assert_true(s.yes_tx == 1 && s.no_tx == 2);
    semisync_enable(&s, &env, 0);
    assert_true(s.yes_tx == 1 && s.no_tx == 2); /* they outlive the setting */
}

static void test_released_by_disabling_is_counted(void **state)
{
    (void)state;
    begin();
    semisync_register(&s, &env, at(A), &out);
    assert_false(semisync_wait(&s, &env, at(A), 0, &out));
    semisync_disable(&s, &env, &out);
    assert_true(woken(0));
    assert_true(semisync_wait(&s, &env, at(A), 0, &out));
    assert_true(s.yes_tx == 0 && s.no_tx == 1);
    assert_int_equal(s.wait_sessions, 0);
}

static void test_abandoned_wait(void **state)
{
    (void)state;
    begin();
    semisync_register(&s, &env, at(A), &out);
    assert_false(semisync_wait(&s, &env, at(A), 0, &out));
    semisync_abandon(&s, 0, &out);
    assert_int_equal(s.n, 1); /* the position stays, and is asked for */
    assert_int_equal(s.active[0].waiters, 0);
    assert_true(semisync_wants_ack(&s, &env, at(A)));
    assert_true(s.no_tx == 1 && s.wait_sessions == 0);
    semisync_register(&s, &env, at(B), &out);
    semisync_abandon(&s, 1, &out); /* killed before it waited */
    assert_int_equal(s.no_tx, 2);
    actions_clear(&out);
    semisync_ack(&s, &env, 1, at(B), &out);
    assert_int_equal(actions_of(ACT_WAKE), 0);
}

/* The lowest position waited for holds back the flags below it, until the list is empty. */
static void test_lowest_wait(void **state)
{
    (void)state;
    begin();
    semisync_register(&s, &env, at(A), &out);
    semisync_register(&s, &env, at(B), &out);
    semisync_register(&s, &env, at(C), &out);
    assert_false(semisync_wait(&s, &env, at(B), 1, &out));
    assert_false(semisync_wants_ack(&s, &env, at(A)));
    assert_true(semisync_wants_ack(&s, &env, at(B)));
    assert_false(semisync_wait(&s, &env, at(A), 0, &out));
    assert_true(semisync_wants_ack(&s, &env, at(A)));
    semisync_ack(&s, &env, 1, at(A), &out);
    assert_false(semisync_wait(&s, &env, at(C), 2, &out));
    assert_true(semisync_wants_ack(&s, &env, at(B))); /* the old lowest position still counts */
    semisync_ack(&s, &env, 1, at(C), &out);
    assert_int_equal(s.wait, 0);
}

static void test_forgotten_positions(void **state)
{
    (void)state;
    begin();
    set.profile = server_profile_find("mariadb-10.11.9");
    set.semi_sync_timeout_ms = 5;
    semisync_register(&s, &env, at(A), &out);
    semisync_disable(&s, &env, &out);
    semisync_enable(&s, &env, 0);
    assert_false(semisync_wait(&s, &env, at(A), 0, &out));
    assert_false(semisync_is_waiting(&s, 0)); /* on no node */
    actions_clear(&out);
    semisync_timeout(&s, &env, 1, &out); /* another's timer */
    assert_false(woken(0));
    semisync_timeout(&s, &env, 0, &out);
    assert_true(woken(0));
    assert_true(semisync_wait(&s, &env, at(A), 0, &out));
}

static void test_mysql_keeps_waits(void **state)
{
    (void)state;
    begin();
    set.profile = server_profile_find("mysql-8.0");
    semisync_register(&s, &env, at(A), &out);
    semisync_register(&s, &env, at(B), &out);
    assert_false(semisync_wait(&s, &env, at(A), 0, &out));
    assert_false(semisync_wait(&s, &env, at(B), 1, &out));
    actions_clear(&out);
    semisync_disable(&s, &env, &out);
    assert_true(woken(0) && woken(1));
    assert_int_equal(s.n, 2);
    assert_true(semisync_wait(&s, &env, at(A), 0, &out)); /* it ran in between: it goes on */
    assert_int_equal(s.n, 1);
    semisync_enable(&s, &env, 0);
    assert_false(semisync_wait(&s, &env, at(B), 1, &out)); /* it did not: it waits again */
    semisync_ack(&s, &env, 1, at(B), &out);
    assert_true(semisync_wait(&s, &env, at(B), 1, &out));
    assert_true(s.yes_tx == 1 && s.no_tx == 1);
}

static void test_mysql_is_off_alone(void **state)
{
    (void)state;
    begin();
    set.profile = server_profile_find("mysql-8.0");
    set.wait_no_slave = false;
    semisync_register(&s, &env, at(A), &out);
    assert_false(semisync_wait(&s, &env, at(A), 0, &out));
    semisync_replica_leaves(&s, &env, 1, &out);
    assert_false(s.on);
    assert_true(semisync_wait(&s, &env, at(A), 0, &out));
    semisync_replica_joins(&s, &env, 1, at(A), &out);
    assert_true(s.on);
    semisync_disable(&s, &env, &out);
    s.clients = 0;
    semisync_enable(&s, &env, 0);
    assert_true(s.enabled && !s.on);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counters),
        cmocka_unit_test(test_released_by_disabling_is_counted),
        cmocka_unit_test(test_abandoned_wait),
        cmocka_unit_test(test_lowest_wait),
        cmocka_unit_test(test_forgotten_positions),
        cmocka_unit_test(test_mysql_keeps_waits),
        cmocka_unit_test(test_mysql_is_off_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

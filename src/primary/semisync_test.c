#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "primary/test_primary.h"

static struct tw w;
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

/* ---- waiting and ACKs ------------------------------------------------------------------------ */

static void test_wait_ends_with_an_ack_at_or_behind_it(void **state)
{
    (void)state;
    static const struct {
        log_pos_t ack;
        bool enough;
    } cases[] = {
        {0, false},
        {(log_pos_t)A, false}, /* a file that is not known: number 0 */
        {(log_pos_t)1 << 32 | (A - 1), false},
        {(log_pos_t)1 << 32 | A, true},
        {(log_pos_t)1 << 32 | (A + 1), true},
        {(log_pos_t)2 << 32 | BINLOG_MAGIC_LEN, true}, /* a later file */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        begin();
        semisync_register(&s, &env, at(A), &out);
        assert_false(semisync_wait(&s, &env, at(A), 2, &out));
        assert_true(semisync_is_waiting(&s, 2));
        assert_false(semisync_is_waiting(&s, 1));
        assert_int_equal(s.wait, at(A));
        assert_int_equal(out.n, 0); /* no timeout is set: no timer */
        semisync_ack(&s, &env, 1, cases[i].ack, &out);
        assert_int_equal(woken(2), cases[i].enough);
        assert_int_equal(semisync_is_waiting(&s, 2), !cases[i].enough);
        assert_int_equal(semisync_wait(&s, &env, at(A), 2, &out), cases[i].enough);
    }
}

static void test_ack_is_cumulative_and_only_up_to_it(void **state)
{
    (void)state;
    begin();
    semisync_register(&s, &env, at(A), &out);
    semisync_register(&s, &env, at(B), &out);
    semisync_register(&s, &env, at(C), &out);
    assert_false(semisync_wait(&s, &env, at(C), 2, &out));
    assert_false(semisync_wait(&s, &env, at(A), 0, &out));
    assert_false(semisync_wait(&s, &env, at(B), 1, &out));
    assert_int_equal(s.wait, at(A));
    semisync_ack(&s, &env, 1, at(B), &out);
    assert_true(woken(0));
    assert_true(woken(1));
    assert_false(woken(2));
    assert_int_equal(s.n, 1);
    assert_int_equal(s.wait,
                     at(B)); /* below the ACK: it holds back no flag until the list is empty */
    actions_clear(&out);
    semisync_ack(&s, &env, 1, at(A), &out); /* stale: another replica, later */
    assert_int_equal(s.replied, at(B));
    assert_int_equal(out.n, 0);
    semisync_ack(&s, &env, 1, at(C), &out);
    assert_true(woken(2));
    assert_int_equal(s.n, 0);
    assert_int_equal(s.wait, 0);
    static const struct semisync_node none;
    for (uint32_t i = 0; i < SEMISYNC_NODES_MAX; i++)
        assert_memory_equal(&s.active[i], &none, sizeof none);
}

/* An ACK beyond what there is counts as it stands: later commits up to it do not wait (facts 2.1,
 * reply pos >= pos). */
static void test_ack_beyond_the_end(void **state)
{
    (void)state;
    begin();
    semisync_ack(&s, &env, 1, at(B), &out);
    semisync_register(&s, &env, at(A), &out);
    assert_false(semisync_wants_ack(&s, &env, at(A)));
    assert_true(semisync_wait(&s, &env, at(A), 0, &out));
    semisync_register(&s, &env, at(B), &out);
    assert_true(semisync_wait(&s, &env, at(B), 0, &out));
    semisync_register(&s, &env, at(C), &out);
    assert_true(semisync_wants_ack(&s, &env, at(C)));
    assert_false(semisync_wait(&s, &env, at(C), 0, &out));
}

static void test_two_tasks_on_one_position(void **state)
{
    (void)state;
    begin();
    set.profile = server_profile_find("mysql-8.0");
    semisync_register(&s, &env, at(B), &out);              /* last position of a group */
    assert_false(semisync_wait(&s, &env, at(A), 0, &out)); /* a member before it */
    assert_false(semisync_wait(&s, &env, at(B), 3, &out));
    semisync_register(&s, &env, at(C), &out);
    assert_int_equal(s.active[0].waiters, 1u << 0 | 1u << 3);
    assert_int_equal(s.active[1].waiters, 0);
    semisync_ack(&s, &env, 1, at(B), &out);
    assert_true(woken(0) && woken(3));
    assert_int_equal(s.n, 1);
}

/* OFF and ON again between registration and wait: no ACK would be asked for (MDEV-34122). */
static void test_position_that_is_not_registered(void **state)
{
    (void)state;
    begin();
    semisync_register(&s, &env, at(A), &out);
    semisync_timeout(&s, &env, 0, &out);
    semisync_ack(&s, &env, 1, at(A), &out);
    assert_true(s.on);
    semisync_register(&s, &env, at(C), &out);
    assert_true(semisync_wait(&s, &env, at(B), 0, &out));
    assert_false(semisync_is_waiting(&s, 0));
}

/* ---- need-ACK flag (facts 2.1, update_sync_header) ------------------------------------------- */

static void test_flag_while_on(void **state)
{
    (void)state;
    begin();
    semisync_register(&s, &env, at(A), &out);
    semisync_register(&s, &env, at(B), &out);
    semisync_register(&s, &env, at(C), &out);
    /* Nobody waits yet: each registered end, and nothing else. */
    assert_true(semisync_wants_ack(&s, &env, at(A)));
    assert_false(semisync_wants_ack(&s, &env, at(A) - 1));
    assert_false(semisync_wants_ack(&s, &env, at(A) + 1));
    assert_true(semisync_wants_ack(&s, &env, at(B)));
    assert_true(semisync_wants_ack(&s, &env, at(C)));
    /* Somebody waits: nothing before the lowest position waited for. */
    assert_false(semisync_wait(&s, &env, at(B), 0, &out));
    assert_false(semisync_wants_ack(&s, &env, at(A)));
    assert_true(semisync_wants_ack(&s, &env, at(B)));
    assert_true(semisync_wants_ack(&s, &env, at(C)));
    /* Replied: not again. */
    semisync_ack(&s, &env, 1, at(B), &out);
    assert_false(semisync_wants_ack(&s, &env, at(A)));
    assert_false(semisync_wants_ack(&s, &env, at(B)));
    assert_true(semisync_wants_ack(&s, &env, at(C)));
}

static void test_flag_while_off(void **state)
{
    (void)state;
    begin();
    semisync_register(&s, &env, at(B), &out);
    semisync_timeout(&s, &env, 0, &out);
    assert_false(semisync_wants_ack(&s, &env, at(A)));
    assert_false(semisync_wants_ack(&s, &env, at(B) - 1));
    assert_true(
        semisync_wants_ack(&s, &env, at(B))); /* catch-up probe: any event from the mark on */
    assert_true(semisync_wants_ack(&s, &env, at(B) + 1));
    semisync_disable(&s, &env, &out);
    assert_false(semisync_wants_ack(&s, &env, at(C)));
}

/* ---- ON and OFF ------------------------------------------------------------------------------ */

static void test_timeout_releases_everybody(void **state)
{
    (void)state;
    begin();
    set.semi_sync_timeout_ms = 10000;
    semisync_register(&s, &env, at(A), &out);
    semisync_register(&s, &env, at(B), &out);
    assert_false(semisync_wait(&s, &env, at(A), 0, &out));
    assert_int_equal(actions_of(ACT_SET_TIMER), 1);
    assert_int_equal(out.at[0].arg, 10000);
    assert_int_equal(out.at[0].task, 0);
    assert_false(semisync_wait(&s, &env, at(A), 0, &out)); /* asked again: the timer runs on */
    assert_int_equal(actions_of(ACT_SET_TIMER), 1);
    assert_false(semisync_wait(&s, &env, at(B), 1, &out));
    actions_clear(&out);
    semisync_timeout(&s, &env, 0, &out);
    assert_false(s.on);
    assert_true(woken(0) && woken(1));
    assert_int_equal(actions_of(ACT_CLEAR_TIMER), 2);
    assert_int_equal(s.n, 0);
    assert_int_equal(s.replied, 0);
    assert_int_equal(s.wait, 0);
    assert_int_equal(s.committed, at(B));
    assert_true(semisync_wait(&s, &env, at(A), 0, &out));
    /* OFF: positions raise the mark and are not awaited. */
    semisync_register(&s, &env, at(C), &out);
    assert_int_equal(s.committed, at(C));
    assert_int_equal(s.n, 0);
    assert_true(semisync_wait(&s, &env, at(C), 0, &out));
    /* ON again with an ACK at the mark, not before. */
    semisync_ack(&s, &env, 1, at(C) - 1, &out);
    assert_false(s.on);
    assert_int_equal(s.replied, 0);
    semisync_ack(&s, &env, 1, at(C), &out);
    assert_true(s.on);
    assert_int_equal(s.replied, at(C));
    actions_clear(&out);
    semisync_timeout(&s, &env, 0, &out); /* nobody waits: off all the same */
    assert_false(s.on);
    semisync_replica_joins(&s, &env, 2, at(C), &out); /* the start position counts as an ACK */
    assert_true(s.on);
}

static void test_timer_is_cleared_with_the_wait(void **state)
{
    (void)state;
    begin();
    set.semi_sync_timeout_ms = 5;
    semisync_register(&s, &env, at(A), &out);
    assert_false(semisync_wait(&s, &env, at(A), 3, &out));
    actions_clear(&out);
    semisync_ack(&s, &env, 1, at(A), &out);
    assert_int_equal(actions_of(ACT_CLEAR_TIMER), 1);
    assert_int_equal(actions_of(ACT_WAKE), 1);
    assert_true(out.at[0].task == 3 && out.at[1].task == 3);
}

static void test_disabled(void **state)
{
    (void)state;
    server_settings_default(&set);
    memset(&s, 0, sizeof s);
    actions_clear(&out);
    semisync_replica_joins(&s, &env, 1, at(HEAD), &out);
    assert_int_equal(s.clients, 1u << 1);
    semisync_register(&s, &env, at(A), &out);
    assert_int_equal(s.n, 0);
    assert_true(semisync_wait(&s, &env, at(A), 0, &out));
    semisync_ack(&s, &env, 1, at(A), &out);
    semisync_timeout(&s, &env, 0, &out);
    assert_int_equal(s.replied, 0);
    assert_int_equal(out.n, 0);
}

static void test_enable_and_disable_keep_the_replicas(void **state)
{
    (void)state;
    begin();
    semisync_register(&s, &env, at(A), &out);
    semisync_disable(&s, &env, &out);
    assert_int_equal(s.clients, 1u << 1);
    assert_int_equal(s.n, 0);
    assert_false(s.on);
    semisync_enable(&s, &env, at(B));
    assert_int_equal(s.clients, 1u << 1);
    assert_true(s.on);
    assert_int_equal(s.committed, at(B));
    assert_int_equal(s.replied, 0);
}

/* ---- replicas come and go -------------------------------------------------------------------- */

static void test_wait_no_slave(void **state)
{
    (void)state;
    begin(); /* on: the wait outlives the last replica */
    semisync_register(&s, &env, at(A), &out);
    assert_false(semisync_wait(&s, &env, at(A), 0, &out));
    semisync_replica_leaves(&s, &env, 1, &out);
    assert_int_equal(s.clients, 0);
    assert_false(woken(0));
    assert_false(semisync_wait(&s, &env, at(A), 0, &out));

    begin(); /* off: the last one that leaves releases all, and the state stays ON */
    set.wait_no_slave = false;
    semisync_replica_joins(&s, &env, 2, at(BINLOG_MAGIC_LEN), &out);
    semisync_register(&s, &env, at(A), &out);
    assert_false(semisync_wait(&s, &env, at(A), 0, &out));
    semisync_replica_leaves(&s, &env, 1, &out);
    assert_false(woken(0));
    semisync_replica_leaves(&s, &env, 2, &out);
    assert_true(woken(0));
    assert_int_equal(s.n, 0);
    assert_true(s.on);
    assert_true(semisync_wait(&s, &env, at(A), 0, &out));
    semisync_register(&s, &env, at(B), &out); /* nobody there: not awaited, mark raised */
    assert_int_equal(s.n, 0);
    assert_int_equal(s.committed, at(B));
    semisync_replica_joins(&s, &env, 1, at(BINLOG_MAGIC_LEN), &out);
    assert_true(semisync_wait(&s, &env, at(B), 0, &out));
    semisync_register(&s, &env, at(C), &out);
    assert_false(semisync_wait(&s, &env, at(C), 0, &out));
}

/* ---- the seventh digit of a name ------------------------------------------------------------- */

/* File 2 is binlog.1000000, which an ACK that names binlog.999999 covers. */
static void test_a_name_with_a_seventh_digit_is_lower(void **state)
{
    (void)state;
    begin();
    set.first_binlog = 999999;
    semisync_register(&s, &env, at(A), &out);
    assert_false(semisync_wait(&s, &env, at(A), 0, &out));
    semisync_ack(&s, &env, 1, at(A), &out);
    assert_true(semisync_wait(&s, &env, at(A), 0, &out));
    semisync_register(&s, &env, log_pos(2, B), &out);
    assert_false(semisync_wants_ack(&s, &env, log_pos(2, B)));
    assert_true(semisync_wait(&s, &env, log_pos(2, B), 1, &out));
    assert_true(s.on);
    assert_int_equal(s.yes_tx, 2);
    set.first_binlog = 1000000; /* both have seven */
    assert_true(semisync_wants_ack(&s, &env, log_pos(2, B)));
    set.first_binlog = 999998; /* neither has */
    assert_true(semisync_wants_ack(&s, &env, log_pos(2, B)));
}

static void test_a_name_out_of_order_switches_off(void **state)
{
    (void)state;
    begin();
    set.first_binlog = 999999;
    semisync_register(&s, &env, at(A), &out);
    assert_false(semisync_wait(&s, &env, at(A), 0, &out));
    semisync_register(&s, &env, log_pos(2, B), &out);
    assert_false(s.on);
    assert_true(woken(0));
    assert_true(semisync_wait(&s, &env, at(A), 0, &out));
    assert_true(semisync_wait(&s, &env, log_pos(2, B), 1, &out));
    assert_int_equal(s.no_tx, 2);
    semisync_ack(&s, &env, 1, log_pos(2, B),
                 &out); /* below the mark, which stays in the old file */
    assert_false(s.on);
}

/* ---- in the server --------------------------------------------------------------------------- */

static void serve(void)
{
    tw_serve(&w);
    tw_connect(&w, 1, "", true);
    tw_connect(&w, 2, "", true);
    tw_connect(&w, 3, "", false);
    tw_settle(&w);
    tw_clear(&w);
}

static void test_one_ack_of_any_semi_sync_replica(void **state)
{
    (void)state;
    tw_init(&w);
    serve();
    assert_int_equal(w.p.semisync.clients, 1u << 1 | 1u << 2);
    tw_client(&w, 0, 0);
    tw_settle(&w);
    assert_string_equal(w.log, "xrwbgpsSSW"); /* the third is asynchronous: not asked */
    tw_clear(&w);
    tw_ack(&w, 3, w.p.binlog.end_pos); /* not a semi-sync replica */
    tw_ack(&w, 1, w.p.binlog.end_pos - 1);
    tw_ack_name(&w, 1, "relay.000009", w.p.binlog.end_pos + 100); /* unknown file */
    static const uint8_t junk[] = {SEMISYNC_MAGIC, 1, 2};
    tw_frame(&w, 1, junk, sizeof junk);
    tw_settle(&w);
    assert_string_equal(w.log, "aaa");
    tw_ack(&w, 2, w.p.binlog.end_pos);
    tw_settle(&w);
    assert_string_equal(w.log, "aaaav1o1");
    tw_ack(&w, 1, w.p.binlog.end_pos); /* the other one's comes behind */
    tw_settle(&w);
    assert_string_equal(w.log, "aaaav1o1a");
}

static void test_timeout_and_catch_up(void **state)
{
    (void)state;
    tw_init(&w);
    w.set.semi_sync_timeout_ms = 10000;
    serve();
    tw_client(&w, 0, 0);
    tw_client(&w, 1, 1);
    tw_settle(&w);
    assert_int_equal(w.timers, 1u << 0); /* the other stands before a lock */
    assert_int_equal(w.timer_ms[0], 10000);
    tw_clear(&w);
    tw_timer(&w, 0);
    tw_settle(&w);
    assert_string_equal(w.log, "Tv1o1v2o2");
    assert_false(w.p.semisync.on);
    tw_clear(&w);
    tw_client(&w, 0, 2);
    tw_settle(&w);
    assert_string_equal(w.log, "xrwbgpsSSv3o3"); /* asynchronous, with the probe */
    assert_int_equal(w.timers, 0);
    tw_ack(&w, 1, w.p.binlog.end_pos);
    assert_true(w.p.semisync.on);
    tw_clear(&w);
    tw_client(&w, 0, 3);
    tw_settle(&w);
    assert_string_equal(w.log, "xrwbgpsSSW");
    assert_int_equal(w.timers, 1u << 0);
    tw_ack(&w, 1, w.p.binlog.end_pos);
    tw_settle(&w);
    assert_int_equal(w.timers, 0);
}

/* A timeout in the middle of a BEFORE_WRITE wait: the group is written and committed without it. */
static void test_timeout_before_write(void **state)
{
    (void)state;
    tw_init(&w);
    w.set.wait_point = WAIT_BEFORE_WRITE;
    w.set.semi_sync_timeout_ms = 1;
    serve();
    tw_client(&w, 0, 0);
    tw_settle(&w);
    tw_timer(&w, 0);
    tw_settle(&w);
    assert_string_equal(w.log, "xrgpsSSWTwbv1o1");
}

static void test_replica_leaves_and_comes_back(void **state)
{
    (void)state;
    tw_init(&w);
    w.set.wait_no_slave = false;
    tw_serve(&w);
    tw_connect(&w, 1, "", true);
    tw_settle(&w);
    tw_clear(&w);
    tw_client(&w, 0, 0);
    tw_settle(&w);
    tw_down(&w, 1);
    tw_settle(&w);
    assert_string_equal(w.log, "xrwbgpSWv1o1");
    assert_int_equal(w.p.dump[1].active, 0);
    tw_clear(&w);
    tw_client(&w, 0, 1);
    tw_settle(&w);
    assert_string_equal(w.log, "xrwbgpv2o2");
    tw_connect(&w, 1, "0-1-1", true);
    tw_settle(&w);
    assert_stream(&w, 1, "0-1-2");
}

/* Facts 2.2: the ACK is lost, the replica comes back with the transaction in its position. It is
 * not sent again, so no ACK is asked for, until a later one is. */
static void test_lost_ack_and_reconnect(void **state)
{
    (void)state;
    tw_init(&w);
    tw_serve(&w);
    tw_connect(&w, 1, "", true);
    tw_settle(&w);
    tw_client(&w, 0, 0);
    tw_settle(&w);
    tw_down(&w, 1);
    tw_clear(&w);
    tw_connect(&w, 1, "0-1-1", true);
    tw_settle(&w);
    assert_stream(&w, 1, "");
    assert_int_equal(w.p.by[0].state, COMMITTER_ACK);
    tw_client(&w, 1, 1);
    tw_settle(&w);
    assert_stream(&w, 1, "0-1-2!");
    tw_ack(&w, 1, w.p.binlog.end_pos);
    tw_settle(&w);
    assert_int_equal(w.answered, 3);
}

/* kill_zombie_dump_threads: a replica that comes again ends its old dump thread first. */
static void test_zombie_dump_thread(void **state)
{
    (void)state;
    tw_init(&w);
    serve();
    w.closed = 0;
    tw_event(&w, &(struct event){.kind = EV_NET_OPEN, .peer = 1, .link = LINK_TO_REPLICA});
    assert_int_equal(w.closed, 1u << 1);
    assert_int_equal(w.p.semisync.clients, 1u << 2);
    assert_int_equal(w.p.dump[1].active, 0);
    tw_ack(&w, 1, at(FILE_BYTES_MAX)); /* of the old connection: not a dump request */
    assert_int_equal(w.p.semisync.replied, at(BINLOG_MAGIC_LEN));
    assert_int_equal(w.sent[w.n_sent - 1].error, 1047);
    tw_clear(&w);
    tw_connect(&w, 1, "", true);
    assert_int_equal(w.p.semisync.clients, 1u << 1 | 1u << 2);
    tw_connect(&w, 1, "", false);
    assert_int_equal(w.p.semisync.clients, 1u << 2);
}

/* A promoted server: its end of the binlog is the mark, and replicas that are there count. */
static void test_promotion_enables_semi_sync(void **state)
{
    (void)state;
    tw_init(&w);
    tw_boot(&w, ADMIN_FOLLOW);
    tw_connect(&w, 2, "", true);
    tw_settle(&w);
    assert_false(w.p.semisync.enabled);
    assert_int_equal(w.p.semisync.clients, 1u << 2);
    tw_admin(&w, ADMIN_SERVE);
    assert_true(w.p.serving && w.p.semisync.on);
    assert_int_equal(w.p.semisync.committed, w.p.binlog.end_pos);
    tw_clear(&w);
    tw_client(&w, 0, 0);
    tw_settle(&w);
    assert_string_equal(w.log, "xrwbgpSW");
    const struct semisync before = w.p.semisync;
    tw_admin(&w, ADMIN_READ_ONLY);
    tw_admin(&w, ADMIN_SERVE); /* who waits goes on waiting */
    assert_memory_equal(&before, &w.p.semisync, sizeof before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wait_ends_with_an_ack_at_or_behind_it),
        cmocka_unit_test(test_ack_is_cumulative_and_only_up_to_it),
        cmocka_unit_test(test_ack_beyond_the_end),
        cmocka_unit_test(test_two_tasks_on_one_position),
        cmocka_unit_test(test_position_that_is_not_registered),
        cmocka_unit_test(test_flag_while_on),
        cmocka_unit_test(test_flag_while_off),
        cmocka_unit_test(test_timeout_releases_everybody),
        cmocka_unit_test(test_timer_is_cleared_with_the_wait),
        cmocka_unit_test(test_disabled),
        cmocka_unit_test(test_enable_and_disable_keep_the_replicas),

        cmocka_unit_test(test_wait_no_slave),
        cmocka_unit_test(test_a_name_with_a_seventh_digit_is_lower),
        cmocka_unit_test(test_a_name_out_of_order_switches_off),
        cmocka_unit_test(test_one_ack_of_any_semi_sync_replica),
        cmocka_unit_test(test_timeout_and_catch_up),
        cmocka_unit_test(test_timeout_before_write),
        cmocka_unit_test(test_replica_leaves_and_comes_back),
        cmocka_unit_test(test_lost_ack_and_reconnect),
        cmocka_unit_test(test_zombie_dump_thread),
        cmocka_unit_test(test_promotion_enables_semi_sync),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}

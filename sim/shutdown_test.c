/* SHUTDOWN and SHUTDOWN WAIT FOR ALL SLAVES in the world. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "sim/test_sim.h"

#define ONE   "workload: {sessions: 1, transactions: 2}\n"
#define PLAIN "operator: [{do: shutdown}]\nmanager: {on_primary_loss: [restart]}\n"
#define WAIT                                                                                       \
    "operator: [{do: shutdown-wait-for-all-slaves}]\nmanager: {on_primary_loss: [restart]}\n"

/* The session's thread waits for its ACK; nothing has been sent. */
static void bring_to_wait(struct rig *g)
{
    rig_do(g, MOVE_CLIENT, 0, -1);
    while (g->w->node[P].primary.by[0].state != COMMITTER_ACK) {
        uint32_t key = rig_find(g, MOVE_DISK, P, 0);
        rig_take(g, key != 0 ? key : rig_find(g, MOVE_RUN, P, 0));
    }
}

/* The primary's own tasks but the dump threads. */
static void run_without_dump(struct rig *g)
{
    for (;;) {
        uint32_t key = rig_find(g, MOVE_RUN, P, 0);
        key = key != 0 ? key : rig_find(g, MOVE_DISK, P, -1);
        if (key == 0)
            return;
        rig_take(g, key);
    }
}

static void plain_waits_for_nobody(void **state)
{
    (void)state;
    struct rig g;
    rig_open(&g, RIG_PAIR ONE PLAIN);
    bring_to_wait(&g);
    rig_do(&g, MOVE_OPERATOR, P, OPERATOR_SHUTDOWN);
    assert_int_equal(g.w->client[0].busy, CLIENT_CUT_OFF);
    assert_int_equal(rig_find(&g, MOVE_OPERATOR, -1, -1), 0);
    assert_int_equal(g.w->node[P].primary.serving, 0);
    run_without_dump(&g);
    assert_int_equal(g.w->node[P].state, NODE_DOWN);
    assert_int_equal(g.w->ledger.answered & 1, 0);
    assert_int_equal(g.w->ledger.acked[R1] & 1, 0);
    assert_false(rig_reached(&g, REACH_PRIMARY_CRASH)); /* it is none */
    rig_manage(&g);
    assert_true(rig_sees(&g, P, 0)); /* committed without an ACK */
    assert_int_equal(g.violated, 0);
    rig_close(&g);
}

static void wait_stays_until_the_ack(void **state)
{
    (void)state;
    struct rig g;
    rig_open(&g, RIG_PAIR ONE WAIT);
    bring_to_wait(&g);
    rig_do(&g, MOVE_OPERATOR, P, OPERATOR_SHUTDOWN_WAIT);
    run_without_dump(&g);
    assert_int_equal(g.w->node[P].state, NODE_UP);
    assert_int_equal(g.w->node[P].primary.shutdown, SHUTDOWN_SLAVES);
    assert_int_equal(g.w->client[0].busy, CLIENT_IDLE); /* it was told nothing */
    rig_settle(&g);
    assert_int_equal(g.w->node[P].state, NODE_DOWN);
    assert_int_equal(g.w->ledger.acked[R1] & 1, 1);
    assert_int_equal(g.w->ledger.answered & 1, 0);
    assert_int_equal(g.violated, 0);
    rig_close(&g);
}

static void wait_ends_with_the_timeout(void **state)
{
    (void)state;
    struct rig g;
    rig_open(&g, RIG_HEAD "cluster: {primary: {timeout: 1s}, replicas: [{}]}\n" ONE WAIT);
    bring_to_wait(&g);
    rig_do(&g, MOVE_OPERATOR, P, OPERATOR_SHUTDOWN_WAIT);
    run_without_dump(&g);
    assert_int_equal(g.w->node[P].primary.shutdown, SHUTDOWN_SLAVES_TIMED);
    rig_do(&g, MOVE_TIMER, P, TASK_BOOT);
    run_without_dump(&g);
    assert_int_equal(g.w->node[P].state, NODE_DOWN);
    assert_int_equal(g.w->ledger.acked[R1] & 1, 0);
    rig_close(&g);
}

/* The binlog is closed first: a power loss behind that finds a transaction in doubt, and no binlog
 * to ask (seen on 10.11.19). */
static void the_engine_comes_last(void **state)
{
    (void)state;
    for (uint32_t flushed = 0; flushed < 2; flushed++) {
        struct rig g;
        rig_open(&g, RIG_PAIR ONE PLAIN "faults: [{point: node/power, of: primary}]\n");
        rig_do(&g, MOVE_CLIENT, 0, -1);
        rig_settle(&g);
        rig_do(&g, MOVE_OPERATOR, P, OPERATOR_SHUTDOWN);
        assert_int_equal(g.w->node[P].primary.shutdown, SHUTDOWN_BINLOG);
        rig_do(&g, MOVE_DISK, P, TASK_BOOT);
        assert_int_equal(g.w->node[P].primary.shutdown, SHUTDOWN_REDO);
        if (flushed == 0) {
            rig_do(&g, MOVE_POWER, P, -1);
            rig_manage(&g);
            assert_true(g.w->node[P].refused);
        } else {
            rig_do(&g, MOVE_DISK, P, TASK_BOOT);
            assert_int_equal(g.w->node[P].state, NODE_DOWN);
            rig_manage(&g);
            assert_true(rig_sees(&g, P, 0));
        }
        rig_close(&g);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_waits_for_nobody),
        cmocka_unit_test(wait_stays_until_the_ack),
        cmocka_unit_test(wait_ends_with_the_timeout),
        cmocka_unit_test(the_engine_comes_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

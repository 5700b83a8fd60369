/* RESET MASTER in the world. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "sim/test_sim.h"

#define TWO   "workload: {sessions: 2, transactions: 3}\n"
#define RESET "operator: [{do: reset-master}]\n"

static void run_task(struct rig *g, uint32_t task)
{
    for (;;) {
        uint32_t key = rig_find(g, MOVE_DISK, P, (int)task);
        key = key != 0 ? key : rig_find(g, MOVE_RUN, P, (int)task);
        if (key == 0)
            return;
        rig_take(g, key);
    }
}

static bool waits(const struct rig *g, uint32_t session)
{
    return g->w->node[P].primary.by[session].state == COMMITTER_ACK;
}

/* As on MariaDB 10.11.19: T1's ACK is on its way when the binlogs are reset. T2 then ends at or
 * before the position that it carries, and is answered OK; no replica was ever sent it. */
static void a_stale_ack_releases_another(void **state)
{
    (void)state;
    struct rig g;
    rig_open(&g, RIG_PAIR TWO RESET);
    rig_do(&g, MOVE_CLIENT, 0, -1);
    run_task(&g, 0);
    rig_do(&g, MOVE_RUN, P, TASK_DUMP + R1);
    rig_receive(&g, P, R1);
    assert_true(waits(&g, 0));
    assert_int_equal(g.violated, 0);
    rig_do(&g, MOVE_OPERATOR, P, OPERATOR_RESET_MASTER);
    run_task(&g, TASK_OPERATOR);
    run_task(&g, 0); /* released, not ACKed */
    run_task(&g, TASK_OPERATOR);
    assert_int_equal(g.w->client[0].busy, CLIENT_IDLE);
    assert_false(primary_resets(&g.w->node[P].primary));
    assert_int_equal(g.w->node[P].primary.semisync.on, 1);
    assert_int_equal(g.w->node[P].primary.semisync.clients, 1u << R1); /* nobody told them */
    assert_true((g.w->node[P].forgotten & 1) != 0);
    assert_false(rig_broke(&g, INV_AGREE));
    rig_do(&g, MOVE_CLIENT, 1, -1);
    run_task(&g, 1);
    assert_true(waits(&g, 1));
    rig_do(&g, MOVE_NET, R1, P); /* (binlog.000001, end of T1 in the old file) */
    run_task(&g, 1);
    assert_int_equal(g.w->client[1].busy, CLIENT_IDLE);
    assert_int_equal(g.w->ledger.answered & 3, 3);
    assert_int_equal(g.w->ledger.sent[R1] & 2, 0);
    assert_true(rig_broke(&g, INV_OBS));
    rig_close(&g);
}

/* The dump thread stands behind the new end: nothing is sent until the file has grown past it. */
static void a_stale_dump_thread_ends_late(void **state)
{
    (void)state;
    struct rig g;
    rig_open(&g, RIG_PAIR TWO RESET);
    rig_do(&g, MOVE_CLIENT, 0, -1);
    rig_settle(&g);
    rig_do(&g, MOVE_OPERATOR, P, OPERATOR_RESET_MASTER);
    rig_settle(&g);
    assert_int_equal(g.w->node[P].primary.dump[R1].stale, 1);
    for (uint32_t n = 0; n < 2 && rig_find(&g, MOVE_CLIENT, -1, -1) != 0; n++) {
        rig_take(&g, rig_find(&g, MOVE_CLIENT, -1, -1));
        rig_settle(&g);
    }
    assert_true(rig_broke(&g, INV_CONVERGE)); /* GTIDs begin anew */
    rig_close(&g);
}

/* A thread that was released and has not run counts wait_sessions below zero. */
static void a_counter_goes_below_zero(void **state)
{
    (void)state;
    struct rig g;
    rig_open(&g,
             RIG_HEAD "cluster: {primary: {wait_point: AFTER_COMMIT}, replicas: [{}]}\n" TWO RESET);
    rig_do(&g, MOVE_CLIENT, 0, -1);
    run_task(&g, 0);
    assert_true(waits(&g, 0));
    rig_do(&g, MOVE_OPERATOR, P, OPERATOR_RESET_MASTER);
    run_task(&g, TASK_OPERATOR);
    assert_false(primary_resets(&g.w->node[P].primary));
    assert_true(rig_broke(&g, INV_OBS));
    run_task(&g, 0);
    assert_int_equal(g.w->node[P].primary.semisync.wait_sessions, 255);
    rig_close(&g);
}

/* A server without a replica, in a RESET MASTER that has deleted its binlog. */
static void reset_alone(struct rig *g)
{
    rig_open(g, RIG_HEAD "cluster: {primary: {semi_sync: off}}\n" TWO RESET
                         "faults: [{point: node/power, of: primary}]\n"
                         "manager: {on_primary_loss: [restart]}\n");
    rig_do(g, MOVE_CLIENT, 0, -1);
    rig_settle(g);
    rig_do(g, MOVE_OPERATOR, P, OPERATOR_RESET_MASTER);
    while (g->w->node[P].binlog.n != 0)
        rig_do(g, g->w->node[P].in_io != 0 ? MOVE_DISK : MOVE_RUN, P, -1);
}

/* A power loss that brings a deleted binlog back brings no disagreement. */
static void power_may_undo_it(void **state)
{
    (void)state;
    struct rig g;
    reset_alone(&g);
    rig_do(&g, MOVE_POWER, P, -1);
    rig_manage(&g);
    assert_true(rig_sees(&g, P, 0));
    assert_int_equal(g.violated, 0);
    rig_close(&g);
}

/* The files go before the index does: in between it names a binlog that is gone, and the server
 * does not start. */
static void power_may_strike_between_files_and_index(void **state)
{
    (void)state;
    struct rig g;
    reset_alone(&g);
    rig_answer(&g, 1); /* the unlink survives, the shortened index does not */
    rig_do(&g, MOVE_POWER, P, -1);
    rig_manage(&g);
    assert_true(g.w->node[P].refused);
    assert_true(rig_broke(&g, INV_LIVE));
    rig_close(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stale_ack_releases_another),
        cmocka_unit_test(a_stale_dump_thread_ends_late),
        cmocka_unit_test(a_counter_goes_below_zero),
        cmocka_unit_test(power_may_undo_it),
        cmocka_unit_test(power_may_strike_between_files_and_index),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* OBS: what SHOW STATUS says beside what the world knows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "sim/test_sim.h"

#define ONE "workload: {sessions: 1, transactions: 2}\n"

static void run_one(struct rig *g)
{
    rig_do(g, MOVE_CLIENT, 0, -1);
    rig_settle(g);
}

static void a_plain_run_adds_up(void **state)
{
    (void)state;
    struct rig g;
    rig_open(&g, RIG_PAIR ONE);
    run_one(&g);
    run_one(&g);
    assert_int_equal(g.w->node[P].primary.semisync.yes_tx, 2);
    assert_int_equal(g.w->node[P].primary.semisync.no_tx, 1); /* older than semi-sync */
    assert_int_equal(g.w->node[P].commits, 3);
    assert_false(rig_broke(&g, INV_OBS));
    rig_close(&g);
}

static void a_wrong_count_is_seen(void **state)
{
    (void)state;
    struct rig g;
    rig_open(&g, RIG_PAIR ONE);
    g.w->node[P].primary.semisync.no_tx++;
    run_one(&g);
    assert_true(rig_broke(&g, INV_OBS));
    rig_close(&g);
}

static void an_unacked_yes_is_seen(void **state)
{
    (void)state;
    struct rig g;
    rig_open(&g, RIG_PAIR ONE);
    g.w->node[P].primary.semisync.no_tx--; /* the sum is right */
    g.w->node[P].primary.semisync.yes_tx++;
    run_one(&g);
    assert_true(rig_broke(&g, INV_OBS));
    rig_close(&g);
}

static void a_wrong_number_of_waits_is_seen(void **state)
{
    (void)state;
    struct rig g;
    rig_open(&g, RIG_PAIR ONE);
    g.w->node[P].primary.semisync.wait_sessions = 255; /* one below zero */
    rig_do(&g, MOVE_CLIENT, 0, -1);
    assert_true(rig_broke(&g, INV_OBS));
    rig_close(&g);
}

static void a_client_that_is_gone_is_seen(void **state)
{
    (void)state;
    struct rig g;
    rig_open(&g, RIG_PAIR ONE);
    g.w->node[P].primary.semisync.clients |= 1u << R2;
    rig_do(&g, MOVE_CLIENT, 0, -1);
    assert_true(rig_broke(&g, INV_OBS));
    rig_close(&g);
}

/* ON and an OK without any ACK; OFF and the same. */
static void on_is_a_promise(void **state)
{
    (void)state;
    for (uint32_t on = 0; on < 2; on++) {
        struct rig g;
        rig_open(&g, RIG_PAIR ONE);
        rig_do(&g, MOVE_CLIENT, 0, -1);
        while (rig_find(&g, MOVE_NET, -1, -1) != 0 || rig_find(&g, MOVE_DISK, -1, -1) != 0 ||
               rig_find(&g, MOVE_RUN, P, TASK_DUMP + R1) != 0 ||
               rig_find(&g, MOVE_RUN, P, 0) != 0) {
            if (strcmp(primary_stage_name(&(struct env){.set = &g.sc.node[P]},
                                          &g.w->node[P].primary.by[0]),
                       "commit") == 0)
                break;
            uint32_t key = rig_find(&g, MOVE_RUN, P, -1);
            key = key != 0 ? key : rig_find(&g, MOVE_DISK, -1, -1);
            rig_take(&g, key != 0 ? key : rig_find(&g, MOVE_NET, -1, -1));
        }
        g.w->ledger.acked[R1] = 0;
        g.w->node[P].primary.semisync.yes_tx--;
        g.w->node[P].primary.semisync.no_tx++;
        g.w->node[P].primary.semisync.on = (uint8_t)on;
        while (g.w->client[0].busy != CLIENT_IDLE)
            rig_do(&g, MOVE_RUN, P, 0);
        assert_int_equal(rig_broke(&g, INV_OBS), on == 1);
        rig_close(&g);
    }
}

/* Disabled while a commit is under way: it counts; a commit of later does not. */
static void disabled_is_not_counted(void **state)
{
    (void)state;
    struct rig g;
    rig_open(&g, RIG_PAIR ONE "operator: [{do: set-semi-sync-off}, {do: set-semi-sync-on}]\n");
    rig_do(&g, MOVE_CLIENT, 0, -1);
    rig_run_to(&g, P, 0, "wait");
    assert_int_equal(g.w->node[P].primary.semisync.wait_sessions, 1);
    rig_do(&g, MOVE_OPERATOR, P, OPERATOR_SEMI_SYNC_OFF);
    assert_int_equal(g.w->node[P].noticed, 1);
    rig_settle(&g);
    assert_int_equal(g.w->node[P].commits, 2);
    assert_int_equal(g.w->node[P].noticed, 0);
    assert_int_equal(g.w->node[P].primary.semisync.no_tx, 2);
    run_one(&g);
    assert_int_equal(g.w->node[P].commits, 2);
    assert_false(rig_broke(&g, INV_OBS));
    rig_close(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_run_adds_up),
        cmocka_unit_test(a_wrong_count_is_seen),
        cmocka_unit_test(an_unacked_yes_is_seen),
        cmocka_unit_test(a_wrong_number_of_waits_is_seen),
        cmocka_unit_test(a_client_that_is_gone_is_seen),
        cmocka_unit_test(on_is_a_promise),
        cmocka_unit_test(disabled_is_not_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

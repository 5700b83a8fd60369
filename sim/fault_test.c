/* Fault points: who is asked when, within which budget, and what each fault does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fiu.h>
#include <fiu-control.h>

#include "sim/test_sim.h"

static const struct file_id BINLOG = {FILE_BINLOG, 1};

static uint32_t fault_questions(const struct rig *g, enum fault_point p)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < g->asked; i++)
        n += g->question[i].what == CHOOSE_FAULT && g->question[i].key == (uint32_t)p;
    return n;
}

/* A run without any fault fired; how often each server was asked about the point. */
static void count_questions(const char *yaml, enum fault_point p, uint32_t asked[NODES_MAX])
{
    struct rig g;
    rig_open(&g, yaml);
    memset(asked, 0, NODES_MAX * sizeof asked[0]);
    for (;;) {
        struct moves m;
        moves_list(&g.sim, &m);
        if (m.n == m.faults)
            break;
        uint32_t key = m.key[0];
        rig_take(&g, key);
        uint32_t kind = key >> 24;
        /* A packet is written where it arrives. */
        uint32_t node = kind == MOVE_NET ? key >> 8 & 255 : key >> 16 & 255;
        asked[node] += fault_questions(&g, p);
    }
    assert_true(rig_sees(&g, P, 0));
    rig_close(&g);
}

#define WORK "workload: {sessions: 1, transactions: 1}\n"

static void a_fault_is_asked_where_the_scenario_admits_it(void **state)
{
    (void)state;
    static const enum fault_point points[] = {FAULT_FSYNC_LIE, FAULT_FSYNC_FAIL, FAULT_WRITE_FAIL};
    static const char *const of[] = {"", ", of: primary", ", of: replica", ", of: any"};
    for (uint32_t p = 0; p < 3; p++) {
        uint32_t all[NODES_MAX] = {0};
        for (uint32_t o = 0; o < 4; o++) {
            uint32_t sum[NODES_MAX] = {0};
            char yaml[512];
            snprintf(yaml, sizeof yaml, RIG_TRIO WORK "faults: [{point: %s%s}]\n",
                     fault_point_name(points[p]), of[o]);
            uint32_t any[NODES_MAX];
            count_questions(yaml, points[p], any);
            if (o == 0)
                memcpy(all, any, sizeof all);
            for (uint32_t i = 0; i < 3; i++)
                assert_int_equal(any[i], (o == 1 && i > 0) || (o == 2 && i == 0) ? 0 : all[i]);
            assert_true(all[P] > 0 && all[R1] > 0 && all[R2] > 0);
            static const char *const kinds[] = {"redo", "binlog", "relay"};
            for (uint32_t k = 0; k < 3; k++) {
                uint32_t one[NODES_MAX];
                snprintf(yaml, sizeof yaml, RIG_TRIO WORK "faults: [{point: %s%s, file: %s}]\n",
                         fault_point_name(points[p]), of[o], kinds[k]);
                /* A primary writes no relay log: the loader says so. */
                if (k == 2 && o == 1)
                    continue;
                count_questions(yaml, points[p], one);
                for (uint32_t i = 0; i < 3; i++)
                    sum[i] += one[i];
                assert_true(k != 2 || one[P] == 0);
            }
            for (uint32_t i = 0; i < 3; i++)
                assert_int_equal(sum[i], any[i]);
        }
    }
}

static void a_budget_is_spent_and_then_nobody_is_asked(void **state)
{
    (void)state;
    struct rig g;
    rig_open(&g, RIG_PAIR WORK "faults: [{point: disk/fsync/lie, of: primary, at_most: 2},\n"
                               "         {point: disk/fsync/lie, of: replica, file: relay}]\n");
    rig_do(&g, MOVE_CLIENT, 0, -1);
    rig_do(&g, MOVE_RUN, P, 0);
    rig_answer(&g, 1);
    rig_do(&g, MOVE_DISK, P, 0); /* redo */
    assert_int_equal(fault_questions(&g, FAULT_FSYNC_LIE), 1);
    assert_int_equal(g.w->budget[0], 1);
    assert_int_equal(g.w->budget[1], 1);
    rig_run_to(&g, P, 0, "write");
    rig_do(&g, MOVE_RUN, P, 0);
    rig_answer(&g, 0); /* asked and not fired: costs nothing */
    rig_do(&g, MOVE_DISK, P, 0);
    assert_int_equal(fault_questions(&g, FAULT_FSYNC_LIE), 1);
    assert_int_equal(g.w->budget[0], 1);
    rig_run(&g, P);
    while (rig_find(&g, MOVE_DISK, R1, TASK_RECEIVER) == 0)
        rig_do(&g, MOVE_NET, P, R1);
    rig_answer(&g, 1);
    rig_do(&g, MOVE_DISK, R1, TASK_RECEIVER);
    assert_int_equal(g.w->budget[0], 1);
    assert_int_equal(g.w->budget[1], 0);
    rig_do(&g, MOVE_NET, P, R1);
    rig_do(&g, MOVE_DISK, R1, TASK_RECEIVER); /* no budget left: no question */
    assert_int_equal(g.asked, 0);
    rig_close(&g);
}

/* ---- what each does -------------------------------------------------------------------------- */

static void a_lying_fsync_claims_and_keeps_nothing(void **state)
{
    (void)state;
    for (uint32_t lie = 0; lie < 2; lie++) {
        struct rig g;
        rig_open(&g,
                 RIG_PAIR WORK "faults: [{point: disk/fsync/lie, file: binlog, of: primary}]\n");
        rig_do(&g, MOVE_CLIENT, 0, -1);
        rig_run_to(&g, P, 0, "write");
        rig_do(&g, MOVE_RUN, P, 0);
        rig_answer(&g, lie);
        rig_do(&g, MOVE_DISK, P, 0);
        const struct node *n = &g.w->node[P];
        const struct held *h = history_find(&n->binlog, 0);
        assert_non_null(h); /* read(2) shows it in any case */
        assert_int_equal(disk_range_durable(&n->disk, BINLOG, h->start, h->end), lie == 0);
        assert_int_equal(rig_reached(&g, REACH_FSYNC_LIED), lie);
        rig_run(&g, P); /* the server cannot tell: it goes on */
        assert_true(semisync_is_waiting(&n->primary.semisync, 0));
        rig_close(&g);
    }
}

static void a_failed_binlog_fsync_leaves_clean_pages(void **state)
{
    (void)state;
    struct rig g;
    rig_open(&g, RIG_PAIR "workload: {sessions: 1, transactions: 2}\n"
                          "faults: [{point: disk/fsync/fail, file: binlog, of: primary}]\n");
    rig_do(&g, MOVE_CLIENT, 0, -1);
    rig_run_to(&g, P, 0, "write");
    rig_do(&g, MOVE_RUN, P, 0);
    rig_answer(&g, 1);
    rig_do(&g, MOVE_DISK, P, 0);
    rig_settle(&g);
    assert_int_equal(g.w->ledger.refused & 1, 1); /* facts 1.1 step 7e */
    assert_int_equal(g.w->ledger.answered & 1, 0);
    assert_false(rig_sees(&g, P, 0));
    const struct node *n = &g.w->node[P];
    const struct held *h = history_find(&n->binlog, 0);
    assert_non_null(h); /* what reached the file stays there */
    rig_do(&g, MOVE_CLIENT, 0, -1);
    rig_settle(&g); /* an honest fsync of the same file */
    const struct held *later = history_find(&n->binlog, 1);
    assert_true(disk_range_durable(&n->disk, BINLOG, later->start, later->end));
    h = history_find(&n->binlog, 0);
    assert_false(disk_range_durable(&n->disk, BINLOG, h->start, h->end));
    rig_close(&g);
}

static void a_failed_redo_fsync_ends_the_server(void **state)
{
    (void)state;
    struct rig g;
    rig_open(&g, RIG_PAIR WORK "faults: [{point: disk/fsync/fail, file: redo, of: primary}]\n");
    rig_do(&g, MOVE_CLIENT, 0, -1);
    rig_do(&g, MOVE_RUN, P, 0);
    rig_answer(&g, 1);
    rig_do(&g, MOVE_DISK, P, 0);
    assert_int_equal(g.w->node[P].state, NODE_DOWN);
    assert_false(g.w->client[0].busy);
    assert_true(rig_reached(&g, REACH_PRIMARY_CRASH));
    assert_int_equal(g.violated, 0);
    rig_close(&g);
}

static void a_failed_relay_fsync_stops_the_receiver(void **state)
{
    (void)state;
    struct rig g;
    rig_open(&g, RIG_PAIR WORK "faults: [{point: disk/fsync/fail, file: relay}]\n");
    rig_do(&g, MOVE_CLIENT, 0, -1);
    rig_run(&g, P);
    while (rig_find(&g, MOVE_DISK, R1, TASK_RECEIVER) == 0)
        rig_do(&g, MOVE_NET, P, R1);
    rig_answer(&g, 1);
    rig_do(&g, MOVE_DISK, R1, TASK_RECEIVER);
    assert_int_equal(g.w->node[R1].receiver.state, RECEIVER_ERROR);
    assert_int_equal(g.w->ledger.acked[R1] & 1, 0);
    rig_settle(&g);
    assert_false(rig_sees(&g, P, 0));
    rig_close(&g);
}

/* Nothing reaches the file, but the server keeps the bytes for its next write: then the binlog has
 * what the engine has rolled back. */
static void a_failed_write_goes_with_the_next(void **state)
{
    (void)state;
    struct rig g;
    rig_open(&g, RIG_PAIR "workload: {sessions: 1, transactions: 2}\n"
                          "faults: [{point: disk/write/fail, file: binlog, of: primary}]\n");
    struct disk_view before;
    disk_view(&g.w->node[P].disk, &before);
    rig_do(&g, MOVE_CLIENT, 0, -1);
    rig_run_to(&g, P, 0, "write");
    rig_answer(&g, 1);
    rig_do(&g, MOVE_RUN, P, 0);
    assert_int_equal(fault_questions(&g, FAULT_WRITE_FAIL), 1);
    struct disk_view after;
    disk_view(&g.w->node[P].disk, &after);
    assert_int_equal(view_find(&after, BINLOG)->len, view_find(&before, BINLOG)->len);
    rig_settle(&g);
    assert_int_equal(g.w->ledger.refused & 1, 1);
    assert_null(history_find(&g.w->node[P].binlog, 0));
    rig_do(&g, MOVE_CLIENT, 0, -1);
    rig_settle(&g);
    assert_int_equal(g.w->ledger.answered >> 1 & 1, 1);
    assert_non_null(history_find(&g.w->node[P].binlog, 0));
    assert_false(rig_sees(&g, P, 0));
    assert_true(rig_sees(&g, R1, 0));
    rig_close(&g);
}

/* A replica with its relay log written and not fsynced dies. */
static void open_unsynced(struct rig *g, const char *fault)
{
    char yaml[512];
    snprintf(yaml, sizeof yaml,
             RIG_HEAD "cluster: {primary: {}, replicas: [{sync_relay_log: 0}]}\n" WORK
                      "manager: {applier: at-promotion}\nfaults: [{point: %s, of: replica}]\n",
             fault);
    rig_open(g, yaml);
    rig_do(g, MOVE_CLIENT, 0, -1);
    rig_run(g, P);
    rig_receive(g, P, R1);
    assert_non_null(history_find(&g->w->node[R1].relay, 0));
    assert_true(disk_has_pending(&g->w->node[R1].disk));
}

static void a_kill_keeps_the_page_cache(void **state)
{
    (void)state;
    struct rig g;
    open_unsynced(&g, "node/kill");
    assert_int_equal(rig_find(&g, MOVE_KILL, P, -1), 0); /* not admitted there */
    assert_int_equal(rig_find(&g, MOVE_POWER, -1, -1), 0);
    rig_do(&g, MOVE_KILL, R1, -1);
    assert_int_equal(g.asked, 0);
    const struct node *n = &g.w->node[R1];
    assert_int_equal(n->state, NODE_DOWN);
    assert_true(disk_has_pending(&n->disk));
    assert_non_null(history_find(&n->relay, 0));
    assert_int_equal(g.w->budget[0], 0);
    rig_do(&g, MOVE_START, R1, -1);
    rig_settle(&g);
    assert_int_equal(rig_find(&g, MOVE_KILL, -1, -1), 0);
    rig_close(&g);
}

/* A timer that was armed dies with its process: the next life is not woken by it. */
static void a_death_disarms_the_timers(void **state)
{
    (void)state;
    struct rig g;
    rig_open(&g, RIG_HEAD "cluster: {primary: {timeout: 1s}, replicas: [{}]}\n" WORK
                          "faults: [{point: node/kill, of: primary}]\n"
                          "manager: {on_primary_loss: [restart]}\n");
    rig_do(&g, MOVE_CLIENT, 0, -1);
    rig_run(&g, P);
    assert_int_not_equal(rig_find(&g, MOVE_TIMER, P, 0), 0);
    rig_do(&g, MOVE_KILL, P, -1);
    assert_int_equal(rig_find(&g, MOVE_TIMER, -1, -1), 0);
    rig_do(&g, MOVE_NET_DOWN, R1, P);
    rig_manage(&g);
    assert_true(g.w->node[P].primary.serving);
    assert_int_equal(rig_find(&g, MOVE_TIMER, -1, -1), 0);
    rig_close(&g);
}

static void a_power_loss_keeps_what_is_chosen(void **state)
{
    (void)state;
    for (uint32_t keep = 0; keep < 2; keep++) {
        struct rig g;
        open_unsynced(&g, "node/power");
        if (keep == 1)
            rig_answer(&g, UINT32_MAX);
        rig_do(&g, MOVE_POWER, R1, -1);
        assert_true(g.asked >= 1);
        assert_int_equal(g.question[0].what, CHOOSE_SURVIVE);
        const struct node *n = &g.w->node[R1];
        assert_false(disk_has_pending(&n->disk));
        assert_int_equal(history_find(&n->relay, 0) != NULL, keep);
        assert_int_equal(rig_reached(&g, REACH_POWER_UNSYNCED_LOST), keep == 0);
        assert_int_equal(g.w->budget[0], 0);
        rig_close(&g);
    }
}

static void moves_that_are_faults_are_offered_within_their_budget(void **state)
{
    (void)state;
    struct rig g;
    rig_open(&g, RIG_TRIO WORK "faults: [{point: node/kill, of: replica, at_most: 2},\n"
                               "         {point: net/reset, at_most: 1},\n"
                               "         {point: net/partition, of: primary}]\n");
    assert_int_equal(rig_find(&g, MOVE_KILL, P, -1), 0);
    assert_int_not_equal(rig_find(&g, MOVE_KILL, R1, -1), 0);
    assert_int_not_equal(rig_find(&g, MOVE_KILL, R2, -1), 0);
    assert_int_not_equal(rig_find(&g, MOVE_RESET, R1, P), 0);
    assert_int_not_equal(rig_find(&g, MOVE_RESET, R2, P), 0);
    assert_int_equal(rig_find(&g, MOVE_PARTITION, R1, -1), 0);
    rig_do(&g, MOVE_KILL, R1, -1);
    assert_int_equal(rig_find(&g, MOVE_KILL, R1, -1), 0); /* down already */
    assert_int_not_equal(rig_find(&g, MOVE_KILL, R2, -1), 0);
    rig_do(&g, MOVE_RESET, R2, P);
    assert_int_equal(rig_find(&g, MOVE_RESET, -1, -1), 0);
    rig_do(&g, MOVE_PARTITION, P, -1);
    assert_int_equal(rig_find(&g, MOVE_PARTITION, -1, -1), 0);
    assert_true(rig_reached(&g, REACH_PARTITION));
    rig_do(&g, MOVE_KILL, R2, -1);
    assert_int_equal(g.w->budget[0] + g.w->budget[1] + g.w->budget[2], 0);
    rig_close(&g);
}

/* ---- libfiu stands between ------------------------------------------------------------------- */

/* The last test: it changes what is registered in this process. */
static void the_question_goes_through_libfiu(void **state)
{
    (void)state;
    struct rig g;
    rig_open(&g, RIG_PAIR WORK "faults: [{point: disk/fsync/lie, of: primary, at_most: 3}]\n");
    const char *name = fault_point_name(FAULT_FSYNC_LIE);
    assert_string_equal(name, "disk/fsync/lie");
    rig_answer(&g, 1);
    assert_true(fault_fires(&g.sim, FAULT_FSYNC_LIE, P, FILE_REDO));
    assert_int_equal(g.asked, 1);
    assert_int_equal(fiu_disable(name), 0);
    rig_answer(&g, 1);
    assert_false(fault_fires(&g.sim, FAULT_FSYNC_LIE, P, FILE_REDO)); /* the point is off */
    assert_int_equal(g.asked, 1);
    assert_int_equal(fiu_enable(name, 1, NULL, 0), 0);
    assert_true(fault_fires(&g.sim, FAULT_FSYNC_LIE, P, FILE_REDO)); /* on, whatever we say */
    assert_int_equal(g.asked, 1);
    assert_int_equal(g.w->budget[0], 1);
    assert_false(fault_fires(&g.sim, FAULT_FSYNC_LIE, R1, FILE_REDO)); /* not admitted there */
    rig_close(&g);
}

static void names_and_points_go_both_ways(void **state)
{
    (void)state;
    for (uint32_t p = 0; p < FAULT_POINTS; p++)
        assert_int_equal(fault_point_find(fault_point_name((enum fault_point)p)), p);
    assert_int_equal(fault_point_find("disk/fsync"), FAULT_POINTS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fault_is_asked_where_the_scenario_admits_it),
        cmocka_unit_test(a_budget_is_spent_and_then_nobody_is_asked),
        cmocka_unit_test(a_lying_fsync_claims_and_keeps_nothing),
        cmocka_unit_test(a_failed_binlog_fsync_leaves_clean_pages),
        cmocka_unit_test(a_failed_redo_fsync_ends_the_server),
        cmocka_unit_test(a_failed_relay_fsync_stops_the_receiver),
        cmocka_unit_test(a_failed_write_goes_with_the_next),
        cmocka_unit_test(a_kill_keeps_the_page_cache),
        cmocka_unit_test(a_death_disarms_the_timers),
        cmocka_unit_test(a_power_loss_keeps_what_is_chosen),
        cmocka_unit_test(moves_that_are_faults_are_offered_within_their_budget),
        cmocka_unit_test(names_and_points_go_both_ways),
        cmocka_unit_test(the_question_goes_through_libfiu),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}

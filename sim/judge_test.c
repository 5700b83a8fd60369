/* The judges: for each promise a situation that breaks it and the nearest ones that do not. The
 * worlds are driven by hand, move by move. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/test_sim.h"

#define ONE "workload: {sessions: 1, transactions: 1}\n"
#define TWO "workload: {sessions: 1, transactions: 2}\n"
#define PAIR_OF(primary, replica)                                                                  \
    RIG_HEAD "cluster: {primary: {" primary "}, replicas: [{" replica "}]}\n"
#define LOSS "faults: [{point: node/power, of: primary}]\n"

enum { ALL = -1, NOTHING = 0 };

static void power(struct rig *g, uint32_t node, int keep)
{
    for (uint32_t i = 0; keep == ALL && i < 8; i++)
        rig_answer(g, UINT32_MAX);
    rig_do(g, MOVE_POWER, (int)node, -1);
}

static void fail_over(struct rig *g)
{
    assert_int_equal(g->violated, 0);
    rig_manage(g);
    assert_true(rig_reached(g, REACH_PROMOTION));
}

/* All that was broken since the start is `which`. */
static void ends(struct rig *g, invariant_mask which)
{
    for (uint32_t i = 0; i < INVARIANTS; i++) {
        if ((g->violated ^ which) >> i & 1)
            fail_msg("%s %s", invariant_id((enum invariant)i),
                     which >> i & 1 ? "is not judged broken" : "is judged broken");
    }
    rig_close(g);
}

static invariant_mask bit(enum invariant i)
{
    return 1u << i;
}

/* ---- NOLOSS ---------------------------------------------------------------------------------- */

static void an_answered_transaction_that_is_gone_is_a_loss(void **state)
{
    (void)state;
    struct rig g;
    for (int received = 0; received < 2; received++) {
        rig_open(&g, PAIR_OF("semi_sync: off", "") ONE LOSS);
        rig_do(&g, MOVE_CLIENT, 0, -1);
        rig_run(&g, P);
        assert_int_equal(g.w->ledger.answered & 1, 1);
        if (received)
            rig_receive(&g, P, R1);
        power(&g, P, ALL);
        rig_do(&g, MOVE_NET_DOWN, R1, P);
        fail_over(&g);
        ends(&g, received ? 0 : bit(INV_NOLOSS) | bit(INV_NOPHANTOM));
    }
}

/* The wait keeps the answer back; what was not answered may be lost. */
static void an_unanswered_transaction_may_be_lost(void **state)
{
    (void)state;
    struct rig g;
    rig_open(&g, PAIR_OF("", "") ONE LOSS);
    rig_do(&g, MOVE_CLIENT, 0, -1);
    rig_run(&g, P);
    assert_true(semisync_is_waiting(&g.w->node[P].primary.semisync, 0));
    power(&g, P, ALL);
    rig_do(&g, MOVE_NET_DOWN, R1, P);
    fail_over(&g);
    assert_false(rig_sees(&g, R1, 0));
    ends(&g, 0);
}

/* Restarted, and the same server elected again without its transaction. */
static void a_loss_at_a_restart_counts_too(void **state)
{
    (void)state;
    struct rig g;
    for (int keep = ALL; keep <= NOTHING; keep++) {
        rig_open(&g, PAIR_OF("semi_sync: off, sync_binlog: 0, innodb_flush_log_at_trx_commit: 2",
                             "") ONE LOSS "manager: {on_primary_loss: [restart]}\n");
        rig_do(&g, MOVE_CLIENT, 0, -1);
        rig_run_to(&g, P, 0, "idle");
        assert_int_equal(g.w->ledger.answered & 1, 1);
        power(&g, P, keep);
        rig_do(&g, MOVE_NET_DOWN, R1, P);
        rig_manage(&g);
        assert_true(rig_reached(&g, REACH_RESTART_AS_PRIMARY));
        assert_int_equal(rig_broke(&g, INV_NOLOSS), keep == NOTHING);
        assert_int_equal(rig_broke(&g, INV_NOPHANTOM), keep == NOTHING);
        rig_close(&g);
    }
}

/* Nobody fences a primary that is cut off: it answers after it was replaced. */
static void an_answer_of_a_replaced_primary_is_a_loss(void **state)
{
    (void)state;
    struct rig g;
    for (int fence = 0; fence < 2; fence++) {
        char yaml[512];
        snprintf(yaml, sizeof yaml,
                 PAIR_OF("timeout: 1s", "") ONE "faults: [{point: net/partition, of: primary}]\n"
                                                "manager: {fence: %s, verify: false}\n",
                 fence ? "true" : "false");
        rig_open(&g, yaml);
        rig_do(&g, MOVE_CLIENT, 0, -1);
        rig_run(&g, P);
        rig_do(&g, MOVE_PARTITION, P, -1);
        fail_over(&g);
        assert_int_equal(g.w->node[P].state == NODE_DOWN, fence);
        if (!fence) {
            assert_int_equal(g.violated, 0);
            rig_do(&g, MOVE_TIMER, P, 0);
            rig_run(&g, P);
            assert_true(rig_reached(&g, REACH_OK_WHILE_PARTITIONED));
        }
        ends(&g, fence ? 0 : bit(INV_NOLOSS));
    }
}

/* ---- NOPHANTOM ------------------------------------------------------------------------------- */

static void what_was_read_and_is_gone_is_a_phantom(void **state)
{
    (void)state;
    struct rig g;
    static const char *const at[] = {"AFTER_COMMIT", "AFTER_SYNC", "BEFORE_WRITE"};
    for (uint32_t i = 0; i < 3; i++) {
        char yaml[512];
        snprintf(yaml, sizeof yaml,
                 RIG_HEAD "cluster: {primary: {wait_point: %s}, replicas: [{}]}\n" ONE LOSS, at[i]);
        rig_open(&g, yaml);
        rig_do(&g, MOVE_CLIENT, 0, -1);
        rig_run(&g, P);
        assert_int_equal(rig_sees(&g, P, 0), i == 0);
        assert_int_equal(g.w->ledger.answered & 1, 0);
        power(&g, P, ALL);
        rig_do(&g, MOVE_NET_DOWN, R1, P);
        fail_over(&g);
        ends(&g, i == 0 ? bit(INV_NOPHANTOM) : 0);
    }
}

/* A reader of a replica does not count: it does not serve. */
static void what_only_a_replica_showed_is_no_phantom(void **state)
{
    (void)state;
    struct rig g;
    rig_open(&g, RIG_HEAD
             "cluster: {primary: {wait_point: BEFORE_WRITE}, replicas: [{}, {}]}\n" ONE
             "faults: [{point: node/power, of: primary}, {point: node/power, of: replica}]\n"
             "manager: {restart_replicas: false}\n");
    rig_do(&g, MOVE_CLIENT, 0, -1);
    rig_run(&g, P);
    rig_receive(&g, P, R1);
    rig_run(&g, R1);
    assert_true(rig_sees(&g, R1, 0));
    power(&g, P, ALL);
    power(&g, R1, ALL);
    rig_do(&g, MOVE_NET_DOWN, R2, P);
    fail_over(&g);
    assert_true(g.w->node[R2].primary.serving);
    ends(&g, 0);
}

/* ---- NOAHEAD --------------------------------------------------------------------------------- */

#define UNSYNCED_PRIMARY                                                                           \
    PAIR_OF("sync_binlog: 0", "") ONE LOSS "manager: {on_primary_loss: [restart]}\n"

static void a_replica_ahead_of_the_recovered_primary(void **state)
{
    (void)state;
    struct rig g;
    for (int keep = ALL; keep <= NOTHING; keep++) {
        rig_open(&g, UNSYNCED_PRIMARY);
        rig_do(&g, MOVE_CLIENT, 0, -1);
        rig_run(&g, P);
        rig_receive(&g, P, R1);
        power(&g, P, keep);
        rig_forget(&g);
        while (!g.w->node[P].primary.serving) {
            uint32_t key = rig_find(&g, MOVE_MANAGER, -1, -1);
            if (key != 0)
                rig_take(&g, key);
            else if (!rig_run(&g, P))
                rig_do(&g, MOVE_NET_DOWN, R1, P);
        }
        ends(&g, keep == NOTHING ? bit(INV_NOAHEAD) : 0);
    }
}

/* What the earlier life had sent arrives when the next one serves already. */
static void what_was_on_its_way_makes_a_replica_ahead(void **state)
{
    (void)state;
    struct rig g;
    for (int keep = ALL; keep <= NOTHING; keep++) {
        rig_open(&g, PAIR_OF("sync_binlog: 0", "") ONE LOSS
                 "manager: {on_primary_loss: [restart], verify: false}\n");
        rig_do(&g, MOVE_CLIENT, 0, -1);
        rig_run(&g, P);
        power(&g, P, keep);
        while (!g.w->node[P].primary.serving) {
            if (!rig_run(&g, P))
                rig_do(&g, MOVE_MANAGER, -1, -1);
        }
        assert_int_equal(g.violated, 0);
        rig_receive(&g, P, R1);
        ends(&g, keep == NOTHING ? bit(INV_NOAHEAD) : 0);
    }
}

/* A promoted replica may be behind another: NOAHEAD is about a primary that comes back. */
static void a_promoted_server_is_not_a_recovered_one(void **state)
{
    (void)state;
    struct rig g;
    rig_open(&g, RIG_TRIO ONE LOSS "manager: {promote: any}\n");
    rig_do(&g, MOVE_CLIENT, 0, -1);
    rig_run(&g, P);
    rig_receive(&g, P, R2);
    power(&g, P, ALL);
    rig_do(&g, MOVE_NET_DOWN, R1, P);
    rig_do(&g, MOVE_NET_DOWN, R2, P);
    rig_manager(&g, MANAGER_DETECT);
    rig_manager(&g, MANAGER_FENCE);
    rig_do(&g, MOVE_MANAGER, MANAGER_CHOOSE, R1);
    rig_settle(&g);
    rig_manager(&g, MANAGER_PROMOTE);
    assert_true(rig_reached(&g, REACH_PROMOTION_OF_LESSER));
    ends(&g, 0);
}

/* ---- AGREE ----------------------------------------------------------------------------------- */

/* T2's prepare flushes T1's commit record; the binlog of both is in the page cache only. */
static void an_engine_ahead_of_its_binlog_disagrees(void **state)
{
    (void)state;
    struct rig g;
    for (int keep = ALL; keep <= NOTHING; keep++) {
        rig_open(&g, PAIR_OF("semi_sync: off, sync_binlog: 0", "") TWO LOSS
                 "manager: {on_primary_loss: [restart]}\n");
        rig_do(&g, MOVE_CLIENT, 0, -1);
        rig_run_to(&g, P, 0, "idle");
        rig_do(&g, MOVE_CLIENT, 0, -1);
        rig_do(&g, MOVE_RUN, P, 0);
        rig_do(&g, MOVE_DISK, P, 0);
        power(&g, P, keep);
        rig_do(&g, MOVE_NET_DOWN, R1, P);
        rig_manage(&g);
        assert_int_equal(rig_broke(&g, INV_AGREE), keep == NOTHING);
        assert_false(rig_broke(&g, INV_SANE));
        rig_close(&g);
    }
}

/* Out of order: a reader sees T2, which stands behind T1 in the binlog, and T1 not. */
static void visibility_out_of_binlog_order_disagrees(void **state)
{
    (void)state;
    struct rig g;
    for (int out_of_order = 0; out_of_order < 2; out_of_order++) {
        rig_open(&g, PAIR_OF("", "") "workload: {sessions: 2, transactions: 2}\n");
        rig_do(&g, MOVE_CLIENT, 0, -1);
        rig_do(&g, MOVE_CLIENT, 1, -1);
        rig_run_to(&g, P, 0, "write");
        rig_do(&g, MOVE_RUN, P, 0); /* alone in its group */
        rig_run(&g, P);
        struct engine *e = &g.w->node[P].engine;
        assert_true(engine_is_prepared(e, 1) && engine_is_prepared(e, 2));
        engine_commit_ordered(e, out_of_order ? 2 : 1);
        judge_visible(&g.sim, P);
        assert_int_equal(g.sim.violated, out_of_order ? bit(INV_AGREE) : 0);
        rig_close(&g);
    }
}

/* ---- CONVERGE -------------------------------------------------------------------------------- */

/* facts 11.2 row 7: T1 is sent and not written; the next life gives its GTID to T2. */
static void one_gtid_for_two_transactions(void **state)
{
    (void)state;
    struct rig g;
    for (int read_only = 0; read_only < 2; read_only++) {
        char yaml[512];
        snprintf(yaml, sizeof yaml,
                 RIG_HEAD "cluster: {primary: {wait_point: BEFORE_WRITE, recovery: %s},\n"
                          "          replicas: [{}]}\n" TWO LOSS
                          "manager: {on_primary_loss: [restart]}\n",
                 read_only ? "read-only" : "serve");
        rig_open(&g, yaml);
        rig_do(&g, MOVE_CLIENT, 0, -1);
        rig_run(&g, P);
        rig_receive(&g, P, R1);
        power(&g, P, ALL);
        rig_do(&g, MOVE_NET_DOWN, R1, P);
        rig_manage(&g);
        assert_int_equal(rig_reached(&g, REACH_CAUGHT_UP_FROM_REPLICA), read_only);
        assert_int_equal(g.violated, read_only ? 0 : bit(INV_NOAHEAD));
        rig_do(&g, MOVE_CLIENT, 0, -1);
        rig_run(&g, P);
        assert_int_equal(rig_reached(&g, REACH_GTID_REUSED), !read_only);
        assert_int_equal(rig_broke(&g, INV_CONVERGE), !read_only);
        rig_close(&g);
    }
}

/* Groups are compared as they come. A server that is out is not compared with anybody, and with
 * everybody when it is taken back. */
static void a_server_taken_back_is_compared_whole(void **state)
{
    (void)state;
    struct rig g;
    rig_open(&g, PAIR_OF("", "") ONE);
    rig_do(&g, MOVE_CLIENT, 0, -1);
    rig_settle(&g);
    struct history *relay = &g.w->node[R1].relay;
    relay->at[relay->n - 1].txn = 5;
    g.w->manager.discarded = 1u << R1;
    judge_holds(&g.sim, R1, 0, 0);
    assert_int_equal(g.sim.violated, 0);
    g.w->manager.discarded = 0;
    judge_holds(&g.sim, R1, g.w->node[R1].binlog.n, relay->n);
    assert_int_equal(g.sim.violated, 0); /* nothing new */
    judge_holds(&g.sim, R1, g.w->node[R1].binlog.n, relay->n - 1);
    assert_int_equal(g.sim.violated, bit(INV_CONVERGE));
    g.sim.violated = 0;
    judge_taken_back(&g.sim, R1);
    assert_int_equal(g.sim.violated, bit(INV_CONVERGE));
    rig_close(&g);
}

/* A replica that holds more than its primary is refused. If it were not, that is judged. */
static void a_stream_for_a_replica_that_holds_more(void **state)
{
    (void)state;
    struct rig g;
    for (int more = 0; more < 2; more++) {
        rig_open(&g, PAIR_OF("", "") ONE);
        rig_do(&g, MOVE_CLIENT, 0, -1);
        rig_settle(&g);
        struct held extra = g.w->node[R1].relay.at[0];
        extra.txn = 5;
        if (more)
            g.w->node[R1].relay.at[g.w->node[R1].relay.n++] = extra;
        judge_stream(&g.sim, R1, P);
        assert_int_equal(g.sim.violated, more ? bit(INV_CONVERGE) : 0);
        g.w->node[P].primary.serving = 0; /* it waits for the manager and may be behind */
        g.sim.violated = 0;
        judge_stream(&g.sim, R1, P);
        assert_int_equal(g.sim.violated, 0);
        rig_close(&g);
    }
}

/* ---- ACKTRUE --------------------------------------------------------------------------------- */

static void acked(struct rig *g, const char *replica, const char *faults)
{
    char yaml[512];
    snprintf(yaml, sizeof yaml, RIG_HEAD "cluster: {primary: {}, replicas: [{%s}]}\n" ONE "%s",
             replica, faults);
    rig_open(g, yaml);
    rig_do(g, MOVE_CLIENT, 0, -1);
    rig_run(g, P);
}

static void an_ack_for_what_is_not_durable_is_false(void **state)
{
    (void)state;
    static const char power_loss[] = "faults: [{point: node/power, of: replica}]\n";
    static const char kill[] = "faults: [{point: node/kill, of: replica}]\n";
    static const struct {
        const char *replica;
        const char *faults;
        bool broken;
    } cases[] = {
        {"sync_relay_log: 0", power_loss, true},
        {"sync_relay_log: 0", kill, false}, /* the page cache survives all that can come */
        {"sync_relay_log: 0", "", false},
        {"sync_relay_log: 1", power_loss, false},
        {"receiver: {profile: ackproof}", power_loss, false},
        {"receiver: {profile: go-mysql-handler}", power_loss, true},
        {"receiver: {profile: go-mysql-handler}", kill, false},
        {"receiver: {profile: libmariadb}", kill, true}, /* not even written */
        {"receiver: {profile: go-mysql-channel}", kill, true},
        {"receiver: {profile: go-mysql-channel}", "", true},
    };
    for (uint32_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rig g;
        acked(&g, cases[i].replica, cases[i].faults);
        rig_receive(&g, P, R1);
        assert_true(g.w->ledger.acked[R1] & 1);
        if (rig_broke(&g, INV_ACKTRUE) != cases[i].broken)
            fail_msg("%s, %s", cases[i].replica, cases[i].faults);
        ends(&g, cases[i].broken ? bit(INV_ACKTRUE) : 0);
    }
}

static void an_ack_behind_a_lie_is_false(void **state)
{
    (void)state;
    for (uint32_t lie = 0; lie < 2; lie++) {
        struct rig g;
        acked(&g, "",
              "faults: [{point: disk/fsync/lie, of: replica, file: relay, at_most: 4},\n"
              "         {point: node/power, of: replica}]\n");
        for (uint32_t i = 0; i < 4; i++) {
            rig_do(&g, MOVE_NET, P, R1);
            rig_answer(&g, lie);
            rig_do(&g, MOVE_DISK, R1, TASK_RECEIVER);
        }
        ends(&g, lie ? bit(INV_ACKTRUE) : 0);
    }
}

/* One lie in the middle is made good by the honest fsync behind it. */
static void a_lie_that_a_later_fsync_mends_is_none(void **state)
{
    (void)state;
    struct rig g;
    acked(&g, "",
          "faults: [{point: disk/fsync/lie, of: replica, file: relay},\n"
          "         {point: node/power, of: replica}]\n");
    for (uint32_t i = 0; i < 4; i++) {
        rig_do(&g, MOVE_NET, P, R1);
        rig_answer(&g, i == 1);
        rig_do(&g, MOVE_DISK, R1, TASK_RECEIVER);
    }
    assert_true(rig_reached(&g, REACH_FSYNC_LIED));
    ends(&g, 0);
}

/* START SLAVE deletes what was ACKed and not applied (facts 11.2, row 4). */
static void what_a_restart_deletes_was_not_kept(void **state)
{
    (void)state;
    for (uint32_t purge = 0; purge < 2; purge++) {
        struct rig g;
        acked(&g, purge ? "relay_log: purge" : "relay_log: keep",
              "faults: [{point: node/kill, of: replica}]\nmanager: {applier: at-promotion}\n");
        rig_receive(&g, P, R1);
        assert_int_equal(g.violated, 0);
        rig_do(&g, MOVE_KILL, R1, -1);
        rig_do(&g, MOVE_START, R1, -1);
        rig_run(&g, R1);
        assert_true(rig_reached(&g, purge ? REACH_RELAY_PURGED : REACH_RELAY_KEPT));
        ends(&g, purge ? bit(INV_ACKTRUE) : 0);
    }
}

/* ---- LIVE ------------------------------------------------------------------------------------ */

/* bug 104015: the ACK is lost with the receiver, the relay log is not; nobody will ask again. */
static void a_waiter_that_no_ack_will_ever_release(void **state)
{
    (void)state;
    for (uint32_t back = 0; back < 2; back++) {
        struct rig g;
        acked(&g, "",
              back ? "faults: [{point: node/kill, of: replica}]\n"
                   : "faults: [{point: node/kill, of: replica}]\n"
                     "manager: {restart_replicas: false}\n");
        while (rig_conn(&g, R1)->down_len > 0) {
            rig_do(&g, MOVE_NET, P, R1);
            if (rig_conn(&g, R1)->down_len > 0)
                rig_do(&g, MOVE_DISK, R1, TASK_RECEIVER);
        }
        rig_do(&g, MOVE_KILL, R1, -1); /* written, not ACKed */
        if (back)
            rig_do(&g, MOVE_START, R1, -1);
        rig_settle(&g);
        assert_true(g.w->client[0].busy);
        assert_int_equal(rig_find(&g, MOVE_CLIENT, -1, -1), 0);
        assert_int_equal(sim_step(&g.sim), STEP_END);
        /* With nobody there, to wait for ever is what an infinite timeout promises. */
        ends(&g, back ? bit(INV_LIVE) : 0);
    }
}

/* A wake-up that is lost: nothing can move the session any more, ACK or not. */
static void a_lost_wake_up_is_a_deadlock(void **state)
{
    (void)state;
    for (uint32_t lost = 0; lost < 2; lost++) {
        struct rig g;
        rig_open(&g, PAIR_OF("", "") ONE);
        rig_do(&g, MOVE_CLIENT, 0, -1);
        if (lost) {
            g.w->node[P].runnable = 0;
            g.sim.violated = 0;
            judge_stuck(&g.sim);
            assert_int_equal(g.sim.violated, bit(INV_LIVE));
            rig_close(&g);
            continue;
        }
        rig_settle(&g);
        ends(&g, 0);
    }
}

/* A replica is there and nobody serves. */
static void a_cluster_without_a_primary_is_stuck(void **state)
{
    (void)state;
    for (uint32_t hope = 0; hope < 2; hope++) {
        struct rig g;
        rig_open(&g, RIG_PAIR ONE "faults: [{point: node/kill, at_most: 2}]\n"
                                  "manager: {restart_replicas: false}\n");
        rig_do(&g, MOVE_KILL, P, -1);
        if (!hope)
            rig_do(&g, MOVE_KILL, R1, -1);
        g.sim.violated = 0;
        g.w->manager.state = MANAGER_ELECT;
        judge_stuck(&g.sim);
        assert_int_equal(g.sim.violated, hope ? bit(INV_LIVE) : 0);
        rig_close(&g);
    }
}

/* ---- SANE ------------------------------------------------------------------------------------ */

static void nonsense_asked_of_the_world_is_insane(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 4; i++) {
        struct rig g;
        rig_open(&g, RIG_PAIR ONE "faults: [{point: node/kill, of: replica}]\n");
        rig_do(&g, MOVE_CLIENT, 0, -1);
        struct node *n = &g.w->node[P];
        if (i == 1)
            g.w->client[0].busy = 0; /* an answer to a client that did not ask */
        if (i == 2)                  /* an fsync of a file that is not there */
            n->primary.binlog.num = 9;
        if (i == 3) /* a write that leaves a hole */
            n->primary.binlog.len += 100;
        while (!g.w->dead && moves_any(&g.sim))
            rig_take(&g, rig_find(&g, MOVE_RUN, -1, -1) != 0    ? rig_find(&g, MOVE_RUN, -1, -1)
                         : rig_find(&g, MOVE_DISK, -1, -1) != 0 ? rig_find(&g, MOVE_DISK, -1, -1)
                                                                : rig_find(&g, MOVE_NET, -1, -1));
        assert_int_equal(g.w->dead, i > 0);
        ends(&g, i > 0 ? bit(INV_SANE) : 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answered_transaction_that_is_gone_is_a_loss),
        cmocka_unit_test(an_unanswered_transaction_may_be_lost),
        cmocka_unit_test(a_loss_at_a_restart_counts_too),
        cmocka_unit_test(an_answer_of_a_replaced_primary_is_a_loss),
        cmocka_unit_test(what_was_read_and_is_gone_is_a_phantom),
        cmocka_unit_test(what_only_a_replica_showed_is_no_phantom),
        cmocka_unit_test(a_replica_ahead_of_the_recovered_primary),
        cmocka_unit_test(what_was_on_its_way_makes_a_replica_ahead),
        cmocka_unit_test(a_promoted_server_is_not_a_recovered_one),
        cmocka_unit_test(an_engine_ahead_of_its_binlog_disagrees),
        cmocka_unit_test(visibility_out_of_binlog_order_disagrees),
        cmocka_unit_test(one_gtid_for_two_transactions),
        cmocka_unit_test(a_server_taken_back_is_compared_whole),
        cmocka_unit_test(a_stream_for_a_replica_that_holds_more),
        cmocka_unit_test(an_ack_for_what_is_not_durable_is_false),
        cmocka_unit_test(an_ack_behind_a_lie_is_false),
        cmocka_unit_test(a_lie_that_a_later_fsync_mends_is_none),
        cmocka_unit_test(what_a_restart_deletes_was_not_kept),
        cmocka_unit_test(a_waiter_that_no_ack_will_ever_release),
        cmocka_unit_test(a_lost_wake_up_is_a_deadlock),
        cmocka_unit_test(a_cluster_without_a_primary_is_stuck),
        cmocka_unit_test(nonsense_asked_of_the_world_is_insane),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}

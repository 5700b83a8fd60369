/* Long runs: the faults stop, LIVE is judged, the next phase goes on from there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/test_sim.h"

#define TWO   "workload: {sessions: 1, transactions: 2}\n"
#define POWER "faults: [{point: node/power, of: primary, at_most: 2}]\n"

static void finish(struct rig *g)
{
    g->sim.may_calm = false;
    for (uint32_t n = 0; moves_any(&g->sim); n++) {
        struct moves m;
        assert_true(n < RIG_MOVES_MAX);
        moves_list(&g->sim, &m);
        rig_take(g, m.key[0]);
    }
    g->sim.may_calm = true;
}

static void allow(struct rig *g, uint32_t phases)
{
    g->sim.may_calm = true;
    g->sim.phases = phases;
}

static void nothing_is_listed_unless_allowed(void **state)
{
    (void)state;
    struct rig g;
    rig_open(&g, RIG_PAIR TWO POWER);
    assert_int_equal(rig_find(&g, MOVE_CALM, -1, -1), 0);
    allow(&g, 1);
    assert_int_not_equal(rig_find(&g, MOVE_CALM, -1, -1), 0);
    assert_int_equal(rig_find(&g, MOVE_PHASE, -1, -1), 0); /* not quiet, not calm */
    rig_do(&g, MOVE_CALM, -1, -1);
    assert_int_equal(rig_find(&g, MOVE_CALM, -1, -1), 0);
    assert_int_equal(rig_find(&g, MOVE_POWER, -1, -1), 0);
    assert_false(fault_admitted(&g.sim, FAULT_NODE_POWER, P, FILE_NONE));
    assert_int_equal(rig_find(&g, MOVE_PHASE, -1, -1), 0); /* a client can still send */
    finish(&g);
    assert_int_not_equal(rig_find(&g, MOVE_PHASE, -1, -1), 0);
    rig_do(&g, MOVE_PHASE, -1, -1);
    assert_int_equal(g.w->phase, 1);
    assert_int_not_equal(rig_find(&g, MOVE_POWER, -1, -1), 0);
    rig_do(&g, MOVE_CALM, -1, -1);
    finish(&g);
    assert_int_equal(rig_find(&g, MOVE_PHASE, -1, -1), 0); /* one was allowed */
    assert_int_equal(sim_step(&g.sim), STEP_END);
    assert_int_equal(g.violated, 0);
    rig_close(&g);
}

/* Who is primary, GTIDs and counters go on; what was settled is gone; budgets begin anew and go by
 * the new roles. */
static void the_next_phase_goes_on(void **state)
{
    (void)state;
    struct rig g;
    rig_open(&g, RIG_HEAD "cluster: {primary: {sync_binlog: 5}, replicas: [{sync_binlog: 5}]}\n" TWO
                          "faults: [{point: node/power, of: primary, at_most: 1}]\n");
    uint64_t steps = g.w->steps;
    rig_do(&g, MOVE_CLIENT, 0, -1);
    rig_settle(&g);
    uint64_t seq = g.w->node[R1].binlog.at[g.w->node[R1].binlog.n - 1].seq;
    rig_do(&g, MOVE_POWER, P, -1);
    rig_manage(&g);
    assert_int_equal(g.w->manager.primary, R1);
    rig_do(&g, MOVE_CLIENT, 0, -1);
    rig_settle(&g);
    allow(&g, 1);
    rig_do(&g, MOVE_CALM, -1, -1);
    finish(&g);
    uint32_t flushes = g.w->node[R1].primary.binlog.flushes;
    assert_int_not_equal(flushes, 0);
    rig_forget(&g);
    rig_do(&g, MOVE_PHASE, -1, -1);
    g.sim.may_calm = false;
    assert_int_equal(g.violated, 0);
    assert_int_equal(g.reached, 0);
    assert_true(g.w->steps > steps);
    assert_int_equal(g.w->home, R1);
    assert_int_equal(g.w->manager.primary, R1);
    assert_int_equal(g.w->manager.discarded, 0);
    assert_int_equal(g.w->ledger.answered, 1u << first_txn(&g.sc));
    assert_int_equal(g.w->node[R1].primary.binlog.flushes, flushes);
    for (uint32_t i = P; i <= R1; i++) {
        const struct history *h = &g.w->node[i].binlog;
        assert_int_equal(h->n, 1);
        assert_int_equal(h->at[0].txn, first_txn(&g.sc));
        assert_true(h->at[0].seq > seq + 1); /* both transactions had one */
        assert_int_equal(h->at[0].server, g.sc.node[R1].server_id);
    }
    struct gtid own = {.server = g.sc.node[P].server_id, .seq = seq};
    assert_true(gtid_state_holds(&g.w->node[R1].primary.binlog.state, own));
    assert_true(fault_admitted(&g.sim, FAULT_NODE_POWER, R1, FILE_NONE));
    assert_false(fault_admitted(&g.sim, FAULT_NODE_POWER, P, FILE_NONE));
    rig_do(&g, MOVE_CLIENT, 0, -1);
    rig_settle(&g);
    assert_int_equal(g.w->ledger.answered & 1, 1);
    assert_true(rig_sees(&g, P, 0));
    rig_do(&g, MOVE_POWER, R1, -1);
    rig_manage(&g);
    assert_int_equal(g.w->manager.primary, P);
    assert_int_equal(g.violated, 0);
    rig_close(&g);
}

/* What a scenario promises it promises of a primary with these settings. */
static void a_primary_of_another_kind_gives_way(void **state)
{
    (void)state;
    struct rig g;
    rig_open(&g, RIG_HEAD "cluster: {primary: {}, replicas: [{sync_binlog: 3}]}\n" TWO POWER);
    rig_do(&g, MOVE_CLIENT, 0, -1);
    rig_settle(&g);
    rig_do(&g, MOVE_POWER, P, -1);
    rig_manage(&g);
    assert_int_equal(g.w->manager.primary, R1);
    allow(&g, 1);
    rig_do(&g, MOVE_CALM, -1, -1);
    finish(&g);
    uint64_t seq = gtid_state_latest(&g.w->node[R1].primary.binlog.state, 0).seq;
    rig_do(&g, MOVE_PHASE, -1, -1);
    assert_int_equal(g.w->home, P);
    assert_int_equal(g.w->manager.primary, P);
    assert_int_equal(gtid_state_latest(&g.w->node[P].primary.binlog.state, 0).seq, seq + 1);
    assert_int_equal(g.violated, 0);
    rig_close(&g);
}

static void semi_sync_stays_off(void **state)
{
    (void)state;
    struct rig g;
    for (int down = 0; down < 2; down++) {
        rig_open(&g, RIG_PAIR TWO POWER);
        struct node *p = &g.w->node[P];
        allow(&g, 1);
        rig_do(&g, MOVE_CALM, -1, -1);
        finish(&g);
        if (down) {
            node_die(&g.sim, P); /* off is what it remembers, not what it does not */
            g.w->manager.state = MANAGER_STARTING;
        } else {
            p->primary.semisync.on = 0;
        }
        g.move = move_key(MOVE_PHASE, 0, 0, 0);
        take_phase(&g.sim);
        assert_true(p->primary.semisync.enabled);
        assert_int_equal(p->primary.semisync.on, down);
        rig_close(&g);
    }
}

static void a_partition_heals_and_servers_are_started_once(void **state)
{
    (void)state;
    struct rig g;
    rig_open(&g, RIG_TRIO TWO
             "faults: [{point: net/partition, of: primary}, {point: node/kill, of: replica}]\n"
             "manager: {restart_replicas: false}\n");
    rig_do(&g, MOVE_KILL, R2, -1);
    rig_settle(&g);
    rig_do(&g, MOVE_PARTITION, P, -1);
    assert_int_equal(rig_find(&g, MOVE_START, R2, -1), 0);
    allow(&g, 0);
    rig_do(&g, MOVE_CALM, -1, -1);
    assert_int_equal(g.w->cut_off, 0);
    rig_do(&g, MOVE_START, R2, -1);
    node_die(&g.sim, R2);
    assert_int_equal(rig_find(&g, MOVE_START, R2, -1), 0); /* it ended itself: no second time */
    finish(&g);
    assert_int_equal(g.violated, 0);
    rig_close(&g);
}

/* One that ought to be back and is not breaks LIVE; one that was refused, or stopped, does not. */
static void who_is_not_back(void **state)
{
    (void)state;
    struct rig g;
    enum { FINE, STUCK, ELSEWHERE, LESS, MORE, REFUSED, STOPPED, DEAD, OUT, CASES };
    for (uint32_t c = FINE; c < CASES; c++) {
        rig_open(&g, RIG_TRIO TWO POWER);
        allow(&g, 0);
        rig_do(&g, MOVE_CALM, -1, -1);
        finish(&g);
        assert_int_equal(g.violated, 0);
        struct node *n = &g.w->node[R1];
        switch (c) {
        case STUCK:
            n->receiver.state = RECEIVER_CONNECTING;
            break;
        case ELSEWHERE:
            n->receiver.primary = R2;
            break;
        case LESS:
            n->visible &= ~2u;
            break;
        case MORE:
            n->visible |= 1u << 20;
            break;
        case REFUSED:
            n->receiver.state = RECEIVER_ERROR;
            break;
        case STOPPED:
            n->receiver.state = RECEIVER_STOPPED;
            break;
        case DEAD:
            node_die(&g.sim, R1);
            break;
        case OUT:
            n->visible = 0;
            g.w->manager.discarded = 1u << R1;
            break;
        default:
            break;
        }
        g.sim.violated = 0;
        judge_back(&g.sim);
        bool bad = c == STUCK || c == ELSEWHERE || c == LESS;
        assert_int_equal(g.sim.violated, bad ? 1u << INV_LIVE : 0);
        rig_close(&g);
    }
}

static void a_cluster_that_never_rests(void **state)
{
    (void)state;
    struct rig g;
    rig_open(&g, RIG_PAIR TWO POWER);
    allow(&g, 0);
    rig_do(&g, MOVE_CALM, -1, -1);
    assert_int_equal(g.violated, 0);
    g.w->calm = CALM_STEPS_MAX - 1;
    calm_step(&g.sim);
    assert_int_equal(g.sim.violated, 1u << INV_LIVE);
    g.sim.violated = 0;
    calm_step(&g.sim); /* said once */
    assert_int_equal(g.sim.violated, 0);
    rig_close(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_listed_unless_allowed),
        cmocka_unit_test(the_next_phase_goes_on),
        cmocka_unit_test(a_primary_of_another_kind_gives_way),
        cmocka_unit_test(semi_sync_stays_off),
        cmocka_unit_test(a_partition_heals_and_servers_are_started_once),
        cmocka_unit_test(who_is_not_back),
        cmocka_unit_test(a_cluster_that_never_rests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

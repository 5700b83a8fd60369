/* States that are each other's mirror image have one fingerprint: from each of them the same goes
 * on. All states of small scenarios are walked one by one, and of those with the same fingerprint
 * the steps are compared: how many there are, what they break, and where they lead to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/explore/walk_test_util.h"
#include "sim/test_sim.h"

/* What can follow a state, in no order. */
struct onward {
    struct hash128 state; /* as a bag; all zeros: the place is free */
    struct hash128 sum;
    uint32_t steps;
};

enum { PLACES = 1 << 18 };

struct mirrors {
    struct twins twins;
    struct world *block;
    struct onward *seen;
    uint64_t merged;
};

static struct hash128 as_bag(const struct mirrors *m, const struct world *w)
{
    world_copy(m->block, w);
    m->block->twins = m->twins;
    for (uint32_t i = 0; i < w->n_nodes; i++)
        node_touch(m->block, i);
    return world_hash(m->block);
}

static void add_step(struct onward *o, struct hash128 to, invariant_mask violated, bool full)
{
    o->steps++;
    o->sum.lo += to.lo * 3 + violated * 0x9E3779B97F4A7C15u + full;
    o->sum.hi += to.hi ^ to.lo;
}

/* Every step from the state of the block. */
static struct onward all_steps(struct walk *k, uint32_t depth)
{
    const struct mirrors *m = k->arg;
    struct onward o = {.state = as_bag(m, k->block[depth])};
    uint32_t answer[WALK_ASKED_MAX] = {0};
    uint32_t n[WALK_ASKED_MAX];
    uint32_t asked = 0;
    do {
        enum step_result r = walk_step(k, depth, answer);
        asked = k->asked;
        memcpy(n, k->asked_n, sizeof n);
        if (r == STEP_END)
            break;
        add_step(&o, as_bag(m, k->sim.world), k->sim.violated, r == STEP_FULL);
    } while (walk_count_up(answer, n, asked));
    return o;
}

static void compare(struct walk *k, uint32_t depth)
{
    struct mirrors *m = k->arg;
    struct onward now = all_steps(k, depth);
    uint32_t at = (uint32_t)now.state.lo % PLACES;
    while (m->seen[at].state.hi != 0 && !hashes_equal(m->seen[at].state, now.state))
        at = (at + 1) % PLACES;
    struct onward *before = &m->seen[at];
    if (before->state.hi == 0) {
        *before = now;
        return;
    }
    m->merged++;
    if (before->steps != now.steps || !hashes_equal(before->sum, now.sum))
        fail_msg("two states with one fingerprint: %u steps lead on from one, %u from the other, "
                 "or elsewhere",
                 before->steps, now.steps);
}

static void walk_mirrors(const char *yaml)
{
    static struct walk k;
    struct scenario sc;
    struct mirrors m = {.block = rig_block(0)};
    rig_load(&sc, yaml);
    m.seen = calloc(PLACES, sizeof m.seen[0]);
    assert_non_null(m.seen);
    walk_open(&k, &sc, 0);
    k.sim.world = walk_block(&k, 0);
    sim_start(&k.sim);
    replicas_find_twins(&k.sim, &m.twins);
    assert_int_not_equal(m.twins.bag, 0);
    k.arg = &m;
    k.each = compare;
    k.states_max = PLACES / 2;
    walk_all(&k);
    print_message("%llu states, %llu of them the mirror image of one before\n",
                  (unsigned long long)k.states, (unsigned long long)m.merged);
    assert_false(k.cut);
    assert_true(m.merged * 4 > k.states); /* nearly half of them, were each seen in both ways */
    walk_close(&k);
    free(m.seen);
    free(m.block);
}

#define START   "version: 1\nname: t\n" RESTART
#define RESTART "manager: {on_primary_loss: [restart], applier: at-promotion}\n"
#define REPLICA "{profile: mariadb-10.11, sync_relay_log: 1, receiver: {profile: ackproof}}"
#define TWO(p)  "cluster: {primary: {" p "}, replicas: [" REPLICA ", " REPLICA "]}\n"
#define ENGINE                                                                                     \
    "binlog_storage_engine: innodb, wait_point: AFTER_COMMIT, innodb_flush_log_at_trx_commit: 0"
#define ONE_TXN   "workload: {sessions: 1, transactions: 1}\n"
#define TWO_TXNS  "workload: {sessions: 1, transactions: 2}\n"
#define OF(fault) "faults: [" fault "]\n"

static void mirror_images_go_on_alike(void **state)
{
    (void)state;
    walk_mirrors(START TWO("timeout: infinite") TWO_TXNS);
    walk_mirrors(START TWO("timeout: infinite") ONE_TXN OF("{point: node/power, of: replica}"));
    walk_mirrors(START TWO("timeout: infinite") ONE_TXN OF("{point: node/power, of: primary}"));
}

static void with_ack_slots_too(void **state)
{
    (void)state;
    walk_mirrors(START TWO("profile: mysql-8.0, timeout: infinite, wait_for_slave_count: 2")
                     ONE_TXN OF("{point: net/reset}"));
    walk_mirrors(
        START TWO("profile: mariadb-12.1-preview, timeout: infinite, wait_for_slave_count: 2")
            ONE_TXN OF("{point: net/reset}"));
}

/* MySQL keeps the positions of all but one of the replicas that are counted, and goes by the order
 * of their slots. */
static void with_two_ack_slots(void **state)
{
    (void)state;
    walk_mirrors(START "cluster: {primary: {profile: mysql-8.0, timeout: infinite, "
                       "wait_for_slave_count: 3}, replicas: [" REPLICA ", " REPLICA ", " REPLICA
                       "]}\n" TWO_TXNS);
}

/* Its dump threads flush the redo log before they send. */
static void with_the_binlog_in_the_engine(void **state)
{
    (void)state;
    walk_mirrors(START TWO("profile: mariadb-12.3, timeout: infinite, " ENGINE)
                     ONE_TXN OF("{point: net/reset}"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mirror_images_go_on_alike),
        cmocka_unit_test(with_ack_slots_too),
        cmocka_unit_test(with_two_ack_slots),
        cmocka_unit_test(with_the_binlog_in_the_engine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}

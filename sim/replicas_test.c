/* Of two replicas that are alike one moves; when they are, and when nobody may go by it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/test_sim.h"

#define RESETS "faults: [{point: net/reset, at_most: 2}, {point: node/kill, of: replica}]\n"
#define MOST   "manager: {on_primary_loss: [failover], promote: most-advanced}\n"
#define ANY    "manager: {on_primary_loss: [failover], promote: any}\n"
#define KILL   "faults: [{point: node/kill, of: primary}, {point: node/kill, of: replica}]\n"

/* May the replica be killed? It can be at any time, unless it is left out. */
static bool moves(struct rig *g, uint32_t node)
{
    return rig_may(g, move_key(MOVE_KILL, node, 0, 0));
}

static bool left_out(const char *yaml)
{
    struct rig g;
    rig_open(&g, yaml);
    assert_true(moves(&g, R1) && moves(&g, R2));
    g.sim.reduce = REDUCE_REPLICAS;
    assert_true(moves(&g, R1));
    bool out = !moves(&g, R2);
    rig_close(&g);
    return out;
}

static void equal_ones_are_alike_at_the_start(void **state)
{
    (void)state;
    assert_true(left_out(RIG_TRIO RESETS));
    assert_true(left_out(RIG_TRIO KILL ANY));
}

static void who_is_chosen_by_number_is_not_alike(void **state)
{
    (void)state;
    assert_false(left_out(RIG_TRIO KILL MOST));
    assert_true(left_out(RIG_TRIO RESETS MOST)); /* it will not come to that */
}

static void other_settings_are_another_replica(void **state)
{
    (void)state;
    assert_false(
        left_out(RIG_HEAD "cluster: {primary: {}, replicas: [{}, {sync_relay_log: 7}]}\n" RESETS));
}

/* A byte in the body of the first event of the first such file. */
static uint8_t *log_byte(struct disk *d, enum file_kind kind)
{
    uint32_t at = 0;
    uint32_t i = 0;
    while (i < d->n_files && d->file[i].id.kind != kind)
        at += d->file[i++].high;
    assert_true(i < d->n_files);
    return d->bytes + at + 4 + 19 + 2;
}

static void what_one_has_done_the_other_may_do_next(void **state)
{
    (void)state;
    struct rig g;
    rig_open(&g, RIG_TRIO RESETS "workload: {sessions: 1, transactions: 2}\n");
    g.sim.reduce = REDUCE_REPLICAS;
    assert_false(moves(&g, R2));
    rig_do(&g, MOVE_RESET, R1, -1);
    assert_true(moves(&g, R2)); /* only one of them is connected */
    rig_do(&g, MOVE_RESET, R2, -1);
    g.sim.reduce = 0;
    rig_settle(&g); /* both connect anew */
    g.sim.reduce = REDUCE_REPLICAS;
    assert_false(moves(&g, R2));
    g.w->ledger.acked[R1] ^= 1;
    assert_true(moves(&g, R2));
    g.w->ledger.acked[R1] ^= 1;
    g.w->node[P].runnable |= 1u << (TASK_DUMP + R2);
    assert_true(moves(&g, R2));
    g.w->node[P].runnable &= ~(1u << (TASK_DUMP + R2));
    g.w->node[P].primary.dump[R2].pos ^= 1;
    assert_true(moves(&g, R2));
    g.w->node[P].primary.dump[R2].pos ^= 1;
    g.w->node[R1].receiver.unsynced ^= 1;
    assert_true(moves(&g, R2));
    g.w->node[R1].receiver.unsynced ^= 1;
    uint8_t *in_relay = log_byte(&g.w->node[R1].disk, FILE_RELAY);
    *in_relay ^= 1;
    assert_true(moves(&g, R2));
    *in_relay ^= 1;
    assert_false(moves(&g, R2));
    rig_close(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_ones_are_alike_at_the_start),
        cmocka_unit_test(who_is_chosen_by_number_is_not_alike),
        cmocka_unit_test(other_settings_are_another_replica),
        cmocka_unit_test(what_one_has_done_the_other_may_do_next),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}

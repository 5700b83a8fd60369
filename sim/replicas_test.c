/* Of two replicas that are alike one moves; mirror images are one state; when they are, and when
 * nobody may go by it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/test_sim.h"

#define RESETS  "faults: [{point: net/reset, at_most: 2}, {point: node/kill, of: replica}]\n"
#define MOST    "manager: {on_primary_loss: [failover], promote: most-advanced}\n"
#define ANY     "manager: {on_primary_loss: [failover], promote: any}\n"
#define RESTART "manager: {on_primary_loss: [restart]}\n"
#define KILL    "faults: [{point: node/kill, of: primary}, {point: node/kill, of: replica}]\n"
#define WORK    "workload: {sessions: 1, transactions: 2}\n"

/* As a search begins. */
static void open(struct rig *g, const char *yaml)
{
    rig_open(g, yaml);
    g->sim.reduce = REDUCE_REPLICAS;
    sim_start(&g->sim);
}

/* May the replica be killed? It can be at any time, unless it is left out. */
static bool moves(struct rig *g, uint32_t node)
{
    return rig_may(g, move_key(MOVE_KILL, node, 0, 0));
}

static bool left_out(const char *yaml)
{
    struct rig g;
    open(&g, yaml);
    assert_true(moves(&g, R1));
    bool out = !moves(&g, R2);
    g.sim.reduce = 0;
    sim_start(&g.sim);
    assert_true(moves(&g, R1) && moves(&g, R2));
    rig_close(&g);
    return out;
}

static void equal_ones_are_alike_at_the_start(void **state)
{
    (void)state;
    assert_true(left_out(RIG_TRIO RESETS));
    assert_true(left_out(RIG_TRIO KILL ANY));
    assert_true(left_out(RIG_TRIO KILL MOST));
}

static void other_settings_are_another_replica(void **state)
{
    (void)state;
    assert_false(
        left_out(RIG_HEAD "cluster: {primary: {}, replicas: [{}, {sync_relay_log: 7}]}\n" RESETS));
}

/* Each makes replica r unlike what it was; done twice, like it again. */
static void other_ack(struct world *w, uint32_t r)
{
    w->ledger.acked[r] ^= 1;
}

static void other_sent(struct world *w, uint32_t r)
{
    w->ledger.sent[r] ^= 1;
}

static void other_bits(struct world *w, uint32_t r)
{
    w->ledger.recovered ^= (uint8_t)(1u << r);
}

static void cut_off(struct world *w, uint32_t r)
{
    w->cut_off ^= (uint8_t)(1u << r);
}

static void dump_runs(struct world *w, uint32_t r)
{
    w->node[P].runnable ^= 1u << (TASK_DUMP + r);
}

static void dump_at(struct world *w, uint32_t r)
{
    w->node[P].primary.dump[r].pos ^= 1;
}

static void other_client(struct world *w, uint32_t r)
{
    w->node[P].primary.semisync.clients ^= (uint8_t)(1u << r);
}

static void other_memory(struct world *w, uint32_t r)
{
    w->node[r].receiver.unsynced ^= 1;
}

static void other_packet(struct world *w, uint32_t r)
{
    for (uint32_t i = 0; i < w->conns; i++) {
        if (w->conn[i].used && w->conn[i].replica == r)
            w->conn[i].asked ^= 1;
    }
}

static void other_log(struct world *w, uint32_t r)
{
    struct disk *d = &w->node[r].disk;
    uint32_t at = 0;
    uint32_t i = 0;
    while (i < d->n_files && d->file[i].id.kind != FILE_RELAY)
        at += d->file[i++].high;
    assert_true(i < d->n_files);
    d->bytes[at + d->file[i].size - 1] ^= 1; /* of an event that came from the primary */
    d->file[i].content[0] ^= 1;
}

static void (*const others[])(struct world *, uint32_t) = {
    other_ack, other_sent,   other_bits,   cut_off,      dump_runs,
    dump_at,   other_client, other_memory, other_packet, other_log,
};
enum { OTHERS = sizeof others / sizeof others[0] };

static void change(struct world *w, uint32_t i, uint32_t r)
{
    others[i](w, r);
    for (uint32_t node = 0; node < w->n_nodes; node++)
        node_touch(w, node);
}

static void what_one_has_done_the_other_may_do_next(void **state)
{
    (void)state;
    struct rig g;
    open(&g, RIG_TRIO RESETS WORK);
    assert_false(moves(&g, R2));
    rig_do(&g, MOVE_RESET, R1, -1);
    assert_true(moves(&g, R2)); /* only one of them is connected */
    rig_do(&g, MOVE_RESET, R2, -1);
    g.sim.reduce = 0;
    rig_settle(&g); /* both connect anew */
    g.sim.reduce = REDUCE_REPLICAS;
    assert_false(moves(&g, R2));
    for (uint32_t i = 0; i < OTHERS; i++) {
        change(g.w, i, R1);
        assert_true(moves(&g, R2));
        change(g.w, i, R1);
        assert_false(moves(&g, R2));
    }
    rig_close(&g);
}

/* ---- mirror images --------------------------------------------------------------------------- */

/* Once with R1 changed, once with R2: the hash of one state, or of two? */
static bool one_state(struct rig *g, uint32_t i)
{
    struct hash128 before = world_hash(g->w);
    change(g->w, i, R1);
    struct hash128 a = world_hash(g->w);
    change(g->w, i, R1);
    change(g->w, i, R2);
    struct hash128 b = world_hash(g->w);
    change(g->w, i, R2);
    assert_hash_equal(world_hash(g->w), before);
    assert_false(hashes_equal(a, before)); /* it shows */
    assert_false(hashes_equal(b, before));
    return hashes_equal(a, b);
}

static bool mirror_images_are_one(const char *yaml)
{
    struct rig g;
    open(&g, yaml);
    bool one = one_state(&g, 0);
    for (uint32_t i = 1; i < OTHERS; i++)
        assert_int_equal(one_state(&g, i), one);
    rig_close(&g);
    return one;
}

static void mirror_images_are_one_where_nobody_is_promoted(void **state)
{
    (void)state;
    assert_true(mirror_images_are_one(RIG_TRIO RESETS));
    assert_true(mirror_images_are_one(RIG_TRIO KILL RESTART));
    assert_false(mirror_images_are_one(RIG_TRIO KILL MOST));
    assert_false(mirror_images_are_one(RIG_TRIO KILL ANY));
    assert_false(mirror_images_are_one(
        RIG_HEAD "cluster: {primary: {}, replicas: [{}, {sync_relay_log: 7}]}\n" RESETS));
    assert_false(mirror_images_are_one(
        RIG_HEAD "cluster: {primary: {recovery: read-only}, replicas: [{}, {}]}\n" KILL RESTART));
}

/* Two changes of one replica are not one change of each. */
static void what_belongs_to_one_stays_together(void **state)
{
    (void)state;
    struct rig g;
    open(&g, RIG_TRIO RESETS);
    for (uint32_t i = 0; i < OTHERS; i++) {
        for (uint32_t j = 0; j < i; j++) {
            change(g.w, i, R1);
            change(g.w, j, R1);
            struct hash128 one = world_hash(g.w);
            change(g.w, j, R1);
            change(g.w, j, R2);
            assert_false(hashes_equal(world_hash(g.w), one));
            change(g.w, i, R1);
            change(g.w, j, R2);
        }
    }
    rig_close(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_ones_are_alike_at_the_start),
        cmocka_unit_test(other_settings_are_another_replica),
        cmocka_unit_test(what_one_has_done_the_other_may_do_next),
        cmocka_unit_test(mirror_images_are_one_where_nobody_is_promoted),
        cmocka_unit_test(what_belongs_to_one_stays_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}

/* The block: what a start gives, what a copy keeps, what the hash sees, and that a step is a
 * function of (block, answers) and of nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/peek.h"
#include "sim/test_sim.h"

/* ---- shapes ---------------------------------------------------------------------------------- */

static const char *const shapes[] = {
    RIG_HEAD "cluster: {primary: {}}\n"
             "workload: {sessions: 4, transactions: 6}\n"
             "faults: [{point: node/power, at_most: 2}]\n",
    RIG_PAIR "workload: {sessions: 2, transactions: 4}\n"
             "faults: [{point: node/power, at_most: 2}, {point: net/reset, at_most: 2}]\n",
    RIG_HEAD "cluster: {primary: {wait_point: AFTER_COMMIT, timeout: 1s}, replicas: [{}, {}]}\n"
             "workload: {sessions: 3, transactions: 5}\n"
             "faults: [{point: node/kill, at_most: 3}, {point: net/partition, of: primary}]\n"
             "manager: {promote: any, fence: false, applier: at-promotion}\n",
    RIG_HEAD "cluster: {primary: {wait_point: BEFORE_WRITE, recovery: read-only},\n"
             "          replicas: [{}, {sync_relay_log: 0, relay_log: purge}, {}]}\n"
             "workload: {sessions: 2, transactions: 3}\n"
             "faults: [{point: node/power, of: primary, at_most: 2}]\n"
             "manager: {on_primary_loss: [restart, failover]}\n",
    RIG_HEAD
    "cluster: {primary: {profile: mysql-8.0, innodb_flush_log_at_trx_commit: 2},\n"
    "          replicas: [{receiver: {profile: ackproof}}]}\n"
    "workload: {sessions: 4, transactions: 4}\n"
    "faults: [{point: disk/fsync/fail, at_most: 2}, {point: disk/write/fail, at_most: 2},\n"
    "         {point: node/kill, at_most: 1}]\n",
    RIG_HEAD "cluster: {primary: {profile: mysql-5.7, sync_binlog: 0,\n"
             "                    innodb_flush_log_at_trx_commit: 0},\n"
             "          replicas: [{receiver: {profile: go-mysql-channel}}]}\n"
             "workload: {sessions: 3, transactions: 3}\n"
             "faults: [{point: disk/fsync/lie, at_most: 3}, {point: node/power, at_most: 3}]\n"
             "disk: {reorder: true, tear: true}\n"
             "manager: {on_primary_loss: [restart]}\n",
    RIG_HEAD "cluster: {primary: {profile: mariadb-12.3, binlog_storage_engine: innodb,\n"
             "                    wait_point: AFTER_COMMIT, innodb_flush_log_at_trx_commit: 2},\n"
             "          replicas: [{profile: mariadb-12.3, binlog_storage_engine: innodb}]}\n"
             "workload: {sessions: 2, transactions: 4, large: 1}\n"
             "faults: [{point: node/power, at_most: 2}]\n"
             "manager: {on_primary_loss: [restart, failover], old_primary: rejoins}\n",
    RIG_HEAD "cluster: {primary: {recovery: wait-for-ack}, \n"
             "          replicas: [{receiver: {profile: libmariadb}, relay_log: purge}]}\n"
             "workload: {sessions: 2, transactions: 4}\n"
             "faults: [{point: node/power, at_most: 3}, {point: net/reset, at_most: 1}]\n"
             "disk: {tear: true}\n"
             "manager: {on_primary_loss: [restart]}\n",
    RIG_HEAD "cluster: {primary: {semi_sync: off}, replicas: [{}]}\n"
             "workload: {sessions: 1, transactions: 4}\n"
             "faults: [{point: node/kill, at_most: 2}]\n",
};
enum { SHAPES = sizeof shapes / sizeof shapes[0] };

static void a_start_gives_a_quiet_and_connected_cluster(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < SHAPES; i++) {
        struct rig g;
        struct moves m;
        rig_open(&g, shapes[i]);
        assert_int_equal(world_steps(g.w), 0);
        assert_int_equal(g.sim.violated, 0);
        assert_true(g.w->node[P].primary.serving);
        assert_int_equal(g.w->ledger.elected, P);
        for (uint32_t n = 0; n < g.sc.n_nodes; n++) {
            assert_int_equal(g.w->node[n].state, NODE_UP);
            /* The transaction that is everywhere before the run. */
            if (!rig_sees(&g, n, first_txn(&g.sc)))
                fail_msg("shape %u: node %u lacks the first transaction", i, n);
            assert_false(disk_has_pending(world_disk(g.w, n)));
            assert_ptr_equal(world_disk(g.w, n), &g.w->node[n].disk);
            const struct conn *c = rig_conn(&g, n);
            if (n == P) {
                assert_null(c);
                continue;
            }
            assert_true(c->replica_open && c->primary_open && !c->asked);
            assert_int_equal(c->down_len + c->up_len, 0);
            assert_true(g.w->node[P].primary.dump[n].active);
            assert_int_equal(g.w->node[P].primary.semisync.on, g.sc.node[P].semi_sync_master);
            assert_int_equal(g.w->node[n].receiver.state, RECEIVER_STREAMING);
        }
        for (uint32_t n = g.sc.n_nodes; n < NODES_MAX; n++)
            assert_int_equal(g.w->node[n].state, NODE_DOWN);
        for (uint32_t f = 0; f < g.sc.n_faults; f++)
            assert_int_equal(g.w->budget[f], g.sc.fault[f].at_most);
        /* Only clients can move it on, or faults. */
        moves_list(&g.sim, &m);
        assert_int_equal(m.n - m.faults,
                         g.sc.sessions < g.sc.transactions ? g.sc.sessions : g.sc.transactions);
        for (uint32_t k = 0; k + m.faults < m.n; k++)
            assert_int_equal(m.key[k], move_key(MOVE_CLIENT, k, 0, 0));
        rig_close(&g);
    }
}

static void two_starts_are_equal_whatever_the_block_held(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < SHAPES; i++) {
        struct rig g;
        rig_open(&g, shapes[i]);
        struct sim other = g.sim;
        other.world = rig_block(0x5A);
        sim_start(&other);
        assert_memory_equal(other.world, g.w, world_size());
        assert_hash_equal(world_hash(other.world), world_hash(g.w));
        free(other.world);
        rig_close(&g);
    }
}

/* ---- what the hash sees ---------------------------------------------------------------------- */

/* The hash of each server that the scenario has, from scratch. */
static struct hash128 hash_anew(struct world *w)
{
    for (uint32_t i = 0; i < NODES_MAX; i++) {
        if (w->node[i].state != NODE_DOWN || w->node[i].restarted)
            node_touch(w, i);
    }
    return world_hash(w);
}

/* Changes one byte and looks: `seen` says whether the hash must notice. */
static void poke(struct rig *g, void *at, size_t len, bool seen, const char *what)
{
    uint8_t *byte = at;
    struct hash128 before = hash_anew(g->w);
    for (size_t i = 0; i < len; i++) {
        byte[i] ^= 0x40;
        if (hashes_equal(before, hash_anew(g->w)) == seen)
            fail_msg("%s, byte %zu: the hash %s", what, i,
                     seen ? "does not see it" : "should not see it");
        byte[i] ^= 0x40;
    }
    assert_hash_equal(before, hash_anew(g->w));
}

#define POKE(g, field, seen) poke((g), &(g)->w->field, sizeof(g)->w->field, (seen), #field)

/* In the middle of everything: a group in the cache, bytes in flight, fsyncs under way. */
static void open_busy(struct rig *g)
{
    rig_open(g, RIG_HEAD "cluster: {primary: {wait_point: BEFORE_WRITE},\n"
                         "          replicas: [{receiver: {profile: go-mysql-channel}}]}\n"
                         "workload: {sessions: 2, transactions: 2}\n"
                         "faults: [{point: node/power}]\n");
    rig_do(g, MOVE_CLIENT, 0, -1);
    rig_run(g, P);
    for (uint32_t i = 0; i < 4; i++)
        rig_do(g, MOVE_NET, P, R1);
    rig_do(g, MOVE_CLIENT, 1, -1);
    rig_do(g, MOVE_RUN, P, 1);
    assert_true(g->w->node[P].primary.binlog.cached > 0);
    assert_true(g->w->node[P].io[1].active);
    assert_true(g->w->node[R1].receiver.queued > 0);
    assert_true(rig_conn(g, R1)->up_len + rig_conn(g, R1)->down_len > 0);
}

static void the_hash_sees_all_that_matters(void **state)
{
    (void)state;
    struct rig g;
    open_busy(&g);
    POKE(&g, dead, true);
    POKE(&g, full, true);
    POKE(&g, cut_off, true);
    POKE(&g, budget[0], true);
    POKE(&g, client, true);
    POKE(&g, manager, true);
    POKE(&g, ledger.answered, true);
    POKE(&g, ledger.seen, true);
    POKE(&g, ledger.elected, true);
    POKE(&g, ledger.acked, true);
    POKE(&g, ledger.sent, true);
    struct conn *c = &g.w->conn[0];
    assert_true(c->used);
    poke(&g, &c->replica, 5, true, "ends of a connection");
    poke(&g, c->up, c->up_len, true, "bytes to the primary");
    poke(&g, c->down, c->down_len, true, "bytes to the replica");
    POKE(&g, node[P].state, true);
    POKE(&g, node[P].restarted, true);
    POKE(&g, node[P].boots_as, true);
    POKE(&g, node[P].relay_boot, true);
    POKE(&g, node[R1].follows, true);
    POKE(&g, node[R1].apply_all, true);
    POKE(&g, node[P].runnable, true);
    POKE(&g, node[P].timers, true);
    poke(&g, &g.w->node[P].in_io, 1, true, "who waits for the disk");
    POKE(&g, node[P].io[1], true);
    POKE(&g, node[R1].applier, true);
    poke(&g, &g.w->node[R1].receiver, offsetof(struct receiver, queued), true, "receiver");
    poke(&g, g.w->node[R1].receiver.buffer, g.w->node[R1].receiver.queued, true, "its buffer");
    struct primary *p = &g.w->node[P].primary;
    poke(&g, p, offsetof(struct primary, by), true, "primary");
    p->by[1].state = COMMITTER_READY; /* idle ones are all zeros and not looked at */
    poke(&g, &p->by[1].row, sizeof p->by[1] - 1, true, "a committer");
    poke(&g, &p->semisync, 3, true, "semi-sync");
    poke(&g, &p->semisync.replied, 3 * sizeof(log_pos_t), true, "positions of semi-sync");
    poke(&g, &p->dump[R1].semi_sync, sizeof p->dump[R1] - 1, true, "a dump thread");
    struct binlog *b = &g.w->node[P].primary.binlog;
    poke(&g, &b->num, 1, true, "binlog number");
    poke(&g, &b->len, 8, true, "binlog length");
    poke(&g, &b->end_pos, sizeof b->end_pos + sizeof b->state, true, "binlog end");
    poke(&g, b->cache, b->cached, true, "binlog cache");
    struct engine *e = &g.w->node[P].engine;
    poke(&g, &e->written, 8, true, "ends of the redo log"); /* lengths of arrays are not poked */
    poke(&g, &e->applied, sizeof e->applied, true, "slave position");
    poke(&g, e->row, e->n_rows * sizeof e->row[0], true, "rows");
    rig_close(&g);
}

static void the_hash_does_not_see_what_is_history(void **state)
{
    (void)state;
    struct rig g;
    open_busy(&g);
    POKE(&g, steps, false);
    POKE(&g, ledger.refused, false);
    POKE(&g, node[P].binlog, false); /* follows from the bytes on the disk */
    POKE(&g, node[R1].relay, false);
    const struct conn *c = rig_conn(&g, R1);
    poke(&g, &g.w->conn[0].down[c->down_len], 8, false, "behind the bytes in flight");
    poke(&g, &g.w->conn[0].up[c->up_len], 8, false, "behind the bytes in flight");
    rig_close(&g);
}

static void the_hash_sees_the_disk(void **state)
{
    (void)state;
    struct rig g;
    open_busy(&g);
    struct disk *d = &g.w->node[R1].disk;
    const struct file_id redo = {FILE_REDO, 1};
    const struct file_id backup = {FILE_BACKUP, 1};
    struct hash128 h[8];
    h[0] = hash_anew(g.w);
    assert_int_equal(disk_write(d, redo, 3, (const uint8_t *)"\xEE", 1), DISK_OK);
    h[1] = hash_anew(g.w);
    assert_int_equal(disk_make_durable(d, redo, DISK_NOW), DISK_OK);
    h[2] = hash_anew(g.w);
    assert_int_equal(disk_create(d, backup), DISK_OK);
    h[3] = hash_anew(g.w);
    assert_int_equal(disk_make_durable(d, backup, DISK_NOW), DISK_OK);
    h[4] = hash_anew(g.w);
    assert_int_equal(disk_unlink(d, backup), DISK_OK);
    h[5] = hash_anew(g.w);
    for (uint32_t i = 0; i < 6; i++) {
        for (uint32_t j = 0; j < i; j++)
            assert_false(hashes_equal(h[i], h[j]));
    }
    rig_close(&g);
}

/* ---- random walks ---------------------------------------------------------------------------- */

/* The histories that were kept up step by step are those that the bytes on the disk give. */
static void check_histories(struct rig *g)
{
    for (uint32_t i = 0; i < g->sc.n_nodes; i++) {
        struct node *n = &g->w->node[i];
        const struct history binlog = n->binlog;
        const struct history relay = n->relay;
        node_reread(&g->sim, i);
        assert_int_equal(n->binlog.n, binlog.n);
        assert_int_equal(n->relay.n, relay.n);
        assert_memory_equal(n->binlog.at, binlog.at, binlog.n * sizeof binlog.at[0]);
        assert_memory_equal(n->relay.at, relay.at, relay.n * sizeof relay.at[0]);
        assert_int_equal(n->binlog.broken, binlog.broken);
        assert_int_equal(n->relay.broken, relay.broken);
        assert_int_equal(history_mask(&n->binlog), history_mask(&binlog));
        n->binlog = binlog;
        n->relay = relay;
    }
}

/* Goes on from here in a copy that was laid into garbage, with the answers that the walk itself
 * is going to get, and hands back the state after `steps`. */
static struct hash128 run_copy(const struct rig *g, struct walker k, uint32_t steps, int fill,
                               struct world *block)
{
    memset(block, fill, world_size());
    world_copy(block, g->w);
    assert_hash_equal(world_hash(block), world_hash(g->w));
    assert_int_equal(world_steps(block), world_steps(g->w));
    struct sim s = {.scenario = &g->sc, .world = block, .chooser = &k.base};
    while (steps-- > 0 && sim_step(&s) == STEP_MOVED) {
    }
    return hash_anew(block);
}

enum { WALK = 300, AHEAD = 12 };

/* One run of at most `left` steps; how many it had. */
static uint32_t walk(struct rig *g, struct walker *k, uint32_t left, struct world *block)
{
    struct hash128 ahead[AHEAD];
    uint32_t n = 0;
    g->sim.chooser = &k->base;
    sim_start(&g->sim);
    for (; n < left; n++) {
        struct hash128 one = run_copy(g, *k, 1, 0xA5, block);
        if (n >= AHEAD)
            assert_hash_equal(world_hash(g->w), ahead[n % AHEAD]);
        ahead[n % AHEAD] = run_copy(g, *k, AHEAD, n % 2 == 0 ? 0xA5 : 0xFF, block);
        enum step_result r = sim_step(&g->sim);
        if (r != STEP_MOVED)
            break;
        struct hash128 kept = world_hash(g->w);
        assert_hash_equal(kept, one);
        assert_hash_equal(kept, hash_anew(g->w));
        check_histories(g);
    }
    return n;
}

static void a_step_is_a_function_of_block_and_answers(void **state)
{
    (void)state;
    struct world *block = rig_block(0);
    for (uint32_t i = 0; i < SHAPES; i++) {
        struct rig g;
        rig_open(&g, shapes[i]);
        struct walker k = {.base = {.pick = walker_pick}, .seed = 1000 + i};
        uint32_t left = 2 * WALK;
        while (left > 0)
            left -= walk(&g, &k, left, block);
        rig_close(&g);
    }
    free(block);
}

/* Two blocks with everything that is not in use made equal. */
static void assert_same_contents(const struct world *a, const struct world *b)
{
    struct world *x = rig_block(0);
    struct world *y = rig_block(0);
    (void)world_hash(a);
    (void)world_hash(b);
    world_copy(x, a);
    world_copy(y, b);
    assert_memory_equal(x, y, world_size());
    free(x);
    free(y);
}

/* A block that went some steps ahead and was taken back is a copy again, whichever way it went. */
static void an_undo_is_as_good_as_a_copy(void **state)
{
    (void)state;
    struct world *block = rig_block(0xA5);
    for (uint32_t i = 0; i < SHAPES; i++) {
        struct rig g;
        rig_open(&g, shapes[i]);
        struct walker k = {.base = {.pick = walker_pick}, .seed = 5000 + i};
        struct walker other = {.base = {.pick = walker_pick}, .seed = 6000 + i};
        struct sim ahead = {.scenario = &g.sc, .world = block, .chooser = &other.base};
        for (uint32_t left = WALK; left > 0;) {
            g.sim.chooser = &k.base;
            sim_start(&g.sim);
            do {
                world_copy(block, g.w);
                for (uint32_t n = 0; n < 6; n++) {
                    for (uint32_t step = 0; step <= n / 2; step++)
                        (void)sim_step(&ahead);
                    world_undo(block, g.w);
                    assert_same_contents(block, g.w);
                }
                left--;
            } while (left > 0 && sim_step(&g.sim) == STEP_MOVED);
        }
        rig_close(&g);
    }
    free(block);
}

/* ---- the diamond: steps of two servers with nothing on the way between them --------------------
 * */

static bool is_local(uint32_t key)
{
    return key >> 24 == MOVE_RUN || key >> 24 == MOVE_DISK;
}

static struct hash128 both_orders(const struct rig *g, uint32_t a, uint32_t b, struct world *block,
                                  invariant_mask *broken)
{
    struct rig h = *g;
    h.w = block;
    h.sim.world = block;
    h.sim.chooser = &h.base;
    world_copy(block, g->w);
    rig_forget(&h);
    rig_take(&h, a);
    assert_true(rig_may(&h, b)); /* neither disables the other */
    rig_take(&h, b);
    *broken = h.violated;
    /* Of a commit that ends without waiting any longer, the judges keep whether its ACKs had been
     * sent by then: that is the one thing that tells the order. */
    for (uint32_t i = 0; i < block->n_nodes; i++)
        block->node[i].acked = 0;
    return hash_anew(block);
}

static uint32_t check_diamonds(const struct rig *g, struct world *block)
{
    struct moves m;
    uint32_t n = 0;
    moves_list(&g->sim, &m);
    for (uint32_t i = 0; i < m.n; i++) {
        for (uint32_t j = 0; j < i; j++) {
            uint32_t a = m.key[i];
            uint32_t b = m.key[j];
            invariant_mask ab = 0;
            invariant_mask ba = 0;
            if (!is_local(a) || !is_local(b) || (a >> 16 & 255) == (b >> 16 & 255))
                continue;
            struct hash128 one = both_orders(g, a, b, block, &ab);
            struct hash128 two = both_orders(g, b, a, block, &ba);
            if (!hashes_equal(one, two) || ab != ba) {
                print_error("%s and ", rig_move_text(a));
                print_error("%s\n", rig_move_text(b));
            }
            assert_hash_equal(one, two);
            assert_int_equal(ab, ba);
            n++;
        }
    }
    return n;
}

static void independent_steps_of_two_servers_commute(void **state)
{
    (void)state;
    struct world *block = rig_block(0xA5);
    uint32_t pairs = 0;
    for (uint32_t i = 0; i < SHAPES; i++) {
        struct rig g;
        rig_open(&g, shapes[i]);
        struct walker k = {.base = {.pick = walker_pick}, .seed = 77 + i};
        for (uint32_t left = 2 * WALK; left > 0;) {
            g.sim.chooser = &k.base;
            sim_start(&g.sim);
            while (left > 0 && sim_step(&g.sim) == STEP_MOVED) {
                left--;
                g.sim.chooser = &g.base;
                pairs += check_diamonds(&g, block);
                g.sim.chooser = &k.base;
            }
        }
        rig_close(&g);
    }
    assert_true(pairs > 200); /* it was tried */
    free(block);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_start_gives_a_quiet_and_connected_cluster),
        cmocka_unit_test(two_starts_are_equal_whatever_the_block_held),
        cmocka_unit_test(the_hash_sees_all_that_matters),
        cmocka_unit_test(the_hash_does_not_see_what_is_history),
        cmocka_unit_test(the_hash_sees_the_disk),
        cmocka_unit_test(a_step_is_a_function_of_block_and_answers),
        cmocka_unit_test(an_undo_is_as_good_as_a_copy),
        cmocka_unit_test(independent_steps_of_two_servers_commute),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}

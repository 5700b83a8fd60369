/* Which move goes first and which does not, what a step of a search then makes in one go, and what
 * a hash forgets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/test_sim.h"

#define TWO    "workload: {sessions: 2, transactions: 2}\n"
#define LOSE_P "faults: [{point: node/power, of: primary}]\n"
#define LOSE_R "faults: [{point: node/power, of: replica}]\n"

/* What goes first; the reductions are on only to look, so that the hand can take every move. */
static uint32_t first_of(struct rig *g, uint32_t reduce)
{
    g->sim.reduce = reduce;
    uint32_t key = moves_first(&g->sim);
    g->sim.reduce = 0;
    return key;
}

/* A group lies in the relay log of R1, complete and not applied. */
static void open_behind(struct rig *g, const char *yaml)
{
    rig_open(g, yaml);
    rig_do(g, MOVE_CLIENT, 0, -1);
    rig_run(g, P);
    rig_receive(g, P, R1);
    assert_int_equal(g->w->node[R1].behind, 1);
}

static void the_applier_of_a_safe_replica(void **state)
{
    (void)state;
    struct rig g;
    uint32_t run = move_key(MOVE_RUN, R1, TASK_APPLIER, 0);
    open_behind(&g, RIG_PAIR TWO LOSE_P);
    assert_int_equal(first_of(&g, 0), 0); /* only where a search asks for it */
    assert_int_equal(first_of(&g, REDUCE_ALL & ~(uint32_t)REDUCE_APPLIER), 0);
    assert_int_equal(first_of(&g, REDUCE_APPLIER), run);
    g.w->node[R1].primary.serving = 1;
    assert_int_equal(first_of(&g, REDUCE_APPLIER), 0);
    g.w->node[R1].primary.serving = 0;
    g.w->manager.primary = R1;
    assert_int_equal(first_of(&g, REDUCE_APPLIER), 0);
    g.w->manager.primary = P;
    g.w->conn[g.w->conns++] = (struct conn){.used = 1, .asked = 1, .primary = R1};
    assert_int_equal(first_of(&g, REDUCE_APPLIER), 0); /* somebody is about to replicate from it */
    g.w->conn[--g.w->conns].used = 0;
    rig_do(&g, MOVE_RUN, R1, TASK_APPLIER);
    assert_int_equal(first_of(&g, REDUCE_APPLIER), move_key(MOVE_DISK, R1, TASK_APPLIER, 0));
    rig_close(&g);
    /* Something may still strike it. */
    static const char *const dangers[] = {
        LOSE_R,
        "faults: [{point: node/kill}]\n",
        "faults: [{point: disk/fsync/fail, of: replica}]\n",
        "faults: [{point: disk/fsync/lie, of: any}, {point: node/power, of: replica}]\n",
        "faults: [{point: disk/write/fail, of: replica}]\n",
        "operator: [{do: stop-slave, of: replica}]\n",
    };
    for (size_t i = 0; i < sizeof dangers / sizeof dangers[0]; i++) {
        char yaml[512];
        snprintf(yaml, sizeof yaml, RIG_PAIR TWO "%s", dangers[i]);
        open_behind(&g, yaml);
        assert_int_equal(first_of(&g, REDUCE_APPLIER), 0);
        memset(g.w->budget, 0, sizeof g.w->budget);
        memset(g.w->operator_left, 0, sizeof g.w->operator_left);
        assert_int_equal(first_of(&g, REDUCE_APPLIER), run);
        rig_close(&g);
    }
}

/* Delivers to R1 until its fsync is under way with an event that ends its group, or does not. */
static void receive_until(struct rig *g, bool group_ends)
{
    const struct receiver *r = &g->w->node[R1].receiver;
    for (uint32_t n = 0; n < 16; n++) {
        if (rig_find(g, MOVE_DISK, R1, TASK_RECEIVER) == 0)
            rig_do(g, MOVE_NET, P, R1);
        bool writing = rig_find(g, MOVE_DISK, R1, TASK_RECEIVER) != 0;
        if (writing && (r->scan.open == 0) == group_ends)
            return;
        if (writing)
            rig_do(g, MOVE_DISK, R1, TASK_RECEIVER);
    }
    fail();
}

static void open_sent(struct rig *g, const char *yaml)
{
    rig_open(g, yaml);
    rig_do(g, MOVE_CLIENT, 0, -1);
    rig_run(g, P);
}

static void the_receiver_within_a_group(void **state)
{
    (void)state;
    struct rig g;
    uint32_t disk = move_key(MOVE_DISK, R1, TASK_RECEIVER, 0);
    open_sent(&g, RIG_PAIR TWO LOSE_P);
    assert_int_equal(first_of(&g, REDUCE_RECEIVER), 0); /* it may yet lose what is on the way */
    receive_until(&g, false);
    assert_int_equal(first_of(&g, REDUCE_RECEIVER), disk);
    receive_until(&g, true); /* an ACK stands behind it */
    assert_int_equal(first_of(&g, REDUCE_RECEIVER), 0);
    rig_close(&g);
    open_sent(&g, RIG_HEAD "cluster: {primary: {semi_sync: off}, replicas: [{}]}\n" TWO LOSE_P);
    receive_until(&g, false);
    assert_int_equal(first_of(&g, REDUCE_RECEIVER), disk);
    receive_until(&g, true); /* no ACK; but whom a manager chooses goes by the position */
    assert_int_equal(first_of(&g, REDUCE_RECEIVER), 0);
    rig_close(&g);
}

static void the_receiver_out_of_danger(void **state)
{
    (void)state;
    struct rig g;
    open_sent(&g, RIG_PAIR TWO);
    uint32_t net = first_of(&g, REDUCE_RECEIVER);
    assert_int_equal(net, rig_find(&g, MOVE_NET, P, R1));
    rig_do(&g, MOVE_NET, P, R1);
    receive_until(&g, true);
    assert_int_equal(first_of(&g, REDUCE_RECEIVER), move_key(MOVE_DISK, R1, TASK_RECEIVER, 0));
    rig_close(&g);
    static const char *const dangers[] = {LOSE_P, "faults: [{point: net/reset}]\n",
                                          "faults: [{point: net/partition, of: primary}]\n",
                                          "operator: [{do: kill-session}]\n"};
    for (size_t i = 0; i < sizeof dangers / sizeof dangers[0]; i++) {
        char yaml[512];
        snprintf(yaml, sizeof yaml, RIG_PAIR TWO "%s", dangers[i]);
        open_sent(&g, yaml);
        assert_int_equal(first_of(&g, REDUCE_RECEIVER), 0);
        memset(g.w->budget, 0, sizeof g.w->budget);
        memset(g.w->operator_left, 0, sizeof g.w->operator_left);
        assert_int_equal(first_of(&g, REDUCE_RECEIVER), net);
        g.w->cut_off = 1;
        assert_int_equal(first_of(&g, REDUCE_RECEIVER), 0);
        rig_close(&g);
    }
}

static void the_start_of_a_safe_replica(void **state)
{
    (void)state;
    static const struct {
        const char *replica, *fault;
        bool first;
    } t[] = {
        {"", "{point: node/kill, of: replica}", true},
        {"", "{point: node/kill, of: replica, at_most: 2}", false},
        {"relay_log: purge", "{point: node/kill, of: replica}", true},
        {"init_rpl_role: SLAVE", "{point: node/kill, of: replica}", false},
        /* The lie is asked for within the move, whenever that is made. */
        {"", "{point: node/kill, of: replica}, {point: disk/fsync/lie, of: replica}", true},
    };
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        struct rig g;
        char yaml[512];
        snprintf(yaml, sizeof yaml,
                 RIG_HEAD "cluster: {primary: {}, replicas: [{%s}]}\n" TWO "faults: [%s]\n",
                 t[i].replica, t[i].fault);
        rig_open(&g, yaml);
        rig_do(&g, MOVE_KILL, R1, -1);
        uint32_t start = rig_find(&g, MOVE_START, R1, -1);
        assert_int_not_equal(start, 0);
        assert_int_equal(first_of(&g, REDUCE_BOOT), t[i].first ? start : 0);
        rig_do(&g, MOVE_START, R1, -1);
        uint32_t disk = rig_find(&g, MOVE_DISK, R1, TASK_BOOT);
        assert_int_not_equal(disk, 0);
        assert_int_equal(first_of(&g, REDUCE_BOOT), t[i].first ? disk : 0);
        g.w->manager.state = MANAGER_APPLY; /* it would be given up */
        assert_int_equal(first_of(&g, REDUCE_BOOT), 0);
        rig_close(&g);
    }
}

/* A primary that may come back compares what its replica holds with what it holds itself. */
static void a_purging_start_beside_a_restart(void **state)
{
    (void)state;
    struct rig g;
    rig_open(&g, RIG_HEAD "cluster: {primary: {}, replicas: [{relay_log: purge}]}\n" TWO
                          "faults: [{point: node/kill, of: replica}]\n"
                          "manager: {on_primary_loss: [restart]}\n");
    rig_do(&g, MOVE_KILL, R1, -1);
    assert_int_equal(first_of(&g, REDUCE_BOOT), 0);
    rig_close(&g);
}

static void what_was_sent_arrives(void **state)
{
    (void)state;
    struct rig g;
    uint32_t disk = move_key(MOVE_DISK, R1, TASK_RECEIVER, 0);
    open_sent(&g, RIG_PAIR TWO LOSE_P);
    assert_int_equal(first_of(&g, REDUCE_ALL & ~(uint32_t)REDUCE_STREAM), 0);
    for (uint32_t n = 0; n < 16 && g.w->conn[0].up_len == 0; n++) {
        uint32_t first = first_of(&g, REDUCE_STREAM); /* all of it, up to the ACK */
        assert_true(first == disk || first == rig_find(&g, MOVE_NET, P, R1));
        rig_take(&g, first);
    }
    assert_int_not_equal(g.w->conn[0].up_len, 0);
    assert_int_equal(first_of(&g, REDUCE_STREAM), 0);
    rig_close(&g);
    /* The last packet, or its fsync, shows: within the group nothing does. */
    static const struct {
        const char *yaml;
        bool arrives; /* the last packet goes first */
    } t[] = {
        {RIG_PAIR TWO LOSE_R, true}, /* the fsync decides what is left of it */
        {RIG_PAIR TWO "faults: [{point: disk/fsync/fail, of: replica}]\n", false},
        {RIG_PAIR TWO LOSE_P "manager: {verify: false}\n", false},
        {RIG_PAIR TWO LOSE_P "operator: [{do: stop-slave, of: replica}]\n", false},
        {RIG_HEAD "cluster: {primary: {timeout: 10s}, replicas: [{}]}\n" TWO LOSE_P, false},
        {RIG_HEAD "cluster: {primary: {sync_binlog: 0}, replicas: [{}]}\n" TWO LOSE_P, false},
    };
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        open_sent(&g, t[i].yaml);
        receive_until(&g, false);
        assert_int_equal(first_of(&g, REDUCE_STREAM), disk);
        for (uint32_t n = 0; n < 16 && g.w->node[R1].receiver.pos.at[0].seq == 1; n++) {
            uint32_t first = first_of(&g, REDUCE_STREAM);
            if (first == 0)
                break;
            rig_take(&g, first);
        }
        const struct receiver *r = &g.w->node[R1].receiver;
        assert_int_equal(r->scan.open == 0, t[i].arrives);
        assert_int_equal(r->ack_due, t[i].arrives);
        rig_close(&g);
    }
}

static void a_replica_is_let_in(void **state)
{
    (void)state;
    struct rig g;
    rig_open(&g, RIG_PAIR TWO "faults: [{point: node/kill, of: replica}]\n");
    rig_do(&g, MOVE_KILL, R1, -1);
    rig_do(&g, MOVE_NET_DOWN, P, R1);
    rig_do(&g, MOVE_START, R1, -1);
    rig_run(&g, R1);
    static const enum move_kind way[] = {MOVE_NET_OPEN, MOVE_NET, MOVE_RUN};
    for (size_t i = 0; i < sizeof way / sizeof way[0]; i++) {
        uint32_t first = first_of(&g, REDUCE_JOIN);
        assert_int_equal(first >> 24, way[i]);
        g.w->budget[0] = 1; /* it may be killed again */
        assert_int_equal(first_of(&g, REDUCE_JOIN), 0);
        g.w->budget[0] = 0;
        g.w->manager.state = MANAGER_STARTING;
        assert_int_equal(first_of(&g, REDUCE_JOIN), 0);
        g.w->manager.state = MANAGER_WATCH;
        rig_take(&g, first);
    }
    assert_int_equal(first_of(&g, REDUCE_JOIN), 0); /* what it is sent is another matter */
    rig_close(&g);
}

static void a_primary_that_is_cut_off_is_given_up(void **state)
{
    (void)state;
    struct rig g;
    rig_open(&g, RIG_PAIR TWO "faults: [{point: net/partition, of: primary}]\n"
                              "manager: {fence: false}\n");
    assert_int_equal(first_of(&g, REDUCE_LOSS), 0);
    rig_do(&g, MOVE_PARTITION, P, -1);
    static const enum move_kind way[] = {MOVE_NET_DOWN, MOVE_NET_DOWN, MOVE_MANAGER, MOVE_MANAGER,
                                         MOVE_MANAGER};
    for (size_t i = 0; i < sizeof way / sizeof way[0]; i++) {
        uint32_t first = first_of(&g, REDUCE_LOSS);
        assert_int_equal(first >> 24, way[i]);
        rig_take(&g, first);
    }
    assert_int_equal(g.w->manager.state, MANAGER_APPLY); /* the promotion others can tell */
    assert_int_equal(first_of(&g, REDUCE_LOSS), 0);
    rig_close(&g);
}

static void a_loss_is_noticed(void **state)
{
    (void)state;
    struct rig g;
    open_sent(&g, RIG_PAIR TWO "faults: [{point: node/kill, at_most: 2}]\n");
    rig_do(&g, MOVE_KILL, P, -1);
    assert_int_equal(first_of(&g, REDUCE_LOSS), 0); /* it may yet read what had arrived */
    rig_receive(&g, P, R1);
    assert_int_equal(first_of(&g, REDUCE_LOSS), rig_find(&g, MOVE_NET_DOWN, R1, P));
    g.w->node[R1].receiver.queued = 1;
    assert_int_equal(first_of(&g, REDUCE_LOSS), 0); /* half a group may lie in its buffer */
    rig_close(&g);
    open_sent(&g, RIG_PAIR TWO "faults: [{point: node/kill, at_most: 2}]\n");
    rig_receive(&g, P, R1); /* its ACK is on the way */
    rig_do(&g, MOVE_KILL, R1, -1);
    assert_int_equal(first_of(&g, REDUCE_LOSS), 0);
    while (rig_find(&g, MOVE_NET, R1, P) != 0)
        rig_do(&g, MOVE_NET, R1, P);
    assert_int_equal(first_of(&g, REDUCE_LOSS), rig_find(&g, MOVE_NET_DOWN, P, R1));
    g.sc.node[P].wait_no_slave = false; /* who waits for an ACK would be let go */
    assert_int_equal(first_of(&g, REDUCE_LOSS), 0);
    rig_close(&g);
}

/* The first of what is possible, counted. */
struct counting {
    struct chooser base;
    uint32_t moves, alone;
};

static uint32_t count_pick(struct chooser *c, enum choice what, uint32_t n, const uint32_t *keys)
{
    struct counting *k = (struct counting *)c;
    (void)keys;
    k->moves += what == CHOOSE_MOVE;
    k->alone += what == CHOOSE_MOVE && n == 1;
    return 0;
}

static void what_has_no_choice_is_one_step(void **state)
{
    (void)state;
    struct rig g;
    struct counting k = {.base = {.pick = count_pick}};
    rig_open(&g, RIG_PAIR "workload: {sessions: 1, transactions: 1}\n");
    g.sim.chooser = &k.base;
    uint32_t steps = 0;
    while (sim_step(&g.sim) == STEP_MOVED)
        steps++;
    assert_int_equal(steps, k.moves);
    assert_true(steps > 20 && k.alone > 0);
    struct hash128 end = world_hash(g.w);
    sim_start(&g.sim);
    g.sim.reduce = REDUCE_ALL;
    uint32_t all = k.moves;
    k.moves = k.alone = steps = 0;
    while (sim_step(&g.sim) == STEP_MOVED)
        steps++;
    assert_int_equal(k.moves, all); /* each move is asked for and recorded as before */
    assert_true(steps <= k.moves - k.alone + 1);
    assert_true(rig_sees(&g, R1, 0));
    assert_hash_equal(world_hash(g.w), end);
    rig_close(&g);
}

/* What stands on the disk of a server that is never started again is nobody's business. */
static void the_gone_are_forgotten(void **state)
{
    (void)state;
    for (uint32_t rejoins = 0; rejoins < 2; rejoins++) {
        struct rig g;
        rig_open(&g, rejoins ? RIG_PAIR TWO LOSE_P "manager: {old_primary: rejoins}\n"
                             : RIG_PAIR TWO LOSE_P);
        g.sim.reduce = REDUCE_GONE;
        sim_start(&g.sim);
        g.sim.reduce = 0;
        for (uint32_t fenced = 0; fenced < 3; fenced++) {
            struct hash128 before = world_hash(g.w);
            g.w->node[P].disk.file[0].size ^= 1;
            node_touch(g.w, P);
            assert_int_equal(hashes_equal(world_hash(g.w), before), fenced == 2 && !rejoins);
            g.w->node[P].disk.file[0].size ^= 1;
            node_touch(g.w, P);
            if (fenced == 0)
                rig_do(&g, MOVE_POWER, P, -1);
            while (fenced == 1 && (g.w->manager.discarded & 1) == 0)
                rig_take(&g, rig_find(&g, MOVE_NET_DOWN, R1, -1) != 0
                                 ? rig_find(&g, MOVE_NET_DOWN, R1, -1)
                                 : rig_find(&g, MOVE_MANAGER, -1, -1));
            if (fenced == 1)
                memset(g.w->conn, 0, sizeof g.w->conn); /* R1 has given up on it */
        }
        rig_close(&g);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_applier_of_a_safe_replica),
        cmocka_unit_test(the_receiver_within_a_group),
        cmocka_unit_test(the_receiver_out_of_danger),
        cmocka_unit_test(the_start_of_a_safe_replica),
        cmocka_unit_test(a_purging_start_beside_a_restart),
        cmocka_unit_test(what_was_sent_arrives),
        cmocka_unit_test(a_replica_is_let_in),
        cmocka_unit_test(a_primary_that_is_cut_off_is_given_up),
        cmocka_unit_test(a_loss_is_noticed),
        cmocka_unit_test(what_has_no_choice_is_one_step),
        cmocka_unit_test(the_gone_are_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}

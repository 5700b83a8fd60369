/* Connections: order, what a death, a reset and a partition leave, zombies, and full buffers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "format/packet.h"
#include "sim/test_sim.h"

#define WORK "workload: {sessions: 2, transactions: 2}\n"

/* T1 is published and on its way to every replica. */
static void open_sent(struct rig *g, const char *yaml)
{
    rig_open(g, yaml);
    rig_do(g, MOVE_CLIENT, 0, -1);
    rig_run(g, P);
    assert_true(rig_conn(g, R1)->down_len > 0);
}

static uint32_t packets(const uint8_t *queue, uint32_t len)
{
    uint32_t n = 0;
    for (uint32_t at = 0; at < len; n++)
        at += 2 + ((uint32_t)queue[at] | (uint32_t)queue[at + 1] << 8);
    return n;
}

static void packets_arrive_in_order_on_each_connection(void **state)
{
    (void)state;
    struct rig g;
    open_sent(&g, RIG_TRIO WORK);
    uint8_t queue[CONN_DOWN_MAX];
    const struct conn *one = rig_conn(&g, R1);
    const struct conn *two = rig_conn(&g, R2);
    uint32_t other = two->down_len;
    assert_int_equal(packets(one->down, one->down_len), 4); /* GTID, table map, row, XID */
    uint32_t end = 0;
    while (one->down_len > 0) {
        uint32_t had = one->down_len;
        memcpy(queue, one->down, had);
        uint32_t first = 2 + ((uint32_t)queue[0] | (uint32_t)queue[1] << 8);
        rig_do(&g, MOVE_NET, P, R1);
        assert_int_equal(one->down_len, had - first); /* the oldest left, the rest moved up */
        assert_memory_equal(one->down, queue + first, one->down_len);
        rig_do(&g, MOVE_DISK, R1, TASK_RECEIVER);
        assert_true(g.w->node[R1].receiver.primary_off > end);
        end = g.w->node[R1].receiver.primary_off;
    }
    assert_int_equal(two->down_len, other); /* nobody else's business */
    assert_int_equal(packets(one->up, one->up_len), 1);
    rig_close(&g);
}

/* A replica takes no packet while it handles one: the socket buffer holds it. */
static void a_busy_receiver_leaves_packets_in_the_socket(void **state)
{
    (void)state;
    struct rig g;
    open_sent(&g, RIG_PAIR WORK);
    rig_do(&g, MOVE_NET, P, R1);
    assert_true(rig_conn(&g, R1)->down_len > 0);
    assert_int_equal(rig_find(&g, MOVE_NET, P, R1), 0);
    rig_do(&g, MOVE_DISK, R1, TASK_RECEIVER);
    assert_int_not_equal(rig_find(&g, MOVE_NET, P, R1), 0);
    rig_close(&g);
}

static void a_dead_primary_had_sent_what_had_arrived(void **state)
{
    (void)state;
    struct rig g;
    open_sent(&g, RIG_PAIR WORK "faults: [{point: node/kill, of: primary}]\n");
    rig_do(&g, MOVE_KILL, P, -1);
    const struct conn *c = rig_conn(&g, R1);
    assert_true(c->replica_open && !c->primary_open && c->down_len > 0);
    assert_int_not_equal(rig_find(&g, MOVE_NET_DOWN, R1, P), 0); /* or it notices at once */
    while (rig_find(&g, MOVE_NET, P, R1) != 0) {
        rig_do(&g, MOVE_NET, P, R1);
        rig_do(&g, MOVE_DISK, R1, TASK_RECEIVER);
    }
    assert_non_null(history_find(&g.w->node[R1].relay, 0));
    assert_int_equal(c->up_len, 0); /* its ACK has nowhere to go */
    rig_do(&g, MOVE_NET_DOWN, R1, P);
    c = rig_conn(&g, R1);
    assert_true(c->asked); /* it tries again */
    assert_int_equal(rig_find(&g, MOVE_NET_OPEN, -1, -1), 0);
    rig_close(&g);
}

static void noticing_a_dead_primary_drops_what_was_not_read(void **state)
{
    (void)state;
    struct rig g;
    open_sent(&g, RIG_PAIR WORK "faults: [{point: node/kill, of: primary}]\n");
    rig_do(&g, MOVE_KILL, P, -1);
    rig_do(&g, MOVE_NET_DOWN, R1, P);
    assert_int_equal(rig_find(&g, MOVE_NET, -1, -1), 0);
    assert_null(history_find(&g.w->node[R1].relay, 0));
    rig_close(&g);
}

static void a_dead_replica_had_sent_its_ack(void **state)
{
    (void)state;
    struct rig g;
    open_sent(&g, RIG_PAIR WORK "faults: [{point: node/kill, of: replica}]\n"
                                "manager: {restart_replicas: false}\n");
    rig_receive(&g, P, R1);
    rig_do(&g, MOVE_KILL, R1, -1);
    const struct conn *c = rig_conn(&g, R1);
    assert_true(!c->replica_open && c->primary_open && c->up_len > 0);
    assert_int_equal(c->down_len, 0);
    /* The dump thread has not noticed and goes on sending into the void. */
    rig_do(&g, MOVE_CLIENT, 1, -1);
    rig_run(&g, P);
    assert_int_equal(c->down_len, 0);
    assert_int_not_equal(rig_find(&g, MOVE_NET_DOWN, P, R1), 0);
    rig_do(&g, MOVE_NET, R1, P);
    assert_true(rig_reached(&g, REACH_ACK_COUNTED));
    rig_do(&g, MOVE_NET_DOWN, P, R1);
    assert_null(rig_conn(&g, R1));
    assert_false(g.w->node[P].primary.dump[R1].active);
    rig_settle(&g);
    assert_true(rig_sees(&g, P, 0));
    assert_false(rig_sees(&g, P, 1));
    assert_false(g.w->full);
    rig_close(&g);
}

static void a_reset_drops_both_directions(void **state)
{
    (void)state;
    struct rig g;
    open_sent(&g, RIG_PAIR WORK "faults: [{point: net/reset}]\n");
    rig_receive(&g, P, R1); /* an ACK is on its way up */
    rig_do(&g, MOVE_CLIENT, 1, -1);
    rig_run(&g, P); /* and T2 on its way down */
    const struct conn *c = rig_conn(&g, R1);
    assert_true(c->up_len > 0 && c->down_len > 0);
    rig_do(&g, MOVE_RESET, R1, P);
    assert_int_equal(rig_find(&g, MOVE_NET, -1, -1), 0);
    assert_false(g.w->node[P].primary.dump[R1].active);
    assert_int_equal(g.w->node[P].primary.semisync.clients, 0);
    c = rig_conn(&g, R1);
    assert_true(c->asked && !c->replica_open && !c->primary_open);
    assert_int_equal(c->up_len + c->down_len, 0);
    rig_settle(&g); /* the request stands in for the lost ACK only behind what was sent */
    assert_int_equal(g.w->node[R1].receiver.state, RECEIVER_STREAMING);
    assert_non_null(history_find(&g.w->node[R1].relay, 1));
    rig_close(&g);
}

static void a_partition_stalls_and_loses_nothing(void **state)
{
    (void)state;
    struct rig g;
    open_sent(&g, RIG_TRIO WORK "faults: [{point: net/partition, of: primary}]\n");
    rig_receive(&g, P, R1);
    uint32_t down = rig_conn(&g, R2)->down_len;
    uint32_t up = rig_conn(&g, R1)->up_len;
    assert_true(down > 0 && up > 0);
    rig_do(&g, MOVE_PARTITION, P, -1);
    assert_int_equal(rig_find(&g, MOVE_NET, -1, -1), 0);
    assert_int_equal(rig_conn(&g, R2)->down_len, down);
    assert_int_equal(rig_conn(&g, R1)->up_len, up);
    assert_true(net_reachable(g.w, R1, R2));
    assert_true(net_reachable(g.w, P, P));
    assert_false(net_reachable(g.w, R1, P));
    /* Clients still reach it; a replica may give the connection up, and cannot make another. */
    rig_do(&g, MOVE_CLIENT, 1, -1);
    rig_do(&g, MOVE_NET_DOWN, R1, P);
    assert_int_equal(rig_find(&g, MOVE_NET_OPEN, -1, -1), 0);
    assert_false(rig_sees(&g, P, 0));
    rig_close(&g);
}

/* facts 2.1: kill_zombie_dump_threads */
static void a_zombie_dump_thread_is_replaced(void **state)
{
    (void)state;
    struct rig g;
    open_sent(&g, RIG_PAIR WORK "faults: [{point: node/kill, of: replica}]\n");
    rig_do(&g, MOVE_KILL, R1, -1);
    assert_int_equal(rig_conn(&g, R1)->down_len, 0); /* nobody will ever read it */
    rig_do(&g, MOVE_START, R1, -1);
    rig_run(&g, R1);
    assert_int_equal(g.w->ledger.sent[R1], 0); /* what it was sent in its last life is gone */
    assert_true(g.w->node[P].primary.dump[R1].active); /* not noticed yet */
    assert_int_not_equal(rig_find(&g, MOVE_NET_DOWN, P, R1), 0);
    rig_do(&g, MOVE_NET_OPEN, R1, P);
    assert_false(g.w->node[P].primary.dump[R1].active);
    assert_int_equal(g.w->ledger.sent[R1], 0); /* on the new connection nothing was sent yet */
    uint32_t open = 0;
    for (uint32_t i = 0; i < g.w->conns; i++)
        open += g.w->conn[i].used;
    assert_int_equal(open, 1);
    assert_int_equal(rig_find(&g, MOVE_NET_DOWN, -1, -1), 0);
    rig_settle(&g);
    assert_true(rig_sees(&g, P, 0));
    assert_true(g.w->node[P].primary.dump[R1].active);
    assert_int_equal(g.violated, 0);
    rig_close(&g);
}

static void a_full_socket_blocks_the_dump_thread(void **state)
{
    (void)state;
    struct rig g;
    rig_open(&g, RIG_HEAD "cluster: {primary: {semi_sync: off}, replicas: [{}]}\n"
                          "workload: {sessions: 1, transactions: 15}\n");
    const struct conn *c = rig_conn(&g, R1);
    uint32_t n = 0;
    for (; n < 14; n++) {
        rig_do(&g, MOVE_CLIENT, 0, -1);
        rig_run(&g, P);
        assert_true(c->down_len <= CONN_DOWN_MAX);
        if (!net_has_room(g.w, P, R1))
            break;
    }
    assert_true(n < 14); /* it did fill up */
    rig_do(&g, MOVE_CLIENT, 0, -1);
    rig_run(&g, P);
    assert_int_equal(rig_find(&g, MOVE_RUN, P, -1), 0);
    assert_true(g.w->node[P].runnable >> (TASK_DUMP + R1) & 1); /* runnable, but blocked */
    assert_int_equal(g.w->ledger.sent[R1] >> (n + 1) & 1, 0);
    while (!net_has_room(g.w, P, R1)) {
        rig_do(&g, MOVE_NET, P, R1);
        rig_do(&g, MOVE_DISK, R1, TASK_RECEIVER);
    }
    assert_int_not_equal(rig_find(&g, MOVE_RUN, P, TASK_DUMP + R1), 0);
    rig_settle(&g);
    assert_false(g.w->full);
    for (uint32_t t = 0; t <= n + 1; t++)
        assert_non_null(history_find(&g.w->node[R1].relay, t));
    rig_close(&g);
}

/* No connection, or one that is only asked for: nothing can be sent on it. */
static void a_packet_without_a_connection_is_nonsense(void **state)
{
    (void)state;
    struct rig g;
    rig_open(&g, RIG_PAIR WORK);
    const uint8_t packet[1] = {0};
    assert_null(conn_of(g.w, R2, P, LINK_TO_PRIMARY, R2));
    assert_null(conn_of(g.w, R1, R2, LINK_TO_REPLICA, R2));
    assert_non_null(conn_of(g.w, R1, P, LINK_TO_PRIMARY, R1));
    net_send(&g.sim, R2, P, LINK_TO_PRIMARY, packet, 1);
    assert_int_equal(g.w->dead, 1);
    assert_int_equal(g.sim.violated, 1u << INV_SANE);
    rig_close(&g);
}

static void too_much_for_the_block_is_said(void **state)
{
    (void)state;
    struct rig g;
    rig_open(&g, RIG_PAIR WORK);
    const uint8_t packet[CONN_UP_MAX] = {0};
    net_send(&g.sim, R1, P, LINK_TO_PRIMARY, packet, CONN_UP_MAX - 2);
    assert_int_equal(g.w->full, 0);
    net_send(&g.sim, R1, P, LINK_TO_PRIMARY, packet, 1);
    assert_int_equal(g.w->full, 1);
    assert_int_equal(rig_conn(&g, R1)->up_len, CONN_UP_MAX);
    rig_close(&g);
    rig_open(&g, RIG_PAIR WORK);
    for (uint32_t i = 1; i < CONNS_MAX; i++)
        net_connect(&g.sim, R1, P);
    assert_int_equal(g.w->full, 0);
    net_connect(&g.sim, R1, P);
    assert_int_equal(g.w->full, 1);
    assert_int_equal(sim_step(&g.sim), STEP_FULL);
    rig_close(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packets_arrive_in_order_on_each_connection),
        cmocka_unit_test(a_busy_receiver_leaves_packets_in_the_socket),
        cmocka_unit_test(a_dead_primary_had_sent_what_had_arrived),
        cmocka_unit_test(noticing_a_dead_primary_drops_what_was_not_read),
        cmocka_unit_test(a_dead_replica_had_sent_its_ack),
        cmocka_unit_test(a_reset_drops_both_directions),
        cmocka_unit_test(a_partition_stalls_and_loses_nothing),
        cmocka_unit_test(a_zombie_dump_thread_is_replaced),
        cmocka_unit_test(a_full_socket_blocks_the_dump_thread),
        cmocka_unit_test(a_packet_without_a_connection_is_nonsense),
        cmocka_unit_test(too_much_for_the_block_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}

/* Moves of the stream from a primary to its replicas that may go first.
 *
 * A dump thread sends a group in one step; it arrives packet by packet, each is written, perhaps
 * fsynced, and the last is ACKed. Between the first and the last packet nothing happens that others
 * could see, and most of what follows is between the replica and its disk. Two arguments:
 *
 * How much of an incomplete group a replica holds makes no difference to anybody. It is not
 * applied, counts as no position, is no part of a history, and is cut off before the replica asks
 * for a stream again or starts. So a packet within a group may arrive as soon as it is sent, and be
 * fsynced at once, whatever strikes the replica or the connection later: it is then as if less had
 * arrived. (REDUCE_STREAM: `within`.)
 *
 * A group that was sent and did not all arrive, because the connection or one of its ends was lost,
 * might as well not have been sent: that changed nothing but the place of a dump thread, which
 * ended with the connection. The run in which that dump thread was slower is looked at too. So
 * nothing is hidden where what was sent always arrives; and what a safe replica does with it, up to
 * its ACK in the queue, commutes with all that its primary does. (REDUCE_STREAM: the last packet,
 * its fsync.) That needs a manager that does not look at positions while the replica hears its
 * primary, and an ACK that says the same whenever it is sent.
 */
#include "format/packet.h"
#include "replica/buffer.h"
#include "sim/internal.h"

/* ---- what makes it safe ---------------------------------------------------------------------- */

static bool operators_left(const struct sim *s)
{
    uint32_t left = 0;
    for (uint32_t i = 0; i < s->scenario->n_operators; i++)
        left |= s->world->operator_left[i];
    return left != 0;
}

/* The manager has nothing to do but watch. */
static bool all_is_well(const struct world *w)
{
    const struct node *p = &w->node[w->manager.primary];
    return w->cut_off == 0 && w->manager.state == MANAGER_WATCH && p->state == NODE_UP &&
           p->primary.boot == BOOT_DONE && p->primary.serving;
}

/* Nothing is left that could go wrong: no crash, no lost connection, so that servers and
 * connections that stand will stand for ever. */
static bool out_of_danger(const struct sim *s)
{
    uint32_t left = 0;
    for (uint32_t i = 0; i < s->scenario->n_faults; i++)
        left |= s->world->budget[i];
    return left == 0 && !operators_left(s) && all_is_well(s->world);
}

/* The replica and its connection are safe. If that breaks, its primary has crashed. */
static bool only_its_primary_may_crash(const struct sim *s, uint32_t node)
{
    uint32_t crashes = 1u << FAULT_NODE_KILL | 1u << FAULT_NODE_POWER;
    uint32_t of_an_fsync = 1u << FAULT_FSYNC_LIE | 1u << FAULT_FSYNC_FAIL;
    return all_is_well(s->world) && s->scenario->manager.verify && !operators_left(s) &&
           (fault_points_left(s, node) & ~of_an_fsync) == 0 &&
           (fault_points_left(s, s->world->manager.primary) & ~crashes) == 0;
}

/* While the replica hears its primary nobody looks at how far it is. */
static bool manager_waits(const struct sim *s, uint32_t node)
{
    const struct world *w = s->world;
    return w->manager.state == MANAGER_WATCH && s->scenario->manager.verify &&
           w->node[node].receiver.primary == w->manager.primary &&
           ((w->cut_off | w->manager.discarded) >> node & 1) == 0;
}

/* Of a group that did not all arrive nothing is left, not even a fault that was spent on it; and
 * nobody went by where its dump thread stood, as operators do. */
static bool leaves_no_trace(const struct sim *s, uint32_t node)
{
    uint32_t role = role_of(s->world, node);
    return scenario_budget(s->scenario, FAULT_FSYNC_LIE, role) == 0 &&
           scenario_budget(s->scenario, FAULT_FSYNC_FAIL, role) == 0 &&
           scenario_budget(s->scenario, FAULT_WRITE_FAIL, role) == 0 &&
           s->scenario->n_operators == 0;
}

/* Every so many events are fsynced: their number counts then, and goes on in the next stream. */
static bool counts_events(const struct server_settings *set)
{
    return set->receiver->sync == HANDLER_SYNC_COUNTED && set->sync_relay_log > 1;
}

/* The packet at the head of what the replica was sent. */
struct head {
    bool within; /* it leaves the group incomplete, or belongs to none, and wants no ACK */
    bool need_ack;
    uint32_t end; /* of the event in the binlog */
};

static bool packet_head(const struct receiver *r, const struct conn *c, struct head *out)
{
    struct event_packet p;
    struct event_head h;
    struct group_scan scan = r->scan;
    uint32_t len = (uint32_t)c->down[0] | (uint32_t)c->down[1] << 8;
    const uint8_t *bytes = c->down + 2;
    bool semi = len > 1 && bytes[1] == SEMISYNC_MAGIC;
    if (decode_event_packet(bytes, len, semi, &p) != FMT_OK ||
        event_parse(p.event, p.len, false, &h) != FMT_OK)
        return false;
    enum group_step step = group_scan_event(&scan, p.event, &h);
    bool within =
        step == GROUP_BEGIN || step == GROUP_MIDDLE || (step == GROUP_OUTSIDE && r->scan.open == 0);
    *out = (struct head){.within = within && !p.need_ack, .need_ack = p.need_ack, .end = h.log_pos};
    return step != GROUP_ERROR && (within || step == GROUP_END);
}

/* Whether an ACK has been sent decides what is promised (OBS) where a session answers without it.
 * Nobody does where semi-sync is on for good and waits as long as it takes. */
static bool acks_are_awaited(const struct sim *s)
{
    const struct server_settings *p = &s->scenario->node[s->world->manager.primary];
    return s->scenario->ddl == 0 && s->scenario->n_operators == 0 && p->semi_sync_timeout_ms == 0 &&
           p->wait_no_slave && p->wait_for_slave_count == 1;
}

/* May an ACK for this place be sent now as well as later? */
static bool ack_any_time(const struct sim *s, uint32_t node, uint32_t end)
{
    const struct world *w = s->world;
    return acks_are_awaited(s) &&
           released_for_good(s, w->manager.primary, w->node[node].receiver.primary_file, end);
}

/* Where all is out of danger, what a replica does with what it was sent is between it and its disk:
 * nobody sees more of it than its ACKs, which queue up in the order in which they are sent.
 * REDUCE_RECEIVER. */
uint32_t stream_received(const struct sim *s, uint32_t node)
{
    const struct world *w = s->world;
    const struct node *n = &w->node[node];
    bool awaited = acks_are_awaited(s);
    if (!out_of_danger(s) || (n->receiver.ack_due && !awaited))
        return 0;
    for (uint32_t t = TASK_RECEIVER; t <= TASK_CONSUMER; t++) {
        if (n->in_io >> t & 1)
            return move_key(MOVE_DISK, node, t, 0);
        if (n->runnable >> t & 1)
            return move_key(MOVE_RUN, node, t, 0);
    }
    if (!receiver_ready(&n->receiver))
        return 0;
    for (uint32_t i = 0; i < w->conns; i++) {
        const struct conn *c = &w->conn[i];
        struct head h;
        if (c->replica == node && c->replica_open && c->primary_open && c->down_len > 0 &&
            c->primary == w->manager.primary &&
            (awaited || (packet_head(&n->receiver, c, &h) && !h.need_ack)))
            return move_key(MOVE_NET, c->primary, node, i);
    }
    return 0;
}

/* ---- what a replica was sent ----------------------------------------------------------------- */

/* All that the relay log holds before the group under way is durable: nothing but that group hangs
 * on an fsync within it. */
static bool groups_durable(const struct node *n)
{
    const struct receiver *r = &n->receiver;
    struct file_id relay = {.kind = FILE_RELAY, .num = r->relay_num};
    return disk_range_durable(&n->disk, relay, 0, r->relay_complete);
}

/* An fsync within a group; the last one of a safe replica. */
static uint32_t stream_disk(const struct sim *s, uint32_t node)
{
    const struct node *n = &s->world->node[node];
    const struct receiver *r = &n->receiver;
    if (r->busy != RECEIVER_HANDLING || (n->in_io >> TASK_RECEIVER & 1) == 0)
        return 0;
    bool within = r->scan.open != 0 && !r->ack_due;
    bool may_tear =
        s->scenario->device.tear && fault_admitted(s, FAULT_NODE_POWER, node, FILE_NONE);
    bool first = within ? groups_durable(n) && !may_tear
                        : r->state == RECEIVER_STREAMING && !moves_in_danger(s, node) &&
                              manager_waits(s, node) && leaves_no_trace(s, node) &&
                              (!r->ack_due || ack_any_time(s, node, r->parsed_off));
    return first ? move_key(MOVE_DISK, node, TASK_RECEIVER, 0) : 0;
}

/* A packet that arrives, or the event that it brought on its way to the disk. REDUCE_STREAM. */
uint32_t stream_first(const struct sim *s, uint32_t node)
{
    const struct world *w = s->world;
    const struct node *n = &w->node[node];
    const struct receiver *r = &n->receiver;
    struct buffer_entry front;
    if (counts_events(&s->scenario->node[node]))
        return 0;
    if ((n->runnable >> TASK_CONSUMER & 1) != 0 && buffer_front(r, &front) && !front.ends_group)
        return move_key(MOVE_RUN, node, TASK_CONSUMER, 0);
    if (r->busy != RECEIVER_IDLE)
        return stream_disk(s, node);
    for (uint32_t i = 0; i < w->conns; i++) {
        const struct conn *c = &w->conn[i];
        struct head h;
        if (!c->used || c->replica != node || !c->replica_open || c->down_len == 0 ||
            !net_reachable(w, node, c->primary) || !receiver_ready(r) || !packet_head(r, c, &h))
            continue;
        bool last = manager_waits(s, node) && leaves_no_trace(s, node) &&
                    c->primary == w->manager.primary &&
                    (!h.need_ack || ack_any_time(s, node, h.end));
        if (h.within || last)
            return move_key(MOVE_NET, c->primary, node, i);
    }
    return 0;
}

/* ---- a replica is let in --------------------------------------------------------------------- */

/* Every GTID that the request names is in the binlog, and stays there. */
static bool holds_all(const struct primary *p, const struct conn *c)
{
    struct dump_request q;
    uint32_t len = (uint32_t)c->up[0] | (uint32_t)c->up[1] << 8;
    if (decode_dump_request(c->up + 2, len, &q) != FMT_OK)
        return false;
    for (uint32_t i = 0; i < q.pos.n; i++) {
        if (!gtid_state_holds(&p->binlog.state, q.pos.at[i]))
            return false;
    }
    return true;
}

/* An earlier connection of the replica, which its primary has not given up, still holds an ACK: it
 * is lost when the next one stands. */
static bool ack_on_old_conn(const struct world *w, uint32_t replica, uint32_t primary)
{
    for (uint32_t i = 0; i < w->conns; i++) {
        const struct conn *c = &w->conn[i];
        if (c->used && c->replica == replica && c->primary == primary && c->primary_open &&
            !c->replica_open && c->up_len > 0)
            return true;
    }
    return false;
}

/* The connection of a safe replica stands, its request is accepted, the dump thread says which file
 * it reads. What the primary does meanwhile changes neither whether the replica is let in, since
 * the binlog has what it has, nor from where it is sent, as long as there is one file; and nobody
 * but the dump thread looks at it. If the primary crashes, the replica asks anew, as it would have
 * done without. Not where semi-sync is off until somebody comes. REDUCE_JOIN. */
uint32_t stream_joined(const struct sim *s, uint32_t node)
{
    const struct world *w = s->world;
    uint32_t b = w->manager.primary;
    const struct primary *p = &w->node[b].primary;
    const struct server_settings *set = &s->scenario->node[b];
    bool one_file = set->max_binlog_size == 0 && s->scenario->large == 0 &&
                    s->scenario->n_operators == 0 && !set->engine_binlog;
    bool semi_sync_stays =
        !p->semisync.enabled || (p->semisync.on && set->semi_sync_timeout_ms == 0 &&
                                 set->wait_no_slave && set->wait_for_slave_count == 1);
    if (!only_its_primary_may_crash(s, node) || w->node[node].state != NODE_UP || !one_file ||
        !semi_sync_stays || set->profile->dump_takes_log_lock)
        return 0;
    const struct dump *d = &p->dump[node];
    if (d->active && !d->greeted && !d->stale &&
        (w->node[b].runnable >> (TASK_DUMP + node) & 1) != 0 && net_has_room(w, b, node))
        return move_key(MOVE_RUN, b, TASK_DUMP + node, 0);
    for (uint32_t i = 0; i < w->conns; i++) {
        const struct conn *c = &w->conn[i];
        if (!c->used || c->replica != node || c->primary != b)
            continue;
        if (c->asked && !ack_on_old_conn(w, node, b))
            return move_key(MOVE_NET_OPEN, node, b, i);
        if (c->replica_open && c->primary_open && c->up_len > 0 && !d->active && holds_all(p, c))
            return move_key(MOVE_NET, node, b, i);
    }
    return 0;
}

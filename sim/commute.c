/* Moves that may go first: partial-order reduction for the exhaustive search.
 *
 * A move is made alone, before all others that are possible, where it commutes with every move that
 * could come before it, whatever happens meanwhile, and nobody can tell when it was made: neither a
 * judge nor a `reach` condition. Then every final state, every broken promise and every condition
 * is met with it first as well. commute_search_test.c goes through all states of small searches and
 * makes each such move before and behind each other one.
 */
#include "sim/internal.h"

static const uint32_t crashes = 1u << FAULT_NODE_KILL | 1u << FAULT_NODE_POWER;
static const uint32_t disk_faults =
    1u << FAULT_FSYNC_LIE | 1u << FAULT_FSYNC_FAIL | 1u << FAULT_WRITE_FAIL;

bool moves_in_danger(const struct sim *s, uint32_t node)
{
    return (fault_points_left(s, node) & (crashes | disk_faults)) != 0 ||
           operator_admitted(s, node);
}

bool may_go_down(const struct sim *s, uint32_t node)
{
    return (fault_points_left(s, node) & crashes) != 0 || operator_admitted(s, node);
}

/* What a replica holds is compared with a primary only where that has come back from a crash, or
 * gives GTIDs anew. */
static bool primary_never_returns(const struct sim *s)
{
    const struct manager_policy *m = &s->scenario->manager;
    bool failover = !m->rejoin;
    for (uint32_t i = 0; i < m->n_on_loss; i++)
        failover = failover && m->on_loss[i] == ON_LOSS_FAILOVER;
    return failover;
}

/* Could a failing write take something from a primary that has come back from a crash? Then whether
 * a replica is ahead of it depends on when one looks, and one looks with each write to a log. */
static bool ahead_may_change(const struct sim *s)
{
    uint32_t failing = 1u << FAULT_FSYNC_FAIL | 1u << FAULT_WRITE_FAIL;
    uint32_t left = 0;
    if (primary_never_returns(s))
        return false;
    for (uint32_t i = 0; i < s->scenario->n_nodes; i++)
        left |= fault_points_left(s, i);
    return (left & failing) != 0;
}

/* Does anybody replicate from this node, or ask to? */
static bool has_dump(const struct world *w, uint32_t node)
{
    for (uint32_t i = 0; i < w->conns; i++) {
        if (w->conn[i].used && w->conn[i].primary == node)
            return true;
    }
    return false;
}

/* The applier of a safe replica that serves nobody commits groups that are complete in its relay
 * log. That touches its engine, its redo log and its binlog, which nobody else reads or writes:
 * clients are not let in, no dump thread runs, the receiver only appends behind. Who could look,
 * the manager when it promotes or catches up from it, waits until nothing is left to apply; what
 * was received, which decides whom it chooses, does not change. So these steps commute with every
 * other step that could come before them, they are invisible to the judges of other servers, and
 * they come to an end. Not where its binlog fills up: another thread writes the checkpoints. */
static uint32_t applier(const struct sim *s, uint32_t node)
{
    const struct node *n = &s->world->node[node];
    if (n->primary.serving || has_dump(s->world, node) ||
        s->scenario->node[node].max_binlog_size != 0)
        return 0;
    if (n->in_io >> TASK_APPLIER & 1)
        return move_key(MOVE_DISK, node, TASK_APPLIER, 0);
    if ((n->runnable >> TASK_APPLIER & 1) != 0 || applier_may_start(s, node))
        return move_key(MOVE_RUN, node, TASK_APPLIER, 0);
    return 0;
}

/* The fsync of the receiver of a safe replica within a group. No ACK stands behind it, the position
 * does not move, and while it is under way nothing is delivered and no loss is noticed. */
static uint32_t receiver(const struct sim *s, uint32_t node)
{
    const struct node *n = &s->world->node[node];
    const struct receiver *r = &n->receiver;
    bool within = r->busy == RECEIVER_HANDLING && !r->ack_due && r->scan.open != 0;
    return within && (n->in_io >> TASK_RECEIVER & 1) != 0
               ? move_key(MOVE_DISK, node, TASK_RECEIVER, 0)
               : 0;
}

/* May a manager keep a primary that has come back? It then tells those to follow who do not hear it
 * any more. While one hears the primary that it watches, it does not get there. */
static bool may_be_kept(const struct sim *s)
{
    const struct manager_policy *m = &s->scenario->manager;
    bool returns = false;
    for (uint32_t i = 0; i < m->n_on_loss; i++)
        returns = returns || m->on_loss[i] != ON_LOSS_FAILOVER;
    return returns && !(m->verify && s->world->manager.state == MANAGER_WATCH);
}

/* An end of a connection notices that the other end is gone, or cut off, and nothing more will
 * arrive. A replica then asks for the next connection, which nobody but a manager that waits for it
 * to notice can tell. On a primary the dump thread ends; who waits for an ACK goes on waiting where
 * it is set to wait without a replica. */
static uint32_t loss(const struct sim *s, uint32_t node)
{
    const struct world *w = s->world;
    const struct receiver *r = &w->node[node].receiver;
    for (uint32_t i = 0; i < w->conns; i++) {
        const struct conn *c = &w->conn[i];
        bool cut = !net_reachable(w, c->replica, c->primary);
        if (!c->used || (c->replica_open && c->primary_open && !cut))
            continue;
        if (c->replica == node && c->replica_open && (c->down_len == 0 || cut) && !r->busy &&
            r->queued == 0 && !may_be_kept(s))
            return move_key(MOVE_NET_DOWN, node, c->primary, i);
        if (c->primary == node && c->primary_open && !c->replica_open && (c->up_len == 0 || cut) &&
            s->scenario->node[node].wait_no_slave)
            return move_key(MOVE_NET_DOWN, node, c->replica, i);
    }
    return 0;
}

/* The candidate of a failover whose primary is gone for good. Should it be down, the manager may
 * give it up, and can but choose it again once it is there: nobody else is. */
static bool only_candidate(const struct world *w, uint32_t node)
{
    return w->manager.state == MANAGER_APPLY && w->manager.candidate == node + 1 &&
           w->node[w->manager.primary].state == NODE_DOWN &&
           (w->manager.discarded >> w->manager.primary & 1) != 0;
}

/* A replica that starts, and cannot be struck down, reads and writes its own disk. What others
 * compare, its logs, does not change, or nobody compares it; that it is up again, with nobody
 * beside it to be chosen instead, only lets things happen, except that a manager which waits for it
 * does not give it up any more. What a lying or failing fsync does to it is asked within the move:
 * each answer commutes by itself. */
static bool boots_alone(const struct sim *s, uint32_t node)
{
    const struct world *w = s->world;
    const struct server_settings *set = &s->scenario->node[node];
    if (set->init_rpl_role == ROLE_SLAVE || s->scenario->n_nodes > 2 ||
        w->manager.state == MANAGER_CATCH_UP ||
        (set->relay_restart == RELAY_PURGE && !primary_never_returns(s)))
        return false;
    return w->manager.state != MANAGER_APPLY || only_candidate(w, node);
}

static uint32_t boot(const struct sim *s, uint32_t node)
{
    const struct node *n = &s->world->node[node];
    if (n->boots_as != ADMIN_FOLLOW || !boots_alone(s, node))
        return 0;
    if (n->in_io >> TASK_BOOT & 1)
        return move_key(MOVE_DISK, node, TASK_BOOT, 0);
    return (n->runnable >> TASK_BOOT & 1) != 0 ? move_key(MOVE_RUN, node, TASK_BOOT, 0) : 0;
}

/* Where it would be started some time, it is started now. */
static uint32_t restart(const struct sim *s, uint32_t node)
{
    const struct world *w = s->world;
    if (!s->scenario->restart_replicas || w->node[node].refused || w->calm ||
        (w->manager.discarded >> node & 1) != 0 || may_go_down(s, node) || !boots_alone(s, node))
        return 0;
    return move_key(MOVE_START, node, 0, 0);
}

/* The manager on its side of a partition, up to the promotion: it takes the primary for lost, gives
 * it up, and chooses the one replica there is. Nobody on the other side can tell. */
static uint32_t gives_up(const struct sim *s)
{
    const struct world *w = s->world;
    const struct manager *m = &w->manager;
    uint32_t other = m->primary == 0 ? 1 : 0;
    struct manager_view v;
    struct manager_option o[MANAGER_OPTIONS_MAX];
    if ((w->cut_off >> m->primary & 1) == 0 || s->scenario->n_nodes != 2 || w->calm ||
        w->node[other].state != NODE_UP || may_go_down(s, other) ||
        (m->state == MANAGER_LOST_FAILOVER && s->scenario->manager.fence) ||
        (m->state != MANAGER_WATCH && m->state != MANAGER_LOST_FAILOVER &&
         m->state != MANAGER_ELECT))
        return 0;
    manager_view_of(w, s->scenario->n_nodes, &v);
    return manager_options(m, &s->scenario->manager, &v, o) == 1
               ? move_key(MOVE_MANAGER, o[0].act, o[0].node, 0)
               : 0;
}

static bool has(const struct sim *s, enum reduction r)
{
    return (s->reduce & (uint32_t)r) != 0;
}

/* What a server that is up does as a replica. */
static uint32_t replicates(const struct sim *s, uint32_t node)
{
    uint32_t key = 0;
    if (has(s, REDUCE_APPLIER))
        key = applier(s, node);
    if (key == 0 && has(s, REDUCE_RECEIVER))
        key = receiver(s, node);
    if (key == 0 && has(s, REDUCE_RECEIVER))
        key = stream_received(s, node);
    return key;
}

uint32_t moves_first_of(const struct sim *s, uint32_t node)
{
    const struct world *w = s->world;
    const struct node *n = &w->node[node];
    uint32_t key = 0;
    if (w->dead || w->full)
        return 0;
    if (node == s->scenario->n_nodes)
        return has(s, REDUCE_LOSS) ? gives_up(s) : 0;
    if (n->state == NODE_DOWN)
        return has(s, REDUCE_BOOT) && node != w->manager.primary ? restart(s, node) : 0;
    if (has(s, REDUCE_LOSS))
        key = loss(s, node);
    if (key != 0 || node == w->manager.primary)
        return key;
    if (n->state == NODE_UP && has(s, REDUCE_STREAM))
        key = stream_first(s, node);
    if (key != 0)
        return ahead_may_change(s) ? 0 : key;
    if (may_go_down(s, node))
        return 0;
    if (n->state == NODE_BOOTING)
        return has(s, REDUCE_BOOT) ? boot(s, node) : 0;
    if (!moves_in_danger(s, node) && !ahead_may_change(s))
        key = replicates(s, node);
    if (key == 0 && has(s, REDUCE_JOIN))
        key = stream_joined(s, node);
    return key;
}

uint32_t moves_first(const struct sim *s)
{
    uint32_t key = 0;
    for (uint32_t i = 0; i <= s->scenario->n_nodes && key == 0; i++)
        key = moves_first_of(s, i);
    return key;
}

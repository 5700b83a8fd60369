/* Moves that may go first: partial-order reduction for the exhaustive search.
 *
 * A move is made alone, before all others that are possible, where it commutes with every move that
 * could come before it, whatever happens meanwhile, and nobody can tell when it was made: neither a
 * judge nor a `reach` condition. Then every final state, every broken promise and every condition
 * is met with it first as well. commute_search_test.c goes through all states of small searches and
 * makes each such move before and behind each other one.
 */
#include "sim/internal.h"

/* May a crash, a disk fault or an operator still strike the node? */
bool moves_in_danger(const struct sim *s, uint32_t node)
{
    static const enum fault_point points[] = {FAULT_NODE_KILL, FAULT_NODE_POWER, FAULT_FSYNC_LIE,
                                              FAULT_FSYNC_FAIL, FAULT_WRITE_FAIL};
    for (uint32_t i = 0; i < sizeof points / sizeof points[0]; i++) {
        if (fault_admitted(s, points[i], node, FILE_NONE))
            return true;
    }
    return operator_admitted(s, node);
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

/* Nothing is left that could go wrong: no crash, no lost connection, nothing for the manager to do
 * but watch, so that servers and connections that stand will stand for ever. */
static bool out_of_danger(const struct sim *s)
{
    const struct world *w = s->world;
    const struct node *p = &w->node[w->manager.primary];
    uint32_t left = w->cut_off;
    for (uint32_t i = 0; i < s->scenario->n_faults; i++)
        left |= w->budget[i];
    for (uint32_t i = 0; i < s->scenario->n_operators; i++)
        left |= w->operator_left[i];
    return left == 0 && w->manager.state == MANAGER_WATCH && p->state == NODE_UP &&
           p->primary.boot == BOOT_DONE && p->primary.serving;
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

/* Where all is out of danger, what a replica does with what it was sent is between it and its disk:
 * nobody sees more of it than its ACKs, which queue up in the order in which they are sent. */
static uint32_t receives(const struct sim *s, uint32_t node)
{
    const struct world *w = s->world;
    const struct node *n = &w->node[node];
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
        if (c->replica == node && c->replica_open && c->primary_open && c->down_len > 0 &&
            c->primary == w->manager.primary)
            return move_key(MOVE_NET, c->primary, node, i);
    }
    return 0;
}

/* An end of a connection notices that the other end is gone, and nothing more will arrive. A
 * replica then asks for the next connection, which nobody but a manager that waits for it to notice
 * can tell. On a primary the dump thread ends; who waits for an ACK goes on waiting where it is set
 * to wait without a replica. */
static uint32_t loss(const struct sim *s, uint32_t node)
{
    const struct world *w = s->world;
    const struct receiver *r = &w->node[node].receiver;
    for (uint32_t i = 0; i < w->conns; i++) {
        const struct conn *c = &w->conn[i];
        if (!c->used || c->replica_open == c->primary_open)
            continue;
        if (c->replica == node && c->replica_open && c->down_len == 0 && !r->busy && r->queued == 0)
            return move_key(MOVE_NET_DOWN, node, c->primary, i);
        if (c->primary == node && c->primary_open && c->up_len == 0 &&
            s->scenario->node[node].wait_no_slave)
            return move_key(MOVE_NET_DOWN, node, c->replica, i);
    }
    return 0;
}

/* A safe replica that starts reads and writes its own disk. What others compare, its logs, does not
 * change; that it is up again, with nobody beside it to be chosen instead, only lets things happen,
 * except that a manager which waits for it does not give it up any more. */
static uint32_t boot(const struct sim *s, uint32_t node)
{
    const struct world *w = s->world;
    const struct node *n = &w->node[node];
    const struct server_settings *set = &s->scenario->node[node];
    if (n->boots_as != ADMIN_FOLLOW || set->relay_restart == RELAY_PURGE ||
        set->init_rpl_role == ROLE_SLAVE || s->scenario->n_nodes > 2 ||
        w->manager.state == MANAGER_APPLY || w->manager.state == MANAGER_CATCH_UP)
        return 0;
    if (n->in_io >> TASK_BOOT & 1)
        return move_key(MOVE_DISK, node, TASK_BOOT, 0);
    return (n->runnable >> TASK_BOOT & 1) != 0 ? move_key(MOVE_RUN, node, TASK_BOOT, 0) : 0;
}

uint32_t moves_first_of(const struct sim *s, uint32_t node)
{
    const struct world *w = s->world;
    const struct node *n = &w->node[node];
    uint32_t key = 0;
    if (w->dead || w->full || n->state == NODE_DOWN)
        return 0;
    if (s->reduce & REDUCE_LOSS)
        key = loss(s, node);
    if (key != 0 || node == w->manager.primary || moves_in_danger(s, node))
        return key;
    if (n->state == NODE_BOOTING)
        return (s->reduce & REDUCE_BOOT) != 0 ? boot(s, node) : 0;
    if (s->reduce & REDUCE_APPLIER)
        key = applier(s, node);
    if (key == 0 && (s->reduce & REDUCE_RECEIVER) != 0)
        key = receiver(s, node);
    if (key == 0 && (s->reduce & REDUCE_RECEIVER) != 0 && out_of_danger(s))
        key = receives(s, node);
    return key;
}

uint32_t moves_first(const struct sim *s)
{
    uint32_t key = 0;
    for (uint32_t i = 0; i < s->scenario->n_nodes && key == 0; i++)
        key = moves_first_of(s, i);
    return key;
}

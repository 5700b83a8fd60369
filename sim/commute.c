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
static bool in_danger(const struct sim *s, uint32_t node)
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
    for (uint32_t i = 0; i < CONNS_MAX; i++) {
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
    for (uint32_t i = 0; i < CONNS_MAX; i++) {
        const struct conn *c = &w->conn[i];
        if (c->replica == node && c->replica_open && c->primary_open && c->down_len > 0 &&
            c->primary == w->manager.primary)
            return move_key(MOVE_NET, c->primary, node, i);
    }
    return 0;
}

uint32_t moves_first_of(const struct sim *s, uint32_t node)
{
    const struct world *w = s->world;
    uint32_t key = 0;
    if ((s->reduce & (REDUCE_APPLIER | REDUCE_RECEIVER)) == 0 || w->dead || w->full ||
        node == w->manager.primary || w->node[node].state != NODE_UP || in_danger(s, node))
        return 0;
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

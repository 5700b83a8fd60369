/* Moves that may go first: partial-order reduction for the exhaustive search.
 *
 * A move is made alone, before all others that are possible, where it commutes with every move that
 * could come before it, whatever happens meanwhile, and nobody can tell when it was made: neither a
 * judge nor a `reach` condition. Then every final state, every broken promise and every condition
 * is met with it first as well. sim/explore/commute_search_test.c looks at each such move in each
 * state of small searches, and at each move beside it, in both orders.
 */
#include "sim/internal.h"

/* Nothing can strike the node any more: neither a crash nor a disk fault is left for it, nor any
 * act of an operator. */
static bool is_safe(const struct sim *s, uint32_t node)
{
    static const enum fault_point points[] = {FAULT_NODE_KILL, FAULT_NODE_POWER, FAULT_FSYNC_LIE,
                                              FAULT_FSYNC_FAIL, FAULT_WRITE_FAIL};
    for (uint32_t i = 0; i < sizeof points / sizeof points[0]; i++) {
        if (fault_admitted(s, points[i], node, FILE_NONE))
            return false;
    }
    return !operator_admitted(s, node);
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

/* The applier of a safe replica that serves nobody commits groups that are complete in its relay
 * log. That touches its engine, its redo log and its binlog, which nobody else reads or writes:
 * clients are not let in, no dump thread runs, the receiver only appends behind. Who could look,
 * the manager when it promotes or catches up from it, waits until nothing is left to apply; what
 * was received, which decides whom it chooses, does not change. So these steps commute with every
 * other step that could come before them, they are invisible to the judges of other servers, and
 * they come to an end: one of them alone is a persistent set. */
static bool applies_unseen(const struct sim *s, uint32_t key)
{
    const struct world *w = s->world;
    uint32_t kind = key >> 24;
    uint32_t node = key >> 16 & 0xFF;
    return (kind == MOVE_RUN || kind == MOVE_DISK) && (key >> 8 & 0xFF) == TASK_APPLIER &&
           node != w->manager.primary && w->node[node].state == NODE_UP &&
           !w->node[node].primary.serving && is_safe(s, node) && !has_dump(w, node);
}

uint32_t moves_alone(const struct sim *s, const struct moves *m)
{
    for (uint32_t i = 0; i < m->n; i++) {
        if (applies_unseen(s, m->key[i]))
            return i;
    }
    return m->n;
}

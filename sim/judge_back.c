/* LIVE, the second half: when nothing but faults can happen, every replica is back. judge_stuck
 * looks at who waits; here it is who was left behind.
 *
 * A server that is out, cut off, not started, stopped, refused, or whose applier has failed is no
 * concern of LIVE: each of these is loud, and somebody's decision.
 */
#include "sim/internal.h"

/* What the primary shows and can send: in its binlog, up to where that is published. What it shows
 * beside that, and what only the replica shows, is no matter of time: AGREE or CONVERGE say what it
 * is. */
static uint32_t shows_and_sends(const struct node *p)
{
    log_pos_t end = p->primary.binlog.end_pos;
    return p->visible & ledger_released(&p->binlog, log_pos_file(end), log_pos_offset(end));
}

static const char *why_not_back(const struct sim *s, uint32_t node)
{
    const struct world *w = s->world;
    const struct node *n = &w->node[node];
    const struct node *p = &w->node[w->manager.primary];
    if (n->state != NODE_UP || n->applier.failed || n->receiver.state == RECEIVER_ERROR ||
        n->receiver.state == RECEIVER_STOPPED)
        return NULL; /* it ended itself, was refused or stopped: loud, and the DBA sees to it */
    if (n->receiver.state != RECEIVER_STREAMING || n->receiver.primary != w->manager.primary ||
        !p->primary.dump[node].active)
        return "does not replicate although nothing keeps it";
    bool lags = s->scenario->applier != APPLIER_FREE && !n->apply_all; /* by order */
    if (!lags && (shows_and_sends(p) & ~n->visible) != 0)
        return "does not show what its primary shows although nothing keeps it";
    return NULL;
}

void judge_back(struct sim *s)
{
    const struct world *w = s->world;
    uint32_t p = w->manager.primary;
    if (!w->node[p].primary.serving)
        return; /* judge_stuck has said what there is to say */
    for (uint32_t i = 0; i < s->scenario->n_nodes; i++) {
        bool out = i == p || (w->manager.discarded >> i & 1) != 0 || !net_reachable(w, i, p);
        const char *why = out ? NULL : why_not_back(s, i);
        if (why != NULL)
            story_broken(s, INV_LIVE, "LIVE: %s %s", story_node(s, i), why);
    }
}

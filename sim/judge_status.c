/* OBS: what an operator reads from SHOW STATUS is put beside what the world knows.
 *
 *   status         ON at an OK means that the OK has its ACKs: packets that replicas sent
 *   yes_tx, no_tx  each commit that semi-sync was enabled for, at its end or before, counts once,
 *                  as a yes only with its ACKs; looked at where no session commits, since a
 *                  group is counted before it ends
 *   wait_sessions  the threads that wait (AFTER_SYNC: one for a whole group)
 *   clients        the replicas that are connected
 *
 * The variables are read as an operator would read them, between two steps of the server.
 */
#include "sim/internal.h"

static bool status_is_on(const struct node *n)
{
    return n->primary.semisync.enabled && n->primary.semisync.on;
}

/* As many replicas as the server waits for have sent an ACK that releases it. */
static bool has_its_acks(const struct sim *s, uint32_t node, uint32_t txn)
{
    uint32_t acks = 0;
    for (uint32_t i = 0; i < s->scenario->n_nodes; i++)
        acks += i != node ? s->world->ledger.acked[i] >> txn & 1 : 0;
    return acks >= s->scenario->node[node].wait_for_slave_count;
}

void judge_protected(struct sim *s, uint32_t node, uint32_t txn)
{
    if (status_is_on(&s->world->node[node]) && !has_its_acks(s, node, txn))
        judged(s, INV_OBS, 1u << txn, "is answered OK without its ACKs, and the status says ON");
}

void judge_counted(struct sim *s, uint32_t node, uint32_t session, uint32_t txn)
{
    struct node *n = &s->world->node[node];
    const struct semisync *m = &n->primary.semisync;
    if (m->enabled || (n->noticed >> session & 1) != 0) {
        n->commits++;
        n->acked = (uint8_t)(n->acked + has_its_acks(s, node, txn));
    }
    n->noticed &= (uint8_t) ~(1u << session);
    for (uint32_t t = 0; t < SESSIONS_MAX; t++) {
        if (n->primary.by[t].state != COMMITTER_IDLE)
            return;
    }
    if (m->yes_tx + m->no_tx != n->commits)
        story_broken(s, INV_OBS, "OBS: %u commits, but yes_tx is %u and no_tx is %u", n->commits,
                     m->yes_tx, m->no_tx);
    if (m->yes_tx > n->acked)
        story_broken(s, INV_OBS, "OBS: yes_tx is %u, and %u commits had their ACKs", m->yes_tx,
                     n->acked);
}

static uint32_t threads_that_wait(const struct primary *p)
{
    uint32_t n = p->boot == BOOT_WAIT_ACK ? 1 : 0;
    for (uint32_t t = 0; t < COMMITTERS; t++)
        n += p->by[t].state == COMMITTER_ACK ? 1 : 0;
    return n;
}

static bool is_connected(const struct world *w, uint32_t replica, uint32_t primary)
{
    for (uint32_t i = 0; i < w->conns; i++) {
        const struct conn *c = &w->conn[i];
        if (c->used && c->replica == replica && c->primary == primary && c->primary_open)
            return true;
    }
    return false;
}

void judge_status(struct sim *s, uint32_t node, bool was_enabled)
{
    struct node *n = &s->world->node[node];
    const struct semisync *m = &n->primary.semisync;
    if (was_enabled && !m->enabled) {
        for (uint32_t t = 0; t < SESSIONS_MAX; t++)
            n->noticed |= (uint8_t)((n->primary.by[t].state != COMMITTER_IDLE ? 1u : 0u) << t);
    }
    if (!was_enabled && !m->enabled)
        return;
    uint32_t wait = threads_that_wait(&n->primary);
    if (m->wait_sessions != wait)
        story_broken(s, INV_OBS, "OBS: wait_sessions is %d, and %u threads wait",
                     (int8_t)m->wait_sessions, wait);
    for (uint32_t left = m->clients; left != 0; left &= left - 1) {
        uint32_t i = (uint32_t)__builtin_ctz(left);
        if (!is_connected(s->world, i, node))
            story_broken(s, INV_OBS, "OBS: %s counts as a client and is not connected",
                         story_node(s, i));
    }
}

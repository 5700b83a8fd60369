#include "primary/semisync.h"

/* Drops the nodes up to and including index `last` and wakes their waiters. */
static void release(struct semisync *s, uint32_t count, struct actions *out)
{
    assert(count <= s->n);
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t t = 0; s->active[i].waiters >> t != 0; t++) {
            if ((s->active[i].waiters >> t & 1) == 0)
                continue;
            act_wake(out, t);
            act(out, ACT_CLEAR_TIMER)->task = (uint8_t)t;
        }
    }
    uint32_t left = s->n - count;
    memmove(s->active, s->active + count, left * sizeof s->active[0]);
    memset(s->active + left, 0, count * sizeof s->active[0]);
    s->n = (uint8_t)left;
}

/* The lowest position that somebody waits for; 0 where nobody does. */
static void recompute_wait(struct semisync *s)
{
    s->wait = 0;
    for (uint32_t i = 0; i < s->n && s->wait == 0; i++) {
        if (s->active[i].waiters != 0)
            s->wait = s->active[i].pos;
    }
}

static void switch_off(struct semisync *s, struct actions *out)
{
    s->on = 0;
    release(s, s->n, out);
    s->replied = 0;
    s->wait = 0;
}

void semisync_enable(struct semisync *s, log_pos_t end)
{
    assert(s != NULL);
    uint8_t clients = s->clients; /* dump threads outlive a change of the setting */
    memset(s, 0, sizeof *s);
    s->clients = clients;
    s->enabled = 1;
    s->on = 1;
    s->committed = end;
}

void semisync_disable(struct semisync *s, struct actions *out)
{
    uint8_t clients = s->clients;
    switch_off(s, out);
    memset(s, 0, sizeof *s);
    s->clients = clients;
}

void semisync_register(struct semisync *s, const struct env *env, log_pos_t pos)
{
    if (!s->enabled)
        return;
    if (pos > s->committed)
        s->committed = pos;
    if (!s->on || (s->clients == 0 && !env->set->wait_no_slave))
        return;
    /* Positions are registered in binlog order; a node out of order switches the server off, but
     * the pipeline must not let that happen. */
    assert(s->n < SEMISYNC_NODES_MAX);
    assert(s->n == 0 || s->active[s->n - 1].pos < pos);
    s->active[s->n].pos = pos;
    s->active[s->n].waiters = 0;
    s->n++;
}

bool semisync_wants_ack(const struct semisync *s, log_pos_t pos)
{
    if (!s->enabled)
        return false;
    if (!s->on)
        return pos >= s->committed; /* catch-up probe */
    if (pos <= s->replied)
        return false;
    if (s->wait != 0 && pos < s->wait)
        return false;
    for (uint32_t i = 0; i < s->n; i++) {
        if (s->active[i].pos == pos)
            return true;
    }
    return false;
}

void semisync_ack(struct semisync *s, log_pos_t pos, struct actions *out)
{
    if (!s->enabled)
        return;
    if (!s->on) {
        if (pos < s->committed)
            return;
        s->on = 1;
    }
    if (pos < s->replied)
        return;
    s->replied = pos;
    uint32_t covered = 0;
    while (covered < s->n && s->active[covered].pos <= pos)
        covered++;
    release(s, covered, out);
    recompute_wait(s);
}

bool semisync_wait(struct semisync *s, const struct env *env, log_pos_t pos, uint32_t task,
                   struct actions *out)
{
    assert(task < COMMITTERS || task == TASK_BOOT);
    if (!s->enabled || !s->on || s->replied >= pos)
        return true;
    if (s->clients == 0 && !env->set->wait_no_slave)
        return true;
    /* MySQL registers one position per group, its last; a member waits on the first node at or
     * behind its own end (facts 1.3). MariaDB registers each member. */
    bool exact = settings_group_wait(env->set) == GROUP_WAIT_EACH;
    struct semisync_node *node = NULL;
    for (uint32_t i = s->n; i-- > 0 && s->active[i].pos >= pos;) {
        if (!exact || s->active[i].pos == pos)
            node = &s->active[i];
    }
    /* Semi-sync was OFF and ON again in between (MDEV-34122): no ACK will be asked for. */
    if (node == NULL)
        return true;
    if ((node->waiters >> task & 1) == 0 && env->set->semi_sync_timeout_ms != 0) {
        struct action *a = act(out, ACT_SET_TIMER);
        a->task = (uint8_t)task;
        a->arg = env->set->semi_sync_timeout_ms;
    }
    node->waiters |= 1u << task;
    recompute_wait(s);
    return false;
}

void semisync_abandon(struct semisync *s, uint32_t task, struct actions *out)
{
    assert(task < COMMITTERS);
    for (uint32_t i = 0; i < s->n; i++) {
        if ((s->active[i].waiters >> task & 1) == 0)
            continue;
        s->active[i].waiters &= ~(1u << task);
        act(out, ACT_CLEAR_TIMER)->task = (uint8_t)task;
    }
    recompute_wait(s);
}

void semisync_timeout(struct semisync *s, struct actions *out)
{
    if (s->enabled && s->on)
        switch_off(s, out);
}

void semisync_replica_joins(struct semisync *s, uint32_t node, log_pos_t start, struct actions *out)
{
    assert(node < NODES_MAX);
    s->clients |= (uint8_t)(1u << node);
    semisync_ack(s, start, out);
}

void semisync_replica_leaves(struct semisync *s, const struct env *env, uint32_t node,
                             struct actions *out)
{
    assert(node < NODES_MAX);
    s->clients &= (uint8_t) ~(1u << node);
    if (s->enabled && s->clients == 0 && !env->set->wait_no_slave) {
        release(s, s->n, out);
        s->wait = 0;
    }
}

bool semisync_is_waiting(const struct semisync *s, uint32_t task)
{
    for (uint32_t i = 0; i < s->n; i++) {
        if (s->active[i].waiters >> task & 1)
            return true;
    }
    return false;
}

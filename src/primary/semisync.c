#include "primary/semisync.h"

static const struct semisync_rules *rules_of(const struct env *env)
{
    return &env->set->profile->semisync;
}

/* MariaDB and MySQL compare the names of binlogs as texts: of binlog.999999 and binlog.1000000 the
 * second is the lower one. Positions compare by what this gives for them; 0, for none, is below
 * all. */
static log_pos_t rank(const struct env *env, log_pos_t pos)
{
    enum { SEVEN_DIGITS = 1000000 };
    uint32_t num = log_pos_file(pos) + env->set->first_binlog - 1;
    if (env->set->first_binlog <= 1 || pos == 0)
        return pos;
    uint32_t text = num < SEVEN_DIGITS ? num * 10 : num;
    return log_pos(text * 2 + (num < SEVEN_DIGITS ? 0 : 1), log_pos_offset(pos));
}

static void wake_waiters(const struct semisync_node *node, struct actions *out)
{
    for (uint32_t t = 0; node->waiters >> t != 0; t++) {
        if ((node->waiters >> t & 1) == 0)
            continue;
        act_wake(out, t);
        act(out, ACT_CLEAR_TIMER)->task = (uint8_t)t;
    }
}

static void drop(struct semisync *s, uint32_t count)
{
    assert(count <= s->n);
    uint32_t left = s->n - count;
    memmove(s->active, s->active + count, left * sizeof s->active[0]);
    memset(s->active + left, 0, count * sizeof s->active[0]);
    s->n = (uint8_t)left;
}

/* Drops the first nodes and wakes their waiters. */
static void release(struct semisync *s, uint32_t count, struct actions *out)
{
    assert(count <= s->n);
    for (uint32_t i = 0; i < count; i++)
        wake_waiters(&s->active[i], out);
    drop(s, count);
}

/* Fewer replicas than it waits for, and it is not to wait for more. MariaDB looks only for one. */
static bool too_few(const struct semisync *s, const struct env *env)
{
    uint32_t need = rules_of(env)->off_without_replicas ? env->set->wait_for_slave_count : 1;
    return !env->set->wait_no_slave && (uint32_t)__builtin_popcount(s->clients) < need;
}

static void switch_off(struct semisync *s, const struct env *env, struct actions *out)
{
    s->on = 0;
    if (rules_of(env)->off_keeps_waits) {
        for (uint32_t i = 0; i < s->n; i++)
            wake_waiters(&s->active[i], out);
    } else {
        release(s, s->n, out);
    }
    s->replied = 0;
    s->wait = 0;
}

void semisync_enable(struct semisync *s, const struct env *env, log_pos_t end)
{
    assert(s != NULL && env != NULL && !s->enabled);
    s->enabled = 1;
    s->on = !(too_few(s, env) && rules_of(env)->off_without_replicas);
    s->committed = end;
}

void semisync_disable(struct semisync *s, const struct env *env, struct actions *out)
{
    switch_off(s, env, out);
    s->enabled = 0;
    s->committed = 0;
    memset(&s->tally, 0, sizeof s->tally);
}

void semisync_reset_status(struct semisync *s)
{
    s->on = s->enabled;
    s->yes_tx = 0;
    s->no_tx = 0;
    s->wait_sessions = 0;
    s->replied = 0;
    s->wait = 0;
    s->committed = 0;
}

void semisync_register(struct semisync *s, const struct env *env, log_pos_t pos,
                       struct actions *out)
{
    if (!s->enabled)
        return;
    if (rank(env, pos) > rank(env, s->committed))
        s->committed = pos;
    if (!s->on || too_few(s, env))
        return;
    /* Positions are registered in binlog order, which names can belie. */
    assert(s->n < SEMISYNC_NODES_MAX);
    assert(s->n == 0 || s->active[s->n - 1].pos < pos);
    if (s->n > 0 && rank(env, s->active[s->n - 1].pos) > rank(env, pos)) {
        switch_off(s, env, out);
        return;
    }
    s->active[s->n].pos = pos;
    s->active[s->n].waiters = 0;
    s->n++;
}

bool semisync_wants_ack(const struct semisync *s, const struct env *env, log_pos_t pos)
{
    if (!s->enabled)
        return false;
    if (!s->on)
        return rank(env, pos) >= rank(env, s->committed); /* catch-up probe */
    if (rank(env, pos) <= rank(env, s->replied))
        return false;
    if (s->wait != 0 && rank(env, pos) < rank(env, s->wait))
        return false;
    for (uint32_t i = 0; i < s->n; i++) {
        if (s->active[i].pos == pos)
            return true;
    }
    return false;
}

/* report_reply_binlog: as many replicas as it takes have everything up to pos. */
static void report(struct semisync *s, const struct env *env, log_pos_t pos, struct actions *out)
{
    if (!s->enabled)
        return;
    if (!s->on) {
        if (rank(env, pos) < rank(env, s->committed))
            return;
        s->on = 1;
    }
    if (rank(env, pos) < rank(env, s->replied))
        return;
    s->replied = pos;
    uint32_t covered = 0;
    while (covered < s->n && rank(env, s->active[covered].pos) <= rank(env, pos))
        covered++;
    release(s, covered, out);
    if (s->n == 0 || (rules_of(env)->ack_ends_wait_pos && rank(env, pos) >= rank(env, s->wait)))
        s->wait = 0;
    else if (s->wait != 0 && rank(env, s->wait) < rank(env, pos))
        s->wait = pos; /* below an ACK one is as good as another: equal states look equal */
}

void semisync_ack(struct semisync *s, const struct env *env, uint32_t node, log_pos_t pos,
                  struct actions *out)
{
    enum ack_count how = rules_of(env)->ack_count;
    uint32_t count = env->set->wait_for_slave_count;
    if (how == ACK_COUNT_ONE || count == 1) {
        report(s, env, pos, out);
        return;
    }
    if (how == ACK_COUNT_EACH && s->enabled && !s->on && rank(env, pos) >= rank(env, s->committed))
        s->on = 1; /* whatever the count (MDEV-37116) */
    s->tallies = 1;
    pos = ack_tally_insert(&s->tally, how, count, node, pos);
    if (pos != 0)
        report(s, env, pos, out);
}

/* The node that a wait for pos stands on. MySQL registers one position per group, its last; a
 * member waits on the first node at or behind its own end (facts 1.3). MariaDB registers each
 * member. */
static struct semisync_node *find(struct semisync *s, const struct env *env, log_pos_t pos)
{
    bool exact = settings_group_wait(env->set) == GROUP_WAIT_EACH;
    struct semisync_node *node = NULL;
    for (uint32_t i = s->n; i-- > 0 && rank(env, s->active[i].pos) >= rank(env, pos);) {
        if (!exact || s->active[i].pos == pos)
            node = &s->active[i];
    }
    return node;
}

/* The task runs again: was it in its wait? */
static bool wakes(struct semisync *s, uint32_t task)
{
    if ((s->waiting >> task & 1) == 0)
        return false;
    s->waiting &= ~(1u << task);
    s->wait_sessions--; /* whatever became of it meanwhile: the server does not look either */
    return true;
}

/* Its wait is over; who goes on leaves no trace in the list but the position. */
static void goes_on(struct semisync *s, uint32_t task, bool acked)
{
    if (task == TASK_BOOT)
        return; /* recovery is no commit */
    if (acked)
        s->yes_tx++;
    else
        s->no_tx++;
}

/* Where switching off has kept it: who was the last to wait on a node takes it away, and all before
 * it. */
static void take_away(struct semisync *s, struct semisync_node *node, uint32_t task)
{
    node->waiters &= ~(1u << task);
    if (node->waiters == 0)
        drop(s, (uint32_t)(node - s->active) + 1);
}

static void begin_wait(struct semisync *s, const struct env *env, log_pos_t pos, uint32_t task,
                       struct semisync_node *node, struct actions *out)
{
    bool armed = node != NULL && (node->waiters >> task & 1) != 0;
    if (!armed && env->set->semi_sync_timeout_ms != 0) {
        struct action *a = act(out, ACT_SET_TIMER);
        a->task = (uint8_t)task;
        a->arg = env->set->semi_sync_timeout_ms;
    }
    if (node != NULL)
        node->waiters |= 1u << task;
    if (s->wait == 0 || rank(env, pos) < rank(env, s->wait))
        s->wait = pos;
    s->waiting |= 1u << task;
    s->wait_sessions++;
}

bool semisync_wait(struct semisync *s, const struct env *env, log_pos_t pos, uint32_t task,
                   struct actions *out)
{
    assert(task < COMMITTERS || task == TASK_BOOT);
    const struct semisync_rules *rules = rules_of(env);
    if (!wakes(s, task) && !s->enabled)
        return true; /* nothing is counted either */
    bool alone = too_few(s, env) && !rules->off_without_replicas;
    bool acked = s->on && !alone && rank(env, s->replied) >= rank(env, pos);
    struct semisync_node *node = find(s, env, pos);
    /* Semi-sync was OFF and ON again in between (MDEV-34122): no ACK will be asked for. */
    bool forgotten = node == NULL && !rules->awaits_forgotten;
    if (s->on && !alone && !acked && !forgotten) {
        begin_wait(s, env, pos, task, node, out);
        return false;
    }
    if (rules->off_keeps_waits && !acked && node != NULL)
        take_away(s, node, task);
    goes_on(s, task, acked);
    return true;
}

void semisync_abandon(struct semisync *s, uint32_t task, struct actions *out)
{
    assert(task < COMMITTERS);
    if (!wakes(s, task) && !s->enabled)
        return;
    for (uint32_t i = 0; i < s->n; i++) {
        if ((s->active[i].waiters >> task & 1) == 0)
            continue;
        s->active[i].waiters &= ~(1u << task);
        act(out, ACT_CLEAR_TIMER)->task = (uint8_t)task;
    }
    goes_on(s, task, false);
}

void semisync_timeout(struct semisync *s, const struct env *env, uint32_t task, struct actions *out)
{
    if ((s->waiting >> task & 1) != 0 && !semisync_is_waiting(s, task))
        act_wake(out, task); /* it stands on no node: nothing but its own timer wakes it */
    if (s->enabled && s->on)
        switch_off(s, env, out);
}

void semisync_replica_joins(struct semisync *s, const struct env *env, uint32_t node,
                            log_pos_t start, struct actions *out)
{
    assert(node < NODES_MAX);
    s->clients |= (uint8_t)(1u << node);
    semisync_ack(s, env, node, start, out);
}

void semisync_replica_leaves(struct semisync *s, const struct env *env, uint32_t node,
                             struct actions *out)
{
    assert(node < NODES_MAX);
    s->clients &= (uint8_t) ~(1u << node);
    if (!s->enabled || !too_few(s, env))
        return;
    if (!rules_of(env)->off_without_replicas)
        release(s, s->n, out);
    else if (s->on)
        switch_off(s, env, out);
}

bool semisync_is_waiting(const struct semisync *s, uint32_t task)
{
    for (uint32_t i = 0; i < s->n; i++) {
        if (s->active[i].waiters >> task & 1)
            return true;
    }
    return false;
}

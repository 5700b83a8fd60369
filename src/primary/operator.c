/* What operators and managers tell a running server to do (facts 2.1). */
#include "primary/internal.h"

/* ---- KILL ----------------------------------------------------------------------------------- */

/* The leader that commits for the session; COMMITTERS where it is in nobody's group. */
static uint32_t leader_of(const struct primary *p, uint32_t task)
{
    for (uint32_t t = 0; t < COMMITTERS; t++) {
        for (uint32_t i = p->by[t].head; i != 0; i = p->by[i - 1].next) {
            if (i - 1 == task)
                return t;
        }
    }
    return COMMITTERS;
}

enum kill_victim primary_kill_victim(const struct primary *p, uint32_t task)
{
    assert(task < SESSIONS_MAX);
    uint32_t leader = leader_of(p, task);
    const struct committer *m = &p->by[leader < COMMITTERS ? leader : task];
    /* Or for its turn to wait: its group is published, another holds LOCK_after_binlog_sync. */
    bool waits = m->state == COMMITTER_ACK || (m->state == COMMITTER_LOCK && m->lock == LOCK_LOG &&
                                               p->owner[LOCK_AFTER_BINLOG_SYNC] != 0);
    if (!waits || commit_is_killed(p, task))
        return KILL_NOBODY;
    if (leader != task)
        return leader == COMMITTERS ? KILL_WAITER : KILL_FOLLOWER;
    return p->by[task].next != 0 || m->head != task + 1 ? KILL_LEADER : KILL_WAITER;
}

static void kill_session(const struct ctx *c, uint32_t task, bool connection)
{
    assert(task < SESSIONS_MAX);
    struct committer *m = &c->p->by[task];
    if (m->state == COMMITTER_IDLE)
        return;
    c->p->killed |= (uint8_t)(1u << task);
    if (connection)
        c->p->hung_up |= (uint8_t)(1u << task);
    if (m->state == COMMITTER_ACK && c->env->set->profile->semisync.kill_ends_wait)
        act_wake(c->out, task);
}

/* ---- settings and the rest ------------------------------------------------------------------- */

static void admin(const struct ctx *c, enum admin what)
{
    if (what == ADMIN_SERVE && !c->p->serving) {
        c->p->serving = 1;
        c->p->as_primary = 1;
        if (!c->p->semisync.enabled && c->env->set->semi_sync_master)
            semisync_enable(&c->p->semisync, c->env, c->p->binlog.end_pos);
    } else if (what == ADMIN_READ_ONLY) {
        c->p->serving = 0;
    }
}

static void set_semi_sync(const struct ctx *c, bool on)
{
    if (!on)
        semisync_disable(&c->p->semisync, c->env, c->out);
    else if (!c->p->semisync.enabled)
        semisync_enable(&c->p->semisync, c->env, 0); /* it forgets what it has registered before */
}

void operator_step(const struct ctx *c, const struct event *ev)
{
    switch (ev->admin) {
    case ADMIN_SEMI_SYNC_OFF:
    case ADMIN_SEMI_SYNC_ON:
        set_semi_sync(c, ev->admin == ADMIN_SEMI_SYNC_ON);
        break;
    case ADMIN_KILL_QUERY:
    case ADMIN_KILL_CONNECTION:
        kill_session(c, ev->task, ev->admin == ADMIN_KILL_CONNECTION);
        break;
    case ADMIN_SHUTDOWN:
    case ADMIN_SHUTDOWN_WAIT:
        shutdown_begin(c, ev->admin == ADMIN_SHUTDOWN_WAIT);
        for (uint32_t t = 0; t < SESSIONS_MAX; t++)
            kill_session(c, t, true);
        break;
    case ADMIN_RESET_MASTER:
        if (c->p->by[TASK_OPERATOR].state == COMMITTER_IDLE)
            commit_start(c, TASK_OPERATOR, PATH_RESET_MASTER);
        break;
    case ADMIN_FLUSH_LOGS:
        if (c->p->by[TASK_OPERATOR].state == COMMITTER_IDLE)
            commit_start(c, TASK_OPERATOR, PATH_FLUSH_LOGS);
        break;
    case ADMIN_PURGE:
        if (c->p->by[TASK_OPERATOR].state == COMMITTER_IDLE)
            commit_start(c, TASK_OPERATOR, PATH_PURGE);
        break;
    default:
        admin(c, (enum admin)ev->admin);
    }
}

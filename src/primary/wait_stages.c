/* Threads that wait for ACKs: of their own transaction, or for a whole group. */
#include "primary/stage.h"

/* commit_trx: may the task go on behind `pos`? A thread that was killed does not wait, whatever
 * it waits for: a killed leader waits for none of its members (facts 2.1, A38). */
static bool ack_is_there(const struct ctx *c, uint32_t task, log_pos_t pos)
{
    if (commit_is_killed(c->p, task) && c->env->set->profile->semisync.kill_ends_wait) {
        semisync_abandon(&c->p->semisync, task, c->out);
        return true;
    }
    return semisync_wait(&c->p->semisync, c->env, pos, task, c->out);
}

static enum outcome wait_for_members(const struct ctx *c, uint32_t task, bool each)
{
    struct committer *leader = &c->p->by[task];
    if (leader->cursor == 0)
        leader->cursor = leader->head;
    while (leader->cursor != 0) {
        struct committer *m = commit_member(c->p, leader->cursor);
        bool asked = m->end != 0 && (each || m->next == 0);
        if (asked && !ack_is_there(c, task, m->end)) {
            leader->state = COMMITTER_ACK;
            return STAY;
        }
        leader->cursor = m->next;
    }
    return YIELD;
}

enum outcome stage_wait(const struct ctx *c, uint32_t task)
{
    return wait_for_members(c, task, settings_group_wait(c->env->set) == GROUP_WAIT_EACH);
}

enum outcome stage_wait_all(const struct ctx *c, uint32_t task)
{
    if (c->p->after_leader == task + 1)
        c->p->after_leader = 0; /* who comes now forms the next queue */
    return wait_for_members(c, task, true);
}

/* Behind LOCK_commit the groups queue for LOCK_after_commit; who has begun the queue waits for all
 * that it finds there when it gets the lock. */
enum outcome stage_join_after(const struct ctx *c, uint32_t task)
{
    struct committer *m = &c->p->by[task];
    if (c->p->after_leader == 0) {
        c->p->after_leader = (uint8_t)(task + 1);
        return NEXT;
    }
    commit_last_member(c->p, commit_member(c->p, c->p->after_leader))->next = m->head;
    m->head = 0;
    m->state = COMMITTER_FOLLOWER;
    (void)lock_enter(c, task, LOCK_NONE);
    return STAY;
}

/* The offset is that of the statement's end, but the name of the file is read when it is asked
 * for: where this very write has caused a rotation, it is that of the new file, and nobody has
 * registered such a position. The wait is skipped (facts A36; seen on 10.11.19). */
enum outcome stage_wait_direct(const struct ctx *c, uint32_t task)
{
    struct committer *m = &c->p->by[task];
    if (ack_is_there(c, task, log_pos(c->p->binlog.num, log_pos_offset(m->end))))
        return YIELD;
    m->state = COMMITTER_ACK;
    return STAY;
}

enum outcome stage_wait_own(const struct ctx *c, uint32_t task)
{
    struct committer *m = &c->p->by[task];
    if (m->end == 0 || ack_is_there(c, task, m->end))
        return YIELD;
    m->state = COMMITTER_ACK;
    return STAY;
}

/* The locks of the commit pipeline, taken hand over hand (MDEV-162). */
#include "primary/internal.h"

static void unlock(const struct ctx *c, uint32_t lock)
{
    assert(lock != LOCK_NONE && c->p->owner[lock] != 0);
    c->p->owner[lock] = 0;
    if (lock == LOCK_LOG && c->env->set->profile->dump_takes_log_lock)
        dump_wake(c);
    for (uint32_t t = 0; t < COMMITTERS; t++) {
        struct committer *m = &c->p->by[t];
        if (m->state == COMMITTER_LOCK && commit_pipeline(c->env, m->path)[m->row].lock == lock) {
            m->state = COMMITTER_READY;
            act_wake(c->out, t);
        }
    }
}

bool lock_enter(const struct ctx *c, uint32_t task, uint32_t lock)
{
    struct committer *m = &c->p->by[task];
    if (m->lock == lock)
        return true;
    if (lock != LOCK_NONE) {
        if (c->p->owner[lock] != 0) {
            m->state = COMMITTER_LOCK;
            return false;
        }
        c->p->owner[lock] = (uint8_t)(task + 1);
    }
    if (m->lock != LOCK_NONE)
        unlock(c, m->lock);
    m->lock = (uint8_t)lock;
    return true;
}

/* A thread that changes to a new binlog file, and MySQL's way of doing it. */
#include "primary/stage.h"

/* A disk error in a rotation ends the server; MariaDB would close the binlog and go on without. */
enum outcome rotate_carry_on(const struct ctx *c, uint32_t task)
{
    struct committer *m = &c->p->by[task];
    if (m->io_error != IO_OK && c->p->binlog.rotation != ROTATION_CLEAR) {
        act(c->out, ACT_EXIT)->arg = m->io_error;
        return STAY;
    }
    return rotate_go_on(c, task) ? NEXT : commit_wait_for_disk(m);
}

void rotate_claim(const struct ctx *c, uint32_t task)
{
    struct binlog *b = &c->p->binlog;
    struct binlog_life *l = &b->life[b->num - b->oldest];
    if (l->asker == 0) /* a later group comes later to its end, too */
        l->asker = (uint8_t)(task + 1);
}

bool rotate_is_mine(const struct ctx *c, uint32_t task)
{
    struct binlog *b = &c->p->binlog;
    if (b->oldest == 0 || b->life[b->num - b->oldest].asker != task + 1)
        return false;
    b->life[b->num - b->oldest].asker = 0;
    return !b->closed;
}

/* No transaction may be left in doubt in the old file, since recovery will not read it: with
 * LOCK_log in its hand the thread waits until all that were written have been through their engine
 * commit, and then makes the engine's log durable (facts 1.3). Whoever waits for an ACK before its
 * engine commit is waited for as well. */
enum outcome stage_drain(const struct ctx *c, uint32_t task)
{
    struct committer *m = &c->p->by[task];
    struct binlog *b = &c->p->binlog;
    if (b->rotation != ROTATION_NONE)
        return rotate_carry_on(c, task);
    if (!m->io_done) {
        if (m->path == PATH_ROTATE_LAST && !rotate_due(c))
            return NEXT; /* another has done it */
        if (b->life[b->num - b->oldest].xids != 0) {
            m->state = COMMITTER_DRAIN;
            return STAY;
        }
    }
    if (redo_flush_all(c, task) == STAY)
        return STAY;
    m->synced = 0;
    m->flush_lsn = 0;
    rotate_start(c, task);
    return commit_wait_for_disk(m);
}

void rotate_drained(const struct ctx *c)
{
    uint32_t owner = c->p->owner[LOCK_LOG];
    if (owner == 0 || c->p->by[owner - 1].state != COMMITTER_DRAIN)
        return;
    c->p->by[owner - 1].state = COMMITTER_READY;
    act_wake(c->out, owner - 1);
}

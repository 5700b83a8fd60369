/* RESET MASTER: every binlog is deleted, and a new first one begins (A20; seen on 10.11.19).
 *
 *   off    semi-sync is disabled: who waits goes on without an ACK
 *   drain  under LOCK_log: every group that is written has been through commit_ordered, and its
 *          threads are through with the engine
 *   files  the engine's log is made durable, the files go, the index is emptied, binlog.000001 is
 *          created; the GTID state is empty
 *   on     semi-sync is enabled as if for the first time, and the status counters are zero
 *
 * Dump threads are not told. Each has its old file open and takes the next position for one of it,
 * until the new file has grown past it: then it ends. An ACK that was on its way carries a position
 * of the old file, and nobody can tell it from one of the new file of the same name.
 */
#include "primary/internal.h"

enum { STEP_FLUSH = 0, STEP_DELETE, STEP_CREATE, STEP_OPEN };

bool primary_resets(const struct primary *p)
{
    const struct committer *m = &p->by[TASK_OPERATOR];
    return m->state != COMMITTER_IDLE && m->path == PATH_RESET_MASTER;
}

void reset_off(const struct ctx *c, struct committer *m)
{
    m->k = c->p->semisync.enabled;
    if (c->p->semisync.enabled)
        semisync_disable(&c->p->semisync, c->env, c->out);
}

bool reset_is_drained(const struct primary *p)
{
    const struct binlog *b = &p->binlog;
    bool chain = p->owner[LOCK_AFTER_BINLOG_SYNC] != 0 || p->owner[LOCK_COMMIT_ORDERED] != 0;
    for (uint32_t i = 0; i + b->oldest <= b->num; i++) {
        if (b->life[i].xids != 0)
            return false;
    }
    return !chain;
}

void reset_look(const struct ctx *c)
{
    struct committer *m = &c->p->by[TASK_OPERATOR];
    if (m->path != PATH_RESET_MASTER || m->state != COMMITTER_LOCK || m->lock != LOCK_LOG)
        return;
    if (!reset_is_drained(c->p))
        return;
    m->state = COMMITTER_READY;
    act_wake(c->out, TASK_OPERATOR);
}

static void delete_files(const struct ctx *c)
{
    struct binlog_index index;
    binlog_index_read(c, &index);
    for (uint32_t i = 0; i < c->env->disk->n; i++) {
        if (c->env->disk->at[i].id.kind == FILE_BINLOG)
            act_unlink(c->out, TASK_OPERATOR, c->env->disk->at[i].id);
    }
    bool cut = binlog_index_cut(c, TASK_OPERATOR, 0);
    assert(cut);
    (void)cut;
}

static void begin_anew(const struct ctx *c)
{
    struct binlog *b = &c->p->binlog;
    assert(b->rotation == ROTATION_NONE);
    memset(b, 0, sizeof *b);
    c->p->recovered_file = 0;
    c->p->recovered_from = 0;
    c->p->recovered_len = 0;
    c->p->recovered_end = 0;
    for (uint32_t i = 0; i < NODES_MAX; i++)
        c->p->dump[i].stale = c->p->dump[i].active;
    rotate_first(c, TASK_OPERATOR);
}

bool reset_files(const struct ctx *c, struct committer *m)
{
    switch (m->cursor) {
    case STEP_FLUSH:
        m->cursor = STEP_DELETE;
        m->flush_lsn = c->e->written;
        if (engine_flush_all(c->e, TASK_OPERATOR, c->out)) {
            m->flush_lsn = c->e->written;
            return false;
        }
        /* fallthrough */
    case STEP_DELETE:
        engine_flushed(c->e, m->flush_lsn);
        m->cursor = STEP_CREATE;
        delete_files(c);
        return false;
    case STEP_CREATE:
        m->cursor = STEP_OPEN;
        begin_anew(c);
        return false;
    default:
        return rotate_go_on(c, TASK_OPERATOR);
    }
}

void reset_on(const struct ctx *c, const struct committer *m)
{
    struct semisync *s = &c->p->semisync;
    if (m->k != 0 && !s->enabled)
        semisync_enable(s, c->env, 0);
    semisync_reset_status(s);
}

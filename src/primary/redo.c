/* The stages of a commit that concern the engine and its log alone. How far each takes the log says
 * innodb_flush_log_at_trx_commit (facts 1.1 steps 2 and 14). */
#include "primary/stage.h"

/* The redo log is under way; `synced`: its disk actions end in an fsync. */
static enum outcome wait_for_redo(const struct ctx *c, struct committer *m, bool synced)
{
    m->synced = synced;
    m->flush_lsn = c->e->written;
    return commit_wait_for_disk(m);
}

static bool sync_at_prepare(const struct env *env)
{
    uint32_t f = env->set->flush_log_at_trx_commit;
    return f == 1 || f == 3;
}

/* InnoDB ends the server when its log cannot be written (facts live). */
static enum outcome redo_done(const struct ctx *c, const struct committer *m)
{
    if (m->io_error != IO_OK) {
        act(c->out, ACT_EXIT)->arg = m->io_error;
        return STAY;
    }
    if (m->synced)
        engine_flushed(c->e, m->flush_lsn);
    return NEXT;
}

/* The row, in memory. All that there is to do where the binlog is closed. */
enum outcome redo_insert(const struct ctx *c, uint32_t task)
{
    struct committer *m = &c->p->by[task];
    if ((m->path == PATH_PLAIN ? plain_insert : engine_prepare)(c->e, m->xid, m->k, m->v, m->gtid))
        return NEXT;
    m->failed = 1;
    m->xid = 0; /* nothing to roll back */
    commit_send_on(c, task, STAGE_REPLY);
    return STAY;
}

enum outcome redo_execute(const struct ctx *c, uint32_t task)
{
    struct committer *m = &c->p->by[task];
    if (m->io_done)
        return redo_done(c, m);
    if (redo_insert(c, task) == STAY)
        return STAY;
    if (c->env->set->profile->ddl_first)
        engine_execute(c->e, m->xid);
    if (!engine_flush_all(c->e, task, c->out))
        return NEXT;
    return wait_for_redo(c, m, true);
}

enum outcome redo_prepare(const struct ctx *c, uint32_t task)
{
    struct committer *m = &c->p->by[task];
    if (m->path == PATH_DIRECT) /* MySQL: DDL is queued like a transaction */
        return redo_execute(c, task);
    if (m->io_done)
        return redo_done(c, m);
    if (redo_insert(c, task) == STAY)
        return STAY;
    if (m->path == PATH_PLAIN || !engine_flush_prepare(c->e, c->env, task, c->out))
        return NEXT;
    return wait_for_redo(c, m, sync_at_prepare(c->env));
}

/* The statement ends, and with it the lock that kept readers away: the metadata lock of DDL, or
 * that of a table without transactions, which has what it keeps only now, whatever became of the
 * binlog. */
enum outcome redo_unlock(const struct ctx *c, uint32_t task)
{
    struct committer *m = &c->p->by[task];
    if (m->path == PATH_DIRECT) {
        engine_show(c->e, m->xid);
        return YIELD;
    }
    if (m->path != PATH_PLAIN)
        return NEXT;
    if (!m->io_done) {
        plain_unlock(c->e, c->env, m->xid, task, c->out);
        return commit_wait_for_disk(m);
    }
    m->failed |= m->io_error != IO_OK;
    return YIELD;
}

/* Nothing but the commit record says that the transaction is there: F=1 must fsync it now. */
enum outcome redo_flush_alone(const struct ctx *c, uint32_t task)
{
    struct committer *m = &c->p->by[task];
    if (m->io_done)
        return redo_done(c, m);
    if (!engine_flush_prepare(c->e, c->env, task, c->out))
        return NEXT;
    return wait_for_redo(c, m, sync_at_prepare(c->env));
}

static enum outcome flush_commit_record(const struct ctx *c, uint32_t task)
{
    struct committer *m = &c->p->by[task];
    if (m->io_done)
        return redo_done(c, m);
    if (!engine_flush_commit(c->e, c->env, task, c->out))
        return NEXT;
    return wait_for_redo(c, m, c->env->set->flush_log_at_trx_commit == 3);
}

/* Steps 14, 15. Whoever rotated a file away asks for its checkpoint now. */
enum outcome redo_flush(const struct ctx *c, uint32_t task)
{
    struct committer *m = &c->p->by[task];
    if (!m->io_done)
        checkpoint_ask(c, task);
    enum outcome o = m->path == PATH_PLAIN ? NEXT : flush_commit_record(c, task);
    if (o == NEXT && m->end != 0 && commit_is_2pc(m)) /* others are not counted */
        checkpoint_unlog(c, m->end);
    return o;
}

enum outcome redo_flush_all(const struct ctx *c, uint32_t task)
{
    struct committer *m = &c->p->by[task];
    if (m->io_done)
        return redo_done(c, m);
    return engine_flush_all(c->e, task, c->out) ? wait_for_redo(c, m, true) : NEXT;
}

#include "primary/internal.h"

static const uint8_t paths[] = {
    [STATEMENT_INSERT] = PATH_GROUP,
    [STATEMENT_LARGE] = PATH_LARGE,
    [STATEMENT_PLAIN] = PATH_PLAIN,
    [STATEMENT_DDL] = PATH_DIRECT,
};

static void start_client(const struct ctx *c, uint32_t task, uint32_t txn, enum statement statement)
{
    assert(task < SESSIONS_MAX && txn < TXNS_MAX);
    struct committer *m = &c->p->by[task];
    assert(m->state == COMMITTER_IDLE);
    if (!c->p->serving) {
        act_reply(c->out, task, txn, CLIENT_ERROR);
        return;
    }
    m->txn = txn;
    m->k = (int32_t)txn + 1;
    m->v = m->k * 100;
    m->xid = txn + 1; /* a server's XID holds a query id that no other live transaction has */
    commit_start(c, task, paths[statement]);
}

bool primary_apply(struct primary *p, const struct replicated_group *g, struct actions *out)
{
    struct committer *m = &p->by[TASK_APPLIER];
    if (m->state != COMMITTER_IDLE || m->finished)
        return false;
    /* A group without an XID is known by its key. */
    uint64_t xid = g->xid != 0 ? g->xid : (uint64_t)g->k;
    assert(g->gtid.seq != 0 && xid != 0);
    *m = (struct committer){.gtid = g->gtid, .xid = xid, .k = g->k, .v = g->v};
    struct ctx c = {.p = p, .out = out};
    commit_start(&c, TASK_APPLIER, paths[g->statement]);
    return true;
}

bool primary_applied(struct primary *p, bool *error)
{
    struct committer *m = &p->by[TASK_APPLIER];
    if (!m->finished)
        return false;
    *error = m->failed;
    memset(m, 0, sizeof *m);
    return true;
}

bool primary_cuts(const struct primary *p)
{
    return p->boot == BOOT_CUT_INDEX || p->boot == BOOT_CUT;
}

bool primary_booted(const struct primary *p)
{
    return p->boot >= BOOT_WAIT_ACK;
}

void primary_gtid_pos(const struct primary *p, const struct engine *e, struct gtid_pos *pos)
{
    gtid_state_pos(&p->binlog.state, pos);
    for (uint32_t i = 0; i < e->applied.n; i++)
        gtid_pos_raise(pos, e->applied.at[i]);
}

/* What the engine does behind the committers: flush the redo log, then write pages. */
static void run_redo(const struct ctx *c)
{
    bool pages = ibb_pages_due(c->e);
    uint32_t f = c->env->set->flush_log_at_trx_commit;
    if (pages && (f == 1 || f == 3))
        ibb_pages_write(c->e, c->env, c->out);
    else if (engine_flush_all(c->e, TASK_REDO, c->out))
        c->p->flush_lsn = c->e->written;
    else if (pages)
        ibb_pages_write(c->e, c->env, c->out);
}

static void run(const struct ctx *c, uint32_t task)
{
    if (task < COMMITTERS)
        commit_run(c, task);
    else if (task >= TASK_DUMP && task < TASK_DUMP + NODES_MAX)
        dump_run(c, task - TASK_DUMP);
    else if (task == TASK_BOOT)
        recovery_run(c);
    else if (task == TASK_REDO)
        run_redo(c);
}

static void disk_done(const struct ctx *c, uint32_t task, enum io_result result)
{
    if (task < COMMITTERS) {
        commit_disk_done(c, task, result);
    } else if (task == TASK_BOOT) {
        if (c->p->shutdown != SHUTDOWN_NOT)
            shutdown_disk_done(c, result);
        else
            recovery_disk_done(c, result);
    } else if (result != IO_OK) {
        act(c->out, ACT_EXIT)->arg = (uint32_t)result;
    } else if (task == TASK_REDO) {
        if (c->e->ibb.on && c->e->ibb.flushing != 0)
            ibb_pages_written(c->e);
        else
            engine_flushed(c->e, c->p->flush_lsn);
    } else if (task >= TASK_DUMP && task < TASK_DUMP + NODES_MAX) {
        engine_dump_flushed(c, task - TASK_DUMP);
    }
}

void primary_step(struct primary *p, struct engine *e, const struct env *env,
                  const struct event *ev, struct actions *out)
{
    assert(p != NULL && e != NULL && env != NULL && ev != NULL && out != NULL);
    struct ctx c = {.p = p, .e = e, .env = env, .out = out};
    switch (ev->kind) {
    case EV_BOOT:
        memset(p, 0, sizeof *p);
        p->as_primary = ev->admin == ADMIN_SERVE;
        recovery_start(&c);
        break;
    case EV_RUN:
        run(&c, ev->task);
        break;
    case EV_DISK_DONE:
        disk_done(&c, ev->task, (enum io_result)ev->io);
        checkpoint_flushed(&c);
        break;
    case EV_TIMER:
        if (ev->task == TASK_BOOT && p->shutdown != SHUTDOWN_NOT)
            shutdown_timeout(&c);
        else
            semisync_timeout(&p->semisync, env, ev->task, out);
        break;
    case EV_CLIENT:
        start_client(&c, ev->task, ev->txn, (enum statement)ev->statement);
        break;
    case EV_ADMIN:
        operator_step(&c, ev);
        break;
    case EV_NET_OPEN:
        dump_accept(&c, ev->peer);
        break;
    case EV_NET_DOWN:
        dump_end(&c, ev->peer);
        break;
    case EV_NET_FRAME:
        dump_frame(&c, ev->peer, ev->bytes, ev->len);
        break;
    default:
        assert(0 && "an event that the primary does not take");
    }
    reset_look(&c);
    shutdown_look(&c);
}

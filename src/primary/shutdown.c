/* SHUTDOWN and SHUTDOWN WAIT FOR ALL SLAVES (facts 2.1; seen on 10.11.19).
 *
 * Nobody is let in any more and every session is killed: who waits for an ACK goes on without, and
 * its client is cut off: nobody is told OK. With WAIT FOR ALL SLAVES the process then stays until
 * the dump threads have sent everything and each position in the list was ACKed, or its semi-sync
 * timeout has run out. Then the binlog is closed: its IN_USE flag is cleared, and it is fsynced.
 * The engine's log is flushed behind that (seen on 10.11.19, 0.1 s later): a power loss in between
 * leaves transactions in doubt and no binlog to ask. */
#include "primary/internal.h"

void shutdown_begin(const struct ctx *c, bool wait_for_slaves)
{
    struct primary *p = c->p;
    assert(p->boot == BOOT_DONE && p->shutdown == SHUTDOWN_NOT);
    p->serving = 0;
    p->shutdown = wait_for_slaves ? SHUTDOWN_SLAVES : SHUTDOWN_SESSIONS;
}

static bool all_are_through(const struct primary *p)
{
    for (uint32_t t = 0; t < COMMITTERS; t++) {
        if (p->by[t].state != COMMITTER_IDLE)
            return false;
    }
    return true;
}

static bool slaves_have_all(const struct primary *p)
{
    const struct semisync *s = &p->semisync;
    for (uint32_t i = 0; i < NODES_MAX; i++) {
        if (p->dump[i].active && p->dump[i].pos < p->binlog.end_pos)
            return false;
    }
    return !s->enabled || !s->on || s->n == 0;
}

static void close_binlog(const struct ctx *c)
{
    struct primary *p = c->p;
    p->shutdown = SHUTDOWN_BINLOG;
    rotate_clear_in_use(c, TASK_BOOT, p->binlog.num);
    act_fsync(c->out, TASK_BOOT, (struct file_id){.kind = FILE_BINLOG, .num = p->binlog.num});
}

void shutdown_look(const struct ctx *c)
{
    struct primary *p = c->p;
    if (p->shutdown == SHUTDOWN_NOT || p->shutdown >= SHUTDOWN_BINLOG || !all_are_through(p))
        return;
    if (p->shutdown == SHUTDOWN_SESSIONS) {
        close_binlog(c);
        return;
    }
    if (!slaves_have_all(p)) {
        if (p->shutdown == SHUTDOWN_SLAVES && c->env->set->semi_sync_timeout_ms != 0) {
            struct action *a = act(c->out, ACT_SET_TIMER);
            a->task = TASK_BOOT;
            a->arg = c->env->set->semi_sync_timeout_ms;
            p->shutdown = SHUTDOWN_SLAVES_TIMED;
        }
        return;
    }
    if (p->shutdown == SHUTDOWN_SLAVES_TIMED)
        act(c->out, ACT_CLEAR_TIMER)->task = TASK_BOOT;
    close_binlog(c);
}

void shutdown_timeout(const struct ctx *c)
{
    assert(c->p->shutdown == SHUTDOWN_SLAVES_TIMED);
    c->p->shutdown = SHUTDOWN_SESSIONS;
}

void shutdown_disk_done(const struct ctx *c, enum io_result result)
{
    struct primary *p = c->p;
    if (result != IO_OK) {
        act(c->out, ACT_EXIT)->arg = (uint32_t)result;
    } else if (p->shutdown == SHUTDOWN_BINLOG && engine_flush_all(c->e, TASK_BOOT, c->out)) {
        p->flush_lsn = c->e->written;
        p->shutdown = SHUTDOWN_REDO;
    } else {
        act(c->out, ACT_EXIT)->arg = EXIT_SHUTDOWN;
    }
}

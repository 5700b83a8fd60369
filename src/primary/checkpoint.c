/* Binlog checkpoints (MDEV-181): which binlogs does a recovery still need?
 *
 * A transaction that is in a binlog and whose commit record is not durable in the engine can only
 * be decided by that binlog. So each file counts its transactions from their binlog write on until
 * their thread is through with the engine (unlog), and a file that was rotated away counts one
 * more, for the engine: it is asked, when everything that was written to the file has been through
 * commit_ordered, to say when its log is durable up to that point. Where the oldest file counts
 * nothing any more and is not the current one, a BINLOG_CHECKPOINT event names the oldest file that
 * still counts something. A recovery reads from the last such event that it finds.
 *
 * Who rotates asks, behind LOCK_commit_ordered: the leader of a group, or FLUSH BINARY LOGS.
 * MariaDB lets the thread whose unlog was the last write the event; here it is always the
 * background thread.
 */
#include "primary/internal.h"

static struct binlog_life *life_of(struct binlog *b, uint32_t num)
{
    assert(num >= b->oldest && num <= b->num && num - b->oldest < BINLOGS_LIVE_MAX);
    return &b->life[num - b->oldest];
}

bool checkpoint_has_room(const struct binlog *b)
{
    return b->num + 1u - b->oldest < BINLOGS_LIVE_MAX;
}

void checkpoint_count(const struct ctx *c, uint32_t n)
{
    life_of(&c->p->binlog, c->p->binlog.num)->xids += (uint8_t)n;
}

void checkpoint_uncount(const struct ctx *c, uint32_t n)
{
    struct binlog_life *l = life_of(&c->p->binlog, c->p->binlog.num);
    assert(l->xids >= n);
    l->xids -= (uint8_t)n;
}

void checkpoint_rotated(const struct ctx *c, uint32_t num, uint32_t asker)
{
    struct binlog_life *l = life_of(&c->p->binlog, num);
    l->asker = (uint8_t)(asker + 1);
    l->xids++;
}

/* Counts out what the engine has made durable; the background thread has work where the oldest file
 * is done with. */
static void look(const struct ctx *c)
{
    struct binlog *b = &c->p->binlog;
    for (uint32_t num = b->oldest; num < b->num; num++) {
        struct binlog_life *l = life_of(b, num);
        if (l->lsn != 0 && l->lsn <= c->e->synced) {
            l->lsn = 0;
            l->xids--;
        }
    }
    if (b->oldest < b->num && b->life[0].xids == 0 &&
        c->p->by[TASK_BACKGROUND].state == COMMITTER_IDLE)
        commit_start(c, TASK_BACKGROUND, PATH_CHECKPOINT);
}

void checkpoint_ask(const struct ctx *c, uint32_t task)
{
    struct binlog *b = &c->p->binlog;
    for (uint32_t num = b->oldest; num < b->num; num++) {
        struct binlog_life *l = life_of(b, num);
        if (l->asker != task + 1)
            continue;
        l->asker = 0;
        l->lsn = engine_lsn(c->e);
    }
    look(c);
}

void checkpoint_unlog(const struct ctx *c, log_pos_t end)
{
    struct binlog_life *l = life_of(&c->p->binlog, log_pos_file(end));
    assert(l->xids > 0);
    l->xids--;
    look(c);
    if (l->xids == 0)
        rotate_drained(c);
}

void checkpoint_flushed(const struct ctx *c)
{
    if (c->p->binlog.oldest != 0 && c->p->binlog.oldest < c->p->binlog.num)
        look(c);
}

bool primary_checkpoint_waits(const struct primary *p)
{
    const struct binlog *b = &p->binlog;
    for (uint32_t i = 0; i + b->oldest < b->num; i++) {
        if (b->life[i].lsn != 0)
            return true;
    }
    return false;
}

/* ---- the event ------------------------------------------------------------------------------ */

static void forget_done(struct binlog *b)
{
    uint32_t done = 0;
    while (b->oldest + done < b->num && b->life[done].xids == 0)
        done++;
    memmove(b->life, b->life + done, (BINLOGS_LIVE_MAX - done) * sizeof b->life[0]);
    memset(b->life + BINLOGS_LIVE_MAX - done, 0, done * sizeof b->life[0]);
    b->oldest = (uint8_t)(b->oldest + done);
}

void checkpoint_write(const struct ctx *c, uint32_t task)
{
    struct binlog *b = &c->p->binlog;
    const struct file_id id = {.kind = FILE_BINLOG, .num = b->num};
    uint8_t event[128];
    char name[BINLOG_NAME_MAX];
    struct writer w = writer_over(event, sizeof event);
    struct event_ctx x = {.timestamp = EVENT_TIMESTAMP,
                          .server_id = c->env->set->server_id,
                          .start = b->len + b->cached};
    forget_done(b);
    binlog_name(name, b->oldest);
    encode_binlog_checkpoint(&w, &x, name);
    assert(!w.failed);
    binlog_write_kept(c, task);
    act_write(c->out, task, id, x.start, event, w.len);
    if (binlog_sync_due(b, c->env))
        act_fsync(c->out, task, id);
}

/* A checkpoint that could not be written costs the next recovery time and nothing else. */
void checkpoint_written(const struct ctx *c)
{
    struct binlog *b = &c->p->binlog;
    const struct file_view *f =
        view_find(c->env->disk, (struct file_id){.kind = FILE_BINLOG, .num = b->num});
    assert(f != NULL && f->len >= b->len);
    if (f->len == b->len)
        return;
    binlog_drop_cache(b); /* what was kept in it went first */
    b->len = f->len;
    binlog_publish(c, log_pos(b->num, b->len));
}

/* Start-up: crash recovery of the binlog, and the opening of a new file (facts 5.1).
 *
 *   1. The last binlog whose head is complete is read, if it is marked IN_USE. Its GTID_LIST and
 *      its complete groups give the GTID state; a torn or incomplete last group does not count
 *      (MDEV-4725).
 *   2. A prepared transaction whose XID is in the binlog is committed, in binlog order; every other
 *      is rolled back. It does not matter whether anybody has ACKed it.
 *   3. The decisions are made durable before the old file can be taken for clean (MDEV-33853).
 *   4. A new file is opened: head written and fsynced.
 *   5. Only now the old file's IN_USE flag is cleared (MDEV-342).
 *
 * Older files than the last need no scan: each start makes the decisions of the previous life
 * durable before it opens the next file. There is no index file yet; a file counts as being in the
 * index when its head is complete, which is when a server would register it.
 */
#include "primary/internal.h"

enum { IN_USE_FLAGS_OFFSET = BINLOG_MAGIC_LEN + 17 };

uint32_t binlog_head(const struct file_view *f, bool *in_use, struct gtid_state *state)
{
    struct event_head h;
    uint32_t off = BINLOG_MAGIC_LEN;
    memset(state, 0, sizeof *state);
    if (f->len < off || memcmp(f->bytes, binlog_magic, BINLOG_MAGIC_LEN) != 0)
        return 0;
    if (event_parse(f->bytes + off, f->len - off, true, &h) != FMT_OK ||
        h.type != EVENT_FORMAT_DESCRIPTION)
        return 0;
    *in_use = format_description_in_use(&h);
    off += h.len;
    if (event_parse(f->bytes + off, f->len - off, true, &h) != FMT_OK ||
        h.type != EVENT_GTID_LIST || decode_gtid_list(f->bytes + off, &h, state) != FMT_OK)
        return 0;
    off += h.len;
    if (event_parse(f->bytes + off, f->len - off, true, &h) != FMT_OK ||
        h.type != EVENT_BINLOG_CHECKPOINT)
        return 0;
    return off + h.len;
}

/* The highest binlog with a complete head; files above it were never registered and go. */
static const struct file_view *last_registered(const struct ctx *c, bool *in_use, uint32_t *head)
{
    for (uint8_t num = view_last(c->env->disk, FILE_BINLOG); num > 0; num--) {
        struct file_id id = {.kind = FILE_BINLOG, .num = num};
        const struct file_view *f = view_find(c->env->disk, id);
        if (f == NULL)
            continue;
        *head = binlog_head(f, in_use, &c->p->binlog.state);
        if (*head != 0)
            return f;
        act_unlink(c->out, TASK_BOOT, id);
    }
    memset(&c->p->binlog.state, 0, sizeof c->p->binlog.state);
    return NULL;
}

/* Walks the groups of the file: state, and the transactions in doubt that it holds. */
static void scan(const struct ctx *c, const struct file_view *f, uint32_t off, bool in_use)
{
    struct group_scan g;
    struct event_head h;
    group_scan_start(&g);
    c->p->recovered_len = off;
    while (event_parse(f->bytes + off, f->len - off, true, &h) == FMT_OK) {
        enum group_step step = group_scan_event(&g, f->bytes + off, &h);
        if (step == GROUP_ERROR)
            break;
        off += h.len;
        if (step == GROUP_OUTSIDE && !g.open)
            c->p->recovered_len = off;
        if (step != GROUP_END)
            continue;
        c->p->recovered_len = off;
        bool room = gtid_state_update(&c->p->binlog.state, g.gtid.gtid);
        assert(room);
        (void)room;
        if (in_use && g.xid != 0 && engine_is_prepared(c->e, g.xid))
            engine_commit_ordered(c->e, g.xid);
    }
}

void recovery_start(const struct ctx *c)
{
    bool in_use = false;
    uint32_t head = 0;
    const struct file_view *f = last_registered(c, &in_use, &head);
    if (f != NULL) {
        c->p->recovered_file = f->id.num;
        c->p->boot_end = in_use;
        scan(c, f, head, in_use);
    }
    for (uint64_t xid; (xid = engine_in_doubt(c->e, 0)) != 0;)
        engine_rollback(c->e, xid);
    c->p->boot = BOOT_REDO;
    engine_sync(c->e, TASK_BOOT, c->out);
    c->p->flush_lsn = c->e->written;
}

/* Is a replica's word needed for what the recovery found, before anybody may see it? */
static bool must_wait_for_ack(const struct ctx *c)
{
    return c->p->as_primary && c->env->set->recovery == RECOVERY_WAIT_ACK &&
           c->p->recovered_file != 0 && c->env->set->semi_sync_master;
}

static void finish(const struct ctx *c)
{
    c->p->boot = BOOT_DONE;
    if (c->p->as_primary && c->env->set->recovery != RECOVERY_READ_ONLY)
        c->p->serving = 1;
}

/* The logs are open. */
static void opened(const struct ctx *c)
{
    struct binlog *b = &c->p->binlog;
    b->end_pos = log_pos(b->num, b->len);
    if (c->p->as_primary && c->env->set->recovery != RECOVERY_READ_ONLY)
        semisync_enable(&c->p->semisync, c->env, b->end_pos);
    if (!must_wait_for_ack(c)) {
        finish(c);
        return;
    }
    c->p->boot = BOOT_WAIT_ACK;
    c->p->semisync.committed = 0;
    semisync_register(&c->p->semisync, c->env, log_pos(c->p->recovered_file, c->p->recovered_len));
    recovery_run(c);
}

void recovery_run(const struct ctx *c)
{
    if (c->p->boot != BOOT_WAIT_ACK)
        return;
    log_pos_t end = log_pos(c->p->recovered_file, c->p->recovered_len);
    if (semisync_wait(&c->p->semisync, c->env, end, TASK_BOOT, c->out))
        finish(c);
}

void recovery_disk_done(const struct ctx *c, enum io_result result)
{
    struct primary *p = c->p;
    if (result != IO_OK) {
        act(c->out, ACT_EXIT)->arg = (uint32_t)result;
        return;
    }
    switch (p->boot) {
    case BOOT_REDO:
        engine_flushed(c->e, p->flush_lsn);
        p->boot = BOOT_BINLOG;
        binlog_open(c, (uint8_t)(p->recovered_file + 1));
        return;
    case BOOT_BINLOG:
        if (p->boot_end) {
            static const uint8_t closed[2] = {0, 0};
            struct file_id old = {.kind = FILE_BINLOG, .num = p->recovered_file};
            p->boot = BOOT_IN_USE;
            act_write(c->out, TASK_BOOT, old, IN_USE_FLAGS_OFFSET, closed, sizeof closed);
            act_fsync(c->out, TASK_BOOT, old);
            return;
        }
        opened(c);
        return;
    case BOOT_IN_USE:
        p->boot_end = 0;
        opened(c);
        return;
    default:
        assert(!"no disk action of the start-up is under way");
    }
}

/* Start-up: crash recovery of the binlog, and the opening of a new file (facts 5.1).
 *
 *   1. The last binlog whose head is complete is read, if it is marked IN_USE. Its GTID_LIST and
 *      its complete groups give the GTID state; a torn or incomplete last group does not count
 *      (MDEV-4725).
 *   2. A prepared transaction whose XID is in the binlog is committed, in binlog order; every other
 *      is rolled back. It does not matter whether anybody has ACKed it.
 *      With --init-rpl-role=SLAVE (MDEV-21117): from the first transaction in doubt behind the last
 *      committed one on, everything is rolled back and cut off the file.
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

/* The next complete group at or behind *off; *off is then its end. Events outside groups are passed
 * over. False: no complete group is left, *off is the end of what was readable before. */
static bool next_group(const struct file_view *f, uint32_t *off, struct group_scan *g)
{
    struct event_head h;
    uint32_t at = *off;
    group_scan_start(g);
    while (event_parse(f->bytes + at, f->len - at, true, &h) == FMT_OK) {
        enum group_step step = group_scan_event(g, f->bytes + at, &h);
        if (step == GROUP_ERROR)
            return false;
        at += h.len;
        if (step == GROUP_END || (step == GROUP_OUTSIDE && !g->open))
            *off = at;
        if (step == GROUP_END)
            return true;
    }
    return false;
}

static bool in_doubt(const struct ctx *c, const struct group_scan *g)
{
    return g->xid != 0 && engine_is_prepared(c->e, g->xid);
}

/* Where a truncating recovery cuts: behind the last group that is not in doubt. */
static uint32_t cut_point(const struct ctx *c, const struct file_view *f, uint32_t head)
{
    struct group_scan g;
    uint32_t cut = head;
    for (uint32_t off = head; next_group(f, &off, &g);) {
        if (!in_doubt(c, &g))
            cut = off;
    }
    return cut;
}

/* Walks the groups of the file up to `limit`: state, and the transactions in doubt that it holds.
 * */
static void scan(const struct ctx *c, const struct file_view *f, uint32_t head, uint32_t limit,
                 bool in_use)
{
    struct group_scan g;
    uint32_t off = head;
    while (off < limit && next_group(f, &off, &g)) {
        bool room = gtid_state_update(&c->p->binlog.state, g.gtid.gtid);
        assert(room);
        (void)room;
        if (in_use && in_doubt(c, &g))
            engine_commit_ordered(c->e, g.xid);
    }
    c->p->recovered_len = off;
}

/* Is there a complete group behind the limit, which only a cut can take away? */
static bool holds_more(const struct file_view *f, uint32_t limit)
{
    struct group_scan g;
    return next_group(f, &limit, &g);
}

void recovery_start(const struct ctx *c)
{
    bool in_use = false;
    uint32_t head = 0;
    const struct file_view *f = last_registered(c, &in_use, &head);
    if (f != NULL) {
        c->p->recovered_file = f->id.num;
        c->p->boot_end = in_use;
        uint32_t limit = f->len;
        if (in_use && c->env->set->init_rpl_role == ROLE_SLAVE)
            limit = cut_point(c, f, head);
        scan(c, f, head, limit, in_use);
        c->p->cut = limit < f->len && engine_in_doubt(c->e, 0) != 0 && holds_more(f, limit);
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
           c->p->recovered_end != 0 && c->env->set->semi_sync_master;
}

/* The newest file need not hold a group: a start that was cut short has left only its head. */
static log_pos_t last_group_end(const struct ctx *c)
{
    for (uint8_t num = c->p->recovered_file; num > 0; num--) {
        bool in_use = false;
        struct gtid_state before;
        struct group_scan g;
        const struct file_view *f =
            view_find(c->env->disk, (struct file_id){.kind = FILE_BINLOG, .num = num});
        uint32_t end = f != NULL ? binlog_head(f, &in_use, &before) : 0;
        uint32_t found = 0;
        while (end != 0 && next_group(f, &end, &g))
            found = end;
        if (found != 0)
            return log_pos(num, found);
    }
    return 0;
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
    c->p->recovered_end = last_group_end(c);
    if (c->p->as_primary && c->env->set->recovery != RECOVERY_READ_ONLY &&
        c->env->set->semi_sync_master)
        semisync_enable(&c->p->semisync, b->end_pos);
    if (!must_wait_for_ack(c)) {
        finish(c);
        return;
    }
    c->p->boot = BOOT_WAIT_ACK;
    c->p->semisync.committed = 0;
    semisync_register(&c->p->semisync, c->env, c->p->recovered_end);
    recovery_run(c);
}

void recovery_run(const struct ctx *c)
{
    if (c->p->boot != BOOT_WAIT_ACK)
        return;
    if (semisync_wait(&c->p->semisync, c->env, c->p->recovered_end, TASK_BOOT, c->out))
        finish(c);
}

static void open_new(const struct ctx *c)
{
    c->p->boot = BOOT_BINLOG;
    binlog_open(c, (uint8_t)(c->p->recovered_file + 1));
}

/* Marks the old file as closed; a truncating recovery shortens it in the same breath. */
static void close_old(const struct ctx *c)
{
    static const uint8_t closed[2] = {0, 0};
    struct file_id old = {.kind = FILE_BINLOG, .num = c->p->recovered_file};
    act_write(c->out, TASK_BOOT, old, IN_USE_FLAGS_OFFSET, closed, sizeof closed);
    if (c->p->cut)
        act_truncate(c->out, TASK_BOOT, old, c->p->recovered_len);
    act_fsync(c->out, TASK_BOOT, old);
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
        if (p->cut) {
            p->boot = BOOT_CUT;
            close_old(c);
            return;
        }
        open_new(c);
        return;
    case BOOT_CUT:
        p->cut = 0;
        p->boot_end = 0;
        open_new(c);
        return;
    case BOOT_BINLOG:
        if (p->boot_end) {
            p->boot = BOOT_IN_USE;
            close_old(c);
            return;
        }
        opened(c);
        return;
    case BOOT_IN_USE:
        p->boot_end = 0;
        opened(c);
        return;
    default:
        assert(0 && "no disk action of the start-up is under way");
    }
}

/* Start-up: crash recovery of the binlog, and the opening of a new file (facts 5.1, 5.2).
 *
 *   1. The index says which binlogs there are; others were never registered and are deleted. The
 *      last one is read, if it is marked IN_USE. Its GTID_LIST and its complete groups give the
 *      GTID state; a torn or incomplete last group does not count (MDEV-4725).
 *   2. Its last BINLOG_CHECKPOINT names the file from which on transactions in doubt are looked
 *      for (MDEV-181). A prepared transaction whose XID is found is committed, in binlog order;
 *      every other is rolled back. It does not matter whether anybody has ACKed it.
 *      With --init-rpl-role=SLAVE (MDEV-21117): from the first transaction in doubt behind the last
 *      committed one on, everything is rolled back and cut off, later files are removed.
 *   3. The decisions are made durable (MDEV-33853) before the next file begins: its checkpoint
 *      names itself, and so nobody will look into the older ones again. Where it cuts, the cut
 *      comes first: until then the engine's log is flushed only when the engine does so by itself
 *      (seen on 10.11.19: killed at the cut, the next start finds the transactions in doubt again).
 *   4. A new file is opened: head written and fsynced, then its name in the index (rotate.c). The
 *      old file stays marked IN_USE, and is not fsynced (facts live, P3).
 *
 * A server does not start whose last binlog is clean and whose engine has prepared transactions
 * (MariaDB), or whose index names a file that cannot be read.
 */
#include "primary/internal.h"

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

static const struct file_view *binlog_file(const struct ctx *c, uint32_t num)
{
    return view_find(c->env->disk, (struct file_id){.kind = FILE_BINLOG, .num = (uint8_t)num});
}

/* What the purge index is for: a file that was created and never registered goes. */
static void delete_unregistered(const struct ctx *c)
{
    struct binlog_index index;
    uint32_t i = 0;
    binlog_index_read(c, &index);
    for (uint32_t at = 0; at < c->env->disk->n; at++) {
        struct file_id id = c->env->disk->at[at].id;
        if (id.kind != FILE_BINLOG)
            continue;
        while (i < index.n && index.num[i] < id.num)
            i++;
        if (i == index.n || index.num[i] != id.num)
            act_unlink(c->out, TASK_BOOT, id);
    }
}

/* A walk over the groups of one or more files. */
struct walk {
    const struct file_view *f;
    uint32_t off;   /* end of what was walked over: of a group, or of an event outside groups */
    uint32_t start; /* where the group g begins */
    uint32_t checkpoint; /* file that the last BINLOG_CHECKPOINT named; 0 = none yet */
    struct group_scan g;
};

static void note_checkpoint(struct walk *w, const uint8_t *event, const struct event_head *h)
{
    char name[BINLOG_NAME_MAX];
    if (h->type == EVENT_BINLOG_CHECKPOINT && decode_binlog_checkpoint(event, h, name) == FMT_OK)
        w->checkpoint = binlog_name_num(name);
}

/* The next complete group of the file. Events outside groups are passed over. False: no complete
 * group is left. */
static bool next_group(struct walk *w)
{
    struct event_head h;
    uint32_t at = w->off;
    group_scan_start(&w->g);
    while (event_parse(w->f->bytes + at, w->f->len - at, true, &h) == FMT_OK) {
        enum group_step step = group_scan_event(&w->g, w->f->bytes + at, &h);
        if (step == GROUP_ERROR)
            return false;
        if (step == GROUP_BEGIN)
            w->start = at;
        note_checkpoint(w, w->f->bytes + at, &h);
        at += h.len;
        if (step == GROUP_END || (step == GROUP_OUTSIDE && !w->g.open))
            w->off = at;
        if (step == GROUP_END)
            return true;
    }
    return false;
}

/* Begins behind the magic, so that the walk sees the checkpoint of the head. False: there is no
 * such file, or its head is not whole. */
static bool walk_file(const struct ctx *c, struct walk *w, uint32_t num)
{
    struct gtid_state before;
    bool in_use = false;
    memset(w, 0, sizeof *w);
    w->f = binlog_file(c, num);
    w->off = BINLOG_MAGIC_LEN;
    return w->f != NULL && binlog_head(w->f, &in_use, &before) != 0;
}

/* The same over the files up to `last`. */
static bool next_group_up_to(const struct ctx *c, struct walk *w, uint32_t last)
{
    while (!next_group(w)) {
        uint32_t num = w->f->id.num + 1u;
        if (num > last || !walk_file(c, w, num))
            return false;
    }
    return true;
}

static bool in_doubt(const struct ctx *c, const struct group_scan *g)
{
    return g->xid != 0 && engine_is_prepared(c->e, g->xid);
}

/* Where a truncating recovery cuts: before the first group in doubt behind the last one that is
 * not. 0: there is nothing to cut. *unsafe: behind that point stands a group that was executed
 * without a prepare, DDL or one of a table without transactions. It cannot be rolled back, so the
 * file must not be cut (facts 5.2; seen on 10.11.19 of both). */
static log_pos_t cut_point(const struct ctx *c, uint32_t first, uint32_t last, bool *unsafe)
{
    struct walk w;
    log_pos_t cut = 0;
    *unsafe = false;
    if (!walk_file(c, &w, first))
        return 0;
    while (next_group_up_to(c, &w, last)) {
        if ((w.g.gtid.flags2 & GTID_FLAG_TRANSACTIONAL) == 0) {
            *unsafe |= cut != 0;
        } else if (!in_doubt(c, &w.g)) {
            cut = 0;
            *unsafe = false;
        } else if (cut == 0) {
            cut = log_pos(w.f->id.num, w.start);
        }
    }
    return cut;
}

/* The file from which on transactions in doubt are looked for. */
static uint32_t checkpoint_of(const struct ctx *c, uint32_t num)
{
    struct walk w;
    if (!walk_file(c, &w, num))
        return 0;
    while (next_group(&w))
        continue;
    return w.checkpoint;
}

/* Commits what the files hold and the engine has prepared, up to `end`. The last file gives the
 * state. */
static void scan(const struct ctx *c, uint32_t first, log_pos_t end)
{
    struct walk w;
    uint32_t last = log_pos_file(end);
    bool ok = walk_file(c, &w, first);
    uint32_t len = BINLOG_MAGIC_LEN;
    while (ok && next_group_up_to(c, &w, last) && log_pos(w.f->id.num, w.start) < end) {
        if (in_doubt(c, &w.g))
            engine_commit_ordered(c->e, w.g.xid);
    }
    ok = walk_file(c, &w, last);
    assert(ok);
    while (next_group(&w) && log_pos(last, w.start) < end) {
        bool room = gtid_state_update(&c->p->binlog.state, w.g.gtid.gtid);
        assert(room);
        (void)room;
        len = w.off;
    }
    if (log_pos_offset(end) == UINT32_MAX)
        len = w.off; /* events outside groups may stand behind the last group */
    c->p->recovered_from = (uint8_t)first;
    c->p->recovered_file = (uint8_t)last;
    c->p->recovered_len = c->p->cut ? log_pos_offset(end) : len;
}

/* The binlog that the index names last. False: the server cannot start from what is there. */
static bool recover_from(const struct ctx *c, uint32_t last)
{
    bool in_use = false;
    const struct file_view *f = binlog_file(c, last);
    log_pos_t end = log_pos(last, UINT32_MAX);
    if (f == NULL || binlog_head(f, &in_use, &c->p->binlog.state) == 0)
        return false;
    if (!in_use && engine_in_doubt(c->e, 0) != 0 && !c->env->set->profile->doubt_is_rolled_back)
        return false;
    uint32_t first = in_use ? checkpoint_of(c, last) : last;
    if (first == 0 || first > last || binlog_file(c, first) == NULL)
        return false;
    if (in_use && c->env->set->init_rpl_role == ROLE_SLAVE) {
        bool unsafe;
        log_pos_t cut = cut_point(c, first, last, &unsafe);
        if (unsafe)
            return false;
        c->p->cut = cut != 0;
        end = cut != 0 ? cut : end;
        if (log_pos_file(end) != last)
            (void)binlog_head(binlog_file(c, log_pos_file(end)), &in_use, &c->p->binlog.state);
    }
    scan(c, first, end);
    return true;
}

/* The files behind the cut go: first from the index, so that a crash leaves no name without a file,
 * then themselves (facts 5.2). */
static bool cut_index(const struct ctx *c)
{
    return binlog_index_cut(c, TASK_BOOT, c->p->recovered_file);
}

/* Marks the file as closed and shortens it. */
static void cut_file(const struct ctx *c)
{
    static const uint8_t closed[2] = {0, 0};
    struct file_id id = {.kind = FILE_BINLOG, .num = c->p->recovered_file};
    act_write(c->out, TASK_BOOT, id, IN_USE_FLAGS_OFFSET, closed, sizeof closed);
    act_truncate(c->out, TASK_BOOT, id, c->p->recovered_len);
    act_fsync(c->out, TASK_BOOT, id);
    c->p->boot = BOOT_CUT;
}

static void cut(const struct ctx *c)
{
    c->p->boot = BOOT_CUT_INDEX;
    if (!cut_index(c))
        cut_file(c);
}

/* What was decided about the transactions in doubt. */
static void make_durable(const struct ctx *c)
{
    c->p->boot = BOOT_REDO;
    engine_sync(c->e, TASK_BOOT, c->out);
    c->p->flush_lsn = c->e->written;
}

void recovery_start(const struct ctx *c)
{
    struct binlog_index index;
    if (c->e->ibb.on) {
        c->p->boot = BOOT_REDO;
        engine_binlog_recover(c);
        return;
    }
    binlog_index_read(c, &index);
    delete_unregistered(c);
    if (index.n > 0 && !recover_from(c, index.num[index.n - 1])) {
        act(c->out, ACT_EXIT)->arg = EXIT_REFUSED;
        return;
    }
    c->p->binlog.num = c->p->recovered_file;
    for (uint64_t xid; (xid = engine_in_doubt(c->e, 0)) != 0;)
        engine_rollback(c->e, xid);
    if (c->p->cut)
        cut(c);
    else
        make_durable(c);
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
    for (uint32_t num = c->p->recovered_file; num > 0; num--) {
        struct walk w;
        uint32_t found = 0;
        if (!walk_file(c, &w, num))
            continue;
        while (next_group(&w))
            found = w.off;
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
    c->p->recovered_end = c->e->ibb.on ? engine_binlog_last(c) : last_group_end(c);
    if (c->p->as_primary && c->env->set->recovery != RECOVERY_READ_ONLY &&
        c->env->set->semi_sync_master)
        semisync_enable(&c->p->semisync, c->env, b->end_pos);
    if (!must_wait_for_ack(c)) {
        finish(c);
        return;
    }
    c->p->boot = BOOT_WAIT_ACK;
    c->p->semisync.committed = 0;
    semisync_register(&c->p->semisync, c->env, c->p->recovered_end, c->out);
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
    rotate_first(c, TASK_BOOT);
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
        if (c->e->ibb.on)
            opened(c);
        else
            open_new(c);
        return;
    case BOOT_CUT_INDEX:
        delete_unregistered(c);
        cut_file(c);
        return;
    case BOOT_CUT:
        p->cut = 0;
        make_durable(c);
        return;
    case BOOT_BINLOG:
        if (rotate_go_on(c, TASK_BOOT))
            opened(c);
        return;
    default:
        assert(0 && "no disk action of the start-up is under way");
    }
}

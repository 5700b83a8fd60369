/* The binlog inside the engine (MDEV-34705), as seen from the commit path, the dump threads and the
 * start-up (facts section 6).
 *
 * A commit is one redo record, binlog and row together, so there is no recovery to speak of and
 * nothing that could disagree. A dump thread reads only what is durable in the redo log and flushes
 * that itself where no committer does (F=0, F=2); with BEFORE_WRITE it sends what was published,
 * which is not even stored.
 */
#include "primary/stage.h"

enum { STREAM_FILE = 1, GROUP_MAX = 2048 };

static uint32_t task_of(const struct ctx *c, const struct committer *m)
{
    return (uint32_t)(m - c->p->by);
}

/* The binlog inside the engine (facts 6). One lock guards the order of both logs, since they are
 * one. A server's engine prepares nothing, and calls out a group when its redo is flushed. */
#define ENGINE_AFTER_COMMIT                                                                        \
    {STAGE_QUEUE, LOCK_NONE}, {STAGE_RENDER, LOCK_LOG}, {STAGE_REGISTER, LOCK_LOG},                \
        {STAGE_STORE, LOCK_LOG}, {STAGE_GROUP_FLUSH, LOCK_AFTER_BINLOG_SYNC},                      \
        {STAGE_PUBLISH, LOCK_AFTER_BINLOG_SYNC}, {STAGE_DISBAND, LOCK_AFTER_BINLOG_SYNC},          \
        {STAGE_WAIT_OWN, LOCK_NONE}, {STAGE_REPLY, LOCK_NONE},                                     \
    {                                                                                              \
        STAGE_END, LOCK_NONE                                                                       \
    }

/* MDEV-34705, the idea: nothing of the commit is written before a replica has it. */
#define ENGINE_BEFORE_WRITE                                                                        \
    {STAGE_QUEUE, LOCK_NONE}, {STAGE_RENDER, LOCK_LOG}, {STAGE_REGISTER, LOCK_LOG},                \
        {STAGE_PUBLISH, LOCK_LOG}, {STAGE_WAIT, LOCK_LOG}, {STAGE_STORE, LOCK_LOG},                \
        {STAGE_GROUP_FLUSH, LOCK_AFTER_BINLOG_SYNC}, {STAGE_DISBAND, LOCK_AFTER_BINLOG_SYNC},      \
        {STAGE_REPLY, LOCK_NONE},                                                                  \
    {                                                                                              \
        STAGE_END, LOCK_NONE                                                                       \
    }

/* A large transaction writes its rows while it runs. Where a group is rendered and not stored, the
 * place behind it is not free (BEFORE_WRITE waits so), hence the lock. */
#define IN_PIECES                                                                                  \
    {STAGE_PREPARE, LOCK_NONE},                                                                    \
    {                                                                                              \
        STAGE_PIECES, LOCK_LOG                                                                     \
    }

static const struct row engine_after_commit[] = {{STAGE_PREPARE, LOCK_NONE}, ENGINE_AFTER_COMMIT};
static const struct row engine_after_commit_large[] = {IN_PIECES, ENGINE_AFTER_COMMIT};
static const struct row engine_before_write[] = {{STAGE_PREPARE, LOCK_NONE}, ENGINE_BEFORE_WRITE};
static const struct row engine_before_write_large[] = {IN_PIECES, ENGINE_BEFORE_WRITE};

static const struct row purge[] = {
    {STAGE_PURGE, LOCK_NONE}, {STAGE_PURGE_FLUSH, LOCK_NONE}, {STAGE_PURGE_UNLINK, LOCK_NONE},
    {STAGE_DONE, LOCK_NONE},  {STAGE_END, LOCK_NONE},
};

const struct row *engine_pipeline(const struct server_settings *set, uint32_t path)
{
    bool large = path == PATH_LARGE;
    if (path == PATH_PURGE)
        return purge;
    if (set->wait_point == WAIT_BEFORE_WRITE)
        return large ? engine_before_write_large : engine_before_write;
    return large ? engine_after_commit_large : engine_after_commit;
}

/* ---- commit --------------------------------------------------------------------------------- */

void engine_record_open(const struct ctx *c, const struct committer *m, struct writer *w)
{
    put_zero(w, IBB_RECORD_HEAD);
    if (m->path == PATH_LARGE)
        put_u32(w, c->e->ibb.piece[task_of(c, m)]);
}

void engine_record_close(const struct committer *m, struct writer *w, uint32_t start)
{
    assert(!w->failed);
    uint8_t flags = m->path == PATH_LARGE ? IBB_HAS_PIECES : 0;
    ibb_record_head(w->at + start, IBB_COMMIT, flags, w->len - start - IBB_RECORD_HEAD, 0);
}

/* Two pieces: what table, and its rows. A server's pieces are as long as its binlog cache. */
static bool store_piece(const struct ctx *c, struct committer *m)
{
    struct ibb *b = &c->e->ibb;
    uint32_t task = task_of(c, m);
    uint8_t record[256];
    struct writer w = writer_over(record, sizeof record);
    put_zero(&w, IBB_RECORD_HEAD);
    put_u32(&w, b->piece[task]);
    struct event_ctx x = {.timestamp = EVENT_TIMESTAMP,
                          .server_id = m->gtid.seq != 0 ? m->gtid.server : c->env->set->server_id,
                          .start = b->end + w.len};
    bool last = b->pieces[task] == 1;
    if (last)
        binlog_rows(&w, &x, m);
    else
        binlog_table(&w, &x);
    assert(!w.failed);
    ibb_record_head(record, IBB_PIECE, 0, w.len - IBB_RECORD_HEAD, 0);
    b->piece[task] = b->end;
    b->pieces[task]++;
    ibb_store_piece(c->e, record, w.len);
    c->p->binlog.len = b->end;
    return last;
}

static void store_group(const struct ctx *c, struct committer *m)
{
    struct binlog *b = &c->p->binlog;
    struct ibb_record r;
    uint32_t len = ibb_record_decode(b->cache, b->cached, &r);
    assert(len != 0 && b->len == c->e->ibb.end);
    assert(m->end == log_pos(b->num, b->len + len));
    ibb_store(c->e, m->xid, b->cache, len);
    memmove(b->cache, b->cache + len, b->cached - len);
    memset(b->cache + (b->cached - len), 0, len);
    b->cached -= len;
    b->len += len;
    c->e->ibb.piece[task_of(c, m)] = 0;
    c->e->ibb.pieces[task_of(c, m)] = 0;
}

/* Whatever becomes of the transaction, its pieces stay. */
enum outcome engine_stage_pieces(const struct ctx *c, uint32_t task)
{
    bool last = store_piece(c, &c->p->by[task]);
    bool free = lock_enter(c, task, LOCK_NONE); /* others may come between two pieces */
    assert(free);
    (void)free;
    if (last)
        return YIELD;
    act_wake(c->out, task);
    return STAY;
}

enum outcome engine_stage_store(const struct ctx *c, uint32_t task)
{
    struct committer *leader = &c->p->by[task];
    if (leader->cursor == 0)
        leader->cursor = leader->head;
    struct committer *m = &c->p->by[leader->cursor - 1];
    store_group(c, m);
    leader->cursor = m->next;
    if (leader->cursor == 0)
        return YIELD;
    act_wake(c->out, task);
    return STAY;
}

enum outcome engine_stage_flush(const struct ctx *c, uint32_t task)
{
    struct committer *m = &c->p->by[task];
    if (!m->io_done) {
        if (!engine_flush_commit(c->e, c->env, task, c->out))
            return NEXT;
        m->synced = c->env->set->flush_log_at_trx_commit != 2;
        m->flush_lsn = c->e->written;
        return commit_wait_for_disk(m);
    }
    if (m->io_error != IO_OK) {
        act(c->out, ACT_EXIT)->arg = m->io_error;
        return STAY;
    }
    if (m->synced)
        engine_flushed(c->e, m->flush_lsn);
    return NEXT;
}

/* ---- PURGE BINARY LOGS ---------------------------------------------------------------------- */

uint32_t primary_purge_to(const struct primary *p, const struct engine *e)
{
    uint32_t file = ibb_file_in_use(e);
    for (uint32_t i = 0; i < NODES_MAX; i++) {
        const struct dump *d = &p->dump[i];
        uint32_t reads = d->active ? ibb_file_of(log_pos_offset(d->pos)) : file;
        if (reads < file)
            file = reads;
    }
    return ibb_purge_keep(e, file);
}

/* The files themselves go when it is durable that nobody needs them. */
enum outcome engine_stage_purge(const struct ctx *c, uint32_t task)
{
    (void)task;
    uint32_t file = primary_purge_to(c->p, c->e);
    if (ibb_file_start(file) > c->e->ibb.base)
        ibb_purge(c->e, file);
    return NEXT;
}

enum outcome engine_stage_unlink(const struct ctx *c, uint32_t task)
{
    struct committer *m = &c->p->by[task];
    if (!m->io_done && ibb_purge_unlink(c->e, c->env, task, c->out))
        return commit_wait_for_disk(m);
    return NEXT;
}

/* ---- start-up ------------------------------------------------------------------------------- */

void engine_binlog_recover(const struct ctx *c)
{
    struct binlog *b = &c->p->binlog;
    b->num = STREAM_FILE;
    b->len = c->e->ibb.end;
    b->end_pos = log_pos(b->num, b->len);
    ibb_state_at(c->e, b->len, &b->state);
    engine_sync(c->e, TASK_BOOT, c->out);
    ibb_boot_sync(c->env, c->e, c->out);
    c->p->flush_lsn = c->e->written;
}

log_pos_t engine_binlog_last(const struct ctx *c)
{
    struct ibb_record r;
    uint32_t found = 0;
    uint32_t at = c->e->ibb.first;
    for (uint32_t len; (len = ibb_record_at(c->e, at, &r)) != 0;) {
        at += len;
        if (r.type == IBB_COMMIT)
            found = at;
    }
    return found != 0 ? log_pos(STREAM_FILE, found) : 0;
}

/* ---- dump threads --------------------------------------------------------------------------- */

/* The newest file whose GTID state the replica has; without an index file its header tells. 0: what
 * it needs was purged. */
log_pos_t engine_dump_start(const struct ctx *c, const struct gtid_pos *pos, uint16_t *gates)
{
    struct ibb_header h;
    for (uint8_t num = view_last(c->env->disk, FILE_IBB); num > 0; num--) {
        struct file_id id = {.kind = FILE_IBB, .num = num};
        const struct file_view *f = view_find(c->env->disk, id);
        if (f == NULL || !ibb_header_decode(f->bytes, f->len, num, &h) || h.first > c->e->ibb.end ||
            !dump_covers(pos, &h.state))
            continue;
        if (h.start < c->e->ibb.base)
            break; /* purged, and not deleted yet */
        *gates = dump_gates(pos, &h.state);
        return log_pos(STREAM_FILE, h.first);
    }
    if (!dump_covers(pos, &c->e->ibb.before))
        return 0;
    *gates = dump_gates(pos, &c->e->ibb.before);
    return log_pos(STREAM_FILE, c->e->ibb.first);
}

static void greet(const struct ctx *c, uint32_t node)
{
    struct dump *d = &c->p->dump[node];
    log_pos_t pos = d->pos;
    uint8_t head[512];
    struct writer w = writer_over(head, sizeof head);
    struct event_ctx x = {.timestamp = EVENT_TIMESTAMP,
                          .server_id = c->env->set->server_id,
                          .flags = EVENT_FLAG_ARTIFICIAL};
    encode_format_description(&w, &x, c->env->set->profile->version);
    assert(!w.failed);
    dump_greet(c, node, head, w.len);
    d->pos = pos; /* that event stands nowhere in the stream */
}

/* Forces the redo log, for a record that nobody else will flush. True where it is under way. */
static bool flush_for(const struct ctx *c, uint32_t node)
{
    uint32_t *lsn = &c->e->ibb.dump_lsn[node];
    if (*lsn == 0 && engine_flush_all(c->e, TASK_DUMP + node, c->out))
        *lsn = c->e->written;
    return *lsn != 0;
}

void engine_dump_flushed(const struct ctx *c, uint32_t node)
{
    engine_flushed(c->e, c->e->ibb.dump_lsn[node]);
    c->e->ibb.dump_lsn[node] = 0;
    act_wake(c->out, TASK_DUMP + node);
}

/* The record at the position of the dump thread: in the engine, or rendered and not stored. */
static uint32_t next_record(const struct ctx *c, uint32_t offset, struct ibb_record *r)
{
    const struct binlog *b = &c->p->binlog;
    if (offset < c->e->ibb.end)
        return ibb_record_at(c->e, offset, r);
    uint32_t at = offset - b->len;
    return ibb_record_decode(b->cache + at, b->cached - at, r);
}

void engine_dump_run(const struct ctx *c, uint32_t node)
{
    struct dump *d = &c->p->dump[node];
    const struct binlog *b = &c->p->binlog;
    struct ibb_span stream = ibb_span(c->e);
    while (d->active && d->pos < b->end_pos) {
        struct ibb_record r;
        uint32_t offset = log_pos_offset(d->pos);
        uint32_t len = next_record(c, offset, &r);
        assert(len != 0);
        bool ahead = c->env->set->wait_point == WAIT_BEFORE_WRITE;
        if (!ahead && r.lsn > c->e->synced && flush_for(c, node))
            return;
        if (!d->greeted) {
            greet(c, node);
            act_wake(c->out, TASK_DUMP + node);
            return;
        }
        log_pos_t next = d->pos + len;
        bool sent = false;
        if (r.type == IBB_COMMIT) {
            uint8_t group[GROUP_MAX];
            struct writer w = writer_over(group, sizeof group);
            bool whole = ibb_group(&stream, &r, &w);
            assert(whole);
            (void)whole;
            if (!dump_group(c, node, group, w.len, &sent))
                return; /* refused */
        }
        d->pos = next;
        if (sent) {
            if (d->pos < b->end_pos)
                act_wake(c->out, TASK_DUMP + node);
            return;
        }
    }
}

/* The binlog inside the engine (MDEV-34705): stream, pages, files.
 *
 * A binlog record reaches the redo log with the commit it belongs to, and its page only later, when
 * the redo is durable. A checkpoint says up to where the pages can be relied on; a start takes that
 * much from them and the rest from the redo log. There is no index: the files are found by name,
 * and the first one's header says with which GTID state it begins.
 *
 * Unlike InnoDB's, our redo log is never cut at a checkpoint, and memory holds the whole stream.
 */
#include "engine/internal.h"

static struct file_id ibb_file(uint32_t num)
{
    assert(num >= 1 && num <= UINT8_MAX);
    return (struct file_id){.kind = FILE_IBB, .num = (uint8_t)num};
}

/* ---- the stream ----------------------------------------------------------------------------- */

static void stream_append(struct ibb *b, const uint8_t *record, uint32_t len)
{
    assert(b->end - b->base + len <= IBB_STREAM_MAX);
    memcpy(b->bytes + (b->end - b->base), record, len);
    b->end += len;
}

struct ibb_span ibb_span(const struct engine *e)
{
    const struct ibb *b = &e->ibb;
    return (struct ibb_span){.bytes = b->bytes, .base = b->base, .len = b->end - b->base};
}

uint32_t ibb_record_at(const struct engine *e, uint32_t offset, struct ibb_record *r)
{
    const struct ibb *b = &e->ibb;
    assert(offset >= b->base && offset <= b->end);
    return ibb_record_decode(b->bytes + (offset - b->base), b->end - offset, r);
}

void ibb_state_at(const struct engine *e, uint32_t offset, struct gtid_state *state)
{
    struct ibb_record r;
    *state = e->ibb.before;
    for (uint32_t at = e->ibb.first; at < offset;) {
        uint32_t len = ibb_record_at(e, at, &r);
        assert(len != 0);
        bool room = r.type != IBB_COMMIT || gtid_state_update(state, ibb_gtid(&r));
        assert(room);
        (void)room;
        at += len;
    }
}

/* Puts the record into the redo log, with the row where it has one, and into the stream. */
static void store(struct engine *e, const struct redo_record *what, const uint8_t *record,
                  uint32_t len)
{
    uint8_t payload[4 + 1024];
    uint32_t lsn = engine_lsn(e) + REDO_RECORD_LEN + 4 + len;
    struct ibb_record head;
    uint32_t whole = ibb_record_decode(record, len, &head);
    assert(e->ibb.on && whole == len);
    (void)whole;
    struct writer w = writer_over(payload, sizeof payload);
    put_u32(&w, e->ibb.end);
    put_bytes(&w, record, len);
    assert(!w.failed);
    ibb_record_head(payload + 4, (enum ibb_type)head.type, head.flags, head.len, lsn);
    struct redo_record r = *what;
    r.len = (uint16_t)w.len;
    r.payload = payload;
    engine_log(e, &r);
    assert(engine_lsn(e) == lsn);
    stream_append(&e->ibb, payload + 4, len);
}

void ibb_store(struct engine *e, uint64_t xid, const uint8_t *record, uint32_t len)
{
    const struct engine_row *row = engine_show(e, xid);
    struct redo_record r = {
        .xid = xid, .k = row->k, .v = row->v, .gtid = row->gtid, .type = REDO_WHOLE};
    store(e, &r, record, len);
}

void ibb_store_piece(struct engine *e, const uint8_t *record, uint32_t len)
{
    store(e, &(struct redo_record){.type = REDO_PIECE}, record, len);
}

/* ---- pages ---------------------------------------------------------------------------------- */

/* End of the last record that is durable in the redo log. */
static uint32_t durable_end(const struct engine *e)
{
    struct ibb_record r;
    uint32_t at = e->ibb.first; /* `flushed` may stand inside a record that crosses files */
    for (uint32_t len; at < e->ibb.end && (len = ibb_record_at(e, at, &r)) != 0; at += len) {
        if (r.lsn > e->synced)
            break;
    }
    return at;
}

bool ibb_pages_due(const struct engine *e)
{
    return e->ibb.on && e->ibb.flushing == 0 && durable_end(e) > e->ibb.flushed;
}

/* First record that begins at or behind the start of the file. */
static uint32_t first_record(const struct engine *e, uint32_t start)
{
    struct ibb_record r;
    uint32_t at = e->ibb.first;
    while (at < start) {
        uint32_t len = ibb_record_at(e, at, &r);
        assert(len != 0);
        at += len;
    }
    return at;
}

static void write_header(const struct engine *e, uint32_t file, uint32_t task, struct actions *out)
{
    struct ibb_header h = {.start = ibb_file_start(file)};
    h.first = first_record(e, h.start);
    ibb_state_at(e, h.first, &h.state);
    uint8_t page[IBB_PAGE];
    ibb_header_encode(page, &h);
    act_write(out, task, ibb_file(file), 0, page, sizeof page);
}

static bool allocated(const struct env *env, uint32_t file)
{
    const struct file_view *f = view_find(env->disk, ibb_file(file));
    return f != NULL && f->len == IBB_FILE;
}

/* A new file has its full size from the start. It may be there, and shorter, after a power loss. */
static void allocate(const struct env *env, uint32_t file, uint32_t task, struct actions *out)
{
    static const uint8_t zeros[IBB_FILE];
    if (view_find(env->disk, ibb_file(file)) == NULL)
        act_create(out, task, ibb_file(file));
    act_write(out, task, ibb_file(file), 0, zeros, sizeof zeros);
}

static void write_page(const struct engine *e, uint32_t file, uint32_t page, uint32_t upto,
                       struct actions *out)
{
    const struct ibb *b = &e->ibb;
    uint8_t bytes[IBB_PAGE] = {0};
    uint32_t start = ibb_file_start(file) + page * IBB_PAYLOAD;
    uint32_t len = upto - start < IBB_PAYLOAD ? upto - start : IBB_PAYLOAD;
    memcpy(bytes, b->bytes + (start - b->base), len);
    ibb_page_seal(bytes, start);
    act_write(out, TASK_REDO, ibb_file(file), (1 + page) * IBB_PAGE, bytes, sizeof bytes);
}

void ibb_pages_write(struct engine *e, const struct env *env, struct actions *out)
{
    struct ibb *b = &e->ibb;
    uint32_t file = ibb_file_of(b->flushed);
    uint32_t start = ibb_file_start(file);
    uint32_t target = durable_end(e);
    if (target > start + IBB_FILE_PAYLOAD)
        target = start + IBB_FILE_PAYLOAD;
    assert(b->on && b->flushing == 0 && target > b->flushed);
    bool fresh = !allocated(env, file);
    bool ahead = !allocated(env, file + 1);
    if (fresh)
        allocate(env, file, TASK_REDO, out);
    if (ahead)
        allocate(env, file + 1, TASK_REDO, out);
    if (fresh || b->flushed == start)
        write_header(e, file, TASK_REDO, out);
    for (uint32_t page = (b->flushed - start) / IBB_PAYLOAD; start + page * IBB_PAYLOAD < target;
         page++)
        write_page(e, file, page, target, out);
    act_fsync(out, TASK_REDO, ibb_file(file));
    if (ahead)
        act_fsync(out, TASK_REDO, ibb_file(file + 1));
    b->flushing = target;
}

void ibb_pages_written(struct engine *e)
{
    struct ibb *b = &e->ibb;
    assert(b->flushing > b->flushed);
    b->flushed = b->flushing;
    b->flushing = 0;
    engine_log(e, &(struct redo_record){.xid = b->flushed, .type = REDO_CHECKPOINT});
}

/* ---- purge ---------------------------------------------------------------------------------- */

/* A file whose first page was never written has no header that a start could read. */
uint32_t ibb_file_in_use(const struct engine *e)
{
    uint32_t flushed = e->ibb.flushed;
    return ibb_file_of(flushed > IBB_START ? flushed - 1 : flushed);
}

/* File of the first piece of the chain that ends at `last`. */
static uint32_t chain_begins(const struct engine *e, uint32_t last)
{
    for (;;) {
        struct ibb_record r;
        uint32_t len = ibb_record_at(e, last, &r);
        assert(len != 0 && r.type == IBB_PIECE);
        (void)len;
        struct reader in = reader_over(r.payload, r.len);
        uint32_t before = get_u32(&in);
        if (before == 0)
            return ibb_file_of(last);
        last = before;
    }
}

/* One look over the commit records that stand in `keep` or behind it. */
static uint32_t referred_to(const struct engine *e, uint32_t keep)
{
    struct ibb_record r;
    uint32_t lowest = keep;
    for (uint32_t at = e->ibb.first, len; at < e->ibb.end; at += len) {
        len = ibb_record_at(e, at, &r);
        assert(len != 0);
        if (at < ibb_file_start(keep) || r.type != IBB_COMMIT || (r.flags & IBB_HAS_PIECES) == 0)
            continue;
        struct reader in = reader_over(r.payload, r.len);
        uint32_t begins = chain_begins(e, get_u32(&in));
        if (begins < lowest)
            lowest = begins;
    }
    return lowest;
}

uint32_t ibb_purge_keep(const struct engine *e, uint32_t file)
{
    uint32_t keep = file;
    for (uint32_t t = 0; t < COMMITTERS; t++) {
        uint32_t begins = e->ibb.piece[t] != 0 ? chain_begins(e, e->ibb.piece[t]) : keep;
        if (begins < keep)
            keep = begins;
    }
    /* What stays for a reference has references of its own. */
    for (uint32_t before = 0; before != keep;) {
        before = keep;
        keep = referred_to(e, keep);
    }
    return keep;
}

void ibb_purge(struct engine *e, uint32_t file)
{
    struct ibb *b = &e->ibb;
    uint32_t base = ibb_file_start(file);
    assert(base > b->base && file <= ibb_file_in_use(e));
    struct gtid_state before;
    uint32_t first = first_record(e, base);
    ibb_state_at(e, first, &before);
    memmove(b->bytes, b->bytes + (base - b->base), b->end - base);
    memset(b->bytes + (b->end - base), 0, base - b->base);
    b->base = base;
    b->first = first;
    b->before = before;
    engine_log(e, &(struct redo_record){.xid = base, .type = REDO_PURGE});
}

bool ibb_purge_unlink(const struct engine *e, const struct env *env, uint32_t task,
                      struct actions *out)
{
    bool any = false;
    for (uint32_t num = 1; num < ibb_file_of(e->ibb.base); num++) {
        if (view_find(env->disk, ibb_file(num)) == NULL)
            continue;
        act_unlink(out, task, ibb_file(num));
        any = true;
    }
    return any;
}

/* ---- start ---------------------------------------------------------------------------------- */

/* Offset in the last record of the type; `none` where there is none. */
static uint32_t last_offset(const struct file_view *redo, uint32_t len, enum redo_type type,
                            uint32_t none)
{
    uint32_t at = 0;
    uint32_t found = none;
    struct redo_record r;
    for (uint32_t n; at < len && (n = redo_decode(redo->bytes + at, len - at, &r)) != 0; at += n) {
        if (r.type == type)
            found = (uint32_t)r.xid;
    }
    return found;
}

/* Takes the stream up to the checkpoint from the pages. A page that is filled and checkpointed must
 * be whole. One that goes on behind the checkpoint may be torn: what the checkpoint covers has not
 * been changed since, and the rest is in the redo log. */
static void read_pages(struct ibb *b, const struct env *env, uint32_t checkpoint)
{
    while (b->end < checkpoint) {
        uint32_t file = ibb_file_of(b->end);
        uint32_t page = (b->end - ibb_file_start(file)) / IBB_PAYLOAD;
        uint32_t start = ibb_file_start(file) + page * IBB_PAYLOAD;
        const struct file_view *f = view_find(env->disk, ibb_file(file));
        if (f == NULL || f->len < (2 + page) * IBB_PAGE)
            return;
        const uint8_t *bytes = f->bytes + (1 + page) * IBB_PAGE;
        uint32_t upto = checkpoint < start + IBB_PAYLOAD ? checkpoint : start + IBB_PAYLOAD;
        if (upto == start + IBB_PAYLOAD && !ibb_page_whole(bytes, start))
            return;
        stream_append(b, bytes + (b->end - start), upto - b->end);
    }
}

/* Puts the records behind the checkpoint in their place. False where there is a gap before one. */
static bool replay_redo(struct ibb *b, const struct file_view *redo, uint32_t len)
{
    uint32_t at = 0;
    struct redo_record r;
    for (uint32_t n; at < len && (n = redo_decode(redo->bytes + at, len - at, &r)) != 0; at += n) {
        if (r.type != REDO_WHOLE && r.type != REDO_PIECE)
            continue;
        struct reader in = reader_over(r.payload, r.len);
        uint32_t offset = get_u32(&in);
        uint32_t size = reader_left(&in);
        if (offset + size <= b->end)
            continue;
        if (offset > b->end)
            return false;
        uint32_t have = b->end - offset; /* the pages end inside it */
        stream_append(b, r.payload + 4 + have, size - have);
    }
    return true;
}

/* Does the stream consist of records, up to its end? */
static bool readable(const struct engine *e)
{
    struct ibb_record r;
    uint32_t at = e->ibb.first;
    while (at < e->ibb.end) {
        uint32_t len = ibb_record_at(e, at, &r);
        if (len == 0 || !ibb_record_sound(&r))
            return false;
        at += len;
    }
    return at == e->ibb.end;
}

/* The files of a server that has never written to its binlog. */
static bool never_used(const struct env *env, uint32_t checkpoint)
{
    struct ibb_header h;
    const struct file_view *f = view_find(env->disk, ibb_file(1));
    return checkpoint == IBB_START && view_first(env->disk, FILE_IBB) <= 1 &&
           (f == NULL || !ibb_header_decode(f->bytes, f->len, 1, &h));
}

static void create_files(struct engine *e, const struct env *env, struct actions *out)
{
    for (uint32_t file = 1; file <= 2; file++) {
        if (!allocated(env, file))
            allocate(env, file, TASK_BOOT, out);
    }
    write_header(e, 1, TASK_BOOT, out);
}

void ibb_boot(struct engine *e, const struct env *env, struct actions *out)
{
    struct ibb *b = &e->ibb;
    struct ibb_header h = {.start = IBB_START, .first = IBB_START};
    const struct file_view *redo =
        view_find(env->disk, (struct file_id){.kind = FILE_REDO, .num = 1});
    uint32_t logged = redo != NULL ? e->written : 0;
    uint32_t checkpoint = last_offset(redo, logged, REDO_CHECKPOINT, IBB_START);
    uint32_t purged = last_offset(redo, logged, REDO_PURGE, 0);
    bool fresh = never_used(env, checkpoint);
    uint32_t oldest = purged != 0 ? ibb_file_of(purged) : view_first(env->disk, FILE_IBB);
    const struct file_view *f = oldest == 0 ? NULL : view_find(env->disk, ibb_file(oldest));
    bool good = fresh || (f != NULL && ibb_header_decode(f->bytes, f->len, oldest, &h));
    b->on = 1;
    b->base = b->end = h.start;
    b->first = h.first;
    b->before = h.state;
    if (good)
        read_pages(b, env, checkpoint);
    good = good && b->end >= checkpoint && (redo == NULL || replay_redo(b, redo, e->written)) &&
           readable(e);
    b->flushed = checkpoint;
    if (!good) {
        /* What a checkpoint says is there is not: a lost or damaged page. */
        b->first = b->flushed = b->end = b->base;
        act(out, ACT_EXIT)->arg = EXIT_REFUSED;
        return;
    }
    if (fresh)
        create_files(e, env, out);
    for (uint8_t num = view_last(env->disk, FILE_IBB); num > ibb_file_of(b->end) + 1; num--) {
        if (view_find(env->disk, ibb_file(num)) != NULL)
            act_unlink(out, TASK_BOOT, ibb_file(num));
    }
    (void)ibb_purge_unlink(e, env, TASK_BOOT, out);
}

void ibb_boot_sync(const struct env *env, const struct engine *e, struct actions *out)
{
    if (e->ibb.on && never_used(env, e->ibb.flushed)) {
        act_fsync(out, TASK_BOOT, ibb_file(1));
        act_fsync(out, TASK_BOOT, ibb_file(2));
    }
}

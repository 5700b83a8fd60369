/* The binlog: what it looks like, when it is written, fsynced and published. */
#include "primary/internal.h"

static const char db_name[] = "ap";
static const char table_name[] = "t";
enum { TABLE_ID = 18 };

static struct file_id file_of(uint32_t num)
{
    assert(num >= 1 && num <= UINT8_MAX);
    return (struct file_id){.kind = FILE_BINLOG, .num = (uint8_t)num};
}

void binlog_table(struct writer *w, const struct event_ctx *x)
{
    encode_table_map(w, x, TABLE_ID, db_name, table_name);
}

void binlog_rows(struct writer *w, const struct event_ctx *x, const struct committer *m)
{
    encode_write_rows(w, x, TABLE_ID, m->k, m->v);
}

/* GTID event and statements; the events will stand from `base` + w->len on. */
static void render_rows(struct writer *w, struct event_ctx *x, uint32_t base,
                        const struct committer *m, bool in_pieces)
{
    x->start = base + w->len;
    uint8_t flags = m->path == PATH_PLAIN ? 0 : GTID_FLAG_TRANSACTIONAL | GTID_FLAG_ALLOW_PARALLEL;
    encode_gtid(w, x, m->gtid, flags, m->group_id);
    if (in_pieces)
        return;
    x->start = base + w->len;
    binlog_table(w, x);
    x->start = base + w->len;
    binlog_rows(w, x, m);
}

static void render_end(struct writer *w, struct event_ctx *x, uint32_t base,
                       const struct committer *m)
{
    x->start = base + w->len;
    if (m->path == PATH_PLAIN)
        encode_query(w, x, db_name, "COMMIT");
    else
        encode_xid(w, x, m->xid);
}

/* One statement, without an end event: a standalone group (facts 4). */
static void render_ddl(struct writer *w, struct event_ctx *x, uint32_t base,
                       const struct committer *m)
{
    char text[DDL_TEXT_MAX];
    ddl_text(text, m->k, m->v);
    x->start = base + w->len;
    encode_gtid(w, x, m->gtid, GTID_FLAG_STANDALONE | GTID_FLAG_DDL, 0);
    x->start = base + w->len;
    encode_query_xid(w, x, db_name, text, m->xid);
}

/* The GTID of a client's transaction is given here; that of a replicated one is kept. */
static void name_group(const struct ctx *c, struct committer *m)
{
    struct binlog *b = &c->p->binlog;
    if (m->gtid.seq == 0) {
        uint32_t domain = c->env->set->domain_id;
        m->gtid = (struct gtid){.domain = domain,
                                .server = c->env->set->server_id,
                                .seq = gtid_state_latest(&b->state, domain).seq + 1};
    }
    bool room = gtid_state_update(&b->state, m->gtid);
    assert(room);
    (void)room;
}

static struct event_ctx ctx_of(const struct committer *m)
{
    return (struct event_ctx){.timestamp = EVENT_TIMESTAMP, .server_id = m->gtid.server};
}

static struct writer cache_writer(struct binlog *b)
{
    struct writer w = writer_over(b->cache, BINLOG_CACHE_MAX);
    w.len = b->cached;
    return w;
}

static void cached(struct binlog *b, const struct writer *w, struct committer *m)
{
    assert(!w->failed);
    b->cached = w->len;
    m->end = log_pos(b->num, b->len + b->cached);
}

/* Facts 1.1 step 6. */
void binlog_render(const struct ctx *c, struct committer *m)
{
    struct binlog *b = &c->p->binlog;
    name_group(c, m);
    struct writer w = cache_writer(b);
    struct event_ctx x = ctx_of(m);
    bool in_engine = c->e->ibb.on != 0;
    uint32_t start = w.len;
    if (in_engine)
        engine_record_open(c, m, &w);
    if (m->path == PATH_DIRECT) {
        render_ddl(&w, &x, b->len, m);
    } else {
        render_rows(&w, &x, b->len, m, m->path == PATH_LARGE);
        render_end(&w, &x, b->len, m);
    }
    if (in_engine)
        engine_record_close(m, &w, start);
    cached(b, &w, m);
}

void binlog_render_body(const struct ctx *c, struct committer *m, struct writer *w)
{
    name_group(c, m);
    struct event_ctx x = ctx_of(m);
    render_rows(w, &x, 0, m, false);
}

void binlog_render_end(const struct ctx *c, struct committer *m)
{
    struct binlog *b = &c->p->binlog;
    struct writer w = cache_writer(b);
    struct event_ctx x = ctx_of(m);
    render_end(&w, &x, b->len, m);
    cached(b, &w, m);
}

void binlog_write(const struct ctx *c, uint32_t task)
{
    struct binlog *b = &c->p->binlog;
    assert(b->cached > 0);
    act_write(c->out, task, file_of(b->num), b->len, b->cache, b->cached);
}

void binlog_write_kept(const struct ctx *c, uint32_t task)
{
    if (c->p->binlog.cached > 0)
        binlog_write(c, task);
}

void binlog_drop_cache(struct binlog *b)
{
    memset(b->cache, 0, b->cached);
    b->cached = 0;
}

void binlog_written(struct binlog *b)
{
    b->len += b->cached;
    binlog_drop_cache(b);
}

void binlog_close(const struct ctx *c, uint32_t task)
{
    static const uint8_t clear[2] = {0, 0};
    struct binlog *b = &c->p->binlog;
    act_write(c->out, task, file_of(b->num), IN_USE_FLAGS_OFFSET, clear, sizeof clear);
    act_fsync(c->out, task, file_of(b->num));
    b->closed = 1;
}

bool binlog_sync_due(struct binlog *b, const struct env *env)
{
    uint32_t every = env->set->sync_binlog;
    if (every == 0)
        return false;
    b->flushes++;
    if (b->flushes < every)
        return false;
    b->flushes = 0;
    return true;
}

void binlog_publish(const struct ctx *c, log_pos_t pos)
{
    struct binlog *b = &c->p->binlog;
    assert(pos > b->end_pos); /* groups are published in binlog order */
    assert(log_pos_offset(pos) <= b->len + b->cached);
    b->end_pos = pos;
    dump_wake(c);
}

const uint8_t *binlog_read(const struct ctx *c, log_pos_t pos, uint32_t *len)
{
    const struct binlog *b = &c->p->binlog;
    uint32_t num = log_pos_file(pos);
    uint32_t off = log_pos_offset(pos);
    *len = 0;
    if (num == b->num && off >= b->len) {
        /* Published before it is written (BEFORE_WRITE): it stands in the cache. */
        uint32_t end = log_pos_file(b->end_pos) == num ? log_pos_offset(b->end_pos) : 0;
        if (end <= off)
            return NULL;
        *len = end - off;
        return b->cache + (off - b->len);
    }
    const struct file_view *f = view_find(c->env->disk, file_of(num));
    if (f == NULL)
        return NULL;
    uint32_t end = f->len;
    if (num == b->num)
        end = log_pos_offset(b->end_pos) < b->len ? log_pos_offset(b->end_pos) : b->len;
    else if (num == c->p->recovered_file)
        end = c->p->recovered_len; /* a torn group at its end is not sent */
    if (end > f->len)
        end = f->len;
    if (end <= off)
        return NULL;
    *len = end - off;
    return f->bytes + off;
}

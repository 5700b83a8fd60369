#include "engine/internal.h"

static const struct file_id redo_file = {.kind = FILE_REDO, .num = 1};

void engine_log(struct engine *e, const struct redo_record *r)
{
    struct writer w = writer_over(e->buffer + e->buffered, REDO_BUFFER_MAX - e->buffered);
    redo_encode(&w, r);
    assert(!w.failed);
    e->buffered += w.len;
}

/* With the binlog inside the engine nothing but the commit is logged. */
static void log_append(struct engine *e, enum redo_type type, const struct engine_row *row)
{
    if (e->ibb.on)
        return;
    engine_log(
        e,
        &(struct redo_record){
            .xid = row->xid, .k = row->k, .v = row->v, .gtid = row->gtid, .type = (uint8_t)type});
}

static struct engine_row *row_of_xid(struct engine *e, uint64_t xid)
{
    for (uint32_t i = 0; i < e->n_rows; i++) {
        if (e->row[i].state != ROW_COMMITTED && e->row[i].xid == xid)
            return &e->row[i];
    }
    return NULL;
}

static const struct engine_row *row_of_key(const struct engine *e, int32_t k)
{
    for (uint32_t i = 0; i < e->n_rows; i++) {
        if (e->row[i].k == k)
            return &e->row[i];
    }
    return NULL;
}

/* Rows stay dense, in the order of their prepare. */
static void row_remove(struct engine *e, struct engine_row *row)
{
    uint32_t i = (uint32_t)(row - e->row);
    assert(i < e->n_rows);
    memmove(row, row + 1, (e->n_rows - i - 1) * sizeof *row);
    e->n_rows--;
    memset(&e->row[e->n_rows], 0, sizeof *row);
}

static void row_commit(struct engine *e, struct engine_row *row)
{
    row->state = ROW_COMMITTED;
    if (row->gtid.seq != 0) {
        bool room = gtid_pos_set(&e->applied, row->gtid);
        assert(room);
        (void)room;
    }
}

struct engine_row *engine_add_row(struct engine *e, uint64_t xid, int32_t k, int32_t v,
                                  struct gtid gtid)
{
    if (e->n_rows == TXNS_MAX || row_of_key(e, k) != NULL)
        return NULL;
    struct engine_row *row = &e->row[e->n_rows++];
    *row = (struct engine_row){.xid = xid, .k = k, .v = v, .gtid = gtid, .state = ROW_PREPARED};
    return row;
}

/* Replays one record of the redo log. False where it contradicts what came before. */
static bool redo_apply(struct engine *e, const struct redo_record *r)
{
    if (r->type == REDO_PREPARE || r->type == REDO_WHOLE) {
        struct engine_row *row = engine_add_row(e, r->xid, r->k, r->v, r->gtid);
        if (row != NULL && r->type == REDO_WHOLE)
            row_commit(e, row);
        return row != NULL;
    }
    if (r->type != REDO_COMMIT && r->type != REDO_ROLLBACK)
        return true; /* binlog only: ibb_boot */
    struct engine_row *row = row_of_xid(e, r->xid);
    if (row == NULL)
        return false;
    if (r->type == REDO_COMMIT)
        row_commit(e, row);
    else
        row_remove(e, row);
    return true;
}

void engine_boot(struct engine *e, const struct env *env, struct actions *out)
{
    assert(e != NULL && env != NULL && out != NULL);
    memset(e, 0, sizeof *e);
    const struct file_view *f = view_find(env->disk, redo_file);
    if (f == NULL) {
        act_create(out, TASK_BOOT, redo_file);
        if (env->set->engine_binlog)
            ibb_boot(e, env, out);
        return;
    }
    uint32_t good = 0;
    struct redo_record r;
    for (uint32_t len; (len = redo_decode(f->bytes + good, f->len - good, &r)) != 0; good += len) {
        if (!redo_apply(e, &r))
            break;
    }
    if (good < f->len)
        act_truncate(out, TASK_BOOT, redo_file, good);
    e->written = good;
    e->synced = 0; /* nobody knows what of it the last life had fsynced */
    if (env->set->engine_binlog)
        ibb_boot(e, env, out);
    plain_boot(e, env);
}

bool engine_prepare(struct engine *e, uint64_t xid, int32_t k, int32_t v, struct gtid gtid)
{
    assert(e != NULL && xid != 0);
    struct engine_row *row = engine_add_row(e, xid, k, v, gtid);
    if (row == NULL)
        return false;
    log_append(e, REDO_PREPARE, row);
    return true;
}

void engine_execute(struct engine *e, uint64_t xid)
{
    struct engine_row *row = row_of_xid(e, xid);
    assert(row != NULL && row->state == ROW_PREPARED);
    log_append(e, REDO_COMMIT, row);
    row->state = ROW_EXECUTED;
}

void engine_commit_ordered(struct engine *e, uint64_t xid)
{
    struct engine_row *row = row_of_xid(e, xid);
    assert(row != NULL);
    if (row->state == ROW_PREPARED)
        log_append(e, REDO_COMMIT, row);
    row_commit(e, row);
}

void engine_rollback(struct engine *e, uint64_t xid)
{
    struct engine_row *row = row_of_xid(e, xid);
    assert(row != NULL);
    log_append(e, REDO_ROLLBACK, row);
    row_remove(e, row);
}

const struct engine_row *engine_show(struct engine *e, uint64_t xid)
{
    struct engine_row *row = row_of_xid(e, xid);
    assert(row != NULL);
    row_commit(e, row);
    return row;
}

bool engine_is_prepared(const struct engine *e, uint64_t xid)
{
    for (uint32_t i = 0; i < e->n_rows; i++) {
        if (e->row[i].state == ROW_PREPARED && e->row[i].xid == xid)
            return true;
    }
    return false;
}

uint64_t engine_in_doubt(const struct engine *e, uint32_t i)
{
    for (uint32_t r = 0; r < e->n_rows; r++) {
        if (e->row[r].state == ROW_PREPARED && i-- == 0)
            return e->row[r].xid;
    }
    return 0;
}

bool engine_read(const struct engine *e, int32_t k, int32_t *v)
{
    assert(v != NULL);
    const struct engine_row *row = row_of_key(e, k);
    if (row == NULL || row->state != ROW_COMMITTED)
        return false;
    *v = row->v;
    return true;
}

static uint32_t keys_in(const struct engine *e, enum row_state state, uint32_t n)
{
    assert(n <= 32);
    uint32_t mask = 0;
    for (uint32_t i = 0; i < e->n_rows; i++) {
        const struct engine_row *row = &e->row[i];
        if (row->state == state && row->k >= 1 && (uint32_t)row->k <= n)
            mask |= 1u << (row->k - 1);
    }
    return mask;
}

uint32_t engine_read_keys(const struct engine *e, uint32_t n)
{
    return keys_in(e, ROW_COMMITTED, n);
}

uint32_t engine_locked_keys(const struct engine *e, uint32_t n)
{
    return keys_in(e, ROW_EXECUTED, n);
}

uint32_t engine_lsn(const struct engine *e)
{
    return e->written + e->buffered;
}

static void log_write(struct engine *e, uint32_t task, struct actions *out)
{
    if (e->buffered == 0)
        return;
    act_write(out, task, redo_file, e->written, e->buffer, e->buffered);
    e->written += e->buffered;
    memset(e->buffer, 0, e->buffered);
    e->buffered = 0;
}

void engine_sync(struct engine *e, uint32_t task, struct actions *out)
{
    assert(e != NULL && out != NULL);
    log_write(e, task, out);
    act_fsync(out, task, redo_file);
}

bool engine_flush_all(struct engine *e, uint32_t task, struct actions *out)
{
    assert(e != NULL && out != NULL);
    if (engine_lsn(e) <= e->synced)
        return false;
    engine_sync(e, task, out);
    return true;
}

bool engine_flush_prepare(struct engine *e, const struct env *env, uint32_t task,
                          struct actions *out)
{
    if (e->ibb.on)
        return false; /* no prepare is logged: commit and binlog are one record */
    switch (env->set->flush_log_at_trx_commit) {
    case 0:
        return false;
    case 2:
        if (e->buffered == 0)
            return false;
        log_write(e, task, out);
        return true;
    default:
        return engine_flush_all(e, task, out);
    }
}

bool engine_flush_commit(struct engine *e, const struct env *env, uint32_t task,
                         struct actions *out)
{
    uint32_t f = env->set->flush_log_at_trx_commit;
    if (f == 3 || (f == 1 && e->ibb.on))
        return engine_flush_all(e, task, out);
    if (f != 2 || e->buffered == 0)
        return false;
    log_write(e, task, out);
    return true;
}

void engine_flushed(struct engine *e, uint32_t lsn)
{
    assert(lsn <= e->written);
    if (lsn > e->synced)
        e->synced = lsn;
}

bool engine_background_due(const struct engine *e, const struct env *env)
{
    uint32_t f = env->set->flush_log_at_trx_commit;
    return (f == 0 || f == 2) && engine_lsn(e) > e->synced;
}

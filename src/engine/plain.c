#include "engine/internal.h"

static const struct file_id table_file = {.kind = FILE_TABLE, .num = 1};

void plain_boot(struct engine *e, const struct env *env)
{
    const struct file_view *f = view_find(env->disk, table_file);
    struct redo_record r;
    uint32_t at = 0;
    /* A repair keeps what can be read up to the first row that is torn. */
    for (uint32_t len; f != NULL && (len = redo_decode(f->bytes + at, f->len - at, &r)) != 0;
         at += len) {
        struct engine_row *row = engine_add_row(e, r.xid, r.k, r.v, r.gtid);
        if (row != NULL)
            row->state = ROW_COMMITTED; /* the slave position is in another table */
    }
}

bool plain_insert(struct engine *e, uint64_t xid, int32_t k, int32_t v, struct gtid gtid)
{
    assert(e != NULL && xid != 0);
    struct engine_row *row = engine_add_row(e, xid, k, v, gtid);
    if (row == NULL)
        return false;
    row->state = ROW_LOCKED;
    return true;
}

void plain_unlock(struct engine *e, const struct env *env, uint64_t xid, uint32_t task,
                  struct actions *out)
{
    const struct file_view *f = view_find(env->disk, table_file);
    const struct engine_row *row = engine_show(e, xid);
    uint8_t bytes[REDO_RECORD_LEN];
    struct writer w = writer_over(bytes, sizeof bytes);
    redo_encode(
        &w,
        &(struct redo_record){
            .xid = row->xid, .k = row->k, .v = row->v, .gtid = row->gtid, .type = REDO_PLAIN_ROW});
    assert(!w.failed);
    if (f == NULL)
        act_create(out, task, table_file);
    act_write(out, task, table_file, f != NULL ? f->len : 0, bytes, w.len);
}

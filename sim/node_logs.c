/* What a server holds, read from the bytes of its logs whenever they have changed. */
#include "sim/internal.h"

void node_read_log(struct sim *s, uint32_t node, struct file_id id)
{
    struct node *n = &s->world->node[node];
    struct disk_view view;
    disk_view(&n->disk, &view);
    const struct file_view *f = view_find(&view, id);
    assert(f != NULL);
    struct history *h = id.kind == FILE_BINLOG ? &n->binlog : &n->relay;
    if (!history_read(h, id.num, f->bytes, f->len))
        s->world->full = 1;
}

void node_read_engine(struct sim *s, uint32_t node)
{
    struct node *n = &s->world->node[node];
    struct disk_view view;
    struct stream_logs l = {.buffer = n->engine.buffer, .buffer_len = n->engine.buffered};
    disk_view(&n->disk, &view);
    for (uint32_t i = 0; i < view.n; i++) {
        const struct file_view *f = &view.at[i];
        if (f->id.kind == FILE_REDO) {
            l.redo = f->bytes;
            l.redo_len = f->len;
        } else if (f->id.kind == FILE_IBB) {
            l.file[l.n_files++] = (struct stream_file){f->id.num, f->len, f->bytes};
        }
    }
    if (!stream_history(&n->binlog, &l))
        s->world->full = 1;
}

void node_reread(struct sim *s, uint32_t node)
{
    struct node *n = &s->world->node[node];
    struct disk_view view;
    disk_view(&n->disk, &view);
    history_clear(&n->binlog);
    if (s->scenario->node[node].engine_binlog)
        node_read_engine(s, node);
    history_clear(&n->relay);
    for (uint32_t i = 0; i < view.n; i++) {
        if (view.at[i].id.kind == FILE_BINLOG || view.at[i].id.kind == FILE_RELAY)
            node_read_log(s, node, view.at[i].id);
    }
}

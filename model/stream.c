#include "model/stream.h"

#include <string.h>

#include "format/redo.h"

struct stream {
    uint32_t base;
    uint32_t first;
    uint32_t end;
    uint8_t bytes[STREAM_MAX];
};

static uint32_t last_in(const uint8_t *bytes, uint32_t len, enum redo_type type, uint32_t found)
{
    struct redo_record r;
    for (uint32_t at = 0, n; (n = redo_decode(bytes + at, len - at, &r)) != 0; at += n) {
        if (r.type == type)
            found = (uint32_t)r.xid;
    }
    return found;
}

/* The payload of each page that is needed, as long as they are whole. The one that the checkpoint
 * stands in may have been written again since, and torn: its beginning has not changed. */
static bool read_files(struct stream *s, const struct stream_logs *l, uint32_t checkpoint,
                       uint32_t purged)
{
    struct ibb_header h;
    bool oldest = true;
    s->base = s->first = s->end = IBB_START;
    for (uint32_t i = 0; i < l->n_files; i++) {
        const struct stream_file *f = &l->file[i];
        if (ibb_file_start(f->num) < purged)
            continue; /* may still be there, and counts for nothing */
        if (oldest && ibb_header_decode(f->bytes, f->len, f->num, &h)) {
            s->base = s->end = h.start;
            s->first = h.first;
        }
        oldest = false;
        for (uint32_t at = IBB_PAGE; at + IBB_PAGE <= f->len && s->end < checkpoint;
             at += IBB_PAGE) {
            uint32_t left = checkpoint - s->end;
            if (s->end != ibb_file_start(f->num) + at / IBB_PAGE * IBB_PAYLOAD - IBB_PAYLOAD ||
                (left >= IBB_PAYLOAD && !ibb_page_whole(f->bytes + at, s->end)) ||
                s->end - s->base > STREAM_MAX - IBB_PAYLOAD)
                return false;
            uint32_t take = left < IBB_PAYLOAD ? left : IBB_PAYLOAD;
            memcpy(s->bytes + (s->end - s->base), f->bytes + at, take);
            s->end += take;
        }
    }
    return s->end >= checkpoint;
}

/* Records overlap with what the pages gave, or follow it. */
static bool read_redo(struct stream *s, const uint8_t *bytes, uint32_t len)
{
    struct redo_record r;
    for (uint32_t at = 0, n; (n = redo_decode(bytes + at, len - at, &r)) != 0; at += n) {
        if (r.type != REDO_WHOLE && r.type != REDO_PIECE)
            continue;
        struct reader in = reader_over(r.payload, r.len);
        uint32_t start = get_u32(&in);
        uint32_t size = reader_left(&in);
        if (start + size <= s->end)
            continue;
        if (start > s->end || start + size - s->base > STREAM_MAX)
            return false;
        memcpy(s->bytes + (start - s->base), r.payload + 4, size);
        s->end = start + size;
    }
    return true;
}

bool stream_add(struct history *h, const struct ibb_span *stream, const struct ibb_record *r,
                uint32_t start, uint32_t end)
{
    uint8_t group[BINLOG_MAGIC_LEN + 2048];
    struct writer w = writer_over(group, sizeof group);
    struct history one;
    put_bytes(&w, binlog_magic, BINLOG_MAGIC_LEN);
    history_clear(&one);
    if (!ibb_group(stream, r, &w) || !history_read(&one, 1, group, w.len) || one.n != 1) {
        h->broken = 1;
        return true;
    }
    if (h->n == HISTORY_MAX)
        return false;
    one.at[0].start = start;
    one.at[0].end = end;
    h->at[h->n++] = one.at[0];
    return true;
}

bool stream_history(struct history *h, const struct stream_logs *l)
{
    struct stream s;
    struct ibb_record r;
    uint32_t checkpoint = last_in(l->redo, l->redo_len, REDO_CHECKPOINT, IBB_START);
    checkpoint = last_in(l->buffer, l->buffer_len, REDO_CHECKPOINT, checkpoint);
    uint32_t purged = last_in(l->redo, l->redo_len, REDO_PURGE, 0);
    purged = last_in(l->buffer, l->buffer_len, REDO_PURGE, purged);
    history_clear(h);
    h->broken = !read_files(&s, l, checkpoint, purged);
    if (!h->broken &&
        (!read_redo(&s, l->redo, l->redo_len) || !read_redo(&s, l->buffer, l->buffer_len)))
        return false;
    h->file = 1;
    struct ibb_span span = {.bytes = s.bytes, .base = s.base, .len = s.end - s.base};
    uint32_t at = s.first;
    for (uint32_t n;
         at < s.end && (n = ibb_record_decode(s.bytes + (at - s.base), s.end - at, &r)) != 0;
         at += n) {
        if (r.type == IBB_COMMIT && !stream_add(h, &span, &r, at, at + n))
            return false;
    }
    h->parsed = at;
    h->broken |= at != s.end;
    return true;
}

bool stream_commit(const uint8_t *redo, uint32_t len, uint32_t txn, uint32_t *from, uint32_t *to)
{
    struct redo_record r;
    for (uint32_t at = 0, n; (n = redo_decode(redo + at, len - at, &r)) != 0; at += n) {
        if (r.type == REDO_WHOLE && r.k == (int32_t)txn + 1) {
            *from = at;
            *to = at + n;
            return true;
        }
    }
    return false;
}

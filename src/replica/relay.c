#include "replica/relay.h"

static_assert(RELAY_HEADER_MAX >= BINLOG_MAGIC_LEN + 252 + 23 + 4 + 16 * GTID_DOMAINS_MAX,
              "a header fits");

/* ---- header ---------------------------------------------------------------------------------- */

enum fmt relay_header_encode(struct writer *w, const struct server_settings *set,
                             const struct gtid_pos *start)
{
    assert(w != NULL && w->len == 0);
    assert(set != NULL && set->profile != NULL);
    assert(start != NULL && start->n <= GTID_DOMAINS_MAX);
    struct event_ctx c = {.timestamp = EVENT_TIMESTAMP,
                          .server_id = set->server_id,
                          .start = BINLOG_MAGIC_LEN,
                          .flags = EVENT_FLAG_RELAY_LOG};
    enum fmt e = encode_magic(w);
    if (e == FMT_OK) {
        e = encode_format_description(w, &c, set->profile->version);
    }
    if (e != FMT_OK) {
        return e;
    }
    struct gtid_state list;
    memset(&list, 0, sizeof list);
    for (uint32_t i = 0; i < start->n; i++) {
        assert(start->at[i].seq != 0);
        list.at[list.n++] = start->at[i];
    }
    c.start = w->len;
    return encode_gtid_list(w, &c, &list);
}

/* Reads the event at *off and moves *off behind it. */
static enum fmt header_event(const struct file_view *f, uint32_t *off, uint8_t type,
                             struct event_head *h)
{
    assert(*off <= f->len);
    enum fmt e = event_parse(f->bytes + *off, f->len - *off, true, h);
    if (e != FMT_OK) {
        return e;
    }
    if (h->type != type) {
        return FMT_BAD_BODY;
    }
    *off += h->len;
    return FMT_OK;
}

enum fmt relay_header_decode(const struct file_view *f, struct relay_header *h)
{
    assert(f != NULL && f->id.kind == FILE_RELAY);
    assert(h != NULL);
    memset(h, 0, sizeof *h);
    if (f->len < BINLOG_MAGIC_LEN) {
        return FMT_SHORT;
    }
    if (memcmp(f->bytes, binlog_magic, BINLOG_MAGIC_LEN) != 0) {
        return FMT_BAD_MAGIC;
    }
    uint32_t off = BINLOG_MAGIC_LEN;
    struct event_head head;
    enum fmt e = header_event(f, &off, EVENT_FORMAT_DESCRIPTION, &head);
    if (e != FMT_OK) {
        return e;
    }
    const uint32_t list_at = off;
    e = header_event(f, &off, EVENT_GTID_LIST, &head);
    if (e != FMT_OK) {
        return e;
    }
    struct gtid_state list;
    e = decode_gtid_list(f->bytes + list_at, &head, &list);
    if (e != FMT_OK) {
        return e;
    }
    for (uint32_t i = 0; i < list.n; i++) {
        if (list.at[i].seq == 0 || !gtid_pos_set(&h->start, list.at[i])) {
            memset(h, 0, sizeof *h);
            return FMT_BAD_BODY;
        }
    }
    h->len = off;
    return FMT_OK;
}

bool relay_follows(const struct gtid_pos *start, const struct gtid_pos *pos)
{
    assert(start != NULL && start->n <= GTID_DOMAINS_MAX);
    for (uint32_t i = 0; i < start->n; i++) {
        if (gtid_pos_find(pos, start->at[i].domain).seq < start->at[i].seq) {
            return false;
        }
    }
    return true;
}

/* ---- groups ---------------------------------------------------------------------------------- */

static enum statement statement_of(const struct gtid_event *e)
{
    if ((e->flags2 & GTID_FLAG_DDL) != 0)
        return STATEMENT_DDL;
    return (e->flags2 & GTID_FLAG_TRANSACTIONAL) != 0 ? STATEMENT_INSERT : STATEMENT_PLAIN;
}

enum relay_found relay_next_group(const struct file_view *f, uint32_t offset, struct relay_group *g)
{
    assert(f != NULL && f->id.kind == FILE_RELAY);
    assert(offset <= f->len);
    assert(g != NULL);
    memset(g, 0, sizeof *g);
    g->end = offset;
    struct group_scan scan;
    group_scan_start(&scan);
    uint32_t at = offset;
    while (at < f->len) {
        struct event_head h;
        const enum fmt e = event_parse(f->bytes + at, f->len - at, true, &h);
        if (e != FMT_OK) {
            return e == FMT_SHORT ? RELAY_PARTIAL : RELAY_BAD;
        }
        const enum group_step step = group_scan_event(&scan, f->bytes + at, &h);
        at += h.len;
        if (step == GROUP_ERROR || (step == GROUP_BEGIN && scan.gtid.gtid.seq == 0)) {
            return RELAY_BAD;
        }
        if (step == GROUP_OUTSIDE && scan.open == 0) {
            g->end = at;
        }
        if (step == GROUP_END) {
            g->gtid = scan.gtid.gtid;
            g->xid = scan.xid;
            g->k = scan.k;
            g->statement = statement_of(&scan.gtid);
            g->v = scan.v;
            g->end = at;
            return RELAY_GROUP;
        }
    }
    assert(at == f->len);
    return scan.open != 0 ? RELAY_PARTIAL : RELAY_END;
}

/* ---- files ----------------------------------------------------------------------------------- */

const struct file_view *relay_view(const struct disk_view *disk, uint32_t num)
{
    assert(num > 0 && num <= UINT8_MAX);
    return view_find(disk, (struct file_id){.kind = FILE_RELAY, .num = (uint8_t)num});
}

uint8_t relay_after(const struct disk_view *disk, uint32_t num)
{
    assert(disk != NULL && disk->n <= FILES_MAX);
    for (uint32_t i = 0; i < disk->n; i++) {
        if (disk->at[i].id.kind == FILE_RELAY && disk->at[i].id.num > num) {
            return disk->at[i].id.num;
        }
    }
    return 0;
}

#include "format/event.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "format/event_crc.h"

enum {
    EVENT_LEN_MIN = EVENT_HEADER_LEN + EVENT_CRC_LEN,
    GTID_BODY_MIN = 19,
    GTID_LIST_COUNT_MASK = 0x0fffffff, /* above it stand flags of the dump thread */
    GTID_FLAGS_XA = 64 | 128,          /* PREPARED_XA, COMPLETED_XA: an XID block follows */
    QUERY_SKIP_TO_DB_LEN = 8,
    QUERY_SKIP_TO_STATUS_LEN = 11,
    COLUMNS = 2,
    COLUMNS_ALL = 0x3,
    ROW_LEN = 1 + 4 + 4, /* null bitmap, k, v */
};

static_assert(sizeof(struct gtid_event) == 32, "a GTID event has no padding");
static_assert(sizeof(struct rows_event) == 16, "a rows event has no padding");

enum fmt event_parse(const uint8_t *bytes, uint32_t len, bool verify_crc, struct event_head *head)
{
    assert(bytes != NULL || len == 0);
    assert(head != NULL);
    memset(head, 0, sizeof *head);
    if (len < EVENT_HEADER_LEN) {
        return FMT_SHORT;
    }
    struct reader r = reader_over(bytes, len);
    head->timestamp = get_u32(&r);
    head->type = get_u8(&r);
    head->server_id = get_u32(&r);
    head->len = get_u32(&r);
    head->log_pos = get_u32(&r);
    head->flags = get_u16(&r);
    assert(!r.failed && r.pos == EVENT_HEADER_LEN);
    if (head->len < EVENT_LEN_MIN || head->len > EVENT_LEN_MAX) {
        return FMT_BAD_LENGTH;
    }
    if (head->len > len) {
        return FMT_SHORT;
    }
    if (verify_crc) {
        const uint32_t covered = head->len - EVENT_CRC_LEN;
        struct reader trailer = reader_over(bytes + covered, EVENT_CRC_LEN);
        if (get_u32(&trailer) != event_crc(bytes, covered)) {
            return FMT_BAD_CRC;
        }
    }
    return FMT_OK;
}

/* The body of an event: what stands between header and CRC. */
static struct reader body_of(const uint8_t *event, const struct event_head *h)
{
    assert(event != NULL);
    assert(h != NULL);
    assert(h->len >= EVENT_LEN_MIN && h->len <= EVENT_LEN_MAX); /* event_parse saw to it */
    return reader_over(event + EVENT_HEADER_LEN, h->len - EVENT_LEN_MIN);
}

/* Copies what is left of the body, a file name, and fills up with zeros. */
static enum fmt name_from_rest(struct reader *r, char file[BINLOG_NAME_MAX])
{
    const uint32_t n = reader_left(r);
    if (n == 0 || n >= BINLOG_NAME_MAX) {
        return FMT_BAD_BODY;
    }
    const uint8_t *name = get_bytes(r, n);
    assert(name != NULL);
    if (memchr(name, 0, n) != NULL) {
        return FMT_BAD_BODY;
    }
    memcpy(file, name, n);
    memset(file + n, 0, BINLOG_NAME_MAX - n);
    return FMT_OK;
}

/* Steps over the id of an XA transaction where the flags say that there is one. */
static void skip_xa_id(struct reader *r, uint8_t flags2)
{
    if ((flags2 & GTID_FLAGS_XA) != 0) {
        get_skip(r, 4); /* format */
        const uint32_t gtrid_len = get_u8(r);
        const uint32_t bqual_len = get_u8(r);
        get_skip(r, gtrid_len + bqual_len);
    }
}

/* Behind the flags stand, each only where a flag says so, the commit id and the XA id; then what
 * newer servers add, or zeros up to GTID_BODY_MIN. */
enum fmt decode_gtid(const uint8_t *event, const struct event_head *h, struct gtid_event *out)
{
    assert(out != NULL);
    struct reader r = body_of(event, h);
    memset(out, 0, sizeof *out);
    if (h->type != EVENT_GTID || reader_left(&r) < GTID_BODY_MIN) {
        return FMT_BAD_BODY;
    }
    struct gtid_event e = {.gtid = {.server = h->server_id}};
    e.gtid.seq = get_u64(&r);
    e.gtid.domain = get_u32(&r);
    e.flags2 = get_u8(&r);
    if ((e.flags2 & GTID_FLAG_GROUP_COMMIT_ID) != 0) {
        e.commit_id = get_u64(&r);
    }
    skip_xa_id(&r, e.flags2);
    if (r.failed || e.gtid.seq == 0) {
        return FMT_BAD_BODY;
    }
    *out = e;
    return FMT_OK;
}

/* One entry of a list. A pair that is listed twice, or a number that no server gives out, says that
 * the bytes are no GTID_LIST. */
static bool gtid_list_entry(struct reader *r, struct gtid_state *s)
{
    struct gtid g;
    g.domain = get_u32(r);
    g.server = get_u32(r);
    g.seq = get_u64(r);
    assert(!r->failed);
    if (g.seq == 0 || gtid_state_seq(s, g.domain, g.server) != 0) {
        return false;
    }
    return gtid_state_update(s, g);
}

enum fmt decode_gtid_list(const uint8_t *event, const struct event_head *h, struct gtid_state *out)
{
    assert(out != NULL);
    struct reader r = body_of(event, h);
    memset(out, 0, sizeof *out);
    if (h->type != EVENT_GTID_LIST) {
        return FMT_BAD_BODY;
    }
    const uint32_t count = get_u32(&r) & GTID_LIST_COUNT_MASK;
    if (r.failed || count > GTID_STATE_MAX) {
        return FMT_BAD_BODY;
    }
    const uint32_t left = reader_left(&r);
    const bool padded_empty = count == 0 && left == 2;
    if (left != count * 16 && !padded_empty) {
        return FMT_BAD_BODY;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!gtid_list_entry(&r, out)) {
            memset(out, 0, sizeof *out);
            return FMT_BAD_BODY;
        }
    }
    return FMT_OK;
}

enum fmt decode_write_rows(const uint8_t *event, const struct event_head *h, struct rows_event *out)
{
    assert(out != NULL);
    struct reader r = body_of(event, h);
    memset(out, 0, sizeof *out);
    if (h->type != EVENT_WRITE_ROWS_V1) {
        return FMT_BAD_BODY;
    }
    struct rows_event e;
    e.table_id = get_u32(&r);
    e.table_id |= (uint64_t)get_u16(&r) << 32;
    get_skip(&r, 2); /* flags */
    const uint8_t columns = get_u8(&r);
    const uint8_t present = get_u8(&r);
    const uint32_t rows_len = reader_left(&r);
    const uint8_t nulls = get_u8(&r);
    e.k = (int32_t)get_u32(&r);
    e.v = (int32_t)get_u32(&r);
    if (r.failed || columns != COLUMNS || (present & COLUMNS_ALL) != COLUMNS_ALL) {
        return FMT_BAD_BODY;
    }
    if ((nulls & COLUMNS_ALL) != 0 || rows_len % ROW_LEN != 0) {
        return FMT_BAD_BODY;
    }
    *out = e;
    return FMT_OK;
}

enum fmt decode_xid(const uint8_t *event, const struct event_head *h, uint64_t *xid)
{
    assert(xid != NULL);
    struct reader r = body_of(event, h);
    *xid = 0;
    if (h->type != EVENT_XID || reader_left(&r) != 8) {
        return FMT_BAD_BODY;
    }
    *xid = get_u64(&r);
    return FMT_OK;
}

enum fmt decode_rotate(const uint8_t *event, const struct event_head *h, struct rotate_event *out)
{
    assert(out != NULL);
    struct reader r = body_of(event, h);
    memset(out, 0, sizeof *out);
    if (h->type != EVENT_ROTATE) {
        return FMT_BAD_BODY;
    }
    const uint64_t next_pos = get_u64(&r);
    enum fmt e = name_from_rest(&r, out->next_file);
    if (e == FMT_OK) {
        out->next_pos = next_pos;
    }
    return e;
}

enum fmt decode_binlog_checkpoint(const uint8_t *event, const struct event_head *h,
                                  char file[BINLOG_NAME_MAX])
{
    assert(file != NULL);
    struct reader r = body_of(event, h);
    memset(file, 0, BINLOG_NAME_MAX);
    if (h->type != EVENT_BINLOG_CHECKPOINT) {
        return FMT_BAD_BODY;
    }
    const uint32_t n = get_u32(&r);
    if (r.failed || n != reader_left(&r)) {
        return FMT_BAD_BODY;
    }
    return name_from_rest(&r, file);
}

enum fmt decode_query(const uint8_t *event, const struct event_head *h, const char **text,
                      uint32_t *len)
{
    assert(text != NULL);
    assert(len != NULL);
    struct reader r = body_of(event, h);
    *text = NULL;
    *len = 0;
    if (h->type != EVENT_QUERY) {
        return FMT_BAD_BODY;
    }
    get_skip(&r, QUERY_SKIP_TO_DB_LEN); /* thread id, execution time */
    const uint32_t db_len = get_u8(&r);
    get_skip(&r, 2); /* error code */
    const uint32_t status_len = get_u16(&r);
    get_skip(&r, status_len + db_len);
    const uint8_t db_end = get_u8(&r);
    if (r.failed || db_end != 0) {
        return FMT_BAD_BODY;
    }
    const uint32_t n = reader_left(&r);
    *text = (const char *)get_bytes(&r, n);
    *len = n;
    assert(*text != NULL);
    return FMT_OK;
}

enum fmt decode_query_xid(const uint8_t *event, const struct event_head *h, uint64_t *xid)
{
    assert(xid != NULL);
    const char *text;
    uint32_t len;
    *xid = 0;
    if (decode_query(event, h, &text, &len) != FMT_OK) {
        return FMT_BAD_BODY;
    }
    struct reader r = body_of(event, h);
    get_skip(&r, QUERY_SKIP_TO_STATUS_LEN);
    const uint32_t status_len = get_u16(&r);
    if (status_len >= QUERY_STATUS_XID_LEN && get_u8(&r) == QUERY_STATUS_XID) {
        *xid = get_u64(&r);
    }
    assert(!r.failed);
    return FMT_OK;
}

#include "format/event.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>
#include <libdeflate.h>

#include "format/event_crc.h"

const uint8_t binlog_magic[BINLOG_MAGIC_LEN] = {0xfe, 0x62, 0x69, 0x6e};

enum {
    HEADER_TYPE_AT = 4,
    HEADER_FLAGS_AT = 17,
    BINLOG_VERSION = 4,
    SERVER_VERSION_LEN = 50,
    CHECKSUM_ALG_CRC32 = 1,
    EVENT_TYPES = 171,        /* what MariaDB 10.11 knows */
    QUERY_FIXED_LEN = 13,     /* thread id, execution time, db length, error, status length */
    GTID_PADDING_LEN = 6,     /* without a commit id: zeros up to the least length of the body */
    GTID_LIST_BODY_MIN = 6,   /* an empty list is padded to this */
    TABLE_MAP_BITS_EXACT = 1, /* flags of TABLE_MAP */
    ROWS_STATEMENT_END = 1,   /* flags of WRITE_ROWS: the last event of its statement */
    COLUMN_TYPE_LONG = 3,     /* INT */
    COLUMNS = 2,              /* k and v */
    COLUMNS_ALL = 0x3,        /* bitmap of both */
    ROW_NO_NULLS = 0xfc,      /* null bitmap: columns clear, unused bits set */
};

/* Length of the fixed part of each event type's body, [type - 1]; as MariaDB 10.11 announces it in
 * its FORMAT_DESCRIPTION. Types without a fixed part, and numbers without a type, have 0. */
static const uint8_t fixed_len[EVENT_TYPES] = {
    [EVENT_QUERY - 1] = QUERY_FIXED_LEN,
    [EVENT_ROTATE - 1] = 8,
    [EVENT_FORMAT_DESCRIPTION - 1] = 57 + EVENT_TYPES,
    [EVENT_TABLE_MAP - 1] = 8,
    [EVENT_WRITE_ROWS_V1 - 1] = 8,
    [EVENT_BINLOG_CHECKPOINT - 1] = 4,
    [EVENT_GTID - 1] = 19,
    [EVENT_GTID_LIST - 1] = 4,
    /* The first format's start event, and the events of LOAD DATA, old and new. */
    [0] = 56,
    [5] = 18,
    [7] = 4,
    [8] = 4,
    [9] = 4,
    [10] = 4,
    [11] = 18,
    [16] = 4,
    [17] = 26,
    /* UPDATE_ROWS_V1, DELETE_ROWS_V1, INCIDENT, then the three rows events of version 2. */
    [23] = 8,
    [24] = 8,
    [25] = 2,
    [29] = 10,
    [30] = 10,
    [31] = 10,
    /* Numbers that only MySQL uses. */
    [38] = 10,
    [39] = 10,
    [40] = 10,
    /* Compressed: QUERY, rows of version 1, rows of version 2. */
    [164] = QUERY_FIXED_LEN,
    [165] = 8,
    [166] = 8,
    [167] = 8,
    [168] = 10,
    [169] = 10,
    [170] = 10,
};

const char *fmt_text(enum fmt e)
{
    switch (e) {
    case FMT_OK:
        return "ok";
    case FMT_FULL:
        return "no room";
    case FMT_SHORT:
        return "torn: the bytes end inside the event";
    case FMT_BAD_MAGIC:
        return "wrong magic";
    case FMT_BAD_CRC:
        return "wrong CRC";
    case FMT_BAD_LENGTH:
        return "impossible event length";
    case FMT_BAD_BODY:
        return "malformed body";
    }
    return "unknown";
}

const char *event_type_text(uint8_t type)
{
    switch (type) {
    case EVENT_QUERY:
        return "QUERY";
    case EVENT_STOP:
        return "STOP";
    case EVENT_ROTATE:
        return "ROTATE";
    case EVENT_FORMAT_DESCRIPTION:
        return "FORMAT_DESCRIPTION";
    case EVENT_XID:
        return "XID";
    case EVENT_TABLE_MAP:
        return "TABLE_MAP";
    case EVENT_WRITE_ROWS_V1:
        return "WRITE_ROWS_V1";
    case EVENT_HEARTBEAT:
        return "HEARTBEAT";
    case EVENT_ANNOTATE_ROWS:
        return "ANNOTATE_ROWS";
    case EVENT_BINLOG_CHECKPOINT:
        return "BINLOG_CHECKPOINT";
    case EVENT_GTID:
        return "GTID";
    case EVENT_GTID_LIST:
        return "GTID_LIST";
    default:
        return "unknown";
    }
}

uint32_t event_crc(const uint8_t *event, uint32_t len)
{
    assert(event != NULL);
    assert(len >= EVENT_HEADER_LEN);
    if (event[HEADER_TYPE_AT] != EVENT_FORMAT_DESCRIPTION) {
        return libdeflate_crc32(0, event, len);
    }
    const uint8_t flags_low = event[HEADER_FLAGS_AT] & (uint8_t)~EVENT_FLAG_IN_USE;
    const uint8_t *rest = event + HEADER_FLAGS_AT + 1;
    uint32_t crc = libdeflate_crc32(0, event, HEADER_FLAGS_AT);
    crc = libdeflate_crc32(crc, &flags_low, 1);
    return libdeflate_crc32(crc, rest, len - HEADER_FLAGS_AT - 1);
}

/* ---- one event: open, body, close ------------------------------------------------------------
 * The length of the body is known before the first byte is written, so an event is written whole or
 * not at all. */

/* Writes the header. False (and a failed writer) where the whole event does not fit. */
static bool event_open(struct writer *w, const struct event_ctx *c, enum event_type type,
                       uint16_t flags, uint32_t body_len)
{
    assert(w != NULL);
    assert(c != NULL);
    assert(body_len <= EVENT_LEN_MAX - EVENT_HEADER_LEN - EVENT_CRC_LEN);
    const uint32_t len = EVENT_HEADER_LEN + body_len + EVENT_CRC_LEN;
    assert(c->start <= UINT32_MAX - len);
    if (w->failed || len > w->cap - w->len) {
        w->failed = true;
        return false;
    }
    put_u32(w, c->timestamp);
    put_u8(w, (uint8_t)type);
    put_u32(w, c->server_id);
    put_u32(w, len);
    put_u32(w, (flags & EVENT_FLAG_ARTIFICIAL) != 0 ? 0 : c->start + len);
    put_u16(w, flags);
    return true;
}

/* Appends the CRC to the event whose header and body_len bytes of body were just written. */
static enum fmt event_close(struct writer *w, uint32_t body_len)
{
    const uint32_t len = EVENT_HEADER_LEN + body_len;
    assert(!w->failed);
    assert(w->len >= len);
    const uint8_t *event = w->at + w->len - len;
    assert(event[9] == ((len + EVENT_CRC_LEN) & 0xff)); /* the body came out as long as announced */
    put_u32(w, event_crc(event, len));
    assert(!w->failed);
    return FMT_OK;
}

static uint32_t text_len(const char *text)
{
    assert(text != NULL);
    size_t n = strlen(text);
    assert(n < EVENT_LEN_MAX);
    return (uint32_t)n;
}

static void put_u48(struct writer *w, uint64_t v)
{
    assert(v < (uint64_t)1 << 48);
    put_u32(w, (uint32_t)(v & UINT32_MAX));
    put_u16(w, (uint16_t)(v >> 32));
}

enum fmt encode_magic(struct writer *w)
{
    assert(w != NULL);
    put_bytes(w, binlog_magic, BINLOG_MAGIC_LEN);
    return w->failed ? FMT_FULL : FMT_OK;
}

/* The creation time stays 0, as in every file that a rotation opened. A server fills it in in the
 * first file after its start, for replicas to drop temporary tables; nothing here has those. */
enum fmt encode_format_description(struct writer *w, const struct event_ctx *c,
                                   const char *server_version)
{
    enum { BODY = 2 + SERVER_VERSION_LEN + 4 + 1 + EVENT_TYPES + 1 };
    const uint32_t version_len = text_len(server_version);
    assert(version_len < SERVER_VERSION_LEN);
    if (!event_open(w, c, EVENT_FORMAT_DESCRIPTION, c->flags, BODY)) {
        return FMT_FULL;
    }
    put_u16(w, BINLOG_VERSION);
    put_bytes(w, server_version, version_len);
    put_zero(w, SERVER_VERSION_LEN - version_len);
    put_u32(w, 0);
    put_u8(w, EVENT_HEADER_LEN);
    put_bytes(w, fixed_len, EVENT_TYPES);
    put_u8(w, CHECKSUM_ALG_CRC32);
    return event_close(w, BODY);
}

enum fmt encode_gtid_list(struct writer *w, const struct event_ctx *c, const struct gtid_state *s)
{
    assert(s != NULL);
    assert(s->n <= GTID_STATE_MAX);
    const uint32_t list_len = 4 + 16 * s->n;
    const uint32_t body = list_len < GTID_LIST_BODY_MIN ? GTID_LIST_BODY_MIN : list_len;
    if (!event_open(w, c, EVENT_GTID_LIST, c->flags, body)) {
        return FMT_FULL;
    }
    put_u32(w, s->n);
    for (uint32_t i = 0; i < s->n; i++) {
        put_u32(w, s->at[i].domain);
        put_u32(w, s->at[i].server);
        put_u64(w, s->at[i].seq);
    }
    put_zero(w, body - list_len);
    return event_close(w, body);
}

enum fmt encode_binlog_checkpoint(struct writer *w, const struct event_ctx *c, const char *file)
{
    const uint32_t n = text_len(file);
    assert(n > 0 && n < BINLOG_NAME_MAX);
    if (!event_open(w, c, EVENT_BINLOG_CHECKPOINT, c->flags, 4 + n)) {
        return FMT_FULL;
    }
    put_u32(w, n);
    put_bytes(w, file, n);
    return event_close(w, 4 + n);
}

enum fmt encode_gtid(struct writer *w, const struct event_ctx *c, struct gtid g, uint8_t flags2,
                     uint64_t commit_id)
{
    assert(c != NULL);
    assert(g.seq != 0);
    assert(g.server == c->server_id);
    assert((flags2 & 0xc0) == 0); /* XA transactions: their id would have to follow */
    const uint32_t body = 8 + 4 + 1 + (commit_id != 0 ? 8 : GTID_PADDING_LEN);
    const uint16_t flags = c->flags | EVENT_FLAG_SUPPRESS_USE;
    if (!event_open(w, c, EVENT_GTID, flags, body)) {
        return FMT_FULL;
    }
    const unsigned others = flags2 & ~(unsigned)GTID_FLAG_GROUP_COMMIT_ID;
    put_u64(w, g.seq);
    put_u32(w, g.domain);
    if (commit_id != 0) {
        put_u8(w, (uint8_t)(others | GTID_FLAG_GROUP_COMMIT_ID));
        put_u64(w, commit_id);
    } else {
        put_u8(w, (uint8_t)others);
        put_zero(w, GTID_PADDING_LEN);
    }
    return event_close(w, body);
}

/* Without status variables: a server that applies it takes its own defaults. */
/* status: status variables, their codes included. */
static enum fmt query(struct writer *w, const struct event_ctx *c, const char *db,
                      const uint8_t *status, uint32_t status_len, const char *text)
{
    const uint32_t db_len = text_len(db);
    const uint32_t n = text_len(text);
    assert(db_len <= UINT8_MAX && status_len <= UINT16_MAX);
    const uint32_t body = QUERY_FIXED_LEN + status_len + db_len + 1 + n;
    if (!event_open(w, c, EVENT_QUERY, c->flags, body)) {
        return FMT_FULL;
    }
    put_u32(w, 0); /* thread id */
    put_u32(w, 0); /* execution time */
    put_u8(w, (uint8_t)db_len);
    put_u16(w, 0); /* error code */
    put_u16(w, (uint16_t)status_len);
    if (status_len != 0) {
        put_bytes(w, status, status_len);
    }
    put_bytes(w, db, db_len);
    put_u8(w, 0);
    put_bytes(w, text, n);
    return event_close(w, body);
}

enum fmt encode_query(struct writer *w, const struct event_ctx *c, const char *db, const char *text)
{
    return query(w, c, db, NULL, 0, text);
}

enum fmt encode_query_xid(struct writer *w, const struct event_ctx *c, const char *db,
                          const char *text, uint64_t xid)
{
    uint8_t status[QUERY_STATUS_XID_LEN];
    struct writer s = writer_over(status, sizeof status);
    put_u8(&s, QUERY_STATUS_XID);
    put_u64(&s, xid);
    assert(!s.failed && s.len == sizeof status);
    return query(w, c, db, status, s.len, text);
}

enum fmt encode_table_map(struct writer *w, const struct event_ctx *c, uint64_t table_id,
                          const char *db, const char *table)
{
    const uint32_t db_len = text_len(db);
    const uint32_t table_len = text_len(table);
    assert(db_len <= UINT8_MAX);
    assert(table_len <= UINT8_MAX);
    const uint32_t body = 6 + 2 + (1 + db_len + 1) + (1 + table_len + 1) + 1 + COLUMNS + 1 + 1;
    if (!event_open(w, c, EVENT_TABLE_MAP, c->flags, body)) {
        return FMT_FULL;
    }
    put_u48(w, table_id);
    put_u16(w, TABLE_MAP_BITS_EXACT);
    put_u8(w, (uint8_t)db_len);
    put_bytes(w, db, db_len);
    put_u8(w, 0);
    put_u8(w, (uint8_t)table_len);
    put_bytes(w, table, table_len);
    put_u8(w, 0);
    put_u8(w, COLUMNS);
    put_u8(w, COLUMN_TYPE_LONG);
    put_u8(w, COLUMN_TYPE_LONG);
    put_u8(w, 0); /* length of the column metadata: INT has none */
    put_u8(w, 0); /* which columns may be NULL */
    return event_close(w, body);
}

enum fmt encode_write_rows(struct writer *w, const struct event_ctx *c, uint64_t table_id,
                           int32_t k, int32_t v)
{
    enum { BODY = 6 + 2 + 1 + 1 + 1 + 4 + 4 };
    if (!event_open(w, c, EVENT_WRITE_ROWS_V1, c->flags, BODY)) {
        return FMT_FULL;
    }
    put_u48(w, table_id);
    put_u16(w, ROWS_STATEMENT_END);
    put_u8(w, COLUMNS);
    put_u8(w, COLUMNS_ALL);
    put_u8(w, ROW_NO_NULLS);
    put_u32(w, (uint32_t)k);
    put_u32(w, (uint32_t)v);
    return event_close(w, BODY);
}

enum fmt encode_xid(struct writer *w, const struct event_ctx *c, uint64_t xid)
{
    enum { BODY = 8 };
    if (!event_open(w, c, EVENT_XID, c->flags, BODY)) {
        return FMT_FULL;
    }
    put_u64(w, xid);
    return event_close(w, BODY);
}

enum fmt encode_rotate(struct writer *w, const struct event_ctx *c, const char *next_file,
                       uint64_t next_pos)
{
    const uint32_t n = text_len(next_file);
    assert(n > 0 && n < BINLOG_NAME_MAX);
    if (!event_open(w, c, EVENT_ROTATE, c->flags, 8 + n)) {
        return FMT_FULL;
    }
    put_u64(w, next_pos);
    put_bytes(w, next_file, n);
    return event_close(w, 8 + n);
}

enum fmt encode_stop(struct writer *w, const struct event_ctx *c)
{
    if (!event_open(w, c, EVENT_STOP, c->flags, 0)) {
        return FMT_FULL;
    }
    return event_close(w, 0);
}

void format_description_set_in_use(uint8_t *event, bool in_use, uint32_t *offset)
{
    assert(event != NULL);
    assert(offset != NULL);
    assert(event[HEADER_TYPE_AT] == EVENT_FORMAT_DESCRIPTION);
    const unsigned others = event[HEADER_FLAGS_AT] & ~(unsigned)EVENT_FLAG_IN_USE;
    event[HEADER_FLAGS_AT] = (uint8_t)(in_use ? others | EVENT_FLAG_IN_USE : others);
    *offset = HEADER_FLAGS_AT;
}

bool format_description_in_use(const struct event_head *h)
{
    assert(h != NULL);
    assert(h->type == EVENT_FORMAT_DESCRIPTION);
    return (h->flags & EVENT_FLAG_IN_USE) != 0;
}

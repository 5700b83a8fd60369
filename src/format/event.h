/* Binlog v4 events as MariaDB writes them: bytes <-> structs, and nothing else.
 *
 * Layout (facts section 4): a file is the magic FE 62 69 6E and then events. An event is a 19-byte
 * header, little endian (timestamp 4, type 1, server_id 4, length 4, log_pos 4 = end position in
 * the file, flags 2), a body, and a CRC32 over all that precedes it. The CRC of a
 * FORMAT_DESCRIPTION is computed as if BINLOG_IN_USE were clear.
 *
 * Encoders append one whole event, CRC included, to a writer. They take where the event will stand
 * (head.log_pos is computed by the encoder: `start` + length). They return FMT_OK, or FMT_FULL when
 * the writer has no room; the writer is then `failed`.
 *
 * Decoders take one whole event (as event_parse found it) and never read outside it. Whatever the
 * bytes are, they answer with an enum fmt; they never assert on input.
 */
#ifndef ACKPROOF_FORMAT_EVENT_H
#define ACKPROOF_FORMAT_EVENT_H

#include "format/bytes.h"
#include "format/gtid.h"

enum fmt {
    FMT_OK = 0,
    FMT_FULL,      /* writer too small */
    FMT_SHORT,     /* the bytes end inside the event: a torn tail */
    FMT_BAD_MAGIC, /* not a binlog file */
    FMT_BAD_CRC,
    FMT_BAD_LENGTH, /* header length below the minimum, or absurd */
    FMT_BAD_BODY,   /* a field of the body contradicts the length or the format */
};
const char *fmt_text(enum fmt e);

enum {
    BINLOG_MAGIC_LEN = 4,
    EVENT_HEADER_LEN = 19,
    EVENT_CRC_LEN = 4,
    EVENT_LEN_MAX = 1 << 24, /* longer is taken for garbage */
    BINLOG_NAME_MAX = 64,    /* file name with NUL; FN_REFLEN is 512 on a server */
};
extern const uint8_t binlog_magic[BINLOG_MAGIC_LEN];

enum event_type {
    EVENT_QUERY = 2,
    EVENT_STOP = 3,
    EVENT_ROTATE = 4,
    EVENT_FORMAT_DESCRIPTION = 15,
    EVENT_XID = 16,
    EVENT_TABLE_MAP = 19,
    EVENT_WRITE_ROWS_V1 = 23,
    EVENT_HEARTBEAT = 27,
    EVENT_ANNOTATE_ROWS = 160,
    EVENT_BINLOG_CHECKPOINT = 161,
    EVENT_GTID = 162,
    EVENT_GTID_LIST = 163,
};
const char *event_type_text(uint8_t type); /* "XID"; "unknown" for a type not listed */

enum event_flag {
    EVENT_FLAG_IN_USE = 0x1,       /* FORMAT_DESCRIPTION only: the file was not closed */
    EVENT_FLAG_SUPPRESS_USE = 0x8, /* no default database; encode_gtid sets it, as servers do */
    EVENT_FLAG_ARTIFICIAL = 0x20,
    EVENT_FLAG_RELAY_LOG = 0x40,
};
/* Status variables of a QUERY event: code, then value. */
enum { QUERY_STATUS_XID = 129, QUERY_STATUS_XID_LEN = 1 + 8 };
/* flags2 of a GTID event. */
enum gtid_flag {
    GTID_FLAG_STANDALONE = 1,
    GTID_FLAG_GROUP_COMMIT_ID = 2,
    GTID_FLAG_TRANSACTIONAL = 4,
    GTID_FLAG_ALLOW_PARALLEL = 8,
    GTID_FLAG_DDL = 32,
};

struct event_head {
    uint32_t timestamp;
    uint32_t server_id;
    uint32_t len;     /* whole event with header and CRC */
    uint32_t log_pos; /* end of the event in its file; 0 in artificial events */
    uint16_t flags;
    uint8_t type;
};

/* What an encoder needs to know of its surroundings. */
struct event_ctx {
    uint32_t timestamp;
    uint32_t server_id;
    uint32_t start; /* offset in the file at which the event will stand */
    uint16_t flags;
};

/* Reads the header of the event at bytes[0..len), checks length and CRC. len may go past the event.
 * `verify_crc` false skips the CRC (facts section 3.2: Connector/C ACKs before it verifies). */
enum fmt event_parse(const uint8_t *bytes, uint32_t len, bool verify_crc, struct event_head *head);

enum fmt encode_magic(struct writer *w);
enum fmt encode_format_description(struct writer *w, const struct event_ctx *c,
                                   const char *server_version);
enum fmt encode_gtid_list(struct writer *w, const struct event_ctx *c, const struct gtid_state *s);
enum fmt encode_binlog_checkpoint(struct writer *w, const struct event_ctx *c, const char *file);
/* commit_id 0: no GROUP_COMMIT_ID flag. The GTID's server is c->server_id. */
enum fmt encode_gtid(struct writer *w, const struct event_ctx *c, struct gtid g, uint8_t flags2,
                     uint64_t commit_id);
enum fmt encode_query(struct writer *w, const struct event_ctx *c, const char *db,
                      const char *text);
/* With the XID by which a recovery knows a DDL statement again: status variable Q_XID (MariaDB
 * 10.6, MDEV-17567). */
enum fmt encode_query_xid(struct writer *w, const struct event_ctx *c, const char *db,
                          const char *text, uint64_t xid);
/* A row-format insert into a table (k INT NOT NULL, v INT NOT NULL). */
enum fmt encode_table_map(struct writer *w, const struct event_ctx *c, uint64_t table_id,
                          const char *db, const char *table);
enum fmt encode_write_rows(struct writer *w, const struct event_ctx *c, uint64_t table_id,
                           int32_t k, int32_t v);
enum fmt encode_xid(struct writer *w, const struct event_ctx *c, uint64_t xid);
enum fmt encode_rotate(struct writer *w, const struct event_ctx *c, const char *next_file,
                       uint64_t next_pos);
enum fmt encode_stop(struct writer *w, const struct event_ctx *c);

struct gtid_event {
    struct gtid gtid; /* server from the header */
    uint64_t commit_id;
    uint8_t flags2;
    uint8_t reserved[7]; /* 0; keeps the struct, and group_scan, free of padding */
};
struct rows_event {
    uint64_t table_id;
    int32_t k, v; /* the first row; a table of another shape gives FMT_BAD_BODY */
};
struct rotate_event {
    uint64_t next_pos;
    char next_file[BINLOG_NAME_MAX];
};
enum fmt decode_gtid(const uint8_t *event, const struct event_head *h, struct gtid_event *out);
/* More than GTID_STATE_MAX entries: FMT_BAD_BODY. */
enum fmt decode_gtid_list(const uint8_t *event, const struct event_head *h, struct gtid_state *out);
enum fmt decode_write_rows(const uint8_t *event, const struct event_head *h,
                           struct rows_event *out);
enum fmt decode_xid(const uint8_t *event, const struct event_head *h, uint64_t *xid);
enum fmt decode_rotate(const uint8_t *event, const struct event_head *h, struct rotate_event *out);
enum fmt decode_binlog_checkpoint(const uint8_t *event, const struct event_head *h,
                                  char file[BINLOG_NAME_MAX]);
/* Text of a QUERY event, not NUL-terminated; points into the event. */
enum fmt decode_query(const uint8_t *event, const struct event_head *h, const char **text,
                      uint32_t *len);

/* Its XID; 0 where the first status variable is not Q_XID. */
enum fmt decode_query_xid(const uint8_t *event, const struct event_head *h, uint64_t *xid);

/* The one DDL statement that is written here: a table of its own for the row (k, v).
 * "CREATE TABLE t7 (v INT DEFAULT 700)", k and v above 0. False: the text is another statement. */
enum { DDL_TEXT_MAX = 64 };
void ddl_text(char text[DDL_TEXT_MAX], int32_t k, int32_t v);
bool ddl_parse(const char *text, uint32_t len, int32_t *k, int32_t *v);
/* Does the event say which row its group is about, a row or a DDL? */
bool event_row(const uint8_t *event, const struct event_head *h, int32_t *k, int32_t *v);

/* Clears or sets BINLOG_IN_USE in the header of a FORMAT_DESCRIPTION; the CRC stays valid. `offset`
 * receives where in the event the changed 2 bytes stand (for an in-place write). */
void format_description_set_in_use(uint8_t *event, bool in_use, uint32_t *offset);
bool format_description_in_use(const struct event_head *h);

/* ---- event groups (facts section 4, event-group boundaries) ----------------------------------
 * A group starts at a GTID event. STANDALONE: it ends at the first event behind it that is not a
 * helper (TABLE_MAP, ANNOTATE_ROWS). Otherwise it ends at XID, or at QUERY with text COMMIT or
 * ROLLBACK. The scanner is fed one event after the other and says what each one is. */
enum group_step {
    GROUP_OUTSIDE, /* FDE, ROTATE, GTID_LIST, BINLOG_CHECKPOINT, STOP, HEARTBEAT */
    GROUP_BEGIN,   /* the GTID event */
    GROUP_MIDDLE,
    GROUP_END,   /* the group is complete with this event */
    GROUP_ERROR, /* an event of a group without a GTID before it, or a GTID inside a group */
};
struct group_scan {
    struct gtid_event gtid; /* of the open or just ended group */
    uint64_t xid;           /* of the just ended group, a DDL's too; 0 where it has none */
    uint32_t open;          /* bool: inside a group */
    uint32_t rows;          /* bool: k, v below are set */
    int32_t k, v;           /* first row of the group, or what its DDL creates */
};
void group_scan_start(struct group_scan *g);
enum group_step group_scan_event(struct group_scan *g, const uint8_t *event,
                                 const struct event_head *h);

#endif

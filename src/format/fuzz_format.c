/* libFuzzer target for everything that reads foreign bytes.
 *
 * The first byte of the input picks what the rest is: a file to walk, with or without CRC check; a
 * script of events that gets right headers and CRCs, so that the fuzzer reaches the decoders; a
 * packet; a text. Beside "no crash" it demands: what decodes encodes again to what decodes to the
 * same, and where a decoder leaves nothing open, to the same bytes. */
#include "format/event.h"
#include "format/event_crc.h"
#include "format/packet.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { EVENT_CAP = 1024, FILE_CAP = 4096 };

/* Not assert: it must hold in every build. */
static void demand(bool holds)
{
    if (!holds) {
        abort();
    }
}

/* The event that an encoder has just written, parsed. */
static struct event_head reparsed(const struct writer *w)
{
    struct event_head h;
    demand(!w->failed);
    demand(event_parse(w->at, w->len, true, &h) == FMT_OK);
    demand(h.len == w->len);
    return h;
}

/* The surroundings in which an encoder must write the same event again. */
static struct event_ctx ctx_of(const struct event_head *h)
{
    const uint32_t start = h->log_pos >= h->len ? h->log_pos - h->len : 0;
    const struct event_ctx c = {
        .timestamp = h->timestamp, .server_id = h->server_id, .start = start, .flags = h->flags};
    return c;
}

static bool same_body(const struct writer *w, const uint8_t *event, const struct event_head *h)
{
    const uint32_t body = h->len - EVENT_HEADER_LEN - EVENT_CRC_LEN;
    return w->len == h->len &&
           memcmp(w->at + EVENT_HEADER_LEN, event + EVENT_HEADER_LEN, body) == 0;
}

static void check_gtid(const uint8_t *event, const struct event_head *h)
{
    struct gtid_event e;
    struct gtid_event again;
    uint8_t bytes[EVENT_CAP];
    struct writer w = writer_over(bytes, sizeof bytes);
    if (decode_gtid(event, h, &e) != FMT_OK) {
        return;
    }
    demand(e.gtid.seq != 0 && e.gtid.server == h->server_id);
    /* An XA id is not kept, and a commit id 0 cannot be told from none. */
    e.flags2 = (uint8_t)(e.flags2 & 0x3f);
    if (e.commit_id == 0) {
        e.flags2 = (uint8_t)(e.flags2 & ~(unsigned)GTID_FLAG_GROUP_COMMIT_ID);
    }
    const struct event_ctx c = ctx_of(h);
    demand(encode_gtid(&w, &c, e.gtid, e.flags2, e.commit_id) == FMT_OK);
    const struct event_head h2 = reparsed(&w);
    demand(decode_gtid(bytes, &h2, &again) == FMT_OK);
    demand(memcmp(&e, &again, sizeof e) == 0);
}

static void check_gtid_list(const uint8_t *event, const struct event_head *h)
{
    struct gtid_state s;
    struct gtid_state again;
    struct gtid_pos pos;
    uint8_t bytes[EVENT_CAP];
    struct writer w = writer_over(bytes, sizeof bytes);
    if (decode_gtid_list(event, h, &s) != FMT_OK) {
        return;
    }
    gtid_state_pos(&s, &pos);
    for (uint32_t i = 0; i < s.n; i++) {
        demand(gtid_state_holds(&s, s.at[i]));
    }
    for (uint32_t i = 0; i < pos.n; i++) {
        demand(gtid_equal(gtid_state_latest(&s, pos.at[i].domain), pos.at[i]));
    }
    const struct event_ctx c = ctx_of(h);
    demand(encode_gtid_list(&w, &c, &s) == FMT_OK);
    const struct event_head h2 = reparsed(&w);
    demand(decode_gtid_list(bytes, &h2, &again) == FMT_OK);
    demand(memcmp(&s, &again, sizeof s) == 0);
}

static void check_rows(const uint8_t *event, const struct event_head *h)
{
    struct rows_event e;
    struct rows_event again;
    uint8_t bytes[EVENT_CAP];
    struct writer w = writer_over(bytes, sizeof bytes);
    if (decode_write_rows(event, h, &e) != FMT_OK) {
        return;
    }
    const struct event_ctx c = ctx_of(h);
    demand(encode_write_rows(&w, &c, e.table_id, e.k, e.v) == FMT_OK);
    const struct event_head h2 = reparsed(&w);
    demand(decode_write_rows(bytes, &h2, &again) == FMT_OK);
    demand(memcmp(&e, &again, sizeof e) == 0);
}

/* XID, ROTATE and BINLOG_CHECKPOINT: the struct holds all of the body. */
static void check_exact(const uint8_t *event, const struct event_head *h)
{
    uint64_t xid;
    struct rotate_event rotate;
    char file[BINLOG_NAME_MAX];
    uint8_t bytes[EVENT_CAP];
    struct writer w = writer_over(bytes, sizeof bytes);
    const struct event_ctx c = ctx_of(h);
    if (decode_xid(event, h, &xid) == FMT_OK) {
        demand(encode_xid(&w, &c, xid) == FMT_OK);
    } else if (decode_rotate(event, h, &rotate) == FMT_OK) {
        demand(encode_rotate(&w, &c, rotate.next_file, rotate.next_pos) == FMT_OK);
    } else if (decode_binlog_checkpoint(event, h, file) == FMT_OK) {
        demand(encode_binlog_checkpoint(&w, &c, file) == FMT_OK);
    } else {
        return;
    }
    (void)reparsed(&w);
    demand(same_body(&w, event, h));
}

static void check_query(const uint8_t *event, const struct event_head *h)
{
    const char *text;
    const char *again;
    uint32_t len;
    uint32_t len_again;
    uint8_t bytes[EVENT_CAP];
    char copy[EVENT_CAP / 2];
    struct writer w = writer_over(bytes, sizeof bytes);
    if (decode_query(event, h, &text, &len) != FMT_OK) {
        return;
    }
    demand((const uint8_t *)text >= event);
    demand((const uint8_t *)text + len == event + h->len - EVENT_CRC_LEN);
    if (len >= sizeof copy || memchr(text, 0, len) != NULL) {
        return;
    }
    memcpy(copy, text, len);
    copy[len] = '\0';
    const struct event_ctx c = ctx_of(h);
    demand(encode_query(&w, &c, "db", copy) == FMT_OK);
    const struct event_head h2 = reparsed(&w);
    demand(decode_query(bytes, &h2, &again, &len_again) == FMT_OK);
    demand(len == len_again && memcmp(text, again, len) == 0);
}

static void check_event(const uint8_t *event, const struct event_head *h, struct group_scan *g)
{
    check_gtid(event, h);
    check_gtid_list(event, h);
    check_rows(event, h);
    check_exact(event, h);
    check_query(event, h);
    const uint32_t was_open = g->open;
    const enum group_step step = group_scan_event(g, event, h);
    switch (step) {
    case GROUP_OUTSIDE:
    case GROUP_ERROR:
        demand(g->open == was_open);
        break;
    case GROUP_BEGIN:
        demand(was_open == 0 && g->open == 1 && g->gtid.gtid.seq != 0);
        break;
    case GROUP_MIDDLE:
        demand(was_open == 1 && g->open == 1);
        break;
    case GROUP_END:
        demand(was_open == 1 && g->open == 0);
        break;
    }
}

/* Walks events until the first that does not parse. A CRC check may only refuse more. */
static void walk(const uint8_t *bytes, uint32_t len, bool verify_crc)
{
    struct group_scan g;
    group_scan_start(&g);
    for (uint32_t at = 0; at < len;) {
        struct event_head h;
        struct event_head unchecked;
        const enum fmt e = event_parse(bytes + at, len - at, verify_crc, &h);
        const enum fmt loose = event_parse(bytes + at, len - at, false, &unchecked);
        demand(loose == FMT_OK ? e == FMT_OK || e == FMT_BAD_CRC : e == loose);
        if (e != FMT_OK) {
            return;
        }
        demand(h.len >= EVENT_HEADER_LEN + EVENT_CRC_LEN && h.len <= len - at);
        check_event(bytes + at, &h, &g);
        at += h.len;
    }
}

/* Turns a script into a file: per event a type, the header's flags, a body length and the body. */
static void walk_script(const uint8_t *data, uint32_t len)
{
    static const uint8_t types[] = {
        EVENT_QUERY, EVENT_STOP,      EVENT_ROTATE,        EVENT_FORMAT_DESCRIPTION,
        EVENT_XID,   EVENT_TABLE_MAP, EVENT_WRITE_ROWS_V1, EVENT_BINLOG_CHECKPOINT,
        EVENT_GTID,  EVENT_GTID_LIST};
    static uint8_t file[FILE_CAP];
    struct writer w = writer_over(file, sizeof file);
    struct reader r = reader_over(data, len);
    while (reader_left(&r) >= 3) {
        const uint8_t pick = get_u8(&r);
        const uint8_t flags = get_u8(&r);
        const uint32_t wanted = get_u8(&r);
        const uint32_t body = wanted < reader_left(&r) ? wanted : reader_left(&r);
        const uint32_t total = EVENT_HEADER_LEN + body + EVENT_CRC_LEN;
        if (total > sizeof file - w.len) {
            break;
        }
        const uint32_t start = w.len;
        put_u32(&w, 1700000000);
        put_u8(&w, pick < sizeof types ? types[pick] : pick);
        put_u32(&w, 1);
        put_u32(&w, total);
        put_u32(&w, start + total);
        put_u16(&w, flags);
        put_bytes(&w, get_bytes(&r, body), body);
        put_u32(&w, event_crc(file + start, total - EVENT_CRC_LEN));
        demand(!w.failed);
    }
    walk(file, w.len, true);
}

static void check_packets(const uint8_t *data, uint32_t len)
{
    static uint8_t bytes[1 << 16];
    for (int semi = 0; semi < 2; semi++) {
        struct event_packet p;
        struct writer w = writer_over(bytes, sizeof bytes);
        if (len >= sizeof bytes || decode_event_packet(data, len, semi != 0, &p) != FMT_OK) {
            continue;
        }
        demand(p.event >= data && p.event + p.len == data + len && p.len > 0);
        demand(encode_event_packet(&w, p.event, p.len, p.semi_sync, p.need_ack) == FMT_OK);
        demand(w.len == len);
        if (semi != 0 && data[2] > 1) {
            bytes[2] = data[2]; /* bits that nobody defined are not kept */
        }
        demand(memcmp(bytes, data, len) == 0);
    }
    struct ack_packet ack;
    struct writer w = writer_over(bytes, sizeof bytes);
    if (decode_ack(data, len, &ack) == FMT_OK) {
        demand(encode_ack(&w, &ack) == FMT_OK);
        demand(w.len == len && memcmp(bytes, data, len) == 0);
    }
}

static void check_text(const uint8_t *data, uint32_t len)
{
    char text[512];
    char printed[GTID_DOMAINS_MAX * GTID_TEXT_MAX];
    if (len >= sizeof text) {
        return;
    }
    memcpy(text, data, len);
    text[len] = '\0';
    const char *p = text;
    struct gtid g;
    struct gtid again;
    if (gtid_parse(&p, &g)) {
        demand(p > text && p <= text + len);
        p = gtid_text(g, printed);
        demand(gtid_parse(&p, &again) && *p == '\0' && gtid_equal(g, again));
    } else {
        demand(p == text);
    }
    struct gtid_pos pos;
    struct gtid_pos pos_again;
    if (gtid_pos_parse(text, &pos)) {
        demand(gtid_pos_text(&pos, printed, sizeof printed));
        demand(gtid_pos_parse(printed, &pos_again));
        demand(memcmp(&pos, &pos_again, sizeof pos) == 0);
    } else {
        demand(pos.n == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || size > UINT16_MAX) {
        return 0;
    }
    const uint8_t *rest = data + 1;
    const uint32_t len = (uint32_t)(size - 1);
    switch (data[0] % 5) {
    case 0:
        walk(rest, len, true);
        break;
    case 1:
        walk(rest, len, false);
        break;
    case 2:
        walk_script(rest, len);
        break;
    case 3:
        check_packets(rest, len);
        break;
    default:
        check_text(rest, len);
        break;
    }
    return 0;
}

#include "format/event.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

static_assert(sizeof(struct group_scan) == 56, "the scanner has no padding");

/* Types that only the scanner needs to tell apart (facts section 4). */
enum {
    TYPE_INTVAR = 5,
    TYPE_RAND = 13,
    TYPE_USER_VAR = 14,
    TYPE_INCIDENT = 26,
    TYPE_XA_PREPARE = 38,
    TYPE_START_ENCRYPTION = 164,
};

void group_scan_start(struct group_scan *g)
{
    assert(g != NULL);
    memset(g, 0, sizeof *g);
}

static bool is_outside_groups(uint8_t type)
{
    switch (type) {
    case EVENT_FORMAT_DESCRIPTION:
    case EVENT_ROTATE:
    case EVENT_GTID_LIST:
    case EVENT_BINLOG_CHECKPOINT:
    case EVENT_STOP:
    case EVENT_HEARTBEAT:
    case TYPE_INCIDENT:
    case TYPE_START_ENCRYPTION:
        return true;
    default:
        return false;
    }
}

/* An event that prepares the one statement of a STANDALONE group and so cannot end it. */
static bool is_helper(uint8_t type)
{
    switch (type) {
    case EVENT_TABLE_MAP:
    case EVENT_ANNOTATE_ROWS:
    case TYPE_INTVAR:
    case TYPE_RAND:
    case TYPE_USER_VAR:
        return true;
    default:
        return false;
    }
}

static bool text_is(const char *text, uint32_t len, const char *word)
{
    assert(text != NULL);
    return len == strlen(word) && memcmp(text, word, len) == 0;
}

static enum group_step begin_group(struct group_scan *g, const uint8_t *event,
                                   const struct event_head *h)
{
    struct gtid_event e;
    if (g->open != 0 || decode_gtid(event, h, &e) != FMT_OK) {
        return GROUP_ERROR;
    }
    group_scan_start(g);
    g->gtid = e;
    g->open = 1;
    return GROUP_BEGIN;
}

static enum group_step end_group(struct group_scan *g, uint64_t xid)
{
    assert(g->open == 1);
    g->open = 0;
    g->xid = xid;
    return GROUP_END;
}

/* Keeps the first row whose table has the shape (k, v), or what a DDL creates; the rest passes
 * unread. */
static void note_row(struct group_scan *g, const uint8_t *event, const struct event_head *h)
{
    assert(g->open == 1);
    int32_t k, v;
    if (g->rows == 0 && event_row(event, h, &k, &v)) {
        g->rows = 1;
        g->k = k;
        g->v = v;
    }
}

/* Whether this QUERY is the COMMIT or ROLLBACK that ends a group without an XID. */
static enum group_step query_step(struct group_scan *g, const uint8_t *event,
                                  const struct event_head *h)
{
    const char *text;
    uint32_t len;
    if (decode_query(event, h, &text, &len) != FMT_OK) {
        return GROUP_ERROR;
    }
    if (text_is(text, len, "COMMIT") || text_is(text, len, "ROLLBACK")) {
        return end_group(g, 0);
    }
    if ((g->gtid.flags2 & GTID_FLAG_STANDALONE) == 0) {
        return GROUP_MIDDLE;
    }
    uint64_t xid = 0;
    if (decode_query_xid(event, h, &xid) != FMT_OK) {
        return GROUP_ERROR;
    }
    note_row(g, event, h);
    return end_group(g, xid);
}

enum group_step group_scan_event(struct group_scan *g, const uint8_t *event,
                                 const struct event_head *h)
{
    assert(g != NULL);
    assert(event != NULL);
    assert(h != NULL);
    assert(g->open <= 1 && g->rows <= 1);
    if (h->type == EVENT_GTID) {
        return begin_group(g, event, h);
    }
    if (is_outside_groups(h->type)) {
        return GROUP_OUTSIDE;
    }
    if (g->open == 0) {
        return GROUP_ERROR;
    }
    if (h->type == EVENT_XID) {
        uint64_t xid;
        return decode_xid(event, h, &xid) == FMT_OK ? end_group(g, xid) : GROUP_ERROR;
    }
    if (h->type == EVENT_QUERY) {
        return query_step(g, event, h);
    }
    if (h->type == EVENT_WRITE_ROWS_V1) {
        note_row(g, event, h);
    }
    const bool standalone = (g->gtid.flags2 & GTID_FLAG_STANDALONE) != 0;
    const bool ends = h->type == TYPE_XA_PREPARE || (standalone && !is_helper(h->type));
    return ends ? end_group(g, 0) : GROUP_MIDDLE;
}

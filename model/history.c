#include "model/history.h"

#include <assert.h>
#include <string.h>

void history_clear(struct history *h)
{
    memset(h, 0, sizeof *h);
}

static bool add(struct history *h, const struct group_scan *g, uint32_t start, uint32_t end)
{
    if (h->n == HISTORY_MAX)
        return false;
    assert(g->rows && g->k >= 1 && g->k <= HISTORY_KEYS_MAX);
    h->at[h->n++] = (struct held){.txn = (uint8_t)(g->k - 1),
                                  .file = (uint8_t)h->file,
                                  .start = start,
                                  .end = end,
                                  .domain = g->gtid.gtid.domain,
                                  .server = g->gtid.gtid.server,
                                  .seq = (uint32_t)g->gtid.gtid.seq};
    return true;
}

/* Does a readable GTID event stand behind what is not readable? Then this is not a torn tail, which
 * a power loss may leave and every reader passes over. */
static bool goes_on(const uint8_t *bytes, uint32_t off, uint32_t len)
{
    struct event_head h;
    for (uint32_t at = off + 1; at < len; at++) {
        if (event_parse(bytes + at, len - at, true, &h) == FMT_OK && h.type == EVENT_GTID)
            return true;
    }
    return false;
}

bool history_read(struct history *h, uint32_t num, const uint8_t *bytes, uint32_t len)
{
    assert(h != NULL && num >= h->file && num <= UINT8_MAX);
    assert(num != h->file || len >= h->parsed); /* shorter: the reader has to start anew */
    if (num != h->file) {
        h->file = num;
        h->parsed = 0;
    }
    if (h->parsed == 0) {
        if (len < BINLOG_MAGIC_LEN)
            return true;
        h->parsed = BINLOG_MAGIC_LEN;
    }
    struct group_scan g;
    struct event_head head;
    uint32_t off = h->parsed;
    group_scan_start(&g);
    for (;;) {
        enum fmt e = event_parse(bytes + off, len - off, true, &head);
        if (e != FMT_OK) {
            if (goes_on(bytes, off, len))
                h->broken = 1;
            return true;
        }
        enum group_step step = group_scan_event(&g, bytes + off, &head);
        if (step == GROUP_ERROR) {
            h->broken = 1;
            return true;
        }
        off += head.len;
        if (step == GROUP_END && g.rows && !add(h, &g, h->parsed, off))
            return false;
        if (step == GROUP_END || (step == GROUP_OUTSIDE && !g.open))
            h->parsed = off;
    }
}

uint32_t history_mask(const struct history *h)
{
    uint32_t mask = 0;
    for (uint32_t i = 0; i < h->n; i++)
        mask |= 1u << h->at[i].txn;
    return mask;
}

const struct held *history_find(const struct history *h, uint32_t txn)
{
    for (uint32_t i = 0; i < h->n; i++) {
        if (h->at[i].txn == txn)
            return &h->at[i];
    }
    return NULL;
}

bool held_same_gtid(const struct held *a, const struct held *b)
{
    return a->domain == b->domain && a->server == b->server && a->seq == b->seq;
}

bool history_prefix(const struct history *shorter, const struct history *longer)
{
    if (shorter->n > longer->n)
        return false;
    for (uint32_t i = 0; i < shorter->n; i++) {
        if (!held_same_gtid(&shorter->at[i], &longer->at[i]) ||
            shorter->at[i].txn != longer->at[i].txn)
            return false;
    }
    return true;
}

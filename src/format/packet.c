#include "format/packet.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

enum {
    PACKET_OK = 0,
    NEED_ACK = 1, /* bit 0 of the flag byte */
};

static_assert(sizeof(struct ack_packet) == 8 + BINLOG_NAME_MAX, "an ACK has no padding");

enum fmt decode_event_packet(const uint8_t *p, uint32_t len, bool semi_sync,
                             struct event_packet *out)
{
    assert(p != NULL || len == 0);
    assert(out != NULL);
    memset(out, 0, sizeof *out);
    struct reader r = reader_over(p, len);
    const uint8_t status = get_u8(&r);
    if (r.failed) {
        return FMT_SHORT;
    }
    if (status != PACKET_OK) {
        return FMT_BAD_BODY;
    }
    uint8_t flags = 0;
    if (semi_sync) {
        const uint8_t magic = get_u8(&r);
        if (!r.failed && magic != SEMISYNC_MAGIC) {
            return FMT_BAD_MAGIC;
        }
        flags = get_u8(&r);
    }
    if (reader_left(&r) == 0) {
        return FMT_SHORT;
    }
    out->len = reader_left(&r);
    out->event = get_bytes(&r, out->len);
    out->semi_sync = semi_sync;
    out->need_ack = (flags & NEED_ACK) != 0;
    assert(out->event + out->len == p + len);
    return FMT_OK;
}

enum fmt encode_event_packet(struct writer *w, const uint8_t *event, uint32_t len, bool semi_sync,
                             bool need_ack)
{
    assert(w != NULL);
    assert(event != NULL && len > 0 && len <= EVENT_LEN_MAX);
    assert(semi_sync || !need_ack);
    const uint32_t total = (semi_sync ? 3 : 1) + len;
    if (w->failed || total > w->cap - w->len) {
        w->failed = true;
        return FMT_FULL;
    }
    put_u8(w, PACKET_OK);
    if (semi_sync) {
        put_u8(w, SEMISYNC_MAGIC);
        put_u8(w, need_ack ? NEED_ACK : 0);
    }
    put_bytes(w, event, len);
    assert(!w->failed);
    return FMT_OK;
}

enum fmt encode_ack(struct writer *w, const struct ack_packet *a)
{
    assert(w != NULL);
    assert(a != NULL);
    const char *end = memchr(a->file, 0, BINLOG_NAME_MAX);
    assert(end != NULL && end != a->file);
    const uint32_t n = (uint32_t)(end - a->file);
    if (w->failed || ACK_LEN_MIN + n > w->cap - w->len) {
        w->failed = true;
        return FMT_FULL;
    }
    put_u8(w, SEMISYNC_MAGIC);
    put_u64(w, a->pos);
    put_bytes(w, a->file, n);
    assert(!w->failed);
    return FMT_OK;
}

enum fmt decode_ack(const uint8_t *p, uint32_t len, struct ack_packet *out)
{
    assert(p != NULL || len == 0);
    assert(out != NULL);
    memset(out, 0, sizeof *out);
    if (len > 0 && p[0] != SEMISYNC_MAGIC) {
        return FMT_BAD_MAGIC;
    }
    if (len < ACK_LEN_MIN) {
        return FMT_SHORT;
    }
    struct reader r = reader_over(p, len);
    get_skip(&r, 1);
    const uint64_t pos = get_u64(&r);
    const uint32_t n = reader_left(&r);
    if (n == 0 || n >= BINLOG_NAME_MAX) {
        return FMT_BAD_BODY;
    }
    const uint8_t *name = get_bytes(&r, n);
    if (memchr(name, 0, n) != NULL) {
        return FMT_BAD_BODY;
    }
    out->pos = pos;
    memcpy(out->file, name, n);
    return FMT_OK;
}

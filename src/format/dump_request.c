#include "format/packet.h"

#include <assert.h>
#include <string.h>

enum { REQUEST_SEMI_SYNC = 1, POS_TEXT_MAX = GTID_DOMAINS_MAX * GTID_TEXT_MAX };

enum fmt encode_dump_request(struct writer *w, const struct dump_request *q)
{
    assert(w != NULL && q != NULL);
    assert(q->semi_sync <= 1);
    char text[POS_TEXT_MAX];
    const bool fits = gtid_pos_text(&q->pos, text, sizeof text);
    assert(fits); /* GTID_TEXT_MAX per entry has room for the comma in the place of the NUL */
    (void)fits;
    put_u32(w, q->server_id);
    put_u8(w, q->semi_sync != 0 ? REQUEST_SEMI_SYNC : 0);
    put_bytes(w, text, (uint32_t)strlen(text));
    return w->failed ? FMT_FULL : FMT_OK;
}

enum fmt decode_dump_request(const uint8_t *p, uint32_t len, struct dump_request *q)
{
    assert(p != NULL || len == 0);
    assert(q != NULL);
    memset(q, 0, sizeof *q);
    struct reader r = reader_over(p, len);
    const uint32_t server_id = get_u32(&r);
    const uint8_t flags = get_u8(&r);
    if (r.failed) {
        return FMT_SHORT;
    }
    const uint32_t n = reader_left(&r);
    char text[POS_TEXT_MAX] = {0};
    if ((flags & ~REQUEST_SEMI_SYNC) != 0 || n >= POS_TEXT_MAX) {
        return FMT_BAD_BODY;
    }
    if (n > 0) {
        memcpy(text, get_bytes(&r, n), n);
    }
    if (strlen(text) != n || !gtid_pos_parse(text, &q->pos)) {
        return FMT_BAD_BODY;
    }
    q->server_id = server_id;
    q->semi_sync = (flags & REQUEST_SEMI_SYNC) != 0 ? 1 : 0;
    return FMT_OK;
}

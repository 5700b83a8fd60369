#include "format/redo.h"

#include <libdeflate.h>
#include <string.h>

enum { REDO_HEAD_LEN = REDO_RECORD_LEN - 4 };

void redo_encode(struct writer *w, const struct redo_record *r)
{
    assert(r->type >= REDO_PREPARE && r->type < REDO_TYPES);
    uint32_t start = w->len;
    put_u8(w, r->type);
    put_zero(w, 1);
    put_u16(w, r->len);
    put_u64(w, r->xid);
    put_u32(w, (uint32_t)r->k);
    put_u32(w, (uint32_t)r->v);
    put_u32(w, r->gtid.domain);
    put_u32(w, r->gtid.server);
    put_u64(w, r->gtid.seq);
    if (r->len > 0)
        put_bytes(w, r->payload, r->len);
    if (!w->failed)
        put_u32(w, libdeflate_crc32(0, w->at + start, w->len - start));
}

uint32_t redo_decode(const uint8_t *bytes, uint32_t len, struct redo_record *r)
{
    memset(r, 0, sizeof *r);
    if (len < REDO_RECORD_LEN)
        return 0;
    struct reader in = reader_over(bytes, len);
    r->type = get_u8(&in);
    get_skip(&in, 1);
    r->len = get_u16(&in);
    r->xid = get_u64(&in);
    r->k = (int32_t)get_u32(&in);
    r->v = (int32_t)get_u32(&in);
    r->gtid.domain = get_u32(&in);
    r->gtid.server = get_u32(&in);
    r->gtid.seq = get_u64(&in);
    r->payload = get_bytes(&in, r->len);
    uint32_t crc = get_u32(&in);
    if (in.failed || r->type < REDO_PREPARE || r->type >= REDO_TYPES ||
        crc != libdeflate_crc32(0, bytes, REDO_HEAD_LEN + r->len))
        return 0;
    return REDO_RECORD_LEN + r->len;
}

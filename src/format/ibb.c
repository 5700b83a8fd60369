#include "format/ibb.h"

#include <libdeflate.h>
#include <string.h>

static const uint8_t header_magic[4] = {'I', 'B', 'B', '1'};

uint32_t ibb_file_of(uint32_t offset)
{
    assert(offset >= IBB_START);
    return (offset - IBB_START) / IBB_FILE_PAYLOAD + 1;
}

uint32_t ibb_file_start(uint32_t file)
{
    assert(file >= 1);
    return (file - 1) * IBB_FILE_PAYLOAD + IBB_START;
}

/* ---- pages ---------------------------------------------------------------------------------- */

static uint32_t page_crc(const uint8_t page[IBB_PAGE], uint32_t number)
{
    /* Not 0 for a page of zeros: one that was allocated and never written is not whole. */
    const uint8_t salt[4] = {(uint8_t)(number & 0xFF), (uint8_t)(number >> 8 & 0xFF),
                             (uint8_t)(number >> 16 & 0xFF), 1};
    return libdeflate_crc32(libdeflate_crc32(0, salt, sizeof salt), page, IBB_PAYLOAD);
}

void ibb_page_seal(uint8_t page[IBB_PAGE], uint32_t number)
{
    struct writer w = writer_over(page + IBB_PAYLOAD, IBB_PAGE - IBB_PAYLOAD);
    put_u32(&w, page_crc(page, number));
    assert(!w.failed);
}

bool ibb_page_whole(const uint8_t page[IBB_PAGE], uint32_t number)
{
    struct reader r = reader_over(page + IBB_PAYLOAD, IBB_PAGE - IBB_PAYLOAD);
    return get_u32(&r) == page_crc(page, number);
}

void ibb_header_encode(uint8_t page[IBB_PAGE], const struct ibb_header *h)
{
    memset(page, 0, IBB_PAGE);
    struct writer w = writer_over(page, IBB_PAYLOAD);
    put_bytes(&w, header_magic, sizeof header_magic);
    put_u32(&w, h->start);
    put_u32(&w, h->first);
    put_u32(&w, h->state.n);
    for (uint32_t i = 0; i < h->state.n; i++) {
        put_u32(&w, h->state.at[i].domain);
        put_u32(&w, h->state.at[i].server);
        put_u64(&w, h->state.at[i].seq);
    }
    assert(!w.failed);
    ibb_page_seal(page, 0);
}

bool ibb_header_decode(const uint8_t *bytes, uint32_t len, uint32_t file, struct ibb_header *h)
{
    memset(h, 0, sizeof *h);
    if (len < IBB_PAGE || memcmp(bytes, header_magic, sizeof header_magic) != 0 ||
        !ibb_page_whole(bytes, 0))
        return false;
    struct reader r = reader_over(bytes + sizeof header_magic, IBB_PAYLOAD - sizeof header_magic);
    h->start = get_u32(&r);
    h->first = get_u32(&r);
    uint32_t n = get_u32(&r);
    for (uint32_t i = 0; i < n && i < GTID_STATE_MAX; i++) {
        struct gtid g = {.domain = get_u32(&r), .server = get_u32(&r)};
        g.seq = get_u64(&r);
        if (!gtid_state_update(&h->state, g))
            return false;
    }
    return !r.failed && n <= GTID_STATE_MAX && h->start == ibb_file_start(file) &&
           h->first >= h->start;
}

/* ---- records -------------------------------------------------------------------------------- */

uint32_t ibb_record_decode(const uint8_t *bytes, uint32_t len, struct ibb_record *r)
{
    memset(r, 0, sizeof *r);
    struct reader in = reader_over(bytes, len);
    r->type = get_u8(&in);
    r->flags = get_u8(&in);
    r->len = get_u16(&in);
    r->lsn = get_u32(&in);
    r->payload = get_bytes(&in, r->len);
    if (in.failed || (r->type != IBB_COMMIT && r->type != IBB_PIECE))
        return 0;
    return IBB_RECORD_HEAD + r->len;
}

void ibb_record_head(uint8_t head[IBB_RECORD_HEAD], enum ibb_type type, uint8_t flags, uint32_t len,
                     uint32_t lsn)
{
    assert(len <= UINT16_MAX);
    struct writer w = writer_over(head, IBB_RECORD_HEAD);
    put_u8(&w, (uint8_t)type);
    put_u8(&w, flags);
    put_u16(&w, (uint16_t)len);
    put_u32(&w, lsn);
    assert(!w.failed);
}

/* The pieces, the oldest first. */
static bool put_pieces(const struct ibb_span *stream, uint32_t last, struct writer *w)
{
    enum { PIECES_MAX = 8 };
    const uint8_t *at[PIECES_MAX];
    uint32_t len[PIECES_MAX];
    uint32_t n = 0;
    while (last != 0) {
        struct ibb_record r;
        if (n == PIECES_MAX || last < stream->base || last >= stream->base + stream->len)
            return false;
        uint32_t off = last - stream->base;
        if (ibb_record_decode(stream->bytes + off, stream->len - off, &r) == 0 ||
            r.type != IBB_PIECE || r.len < 4)
            return false;
        struct reader in = reader_over(r.payload, r.len);
        uint32_t before = get_u32(&in);
        if (before >= last)
            return false;
        at[n] = r.payload + 4;
        len[n++] = r.len - 4u;
        last = before;
    }
    while (n-- > 0)
        put_bytes(w, at[n], len[n]);
    return !w->failed;
}

bool ibb_group(const struct ibb_span *stream, const struct ibb_record *commit, struct writer *w)
{
    assert(commit->type == IBB_COMMIT);
    if ((commit->flags & IBB_HAS_PIECES) == 0) {
        put_bytes(w, commit->payload, commit->len);
        return !w->failed;
    }
    struct event_head h;
    struct reader in = reader_over(commit->payload, commit->len);
    uint32_t last = get_u32(&in);
    if (in.failed || event_parse(commit->payload + 4, commit->len - 4u, true, &h) != FMT_OK)
        return false;
    put_bytes(w, commit->payload + 4, h.len);
    if (!put_pieces(stream, last, w))
        return false;
    put_bytes(w, commit->payload + 4 + h.len, commit->len - 4u - h.len);
    return !w->failed;
}

bool ibb_record_sound(const struct ibb_record *r)
{
    struct event_head h;
    uint32_t at = r->type == IBB_PIECE || (r->flags & IBB_HAS_PIECES) != 0 ? 4 : 0;
    if (r->len <= at || (r->type == IBB_COMMIT && ibb_gtid(r).seq == 0))
        return false;
    for (; at < r->len; at += h.len) {
        if (event_parse(r->payload + at, r->len - at, true, &h) != FMT_OK)
            return false;
    }
    return true;
}

struct gtid ibb_gtid(const struct ibb_record *commit)
{
    uint32_t skip = (commit->flags & IBB_HAS_PIECES) != 0 ? 4 : 0;
    struct event_head h;
    struct gtid_event g;
    if (commit->type != IBB_COMMIT || commit->len <= skip ||
        event_parse(commit->payload + skip, commit->len - skip, true, &h) != FMT_OK ||
        h.type != EVENT_GTID || decode_gtid(commit->payload + skip, &h, &g) != FMT_OK)
        return (struct gtid){0};
    return g.gtid;
}

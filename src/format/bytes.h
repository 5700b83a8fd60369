/* Bounded little-endian byte writer and reader.
 *
 * Every encoder and decoder of src/format goes through these two cursors, so a bound is checked in
 * one place. Neither allocates. A cursor that once overran stays failed: callers check once, at the
 * end, instead of after each field. What runs for every field is inline: a search encodes and
 * parses events millions of times per second.
 */
#ifndef ACKPROOF_FORMAT_BYTES_H
#define ACKPROOF_FORMAT_BYTES_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Writer over caller memory: at[0..len) is filled, len never exceeds cap. */
struct writer {
    uint8_t *at;
    uint32_t len;
    uint32_t cap;
    bool failed; /* a put did not fit; nothing more is written */
};

/* Reader over caller memory: pos never exceeds len. */
struct reader {
    const uint8_t *at;
    uint32_t len;
    uint32_t pos;
    bool failed; /* a get went past the end; every later get answers 0 */
};

struct writer writer_over(uint8_t *at, uint32_t cap);
/* Claims the next n bytes for the caller to fill; NULL (and failed) where they do not fit. */
inline uint8_t *put_claim(struct writer *w, uint32_t n)
{
    assert(w->len <= w->cap);
    if (w->failed || n > w->cap - w->len) {
        w->failed = true;
        return NULL;
    }
    uint8_t *p = w->at + w->len;
    w->len += n;
    return p;
}

inline void put_u8(struct writer *w, uint8_t v)
{
    uint8_t *p = put_claim(w, 1);
    if (p != NULL) {
        p[0] = v;
    }
}

inline void put_u16(struct writer *w, uint16_t v)
{
    uint8_t *p = put_claim(w, 2);
    if (p != NULL) {
        p[0] = (uint8_t)(v & 0xff);
        p[1] = (uint8_t)(v >> 8);
    }
}

inline void put_u32(struct writer *w, uint32_t v)
{
    uint8_t *p = put_claim(w, 4);
    if (p != NULL) {
        p[0] = (uint8_t)(v & 0xff);
        p[1] = (uint8_t)((v >> 8) & 0xff);
        p[2] = (uint8_t)((v >> 16) & 0xff);
        p[3] = (uint8_t)(v >> 24);
    }
}

inline void put_u64(struct writer *w, uint64_t v)
{
    uint8_t *p = put_claim(w, 8);
    if (p != NULL) {
        p[0] = (uint8_t)(v & 0xff);
        p[1] = (uint8_t)((v >> 8) & 0xff);
        p[2] = (uint8_t)((v >> 16) & 0xff);
        p[3] = (uint8_t)((v >> 24) & 0xff);
        p[4] = (uint8_t)((v >> 32) & 0xff);
        p[5] = (uint8_t)((v >> 40) & 0xff);
        p[6] = (uint8_t)((v >> 48) & 0xff);
        p[7] = (uint8_t)(v >> 56);
    }
}

void put_zero(struct writer *w, uint32_t n);
void put_bytes(struct writer *w, const void *src, uint32_t n);

struct reader reader_over(const uint8_t *at, uint32_t len);
/* Points at the next n bytes and steps over them; NULL (and failed) where fewer are left. */
inline const uint8_t *get_bytes(struct reader *r, uint32_t n)
{
    assert(r->pos <= r->len);
    if (r->failed || r->at == NULL || n > r->len - r->pos) {
        r->failed = true;
        return NULL;
    }
    const uint8_t *p = r->at + r->pos;
    r->pos += n;
    return p;
}

inline uint8_t get_u8(struct reader *r)
{
    const uint8_t *p = get_bytes(r, 1);
    return p == NULL ? 0 : p[0];
}

inline uint16_t get_u16(struct reader *r)
{
    const uint8_t *p = get_bytes(r, 2);
    if (p == NULL) {
        return 0;
    }
    return (uint16_t)(p[0] | p[1] << 8);
}

inline uint32_t get_u32(struct reader *r)
{
    const uint8_t *p = get_bytes(r, 4);
    if (p == NULL) {
        return 0;
    }
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

inline uint64_t get_u64(struct reader *r)
{
    const uint8_t *p = get_bytes(r, 8);
    if (p == NULL) {
        return 0;
    }
    return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 24 |
           (uint64_t)p[4] << 32 | (uint64_t)p[5] << 40 | (uint64_t)p[6] << 48 |
           (uint64_t)p[7] << 56;
}

inline void get_skip(struct reader *r, uint32_t n)
{
    (void)get_bytes(r, n);
}

inline uint32_t reader_left(const struct reader *r)
{
    assert(r->pos <= r->len);
    return r->failed ? 0 : r->len - r->pos;
}

#endif

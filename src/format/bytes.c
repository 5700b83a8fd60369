#include "format/bytes.h"

#include <string.h>

/* The copies that are called where the compiler does not inline. */
extern inline uint8_t *put_claim(struct writer *w, uint32_t n);
extern inline void put_u8(struct writer *w, uint8_t v);
extern inline void put_u16(struct writer *w, uint16_t v);
extern inline void put_u32(struct writer *w, uint32_t v);
extern inline void put_u64(struct writer *w, uint64_t v);
extern inline const uint8_t *get_bytes(struct reader *r, uint32_t n);
extern inline uint8_t get_u8(struct reader *r);
extern inline uint16_t get_u16(struct reader *r);
extern inline uint32_t get_u32(struct reader *r);
extern inline uint64_t get_u64(struct reader *r);
extern inline void get_skip(struct reader *r, uint32_t n);
extern inline uint32_t reader_left(const struct reader *r);

struct writer writer_over(uint8_t *at, uint32_t cap)
{
    assert(at != NULL || cap == 0);
    struct writer w = {.at = at, .len = 0, .cap = cap, .failed = false};
    return w;
}

void put_zero(struct writer *w, uint32_t n)
{
    assert(w != NULL);
    uint8_t *p = put_claim(w, n);
    if (p != NULL && n > 0) {
        memset(p, 0, n);
    }
}

void put_bytes(struct writer *w, const void *src, uint32_t n)
{
    assert(w != NULL);
    assert(src != NULL || n == 0);
    uint8_t *p = put_claim(w, n);
    if (p != NULL && n > 0) {
        memcpy(p, src, n);
    }
}

struct reader reader_over(const uint8_t *at, uint32_t len)
{
    assert(at != NULL || len == 0);
    struct reader r = {.at = at, .len = len, .pos = 0, .failed = false};
    return r;
}

#define _DEFAULT_SOURCE 1 /* MAP_ANONYMOUS, madvise */
#include "sim/explore/visited.h"

#include <assert.h>
#include <string.h>
#include <sys/mman.h>

enum { LOG2_CAP_MIN = 12 };

/* A search looks at one place of a large table per transition, each time another: with pages of
 * 4 KiB every look would also miss the TLB. */
static struct hash128 *table_map(uint64_t cap)
{
    size_t bytes = (size_t)cap * sizeof(struct hash128);
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) {
        return NULL;
    }
    (void)madvise(p, bytes, MADV_HUGEPAGE);
    return p;
}

static void table_unmap(struct hash128 *at, uint64_t cap)
{
    if (at != NULL) {
        (void)munmap(at, (size_t)cap * sizeof *at);
    }
}

void visited_init(struct visited *v, uint64_t bytes_max)
{
    uint64_t cap = (uint64_t)1 << LOG2_CAP_MIN;
    *v = (struct visited){.at = table_map(cap),
                          .cap = cap,
                          .grow_at = cap / 4 * 3,
                          .bytes_max = bytes_max,
                          .shift = 64 - LOG2_CAP_MIN};
}

void visited_clear(struct visited *v, uint64_t bytes_max)
{
    if (v->at == NULL || v->cap != (uint64_t)1 << LOG2_CAP_MIN) {
        visited_free(v);
        visited_init(v, bytes_max);
        return;
    }
    memset(v->at, 0, (size_t)v->cap * sizeof v->at[0]);
    v->n = 0;
    v->bytes_max = bytes_max;
}

void visited_free(struct visited *v)
{
    if (!v->shared) {
        table_unmap(v->at, v->cap);
    }
    *v = (struct visited){0};
}

uint64_t visited_bytes(const struct visited *v)
{
    return v->cap * sizeof v->at[0];
}

static inline bool is_free(struct hash128 h)
{
    return (h.lo | h.hi) == 0;
}

/* Place of `h`, or the free place where it belongs. */
static inline uint64_t find(const struct hash128 *at, uint64_t cap, uint32_t shift,
                            struct hash128 h)
{
    uint64_t i = h.hi >> shift;
    while (!is_free(at[i]) && (at[i].lo != h.lo || at[i].hi != h.hi)) {
        i = (i + 1) & (cap - 1);
    }
    return i;
}

void visited_move(struct hash128 *to, uint64_t cap, const struct visited *from)
{
    assert((cap & (cap - 1)) == 0 && cap > from->cap);
    uint32_t shift = (uint32_t)__builtin_clzll(cap) + 1;
    for (uint64_t i = 0; i < from->cap; i++) {
        if (!is_free(from->at[i])) {
            to[find(to, cap, shift, from->at[i])] = from->at[i];
        }
    }
}

static bool grow(struct visited *v)
{
    if (v->at == NULL || visited_bytes(v) > v->bytes_max / 3) {
        return false; /* old and new table together are three times the old */
    }
    struct hash128 *at = table_map(v->cap * 2);
    if (at == NULL) {
        return false;
    }
    visited_move(at, v->cap * 2, v);
    table_unmap(v->at, v->cap);
    v->at = at;
    v->cap *= 2;
    v->shift--;
    v->grow_at = v->cap / 4 * 3;
    return true;
}

bool visited_room(struct visited *v)
{
    assert(!v->shared);
    return v->at != NULL && (v->n < v->grow_at || grow(v) || v->n < v->cap / 8 * 7);
}

/* Neither half is ever 0, so that each says whether it is there. */
static enum visited_answer add_shared(struct visited *v, struct hash128 h)
{
    h.lo += h.lo == 0;
    h.hi += h.hi == 0;
    for (uint64_t i = h.hi >> v->shift;; i = (i + 1) & (v->cap - 1)) {
        struct hash128 *at = &v->at[i];
        uint64_t lo = __atomic_load_n(&at->lo, __ATOMIC_ACQUIRE);
        if (lo == 0 && __atomic_compare_exchange_n(&at->lo, &lo, h.lo, false, __ATOMIC_ACQ_REL,
                                                   __ATOMIC_ACQUIRE)) {
            __atomic_store_n(&at->hi, h.hi, __ATOMIC_RELEASE);
            v->n++;
            return VISITED_NEW;
        }
        if (lo == h.lo) {
            uint64_t hi;
            while ((hi = __atomic_load_n(&at->hi, __ATOMIC_ACQUIRE)) == 0) {
            }
            if (hi == h.hi) {
                return VISITED_SEEN;
            }
        }
    }
}

enum visited_answer visited_add(struct visited *v, struct hash128 h)
{
    if (v->shared) {
        return add_shared(v, h);
    }
    if (is_free(h)) {
        h.lo = 1; /* as good as any other fingerprint */
    }
    if (v->at == NULL) {
        return VISITED_FULL;
    }
    uint64_t i = find(v->at, v->cap, v->shift, h);
    if (!is_free(v->at[i])) {
        return VISITED_SEEN;
    }
    if (v->n >= v->grow_at) {
        if (!visited_room(v)) {
            return VISITED_FULL;
        }
        i = find(v->at, v->cap, v->shift, h);
    }
    v->at[i] = h;
    v->n++;
    assert(v->n < v->cap);
    return VISITED_NEW;
}

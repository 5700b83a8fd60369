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
    table_unmap(v->at, v->cap);
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

static bool grow(struct visited *v)
{
    if (v->at == NULL || visited_bytes(v) > v->bytes_max / 3) {
        return false; /* old and new table together are three times the old */
    }
    struct hash128 *at = table_map(v->cap * 2);
    if (at == NULL) {
        return false;
    }
    for (uint64_t i = 0; i < v->cap; i++) {
        if (!is_free(v->at[i])) {
            at[find(at, v->cap * 2, v->shift - 1, v->at[i])] = v->at[i];
        }
    }
    table_unmap(v->at, v->cap);
    v->at = at;
    v->cap *= 2;
    v->shift--;
    v->grow_at = v->cap / 4 * 3;
    return true;
}

bool visited_room(struct visited *v)
{
    return v->at != NULL && (v->n < v->grow_at || grow(v) || v->n < v->cap / 8 * 7);
}

enum visited_answer visited_add(struct visited *v, struct hash128 h)
{
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

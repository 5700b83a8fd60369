/* The set of states that a search has seen: 128-bit fingerprints, 16 bytes each, in one table
 * with open addressing and linear probing. It doubles at three quarters. Where that would take
 * it past its bound (a growing table counts with the one it replaces) it fills up to seven
 * eighths and then says FULL.
 *
 * A table in shared memory is written without a lock: the half of a fingerprint that is put first
 * (compare and swap with a free place) owns the place, and whoever meets that half waits for the
 * other one. It is moved to a larger one while everybody stands still (sim/explore/crew.c).
 *
 * A state that is taken for a seen one because its fingerprint is equal would hide what lies
 * behind it; explore_collision_bound says how likely that is.
 */
#ifndef ACKPROOF_SIM_EXPLORE_VISITED_H
#define ACKPROOF_SIM_EXPLORE_VISITED_H

#include "sim/world.h"

enum visited_answer { VISITED_NEW, VISITED_SEEN, VISITED_FULL };

struct visited {
    struct hash128 *at; /* all zero: free */
    uint64_t n;
    uint64_t cap; /* a power of two */
    uint64_t grow_at;
    uint64_t bytes_max;
    uint32_t shift; /* 64 - log2(cap) */
    bool shared;    /* the table is somebody else's, and written by several processes; n and
                       grow_at are of this one */
};

/* The smallest table is 64 KiB, whatever the bound says. */
void visited_init(struct visited *v, uint64_t bytes_max);
/* Makes a set that was used, or is all zero, an empty one; keeps the smallest table. */
void visited_clear(struct visited *v, uint64_t bytes_max);
void visited_free(struct visited *v);
enum visited_answer visited_add(struct visited *v, struct hash128 h);
/* Is there room for one more? Grows the table where that is needed. */
bool visited_room(struct visited *v);
/* Puts what `from` holds into an empty table of `cap` places, a power of two above its own. */
void visited_move(struct hash128 *to, uint64_t cap, const struct visited *from);
uint64_t visited_bytes(const struct visited *v);

/* The place where visited_add will look. */
static inline void visited_prefetch(const struct visited *v, struct hash128 h)
{
    __builtin_prefetch(&v->at[h.hi >> v->shift], 1);
}

#endif

/* Walks every state of a scenario, with some reductions or with none, and shows each of them to
 * whoever wants to look. Plain recursion; it shares the set of fingerprints with the search, and
 * nothing else. A test includes cmocka before this. */
#ifndef ACKPROOF_SIM_EXPLORE_WALK_TEST_UTIL_H
#define ACKPROOF_SIM_EXPLORE_WALK_TEST_UTIL_H

#include <stdlib.h>

#include "sim/explore/visited.h"
#include "sim/internal.h"

/* A build with sanitizers takes five times as long, and what it looks for is in every cell: it goes
 * through each fourth of a list. */
#ifdef __SANITIZE_ADDRESS__
enum { WALK_STRIDE = 4 };
#else
enum { WALK_STRIDE = 1 };
#endif

enum { WALK_ASKED_MAX = 96, WALK_DEPTH_MAX = 4000 };

struct walk {
    struct chooser base;
    struct sim sim;
    struct world *block[WALK_DEPTH_MAX];
    uint32_t given[WALK_ASKED_MAX]; /* answers to the questions of the step to come */
    uint32_t asked_n[WALK_ASKED_MAX];
    uint32_t asked; /* questions of the step under way */
    struct visited seen;
    uint64_t states, steps, ends;
    uint64_t states_max; /* 0: no limit */
    bool cut;            /* more states than that, or a bound of the world */
    invariant_mask broken;
    reach_mask reached;
    void (*each)(struct walk *k,
                 uint32_t depth);                /* the state is block[depth]; NULL: nobody looks */
    void (*end)(struct walk *k, uint32_t depth); /* it is a final one */
    void *arg;
};

static inline uint32_t walk_pick(struct chooser *c, enum choice what, uint32_t n,
                                 const uint32_t *keys)
{
    struct walk *k = (struct walk *)c;
    (void)what;
    (void)keys;
    assert_true(k->asked < WALK_ASKED_MAX);
    k->asked_n[k->asked] = n;
    return k->given[k->asked++];
}

/* The block at this depth; reads as zeros when new, as a search wants it. */
static inline struct world *walk_block(struct walk *k, uint32_t depth)
{
    assert_true(depth < WALK_DEPTH_MAX);
    if (k->block[depth] == NULL)
        k->block[depth] = calloc(1, world_size());
    assert_non_null(k->block[depth]);
    return k->block[depth];
}

/* The next list of answers to the last step's questions; false where all were given. */
static inline bool walk_count_up(uint32_t *answer, const uint32_t *n, uint32_t asked)
{
    for (uint32_t i = asked; i-- > 0;) {
        if (answer[i] + 1 < n[i]) {
            answer[i]++;
            memset(answer + i + 1, 0, (WALK_ASKED_MAX - i - 1) * sizeof answer[0]);
            return true;
        }
    }
    return false;
}

/* One step from block[depth] into the block behind it, with these answers. What it asked is in
 * k->asked and k->asked_n, until the next one. */
static inline enum step_result walk_step(struct walk *k, uint32_t depth, const uint32_t *answer)
{
    k->sim.world = walk_block(k, depth + 1);
    world_copy(k->sim.world, k->block[depth]);
    memcpy(k->given, answer, sizeof k->given);
    k->asked = 0;
    return sim_step(&k->sim);
}

static inline void walk_from(struct walk *k, uint32_t depth)
{
    uint32_t answer[WALK_ASKED_MAX] = {0};
    uint32_t n[WALK_ASKED_MAX];
    uint32_t asked = 0;
    k->states++;
    if (k->states_max != 0 && k->states > k->states_max)
        k->cut = true;
    if (k->cut)
        return;
    if (k->each != NULL)
        k->each(k, depth);
    do {
        enum step_result r = walk_step(k, depth, answer);
        asked = k->asked;
        memcpy(n, k->asked_n, sizeof n);
        k->broken |= k->sim.violated;
        k->reached |= k->sim.reached;
        if (r == STEP_END) {
            k->ends++;
            if (k->end != NULL)
                k->end(k, depth);
            return;
        }
        if (r == STEP_FULL && k->states_max != 0) {
            k->cut = true;
            return;
        }
        assert_int_equal(r, STEP_MOVED);
        k->steps++;
        if (visited_add(&k->seen, world_hash(k->block[depth + 1])) == VISITED_NEW)
            walk_from(k, depth + 1);
    } while (!k->cut && walk_count_up(answer, n, asked));
}

static inline void walk_open(struct walk *k, const struct scenario *sc, uint32_t reduce)
{
    memset(k, 0, sizeof *k);
    k->base.pick = walk_pick;
    k->sim = (struct sim){.scenario = sc, .chooser = &k->base, .reduce = reduce};
    visited_init(&k->seen, (uint64_t)1 << 30);
}

static inline void walk_all(struct walk *k)
{
    k->sim.world = walk_block(k, 0);
    sim_start(&k->sim);
    visited_add(&k->seen, world_hash(k->block[0]));
    walk_from(k, 0);
}

static inline void walk_close(struct walk *k)
{
    visited_free(&k->seen);
    for (uint32_t i = 0; i < WALK_DEPTH_MAX && k->block[i] != NULL; i++)
        free(k->block[i]);
}

#endif

/* Depth-first search over everything that choose() can answer.
 *
 * The stack holds one block per state on the current path. A transition is tried in the block
 * above the top: copy the top there, step, hash. If the state is new, that block is the next top
 * and nothing more is copied. What the step asked is kept as a list of answers, and the next
 * transition of a state is that list counted up like an odometer: the last answer that can go up
 * does, those behind it are asked anew. A state is left when no answer of its list can go up.
 * The lists of all states on the path lie back to back, and together are the witness of whatever
 * breaks at its end.
 */
#define _DEFAULT_SOURCE 1 /* MAP_ANONYMOUS */
#include "sim/explore/search.h"
#include "sim/explore/visited.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { FRAMES_PER_CHUNK = 16, TICK_EVERY = 65536 };

static const uint64_t STATES_DEFAULT = 50u * 1000 * 1000;
static const uint64_t MEMORY_DEFAULT = (uint64_t)4 << 30;

struct path_choice {
    uint32_t what, key, n, answer;
};

struct odometer {
    struct chooser base;
    struct path_choice *at;
    uint32_t n, cap;
    uint32_t pos; /* next question of the step under way; answers are given up to n */
};

struct search {
    const struct machine *machine;
    struct result *result;
    struct sim sim;
    struct odometer path;
    struct visited visited;

    size_t stride; /* of a block on the stack */
    uint8_t **chunk;
    uint32_t *first;   /* per state on the path: where its answers begin */
    uint64_t *number;  /* per state on the path: a number that no other state ever had */
    uint64_t *copy_of; /* per block: number of the state that it was last copied from */
    uint64_t numbers;
    uint32_t n_chunks;
    uint32_t depth; /* moves made; the state at depth d is block d */
    uint32_t depth_max;

    uint64_t states_max;
    uint64_t memory_max;
    bool cut; /* something was left out */
    invariant_mask refuted;
    invariant_mask wanted; /* promises to be judged; the search may stop when all are refuted */
    bool no_witness;
    uint32_t witness_depth[INVARIANTS];
};

/* ---- answers --------------------------------------------------------------------------------- */

static uint32_t odometer_pick(struct chooser *c, enum choice what, uint32_t n, const uint32_t *keys)
{
    struct odometer *o = (struct odometer *)c;
    uint32_t i = o->pos++;
    if (i == o->n) {
        if (o->n == o->cap) {
            o->cap = o->cap == 0 ? 1024 : o->cap * 2;
            o->at = search_realloc(o->at, o->cap * sizeof o->at[0]);
        }
        o->at[o->n++] = (struct path_choice){.what = what, .n = n};
    }
    struct path_choice *p = &o->at[i];
    assert(p->what == (uint32_t)what && p->n == n && "the same step asked something else");
    p->key = what == CHOOSE_MOVE ? keys[p->answer] : p->answer;
    return p->answer;
}

/* The next list of answers that has not been tried; false where there is none. */
static bool odometer_next(struct odometer *o, uint32_t first)
{
    while (o->n > first && o->at[o->n - 1].answer + 1 == o->at[o->n - 1].n) {
        o->n--;
    }
    if (o->n == first) {
        return false;
    }
    o->at[o->n - 1].answer++;
    return true;
}

/* ---- stack ----------------------------------------------------------------------------------- */

static struct world *block(const struct search *s, uint32_t depth)
{
    assert(depth / FRAMES_PER_CHUNK < s->n_chunks);
    return (struct world *)(void *)(s->chunk[depth / FRAMES_PER_CHUNK] +
                                    s->stride * (depth % FRAMES_PER_CHUNK));
}

/* Makes sure that there is a block at this depth; false where memory does not allow it. Blocks are
 * never written outside of what they use, so the system backs only that with real memory. */
static bool stack_reserve(struct search *s, uint32_t depth)
{
    if (depth / FRAMES_PER_CHUNK < s->n_chunks) {
        return true;
    }
    uint64_t chunk_bytes = s->stride * FRAMES_PER_CHUNK;
    uint64_t used = visited_bytes(&s->visited) + chunk_bytes * s->n_chunks;
    if (s->n_chunks > 0 && used + chunk_bytes > s->memory_max) {
        return false;
    }
    /* Fresh pages read as zeros, and a second search in this process shall not find in its blocks
     * what the first one left: a copy does not write the nodes that a scenario does not have. */
    uint8_t *chunk =
        mmap(NULL, chunk_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (chunk == MAP_FAILED) {
        return false;
    }
    s->n_chunks++;
    uint64_t stack_bytes = chunk_bytes * s->n_chunks;
    s->visited.bytes_max = s->memory_max > stack_bytes ? s->memory_max - stack_bytes : 0;
    s->chunk = search_realloc(s->chunk, s->n_chunks * sizeof s->chunk[0]);
    s->chunk[s->n_chunks - 1] = chunk;
    uint32_t frames = s->n_chunks * FRAMES_PER_CHUNK;
    s->first = search_realloc(s->first, frames * sizeof s->first[0]);
    s->number = search_realloc(s->number, frames * sizeof s->number[0]);
    s->copy_of = search_realloc(s->copy_of, frames * sizeof s->copy_of[0]);
    memset(s->copy_of + (frames - FRAMES_PER_CHUNK), 0, FRAMES_PER_CHUNK * sizeof s->copy_of[0]);
    return true;
}

/* ---- what a step showed ---------------------------------------------------------------------- */

/* The path is the witness. A shorter one replaces a longer one: it costs next to nothing here and
 * saves the shortening afterwards. */
static void take_witness(struct search *s, uint32_t inv, uint32_t depth)
{
    if (s->refuted >> inv & 1 && s->witness_depth[inv] <= depth) {
        return;
    }
    s->refuted |= 1u << inv;
    s->witness_depth[inv] = depth;
    if (s->no_witness) {
        return;
    }
    struct witness *w = &s->result->witness[inv];
    witness_start(w, s->sim.scenario);
    for (uint32_t i = 0; i < s->path.n; i++) {
        const struct path_choice *p = &s->path.at[i];
        witness_add(w, (enum choice)p->what, p->key, p->n);
    }
}

static void take_notes(struct search *s, uint32_t depth)
{
    if (s->sim.reached != 0) {
        result_reach(s->result, s->sim.reached);
    }
    for (uint32_t i = 0; s->sim.violated >> i != 0; i++) {
        if (s->sim.violated >> i & 1) {
            assert(i < INVARIANTS);
            take_witness(s, i, depth);
        }
    }
}

enum after { AFTER_DEEPER, AFTER_NEXT, AFTER_LEAVE, AFTER_STOP };

/* A move was made, into the block above the top. */
static enum after moved(struct search *s)
{
    struct result *r = s->result;
    r->transitions++;
    take_notes(s, s->depth + 1);
    if (s->depth == s->depth_max) {
        s->cut = true; /* the top may have been a final state, but it is not */
        return AFTER_LEAVE;
    }
    switch (visited_add(&s->visited, s->machine->hash(s->sim.world))) {
    case VISITED_SEEN:
        return AFTER_NEXT;
    case VISITED_FULL:
        s->cut = true;
        return AFTER_STOP;
    case VISITED_NEW:
        break;
    }
    r->states++;
    if (r->states >= s->states_max) {
        s->cut = true;
        return AFTER_STOP;
    }
    return AFTER_DEEPER;
}

static enum after try_answers(struct search *s)
{
    if (!stack_reserve(s, s->depth + 1)) {
        s->cut = true;
        return AFTER_LEAVE;
    }
    uint32_t first = s->first[s->depth];
    s->sim.world = block(s, s->depth + 1);
    bool undo = s->copy_of[s->depth + 1] == s->number[s->depth] && s->machine->undo != NULL;
    (undo ? s->machine->undo : s->machine->copy)(s->sim.world, block(s, s->depth));
    s->copy_of[s->depth + 1] = s->number[s->depth];
    s->sim.violated = 0;
    s->sim.reached = 0;
    s->path.pos = first;
    enum step_result end = s->machine->step(&s->sim);
    assert(s->path.pos == s->path.n && "the same step asked less");
    switch (end) {
    case STEP_MOVED:
        assert(s->path.n > first);
        return moved(s);
    case STEP_END:
        assert(s->path.n == first && "a final state asks nothing");
        s->result->ends++;
        struct hash128 end_hash = s->machine->hash(block(s, s->depth));
        s->result->digest.lo += end_hash.lo;
        s->result->digest.hi += end_hash.hi;
        take_notes(s, s->depth);
        return AFTER_LEAVE;
    case STEP_FULL:
        s->cut = true;
        return s->path.n > first ? AFTER_NEXT : AFTER_LEAVE;
    case STEP_REFUSED:
        break;
    }
    assert(end != STEP_REFUSED && "this driver refuses nothing");
    return AFTER_STOP;
}

/* ---- the walk -------------------------------------------------------------------------------- */

/* Back to the nearest state on the path that has a transition left; false where there is none. */
static bool advance(struct search *s, bool leave)
{
    if (leave) {
        s->path.n = s->first[s->depth];
    }
    while (!odometer_next(&s->path, s->first[s->depth])) {
        if (s->depth == 0) {
            return false;
        }
        s->depth--;
    }
    return true;
}

static void walk(struct search *s, const struct explore_options *o, double started)
{
    struct result *r = s->result;
    uint64_t ticked = 0;
    bool more = true;
    while (more) {
        enum after after = try_answers(s);
        if (after == AFTER_DEEPER) {
            s->depth++;
            s->first[s->depth] = s->path.n;
            s->number[s->depth] = ++s->numbers;
            r->depth_max = s->depth > r->depth_max ? s->depth : r->depth_max;
        } else if (after == AFTER_STOP || (s->refuted & s->wanted) == s->wanted) {
            s->cut = true;
            more = false;
        } else {
            more = advance(s, after == AFTER_LEAVE);
        }
        if (r->transitions - ticked == TICK_EVERY) {
            ticked = r->transitions;
            if (o != NULL && o->tick != NULL) {
                struct progress p = {r->states, r->transitions, s->depth,
                                     search_seconds() - started};
                o->tick(o->arg, &p);
            }
        }
    }
}

static void search_open(struct search *s, const struct explore_options *o)
{
    const struct scenario *sc = s->sim.scenario;
    s->states_max = sc->max_states > 0 ? sc->max_states : STATES_DEFAULT;
    if (o != NULL && o->max_states > 0 && (sc->max_states == 0 || o->max_states < sc->max_states)) {
        s->states_max = o->max_states;
    }
    s->memory_max = o != NULL && o->memory_bytes > 0 ? o->memory_bytes : MEMORY_DEFAULT;
    s->wanted = o != NULL && o->only != 0 ? o->only : (1u << INVARIANTS) - 1;
    s->no_witness = o != NULL && o->no_witness;
    s->depth_max = sc->max_steps > 0 ? sc->max_steps : MAX_STEPS_DEFAULT;
    s->stride = (s->machine->size() + 63) / 64 * 64;
    visited_init(&s->visited, s->memory_max);
    s->path.base.pick = odometer_pick;
    s->sim.chooser = &s->path.base;
    if (!stack_reserve(s, 0)) {
        fputs("ackproof: out of memory\n", stderr);
        exit(3);
    }
    s->first[0] = 0;
    s->number[0] = ++s->numbers;
    memset(block(s, 0), 0, s->machine->size());
    s->sim.world = block(s, 0);
    s->machine->start(&s->sim);
    assert(s->path.n == 0 && "the start asks nothing");
    if (visited_add(&s->visited, s->machine->hash(s->sim.world)) == VISITED_FULL) {
        s->cut = true;
    }
    s->result->states = 1;
}

static void search_close(struct search *s)
{
    visited_free(&s->visited);
    for (uint32_t i = 0; i < s->n_chunks; i++) {
        (void)munmap(s->chunk[i], s->stride * FRAMES_PER_CHUNK);
    }
    free(s->chunk);
    free(s->first);
    free(s->number);
    free(s->copy_of);
    free(s->path.at);
}

void search_exhaust(const struct machine *m, const struct scenario *sc,
                    const struct explore_options *o, struct result *r)
{
    assert(m != NULL && sc != NULL && r != NULL);
    double started = search_seconds();
    result_start(r);
    uint32_t reduce = REDUCE_ALL & ~(o == NULL ? 0 : o->no_reduction);
    struct search s = {.machine = m, .result = r, .sim = {.scenario = sc, .reduce = reduce}};
    search_open(&s, o);
    walk(&s, o, started);
    search_close(&s);
    r->exhausted = !s.cut;
    enum verdict holds = (sc->reach & ~r->reached) != 0 ? VERDICT_NOT_EXERCISED : VERDICT_HOLDS;
    result_judge(r, s.refuted, r->exhausted ? holds : VERDICT_UNFINISHED);
    for (uint32_t i = 0; i < INVARIANTS; i++) {
        if (s.refuted >> i & 1 && !s.no_witness) {
            search_shorten(m, sc, (enum invariant)i, &r->witness[i]);
        }
    }
    r->seconds = search_seconds() - started;
}

#define _DEFAULT_SOURCE 1 /* MAP_ANONYMOUS */
#include "sim/explore/walk.h"

#include "sim/explore/crew.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { FRAMES_PER_CHUNK = 16, CHUNKS_KEPT = 64 };

static const uint64_t STATES_DEFAULT = 50u * 1000 * 1000;
static const uint64_t MEMORY_DEFAULT = (uint64_t)4 << 30;

/* ---- answers --------------------------------------------------------------------------------- */

void odometer_add(struct odometer *o, const struct path_choice *p)
{
    if (o->n == o->cap) {
        o->cap = o->cap == 0 ? 1024 : o->cap * 2;
        o->at = search_realloc(o->at, o->cap * sizeof o->at[0]);
    }
    o->at[o->n++] = *p;
}

static uint32_t odometer_pick(struct chooser *c, enum choice what, uint32_t n, const uint32_t *keys)
{
    struct odometer *o = (struct odometer *)c;
    uint32_t i = o->pos++;
    if (i == o->n) {
        uint32_t answer = 0;
        if (o->n_given > 0) {
            o->n_given--;
            answer = *o->given++;
        }
        odometer_add(o, &(struct path_choice){.what = what, .n = n, .answer = answer});
    }
    struct path_choice *p = &o->at[i];
    assert(p->what == (uint32_t)what && p->n == n && "the same step asked something else");
    p->key = what == CHOOSE_MOVE ? keys[p->answer] : p->answer;
    o->moves += what == CHOOSE_MOVE;
    return p->answer;
}

bool odometer_next(struct odometer *o, uint32_t first)
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

struct world *search_block(const struct search *s, uint32_t depth)
{
    const struct stack *k = &s->stack;
    assert(depth / FRAMES_PER_CHUNK < k->n_chunks);
    return (struct world *)(void *)(k->chunk[depth / FRAMES_PER_CHUNK] +
                                    k->stride * (depth % FRAMES_PER_CHUNK));
}

static uint64_t chunk_bytes(const struct stack *k)
{
    return (uint64_t)k->stride * FRAMES_PER_CHUNK;
}

/* Makes sure that there is a block at this depth; false where memory does not allow it. Blocks are
 * never written outside of what they use, so the system backs only that with real memory. */
static bool stack_reserve(struct search *s, uint32_t depth)
{
    struct stack *k = &s->stack;
    if (depth < k->frames) {
        return true;
    }
    uint64_t used = visited_bytes(&s->visited) + s->others + chunk_bytes(k) * k->n_chunks;
    if (k->n_chunks > 0 && used + chunk_bytes(k) > s->memory_max) {
        return false;
    }
    uint8_t *chunk =
        mmap(NULL, chunk_bytes(k), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (chunk == MAP_FAILED) {
        return false;
    }
    k->n_chunks++;
    k->chunk = search_realloc(k->chunk, k->n_chunks * sizeof k->chunk[0]);
    k->chunk[k->n_chunks - 1] = chunk;
    k->frames = k->n_chunks * FRAMES_PER_CHUNK;
    k->first = search_realloc(k->first, k->frames * sizeof k->first[0]);
    k->number = search_realloc(k->number, k->frames * sizeof k->number[0]);
    k->copy_of = search_realloc(k->copy_of, k->frames * sizeof k->copy_of[0]);
    memset(k->copy_of + k->frames - FRAMES_PER_CHUNK, 0, FRAMES_PER_CHUNK * sizeof k->copy_of[0]);
    return true;
}

static void stack_trim(struct stack *k, uint32_t chunks)
{
    for (; k->n_chunks > chunks; k->n_chunks--) {
        (void)munmap(k->chunk[k->n_chunks - 1], chunk_bytes(k));
    }
    k->frames = k->n_chunks * FRAMES_PER_CHUNK;
}

static void stack_free(struct stack *k)
{
    stack_trim(k, 0);
    free(k->chunk);
    free(k->first);
    free(k->number);
    free(k->copy_of);
    *k = (struct stack){0};
}

void search_enter(struct search *s)
{
    s->depth++;
    s->stack.first[s->depth] = s->path.n;
    s->stack.number[s->depth] = ++s->stack.numbers;
}

bool search_stand_at(struct search *s, uint32_t depth)
{
    for (uint32_t d = 0; d <= depth; d++) {
        if (!stack_reserve(s, d)) {
            return false;
        }
    }
    s->base = s->depth = depth;
    s->stack.number[depth] = ++s->stack.numbers;
    s->stack.copy_of[depth] = 0;
    return true;
}

uint32_t search_untried(const struct search *s, uint32_t depth)
{
    assert(depth < s->depth);
    uint32_t n = s->stack.first[depth + 1];
    while (n > s->stack.first[depth] && s->path.at[n - 1].answer + 1 == s->path.at[n - 1].n) {
        n--;
    }
    return n - s->stack.first[depth];
}

bool search_make_room(struct search *s)
{
    if (s->crew != NULL) {
        return stack_reserve(s, s->depth + 1) && crew_make_room(s);
    }
    uint64_t rest = s->others + chunk_bytes(&s->stack) * s->stack.n_chunks;
    s->visited.bytes_max = s->memory_max > rest ? s->memory_max - rest : 0;
    return s->result->states < s->states_max && stack_reserve(s, s->depth + 1) &&
           visited_room(&s->visited);
}

/* ---- memory that one search leaves to the next ----------------------------------------------- */

struct explore_memory {
    struct stack stack;
    struct visited visited;
    struct odometer path;
};

struct explore_memory *explore_memory_new(void)
{
    return search_alloc(sizeof(struct explore_memory));
}

void explore_memory_free(struct explore_memory *m)
{
    if (m == NULL) {
        return;
    }
    stack_free(&m->stack);
    visited_free(&m->visited);
    free(m->path.at);
    free(m);
}

/* Blocks are taken over as they are: nobody relies on what lies outside of the parts in use. */
static void memory_take(struct search *s, const struct explore_options *o)
{
    size_t stride = (s->machine->size() + 63) / 64 * 64;
    struct explore_memory *m = o != NULL ? o->memory : NULL;
    if (m != NULL && m->stack.stride == stride) {
        s->stack = m->stack;
        m->stack = (struct stack){0};
    }
    if (m != NULL) {
        s->visited = m->visited;
        m->visited = (struct visited){0};
        s->path = m->path;
        m->path = (struct odometer){0};
    }
    s->stack.stride = stride;
    s->path.base.pick = odometer_pick;
    s->path.n = s->path.n_given = 0;
    visited_clear(&s->visited, s->memory_max);
}

void search_close(struct search *s, const struct explore_options *o)
{
    crew_free(s);
    struct explore_memory *m = o != NULL ? o->memory : NULL;
    if (m == NULL) {
        stack_free(&s->stack);
        visited_free(&s->visited);
        free(s->path.at);
        return;
    }
    stack_free(&m->stack); /* of another machine */
    stack_trim(&s->stack, CHUNKS_KEPT);
    m->stack = s->stack;
    m->visited = s->visited;
    m->path = s->path;
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

/* A move was made, into the block above the top. */
static enum after moved(struct search *s)
{
    struct result *r = s->result;
    r->transitions++;
    r->moves += s->path.moves;
    if (s->depth == s->depth_max) {
        take_notes(s, s->depth + 1);
        s->cut = true; /* the top may have been a final state, but it is not */
        return AFTER_LEAVE;
    }
    struct hash128 h = s->machine->hash(s->sim.world);
    visited_prefetch(&s->visited, h);
    take_notes(s, s->depth + 1);
    if (visited_add(&s->visited, h) == VISITED_SEEN) {
        return AFTER_NEXT;
    }
    r->states++;
    return AFTER_DEEPER;
}

enum step_result search_step(struct search *s)
{
    struct stack *k = &s->stack;
    s->sim.world = search_block(s, s->depth + 1);
    bool undo = k->copy_of[s->depth + 1] == k->number[s->depth] && s->machine->undo != NULL;
    (undo ? s->machine->undo : s->machine->copy)(s->sim.world, search_block(s, s->depth));
    k->copy_of[s->depth + 1] = k->number[s->depth];
    s->sim.violated = 0;
    s->sim.reached = 0;
    s->path.pos = k->first[s->depth];
    s->path.moves = 0;
    enum step_result end = s->machine->step(&s->sim);
    assert(s->path.pos == s->path.n && "the same step asked less");
    return end;
}

enum after search_try(struct search *s)
{
    uint32_t first = s->stack.first[s->depth];
    enum step_result end = search_step(s);
    switch (end) {
    case STEP_MOVED:
        assert(s->path.n > first);
        return moved(s);
    case STEP_END:
        assert(s->path.n == first && "a final state asks nothing");
        s->result->ends++;
        struct hash128 end_hash = s->machine->hash(search_block(s, s->depth));
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
    return AFTER_LEAVE;
}

/* ---- from the beginning to the verdicts ------------------------------------------------------ */

void search_open(struct search *s, const struct machine *m, const struct scenario *sc,
                 const struct explore_options *o, struct result *r)
{
    assert(m != NULL && sc != NULL && r != NULL);
    uint32_t reduce = REDUCE_ALL & ~(o == NULL ? 0 : o->no_reduction);
    *s = (struct search){.machine = m,
                         .result = r,
                         .sim = {.scenario = sc, .reduce = reduce},
                         .started = search_seconds()};
    result_start(r);
    s->states_max = sc->max_states > 0 ? sc->max_states : STATES_DEFAULT;
    if (o != NULL && o->max_states > 0 && (sc->max_states == 0 || o->max_states < sc->max_states)) {
        s->states_max = o->max_states;
    }
    s->memory_max = o != NULL && o->memory_bytes > 0 ? o->memory_bytes : MEMORY_DEFAULT;
    s->wanted = o != NULL && o->only != 0 ? o->only : (1u << INVARIANTS) - 1;
    s->no_witness = o != NULL && o->no_witness;
    s->depth_max = sc->max_steps > 0 ? sc->max_steps : MAX_STEPS_DEFAULT;
    memory_take(s, o);
    s->sim.chooser = &s->path.base;
    if (!stack_reserve(s, 0)) {
        fputs("ackproof: out of memory\n", stderr);
        exit(3);
    }
    s->stack.first[0] = 0;
    s->stack.number[0] = ++s->stack.numbers;
    s->sim.world = search_block(s, 0);
    memset(s->sim.world, 0, m->size());
    m->start(&s->sim);
    assert(s->path.n == 0 && "the start asks nothing");
    if (visited_add(&s->visited, m->hash(s->sim.world)) == VISITED_FULL) {
        s->cut = true;
    }
    r->states = 1;
}

void search_judge(struct search *s)
{
    struct result *r = s->result;
    const struct scenario *sc = s->sim.scenario;
    r->exhausted = !s->cut;
    enum verdict holds = (sc->reach & ~r->reached) != 0 ? VERDICT_NOT_EXERCISED : VERDICT_HOLDS;
    result_judge(r, s->refuted, r->exhausted ? holds : VERDICT_UNFINISHED);
    for (uint32_t i = 0; i < INVARIANTS; i++) {
        if (s->refuted >> i & 1 && !s->no_witness) {
            search_shorten(s->machine, sc, (enum invariant)i, &r->witness[i]);
        }
    }
    r->seconds = search_seconds() - s->started;
}

/* Breadth-first search: level by level, so that the first counterexample is the shortest.
 *
 * No blocks are kept. A state is a node of a tree: the state that it was first reached from and the
 * answers that led here, some 16 bytes. To go on from the states of a level, the tree is walked
 * along its branches: from one state to the next only the part of the path that they do not share
 * is stepped through again. States stand in the order in which they were found, so that neighbours
 * share most of it.
 */
#include "sim/explore/walk.h"

#include <assert.h>
#include <stdlib.h>

struct tree {
    uint32_t *parent;
    uint64_t *answers; /* where they begin in `answer`; one more than nodes, the last is the end */
    uint16_t *answer;
    uint64_t n, cap;
    uint64_t n_answers, cap_answers;
};

struct breadth {
    struct search s;
    struct tree tree;
    uint32_t *at;  /* node at each depth of the path; what is deeper than s.depth is void */
    uint32_t *way; /* room for one path */
    uint32_t cap;
    invariant_mask proved; /* refuted, and by nothing shorter */
};

static uint64_t tree_bytes(uint64_t cap, uint64_t cap_answers)
{
    return cap * (sizeof(uint32_t) + sizeof(uint64_t)) + cap_answers * sizeof(uint16_t);
}

/* Room for one node more; false where the bound of memory is hit (growing needs old and new). */
static bool tree_room(struct breadth *b, uint32_t answers)
{
    struct tree *t = &b->tree;
    struct search *s = &b->s;
    uint64_t cap = t->n + 2 > t->cap ? t->cap * 2 : t->cap;
    uint64_t cap_answers =
        t->n_answers + answers > t->cap_answers ? t->cap_answers * 2 + answers : t->cap_answers;
    if (cap == t->cap && cap_answers == t->cap_answers) {
        return true;
    }
    uint64_t others = tree_bytes(t->cap, t->cap_answers) + tree_bytes(cap, cap_answers);
    if (t->n + 2 >= UINT32_MAX || visited_bytes(&s->visited) + others > s->memory_max) {
        return false;
    }
    t->parent = search_realloc(t->parent, cap * sizeof t->parent[0]);
    t->answers = search_realloc(t->answers, cap * sizeof t->answers[0]);
    t->answer = search_realloc(t->answer, cap_answers * sizeof t->answer[0]);
    t->cap = cap;
    t->cap_answers = cap_answers;
    s->others = tree_bytes(cap, cap_answers);
    return true;
}

/* The state above the top, reached from `parent` by the last answers on the path. */
static bool tree_add(struct breadth *b, uint32_t parent)
{
    struct tree *t = &b->tree;
    const struct odometer *path = &b->s.path;
    uint32_t first = b->s.stack.first[b->s.depth];
    if (!tree_room(b, path->n - first)) {
        return false;
    }
    t->parent[t->n] = parent;
    for (uint32_t i = first; i < path->n; i++) {
        assert(path->at[i].answer <= UINT16_MAX);
        t->answer[t->n_answers++] = (uint16_t)path->at[i].answer;
    }
    t->n++;
    t->answers[t->n] = t->n_answers;
    return true;
}

static void tree_open(struct breadth *b)
{
    struct tree *t = &b->tree;
    t->cap = t->cap_answers = 1024;
    t->parent = search_alloc(t->cap * sizeof t->parent[0]);
    t->answers = search_alloc(t->cap * sizeof t->answers[0]);
    t->answer = search_alloc(t->cap_answers * sizeof t->answer[0]);
    t->n = 1; /* the initial state, at answers[0] = answers[1] = 0 */
    b->s.others = tree_bytes(t->cap, t->cap_answers);
}

/* Room for a path of this length. */
static void path_reserve(struct breadth *b, uint32_t depth)
{
    if (depth + 1 >= b->cap) {
        b->cap = (depth + 1) * 2;
        b->at = search_realloc(b->at, b->cap * sizeof b->at[0]);
        b->way = search_realloc(b->way, b->cap * sizeof b->way[0]);
    }
}

/* Makes the state of `node`, at this depth, the top. */
static void stand_on(struct breadth *b, uint32_t node, uint32_t depth)
{
    struct search *s = &b->s;
    const struct tree *t = &b->tree;
    uint32_t shared = depth;
    uint32_t n = node;
    while (shared > s->depth || b->at[shared] != n) { /* they share the initial state at least */
        b->way[shared--] = n;
        n = t->parent[n];
    }
    s->depth = shared;
    while (s->depth < depth) {
        n = b->way[s->depth + 1];
        /* The answers that follow, for questions that are now asked again. */
        s->path.n = s->stack.first[s->depth];
        s->path.given = t->answer + t->answers[n];
        s->path.n_given = (uint32_t)(t->answers[n + 1] - t->answers[n]);
        enum step_result end = search_step(s);
        assert(end == STEP_MOVED && s->path.n_given == 0 && "the same step asked something else");
        (void)end;
        search_enter(s);
        b->at[s->depth] = n;
    }
    s->path.n = s->stack.first[depth];
}

/* All transitions of the top; false where a bound ends the search. */
static bool expand(struct breadth *b, uint32_t node)
{
    struct search *s = &b->s;
    bool more = true;
    while (more) {
        if (!search_room(s)) {
            return false;
        }
        enum after after = search_try(s);
        if (after == AFTER_DEEPER && !tree_add(b, node)) {
            return false;
        }
        more = after != AFTER_LEAVE && odometer_next(&s->path, s->stack.first[s->depth]);
    }
    return true;
}

/* One level: the states of nodes from .. to - 1. False: a bound. */
static bool level(struct breadth *b, uint32_t depth, uint32_t from, uint32_t to,
                  const struct explore_options *o)
{
    struct search *s = &b->s;
    path_reserve(b, depth);
    for (uint32_t node = from; node < to; node++) {
        if (!search_room(s)) { /* blocks down to here and one more */
            return false;
        }
        stand_on(b, node, depth);
        if (!expand(b, node)) {
            return false;
        }
        if (node % 16384 == 0 && o != NULL && o->tick != NULL) {
            struct progress p = {s->result->states, s->result->transitions, depth,
                                 search_seconds() - s->started};
            o->tick(o->arg, &p);
        }
    }
    /* A promise that breaks in a state of a later level breaks behind at least as many moves. */
    b->proved |= s->cut ? 0 : s->refuted;
    return true;
}

/* Level after level until there is none, or all that is wanted is refuted. */
static void levels(struct breadth *b, const struct explore_options *o)
{
    struct search *s = &b->s;
    uint32_t from = 0;
    uint32_t to = 1;
    for (uint32_t depth = 0; from < to; depth++) {
        s->result->depth_max = depth;
        if (search_done(s) || !level(b, depth, from, to, o)) {
            s->cut = true;
            return;
        }
        from = to;
        to = (uint32_t)b->tree.n;
    }
}

void search_breadth(const struct machine *m, const struct scenario *sc,
                    const struct explore_options *o, struct result *r)
{
    struct breadth b = {.proved = 0};
    search_open(&b.s, m, sc, o, r);
    tree_open(&b);
    path_reserve(&b, 0);
    b.at[0] = 0;
    levels(&b, o);
    r->shortest = b.proved;
    search_close(&b.s, o);
    free(b.tree.parent);
    free(b.tree.answers);
    free(b.tree.answer);
    free(b.at);
    free(b.way);
    search_judge(&b.s);
}

invariant_mask search_shortest(const struct machine *m, const struct scenario *sc,
                               const struct explore_options *o, struct result *r)
{
    assert(r != NULL);
    struct explore_options all = o != NULL ? *o : (struct explore_options){0};
    /* What a reduction puts first is a move too; another name of a session or a replica is none. */
    all.no_reduction |= REDUCE_ALL & ~(uint32_t)(REDUCE_SESSIONS | REDUCE_GONE | REDUCE_REPLICAS);
    all.no_witness = false;
    all.only = 0;
    for (uint32_t i = 0; i < INVARIANTS; i++) {
        all.only |= r->verdict[i] == VERDICT_BREAKS && r->witness[i].n > 0 ? 1u << i : 0;
    }
    if (all.only == 0) {
        return 0;
    }
    struct result found;
    search_breadth(m, sc, &all, &found);
    r->shortest = found.shortest & all.only;
    for (uint32_t i = 0; i < INVARIANTS; i++) {
        if (r->shortest >> i & 1) {
            witness_copy(&r->witness[i], &found.witness[i], found.witness[i].n);
            r->witness[i].shortest = true;
        }
    }
    r->seconds += found.seconds;
    result_free(&found);
    return r->shortest;
}

void explore_shortest(const struct scenario *sc, const struct explore_options *o, struct result *r)
{
    search_shortest(&world_machine, sc, o, r);
}

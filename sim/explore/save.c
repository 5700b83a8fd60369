#define _DEFAULT_SOURCE 1 /* rename, strerror */
#include "sim/explore/save.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

static const char MAGIC[16] = "ackproof search";

/* Everything is written as it stands in memory: the head admits the program that wrote it only. */
struct head {
    char magic[sizeof MAGIC];
    uint64_t bytes; /* of the file */
    struct hash128 program, scenario;
    uint32_t reduce;
    uint32_t depth;
    uint32_t n_choices;
    invariant_mask refuted;
    uint64_t states, transitions, moves, ends, depth_max;
    uint64_t reach_times[REACHES];
    reach_mask reached;
    struct hash128 digest;
    double seconds;
    uint32_t witness_depth[INVARIANTS];
    uint32_t witness_n[INVARIANTS];
    uint64_t lost; /* something was left out for good: a bound of the world or of the depth */
    struct hash128 top;
};

static struct hash128 hash_of(const void *bytes, size_t n)
{
    XXH128_hash_t h = XXH3_128bits(bytes, n);
    return (struct hash128){.lo = h.low64, .hi = h.high64};
}

/* All of a file; NULL: errno says why. */
static uint8_t *read_file(const char *path, size_t *n)
{
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        return NULL;
    }
    size_t cap = 1 << 16;
    uint8_t *bytes = search_realloc(NULL, cap);
    *n = 0;
    errno = 0;
    for (size_t got; (got = fread(bytes + *n, 1, cap - *n, f)) > 0;) {
        *n += got;
        if (*n == cap) {
            cap *= 2;
            bytes = search_realloc(bytes, cap);
        }
    }
    bool bad = ferror(f) != 0;
    fclose(f);
    if (bad) {
        free(bytes);
        return NULL;
    }
    return bytes;
}

/* All zero where it cannot be read. */
static struct hash128 hash_file(const char *path)
{
    size_t n;
    uint8_t *bytes = read_file(path, &n);
    if (bytes == NULL) {
        return (struct hash128){0};
    }
    struct hash128 h = hash_of(bytes, n);
    free(bytes);
    return h;
}

static struct hash128 hash_program(void)
{
    return hash_file("/proc/self/exe");
}

/* What is searched: the file, and the state in which it begins. */
static struct hash128 hash_scenario(const struct search *s)
{
    struct hash128 part[2] = {hash_file(s->sim.scenario->file),
                              s->machine->hash(search_block(s, 0))};
    return hash_of(part, sizeof part);
}

/* ---- writing --------------------------------------------------------------------------------- */

struct writer {
    FILE *f;
    XXH3_state_t *sum;
    bool ok;
};

static void put(struct writer *w, const void *bytes, size_t n)
{
    if (n > 0) {
        w->ok = w->ok && fwrite(bytes, n, 1, w->f) == 1;
        XXH3_128bits_update(w->sum, bytes, n);
    }
}

static struct head head_of(const struct search *s)
{
    const struct result *r = s->result;
    struct head h;
    memset(&h, 0, sizeof h);
    memcpy(h.magic, MAGIC, sizeof MAGIC);
    h.program = hash_program();
    h.scenario = hash_scenario(s);
    h.reduce = s->sim.reduce;
    h.depth = s->depth;
    h.n_choices = s->path.n;
    h.refuted = s->refuted;
    h.states = r->states;
    h.transitions = r->transitions;
    h.moves = r->moves;
    h.ends = r->ends;
    h.depth_max = r->depth_max;
    memcpy(h.reach_times, r->reach_times, sizeof h.reach_times);
    h.reached = r->reached;
    h.digest = r->digest;
    h.seconds = search_seconds() - s->started;
    memcpy(h.witness_depth, s->witness_depth, sizeof h.witness_depth);
    h.lost = s->lost;
    h.top = s->machine->hash(search_block(s, s->depth));
    h.bytes = sizeof h + s->path.n * sizeof s->path.at[0] + (s->depth + 1) * sizeof(uint32_t) +
              s->visited.n * sizeof(struct hash128) + sizeof(struct hash128);
    for (uint32_t i = 0; i < INVARIANTS; i++) {
        h.witness_n[i] = r->witness[i].n;
        h.bytes += r->witness[i].n * sizeof r->witness[i].choice[0];
    }
    return h;
}

static void put_all(struct writer *w, const struct search *s)
{
    struct head h = head_of(s);
    put(w, &h, sizeof h);
    put(w, s->path.at, s->path.n * sizeof s->path.at[0]);
    put(w, s->stack.first, (s->depth + 1) * sizeof s->stack.first[0]);
    for (uint32_t i = 0; i < INVARIANTS; i++) {
        const struct witness *x = &s->result->witness[i];
        put(w, x->choice, x->n * sizeof x->choice[0]);
    }
    for (uint64_t i = 0; i < s->visited.cap; i++) {
        const struct hash128 *at = &s->visited.at[i];
        if ((at->lo | at->hi) != 0) {
            put(w, at, sizeof *at);
        }
    }
    XXH128_hash_t sum = XXH3_128bits_digest(w->sum);
    struct hash128 end = {.lo = sum.low64, .hi = sum.high64};
    w->ok = w->ok && fwrite(&end, sizeof end, 1, w->f) == 1;
}

bool search_save(const struct search *s, const char *path, FILE *err)
{
    assert(s != NULL && path != NULL && err != NULL);
    assert(s->crew == NULL && s->base == 0);
    size_t room = strlen(path) + sizeof ".new";
    char *beside = search_alloc(room);
    snprintf(beside, room, "%s.new", path);
    struct writer w = {.f = fopen(beside, "wb"), .sum = XXH3_createState(), .ok = true};
    bool ok = w.f != NULL && w.sum != NULL;
    if (ok) {
        XXH3_128bits_reset(w.sum);
        put_all(&w, s);
        /* What the new name stands for is there before the old file goes, whatever happens. */
        w.ok = w.ok && fflush(w.f) == 0 && fsync(fileno(w.f)) == 0;
        ok = fclose(w.f) == 0 && w.ok && rename(beside, path) == 0;
    }
    if (!ok) {
        fprintf(err, "%s: the search cannot be saved: %s\n", path, strerror(errno));
        remove(beside);
    }
    XXH3_freeState(w.sum);
    free(beside);
    return ok;
}

/* ---- reading --------------------------------------------------------------------------------- */

static const char *why_not(const struct search *s, const uint8_t *bytes, size_t n)
{
    const struct head *h = (const struct head *)(const void *)bytes;
    struct hash128 sum;
    if (n < sizeof MAGIC || memcmp(h->magic, MAGIC, sizeof MAGIC) != 0) {
        return "this is no saved search";
    }
    if (n < sizeof *h + sizeof sum || h->bytes != n) {
        return "the file is not complete";
    }
    memcpy(&sum, bytes + n - sizeof sum, sizeof sum);
    if (!hash_equal(sum, hash_of(bytes, n - sizeof sum))) {
        return "the file is damaged: its checksum differs";
    }
    if (!hash_equal(h->program, hash_program())) {
        return "it was saved by another build of this program";
    }
    if (!hash_equal(h->scenario, hash_scenario(s))) {
        return "it is of another scenario, or this one was changed";
    }
    if (h->reduce != s->sim.reduce) {
        return "it was searched with other reductions (--no-reduction)";
    }
    return NULL;
}

static void take_head(struct search *s, const struct head *h)
{
    struct result *r = s->result;
    s->refuted = h->refuted;
    r->states = h->states;
    r->transitions = h->transitions;
    r->moves = h->moves;
    r->ends = h->ends;
    r->depth_max = h->depth_max;
    memcpy(r->reach_times, h->reach_times, sizeof h->reach_times);
    r->reached = h->reached;
    r->digest = h->digest;
    s->started -= h->seconds;
    memcpy(s->witness_depth, h->witness_depth, sizeof h->witness_depth);
    s->cut = s->lost = h->lost != 0;
}

/* Steps through the path again: its blocks are those there were. */
static bool walk_path(struct search *s, const struct path_choice *choice, const uint32_t *first,
                      const struct head *h)
{
    s->path.n = 0;
    for (uint32_t i = 0; i < h->n_choices; i++) {
        odometer_add(&s->path, &choice[i]);
    }
    for (uint32_t d = 0; d < h->depth; d++) {
        s->path.n = first[d + 1];
        if (!search_make_room(s) || search_step(s) != STEP_MOVED) {
            return false;
        }
        search_enter(s);
    }
    s->path.n = h->n_choices;
    return hash_equal(h->top, s->machine->hash(search_block(s, s->depth)));
}

static const char *take_all(struct search *s, const uint8_t *bytes, size_t n)
{
    const struct head *h = (const struct head *)(const void *)bytes;
    const struct path_choice *choice = (const struct path_choice *)(const void *)(h + 1);
    const uint32_t *first = (const uint32_t *)(const void *)(choice + h->n_choices);
    const uint8_t *at = (const uint8_t *)(first + h->depth + 1);
    for (uint32_t i = 0; i < INVARIANTS; i++) {
        struct witness *w = &s->result->witness[i];
        if (h->witness_n[i] > 0) {
            witness_start(w, s->sim.scenario);
        }
        for (uint32_t k = 0; k < h->witness_n[i]; k++) {
            struct witness_choice c;
            memcpy(&c, at, sizeof c);
            witness_add(w, (enum choice)c.what, c.key, c.n);
            at += sizeof c;
        }
    }
    visited_clear(&s->visited, s->memory_max);
    for (; at < bytes + n - sizeof(struct hash128); at += sizeof(struct hash128)) {
        struct hash128 x;
        memcpy(&x, at, sizeof x);
        if (!visited_room(&s->visited) || visited_add(&s->visited, x) != VISITED_NEW) {
            return "its fingerprints take more memory than there is for this search";
        }
    }
    return walk_path(s, choice, first, h) ? NULL : "its path leads nowhere (or takes more memory)";
}

bool search_resume(struct search *s, const char *path, FILE *err)
{
    assert(s != NULL && path != NULL && err != NULL);
    size_t n;
    uint8_t *bytes = read_file(path, &n);
    if (bytes == NULL) {
        fprintf(err, "%s: error: %s\n", path, strerror(errno));
        return false;
    }
    const char *why = why_not(s, bytes, n);
    if (why == NULL) {
        uint64_t states_max = s->states_max;
        s->states_max = UINT64_MAX; /* the walk asks for its own in a moment */
        why = take_all(s, bytes, n);
        s->states_max = states_max;
        take_head(s, (const struct head *)(const void *)bytes);
    }
    if (why != NULL) {
        fprintf(err, "%s: error: %s\n", path, why);
    }
    free(bytes);
    return why == NULL;
}

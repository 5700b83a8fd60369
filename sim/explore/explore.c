#define _DEFAULT_SOURCE 1 /* clock_gettime */
#include "sim/explore/search.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

/* ---- the world as a machine ------------------------------------------------------------------ */

const struct machine world_machine = {.size = world_size,
                                      .start = sim_start,
                                      .step = sim_step,
                                      .hash = world_hash,
                                      .copy = world_copy,
                                      .undo = world_undo,
                                      .edges = sim_edges,
                                      .calms = true,
                                      .actors = scenario_actors};

void explore_exhaust(const struct scenario *sc, const struct explore_options *o, struct result *r)
{
    search_exhaust(&world_machine, sc, o, r);
}

void explore_seed(const struct scenario *sc, enum driver d, uint64_t seed, struct run_outcome *out,
                  struct witness *w)
{
    search_seed(&world_machine, sc, d, seed, out, w);
}

void explore_random(const struct scenario *sc, enum driver d, uint64_t from, uint64_t to,
                    const struct explore_options *o, struct result *r)
{
    search_random(&world_machine, sc, d, from, to, o, r);
}

uint32_t explore_moves(const struct scenario *sc)
{
    return search_moves(&world_machine, sc);
}

enum replay_end explore_replay(const struct scenario *sc, const struct witness *w,
                               const struct replay *opt, struct run_outcome *out, FILE *err,
                               void (*done)(void *arg, const struct sim *s), void *arg)
{
    return search_replay(&world_machine, sc, w, opt, out, err, done, arg);
}

void explore_shorten(const struct scenario *sc, enum invariant inv, struct witness *w)
{
    search_shorten(&world_machine, sc, inv, w);
}

bool explore_adapt(const struct scenario *sc, enum invariant inv, struct witness *w)
{
    return search_adapt(&world_machine, sc, inv, w);
}

uint32_t explore_needed(const struct scenario *sc, enum invariant inv, const struct witness *w,
                        enum need *need)
{
    return search_needed(&world_machine, sc, inv, w, need);
}

/* ---- memory and time ------------------------------------------------------------------------- */

void *search_realloc(void *p, size_t bytes)
{
    void *q = realloc(p, bytes);
    if (q == NULL) {
        fputs("ackproof: out of memory\n", stderr);
        exit(3);
    }
    return q;
}

void *search_alloc(size_t bytes)
{
    void *p = search_realloc(NULL, bytes);
    memset(p, 0, bytes);
    return p;
}

double search_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

enum { ROLL_SHORT = 4 };

/* ---- runs ------------------------------------------------------------------------------------ */

void runner_open(struct runner *r, const struct machine *m, const struct scenario *sc)
{
    assert(m != NULL && sc != NULL);
    *r = (struct runner){.machine = m,
                         .initial = search_alloc(m->size()),
                         .max_steps = sc->max_steps > 0 ? sc->max_steps : MAX_STEPS_DEFAULT};
    r->sim.scenario = sc;
    r->n_actors = sc->depth > 0 ? m->actors(sc, r->actor) : 0;
    r->sim.world = r->initial;
    m->start(&r->sim);
    r->sim.world = search_alloc(m->size());
    runner_reset(r);
}

void runner_reset(struct runner *r)
{
    assert(r->sim.world != r->initial);
    r->machine->copy(r->sim.world, r->initial);
    r->sim.violated = 0;
    r->sim.reached = 0;
}

void runner_allow(struct runner *r, const struct witness *w)
{
    r->sim.may_calm = false;
    r->sim.phases = 0;
    for (uint32_t i = 0; i < w->n; i++) {
        uint32_t kind = w->choice[i].what == CHOOSE_MOVE ? w->choice[i].key >> 24 : 0;
        r->sim.may_calm |= kind == MOVE_CALM;
        r->sim.phases += kind == MOVE_PHASE;
    }
}

void runner_close(struct runner *r)
{
    free(r->sim.world);
    free(r->initial);
    *r = (struct runner){0};
}

/* Of one step: `n` choices, few of them; the state is that behind it, or zeros. */
static struct hash128 roll(struct hash128 before, const struct witness_choice *choice, uint32_t n,
                           struct hash128 state)
{
    struct {
        struct hash128 before, state, long_tail;
        struct witness_choice choice[ROLL_SHORT];
    } all = {.before = before, .state = state};
    uint32_t kept = n <= ROLL_SHORT ? n : 0;
    if (kept > 0) {
        memcpy(all.choice, choice, kept * sizeof choice[0]);
    } else if (n > 0) {
        XXH128_hash_t c = XXH3_128bits(choice, n * sizeof choice[0]);
        all.long_tail = (struct hash128){c.low64, c.high64};
    }
    XXH128_hash_t h =
        XXH3_128bits(&all, offsetof(__typeof__(all), choice) + kept * sizeof choice[0]);
    return (struct hash128){h.low64, h.high64};
}

static void count(struct run_outcome *out, uint32_t key)
{
    uint32_t kind = key >> 24;
    out->phases += kind == MOVE_PHASE;
    out->transactions += kind == MOVE_CLIENT;
    out->crashes += kind == MOVE_KILL || kind == MOVE_POWER;
    out->calmed |= kind == MOVE_CALM;
}

enum step_result run_step(struct run *r)
{
    struct sim *s = &r->on->sim;
    assert(r->record != NULL);
    uint32_t before = r->record->n;
    s->violated = 0;
    s->reached = 0;
    enum step_result end = r->on->machine->step(s);
    if (end == STEP_REFUSED || end == STEP_FULL) {
        r->out.full |= end == STEP_FULL;
        return end; /* refused: the world is unchanged; full: what it holds means nothing */
    }
    if (end == STEP_MOVED) {
        assert(r->record->n > before);
        r->out.steps++;
        count(&r->out, r->record->choice[before].key);
        struct hash128 state = {0};
        if (r->out.steps % ROLL_STATE_EVERY == 0) {
            state = r->on->machine->hash(s->world);
        }
        r->out.rolling =
            roll(r->out.rolling, r->record->choice + before, r->record->n - before, state);
    }
    r->out.reached |= s->reached;
    invariant_mask fresh = s->violated & ~r->out.violated;
    for (uint32_t i = 0; fresh >> i != 0; i++) {
        if (fresh >> i & 1) {
            assert(i < INVARIANTS);
            r->broken[i] = r->record->n;
        }
    }
    r->out.violated |= fresh;
    return end;
}

void run_settle(struct run *r)
{
    r->record->final_hash = r->on->machine->hash(r->on->sim.world);
    r->out.rolling = roll(r->out.rolling, NULL, 0, r->record->final_hash);
}

/* ---- records --------------------------------------------------------------------------------- */

void witness_start(struct witness *w, const struct scenario *sc)
{
    w->n = 0;
    w->invariant[0] = 0;
    w->final_hash = (struct hash128){0};
    _Static_assert(sizeof w->scenario == sizeof sc->file, "a path fits");
    memcpy(w->scenario, sc->file, sizeof w->scenario);
}

void witness_name(struct witness *w, const struct scenario *sc, enum invariant inv)
{
    assert((unsigned)inv < INVARIANTS);
    memcpy(w->scenario, sc->file, sizeof w->scenario);
    snprintf(w->invariant, sizeof w->invariant, "%s", invariant_id(inv));
}

static void witness_reserve(struct witness *w, uint32_t n)
{
    if (n > w->cap) {
        w->cap = n < 64 ? 64 : n + n / 2;
        w->choice = search_realloc(w->choice, w->cap * sizeof w->choice[0]);
    }
}

void witness_add(struct witness *w, enum choice what, uint32_t key, uint32_t n)
{
    assert((unsigned)what < CHOICES);
    witness_reserve(w, w->n + 1);
    /* How many moves were possible is no part of a record. */
    w->choice[w->n++] =
        (struct witness_choice){.what = what, .key = key, .n = what == CHOOSE_MOVE ? 0 : n};
}

void witness_copy(struct witness *to, const struct witness *from, uint32_t n)
{
    assert(to != from && n <= from->n);
    witness_reserve(to, n);
    if (n > 0) {
        memcpy(to->choice, from->choice, n * sizeof to->choice[0]);
    }
    to->n = n;
    to->final_hash = from->final_hash;
    memcpy(to->scenario, from->scenario, sizeof to->scenario);
    memcpy(to->invariant, from->invariant, sizeof to->invariant);
}

void witness_free(struct witness *w)
{
    free(w->choice);
    *w = (struct witness){0};
}

void choice_text(char *text, const struct witness_choice *c)
{
    if (c->what == CHOOSE_MOVE) {
        uint32_t kind = c->key >> 24;
        snprintf(text, CHOICE_TEXT_MAX, "%s %u %u %u",
                 kind > 0 && kind < MOVE_KINDS ? move_kind_name((enum move_kind)kind) : "unknown",
                 c->key >> 16 & 255, c->key >> 8 & 255, c->key & 255);
    } else {
        snprintf(text, CHOICE_TEXT_MAX, "%s %u/%u", choice_name((enum choice)c->what), c->key,
                 c->n);
    }
}

/* ---- a record followed as far as it fits ----------------------------------------------------- */

/* The move itself, else the same one on another link; n where there is none. */
static uint32_t find_move(uint32_t wanted, uint32_t n, const uint32_t *keys)
{
    for (uint32_t i = 0; i < n; i++) {
        if (keys[i] == wanted) {
            return i;
        }
    }
    wanted = move_without_link(wanted);
    for (uint32_t i = 0; i < n; i++) {
        if (move_without_link(keys[i]) == wanted) {
            return i;
        }
    }
    return n;
}

static uint32_t follow_move(const struct witness *plan, uint32_t *at, uint32_t n,
                            const uint32_t *keys)
{
    for (; *at < plan->n; (*at)++) {
        if (plan->choice[*at].what != CHOOSE_MOVE) {
            continue; /* an answer of a move that was skipped, or that nobody asked for */
        }
        uint32_t i = find_move(plan->choice[*at].key, n, keys);
        if (i < n) {
            (*at)++;
            return i;
        }
    }
    return CHOICE_REFUSED;
}

uint32_t record_follow(const struct witness *plan, uint32_t *at, enum choice what, uint32_t n,
                       const uint32_t *keys)
{
    if (what == CHOOSE_MOVE) {
        return follow_move(plan, at, n, keys);
    }
    if (*at < plan->n && plan->choice[*at].what == (uint32_t)what) {
        uint32_t key = plan->choice[(*at)++].key;
        return key < n ? key : 0;
    }
    return CHOICE_REFUSED;
}

/* ---- results --------------------------------------------------------------------------------- */

void result_start(struct result *r)
{
    memset(r, 0, sizeof *r);
}

void result_reach(struct result *r, reach_mask reached)
{
    r->reached |= reached;
    for (uint32_t i = 0; reached != 0; i++, reached >>= 1) {
        if (reached & 1) {
            assert(i < REACHES);
            r->reach_times[i]++;
        }
    }
}

void result_judge(struct result *r, invariant_mask refuted, enum verdict v)
{
    for (uint32_t i = 0; i < INVARIANTS; i++) {
        r->verdict[i] = refuted >> i & 1 ? VERDICT_BREAKS : v;
    }
}

void result_free(struct result *r)
{
    for (uint32_t i = 0; i < INVARIANTS; i++) {
        witness_free(&r->witness[i]);
    }
}

double explore_collision_bound(uint64_t states)
{
    /* n * n / 2 pairs, and up to four layers of hashes of 128 bits in each fingerprint: contents of
     * a file, server, connections and servers, and one to spare. */
    double p = (double)states * (double)states * 4 * 0x1p-129;
    return p < 1 ? p : 1;
}

const char *verdict_text(enum verdict v)
{
    static const char *const text[] = {[VERDICT_HOLDS] = "holds",
                                       [VERDICT_BREAKS] = "breaks",
                                       [VERDICT_NOT_EXERCISED] = "not-exercised",
                                       [VERDICT_UNFINISHED] = "unfinished"};
    assert((unsigned)v < sizeof text / sizeof text[0]);
    return text[v];
}

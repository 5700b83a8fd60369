/* Drivers that sample. All that a run does follows from its seed: each kind of choice draws from
 * its own stream of a counter-based generator (Philox keyed by the seed), so that one more
 * question about a fault does not move the moves that come behind it. Integers only: the same on
 * every machine.
 *
 * uniform: every alternative is equally likely. swarm: each run draws weights for what moves
 * where, so that runs differ from each other more than their steps do: one starves a replica,
 * the next lets a dump thread race ahead of the commits. Faults and timeouts weigh less than
 * work, by a factor that is drawn too, so that they hit anywhere in a run and not just at its
 * beginning. pct: priorities (pct.c); its answers within a step are those of swarm. pct with a
 * depth: priorities with a bound on what they miss, all answers equally likely (bounded.c). guided:
 * swarm behind what has shown something new before (guided.c).
 */
#include "sim/explore/sampler.h"

#include <assert.h>
#include <string.h>

enum { PROBES = 4, CALM_MOVES_MAX = 25000 };

static const char *const driver_names[DRIVERS] = {[DRIVER_UNIFORM] = "uniform",
                                                  [DRIVER_SWARM] = "swarm",
                                                  [DRIVER_PCT] = "pct",
                                                  [DRIVER_GUIDED] = "guided"};

const char *driver_name(enum driver d)
{
    assert((unsigned)d < DRIVERS);
    return driver_names[d];
}

enum driver driver_find(const char *name)
{
    uint32_t d = 0;
    while (d < DRIVERS && strcmp(driver_names[d], name) != 0) {
        d++;
    }
    return (enum driver)d;
}

/* ---- streams --------------------------------------------------------------------------------- */

void streams_start(struct streams *s, uint64_t seed)
{
    *s = (struct streams){.key = {{(uint32_t)seed, (uint32_t)(seed >> 32)}}};
}

uint32_t draw(struct streams *s, uint32_t stream)
{
    assert(stream < STREAMS);
    struct stream *t = &s->at[stream];
    if (t->drawn % 4 == 0) {
        philox4x32_ctr_t at = {{t->drawn / 4, stream, 0, 0}};
        t->four = philox4x32(at, s->key);
    }
    return t->four.v[t->drawn++ % 4];
}

uint32_t draw_below(struct streams *s, uint32_t stream, uint32_t n)
{
    return (uint32_t)((uint64_t)draw(s, stream) * n >> 32);
}

uint32_t draw_fairly(struct streams *s, uint32_t stream, uint32_t n)
{
    uint32_t rest = -n % n; /* of 2^32: so many numbers are one too many for some of the n */
    uint64_t r = 0;
    do {
        r = (uint64_t)draw(s, stream) * n;
    } while ((uint32_t)r < rest);
    return (uint32_t)(r >> 32);
}

uint32_t draw_named(const struct streams *s, uint32_t stream, uint32_t name)
{
    philox4x32_ctr_t at = {{name, stream, 1, s->turn}};
    return philox4x32(at, s->key).v[0];
}

/* ---- weights --------------------------------------------------------------------------------- */

static bool is_rare(uint32_t kind)
{
    return kind == MOVE_KILL || kind == MOVE_POWER || kind == MOVE_RESET ||
           kind == MOVE_PARTITION || kind == MOVE_TIMER || kind == MOVE_OPERATOR;
}

bool move_is_rare(uint32_t key)
{
    return is_rare(key >> 24);
}

static void draw_weights(struct sampler *s)
{
    static const uint32_t work[4] = {16, 64, 256, 1024};
    static const uint32_t rare[4] = {0, 1, 4, 16};
    static const uint32_t fault_of_256[4] = {0, 8, 32, 128};
    for (uint32_t kind = 0; kind < MOVE_KINDS; kind++) {
        const uint32_t *of = is_rare(kind) ? rare : work;
        for (uint32_t where = 0; where < WHERE; where += 16) {
            uint32_t bits = draw(&s->streams, STREAM_WEIGHTS);
            for (uint32_t i = 0; i < 16; i++) {
                s->at_node[kind][where + i] = of[bits >> 2 * i & 3];
            }
        }
    }
    for (uint32_t where = 0; where < WHERE; where += 16) {
        uint32_t bits = draw(&s->streams, STREAM_WEIGHTS);
        for (uint32_t i = 0; i < 16; i++) {
            s->of_task[where + i] = 1u << (bits >> 2 * i & 3);
        }
    }
    s->fault_of_256 = fault_of_256[draw_below(&s->streams, STREAM_WEIGHTS, 4)];
}

static uint32_t weight(const struct sampler *s, uint32_t key)
{
    uint32_t kind = key >> 24;
    assert(kind < MOVE_KINDS);
    uint32_t w = s->at_node[kind][(key >> 16) % WHERE];
    return kind == MOVE_RUN || kind == MOVE_DISK ? w * s->of_task[(key >> 8) % WHERE] : w;
}

static uint32_t pick_weighted(struct sampler *s, uint32_t n, const uint32_t *keys)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < n; i++) {
        sum += weight(s, keys[i]);
    }
    if (sum == 0) { /* nothing but faults that this run did not want */
        return draw_below(&s->streams, CHOOSE_MOVE, n);
    }
    uint32_t r = draw_below(&s->streams, CHOOSE_MOVE, sum);
    uint32_t i = 0;
    while (r >= weight(s, keys[i])) {
        r -= weight(s, keys[i]);
        i++;
    }
    assert(i < n);
    return i;
}

/* Half of the answers about what survives are the extremes: nothing, everything. */
static uint32_t pick_extreme(struct sampler *s, enum choice what, uint32_t n)
{
    switch (draw_below(&s->streams, what, 4)) {
    case 0:
        return 0;
    case 1:
        return n - 1;
    default:
        return draw_below(&s->streams, what, n);
    }
}

/* ---- long runs ------------------------------------------------------------------------------ */

void sampler_start(struct sampler *s)
{
    s->phase.calm = false;
    s->phase.moves = 0;
    if (s->bounds != NULL) {
        bounded_start(&s->bounded, &s->streams, s->bounds);
    } else if (s->driver != DRIVER_UNIFORM) {
        draw_weights(s);
    }
    if (s->driver == DRIVER_PCT && s->bounds == NULL) {
        pct_start(&s->pct, &s->streams, s->length);
    }
    s->streams.turn++;
}

static bool only_rare(uint32_t n, const uint32_t *keys)
{
    uint32_t i = 0;
    while (i < n && move_is_rare(keys[i])) {
        i++;
    }
    return i == n;
}

/* Do the faults stop here? In a chain of phases they may as soon as nothing but faults is left. */
static bool stops_faults(struct sampler *s, uint32_t n, const uint32_t *keys)
{
    if (n == 0 || s->phase.moves >= s->phase.max_moves) {
        return true;
    }
    return s->phase.chained && only_rare(n, keys) && draw_below(&s->streams, STREAM_CALM, 2) == 0;
}

/* A move of a run whose faults can stop: a fair schedule once they have. */
static uint32_t pick_in_phase(struct sampler *s, uint32_t n, const uint32_t *keys)
{
    uint32_t last = keys[n - 1] >> 24;
    s->phase.moves++;
    if (last == MOVE_PHASE) {
        sampler_start(s);
        return n - 1;
    }
    if (last == MOVE_CALM) {
        s->phase.calm = stops_faults(s, n - 1, keys);
        return s->phase.calm ? n - 1 : CHOICE_REFUSED;
    }
    return s->phase.calm ? draw_below(&s->streams, CHOOSE_MOVE, n) : CHOICE_REFUSED;
}

static uint32_t pick_move(struct sampler *s, uint32_t n, const uint32_t *keys)
{
    uint32_t r = pick_in_phase(s, n, keys);
    if (r != CHOICE_REFUSED) {
        return r;
    }
    n -= keys[n - 1] >> 24 == MOVE_CALM;
    if (s->plan != NULL) {
        r = record_follow(s->plan, &s->plan_at, CHOOSE_MOVE, n, keys);
        if (r != CHOICE_REFUSED) {
            return r;
        }
    }
    switch (s->driver) {
    case DRIVER_UNIFORM:
        return draw_below(&s->streams, CHOOSE_MOVE, n);
    case DRIVER_PCT:
        return s->bounds != NULL ? bounded_pick(&s->bounded, &s->streams, n, keys)
                                 : pct_pick(&s->pct, &s->streams, n, keys);
    default:
        return pick_weighted(s, n, keys);
    }
}

static uint32_t sampler_pick(struct chooser *c, enum choice what, uint32_t n, const uint32_t *keys)
{
    struct sampler *s = (struct sampler *)c;
    struct streams *t = &s->streams;
    uint32_t r = CHOICE_REFUSED;
    if (s->plan != NULL && what != CHOOSE_MOVE) {
        r = record_follow(s->plan, &s->plan_at, what, n, keys);
    }
    if (r != CHOICE_REFUSED) {
        /* as planned */
    } else if (what == CHOOSE_MOVE) {
        r = pick_move(s, n, keys);
    } else if (s->bounds != NULL) {
        r = draw_fairly(t, what, n);
    } else if (s->driver == DRIVER_UNIFORM) {
        r = draw_below(t, what, n);
    } else if (what == CHOOSE_FAULT) {
        r = draw_below(t, what, 256) < s->fault_of_256 ? 1 + draw_below(t, what, n - 1) : 0;
    } else if (what == CHOOSE_SURVIVE) {
        r = pick_extreme(s, what, n);
    } else {
        r = draw_below(t, what, n);
    }
    assert(r < n);
    witness_add(s->record, what, what == CHOOSE_MOVE ? keys[r] : r, n);
    return r;
}

/* ---- runs ------------------------------------------------------------------------------------ */

/* Behind CALM_MOVES_MAX moves without rest LIVE is broken. */
static bool is_over(const struct run *run, const struct sampler *s)
{
    if (s->phase.chained && run->out.violated != 0) {
        return true;
    }
    uint32_t most = run->on->max_steps + (run->on->machine->calms ? CALM_MOVES_MAX : 0);
    return s->phase.moves >= most;
}

/* A run goes on until nothing can happen. Where it does not come to that within its length, the
 * faults stop, and it ends in rest or, in a broken LIVE, without it. A long run ends with its first
 * broken promise. */
enum step_result sampler_run(struct run *run, struct sampler *s)
{
    struct sim *sim = &run->on->sim;
    bool chained = sim->scenario->phases > 0 && s->length > 0; /* not a probe of run_length */
    s->base.pick = sampler_pick;
    s->record = run->record;
    s->phase = (struct phase){.max_moves = run->on->max_steps, .chained = chained};
    runner_reset(run->on);
    witness_start(run->record, sim->scenario);
    run->out = (struct run_outcome){0};
    sim->chooser = &s->base;
    sim->phases = chained ? sim->scenario->phases - 1 : 0;
    sim->may_calm = chained;
    enum step_result end = STEP_MOVED;
    while (end == STEP_MOVED && !is_over(run, s)) {
        sim->may_calm |= run->out.steps >= run->on->max_steps;
        uint32_t before = run->record->n;
        end = run_step(run);
        assert(end != STEP_REFUSED);
        if (s->cover != NULL && end == STEP_MOVED) {
            cover_step(s->cover, run, run->record->choice[before].key);
        }
    }
    sim->chooser = NULL;
    run_settle(run);
    return end;
}

uint32_t run_length(struct run *run, enum driver d)
{
    uint64_t longest = 0;
    for (uint32_t i = 0; i < PROBES && (d == DRIVER_PCT || d == DRIVER_GUIDED); i++) {
        struct sampler s = {.driver = DRIVER_PCT};
        streams_start(&s.streams, i); /* no change points: by priority alone */
        sampler_run(run, &s);
        longest = run->out.steps > longest ? run->out.steps : longest;
    }
    return longest > 0 ? (uint32_t)longest : PCT_LENGTH_DEFAULT;
}

static bool not_wanted(void *arg, const struct run *run, enum step_result end)
{
    (void)end;
    const invariant_mask *wanted = arg;
    return (run->out.violated & *wanted) == 0;
}

enum step_result run_seed(struct run *run, enum driver d, uint64_t seed, uint32_t length,
                          invariant_mask wanted)
{
    if (d == DRIVER_GUIDED) {
        guided_session(run, seed, length, not_wanted, &wanted);
        return STEP_MOVED;
    }
    bool bounded = d == DRIVER_PCT && run->on->n_actors > 0;
    struct sampler s = {.driver = d, .length = length, .bounds = bounded ? run->on : NULL};
    streams_start(&s.streams, seed);
    sampler_start(&s);
    return sampler_run(run, &s);
}

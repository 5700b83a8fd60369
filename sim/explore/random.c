/* Drivers that sample. All that a run does follows from its seed: each kind of choice draws from
 * its own stream of a counter-based generator (Philox keyed by the seed), so that one more
 * question about a fault does not move the moves that come behind it. Integers only: the same on
 * every machine.
 *
 * uniform: every alternative is equally likely. swarm: each run draws weights for what moves
 * where, so that runs differ from each other more than their steps do: one starves a replica,
 * the next lets a dump thread race ahead of the commits. Faults and timeouts weigh less than
 * work, by a factor that is drawn too, so that they hit anywhere in a run and not just at its
 * beginning. pct: priorities (pct.c); its answers within a step are those of swarm.
 */
#include "sim/explore/sampler.h"
#include "sim/explore/visited.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { WHERE = 32, PROBES = 4, CALM_MOVES_MAX = 25000 };

static const uint64_t ENDS_BYTES_MAX = (uint64_t)256 << 20;

struct sampler {
    struct chooser base;
    enum driver driver;
    struct streams streams;
    uint32_t at_node[MOVE_KINDS][WHERE]; /* weight of a kind of move at a node or session */
    uint32_t of_task[WHERE];             /* factor for the tasks of MOVE_RUN and MOVE_DISK */
    uint32_t fault_of_256;
    uint32_t length; /* see run_length */
    struct pct pct;
    struct phase {
        bool calm;
        uint32_t moves;     /* of this phase */
        uint32_t max_moves; /* then the faults stop */
        bool chained;       /* they may stop before, and phase follows phase */
    } phase;
    struct witness *record;
};

static const char *const driver_names[DRIVERS] = {
    [DRIVER_UNIFORM] = "uniform", [DRIVER_SWARM] = "swarm", [DRIVER_PCT] = "pct"};

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

uint32_t draw_named(const struct streams *s, uint32_t stream, uint32_t name)
{
    philox4x32_ctr_t at = {{name, stream, 1, 0}};
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

static void start_phase(struct sampler *s)
{
    s->phase.calm = false;
    s->phase.moves = 0;
    if (s->driver != DRIVER_UNIFORM) {
        draw_weights(s);
    }
    if (s->driver == DRIVER_PCT) {
        pct_start(&s->pct, &s->streams, s->length);
    }
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
        start_phase(s);
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
    switch (s->driver) {
    case DRIVER_UNIFORM:
        return draw_below(&s->streams, CHOOSE_MOVE, n);
    case DRIVER_PCT:
        return pct_pick(&s->pct, &s->streams, n, keys);
    default:
        return pick_weighted(s, n, keys);
    }
}

static uint32_t sampler_pick(struct chooser *c, enum choice what, uint32_t n, const uint32_t *keys)
{
    struct sampler *s = (struct sampler *)c;
    struct streams *t = &s->streams;
    uint32_t r;
    if (what == CHOOSE_MOVE) {
        r = pick_move(s, n, keys);
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
static enum step_result run_sampler(struct run *run, struct sampler *s)
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
        end = run_step(run);
        assert(end != STEP_REFUSED);
    }
    sim->chooser = NULL;
    run_settle(run);
    return end;
}

uint32_t run_length(struct run *run, enum driver d)
{
    uint64_t longest = 0;
    for (uint32_t i = 0; i < PROBES && d == DRIVER_PCT; i++) {
        struct sampler s = {.driver = d};
        streams_start(&s.streams, i); /* no change points: by priority alone */
        run_sampler(run, &s);
        longest = run->out.steps > longest ? run->out.steps : longest;
    }
    return longest > 0 ? (uint32_t)longest : PCT_LENGTH_DEFAULT;
}

enum step_result run_seed(struct run *run, enum driver d, uint64_t seed, uint32_t length)
{
    struct sampler s = {.driver = d, .length = length};
    streams_start(&s.streams, seed);
    start_phase(&s);
    return run_sampler(run, &s);
}

void search_seed(const struct machine *m, const struct scenario *sc, enum driver d, uint64_t seed,
                 struct run_outcome *out, struct witness *w)
{
    assert(m != NULL && sc != NULL && out != NULL);
    struct runner on;
    struct witness own = {0};
    runner_open(&on, m, sc);
    struct run run = {.on = &on, .record = w != NULL ? w : &own};
    run_seed(&run, d, seed, run_length(&run, d));
    *out = run.out;
    witness_free(&own);
    runner_close(&on);
}

/* A sum, so that it depends neither on the order of the runs nor on who made them. */
static struct hash128 digest_add(struct hash128 digest, struct hash128 more)
{
    digest.lo += more.lo;
    digest.hi += more.hi;
    return digest;
}

static struct hash128 digest_of(uint64_t seed, const struct run_outcome *out)
{
    const uint64_t all[5] = {seed, out->rolling.lo, out->rolling.hi, out->violated, out->steps};
    XXH128_hash_t h = XXH3_128bits(all, sizeof all);
    return (struct hash128){h.low64, h.high64};
}

static void result_add_run(struct result *r, uint64_t seed, const struct run_outcome *out)
{
    r->runs++;
    r->transitions += out->steps;
    r->phases += out->phases;
    r->transactions += out->transactions;
    r->crashes += out->crashes;
    r->full += out->full;
    r->depth_max = out->steps > r->depth_max ? out->steps : r->depth_max;
    r->digest = digest_add(r->digest, digest_of(seed, out));
    result_reach(r, out->reached);
    for (uint32_t i = 0; i < INVARIANTS; i++) {
        if (out->violated >> i & 1 && r->broken_runs[i]++ == 0) {
            r->first_seed[i] = seed;
        }
    }
}

void result_add_share(struct result *r, const struct result *share)
{
    r->runs += share->runs;
    r->transitions += share->transitions;
    r->phases += share->phases;
    r->transactions += share->transactions;
    r->crashes += share->crashes;
    r->full += share->full;
    r->depth_max = share->depth_max > r->depth_max ? share->depth_max : r->depth_max;
    r->digest = digest_add(r->digest, share->digest);
    r->reached |= share->reached;
    for (uint32_t i = 0; i < REACHES; i++) {
        r->reach_times[i] += share->reach_times[i];
    }
    for (uint32_t i = 0; i < INVARIANTS; i++) {
        if (share->broken_runs[i] > 0 &&
            (r->broken_runs[i] == 0 || share->first_seed[i] < r->first_seed[i])) {
            r->first_seed[i] = share->first_seed[i];
        }
        r->broken_runs[i] += share->broken_runs[i];
    }
}

void random_share(struct runner *on, enum driver d, const struct share *share, struct result *r)
{
    const struct explore_options *o = share->options;
    struct witness record = {0};
    uint64_t ticks = 0;
    struct run run = {.on = on, .record = &record};
    uint32_t length = run_length(&run, d);
    for (uint64_t i = share->first; i <= share->last - share->from; i += share->stride) {
        uint64_t seed = share->from + i;
        if (share->at != NULL) {
            *share->at = seed;
        }
        enum step_result end = run_seed(&run, d, seed, length);
        result_add_run(r, seed, &run.out);
        if (end == STEP_END && visited_add(share->ends, record.final_hash) == VISITED_NEW) {
            r->ends++;
        }
        if (o != NULL && o->tick != NULL && r->transitions / 65536 != ticks) {
            ticks = r->transitions / 65536;
            struct progress p = {0, r->transitions, run.out.steps,
                                 search_seconds() - share->started};
            o->tick(o->arg, &p);
        }
        if (share->last - share->from - i < share->stride) {
            break; /* i would go beyond 64 bits */
        }
    }
    witness_free(&record);
}

/* The runs of the lowest seeds that broke something are made once more, for their choices. */
static void take_witnesses(struct runner *on, enum driver d, struct result *r)
{
    struct witness record = {0};
    struct run run = {.on = on, .record = &record};
    uint32_t length = run_length(&run, d);
    for (uint32_t i = 0; i < INVARIANTS; i++) {
        if (r->broken_runs[i] == 0) {
            continue;
        }
        run_seed(&run, d, r->first_seed[i], length);
        assert((run.out.violated >> i & 1) != 0 && "the same seed made another run");
        witness_copy(&r->witness[i], &record, run.broken[i]);
        search_shorten(on->machine, on->sim.scenario, (enum invariant)i, &r->witness[i]);
    }
    witness_free(&record);
}

void search_random(const struct machine *m, const struct scenario *sc, enum driver d, uint64_t from,
                   uint64_t to, const struct explore_options *o, struct result *r)
{
    assert(m != NULL && sc != NULL && r != NULL);
    assert(from <= to);
    double started = search_seconds();
    result_start(r);
    struct runner on;
    struct visited ends;
    runner_open(&on, m, sc);
    visited_init(&ends, ENDS_BYTES_MAX);
    struct share all = {
        .from = from, .last = to, .stride = 1, .ends = &ends, .options = o, .started = started};
    uint32_t jobs = o != NULL && o->jobs > 1 ? o->jobs : 1;
    if (jobs > 1 && to - from >= jobs) {
        random_in_processes(&on, d, jobs, &all, r);
    } else {
        random_share(&on, d, &all, r);
    }
    visited_free(&ends);
    invariant_mask refuted = 0;
    for (uint32_t i = 0; i < INVARIANTS; i++) {
        refuted |= (r->broken_runs[i] > 0 ? 1u : 0u) << i;
    }
    result_judge(r, refuted, VERDICT_UNFINISHED); /* sampling never says proved */
    take_witnesses(&on, d, r);
    runner_close(&on);
    r->seconds = search_seconds() - started;
}

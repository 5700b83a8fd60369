/* Drivers that sample. All that a run does follows from its seed: each kind of choice draws from
 * its own stream of a counter-based generator (Philox keyed by the seed), so that one more
 * question about a fault does not move the moves that come behind it. Integers only: the same on
 * every machine.
 *
 * uniform: every alternative is equally likely. swarm: each run draws weights for what moves
 * where, so that runs differ from each other more than their steps do: one starves a replica,
 * the next lets a dump thread race ahead of the commits. Faults and timeouts weigh less than
 * work, by a factor that is drawn too, so that they hit anywhere in a run and not just at its
 * beginning.
 */
#include "sim/explore/search.h"
#include "sim/explore/visited.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <Random123/philox.h>

enum { WHERE = 32, STREAM_WEIGHTS = CHOICES, STREAMS };

static const uint64_t ENDS_BYTES_MAX = (uint64_t)256 << 20;

struct stream {
    uint32_t drawn;
    philox4x32_ctr_t four;
};

struct sampler {
    struct chooser base;
    enum driver driver;
    philox4x32_key_t key;
    struct stream stream[STREAMS];
    uint32_t at_node[MOVE_KINDS][WHERE]; /* weight of a kind of move at a node or session */
    uint32_t of_task[WHERE];             /* factor for the tasks of MOVE_RUN and MOVE_DISK */
    uint32_t fault_of_256;
    struct witness *record;
};

static uint32_t draw(struct sampler *s, uint32_t stream)
{
    struct stream *t = &s->stream[stream];
    if (t->drawn % 4 == 0) {
        philox4x32_ctr_t at = {{t->drawn / 4, stream, 0, 0}};
        t->four = philox4x32(at, s->key);
    }
    return t->four.v[t->drawn++ % 4];
}

static uint32_t draw_below(struct sampler *s, uint32_t stream, uint32_t n)
{
    return (uint32_t)((uint64_t)draw(s, stream) * n >> 32);
}

/* ---- weights --------------------------------------------------------------------------------- */

static bool is_rare(uint32_t kind)
{
    return kind == MOVE_KILL || kind == MOVE_POWER || kind == MOVE_RESET ||
           kind == MOVE_PARTITION || kind == MOVE_TIMER;
}

static void draw_weights(struct sampler *s)
{
    static const uint32_t work[4] = {16, 64, 256, 1024};
    static const uint32_t rare[4] = {0, 1, 4, 16};
    static const uint32_t fault_of_256[4] = {0, 8, 32, 128};
    for (uint32_t kind = 0; kind < MOVE_KINDS; kind++) {
        const uint32_t *of = is_rare(kind) ? rare : work;
        for (uint32_t where = 0; where < WHERE; where += 16) {
            uint32_t bits = draw(s, STREAM_WEIGHTS);
            for (uint32_t i = 0; i < 16; i++) {
                s->at_node[kind][where + i] = of[bits >> 2 * i & 3];
            }
        }
    }
    for (uint32_t where = 0; where < WHERE; where += 16) {
        uint32_t bits = draw(s, STREAM_WEIGHTS);
        for (uint32_t i = 0; i < 16; i++) {
            s->of_task[where + i] = 1u << (bits >> 2 * i & 3);
        }
    }
    s->fault_of_256 = fault_of_256[draw_below(s, STREAM_WEIGHTS, 4)];
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
        return draw_below(s, CHOOSE_MOVE, n);
    }
    uint32_t r = draw_below(s, CHOOSE_MOVE, sum);
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
    switch (draw_below(s, what, 4)) {
    case 0:
        return 0;
    case 1:
        return n - 1;
    default:
        return draw_below(s, what, n);
    }
}

static uint32_t sampler_pick(struct chooser *c, enum choice what, uint32_t n, const uint32_t *keys)
{
    struct sampler *s = (struct sampler *)c;
    uint32_t r;
    if (s->driver == DRIVER_UNIFORM) {
        r = draw_below(s, what, n);
    } else if (what == CHOOSE_MOVE) {
        r = pick_weighted(s, n, keys);
    } else if (what == CHOOSE_FAULT) {
        r = draw_below(s, what, 256) < s->fault_of_256 ? 1 + draw_below(s, what, n - 1) : 0;
    } else if (what == CHOOSE_SURVIVE) {
        r = pick_extreme(s, what, n);
    } else {
        r = draw_below(s, what, n);
    }
    assert(r < n);
    witness_add(s->record, what, what == CHOOSE_MOVE ? keys[r] : r, n);
    return r;
}

/* ---- runs ------------------------------------------------------------------------------------ */

static enum step_result run_seed(struct run *run, enum driver d, uint64_t seed)
{
    struct sampler s = {.base = {.pick = sampler_pick},
                        .driver = d,
                        .key = {{(uint32_t)seed, (uint32_t)(seed >> 32)}},
                        .record = run->record};
    if (d == DRIVER_SWARM) {
        draw_weights(&s);
    }
    runner_reset(run->on);
    witness_start(run->record, run->on->sim.scenario);
    run->record->final_hash = run->on->machine->hash(run->on->sim.world);
    run->out = (struct run_outcome){0};
    run->on->sim.chooser = &s.base;
    enum step_result end = STEP_MOVED;
    while (end == STEP_MOVED && run->out.steps < run->on->max_steps) {
        end = run_step(run);
        assert(end != STEP_REFUSED);
    }
    run->on->sim.chooser = NULL;
    return end;
}

void search_seed(const struct machine *m, const struct scenario *sc, enum driver d, uint64_t seed,
                 struct run_outcome *out, struct witness *w)
{
    assert(m != NULL && sc != NULL && out != NULL);
    struct runner on;
    struct witness own = {0};
    runner_open(&on, m, sc);
    struct run run = {.on = &on, .record = w != NULL ? w : &own};
    run_seed(&run, d, seed);
    *out = run.out;
    witness_free(&own);
    runner_close(&on);
}

/* The digest is over all runs in order of their seeds. */
static struct hash128 digest_add(struct hash128 digest, const struct run_outcome *out)
{
    const uint64_t odd = 0x9e3779b97f4a7c15u;
    digest.lo = (digest.lo ^ out->rolling.lo) * odd + out->violated;
    digest.hi = (digest.hi ^ out->rolling.hi ^ digest.lo >> 32) * odd + out->steps;
    return digest;
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
    struct witness record = {0};
    invariant_mask refuted = 0;
    uint64_t ticks = 0;
    runner_open(&on, m, sc);
    visited_init(&ends, ENDS_BYTES_MAX);
    struct run run = {.on = &on, .record = &record};
    for (uint64_t seed = from; r->runs <= to - from; seed++) {
        enum step_result end = run_seed(&run, d, seed);
        r->runs++;
        r->transitions += run.out.steps;
        r->depth_max = run.out.steps > r->depth_max ? run.out.steps : r->depth_max;
        r->ends += end == STEP_END && visited_add(&ends, record.final_hash) == VISITED_NEW;
        r->digest = digest_add(r->digest, &run.out);
        result_reach(r, run.out.reached);
        for (uint32_t i = 0; i < INVARIANTS; i++) {
            if (run.out.violated >> i & 1 && !(refuted >> i & 1)) {
                witness_copy(&r->witness[i], &record, run.broken[i]);
            }
        }
        refuted |= run.out.violated;
        if (o != NULL && o->tick != NULL && r->transitions / 65536 != ticks) {
            ticks = r->transitions / 65536;
            struct progress p = {0, r->transitions, run.out.steps, search_seconds() - started};
            o->tick(o->arg, &p);
        }
    }
    visited_free(&ends);
    witness_free(&record);
    runner_close(&on);
    result_judge(r, refuted, VERDICT_UNFINISHED); /* sampling never says proved */
    for (uint32_t i = 0; i < INVARIANTS; i++) {
        if (refuted >> i & 1) {
            search_shorten(m, sc, (enum invariant)i, &r->witness[i]);
        }
    }
    r->seconds = search_seconds() - started;
}

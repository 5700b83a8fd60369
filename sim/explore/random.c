/* Random runs of a range of seeds, and what is made of them: sums, the lowest seed that broke each
 * promise, and its record. How one seed becomes a run is in sampler.c; guided.c makes several.
 */
#include "sim/explore/sampler.h"
#include "sim/explore/visited.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

static const uint64_t ENDS_BYTES_MAX = (uint64_t)256 << 20;

void search_seed(const struct machine *m, const struct scenario *sc, enum driver d, uint64_t seed,
                 struct run_outcome *out, struct witness *w)
{
    assert(m != NULL && sc != NULL && out != NULL);
    struct runner on;
    struct witness own = {0};
    runner_open(&on, m, sc);
    struct run run = {.on = &on, .record = w != NULL ? w : &own};
    run_seed(&run, d, seed, run_length(&run, d), ((invariant_mask)1 << INVARIANTS) - 1);
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
    r->calmed += out->calmed;
    r->depth_max = out->steps > r->depth_max ? out->steps : r->depth_max;
    r->digest = digest_add(r->digest, digest_of(seed, out));
    result_reach(r, out->reached);
    for (uint32_t i = 0; i < INVARIANTS; i++) {
        if (out->violated >> i & 1 && r->broken_runs[i]++ == 0) {
            r->first_seed[i] = seed;
        }
    }
}

static invariant_mask broken(const struct result *r)
{
    invariant_mask refuted = 0;
    for (uint32_t i = 0; i < INVARIANTS; i++) {
        refuted |= (r->broken_runs[i] > 0 ? 1u : 0u) << i;
    }
    return refuted;
}

void result_add_share(struct result *r, const struct result *share)
{
    r->runs += share->runs;
    r->transitions += share->transitions;
    r->phases += share->phases;
    r->transactions += share->transactions;
    r->crashes += share->crashes;
    r->full += share->full;
    r->calmed += share->calmed;
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

struct sharing {
    const struct share *share;
    struct result *result;
    uint64_t seed;
    uint64_t ticks;
};

static bool take_run(void *arg, const struct run *run, enum step_result end)
{
    struct sharing *s = arg;
    struct result *r = s->result;
    const struct explore_options *o = s->share->options;
    result_add_run(r, s->seed, &run->out);
    if (end == STEP_END && visited_add(s->share->ends, run->record->final_hash) == VISITED_NEW) {
        r->ends++;
    }
    if (o != NULL && o->tick != NULL && r->transitions / 65536 != s->ticks) {
        s->ticks = r->transitions / 65536;
        struct progress p = {0, r->transitions, run->out.steps,
                             search_seconds() - s->share->started};
        o->tick(o->arg, &p);
    }
    return o == NULL || (run->out.violated & o->until) == 0;
}

void random_share(struct runner *on, enum driver d, const struct share *share, struct result *r)
{
    struct witness record = {0};
    struct run run = {.on = on, .record = &record};
    struct sharing s = {.share = share, .result = r};
    uint32_t length = run_length(&run, d);
    bool more = true;
    for (uint64_t i = share->first; more && i <= share->last - share->from; i += share->stride) {
        s.seed = share->from + i;
        if (share->at != NULL) {
            *share->at = s.seed;
        }
        if (d == DRIVER_GUIDED) {
            guided_session(&run, s.seed, length, take_run, &s);
            more = share->options == NULL || (share->options->until & broken(r)) == 0;
        } else {
            more = take_run(&s, &run, run_seed(&run, d, s.seed, length, 0));
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
        run_seed(&run, d, r->first_seed[i], length, 1u << i);
        assert((run.out.violated >> i & 1) != 0 && "the same seed made another run");
        witness_copy(&r->witness[i], &record, run.broken[i]);
        search_shorten(on->machine, on->sim.scenario, (enum invariant)i, &r->witness[i]);
    }
    witness_free(&record);
}

static struct explore_bound bound_of(const struct runner *on, bool all, uint64_t runs)
{
    uint32_t depth = on->sim.scenario->depth;
    return (struct explore_bound){.depth = depth,
                                  .actors = on->n_actors,
                                  .moves = on->max_steps,
                                  .turns = bounded_turns(depth, on->max_steps),
                                  .runs = all ? runs : 0};
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
    uint32_t jobs = o != NULL && o->jobs > 1 && o->until == 0 ? o->jobs : 1;
    if (jobs > 1 && to - from >= jobs) {
        random_in_processes(&on, d, jobs, &all, r);
    } else {
        random_share(&on, d, &all, r);
    }
    visited_free(&ends);
    result_judge(r, broken(r), VERDICT_UNFINISHED); /* sampling never says proved */
    if (d == DRIVER_PCT && on.n_actors > 0) {
        r->bound = bound_of(&on, r->runs == to - from + 1, r->runs);
    }
    take_witnesses(&on, d, r);
    runner_close(&on);
    r->seconds = search_seconds() - started;
}

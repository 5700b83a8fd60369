/* The numbers of the bound that bounded.c proves: what goes into it, and what comes out. Nothing
 * here decides anything that a run does. */
#include "sim/explore/sampler.h"

#include <assert.h>
#include <math.h>

enum { PROBES = 64 };

/* Runs that are cut say nothing about how long they would have been. */
uint32_t search_moves(const struct machine *m, const struct scenario *sc)
{
    assert(m != NULL && sc != NULL && sc->depth > 0);
    struct runner on;
    struct witness record = {0};
    uint32_t longest = 0;
    runner_open(&on, m, sc);
    struct run run = {.on = &on, .record = &record};
    for (uint64_t seed = 0; seed < PROBES; seed++) {
        run_seed(&run, DRIVER_PCT, seed, 0, 0);
        if (run.out.steps < on.max_steps && run.out.steps > longest) {
            longest = (uint32_t)run.out.steps;
        }
    }
    uint32_t moves = longest + longest / 4;
    moves = longest == 0 || moves > on.max_steps ? on.max_steps : moves;
    witness_free(&record);
    runner_close(&on);
    return moves;
}

/* Products of a few numbers that are exact, and a division: off by less than 2^-48, which the last
 * factor takes away. */
double explore_bound_chance(const struct explore_bound *b)
{
    assert(b->depth > 0 && b->actors > 0 && b->turns > 0);
    double p = 1.0 / b->actors;
    for (uint32_t i = 1; i < b->depth; i++) {
        p /= b->turns;
    }
    return p * (1 - 0x1p-40);
}

double explore_bound_missed(const struct explore_bound *b)
{
    return exp((double)b->runs * log1p(-explore_bound_chance(b)));
}

/* The bytes of a fuzzer as answers of choose(): the first names the scenario, each further one
 * answers one question. Behind the last the faults stop and the world comes to rest by a fair
 * schedule, so that every input ends in a judgement of LIVE. What to look for the fuzzer sees in
 * counters of its own, one per edge of the ledger (sim/edges.h), beside those of the code. A broken
 * promise that the scenario expects to hold is a crash; the run is then left as a witness, to be
 * replayed and explained like any other.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/explore/search.h"

enum { COUNTERS = 16384, CALM_MOVES = 25000 };

/* Cells in which something must hold, one of each kind. */
static const char *const files[] = {
    "scenarios/02-after-sync.yaml",
    "scenarios/04-relay-synced-kept.yaml",
    "scenarios/06-restart-waits-for-ack.yaml",
    "scenarios/07-before-write-readonly.yaml",
    "scenarios/08-publish-before-fsync.yaml",
    "scenarios/10-promote-most-advanced.yaml",
    "scenarios/14-rejoin-cut.yaml",
    "scenarios/16-binlog-fsync-fails.yaml",
};
enum { FILES = sizeof files / sizeof files[0] };

/* Where libFuzzer looks for them. */
__attribute__((section("__libfuzzer_extra_counters"))) static uint8_t counters[COUNTERS];

static struct scenario scenario[FILES];
static struct runner runner[FILES];

struct fuzzed {
    struct chooser base;
    const uint8_t *bytes;
    size_t n, at;
    struct witness *record;
    uint32_t fair;
};

static uint32_t answer(struct fuzzed *f, enum choice what, uint32_t n, const uint32_t *keys)
{
    if (f->at < f->n) {
        bool calm = what == CHOOSE_MOVE && keys[n - 1] >> 24 == MOVE_CALM && n > 1;
        return f->bytes[f->at++] % (n - calm); /* the faults stop when the bytes end */
    }
    if (what != CHOOSE_MOVE) {
        return 0;
    }
    return keys[n - 1] >> 24 == MOVE_CALM ? n - 1 : f->fair++ % n;
}

static uint32_t pick(struct chooser *c, enum choice what, uint32_t n, const uint32_t *keys)
{
    struct fuzzed *f = (struct fuzzed *)c;
    uint32_t r = answer(f, what, n, keys);
    assert(r < n);
    witness_add(f->record, what, what == CHOOSE_MOVE ? keys[r] : r, n);
    return r;
}

static void give_up(const struct run *run, invariant_mask bad)
{
    static const char path[] = P_tmpdir "/ackproof-fuzz-choices.witness";
    struct witness *w = run->record;
    const struct scenario *sc = run->on->sim.scenario;
    enum invariant inv = (enum invariant)__builtin_ctz(bad);
    w->n = run->broken[inv];
    explore_shorten(sc, inv, w);
    witness_save(w, path, stderr);
    fprintf(stderr, "%s: %s breaks and is expected to hold: %s\n", sc->name, invariant_id(inv),
            path);
    abort();
}

static void follow(struct run *run)
{
    static struct edges edges;
    uint32_t edge[EDGES_STEP_MAX];
    enum step_result end = STEP_MOVED;
    memset(&edges, 0, sizeof edges);
    while (end == STEP_MOVED && run->out.steps < MAX_STEPS_DEFAULT + CALM_MOVES) {
        uint32_t before = run->record->n;
        end = run_step(run);
        if (end != STEP_MOVED) {
            break;
        }
        uint32_t n = sim_edges(&run->on->sim, run->record->choice[before].key, &edges, edge);
        for (uint32_t i = 0; i < n; i++) {
            counters[edge[i] % COUNTERS] = 1;
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    uint32_t cell = data[0] % FILES;
    struct runner *on = &runner[cell];
    if (on->machine == NULL) {
        if (!scenario_load(files[cell], &scenario[cell], stderr)) {
            abort();
        }
        runner_open(on, &world_machine, &scenario[cell]);
    }
    static struct witness record;
    struct fuzzed f = {.base = {.pick = pick}, .bytes = data + 1, .n = size - 1, .record = &record};
    struct run run = {.on = on, .record = &record};
    runner_reset(on);
    witness_start(&record, &scenario[cell]);
    on->sim.chooser = &f.base;
    on->sim.may_calm = true;
    follow(&run);
    invariant_mask bad = 0;
    for (uint32_t i = 0; i < INVARIANTS; i++) {
        bool holds = scenario[cell].expect[i] == EXPECT_HOLDS;
        bad |= (holds ? run.out.violated : 0) & 1u << i;
    }
    if (bad != 0) {
        give_up(&run, bad);
    }
    return 0;
}

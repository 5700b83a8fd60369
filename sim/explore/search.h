/* What the drivers share: the machine that they drive, one run of it, and records of choices.
 *
 * The drivers know the world only through this small table of functions, so that the search
 * itself can be tested on a toy whose states and violations can be counted by hand. A machine is
 * deterministic: a step is a function of (block, answers), and copy, hash and step touch nothing
 * else.
 */
#ifndef ACKPROOF_SIM_EXPLORE_SEARCH_H
#define ACKPROOF_SIM_EXPLORE_SEARCH_H

#include "sim/explore/explore.h"
#include "sim/explore/fault_sets.h"
#include "sim/edges.h"

struct machine {
    size_t (*size)(void);
    void (*start)(struct sim *s);
    enum step_result (*step)(struct sim *s);
    struct hash128 (*hash)(const struct world *w);
    void (*copy)(struct world *to, const struct world *from);
    /* The same where `to` is a copy of `from` that has made steps since. NULL: copy does. */
    void (*undo)(struct world *to, const struct world *from);
    /* New edges of the ledger in the step that `key` was; see sim/edges.h. NULL: has no ledger. */
    uint32_t (*edges)(const struct sim *s, uint32_t key, struct edges *e, uint32_t *out);
    bool calms; /* its faults can stop, and phase can follow phase (sim/world.h, MOVE_CALM) */
    /* See scenario_actors in sim/world.h. NULL: no bound for random runs. */
    uint32_t (*actors)(const struct scenario *sc, uint32_t *actor);
};
extern const struct machine world_machine;

/* The drivers of explore.h for any machine; the functions there pass world_machine. */
void search_exhaust(const struct machine *m, const struct scenario *sc,
                    const struct explore_options *o, struct result *r);
bool search_saved_check(const struct machine *m, const struct scenario *sc,
                        const struct explore_options *o, FILE *err);
/* The same states level by level: the witnesses of r->shortest are the shortest there are, in the
 * moves that the search makes. */
void search_breadth(const struct machine *m, const struct scenario *sc,
                    const struct explore_options *o, struct result *r);
invariant_mask search_shortest(const struct machine *m, const struct scenario *sc,
                               const struct explore_options *o, struct result *r);
void search_fault_sets(const struct machine *m, const struct scenario *sc,
                       const struct explore_options *o, const struct result *full,
                       struct fault_walk *walk);
void search_seed(const struct machine *m, const struct scenario *sc, enum driver d, uint64_t seed,
                 struct run_outcome *out, struct witness *w);
void search_random(const struct machine *m, const struct scenario *sc, enum driver d, uint64_t from,
                   uint64_t to, const struct explore_options *o, struct result *r);
uint32_t search_moves(const struct machine *m, const struct scenario *sc);
enum replay_end search_replay(const struct machine *m, const struct scenario *sc,
                              const struct witness *w, const struct replay *opt,
                              struct run_outcome *out, FILE *err,
                              void (*done)(void *arg, const struct sim *s), void *arg);
void search_shorten(const struct machine *m, const struct scenario *sc, enum invariant inv,
                    struct witness *w);
bool search_adapt(const struct machine *m, const struct scenario *sc, enum invariant inv,
                  struct witness *w);
uint32_t search_needed(const struct machine *m, const struct scenario *sc, enum invariant inv,
                       const struct witness *w, enum need *need);

/* One block and the state it starts from, for drivers that make one run after the other. */
struct runner {
    const struct machine *machine;
    struct world *initial;
    struct sim sim;
    uint32_t max_steps;
    uint32_t n_actors; /* of the scenario, where it has a depth; else 0 */
    uint32_t actor[ACTORS_MAX];
};
void runner_open(struct runner *r, const struct machine *m, const struct scenario *sc);
void runner_reset(struct runner *r); /* back to the initial state */
void runner_close(struct runner *r);
/* What a record asks for is listed: the end of faults, further phases. */
void runner_allow(struct runner *r, const struct witness *w);

/* Longest run where the scenario names none. */
enum { MAX_STEPS_DEFAULT = 4096 };

/* Where a run is to be judged and recorded; see run_step. */
struct run {
    struct runner *on;
    struct witness *record;      /* all choices so far; the chooser appends to it */
    struct run_outcome out;      /* so far */
    uint32_t broken[INVARIANTS]; /* number of choices up to the first step that broke it */
};
/* One step: counts it, notes what broke, rolls the hash on. STEP_END is judged, not counted. */
enum step_result run_step(struct run *r);
/* The run is over: its final state goes into the record and into the rolling hash. Within a run the
 * rolling hash takes every choice and the state behind every ROLL_STATE_EVERY-th step, since
 * hashing the state costs as much as a third of a step. */
void run_settle(struct run *r);
enum { ROLL_STATE_EVERY = 64 };

/* Records. */
void witness_start(struct witness *w, const struct scenario *sc); /* empty, keeps its memory */
void witness_name(struct witness *w, const struct scenario *sc, enum invariant inv);
void witness_add(struct witness *w, enum choice what, uint32_t key, uint32_t n);
void witness_copy(struct witness *to, const struct witness *from, uint32_t n);

void result_start(struct result *r);
void result_reach(struct result *r, reach_mask reached);
/* All invariants that no witness refutes get `v`. */
void result_judge(struct result *r, invariant_mask refuted, enum verdict v);

/* Never NULL: a search without memory ends the process with status 3. */
void *search_alloc(size_t bytes);
void *search_realloc(void *p, size_t bytes);
double search_seconds(void); /* of a clock that only goes forward */

/* What a record says next, for a run that need not be the recorded one: a move that is not possible
 * is skipped, an answer that is out of range is 0. CHOICE_REFUSED: nothing. `at` moves on. */
uint32_t record_follow(const struct witness *plan, uint32_t *at, enum choice what, uint32_t n,
                       const uint32_t *keys);

/* "run 0 3 0" or "survive 3/5"; `text` has room for CHOICE_TEXT_MAX. */
enum { CHOICE_TEXT_MAX = 64 };
void choice_text(char *text, const struct witness_choice *c);

static inline bool hash_equal(struct hash128 a, struct hash128 b)
{
    return a.lo == b.lo && a.hi == b.hi;
}

#endif

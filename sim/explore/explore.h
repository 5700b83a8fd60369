/* Drivers: who answers choose(), and what is made of the outcome.
 *
 * explore_exhaust walks every state that is reachable (depth first, over 128-bit fingerprints of
 * the hashed state, visited set in open addressing with bounded memory). It never stops at a
 * violation: each invariant gets its own verdict. It says `exhausted` only when its stack ran
 * empty with no step refused by a bound. explore_random makes runs from seeds; a seed alone
 * reproduces a run. explore_replay follows a witness and fails loudly at the first choice that
 * no longer fits.
 */
#ifndef ACKPROOF_SIM_EXPLORE_H
#define ACKPROOF_SIM_EXPLORE_H

#include <stdio.h>

#include "sim/world.h"

struct witness_choice {
    uint32_t what; /* enum choice */
    uint32_t key;  /* move key for CHOOSE_MOVE, else the index answered */
    uint32_t n;    /* alternatives there were; a file does not hold it for moves: 0 */
};
struct witness {
    char scenario[256]; /* path as given; relative paths are relative to the current directory */
    char invariant[16]; /* the promise it breaks; "" for a run without one */
    uint32_t n;
    uint32_t cap;
    struct witness_choice *choice; /* malloc'd */
    struct hash128 final_hash;
    bool shortest; /* none with fewer moves exists; a file has it as a remark */
};
void witness_free(struct witness *w);
bool witness_save(const struct witness *w, const char *path, FILE *err);
/* Prints path:line:column: error and a caret on malformed input. */
bool witness_load(struct witness *w, const char *path, FILE *err);

struct progress {
    uint64_t states, transitions, depth;
    double seconds;
};
/* Blocks and tables that one search leaves to the next one of this process: fresh ones cost more
 * than a small search does. Options with it serve one search at a time. */
struct explore_memory;
struct explore_memory *explore_memory_new(void);
void explore_memory_free(struct explore_memory *m);

struct explore_options {
    uint64_t max_states;   /* 0: 50 million */
    uint64_t memory_bytes; /* bound of the visited set and the stack; 0: 4 GiB */
    uint32_t no_reduction; /* mask of enum reduction: what to visit though nobody can tell */
    void (*tick)(void *arg, const struct progress *p); /* called every 65536 transitions or NULL */
    void *arg;
    /* Exhaustive search: more than this number of states (0: 200,000) may be shared out among as
     * many processes as `jobs` says; where `idle` is there, only as many as it counts: processors
     * that nobody uses, for several searches at a time in memory that they share. What a search
     * finds does not depend on it, unless it is cut short; which of several counterexamples
     * becomes the witness may. */
    uint64_t share_after;
    _Atomic int32_t *idle;
    uint32_t jobs; /* random drivers: processes that share the seeds; 0 or 1: this one alone, the
                      only case in which `tick` is called. The result does not depend on it. */
    invariant_mask only;  /* exhaustive search: it may stop once all of these are refuted; 0: all */
    invariant_mask until; /* random drivers: stop behind the first run that breaks one of these, in
                             one process; 0: make all */
    /* Exhaustive search: how long it may take, 0: as long as it wants; where it goes when a bound
     * (states, memory, seconds) stops it, and where it comes from (explore_saved_check). One that
     * may be saved is not shared among processes. NULL: nowhere. */
    double seconds;
    const char *save, *resume;
    bool no_witness;               /* exhaustive search: verdicts only */
    struct explore_memory *memory; /* exhaustive search; NULL: its own */
};

enum verdict { VERDICT_HOLDS, VERDICT_BREAKS, VERDICT_NOT_EXERCISED, VERDICT_UNFINISHED };
const char *verdict_text(enum verdict v); /* "holds" "breaks" "not-exercised" "unfinished" */

/* What random runs with a depth claim (sim/explore/bounded.c). */
struct explore_bound {
    uint32_t depth;  /* 0: nothing */
    uint32_t actors; /* n: so many there can be */
    uint32_t moves;  /* then the faults stop */
    uint32_t turns;  /* k: moves and falls */
    uint64_t runs;   /* made whatever they showed; 0 where a find ended them early */
};
/* At least: the chance of one run to show a defect of that depth that needs no answers. */
double explore_bound_chance(const struct explore_bound *b);
/* At most: the chance that all of b->runs missed it; 1 where there were none. */
double explore_bound_missed(const struct explore_bound *b);

struct result {
    enum verdict verdict[INVARIANTS];
    struct witness witness[INVARIANTS]; /* where it breaks; shortened, n == 0 otherwise */
    uint64_t states;
    uint64_t transitions;
    uint64_t moves; /* exhaustive search: made in these transitions; the same without `chain` */
    uint64_t ends;  /* distinct final states */
    uint64_t runs;  /* random drivers; of these: */
    uint64_t phases, transactions, crashes; /* see run_outcome */
    uint64_t full, calmed;                  /* runs */
    struct explore_bound bound;
    invariant_mask shortest; /* promises whose witness has the fewest moves that there can be */
    uint32_t processes;      /* exhaustive search: that shared it; 0: one */
    uint64_t depth_max;
    uint64_t
        reach_times[REACHES]; /* transitions (exhaustive) or runs (random) in which it was met */
    reach_mask reached;
    bool exhausted;
    bool saved;   /* to options.save */
    bool unsaved; /* it should have been; the reason was printed */
    double seconds;
    /* Random drivers. */
    /* Random drivers: sum of a hash of each run (seed, choices, states, broken promises).
     * Exhaustive search: sum of the hashes of the final states. */
    struct hash128 digest;
    uint64_t broken_runs[INVARIANTS]; /* runs in which it broke */
    uint64_t first_seed[INVARIANTS];  /* of these the lowest seed; 0 where there is none */
};
void result_free(struct result *r);

void explore_exhaust(const struct scenario *sc, const struct explore_options *o, struct result *r);
/* Can o->resume be gone on from? False: the reason was printed to err. explore_exhaust ends the
 * process where it cannot. */
bool explore_saved_check(const struct scenario *sc, const struct explore_options *o, FILE *err);
/* Replaces the witnesses in r, of explore_exhaust, by the shortest there are, found breadth-first
 * without the reductions that put a move first: r->shortest says of which promises no
 * counterexample with fewer moves exists. The others, where a bound came first, stay as they are.
 */
void explore_shortest(const struct scenario *sc, const struct explore_options *o, struct result *r);
/* An upper bound of the chance that a search of so many states took one for another because their
 * fingerprints are equal, and so missed what lies behind it (sim/explore/README.md). */
double explore_collision_bound(uint64_t states);

/* `pct` has a bound where the scenario has a depth, and then goes by its max_steps too. */
enum driver { DRIVER_UNIFORM, DRIVER_SWARM, DRIVER_PCT, DRIVER_GUIDED, DRIVERS };
const char *driver_name(enum driver d);    /* "uniform" "swarm" "pct" */
enum driver driver_find(const char *name); /* DRIVERS where unknown */

struct run_outcome {
    invariant_mask violated;
    reach_mask reached;
    uint64_t steps;
    uint64_t phases;        /* of a long run, finished ones */
    uint64_t transactions;  /* sent by clients */
    uint64_t crashes;       /* kills and power losses */
    bool full;              /* a bound of the world ended it */
    bool calmed;            /* faults were stopped, since it had not ended by itself */
    struct hash128 rolling; /* over all choices, and the state every 64 steps and at the end */
};
/* One run. `w` receives the choices where it is not NULL. */
void explore_seed(const struct scenario *sc, enum driver d, uint64_t seed, struct run_outcome *out,
                  struct witness *w);
/* Seeds from..to, both included. Sampling never says holds: what it does not refute is
 * UNFINISHED. */
void explore_random(const struct scenario *sc, enum driver d, uint64_t from, uint64_t to,
                    const struct explore_options *o, struct result *r);

/* For max_steps of a scenario with a depth: a quarter more than the longest of some runs that ended
 * by themselves. */
uint32_t explore_moves(const struct scenario *sc);

enum replay_end { REPLAY_DONE, REPLAY_MISFIT, REPLAY_HASH_DIFFERS };
struct replay {
    uint64_t until;    /* stop behind this step; 0 = to the end */
    uint64_t break_at; /* call sim_break() before this step; 0 = never */
    struct tracer *tracer;
    FILE *hashes; /* one line per step: see sim/explore/hash_log.h; NULL: nobody wants them */
};
/* Follows the witness, and behind its last choice makes one step more if that asks nothing (a final
 * state is judged by it). REPLAY_MISFIT: says on err at which choice and what was possible there.
 * The world it ends in is handed to `done` (may be NULL) before it is freed. */
enum replay_end explore_replay(const struct scenario *sc, const struct witness *w,
                               const struct replay *opt, struct run_outcome *out, FILE *err,
                               void (*done)(void *arg, const struct sim *s), void *arg);
/* Empty, never inlined: where a debugger stops for --break-at. */
void sim_break(void);

/* Removes choices from a witness and weakens what is left (a kill for a power loss, milder answers)
 * as long as the same invariant still breaks. Used on every witness that a search finds. */
void explore_shorten(const struct scenario *sc, enum invariant inv, struct witness *w);

/* Follows a witness of another scenario as far as it fits: what is not possible is left out. True
 * where the invariant breaks: `w` is then what was done, a witness of this scenario. */
bool explore_adapt(const struct scenario *sc, enum invariant inv, struct witness *w);

enum need {
    NEEDED,    /* a move: without it, the promise holds on the rest; an answer: with any milder one
                  (of many, with the mildest and the next one) */
    NEED_NONE, /* an answer that is the mildest there is: it asks for nothing */
    NEED_NOT   /* the promise breaks without it, or with something milder */
};
/* Proof of need, `need` for each choice of w; the number of NEED_NOT. */
uint32_t explore_needed(const struct scenario *sc, enum invariant inv, const struct witness *w,
                        enum need *need);

#endif

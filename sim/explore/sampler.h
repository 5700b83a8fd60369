/* What the random drivers share: streams of random numbers, and the run of one seed.
 *
 * Streams are counter-based (Philox keyed by the seed): number i of stream s is a function of
 * (seed, s, i), so that one more draw in one stream moves nothing in another.
 */
#ifndef ACKPROOF_SIM_EXPLORE_SAMPLER_H
#define ACKPROOF_SIM_EXPLORE_SAMPLER_H

#include "sim/explore/search.h"

#include <Random123/philox.h>

/* The first CHOICES streams answer the choice of that number. */
enum {
    STREAM_WEIGHTS = CHOICES,
    STREAM_PRIORITIES,
    STREAM_CHANGES,
    STREAM_CALM,
    STREAM_GUIDE,
    STREAMS
};

struct stream {
    uint32_t drawn;
    philox4x32_ctr_t four;
};

struct streams {
    philox4x32_key_t key;
    uint32_t turn; /* runs of a session, phases of a run: each has its own names */
    struct stream at[STREAMS];
};

void streams_start(struct streams *s, uint64_t seed);
uint32_t draw(struct streams *s, uint32_t stream);
uint32_t draw_below(struct streams *s, uint32_t stream, uint32_t n);
/* The same without the rest that 2^32 numbers leave over n: each has exactly the same chance. */
uint32_t draw_fairly(struct streams *s, uint32_t stream, uint32_t n);
/* Number of this stream for a thing with that name, whatever was drawn before. */
uint32_t draw_named(const struct streams *s, uint32_t stream, uint32_t name);

/* Moves that are no work: crashes, resets, partitions and timeouts. */
bool move_is_rare(uint32_t key);

/* ---- PCT (pct.c) ----------------------------------------------------------------------------- */

enum { PCT_CHANGES_MAX = 6, PCT_LENGTH_DEFAULT = 64 };

struct pct {
    uint32_t n_changes;
    uint32_t change[PCT_CHANGES_MAX]; /* moves before which the order changes, ascending */
    bool lifts[PCT_CHANGES_MAX];      /* a fault or timeout comes to the top, for one move */
    uint32_t next;                    /* of change[] */
    uint32_t moves;                   /* made so far */
    uint32_t n_demoted;
    uint32_t demoted[PCT_CHANGES_MAX]; /* actors, the first one the highest of them */
    bool lift;                         /* one is owed: none was possible at its change point */
};

/* `length`: of a run, estimated. */
void pct_start(struct pct *p, struct streams *s, uint32_t length);
uint32_t pct_pick(struct pct *p, struct streams *s, uint32_t n, const uint32_t *keys);

/* ---- PCT with a bound (bounded.c) ------------------------------------------------------------ */

struct bounded {
    uint32_t n;                 /* actors */
    const uint32_t *actor;      /* ascending */
    uint16_t place[ACTORS_MAX]; /* of each: all different, the highest that can moves */
    uint32_t falls;
    uint32_t fall[DEPTH_MAX - 1]; /* the turn of each, from 1 */
    uint32_t turn;
};

/* Draws for a run of on->max_steps moves, of the depth that the scenario says. */
void bounded_start(struct bounded *b, struct streams *s, const struct runner *on);
uint32_t bounded_pick(struct bounded *b, struct streams *s, uint32_t n, const uint32_t *keys);
/* Moves and falls that a run can have. */
uint32_t bounded_turns(uint32_t depth, uint32_t moves);

/* ---- the run of a seed (sampler.c) ----------------------------------------------------------- */

enum { WHERE = 32 };

struct cover;
struct sampler {
    struct chooser base;
    enum driver driver;
    struct streams streams;
    uint32_t at_node[MOVE_KINDS][WHERE]; /* weight of a kind of move at a node or session */
    uint32_t of_task[WHERE];             /* factor for the tasks of MOVE_RUN and MOVE_DISK */
    uint32_t fault_of_256;
    uint32_t length; /* see run_length */
    struct pct pct;
    const struct runner *bounds; /* pct with a bound; NULL: without */
    struct bounded bounded;
    struct phase {
        bool calm;
        uint32_t moves;     /* of this phase */
        uint32_t max_moves; /* then the faults stop */
        bool chained;       /* they may stop before, and phase follows phase */
    } phase;
    const struct witness *plan; /* guided: to be followed as far as it fits; NULL: nothing is */
    uint32_t plan_at;
    struct cover *cover; /* guided: told each step; NULL: nobody counts */
    struct witness *record;
};

/* From the beginning: weights are drawn, and a run is made. */
void sampler_start(struct sampler *s);
enum step_result sampler_run(struct run *run, struct sampler *s);

/* Estimated number of moves of a run, for the drivers that spread something over it: the longest of
 * a few runs without faults. The same for every seed. */
uint32_t run_length(struct run *run, enum driver d);
/* Makes the run of this seed; of a guided session the first that breaks one of `wanted`, else its
 * last. */
enum step_result run_seed(struct run *run, enum driver d, uint64_t seed, uint32_t length,
                          invariant_mask wanted);

/* ---- guided (guided.c) ----------------------------------------------------------------------- */

enum { GUIDED_RUNS = 1000 }; /* of a session */

/* Has seen a run; false: that is enough. */
typedef bool guided_each(void *arg, const struct run *run, enum step_result end);
/* The session of this seed: runs that learn from each other. */
void guided_session(struct run *run, uint64_t seed, uint32_t length, guided_each *each, void *arg);
void cover_step(struct cover *c, const struct run *run, uint32_t key);

/* Some of the seeds from .. last: those at distance first, first + stride ... from `from`. */
struct visited;
struct share {
    uint64_t from, last;
    uint64_t first, stride;
    struct visited *ends;                  /* takes the final states */
    volatile uint64_t *at;                 /* told the seed under way; may be NULL */
    const struct explore_options *options; /* may be NULL */
    double started;
};
/* Makes these runs and adds their numbers to *r. */
void random_share(struct runner *on, enum driver d, const struct share *share, struct result *r);
/* Adds the numbers of a share to those of all; `ends` is left to the caller. */
void result_add_share(struct result *r, const struct result *share);

/* ---- several processes (random_jobs.c) ------------------------------------------------------- */

/* The same with `jobs` processes. Ends this process with status 3 where one of them died, and names
 * the seed. */
void random_in_processes(struct runner *on, enum driver d, uint32_t jobs, const struct share *all,
                         struct result *r);

#endif

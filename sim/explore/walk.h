/* What the searches over all answers share: the path that is being walked, with a block for each
 * state on it; the answers that were given on it; one transition and what it showed.
 *
 * The stack holds one block per state on the current path. A transition is tried in the block
 * above the top: copy the top there, step, hash. If the state is new, that block may become the
 * next top and nothing more is copied. What the step asked is kept as a list of answers, and the
 * next transition of a state is that list counted up like an odometer: the last answer that can go
 * up does, those behind it are asked anew. A state is left when no answer of its list can go up.
 * The lists of all states on the path lie back to back, and together are the witness of whatever
 * breaks at its end.
 */
#ifndef ACKPROOF_SIM_EXPLORE_WALK_H
#define ACKPROOF_SIM_EXPLORE_WALK_H

#include "sim/explore/search.h"
#include "sim/explore/visited.h"

struct path_choice {
    uint32_t what, key, n, answer;
};

struct odometer {
    struct chooser base;
    struct path_choice *at;
    uint32_t n, cap;
    uint32_t pos;          /* next question of the step under way; answers are given up to n */
    const uint16_t *given; /* answers to the next questions that are not on the list, */
    uint32_t n_given;      /* so many; 0 behind them */
    uint32_t moves;        /* that the step under way was asked for */
};
/* The next list of answers that has not been tried; false where there is none. */
bool odometer_next(struct odometer *o, uint32_t first);
void odometer_add(struct odometer *o, const struct path_choice *p);

struct stack {
    size_t stride; /* of a block */
    uint8_t **chunk;
    uint32_t n_chunks;
    uint32_t frames;   /* blocks there are */
    uint32_t *first;   /* per state on the path: where its answers begin */
    uint64_t *number;  /* per state on the path: a number that no other state ever had */
    uint64_t *copy_of; /* per block: number of the state that it was last copied from */
    uint64_t numbers;
};

struct crew;

struct search {
    const struct machine *machine;
    struct result *result;
    struct sim sim;
    struct odometer path;
    struct stack stack;
    struct visited visited;
    uint32_t depth; /* moves made; the state at depth d is block d */
    uint32_t base;  /* states above this one are nothing to do with us */
    uint32_t depth_max;

    uint64_t states_max;
    uint64_t memory_max;
    uint64_t others; /* bytes of memory that are neither stack nor visited set */
    double started;
    struct crew *crew;   /* the processes that share this search; NULL: it is alone */
    uint32_t member;     /* our number among them; 0 leads */
    uint64_t stack_told; /* bytes of our stack that the others know of */
    bool alone;          /* no (further) process can be had */
    double until;        /* when it is to stop; 0: never */
    bool cut;            /* something was left out */
    bool stopped;        /* by a bound, on a path that could be walked on */
    bool lost;           /* something else was left out, for good */
    invariant_mask refuted;
    invariant_mask wanted; /* promises to be judged; the search may stop when all are refuted */
    bool no_witness;
    uint32_t witness_depth[INVARIANTS];
};

/* Opens a search in the initial state, which is visited; o may be NULL. result is reset. */
void search_open(struct search *s, const struct machine *m, const struct scenario *sc,
                 const struct explore_options *o, struct result *r);
/* Frees what search_open and the walk took, or leaves it in o->memory for the next search. */
void search_close(struct search *s, const struct explore_options *o);
/* Verdicts, from what was refuted and whether anything was cut; shortens the witnesses. */
void search_judge(struct search *s);

struct world *search_block(const struct search *s, uint32_t depth);
bool search_make_room(struct search *s);
/* Is there room for one state more? Where not, the search ends as it stands. */
static inline bool search_room(struct search *s)
{
    return (s->result->states < s->states_max && s->visited.n < s->visited.grow_at &&
            s->depth + 1 < s->stack.frames) ||
           search_make_room(s);
}
/* The state in the block above the top becomes the top. */
void search_enter(struct search *s);

/* Nobody has been below these answers: the next ones of the state at this depth, which is on the
 * path and not its top. The number of answers to keep, the last of them counted up by one; 0:
 * none. */
uint32_t search_untried(const struct search *s, uint32_t depth);
/* A block at this depth, which is the top from now on; false: no memory. */
bool search_stand_at(struct search *s, uint32_t depth);

enum after {
    AFTER_DEEPER, /* a state that nobody has seen lies in the block above the top */
    AFTER_NEXT,   /* other answers of this step are to be tried */
    AFTER_LEAVE   /* there are none */
};
/* One transition out of the top, with the answers on the path. Needs search_room. */
enum after search_try(struct search *s);
/* The same step without looking at what it shows: into the block above the top. */
enum step_result search_step(struct search *s);
static inline bool search_done(const struct search *s)
{
    return (s->refuted & s->wanted) == s->wanted;
}

/* The walk from the top until there is nothing left, here and in the crew, or a bound is hit. */
void search_walk(struct search *s, const struct explore_options *o);

#endif

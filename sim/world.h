/* The simulated world: nodes with their disks, the network, the clients, the failover manager, and
 * the ledger, in one flat block.
 *
 * sim_step makes one move: it lists what could happen next (a task runs, an fsync completes, a
 * packet arrives, a client sends, a node crashes, the manager acts ...), lets the driver choose,
 * carries it out, and judges. All that a move leaves open (does the fsync lie, what survives) is
 * further choose() calls within the step. A step is a function of (block, answers): no clock, no
 * random, no globals.
 */
#ifndef ACKPROOF_SIM_WORLD_H
#define ACKPROOF_SIM_WORLD_H

#include <stddef.h>

#include "model/invariant.h"
#include "model/reach.h"
#include "sim/choose.h"
#include "sim/scenario.h"

struct world; /* flat; see sim/world_state.h */

struct hash128 {
    uint64_t lo, hi;
};

/* What happened in a step, told to whoever listens; never part of the state. */
struct trace_step;
struct tracer {
    void (*note)(struct tracer *t, const struct trace_step *s);
};

/* What an exhaustive search may leave out because nobody could tell the difference. */
enum reduction {
    REDUCE_APPLIER = 1,  /* the applier of a safe replica goes first (sim/commute.c) */
    REDUCE_SESSIONS = 2, /* of idle sessions that are alike one sends (sim/symmetry.c) */
    REDUCE_GONE = 4,     /* the disk of a server that is gone for good is forgotten (sim/world.c) */
    REDUCE_RECEIVER = 8, /* what a receiver does that nobody sees goes first (sim/commute.c) */
    REDUCE_CHAIN = 16,   /* what follows without a choice is part of the step */
    REDUCE_LOSS = 32,    /* a connection is noticed to be gone, where nothing more can arrive */
    REDUCE_BOOT = 64,    /* the start of a safe replica goes first (sim/commute.c) */
    REDUCE_REPLICAS = 128, /* replicas that are alike are one, or mirror images (sim/replicas.c) */
    REDUCE_STREAM = 256,   /* what a replica was sent arrives (sim/stream.c) */
    REDUCE_JOIN = 512,     /* a replica that comes back is let in (sim/stream.c) */
    REDUCE_ALL = 1023
};
enum { REDUCTIONS = 10 };
const char *reduction_name(uint32_t i); /* "applier"; i: number of the bit */
/* The mask of a list of names, "applier,sessions"; 0 where one of them is not known. */
uint32_t reduction_find(const char *names);

struct sim {
    const struct scenario *scenario;
    struct world *world;
    struct chooser *chooser;
    struct tracer *tracer; /* NULL: nobody listens */
    /* Mask of enum reduction; exhaustive search only. A search for the shortest run must not use
     * any but SESSIONS, GONE and REPLICAS: a move that goes first need not be part of it. */
    uint32_t reduce;
    /* Long runs (sim/phase.c): the driver may say that no fault strikes any more, and that many
     * times that the run goes on in a new phase when it has come to rest. */
    bool may_calm;
    uint32_t phases;
    struct trace_step *now; /* the line of the story under way, where somebody listens */
    /* Set by each step: promises broken in this step, conditions met in it. */
    invariant_mask violated;
    reach_mask reached;
};

enum step_result {
    STEP_MOVED,
    STEP_END,    /* nothing can happen any more; LIVE was judged; no choice was asked */
    STEP_FULL,   /* a bound of the world was hit (too many files, bytes ...): not exhausted */
    STEP_REFUSED /* replay only: the driver answered CHOICE_REFUSED (sim/choose.h) */
};

size_t world_size(void);
/* Lets the cluster boot and connect along one fixed schedule (no choices are asked), up to the
 * state in which the first client may send. */
void sim_start(struct sim *s);
enum step_result sim_step(struct sim *s);
struct hash128 world_hash(const struct world *w);
/* Copies what is in use. Both blocks have world_size() bytes. */
void world_copy(struct world *to, const struct world *from);
/* The same where `to` is a copy of `from` that has made steps since: copies back what they wrote.
 * */
void world_undo(struct world *to, const struct world *from);
uint64_t world_steps(const struct world *w); /* moves since sim_start */

/* ---- moves: stable names of what can happen next --------------------------------------------- */

/* A move key is kind << 24 | a << 16 | b << 8 | c; the meaning of a, b, c depends on the kind. */
enum move_kind {
    MOVE_RUN = 1,   /* node a, task b */
    MOVE_DISK,      /* node a, task b: its fsync completes */
    MOVE_NET,       /* from a to b, link c: the oldest packet arrives */
    MOVE_NET_DOWN,  /* node a notices that its connection to b (link c) is gone */
    MOVE_NET_OPEN,  /* node a's connection to b is established */
    MOVE_TIMER,     /* node a, task b */
    MOVE_CLIENT,    /* session a sends its next transaction */
    MOVE_KILL,      /* node a */
    MOVE_POWER,     /* node a */
    MOVE_RESET,     /* nodes a, b: the connection is reset */
    MOVE_PARTITION, /* node a is cut off */
    MOVE_START,     /* node a boots again */
    MOVE_MANAGER,   /* step a of the manager, candidate b */
    MOVE_OPERATOR,  /* on node a, act b (enum operator_act), of session c */
    MOVE_CALM,      /* long runs: no fault strikes any more (sim/phase.c) */
    MOVE_PHASE,     /* long runs: all is quiet, the next phase begins */
    MOVE_KINDS
};
const char *move_kind_name(enum move_kind k); /* "run" */
enum move_kind move_kind_find(const char *name);
/* Which of the links between two nodes it is depends on what came before: the key without that. */
uint32_t move_without_link(uint32_t key);

/* ---- actors: whose move it is (sim/actors.c) ------------------------------------------------- */

enum { ACTORS_MAX = 512 };
/* The actor's name: a key of one of its moves. */
uint32_t actor_of(uint32_t key);
/* All that can move in a run, up to the end of faults: ascending; how many. An upper bound; `actor`
 * has room for ACTORS_MAX. */
uint32_t scenario_actors(const struct scenario *sc, uint32_t *actor);

/* One line of the story. Lanes: 0..n_nodes-1 nodes, LANE_CLIENT + session, LANE_MANAGER. */
enum { LANE_CLIENT = 16, LANE_MANAGER = 32, LANE_WORLD = 33, TRACE_TEXT_MAX = 320 };
struct trace_step {
    uint64_t step;     /* number of the move, from 1 */
    uint32_t move;     /* move key */
    uint8_t lane;      /* where it happened */
    uint8_t to_lane;   /* LANE_WORLD, or where something sent in this step goes */
    uint16_t txn_mask; /* transactions it is about */
    invariant_mask violated;
    reach_mask reached;
    struct hash128 hash;         /* state after the move */
    char text[TRACE_TEXT_MAX];   /* what happened, in words; parts joined by "; " */
    char broken[TRACE_TEXT_MAX]; /* where violated: which edge was crossed */
};

#endif

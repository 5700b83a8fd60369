/* What the files of sim/ share: the world in one step. */
#ifndef ACKPROOF_SIM_INTERNAL_H
#define ACKPROOF_SIM_INTERNAL_H

#include <stdarg.h>

#include "sim/world_state.h"

/* ---- node.c: cores run, their actions are carried out ---------------------------------------- */

void node_event(struct sim *s, uint32_t node, const struct event *e);
/* An fsync of the task completes; faults may strike. */
void node_disk(struct sim *s, uint32_t node, uint32_t task);
void node_boot(struct sim *s, uint32_t node, enum admin as, uint32_t follows);
/* The process ends: memory, connections and sessions go. The disk is the caller's business. */
void node_die(struct sim *s, uint32_t node);
void node_power_loss(struct sim *s, uint32_t node);

/* ---- node_logs.c: what it holds, from the bytes of its logs ---------------------------------- */

void node_read_log(struct sim *s, uint32_t node, struct file_id id); /* it has grown */
/* The binlog inside the engine is in the redo log and in pages, and partly in neither: what a
 * living server has not flushed is there for its readers as well. */
void node_read_engine(struct sim *s, uint32_t node);
/* Reads the logs of the node again after its disk changed under it. */
void node_reread(struct sim *s, uint32_t node);
/* A wake-up that its thread has overtaken has no meaning any more. */
void node_drop_late_wakes(struct node *n);
static inline void node_touch(struct world *w, uint32_t node)
{
    w->node[node].fresh_hash = 0;
    w->twins.hashed_at = 0;
    w->touched |= 1u << node;
}

/* ---- net.c ---------------------------------------------------------------------------------- */

struct conn *conn_of(struct world *w, uint32_t replica, uint32_t primary, enum link my_link,
                     uint32_t me);
void net_connect(struct sim *s, uint32_t replica, uint32_t primary);
void net_close(struct sim *s, uint32_t node, uint32_t peer, enum link link);
void net_send(struct sim *s, uint32_t node, uint32_t peer, enum link link, const uint8_t *bytes,
              uint32_t len);
void net_node_died(struct sim *s, uint32_t node);
bool net_reachable(const struct world *w, uint32_t a, uint32_t b);
/* Room for what one step of a dump thread may send. */
bool net_has_room(const struct world *w, uint32_t primary, uint32_t replica);
void net_deliver(struct sim *s, uint32_t conn, bool down);
void net_opened(struct sim *s, uint32_t conn);
void net_down(struct sim *s, uint32_t conn, bool at_replica);
void net_reset(struct sim *s, uint32_t conn);

/* ---- moves.c -------------------------------------------------------------------------------- */

enum { MOVES_MAX = 128 };
struct moves {
    uint32_t n;
    uint32_t faults; /* how many of them, at the end, are faults and acts of operators */
    uint32_t key[MOVES_MAX];
};
static inline void moves_add(struct moves *m, uint32_t key)
{
    assert(m->n < MOVES_MAX);
    m->key[m->n++] = key;
}
void moves_list(const struct sim *s, struct moves *m);
bool moves_any(const struct sim *s); /* anything but faults and operators? */
/* The move where there is exactly one, faults and operators included; else 0. */
uint32_t moves_only(const struct sim *s);
bool applier_may_start(const struct sim *s, uint32_t node);
/* May a crash, a disk fault or an operator still strike the node? */
bool moves_in_danger(const struct sim *s, uint32_t node);
/* May it still go down by a crash or an operator, or be stopped by one? A disk fault strikes within
 * a move of the node: whatever is asked then is asked whenever that move is made. */
bool may_go_down(const struct sim *s, uint32_t node);
void moves_take(struct sim *s, uint32_t key);
void manager_view_of(const struct world *w, uint32_t n_nodes, struct manager_view *v);

static inline uint32_t move_key(enum move_kind k, uint32_t a, uint32_t b, uint32_t c)
{
    return (uint32_t)k << 24 | a << 16 | b << 8 | c;
}

/* ---- commute.c, stream.c, symmetry.c --------------------------------------------------------- */

/* A move that may be made now, before all others, without hiding any outcome; 0: there is none. */
uint32_t moves_first(const struct sim *s);
/* One that is about this node; n_nodes: the manager. */
uint32_t moves_first_of(const struct sim *s, uint32_t node);
/* Of these, those of the stream to the replica `node`; 0: there is none. */
uint32_t stream_first(const struct sim *s, uint32_t node);
uint32_t stream_received(const struct sim *s, uint32_t node);
uint32_t stream_joined(const struct sim *s, uint32_t node);
/* Is this session the one that may send, or begin to commit, of all that could do the same? */
bool session_stands_for_equals(const struct sim *s, uint32_t session);

/* ---- replicas.c ------------------------------------------------------------------------------ */

/* For the start of a search that may take replicas for each other. */
void replicas_find_twins(const struct sim *s, struct twins *t);
/* Takes away what a replica could do that is like one of a lower number. */
void moves_of_one_for_equals(const struct sim *s, struct moves *m);
/* What is on its disk, as disk_print does it; whose it is shows nowhere. */
uint32_t replica_print_disk(const struct disk *d, uint32_t server_id, uint8_t *to);
/* Of each replica that has a twin: the hash of all that it is and that others know of it, apart
 * from its number. */
const struct hash128 *replicas_hashes(const struct world *w);

/* ---- phase.c: long runs ---------------------------------------------------------------------- */

enum { CALM_STEPS_MAX = 20000 };

bool calm_listed(const struct sim *s);
bool phase_listed(const struct sim *s);
void take_calm(struct sim *s);
void take_phase(struct sim *s);
void calm_step(struct sim *s); /* a step was made in which no fault could strike */
/* Nothing but faults can happen: is every replica back that nothing keeps from it? LIVE. */
void judge_back(struct sim *s);

/* What a phase leaves to the next one. */
struct carried {
    uint64_t steps;
    uint32_t phase;
    uint8_t home; /* who is primary */
    bool semi_sync_off;
    uint32_t flushes[NODES_MAX]; /* counters of sync_binlog = N and sync_relay_log = N */
    uint32_t unsynced[NODES_MAX];
    struct gtid_state gtids;
};

/* ---- world.c -------------------------------------------------------------------------------- */

/* The state in which the first client may send: see sim_start. `c` NULL: nothing went before. */
void start_cluster(struct sim *s, const struct carried *c);
/* Its memory and its disk. Of a primary not what it knows of replicas in a bag; of a replica that
 * has a twin not its server_id. */
struct hash128 node_hash(const struct world *w, uint32_t node);
/* The connection in one piece, of at most sizeof *c bytes; the length. */
uint32_t conn_print(const struct conn *c, uint8_t *to);
/* Those in use, by the two servers; their number. */
uint32_t conns_in_order(const struct world *w, const struct conn *order[CONNS_MAX]);

/* Roles are those at the start of the run, or of the phase: a scenario speaks of node 0 as the
 * primary. */
static inline uint32_t role_of(const struct world *w, uint32_t node)
{
    return node == w->home ? 0 : node == 0 ? w->home : node;
}

/* ---- fault.c -------------------------------------------------------------------------------- */

/* Does the admitted disk fault fire at this node on this kind of file? Asks CHOOSE_FAULT. */
bool fault_fires(struct sim *s, enum fault_point p, uint32_t node, enum file_kind kind);
/* Is there a budget left for it? */
bool fault_admitted(const struct sim *s, enum fault_point p, uint32_t node, enum file_kind kind);
/* Bit p: fault point p has a budget left for this node, on some kind of file. */
uint32_t fault_points_left(const struct sim *s, uint32_t node);
/* A fault that was chosen as a move: takes it off the budget. */
void fault_spend(struct sim *s, enum fault_point p, uint32_t node);

/* ---- operator.c ----------------------------------------------------------------------------- */

/* Lists the acts that have a budget left and would change something now. */
void operator_list(const struct sim *s, struct moves *m);
/* Could an operator still do something to this node? */
bool operator_admitted(const struct sim *s, uint32_t node);
bool operator_may_purge(const struct sim *s, uint32_t node);
void operator_take(struct sim *s, uint32_t node, enum operator_act act, uint32_t session);

/* ---- judge.c -------------------------------------------------------------------------------- */

void judge_visible(struct sim *s, uint32_t node); /* its engine may have changed */
void judge_elected(struct sim *s, uint32_t node); /* it was let in as primary */
void judge_booted(struct sim *s, uint32_t node);  /* its recovery is finished */
/* Its logs have changed: binlog from group `binlog` on, relay logs from group `relay` on. */
void judge_holds(struct sim *s, uint32_t node, uint32_t binlog, uint32_t relay);
void judge_taken_back(struct sim *s, uint32_t node); /* it was discarded, and is not any more */
void judge_answer(struct sim *s, uint32_t node, uint32_t txn);
void judge_ack(struct sim *s, uint32_t replica, uint32_t primary, const uint8_t *bytes,
               uint32_t len);
/* An ACK for this place releases a group that ends there, and all of those it releases are durable
 * on the primary: whenever it is sent, it will release the same. */
bool released_for_good(const struct sim *s, uint32_t primary, uint32_t file, uint32_t offset);
void judge_sent(struct sim *s, uint32_t primary, uint32_t replica, const uint8_t *bytes,
                uint32_t len);
void judge_stream(struct sim *s, uint32_t replica, uint32_t primary); /* a dump was accepted */
void judge_crash(struct sim *s, uint32_t node);                       /* before its memory goes */
void judge_stuck(struct sim *s); /* nothing but faults can happen */
void judge_insane(struct sim *s, const char *why);
/* Reports a broken promise about the transactions in `bad`; 0: none. */
void judged(struct sim *s, enum invariant i, uint32_t bad, const char *edge);

/* ---- judge_status.c ------------------------------------------------------------------------- */

void judge_protected(struct sim *s, uint32_t node, uint32_t txn); /* it is answered OK */
/* Its commit has ended. */
void judge_counted(struct sim *s, uint32_t node, uint32_t session, uint32_t txn);
/* After each event. `was_enabled`: semi-sync, before it. */
void judge_status(struct sim *s, uint32_t node, bool was_enabled);

/* ---- sane.c --------------------------------------------------------------------------------- */

/* Runs the function; false where an assertion failed in it. Its text is in *why then. */
bool sane_run(void (*f)(void *arg), void *arg, const char **why);

/* ---- story.c -------------------------------------------------------------------------------- */

/* Adds to the text of the step under way, if anybody listens. */
__attribute__((format(printf, 2, 3))) void story(struct sim *s, const char *format, ...);
void story_lane(struct sim *s, uint32_t lane);
void story_to(struct sim *s, uint32_t lane);
void story_txns(struct sim *s, uint32_t mask);
void story_broken(struct sim *s, enum invariant i, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
const char *story_node(const struct sim *s, uint32_t node);
/* Where a committer has got to; `before` is the name of the stage it stood at. */
void story_committer(struct sim *s, uint32_t node, uint32_t task, const char *before);
void story_event(struct sim *s, uint32_t node, const uint8_t *event, uint32_t len);
/* What a replica has sent arrives: an ACK, or its dump request. */
void story_request(struct sim *s, uint32_t node, uint32_t replica, const uint8_t *packet,
                   uint32_t len);

static inline void reach(struct sim *s, enum reach r)
{
    s->reached |= (reach_mask)1 << r;
}

/* The transaction that is everywhere before the run starts; the clients' are 0 .. first_txn - 1. */
static inline uint32_t first_txn(const struct scenario *sc)
{
    return sc->transactions;
}

static inline uint32_t txn_bits(const struct scenario *sc)
{
    return (2u << first_txn(sc)) - 1;
}

#endif

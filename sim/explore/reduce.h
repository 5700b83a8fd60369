/* A smaller scenario for the same counterexample: fewer replicas, sessions, transactions and
 * faults, and kills in place of power losses.
 *
 * Each single step down is tried on the scenario that the steps before have left: first by
 * following the witness as far as it fits there, and where that does not break the promise, by an
 * exhaustive search with a bound. A witness of the smaller scenario is shortened like any other.
 * Repeated until no step down is left. A cluster keeps one replica: without any, it is another
 * question.
 */
#ifndef ACKPROOF_SIM_EXPLORE_REDUCE_H
#define ACKPROOF_SIM_EXPLORE_REDUCE_H

#include "sim/explore/explore.h"

struct reduce_options {
    uint64_t max_states; /* bound of each search; 0: none is made */
    /* Is it still the same counterexample? NULL: any that breaks the promise will do. */
    bool (*same)(void *arg, const struct scenario *sc, const struct witness *w);
    void *arg;
};

/* `sc` and `w`, which must fit it and break the promise, become what is left. True where the
 * scenario has changed: it then expects that the promise breaks and nothing else, and what it must
 * reach is what the witness reaches of it. */
bool explore_reduce(struct scenario *sc, enum invariant inv, const struct reduce_options *o,
                    struct witness *w);

/* ---- the steps down, each alone -------------------------------------------------------------- */

/* Without node `node` (not 0), whose number those behind it take. */
void scenario_drop_replica(struct scenario *sc, uint32_t node);
/* One power loss less and one kill more for what faults[i] is about; false where faults[i] is no
 * power loss or the list is full. */
bool scenario_power_to_kill(struct scenario *sc, uint32_t i);
/* faults[i] once less; the entry goes with the last one. */
void scenario_drop_fault(struct scenario *sc, uint32_t i);
/* operator[i] once less, likewise. */
void scenario_drop_operator(struct scenario *sc, uint32_t i);

#endif

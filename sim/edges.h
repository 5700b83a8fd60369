/* Edges of the ledger: what is worth doing again.
 *
 * A run is told apart from others by the order in which things became true of each transaction
 * (written, durable, sent, received, ACKed, visible, answered, lost ...) and by how far all of them
 * were when a crash, the manager or a start came between. Each such fact is a number below EDGES:
 * drivers that are guided keep runs that showed a number for the first time. For guidance only: no
 * verdict looks at it.
 *
 *   pairs     what became true, or stopped being true, of a transaction, and what had before it
 *   cuts      a crash, a reset, a timeout, an act of the manager or of an operator, a start, and
 *             the progress of all transactions and sessions at it, whichever is which
 *   meetings  two conditions of model/reach.h in one run
 */
#ifndef ACKPROOF_SIM_EDGES_H
#define ACKPROOF_SIM_EDGES_H

#include "sim/world.h"

enum { EDGES = 65536, EDGES_STEP_MAX = 256, EDGE_KINDS = 11, EDGE_TXNS = 32 };

/* What is remembered of one run; zeros at its beginning. */
struct edges {
    uint32_t mask[EDGE_KINDS];
    uint8_t last[EDGE_TXNS];
    uint32_t pipeline; /* where the committers stood behind the last step */
    reach_mask reached;
};

/* Those of the step just made, whose move was `key`: up to EDGES_STEP_MAX numbers. */
uint32_t sim_edges(const struct sim *s, uint32_t key, struct edges *e, uint32_t *out);

#endif

/* What may be looked at in a world from outside while it stands still: for `ackproof export` and
 * for tests. Implemented beside the world.
 */
#ifndef ACKPROOF_SIM_PEEK_H
#define ACKPROOF_SIM_PEEK_H

#include "sim/disk.h"
#include "sim/world.h"

/* The disk of a node, valid until the next step. */
const struct disk *world_disk(const struct world *w, uint32_t node);

#endif

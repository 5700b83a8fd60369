/* What the files of this folder share and nobody else sees. */
#ifndef ACKPROOF_ENGINE_INTERNAL_H
#define ACKPROOF_ENGINE_INTERNAL_H

#include "engine/engine.h"

/* Appends to the redo buffer. */
void engine_log(struct engine *e, const struct redo_record *r);
/* The row in memory, its state still to be set. NULL where the key is there already, or no room. */
struct engine_row *engine_add_row(struct engine *e, uint64_t xid, int32_t k, int32_t v,
                                  struct gtid gtid);

#endif

/* The ledger: what was promised to whom, per client transaction, in world time; and the order
 * relations over it that make the invariants (design section 5).
 *
 * The world writes it from what it sees itself: packets, disks, client answers, and reads through a
 * node's own read path. Masks have bit t for transaction t.
 *
 * Only what a verdict can still depend on is kept here, since the ledger is part of the hashed
 * state; when each thing happened is told by the trace of a replay.
 */
#ifndef ACKPROOF_MODEL_LEDGER_H
#define ACKPROOF_MODEL_LEDGER_H

#include "model/history.h"
#include "model/invariant.h"

enum { LEDGER_NODES = 6, LEDGER_TXNS = 16 };

struct ledger {
    uint32_t answered; /* client got OK */
    uint32_t refused;  /* client got an error; no verdict needs it: not hashed */
    uint32_t seen;     /* some reader could see it on a serving primary */
    uint8_t elected;   /* node that was last let in as primary */
    uint8_t recovered; /* bit i: node i serves again after a crash */
    uint16_t reserved;
    uint32_t acked[LEDGER_NODES]; /* ACKs that node i has sent release it */
    uint32_t sent[LEDGER_NODES];  /* it was sent to node i on its present connection */
};

/* What an invariant's judge found: the transactions for which the promise is broken. */
typedef uint32_t txn_mask;

/* A node is let in as primary, and its read path shows `visible`. */
txn_mask ledger_lost(const struct ledger *l, uint32_t visible);    /* NOLOSS */
txn_mask ledger_phantom(const struct ledger *l, uint32_t visible); /* NOPHANTOM */
/* The recovered primary serves again with `binlog`; a replica holds `replica`. NOAHEAD. */
txn_mask ledger_ahead(uint32_t binlog, uint32_t replica);
/* Engine (visible) against binlog: what is visible must be a prefix of the binlog; `whole`: must be
 * all of it (after a recovery). AGREE. */
txn_mask ledger_disagree(const struct history *binlog, uint32_t visible, bool whole);
/* The same GTID with another content in two histories. CONVERGE. ledger_diverged_from looks only at
 * the groups a->at[from ..): the others have been compared before. */
txn_mask ledger_diverged(const struct history *a, const struct history *b);
txn_mask ledger_diverged_from(const struct history *a, uint32_t from, const struct history *b);
/* Transactions that an ACK up to `file`:`offset` releases: an ACK is cumulative (facts 2.1), so it
 * speaks for every group of the primary's binlog that ends there or before, whether or not that
 * replica was ever sent it. */
txn_mask ledger_released(const struct history *binlog, uint32_t file, uint32_t offset);

#endif

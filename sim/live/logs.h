/* The logs of a real node, read back from its files into the oracle's own form (model/history.h):
 * the complete event groups of binlogs or relay logs. A survivor of a failover is what its relay
 * logs hold.
 */
#ifndef ACKPROOF_SIM_LIVE_LOGS_H
#define ACKPROOF_SIM_LIVE_LOGS_H

#include <stddef.h>

#include "model/ledger.h"

enum { LOGS_FILES_MAX = 16, TXNS_TEXT_MAX = 80 };

/* Does the log <stem>.<num> count? Where there is a <stem>.index, only what it names does: a server
 * looks at nothing else. */
bool logs_named(const char *folder, const char *stem, uint32_t num);
/* Reads <folder>/<stem>.000001 to .000016, as many as there are and count. False (with `why`) where
 * one cannot be read. One that is unreadable in its middle counts up to there: h->broken, and `why`
 * says where. No file at all is an empty history. */
bool logs_read(struct history *h, const char *folder, const char *stem, char *why, size_t cap);
/* The same of files that begin with this number, which counts as the first. */
bool logs_read_from(struct history *h, const char *folder, const char *stem, uint32_t first,
                    char *why, size_t cap);
/* Is the last of these files marked as in use (LOG_EVENT_BINLOG_IN_USE_F of its head)? False also
 * where there is none. */
bool logs_in_use(const char *folder, const char *stem);
/* "T1 T3", or "nothing". Returns text. */
const char *txns_text(txn_mask txns, char text[TXNS_TEXT_MAX]);

#endif

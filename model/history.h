/* What a server holds, read from the bytes of its logs: the complete event groups of its binlogs or
 * relay logs, in order. The oracle believes these bytes and nothing that a core says of them.
 */
#ifndef ACKPROOF_MODEL_HISTORY_H
#define ACKPROOF_MODEL_HISTORY_H

#include "format/event.h"

enum { HISTORY_MAX = 24, HISTORY_KEYS_MAX = 32 };

/* One complete event group. */
struct held {
    uint8_t txn;  /* client transaction: row key - 1 */
    uint8_t file; /* number of the file it stands in */
    uint16_t reserved;
    uint32_t start, end; /* bytes [start, end) of that file */
    uint32_t domain, server;
    uint32_t seq;
};

struct history {
    uint32_t n;
    uint32_t file;   /* file read last; 0 = none */
    uint32_t parsed; /* up to here it was read: end of the last complete group or head event */
    uint32_t broken; /* bool: an event that cannot be read, and a readable one behind it */
    struct held at[HISTORY_MAX];
};

void history_clear(struct history *h);
/* Reads on in file `num`, which now has these bytes; files in ascending order. Bytes that do not
 * make a complete group yet are read again next time. False: HISTORY_MAX. */
bool history_read(struct history *h, uint32_t num, const uint8_t *bytes, uint32_t len);
/* Bit t: transaction t is in it. */
uint32_t history_mask(const struct history *h);
/* The entry of a transaction, NULL where it is not in it. */
const struct held *history_find(const struct history *h, uint32_t txn);
bool held_same_gtid(const struct held *a, const struct held *b);
/* Same GTIDs with the same contents in the same order, as far as both go. */
bool history_prefix(const struct history *shorter, const struct history *longer);

#endif

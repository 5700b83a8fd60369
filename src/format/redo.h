/* Records of the engine's redo log. The format is ours; a record stands for one mini-transaction:
 * the CRC32 over all of it makes it whole or not there.
 *
 *   type 1, reserved 1, length of the payload 2, xid 8, k 4, v 4, GTID (domain 4, server 4, seq 8),
 *   payload, CRC32 4
 */
#ifndef ACKPROOF_FORMAT_REDO_H
#define ACKPROOF_FORMAT_REDO_H

#include "format/bytes.h"
#include "format/gtid.h"

enum { REDO_RECORD_LEN = 40 }; /* without payload */

enum redo_type {
    REDO_PREPARE = 1,
    REDO_COMMIT,
    REDO_ROLLBACK,
    /* With the binlog inside the engine. */
    REDO_WHOLE,      /* row, commit and the transaction's binlog record, in one */
    REDO_PIECE,      /* a binlog record alone: an out-of-band piece of a large transaction */
    REDO_CHECKPOINT, /* xid: the binlog pages hold everything before this offset of the stream */
    REDO_PURGE,      /* xid: the binlog files before this offset, where a file begins, may go */
    /* Never in the log: a row in the file of a table without transactions. */
    REDO_PLAIN_ROW,
    REDO_TYPES
};

struct redo_record {
    uint64_t xid;
    int32_t k, v;
    struct gtid gtid; /* of a replicated transaction */
    uint8_t type;     /* enum redo_type */
    uint16_t len;
    const uint8_t *payload; /* WHOLE, PIECE: offset in the stream 4, then the binlog record */
};

/* Appends the record. w->failed where there is no room. */
void redo_encode(struct writer *w, const struct redo_record *r);
/* Reads the record at bytes[0 .. len); its length, 0 where none is whole there. r->payload points
 * into bytes. */
uint32_t redo_decode(const uint8_t *bytes, uint32_t len, struct redo_record *r);

#endif

/* The promises, with the stable ids that code, scenarios and reports share (design section 5). */
#ifndef ACKPROOF_MODEL_INVARIANT_H
#define ACKPROOF_MODEL_INVARIANT_H

#include <stdint.h>

enum invariant {
    INV_NOLOSS,    /* a transaction whose client got OK survives on every primary elected later */
    INV_NOPHANTOM, /* what a reader saw on a serving primary is on every primary elected later */
    INV_NOAHEAD,   /* no replica holds what the recovered primary, serving again, does not hold */
    INV_AGREE,     /* binlog and engine hold the same transactions in the same order */
    INV_CONVERGE,  /* same GTID, same content; a replica is a prefix of its primary */
    INV_ACKTRUE,   /* an ACK means that all it releases is durable on that replica */
    INV_LIVE,      /* no deadlock, no lost wake-up, no wait beyond its timeout */
    INV_OBS,       /* status says ON only while it protects; counters add up */
    INV_SANE,      /* no assertion fails, no nonsense asked of the world, no unreadable file */
    INVARIANTS
};

typedef uint32_t invariant_mask; /* bit i = enum invariant i */

const char *invariant_id(enum invariant i);        /* "NOLOSS" */
const char *invariant_statement(enum invariant i); /* one sentence */
/* INVARIANTS where the id is not known. */
enum invariant invariant_find(const char *id);

#endif

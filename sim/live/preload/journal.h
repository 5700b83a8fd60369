/* The undo journal of a power loss: what stands between a file as a process sees it and as its disk
 * holds it. Written by the preloaded object (power.c), applied by sim/live/power.c.
 *
 * One journal per inode, <inode>.undo, in a folder outside the data directory. It outlives the
 * process that wrote it: a page cache survives a kill -9, and the next process may or may not fsync
 * what it found there.
 *
 *   PATH   text: where the file is
 *   UNDO   before a write, truncation or extension: the bytes that stood at `off`, and the size
 *   COVER  an fsync has succeeded; it was asked for when the journal was `off` bytes long, so that
 *          all before is durable
 *   FAILED an fsync has failed, asked for at `off`: what is not covered before that stays in the
 *          page cache, in pages that count as clean from now on; only a page that is written again
 *          is written by a later fsync (Linux)
 *   GONE   the file was unlinked: all before is void, its inode may be used again
 *
 * A trap is a file `trap` beside the journals, one line "CALL STEM ACTION SKIP": at the call after
 * SKIP others, on a file whose name starts with STEM, do ACTION. When it strikes, `trap` becomes
 * `trap.hit`, which says "CALL of NAME".
 *   CALL    write | truncate | fsync | unlink | any
 *   ACTION  kill    SIGKILL before the call is made
 *           stall   SIGKILL before the call is made, 2.5 s later: meanwhile all other threads go on
 *           late    the call is made 0.5 s later
 *           eio     the call fails with EIO, and is not made; of an fsync the pages are clean then
 *           enospc  likewise, ENOSPC
 *           lie     of an fsync: it says yes and makes nothing durable
 */
#ifndef ACKPROOF_SIM_LIVE_PRELOAD_JOURNAL_H
#define ACKPROOF_SIM_LIVE_PRELOAD_JOURNAL_H

#include <stdint.h>

#define POWER_ROOT_ENV    "ACKPROOF_POWER_ROOT"    /* the data directory */
#define POWER_JOURNAL_ENV "ACKPROOF_POWER_JOURNAL" /* the folder of the journals */
#define POWER_TRAP        "trap"
#define POWER_TRAP_HIT    "trap.hit"

enum power_kind { POWER_PATH = 1, POWER_UNDO, POWER_COVER, POWER_FAILED, POWER_GONE };

/* Followed by `len` bytes. */
struct power_record {
    uint32_t kind;
    uint32_t len;
    uint64_t off;
    uint64_t size;
};

#endif

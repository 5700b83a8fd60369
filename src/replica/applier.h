/* The applier (SQL thread): reads complete event groups from the relay logs in order and hands them
 * on to be committed; one group at a time.
 *
 * It has no position on disk of its own. The slave position is kept by the engine in the same
 * transaction as the rows (mysql.gtid_slave_pos), so after a restart the applier starts at the
 * oldest relay log that is there and skips, per domain, what is already applied (facts 8.3 P4,
 * P11). A partial group at the end is never handed on (P6). A relay log that goes on behind a
 * position which the slave position has not reached is not applied (P3); the applier stops
 * (`failed`).
 *
 * The view it is given should end where the receiver has advanced to: receiver_visible().
 */
#ifndef ACKPROOF_REPLICA_APPLIER_H
#define ACKPROOF_REPLICA_APPLIER_H

#include "core/core.h"
#include "core/settings.h"
#include "format/event.h"

struct applier {
    uint8_t relay_num; /* file it reads; 0 = start at the oldest */
    uint8_t busy;      /* bool: a group was handed out and is not committed yet */
    uint8_t failed;    /* bool: a relay log is unreadable, or there is a hole before it; stays */
    uint8_t reserved[5];
    uint32_t offset;         /* start of the next group in it */
    uint32_t next_offset;    /* end of the group handed out */
    struct gtid_pos applied; /* slave position */
};

void applier_boot(struct applier *a, const struct gtid_pos *applied);
/* True and the group where a complete one that is not applied yet stands in the relay logs; `busy`
 * is then set until applier_done. False: nothing to do now (or failed). */
bool applier_next(struct applier *a, const struct disk_view *disk, struct replicated_group *g);
void applier_done(struct applier *a, struct gtid committed);
/* True where a group is under way or applier_next would find one; changes nothing. */
bool applier_behind(const struct applier *a, const struct disk_view *disk);

#endif

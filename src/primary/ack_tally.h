/* More ACKs than one: which position has the wait count of replicas ACKed?
 * (rpl_semi_sync_source_wait_for_replica_count of MySQL 5.7 and later;
 * rpl_semi_sync_master_wait_for_slave_count of MariaDB, MDEV-18983, in a preview of 12.1 only.)
 *
 * MySQL keeps the ACKs that are not complete yet in count - 1 slots, one per replica, and the
 * greatest position that it has reported. An ACK that finds no slot free completes one: the least
 * of the slots and itself should be reported. The function that looks for it takes the last slot
 * that is below the new ACK instead of the least one (facts 2.3 and A7, mysql-server PR 509): the
 * same thing as long as there is one slot.
 *
 * MariaDB's proposal counts ACKs per position. Here each replica's highest is kept, and the
 * count-th of them is what all positions up to it have.
 */
#ifndef ACKPROOF_PRIMARY_ACK_TALLY_H
#define ACKPROOF_PRIMARY_ACK_TALLY_H

#include "core/core.h"
#include "core/settings.h"

enum { ACK_SLOTS_MAX = NODES_MAX - 1 };

struct ack_tally {
    uint8_t of[ACK_SLOTS_MAX]; /* node + 1 that the slot is for; 0 = empty */
    uint8_t reserved[8 - ACK_SLOTS_MAX];
    log_pos_t pos[ACK_SLOTS_MAX];
    log_pos_t greatest; /* reported */
};

/* An ACK of the node up to pos. The position that `count` (2 or more) replicas have ACKed now, and
 * that the semi-sync master is to be told; 0: nothing new. */
log_pos_t ack_tally_insert(struct ack_tally *t, enum ack_count how, uint32_t count, uint32_t node,
                           log_pos_t pos);

#endif

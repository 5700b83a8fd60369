/* The semi-sync master: which commit waits for which ACK (facts section 2.1; the server's
 * Repl_semi_sync_master under LOCK_binlog).
 *
 *   active    ordered list of transaction end positions that an ACK is awaited for, each with the
 *             tasks that wait on it, if any does yet
 *   replied   highest position that was ACKed
 *   wait      lowest position that somebody waited for since the list was empty
 *   committed highest position ever registered, kept while OFF: the catch-up mark
 *
 *   ON --timeout--> OFF: every node is dropped and every waiter released; commits go on
 *       asynchronously
 *   OFF --ACK at or behind `committed`--> ON
 *
 * One ACK from any semi-sync replica is enough, unless there is a wait count (ack_tally.h). ACKs
 * are cumulative. A wait always ends in "go
 * on": semi-sync never refuses a commit (facts 2.1, commit_trx).
 */
#ifndef ACKPROOF_PRIMARY_SEMISYNC_H
#define ACKPROOF_PRIMARY_SEMISYNC_H

#include "core/core.h"
#include "core/settings.h"
#include "primary/ack_tally.h"

enum { SEMISYNC_NODES_MAX = 2 * SESSIONS_MAX + 2 };

struct semisync_node {
    log_pos_t pos;
    uint32_t waiters; /* bit i: task i waits on it */
    uint32_t reserved;
};

struct semisync {
    uint8_t enabled;
    uint8_t on;
    uint8_t clients; /* bit i: node i is connected as a semi-sync replica */
    uint8_t n;
    /* Status variables. wait_sessions counts threads, and AFTER_SYNC has one thread wait for a
     * whole group; yes_tx and no_tx count the commits of MariaDB, and the waits of MySQL. */
    uint8_t yes_tx, no_tx, wait_sessions;
    uint8_t tallies;  /* bool: the wait count is above 1, tally is in use */
    uint32_t waiting; /* bit i: task i is in its wait: it has not run since it was told to wait */
    uint16_t reserved_too[2];
    log_pos_t replied;
    log_pos_t wait;
    log_pos_t committed;
    struct semisync_node active[SEMISYNC_NODES_MAX]; /* sorted by pos */
    struct ack_tally tally;                          /* with a wait count above 1 */
};

/* enable_master: a server comes up as primary, is promoted, or SET GLOBAL ..._enabled=1. It is ON
 * at once, whoever is there. `end` is the end of its binlog; 0 where it does not matter. */
void semisync_enable(struct semisync *s, const struct env *env, log_pos_t end);
/* disable_master: every waiter goes on, and all is forgotten but the replicas. */
void semisync_disable(struct semisync *s, const struct env *env, struct actions *out);

/* after_reset_master: the counters are zero and nothing is known, whoever waits or has not run
 * since it was released. */
void semisync_reset_status(struct semisync *s);

/* write_tranx_in_binlog: registers the end position of a transaction. Must come before the position
 * is published to the dump threads, or no ACK would be asked for it. One that is lower than the one
 * before it, by the names of their files, switches semi-sync off. */
void semisync_register(struct semisync *s, const struct env *env, log_pos_t pos,
                       struct actions *out);
/* update_sync_header: does the event that ends at pos carry the need-ACK flag? */
bool semisync_wants_ack(const struct semisync *s, const struct env *env, log_pos_t pos);
/* An ACK of a replica up to pos; wakes who waited for it and has all ACKs that it needs now. */
void semisync_ack(struct semisync *s, const struct env *env, uint32_t node, log_pos_t pos,
                  struct actions *out);
/* commit_trx: true where the task may go on, false where it must wait (it is woken then; the timer
 * of a finite timeout is armed). To be asked again after each wake-up. */
bool semisync_wait(struct semisync *s, const struct env *env, log_pos_t pos, uint32_t task,
                   struct actions *out);
/* A killed thread leaves its wait, or does not begin it. The position stays in the list: an ACK is
 * still asked for. */
void semisync_abandon(struct semisync *s, uint32_t task, struct actions *out);
/* The timer of a waiting task ran out: semi-sync is switched off. */
void semisync_timeout(struct semisync *s, const struct env *env, uint32_t task,
                      struct actions *out);
/* A dump thread starts for a semi-sync replica / ends. `start` counts as an ACK (facts 2.1). */
void semisync_replica_joins(struct semisync *s, const struct env *env, uint32_t node,
                            log_pos_t start, struct actions *out);
void semisync_replica_leaves(struct semisync *s, const struct env *env, uint32_t node,
                             struct actions *out);
/* Is the task waiting for an ACK? */
bool semisync_is_waiting(const struct semisync *s, uint32_t task);

#endif

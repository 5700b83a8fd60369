/* Settings and profiles: all that differs between servers is data here, not a fork in a core.
 *
 * Names are those of the servers' variables. Defaults of the simulator are the safe ones (1/1/1),
 * not the servers' (facts section 0); a scenario says what it wants.
 */
#ifndef ACKPROOF_CORE_SETTINGS_H
#define ACKPROOF_CORE_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

enum wait_point { WAIT_AFTER_COMMIT, WAIT_AFTER_SYNC, WAIT_BEFORE_WRITE };

/* When the dump threads may see a group. */
enum publish_order {
    PUBLISH_AFTER_SYNC_CALL, /* MariaDB: always behind flush_and_sync, whatever that did */
    PUBLISH_BEFORE_SYNC,     /* MySQL 5.6: LOCK_log freed before the fsync (bug 70669) */
    PUBLISH_IF_SYNC_1,       /* MySQL 5.7+: behind the fsync iff sync_binlog=1, else before */
};

/* Whose wait releases a group: facts 1.1 step 11 (each member), 1.3 (last position once). For
 * MariaDB the latter is a proposal (MDEV-33491). */
enum group_wait { GROUP_WAIT_OF_PROFILE = 0, GROUP_WAIT_EACH, GROUP_WAIT_LAST };

/* What becomes of a group whose binlog write or fsync failed (facts 1.1 step 7e, 1.3). */
enum binlog_error {
    BINLOG_ERROR_OF_PROFILE = 0,
    BINLOG_ERROR_ROLLBACK, /* MariaDB: each member is rolled back; bytes that are there stay */
    BINLOG_ERROR_ABORT,    /* binlog_error_action=ABORT_SERVER: the server ends itself */
    BINLOG_ERROR_IGNORE,   /* =IGNORE_ERROR: the binlog is closed, commits go on without it */
};

/* Who makes the members of a group visible. */
enum commit_order {
    ORDER_BY_LEADER = 0,  /* the leader, one after the other */
    ORDER_BY_OWN_THREADS, /* MariaDB binlog_optimize_thread_scheduling=0: each its own, in turn */
    ORDER_NONE,           /* MySQL binlog_order_commits=0: each its own, whenever it comes to it */
};

/* How many replicas must ACK, and who counts them (src/primary/ack_tally.h). */
enum ack_count {
    ACK_COUNT_ONE = 0, /* one is enough; the server has no variable for it */
    ACK_COUNT_SLOTS,   /* MySQL */
    ACK_COUNT_EACH,    /* MariaDB's proposal; a single ACK brings it back to ON (MDEV-37116) */
};

/* Where semi-sync masters differ (facts 2.1, 2.3). */
struct semisync_rules {
    bool kill_ends_wait;       /* a killed session does not wait for its ACK any longer */
    bool awaits_forgotten;     /* waits also for a position that is not in its list any more: nobody
                              will wake it (per-thread conditions of MDEV-33551, before the look
                              that MDEV-34122 added) */
    bool off_without_replicas; /* wait_no_slave off, too few replicas: it is switched OFF and says
                                  so; else it stays ON and does not wait */
    bool off_keeps_waits;   /* switched off, positions stay until who waits on them has gone on */
    bool ack_ends_wait_pos; /* an ACK of the lowest wait position forgets it at once, not only
                               when nothing is left in the list */
    enum ack_count ack_count;
};

struct server_profile {
    const char *name;    /* "mariadb-10.11" */
    const char *version; /* what the FORMAT_DESCRIPTION carries */
    enum publish_order publish;
    enum group_wait group_wait;
    enum binlog_error binlog_error;
    bool ddl_first;        /* DDL is durable in the engine before it is logged; not atomic */
    bool commit_by_rotate; /* a large transaction becomes a binlog file (MDEV-32014) */
    struct semisync_rules semisync;
    bool rotation_drains;     /* waits, under LOCK_log, until nothing in the old file is in doubt */
    bool dump_takes_log_lock; /* to read the current file (up to MySQL 5.6) */
    bool doubt_is_rolled_back; /* no binlog to ask (the last is clean): rolled back; MariaDB refuses
                                  to start (both seen: 9.7.4, 10.11.19) */
    bool cuts_torn_tail; /* a start takes what no complete group is off the last binlog (MDEV-6608);
                            MariaDB leaves it there, and sends it */
    bool after_commit_in_turn; /* groups wait one after the other (LOCK_after_commit, facts 1.3) */
    /* Defects of earlier servers, each to show what its repair is good for. */
    bool clears_in_use_early; /* before MDEV-342: the old file is marked as clean at its close */
    bool flush_overtakes; /* before MDEV-24526: FLUSH LOGS asks without walking the lock chain */
    bool forgets_old_binlogs; /* before MDEV-181, and without MySQL's wait: a new file says that
                                 recovery needs no older one */
};
/* NULL for a name that is not known. */
const struct server_profile *server_profile_find(const char *name);
const struct server_profile *server_profile_at(uint32_t i); /* NULL behind the last */

/* When a receiver sends the ACK it was asked for (facts sections 3.1, 3.2, 3.3). */
enum ack_when {
    ACK_BEFORE_HANDLE, /* Connector/C: inside the fetch, before the application has the event */
    ACK_AFTER_QUEUE,   /* go-mysql channel: the event lies in a buffer in memory */
    ACK_AFTER_HANDLE,  /* the handler has returned, whatever it did */
};
/* What the handler of a receiver does about fsync. */
enum handler_sync {
    HANDLER_SYNC_NEVER,     /* go-mysql backup handler: write(2) only */
    HANDLER_SYNC_COUNTED,   /* mariadbd: every sync_relay_log-th event */
    HANDLER_SYNC_BEFORE_ACK /* ours: once, on an event that wants an ACK */
};
struct receiver_profile {
    const char *name; /* mariadbd, ackproof, libmariadb, go-mysql-channel, go-mysql-handler */
    enum ack_when ack;
    enum handler_sync sync;
    bool handler;  /* a synchronous handler is called */
    bool buffered; /* events go through a buffer to a consumer; excludes `handler` */
    bool verify_crc_before_ack;
};
const struct receiver_profile *receiver_profile_find(const char *name);
const struct receiver_profile *receiver_profile_at(uint32_t i);

/* What START SLAVE in GTID mode does with relay logs that are there (facts 3.1, C21). */
enum relay_restart {
    RELAY_PURGE, /* mariadbd: deleted, fetched again from the slave position */
    RELAY_KEEP,  /* MDEV-4698, goal (b): kept as the second durable copy */
};

/* What a server does between crash recovery and letting sessions in. */
enum recovery_policy {
    RECOVERY_SERVE,     /* at once: what recovery committed is visible (facts 2.4) */
    RECOVERY_WAIT_ACK,  /* when a replica has ACKed all of it (MDEV-162, crash scenarios) */
    RECOVERY_READ_ONLY, /* when the manager says so (MDEV-34878, MDEV-34705 step 3) */
};

/* --init-rpl-role: what a starting server takes itself for. SLAVE makes crash recovery cut the
 * transactions in doubt off the binlog instead of committing them (MDEV-21117, MDEV-33465). */
enum init_rpl_role { ROLE_MASTER, ROLE_SLAVE };

/* What a server does when it cannot write a group that it has sent already (BEFORE_WRITE). */
enum sent_error {
    SENT_ERROR_ABORT,     /* ends itself: replicas may hold what it cannot have */
    SENT_ERROR_ROLL_BACK, /* rolls the group back as after any other write error, and goes on */
};

/* Behind binlog.999999 a name has a digit more. */
enum { BINLOG_FIRST_MAX = 1000000 };

struct server_settings {
    const struct server_profile *profile;
    const struct receiver_profile *receiver;
    uint32_t server_id;
    uint32_t domain_id;
    uint32_t sync_binlog;             /* 0 = never, N = every N-th flush */
    uint32_t flush_log_at_trx_commit; /* 0..3 */
    uint32_t sync_relay_log;          /* 0 = never, N = every N-th event */
    uint32_t max_binlog_size;         /* bytes behind which a binlog is full; 0 = never */
    uint32_t first_binlog;            /* what its first binlog is called: 1 = binlog.000001 */
    uint32_t semi_sync_timeout_ms;    /* 0 = infinite */
    uint32_t wait_for_slave_count;    /* replicas that must ACK */
    enum wait_point wait_point;
    enum relay_restart relay_restart;
    enum recovery_policy recovery;
    enum init_rpl_role init_rpl_role;
    enum sent_error sent_error;
    enum group_wait group_wait;     /* see settings_group_wait */
    enum binlog_error binlog_error; /* see settings_binlog_error */
    enum commit_order commit_order;
    bool engine_binlog;    /* binlog_storage_engine=innodb */
    bool semi_sync_master; /* rpl_semi_sync_master_enabled */
    bool semi_sync_slave;  /* rpl_semi_sync_slave_enabled */
    bool wait_no_slave;    /* rpl_semi_sync_master_wait_no_slave */
};
void server_settings_default(struct server_settings *s);
/* The setting, or what the profile has where none is given; never ..._OF_PROFILE. */
enum group_wait settings_group_wait(const struct server_settings *s);
enum binlog_error settings_binlog_error(const struct server_settings *s);

/* Cores have no clock: every event they create carries this time (2023-11-14 22:13:20 UTC), so that
 * equal runs give equal bytes. */
enum { EVENT_TIMESTAMP = 1700000000 };

/* What a core may know of its surroundings in one step. */
struct disk_view;
struct env {
    const struct server_settings *set;
    const struct disk_view *disk;
    uint32_t node; /* own number, 0..NODES_MAX-1 */
};

#endif

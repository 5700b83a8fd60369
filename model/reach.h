/* Conditions that a search must have met at least once for a `holds` to mean anything (design
 * section 6). A scenario lists those it needs by name; one that was never met makes the scenario
 * "not-exercised", which is a failure. */
#ifndef ACKPROOF_MODEL_REACH_H
#define ACKPROOF_MODEL_REACH_H

#include <stdint.h>

enum reach {
    REACH_PRIMARY_CRASH,         /* "primary crash" */
    REACH_REPLICA_CRASH,         /* "replica crash" */
    REACH_CRASH_BEFORE_SYNC,     /* "primary crash between binlog write and fsync" */
    REACH_CRASH_BEFORE_ACK,      /* "primary crash between binlog fsync and ACK" */
    REACH_CRASH_ACK_IN_FLIGHT,   /* "ACK in flight at the crash" */
    REACH_CRASH_ACKED_INVISIBLE, /* "primary crash between ACK and engine commit" */
    REACH_CRASH_VISIBLE_UNACKED, /* "primary crash with a visible transaction not ACKed" */
    REACH_CRASH_SENT_UNWRITTEN,  /* "primary crash with a transaction sent and not in the binlog" */
    REACH_POWER_UNSYNCED_LOST,   /* "power loss that lost unsynced bytes" */
    REACH_POWER_TORN,            /* "power loss that tore a write" */
    REACH_FSYNC_LIED,            /* "a lying fsync" */
    REACH_GROUP_OF_TWO,          /* "a commit group of two" */
    REACH_TWO_GROUPS,            /* "two groups in the pipeline" */
    REACH_PROMOTION,             /* "promotion" */
    REACH_PROMOTION_APPLIED_RELAY, /* "promotion that applied relay log first" */
    REACH_PROMOTION_OF_LESSER,     /* "promotion of a replica that was not the most advanced" */
    REACH_RESTART_AS_PRIMARY,      /* "restart as primary" */
    REACH_RECOVERY_COMMIT,         /* "recovery committed a transaction in doubt" */
    REACH_RECOVERY_ROLLBACK,       /* "recovery rolled a transaction back" */
    REACH_RECOVERED_UNACKED,    /* "recovery committed a transaction that no replica had ACKed" */
    REACH_REPLICA_RESTART,      /* "replica restart" */
    REACH_RELAY_PURGED,         /* "relay log purged with transactions not applied" */
    REACH_RELAY_KEPT,           /* "relay log kept over a restart with transactions not applied" */
    REACH_ACK_COUNTED,          /* "ACK released a waiter" */
    REACH_TIMEOUT,              /* "semi-sync timeout" */
    REACH_PARTITION,            /* "partition" */
    REACH_OK_WHILE_PARTITIONED, /* "client answered by a partitioned primary" */
    REACH_CAUGHT_UP_FROM_REPLICA, /* "primary caught up from a replica" */
    REACH_GTID_REUSED,            /* "a GTID used again for another transaction" */
    REACH_BINLOG_CUT,             /* "recovery cut transactions off the binlog" */
    REACH_REJOIN,                 /* "old primary rejoined as replica" */
    REACH_REJOIN_REFUSED,         /* "old primary refused at its rejoin" */
    REACH_OPERATOR_SEMI_SYNC_OFF, /* "semi-sync disabled by an operator" */
    REACH_OPERATOR_SEMI_SYNC_ON,  /* "semi-sync enabled by an operator" */
    REACH_KILLED_WAITER,          /* "a killed session that waited for an ACK" */
    REACH_KILLED_LEADER,          /* "a killed leader whose group waited for an ACK" */
    REACH_OPERATOR_STOP_SLAVE,    /* "replica stopped by an operator" */
    REACH_OPERATOR_START_SLAVE,   /* "replica started by an operator" */
    REACH_OPERATOR_FLUSH_LOGS,    /* "logs flushed by an operator" */
    REACH_ROTATED,                /* "binlog rotated" */
    REACH_CRASH_ROTATING,         /* "primary crash during a rotation" */
    REACH_RECOVERY_FILES,         /* "recovery read more than one binlog" */
    REACH_UNREGISTERED,           /* "start deleted a binlog that the index did not name" */
    REACH_CHECKPOINT,             /* "binlog checkpoint written" */
    REACH_START_REFUSED,          /* "a server did not start" */
    REACH_ACK_PER_MEMBER,         /* "each member of a group asked for an ACK" */
    REACH_ACK_PER_GROUP,          /* "a group of two asked for one ACK" */
    REACH_BINLOG_ERROR,           /* "a binlog write or fsync failed" */
    REACH_BINLOG_CLOSED,          /* "commits went on without a binlog" */
    REACH_COMMIT_OVERTOOK,        /* "a commit overtook one before it in the binlog" */
    REACH_DDL_NOT_AWAITED,        /* "a DDL that caused a rotation was not waited for" */
    REACH_SHUTDOWN,               /* "server shut down by an operator" */
    REACH_SHUTDOWN_WAIT,          /* "server shut down by an operator, waiting for all slaves" */
    REACH_RESET_MASTER,           /* "binlogs reset by an operator" */
    REACH_PURGED,                 /* "binlogs purged by an operator" */
    REACH_PURGE_HELD,             /* "a purge left binlogs for what refers to them" */
    REACH_DUMP_REFUSED,           /* "a replica's dump request was refused" */
    REACH_STREAM_TORN,            /* "a stream ended at a torn event" */
    REACH_ALL_DONE,               /* "all transactions answered without a fault" */
    REACHES
};

typedef uint64_t reach_mask;

const char *reach_name(enum reach r);
/* REACHES where the name is not known. */
enum reach reach_find(const char *name);

#endif

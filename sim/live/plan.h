/* From a scenario's settings to what a real server is made to do, or the reason why it cannot be.
 *
 * A kill -9 takes the process and leaves the page cache, a power loss takes what no fsync covers,
 * a held ACK opens the windows of the commit path, a restart runs crash recovery: what
 * these cannot show is refused here with words.
 */
#ifndef ACKPROOF_SIM_LIVE_PLAN_H
#define ACKPROOF_SIM_LIVE_PLAN_H

#include <stdbool.h>
#include <stddef.h>

#include "sim/scenario.h"

enum live_kind {
    LIVE_PRIMARY_LOST,  /* kill -9 (or a cut) of the primary, then restart or failover */
    LIVE_OPERATED,      /* what an operator does to waiting commits; then the primary is lost */
    LIVE_DDL,           /* the primary is lost with a DDL statement under way */
    LIVE_REPLICA_AWAY,  /* STOP SLAVE and START SLAVE, a reset, or a power loss of the replica */
    LIVE_SHUT_DOWN,     /* SHUTDOWN of the primary under waits; then a restart or a promotion */
    LIVE_UNDISTURBED,   /* nothing goes wrong: the order of the commits */
    LIVE_INDEX_LIES,    /* an fsync of the primary's binlog index lies; power is lost */
    LIVE_DISK_FAILS,    /* a write or fsync of the primary's binlog; then it is lost */
    LIVE_RECEIVER_LOST, /* kill -9 of a process that receives and ACKs */
    LIVE_ALONE,         /* no replica: power losses at each call, then a restart */
};

struct live_plan {
    enum live_kind kind;
    uint32_t peers;     /* replicas */
    uint32_t sessions;  /* concurrent commits in the window */
    uint32_t settle_ms; /* how long "not answered, not visible" is watched */
    bool restart;       /* the first loss is followed by a restart as primary */
    bool failover;      /* the last loss is followed by a promotion */
    bool promote_any;
    bool unharmed;             /* nobody is lost */
    bool resets;               /* the connection of a replica is reset */
    bool partition;            /* the replicas are cut off, the primary goes on */
    bool watched;              /* the server is started with the preloaded object */
    bool power;                /* a power loss of the primary is a real one (sim/live/power.h) */
    uint32_t kills, powers;    /* losses of the primary, by their kind; kills come first */
    bool recovers;             /* what strikes a recovery is played as well (recovery_lost.c) */
    bool cuts;                 /* its recovery truncates the binlog (init_rpl_role: SLAVE) */
    uint32_t acts;             /* bit a: operators may do a (enum operator_act) */
    uint32_t large;            /* that many of what the clients commit behind T1 are large */
    uint32_t plain;            /* that many, the last ones, go into a table without transactions */
    uint32_t ddl;              /* that many of what the clients commit behind T1 are DDL */
    const char *fails;         /* the call that fails: "fsync" or "write" */
    enum file_kind fails_file; /* of the primary's binlog or redo log */
    bool relay_lies;           /* an fsync of a replica's relay log claims and keeps nothing */
    bool index_lies;           /* an fsync of the primary's binlog index does so */
    uint32_t fills;            /* so many groups of an insert fill a binlog; 0: none do */
    bool shows;                /* commits are visible before their record is fsynced (3) */
    bool synced;               /* each group of the primary is fsynced (sync_binlog=1) */
    bool counted;              /* every second one is, or fewer (sync_binlog above 1) */
    bool full_unsynced;        /* binlogs fill up, and nothing but their end makes them durable */
    bool rejoins;        /* after the promotion the old primary is started again, as a replica */
    bool tears;          /* a power loss tears the last write to the primary's binlog */
    bool follows;        /* it is, and asks the promoted one, which a second server plays */
    bool kill_for_power; /* the scenario says power loss; kill -9 shows the same here */
    bool replica_power;  /* its replica loses power (as well), and is started again */
    bool comes_back;     /* a receiver that was lost is started again on its files: LIVE */
    bool live_only;      /* of what is lost only that is played, and nothing but LIVE is judged */
    bool libmariadb;     /* the receiver that is lost is a Connector/C application */
};

/* Of a server of this version (101119 for 10.11.19; 0: it did not say). False with the reason in
 * `why`. */
bool plan_make(const struct scenario *sc, uint32_t version, struct live_plan *p, char *why,
               size_t cap);

#endif

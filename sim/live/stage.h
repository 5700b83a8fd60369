/* The stage of one case with a primary that is lost: the server, its clients, a reader, the peers,
 * and what each of them saw.
 */
#ifndef ACKPROOF_SIM_LIVE_STAGE_H
#define ACKPROOF_SIM_LIVE_STAGE_H

#include "sim/live/peer.h"
#include "sim/live/run.h"

/* PART_OF_GROUP: events; the group of an insert has four and more. */
enum { PART_OF_GROUP = 3, STAGE_LIMIT_MS = 20000, STAGE_TURN_MS = 1, STAGE_PAD_BEFORE_DDL = 3490 };

struct stage {
    struct live_run *run;
    char name[16];              /* of the case, and of its folders */
    struct live_session reader; /* the second connection */
    struct live_session client[SESSIONS_MAX];
    uint32_t n_clients;
    struct peer peer[NODES_MAX - 1];
    uint32_t n_peers;
    uint32_t n_sent; /* transactions sent so far; also the GTID sequence number of the last */
    txn_mask ddl;    /* of the transactions these are DDL: T2 and up */
    txn_mask sent[SESSIONS_MAX]; /* the client's transaction */
    uint32_t losses;             /* of the primary, so far */
    bool refused;                /* the primary does not start any more (stage_restart) */
    uint32_t pad;                /* bytes more for the next inserts; 0: what the plan says */
    bool as_master;              /* from now on it is started with init_rpl_role=MASTER */
    bool read_only;              /* from now on it is started as a server that follows */
    bool keep_power;             /* the case takes the power away by itself */
    const char *loses;           /* a power loss takes of files of this stem only; NULL: of all */
    struct ledger ledger;        /* what was promised to clients and readers */
    struct history primary;      /* binlog of the primary, read after its loss */
    struct history held[NODES_MAX - 1]; /* relay logs */
};

/* A fresh server, connected peers, clients, and T1 committed, ACKed and on every replica. False
 * after run_fail; stage_down in any case. */
bool stage_up(struct stage *st, struct live_run *run, const char *name);
void stage_down(struct stage *st);

/* Their sessions are over: the server is gone. */
void stage_clients_down(struct stage *st);

/* One case: what it is called, stage_up, `play` with the case, and an end to all that was started.
 * False where one of them has failed. */
bool stage_case(struct stage *st, struct live_run *run, const char *title,
                bool (*play)(struct stage *st, const void *played), const void *played);

/* Lets peers and clients go on for a moment. False (after run_fail) when something is wrong. */
bool stage_turn(struct stage *st);
/* Turns until `done` says so. Past limit_ms: run_fail("... did not happen: <what>"). */
bool stage_until(struct stage *st, bool (*done)(struct stage *st), uint32_t limit_ms,
                 const char *what);
/* Turns and reads for so long. */
bool stage_watch(struct stage *st, uint32_t watch_ms);
/* A trap in the server (sim/live/power.h), and turns until it strikes. */
bool stage_set_trap(struct stage *st, const char *call, const char *stem, const char *action,
                    uint32_t skip);
bool stage_until_trapped(struct stage *st, const char *call, const char *stem);
/* Turns until the server's process has ended by itself (with this wait status), or limit_ms are
 * over. False after run_fail. */
bool stage_await_end(struct stage *st, uint32_t limit_ms, bool *ended, int *status);
/* One concurrent commit per client: T2, T3 ... With DDL T2 is one, and first in the binlog. */
bool stage_commit(struct stage *st);
/* Is the transaction (from 0) one that becomes a binlog of its own? */
bool stage_is_large(const struct stage *st, uint32_t txn);
/* The next transaction, in this session. */
bool stage_send(struct stage *st, uint32_t client);
/* Reads with the second connection. */
bool stage_read(struct stage *st);
/* SIGKILL; where the plan has a power loss for this loss, the files also lose what no fsync covers.
 * First the deaf peers' cut, afterwards the answers that are still in the clients' sockets, the
 * packets in the peers', then the histories from the files. */
bool stage_lose(struct stage *st);
/* The files lose what no fsync covers: all, or those of this stem. */
bool stage_power_off(struct stage *st, const char *stem);
/* The same of a replica that is idle: its relay logs are cut, and its receiver core is started on
 * them. */
bool stage_replica_power_off(struct stage *st, uint32_t i);
/* Histories from the files as they are now. SANE breaks where one cannot be read to its end. */
bool stage_read_logs(struct stage *st);
/* What the primary's binlog holds and a relay log does not; of these replicas (bit i: st->peer[i]).
 */
txn_mask stage_missing(const struct stage *st, uint32_t replicas);
/* Starts the server again on the same data, as primary, and reads, also its logs. One that ends by
 * itself will do so at the next try too: st->refused, and true. As a replica it is out, loudly;
 * where it alone was to serve again everybody waits (LIVE). */
bool stage_restart(struct stage *st);

/* Starts it to be killed by a trap in its recovery, and says whether that has come. */
bool stage_start_into_trap(struct stage *st, const char *call, const char *stem, const char *action,
                           uint32_t skip);
/* stage_restart behind a loss, all files read again, and what the second connection now reads. */
bool stage_start_again(struct stage *st, txn_mask *visible);
/* Replicas connect and are sent, and ACK, all that the primary's binlog held when last read. */
bool stage_catch_up(struct stage *st);
/* stage_start_again, and judges what the server shows now: it serves again (primary_lost.c). */
bool stage_go_on(struct stage *st);

/* Where the plan ends with the restart: new commits, then the replicas come back: LIVE
 * (serves_on.c). Nothing else can be judged behind it. */
bool stage_serves_on(struct stage *st);

/* Cases whose loss strikes a recovery, or the moment before an fsync (recovery_lost.c); behind the
 * others of a plan with a power loss. */
bool recovery_lost(struct stage *st, struct live_run *r);

/* Behind a loss: the old primary starts read-only, the replica is promoted, which another server
 * plays, and takes the old one as its replica or refuses it (rejoin.c). */
bool stage_rejoin(struct stage *st);

/* Cases whose power loss tears the last write to the binlog (torn.c); behind those. */
bool torn_writes(struct live_run *r);

/* Says what clients and readers got so far. */
void stage_say_seen(struct stage *st, const char *when);
/* Judges what the replicas hold beside the primary's binlog, and, where the plan has a failover,
 * each that may be promoted (primary_lost.c). */
void stage_judge_replicas(struct stage *st);
uint32_t stage_most_advanced(const struct stage *st); /* node of a replica */

bool stage_all_streaming(struct stage *st);
bool stage_peers_settled(struct stage *st);    /* no stream, and no disk action under way */
bool stage_replicas_counted(struct stage *st); /* by the primary, as semi-sync replicas */
/* Does each peer that listens hold all transactions sent? */
bool stage_all_received(struct stage *st);
/* Sequence number of the newest GTID in the primary's binlog, as it says itself. */
uint64_t stage_binlog_seq(struct stage *st);
/* Does the primary have all transactions sent in its binlog? Asked for by SQL: with AFTER_SYNC a
 * transaction stands there long before anybody sees its row. */
bool stage_in_binlog(struct stage *st);
/* Has this client its answer? */
bool stage_answered(struct stage *st, uint32_t client);
bool stage_all_answered(struct stage *st);
bool stage_any_ack_left(struct stage *st); /* an ACK for something behind T1 */
/* What an ACK releases, by the binlog as it was read last. */
txn_mask stage_released(const struct stage *st, const struct ack_packet *ack);
/* What the ACKs that have left release, by the binlog as it was read last. */
txn_mask stage_acked(const struct stage *st);

#endif

/* The flat block: every byte that a run consists of. Only sim/ (and whoever prints a world) reads
 * this.
 */
#ifndef ACKPROOF_SIM_WORLD_STATE_H
#define ACKPROOF_SIM_WORLD_STATE_H

#include "engine/engine.h"
#include "manager/manager.h"
#include "model/ledger.h"
#include "model/stream.h"
#include "primary/primary.h"
#include "replica/applier.h"
#include "replica/receiver.h"
#include "sim/world.h"

enum {
    CONNS_MAX = 2 * (NODES_MAX - 1), /* one given up, and its next, of each replica */
    CONN_DOWN_MAX = 3072, /* bytes in flight from the dump thread, and in the replica's socket */
    CONN_UP_MAX = 640,    /* a dump request and an ACK for each transaction */
    IO_FILES_MAX = 4,
};

/* The disk actions of one task that are under way: fsyncs, since everything else is done at once.
 * */
struct io {
    uint8_t active;
    uint8_t n;
    uint8_t next; /* file[next] is being fsynced */
    uint8_t reserved;
    struct file_id file[IO_FILES_MAX];
};

enum node_state {
    NODE_DOWN,
    NODE_BOOTING, /* recovery; then the relay logs */
    NODE_UP
};

/* A server: its cores, its disk, and what the world keeps about it. */
struct node {
    uint8_t state;      /* enum node_state */
    uint8_t restarted;  /* bool: not its first life */
    uint8_t boots_as;   /* enum admin: ADMIN_SERVE as primary, ADMIN_FOLLOW as replica */
    uint8_t relay_boot; /* bool: the receiver's start-up is under way */
    uint8_t follows;    /* node + 1 whose replica it is to be once booted; 0 = nobody's */
    uint8_t apply_all;  /* bool: an applier that lags is let go on (promotion, catch-up) */
    uint8_t behind;     /* bool: applier_behind, kept up to date */
    uint8_t fresh_hash; /* bool: hash below is that of the present contents */
    uint8_t refused;    /* bool: it cannot start from what its disk holds; nobody tries again */
    uint8_t commits;    /* ended in this life with semi-sync enabled, now or at their start */
    uint8_t noticed;    /* bit i: session i commits; semi-sync was enabled, and is not any more */
    uint8_t acked;      /* how many of `commits` had all their ACKs when they ended */
    uint8_t reserved[4];
    uint32_t runnable;  /* bit i: task i was woken */
    uint32_t timers;    /* bit i: the timer of task i is armed */
    uint32_t visible;   /* transactions that the read path shows; 0 while it is not up */
    uint32_t forgotten; /* transactions in binlogs that RESET MASTER or PURGE has deleted */
    uint32_t reserved_too;
    uint32_t in_io; /* bit i: io[i] is active */
    struct hash128 hash;
    struct io io[TASKS_MAX];
    struct history binlog;
    struct history relay;
    struct applier applier;
    struct receiver receiver;
    struct primary primary;
    struct engine engine;
    struct disk disk;
};

/* A TCP connection between a replica and the dump port of its primary. Each direction is a queue of
 * packets, 2 bytes of length before each: in flight or in the peer's socket buffer, which makes no
 * difference to anybody. An end that has closed does not read; what is queued for it is gone. */
struct conn {
    uint8_t used;
    uint8_t replica, primary; /* nodes */
    uint8_t asked;            /* bool: connect(2) under way */
    uint8_t replica_open;
    uint8_t primary_open;
    uint8_t reserved[2];
    uint32_t down_len;
    uint32_t up_len;
    uint8_t down[CONN_DOWN_MAX];
    uint8_t up[CONN_UP_MAX];
};

enum client_state {
    CLIENT_IDLE = 0,
    CLIENT_WAITS,   /* for an answer */
    CLIENT_CUT_OFF, /* its connection was killed; the server's session is not at its end yet */
};

/* A client session. Idle sessions at one server have nothing that tells them apart. */
struct client {
    uint8_t node; /* server it is connected to */
    uint8_t busy; /* enum client_state */
    uint8_t txn;  /* the transaction it waits for; 0 while idle */
    uint8_t reserved;
};

/* Replicas with equal settings (sim/replicas.c). All zeros where a search does not look at it. */
struct twins {
    uint8_t of[NODES_MAX]; /* the first one with the same settings + 1, itself too; 0: none has */
    uint8_t bag;           /* bit i: node i is one of a bag: no number tells them apart, for good */
    uint8_t slot_order;    /* bool: which slot of the ACK tally a replica has makes a difference */
    uint32_t server_id[NODES_MAX];
    uint64_t hashed_at; /* world.steps + 1 when `hash` was filled; 0: never */
    struct hash128 hash[NODES_MAX];
};

struct world {
    uint64_t steps;   /* not hashed */
    uint32_t touched; /* not hashed; bit i: node i was written since the block was copied */
    uint32_t phase;   /* not hashed; of a long run (sim/phase.c), from 0 */
    uint32_t forget; /* not hashed; bool: what is on the disk of a discarded server is not either */
    uint32_t conns;  /* not hashed; conn[conns ..] is not in use, and never looked at */
    struct twins twins; /* not hashed; the same in all states of a search, but for the cache */
    uint8_t dead;    /* bool: a core asked for nonsense or an assertion failed; the run ends here */
    uint8_t full;    /* bool: a bound was hit */
    uint8_t cut_off; /* bit i: node i is partitioned from all other nodes and the manager */
    uint8_t n_nodes; /* node[n_nodes ..] is never looked at */
    uint8_t sent;    /* transactions that clients have sent: the next one's number */
    uint8_t home;    /* primary when the run, or this phase of it, started; faults go by it */
    uint8_t tried;   /* calm only; bit i: node i was started since */
    uint8_t reserved;
    uint16_t calm; /* steps since the faults have stopped, from 1; 0 = they have not */
    uint8_t operator_left[SCENARIO_OPERATORS_MAX]; /* of each act of the scenario's operators */
    uint8_t budget[SCENARIO_FAULTS_MAX];           /* left of each fault of the scenario */
    struct client client[SESSIONS_MAX];
    struct manager manager;
    struct ledger ledger;
    struct conn conn[CONNS_MAX];
    struct node node[NODES_MAX];
};

#endif

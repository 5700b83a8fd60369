/* A scenario: what to try and what must come out. Loaded from YAML (scenarios/README.md documents
 * the file field by field), constant while a search runs.
 */
#ifndef ACKPROOF_SIM_SCENARIO_H
#define ACKPROOF_SIM_SCENARIO_H

#include <stdio.h>

#include "core/core.h"
#include "core/settings.h"
#include "manager/manager.h"
#include "model/invariant.h"
#include "model/reach.h"
#include "sim/disk.h"

enum {
    SCENARIO_NAME_MAX = 64,
    SCENARIO_TEXT_MAX = 512,
    SCENARIO_SOURCES_MAX = 6,
    FINDING_ID_MAX = 32,
    SCENARIO_FAULTS_MAX = 8,
    SCENARIO_OPERATORS_MAX = 7,
    DEPTH_MAX = 16,
    SCENARIO_TXNS_MAX = TXNS_MAX - 1, /* one more is everywhere before the run starts */
};

/* Fault points; the names are libfiu's (design section 4). */
enum fault_point {
    FAULT_NODE_KILL,     /* "node/kill": SIGKILL, the page cache survives */
    FAULT_NODE_POWER,    /* "node/power": power loss, see sim/disk.h */
    FAULT_FSYNC_LIE,     /* "disk/fsync/lie": claims, keeps nothing */
    FAULT_FSYNC_FAIL,    /* "disk/fsync/fail": EIO, pages clean afterwards */
    FAULT_WRITE_FAIL,    /* "disk/write/fail": ENOSPC, nothing written */
    FAULT_NET_RESET,     /* "net/reset": a connection and all that is in flight on it is gone */
    FAULT_NET_PARTITION, /* "net/partition": the primary is cut off from replicas and manager, not
                            from its clients, until the end of the run */
    FAULT_POINTS
};
const char *fault_point_name(enum fault_point p);
enum fault_point fault_point_find(const char *name); /* FAULT_POINTS where unknown */

enum fault_of { OF_PRIMARY = 1, OF_REPLICA = 2, OF_ANY = 3 }; /* role at the start of the run */

struct fault_budget {
    enum fault_point point;
    enum fault_of of;
    uint32_t at_most;
    /* disk faults: only on files of this kind; FILE_NONE = any. "redo", "binlog", "relay" */
    enum file_kind file;
};

/* What operators may do in a run: words of the scenario key `operator`, statements of the servers
 * (sim/operator.c). Numbers are in witnesses: add at the end. */
enum operator_act {
    OPERATOR_SEMI_SYNC_OFF, /* "set-semi-sync-off" */
    OPERATOR_SEMI_SYNC_ON,  /* "set-semi-sync-on" */
    OPERATOR_KILL_SESSION,  /* "kill-session": KILL CONNECTION of a session that waits for an ACK,
                               of a leader or member of a group that does */
    OPERATOR_KILL_QUERY,    /* "kill-query": the same, and the client stays connected */
    OPERATOR_STOP_SLAVE,    /* "stop-slave": the IO thread; the applier goes on */
    OPERATOR_START_SLAVE,   /* "start-slave" */
    OPERATOR_FLUSH_LOGS,    /* "flush-logs" */
    OPERATOR_SHUTDOWN,      /* "shutdown": of a primary that lets clients in */
    OPERATOR_SHUTDOWN_WAIT, /* "shutdown-wait-for-all-slaves" */
    OPERATOR_RESET_MASTER,  /* "reset-master" */
    OPERATOR_PURGE_BINLOG,  /* "purge-binlog": with the binlog inside the engine */
    OPERATOR_ACTS
};
const char *operator_act_name(enum operator_act a);
enum operator_act operator_act_find(const char *name); /* OPERATOR_ACTS where unknown */
const char *operator_act_statement(enum operator_act a);
enum fault_of operator_act_of(enum operator_act a); /* whose, where a scenario does not say */
bool operator_act_modelled(enum operator_act a);    /* false: a name kept for later */
/* Can the act meet this condition? */
bool operator_act_reaches(enum operator_act a, enum reach r);

struct operator_budget {
    enum operator_act act;
    enum fault_of of;
    uint32_t at_most;
};

enum applier_pace {
    APPLIER_FREE,         /* applies whenever it is scheduled */
    APPLIER_AT_PROMOTION, /* lags until its node is promoted (SQL thread stopped or far behind) */
};

enum expectation { EXPECT_NONE = 0, EXPECT_HOLDS, EXPECT_BREAKS };

/* What a scenario shows of the servers that it is modelled after, where it is more than a test of
 * the model: a candidate defect. For the report; nothing is judged by it. */
struct finding {
    char id[FINDING_ID_MAX];        /* "A36", "bug 104015"; empty: no finding */
    char what[SCENARIO_TEXT_MAX];   /* one sentence */
    char server[SCENARIO_TEXT_MAX]; /* what a real server was seen to do; empty: not tried */
};

struct scenario {
    char file[256]; /* where it was read from, for messages and witnesses */
    char name[SCENARIO_NAME_MAX];
    char title[SCENARIO_TEXT_MAX]; /* one line for tables; the name where not given */
    char story[SCENARIO_TEXT_MAX];
    char source[SCENARIO_SOURCES_MAX][SCENARIO_NAME_MAX];
    uint32_t n_sources;
    struct finding finding;

    uint32_t n_nodes; /* node 0 is the primary at the start */
    struct server_settings node[NODES_MAX];
    struct disk_device device;

    uint32_t sessions;     /* concurrent client sessions */
    uint32_t large;        /* the first `large` of the transactions are large */
    uint32_t ddl;          /* the last `ddl` of the transactions are DDL statements */
    uint32_t plain;        /* the last `plain` before these go into a table without transactions */
    uint32_t transactions; /* in all, numbered as they are sent: who is idle sends the next */

    struct fault_budget fault[SCENARIO_FAULTS_MAX];
    uint32_t n_faults;
    struct operator_budget operator[SCENARIO_OPERATORS_MAX];
    uint32_t n_operators;

    struct manager_policy manager;
    bool restart_replicas; /* a crashed replica may be started again */
    enum applier_pace applier;

    uint64_t max_states; /* bound of the search; 0 = the default of the driver */
    uint32_t max_steps;  /* longest run; 0 = default */

    /* Not in the file: phases of a random run (sim/phase.c); 0 = an ordinary run. */
    uint32_t phases;
    /* Not in the file: what the bound of random runs is about (sim/explore/bounded.c); 0 = none. */
    uint32_t depth;

    reach_mask reach; /* must have happened */
    enum expectation expect[INVARIANTS];
};

/* Reads and checks a scenario. On failure prints `file:line:column: error: reason`, the line of the
 * file and a caret to `err`, and answers false. Nothing is left allocated either way. */
bool scenario_load(const char *path, struct scenario *out, FILE *err);
/* Budget of a point for a node (by its role at the start), 0 where not admitted. */
uint32_t scenario_budget(const struct scenario *s, enum fault_point p, uint32_t node);
/* What the transaction does; they are numbered as they are sent. */
enum statement scenario_statement(const struct scenario *s, uint32_t txn);
/* Can a power loss (not just a kill) hit this node? */
bool scenario_admits_power(const struct scenario *s, uint32_t node);

#endif

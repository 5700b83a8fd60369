/* What stands in a scenario file, before anybody has asked whether it makes sense: one member per
 * key, NULL where the key is not there. The tables in scenario_yaml.c are the list of keys and
 * types that the loader, the checks and the test of scenarios/scenario.schema.json all go by.
 */
#ifndef ACKPROOF_SIM_SCENARIO_YAML_H
#define ACKPROOF_SIM_SCENARIO_YAML_H

#include <stdbool.h>
#include <stdint.h>

#include <cyaml/cyaml.h>

#include "model/invariant.h"

struct raw_receiver {
    char *profile;
    uint32_t *ack;  /* enum ack_when */
    uint32_t *sync; /* enum handler_sync */
    bool *handler;
    bool *buffered;
    bool *verify_crc_before_ack;
};

struct raw_server {
    char *profile;
    struct raw_receiver *receiver;
    uint32_t *server_id;
    uint32_t *domain_id;
    uint32_t *sync_binlog;
    uint32_t *flush_log_at_trx_commit;
    uint32_t *sync_relay_log;
    uint32_t *max_binlog_size;
    uint32_t *first_binlog;
    char *timeout;
    uint32_t *wait_point; /* enum wait_point */
    uint32_t *relay_log;  /* enum relay_restart */
    uint32_t *recovery;   /* enum recovery_policy */
    uint32_t *init_rpl_role;
    uint32_t *sent_error;          /* enum sent_error */
    uint32_t *binlog_engine;       /* enum: none, innodb */
    uint32_t *ack;                 /* enum group_wait */
    uint32_t *binlog_error_action; /* enum binlog_error */
    bool *binlog_order_commits;
    bool *binlog_optimize_thread_scheduling;
    bool *semi_sync;
    bool *wait_no_slave;
    uint32_t *wait_for_slave_count;
};

struct raw_cluster {
    struct raw_server *primary;
    struct raw_server *replicas;
    uint32_t replicas_count;
};

struct raw_workload {
    uint32_t *sessions;
    uint32_t *transactions;
    uint32_t *large;
    uint32_t *ddl;
    uint32_t *plain;
};

struct raw_disk {
    bool *reorder;
    bool *tear;
};

struct raw_fault {
    char *point;
    uint32_t *of; /* enum fault_of */
    uint32_t *at_most;
    uint32_t *file; /* enum file_kind */
};

struct raw_operator {
    char *what; /* key `do` */
    uint32_t *of;
    uint32_t *at_most;
};

struct raw_manager {
    uint32_t *promote;         /* enum promote */
    uint32_t *applier;         /* enum applier_pace */
    uint32_t *on_primary_loss; /* enum loss_plan */
    uint32_t on_primary_loss_count;
    bool *fence;
    bool *verify;
    uint32_t *old_primary; /* enum: discarded, rejoins */
    bool *restart_replicas;
};

struct raw_bounds {
    uint64_t *states;
    uint32_t *steps;
};

struct raw_expect {
    uint32_t *of[INVARIANTS]; /* enum expectation */
};

struct raw_finding {
    char *id, *what, *server;
};

struct raw_scenario {
    uint32_t version;
    char *name;
    char *title;
    char *story;
    char **source;
    uint32_t source_count;
    struct raw_finding *finding;
    struct raw_cluster *cluster;
    struct raw_workload *workload;
    struct raw_disk *disk;
    struct raw_fault *faults;
    uint32_t faults_count;
    struct raw_operator *operator;
    uint32_t operator_count;
    struct raw_manager *manager;
    struct raw_bounds *bounds;
    char **reach;
    uint32_t reach_count;
    struct raw_expect *expect;
};

/* What a cell of the matrix says instead of a scenario's own keys. A mapping replaces key by key,
 * everything else as a whole. */
struct raw_with {
    char *name; /* must be there: two scenarios of one name are one in a report */
    char *title;
    char *story;
    char **source;
    uint32_t source_count;
    uint32_t *replicas; /* how many; those that the file does not have are like its last */
    struct raw_workload *workload;
    struct raw_disk *disk;
    struct raw_fault *faults;
    uint32_t faults_count;
    struct raw_operator *operator;
    uint32_t operator_count;
    struct raw_manager *manager;
    struct raw_bounds *bounds;
    char **reach;
    uint32_t reach_count;
    struct raw_expect *expect;
};

const cyaml_schema_value_t *scenario_yaml_schema(void);
/* Fields of struct raw_with, for a mapping in another file. */
extern const cyaml_schema_field_t scenario_with_fields[];

#endif

#include "sim/scenario_yaml.h"

#include "model/reach.h"
#include "sim/scenario.h"

/* libcyaml's macros are long; every optional key is a pointer that stays NULL where it is
 * missing. */
#define OPT                   (CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL)
#define MUST                  CYAML_FLAG_POINTER
#define UINT(k, t, m)         CYAML_FIELD_UINT_PTR(k, OPT, t, m)
#define BOOL(k, t, m)         CYAML_FIELD_BOOL_PTR(k, OPT, t, m)
#define TEXT(k, f, t, m, max) CYAML_FIELD_STRING_PTR(k, f, t, m, 1, max)
#define ENUM(k, t, m, words)                                                                       \
    CYAML_FIELD_ENUM_PTR(k, OPT | CYAML_FLAG_STRICT, t, m, words, CYAML_ARRAY_LEN(words))

static const cyaml_strval_t wait_points[] = {
    {"AFTER_COMMIT", WAIT_AFTER_COMMIT},
    {"AFTER_SYNC", WAIT_AFTER_SYNC},
    {"BEFORE_WRITE", WAIT_BEFORE_WRITE},
};
static const cyaml_strval_t relay_logs[] = {{"keep", RELAY_KEEP}, {"purge", RELAY_PURGE}};
static const cyaml_strval_t recoveries[] = {
    {"serve", RECOVERY_SERVE},
    {"wait-for-ack", RECOVERY_WAIT_ACK},
    {"read-only", RECOVERY_READ_ONLY},
};
static const cyaml_strval_t roles[] = {{"MASTER", ROLE_MASTER}, {"SLAVE", ROLE_SLAVE}};
static const cyaml_strval_t acks[] = {{"commit", GROUP_WAIT_EACH}, {"group", GROUP_WAIT_LAST}};
static const cyaml_strval_t binlog_errors[] = {
    {"ABORT_SERVER", BINLOG_ERROR_ABORT},
    {"IGNORE_ERROR", BINLOG_ERROR_IGNORE},
};
static const cyaml_strval_t old_primaries[] = {{"discarded", false}, {"rejoins", true}};
static const cyaml_strval_t ack_times[] = {
    {"before-handle", ACK_BEFORE_HANDLE},
    {"after-queue", ACK_AFTER_QUEUE},
    {"after-handle", ACK_AFTER_HANDLE},
};
static const cyaml_strval_t handler_syncs[] = {
    {"never", HANDLER_SYNC_NEVER},
    {"counted", HANDLER_SYNC_COUNTED},
    {"before-ack", HANDLER_SYNC_BEFORE_ACK},
};
static const cyaml_strval_t fault_ofs[] = {
    {"primary", OF_PRIMARY}, {"replica", OF_REPLICA}, {"any", OF_ANY}};
static const cyaml_strval_t fault_files[] = {
    {"redo", FILE_REDO},          {"binlog", FILE_BINLOG}, {"relay", FILE_RELAY},
    {"index", FILE_BINLOG_INDEX}, {"ibb", FILE_IBB},
};
static const cyaml_strval_t storage_engines[] = {{"none", false}, {"innodb", true}};
static const cyaml_strval_t promotes[] = {{"most-advanced", PROMOTE_MOST_ADVANCED},
                                          {"any", PROMOTE_ANY}};
static const cyaml_strval_t appliers[] = {{"free", APPLIER_FREE},
                                          {"at-promotion", APPLIER_AT_PROMOTION}};
static const cyaml_strval_t sent_errors[] = {{"abort", SENT_ERROR_ABORT},
                                             {"roll-back", SENT_ERROR_ROLL_BACK}};
static const cyaml_strval_t loss_plans[] = {
    {"failover", ON_LOSS_FAILOVER}, {"restart", ON_LOSS_RESTART}, {"demote", ON_LOSS_DEMOTE}};
static const cyaml_strval_t expectations[] = {{"holds", EXPECT_HOLDS}, {"breaks", EXPECT_BREAKS}};

static const cyaml_schema_field_t receiver_fields[] = {
    TEXT("profile", OPT, struct raw_receiver, profile, SCENARIO_NAME_MAX - 1),
    ENUM("ack", struct raw_receiver, ack, ack_times),
    ENUM("sync", struct raw_receiver, sync, handler_syncs),
    BOOL("handler", struct raw_receiver, handler),
    BOOL("buffered", struct raw_receiver, buffered),
    BOOL("verify_crc_before_ack", struct raw_receiver, verify_crc_before_ack),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t server_fields[] = {
    TEXT("profile", OPT, struct raw_server, profile, SCENARIO_NAME_MAX - 1),
    CYAML_FIELD_MAPPING_PTR("receiver", OPT, struct raw_server, receiver, receiver_fields),
    UINT("server_id", struct raw_server, server_id),
    UINT("domain_id", struct raw_server, domain_id),
    UINT("sync_binlog", struct raw_server, sync_binlog),
    UINT("innodb_flush_log_at_trx_commit", struct raw_server, flush_log_at_trx_commit),
    UINT("sync_relay_log", struct raw_server, sync_relay_log),
    UINT("max_binlog_size", struct raw_server, max_binlog_size),
    UINT("first_binlog", struct raw_server, first_binlog),
    ENUM("relay_log", struct raw_server, relay_log, relay_logs),
    BOOL("semi_sync", struct raw_server, semi_sync),
    ENUM("wait_point", struct raw_server, wait_point, wait_points),
    TEXT("timeout", OPT, struct raw_server, timeout, SCENARIO_NAME_MAX - 1),
    BOOL("wait_no_slave", struct raw_server, wait_no_slave),
    UINT("wait_for_slave_count", struct raw_server, wait_for_slave_count),
    ENUM("recovery", struct raw_server, recovery, recoveries),
    ENUM("init_rpl_role", struct raw_server, init_rpl_role, roles),
    ENUM("binlog_storage_engine", struct raw_server, binlog_engine, storage_engines),
    ENUM("write_error_after_send", struct raw_server, sent_error, sent_errors),
    ENUM("ack", struct raw_server, ack, acks),
    ENUM("binlog_error_action", struct raw_server, binlog_error_action, binlog_errors),
    BOOL("binlog_order_commits", struct raw_server, binlog_order_commits),
    BOOL("binlog_optimize_thread_scheduling", struct raw_server, binlog_optimize_thread_scheduling),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t server_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_server, server_fields)};

static const cyaml_schema_field_t cluster_fields[] = {
    CYAML_FIELD_MAPPING_PTR("primary", OPT, struct raw_cluster, primary, server_fields),
    CYAML_FIELD_SEQUENCE("replicas", OPT, struct raw_cluster, replicas, &server_value, 0,
                         NODES_MAX - 1),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t workload_fields[] = {
    UINT("sessions", struct raw_workload, sessions),
    UINT("transactions", struct raw_workload, transactions),
    UINT("large", struct raw_workload, large),
    UINT("ddl", struct raw_workload, ddl),
    UINT("non_transactional", struct raw_workload, plain),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t disk_fields[] = {
    BOOL("reorder", struct raw_disk, reorder),
    BOOL("tear", struct raw_disk, tear),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t fault_fields[] = {
    TEXT("point", MUST, struct raw_fault, point, SCENARIO_NAME_MAX - 1),
    ENUM("of", struct raw_fault, of, fault_ofs),
    UINT("at_most", struct raw_fault, at_most),
    ENUM("file", struct raw_fault, file, fault_files),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t fault_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_fault, fault_fields)};

static const cyaml_schema_field_t operator_fields[] = {
    TEXT("do", MUST, struct raw_operator, what, SCENARIO_NAME_MAX - 1),
    ENUM("of", struct raw_operator, of, fault_ofs),
    UINT("at_most", struct raw_operator, at_most),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t operator_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_operator, operator_fields)};

static const cyaml_schema_value_t loss_plan_value = {
    CYAML_VALUE_ENUM(CYAML_FLAG_STRICT, uint32_t, loss_plans, CYAML_ARRAY_LEN(loss_plans))};

static const cyaml_schema_field_t manager_fields[] = {
    ENUM("promote", struct raw_manager, promote, promotes),
    CYAML_FIELD_SEQUENCE("on_primary_loss", OPT, struct raw_manager, on_primary_loss,
                         &loss_plan_value, 1, LOSS_PLANS_MAX),
    BOOL("fence", struct raw_manager, fence),
    BOOL("verify", struct raw_manager, verify),
    ENUM("old_primary", struct raw_manager, old_primary, old_primaries),
    BOOL("restart_replicas", struct raw_manager, restart_replicas),
    ENUM("applier", struct raw_manager, applier, appliers),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t bounds_fields[] = {
    UINT("states", struct raw_bounds, states),
    UINT("steps", struct raw_bounds, steps),
    CYAML_FIELD_END,
};

#define EXPECT(id) ENUM(#id, struct raw_expect, of[INV_##id], expectations)
static const cyaml_schema_field_t expect_fields[] = {
    EXPECT(NOLOSS),  EXPECT(NOPHANTOM), EXPECT(NOAHEAD), EXPECT(AGREE), EXPECT(CONVERGE),
    EXPECT(ACKTRUE), EXPECT(LIVE),      EXPECT(OBS),     EXPECT(SANE),  CYAML_FIELD_END,
};
_Static_assert(sizeof expect_fields / sizeof expect_fields[0] == INVARIANTS + 1,
               "a key for every invariant");

static const cyaml_schema_value_t source_value = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, SCENARIO_NAME_MAX - 1)};
static const cyaml_schema_value_t reach_value = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, SCENARIO_TEXT_MAX - 1)};

static const cyaml_schema_field_t finding_fields[] = {
    TEXT("id", MUST, struct raw_finding, id, FINDING_ID_MAX - 1),
    TEXT("what", MUST, struct raw_finding, what, SCENARIO_TEXT_MAX - 1),
    TEXT("server", OPT, struct raw_finding, server, SCENARIO_TEXT_MAX - 1),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t scenario_fields[] = {
    CYAML_FIELD_UINT("version", CYAML_FLAG_DEFAULT, struct raw_scenario, version),
    TEXT("name", MUST, struct raw_scenario, name, SCENARIO_NAME_MAX - 1),
    TEXT("title", OPT, struct raw_scenario, title, SCENARIO_TEXT_MAX - 1),
    TEXT("story", OPT, struct raw_scenario, story, SCENARIO_TEXT_MAX - 1),
    CYAML_FIELD_SEQUENCE("source", OPT, struct raw_scenario, source, &source_value, 0,
                         SCENARIO_SOURCES_MAX),
    CYAML_FIELD_MAPPING_PTR("finding", OPT, struct raw_scenario, finding, finding_fields),
    CYAML_FIELD_MAPPING_PTR("cluster", MUST, struct raw_scenario, cluster, cluster_fields),
    CYAML_FIELD_MAPPING_PTR("workload", OPT, struct raw_scenario, workload, workload_fields),
    CYAML_FIELD_MAPPING_PTR("disk", OPT, struct raw_scenario, disk, disk_fields),
    CYAML_FIELD_SEQUENCE("faults", OPT, struct raw_scenario, faults, &fault_value, 0,
                         SCENARIO_FAULTS_MAX),
    CYAML_FIELD_SEQUENCE("operator", OPT, struct raw_scenario, operator, & operator_value, 0,
                         SCENARIO_OPERATORS_MAX),
    CYAML_FIELD_MAPPING_PTR("manager", OPT, struct raw_scenario, manager, manager_fields),
    CYAML_FIELD_MAPPING_PTR("bounds", OPT, struct raw_scenario, bounds, bounds_fields),
    CYAML_FIELD_SEQUENCE("reach", OPT, struct raw_scenario, reach, &reach_value, 0, REACHES),
    CYAML_FIELD_MAPPING_PTR("expect", OPT, struct raw_scenario, expect, expect_fields),
    CYAML_FIELD_END,
};

const cyaml_schema_field_t scenario_with_fields[] = {
    TEXT("name", MUST, struct raw_with, name, SCENARIO_NAME_MAX - 1),
    TEXT("title", OPT, struct raw_with, title, SCENARIO_TEXT_MAX - 1),
    TEXT("story", OPT, struct raw_with, story, SCENARIO_TEXT_MAX - 1),
    CYAML_FIELD_SEQUENCE("source", OPT, struct raw_with, source, &source_value, 0,
                         SCENARIO_SOURCES_MAX),
    UINT("replicas", struct raw_with, replicas),
    CYAML_FIELD_MAPPING_PTR("workload", OPT, struct raw_with, workload, workload_fields),
    CYAML_FIELD_MAPPING_PTR("disk", OPT, struct raw_with, disk, disk_fields),
    CYAML_FIELD_SEQUENCE("faults", OPT, struct raw_with, faults, &fault_value, 0,
                         SCENARIO_FAULTS_MAX),
    CYAML_FIELD_SEQUENCE("operator", OPT, struct raw_with, operator, & operator_value, 0,
                         SCENARIO_OPERATORS_MAX),
    CYAML_FIELD_MAPPING_PTR("manager", OPT, struct raw_with, manager, manager_fields),
    CYAML_FIELD_MAPPING_PTR("bounds", OPT, struct raw_with, bounds, bounds_fields),
    CYAML_FIELD_SEQUENCE("reach", OPT, struct raw_with, reach, &reach_value, 0, REACHES),
    CYAML_FIELD_MAPPING_PTR("expect", OPT, struct raw_with, expect, expect_fields),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t scenario_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct raw_scenario, scenario_fields)};

const cyaml_schema_value_t *scenario_yaml_schema(void)
{
    return &scenario_value;
}

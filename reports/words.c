/* A scenario in words: what a reader of the report needs to know of it without the YAML file. */
#include "reports/document.h"

#include <assert.h>
#include <string.h>

static const char *on_off(bool on)
{
    return on ? "ON" : "OFF";
}

static const char *wait_point_text(enum wait_point w)
{
    switch (w) {
    case WAIT_AFTER_COMMIT:
        return "AFTER_COMMIT";
    case WAIT_AFTER_SYNC:
        return "AFTER_SYNC";
    case WAIT_BEFORE_WRITE:
        return "BEFORE_WRITE";
    }
    return "?";
}

static const char *recovery_text(enum recovery_policy p)
{
    switch (p) {
    case RECOVERY_SERVE:
        return "serves at once";
    case RECOVERY_WAIT_ACK:
        return "waits for an ACK before it serves";
    case RECOVERY_READ_ONLY:
        return "read-only until the manager lets it serve";
    }
    return "?";
}

static const char *publish_text(enum publish_order p)
{
    switch (p) {
    case PUBLISH_AFTER_SYNC_CALL:
        return "after the sync stage";
    case PUBLISH_BEFORE_SYNC:
        return "before the fsync";
    case PUBLISH_IF_SYNC_1:
        return "after the fsync with sync_binlog=1, else before";
    }
    return "?";
}

static const char *binlog_error_text(enum binlog_error e)
{
    switch (e) {
    case BINLOG_ERROR_ABORT:
        return "the server ends itself";
    case BINLOG_ERROR_IGNORE:
        return "the binlog is closed, commits go on without it";
    default:
        return "the group is rolled back, bytes that are there stay";
    }
}

static const char *commit_order_text(enum commit_order o)
{
    switch (o) {
    case ORDER_BY_OWN_THREADS:
        return "in binlog order, by each thread in turn";
    case ORDER_NONE:
        return "in any order, by each thread";
    default:
        return "in binlog order, by the leader";
    }
}

json_t *words_settings(const struct server_settings *set)
{
    assert(set != NULL);
    json_t *l = new_list();
    append(l, new_pair("server profile", set->profile != NULL ? set->profile->name : "none"));
    append(l, new_pair("receiver profile", set->receiver != NULL ? set->receiver->name : "none"));
    append(l, new_pair_number("server_id", set->server_id));
    append(l, new_pair_number("gtid_domain_id", set->domain_id));
    append(l, new_pair("rpl_semi_sync_master_enabled", on_off(set->semi_sync_master)));
    append(l, new_pair("rpl_semi_sync_master_wait_point", wait_point_text(set->wait_point)));
    append(l, set->semi_sync_timeout_ms == 0
                  ? new_pair("rpl_semi_sync_master_timeout", "infinite")
                  : new_pair_number("rpl_semi_sync_master_timeout", set->semi_sync_timeout_ms));
    append(l, new_pair("rpl_semi_sync_master_wait_no_slave", on_off(set->wait_no_slave)));
    if (set->wait_for_slave_count > 1)
        append(l, new_pair_number("rpl_semi_sync_master_wait_for_slave_count",
                                  set->wait_for_slave_count));
    append(l, new_pair("rpl_semi_sync_slave_enabled", on_off(set->semi_sync_slave)));
    append(l, new_pair_number("sync_binlog", set->sync_binlog));
    append(l, new_pair_number("innodb_flush_log_at_trx_commit", set->flush_log_at_trx_commit));
    append(l, new_pair_number("sync_relay_log", set->sync_relay_log));
    append(l, new_pair_number("max_binlog_size", set->max_binlog_size));
    append(l, new_pair("binlog published",
                       set->profile != NULL ? publish_text(set->profile->publish) : "?"));
    append(l, new_pair("relay log at START SLAVE",
                       set->relay_restart == RELAY_KEEP ? "kept" : "purged"));
    append(l, new_pair("after crash recovery", recovery_text(set->recovery)));
    if (set->profile != NULL) {
        append(l, new_pair("ACKs asked for", settings_group_wait(set) == GROUP_WAIT_LAST
                                                 ? "one for a commit group"
                                                 : "one for each member of a commit group"));
        append(l, new_pair("binlog write or fsync fails",
                           binlog_error_text(settings_binlog_error(set))));
    }
    append(l, new_pair("made visible", commit_order_text(set->commit_order)));
    append(l, new_pair("init_rpl_role", set->init_rpl_role == ROLE_SLAVE ? "SLAVE" : "MASTER"));
    return l;
}

static const char *plan_text(enum loss_plan p, bool rejoin)
{
    if (p == ON_LOSS_RESTART)
        return "restart it as the primary";
    return rejoin ? "fail over, the old primary rejoins as a replica"
                  : "fail over, the old primary is discarded";
}

json_t *words_plan(const struct scenario *sc)
{
    assert(sc != NULL);
    const struct manager_policy *m = &sc->manager;
    assert(m->n_on_loss <= LOSS_PLANS_MAX);
    json_t *l = new_list();
    append(l, new_pair_number("client sessions", sc->sessions));
    append(l, new_pair_number("transactions", sc->transactions));
    if (sc->large > 0)
        append(l, new_pair_number("of these large", sc->large));
    if (sc->plain > 0)
        append(l, new_pair_number("of these into a table without transactions", sc->plain));
    if (sc->ddl > 0)
        append(l, new_pair_number("of these DDL", sc->ddl));
    append(l, new_pair("promotion", m->promote == PROMOTE_ANY
                                        ? "any replica"
                                        : "the replica with the most advanced received position"));
    for (uint32_t i = 0; i < m->n_on_loss; i++) {
        char name[40];
        bool last = i + 1 == m->n_on_loss;
        snprintf(name, sizeof name, m->n_on_loss == 1 ? "primary lost" : "primary lost, time %u%s",
                 i + 1, last ? " and later" : "");
        append(l, new_pair(name, plan_text(m->on_loss[i], m->rejoin)));
    }
    append(l, new_pair("lost primary", m->fence ? "fenced before a promotion" : "not fenced"));
    append(l, new_pair("crashed replica",
                       sc->restart_replicas ? "may be started again" : "stays down"));
    append(l, new_pair("applier", sc->applier == APPLIER_AT_PROMOTION
                                      ? "lags until its node is promoted"
                                      : "runs whenever it is scheduled"));
    append(l, new_pair("disk writes to one file",
                       sc->device.reorder ? "may persist out of order" : "persist in order"));
    append(l, new_pair("last surviving write", sc->device.tear ? "may be torn at a sector"
                                                               : "survives whole or not at all"));
    return l;
}

static const char *of_text(enum fault_of of)
{
    return of == OF_PRIMARY ? "the primary" : of == OF_REPLICA ? "a replica" : "any node";
}

static const char *kind_text(enum file_kind kind)
{
    switch (kind) {
    case FILE_REDO:
        return "the redo log";
    case FILE_BINLOG:
        return "a binlog";
    case FILE_BINLOG_INDEX:
        return "the binlog index";
    case FILE_RELAY:
        return "a relay log";
    case FILE_BACKUP:
        return "a backup";
    case FILE_IBB:
        return "a binlog file of the engine";
    case FILE_TABLE:
        return "a table without transactions";
    case FILE_NONE:
        break;
    }
    return "any file";
}

static void fault_text(const struct fault_budget *f, char *text, size_t room)
{
    const char *of = of_text(f->of);
    const char *file = kind_text(f->file);
    switch (f->point) {
    case FAULT_NODE_KILL:
        snprintf(text, room, "the process of %s is killed, its page cache survives", of);
        return;
    case FAULT_NODE_POWER:
        snprintf(text, room, "%s loses power, what is not durable may be lost", of);
        return;
    case FAULT_FSYNC_LIE:
        snprintf(text, room, "an fsync of %s on %s claims success and keeps nothing", file, of);
        return;
    case FAULT_FSYNC_FAIL:
        snprintf(text, room, "an fsync of %s on %s fails with EIO", file, of);
        return;
    case FAULT_WRITE_FAIL:
        snprintf(text, room, "a write to %s on %s fails with ENOSPC", file, of);
        return;
    case FAULT_NET_RESET:
        snprintf(text, room, "a connection of %s is reset, what was in flight is gone", of);
        return;
    case FAULT_NET_PARTITION:
        snprintf(text, room, "%s is cut off from the other nodes and the manager", of);
        return;
    case FAULT_POINTS:
        break;
    }
    snprintf(text, room, "unknown fault");
}

json_t *words_faults(const struct scenario *sc)
{
    assert(sc != NULL);
    assert(sc->n_faults <= SCENARIO_FAULTS_MAX);
    json_t *l = new_list();
    for (uint32_t i = 0; i < sc->n_faults; i++) {
        const struct fault_budget *f = &sc->fault[i];
        char what[128];
        char text[192];
        fault_text(f, what, sizeof what);
        if (f->at_most == 1)
            snprintf(text, sizeof text, "%s: %s, at most once", fault_point_name(f->point), what);
        else
            snprintf(text, sizeof text, "%s: %s, at most %u times", fault_point_name(f->point),
                     what, f->at_most);
        append(l, new_text(text));
    }
    for (uint32_t i = 0; i < sc->n_operators; i++) {
        const struct operator_budget *b = &sc->operator[i];
        char text[192];
        snprintf(text, sizeof text, "operator %s: %s, at most %s", operator_act_name(b->act),
                 operator_act_statement(b->act), b->at_most == 1 ? "once" : "");
        if (b->at_most != 1)
            snprintf(text + strlen(text), sizeof text - strlen(text), "%u times", b->at_most);
        append(l, new_text(text));
    }
    return l;
}

static const char *role_text(enum fault_of of)
{
    return of == OF_PRIMARY ? "primary" : of == OF_REPLICA ? "replica" : "any";
}

/* Entries of the same name count together. */
static void add_budget(json_t *o, const struct fault_budget *f, uint32_t n)
{
    char key[96];
    snprintf(key, sizeof key, "%s of %s%s%s", fault_point_name(f->point), role_text(f->of),
             f->file == FILE_NONE ? "" : " on ", f->file == FILE_NONE ? "" : kind_text(f->file));
    uint64_t had = json_object_get(o, key) != NULL ? doc_number(o, key) : 0;
    put(o, key, new_number(had + n));
}

json_t *words_budgets(const struct scenario *sc)
{
    assert(sc != NULL);
    json_t *o = new_object();
    for (uint32_t i = 0; i < sc->n_faults; i++)
        add_budget(o, &sc->fault[i], sc->fault[i].at_most);
    for (uint32_t i = 0; i < sc->n_operators; i++) {
        const struct operator_budget *b = &sc->operator[i];
        char key[96];
        snprintf(key, sizeof key, "%s of %s", operator_act_name(b->act), role_text(b->of));
        put(o, key, new_number(b->at_most));
    }
    return o;
}

json_t *words_fault_set(const struct scenario *sc, const uint8_t n[SCENARIO_FAULTS_MAX])
{
    assert(sc != NULL && n != NULL);
    json_t *o = new_object();
    for (uint32_t i = 0; i < sc->n_faults; i++) {
        if (n[i] > 0)
            add_budget(o, &sc->fault[i], n[i]);
    }
    return o;
}

void words_lane(uint32_t lane, char *text)
{
    assert(text != NULL);
    assert(lane != LANE_WORLD);
    if (lane == LANE_MANAGER)
        snprintf(text, WORDS_LANE_MAX, "manager");
    else if (lane >= LANE_CLIENT && lane < LANE_CLIENT + SESSIONS_MAX)
        snprintf(text, WORDS_LANE_MAX, "client %u", lane - LANE_CLIENT + 1);
    else if (lane == 0)
        snprintf(text, WORDS_LANE_MAX, "primary P");
    else
        snprintf(text, WORDS_LANE_MAX, "replica R%u", lane);
}

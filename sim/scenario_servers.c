/* The servers of a scenario. A replica takes what it would do as a primary (semi_sync,
 * wait_point, timeout, wait_no_slave, recovery, init_rpl_role; of the same kind of server also ack,
 * binlog_error_action and the order of commits) from the primary's entry unless its own says
 * otherwise, because a cluster is configured alike and a failover must not silently change
 * the promise. */
#include "sim/scenario_fill.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { WHERE_MAX = 96 };

/* One server's entry and where it stands in the file. */
struct entry {
    struct yaml_source *src;
    const struct raw_server *raw; /* NULL: the file has no such key */
    const char *where;            /* "cluster.replicas[0]" */
};

__attribute__((format(printf, 3, 4))) static bool refuse(const struct entry *e, const char *key,
                                                         const char *format, ...)
{
    char where[WHERE_MAX], reason[512];
    snprintf(where, sizeof where, "%s.%s", e->where, key);
    va_list ap;
    va_start(ap, format);
    vsnprintf(reason, sizeof reason, format, ap);
    va_end(ap);
    return yaml_source_error(e->src, where, "%s", reason);
}

/* ---- receivers ------------------------------------------------------------------------------ */

/* A custom receiver is a row of a constant table, so that settings can point at it wherever a
 * scenario is copied to. */
#define CUSTOM(a, s, b, v)                                                                         \
    {                                                                                              \
        .name = "custom", .ack = (a), .sync = (s), .handler = !(b), .buffered = (b),               \
        .verify_crc_before_ack = (v)                                                               \
    }
#define CUSTOM_CRC(a, s, b) CUSTOM(a, s, b, false), CUSTOM(a, s, b, true)
#define CUSTOM_SYNC(a, b)                                                                          \
    CUSTOM_CRC(a, HANDLER_SYNC_NEVER, b), CUSTOM_CRC(a, HANDLER_SYNC_COUNTED, b),                  \
        CUSTOM_CRC(a, HANDLER_SYNC_BEFORE_ACK, b)
static const struct receiver_profile custom_receivers[] = {
    CUSTOM_SYNC(ACK_BEFORE_HANDLE, false), CUSTOM_SYNC(ACK_BEFORE_HANDLE, true),
    CUSTOM_SYNC(ACK_AFTER_QUEUE, true), CUSTOM_SYNC(ACK_AFTER_HANDLE, false)};

static bool custom_receiver(const struct entry *e, const struct raw_receiver *r,
                            struct server_settings *set)
{
    bool buffered = r->buffered != NULL && *r->buffered;
    bool handler = r->handler != NULL ? *r->handler : !buffered;
    enum ack_when ack =
        r->ack != NULL ? (enum ack_when) * r->ack : (buffered ? ACK_AFTER_QUEUE : ACK_AFTER_HANDLE);
    enum handler_sync sync = r->sync != NULL ? (enum handler_sync) * r->sync : HANDLER_SYNC_COUNTED;
    bool crc = r->verify_crc_before_ack == NULL || *r->verify_crc_before_ack;
    if (handler && buffered)
        return refuse(e, "receiver.buffered?",
                      "a receiver has a handler or a buffer, not both: two consumers of one stream "
                      "would each see a part of it");
    if (!handler && !buffered)
        return refuse(e, "receiver.handler?",
                      "a receiver without a handler and without a buffer drops every event");
    if (ack == ACK_AFTER_QUEUE && !buffered)
        return refuse(e, "receiver.ack",
                      "ack: after-queue needs buffered: true; a handler has no "
                      "queue");
    if (ack == ACK_AFTER_HANDLE && buffered)
        return refuse(e, "receiver.ack",
                      "ack: after-handle needs a handler; nobody tells a buffered "
                      "receiver when its consumer is done");
    if (sync == HANDLER_SYNC_BEFORE_ACK && ack != ACK_AFTER_HANDLE)
        return refuse(e, "receiver.sync",
                      "sync: before-ack needs ack: after-handle; the ACK has left "
                      "before anything is handled");
    for (size_t i = 0; i < sizeof custom_receivers / sizeof custom_receivers[0]; i++) {
        const struct receiver_profile *p = &custom_receivers[i];
        if (p->ack == ack && p->sync == sync && p->buffered == buffered &&
            p->verify_crc_before_ack == crc)
            set->receiver = p;
    }
    assert(strcmp(set->receiver->name, "custom") == 0);
    return true;
}

static bool fill_receiver(const struct entry *e, struct server_settings *set)
{
    const struct raw_receiver *r = e->raw->receiver;
    if (r == NULL)
        return true;
    bool custom = r->ack != NULL || r->sync != NULL || r->handler != NULL || r->buffered != NULL ||
                  r->verify_crc_before_ack != NULL;
    if (r->profile == NULL)
        return custom ? custom_receiver(e, r, set)
                      : refuse(e, "receiver",
                               "receiver wants a profile, or ack, sync, handler, "
                               "buffered");
    set->receiver = receiver_profile_find(r->profile);
    if (set->receiver == NULL) {
        char names[512] = "";
        for (uint32_t i = 0; receiver_profile_at(i) != NULL; i++) {
            strncat(names, i == 0 ? "" : ", ", sizeof names - strlen(names) - 1);
            strncat(names, receiver_profile_at(i)->name, sizeof names - strlen(names) - 1);
        }
        return refuse(e, "receiver.profile", "there is no receiver '%s'; known: %s", r->profile,
                      names);
    }
    if (!custom)
        return true;
    const char *extra = r->ack != NULL        ? "receiver.ack?"
                        : r->sync != NULL     ? "receiver.sync?"
                        : r->handler != NULL  ? "receiver.handler?"
                        : r->buffered != NULL ? "receiver.buffered?"
                                              : "receiver.verify_crc_before_ack?";
    return refuse(e, extra,
                  "profile %s already says this; give a profile or describe the receiver, "
                  "not both",
                  r->profile);
}

/* ---- one server ----------------------------------------------------------------------------- */

static bool fill_profile(const struct entry *e, struct server_settings *set)
{
    if (e->raw->profile == NULL)
        return true;
    set->profile = server_profile_find(e->raw->profile);
    if (set->profile != NULL)
        return true;
    char names[512] = "";
    for (uint32_t i = 0; server_profile_at(i) != NULL; i++) {
        strncat(names, i == 0 ? "" : ", ", sizeof names - strlen(names) - 1);
        strncat(names, server_profile_at(i)->name, sizeof names - strlen(names) - 1);
    }
    return refuse(e, "profile", "there is no server profile '%s'; known: %s", e->raw->profile,
                  names);
}

static bool fill_timeout(const struct entry *e, struct server_settings *set)
{
    const char *text = e->raw->timeout;
    if (text == NULL)
        return true;
    if (strcmp(text, "infinite") == 0) {
        set->semi_sync_timeout_ms = 0;
        return true;
    }
    char *end;
    unsigned long long n = strtoull(text, &end, 10);
    bool digits = text[0] >= '0' && text[0] <= '9';
    if (!digits || (strcmp(end, "s") != 0 && strcmp(end, "ms") != 0))
        return refuse(e, "timeout",
                      "timeout wants infinite or a number with its unit (10s, 500ms), "
                      "not '%s'",
                      text);
    if (n == 0)
        return refuse(e, "timeout",
                      "a timeout of 0 lets every commit go on as if semi-sync were off; "
                      "say semi_sync: off if that is meant");
    uint32_t unit = strcmp(end, "s") == 0 ? 1000 : 1;
    if (n > UINT32_MAX / unit)
        return refuse(e, "timeout", "a timeout is at most %u ms; infinite waits for good",
                      UINT32_MAX);
    set->semi_sync_timeout_ms = (uint32_t)n * unit;
    return true;
}

static bool fill_numbers(const struct entry *e, struct server_settings *set)
{
    const struct raw_server *r = e->raw;
    if (r->server_id != NULL && *r->server_id == 0)
        return refuse(e, "server_id",
                      "server_id 0 neither sends nor accepts replication; it is "
                      "1 .. 4294967295");
    if (r->flush_log_at_trx_commit != NULL && *r->flush_log_at_trx_commit > 3)
        return refuse(e, "innodb_flush_log_at_trx_commit",
                      "innodb_flush_log_at_trx_commit is 0, 1, 2 or 3");
    if (r->max_binlog_size != NULL && *r->max_binlog_size > FILE_BYTES_MAX)
        return refuse(e, "max_binlog_size",
                      "a file has room for %d bytes here: max_binlog_size is 1 .. %d, or 0 for "
                      "files that never fill up",
                      FILE_BYTES_MAX, FILE_BYTES_MAX);
    if (r->first_binlog != NULL && (*r->first_binlog == 0 || *r->first_binlog > BINLOG_FIRST_MAX))
        return refuse(e, "first_binlog", "first_binlog is 1 .. %d", BINLOG_FIRST_MAX);
    if (r->server_id != NULL)
        set->server_id = *r->server_id;
    if (r->domain_id != NULL)
        set->domain_id = *r->domain_id;
    if (r->sync_binlog != NULL)
        set->sync_binlog = *r->sync_binlog;
    if (r->flush_log_at_trx_commit != NULL)
        set->flush_log_at_trx_commit = *r->flush_log_at_trx_commit;
    if (r->sync_relay_log != NULL)
        set->sync_relay_log = *r->sync_relay_log;
    if (r->max_binlog_size != NULL)
        set->max_binlog_size = *r->max_binlog_size;
    if (r->first_binlog != NULL)
        set->first_binlog = *r->first_binlog;
    return true;
}

static void fill_modes(const struct raw_server *r, struct server_settings *set)
{
    if (r->wait_point != NULL)
        set->wait_point = (enum wait_point) * r->wait_point;
    if (r->relay_log != NULL)
        set->relay_restart = (enum relay_restart) * r->relay_log;
    if (r->recovery != NULL)
        set->recovery = (enum recovery_policy) * r->recovery;
    if (r->init_rpl_role != NULL)
        set->init_rpl_role = (enum init_rpl_role) * r->init_rpl_role;
    if (r->binlog_engine != NULL)
        set->engine_binlog = *r->binlog_engine != 0;
    if (r->sent_error != NULL)
        set->sent_error = (enum sent_error) * r->sent_error;
    if (r->wait_no_slave != NULL)
        set->wait_no_slave = *r->wait_no_slave;
    if (r->semi_sync != NULL)
        set->semi_sync_master = set->semi_sync_slave = *r->semi_sync;
}

static bool is_mysql(const struct server_settings *set)
{
    return strncmp(set->profile->name, "mysql-", 6) == 0;
}

/* What the one kind of server has and the other does not know. */
static bool fill_kind(const struct entry *e, struct server_settings *set)
{
    const struct raw_server *r = e->raw;
    const char *name = set->profile->name;
    if (is_mysql(set) && r->flush_log_at_trx_commit != NULL && *r->flush_log_at_trx_commit == 3)
        return refuse(e, "innodb_flush_log_at_trx_commit",
                      "innodb_flush_log_at_trx_commit is 0, 1 or 2 in %s; 3 is MariaDB's", name);
    if (r->wait_for_slave_count != NULL) {
        set->wait_for_slave_count = *r->wait_for_slave_count;
        if (set->profile->semisync.ack_count == ACK_COUNT_ONE)
            return refuse(e, "wait_for_slave_count",
                          "%s does not start: unknown variable "
                          "'rpl_semi_sync_master_wait_for_slave_count' (MySQL 5.7 has it, and a "
                          "preview of MariaDB 12.1)",
                          name);
        if (set->wait_for_slave_count < 1 || set->wait_for_slave_count >= NODES_MAX)
            return refuse(e, "wait_for_slave_count", "wait_for_slave_count is 1 .. %d, not %u",
                          NODES_MAX - 1, set->wait_for_slave_count);
    }
    if (r->ack != NULL) {
        set->group_wait = (enum group_wait) * r->ack;
        if (is_mysql(set) && set->group_wait == GROUP_WAIT_EACH)
            return refuse(e, "ack", "%s waits once per group; ack: commit is MariaDB's way", name);
    }
    if (r->binlog_error_action != NULL) {
        set->binlog_error = (enum binlog_error) * r->binlog_error_action;
        if (!is_mysql(set))
            return refuse(e, "binlog_error_action",
                          "unknown variable binlog_error_action: %s rolls the group back and keeps "
                          "the binlog open",
                          name);
    }
    if (r->binlog_order_commits != NULL) {
        set->commit_order = *r->binlog_order_commits ? ORDER_BY_LEADER : ORDER_NONE;
        if (!is_mysql(set))
            return refuse(e, "binlog_order_commits?",
                          "unknown variable binlog_order_commits: %s always commits in binlog "
                          "order",
                          name);
    }
    if (r->binlog_optimize_thread_scheduling != NULL) {
        set->commit_order =
            *r->binlog_optimize_thread_scheduling ? ORDER_BY_LEADER : ORDER_BY_OWN_THREADS;
        if (is_mysql(set))
            return refuse(e, "binlog_optimize_thread_scheduling?",
                          "unknown variable binlog_optimize_thread_scheduling: it is MariaDB's");
    }
    return true;
}

/* The binlog inside the engine (facts 6). `?`: the value may be inherited or the default. */
static bool check_engine_binlog(const struct entry *e, const struct server_settings *set)
{
    if (!set->engine_binlog)
        return true;
    if (strcmp(set->profile->name, "mariadb-12.3") != 0)
        return refuse(e, "binlog_storage_engine",
                      "unknown variable 'binlog_storage_engine' in %s; it came with "
                      "mariadb-12.3 (MDEV-34705)",
                      set->profile->name);
    if (set->init_rpl_role == ROLE_SLAVE)
        return refuse(e, "init_rpl_role?",
                      "init_rpl_role SLAVE cuts a binlog that is apart from the engine; with "
                      "binlog_storage_engine there is nothing in doubt to cut");
    if (set->max_binlog_size != 0)
        return refuse(e, "max_binlog_size",
                      "the files of a binlog inside the engine have a fixed size here");
    if (set->semi_sync_master && set->wait_point == WAIT_AFTER_SYNC)
        return refuse(e, "wait_point?",
                      "binlog_storage_engine has no AFTER_SYNC: binlog write and engine commit "
                      "are one step, nothing lies between them; AFTER_COMMIT, or BEFORE_WRITE as "
                      "MDEV-34705 proposes it");
    return true;
}

/* What a server of that kind would not start with. */
static bool check_together(const struct entry *e, const struct server_settings *set)
{
    if (!set->semi_sync_master) {
        if (set->wait_point == WAIT_BEFORE_WRITE)
            return refuse(e, "wait_point",
                          "BEFORE_WRITE sends a transaction to be ACKed before it is "
                          "written; without semi_sync nothing would be written");
        if (set->recovery == RECOVERY_WAIT_ACK)
            return refuse(e, "recovery",
                          "recovery: wait-for-ack needs semi_sync; nobody would ACK");
        return true;
    }
    if (!check_engine_binlog(e, set))
        return false;
    if (set->sent_error == SENT_ERROR_ROLL_BACK && set->wait_point != WAIT_BEFORE_WRITE)
        return refuse(e, "write_error_after_send",
                      "only BEFORE_WRITE sends a group before it is written");
    const char *name = set->profile->name;
    bool mysql = is_mysql(set);
    if (strcmp(name, "mysql-5.6") == 0 && set->wait_point != WAIT_AFTER_COMMIT)
        return refuse(e, "wait_point",
                      "mysql-5.6 waits AFTER_COMMIT only; AFTER_SYNC came with MySQL "
                      "5.7.2 (WL#6355)");
    if (mysql && set->wait_point == WAIT_BEFORE_WRITE)
        return refuse(e, "wait_point",
                      "%s has no BEFORE_WRITE; it is a proposal for MariaDB "
                      "(MDEV-34705)",
                      name);
    return true;
}

static bool fill_server(const struct entry *e, struct server_settings *set)
{
    if (e->raw != NULL) {
        if (!fill_kind(e, set) || !fill_receiver(e, set) || !fill_timeout(e, set) ||
            !fill_numbers(e, set))
            return false;
        fill_modes(e->raw, set);
    }
    return check_together(e, set);
}

bool scenario_fill_cluster(struct yaml_source *src, const struct raw_scenario *raw,
                           struct scenario *out)
{
    assert(raw->cluster != NULL);
    assert(raw->cluster->replicas_count < NODES_MAX);
    out->n_nodes = 1 + raw->cluster->replicas_count;
    for (uint32_t n = 0; n < out->n_nodes; n++) {
        char where[WHERE_MAX] = "cluster.primary";
        struct server_settings *set = &out->node[n];
        struct entry e = {src, raw->cluster->primary, where};
        server_settings_default(set);
        set->relay_restart = RELAY_KEEP;
        set->server_id = n + 1;
        if (n > 0) {
            snprintf(where, sizeof where, "cluster.replicas[%u]", n - 1);
            e.raw = &raw->cluster->replicas[n - 1];
            set->semi_sync_master = out->node[0].semi_sync_master;
            set->semi_sync_slave = out->node[0].semi_sync_slave;
            set->wait_point = out->node[0].wait_point;
            set->semi_sync_timeout_ms = out->node[0].semi_sync_timeout_ms;
            set->wait_no_slave = out->node[0].wait_no_slave;
            set->recovery = out->node[0].recovery;
            set->init_rpl_role = out->node[0].init_rpl_role;
            set->sent_error = out->node[0].sent_error;
        }
        if (e.raw != NULL && !fill_profile(&e, set))
            return false;
        if (set->profile->semisync.ack_count != ACK_COUNT_ONE)
            set->wait_for_slave_count = out->node[0].wait_for_slave_count;
        if (is_mysql(set) == is_mysql(&out->node[0])) {
            set->group_wait = out->node[0].group_wait;
            set->binlog_error = out->node[0].binlog_error;
            set->commit_order = out->node[0].commit_order;
        }
        if (!fill_server(&e, set))
            return false;
        for (uint32_t other = 0; other < n; other++) {
            if (out->node[other].server_id == set->server_id)
                return refuse(&e, "server_id",
                              "server_id %u is that of node %u too; a replica refuses "
                              "a primary with its own server id",
                              set->server_id, other);
        }
    }
    return true;
}

#include "core/settings.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#define MARIADB_10_11 "10.11.18-MariaDB-log"
#define MARIADB_11_8  "11.8.6-MariaDB-log"
#define MARIADB_12_3  "12.3.1-MariaDB-log"

/* The MySQL profiles take the order of MySQL's stages, not its file format: they write MariaDB
 * events (MariaDB GTIDs too), and their FORMAT_DESCRIPTION says so with a MariaDB version, since
 * readers such as mariadb-binlog choose by that string how to read the rest. */
#define MARIADB_SEMISYNC                                                                           \
    {                                                                                              \
        .kill_ends_wait = true                                                                     \
    }
#define MARIADB_SEMISYNC_2024                                                                      \
    {                                                                                              \
        .kill_ends_wait = true, .awaits_forgotten = true                                           \
    }
#define MARIADB_SEMISYNC_COUNT                                                                     \
    {                                                                                              \
        .kill_ends_wait = true, .ack_count = ACK_COUNT_EACH                                        \
    }
#define MYSQL_SEMISYNC_56                                                                          \
    {                                                                                              \
        .off_without_replicas = true, .off_keeps_waits = true, .ack_ends_wait_pos = true           \
    }
#define MYSQL_SEMISYNC                                                                             \
    {                                                                                              \
        .off_without_replicas = true, .off_keeps_waits = true, .ack_ends_wait_pos = true,          \
        .ack_count = ACK_COUNT_SLOTS                                                               \
    }

static const struct server_profile servers[] = {
    {.name = "mariadb-10.11",
     .version = MARIADB_10_11,
     .publish = PUBLISH_AFTER_SYNC_CALL,
     .group_wait = GROUP_WAIT_EACH,
     .binlog_error = BINLOG_ERROR_ROLLBACK,
     .semisync = MARIADB_SEMISYNC},
    {.name = "mariadb-10.11.9",
     .version = MARIADB_10_11,
     .publish = PUBLISH_AFTER_SYNC_CALL,
     .group_wait = GROUP_WAIT_EACH,
     .binlog_error = BINLOG_ERROR_ROLLBACK,
     .semisync = MARIADB_SEMISYNC_2024},
    {.name = "mariadb-11.8",
     .version = MARIADB_11_8,
     .publish = PUBLISH_AFTER_SYNC_CALL,
     .group_wait = GROUP_WAIT_EACH,
     .binlog_error = BINLOG_ERROR_ROLLBACK,
     .commit_by_rotate = true,
     .semisync = MARIADB_SEMISYNC},
    {.name = "mariadb-12.1-preview",
     .version = MARIADB_11_8,
     .publish = PUBLISH_AFTER_SYNC_CALL,
     .group_wait = GROUP_WAIT_EACH,
     .binlog_error = BINLOG_ERROR_ROLLBACK,
     .commit_by_rotate = true,
     .semisync = MARIADB_SEMISYNC_COUNT},
    {.name = "mariadb-12.3",
     .version = MARIADB_12_3,
     .publish = PUBLISH_AFTER_SYNC_CALL,
     .group_wait = GROUP_WAIT_EACH,
     .binlog_error = BINLOG_ERROR_ROLLBACK,
     .commit_by_rotate = true,
     .semisync = MARIADB_SEMISYNC},
    {.name = "mysql-5.6",
     .cuts_torn_tail = true,
     .version = MARIADB_10_11,
     .publish = PUBLISH_BEFORE_SYNC,
     .group_wait = GROUP_WAIT_LAST,
     .binlog_error = BINLOG_ERROR_IGNORE,
     .ddl_first = true,
     .semisync = MYSQL_SEMISYNC_56,
     .rotation_drains = true,
     .doubt_is_rolled_back = true,
     .dump_takes_log_lock = true},
    {.name = "mysql-5.7",
     .cuts_torn_tail = true,
     .version = MARIADB_10_11,
     .publish = PUBLISH_IF_SYNC_1,
     .group_wait = GROUP_WAIT_LAST,
     .binlog_error = BINLOG_ERROR_ABORT,
     .ddl_first = true,
     .semisync = MYSQL_SEMISYNC,
     .rotation_drains = true,
     .doubt_is_rolled_back = true},
    {.name = "mysql-8.0",
     .cuts_torn_tail = true,
     .version = MARIADB_10_11,
     .publish = PUBLISH_IF_SYNC_1,
     .group_wait = GROUP_WAIT_LAST,
     .binlog_error = BINLOG_ERROR_ABORT,
     .semisync = MYSQL_SEMISYNC,
     .rotation_drains = true,
     .doubt_is_rolled_back = true,
     .after_commit_in_turn = true},
    {.name = "mysql-bug-44058",
     .cuts_torn_tail = true,
     .version = MARIADB_10_11,
     .publish = PUBLISH_IF_SYNC_1,
     .group_wait = GROUP_WAIT_LAST,
     .binlog_error = BINLOG_ERROR_ABORT,
     .semisync = MYSQL_SEMISYNC,
     .rotation_drains = true,
     .doubt_is_rolled_back = true,
     .dump_takes_log_lock = true},
    {.name = "before-mdev-342",
     .version = MARIADB_10_11,
     .publish = PUBLISH_AFTER_SYNC_CALL,
     .group_wait = GROUP_WAIT_EACH,
     .binlog_error = BINLOG_ERROR_ROLLBACK,
     .semisync = MARIADB_SEMISYNC,
     .clears_in_use_early = true},
    {.name = "before-mdev-24526",
     .version = MARIADB_10_11,
     .publish = PUBLISH_AFTER_SYNC_CALL,
     .group_wait = GROUP_WAIT_EACH,
     .binlog_error = BINLOG_ERROR_ROLLBACK,
     .semisync = MARIADB_SEMISYNC,
     .flush_overtakes = true},
    {.name = "before-mdev-181",
     .version = MARIADB_10_11,
     .publish = PUBLISH_AFTER_SYNC_CALL,
     .group_wait = GROUP_WAIT_EACH,
     .binlog_error = BINLOG_ERROR_ROLLBACK,
     .semisync = MARIADB_SEMISYNC,
     .forgets_old_binlogs = true},
};

static const struct receiver_profile receivers[] = {
    {.name = "mariadbd",
     .ack = ACK_AFTER_HANDLE,
     .sync = HANDLER_SYNC_COUNTED,
     .handler = true,
     .verify_crc_before_ack = true},
    {.name = "ackproof",
     .ack = ACK_AFTER_HANDLE,
     .sync = HANDLER_SYNC_BEFORE_ACK,
     .handler = true,
     .verify_crc_before_ack = true},
    {.name = "libmariadb",
     .ack = ACK_BEFORE_HANDLE,
     .sync = HANDLER_SYNC_NEVER,
     .handler = true,
     .verify_crc_before_ack = false},
    {.name = "go-mysql-channel",
     .ack = ACK_AFTER_QUEUE,
     .sync = HANDLER_SYNC_NEVER,
     .buffered = true,
     .verify_crc_before_ack = true},
    {.name = "go-mysql-handler",
     .ack = ACK_AFTER_HANDLE,
     .sync = HANDLER_SYNC_NEVER,
     .handler = true,
     .verify_crc_before_ack = true},
};

enum {
    SERVERS = sizeof servers / sizeof servers[0],
    RECEIVERS = sizeof receivers / sizeof receivers[0],
};

const struct server_profile *server_profile_at(uint32_t i)
{
    return i < SERVERS ? &servers[i] : NULL;
}

const struct server_profile *server_profile_find(const char *name)
{
    assert(name != NULL);
    for (uint32_t i = 0; i < SERVERS; i++) {
        if (strcmp(servers[i].name, name) == 0) {
            return &servers[i];
        }
    }
    return NULL;
}

const struct receiver_profile *receiver_profile_at(uint32_t i)
{
    return i < RECEIVERS ? &receivers[i] : NULL;
}

const struct receiver_profile *receiver_profile_find(const char *name)
{
    assert(name != NULL);
    for (uint32_t i = 0; i < RECEIVERS; i++) {
        if (strcmp(receivers[i].name, name) == 0) {
            return &receivers[i];
        }
    }
    return NULL;
}

void server_settings_default(struct server_settings *s)
{
    assert(s != NULL);
    memset(s, 0, sizeof *s);
    s->profile = &servers[0];
    s->receiver = &receivers[0];
    s->server_id = 1;
    s->domain_id = 0;
    s->sync_binlog = 1;
    s->flush_log_at_trx_commit = 1;
    s->sync_relay_log = 1;
    s->first_binlog = 1;
    s->semi_sync_timeout_ms = 0;
    s->wait_point = WAIT_AFTER_SYNC;
    s->relay_restart = RELAY_PURGE;
    s->recovery = RECOVERY_SERVE;
    s->semi_sync_master = true;
    s->semi_sync_slave = true;
    s->wait_no_slave = true;
    s->wait_for_slave_count = 1;
}

enum group_wait settings_group_wait(const struct server_settings *s)
{
    return s->group_wait != GROUP_WAIT_OF_PROFILE ? s->group_wait : s->profile->group_wait;
}

enum binlog_error settings_binlog_error(const struct server_settings *s)
{
    return s->binlog_error != BINLOG_ERROR_OF_PROFILE ? s->binlog_error : s->profile->binlog_error;
}

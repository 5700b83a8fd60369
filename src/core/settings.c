#include "core/settings.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#define MARIADB_10_11 "10.11.18-MariaDB-log"
#define MARIADB_11_8  "11.8.6-MariaDB-log"

/* The MySQL profiles take the order of MySQL's stages, not its file format: they write MariaDB
 * events (MariaDB GTIDs too), and their FORMAT_DESCRIPTION says so with a MariaDB version, since
 * readers such as mariadb-binlog choose by that string how to read the rest. */
static const struct server_profile servers[] = {
    {"mariadb-10.11", MARIADB_10_11, PUBLISH_AFTER_SYNC_CALL, GROUP_WAIT_EACH, true},
    {"mariadb-11.8", MARIADB_11_8, PUBLISH_AFTER_SYNC_CALL, GROUP_WAIT_EACH, true},
    {"mysql-5.6", MARIADB_10_11, PUBLISH_BEFORE_SYNC, GROUP_WAIT_LAST, false},
    {"mysql-5.7", MARIADB_10_11, PUBLISH_IF_SYNC_1, GROUP_WAIT_LAST, false},
    {"mysql-8.0", MARIADB_10_11, PUBLISH_IF_SYNC_1, GROUP_WAIT_LAST, false},
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
    s->semi_sync_timeout_ms = 0;
    s->wait_point = WAIT_AFTER_SYNC;
    s->relay_restart = RELAY_PURGE;
    s->recovery = RECOVERY_SERVE;
    s->semi_sync_master = true;
    s->semi_sync_slave = true;
    s->wait_no_slave = true;
}

/* Scenarios built by hand for the tests of sim/live, and a look at what a run has left behind. */
#ifndef ACKPROOF_SIM_LIVE_TEST_LIVE_H
#define ACKPROOF_SIM_LIVE_TEST_LIVE_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/scenario.h"

/* One primary with these settings, one mariadbd replica, everything expected to hold. */
static inline void test_scenario(struct scenario *sc, const char *name)
{
    memset(sc, 0, sizeof *sc);
    (void)snprintf(sc->name, sizeof sc->name, "%s", name);
    sc->n_nodes = 2;
    for (uint32_t i = 0; i < NODES_MAX; i++) {
        struct server_settings *s = &sc->node[i];

        server_settings_default(s);
        s->profile = server_profile_find("mariadb-10.11");
        s->receiver = receiver_profile_find("mariadbd");
        s->server_id = i + 1;
        s->sync_binlog = 1;
        s->flush_log_at_trx_commit = 1;
        s->sync_relay_log = 1;
        s->semi_sync_timeout_ms = 0;
        s->wait_point = WAIT_AFTER_SYNC;
        s->recovery = RECOVERY_SERVE;
        s->semi_sync_master = true;
        s->semi_sync_slave = true;
        s->wait_no_slave = true;
    }
    sc->sessions = 2;
    sc->transactions = 2;
    sc->n_faults = 1;
    sc->fault[0] = (struct fault_budget){FAULT_NODE_KILL, OF_PRIMARY, 1, FILE_NONE};
    sc->manager.n_on_loss = 1;
    sc->manager.on_loss[0] = ON_LOSS_FAILOVER;
    sc->manager.promote = PROMOTE_MOST_ADVANCED;
    sc->manager.fence = true;
    for (int i = 0; i < INVARIANTS; i++) {
        sc->expect[i] = EXPECT_HOLDS;
    }
}

/* Entries of a folder. */
static inline uint32_t test_entries(const char *folder)
{
    DIR *d = opendir(folder);
    uint32_t n = 0;

    for (struct dirent *e = d == NULL ? NULL : readdir(d); e != NULL; e = readdir(d)) {
        n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 ? 1 : 0;
    }
    if (d != NULL) {
        (void)closedir(d);
    }
    return n;
}

/* Processes whose command line names `text`. */
static inline uint32_t test_processes(const char *text)
{
    DIR *d = opendir("/proc");
    uint32_t found = 0;

    for (struct dirent *e = d == NULL ? NULL : readdir(d); e != NULL; e = readdir(d)) {
        char path[300];
        char line[4096] = {0};
        FILE *f;

        if (e->d_name[0] < '0' || e->d_name[0] > '9') {
            continue;
        }
        (void)snprintf(path, sizeof path, "/proc/%s/cmdline", e->d_name);
        f = fopen(path, "re");
        if (f != NULL) {
            size_t n = fread(line, 1, sizeof line - 1, f);

            (void)fclose(f);
            for (size_t i = 0; i < n; i++) {
                line[i] = line[i] == '\0' ? ' ' : line[i];
            }
            found += strstr(line, text) != NULL ? 1 : 0;
        }
    }
    if (d != NULL) {
        (void)closedir(d);
    }
    return found;
}

#endif

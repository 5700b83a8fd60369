/* A mariadbd of our own: initialised once per run, then for each case a fresh copy of that data
 * directory, started on a unix socket without network, killed with SIGKILL, started again. A
 * watched server can also lose power (sim/live/power.h).
 */
#ifndef ACKPROOF_SIM_LIVE_SERVER_H
#define ACKPROOF_SIM_LIVE_SERVER_H

#include <stdbool.h>
#include <sys/types.h>

#include "core/settings.h"
#include "sim/live/guard.h"
#include "sim/live/power.h"
#include "sim/live/session.h"

enum { SERVER_WHY_MAX = 240, SERVER_READY_MS = 60000 };

struct live_server {
    struct guard *guard;
    char path[GUARD_PATH_MAX];     /* of mariadbd */
    char pristine[GUARD_PATH_MAX]; /* data directory as mariadb-install-db left it */
    char data[GUARD_PATH_MAX];     /* data directory of the case under way; "" = none */
    char socket[108];
    bool watched;                 /* started with the preloaded object (server_watch) */
    char object[POWER_PATH_MAX];  /* that object */
    char journal[POWER_PATH_MAX]; /* folder of the journals of the case under way */
    char why[SERVER_WHY_MAX];     /* after a failure: what happened, in one line */
    pid_t pid;                    /* 0 = not running */
};

enum server_made {
    SERVER_MADE,
    SERVER_FAILED,  /* s->why */
    SERVER_MISSING, /* s->why names the tool and its Debian package */
};
/* Runs mariadb-install-db into guard->dir. `path`: an executable mariadbd. */
enum server_made server_make(struct live_server *s, struct guard *g, const char *path);

/* What the program says of itself, "Ver 10.11.19-MariaDB": 101119. 0 where it says nothing so. */
uint32_t server_version(const char *path);

/* From now on it is started with the preloaded object. False where there is none. */
bool server_watch(struct live_server *s);

/* Copies the pristine data directory to guard->dir/<name>. False with s->why. */
bool server_fresh(struct live_server *s, const char *name);
/* Starts on s->data with the scenario's settings and waits until it answers; `client` is then a
 * connection to it. False with s->why (which quotes the error log), also when guard_signal is
 * set. */
bool server_start(struct live_server *s, const struct server_settings *set,
                  struct live_session *client);
/* SIGKILL, and wait until the process is gone. */
void server_kill(struct live_server *s);
/* Of a watched server: SIGKILL, and all that no fsync covers is gone; with `stem` only from files
 * whose name begins so. False with s->why. */
bool server_power_off(struct live_server *s, const char *stem, struct power_loss *loss);
/* Removes the data directory of the case. */
void server_discard(struct live_server *s);
/* Has the process ended? Then with this wait status. */
bool server_ended(struct live_server *s, int *status);
/* Did the process end without having been asked to? s->why then. */
bool server_died(struct live_server *s);

#endif

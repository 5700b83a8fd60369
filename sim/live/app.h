/* A receiver in a process of its own, so that it can be lost to a kill -9.
 *
 *   libmariadb  an ordinary Connector/C application: mariadb_rpl_open, mariadb_rpl_fetch in a loop,
 *               each event appended to a file and fsynced as soon as the application has it. Before
 *               it stores an event on which the primary wants an ACK it says so and waits for
 *               leave: that is the window in which an application does its work.
 *   core        the receiver core with the scenario's profile (sim/live/peer.h); it waits for
 *               nobody, unless it was told to hold its ACKs or to be deaf.
 *
 * A process that is started with the name of one that was killed finds that one's files.
 *
 * The two sides talk over a socket pair: one byte per message, APP_STREAMING with a position.
 */
#ifndef ACKPROOF_SIM_LIVE_APP_H
#define ACKPROOF_SIM_LIVE_APP_H

#include "core/settings.h"
#include "format/gtid.h"
#include "sim/live/guard.h"

enum app_word {
    APP_NOTHING = 0,
    APP_FETCHED = 'F',   /* libmariadb: has an event that wants an ACK and has not stored it */
    APP_STORED = 'S',    /* libmariadb: it is written and fsynced */
    APP_STREAMING = 'C', /* core: asked for the stream behind the position that is now in `asked` */
    APP_OBEYED = 'K',    /* core: holds its ACKs, or is deaf, from now on */
    APP_HELD = 'H',      /* core: has made a transaction durable and holds the ACK of it */
    APP_GONE = 'G',      /* the process has ended; its last words are in `why` */
};

struct live_app {
    struct guard *guard;
    pid_t pid; /* 0 = not running */
    int fd;
    char folder[GUARD_PATH_MAX]; /* its file: relay.000001 */
    struct gtid_pos asked;       /* core: behind this, on its latest connection */
    char why[120];
};

/* Starts the process; it connects and asks for the stream. False with a->why. */
bool app_start(struct live_app *a, struct guard *g, const struct server_settings *set,
               const char *socket, const char *name);
/* The next word within limit_ms, or APP_NOTHING. */
enum app_word app_listen(struct live_app *a, uint32_t limit_ms);
/* Leave to store. */
void app_let_store(struct live_app *a);
/* To a core: hold all ACKs; read nothing more. Answered with APP_OBEYED. */
void app_hold(struct live_app *a);
void app_deafen(struct live_app *a);
/* SIGKILL, and wait until it is gone. Its files stay. */
void app_kill(struct live_app *a);

/* Inside the child; do not return. `fd` is the socket pair's other end. */
_Noreturn void app_main_libmariadb(const struct server_settings *set, const char *socket,
                                   const char *folder, int fd);
_Noreturn void app_main_core(const struct server_settings *set, const char *socket,
                             const char *folder, int fd);
/* Last words, and exit. */
_Noreturn void app_give_up(int fd, const char *what, const char *text);

#endif

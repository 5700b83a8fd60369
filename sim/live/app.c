#include "sim/live/app.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sim/live/peer.h"

/* ---- our side ------------------------------------------------------------------------------- */

bool app_start(struct live_app *a, struct guard *g, const struct server_settings *set,
               const char *socket, const char *name)
{
    int pair[2];

    assert(a != NULL && g != NULL && set != NULL && socket != NULL && name != NULL);
    memset(a, 0, sizeof *a);
    a->guard = g;
    a->fd = -1;
    (void)snprintf(a->folder, sizeof a->folder, "%.400s/%.60s.receiver", g->dir, name);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
        (void)snprintf(a->why, sizeof a->why, "socketpair: %s", strerror(errno));
        return false;
    }
    a->pid = guard_fork(g, pair[1]);
    if (a->pid == 0) {
        if (strcmp(set->receiver->name, "libmariadb") == 0) {
            app_main_libmariadb(set, socket, a->folder, pair[1]);
        }
        app_main_ackproof(set, socket, a->folder, pair[1]);
    }
    (void)close(pair[1]);
    if (a->pid < 0) {
        (void)close(pair[0]);
        a->pid = 0;
        (void)snprintf(a->why, sizeof a->why, "fork: %s", strerror(errno));
        return false;
    }
    a->fd = pair[0];
    return true;
}

enum app_word app_listen(struct live_app *a, uint32_t limit_ms)
{
    struct pollfd p = {.fd = a->fd, .events = POLLIN};
    char word = 0;

    assert(a->fd >= 0);
    if (poll(&p, 1, (int)limit_ms) <= 0) {
        return APP_NOTHING;
    }
    if (read(a->fd, &word, 1) != 1) {
        return APP_GONE;
    }
    if (word == APP_GONE) {
        ssize_t n = read(a->fd, a->why, sizeof a->why - 1);

        a->why[n > 0 ? n : 0] = '\0';
    }
    return (enum app_word)word;
}

void app_let_store(struct live_app *a)
{
    ssize_t n = write(a->fd, "s", 1);

    (void)n; /* a process that is gone shows in app_listen */
}

void app_kill(struct live_app *a)
{
    int status = 0;

    assert(a != NULL);
    if (a->pid > 0) {
        guard_kill(a->guard, a->pid, SIGKILL);
        if (guard_reap(a->guard, a->pid, 10000, &status)) {
            a->pid = 0;
        }
        (void)close(a->fd);
        a->fd = -1;
    }
}

/* ---- the child ------------------------------------------------------------------------------ */

void app_give_up(int fd, const char *what, const char *text)
{
    char words[120];
    int n = snprintf(words, sizeof words, "G%.40s: %.70s", what, text);
    ssize_t put = write(fd, words, (size_t)n);

    (void)put;
    _exit(1);
}

void app_main_ackproof(const struct server_settings *set, const char *socket, const char *folder,
                       int fd)
{
    static struct peer peer;
    uv_loop_t loop;

    if (uv_loop_init(&loop) != 0) {
        app_give_up(fd, "uv_loop_init", "failed");
    }
    if (!peer_start(&peer, &loop, 1, set, socket, folder)) {
        app_give_up(fd, "start", peer.why);
    }
    while (peer.why[0] == '\0') {
        (void)uv_run(&loop, UV_RUN_ONCE);
    }
    app_give_up(fd, "stream", peer.why);
}

#include "sim/live/app.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sim/live/peer.h"

/* What we say to the process. */
enum app_order { ORDER_STORE = 's', ORDER_HOLD = 'h', ORDER_DEAF = 'd' };

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
        app_main_core(set, socket, a->folder, pair[1]);
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
    if (word == APP_STREAMING &&
        read(a->fd, &a->asked, sizeof a->asked) != (ssize_t)sizeof a->asked) {
        return APP_GONE; /* killed in the middle of a word */
    }
    if (word == APP_GONE) {
        ssize_t n = read(a->fd, a->why, sizeof a->why - 1);

        a->why[n > 0 ? n : 0] = '\0';
    }
    return (enum app_word)word;
}

static void tell(struct live_app *a, enum app_order order)
{
    char byte = (char)order;
    ssize_t n = write(a->fd, &byte, 1);

    (void)n; /* a process that is gone shows in app_listen */
}

void app_let_store(struct live_app *a)
{
    tell(a, ORDER_STORE);
}

void app_hold(struct live_app *a)
{
    tell(a, ORDER_HOLD);
}

void app_deafen(struct live_app *a)
{
    tell(a, ORDER_DEAF);
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

struct child {
    struct peer peer;
    int fd;
    bool streaming;  /* said so */
    uint32_t n_held; /* ACKs of which we said that they are held */
};

static void say(int fd, const void *bytes, size_t len)
{
    if (write(fd, bytes, len) != (ssize_t)len) {
        _exit(1); /* nobody is there any more */
    }
}

static void say_word(int fd, enum app_word word)
{
    char byte = (char)word;

    say(fd, &byte, 1);
}

static void on_order(uv_poll_t *poll, int status, int events)
{
    struct child *c = poll->data;
    char order = 0;

    (void)status;
    (void)events;
    if (read(c->fd, &order, 1) != 1) {
        _exit(1);
    }
    if (order == ORDER_HOLD) {
        peer_set_hold(&c->peer, true);
    } else if (order == ORDER_DEAF) {
        peer_set_deaf(&c->peer, true);
    }
    say_word(c->fd, APP_OBEYED);
}

static void report(struct child *c)
{
    uint8_t word[1 + sizeof c->peer.asked] = {APP_STREAMING};

    if (!c->streaming && peer_streaming(&c->peer)) {
        memcpy(word + 1, &c->peer.asked, sizeof c->peer.asked);
        say(c->fd, word, sizeof word);
    }
    c->streaming = peer_streaming(&c->peer);
    for (; c->n_held < peer_acks_held(&c->peer); c->n_held++) {
        say_word(c->fd, APP_HELD);
    }
}

void app_main_core(const struct server_settings *set, const char *socket, const char *folder,
                   int fd)
{
    static struct child c;
    uv_poll_t orders;
    uv_loop_t loop;

    c.fd = fd;
    if (uv_loop_init(&loop) != 0 || uv_poll_init(&loop, &orders, fd) != 0) {
        app_give_up(fd, "libuv", "failed");
    }
    orders.data = &c;
    if (uv_poll_start(&orders, UV_READABLE, on_order) != 0) {
        app_give_up(fd, "libuv", "failed");
    }
    if (!peer_start(&c.peer, &loop, 1, set, socket, folder)) {
        app_give_up(fd, "start", c.peer.why);
    }
    while (c.peer.why[0] == '\0') {
        report(&c);
        (void)uv_run(&loop, UV_RUN_ONCE);
    }
    app_give_up(fd, "stream", c.peer.why);
}

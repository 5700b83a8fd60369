#include "sim/live/peer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "sim/live/dump.h"

enum { PRIMARY_NODE = 0, PACKET_ERROR = 0xFF, PACKET_EOF = 0xFE, PACKET_EOF_BELOW = 8 };

static void pump(struct peer *p);

static void wrong(struct peer *p, const char *what, const char *text)
{
    p->stay_down = true; /* a core that connects again at once would go on for ever */
    if (p->why[0] == '\0') {
        (void)snprintf(p->why, sizeof p->why, "replica %u: %s%s%.100s", p->node, what,
                       text[0] == '\0' ? "" : ": ", text);
    }
}

static void enqueue(struct peer *p, const struct event *e)
{
    assert(p->n_events < PEER_EVENTS_MAX);
    assert(e->kind != EV_NET_FRAME);
    p->event[p->n_events++] = *e;
}

/* ---- the connection ------------------------------------------------------------------------- */

static void free_handle(uv_handle_t *h)
{
    free(h);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct peer *p = poll->data;

    (void)status; /* an error shows in recv as well */
    (void)events;
    pump(p);
}

/* Reads only what there is room for, and nothing while deaf: then TCP (here: the unix socket) holds
 * it, as it does for a receiver that is busy with its disk. */
static void watch_socket(struct peer *p)
{
    if (p->poll == NULL) {
        return;
    }
    if (p->streaming && !p->deaf && p->in_len < PEER_IN_MAX && receiver_ready(&p->core)) {
        (void)uv_poll_start(p->poll, UV_READABLE, on_readable);
    } else {
        (void)uv_poll_stop(p->poll);
    }
}

static void close_connection(struct peer *p)
{
    if (p->poll != NULL) {
        (void)uv_poll_stop(p->poll);
        uv_close((uv_handle_t *)p->poll, free_handle);
        p->poll = NULL;
    }
    if (p->my != NULL) {
        dump_close(p->my);
        p->my = NULL;
    }
    p->fd = -1;
    p->streaming = false;
    p->in_len = 0;
    for (uint32_t i = 0; i < p->n_acks; i++) {
        p->ack[i].lost = !p->ack[i].sent;
    }
}

static void lose_connection(struct peer *p)
{
    static const struct event down = {
        .kind = EV_NET_DOWN, .peer = PRIMARY_NODE, .link = LINK_TO_PRIMARY};

    if (p->my != NULL) {
        close_connection(p);
        enqueue(p, &down);
    }
}

static void open_connection(struct peer *p)
{
    struct event e = {.kind = EV_NET_UP, .peer = PRIMARY_NODE, .link = LINK_TO_PRIMARY};
    char why[120];

    assert(p->my == NULL);
    if (p->stay_down) {
        p->wants_connect = true;
        return;
    }
    p->wants_connect = false;
    p->my = dump_connect(p->socket, why, sizeof why);
    if (p->my == NULL) {
        wrong(p, "connect", why);
        p->wants_connect = true;
        return;
    }
    p->fd = dump_fd(p->my);
    p->poll = malloc(sizeof *p->poll);
    assert(p->poll != NULL);
    if (uv_poll_init(p->store.loop, p->poll, p->fd) != 0) {
        free(p->poll);
        p->poll = NULL;
        wrong(p, "uv_poll_init", "");
        close_connection(p);
        e.kind = EV_NET_DOWN;
    } else {
        p->poll->data = p;
    }
    enqueue(p, &e);
}

/* ---- actions of the core -------------------------------------------------------------------- */

/* The core asked for the stream: here is the whole negotiation behind it. */
static void start_stream(struct peer *p, const uint8_t *bytes, uint32_t len)
{
    struct dump_request q;
    char why[120];
    enum fmt e = decode_dump_request(bytes, len, &q);

    assert(e == FMT_OK); /* the core's own bytes */
    (void)e;
    p->semi_sync = q.semi_sync != 0;
    p->asked = q.pos;
    if (!dump_negotiate(p->my, &q.pos, p->semi_sync, why, sizeof why) ||
        !dump_request(p->my, q.server_id, why, sizeof why)) {
        wrong(p, "negotiation", why);
        lose_connection(p);
        return;
    }
    p->streaming = true;
}

static void send_ack(struct peer *p, struct peer_ack *a)
{
    a->sent = true;
    if (p->fd < 0 || !dump_send(p->fd, a->bytes, a->len)) {
        lose_connection(p); /* the primary is gone: the ACK is lost on the way, which is no fault */
    }
}

static void take_ack(struct peer *p, const uint8_t *bytes, uint32_t len)
{
    struct peer_ack *a;

    if (p->n_acks == PEER_ACKS_MAX || len > PEER_ACK_BYTES_MAX) {
        wrong(p, "too many ACKs", "");
        return;
    }
    a = &p->ack[p->n_acks++];
    memset(a, 0, sizeof *a);
    if (decode_ack(bytes, len, &a->ack) != FMT_OK) {
        wrong(p, "the receiver built an ACK that cannot be read", "");
        return;
    }
    memcpy(a->bytes, bytes, len);
    a->len = len;
    a->durable = store_durable(&p->store);
    if (!p->hold_acks) {
        send_ack(p, a);
    }
}

static void on_timer(uv_timer_t *timer)
{
    static const struct event ran_out = {.kind = EV_TIMER, .task = TASK_RECEIVER};
    struct peer *p = timer->data;

    enqueue(p, &ran_out);
    pump(p);
}

static void carry_out_one(struct peer *p, const struct action *a, const uint8_t *bytes)
{
    struct event run = {.kind = EV_RUN, .task = a->task};

    switch (a->kind) {
    case ACT_CONNECT:
        open_connection(p);
        break;
    case ACT_CLOSE:
        close_connection(p);
        break;
    case ACT_SEND:
        if (p->my == NULL) {
            break; /* lost within this step: whatever is sent now goes nowhere */
        }
        if (!p->streaming) {
            start_stream(p, bytes + a->at, a->len);
        } else {
            take_ack(p, bytes + a->at, a->len);
        }
        break;
    case ACT_SET_TIMER:
        (void)uv_timer_start(p->timer, on_timer, a->arg, 0);
        break;
    case ACT_CLEAR_TIMER:
        (void)uv_timer_stop(p->timer);
        break;
    case ACT_WAKE:
        enqueue(p, &run);
        break;
    default:
        wrong(p, "the receiver asked for something that a replica's IO thread has no use for", "");
        break;
    }
}

static void carry_out(struct peer *p)
{
    struct actions *list = malloc(sizeof *list);
    bool submitted[TASKS_MAX] = {false};

    assert(list != NULL);
    *list = p->out; /* an action may lead to the next step, which writes p->out */
    for (uint32_t i = 0; i < list->n; i++) {
        const struct action *a = &list->at[i];

        if (!store_is_disk_action(a)) {
            carry_out_one(p, a, list->bytes);
        } else if (!submitted[a->task]) {
            submitted[a->task] = true;
            store_submit(&p->store, a->task, list);
        }
    }
    free(list);
}

static void step(struct peer *p, const struct event *e)
{
    struct disk_view view;
    struct env env = {.set = &p->set, .disk = &view, .node = p->node};

    store_view(&p->store, &view);
    actions_clear(&p->out);
    receiver_step(&p->core, &env, e, &p->out);
    carry_out(p);
    if (p->core.state == RECEIVER_ERROR) {
        wrong(p, "the receiver refused what came (state ERROR)", "");
    }
}

/* ---- packets -------------------------------------------------------------------------------- */

/* Reads what is there. False where the connection has ended. */
static bool fill(struct peer *p)
{
    while (p->in_len < PEER_IN_MAX) {
        ssize_t n = recv(p->fd, p->in + p->in_len, PEER_IN_MAX - p->in_len, MSG_DONTWAIT);

        if (n > 0) {
            p->in_len += (uint32_t)n;
        } else if (n == 0 || (errno != EINTR && errno != EAGAIN)) {
            return false;
        } else if (errno == EAGAIN) {
            break;
        }
    }
    return true;
}

/* Length of the packet at the front with its header; 0 where it is not complete. */
static uint32_t whole_packet(const struct peer *p)
{
    uint32_t len;

    if (p->in_len < PACKET_HEADER_LEN) {
        return 0;
    }
    len = PACKET_HEADER_LEN +
          ((uint32_t)p->in[0] | (uint32_t)p->in[1] << 8 | (uint32_t)p->in[2] << 16);
    return len <= p->in_len ? len : 0;
}

/* Reads until a whole packet stands at the front. False where there is none to be had now. */
static bool await_packet(struct peer *p)
{
    bool up;

    if (whole_packet(p) > 0) {
        return true;
    }
    up = fill(p);
    if (whole_packet(p) > 0) {
        return true; /* whole packets that came before the end count */
    }
    if (p->in_len == PEER_IN_MAX) {
        wrong(p, "an event above 128 KiB", "");
        up = false;
    }
    if (!up) {
        lose_connection(p);
    }
    return false;
}

/* Is this the end of the group with that sequence number, of which an ACK is wanted? */
static bool ends_group(const struct peer *p, uint32_t len, uint64_t seq)
{
    struct event_packet packet;

    return seq > 0 && peer_received(p) + 1 == seq &&
           decode_event_packet(p->frame, len, p->semi_sync, &packet) == FMT_OK && packet.need_ack;
}

/* One packet of the stream to the core. */
static void take_packet(struct peer *p)
{
    uint32_t len = whole_packet(p) - PACKET_HEADER_LEN;
    struct event e = {.kind = EV_NET_FRAME, .peer = PRIMARY_NODE, .link = LINK_TO_PRIMARY};

    memcpy(p->frame, p->in + PACKET_HEADER_LEN, len);
    p->frame[len] = '\0';
    p->in_len -= len + PACKET_HEADER_LEN;
    memmove(p->in, p->in + len + PACKET_HEADER_LEN, p->in_len);
    if (len > 0 && len < PACKET_EOF_BELOW && p->frame[0] == PACKET_EOF) {
        lose_connection(p); /* its dump thread was killed, as at a shutdown: one connects again */
        return;
    }
    if (len == 0 || p->frame[0] == PACKET_ERROR) {
        wrong(p, "the primary ended the stream", len > 9 ? (const char *)p->frame + 9 : "");
        lose_connection(p);
        return;
    }
    e.bytes = p->frame;
    e.len = len;
    p->frames++;
    if (ends_group(p, len, p->lie_at)) {
        store_lie(&p->store);
    }
    if (p->deaf_behind > 0 && --p->deaf_behind == 0) {
        p->deaf = true;
    }
    step(p, &e);
}

static void pump(struct peer *p)
{
    if (p->pumping) {
        return; /* the loop below goes on with what was enqueued */
    }
    p->pumping = true;
    for (;;) {
        if (p->n_events > 0) {
            struct event e = p->event[0];

            p->n_events--;
            memmove(p->event, p->event + 1, p->n_events * sizeof p->event[0]);
            step(p, &e);
        } else if (p->streaming && !p->deaf && receiver_ready(&p->core)) {
            if (await_packet(p)) {
                take_packet(p);
            } else if (p->n_events == 0) {
                break;
            }
        } else {
            break;
        }
    }
    p->pumping = false;
    watch_socket(p);
}

static void on_stored(void *arg, uint32_t task, enum io_result result)
{
    struct peer *p = arg;
    struct event e = {.kind = EV_DISK_DONE, .task = (uint8_t)task, .io = (uint8_t)result};

    if (task == TASK_BOOT) {
        if (result != IO_OK) {
            wrong(p, "opening the relay log", result == IO_ENOSPC ? "ENOSPC" : "EIO");
        }
        return; /* the host waits for it (peer_start); the core does not */
    }
    enqueue(p, &e);
    pump(p);
}

/* ---- what the script uses ------------------------------------------------------------------- */

static bool boot(struct peer *p)
{
    struct gtid_pos nothing;
    struct disk_view view;
    struct env env = {.set = &p->set, .disk = &view, .node = p->node};

    memset(&nothing, 0, sizeof nothing);
    store_view(&p->store, &view);
    actions_clear(&p->out);
    receiver_boot(&p->core, &env, &nothing, &p->out);
    carry_out(p);
    while (store_busy(&p->store)) {
        (void)uv_run(p->store.loop, UV_RUN_ONCE);
    }
    peer_start_slave(p);
    return p->why[0] == '\0';
}

static bool open_store(struct peer *p, uv_loop_t *loop, const char *folder)
{
    int rc = store_open(&p->store, loop, folder);

    p->store.done = on_stored;
    p->store.arg = p;
    if (rc != 0) {
        wrong(p, "opening its folder", uv_strerror(rc));
    }
    return rc == 0;
}

bool peer_start(struct peer *p, uv_loop_t *loop, uint32_t node, const struct server_settings *set,
                const char *socket, const char *folder)
{
    int rc;

    assert(p != NULL && loop != NULL && set != NULL && socket != NULL && folder != NULL);
    assert(node > 0 && node < NODES_MAX);
    assert(receiver_profile_check(set->receiver));
    memset(p, 0, sizeof *p);
    p->node = node;
    p->set = *set;
    p->socket = socket;
    p->fd = -1;
    if (!open_store(p, loop, folder)) {
        return false;
    }
    p->in = malloc(PEER_IN_MAX);
    p->frame = malloc(PEER_IN_MAX);
    p->timer = malloc(sizeof *p->timer);
    assert(p->in != NULL && p->frame != NULL && p->timer != NULL);
    rc = uv_timer_init(loop, p->timer);
    assert(rc == 0);
    p->timer->data = p;
    return boot(p);
}

void peer_set_deaf(struct peer *p, bool deaf)
{
    p->deaf = deaf;
    pump(p);
}

void peer_deafen_behind(struct peer *p, uint32_t events)
{
    assert(events > 0);
    p->deaf_behind = events;
}

void peer_set_hold(struct peer *p, bool hold)
{
    p->hold_acks = hold;
    for (uint32_t i = 0; !hold && i < p->n_acks; i++) {
        if (!p->ack[i].sent && !p->ack[i].lost) {
            send_ack(p, &p->ack[i]);
        }
    }
    pump(p);
}

void peer_let_ack_go(struct peer *p)
{
    for (uint32_t i = 0; i < p->n_acks; i++) {
        if (!p->ack[i].sent && !p->ack[i].lost) {
            send_ack(p, &p->ack[i]);
            pump(p);
            return;
        }
    }
}

void peer_lie_at(struct peer *p, uint64_t seq)
{
    p->lie_at = seq;
}

void peer_set_down(struct peer *p, bool down)
{
    p->stay_down = down;
    if (!down && p->wants_connect) {
        open_connection(p);
    }
    pump(p);
}

void peer_cut(struct peer *p)
{
    lose_connection(p);
    pump(p);
}

static void administer(struct peer *p, uint8_t admin)
{
    struct event e = {.kind = EV_ADMIN, .admin = admin, .peer = PRIMARY_NODE};

    enqueue(p, &e);
    pump(p);
}

void peer_stop_slave(struct peer *p)
{
    char why[120];

    if (p->my != NULL && p->semi_sync && !dump_kill(p->my, p->socket, why, sizeof why)) {
        wrong(p, "STOP SLAVE", why);
    }
    administer(p, ADMIN_STOP_SLAVE);
}

void peer_start_slave(struct peer *p)
{
    administer(p, ADMIN_FOLLOW);
}

bool peer_streaming(const struct peer *p)
{
    return p->streaming;
}

uint64_t peer_received(const struct peer *p)
{
    return gtid_pos_find(&p->core.pos, p->set.domain_id).seq;
}

static uint32_t count_acks(const struct peer *p, bool sent)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < p->n_acks; i++) {
        n += p->ack[i].sent == sent ? 1 : 0;
    }
    return n;
}

uint32_t peer_acks_held(const struct peer *p)
{
    return count_acks(p, false);
}

uint32_t peer_acks_sent(const struct peer *p)
{
    return count_acks(p, true);
}

bool peer_lose_power(struct peer *p, char *text, size_t cap)
{
    uv_loop_t *loop = p->store.loop;
    char folder[STORE_PATH_MAX];

    assert(p->stay_down && p->my == NULL && p->core.busy == RECEIVER_IDLE);
    (void)snprintf(folder, sizeof folder, "%s", p->store.folder);
    if (!store_lose_power(&p->store, text, cap)) {
        wrong(p, "power loss", strerror(errno));
        return false;
    }
    return open_store(p, loop, folder) && boot(p);
}

void peer_stop(struct peer *p)
{
    assert(p != NULL);
    if (p->store.loop == NULL) {
        return; /* never started */
    }
    p->deaf = true;
    p->n_events = 0;
    close_connection(p);
    store_close(&p->store);
    if (p->timer != NULL) {
        uv_close((uv_handle_t *)p->timer, free_handle);
        p->timer = NULL;
    }
    free(p->in);
    p->in = NULL;
    free(p->frame);
    p->frame = NULL;
    /* The handles are freed by their callbacks, which need a turn of the loop. */
    (void)uv_run(p->store.loop, UV_RUN_NOWAIT);
    p->store.loop = NULL;
}

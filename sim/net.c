/* The network: TCP connections between a replica and the dump port of its primary.
 *
 * Bytes are never lost while a connection stands; they are late. What breaks a connection breaks
 * both directions: an end that dies or closes is noticed by the other when the world likes, and
 * until then the other may go on reading what had arrived.
 */
#include "sim/internal.h"

bool net_reachable(const struct world *w, uint32_t a, uint32_t b)
{
    return a == b || ((w->cut_off >> a | w->cut_off >> b) & 1) == 0;
}

struct conn *conn_of(struct world *w, uint32_t replica, uint32_t primary, enum link my_link,
                     uint32_t me)
{
    assert(me == (my_link == LINK_TO_PRIMARY ? replica : primary));
    (void)me;
    for (uint32_t i = 0; i < w->conns; i++) {
        struct conn *c = &w->conn[i];
        bool open = my_link == LINK_TO_PRIMARY ? c->replica_open || c->asked : c->primary_open;
        if (c->used && c->replica == replica && c->primary == primary && open)
            return c;
    }
    return NULL;
}

/* Frees a connection that neither end holds any more. */
static void reap(struct conn *c)
{
    if (!c->replica_open)
        c->down_len = 0;
    if (!c->primary_open)
        c->up_len = 0;
    if (!c->asked && !c->replica_open && !c->primary_open)
        memset(c, 0, sizeof *c);
}

/* Closes the gaps that connections left; *conn becomes the place of what was at *conn. Which places
 * were left is history, and must not decide anything: of two connections between the same servers,
 * the older one, which its primary has not given up yet, is first. */
static void conns_close_up(struct world *w, uint32_t *conn)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < w->conns; i++) {
        struct conn *from = &w->conn[i];
        struct conn *to = &w->conn[n];
        if (!from->used)
            continue;
        if (conn != NULL && *conn == i)
            *conn = n;
        n++;
        if (to == from)
            continue;
        memcpy(to, from, offsetof(struct conn, down) + from->down_len);
        memcpy(to->up, from->up, from->up_len);
    }
    w->conns = n;
}

void net_connect(struct sim *s, uint32_t replica, uint32_t primary)
{
    conns_close_up(s->world, NULL);
    if (s->world->conns == CONNS_MAX) {
        s->world->full = 1;
        return;
    }
    struct conn *c = &s->world->conn[s->world->conns++];
    memset(c, 0, offsetof(struct conn, down));
    c->used = 1;
    c->asked = 1;
    c->replica = (uint8_t)replica;
    c->primary = (uint8_t)primary;
}

void net_close(struct sim *s, uint32_t node, uint32_t peer, enum link link)
{
    bool at_replica = link == LINK_TO_PRIMARY;
    if (at_replica)
        s->world->ledger.sent[node] = 0; /* that was on a connection which it has given up */
    struct conn *c =
        conn_of(s->world, at_replica ? node : peer, at_replica ? peer : node, link, node);
    if (c == NULL)
        return;
    if (at_replica)
        c->replica_open = c->asked = 0;
    else
        c->primary_open = 0;
    reap(c);
}

void net_send(struct sim *s, uint32_t node, uint32_t peer, enum link link, const uint8_t *bytes,
              uint32_t len)
{
    bool up = link == LINK_TO_PRIMARY;
    struct conn *c = conn_of(s->world, up ? node : peer, up ? peer : node, link, node);
    if (c == NULL || c->asked) {
        judge_insane(s, "a packet was sent on a connection that does not stand");
        return;
    }
    if (up ? !c->primary_open : !c->replica_open)
        return; /* the other end is gone, and this one has not noticed yet */
    uint32_t *used = up ? &c->up_len : &c->down_len;
    uint32_t cap = up ? CONN_UP_MAX : CONN_DOWN_MAX;
    if (*used + 2 + len > cap) {
        s->world->full = 1;
        return;
    }
    uint8_t *at = (up ? c->up : c->down) + *used;
    at[0] = (uint8_t)len;
    at[1] = (uint8_t)(len >> 8);
    memcpy(at + 2, bytes, len);
    *used += 2 + len;
}

bool net_has_room(const struct world *w, uint32_t primary, uint32_t replica)
{
    for (uint32_t i = 0; i < w->conns; i++) {
        const struct conn *c = &w->conn[i];
        if (c->used && c->primary_open && c->primary == primary && c->replica == replica)
            return c->down_len + 768 <= CONN_DOWN_MAX;
    }
    return true;
}

void net_node_died(struct sim *s, uint32_t node)
{
    s->world->ledger.sent[node] = 0;
    for (uint32_t i = 0; i < s->world->conns; i++) {
        struct conn *c = &s->world->conn[i];
        if (!c->used)
            continue;
        if (c->replica == node)
            c->replica_open = c->asked = 0;
        if (c->primary == node)
            c->primary_open = 0;
        reap(c);
    }
}

void net_deliver(struct sim *s, uint32_t conn, bool down)
{
    struct conn *c = &s->world->conn[conn];
    uint8_t packet[CONN_DOWN_MAX];
    uint8_t *queue = down ? c->down : c->up;
    uint32_t *used = down ? &c->down_len : &c->up_len;
    assert(*used >= 2);
    uint32_t len = (uint32_t)queue[0] | (uint32_t)queue[1] << 8;
    assert(2 + len <= *used);
    memcpy(packet, queue + 2, len);
    memmove(queue, queue + 2 + len, *used - 2 - len);
    *used -= 2 + len;
    struct event e = {.kind = EV_NET_FRAME,
                      .peer = down ? c->primary : c->replica,
                      .link = down ? LINK_TO_PRIMARY : LINK_TO_REPLICA,
                      .bytes = packet,
                      .len = len};
    uint32_t node = down ? c->replica : c->primary;
    if (down && len > 0 && packet[0] == 0)
        story_event(s, node, packet, len);
    else if (!down)
        story_request(s, node, c->replica, packet, len);
    node_event(s, node, &e);
}

void net_opened(struct sim *s, uint32_t conn)
{
    struct conn *c = &s->world->conn[conn];
    uint32_t replica = c->replica;
    uint32_t primary = c->primary;
    assert(c->asked);
    s->world->ledger.sent[replica] = 0;
    story(s, "%s accepts the connection of %s", story_node(s, primary), story_node(s, replica));
    struct event open = {.kind = EV_NET_OPEN, .peer = (uint8_t)replica, .link = LINK_TO_REPLICA};
    node_event(s, primary, &open); /* may close an older connection of this replica */
    c->asked = 0;
    c->replica_open = 1;
    c->primary_open = 1;
    struct event up = {.kind = EV_NET_UP, .peer = (uint8_t)primary, .link = LINK_TO_PRIMARY};
    node_event(s, replica, &up);
}

void net_down(struct sim *s, uint32_t conn, bool at_replica)
{
    struct conn *c = &s->world->conn[conn];
    uint32_t node = at_replica ? c->replica : c->primary;
    struct event e = {.kind = EV_NET_DOWN,
                      .peer = at_replica ? c->primary : c->replica,
                      .link = at_replica ? LINK_TO_PRIMARY : LINK_TO_REPLICA};
    story(s, "%s notices that its connection to %s is gone", story_node(s, node),
          story_node(s, e.peer));
    if (at_replica)
        c->replica_open = 0;
    else
        c->primary_open = 0;
    reap(c);
    node_event(s, node, &e);
}

/* Both ends find the connection broken; what was in flight is gone. The ends notice in turn. */
void net_reset(struct sim *s, uint32_t conn)
{
    conns_close_up(s->world, &conn); /* it stays where it is when the replica connects anew */
    struct conn *c = &s->world->conn[conn];
    c->down_len = 0;
    c->up_len = 0;
    story(s, "the connection between %s and %s is reset", story_node(s, c->replica),
          story_node(s, c->primary));
    net_down(s, conn, true);
    if (c->used)
        net_down(s, conn, false);
}

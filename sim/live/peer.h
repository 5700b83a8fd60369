/* A semi-sync replica whose IO thread is our own receiver core, on a real dump stream.
 *
 * The core is src/replica/receiver.h, the object that the simulator links. Here its surroundings
 * are real: libmariadb connects and authenticates, the negotiation is the statements of facts 3.1,
 * then COM_REGISTER_SLAVE and COM_BINLOG_DUMP go out on the connection's own socket and the packets
 * of the stream come in through uv_poll; disk actions go to sim/live/store.h; an ACK is a real
 * packet. The core's dump request (what the simulator's network carries in place of the
 * negotiation) is the moment at which the negotiation is done.
 *
 *   ACT_CONNECT -> mysql_real_connect -> EV_NET_UP -> ACT_SEND(dump request) -> negotiation, dump
 *   packet of the stream -> EV_NET_FRAME -> ACT_WRITE, ACT_FSYNC -> EV_DISK_DONE -> ACT_SEND(ACK)
 *
 * Three switches are the script's: `deaf` (does not read the socket: what the primary sends stays
 * on the way), `hold_acks` (an ACK is kept instead of sent), `stay_down` (does not connect).
 */
#ifndef ACKPROOF_SIM_LIVE_PEER_H
#define ACKPROOF_SIM_LIVE_PEER_H

#include "replica/receiver.h"
#include "sim/live/store.h"

enum {
    PEER_IN_MAX = 1 << 17,
    PEER_ACKS_MAX = 32,
    PEER_EVENTS_MAX = 16,
    PEER_ACK_BYTES_MAX = 128,
};

/* One ACK that the core gave out. */
struct peer_ack {
    struct ack_packet ack;
    bool sent;    /* else held */
    bool lost;    /* held, and its connection has ended: it will not be sent any more */
    bool durable; /* all that was written was fsynced at that moment */
    uint32_t len;
    uint8_t bytes[PEER_ACK_BYTES_MAX];
};

struct peer {
    uint32_t node; /* number in the scenario, from 1 */
    struct server_settings set;
    const char *socket; /* of the primary */
    struct receiver core;
    struct store store;
    struct actions out;

    void *my; /* MYSQL * */
    int fd;
    bool streaming;        /* the dump was asked for on this connection */
    bool semi_sync;        /* as asked for */
    struct gtid_pos asked; /* behind this position, on this connection */
    uv_poll_t *poll;
    uv_timer_t *timer;
    uint32_t in_len;
    uint8_t *in;    /* PEER_IN_MAX bytes, malloc'd: read from the socket */
    uint8_t *frame; /* PEER_IN_MAX bytes: the packet that the core looks at */

    uint32_t n_events;
    struct event event[PEER_EVENTS_MAX]; /* waiting for the core; never frames */
    bool pumping;
    bool wants_connect; /* ACT_CONNECT while stay_down */

    bool deaf, hold_acks, stay_down; /* the script's; change them with the functions below */
    uint32_t deaf_behind;            /* deaf when it has taken so many more events; 0: not */
    uint64_t lie_at;                 /* sequence number of peer_lie_at; 0: none */

    uint32_t n_acks;
    struct peer_ack ack[PEER_ACKS_MAX];
    uint32_t frames; /* events taken from the stream, on all connections */
    char why[160];   /* first thing that went wrong */
};

/* Boots the core on the disk in `folder` (empty, or what a killed process left there; applied is
 * nothing in either case) and tells it to follow. False with p->why. */
bool peer_start(struct peer *p, uv_loop_t *loop, uint32_t node, const struct server_settings *set,
                const char *socket, const char *folder);
void peer_set_deaf(struct peer *p, bool deaf);
/* It takes so many more events (not 0) and is deaf then. */
void peer_deafen_behind(struct peer *p, uint32_t events);
void peer_set_hold(struct peer *p, bool hold); /* false also sends what was held and is not lost */
/* Sends the oldest of the ACKs that are held. */
void peer_let_ack_go(struct peer *p);
/* The fsync behind the last event of the group with this sequence number lies, if the primary asks
 * for an ACK of it: then the ACK that follows is false. */
void peer_lie_at(struct peer *p, uint64_t seq);
void peer_set_down(struct peer *p, bool down); /* false: connects if the core asked to meanwhile */
/* The connection is gone, and what was on its way with it. */
void peer_cut(struct peer *p);
/* STOP SLAVE IO_THREAD: as a semi-sync replica does it, with a KILL of its dump thread over a
 * connection of its own, so that the primary does not count it any longer (facts 3.1). */
void peer_stop_slave(struct peer *p);
/* START SLAVE IO_THREAD: connects again, behind what is in the relay log. */
void peer_start_slave(struct peer *p);
/* Is the stream up? */
bool peer_streaming(const struct peer *p);
/* Sequence number of the received GTID position in the primary's domain. */
uint64_t peer_received(const struct peer *p);
uint32_t peer_acks_held(const struct peer *p);
uint32_t peer_acks_sent(const struct peer *p);
/* The replica, which is down (peer_set_down) and idle, loses power and is started again: what is
 * left of its relay logs is kept or purged as its settings say. `text`: what it lost. False with
 * p->why. */
bool peer_lose_power(struct peer *p, char *text, size_t cap);
/* Closes all; the relay logs stay. The loop must still be there. */
void peer_stop(struct peer *p);

#endif

/* The receiver: the IO thread of a replica, or a program that stands in for one.
 *
 * Each packet of the dump stream goes through four separate steps (the lesson of go-mysql PR
 * 920/921):
 *
 *   parse    bytes -> event. Changes nothing of the receiver.
 *   handle   hands the event to the synchronous handler: append it to the relay log and fsync as
 *            the profile and sync_relay_log say. Finished when the disk has answered.
 *   advance  the received position moves over the event; the GTID position only at a group's end.
 *   ACK      where the packet wanted one, when the profile says so.
 *
 * A receiver profile (core/settings.h) is data: which step the ACK stands behind, what the handler
 * does about fsync, and whether events go to a handler or through a buffer to a consumer. Asking
 * for both a handler and a buffer is an error (receiver_profile_check), since two consumers of one
 * stream would each see a part.
 *
 *   STOPPED -> CONNECTING (ACT_CONNECT) -> STREAMING (request sent) -> CONNECTING after NET_DOWN
 *   on the way to STREAMING a partial group at the end of the relay log is cut off (facts 8.3 P6)
 *   any -> ERROR: the primary refused us, or sent what cannot be right; stays until ADMIN_FOLLOW.
 *
 * The same object runs in the simulator and in `ackproof live` over real sockets and files.
 */
#ifndef ACKPROOF_REPLICA_RECEIVER_H
#define ACKPROOF_REPLICA_RECEIVER_H

#include "core/core.h"
#include "core/settings.h"
#include "format/event.h"
#include "format/packet.h"

enum {
    RECEIVER_BUFFER_MAX = 1024,
    RECEIVER_EVENT_MAX = 254, /* longest event that a buffered profile takes */
};

enum receiver_state { RECEIVER_STOPPED, RECEIVER_CONNECTING, RECEIVER_STREAMING, RECEIVER_ERROR };

/* What TASK_RECEIVER waits for. */
enum receiver_busy {
    RECEIVER_IDLE = 0,
    RECEIVER_HANDLING,  /* an event is being written or fsynced */
    RECEIVER_PREPARING, /* a partial group is being cut off, before a request or within a stream */
};

struct receiver {
    uint8_t state;      /* enum receiver_state */
    uint8_t primary;    /* node number it follows */
    uint8_t busy;       /* enum receiver_busy; while set no further packet is taken */
    uint8_t ack_due;    /* bool: the event in `busy` wants an ACK when it is handled */
    uint8_t relay_num;  /* current relay log; 0 = none yet */
    uint8_t consuming;  /* bool: the consumer waits for the disk */
    uint8_t skipping;   /* events of a group that are already there are being skipped (C1, P6) */
    uint8_t up;         /* bool: connected, the request waits for the relay log to be prepared */
    uint32_t relay_len; /* bytes appended to the current relay log */
    uint32_t relay_complete; /* its length up to the end of the last complete group */
    uint32_t unsynced;       /* events since the last counted fsync; with SYNC_BEFORE_ACK 0 or 1 */
    uint32_t primary_file;   /* binlog the stream is in, from the last ROTATE */
    uint32_t primary_off;    /* end position of the last event advanced over */
    uint32_t parsed_off;     /* end position of the last event parsed (differs while buffered) */
    struct gtid_pos pos;     /* received: complete groups only */
    struct group_scan scan;  /* group under way */
    uint32_t writing;        /* length of the event on its way into the relay log */
    uint32_t queued;         /* bytes in the buffer of a buffered profile; zeros behind them */
    uint8_t buffer[RECEIVER_BUFFER_MAX];
};

/* False for a profile that asks for a handler and a buffer, or for neither, or for an ACK behind a
 * step that it does not have. */
bool receiver_profile_check(const struct receiver_profile *p);

/* Start of the process. `applied` is the slave position (GTID) that the engine recovered. Relay
 * logs that are there are deleted (RELAY_PURGE: position = applied) or kept (RELAY_KEEP: a partial
 * group at the end is cut off, position = applied raised by what the logs hold contiguously). The
 * disk actions are TASK_BOOT's; a new relay log is opened (header written and fsynced) in either
 * case unless the kept one can be appended to. Connects nowhere: ADMIN_FOLLOW must not come before
 * the DISK_DONE of TASK_BOOT, and not at all if that is an error. */
void receiver_boot(struct receiver *r, const struct env *env, const struct gtid_pos *applied,
                   struct actions *out);

/* ADMIN_FOLLOW, ADMIN_STOP_SLAVE, NET_UP, NET_DOWN (link TO_PRIMARY), NET_FRAME (link TO_PRIMARY),
 * DISK_DONE for TASK_RECEIVER and TASK_CONSUMER, RUN for TASK_CONSUMER, TIMER for TASK_RECEIVER
 * (reconnect). */
void receiver_step(struct receiver *r, const struct env *env, const struct event *e,
                   struct actions *out);

/* Can it take a packet now? The world delivers none otherwise (the socket buffer holds it). */
bool receiver_ready(const struct receiver *r);

/* What the applier may see: the same view with the current relay log ending behind the last
 * complete group that the receiver has advanced over. A server publishes the end of the relay log
 * to its SQL thread behind flush_and_sync too (facts 3.1 step 2); and what stands behind may yet be
 * cut off. */
void receiver_visible(const struct receiver *r, const struct disk_view *disk,
                      struct disk_view *out);

#endif

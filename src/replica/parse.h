/* The first of the receiver's four steps: the bytes of a packet -> an event, and what it would mean
 * in the place where the stream stands. Nothing of the receiver changes here, so that an event
 * which cannot be stored leaves no trace (the lesson of go-mysql PR 920/921).
 *
 * Two halves, because one profile sends its ACK between them: Connector/C answers before it has
 * looked at the checksum (facts 3.2).
 */
#ifndef ACKPROOF_REPLICA_PARSE_H
#define ACKPROOF_REPLICA_PARSE_H

#include "replica/receiver.h"

struct parsed {
    struct event_packet packet;
    struct event_head head;
    struct group_scan scan; /* behind the event */
    enum group_step step;
    uint32_t off; /* end position in the primary's binlog */
};

/* Packet and event header; the checksum where the profile verifies before it ACKs. A refusal by the
 * primary (facts 8.1 C6, C7) fails here: its first byte is FF, not 00. */
enum fmt parse_head(const struct server_settings *set, const uint8_t *bytes, uint32_t len,
                    struct parsed *p);
/* The rest: checksum, place in its group, GTID. FMT_BAD_BODY for what cannot be right at this place
 * of the stream. */
enum fmt parse_body(const struct receiver *r, const struct server_settings *set, struct parsed *p);

#endif

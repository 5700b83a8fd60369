/* What travels between a dump thread and a receiver, below the MySQL packet header.
 *
 * Downstream, per event: 00 (OK), then in a semi-sync connection EF and a flag byte (bit 0 = an ACK
 * is wanted), then the event (facts section 3.1 step 1). Upstream, an ACK is EF, the position (8
 * bytes, little endian: end position of the event) and the binlog file name without NUL.
 */
#ifndef ACKPROOF_FORMAT_PACKET_H
#define ACKPROOF_FORMAT_PACKET_H

#include "format/event.h"

enum {
    SEMISYNC_MAGIC = 0xEF,
    ACK_LEN_MIN = 9,
    PACKET_HEADER_LEN = 4, /* length 3, sequence number 1 */
};

struct event_packet {
    const uint8_t *event; /* points into the packet */
    uint32_t len;
    bool semi_sync; /* the EF header was there */
    bool need_ack;
};
/* `semi_sync` as negotiated: it decides by mode, never by looking for EF (go-mysql 16508da, facts
 * D8). A semi-sync packet without EF is FMT_BAD_MAGIC; without the leading 00 is FMT_BAD_BODY. */
enum fmt decode_event_packet(const uint8_t *p, uint32_t len, bool semi_sync,
                             struct event_packet *out);
enum fmt encode_event_packet(struct writer *w, const uint8_t *event, uint32_t len, bool semi_sync,
                             bool need_ack);

struct ack_packet {
    uint64_t pos;
    char file[BINLOG_NAME_MAX];
};
enum fmt encode_ack(struct writer *w, const struct ack_packet *a);
/* Bad magic: FMT_BAD_MAGIC; fewer than ACK_LEN_MIN bytes: FMT_SHORT; empty or too long a name, or a
 * NUL inside it (facts D4): FMT_BAD_BODY. */
enum fmt decode_ack(const uint8_t *p, uint32_t len, struct ack_packet *out);

/* ---- dump request ---------------------------------------------------------------------------- */

/* The dump request, which stands for the negotiation of facts 3.1 (SET @slave_connect_state ...,
 * COM_REGISTER_SLAVE, COM_BINLOG_DUMP): server id 4, flags 1 (bit 0 = semi-sync slave), GTID
 * position as text. Used by the simulator; a real session sends the statements. */
struct dump_request {
    uint32_t server_id;
    uint32_t semi_sync; /* bool */
    struct gtid_pos pos;
};
enum fmt encode_dump_request(struct writer *w, const struct dump_request *q);
enum fmt decode_dump_request(const uint8_t *p, uint32_t len, struct dump_request *q);

#endif

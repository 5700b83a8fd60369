/* The buffer between a buffered receiver and its consumer: what a Go channel is to go-mysql. It
 * lives in memory; what stands in it when the process dies is gone, ACKed or not.
 *
 * Entries stand in struct receiver's buffer one behind the other from offset 0: 2 bytes, little
 * endian, with the length and, in the top bit, whether the event ends its group; then the event.
 * The oldest leaves at the front and the rest moves up, so that equal contents are equal bytes.
 */
#ifndef ACKPROOF_REPLICA_BUFFER_H
#define ACKPROOF_REPLICA_BUFFER_H

#include "replica/receiver.h"

struct buffer_entry {
    const uint8_t *event; /* valid until the buffer changes */
    uint32_t len;
    bool ends_group;
};

/* Is there room for an event of `len` bytes? */
bool buffer_fits(const struct receiver *r, uint32_t len);
/* len at most RECEIVER_EVENT_MAX, and it must fit. */
void buffer_put(struct receiver *r, const uint8_t *event, uint32_t len, bool ends_group);
/* The oldest entry; false where the buffer is empty. */
bool buffer_front(const struct receiver *r, struct buffer_entry *e);
void buffer_pop(struct receiver *r);
/* Drops what stands behind the last event that ends a group; `keep_front`: but not the oldest
 * entry, which the consumer is writing. */
void buffer_drop_partial(struct receiver *r, bool keep_front);

#endif

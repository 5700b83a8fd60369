/* The CRC32 that closes an event; shared by the encoders, the decoders and their tests. */
#ifndef ACKPROOF_FORMAT_EVENT_CRC_H
#define ACKPROOF_FORMAT_EVENT_CRC_H

#include <stdint.h>

/* Over event[0..len), len without the CRC itself and at least EVENT_HEADER_LEN. In a
 * FORMAT_DESCRIPTION the BINLOG_IN_USE bit counts as clear: a server sets and clears it in place
 * and leaves the CRC as it is (facts section 4). */
uint32_t event_crc(const uint8_t *event, uint32_t len);

#endif

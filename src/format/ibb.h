/* The binlog inside the engine (MDEV-34705): a stream of records, cut into pages, cut into files of
 * a fixed size. The format is ours, and smaller than InnoDB's; what it promises is what the design
 * thread promises: no index file, a record may run over the end of a page or of a file, each page
 * has a CRC, each file begins with the GTID state at its start.
 *
 * The stream counts from IBB_START, so that an offset in it is also a position in the sense of
 * semi-sync and of the replicas, which see one endless binlog (file 1) and nothing of pages and
 * files. A position always stands at the start of a record.
 *
 *   file     header page, then IBB_DATA_PAGES pages; "binlog-000000.ibb" is number 1 here
 *   page     payload IBB_PAYLOAD, CRC32 over it and the page's number in the stream 4
 *   header   magic 4, start of the file in the stream 4, offset of the first record that begins
 *            in it 4, number of GTIDs 4, then domain 4, server 4, seq 8 each
 *   record   type 1, flags 1, length of the payload 2, end of its redo record 4, payload
 *
 * A commit record's payload is the event group. With IBB_HAS_PIECES it is the offset of the last
 * out-of-band piece 4, the GTID event and the XID event; each piece is the offset of the piece
 * before it (0 = none) 4, and events.
 */
#ifndef ACKPROOF_FORMAT_IBB_H
#define ACKPROOF_FORMAT_IBB_H

#include "format/event.h"

enum {
    IBB_PAGE = 320, /* crosses a 512-byte sector now and then: a page can be torn */
    IBB_PAYLOAD = IBB_PAGE - 4,
    IBB_DATA_PAGES = 1,
    IBB_FILE = IBB_PAGE * (1 + IBB_DATA_PAGES),
    IBB_FILE_PAYLOAD = IBB_PAYLOAD * IBB_DATA_PAGES,
    IBB_START = BINLOG_MAGIC_LEN,
    IBB_RECORD_HEAD = 8,
};

/* ---- where things stand --------------------------------------------------------------------- */

/* Number of the file that holds this offset of the stream, and where that file begins. */
uint32_t ibb_file_of(uint32_t offset);
uint32_t ibb_file_start(uint32_t file);

/* ---- pages ---------------------------------------------------------------------------------- */

/* Closes a page whose payload is filled in. `number`: 0 for a header, else offset of its payload
 * in the stream. */
void ibb_page_seal(uint8_t page[IBB_PAGE], uint32_t number);
bool ibb_page_whole(const uint8_t page[IBB_PAGE], uint32_t number);

struct ibb_header {
    uint32_t start;
    uint32_t first;
    struct gtid_state state;
};
void ibb_header_encode(uint8_t page[IBB_PAGE], const struct ibb_header *h);
/* False where the page is no whole header of that file. */
bool ibb_header_decode(const uint8_t *bytes, uint32_t len, uint32_t file, struct ibb_header *h);

/* ---- records -------------------------------------------------------------------------------- */

enum ibb_type { IBB_COMMIT = 1, IBB_PIECE = 3 };
enum ibb_flag { IBB_HAS_PIECES = 1 };

struct ibb_record {
    uint8_t type;
    uint8_t flags;
    uint16_t len; /* of the payload */
    uint32_t lsn; /* end of the redo record that carries it: durable when that is */
    const uint8_t *payload;
};
/* The record at bytes[0 .. len); its length with head, 0 where none is complete there. */
uint32_t ibb_record_decode(const uint8_t *bytes, uint32_t len, struct ibb_record *r);
/* Writes the head of a record whose payload of `len` bytes stands behind it. */
void ibb_record_head(uint8_t head[IBB_RECORD_HEAD], enum ibb_type type, uint8_t flags, uint32_t len,
                     uint32_t lsn);

/* A part of the stream: bytes[0 .. len) stand at offset `base`. */
struct ibb_span {
    const uint8_t *bytes;
    uint32_t base;
    uint32_t len;
};
/* Writes the whole event group of a commit record, pieces put in place, as a replica is sent it.
 * False where a piece that it refers to is not in the span, or w has no room. */
bool ibb_group(const struct ibb_span *stream, const struct ibb_record *commit, struct writer *w);
/* Is every event of the record whole? The page that the last record ends in may be torn, so its CRC
 * does not answer for what a checkpoint covers of it. */
bool ibb_record_sound(const struct ibb_record *r);
/* GTID of a commit record; seq 0 where it is damaged. */
struct gtid ibb_gtid(const struct ibb_record *commit);

#endif

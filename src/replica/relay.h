/* Relay logs: files of kind FILE_RELAY in which a replica keeps what it received. For a receiver
 * that stands in for an application this is its backup file.
 *
 * A relay log is a binlog v4 file:
 *
 *   magic
 *   FORMAT_DESCRIPTION   our own: our server id, flag RELAY_LOG
 *   GTID_LIST            our own: the received position when the file was opened (facts 8.3 P5)
 *   event groups         verbatim as they came, GTID to XID; nothing else, nothing between them
 *
 * The GTID_LIST says behind what the file goes on. A file can be used only where the slave
 * position, raised by the files before it, has reached that: else there is a hole between the two
 * (P3), and applying what stands behind a hole would skip transactions.
 */
#ifndef ACKPROOF_REPLICA_RELAY_H
#define ACKPROOF_REPLICA_RELAY_H

#include "core/core.h"
#include "core/settings.h"
#include "format/event.h"

/* Enough for every header: FORMAT_DESCRIPTION and the longest GTID_LIST. */
enum { RELAY_HEADER_MAX = 512 };

struct relay_header {
    uint32_t len;          /* offset of the first group */
    struct gtid_pos start; /* received position when the file was opened */
};
/* Appends magic, FORMAT_DESCRIPTION and GTID_LIST to an empty writer. */
enum fmt relay_header_encode(struct writer *w, const struct server_settings *set,
                             const struct gtid_pos *start);
/* Anything but FMT_OK: the file was never finished opening, it holds nothing. */
enum fmt relay_header_decode(const struct file_view *f, struct relay_header *h);

/* True where `pos` has reached `start` in every domain: nothing is missing between the two. */
bool relay_follows(const struct gtid_pos *start, const struct gtid_pos *pos);

enum relay_found {
    RELAY_GROUP,   /* a complete group */
    RELAY_END,     /* the file ends here, at a group's end */
    RELAY_PARTIAL, /* a group, or an event, that is not complete; it may still grow */
    RELAY_BAD,     /* bytes that no growth will mend: zeros, wrong CRC, events out of place */
};
struct relay_group {
    struct gtid gtid;
    uint64_t xid;       /* 0 where the group ended without one */
    int32_t k, v;       /* first row, or what a DDL creates; 0, 0 for a group of another kind */
    uint32_t statement; /* enum statement: insert, plain or DDL */
    uint32_t end; /* offset behind the group; where none was found: behind the last complete one */
};
/* Looks for the group that begins at or behind `offset`, a group's boundary. */
enum relay_found relay_next_group(const struct file_view *f, uint32_t offset,
                                  struct relay_group *g);

/* The view of the relay log `num`, and the lowest number above `num`; NULL and 0 where there is
 * none. */
const struct file_view *relay_view(const struct disk_view *disk, uint32_t num);
uint8_t relay_after(const struct disk_view *disk, uint32_t num);

#endif

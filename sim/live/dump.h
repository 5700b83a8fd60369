/* What a replica says to a primary before the stream begins, and packets on the socket of a
 * connection that libmariadb has authenticated.
 *
 * libmariadb's own dump (mariadb_rpl_fetch) sends the ACK by itself before anybody has the event
 * (facts 3.2), so from COM_REGISTER_SLAVE on the protocol is spoken here.
 */
#ifndef ACKPROOF_SIM_LIVE_DUMP_H
#define ACKPROOF_SIM_LIVE_DUMP_H

#include "format/packet.h"

/* Connects; a MYSQL *, or NULL with `why`. */
void *dump_connect(const char *socket, char *why, size_t cap);
int dump_fd(void *my);
void dump_close(void *my);
/* KILL of the dump thread behind `my`, over a second connection. */
bool dump_kill(void *my, const char *socket, char *why, size_t cap);

/* The session variables of facts 3.1, in the IO thread's order, as statements. */
bool dump_negotiate(void *my, const struct gtid_pos *pos, bool semi_sync, char *why, size_t cap);
/* COM_REGISTER_SLAVE (answer awaited) and COM_BINLOG_DUMP. */
bool dump_request(void *my, uint32_t server_id, char *why, size_t cap);
enum dump_said {
    DUMP_SENDS,   /* an event group that begins */
    DUMP_REFUSES, /* an error, whose words are in `why` */
    DUMP_FAILED,  /* neither within the time; `why` */
};
/* Reads what the primary says to a dump request without semi-sync, up to its first event group. */
enum dump_said dump_first_group(int fd, char *why, size_t cap);
/* One packet with its header, sequence number 0: a command, or an ACK. At most 256 bytes. */
bool dump_send(int fd, const uint8_t *payload, uint32_t len);

#endif

/* GTIDs, GTID positions and GTID states (MariaDB: domain-server-sequence).
 *
 * A GTID position is the last GTID per domain: gtid_slave_pos, gtid_binlog_pos,
 * @slave_connect_state. A GTID state is the last GTID per (domain, server): gtid_binlog_state, the
 * body of a GTID_LIST event. The state is needed because sequence numbers of different servers may
 * be out of order in one domain without gtid_strict_mode (facts section 4).
 *
 * All three are flat, without padding, comparable with memcmp and hashable as bytes: unused entries
 * are zero.
 */
#ifndef ACKPROOF_FORMAT_GTID_H
#define ACKPROOF_FORMAT_GTID_H

#include <stdbool.h>
#include <stdint.h>

enum {
    GTID_DOMAINS_MAX = 4, /* entries of a position */
    GTID_STATE_MAX = 8,   /* entries of a state: (domain, server) pairs */
    GTID_TEXT_MAX = 44,   /* "4294967295-4294967295-18446744073709551615" and NUL */
};

struct gtid {
    uint32_t domain;
    uint32_t server;
    uint64_t seq; /* 0 = no GTID */
};

/* at[0..n) sorted by domain, one entry per domain. */
struct gtid_pos {
    uint32_t n;
    uint32_t reserved; /* 0; keeps the struct free of padding */
    struct gtid at[GTID_DOMAINS_MAX];
};

/* at[0..n) sorted by domain; within a domain the latest entry stands last (facts section 4,
 * GTID_LIST), the others are sorted by server. */
struct gtid_state {
    uint32_t n;
    uint32_t reserved;
    struct gtid at[GTID_STATE_MAX];
};

bool gtid_equal(struct gtid a, struct gtid b);
/* Writes "domain-server-seq" and NUL into text[GTID_TEXT_MAX]; returns text. */
const char *gtid_text(struct gtid g, char *text);
/* Reads one GTID from *text and moves *text behind it. False (and *text unmoved) on anything that
 * is not three decimal numbers in range joined by '-'. */
bool gtid_parse(const char **text, struct gtid *g);

/* The entry of a domain, or a GTID with seq 0. */
struct gtid gtid_pos_find(const struct gtid_pos *p, uint32_t domain);
/* Replaces the domain's entry (or adds it). False where there is no room. */
bool gtid_pos_set(struct gtid_pos *p, struct gtid g);
/* Like gtid_pos_set, but only where g.seq is greater than the domain's entry. */
bool gtid_pos_raise(struct gtid_pos *p, struct gtid g);
/* "0-1-3,1-1-7" as in @slave_connect_state; empty string for the empty position. cap in bytes with
 * NUL; false where it does not fit. */
bool gtid_pos_text(const struct gtid_pos *p, char *text, uint32_t cap);
/* The reverse, spaces around commas allowed. False on malformed text, a domain named twice, or more
 * than GTID_DOMAINS_MAX domains; *p is then empty. */
bool gtid_pos_parse(const char *text, struct gtid_pos *p);

/* Records that g is now the latest of its (domain, server) and of its domain. False: no room. */
bool gtid_state_update(struct gtid_state *s, struct gtid g);
/* The highest sequence number of (domain, server); 0 where there is none. */
uint64_t gtid_state_seq(const struct gtid_state *s, uint32_t domain, uint32_t server);
/* The domain's latest entry, or seq 0. */
struct gtid gtid_state_latest(const struct gtid_state *s, uint32_t domain);
/* The position a state stands for: the latest of each domain. */
void gtid_state_pos(const struct gtid_state *s, struct gtid_pos *p);
/* True where g is in the history that the state stands for: same (domain, server) with seq >= g.seq
 * (rule C1, facts section 8.1). */
bool gtid_state_holds(const struct gtid_state *s, struct gtid g);

#endif

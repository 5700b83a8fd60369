/* A client connection to the server under test, through libmariadb.
 *
 * A commit that waits for an ACK must not stop us from doing the next thing, so a statement can be
 * sent and its answer asked for later (session_send, session_answer). After a SIGKILL of the server
 * an answer may still lie in the socket: a client that got OK got it, so the socket is drained
 * before anybody says "not answered".
 */
#ifndef ACKPROOF_SIM_LIVE_SESSION_H
#define ACKPROOF_SIM_LIVE_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/ledger.h"

#define SESSION_TABLE                                                                              \
    "CREATE DATABASE ackproof;\n"                                                                  \
    "CREATE TABLE ackproof.t (k INT NOT NULL PRIMARY KEY, v INT NOT NULL) ENGINE=InnoDB;\n"        \
    "CREATE TABLE ackproof.plain (k INT NOT NULL PRIMARY KEY, v INT NOT NULL) ENGINE=MyISAM;\n"    \
    "INSERT INTO ackproof.plain VALUES (1000, 0);\n"                                               \
    "CREATE TABLE ackproof.large (k INT NOT NULL, n INT NOT NULL, pad VARCHAR(7500) NOT NULL,"     \
    " PRIMARY KEY (k, n)) ENGINE=InnoDB CHARACTER SET latin1;\n"

enum { SESSION_PAD = 4096, SESSION_PAD_MAX = 7680, SESSION_LARGE_MIN = 10 << 20 };

enum answer {
    ANSWER_NONE, /* none yet */
    ANSWER_OK,
    ANSWER_ERROR, /* the server refused */
    ANSWER_GONE,  /* the connection ended without one */
};

struct live_session {
    void *my; /* MYSQL *; NULL where closed */
    bool waiting;
    enum answer answer; /* of the statement sent last */
    char error[160];    /* what libmariadb says, after a failure */
};

/* False with s->error. A server that is not up yet is an ordinary failure. */
bool session_open(struct live_session *s, const char *socket);
bool session_open_as(struct live_session *s, const char *socket, const char *user);
/* Without COM_QUIT where `abruptly`: the server must not notice a farewell. */
void session_close(struct live_session *s, bool abruptly);
bool session_exec(struct live_session *s, const char *sql);
/* First column of the first row; empty where there is none. */
bool session_text(struct live_session *s, const char *sql, char *text, size_t cap);
/* What any reader can see now: bit t for each transaction T(t + 1) whose row is there. */
bool session_visible(struct live_session *s, txn_mask *txns);
bool session_send(struct live_session *s, const char *sql);
/* Waits up to wait_ms for the answer of what was sent. */
enum answer session_answer(struct live_session *s, uint32_t wait_ms);

/* The workload, in table ackproof.t (k, v), which server_make has made (SESSION_TABLE).
 * Transaction `txn`, from 0: inserts row k = txn + 1 and commits, as the simulator's clients do.
 * `pad` bytes make its text longer, which goes into an ANNOTATE_ROWS event: SESSION_PAD of them
 * fill a binlog of a real server's smallest max_binlog_size. An event is to stay below 8 KiB, which
 * is what the receiver core takes: SESSION_PAD_MAX. */
bool session_send_insert(struct live_session *s, uint32_t txn, uint32_t pad);
/* The same with rows in ackproof.large, so that its binlog cache is above SESSION_LARGE_MIN bytes,
 * the least that a server takes for binlog_large_commit_threshold. Its COMMIT is what is sent. */
bool session_send_large(struct live_session *s, uint32_t txn);
/* The same into a table without transactions. */
bool session_send_plain(struct live_session *s, uint32_t txn);
/* The same as a DDL statement: makes table ackproof.t<k> (src/format/event.h, ddl_text). */
bool session_send_ddl(struct live_session *s, uint32_t txn);
/* Is what the DDL made there for a reader, and not behind a metadata lock? */
bool session_sees_ddl(struct live_session *s, uint32_t txn);

#endif

/* A transactional key store with a redo log: what InnoDB is to the commit path, and no more.
 *
 * A transaction inserts one row (k, v). prepare() leaves it invisible but recoverable,
 * commit_ordered() makes it visible to new read views, rollback() forgets it. Each change appends a
 * record to the redo buffer; innodb_flush_log_at_trx_commit (F) says how far a committer takes the
 * buffer before it goes on (facts 1.1 steps 2, 13, 14 and section 1.4):
 *
 *   F=1  prepare is written and fsynced; the commit record stays in the buffer, because prepare and
 *        binlog together are the durable pair
 *   F=3  the commit record is written and fsynced too, before the client has its answer
 *   F=2  written, not fsynced: survives KILL, not a power loss
 *   F=0  stays in the buffer until the background flush: a KILL loses it
 *
 * With F=0 and F=2 the background flush (TASK_REDO, once a second on a server) may come at any
 * time.
 *
 * The row of a replicated transaction carries its GTID, and the slave position moves in the same
 * transaction (mysql.gtid_slave_pos), so both survive or neither does.
 *
 * Redo file: records of format/redo.h; the first that is torn or wrong ends the log.
 *
 * With the binlog inside the engine (ibb.c, MDEV-34705) nothing is logged before the commit: one
 * record then holds row, commit and binlog record, so that all of it survives or nothing.
 */
#ifndef ACKPROOF_ENGINE_ENGINE_H
#define ACKPROOF_ENGINE_ENGINE_H

#include "core/core.h"
#include "core/settings.h"
#include "format/ibb.h"
#include "format/redo.h"

enum { REDO_BUFFER_MAX = 4096, IBB_STREAM_MAX = 3584 };

enum row_state {
    ROW_FREE = 0,
    ROW_PREPARED,
    ROW_EXECUTED, /* committed in the log, but nobody may see it yet: DDL */
    ROW_LOCKED,   /* in a table without transactions whose lock the statement still holds */
    ROW_COMMITTED
};

struct engine_row {
    uint64_t xid;
    int32_t k, v;
    struct gtid gtid; /* of a replicated transaction; seq 0 for one of our own clients */
    uint32_t state;   /* enum row_state */
    uint32_t reserved;
};

/* The binlog inside the engine: its stream as memory holds it, and how far the pages have it. */
struct ibb {
    uint8_t on; /* bool: binlog_storage_engine; else all is zero */
    uint8_t reserved[3];
    uint32_t base;     /* offset of bytes[0]: start of the oldest file */
    uint32_t first;    /* offset of the first record that begins there */
    uint32_t end;      /* offset of what comes next */
    uint32_t flushed;  /* pages hold everything before this offset, fsynced */
    uint32_t flushing; /* ... before this one, once the fsync under way is done; 0 = none */
    uint32_t dump_lsn[NODES_MAX]; /* end of the redo log that a dump thread is flushing; 0 = none */
    uint32_t piece[COMMITTERS];   /* offset of the last out-of-band piece; 0 = none */
    uint32_t pieces[COMMITTERS];  /* number of pieces */
    struct gtid_state before;     /* what stands before `first` */
    uint8_t bytes[IBB_STREAM_MAX];
};

struct engine {
    uint32_t n_rows;
    uint32_t written;        /* bytes of the redo log that were written to the file */
    uint32_t synced;         /* bytes that an fsync has claimed to be durable */
    uint32_t buffered;       /* bytes in buffer: the log ends at written + buffered */
    struct gtid_pos applied; /* slave position of what is committed */
    struct engine_row row[TXNS_MAX];
    uint8_t buffer[REDO_BUFFER_MAX];
    struct ibb ibb; /* stands last: hashed and copied only where it is on */
};

/* Start of the process: rebuilds rows from the redo log. Prepared rows stay prepared until the
 * binlog recovery decides (engine_commit_ordered / engine_rollback). Cuts a torn tail off the file
 * or creates the file (TASK_BOOT). */
void engine_boot(struct engine *e, const struct env *env, struct actions *out);

/* Prepares an insert. gtid.seq 0: a client's own transaction. False where the key is there already
 * (duplicate key) or the table is full; nothing is changed then. */
bool engine_prepare(struct engine *e, uint64_t xid, int32_t k, int32_t v, struct gtid gtid);
/* The prepared row is committed in the log, and hidden until engine_show: a metadata lock keeps
 * readers away, a restart does not. */
void engine_execute(struct engine *e, uint64_t xid);
/* The row, which becomes visible; nothing is logged. */
const struct engine_row *engine_show(struct engine *e, uint64_t xid);
/* The prepared row is committed in the log and becomes visible. */
void engine_commit_ordered(struct engine *e, uint64_t xid);
void engine_rollback(struct engine *e, uint64_t xid);
bool engine_is_prepared(const struct engine *e, uint64_t xid);
/* Prepared rows, oldest first: xid of the i-th, 0 behind the last. */
uint64_t engine_in_doubt(const struct engine *e, uint32_t i);

/* The read path: is key k visible to a new read view, and with which value? */
bool engine_read(const struct engine *e, int32_t k, int32_t *v);
/* Bit k - 1: key k, of 1 .. n (n <= 32), is visible to a new read view. */
uint32_t engine_read_keys(const struct engine *e, uint32_t n);
/* Likewise: who reads key k waits for the metadata lock of DDL, and cannot tell what is there. */
uint32_t engine_locked_keys(const struct engine *e, uint32_t n);

/* End of the redo log, buffer included. */
uint32_t engine_lsn(const struct engine *e);
/* Takes the log up to its present end as far as F says for a prepare. True where the task must wait
 * for DISK_DONE; then call engine_flushed with the lsn that this call ended at. */
bool engine_flush_prepare(struct engine *e, const struct env *env, uint32_t task,
                          struct actions *out);
/* The same for a commit record: F=2 writes, F=3 writes and fsyncs, 0 and 1 do nothing. */
bool engine_flush_commit(struct engine *e, const struct env *env, uint32_t task,
                         struct actions *out);
/* Writes and fsyncs everything, whatever F is: recovery. */
void engine_sync(struct engine *e, uint32_t task, struct actions *out);
/* The same where there is anything that no fsync has covered: background flush, prepare with F=1 or
 * 3. */
bool engine_flush_all(struct engine *e, uint32_t task, struct actions *out);
void engine_flushed(struct engine *e, uint32_t lsn);
/* Is there redo for TASK_REDO to flush? Only with F=0 and F=2. */
bool engine_background_due(const struct engine *e, const struct env *env);

/* ---- plain.c: a table without transactions (MyISAM) -------------------------------------------
 * Nothing of it is logged, nothing is rolled back and nothing is fsynced. Its lock hides the row
 * until the statement ends; then the row stands in the table's file (seen on 10.11.19: killed
 * before, the row is gone; killed behind the OK, it is there). */

/* The rows that the file holds, behind engine_boot. */
void plain_boot(struct engine *e, const struct env *env);
/* False: duplicate key, or the table is full. */
bool plain_insert(struct engine *e, uint64_t xid, int32_t k, int32_t v, struct gtid gtid);
/* The statement ends: the row is visible, and written. */
void plain_unlock(struct engine *e, const struct env *env, uint64_t xid, uint32_t task,
                  struct actions *out);

/* ---- ibb.c: the binlog inside the engine ----------------------------------------------------- */

/* Start, called by engine_boot behind the replay: the stream is read from the pages as far as the
 * last checkpoint says, and from the redo log behind that. What of a page was torn stands in the
 * redo log too, since a page is written only behind its redo. Creates the first files. */
void ibb_boot(struct engine *e, const struct env *env, struct actions *out);
/* Fsyncs the files that ibb_boot has created. */
void ibb_boot_sync(const struct env *env, const struct engine *e, struct actions *out);
/* The prepared row is committed and the binlog record (head included, its lsn not filled in yet)
 * stands at the end of the stream: one redo record. */
void ibb_store(struct engine *e, uint64_t xid, const uint8_t *record, uint32_t len);
/* An out-of-band piece at the end of the stream, whatever becomes of its transaction. */
void ibb_store_piece(struct engine *e, const uint8_t *record, uint32_t len);
struct ibb_span ibb_span(const struct engine *e);
/* The file in use: the last one whose header and first pages are durable. */
uint32_t ibb_file_in_use(const struct engine *e);
/* A purge is to leave `file` and what follows; the oldest file that it must leave for that. A
 * commit record in what is left may refer to pieces that stand further ahead, and so may a large
 * transaction that has yet to commit. */
uint32_t ibb_purge_keep(const struct engine *e, uint32_t file);
/* Forgets what begins before `file`, with a redo record that says so. When that is durable, and not
 * before, the files may go: a start that finds some of them knows that they count for nothing.
 * ibb_purge_unlink: were there any? */
void ibb_purge(struct engine *e, uint32_t file);
bool ibb_purge_unlink(const struct engine *e, const struct env *env, uint32_t task,
                      struct actions *out);
/* The record that begins at `offset`; its length, 0 at the end of the stream. */
uint32_t ibb_record_at(const struct engine *e, uint32_t offset, struct ibb_record *r);
/* GTID state in front of `offset`, which is the start of a record or the end of the stream. */
void ibb_state_at(const struct engine *e, uint32_t offset, struct gtid_state *state);
/* Are there durable records that the pages do not hold yet, and no write under way? */
bool ibb_pages_due(const struct engine *e);
/* Writes pages of the file that `flushed` stands in, up to the last durable record, and fsyncs it
 * (TASK_REDO). Nothing of the next file before all of this one is synced (S1, IBB). */
void ibb_pages_write(struct engine *e, const struct env *env, struct actions *out);
/* The fsync is done: the pages can be relied on from here on (a checkpoint record says so). */
void ibb_pages_written(struct engine *e);

#endif

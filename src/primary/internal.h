/* What the files of this folder share and nobody else sees. */
#ifndef ACKPROOF_PRIMARY_INTERNAL_H
#define ACKPROOF_PRIMARY_INTERNAL_H

#include "format/packet.h"
#include "primary/primary.h"

/* One step's surroundings, handed from function to function. */
struct ctx {
    struct primary *p;
    struct engine *e;
    const struct env *env;
    struct actions *out;
};

/* ---- pipeline.c ----------------------------------------------------------------------------- */

/* The numbers are the steps of facts 1.1. */
enum stage {
    STAGE_END = 0,
    /* The binlog inside the engine (facts 6). */
    STAGE_PIECES,       /* a large transaction's rows go out of band, while it runs */
    STAGE_STORE,        /* member by member: binlog record and commit in one, visible */
    STAGE_GROUP_FLUSH,  /* the redo log for the whole group, as F says */
    STAGE_PREPARE,      /* 2: engine prepare, redo flushed as F says */
    STAGE_QUEUE,        /* 4: push on the queue; the first becomes leader, others follow it */
    STAGE_RENDER,       /* BEFORE_WRITE only: GTIDs are given, events exist in memory */
    STAGE_WRITE,        /* 5, 6: leader takes the queue, one write(2) for the group */
    STAGE_SYNC,         /* 7: one fsync, if sync_binlog says so */
    STAGE_REGISTER,     /* 8: semi-sync learns the positions that it will ask ACKs for */
    STAGE_PUBLISH,      /* 9: binlog_end_pos moves, dump threads may send */
    STAGE_ROTATE,       /* 10: a new file where this one is full (max_binlog_size) */
    STAGE_WAIT,         /* 11: the leader waits for the ACKs of its members */
    STAGE_PASS,         /* 11 without a wait: the lock is only passed through */
    STAGE_COMMIT,       /* 13: commit_ordered member by member: visible */
    STAGE_COMMIT_ALL,   /* 13: the same in MySQL, where the leader keeps its members */
    STAGE_COMMIT_NEXT,  /* 13: each thread its own; the lock and the turn go to the next member */
    STAGE_DISBAND,      /* 13: the leader lets its members go, each to commit by itself */
    STAGE_COMMIT_OWN,   /* 13: each thread its own, in any order */
    STAGE_FLUSH,        /* 14: each thread, commit record as F says */
    STAGE_JOIN_AFTER,   /* MySQL 8.0: behind the groups that wait for their turn to wait */
    STAGE_WAIT_ALL,     /* 16: in MySQL the leader waits for each of its members */
    STAGE_WAIT_OWN,     /* 16: each thread waits for the ACK of its own position */
    STAGE_UNLOCK,       /* the statement ends: a row of a table without transactions is visible */
    STAGE_ROTATE_LARGE, /* large: a new file that has all of the group but its end event */
    STAGE_RENDER_END,   /* large: the end event */
    STAGE_RESET_OFF,    /* RESET MASTER: semi-sync is disabled */
    STAGE_RESET_DRAIN,  /* nothing is left between the binlog and the engine */
    STAGE_RESET_FILES,  /* the binlogs are deleted, a new one is opened */
    STAGE_RESET_ON,     /* semi-sync is enabled again */
    STAGE_EXECUTE,      /* DDL: done in the engine and in the DDL log, fsynced whatever F is */
    STAGE_RENDER_OWN,   /* DDL: a group of its own */
    STAGE_WAIT_DIRECT,  /* DDL: the wait of AFTER_SYNC, by the file that is current by now */
    STAGE_INSERT,       /* no binlog: the row, without a prepare */
    STAGE_FLUSH_ALONE,  /* no binlog: the commit record alone makes the transaction durable */
    STAGE_REPLY,        /* OK to the client */
    STAGE_FLUSH_LOGS,   /* FLUSH BINARY LOGS: a new file */
    STAGE_PURGE,        /* PURGE BINARY LOGS: engine binlog files that nobody needs */
    STAGE_PURGE_FLUSH,  /* it is durable which */
    STAGE_PURGE_UNLINK, /* they go */
    STAGE_DRAIN,        /* MySQL: a new file, when nothing in this one is in doubt any more */
    STAGE_ASK,          /* the engine is asked for a checkpoint; the statement is done */
    STAGE_CHECKPOINT,   /* the binlog says which files recovery still needs */
    STAGE_DONE,
};

struct row {
    uint8_t stage;
    uint8_t lock;
};

/* The way that a committer takes; fixed when it starts. */
enum commit_path {
    PATH_GROUP = 0,    /* engine prepare, binlog group commit */
    PATH_UNLOGGED,     /* the binlog is closed */
    PATH_LARGE,        /* a cache that becomes a binlog file (MDEV-32014) */
    PATH_PLAIN,        /* PATH_GROUP into a table without transactions: no prepare, no XID */
    PATH_DIRECT,       /* a statement that is written by itself, past the queue: DDL */
    PATH_FLUSH_LOGS,   /* TASK_OPERATOR: FLUSH BINARY LOGS */
    PATH_RESET_MASTER, /* TASK_OPERATOR: RESET MASTER */
    PATH_PURGE,        /* TASK_OPERATOR: PURGE BINARY LOGS */
    PATH_ROTATE_LAST,  /* MySQL: a leader that has filled the file, before it answers */
    PATH_CHECKPOINT,   /* TASK_BACKGROUND: a binlog checkpoint is due */
};

/* The table that ends with STAGE_END: the order of this server's settings. */
const struct row *commit_pipeline(const struct env *env, uint32_t path);

/* ---- commit.c ------------------------------------------------------------------------------- */

/* A committer that is idle starts at the first row of its table: of PATH_UNLOGGED where it would
 * write to a binlog that is closed. */
void commit_start(const struct ctx *c, uint32_t task, enum commit_path path);
/* It was woken, or its disk actions are done: goes on as far as it can in one step. */
void commit_run(const struct ctx *c, uint32_t task);
void commit_disk_done(const struct ctx *c, uint32_t task, enum io_result result);
/* KILL is looked at where a thread waits for an ACK, and nowhere else in a commit that has reached
 * the binlog. */
static inline bool commit_is_killed(const struct primary *p, uint32_t task)
{
    return (p->killed >> task & 1) != 0;
}

/* Decided by the binlog when a recovery finds it there: prepared, and its group has an XID. */
static inline bool commit_is_2pc(const struct committer *m)
{
    return m->path != PATH_DIRECT && m->path != PATH_PLAIN;
}

/* ---- locks.c -------------------------------------------------------------------------------- */

/* Takes the lock, then lets go of the one held (LOCK_NONE: only that). False: it is taken, the task
 * waits in COMMITTER_LOCK and is woken to try again. */
bool lock_enter(const struct ctx *c, uint32_t task, uint32_t lock);

/* ---- reset.c -------------------------------------------------------------------------------- */

void reset_off(const struct ctx *c, struct committer *m);
bool reset_is_drained(const struct primary *p);
void reset_look(const struct ctx *c); /* after each step: wakes who waits for that */
/* Disk actions, one list after the other; true when all is done. */
bool reset_files(const struct ctx *c, struct committer *m);
void reset_on(const struct ctx *c, const struct committer *m);

/* ---- shutdown.c ----------------------------------------------------------------------------- */

/* The sessions are the caller's to kill. */
void shutdown_begin(const struct ctx *c, bool wait_for_slaves);
/* After each step: goes on where nothing is in the way any more. */
void shutdown_look(const struct ctx *c);
void shutdown_timeout(const struct ctx *c); /* the timer of TASK_BOOT */
void shutdown_disk_done(const struct ctx *c, enum io_result result);
/* ---- rotate_stages.c ------------------------------------------------------------------------ */

/* MySQL: the leader of a group that fills the file rotates when all else is done, before it
 * answers. */
void rotate_claim(const struct ctx *c, uint32_t task);
bool rotate_is_mine(const struct ctx *c, uint32_t task);
/* The current file counts nothing any more. */
void rotate_drained(const struct ctx *c);

/* ---- operator.c ----------------------------------------------------------------------------- */

/* EV_ADMIN */
void operator_step(const struct ctx *c, const struct event *ev);

/* ---- binlog.c ------------------------------------------------------------------------------- */

/* Gives the committer its GTID and renders its event group into the cache, behind what is there. */
void binlog_render(const struct ctx *c, struct committer *m);
/* A group in two parts, for MDEV-32014: all but the end event at w->len of a file that w is the
 * beginning of; then the end event into the cache. */
void binlog_render_body(const struct ctx *c, struct committer *m, struct writer *w);
void binlog_render_end(const struct ctx *c, struct committer *m);
/* The events of a group between GTID and XID. */
void binlog_table(struct writer *w, const struct event_ctx *x);
void binlog_rows(struct writer *w, const struct event_ctx *x, const struct committer *m);
/* write(2) of the cache; binlog_written after a DISK_DONE that says it went well. Where it did not,
 * MariaDB keeps the bytes: whatever is written next to this file takes them along, although their
 * group was rolled back (seen on 10.11.19; facts 1.1 step 7e says so of an fsync). */
void binlog_write(const struct ctx *c, uint32_t task);
void binlog_write_kept(const struct ctx *c, uint32_t task); /* nothing where nothing was kept */
void binlog_written(struct binlog *b);
void binlog_drop_cache(struct binlog *b);
/* binlog_error_action=IGNORE_ERROR: marked as clean, fsynced, and not written to any more. */
void binlog_close(const struct ctx *c, uint32_t task);
/* flush_and_sync: is an fsync due for this flush (sync_binlog = N counts flushes)? */
bool binlog_sync_due(struct binlog *b, const struct env *env);
/* update_binlog_end_pos: the dump threads may read up to pos; they are woken. */
void binlog_publish(const struct ctx *c, log_pos_t pos);
/* Bytes of the binlog at pos, up to the published end or the end of an older file. NULL and *len 0
 * where there are none yet. */
const uint8_t *binlog_read(const struct ctx *c, log_pos_t pos, uint32_t *len);

/* ---- rotate.c ------------------------------------------------------------------------------- */

/* The binlogs that the index names, in its order, which is ascending. */
struct binlog_index {
    uint32_t n;
    uint8_t num[FILES_MAX];
};
void binlog_index_read(const struct ctx *c, struct binlog_index *index);
/* Takes the names behind `last` off the index. False: there are none, nothing was asked for. */
bool binlog_index_cut(const struct ctx *c, uint32_t task, uint32_t last);
/* Is the current file full (max_binlog_size)? Asked between groups, under LOCK_log. */
bool rotate_due(const struct ctx *c);
/* Begins the change to the next file; disk actions of the task are under way. */
void rotate_start(const struct ctx *c, uint32_t task);
/* The same at start-up, where there is no file to close. */
void rotate_first(const struct ctx *c, uint32_t task);
/* The disk actions under way are done: on to the next. True: the change is complete. */
bool rotate_go_on(const struct ctx *c, uint32_t task);
/* ---- engine_binlog.c: the binlog inside the engine -------------------------------------------
 * Positions are offsets in its stream, as if it were one file. The cache holds what is rendered and
 * not stored, as whole records. */

/* Leaves room for the head of the record, and writes what stands before the events: where its
 * out-of-band pieces are. */
void engine_record_open(const struct ctx *c, const struct committer *m, struct writer *w);
/* Fills in the head; `start` is where engine_record_open was called. */
void engine_record_close(const struct committer *m, struct writer *w, uint32_t start);
const struct row *engine_pipeline(const struct server_settings *set, uint32_t path);
void engine_binlog_recover(const struct ctx *c);
/* End of the last group in the stream; 0 where there is none. */
log_pos_t engine_binlog_last(const struct ctx *c);
/* Where a replica with this position starts; the gates of its domains. */
log_pos_t engine_dump_start(const struct ctx *c, const struct gtid_pos *pos, uint16_t *gates);
void engine_dump_run(const struct ctx *c, uint32_t node);
/* The redo flush that this dump thread has waited for is done. */
void engine_dump_flushed(const struct ctx *c, uint32_t node);

/* ---- checkpoint.c --------------------------------------------------------------------------- */

/* One more file may begin. */
bool checkpoint_has_room(const struct binlog *b);
/* n transactions were written to the current file; taken back where its fsync failed. */
void checkpoint_count(const struct ctx *c, uint32_t n);
void checkpoint_uncount(const struct ctx *c, uint32_t n);
/* A transaction whose group ends there is through with the engine. */
void checkpoint_unlog(const struct ctx *c, log_pos_t end);
/* The asker has begun to rotate file num away; behind commit_ordered it asks the engine for a
 * checkpoint of all files that it has rotated. */
void checkpoint_rotated(const struct ctx *c, uint32_t num, uint32_t asker);
void checkpoint_ask(const struct ctx *c, uint32_t task);
/* An fsync of the redo log has ended. */
void checkpoint_flushed(const struct ctx *c);
/* The event, under LOCK_log: written and fsynced as a group is, then published. */
void checkpoint_write(const struct ctx *c, uint32_t task);
void checkpoint_written(const struct ctx *c);

/* ---- recovery.c ----------------------------------------------------------------------------- */

void recovery_start(const struct ctx *c);
void recovery_disk_done(const struct ctx *c, enum io_result result);
/* RUN of TASK_BOOT: an ACK has come that recovery waited for. */
void recovery_run(const struct ctx *c);
/* Writes the flag of a binlog that needs no recovery. */
void rotate_clear_in_use(const struct ctx *c, uint32_t task, uint32_t num);
enum { IN_USE_FLAGS_OFFSET = BINLOG_MAGIC_LEN + 17 };
/* Length of the file's head (FORMAT_DESCRIPTION, GTID_LIST, BINLOG_CHECKPOINT); 0 where it is not
 * complete, so the file was never in use. *state is what stands before the file. */
uint32_t binlog_head(const struct file_view *f, bool *in_use, struct gtid_state *state);

/* ---- dump.c --------------------------------------------------------------------------------- */

void dump_accept(const struct ctx *c, uint32_t node);
void dump_end(const struct ctx *c, uint32_t node);
/* What was published behind `end` will never be written: the positions are free again, and who was
 * sent anything of it is cut off, to ask anew. What he has stored stays with him. */
void dump_take_back(const struct ctx *c, log_pos_t end);
void dump_frame(const struct ctx *c, uint32_t node, const uint8_t *bytes, uint32_t len);
void dump_run(const struct ctx *c, uint32_t node);
void dump_wake(const struct ctx *c);
/* A new file: its name (artificial ROTATE), and its FORMAT_DESCRIPTION if that stands in bytes. */
void dump_greet(const struct ctx *c, uint32_t node, const uint8_t *bytes, uint32_t len);
/* Steps over one event group or one event outside groups. Sends it where the gate is open. False:
 * nothing complete stands there. */
bool dump_group(const struct ctx *c, uint32_t node, const uint8_t *bytes, uint32_t len, bool *sent);
/* Bit i: domain i of `pos` has its GTID in `before`, so nothing of it has to be passed over. */
uint16_t dump_gates(const struct gtid_pos *pos, const struct gtid_state *before);
/* Has a replica at `pos` everything that `before` stands for? */
bool dump_covers(const struct gtid_pos *pos, const struct gtid_state *before);

#endif

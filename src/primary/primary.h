/* The primary: client sessions, binlog group commit, semi-sync, dump threads, crash recovery.
 *
 * The files of this folder, in the order in which a commit meets them:
 *
 *   pipeline.c  the commit pipeline: a table of stages per wait point
 *   commit.c    the walk through it, and what each stage does (redo.c: to the engine log)
 *   locks.c     its locks, hand over hand
 *   binlog.c    the binlog: rendering a group, write, fsync, end position
 *   rotate.c    the change to a new file, and the index that names the files
 *   checkpoint.c  which binlogs a recovery still needs
 *   semisync.c  who waits for which ACK
 *   dump.c      dump threads: what a replica is sent, from where, with which flag
 *   recovery.c  start-up after a crash: commit what is in the binlog, roll back the rest
 *   primary.c   takes events and hands them to the above
 *
 * Every server of a cluster has this object: a replica's applier commits through the same pipeline,
 * and a replica may be promoted. `serving` says whether clients are let in.
 */
#ifndef ACKPROOF_PRIMARY_PRIMARY_H
#define ACKPROOF_PRIMARY_PRIMARY_H

#include "core/core.h"
#include "core/settings.h"
#include "engine/engine.h"
#include "format/event.h"
#include "primary/semisync.h"

/* ---- locks ---------------------------------------------------------------------------------- */

/* Chained: the next is taken before the last is let go, so that groups cannot overtake one another
 * between stages (MDEV-162). The queue's own LOCK_prepare_ordered is held only within one step. */
enum commit_lock {
    LOCK_NONE = 0,
    LOCK_LOG,
    LOCK_AFTER_BINLOG_SYNC, /* MariaDB */
    LOCK_SYNC,              /* MySQL */
    LOCK_COMMIT_ORDERED,    /* MariaDB; LOCK_commit of MySQL */
    LOCK_AFTER_COMMIT,      /* MySQL 8.0 */
    COMMIT_LOCKS
};

/* ---- sessions ------------------------------------------------------------------------------- */

enum committer_state {
    COMMITTER_IDLE = 0,
    COMMITTER_READY,   /* woken, or to be woken, at `row` of its pipeline */
    COMMITTER_IO,      /* its disk actions are under way */
    COMMITTER_LOCK,    /* waits for the lock of its row */
    COMMITTER_ACK,     /* waits for an ACK */
    COMMITTER_DRAIN,   /* waits, with LOCK_log, until nothing in the binlog is in doubt */
    COMMITTER_FOLLOWER /* queued behind a leader, which will commit it */
};

/* A thread that commits: a client session, or the applier. */
struct committer {
    uint8_t state;      /* enum committer_state */
    uint8_t row;        /* where it stands in the pipeline */
    uint8_t lock;       /* enum commit_lock that it holds */
    uint8_t path;       /* enum commit_path: which table `row` counts in */
    uint8_t next;       /* task + 1 of the next member of its group; 0 = last */
    uint8_t head;       /* leader only: task + 1 of the group's first member */
    uint8_t cursor;     /* leader only: task + 1 of the member that a stage has come to; 0 = done */
    uint8_t failed;     /* bool: the group could not be written (facts 1.1 step 7e) */
    uint8_t io_done;    /* bool: DISK_DONE has come for the stage it is in */
    uint8_t io_error;   /* enum io_result of it */
    uint8_t synced;     /* bool: the disk actions under way end in an fsync of the redo log */
    uint8_t finished;   /* applier only, bool: the group is committed, nobody has asked yet */
    uint32_t txn;       /* client transaction; 0 for the applier */
    uint32_t flush_lsn; /* end of the redo log when its flush was issued */
    uint32_t group_id;  /* commit id of the group; 0 where it is alone */
    int32_t k, v;
    uint64_t xid;
    struct gtid gtid; /* given at the binlog write; of a replicated transaction from the start */
    log_pos_t end;    /* end of its group of events in the binlog */
};

/* ---- binlog --------------------------------------------------------------------------------- */

enum { BINLOG_CACHE_MAX = 1024 };

/* A new file takes the place of the current one (rotate.c); each step ends on the disk. */
enum rotation {
    ROTATION_NONE = 0,
    ROTATION_CLOSE,  /* the old file ends in a ROTATE event and is fsynced */
    ROTATION_CREATE, /* the new file has its head, fsynced */
    ROTATION_INDEX,  /* the index names it, fsynced: from now on it is the current file */
    ROTATION_CLEAR,  /* IN_USE of the old file is cleared, not fsynced */
};

/* Of a binlog that recovery may still need (checkpoint.c). */
enum { BINLOGS_LIVE_MAX = 8 };
struct binlog_life {
    uint32_t lsn;  /* end of the redo log that has to be durable; 0: not asked for, or it is */
    uint8_t xids;  /* its transactions that are not unlogged, and one for the engine's answer */
    uint8_t asker; /* task + 1 of who rotated it and is to ask the engine; 0 = asked */
    uint8_t reserved[2];
};

struct binlog {
    uint8_t num;       /* current file; 0 = none open */
    uint8_t oldest;    /* a recovery has to read from this file on: BINLOG_CHECKPOINT (MDEV-181) */
    uint8_t rotation;  /* enum rotation: what of a change of files is under way */
    uint8_t closed;    /* bool: an error has closed it, commits go on without (IGNORE_ERROR) */
    uint32_t len;      /* bytes written to it */
    uint32_t flushes;  /* since the last counted fsync (sync_binlog = N) */
    uint32_t cached;   /* bytes in cache: rendered, not written, standing at offset len */
    log_pos_t end_pos; /* published: dump threads read up to here */
    struct binlog_life life[BINLOGS_LIVE_MAX]; /* of the files oldest, oldest + 1 ... num */
    struct gtid_state state;                   /* gtid_binlog_state, groups in the cache included */
    uint8_t cache[BINLOG_CACHE_MAX];
};

/* ---- dump threads --------------------------------------------------------------------------- */

/* A dump thread that hangs sends nothing more and does not end (dump.c, dump_torn). */
enum dump_state { DUMP_NONE, DUMP_ACTIVE, DUMP_HANGS };

struct dump {
    uint8_t active;       /* enum dump_state */
    uint8_t semi_sync;    /* the replica asked for it */
    uint8_t greeted;      /* ROTATE and FORMAT_DESCRIPTION of the current file are sent */
    uint8_t stale;        /* bool: RESET MASTER has deleted the file that it stands in */
    uint16_t gates;       /* bit i: domain i of `from` has passed its start GTID */
    uint16_t unknown;     /* bit i: we know nothing of domain i yet (rule C2) */
    log_pos_t pos;        /* next event to read */
    struct gtid_pos from; /* position the replica asked for */
};

/* ---- start-up ------------------------------------------------------------------------------- */

enum boot_stage {
    BOOT_DOWN = 0,
    BOOT_CUT_INDEX, /* truncating recovery: the index is shortened by the files behind the cut */
    BOOT_CUT,       /* these are gone; the file of the cut is shortened and marked as closed */
    BOOT_REDO,      /* redo log cut, decisions of the recovery fsynced */
    BOOT_BINLOG,    /* new binlog file created, then named in the index */
    BOOT_WAIT_ACK,  /* RECOVERY_WAIT_ACK: nobody has ACKed what was recovered */
    BOOT_DONE
};

enum shutdown_stage {
    SHUTDOWN_NOT = 0,
    SHUTDOWN_SESSIONS,     /* every session is killed, the last ones come to their end */
    SHUTDOWN_SLAVES,       /* and dump threads and ACKs are awaited */
    SHUTDOWN_SLAVES_TIMED, /* the same, and a timer runs */
    SHUTDOWN_BINLOG,       /* IN_USE cleared, fsynced */
    SHUTDOWN_REDO,         /* redo log fsynced */
};

struct primary {
    uint8_t boot;       /* enum boot_stage */
    uint8_t serving;    /* bool: clients are let in */
    uint8_t as_primary; /* bool: it was told to come up as primary */
    uint8_t n_queue;
    uint8_t queue[COMMITTERS];   /* tasks, in order of arrival; the first is the leader */
    uint8_t owner[COMMIT_LOCKS]; /* task + 1; 0 = free */
    uint8_t after_leader; /* task + 1 of who has begun the queue of LOCK_AFTER_COMMIT; 0 = empty */
    uint8_t recovered_file; /* binlog that the recovery read; 0 = none */
    uint8_t recovered_from; /* oldest binlog that it looked into for transactions in doubt */
    uint8_t killed;         /* bit i: session i was killed; its wait for an ACK is over */
    uint8_t hung_up;        /* bit i: and its connection is closed */
    uint8_t shutdown;       /* enum shutdown_stage */
    uint8_t reserved[1];
    uint32_t recovered_len;  /* its length up to the end of the last complete group */
    uint32_t flush_lsn;      /* end of the redo log when TASK_BOOT or TASK_REDO flushed it */
    uint32_t cut;            /* bool: the old file has to be shortened to recovered_len */
    log_pos_t recovered_end; /* end of the last group in all files; 0 where there is none */
    struct committer by[COMMITTERS];
    struct semisync semisync;
    struct dump dump[NODES_MAX];
    struct binlog binlog;
};

/* EV_BOOT (event.admin: ADMIN_SERVE = come up as primary, ADMIN_FOLLOW = as replica), DISK_DONE,
 * RUN, TIMER, CLIENT, ADMIN (all but FOLLOW and STOP_SLAVE), NET_OPEN, NET_DOWN and NET_FRAME of
 * link TO_REPLICA. */
void primary_step(struct primary *p, struct engine *e, const struct env *env,
                  const struct event *ev, struct actions *out);

/* Its logs are open: replicas may connect. Whether clients may is `serving`. */
bool primary_booted(const struct primary *p);
/* A binlog checkpoint waits for the redo log: there is work for TASK_REDO at any setting. */
bool primary_checkpoint_waits(const struct primary *p);
/* A recovery cuts the binlog: what it has decided becomes durable by TASK_REDO, or by itself behind
 * the cut. */
bool primary_cuts(const struct primary *p);
/* gtid_current_pos: the slave position of the engine, raised by the binlog's own. */
void primary_gtid_pos(const struct primary *p, const struct engine *e, struct gtid_pos *pos);

/* The applier hands over a group; false while one is under way. */
bool primary_apply(struct primary *p, const struct replicated_group *g, struct actions *out);
/* True once when the group handed over has been committed. A duplicate key or a failed write leaves
 * the applier stopped: *error is set. */
bool primary_applied(struct primary *p, bool *error);

/* RESET MASTER is under way. */
bool primary_resets(const struct primary *p);
/* A session that an operator would kill: it, or the leader that commits for it, waits for an ACK or
 * for its turn to wait. */
enum kill_victim { KILL_NOBODY, KILL_WAITER, KILL_LEADER, KILL_FOLLOWER };
enum kill_victim primary_kill_victim(const struct primary *p, uint32_t task);

/* The binlog file up to which PURGE BINARY LOGS would delete, with the binlog inside the engine:
 * what a dump thread has yet to read stays, and pieces that are referred to. */
uint32_t primary_purge_to(const struct primary *p, const struct engine *e);

/* Name of the lock that it waits for (COMMITTER_LOCK). */
const char *primary_wanted_lock(const struct env *env, const struct committer *c);
const char *primary_lock_name(uint32_t lock); /* "LOCK_log"; enum commit_lock */
/* Name of the stage that a committer stands at: "fsync". */
const char *primary_stage_name(const struct env *env, const struct committer *c);

#endif

/* The vocabulary that all cores share: events in, actions out.
 *
 * A core is a flat struct and a function step(state, env, event, out). It does no I/O, has no
 * clock, no thread, no allocation and no global. What it wants done it writes into `out`; what
 * became of it it learns from a later event. "The event is on disk" is thus an input, which the
 * world may delay, deny or fake (design section 3).
 *
 * Tasks stand for the threads of a server. A core never decides which of two runnable threads goes
 * first: it says WAKE for each, and the world picks. A task that waits for a lock, a condition, the
 * disk or the network is simply not woken.
 *
 * Disk protocol: the WRITE, TRUNCATE, CREATE and FSYNC actions that one step gives for one task are
 * carried out in order, and answered by one DISK_DONE for that task when the last is done or the
 * first fails (the rest of the list is then dropped). The FSYNCs of a list stand last in it. A task
 * has at most one such list under way.
 * write(2) fills the page cache and returns at once; an FSYNC takes as long as the world likes.
 */
#ifndef ACKPROOF_CORE_CORE_H
#define ACKPROOF_CORE_CORE_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "format/gtid.h"

enum {
    NODES_MAX = 6,    /* servers of a cluster: one primary, up to five replicas */
    SESSIONS_MAX = 4, /* client sessions of the workload */
    TXNS_MAX = 16,    /* client transactions of a run */
    FILES_MAX = 12,   /* files of one node */
    FILE_BYTES_MAX = 4096,
};

/* ---- tasks ---------------------------------------------------------------------------------- */

enum task {
    TASK_SESSION = 0, /* + session number: the thread of a client session */
    TASK_APPLIER = TASK_SESSION + SESSIONS_MAX, /* SQL thread; commits like a session */
    TASK_OPERATOR,                              /* a session of an operator: FLUSH BINARY LOGS */
    TASK_BACKGROUND,                       /* binlog background thread: writes binlog checkpoints */
    TASK_DUMP,                             /* + node of the replica: dump thread */
    TASK_RECEIVER = TASK_DUMP + NODES_MAX, /* IO thread */
    TASK_CONSUMER,                         /* application behind a buffered receiver */
    TASK_BOOT,                             /* start-up: recovery and opening of logs */
    TASK_REDO,                             /* background redo flush of the engine */
    TASKS_MAX,
    COMMITTERS = TASK_BACKGROUND + 1, /* tasks that walk a table of stages, and may hold a lock */
};

/* ---- files ---------------------------------------------------------------------------------- */

enum file_kind {
    FILE_NONE = 0,
    FILE_REDO,
    FILE_BINLOG,
    FILE_RELAY,
    FILE_BACKUP,
    FILE_BINLOG_INDEX, /* the names of the binlogs, one per line */
    FILE_IBB,          /* binlog inside the engine (format/ibb.h) */
    FILE_TABLE,        /* the rows of a table without transactions (engine/plain.c) */
};

/* A file of a node. Numbers count from 1; binlog 2 is "binlog.000002" in names and packets. */
struct file_id {
    uint8_t kind; /* enum file_kind */
    uint8_t num;
};

/* A position in a sequence of files, comparable as one number. */
typedef uint64_t log_pos_t;
static inline log_pos_t log_pos(uint32_t file_num, uint32_t offset)
{
    return (log_pos_t)file_num << 32 | offset;
}
static inline uint32_t log_pos_file(log_pos_t p)
{
    return (uint32_t)(p >> 32);
}
static inline uint32_t log_pos_offset(log_pos_t p)
{
    return (uint32_t)p;
}

/* What read(2) would give: the page cache, not what a power loss would leave. Valid during one
 * step. */
struct file_view {
    struct file_id id;
    uint32_t len;
    const uint8_t *bytes;
};
struct disk_view {
    uint32_t n;
    struct file_view at[FILES_MAX]; /* sorted by (kind, num) */
};
/* NULL where there is no such file. */
const struct file_view *view_find(const struct disk_view *v, struct file_id id);
/* Lowest and highest number of a kind; 0 where there is none. */
uint8_t view_first(const struct disk_view *v, enum file_kind kind);
uint8_t view_last(const struct disk_view *v, enum file_kind kind);

/* ---- events --------------------------------------------------------------------------------- */

enum event_kind {
    EV_BOOT,      /* the process starts; its memory is empty, the disk is what env->disk shows */
    EV_RUN,       /* task: it was woken, it may go on */
    EV_DISK_DONE, /* task, io: its list of disk actions is done, or failed */
    EV_NET_UP,    /* peer: a connection that this node asked for stands */
    EV_NET_OPEN,  /* peer: a replica connected to this node's dump port */
    EV_NET_DOWN,  /* peer, link: the connection is gone */
    EV_NET_FRAME, /* peer, link, bytes/len: one packet */
    EV_TIMER,     /* task: its timer ran out */
    EV_CLIENT, /* task (session), txn, statement: insert row k=txn+1 (or create table k), commit */
    EV_ADMIN,  /* admin, peer */
};

/* Between two nodes there may be one connection per direction of replication. */
enum link {
    LINK_TO_PRIMARY, /* I am the receiver, the peer is my primary */
    LINK_TO_REPLICA, /* I am the primary, the peer is my replica */
};

enum io_result { IO_OK = 0, IO_EIO, IO_ENOSPC };

enum admin {
    ADMIN_FOLLOW,     /* CHANGE MASTER TO peer; START SLAVE */
    ADMIN_STOP_SLAVE, /* stop the IO thread; the applier goes on with what is in the relay log */
    ADMIN_SERVE,      /* SET GLOBAL read_only=0; sessions are let in, semi-sync master applies */
    ADMIN_READ_ONLY,  /* sessions are refused */
    /* What operators do while clients work; ADMIN_FOLLOW and ADMIN_STOP_SLAVE are theirs too. */
    ADMIN_SEMI_SYNC_OFF,   /* SET GLOBAL rpl_semi_sync_master_enabled=0 */
    ADMIN_SEMI_SYNC_ON,    /* SET GLOBAL rpl_semi_sync_master_enabled=1 */
    ADMIN_KILL_QUERY,      /* task: KILL QUERY of a session; what it waits for is over */
    ADMIN_KILL_CONNECTION, /* task: the same, and its client is cut off at once */
    ADMIN_RESET_MASTER,    /* RESET MASTER */
    ADMIN_SHUTDOWN,        /* SHUTDOWN */
    ADMIN_SHUTDOWN_WAIT,   /* SHUTDOWN WAIT FOR ALL SLAVES */
    ADMIN_FLUSH_LOGS,      /* FLUSH BINARY LOGS */
    ADMIN_PURGE,           /* PURGE BINARY LOGS TO the one in use */
};

enum statement {
    STATEMENT_INSERT = 0,
    STATEMENT_LARGE, /* an insert whose binlog cache is above binlog_large_commit_threshold */
    STATEMENT_PLAIN, /* an insert into a table without transactions (MyISAM) */
    STATEMENT_DDL,
};

/* What an applier hands on to be committed: one event group. */
struct replicated_group {
    struct gtid gtid;
    uint64_t xid;      /* 0 where the group ended without one */
    int32_t k, v;      /* first row, or what a DDL creates; 0, 0 for a group of another kind */
    uint8_t statement; /* enum statement; a large one is an insert like others */
};

struct event {
    uint8_t kind; /* enum event_kind */
    uint8_t task;
    uint8_t peer;
    uint8_t link;
    uint8_t io; /* enum io_result */
    uint8_t admin;
    uint16_t txn;
    uint8_t statement; /* enum statement */
    uint32_t len;
    const uint8_t *bytes;
};

/* ---- actions -------------------------------------------------------------------------------- */

enum action_kind {
    ACT_WAKE,        /* task */
    ACT_WRITE,       /* task, file, off, bytes: pwrite(2) */
    ACT_TRUNCATE,    /* task, file, off: new size */
    ACT_CREATE,      /* task, file: empty file, directory entry pending */
    ACT_UNLINK,      /* task, file */
    ACT_FSYNC,       /* task, file: data, size, and (ext4, XFS) the file's own directory entry */
    ACT_CONNECT,     /* peer: connect to its dump port */
    ACT_CLOSE,       /* peer, link */
    ACT_SEND,        /* peer, link, bytes: one packet */
    ACT_SET_TIMER,   /* task, arg: milliseconds */
    ACT_CLEAR_TIMER, /* task */
    ACT_REPLY,       /* task (session), txn, arg: enum client_result */
    ACT_EXIT,        /* the server process ends itself, arg: enum io_result, EXIT_REFUSED */
};

/* A server that cannot start from what its disk holds; to try again changes nothing. */
enum { EXIT_REFUSED = 16, EXIT_SHUTDOWN };

enum client_result {
    CLIENT_OK = 1,
    CLIENT_ERROR,
    CLIENT_LOST, /* its connection was killed: the session ends, and nobody hears how */
};

struct action {
    uint8_t kind; /* enum action_kind */
    uint8_t task;
    uint8_t peer;
    uint8_t link;
    struct file_id file;
    uint16_t txn;
    uint32_t off;
    uint32_t arg;
    uint32_t at; /* payload: bytes[at .. at+len) of the list */
    uint32_t len;
};

enum { ACTIONS_MAX = 48, ACTION_BYTES_MAX = 8192 };

struct actions {
    uint32_t n;
    uint32_t used;
    struct action at[ACTIONS_MAX];
    uint8_t bytes[ACTION_BYTES_MAX];
};

static inline void actions_clear(struct actions *a)
{
    a->n = 0;
    a->used = 0;
}
/* Appends an action with all other fields zero. The pointer is valid until the list is cleared. */
struct action *act(struct actions *a, enum action_kind kind);
void act_wake(struct actions *a, uint32_t task);
void act_write(struct actions *a, uint32_t task, struct file_id file, uint32_t off,
               const uint8_t *bytes, uint32_t len);
void act_fsync(struct actions *a, uint32_t task, struct file_id file);
void act_create(struct actions *a, uint32_t task, struct file_id file);
void act_unlink(struct actions *a, uint32_t task, struct file_id file);
void act_truncate(struct actions *a, uint32_t task, struct file_id file, uint32_t size);
/* Room for a payload of up to `cap` bytes, filled in place; finish with act_send_done or
 * act_write_done, which take its first `len` bytes. Nothing else may be added in between. */
uint8_t *act_room(struct actions *a, uint32_t cap);
void act_send_done(struct actions *a, uint32_t peer, enum link link, uint32_t len);
void act_write_done(struct actions *a, uint32_t task, struct file_id file, uint32_t off,
                    uint32_t len);
void act_send(struct actions *a, uint32_t peer, enum link link, const uint8_t *bytes, uint32_t len);
void act_reply(struct actions *a, uint32_t task, uint32_t txn, enum client_result result);

/* ---- names ---------------------------------------------------------------------------------- */

/* "binlog.000001"; the number in decimal, at least six digits. text has room for BINLOG_NAME_MAX.
 * */
void binlog_name(char *text, uint32_t file_num);
/* The reverse; 0 where the name is not of that form. */
uint32_t binlog_name_num(const char *text);

#endif

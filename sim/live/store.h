/* The disk of a live peer: carries out a core's disk actions on real files, through libuv.
 *
 * The protocol is core.h's: the WRITE, TRUNCATE, CREATE, UNLINK and FSYNC actions that one step
 * gives for one task are done in order, and `done` is called once, when the last is done or the
 * first fails. What the core is shown as its disk view is a mirror of what was written.
 *
 * A file's first fsync also makes its directory entry durable (open(2), fsync(2): an entry needs an
 * fsync of the directory), which is what ACT_FSYNC promises.
 */
#ifndef ACKPROOF_SIM_LIVE_STORE_H
#define ACKPROOF_SIM_LIVE_STORE_H

#include <uv.h>

#include "core/core.h"

enum { STORE_PATH_MAX = 512, STORE_JOBS = 3 };

struct store;

struct store_file {
    struct file_id id; /* kind FILE_NONE: free */
    bool unsynced;     /* written, truncated or created since its last fsync */
    bool entry_unsynced;
    uv_file fd;
    uint32_t len;
    uint32_t durable; /* so much of it the last fsync has covered; a cut is durable at once */
    uint32_t cap;
    uint8_t *bytes;
};

/* One task's list of disk actions under way. */
struct store_job {
    struct store *store;
    bool active;
    bool syncing_folder; /* second half of an FSYNC */
    uint8_t task;
    uint32_t next;    /* index of the action under way */
    uint32_t written; /* bytes of it that are written */
    struct actions list;
    char path[STORE_PATH_MAX];
    uv_fs_t request;
};

struct store {
    uv_loop_t *loop;
    char folder[STORE_PATH_MAX];
    uv_file folder_fd;
    struct store_file file[FILES_MAX];
    struct store_job job[STORE_JOBS];
    uint32_t fsyncs; /* completed */
    bool lies;       /* the next fsync of a file's bytes claims and keeps nothing */
    void (*done)(void *arg, uint32_t task, enum io_result result);
    void *arg;
};

/* Makes the folder, or takes over the relay logs that a killed process has left in it: what they
 * hold may be in the page cache only, so they count as unsynced. 0, or a negative errno as libuv
 * gives it. */
int store_open(struct store *s, uv_loop_t *loop, const char *folder);
/* Takes all disk actions of `list` that are `task`'s. At least one must be. */
void store_submit(struct store *s, uint32_t task, const struct actions *list);
/* The next fsync of a file whose name is durable lies: it claims and keeps nothing. */
void store_lie(struct store *s);
bool store_busy(const struct store *s);
/* Is everything that was written also fsynced? */
bool store_durable(const struct store *s);
/* Closes descriptors and frees mirrors; the files stay. Waits for jobs under way. */
void store_close(struct store *s);

/* A power loss: closes as store_close, and cuts off what no fsync has covered. A file whose
 * directory entry was never synced is gone. `text`: what was lost. False where a file cannot be
 * cut. */
bool store_lose_power(struct store *s, char *text, size_t cap);

/* The view holds pointers into the mirrors: valid until the next submit. */
void store_view(const struct store *s, struct disk_view *v);
bool store_is_disk_action(const struct action *a);
/* "relay.000001" in the folder. */
void store_path(const char *folder, struct file_id id, char path[STORE_PATH_MAX]);

#endif

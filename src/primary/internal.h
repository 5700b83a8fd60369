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

/* ---- commit.c ------------------------------------------------------------------------------- */

/* A committer that is idle starts at the first row of its pipeline. */
void commit_start(const struct ctx *c, uint32_t task);
/* It was woken, or its disk actions are done: goes on as far as it can in one step. */
void commit_run(const struct ctx *c, uint32_t task);
void commit_disk_done(const struct ctx *c, uint32_t task, enum io_result result);

/* ---- binlog.c ------------------------------------------------------------------------------- */

/* Gives the committer its GTID and renders its event group into the cache, behind what is there. */
void binlog_render(const struct ctx *c, struct committer *m);
/* write(2) of the cache; after the DISK_DONE call binlog_written or binlog_write_failed. */
void binlog_write(const struct ctx *c, uint32_t task);
void binlog_written(struct binlog *b);
void binlog_write_failed(struct binlog *b);
/* flush_and_sync: is an fsync due for this flush (sync_binlog = N counts flushes)? */
bool binlog_sync_due(struct binlog *b, const struct env *env);
/* update_binlog_end_pos: the dump threads may read up to pos; they are woken. */
void binlog_publish(const struct ctx *c, log_pos_t pos);
/* Creates the file, writes and fsyncs its header (TASK_BOOT). */
void binlog_open(const struct ctx *c, uint8_t num);
/* Bytes of the binlog at pos, up to the published end or the end of an older file. NULL and *len 0
 * where there are none yet. */
const uint8_t *binlog_read(const struct ctx *c, log_pos_t pos, uint32_t *len);

/* ---- recovery.c ----------------------------------------------------------------------------- */

void recovery_start(const struct ctx *c);
void recovery_disk_done(const struct ctx *c, enum io_result result);
/* RUN of TASK_BOOT: an ACK has come that recovery waited for. */
void recovery_run(const struct ctx *c);
/* Length of the file's head (FORMAT_DESCRIPTION, GTID_LIST, BINLOG_CHECKPOINT); 0 where it is not
 * complete, so the file was never in use. *state is what stands before the file. */
uint32_t binlog_head(const struct file_view *f, bool *in_use, struct gtid_state *state);

/* ---- dump.c --------------------------------------------------------------------------------- */

void dump_accept(const struct ctx *c, uint32_t node);
void dump_end(const struct ctx *c, uint32_t node);
void dump_frame(const struct ctx *c, uint32_t node, const uint8_t *bytes, uint32_t len);
void dump_run(const struct ctx *c, uint32_t node);

#endif

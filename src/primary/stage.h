/* What a stage is to the walk of commit.c: a function that does a piece and says how to go on. */
#ifndef ACKPROOF_PRIMARY_STAGE_H
#define ACKPROOF_PRIMARY_STAGE_H

#include "primary/internal.h"

enum outcome {
    NEXT,  /* on to the next row in the same step: nothing lies between that others could see */
    YIELD, /* on to the next row, but others may run first */
    STAY   /* not finished; `state` says what it waits for */
};

/* A group hangs together by task numbers plus 1: `head` of its leader, then `next`; 0 ends it. */
struct committer *commit_member(struct primary *p, uint32_t task_plus_1);
struct committer *commit_last_member(struct primary *p, const struct committer *leader);
/* Disk actions of the task are under way; the stage is entered again, with io_done, when they are
 * done. */
enum outcome commit_wait_for_disk(struct committer *m);
/* Sends the committer on to the row of `stage`, which its table must have. */
void commit_send_on(const struct ctx *c, uint32_t task, enum stage stage);

/* ---- engine_binlog.c ------------------------------------------------------------------------ */

enum outcome engine_stage_pieces(const struct ctx *c, uint32_t task);
enum outcome engine_stage_store(const struct ctx *c, uint32_t task);
enum outcome engine_stage_flush(const struct ctx *c, uint32_t task);
enum outcome engine_stage_purge(const struct ctx *c, uint32_t task);
enum outcome engine_stage_unlink(const struct ctx *c, uint32_t task);

/* ---- redo.c --------------------------------------------------------------------------------- */

/* The row, in memory; all that there is to do where the binlog is closed. A duplicate key goes to
 * reply. */
enum outcome redo_insert(const struct ctx *c, uint32_t task);
enum outcome redo_prepare(const struct ctx *c, uint32_t task);     /* 2 */
enum outcome redo_execute(const struct ctx *c, uint32_t task);     /* DDL: fsynced at any F */
enum outcome redo_flush(const struct ctx *c, uint32_t task);       /* 14, 15 */
enum outcome redo_flush_all(const struct ctx *c, uint32_t task);   /* all of it, fsynced */
enum outcome redo_unlock(const struct ctx *c, uint32_t task);      /* tables without transactions */
enum outcome redo_flush_alone(const struct ctx *c, uint32_t task); /* without a binlog */

/* ---- wait_stages.c -------------------------------------------------------------------------- */

enum outcome stage_wait(const struct ctx *c, uint32_t task);        /* 11 */
enum outcome stage_wait_direct(const struct ctx *c, uint32_t task); /* DDL of MariaDB */
enum outcome stage_join_after(const struct ctx *c, uint32_t task);
enum outcome stage_wait_all(const struct ctx *c, uint32_t task); /* 16, MySQL */
enum outcome stage_wait_own(const struct ctx *c, uint32_t task); /* 16 */

/* ---- rotate_stages.c ------------------------------------------------------------------------ */

/* Disk actions of a change of files are done: on with it. */
enum outcome rotate_carry_on(const struct ctx *c, uint32_t task);
enum outcome stage_drain(const struct ctx *c, uint32_t task);

#endif

/* Binlog group commit: the walk through a table of stages (pipeline.c).
 *
 * A row says which stage comes next and which lock it runs under. The walk enters the next row by
 * taking its lock before it lets go of the one it holds (MDEV-162): two groups can therefore never
 * change places between stages. A wait point is nothing but the place where the wait row stands.
 *
 * Beside facts 1.1 (MariaDB log.cc) and 1.3 (MySQL binlog.cc); the numbers are the steps there.
 */
#include "primary/stage.h"

/* ---- groups --------------------------------------------------------------------------------- */

struct committer *commit_member(struct primary *p, uint32_t task_plus_1)
{
    assert(task_plus_1 >= 1 && task_plus_1 <= COMMITTERS);
    return &p->by[task_plus_1 - 1];
}

struct committer *commit_last_member(struct primary *p, const struct committer *leader)
{
    struct committer *m = commit_member(p, leader->head);
    while (m->next != 0)
        m = commit_member(p, m->next);
    return m;
}

/* Transactions of its group that only the binlog can decide after a crash. */
static uint32_t in_doubt(struct primary *p, const struct committer *leader)
{
    uint32_t n = 0;
    for (uint32_t i = leader->head; i != 0; i = commit_member(p, i)->next)
        n += commit_is_2pc(commit_member(p, i));
    return n;
}

/* The leader takes the queue as it is; who comes later forms the next group. */
static void take_queue(struct primary *p, uint32_t leader)
{
    assert(p->n_queue > 0 && p->queue[0] == leader);
    for (uint32_t i = 0; i < p->n_queue; i++) {
        struct committer *m = &p->by[p->queue[i]];
        m->next = i + 1 < p->n_queue ? (uint8_t)(p->queue[i + 1] + 1) : 0;
        m->group_id = p->n_queue > 1 ? (uint32_t)p->by[leader].xid : 0;
    }
    p->by[leader].head = (uint8_t)(leader + 1);
    memset(p->queue, 0, sizeof p->queue);
    p->n_queue = 0;
}

static void render_group(const struct ctx *c, struct committer *leader)
{
    for (uint32_t i = leader->head; i != 0; i = commit_member(c->p, i)->next)
        binlog_render(c, commit_member(c->p, i));
}

void commit_send_on(const struct ctx *c, uint32_t task, enum stage stage)
{
    struct committer *m = &c->p->by[task];
    const struct row *rows = commit_pipeline(c->env, m->path);
    uint8_t row = 0;
    while (rows[row].stage != stage) {
        assert(rows[row].stage != STAGE_END);
        row++;
    }
    m->row = row;
    m->state = COMMITTER_READY;
    m->io_done = 0;
    m->io_error = IO_OK;
    act_wake(c->out, task);
}

/* Each member goes to reply, where its own thread rolls it back; what did reach the file stays
 * there, and what a table without transactions has. */
static void roll_back_member(const struct ctx *c, uint32_t task)
{
    commit_send_on(c, task, c->p->by[task].path == PATH_PLAIN ? STAGE_UNLOCK : STAGE_REPLY);
}

static void roll_back_group(const struct ctx *c, uint32_t leader)
{
    uint32_t next = 0;
    for (uint32_t i = c->p->by[leader].head; i != 0; i = next) {
        next = commit_member(c->p, i)->next;
        commit_member(c->p, i)->failed = 1;
        commit_member(c->p, i)->next = 0;
        if (i - 1 != leader)
            roll_back_member(c, i - 1);
    }
    c->p->by[leader].head = 0;
    roll_back_member(c, leader);
}

/* The group goes on to its engine commit without the binlog: nobody waits for an ACK of it. A
 * leader whose own call it was that failed has the error in its hands, and its client gets it,
 * although the transaction is committed (seen on MySQL 9.7.4). */
static void commit_unlogged(const struct ctx *c, uint32_t leader)
{
    for (uint32_t i = c->p->by[leader].head; i != 0; i = commit_member(c->p, i)->next)
        commit_member(c->p, i)->end = 0;
    bool ordered = c->env->set->commit_order == ORDER_BY_LEADER;
    commit_send_on(c, leader, ordered ? STAGE_COMMIT_ALL : STAGE_DISBAND);
}

/* What DDL has done is not undone. MariaDB asks for the wait even so (MDEV-38829); nothing was
 * registered, so there is nothing to wait for (MDEV-34122). */
static void fail_direct(const struct ctx *c, uint32_t task)
{
    struct committer *m = &c->p->by[task];
    m->failed = 1;
    m->end = c->env->set->wait_point == WAIT_AFTER_COMMIT ? 0 : m->end;
    commit_send_on(c, task, m->end != 0 ? STAGE_WAIT_DIRECT : STAGE_COMMIT_OWN);
}

/* Step 7e: the group could not be written or fsynced. */
static void fail_group(const struct ctx *c, uint32_t leader)
{
    const struct server_settings *set = c->env->set;
    enum binlog_error action = settings_binlog_error(set);
    /* Sent before it was written: replicas may hold what this server now cannot have. */
    bool sent = set->wait_point == WAIT_BEFORE_WRITE &&
                c->p->binlog.end_pos >= commit_member(c->p, c->p->by[leader].head)->end;
    if (sent ? set->sent_error == SENT_ERROR_ABORT : action == BINLOG_ERROR_ABORT) {
        act(c->out, ACT_EXIT)->arg = c->p->by[leader].io_error;
        return;
    }
    if (sent)
        dump_take_back(c, log_pos(c->p->binlog.num, c->p->binlog.len));
    if (action == BINLOG_ERROR_IGNORE) {
        binlog_close(c, leader);
        c->p->by[leader].failed = 1; /* until it is closed */
        (void)commit_wait_for_disk(&c->p->by[leader]);
    } else if (c->p->by[leader].path == PATH_DIRECT) {
        fail_direct(c, leader);
    } else {
        roll_back_group(c, leader);
    }
}

/* ---- stages --------------------------------------------------------------------------------- */

enum outcome commit_wait_for_disk(struct committer *m)
{
    m->state = COMMITTER_IO;
    m->io_done = 0;
    return STAY;
}

static enum outcome stage_render_own(const struct ctx *c, uint32_t task)
{
    c->p->by[task].head = (uint8_t)(task + 1);
    binlog_render(c, &c->p->by[task]);
    return NEXT;
}

static enum outcome stage_queue(const struct ctx *c, uint32_t task)
{
    assert(c->p->n_queue < COMMITTERS);
    c->p->queue[c->p->n_queue++] = (uint8_t)task;
    if (c->p->n_queue == 1)
        return YIELD;
    c->p->by[task].state = COMMITTER_FOLLOWER;
    return STAY;
}

static enum outcome stage_render(const struct ctx *c, uint32_t task)
{
    take_queue(c->p, task);
    render_group(c, &c->p->by[task]);
    return NEXT;
}

/* Of a group that could not be written: MariaDB rolls it back and keeps its bytes in the cache of
 * the file (seen on 10.11.19). What was sent before it was written is taken back in full. */
static bool keeps_unwritten(const struct server_settings *set)
{
    return settings_binlog_error(set) == BINLOG_ERROR_ROLLBACK &&
           set->wait_point != WAIT_BEFORE_WRITE;
}

static enum outcome stage_write(const struct ctx *c, uint32_t task)
{
    struct committer *m = &c->p->by[task];
    if (!m->io_done) {
        if (m->head == 0 && c->p->binlog.closed) {
            take_queue(c->p, task);
            commit_unlogged(c, task);
            return STAY;
        }
        if (m->head == 0)
            stage_render(c, task);
        binlog_write(c, task);
        return commit_wait_for_disk(m);
    }
    if (m->failed) {
        commit_unlogged(c, task); /* the binlog is closed, as far as the disk lets it be */
        return STAY;
    }
    if (m->io_error != IO_OK) {
        fail_group(c, task);
        if (!keeps_unwritten(c->env->set))
            binlog_drop_cache(&c->p->binlog);
        return STAY;
    }
    binlog_written(&c->p->binlog);
    checkpoint_count(c, in_doubt(c->p, m));
    if (c->env->set->profile->rotation_drains && rotate_due(c))
        rotate_claim(c, task);
    return NEXT;
}

static enum outcome stage_sync(const struct ctx *c, uint32_t task)
{
    struct committer *m = &c->p->by[task];
    if (m->io_done) {
        if (m->failed) {
            commit_unlogged(c, task);
            return STAY;
        }
        if (m->io_error == IO_OK)
            return NEXT;
        checkpoint_uncount(c, in_doubt(c->p, m));
        fail_group(c, task);
        return STAY;
    }
    if (!binlog_sync_due(&c->p->binlog, c->env))
        return NEXT;
    act_fsync(c->out, task, (struct file_id){.kind = FILE_BINLOG, .num = c->p->binlog.num});
    return commit_wait_for_disk(m);
}

static enum outcome stage_register(const struct ctx *c, uint32_t task)
{
    struct committer *leader = &c->p->by[task];
    if (settings_group_wait(c->env->set) == GROUP_WAIT_LAST) {
        semisync_register(&c->p->semisync, c->env, commit_last_member(c->p, leader)->end, c->out);
        return YIELD;
    }
    for (uint32_t i = leader->head; i != 0; i = commit_member(c->p, i)->next)
        semisync_register(&c->p->semisync, c->env, commit_member(c->p, i)->end, c->out);
    return YIELD;
}

static enum outcome stage_publish(const struct ctx *c, uint32_t task)
{
    binlog_publish(c, commit_last_member(c->p, &c->p->by[task])->end);
    return YIELD;
}

/* Behind whose commit_ordered the whole group is through: it asks for the checkpoint. */
static uint32_t last_to_commit(const struct ctx *c, uint32_t task)
{
    if (c->env->set->commit_order != ORDER_BY_OWN_THREADS || c->p->by[task].head == 0)
        return task;
    return (uint32_t)(commit_last_member(c->p, &c->p->by[task]) - c->p->by);
}

static enum outcome rotate(const struct ctx *c, uint32_t task, bool due)
{
    struct committer *m = &c->p->by[task];
    if (!m->io_done) {
        if (!due)
            return NEXT;
        checkpoint_rotated(c, c->p->binlog.num, last_to_commit(c, task));
        rotate_start(c, task);
        return commit_wait_for_disk(m);
    }
    return rotate_carry_on(c, task);
}

static enum outcome stage_rotate(const struct ctx *c, uint32_t task)
{
    return rotate(c, task, rotate_due(c));
}

static enum outcome stage_rotate_large(const struct ctx *c, uint32_t task)
{
    return rotate(c, task, true);
}

static enum outcome stage_flush_logs(const struct ctx *c, uint32_t task)
{
    return rotate(c, task, checkpoint_has_room(&c->p->binlog));
}

static enum outcome stage_render_end(const struct ctx *c, uint32_t task)
{
    c->p->by[task].head = (uint8_t)(task + 1);
    binlog_render_end(c, &c->p->by[task]);
    return NEXT;
}

/* DDL is committed, but its metadata lock hides what it has made until the statement ends. A table
 * without transactions has no part in it. */
static void commit_in_engine(const struct ctx *c, const struct committer *m)
{
    if (m->path == PATH_DIRECT && engine_is_prepared(c->e, m->xid))
        engine_execute(c->e, m->xid);
    else if (m->path != PATH_PLAIN && m->path != PATH_DIRECT)
        engine_commit_ordered(c->e, m->xid);
}

/* One member per step: between two members a reader sees the first and not the second. */
static enum outcome stage_commit(const struct ctx *c, uint32_t task)
{
    struct committer *leader = &c->p->by[task];
    if (leader->cursor == 0)
        leader->cursor = leader->head;
    uint32_t i = leader->cursor;
    struct committer *m = commit_member(c->p, i);
    commit_in_engine(c, m);
    leader->cursor = m->next;
    m->next = 0;
    if (i - 1 != task)
        commit_send_on(c, i - 1, STAGE_FLUSH);
    if (leader->cursor == 0) {
        leader->head = 0;
        return YIELD;
    }
    act_wake(c->out, task);
    return STAY;
}

/* MySQL: nobody goes on before the leader is through with all that it does for its members. What is
 * in doubt no longer is not waited for by a rotation. */
static enum outcome stage_commit_all(const struct ctx *c, uint32_t task)
{
    struct committer *leader = &c->p->by[task];
    if (leader->cursor == 0)
        leader->cursor = leader->head;
    struct committer *m = commit_member(c->p, leader->cursor);
    commit_in_engine(c, m);
    if (m->end != 0 && commit_is_2pc(m))
        checkpoint_unlog(c, m->end);
    leader->cursor = m->next;
    if (leader->cursor == 0)
        return YIELD;
    act_wake(c->out, task);
    return STAY;
}

/* The turn, and the lock with it, go to the next member of the group. */
static enum outcome stage_commit_next(const struct ctx *c, uint32_t task)
{
    struct committer *m = &c->p->by[task];
    uint32_t next = m->next;
    commit_in_engine(c, m);
    m->next = 0;
    m->head = 0;
    if (next == 0)
        return YIELD;
    commit_member(c->p, next)->lock = m->lock;
    c->p->owner[m->lock] = (uint8_t)next;
    m->lock = LOCK_NONE;
    commit_send_on(c, next - 1, STAGE_COMMIT_NEXT);
    return YIELD;
}

/* To the row behind it; its table need not be the leader's. */
static void send_behind(const struct ctx *c, uint32_t task, enum stage stage)
{
    commit_send_on(c, task, stage);
    c->p->by[task].row++;
}

static enum outcome stage_disband(const struct ctx *c, uint32_t task)
{
    struct committer *leader = &c->p->by[task];
    uint32_t next = 0;
    for (uint32_t i = leader->head; i != 0; i = next) {
        next = commit_member(c->p, i)->next;
        commit_member(c->p, i)->next = 0;
        if (i - 1 != task)
            send_behind(c, i - 1, STAGE_DISBAND);
    }
    leader->head = 0;
    return YIELD;
}

static enum outcome stage_commit_own(const struct ctx *c, uint32_t task)
{
    commit_in_engine(c, &c->p->by[task]);
    checkpoint_ask(c, task); /* a direct write may have rotated, and goes by no STAGE_FLUSH */
    return YIELD;
}

/* ---- what is not a commit -------------------------------------------------------------------- */

static enum outcome stage_done(const struct ctx *c, uint32_t task)
{
    memset(&c->p->by[task], 0, sizeof c->p->by[task]);
    return STAY;
}

static enum outcome stage_ask(const struct ctx *c, uint32_t task)
{
    checkpoint_ask(c, task);
    return stage_done(c, task);
}

static enum outcome stage_checkpoint(const struct ctx *c, uint32_t task)
{
    struct committer *m = &c->p->by[task];
    if (!m->io_done) {
        checkpoint_write(c, task);
        return commit_wait_for_disk(m);
    }
    checkpoint_written(c);
    return NEXT;
}

static enum outcome stage_reply(const struct ctx *c, uint32_t task)
{
    struct committer *m = &c->p->by[task];
    bool failed = m->failed;
    struct gtid gtid = m->gtid;
    if (m->path == PATH_GROUP && rotate_is_mine(c, task) && !failed) {
        m->path = PATH_ROTATE_LAST;
        m->row = 1;
        m->state = COMMITTER_READY;
        act_wake(c->out, task);
        return STAY;
    }
    if (failed && m->xid != 0 && commit_is_2pc(m) && engine_is_prepared(c->e, m->xid))
        engine_rollback(c->e, m->xid);
    bool lost = task != TASK_APPLIER && (c->p->hung_up >> task & 1) != 0;
    if (task != TASK_APPLIER)
        act_reply(c->out, task, m->txn, lost ? CLIENT_LOST : failed ? CLIENT_ERROR : CLIENT_OK);
    c->p->killed &= (uint8_t) ~(1u << task);
    c->p->hung_up &= (uint8_t) ~(1u << task);
    memset(m, 0, sizeof *m);
    if (task == TASK_APPLIER) {
        m->finished = 1;
        m->failed = failed;
        m->gtid = gtid;
    }
    return STAY;
}

static enum outcome stage_reset_off(const struct ctx *c, uint32_t task)
{
    reset_off(c, &c->p->by[task]);
    return YIELD;
}
static enum outcome stage_reset_drain(const struct ctx *c, uint32_t task)
{
    if (reset_is_drained(c->p))
        return NEXT;
    c->p->by[task].state = COMMITTER_LOCK; /* LOCK_log is its own: it waits for the others */
    return STAY;
}
static enum outcome stage_reset_files(const struct ctx *c, uint32_t task)
{
    struct committer *m = &c->p->by[task];
    if (m->io_done && m->io_error != IO_OK) {
        act(c->out, ACT_EXIT)->arg = m->io_error;
        return STAY;
    }
    return reset_files(c, m) ? YIELD : commit_wait_for_disk(m);
}
static enum outcome stage_reset_on(const struct ctx *c, uint32_t task)
{
    reset_on(c, &c->p->by[task]);
    return stage_done(c, task);
}

typedef enum outcome (*stage_fn)(const struct ctx *c, uint32_t task);
static const stage_fn stage_run[] = {
    [STAGE_PIECES] = engine_stage_pieces,
    [STAGE_STORE] = engine_stage_store,
    [STAGE_GROUP_FLUSH] = engine_stage_flush,
    [STAGE_PREPARE] = redo_prepare,
    [STAGE_QUEUE] = stage_queue,
    [STAGE_RENDER] = stage_render,
    [STAGE_WRITE] = stage_write,
    [STAGE_SYNC] = stage_sync,
    [STAGE_REGISTER] = stage_register,
    [STAGE_PUBLISH] = stage_publish,
    [STAGE_ROTATE] = stage_rotate,
    [STAGE_WAIT] = stage_wait,
    [STAGE_COMMIT] = stage_commit,
    [STAGE_COMMIT_ALL] = stage_commit_all,
    [STAGE_JOIN_AFTER] = stage_join_after,
    [STAGE_WAIT_ALL] = stage_wait_all,
    [STAGE_FLUSH] = redo_flush,
    [STAGE_WAIT_OWN] = stage_wait_own,
    [STAGE_UNLOCK] = redo_unlock,
    [STAGE_REPLY] = stage_reply,
    [STAGE_ROTATE_LARGE] = stage_rotate_large,
    [STAGE_RENDER_END] = stage_render_end,
    [STAGE_RESET_OFF] = stage_reset_off,
    [STAGE_RESET_DRAIN] = stage_reset_drain,
    [STAGE_RESET_FILES] = stage_reset_files,
    [STAGE_RESET_ON] = stage_reset_on,
    [STAGE_EXECUTE] = redo_execute,
    [STAGE_RENDER_OWN] = stage_render_own,
    [STAGE_WAIT_DIRECT] = stage_wait_direct,
    [STAGE_INSERT] = redo_insert,
    [STAGE_COMMIT_NEXT] = stage_commit_next,
    [STAGE_DISBAND] = stage_disband,
    [STAGE_COMMIT_OWN] = stage_commit_own,
    [STAGE_FLUSH_ALONE] = redo_flush_alone,
    [STAGE_FLUSH_LOGS] = stage_flush_logs,
    [STAGE_PURGE] = engine_stage_purge,
    [STAGE_PURGE_FLUSH] = redo_flush_all,
    [STAGE_PURGE_UNLINK] = engine_stage_unlink,
    [STAGE_ASK] = stage_ask,
    [STAGE_CHECKPOINT] = stage_checkpoint,
    [STAGE_DONE] = stage_done,
    [STAGE_DRAIN] = stage_drain,
};

/* ---- the walk ------------------------------------------------------------------------------- */

void commit_start(const struct ctx *c, uint32_t task, enum commit_path path)
{
    struct committer *m = &c->p->by[task];
    assert(m->state == COMMITTER_IDLE);
    m->state = COMMITTER_READY;
    bool writes = path == PATH_GROUP || path == PATH_LARGE || path == PATH_DIRECT;
    assert(path != PATH_PLAIN || !c->p->binlog.closed); /* MariaDB only, which closes none */
    m->path = (uint8_t)(writes && c->p->binlog.closed ? PATH_UNLOGGED : path);
    m->row = 0;
    act_wake(c->out, task);
}

void commit_run(const struct ctx *c, uint32_t task)
{
    assert(task < COMMITTERS);
    struct committer *m = &c->p->by[task];
    if (m->state == COMMITTER_ACK)
        m->state = COMMITTER_READY;
    if (m->state != COMMITTER_READY)
        return; /* a wake-up that something else overtook */
    const struct row *rows = commit_pipeline(c->env, m->path);
    bool let_go = false;
    for (;;) {
        const struct row *row = &rows[m->row];
        assert(row->stage != STAGE_END);
        let_go |= m->lock != LOCK_NONE && row->lock == LOCK_NONE;
        if (!lock_enter(c, task, row->lock))
            return;
        if (let_go && (row->stage == STAGE_WAIT_OWN || row->stage == STAGE_WAIT_ALL)) {
            act_wake(c->out, task); /* the next group may be the first to wait */
            return;
        }
        enum outcome o = NEXT;
        if (stage_run[row->stage] != NULL)
            o = stage_run[row->stage](c, task);
        if (o == STAY)
            return;
        m->io_done = 0;
        m->row++;
        if (o == YIELD) {
            act_wake(c->out, task);
            return;
        }
    }
}

void commit_disk_done(const struct ctx *c, uint32_t task, enum io_result result)
{
    struct committer *m = &c->p->by[task];
    assert(m->state == COMMITTER_IO);
    m->state = COMMITTER_READY;
    m->io_done = 1;
    m->io_error = (uint8_t)result;
    commit_run(c, task);
    /* io_error and synced describe finished disk actions only; equal states must look equal. */
    if (!m->io_done) {
        m->io_error = IO_OK;
        if (m->state != COMMITTER_IO) {
            m->synced = 0;
            m->flush_lsn = 0;
        }
    }
}

/* The stages of a commit as tables, one per order of events that some server has.
 *
 * Beside facts 1.1 (MariaDB log.cc) and 1.3 (MySQL binlog.cc).
 */
#include "primary/internal.h"

static const char *const stage_names[] = {
    [STAGE_PIECES] = "pieces",
    [STAGE_STORE] = "store",
    [STAGE_END] = "idle",
    [STAGE_PREPARE] = "prepare",
    [STAGE_QUEUE] = "queue",
    [STAGE_RENDER] = "render",
    [STAGE_WRITE] = "write",
    [STAGE_SYNC] = "fsync",
    [STAGE_REGISTER] = "register",
    [STAGE_PUBLISH] = "publish",
    [STAGE_ROTATE] = "rotate",
    [STAGE_WAIT] = "wait",
    [STAGE_PASS] = "pass",
    [STAGE_COMMIT] = "commit",
    [STAGE_COMMIT_ALL] = "commit",
    [STAGE_JOIN_AFTER] = "wait",
    [STAGE_WAIT_ALL] = "wait",
    [STAGE_GROUP_FLUSH] = "flush",
    [STAGE_FLUSH] = "flush",
    [STAGE_WAIT_OWN] = "wait",
    [STAGE_UNLOCK] = "unlock",
    [STAGE_REPLY] = "reply",
    [STAGE_COMMIT_NEXT] = "commit",
    [STAGE_DISBAND] = "disband",
    [STAGE_COMMIT_OWN] = "commit",
    [STAGE_EXECUTE] = "execute",
    [STAGE_RENDER_OWN] = "render",
    [STAGE_WAIT_DIRECT] = "wait",
    [STAGE_INSERT] = "insert",
    [STAGE_FLUSH_ALONE] = "flush",
    [STAGE_FLUSH_LOGS] = "rotate",
    [STAGE_ASK] = "ask",
    [STAGE_CHECKPOINT] = "checkpoint",
    [STAGE_DONE] = "done",
    [STAGE_ROTATE_LARGE] = "rotate",
    [STAGE_RENDER_END] = "render",
    [STAGE_DRAIN] = "rotate",
    [STAGE_PURGE] = "purge",
    [STAGE_PURGE_FLUSH] = "flush",
    [STAGE_PURGE_UNLINK] = "delete",
    [STAGE_RESET_OFF] = "disable",
    [STAGE_RESET_DRAIN] = "drain",
    [STAGE_RESET_FILES] = "reset",
    [STAGE_RESET_ON] = "enable",
};

static const struct row mariadb_after_sync[] = {
    {STAGE_PREPARE, LOCK_NONE},
    {STAGE_QUEUE, LOCK_NONE},
    {STAGE_WRITE, LOCK_LOG},
    {STAGE_SYNC, LOCK_LOG},
    {STAGE_REGISTER, LOCK_LOG},
    {STAGE_PUBLISH, LOCK_LOG},
    {STAGE_ROTATE, LOCK_LOG},
    {STAGE_WAIT, LOCK_AFTER_BINLOG_SYNC},
    {STAGE_COMMIT, LOCK_COMMIT_ORDERED},
    {STAGE_FLUSH, LOCK_NONE},
    {STAGE_UNLOCK, LOCK_NONE},
    {STAGE_REPLY, LOCK_NONE},
    {STAGE_END, LOCK_NONE},
};

static const struct row mariadb_after_commit[] = {
    {STAGE_PREPARE, LOCK_NONE},
    {STAGE_QUEUE, LOCK_NONE},
    {STAGE_WRITE, LOCK_LOG},
    {STAGE_SYNC, LOCK_LOG},
    {STAGE_REGISTER, LOCK_LOG},
    {STAGE_PUBLISH, LOCK_LOG},
    {STAGE_ROTATE, LOCK_LOG},
    {STAGE_PASS, LOCK_AFTER_BINLOG_SYNC},
    {STAGE_COMMIT, LOCK_COMMIT_ORDERED},
    {STAGE_FLUSH, LOCK_NONE},
    {STAGE_WAIT_OWN, LOCK_NONE},
    {STAGE_UNLOCK, LOCK_NONE},
    {STAGE_REPLY, LOCK_NONE},
    {STAGE_END, LOCK_NONE},
};

/* binlog_optimize_thread_scheduling=0: the lock goes from thread to thread with the turn. */
static const struct row mariadb_after_sync_own_threads[] = {
    {STAGE_PREPARE, LOCK_NONE},
    {STAGE_QUEUE, LOCK_NONE},
    {STAGE_WRITE, LOCK_LOG},
    {STAGE_SYNC, LOCK_LOG},
    {STAGE_REGISTER, LOCK_LOG},
    {STAGE_PUBLISH, LOCK_LOG},
    {STAGE_ROTATE, LOCK_LOG},
    {STAGE_WAIT, LOCK_AFTER_BINLOG_SYNC},
    {STAGE_COMMIT_NEXT, LOCK_COMMIT_ORDERED},
    {STAGE_FLUSH, LOCK_NONE},
    {STAGE_UNLOCK, LOCK_NONE},
    {STAGE_REPLY, LOCK_NONE},
    {STAGE_END, LOCK_NONE},
};

static const struct row mariadb_after_commit_own_threads[] = {
    {STAGE_PREPARE, LOCK_NONE},
    {STAGE_QUEUE, LOCK_NONE},
    {STAGE_WRITE, LOCK_LOG},
    {STAGE_SYNC, LOCK_LOG},
    {STAGE_REGISTER, LOCK_LOG},
    {STAGE_PUBLISH, LOCK_LOG},
    {STAGE_ROTATE, LOCK_LOG},
    {STAGE_PASS, LOCK_AFTER_BINLOG_SYNC},
    {STAGE_COMMIT_NEXT, LOCK_COMMIT_ORDERED},
    {STAGE_FLUSH, LOCK_NONE},
    {STAGE_WAIT_OWN, LOCK_NONE},
    {STAGE_UNLOCK, LOCK_NONE},
    {STAGE_REPLY, LOCK_NONE},
    {STAGE_END, LOCK_NONE},
};

/* MDEV-34705: the events travel before they are written. LOCK_log is held over the wait, because
 * the positions behind the group are not free before it is written; dump threads do not need it. */
static const struct row mariadb_before_write[] = {
    {STAGE_PREPARE, LOCK_NONE},
    {STAGE_QUEUE, LOCK_NONE},
    {STAGE_RENDER, LOCK_LOG},
    {STAGE_REGISTER, LOCK_LOG},
    {STAGE_PUBLISH, LOCK_LOG},
    {STAGE_WAIT, LOCK_LOG},
    {STAGE_WRITE, LOCK_LOG},
    {STAGE_SYNC, LOCK_LOG},
    {STAGE_ROTATE, LOCK_LOG},
    {STAGE_PASS, LOCK_AFTER_BINLOG_SYNC},
    {STAGE_COMMIT, LOCK_COMMIT_ORDERED},
    {STAGE_FLUSH, LOCK_NONE},
    {STAGE_REPLY, LOCK_NONE},
    {STAGE_END, LOCK_NONE},
};

/* MySQL 5.7 and later with sync_binlog=1: published in the SYNC stage, behind the fsync. */
static const struct row mysql_late_after_sync[] = {
    {STAGE_PREPARE, LOCK_NONE},        {STAGE_QUEUE, LOCK_NONE},
    {STAGE_WRITE, LOCK_LOG},           {STAGE_REGISTER, LOCK_LOG},
    {STAGE_SYNC, LOCK_SYNC},           {STAGE_PUBLISH, LOCK_SYNC},
    {STAGE_WAIT, LOCK_COMMIT_ORDERED}, {STAGE_COMMIT_ALL, LOCK_COMMIT_ORDERED},
    {STAGE_DISBAND, LOCK_NONE},        {STAGE_UNLOCK, LOCK_NONE},
    {STAGE_REPLY, LOCK_NONE},          {STAGE_END, LOCK_NONE},
};

static const struct row mysql_late_after_commit[] = {
    {STAGE_PREPARE, LOCK_NONE},
    {STAGE_QUEUE, LOCK_NONE},
    {STAGE_WRITE, LOCK_LOG},
    {STAGE_REGISTER, LOCK_LOG},
    {STAGE_SYNC, LOCK_SYNC},
    {STAGE_PUBLISH, LOCK_SYNC},
    {STAGE_COMMIT_ALL, LOCK_COMMIT_ORDERED},
    {STAGE_WAIT_ALL, LOCK_NONE},
    {STAGE_DISBAND, LOCK_NONE},
    {STAGE_UNLOCK, LOCK_NONE},
    {STAGE_REPLY, LOCK_NONE},
    {STAGE_END, LOCK_NONE},
};

/* MySQL 8.0: LOCK_after_commit is a stage with a queue of its own. */
static const struct row mysql_late_after_commit_in_turn[] = {
    {STAGE_PREPARE, LOCK_NONE},
    {STAGE_QUEUE, LOCK_NONE},
    {STAGE_WRITE, LOCK_LOG},
    {STAGE_REGISTER, LOCK_LOG},
    {STAGE_SYNC, LOCK_SYNC},
    {STAGE_PUBLISH, LOCK_SYNC},
    {STAGE_COMMIT_ALL, LOCK_COMMIT_ORDERED},
    {STAGE_JOIN_AFTER, LOCK_COMMIT_ORDERED},
    {STAGE_PASS, LOCK_NONE},
    {STAGE_WAIT_ALL, LOCK_AFTER_COMMIT},
    {STAGE_DISBAND, LOCK_NONE},
    {STAGE_UNLOCK, LOCK_NONE},
    {STAGE_REPLY, LOCK_NONE},
    {STAGE_END, LOCK_NONE},
};

/* MySQL 5.6 always, later with sync_binlog != 1: published in the FLUSH stage, before any fsync
 * (bug 70669). */
static const struct row mysql_early_after_sync[] = {
    {STAGE_PREPARE, LOCK_NONE},        {STAGE_QUEUE, LOCK_NONE},
    {STAGE_WRITE, LOCK_LOG},           {STAGE_REGISTER, LOCK_LOG},
    {STAGE_PUBLISH, LOCK_LOG},         {STAGE_SYNC, LOCK_SYNC},
    {STAGE_WAIT, LOCK_COMMIT_ORDERED}, {STAGE_COMMIT_ALL, LOCK_COMMIT_ORDERED},
    {STAGE_DISBAND, LOCK_NONE},        {STAGE_UNLOCK, LOCK_NONE},
    {STAGE_REPLY, LOCK_NONE},          {STAGE_END, LOCK_NONE},
};

static const struct row mysql_early_after_commit[] = {
    {STAGE_PREPARE, LOCK_NONE},
    {STAGE_QUEUE, LOCK_NONE},
    {STAGE_WRITE, LOCK_LOG},
    {STAGE_REGISTER, LOCK_LOG},
    {STAGE_PUBLISH, LOCK_LOG},
    {STAGE_SYNC, LOCK_SYNC},
    {STAGE_COMMIT_ALL, LOCK_COMMIT_ORDERED},
    {STAGE_WAIT_ALL, LOCK_NONE},
    {STAGE_DISBAND, LOCK_NONE},
    {STAGE_UNLOCK, LOCK_NONE},
    {STAGE_REPLY, LOCK_NONE},
    {STAGE_END, LOCK_NONE},
};

static const struct row mysql_early_after_commit_in_turn[] = {
    {STAGE_PREPARE, LOCK_NONE},
    {STAGE_QUEUE, LOCK_NONE},
    {STAGE_WRITE, LOCK_LOG},
    {STAGE_REGISTER, LOCK_LOG},
    {STAGE_PUBLISH, LOCK_LOG},
    {STAGE_SYNC, LOCK_SYNC},
    {STAGE_COMMIT_ALL, LOCK_COMMIT_ORDERED},
    {STAGE_JOIN_AFTER, LOCK_COMMIT_ORDERED},
    {STAGE_PASS, LOCK_NONE},
    {STAGE_WAIT_ALL, LOCK_AFTER_COMMIT},
    {STAGE_DISBAND, LOCK_NONE},
    {STAGE_UNLOCK, LOCK_NONE},
    {STAGE_REPLY, LOCK_NONE},
    {STAGE_END, LOCK_NONE},
};

/* binlog_order_commits=0: no COMMIT stage. The leader waits for the group without a lock and lets
 * everybody go. */
static const struct row mysql_late_after_sync_unordered[] = {
    {STAGE_PREPARE, LOCK_NONE}, {STAGE_QUEUE, LOCK_NONE},   {STAGE_WRITE, LOCK_LOG},
    {STAGE_REGISTER, LOCK_LOG}, {STAGE_SYNC, LOCK_SYNC},    {STAGE_PUBLISH, LOCK_SYNC},
    {STAGE_WAIT, LOCK_NONE},    {STAGE_DISBAND, LOCK_NONE}, {STAGE_COMMIT_OWN, LOCK_NONE},
    {STAGE_FLUSH, LOCK_NONE},   {STAGE_UNLOCK, LOCK_NONE},  {STAGE_REPLY, LOCK_NONE},
    {STAGE_END, LOCK_NONE},
};

static const struct row mysql_late_after_commit_unordered[] = {
    {STAGE_PREPARE, LOCK_NONE},  {STAGE_QUEUE, LOCK_NONE},      {STAGE_WRITE, LOCK_LOG},
    {STAGE_REGISTER, LOCK_LOG},  {STAGE_SYNC, LOCK_SYNC},       {STAGE_PUBLISH, LOCK_SYNC},
    {STAGE_DISBAND, LOCK_NONE},  {STAGE_COMMIT_OWN, LOCK_NONE}, {STAGE_FLUSH, LOCK_NONE},
    {STAGE_WAIT_OWN, LOCK_NONE}, {STAGE_UNLOCK, LOCK_NONE},     {STAGE_REPLY, LOCK_NONE},
    {STAGE_END, LOCK_NONE},
};

static const struct row mysql_early_after_sync_unordered[] = {
    {STAGE_PREPARE, LOCK_NONE}, {STAGE_QUEUE, LOCK_NONE},   {STAGE_WRITE, LOCK_LOG},
    {STAGE_REGISTER, LOCK_LOG}, {STAGE_PUBLISH, LOCK_LOG},  {STAGE_SYNC, LOCK_SYNC},
    {STAGE_WAIT, LOCK_NONE},    {STAGE_DISBAND, LOCK_NONE}, {STAGE_COMMIT_OWN, LOCK_NONE},
    {STAGE_FLUSH, LOCK_NONE},   {STAGE_UNLOCK, LOCK_NONE},  {STAGE_REPLY, LOCK_NONE},
    {STAGE_END, LOCK_NONE},
};

static const struct row mysql_early_after_commit_unordered[] = {
    {STAGE_PREPARE, LOCK_NONE},  {STAGE_QUEUE, LOCK_NONE},      {STAGE_WRITE, LOCK_LOG},
    {STAGE_REGISTER, LOCK_LOG},  {STAGE_PUBLISH, LOCK_LOG},     {STAGE_SYNC, LOCK_SYNC},
    {STAGE_DISBAND, LOCK_NONE},  {STAGE_COMMIT_OWN, LOCK_NONE}, {STAGE_FLUSH, LOCK_NONE},
    {STAGE_WAIT_OWN, LOCK_NONE}, {STAGE_UNLOCK, LOCK_NONE},     {STAGE_REPLY, LOCK_NONE},
    {STAGE_END, LOCK_NONE},
};

/* The binlog was closed (binlog_error_action=IGNORE_ERROR): InnoDB alone, one phase. */
static const struct row unlogged[] = {
    {STAGE_INSERT, LOCK_NONE}, {STAGE_COMMIT_OWN, LOCK_NONE}, {STAGE_FLUSH_ALONE, LOCK_NONE},
    {STAGE_REPLY, LOCK_NONE},  {STAGE_END, LOCK_NONE},
};

/* Commit by rotate (MDEV-32014, facts 1.2b): the group stands in a file of its own before its end
 * event makes it one. From there on it is a commit group with one member. */
static const struct row large_after_sync[] = {
    {STAGE_PREPARE, LOCK_NONE},
    {STAGE_ROTATE_LARGE, LOCK_LOG},
    {STAGE_RENDER_END, LOCK_LOG},
    {STAGE_WRITE, LOCK_LOG},
    {STAGE_SYNC, LOCK_LOG},
    {STAGE_REGISTER, LOCK_LOG},
    {STAGE_PUBLISH, LOCK_LOG},
    {STAGE_ROTATE, LOCK_LOG},
    {STAGE_WAIT, LOCK_AFTER_BINLOG_SYNC},
    {STAGE_COMMIT, LOCK_COMMIT_ORDERED},
    {STAGE_FLUSH, LOCK_NONE},
    {STAGE_REPLY, LOCK_NONE},
    {STAGE_END, LOCK_NONE},
};

static const struct row large_after_commit[] = {
    {STAGE_PREPARE, LOCK_NONE},
    {STAGE_ROTATE_LARGE, LOCK_LOG},
    {STAGE_RENDER_END, LOCK_LOG},
    {STAGE_WRITE, LOCK_LOG},
    {STAGE_SYNC, LOCK_LOG},
    {STAGE_REGISTER, LOCK_LOG},
    {STAGE_PUBLISH, LOCK_LOG},
    {STAGE_ROTATE, LOCK_LOG},
    {STAGE_PASS, LOCK_AFTER_BINLOG_SYNC},
    {STAGE_COMMIT, LOCK_COMMIT_ORDERED},
    {STAGE_FLUSH, LOCK_NONE},
    {STAGE_WAIT_OWN, LOCK_NONE},
    {STAGE_REPLY, LOCK_NONE},
    {STAGE_END, LOCK_NONE},
};

/* MYSQL_BIN_LOG::write: DDL takes the same locks in the same order, but does not queue. */
static const struct row direct_after_sync[] = {
    {STAGE_EXECUTE, LOCK_NONE},
    {STAGE_RENDER_OWN, LOCK_LOG},
    {STAGE_WRITE, LOCK_LOG},
    {STAGE_SYNC, LOCK_LOG},
    {STAGE_REGISTER, LOCK_LOG},
    {STAGE_PUBLISH, LOCK_LOG},
    {STAGE_ROTATE, LOCK_LOG},
    {STAGE_WAIT_DIRECT, LOCK_AFTER_BINLOG_SYNC},
    {STAGE_COMMIT_OWN, LOCK_COMMIT_ORDERED},
    {STAGE_UNLOCK, LOCK_NONE},
    {STAGE_REPLY, LOCK_NONE},
    {STAGE_END, LOCK_NONE},
};

static const struct row direct_after_commit[] = {
    {STAGE_EXECUTE, LOCK_NONE},
    {STAGE_RENDER_OWN, LOCK_LOG},
    {STAGE_WRITE, LOCK_LOG},
    {STAGE_SYNC, LOCK_LOG},
    {STAGE_REGISTER, LOCK_LOG},
    {STAGE_PUBLISH, LOCK_LOG},
    {STAGE_ROTATE, LOCK_LOG},
    {STAGE_PASS, LOCK_AFTER_BINLOG_SYNC},
    {STAGE_COMMIT_OWN, LOCK_COMMIT_ORDERED},
    {STAGE_WAIT_OWN, LOCK_NONE},
    {STAGE_UNLOCK, LOCK_NONE},
    {STAGE_REPLY, LOCK_NONE},
    {STAGE_END, LOCK_NONE},
};

/* FLUSH BINARY LOGS walks the chain before it asks for a checkpoint: whoever was written to the old
 * file then has been through commit_ordered (MDEV-24526). */
static const struct row flush_logs[] = {
    {STAGE_FLUSH_LOGS, LOCK_LOG},
    {STAGE_PASS, LOCK_AFTER_BINLOG_SYNC},
    {STAGE_PASS, LOCK_COMMIT_ORDERED},
    {STAGE_ASK, LOCK_NONE},
    {STAGE_END, LOCK_NONE},
};

static const struct row flush_logs_unchained[] = {
    {STAGE_FLUSH_LOGS, LOCK_LOG},
    {STAGE_ASK, LOCK_NONE},
    {STAGE_END, LOCK_NONE},
};

static const struct row flush_logs_drained[] = {
    {STAGE_DRAIN, LOCK_LOG},
    {STAGE_DONE, LOCK_NONE},
    {STAGE_END, LOCK_NONE},
};

static const struct row rotate_last[] = {
    {STAGE_PASS, LOCK_NONE}, /* all that came before */
    {STAGE_DRAIN, LOCK_LOG},
    {STAGE_REPLY, LOCK_NONE},
    {STAGE_END, LOCK_NONE},
};

static const struct row checkpoint[] = {
    {STAGE_CHECKPOINT, LOCK_LOG},
    {STAGE_DONE, LOCK_NONE},
    {STAGE_END, LOCK_NONE},
};

static const struct row reset_master[] = {
    {STAGE_RESET_OFF, LOCK_NONE}, {STAGE_RESET_DRAIN, LOCK_LOG}, {STAGE_RESET_FILES, LOCK_LOG},
    {STAGE_RESET_ON, LOCK_NONE},  {STAGE_END, LOCK_NONE},
};

/* What is not a group commit. */
static const struct row *other_path(const struct env *env, uint32_t path)
{
    if (path == PATH_UNLOGGED)
        return unlogged;
    bool after_commit = env->set->wait_point == WAIT_AFTER_COMMIT;
    if (path == PATH_DIRECT)
        return after_commit ? direct_after_commit : direct_after_sync;
    if (path == PATH_LARGE)
        return after_commit ? large_after_commit : large_after_sync;
    if (path == PATH_CHECKPOINT)
        return checkpoint;
    if (path == PATH_ROTATE_LAST)
        return rotate_last;
    if (path == PATH_RESET_MASTER)
        return reset_master;
    assert(path == PATH_FLUSH_LOGS);
    if (env->set->profile->rotation_drains)
        return flush_logs_drained;
    return env->set->profile->flush_overtakes ? flush_logs_unchained : flush_logs;
}

static const struct row *mariadb(const struct server_settings *set)
{
    bool own = set->commit_order == ORDER_BY_OWN_THREADS;
    switch (set->wait_point) {
    case WAIT_AFTER_COMMIT:
        return own ? mariadb_after_commit_own_threads : mariadb_after_commit;
    case WAIT_BEFORE_WRITE:
        return mariadb_before_write;
    default:
        return own ? mariadb_after_sync_own_threads : mariadb_after_sync;
    }
}

/* [late][AFTER_COMMIT][unordered] */
static const struct row *const mysql_tables[2][2][2] = {
    {{mysql_early_after_sync, mysql_early_after_sync_unordered},
     {mysql_early_after_commit, mysql_early_after_commit_unordered}},
    {{mysql_late_after_sync, mysql_late_after_sync_unordered},
     {mysql_late_after_commit, mysql_late_after_commit_unordered}},
};

static const struct row *mysql(const struct server_settings *set)
{
    bool late = set->profile->publish == PUBLISH_IF_SYNC_1 && set->sync_binlog == 1;
    bool after_commit = set->wait_point == WAIT_AFTER_COMMIT;
    bool unordered = set->commit_order == ORDER_NONE;
    if (after_commit && !unordered && set->profile->after_commit_in_turn)
        return late ? mysql_late_after_commit_in_turn : mysql_early_after_commit_in_turn;
    return mysql_tables[late][after_commit][unordered];
}

const struct row *commit_pipeline(const struct env *env, uint32_t path)
{
    if (env->set->engine_binlog)
        return engine_pipeline(env->set, path);
    const struct server_settings *set = env->set;
    bool is_mariadb = set->profile->publish == PUBLISH_AFTER_SYNC_CALL;
    if (path == PATH_PLAIN)
        path = PATH_GROUP;
    if (path != PATH_GROUP && (path != PATH_DIRECT || is_mariadb))
        return other_path(env, path); /* MySQL's DDL queues like a transaction */
    return is_mariadb ? mariadb(set) : mysql(set);
}

const char *primary_stage_name(const struct env *env, const struct committer *c)
{
    if (c->state == COMMITTER_IDLE)
        return "idle";
    const struct row *row = &commit_pipeline(env, c->path)[c->row];
    if (row->stage == STAGE_UNLOCK && c->path != PATH_PLAIN && c->path != PATH_DIRECT)
        row++; /* it has nothing to do there */
    return stage_names[row->stage];
}

const char *primary_wanted_lock(const struct env *env, const struct committer *c)
{
    assert(c->state == COMMITTER_LOCK);
    return primary_lock_name(commit_pipeline(env, c->path)[c->row].lock);
}

const char *primary_lock_name(uint32_t lock)
{
    static const char *const names[COMMIT_LOCKS] = {
        [LOCK_NONE] = "no lock",
        [LOCK_LOG] = "LOCK_log",
        [LOCK_AFTER_BINLOG_SYNC] = "LOCK_after_binlog_sync",
        [LOCK_SYNC] = "LOCK_sync",
        [LOCK_COMMIT_ORDERED] = "LOCK_commit_ordered",
        [LOCK_AFTER_COMMIT] = "LOCK_after_commit",
    };
    assert(lock < COMMIT_LOCKS);
    return names[lock];
}

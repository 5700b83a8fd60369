/* The stages of a commit as tables, one per order of events that some server has.
 *
 * Beside facts 1.1 (MariaDB log.cc) and 1.3 (MySQL binlog.cc).
 */
#include "primary/internal.h"

static const char *const stage_names[] = {
    [STAGE_END] = "idle",          [STAGE_PREPARE] = "prepare", [STAGE_QUEUE] = "queue",
    [STAGE_RENDER] = "render",     [STAGE_WRITE] = "write",     [STAGE_SYNC] = "fsync",
    [STAGE_REGISTER] = "register", [STAGE_PUBLISH] = "publish", [STAGE_ROTATE] = "rotate",
    [STAGE_WAIT] = "wait",         [STAGE_PASS] = "pass",       [STAGE_COMMIT] = "commit",
    [STAGE_FLUSH] = "flush",       [STAGE_WAIT_OWN] = "wait",   [STAGE_REPLY] = "reply",
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
    {STAGE_PREPARE, LOCK_NONE},
    {STAGE_QUEUE, LOCK_NONE},
    {STAGE_WRITE, LOCK_LOG},
    {STAGE_REGISTER, LOCK_LOG},
    {STAGE_SYNC, LOCK_SYNC},
    {STAGE_PUBLISH, LOCK_SYNC},
    {STAGE_WAIT, LOCK_COMMIT_ORDERED},
    {STAGE_COMMIT, LOCK_COMMIT_ORDERED},
    {STAGE_FLUSH, LOCK_NONE},
    {STAGE_REPLY, LOCK_NONE},
    {STAGE_END, LOCK_NONE},
};

static const struct row mysql_late_after_commit[] = {
    {STAGE_PREPARE, LOCK_NONE},
    {STAGE_QUEUE, LOCK_NONE},
    {STAGE_WRITE, LOCK_LOG},
    {STAGE_REGISTER, LOCK_LOG},
    {STAGE_SYNC, LOCK_SYNC},
    {STAGE_PUBLISH, LOCK_SYNC},
    {STAGE_COMMIT, LOCK_COMMIT_ORDERED},
    {STAGE_FLUSH, LOCK_NONE},
    {STAGE_WAIT_OWN, LOCK_NONE},
    {STAGE_REPLY, LOCK_NONE},
    {STAGE_END, LOCK_NONE},
};

/* MySQL 5.6 always, later with sync_binlog != 1: published in the FLUSH stage, before any fsync
 * (bug 70669). */
static const struct row mysql_early_after_sync[] = {
    {STAGE_PREPARE, LOCK_NONE},
    {STAGE_QUEUE, LOCK_NONE},
    {STAGE_WRITE, LOCK_LOG},
    {STAGE_REGISTER, LOCK_LOG},
    {STAGE_PUBLISH, LOCK_LOG},
    {STAGE_SYNC, LOCK_SYNC},
    {STAGE_WAIT, LOCK_COMMIT_ORDERED},
    {STAGE_COMMIT, LOCK_COMMIT_ORDERED},
    {STAGE_FLUSH, LOCK_NONE},
    {STAGE_REPLY, LOCK_NONE},
    {STAGE_END, LOCK_NONE},
};

static const struct row mysql_early_after_commit[] = {
    {STAGE_PREPARE, LOCK_NONE},
    {STAGE_QUEUE, LOCK_NONE},
    {STAGE_WRITE, LOCK_LOG},
    {STAGE_REGISTER, LOCK_LOG},
    {STAGE_PUBLISH, LOCK_LOG},
    {STAGE_SYNC, LOCK_SYNC},
    {STAGE_COMMIT, LOCK_COMMIT_ORDERED},
    {STAGE_FLUSH, LOCK_NONE},
    {STAGE_WAIT_OWN, LOCK_NONE},
    {STAGE_REPLY, LOCK_NONE},
    {STAGE_END, LOCK_NONE},
};

const struct row *commit_pipeline(const struct env *env)
{
    bool after_commit = env->set->wait_point == WAIT_AFTER_COMMIT;
    switch (env->set->profile->publish) {
    case PUBLISH_AFTER_SYNC_CALL:
        if (env->set->wait_point == WAIT_BEFORE_WRITE)
            return mariadb_before_write;
        return after_commit ? mariadb_after_commit : mariadb_after_sync;
    case PUBLISH_IF_SYNC_1:
        if (env->set->sync_binlog == 1)
            return after_commit ? mysql_late_after_commit : mysql_late_after_sync;
        break;
    case PUBLISH_BEFORE_SYNC:
        break;
    }
    return after_commit ? mysql_early_after_commit : mysql_early_after_sync;
}

const char *primary_stage_name(const struct env *env, const struct committer *c)
{
    return c->state == COMMITTER_IDLE ? "idle" : stage_names[commit_pipeline(env)[c->row].stage];
}

const char *primary_lock_name(uint32_t lock)
{
    static const char *const names[COMMIT_LOCKS] = {
        [LOCK_NONE] = "no lock",
        [LOCK_LOG] = "LOCK_log",
        [LOCK_AFTER_BINLOG_SYNC] = "LOCK_after_binlog_sync",
        [LOCK_SYNC] = "LOCK_sync",
        [LOCK_COMMIT_ORDERED] = "LOCK_commit_ordered",
    };
    assert(lock < COMMIT_LOCKS);
    return names[lock];
}

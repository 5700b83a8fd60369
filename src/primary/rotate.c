/* Rotation: a new binlog file takes the place of the current one (facts 1.2).
 *
 *   1. The old file ends in a ROTATE event and is fsynced, whatever sync_binlog says.
 *   2. The new file is created: FORMAT_DESCRIPTION (IN_USE), GTID_LIST, BINLOG_CHECKPOINT; fsynced.
 *   3. Its name is added to the index, which is fsynced. From now on it is the current file.
 *   4. IN_USE of the old file is cleared. Only now: a crash before would otherwise leave a last
 *      file that nobody searches for transactions in doubt (MDEV-342). No fsync follows, since only
 *      the flag of the last file in the index is ever looked at.
 *
 * It happens under LOCK_log, so nothing is written to a binlog meanwhile; dump threads go on
 * reading. It does not wait for prepared transactions: the BINLOG_CHECKPOINT in the head of the new
 * file names the oldest file that may hold one whose commit record is not durable (MDEV-181).
 *
 * A server names the file that it is about to create in a "purge index" first, so that a start can
 * delete a file that never got into the index. That file is not modelled: a start deletes every
 * binlog that the index does not name, which comes to the same.
 */
#include "primary/internal.h"

enum { INDEX_LINE_MAX = BINLOG_NAME_MAX + 1, HEAD_MAX = 1024 };

static const struct file_id index_file = {.kind = FILE_BINLOG_INDEX, .num = 1};

static struct file_id file_of(uint32_t num)
{
    assert(num >= 1 && num <= UINT8_MAX);
    return (struct file_id){.kind = FILE_BINLOG, .num = (uint8_t)num};
}

/* ---- the index ------------------------------------------------------------------------------ */

void binlog_index_read(const struct ctx *c, struct binlog_index *index)
{
    const struct file_view *f = view_find(c->env->disk, index_file);
    char line[INDEX_LINE_MAX];
    uint32_t len = 0;
    memset(index, 0, sizeof *index);
    for (uint32_t i = 0; f != NULL && i < f->len; i++) {
        if (f->bytes[i] != '\n') {
            if (len + 1 < sizeof line)
                line[len++] = (char)f->bytes[i];
            continue;
        }
        line[len] = '\0';
        len = 0;
        uint32_t num = binlog_name_num(line);
        if (num == 0 || num > UINT8_MAX || index->n == FILES_MAX)
            return; /* what is behind a line that makes no sense is not read */
        index->num[index->n++] = (uint8_t)num;
    }
}

static void index_add(const struct ctx *c, uint32_t task, uint32_t num)
{
    const struct file_view *f = view_find(c->env->disk, index_file);
    char line[INDEX_LINE_MAX];
    binlog_name(line, num);
    uint32_t len = (uint32_t)strlen(line);
    line[len++] = '\n';
    if (f == NULL)
        act_create(c->out, task, index_file);
    act_write(c->out, task, index_file, f != NULL ? f->len : 0, (const uint8_t *)line, len);
    act_fsync(c->out, task, index_file);
}

bool binlog_index_cut(const struct ctx *c, uint32_t task, uint32_t last)
{
    struct binlog_index index;
    char line[INDEX_LINE_MAX];
    uint32_t keep = 0;
    binlog_index_read(c, &index);
    if (index.n == 0 || index.num[index.n - 1] <= last)
        return false;
    for (uint32_t i = 0; i < index.n && index.num[i] <= last; i++) {
        binlog_name(line, index.num[i]);
        keep += (uint32_t)strlen(line) + 1;
    }
    act_truncate(c->out, task, index_file, keep);
    act_fsync(c->out, task, index_file);
    return true;
}

/* ---- the steps ------------------------------------------------------------------------------ */

static uint8_t next_num(const struct ctx *c)
{
    assert(c->p->binlog.num < UINT8_MAX);
    return (uint8_t)(c->p->binlog.num + 1);
}

void rotate_clear_in_use(const struct ctx *c, uint32_t task, uint32_t num)
{
    static const uint8_t clear[2] = {0, 0};
    act_write(c->out, task, file_of(num), IN_USE_FLAGS_OFFSET, clear, sizeof clear);
}

static void close_file(const struct ctx *c, uint32_t task)
{
    struct binlog *b = &c->p->binlog;
    uint8_t bytes[HEAD_MAX];
    struct writer w = writer_over(bytes, sizeof bytes);
    struct event_ctx x = {.timestamp = EVENT_TIMESTAMP,
                          .server_id = c->env->set->server_id,
                          .start = b->len + b->cached};
    char name[BINLOG_NAME_MAX];
    binlog_name(name, next_num(c));
    encode_rotate(&w, &x, name, BINLOG_MAGIC_LEN);
    assert(!w.failed);
    binlog_write_kept(c, task);
    act_write(c->out, task, file_of(b->num), x.start, bytes, w.len);
    if (c->env->set->profile->clears_in_use_early)
        rotate_clear_in_use(c, task, b->num);
    act_fsync(c->out, task, file_of(b->num));
    b->rotation = ROTATION_CLOSE;
}

static void create_file(const struct ctx *c, uint32_t task)
{
    struct binlog *b = &c->p->binlog;
    uint8_t head[HEAD_MAX];
    struct writer w = writer_over(head, sizeof head);
    struct event_ctx x = {.timestamp = EVENT_TIMESTAMP, .server_id = c->env->set->server_id};
    char name[BINLOG_NAME_MAX];
    const struct file_id id = file_of(next_num(c));
    bool first = b->oldest == 0 || c->env->set->profile->rotation_drains ||
                 c->env->set->profile->forgets_old_binlogs;
    binlog_name(name, first ? id.num : b->oldest);
    encode_magic(&w);
    x.start = w.len;
    x.flags = EVENT_FLAG_IN_USE;
    encode_format_description(&w, &x, c->env->set->profile->version);
    x.flags = 0;
    x.start = w.len;
    encode_gtid_list(&w, &x, &b->state);
    x.start = w.len;
    encode_binlog_checkpoint(&w, &x, name);
    /* MDEV-32014: the cache of a large transaction becomes the file, by a rename. A file that is
     * not in the index is deleted at a start, so writing it in place comes to the same. */
    if (task < COMMITTERS && c->p->by[task].path == PATH_LARGE)
        binlog_render_body(c, &c->p->by[task], &w);
    assert(!w.failed);
    act_create(c->out, task, id);
    act_write(c->out, task, id, 0, head, w.len);
    act_fsync(c->out, task, id);
    b->rotation = ROTATION_CREATE;
}

/* The new file is the current one; dump threads find their way to it. */
static void switch_over(const struct ctx *c)
{
    struct binlog *b = &c->p->binlog;
    b->num = next_num(c);
    binlog_drop_cache(b);
    const struct file_view *f = view_find(c->env->disk, file_of(b->num));
    assert(f != NULL);
    b->len = f->len;
    struct gtid_state before;
    bool in_use = false;
    uint32_t head =
        binlog_head(f, &in_use, &before); /* of a large group no more is published yet */
    if (b->oldest == 0 || c->env->set->profile->rotation_drains) {
        b->oldest = b->num;
        memset(b->life, 0, sizeof b->life);
    }
    binlog_publish(c, log_pos(b->num, head));
}

bool rotate_due(const struct ctx *c)
{
    uint32_t max = c->env->set->max_binlog_size;
    return max != 0 && !c->p->binlog.closed && c->p->binlog.len >= max &&
           checkpoint_has_room(&c->p->binlog);
}

void rotate_start(const struct ctx *c, uint32_t task)
{
    assert(c->p->binlog.rotation == ROTATION_NONE);
    close_file(c, task);
}

void rotate_first(const struct ctx *c, uint32_t task)
{
    assert(c->p->binlog.rotation == ROTATION_NONE && c->p->binlog.oldest == 0);
    create_file(c, task);
}

bool rotate_go_on(const struct ctx *c, uint32_t task)
{
    struct binlog *b = &c->p->binlog;
    switch (b->rotation) {
    case ROTATION_CLOSE:
        create_file(c, task);
        return false;
    case ROTATION_CREATE:
        index_add(c, task, next_num(c));
        b->rotation = ROTATION_INDEX;
        return false;
    case ROTATION_INDEX:
        switch_over(c);
        if (task == TASK_BOOT || b->num == 1)
            break; /* a start has closed nothing, nor has RESET MASTER */
        if (c->env->set->profile->clears_in_use_early)
            break;
        rotate_clear_in_use(c, task, b->num - 1u);
        b->rotation = ROTATION_CLEAR;
        return false;
    default:
        break;
    }
    b->rotation = ROTATION_NONE;
    return true;
}

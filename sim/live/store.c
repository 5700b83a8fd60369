#include "sim/live/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ADOPTED_MAX = 1 << 22 }; /* bytes; a case writes a few hundred */

static void job_go(struct store_job *j);

void store_path(const char *folder, struct file_id id, char path[STORE_PATH_MAX])
{
    static const char *const kind_name[] = {"none", "redo", "binlog", "relay", "backup"};
    int n;

    assert(folder != NULL && id.kind < sizeof kind_name / sizeof kind_name[0]);
    n = snprintf(path, STORE_PATH_MAX, "%s/%s.%06u", folder, kind_name[id.kind], id.num);
    assert(n > 0 && n < STORE_PATH_MAX);
    (void)n;
}

bool store_is_disk_action(const struct action *a)
{
    return a->kind == ACT_WRITE || a->kind == ACT_TRUNCATE || a->kind == ACT_CREATE ||
           a->kind == ACT_UNLINK || a->kind == ACT_FSYNC;
}

static struct store_file *find(struct store *s, struct file_id id)
{
    for (uint32_t i = 0; i < FILES_MAX; i++) {
        if (s->file[i].id.kind == id.kind && s->file[i].id.num == id.num) {
            return &s->file[i];
        }
    }
    return NULL;
}

bool store_busy(const struct store *s)
{
    for (uint32_t i = 0; i < STORE_JOBS; i++) {
        if (s->job[i].active) {
            return true;
        }
    }
    return false;
}

void store_lie(struct store *s)
{
    s->lies = true;
}

bool store_durable(const struct store *s)
{
    assert(s != NULL);
    for (uint32_t i = 0; i < FILES_MAX; i++) {
        if (s->file[i].id.kind != FILE_NONE && (s->file[i].unsynced || s->file[i].entry_unsynced)) {
            return false;
        }
    }
    return true;
}

static bool before(const struct file_view *a, const struct file_view *b)
{
    return a->id.kind != b->id.kind ? a->id.kind < b->id.kind : a->id.num < b->id.num;
}

void store_view(const struct store *s, struct disk_view *v)
{
    assert(s != NULL && v != NULL);
    v->n = 0;
    for (uint32_t i = 0; i < FILES_MAX; i++) {
        const struct store_file *f = &s->file[i];
        struct file_view one = {.id = f->id, .len = f->len, .bytes = f->bytes};
        uint32_t at;

        if (f->id.kind == FILE_NONE) {
            continue;
        }
        for (at = v->n; at > 0 && before(&one, &v->at[at - 1]); at--) {
            v->at[at] = v->at[at - 1];
        }
        v->at[at] = one;
        v->n++;
    }
}

/* ---- what an action does to the mirror ------------------------------------------------------- */

static void mirror_size(struct store_file *f, uint32_t len)
{
    if (len > f->cap) {
        uint32_t cap = len < 4096 ? 4096 : len * 2;
        uint8_t *more = realloc(f->bytes, cap);

        assert(more != NULL);
        f->bytes = more;
        f->cap = cap;
    }
    if (len > f->len) {
        memset(f->bytes + f->len, 0, len - f->len);
    }
    f->len = len;
}

static void forget(struct store_file *f)
{
    free(f->bytes);
    memset(f, 0, sizeof *f);
    f->fd = -1;
}

static void created(struct store *s, struct file_id id, uv_file fd)
{
    static const struct file_id none = {FILE_NONE, 0};
    struct store_file *f = find(s, none);

    assert(f != NULL); /* FILES_MAX is the core's own bound */
    memset(f, 0, sizeof *f);
    f->id = id;
    f->fd = fd;
    f->unsynced = true;
    f->entry_unsynced = true;
    mirror_size(f, 0);
}

/* ---- taking over ---------------------------------------------------------------------------- */

/* The relay log `num` of an earlier process. 0 also where there is none. */
static int adopt(struct store *s, uint32_t num)
{
    struct file_id id = {.kind = FILE_RELAY, .num = (uint8_t)num};
    char path[STORE_PATH_MAX];
    struct stat st;
    struct store_file *f;
    int fd;

    store_path(s->folder, id, path);
    fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) {
        return errno == ENOENT ? 0 : -errno;
    }
    if (fstat(fd, &st) != 0 || st.st_size > ADOPTED_MAX) {
        (void)close(fd);
        return -EFBIG;
    }
    created(s, id, fd);
    f = find(s, id);
    mirror_size(f, (uint32_t)st.st_size);
    for (uint32_t at = 0; at < f->len;) {
        ssize_t n = pread(fd, f->bytes + at, f->len - at, at);

        if (n <= 0) {
            return -EIO; /* store_close closes it */
        }
        at += (uint32_t)n;
    }
    return 0;
}

int store_open(struct store *s, uv_loop_t *loop, const char *folder)
{
    int rc = 0;

    assert(s != NULL && loop != NULL && folder != NULL);
    assert(strlen(folder) < sizeof s->folder - 32);
    memset(s, 0, sizeof *s);
    s->loop = loop;
    (void)snprintf(s->folder, sizeof s->folder, "%s", folder);
    if (mkdir(folder, 0700) != 0 && errno != EEXIST) {
        s->folder_fd = -1;
        return -errno;
    }
    s->folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (s->folder_fd < 0) {
        return -errno;
    }
    for (uint32_t num = 1; rc == 0 && num <= FILES_MAX; num++) {
        rc = adopt(s, num);
    }
    return rc;
}

/* ---- jobs ----------------------------------------------------------------------------------- */

static void job_end(struct store_job *j, enum io_result result)
{
    uint32_t task = j->task;
    struct store *s = j->store;

    j->active = false;
    s->done(s->arg, task, result);
}

/* Takes over what the finished request did. Returns true where the action needs another request. */
static bool job_apply(struct store_job *j, const struct action *a, ssize_t result)
{
    struct store *s = j->store;
    struct store_file *f = a->kind == ACT_CREATE ? NULL : find(s, a->file);

    switch (a->kind) {
    case ACT_CREATE:
        created(s, a->file, (uv_file)result);
        return false;
    case ACT_WRITE:
        if (a->off + j->written + (uint32_t)result > f->len) {
            mirror_size(f, a->off + j->written + (uint32_t)result);
        }
        memcpy(f->bytes + a->off + j->written, j->list.bytes + a->at + j->written, (size_t)result);
        j->written += (uint32_t)result;
        f->unsynced = true;
        return j->written < a->len; /* a short write: go on with the rest */
    case ACT_TRUNCATE:
        mirror_size(f, a->off);
        f->durable = f->durable < a->off ? f->durable : a->off;
        f->unsynced = true;
        return false;
    case ACT_UNLINK:
        (void)close(f->fd);
        forget(f);
        return false;
    default:
        assert(a->kind == ACT_FSYNC);
        if (j->syncing_folder || !f->entry_unsynced) {
            assert(!s->lies || !f->entry_unsynced); /* its name would be claimed as well */
            f->unsynced = false;
            f->entry_unsynced = false;
            f->durable = s->lies ? f->durable : f->len;
            s->lies = false;
            s->fsyncs++;
            j->syncing_folder = false;
            return false;
        }
        j->syncing_folder = true;
        return true;
    }
}

static void on_request(uv_fs_t *request)
{
    struct store_job *j = request->data;
    ssize_t result = request->result;
    const struct action *a = &j->list.at[j->next];

    uv_fs_req_cleanup(request);
    if (result < 0) {
        job_end(j, result == UV_ENOSPC ? IO_ENOSPC : IO_EIO);
        return;
    }
    if (!job_apply(j, a, result)) {
        j->next++;
        j->written = 0;
    }
    job_go(j);
}

static int job_request(struct store_job *j, const struct action *a)
{
    struct store *s = j->store;
    struct store_file *f = a->kind == ACT_CREATE ? NULL : find(s, a->file);
    uv_buf_t buf;

    assert(a->kind == ACT_CREATE || f != NULL); /* the core must not touch what it never made */
    store_path(s->folder, a->file, j->path);
    switch (a->kind) {
    case ACT_CREATE:
        return uv_fs_open(s->loop, &j->request, j->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC,
                          0600, on_request);
    case ACT_WRITE:
        buf = uv_buf_init((char *)j->list.bytes + a->at + j->written, a->len - j->written);
        return uv_fs_write(s->loop, &j->request, f->fd, &buf, 1, (int64_t)a->off + j->written,
                           on_request);
    case ACT_TRUNCATE:
        return uv_fs_ftruncate(s->loop, &j->request, f->fd, a->off, on_request);
    case ACT_UNLINK:
        return uv_fs_unlink(s->loop, &j->request, j->path, on_request);
    default:
        return uv_fs_fsync(s->loop, &j->request, j->syncing_folder ? s->folder_fd : f->fd,
                           on_request);
    }
}

static void job_go(struct store_job *j)
{
    int rc;

    while (j->next < j->list.n && j->list.at[j->next].kind == ACT_WRITE &&
           j->list.at[j->next].len == 0) {
        j->next++;
    }
    if (j->next == j->list.n) {
        job_end(j, IO_OK);
        return;
    }
    j->request.data = j;
    rc = job_request(j, &j->list.at[j->next]);
    if (rc < 0) {
        job_end(j, IO_EIO);
    }
}

void store_submit(struct store *s, uint32_t task, const struct actions *list)
{
    struct store_job *j = NULL;

    assert(s != NULL && list != NULL && task < TASKS_MAX);
    for (uint32_t i = 0; i < STORE_JOBS; i++) {
        assert(!s->job[i].active || s->job[i].task != task); /* one list per task (core.h) */
        if (!s->job[i].active && j == NULL) {
            j = &s->job[i];
        }
    }
    assert(j != NULL);
    memset(j, 0, sizeof *j);
    j->store = s;
    j->active = true;
    j->task = (uint8_t)task;
    for (uint32_t i = 0; i < list->n; i++) {
        if (store_is_disk_action(&list->at[i]) && list->at[i].task == task) {
            j->list.at[j->list.n++] = list->at[i];
        }
    }
    assert(j->list.n > 0);
    memcpy(j->list.bytes, list->bytes, list->used);
    job_go(j);
}

static void ignore_done(void *arg, uint32_t task, enum io_result result)
{
    (void)arg;
    (void)task;
    (void)result;
}

void store_close(struct store *s)
{
    assert(s != NULL);
    s->done = ignore_done;
    while (store_busy(s)) {
        (void)uv_run(s->loop, UV_RUN_ONCE);
    }
    for (uint32_t i = 0; i < FILES_MAX; i++) {
        if (s->file[i].id.kind != FILE_NONE) {
            (void)close(s->file[i].fd);
            forget(&s->file[i]);
        }
    }
    if (s->folder_fd > 0) {
        (void)close(s->folder_fd);
    }
    s->folder_fd = -1;
}

static bool cut(const char *path, const struct store_file *f, uint32_t to, char *text, size_t cap)
{
    size_t n = strlen(text);
    const char *name = strrchr(path, '/');

    if (to == f->len && !f->entry_unsynced) {
        return true;
    }
    (void)snprintf(text + n, cap - n, "%s%s from %u to %u bytes", n > 0 ? ", " : "",
                   name == NULL ? path : name + 1, f->len, to);
    return f->entry_unsynced ? unlink(path) == 0 : truncate(path, (off_t)to) == 0;
}

bool store_lose_power(struct store *s, char *text, size_t cap)
{
    struct store_file was[FILES_MAX];
    bool good = true;

    assert(s != NULL && text != NULL && cap > 0);
    assert(!store_busy(s));
    memcpy(was, s->file, sizeof was);
    store_close(s);
    text[0] = '\0';
    for (uint32_t i = 0; i < FILES_MAX && good; i++) {
        char path[STORE_PATH_MAX];

        if (was[i].id.kind != FILE_NONE) {
            store_path(s->folder, was[i].id, path);
            good = cut(path, &was[i], was[i].entry_unsynced ? 0 : was[i].durable, text, cap);
        }
    }
    if (text[0] == '\0') {
        (void)snprintf(text, cap, "nothing");
    }
    return good;
}

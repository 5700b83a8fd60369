#include "core/core.h"

static const char name_stem[] = "binlog.";

enum { NAME_STEM_LEN = sizeof name_stem - 1, NAME_DIGITS_MIN = 6, NAME_DIGITS_MAX = 10 };

/* ---- disk view ------------------------------------------------------------------------------- */

static bool id_before(struct file_id a, struct file_id b)
{
    return a.kind != b.kind ? a.kind < b.kind : a.num < b.num;
}

const struct file_view *view_find(const struct disk_view *v, struct file_id id)
{
    assert(v != NULL && v->n <= FILES_MAX);
    assert(id.kind != FILE_NONE);
    for (uint32_t i = 0; i < v->n; i++) {
        assert(i == 0 || id_before(v->at[i - 1].id, v->at[i].id));
        if (!id_before(v->at[i].id, id)) {
            return id_before(id, v->at[i].id) ? NULL : &v->at[i];
        }
    }
    return NULL;
}

uint8_t view_first(const struct disk_view *v, enum file_kind kind)
{
    assert(v != NULL && v->n <= FILES_MAX);
    assert(kind != FILE_NONE);
    for (uint32_t i = 0; i < v->n; i++) {
        if (v->at[i].id.kind == kind) {
            assert(v->at[i].id.num > 0);
            return v->at[i].id.num;
        }
    }
    return 0;
}

uint8_t view_last(const struct disk_view *v, enum file_kind kind)
{
    assert(v != NULL && v->n <= FILES_MAX);
    assert(kind != FILE_NONE);
    uint8_t last = 0;
    for (uint32_t i = 0; i < v->n; i++) {
        if (v->at[i].id.kind == kind) {
            assert(v->at[i].id.num > last);
            last = v->at[i].id.num;
        }
    }
    return last;
}

/* ---- actions --------------------------------------------------------------------------------- */

struct action *act(struct actions *a, enum action_kind kind)
{
    assert(a != NULL);
    assert(a->n < ACTIONS_MAX);
    struct action *one = &a->at[a->n++];
    memset(one, 0, sizeof *one);
    one->kind = (uint8_t)kind;
    return one;
}

static struct action *act_on_file(struct actions *a, enum action_kind kind, uint32_t task,
                                  struct file_id file)
{
    assert(task < TASKS_MAX);
    assert(file.kind != FILE_NONE && file.num > 0);
    struct action *one = act(a, kind);
    one->task = (uint8_t)task;
    one->file = file;
    return one;
}

/* Takes the first len bytes of the room for the payload of an action. */
static void take_room(struct actions *a, struct action *one, uint32_t len)
{
    assert(len > 0);
    assert(a->used <= ACTION_BYTES_MAX && len <= ACTION_BYTES_MAX - a->used);
    one->at = a->used;
    one->len = len;
    a->used += len;
}

void act_wake(struct actions *a, uint32_t task)
{
    assert(task < TASKS_MAX);
    act(a, ACT_WAKE)->task = (uint8_t)task;
}

uint8_t *act_room(struct actions *a, uint32_t cap)
{
    assert(a != NULL);
    assert(a->used <= ACTION_BYTES_MAX && cap <= ACTION_BYTES_MAX - a->used);
    (void)cap;
    return a->bytes + a->used;
}

void act_write_done(struct actions *a, uint32_t task, struct file_id file, uint32_t off,
                    uint32_t len)
{
    struct action *one = act_on_file(a, ACT_WRITE, task, file);
    one->off = off;
    take_room(a, one, len);
}

void act_write(struct actions *a, uint32_t task, struct file_id file, uint32_t off,
               const uint8_t *bytes, uint32_t len)
{
    assert(bytes != NULL);
    memmove(act_room(a, len), bytes, len);
    act_write_done(a, task, file, off, len);
}

void act_fsync(struct actions *a, uint32_t task, struct file_id file)
{
    (void)act_on_file(a, ACT_FSYNC, task, file);
}

void act_create(struct actions *a, uint32_t task, struct file_id file)
{
    (void)act_on_file(a, ACT_CREATE, task, file);
}

void act_unlink(struct actions *a, uint32_t task, struct file_id file)
{
    (void)act_on_file(a, ACT_UNLINK, task, file);
}

void act_truncate(struct actions *a, uint32_t task, struct file_id file, uint32_t size)
{
    act_on_file(a, ACT_TRUNCATE, task, file)->off = size;
}

void act_send_done(struct actions *a, uint32_t peer, enum link link, uint32_t len)
{
    assert(peer < NODES_MAX);
    struct action *one = act(a, ACT_SEND);
    one->peer = (uint8_t)peer;
    one->link = (uint8_t)link;
    take_room(a, one, len);
}

void act_send(struct actions *a, uint32_t peer, enum link link, const uint8_t *bytes, uint32_t len)
{
    assert(bytes != NULL);
    memmove(act_room(a, len), bytes, len);
    act_send_done(a, peer, link, len);
}

void act_reply(struct actions *a, uint32_t task, uint32_t txn, enum client_result result)
{
    assert(task < TASK_SESSION + SESSIONS_MAX);
    assert(txn < TXNS_MAX);
    assert(result >= CLIENT_OK && result <= CLIENT_LOST);
    struct action *one = act(a, ACT_REPLY);
    one->task = (uint8_t)task;
    one->txn = (uint16_t)txn;
    one->arg = (uint32_t)result;
}

/* ---- names ----------------------------------------------------------------------------------- */

void binlog_name(char *text, uint32_t file_num)
{
    assert(text != NULL);
    assert(file_num > 0);
    char reversed[NAME_DIGITS_MAX];
    uint32_t n = 0;
    for (uint32_t v = file_num; v != 0 || n < NAME_DIGITS_MIN; v /= 10) {
        assert(n < NAME_DIGITS_MAX);
        reversed[n++] = (char)('0' + v % 10);
    }
    memcpy(text, name_stem, NAME_STEM_LEN);
    for (uint32_t i = 0; i < n; i++) {
        text[NAME_STEM_LEN + i] = reversed[n - 1 - i];
    }
    text[NAME_STEM_LEN + n] = '\0';
}

uint32_t binlog_name_num(const char *text)
{
    assert(text != NULL);
    if (strncmp(text, name_stem, NAME_STEM_LEN) != 0) {
        return 0;
    }
    const char *digits = text + NAME_STEM_LEN;
    uint64_t num = 0;
    uint32_t n = 0;
    for (; digits[n] >= '0' && digits[n] <= '9' && n <= NAME_DIGITS_MAX; n++) {
        num = num * 10 + (uint64_t)(digits[n] - '0');
    }
    /* Above six digits the number is not padded: one file has one name. */
    const bool padded = n > NAME_DIGITS_MIN && digits[0] == '0';
    if (digits[n] != '\0' || n < NAME_DIGITS_MIN || padded || num > UINT32_MAX) {
        return 0;
    }
    return (uint32_t)num;
}

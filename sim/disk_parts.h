/* The parts of a disk that its files share: the arena, slots, pending operations. Private to
 * sim/disk.c and sim/disk_loss.c. */
#ifndef ACKPROOF_SIM_DISK_PARTS_H
#define ACKPROOF_SIM_DISK_PARTS_H

#include "sim/disk.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

enum pending_op { OP_CREATE = 1, OP_WRITE, OP_TRUNCATE, OP_UNLINK };

enum fate {
    FATE_DIRTY,  /* the next honest fsync makes it durable */
    FATE_CLEAN,  /* its fsync failed: the page is clean, nobody will write it any more */
    FATE_DURABLE /* on disk; listed as long as a clean operation below it may be undone */
};

enum { NO_SLOT = UINT32_MAX };
/* undo_len: too many bytes were overwritten for `undo`. They stand in the extent, among what
 * pending truncates cut off, and `undo` holds their number. */
enum { UNDO_IN_EXTENT = DISK_UNDO_MAX + 1 };

_Static_assert(sizeof(struct disk_file) == 28, "hashed as bytes: no padding");
_Static_assert(sizeof(struct disk_pending) == 32, "hashed as bytes: no padding");
_Static_assert(sizeof(XXH128_hash_t) == sizeof(((struct disk_file *)NULL)->content), "content");

/* ---- arena ----------------------------------------------------------------------------------- */

static inline int id_order(struct file_id a, struct file_id b)
{
    return a.kind != b.kind ? (int)a.kind - b.kind : (int)a.num - b.num;
}

static inline uint32_t extent_at(const struct disk *d, uint32_t slot)
{
    uint32_t at = 0;
    for (uint32_t i = 0; i < slot; i++) {
        at += d->file[i].high;
    }
    return at;
}

/* Replaces `old_len` bytes at `at` of the extent by room for `new_len`. */
static inline void extent_resize(struct disk *d, uint32_t slot, uint32_t at, uint32_t old_len,
                                 uint32_t new_len)
{
    struct disk_file *f = &d->file[slot];
    assert(slot < d->n_files);
    assert(at + old_len <= f->high);
    assert(f->high - old_len + new_len <= FILE_BYTES_MAX);
    if (old_len == new_len) {
        return;
    }
    uint32_t tail = extent_at(d, slot) + at + old_len;
    assert(tail <= d->used);
    memmove(d->bytes + tail - old_len + new_len, d->bytes + tail, d->used - tail);
    f->high = f->high - old_len + new_len;
    d->used = d->used - old_len + new_len;
    assert(d->used <= sizeof d->bytes);
}

static inline void content_update(struct disk *d, uint32_t slot)
{
    struct disk_file *f = &d->file[slot];
    XXH128_hash_t h = XXH3_128bits(d->bytes + extent_at(d, slot), f->high);
    memcpy(f->content, &h, sizeof f->content);
}

/* ---- slots and pending operations ------------------------------------------------------------ */

static inline uint32_t slot_find(const struct disk *d, struct file_id id)
{
    assert(id.kind != FILE_NONE && id.num != 0);
    for (uint32_t i = 0; i < d->n_files; i++) {
        const struct disk_file *f = &d->file[i];
        if (f->id.kind == id.kind && f->id.num == id.num && !f->unlinked) {
            return i;
        }
    }
    return NO_SLOT;
}

static inline uint32_t slot_insert(struct disk *d, struct file_id id)
{
    assert(d->n_files < FILES_MAX);
    uint32_t slot = 0;
    while (slot < d->n_files && id_order(d->file[slot].id, id) <= 0) {
        slot++;
    }
    memmove(&d->file[slot + 1], &d->file[slot], (d->n_files - slot) * sizeof d->file[0]);
    d->n_files++;
    for (uint32_t i = 0; i < d->n_pending; i++) {
        if (d->pending[i].slot >= slot) {
            d->pending[i].slot++;
        }
    }
    d->file[slot] = (struct disk_file){.id = id};
    content_update(d, slot);
    return slot;
}

/* Half-open range of the operations of a slot in the pending list. */
static inline uint32_t ops_begin(const struct disk *d, uint32_t slot)
{
    uint32_t i = 0;
    while (i < d->n_pending && d->pending[i].slot < slot) {
        i++;
    }
    return i;
}

static inline uint32_t ops_end(const struct disk *d, uint32_t slot, uint32_t begin)
{
    uint32_t i = begin;
    while (i < d->n_pending && d->pending[i].slot == slot) {
        i++;
    }
    return i;
}

static inline void ops_remove(struct disk *d, uint32_t begin, uint32_t end)
{
    assert(begin <= end && end <= d->n_pending);
    memmove(&d->pending[begin], &d->pending[end], (d->n_pending - end) * sizeof d->pending[0]);
    d->n_pending -= end - begin;
}

static inline struct disk_pending *ops_append(struct disk *d, uint32_t slot, enum pending_op op)
{
    assert(d->n_pending < DISK_PENDING_MAX);
    uint32_t at = ops_end(d, slot, ops_begin(d, slot));
    memmove(&d->pending[at + 1], &d->pending[at], (d->n_pending - at) * sizeof d->pending[0]);
    d->n_pending++;
    d->pending[at] = (struct disk_pending){.op = (uint8_t)op, .slot = (uint8_t)slot};
    return &d->pending[at];
}

static inline void slot_remove(struct disk *d, uint32_t slot)
{
    uint32_t begin = ops_begin(d, slot);
    ops_remove(d, begin, ops_end(d, slot, begin));
    extent_resize(d, slot, 0, d->file[slot].high, 0);
    d->n_files--;
    memmove(&d->file[slot], &d->file[slot + 1], (d->n_files - slot) * sizeof d->file[0]);
    d->file[d->n_files] = (struct disk_file){0};
    for (uint32_t i = begin; i < d->n_pending; i++) {
        assert(d->pending[i].slot > slot);
        d->pending[i].slot--;
    }
}

/* Bytes behind the visible image that undo the operation. */
static inline uint32_t hidden(const struct disk_pending *p)
{
    uint32_t len = 0;
    if (p->op == OP_TRUNCATE) {
        len = p->len;
    } else if (p->op == OP_WRITE && p->undo_len == UNDO_IN_EXTENT) {
        memcpy(&len, p->undo, sizeof len);
    }
    return len;
}

/* Cut-off bytes are needed only while a truncate could be undone. */
static inline void cut_off_drop(struct disk *d, uint32_t slot)
{
    struct disk_file *f = &d->file[slot];
    extent_resize(d, slot, f->size, f->high - f->size, 0);
}

#endif

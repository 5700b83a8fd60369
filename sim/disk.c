#include "sim/disk.h"

#include "sim/disk_parts.h"

/* ---- what a process does to files ------------------------------------------------------------ */

void disk_init(struct disk *d)
{
    assert(d != NULL);
    memset(d, 0, sizeof *d);
}

enum disk_error disk_create(struct disk *d, struct file_id id)
{
    if (slot_find(d, id) != NO_SLOT) {
        return DISK_EXISTS;
    }
    if (d->n_files == FILES_MAX || d->n_pending == DISK_PENDING_MAX) {
        return DISK_FULL;
    }
    ops_append(d, slot_insert(d, id), OP_CREATE);
    return DISK_OK;
}

enum disk_error disk_unlink(struct disk *d, struct file_id id)
{
    uint32_t slot = slot_find(d, id);
    if (slot == NO_SLOT) {
        return DISK_NO_FILE;
    }
    if (d->n_pending == DISK_PENDING_MAX) {
        return DISK_FULL;
    }
    ops_append(d, slot, OP_UNLINK);
    d->file[slot].unlinked = 1;
    return DISK_OK;
}

enum disk_error disk_write(struct disk *d, struct file_id id, uint32_t off, const uint8_t *bytes,
                           uint32_t len)
{
    assert(bytes != NULL || len == 0);
    assert(bytes + len <= d->bytes || bytes >= d->bytes + sizeof d->bytes); /* the arena moves */
    uint32_t slot = slot_find(d, id);
    if (slot == NO_SLOT) {
        return DISK_NO_FILE;
    }
    struct disk_file *f = &d->file[slot];
    if (off > f->size) {
        return DISK_BAD_RANGE;
    }
    uint32_t over = f->size - off < len ? f->size - off : len;
    uint32_t grow = len - over;
    uint32_t hide = over > DISK_UNDO_MAX ? over : 0;
    if (grow + hide > FILE_BYTES_MAX - f->high || d->n_pending == DISK_PENDING_MAX) {
        return DISK_FULL;
    }
    if (len == 0) {
        return DISK_OK;
    }
    struct disk_pending *p = ops_append(d, slot, OP_WRITE);
    uint8_t *at = d->bytes + extent_at(d, slot) + off;
    p->off = off;
    p->len = len;
    p->undo_len = hide > 0 ? UNDO_IN_EXTENT : (uint8_t)over;
    memcpy(p->undo, hide > 0 ? (const void *)&hide : at, hide > 0 ? sizeof hide : over);
    extent_resize(d, slot, f->size, 0, grow + hide);
    f->size += grow;
    memcpy(d->bytes + extent_at(d, slot) + f->size, at, hide);
    memcpy(at, bytes, len);
    content_update(d, slot);
    return DISK_OK;
}

enum disk_error disk_truncate(struct disk *d, struct file_id id, uint32_t size)
{
    uint32_t slot = slot_find(d, id);
    if (slot == NO_SLOT) {
        return DISK_NO_FILE;
    }
    struct disk_file *f = &d->file[slot];
    if (size > f->size) {
        return DISK_BAD_RANGE;
    }
    if (size == f->size) {
        return DISK_OK;
    }
    if (d->n_pending == DISK_PENDING_MAX) {
        return DISK_FULL;
    }
    struct disk_pending *p = ops_append(d, slot, OP_TRUNCATE);
    p->off = size;
    p->len = f->size - size;
    f->size = size; /* the extent keeps what was cut off */
    return DISK_OK;
}

/* ---- fsync: honest, lying, failing ----------------------------------------------------------- */

static bool was_asked(const struct disk_pending *p, uint32_t who)
{
    return who == DISK_NOW || (p->asked >> who & 1) != 0;
}

/* The journal writes all entries that changed, whatever file the fsync is of. */
void disk_fsync_ask(struct disk *d, struct file_id id, uint32_t who)
{
    uint32_t slot = slot_find(d, id);
    assert(who < DISK_NOW);
    for (uint32_t i = 0; i < d->n_pending; i++) {
        struct disk_pending *p = &d->pending[i];
        assert(!was_asked(p, who));
        if (p->slot == slot || p->op == OP_UNLINK) {
            p->asked |= 1u << who;
        }
    }
}

void disk_fsync_forget_all(struct disk *d)
{
    for (uint32_t i = 0; i < d->n_pending; i++) {
        d->pending[i].asked = 0;
    }
}

static void forget(struct disk *d, uint32_t who)
{
    for (uint32_t i = 0; i < d->n_pending && who != DISK_NOW; i++) {
        d->pending[i].asked &= ~(1u << who);
    }
}

static void unlinks_make_durable(struct disk *d, uint32_t who)
{
    for (uint32_t slot = d->n_files; slot-- > 0;) {
        if (d->file[slot].unlinked) {
            uint32_t end = ops_end(d, slot, ops_begin(d, slot));
            assert(d->pending[end - 1].op == OP_UNLINK);
            if (was_asked(&d->pending[end - 1], who)) {
                slot_remove(d, slot);
            }
        }
    }
}

enum disk_error disk_make_durable(struct disk *d, struct file_id id, uint32_t who)
{
    if (slot_find(d, id) == NO_SLOT) {
        return DISK_NO_FILE;
    }
    unlinks_make_durable(d, who);
    uint32_t slot = slot_find(d, id);
    assert(slot != NO_SLOT);
    uint32_t begin = ops_begin(d, slot);
    uint32_t all = ops_end(d, slot, begin);
    uint32_t end = begin; /* what was written later stands behind */
    while (end < all && was_asked(&d->pending[end], who)) {
        end++;
    }
    uint32_t clean = begin;
    while (clean < end && d->pending[clean].fate != FATE_CLEAN) {
        clean++;
    }
    for (uint32_t i = clean; i < end; i++) {
        if (d->pending[i].fate == FATE_DIRTY) {
            d->pending[i].fate = FATE_DURABLE;
        }
    }
    uint32_t cuts_before = 0;
    for (uint32_t i = begin; i < clean; i++) {
        cuts_before += hidden(&d->pending[i]);
    }
    ops_remove(d, begin, clean);
    if (cuts_before > 0) { /* the oldest cuts lie at the end of the extent */
        extent_resize(d, slot, d->file[slot].high - cuts_before, cuts_before, 0);
        content_update(d, slot);
    }
    forget(d, who);
    assert(clean < all || d->file[slot].high == d->file[slot].size);
    return DISK_OK;
}

void disk_fsync_lie(struct disk *d, struct file_id id, uint32_t who)
{
    assert(slot_find(d, id) != NO_SLOT);
    (void)id;
    forget(d, who);
}

/* Data pages are marked clean although they never reached the disk; what the journal holds
 * (entries, sizes of truncated files) is written with its next commit. */
void disk_fsync_fail(struct disk *d, struct file_id id, uint32_t who)
{
    uint32_t slot = slot_find(d, id);
    assert(slot != NO_SLOT);
    uint32_t begin = ops_begin(d, slot);
    uint32_t end = ops_end(d, slot, begin);
    for (uint32_t i = begin; i < end; i++) {
        struct disk_pending *p = &d->pending[i];
        if (p->op == OP_WRITE && p->fate == FATE_DIRTY && was_asked(p, who)) {
            p->fate = FATE_CLEAN;
        }
    }
    forget(d, who);
}

/* ---- questions ------------------------------------------------------------------------------- */

bool disk_range_durable(const struct disk *d, struct file_id id, uint32_t from, uint32_t to)
{
    assert(from <= to);
    uint32_t slot = slot_find(d, id);
    if (slot == NO_SLOT || to > d->file[slot].size) {
        return false;
    }
    uint32_t begin = ops_begin(d, slot);
    uint32_t end = ops_end(d, slot, begin);
    for (uint32_t i = begin; i < end; i++) {
        const struct disk_pending *p = &d->pending[i];
        if (p->op == OP_CREATE) {
            return false;
        }
        if (p->op != OP_WRITE || p->fate == FATE_DURABLE) {
            continue;
        }
        uint32_t lo = p->off > from ? p->off : from;
        uint32_t hi = p->off + p->len < to ? p->off + p->len : to;
        bool covered = lo >= hi; /* by a durable write on top of it */
        for (uint32_t j = i + 1; j < end && !covered; j++) {
            const struct disk_pending *q = &d->pending[j];
            covered = q->op == OP_WRITE && q->fate == FATE_DURABLE && q->off <= lo &&
                      q->off + q->len >= hi;
        }
        if (!covered) {
            return false;
        }
    }
    return true;
}

bool disk_has_pending(const struct disk *d)
{
    return d->n_pending > 0;
}

void disk_view(const struct disk *d, struct disk_view *v)
{
    uint32_t at = 0;
    v->n = 0;
    for (uint32_t i = 0; i < d->n_files; i++) {
        const struct disk_file *f = &d->file[i];
        if (!f->unlinked) {
            v->at[v->n++] = (struct file_view){.id = f->id, .len = f->size, .bytes = d->bytes + at};
        }
        at += f->high;
    }
    assert(at == d->used);
}

void disk_copy(struct disk *to, const struct disk *from)
{
    assert(to != from);
    assert(from->n_pending <= DISK_PENDING_MAX && from->used <= sizeof from->bytes);
    memcpy(to, from, offsetof(struct disk, pending) + from->n_pending * sizeof from->pending[0]);
    memcpy(to->bytes, from->bytes, from->used);
}

uint32_t disk_print(const struct disk *d, uint32_t who, uint8_t *to)
{
    uint32_t head = sizeof d->n_pending + sizeof d->n_files;
    uint32_t files = d->n_files * (uint32_t)sizeof d->file[0];
    uint32_t pending = d->n_pending * (uint32_t)sizeof d->pending[0];
    memcpy(to, &d->n_pending, head);
    memcpy(to + head, d->file, files);
    memcpy(to + head + files, d->pending, pending);
    for (uint32_t i = 0; i < d->n_pending && who != ~0u; i++) {
        uint32_t asked = d->pending[i].asked & who;
        memcpy(to + head + files + i * sizeof d->pending[0] + offsetof(struct disk_pending, asked),
               &asked, sizeof asked);
    }
    return head + files + pending;
}

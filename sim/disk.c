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

_Static_assert(sizeof(struct disk_file) == 28, "hashed as bytes: no padding");
_Static_assert(sizeof(struct disk_pending) == 28, "hashed as bytes: no padding");
_Static_assert(sizeof(XXH128_hash_t) == sizeof(((struct disk_file *)NULL)->content), "content");

/* ---- arena ----------------------------------------------------------------------------------- */

static int id_order(struct file_id a, struct file_id b)
{
    return a.kind != b.kind ? (int)a.kind - b.kind : (int)a.num - b.num;
}

static uint32_t extent_at(const struct disk *d, uint32_t slot)
{
    uint32_t at = 0;
    for (uint32_t i = 0; i < slot; i++) {
        at += d->file[i].high;
    }
    return at;
}

/* Replaces `old_len` bytes at `at` of the extent by room for `new_len`. */
static void extent_resize(struct disk *d, uint32_t slot, uint32_t at, uint32_t old_len,
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

static void content_update(struct disk *d, uint32_t slot)
{
    struct disk_file *f = &d->file[slot];
    XXH128_hash_t h = XXH3_128bits(d->bytes + extent_at(d, slot), f->high);
    memcpy(f->content, &h, sizeof f->content);
}

/* ---- slots and pending operations ------------------------------------------------------------ */

static uint32_t slot_find(const struct disk *d, struct file_id id)
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

static uint32_t slot_insert(struct disk *d, struct file_id id)
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
static uint32_t ops_begin(const struct disk *d, uint32_t slot)
{
    uint32_t i = 0;
    while (i < d->n_pending && d->pending[i].slot < slot) {
        i++;
    }
    return i;
}

static uint32_t ops_end(const struct disk *d, uint32_t slot, uint32_t begin)
{
    uint32_t i = begin;
    while (i < d->n_pending && d->pending[i].slot == slot) {
        i++;
    }
    return i;
}

static void ops_remove(struct disk *d, uint32_t begin, uint32_t end)
{
    assert(begin <= end && end <= d->n_pending);
    memmove(&d->pending[begin], &d->pending[end], (d->n_pending - end) * sizeof d->pending[0]);
    d->n_pending -= end - begin;
}

static struct disk_pending *ops_append(struct disk *d, uint32_t slot, enum pending_op op)
{
    assert(d->n_pending < DISK_PENDING_MAX);
    uint32_t at = ops_end(d, slot, ops_begin(d, slot));
    memmove(&d->pending[at + 1], &d->pending[at], (d->n_pending - at) * sizeof d->pending[0]);
    d->n_pending++;
    d->pending[at] = (struct disk_pending){.op = (uint8_t)op, .slot = (uint8_t)slot};
    return &d->pending[at];
}

static void slot_remove(struct disk *d, uint32_t slot)
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

/* Cut-off bytes are needed only while a truncate could be undone. */
static void cut_off_drop(struct disk *d, uint32_t slot)
{
    struct disk_file *f = &d->file[slot];
    extent_resize(d, slot, f->size, f->high - f->size, 0);
}

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
    if (over > DISK_UNDO_MAX) {
        return DISK_BAD_RANGE;
    }
    uint32_t grow = len - over;
    if (grow > FILE_BYTES_MAX - f->high || d->n_pending == DISK_PENDING_MAX) {
        return DISK_FULL;
    }
    if (len == 0) {
        return DISK_OK;
    }
    struct disk_pending *p = ops_append(d, slot, OP_WRITE);
    uint8_t *at = d->bytes + extent_at(d, slot) + off;
    p->off = off;
    p->len = len;
    p->undo_len = (uint8_t)over;
    memcpy(p->undo, at, over);
    extent_resize(d, slot, f->size, 0, grow);
    f->size += grow;
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

static void unlinks_make_durable(struct disk *d)
{
    for (uint32_t slot = d->n_files; slot-- > 0;) {
        if (d->file[slot].unlinked) {
            slot_remove(d, slot);
        }
    }
}

enum disk_error disk_make_durable(struct disk *d, struct file_id id)
{
    if (slot_find(d, id) == NO_SLOT) {
        return DISK_NO_FILE;
    }
    unlinks_make_durable(d);
    uint32_t slot = slot_find(d, id);
    assert(slot != NO_SLOT);
    uint32_t begin = ops_begin(d, slot);
    uint32_t end = ops_end(d, slot, begin);
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
        cuts_before += d->pending[i].op == OP_TRUNCATE ? d->pending[i].len : 0;
    }
    ops_remove(d, begin, clean);
    if (cuts_before > 0) { /* the oldest cuts lie at the end of the extent */
        extent_resize(d, slot, d->file[slot].high - cuts_before, cuts_before, 0);
        content_update(d, slot);
    }
    assert(clean < end || d->file[slot].high == d->file[slot].size);
    return DISK_OK;
}

void disk_fsync_lie(struct disk *d, struct file_id id)
{
    assert(slot_find(d, id) != NO_SLOT);
    (void)d;
    (void)id;
}

/* Data pages are marked clean although they never reached the disk; what the journal holds
 * (entries, sizes of truncated files) is written with its next commit. */
void disk_fsync_fail(struct disk *d, struct file_id id)
{
    uint32_t slot = slot_find(d, id);
    assert(slot != NO_SLOT);
    uint32_t begin = ops_begin(d, slot);
    uint32_t end = ops_end(d, slot, begin);
    for (uint32_t i = begin; i < end; i++) {
        if (d->pending[i].op == OP_WRITE && d->pending[i].fate == FATE_DIRTY) {
            d->pending[i].fate = FATE_CLEAN;
        }
    }
}

/* ---- power loss ------------------------------------------------------------------------------ */

/* What survives of one file. ops = pending[0..n): files are settled in slot order, and those before
 * it have nothing pending any more. */
struct survivors {
    uint32_t n;
    bool keep[DISK_PENDING_MAX];
    bool gone;     /* the file is not there: its entry was lost, or its unlink survived */
    uint32_t torn; /* index of the torn write, n where none */
    uint32_t torn_len;
};

/* Does the operation decide alone whether the file is there? */
static bool settles_entry(const struct disk_pending *p, bool kept)
{
    return (p->op == OP_CREATE && !kept) || (p->op == OP_UNLINK && kept);
}

static void survive_in_order(const struct disk *d, struct survivors *s, struct chooser *c)
{
    uint32_t dirty = 0;
    for (uint32_t i = 0; i < s->n; i++) {
        dirty += d->pending[i].fate == FATE_DIRTY;
    }
    uint32_t kept = dirty > 0 ? choose(c, CHOOSE_SURVIVE, dirty + 1, NULL) : 0;
    for (uint32_t i = 0; i < s->n; i++) {
        const struct disk_pending *p = &d->pending[i];
        if (p->fate == FATE_DIRTY) {
            s->keep[i] = kept > 0;
            kept -= kept > 0;
            s->gone = s->gone || settles_entry(p, s->keep[i]);
        }
    }
    assert(kept == 0);
}

static void survive_any(const struct disk *d, struct survivors *s, struct chooser *c)
{
    /* Entries first: where the file is not there, nothing else is worth a question. */
    for (uint32_t i = 0; i < s->n && !s->gone; i++) {
        const struct disk_pending *p = &d->pending[i];
        if (p->fate == FATE_DIRTY && (p->op == OP_CREATE || p->op == OP_UNLINK)) {
            s->keep[i] = choose(c, CHOOSE_SURVIVE, 2, NULL) == 1;
            s->gone = settles_entry(p, s->keep[i]);
        }
    }
    for (uint32_t i = 0; i < s->n && !s->gone; i++) {
        const struct disk_pending *p = &d->pending[i];
        if (p->fate == FATE_DIRTY && (p->op == OP_WRITE || p->op == OP_TRUNCATE)) {
            s->keep[i] = choose(c, CHOOSE_SURVIVE, 2, NULL) == 1;
        }
    }
}

static void survive_torn(const struct disk *d, struct survivors *s, struct chooser *c)
{
    uint32_t next = s->n; /* the dirty operation behind the last dirty one that survives */
    for (uint32_t i = s->n; i-- > 0;) {
        if (d->pending[i].fate == FATE_DIRTY) {
            if (s->keep[i]) {
                break;
            }
            next = i;
        }
    }
    if (next == s->n || d->pending[next].op != OP_WRITE) {
        return;
    }
    const struct disk_pending *p = &d->pending[next];
    uint32_t first = p->off / DISK_SECTOR;
    uint32_t crossings = (p->off + p->len - 1) / DISK_SECTOR - first;
    uint32_t sectors = choose(c, CHOOSE_TEAR, crossings + 1, NULL);
    if (sectors > 0) {
        s->torn = next;
        s->torn_len = (first + sectors) * DISK_SECTOR - p->off;
        assert(s->torn_len > 0 && s->torn_len < p->len);
    }
}

static void survive(const struct disk *d, struct survivors *s, const struct disk_device *dev,
                    struct chooser *c)
{
    for (uint32_t i = 0; i < s->n; i++) {
        s->keep[i] = d->pending[i].fate == FATE_DURABLE;
    }
    s->torn = s->n;
    if (dev->reorder) {
        survive_any(d, s, c);
    } else {
        survive_in_order(d, s, c);
    }
    for (uint32_t i = 0; i < s->n && !s->gone; i++) {
        if (d->pending[i].fate == FATE_CLEAN) {
            s->keep[i] = choose(c, CHOOSE_SURVIVE, 2, NULL) == 1;
        }
    }
    if (dev->tear && !s->gone) {
        survive_torn(d, s, c);
    }
}

/* An operation that reaches the platter; nothing to undo is kept. A hole reads as zeros. */
static void replay_op(struct disk *d, uint32_t slot, const struct disk_pending *p,
                      const uint8_t *data, uint32_t len)
{
    struct disk_file *f = &d->file[slot];
    assert(f->high == f->size);
    uint32_t end = p->op == OP_WRITE ? p->off + len : p->off;
    if (p->op == OP_TRUNCATE && f->size > end) {
        extent_resize(d, slot, end, f->size - end, 0);
        f->size = end;
    }
    if (f->size < end) {
        uint32_t old = f->size;
        extent_resize(d, slot, old, 0, end - old);
        f->size = end;
        memset(d->bytes + extent_at(d, slot) + old, 0, end - old);
    }
    if (p->op == OP_WRITE) {
        memcpy(d->bytes + extent_at(d, slot) + p->off, data, len);
    }
}

static void undo_op(struct disk *d, uint32_t slot, const struct disk_pending *p)
{
    struct disk_file *f = &d->file[slot];
    if (p->op == OP_TRUNCATE) {
        f->size += p->len; /* the newest cut lies right behind the visible image */
        assert(f->size <= f->high);
    } else if (p->op == OP_WRITE) {
        assert(f->size >= p->off + p->len);
        memcpy(d->bytes + extent_at(d, slot) + p->off, p->undo, p->undo_len);
        if (p->undo_len < p->len) {
            assert(f->size == p->off + p->len);
            uint32_t grown = p->len - p->undo_len;
            extent_resize(d, slot, f->size - grown, grown, 0);
            f->size -= grown;
        }
    }
}

/* Undoes everything from the first operation that is lost, and makes again what is kept of it. */
static void settle_bytes(struct disk *d, uint32_t slot, const struct survivors *s)
{
    /* Each byte of a pending write is in the image, cut off, or in somebody's undo. */
    uint8_t saved[FILE_BYTES_MAX + DISK_PENDING_MAX * DISK_UNDO_MAX];
    uint32_t used = 0;
    uint32_t len[DISK_PENDING_MAX];
    uint32_t lost = 0;
    while (lost < s->n && s->keep[lost]) {
        lost++;
    }
    for (uint32_t i = s->n; i-- > lost;) {
        const struct disk_pending *p = &d->pending[i];
        len[i] = s->torn == i ? s->torn_len : s->keep[i] && p->op == OP_WRITE ? p->len : 0;
        assert(used + len[i] <= sizeof saved);
        memcpy(saved + used, d->bytes + extent_at(d, slot) + p->off, len[i]);
        used += len[i];
        undo_op(d, slot, p);
    }
    cut_off_drop(d, slot);
    for (uint32_t i = lost; i < s->n; i++) {
        const struct disk_pending *p = &d->pending[i];
        used -= len[i];
        if (len[i] > 0 || (s->keep[i] && p->op == OP_TRUNCATE)) {
            replay_op(d, slot, p, saved + used, len[i]);
        }
    }
    content_update(d, slot);
}

struct disk_loss disk_power_loss(struct disk *d, const struct disk_device *dev, struct chooser *c)
{
    assert(dev != NULL && c != NULL);
    struct disk_loss loss = {0};
    struct file_id stuck = {0}; /* a name whose earlier entry did not change: later ones are lost */
    uint32_t slot = 0;
    while (slot < d->n_files) {
        struct disk_file *f = &d->file[slot];
        struct survivors s = {.n = ops_end(d, slot, 0)};
        bool blocked = stuck.kind != FILE_NONE && id_order(stuck, f->id) == 0;
        if (s.n == 0) {
            assert(f->high == f->size && !f->unlinked);
            slot++;
            continue;
        }
        assert(!blocked || d->pending[0].op == OP_CREATE);
        if (blocked) {
            s.gone = true;
        } else {
            survive(d, &s, dev, c);
        }
        bool unlink_kept = s.gone && f->unlinked && s.keep[s.n - 1];
        for (uint32_t i = 0; i < s.n && !unlink_kept; i++) {
            loss.lost += !s.keep[i];
        }
        loss.torn |= s.torn_len > 0;
        if (s.gone ? !unlink_kept : f->unlinked) {
            stuck = f->id;
        }
        if (s.gone) {
            slot_remove(d, slot);
            continue;
        }
        settle_bytes(d, slot, &s);
        ops_remove(d, 0, s.n);
        f->unlinked = 0;
        slot++;
    }
    assert(d->n_pending == 0);
    return loss;
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

uint32_t disk_print(const struct disk *d, uint8_t *to)
{
    uint32_t head = sizeof d->n_pending + sizeof d->n_files;
    uint32_t files = d->n_files * (uint32_t)sizeof d->file[0];
    uint32_t pending = d->n_pending * (uint32_t)sizeof d->pending[0];
    memcpy(to, &d->n_pending, head);
    memcpy(to + head, d->file, files);
    memcpy(to + head + files, d->pending, pending);
    return head + files + pending;
}

/* A power loss: which pending operations survive is asked, the others are undone. */
#include "sim/disk_parts.h"

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
        uint8_t *at = d->bytes + extent_at(d, slot);
        uint32_t hide = hidden(p); /* the newest stands right behind the visible image */
        uint32_t over = hide > 0 ? hide : p->undo_len;
        memcpy(at + p->off, hide > 0 ? at + f->size : p->undo, over);
        extent_resize(d, slot, f->size, hide, 0);
        if (over < p->len) {
            assert(f->size == p->off + p->len);
            uint32_t grown = p->len - over;
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

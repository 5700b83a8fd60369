#include "replica/applier.h"

#include "replica/relay.h"

static_assert(sizeof(struct applier) == 16 + sizeof(struct gtid_pos), "an applier has no padding");

/* Where the applier would stand, and what it would find there. */
struct search {
    enum { SEARCH_NONE, SEARCH_GROUP, SEARCH_FAILED } result;
    uint8_t relay_num;
    uint32_t offset;
    struct relay_group group;
};

void applier_boot(struct applier *a, const struct gtid_pos *applied)
{
    assert(a != NULL);
    assert(applied != NULL && applied->n <= GTID_DOMAINS_MAX);
    memset(a, 0, sizeof *a);
    a->applied = *applied;
}

static bool is_applied(const struct applier *a, struct gtid g)
{
    assert(g.seq != 0);
    return g.seq <= gtid_pos_find(&a->applied, g.domain).seq;
}

/* Looks for the next group in the file s->relay_num from s->offset on. SEARCH_NONE: not in this
 * one. */
static void search_file(const struct applier *a, const struct file_view *f, struct search *s)
{
    s->result = SEARCH_NONE;
    if (s->offset == 0) {
        struct relay_header h;
        if (relay_header_decode(f, &h) != FMT_OK) {
            return; /* not opened yet, or never: holds nothing */
        }
        if (!relay_follows(&h.start, &a->applied)) {
            s->result = SEARCH_FAILED; /* a hole: to go on would skip transactions */
            return;
        }
        s->offset = h.len;
    }
    if (s->offset > f->len) {
        s->result = SEARCH_FAILED; /* somebody cut off what was applied already */
        return;
    }
    for (;;) {
        const enum relay_found found = relay_next_group(f, s->offset, &s->group);
        assert(s->group.end >= s->offset);
        s->offset = found == RELAY_GROUP ? s->offset : s->group.end;
        if (found != RELAY_GROUP) {
            s->result = found == RELAY_BAD ? SEARCH_FAILED : SEARCH_NONE;
            return;
        }
        if (!is_applied(a, s->group.gtid)) {
            s->result = SEARCH_GROUP;
            return;
        }
        s->offset = s->group.end;
    }
}

/* A file is left for the next higher one when it holds no further complete group. Whether something
 * was lost at its end shows at the start position of the next. */
static void search(const struct applier *a, const struct disk_view *disk, struct search *s)
{
    assert(a->failed == 0 && a->busy == 0);
    memset(s, 0, sizeof *s);
    s->relay_num = a->relay_num;
    s->offset = a->offset;
    if (s->relay_num == 0) {
        s->relay_num = view_first(disk, FILE_RELAY);
        if (s->relay_num == 0) {
            return;
        }
    }
    for (;;) {
        const struct file_view *f = relay_view(disk, s->relay_num);
        if (f == NULL) {
            s->result = SEARCH_FAILED;
            return;
        }
        search_file(a, f, s);
        const uint8_t next = relay_after(disk, s->relay_num);
        if (s->result != SEARCH_NONE || next == 0) {
            return;
        }
        s->relay_num = next;
        s->offset = 0;
    }
}

bool applier_next(struct applier *a, const struct disk_view *disk, struct replicated_group *g)
{
    assert(a != NULL && disk != NULL && g != NULL);
    assert(a->busy == 0);
    memset(g, 0, sizeof *g);
    if (a->failed != 0) {
        return false;
    }
    struct search s;
    search(a, disk, &s);
    if (s.result == SEARCH_FAILED) {
        a->failed = 1;
        return false;
    }
    a->relay_num = s.relay_num;
    a->offset = s.offset;
    if (s.result == SEARCH_NONE) {
        return false;
    }
    assert(s.group.end > s.offset);
    a->busy = 1;
    a->next_offset = s.group.end;
    g->gtid = s.group.gtid;
    g->xid = s.group.xid;
    g->statement = (uint8_t)s.group.statement;
    g->k = s.group.k;
    g->v = s.group.v;
    return true;
}

void applier_done(struct applier *a, struct gtid committed)
{
    assert(a != NULL);
    assert(a->busy == 1);
    assert(committed.seq != 0);
    assert(a->next_offset > a->offset);
    a->offset = a->next_offset;
    a->next_offset = 0;
    a->busy = 0;
    if (!gtid_pos_raise(&a->applied, committed)) {
        a->failed = 1; /* more domains than a position has room for */
    }
}

bool applier_behind(const struct applier *a, const struct disk_view *disk)
{
    assert(a != NULL && disk != NULL);
    if (a->failed != 0) {
        return false;
    }
    if (a->busy != 0) {
        return true;
    }
    struct search s;
    search(a, disk, &s);
    return s.result == SEARCH_GROUP;
}

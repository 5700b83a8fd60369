/* Start-up of the receiver: what becomes of the relay logs that are there. */
#include "replica/receiver.h"
#include "replica/relay.h"

enum { UNSYNCED_MAX = 2 };

static struct file_id relay_id(uint8_t num)
{
    assert(num > 0);
    return (struct file_id){.kind = FILE_RELAY, .num = num};
}

/* Opens relay log `num`. Header and directory entry are on disk before anything is received. */
static void open_relay(struct receiver *r, const struct env *env, uint8_t num, struct actions *out)
{
    struct writer w = writer_over(act_room(out, RELAY_HEADER_MAX), RELAY_HEADER_MAX);
    const enum fmt e = relay_header_encode(&w, env->set, &r->pos);
    assert(e == FMT_OK);
    (void)e;
    act_create(out, TASK_BOOT, relay_id(num));
    act_write_done(out, TASK_BOOT, relay_id(num), 0, w.len);
    act_fsync(out, TASK_BOOT, relay_id(num));
    r->relay_num = num;
    r->relay_len = w.len;
    r->relay_complete = w.len;
}

/* What one relay log holds. */
struct kept {
    bool usable;           /* the header is whole and follows what came before */
    bool hole;             /* the header is whole and there is a hole before it */
    bool empty;            /* no group in it */
    uint32_t complete;     /* length up to the end of the last complete group */
    struct gtid_pos reach; /* where it takes a reader who starts at its beginning */
};

static const struct kept nothing = {.empty = true};

/* Reads the relay log and raises *known by its groups. */
static struct kept read_kept(const struct file_view *f, struct gtid_pos *known)
{
    struct kept k = nothing;
    struct relay_header h;
    if (relay_header_decode(f, &h) != FMT_OK) {
        return k;
    }
    k.hole = !relay_follows(&h.start, known);
    if (k.hole) {
        return k;
    }
    k.usable = true;
    k.complete = h.len;
    k.reach = h.start;
    struct relay_group g;
    while (relay_next_group(f, k.complete, &g) == RELAY_GROUP) {
        if (!gtid_pos_raise(&k.reach, g.gtid) || !gtid_pos_raise(known, g.gtid)) {
            break; /* more domains than a position has room for: as good as unreadable */
        }
        k.complete = g.end;
        k.empty = false;
    }
    assert(k.complete <= f->len);
    return k;
}

/* Keeps what is whole and contiguous with the slave position (facts 8.3 P3, P6). True where the
 * last kept relay log can be appended to: it takes a reader exactly to the received position. If
 * the slave position is ahead of it, what comes next would stand behind a hole that only the engine
 * can fill; a new file then records the position at which it starts.
 *
 * What is kept is fsynced: a group that a killed server had written and not synced counts as
 * received from now on, and the primary takes the place from which it goes on for an ACK (facts
 * 2.1, dump_start). The fsyncs come last, so that they make the unlinks durable too. Two files are
 * enough: the current one of the last life, and the one before it if the crash came while it was
 * being opened. Older ones were synced by the start that kept them. */
static bool keep_relays(struct receiver *r, const struct env *env, struct actions *out,
                        uint8_t kept[FILES_MAX], uint32_t *n)
{
    bool append = false;
    bool hole = false;
    uint32_t n_kept = 0;
    for (uint32_t i = 0; i < env->disk->n; i++) {
        const struct file_view *f = &env->disk->at[i];
        if (f->id.kind != FILE_RELAY) {
            continue;
        }
        const struct kept k = hole ? nothing : read_kept(f, &r->pos);
        hole = hole || k.hole;
        const bool reaches = k.usable && relay_follows(&r->pos, &k.reach);
        if (!k.usable || (k.empty && !reaches)) {
            act_unlink(out, TASK_BOOT, f->id);
            continue;
        }
        if (k.complete < f->len) {
            act_truncate(out, TASK_BOOT, f->id, k.complete);
        }
        kept[n_kept++] = f->id.num;
        append = reaches;
        r->relay_num = f->id.num;
        r->relay_len = k.complete;
        r->relay_complete = k.complete;
    }
    *n = n_kept;
    return append;
}

void receiver_boot(struct receiver *r, const struct env *env, const struct gtid_pos *applied,
                   struct actions *out)
{
    assert(r != NULL && env != NULL && env->set != NULL && env->disk != NULL && out != NULL);
    assert(applied != NULL && applied->n <= GTID_DOMAINS_MAX);
    assert(receiver_profile_check(env->set->receiver));
    memset(r, 0, sizeof *r);
    r->pos = *applied;
    const uint8_t last = view_last(env->disk, FILE_RELAY);
    uint8_t kept[FILES_MAX];
    uint32_t n_kept = 0;
    bool append = false;
    if (env->set->relay_restart == RELAY_KEEP) {
        append = keep_relays(r, env, out, kept, &n_kept);
    } else {
        for (uint8_t num = view_first(env->disk, FILE_RELAY); num != 0;
             num = relay_after(env->disk, num)) {
            act_unlink(out, TASK_BOOT, relay_id(num));
        }
    }
    if (!append) {
        assert(last < UINT8_MAX);
        open_relay(r, env, (uint8_t)(last + 1), out);
    }
    for (uint32_t i = n_kept > UNSYNCED_MAX ? n_kept - UNSYNCED_MAX : 0; i < n_kept; i++) {
        act_fsync(out, TASK_BOOT, relay_id(kept[i]));
    }
    assert(r->relay_num > 0 && r->state == RECEIVER_STOPPED);
}

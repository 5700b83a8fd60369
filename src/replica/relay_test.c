/* Relay logs: header, groups, and what becomes of them when the process starts again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "replica/test_replica.h"

static struct rig rig;

static struct file_view relay(uint32_t num)
{
    const struct rig_file *f = rig_file(&rig, num);
    assert_non_null(f);
    return (struct file_view){f->id, f->len, f->bytes};
}

/* ---- header ---------------------------------------------------------------------------------- */

static void headers_round_trip(void **state)
{
    (void)state;
    rig_start(&rig, "mariadbd");
    rig_boot(&rig, "0-10-7,3-9-1,4-4-4,9-9-9");
    rig_expect(&rig, "cwf");
    const struct file_view f = relay(1);
    struct relay_header h;
    assert_int_equal(relay_header_decode(&f, &h), FMT_OK);
    assert_int_equal(h.len, f.len);
    assert_memory_equal(&h.start, &rig.r.pos, sizeof h.start);
    assert_int_equal(rig_file(&rig, 1)->durable, f.len);
    struct event_head head;
    assert_int_equal(event_parse(f.bytes + 4, f.len - 4, true, &head), FMT_OK);
    assert_int_equal(head.type, EVENT_FORMAT_DESCRIPTION);
    assert_int_equal(head.flags, EVENT_FLAG_RELAY_LOG);
    assert_int_equal(head.server_id, 10 + SELF);
    assert_int_equal(head.timestamp, EVENT_TIMESTAMP);
    uint8_t small[RELAY_HEADER_MAX];
    for (uint32_t cap = 0; cap < f.len; cap++) {
        struct writer w = writer_over(small, cap);
        assert_int_equal(relay_header_encode(&w, &rig.set, &rig.r.pos), FMT_FULL);
    }
}

static void every_torn_or_flipped_header_is_refused(void **state)
{
    (void)state;
    rig_start(&rig, "mariadbd");
    rig_boot(&rig, "0-10-7");
    struct rig_file *f = rig_file(&rig, 1);
    const uint32_t len = f->len;
    struct relay_header h;
    for (f->len = 0; f->len < len; f->len++) {
        const struct file_view v = relay(1);
        assert_int_not_equal(relay_header_decode(&v, &h), FMT_OK);
    }
    const struct file_view v = relay(1);
    for (uint32_t i = 0; i < len; i++) {
        f->bytes[i] ^= 0x80;
        assert_int_not_equal(relay_header_decode(&v, &h), FMT_OK);
        f->bytes[i] ^= 0x80;
    }
    assert_int_equal(relay_header_decode(&v, &h), FMT_OK);
}

static void following_means_that_nothing_is_missing(void **state)
{
    (void)state;
    struct gtid_pos a;
    struct gtid_pos b;
    assert_true(gtid_pos_parse("", &a));
    assert_true(gtid_pos_parse("0-1-100,1-2-100", &b));
    assert_true(relay_follows(&a, &b));
    assert_false(relay_follows(&b, &a));
    assert_true(relay_follows(&b, &b));
    assert_true(gtid_pos_parse("0-1-150,1-2-50", &a)); /* facts 8.3 P3 */
    assert_false(relay_follows(&a, &b));
    assert_false(relay_follows(&b, &a));
}

/* ---- groups ---------------------------------------------------------------------------------- */

enum { GROUPS = 3 };

/* Three groups in relay log 1; at[i] is the end of group i, at[0] that of the header. */
static void fill(uint32_t at[GROUPS + 1])
{
    rig_start(&rig, "mariadbd");
    rig_stream(&rig, "");
    at[0] = rig.r.relay_len;
    for (uint32_t i = 1; i <= GROUPS; i++) {
        rig_group(&rig, i, true);
        at[i] = rig.r.relay_len;
    }
    rig.set.relay_restart = RELAY_KEEP;
}

static uint32_t groups_below(const uint32_t at[GROUPS + 1], uint32_t len)
{
    uint32_t n = 0;
    while (n < GROUPS && at[n + 1] <= len) {
        n++;
    }
    return n;
}

static void groups_are_found_at_every_length(void **state)
{
    (void)state;
    uint32_t at[GROUPS + 1];
    fill(at);
    for (uint32_t len = at[0]; len <= at[GROUPS]; len++) {
        struct file_view f = relay(1);
        f.len = len;
        const uint32_t want = groups_below(at, len);
        struct relay_group g = {.end = at[0]};
        for (uint32_t i = 1; i <= want; i++) {
            assert_int_equal(relay_next_group(&f, g.end, &g), RELAY_GROUP);
            assert_int_equal(g.gtid.seq, i);
            assert_int_equal(g.end, at[i]);
        }
        assert_int_equal(relay_next_group(&f, g.end, &g),
                         len == at[want] ? RELAY_END : RELAY_PARTIAL);
        assert_int_equal(g.end, at[want]);
    }
}

/* ---- start with RELAY_PURGE ------------------------------------------------------------------ */

static void purge_deletes_what_was_acked(void **state)
{
    (void)state;
    uint32_t at[GROUPS + 1];
    fill(at);
    rig.set.relay_restart = RELAY_PURGE;
    rig_boot(&rig, "0-10-1");
    rig_expect(&rig, "ucwf");
    assert_null(rig_file(&rig, 1));
    assert_int_equal(rig.r.relay_num, 2);
    assert_int_equal(rig_seq(&rig.r.pos), 1);
    assert_int_equal(rig.r.relay_len, rig_file(&rig, 2)->len);
    rig_boot(&rig, "0-10-1");
    assert_int_equal(rig.r.relay_num, 3);
}

/* ---- start with RELAY_KEEP ------------------------------------------------------------------- */

/* Whatever the power loss left of the file: the complete groups are kept, the rest is cut off. */
static void keep_survives_every_truncation(void **state)
{
    (void)state;
    uint32_t at[GROUPS + 1];
    fill(at);
    static struct rig full;
    full = rig;
    for (uint32_t len = 0; len <= at[GROUPS]; len++) {
        rig = full;
        rig_file(&rig, 1)->len = len;
        rig_file(&rig, 1)->durable = len;
        rig_boot(&rig, "");
        if (len < at[0]) {
            rig_expect(&rig, "ucwf"); /* the header is torn: nothing in it */
            assert_int_equal(rig.r.relay_num, 2);
            assert_int_equal(rig_seq(&rig.r.pos), 0);
        } else {
            const uint32_t n = groups_below(at, len);
            rig_expect(&rig, len == at[n] ? "f" : "tf");
            assert_int_equal(rig.r.relay_num, 1);
            assert_int_equal(rig.r.relay_len, at[n]);
            assert_int_equal(rig_seq(&rig.r.pos), n);
        }
        assert_int_equal(rig.r.relay_complete, rig_file(&rig, rig.r.relay_num)->len);
        assert_int_equal(rig.r.relay_complete, rig_file(&rig, rig.r.relay_num)->durable);
        /* And it goes on from there. */
        const uint64_t next = rig_seq(&rig.r.pos) + 1;
        rig_admin(&rig, ADMIN_FOLLOW, OTHER);
        rig_net(&rig, EV_NET_UP);
        assert_int_equal(rig_seq(&rig.request.pos), next - 1);
        rig_greet(&rig);
        rig_group(&rig, next, true);
        assert_int_equal(rig_seq(&rig.r.pos), next);
    }
}

/* Zeros where the data did not make it: any byte from `at` on. And any flipped bit. */
static void keep_cuts_an_unreadable_tail(void **state)
{
    (void)state;
    uint32_t at[GROUPS + 1];
    fill(at);
    static struct rig full;
    full = rig;
    for (uint32_t i = at[0]; i < at[GROUPS]; i++) {
        for (int flip = 0; flip < 2; flip++) {
            rig = full;
            uint8_t *b = rig_file(&rig, 1)->bytes;
            if (flip != 0) {
                b[i] ^= 0x04;
            } else {
                const uint8_t one[1] = {0xff};
                if (memchr(b + i, one[0], 1) == NULL && b[i] == 0) {
                    continue; /* the first byte would stay as it is */
                }
                memset(b + i, 0, at[GROUPS] - i);
            }
            const uint32_t n = groups_below(at, i);
            rig_boot(&rig, "");
            rig_expect(&rig, "tf");
            assert_int_equal(rig_seq(&rig.r.pos), n);
            assert_int_equal(rig_file(&rig, 1)->len, at[n]);
        }
    }
}

static void keep_raises_the_slave_position_per_domain(void **state)
{
    (void)state;
    uint32_t at[GROUPS + 1];
    fill(at);
    rig_boot(&rig, "0-10-2,5-10-9");
    rig_expect(&rig, "cwff"); /* domain 5 is not in the relay log: a new file says from where on */
    char text[64];
    assert_true(gtid_pos_text(&rig.r.pos, text, sizeof text));
    assert_string_equal(text, "0-10-3,5-10-9");
    assert_non_null(rig_file(&rig, 1));
    assert_int_equal(rig.r.relay_num, 2);
}

/* The slave position is ahead of the relay log. What is received next must not stand in the file
 * directly behind group 3: after a power loss that takes the engine back, there would be a hole
 * that nobody sees. */
static void keep_never_hides_a_hole(void **state)
{
    (void)state;
    uint32_t at[GROUPS + 1];
    fill(at);
    rig_boot(&rig, "0-10-5");
    assert_int_equal(rig.r.relay_num, 2);
    assert_int_equal(rig_seq(&rig.r.pos), 5);
    rig_admin(&rig, ADMIN_FOLLOW, PRIMARY);
    rig_net(&rig, EV_NET_UP);
    rig_greet(&rig);
    rig_group(&rig, 6, true);
    static struct rig full;
    full = rig;
    rig_boot(&rig, "0-10-5");
    rig_expect(&rig, "ff"); /* no hole: both are kept, the second is appended to */
    assert_int_equal(rig.r.relay_num, 2);
    assert_int_equal(rig_seq(&rig.r.pos), 6);
    rig = full;
    rig_boot(&rig, "0-10-2");
    rig_expect(&rig,
               "uf"); /* hole: 4 and 5 are nowhere; 6 is fetched again; the unlink is synced */
    assert_int_equal(rig.r.relay_num, 1);
    assert_int_equal(rig_seq(&rig.r.pos), 3);
    rig = full;
    rig_file(&rig, 1)->len = 3; /* a torn file in front of a good one that follows */
    rig_boot(&rig, "0-10-5");
    rig_expect(&rig, "uf");
    assert_int_equal(rig.r.relay_num, 2);
    assert_int_equal(rig_seq(&rig.r.pos), 6);
    rig = full;
    rig_file(&rig, 1)->len = 3;
    rig_boot(&rig, "");
    rig_expect(&rig, "uucwf"); /* ... and that does not */
    assert_int_equal(rig.r.relay_num, 3);
    assert_int_equal(rig_seq(&rig.r.pos), 0);
}

/* A node that restarts again and again as primary must not fill its disk with empty relay logs. */
static void keep_replaces_empty_files(void **state)
{
    (void)state;
    rig_start(&rig, "mariadbd");
    rig.set.relay_restart = RELAY_KEEP;
    rig_boot(&rig, "");
    rig_expect(&rig, "cwf");
    rig_boot(&rig, "");
    rig_expect(&rig, "f");
    assert_int_equal(rig.r.relay_num, 1);
    rig_boot(&rig, "0-11-4");
    rig_expect(&rig, "ucwf");
    assert_int_equal(rig.r.relay_num, 2);
    rig_boot(&rig, "0-11-4");
    rig_expect(&rig, "f");
}

static void keep_stops_at_a_domain_without_room(void **state)
{
    (void)state;
    uint32_t at[GROUPS + 1];
    fill(at);
    rig_boot(&rig, "1-1-1,2-1-1,3-1-1,4-1-1");
    rig_expect(&rig, "ucwf");
    assert_int_equal(rig.r.pos.n, 4);
}

/* ---- random lives ---------------------------------------------------------------------------- */

/* A receiver lives through restarts, power losses, cut connections and failing disks. Whatever
 * comes: the applier finds each transaction behind the slave position once, in order; what ackproof
 * ACKed or claimed in a request is on disk. */

static uint64_t seed;

static uint32_t draw(uint32_t n)
{
    seed += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = seed;
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)((z ^ z >> 31) % n);
}

struct life {
    uint64_t seq; /* group that the primary sends */
    int part;
    int greet;        /* 3..1: ROTATE, FORMAT_DESCRIPTION, GTID_LIST are still to be sent */
    uint64_t applied; /* slave position at the last start */
    uint64_t durable; /* of which a power loss leaves this (flush_log_at_trx_commit=2) */
    uint64_t top;     /* end of the applier's way, at the last look */
};

/* Walks an applier over the relay logs and returns where it ends. */
static uint64_t walk(uint64_t from)
{
    struct gtid_pos pos;
    memset(&pos, 0, sizeof pos);
    if (from > 0) {
        assert_true(gtid_pos_set(&pos, (struct gtid){0, 10, from}));
    }
    struct applier a;
    applier_boot(&a, &pos);
    struct disk_view v;
    receiver_visible(&rig.r, rig_view(&rig), &v);
    struct replicated_group g;
    while (applier_behind(&a, &v)) {
        assert_true(applier_next(&a, &v, &g));
        assert_int_equal(g.gtid.seq, ++from);
        assert_int_equal(g.k, g.gtid.seq);
        applier_done(&a, g.gtid);
    }
    assert_false(applier_next(&a, &v, &g));
    assert_int_equal(a.failed, 0);
    return from;
}

static void boot_life(struct life *l, bool power)
{
    if (power) {
        for (uint32_t i = 0; i < FILES_MAX; i++) {
            struct rig_file *f = &rig.file[i];
            f->len = f->durable + draw(f->len - f->durable + 1);
            f->durable = f->len;
        }
        l->applied = l->durable;
    } else {
        l->applied += draw((uint32_t)(l->top - l->applied) + 1);
        l->durable = draw(2) == 0 ? l->applied : l->durable;
    }
    char text[GTID_TEXT_MAX] = "";
    if (l->applied > 0) {
        (void)gtid_text((struct gtid){0, 10, l->applied}, text);
    }
    rig_boot(&rig, text);
}

static void send_next(struct life *l)
{
    if (l->greet > 0) {
        const int parts[] = {0, PART_LIST, PART_FDE, PART_ROTATE};
        rig_send(&rig, parts[l->greet--], 0, false);
        return;
    }
    rig.off = 256 + (uint32_t)l->seq * 300 + (uint32_t)l->part * 60;
    rig_send(&rig, l->part, l->seq, l->part == PART_XID && draw(3) != 0);
    l->part = (l->part + 1) % PARTS;
    l->seq += l->part == 0 ? 1 : 0;
}

static void check_claims(const struct life *l, bool sound)
{
    assert_int_equal(walk(l->applied), rig_seq(&rig.r.pos));
    if (sound && rig.log[0] != '\0' && strpbrk(rig.log, "ar") != NULL) {
        assert_true(rig.r.relay_complete <= rig_file(&rig, rig.r.relay_num)->durable);
    }
}

static void step_life(struct life *l)
{
    memset(rig.log, 0, sizeof rig.log);
    const uint32_t task = rig.pending[TASK_RECEIVER] != 0 ? TASK_RECEIVER : TASK_CONSUMER;
    if (rig.pending[task] != 0 && draw(3) != 0) {
        rig_fsync(&rig, task, draw(8) == 0 ? IO_EIO : IO_OK);
    } else if (rig.r.queued > 0 && draw(2) == 0) {
        rig.fail_write = draw(20) == 0 ? IO_ENOSPC : IO_OK;
        rig_step(&rig, &(struct event){.kind = EV_RUN, .task = TASK_CONSUMER});
    } else if (receiver_ready(&rig.r) && draw(25) != 0) {
        send_next(l);
    } else if (rig.r.state == RECEIVER_STOPPED || rig.r.state == RECEIVER_ERROR) {
        rig_admin(&rig, ADMIN_FOLLOW, draw(2) == 0 ? PRIMARY : OTHER);
    } else if (rig.r.state == RECEIVER_CONNECTING && rig.r.up == 0) {
        rig_net(&rig, EV_NET_UP);
    } else if (draw(2) == 0) {
        rig_net(&rig, EV_NET_DOWN);
    } else if (draw(8) == 0) {
        rig_admin(&rig, ADMIN_STOP_SLAVE, 0);
    }
    rig.fail_write = IO_OK;
    if (strchr(rig.log, 'r') != NULL) { /* a new stream starts where the request says, or before */
        l->seq = rig_seq(&rig.request.pos) + 1;
        l->seq -= l->seq > 1 ? draw(2) : 0;
        l->part = 0;
        l->greet = 3;
    }
}

static void live(const char *profile, enum relay_restart restart, uint64_t lives_seed)
{
    rig_start(&rig, profile);
    rig.set.relay_restart = restart;
    rig.set.sync_relay_log = 1 + (uint32_t)(lives_seed % 3);
    seed = lives_seed;
    const bool sound = rig.set.receiver->sync == HANDLER_SYNC_BEFORE_ACK;
    struct life l = {.seq = 1};
    boot_life(&l, false);
    for (int i = 0; i < 250; i++) {
        const struct rig_file *f = rig_file(&rig, rig.r.relay_num);
        if (draw(60) == 0 || f->len + 512 > FILE_BYTES_MAX) {
            if (f->len + 512 > FILE_BYTES_MAX && restart == RELAY_KEEP) {
                break; /* no rotation by size */
            }
            l.top = walk(l.applied);
            boot_life(&l, draw(2) == 0);
        } else {
            step_life(&l);
            if (rig.r.queued == 0 && rig.r.busy == RECEIVER_IDLE) {
                check_claims(&l, sound);
            }
        }
        if (i % 8 == 0) {
            (void)walk(l.applied);
        }
    }
}

static void random_lives_keep_their_promises(void **state)
{
    (void)state;
    for (uint32_t p = 0; receiver_profile_at(p) != NULL; p++) {
        for (uint64_t s = 0; s < 100; s++) {
            live(receiver_profile_at(p)->name, s % 2 == 0 ? RELAY_KEEP : RELAY_PURGE, s);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_round_trip),
        cmocka_unit_test(every_torn_or_flipped_header_is_refused),
        cmocka_unit_test(following_means_that_nothing_is_missing),
        cmocka_unit_test(groups_are_found_at_every_length),
        cmocka_unit_test(purge_deletes_what_was_acked),
        cmocka_unit_test(keep_survives_every_truncation),
        cmocka_unit_test(keep_cuts_an_unreadable_tail),
        cmocka_unit_test(keep_raises_the_slave_position_per_domain),
        cmocka_unit_test(keep_never_hides_a_hole),
        cmocka_unit_test(keep_replaces_empty_files),
        cmocka_unit_test(keep_stops_at_a_domain_without_room),
        cmocka_unit_test(random_lives_keep_their_promises),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}

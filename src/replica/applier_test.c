#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "replica/test_replica.h"

static struct rig rig;
static struct applier applier;

static void boot(const char *applied)
{
    struct gtid_pos pos;
    assert_true(gtid_pos_parse(applied, &pos));
    memset(&applier, 0xA5, sizeof applier);
    applier_boot(&applier, &pos);
}

/* The next group is `seq`; it is committed. */
static void expect_group(uint64_t seq)
{
    struct replicated_group g;
    assert_true(applier_behind(&applier, rig_view(&rig)));
    assert_true(applier_next(&applier, rig_view(&rig), &g));
    assert_int_equal(g.gtid.seq, seq);
    assert_int_equal(g.gtid.server, rig.server_id);
    assert_int_equal(g.xid, 100 + seq);
    assert_int_equal(g.k, seq);
    assert_int_equal(g.v, seq * 10);
    assert_true(applier_behind(&applier, rig_view(&rig))); /* under way */
    applier_done(&applier, g.gtid);
    assert_int_equal(rig_seq(&applier.applied), seq);
}

static void expect_nothing(bool failed)
{
    struct replicated_group g;
    assert_false(applier_behind(&applier, rig_view(&rig)));
    assert_false(applier_next(&applier, rig_view(&rig), &g));
    assert_int_equal(applier.failed, failed);
    assert_int_equal(applier.busy, 0);
}

static void start(const char *applied)
{
    rig_start(&rig, "mariadbd");
    rig_stream(&rig, applied);
    boot(applied);
}

/* ---- one relay log --------------------------------------------------------------------------- */

static void groups_are_handed_out_once_and_in_order(void **state)
{
    (void)state;
    start("");
    expect_nothing(false);
    rig_group(&rig, 1, false);
    rig_group(&rig, 2, false);
    expect_group(1);
    expect_group(2);
    expect_nothing(false);
    rig_group(&rig, 3, false);
    expect_group(3);
    expect_nothing(false);
}

static void looking_changes_nothing(void **state)
{
    (void)state;
    start("");
    rig_group(&rig, 1, false);
    const struct applier before = applier;
    assert_true(applier_behind(&applier, rig_view(&rig)));
    assert_memory_equal(&applier, &before, sizeof before);
}

static void a_partial_group_is_never_handed_out(void **state)
{
    (void)state;
    start("");
    for (int part = 0; part < PARTS; part++) {
        expect_nothing(false);
        rig_send(&rig, part, 1, false);
        rig_settle(&rig);
    }
    expect_group(1);
}

/* A write that is under way may show any part of an event. */
static void a_growing_file_is_read_at_every_length(void **state)
{
    (void)state;
    start("");
    const uint32_t header = rig.r.relay_len;
    rig_group(&rig, 1, false);
    struct rig_file *f = rig_file(&rig, 1);
    const uint32_t len = f->len;
    for (f->len = 0; f->len < len; f->len++) {
        expect_nothing(false);
        assert_int_equal(applier.offset, f->len < header ? 0 : header);
    }
    expect_group(1);
}

static void what_is_applied_is_skipped(void **state)
{
    (void)state;
    start("");
    for (uint64_t seq = 1; seq <= 4; seq++) {
        rig_group(&rig, seq, false);
    }
    boot("0-10-2");
    expect_group(3);
    boot("0-9-4"); /* the domain counts, not the server */
    expect_nothing(false);
    boot("7-10-4");
    expect_group(1);
}

static void a_group_that_was_committed_by_others_is_skipped(void **state)
{
    (void)state;
    start("");
    rig_group(&rig, 1, false);
    rig_group(&rig, 2, false);
    struct replicated_group g;
    assert_true(applier_next(&applier, rig_view(&rig), &g));
    applier_done(&applier, (struct gtid){0, 10, 2}); /* further than what it was given */
    expect_nothing(false);
}

static void groups_without_rows_have_none(void **state)
{
    (void)state;
    start("");
    rig_send(&rig, PART_GTID, 1, false);
    rig_settle(&rig);
    rig_send(&rig, PART_XID, 1, false);
    rig_settle(&rig);
    struct replicated_group g;
    assert_true(applier_next(&applier, rig_view(&rig), &g));
    assert_int_equal(g.k, 0);
    assert_int_equal(g.v, 0);
    assert_int_equal(g.xid, 101);
}

/* ---- several relay logs ---------------------------------------------------------------------- */

/* Starts the receiver again with a slave position; with RELAY_KEEP where `keep`. */
static void restart(const char *applied, bool keep)
{
    rig.set.relay_restart = keep ? RELAY_KEEP : RELAY_PURGE;
    rig_boot(&rig, applied);
    rig_admin(&rig, ADMIN_FOLLOW, PRIMARY);
    rig_net(&rig, EV_NET_UP);
    rig_greet(&rig);
}

static void the_next_relay_log_follows(void **state)
{
    (void)state;
    start("");
    rig_group(&rig, 1, false);
    rig_group(&rig, 2, false);
    restart("0-10-3", true);
    assert_int_equal(rig.r.relay_num, 2);
    rig_group(&rig, 4, false);
    boot("0-10-3");
    expect_group(4);
    assert_int_equal(applier.relay_num, 2);
    expect_nothing(false);
    boot("0-10-1");
    expect_group(2);
    expect_nothing(true); /* 3 was in the engine only: a hole (facts 8.3 P3) */
    expect_nothing(true);
}

static void a_purged_relay_log_is_not_missed(void **state)
{
    (void)state;
    start("");
    rig_group(&rig, 1, false);
    rig_group(&rig, 2, false);
    restart("0-10-1", false);
    rig_group(&rig, 2, false);
    boot("0-10-1");
    expect_group(2);
    assert_int_equal(applier.relay_num, 2);
}

static void a_partial_group_does_not_hold_up_the_next_file(void **state)
{
    (void)state;
    start("");
    rig_group(&rig, 1, false);
    rig_send(&rig, PART_GTID, 2, false);
    rig_settle(&rig);
    /* By hand: a file that was opened at 0-10-1 behind one that ends in half a group. */
    struct rig_file *f = rig_create(&rig, (struct file_id){FILE_RELAY, 5});
    struct writer w = writer_over(f->bytes, FILE_BYTES_MAX);
    assert_int_equal(relay_header_encode(&w, &rig.set, &rig.r.pos), FMT_OK);
    f->len = w.len - 1; /* not finished opening: no reason to stop */
    expect_group(1);
    expect_nothing(false);
    f->len = w.len;
    rig.off = 5000;
    for (int part = 0; part < PARTS; part++) {
        rig_make(&rig, part, 2);
        memcpy(f->bytes + f->len, rig.event, rig.event_len);
        f->len += rig.event_len;
    }
    expect_group(2);
    expect_nothing(false);
}

/* ---- damage ---------------------------------------------------------------------------------- */

static void an_unreadable_event_stops_the_applier(void **state)
{
    (void)state;
    start("");
    rig_group(&rig, 1, false);
    const uint32_t end = rig.r.relay_len;
    rig_group(&rig, 2, false);
    const uint32_t last = rig.r.relay_len;
    rig_file(&rig, 1)->bytes[last - 1] ^= 1;
    expect_group(1);
    assert_int_equal(applier.offset, end);
    expect_nothing(true);
    rig_file(&rig, 1)->bytes[last - 1] ^= 1;
    expect_nothing(true); /* until it is started again */
    boot("0-10-1");
    expect_group(2);
}

static void a_file_that_vanishes_or_shrinks_stops_the_applier(void **state)
{
    (void)state;
    start("");
    rig_group(&rig, 1, false);
    const uint32_t end = rig.r.relay_len;
    expect_group(1);
    rig_file(&rig, 1)->len = end - 1;
    expect_nothing(true);
    rig_file(&rig, 1)->len = end;
    boot("");
    expect_group(1);
    rig_file(&rig, 1)->id.kind = FILE_NONE;
    expect_nothing(true);
}

static void a_fifth_domain_stops_the_applier(void **state)
{
    (void)state;
    start("");
    rig_group(&rig, 1, false);
    boot("1-1-1,2-1-1,3-1-1,4-1-1");
    struct replicated_group g;
    assert_true(applier_next(&applier, rig_view(&rig), &g));
    applier_done(&applier, g.gtid);
    expect_nothing(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(groups_are_handed_out_once_and_in_order),
        cmocka_unit_test(looking_changes_nothing),
        cmocka_unit_test(a_partial_group_is_never_handed_out),
        cmocka_unit_test(a_growing_file_is_read_at_every_length),
        cmocka_unit_test(what_is_applied_is_skipped),
        cmocka_unit_test(a_group_that_was_committed_by_others_is_skipped),
        cmocka_unit_test(groups_without_rows_have_none),
        cmocka_unit_test(the_next_relay_log_follows),
        cmocka_unit_test(a_purged_relay_log_is_not_missed),
        cmocka_unit_test(a_partial_group_does_not_hold_up_the_next_file),
        cmocka_unit_test(an_unreadable_event_stops_the_applier),
        cmocka_unit_test(a_file_that_vanishes_or_shrinks_stops_the_applier),
        cmocka_unit_test(a_fifth_domain_stops_the_applier),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}

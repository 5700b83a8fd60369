/* The receiver on a bad day: cut connections, partial groups, refusals, garbage, disk errors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "replica/parse.h"
#include "replica/test_replica.h"

static struct rig rig;

static void consume(void)
{
    rig_step(&rig, &(struct event){.kind = EV_RUN, .task = TASK_CONSUMER});
}

/* ---- reconnects ------------------------------------------------------------------------------ */

/* A group that was cut at any event is cut off and sent again; nothing remembers the first half. */
static void a_partial_group_is_cut_and_fetched_again(void **state)
{
    (void)state;
    static struct rig straight;
    rig_start(&rig, "mariadbd");
    rig_stream(&rig, "");
    rig_group(&rig, 1, true);
    straight = rig;
    rig_group(&straight, 2, true);
    for (int cut = PART_TABLE_MAP; cut <= PART_XID; cut++) {
        rig_start(&rig, "mariadbd");
        rig_stream(&rig, "");
        rig_group(&rig, 1, true);
        const uint32_t off = rig.off;
        memset(rig.log, 0, sizeof rig.log);
        for (int part = 0; part < cut; part++) {
            rig_send(&rig, part, 2, false);
            rig_settle(&rig);
        }
        memset(rig.log, 0, sizeof rig.log);
        rig_net(&rig, EV_NET_DOWN);
        rig_expect(&rig, "n");
        assert_int_equal(rig.r.state, RECEIVER_CONNECTING);
        rig_net(&rig, EV_NET_UP);
        rig_expect(&rig, "tr");
        assert_int_equal(rig_seq(&rig.request.pos), 1);
        rig.off = off;
        rig_greet(&rig);
        rig_group(&rig, 2, true);
        assert_memory_equal(&rig.r, &straight.r, sizeof rig.r);
        assert_int_equal(rig_file(&rig, 1)->len, rig_file(&straight, 1)->len);
        assert_memory_equal(rig_file(&rig, 1)->bytes, rig_file(&straight, 1)->bytes,
                            rig_file(&rig, 1)->len);
    }
}

static void a_lost_link_leaves_canonical_state(void **state)
{
    (void)state;
    const char *profiles[] = {"mariadbd", "go-mysql-channel"};
    for (int i = 0; i < 2; i++) {
        rig_start(&rig, profiles[i]);
        rig_boot(&rig, "0-10-1");
        rig_admin(&rig, ADMIN_FOLLOW, PRIMARY);
        const struct receiver never = rig.r;
        rig_net(&rig, EV_NET_UP);
        rig_greet(&rig);
        rig_send(&rig, PART_GTID, 1, false); /* skipping */
        rig_net(&rig, EV_NET_DOWN);
        assert_memory_equal(&rig.r, &never, sizeof never);
        rig_net(&rig, EV_NET_UP);
        rig_greet(&rig);
        rig_send(&rig, PART_GTID, 2, false);
        rig_settle(&rig);
        rig_net(&rig, EV_NET_DOWN);
        rig_net(&rig, EV_NET_UP);
        rig_net(&rig, EV_NET_DOWN);
        assert_memory_equal(&rig.r, &never, sizeof never);
    }
}

/* The link breaks while the last event of a group is being synced. */
static void an_event_in_the_disks_hands_still_counts(void **state)
{
    (void)state;
    for (int up_first = 0; up_first < 2; up_first++) {
        rig_start(&rig, "ackproof");
        rig_stream(&rig, "");
        rig_send(&rig, PART_GTID, 1, false);
        rig_send(&rig, PART_XID, 1, true);
        rig_expect(&rig, "wwf");
        rig_net(&rig, EV_NET_DOWN);
        if (up_first != 0) {
            rig_net(&rig, EV_NET_UP);
            rig_expect(&rig, "n"); /* the request waits */
            assert_false(receiver_ready(&rig.r));
            rig_fsync(&rig, TASK_RECEIVER, IO_OK);
            rig_expect(&rig, "r");
        } else {
            rig_fsync(&rig, TASK_RECEIVER, IO_OK);
            rig_expect(&rig, "n");
            assert_int_equal(rig.r.primary_file, 0);
            rig_net(&rig, EV_NET_UP);
            rig_expect(&rig, "r");
        }
        assert_int_equal(rig.acks, 0);
        assert_int_equal(rig_seq(&rig.request.pos), 1);
        assert_int_equal(rig_file(&rig, 1)->durable, rig_file(&rig, 1)->len);
    }
}

/* The same inside a group: what was synced is cut off again before the request. */
static void an_event_in_the_disks_hands_may_be_cut(void **state)
{
    (void)state;
    rig_start(&rig, "mariadbd");
    rig_stream(&rig, "");
    rig_send(&rig, PART_GTID, 1, false);
    rig_admin(&rig, ADMIN_FOLLOW, OTHER);
    rig_net(&rig, EV_NET_UP);
    rig_expect(&rig, "wfxn");
    rig_fsync(&rig, TASK_RECEIVER, IO_OK);
    rig_expect(&rig, "tr");
    assert_int_equal(rig_seq(&rig.request.pos), 0);
    assert_int_equal(rig.r.relay_len, rig_file(&rig, 1)->len);
}

/* ackproof: the position in a request counts as an ACK on the primary, so it is made true first. */
static void what_a_request_claims_is_on_disk(void **state)
{
    (void)state;
    rig_start(&rig, "ackproof");
    rig_stream(&rig, "");
    rig_group(&rig, 1, false);
    rig_send(&rig, PART_GTID, 2, false);
    rig_net(&rig, EV_NET_DOWN);
    rig_net(&rig, EV_NET_UP);
    rig_expect(&rig, "wwwwwntf");
    rig_net(&rig, EV_NET_DOWN); /* and once more while it waits */
    rig_net(&rig, EV_NET_UP);
    rig_expect(&rig, "n");
    rig_fsync(&rig, TASK_RECEIVER, IO_OK);
    rig_expect(&rig, "r");
    assert_int_equal(rig_seq(&rig.request.pos), 1);
    assert_int_equal(rig_file(&rig, 1)->durable, rig_file(&rig, 1)->len);
    rig_net(&rig, EV_NET_DOWN);
    rig_net(&rig, EV_NET_UP);
    rig_expect(&rig, "nr"); /* nothing new: no fsync */
}

static void a_buffered_partial_group_is_dropped(void **state)
{
    (void)state;
    rig_start(&rig, "go-mysql-channel");
    rig_stream(&rig, "");
    rig_group(&rig, 1, false);
    rig_send(&rig, PART_GTID, 2, false);
    consume();
    rig_net(&rig, EV_NET_DOWN);
    rig_net(&rig, EV_NET_UP);
    rig_expect(&rig, "kwknkr"); /* group 1 is in the buffer's front: nothing to cut on disk */
    while (rig.r.queued > 0) {
        consume();
    }
    assert_int_equal(rig.r.relay_complete, rig_file(&rig, 1)->len);
    /* And where its head has left the buffer already, it is cut from the file. */
    rig_greet(&rig);
    rig_send(&rig, PART_GTID, 2, false);
    rig_send(&rig, PART_ROWS, 2, false);
    consume();
    memset(rig.log, 0, sizeof rig.log);
    rig_net(&rig, EV_NET_DOWN);
    rig_net(&rig, EV_NET_UP);
    rig_expect(&rig, "ntr");
    assert_int_equal(rig.r.queued, 0);
    assert_int_equal(rig.r.relay_complete, rig_file(&rig, 1)->len);
}

/* The same while the consumer waits for the disk: the request waits for it. */
static void a_cut_waits_for_the_consumer(void **state)
{
    (void)state;
    const struct receiver_profile custom = {.name = "custom",
                                            .ack = ACK_AFTER_QUEUE,
                                            .sync = HANDLER_SYNC_COUNTED,
                                            .buffered = true,
                                            .verify_crc_before_ack = true};
    for (int io = IO_OK; io <= IO_EIO; io++) {
        rig_start(&rig, "mariadbd");
        rig.set.receiver = &custom;
        rig_stream(&rig, "");
        rig_send(&rig, PART_GTID, 1, false);
        rig_send(&rig, PART_ROWS, 1, false);
        consume();
        rig_net(&rig, EV_NET_DOWN);
        rig_net(&rig, EV_NET_UP);
        rig_expect(&rig, "kwfn");
        rig_fsync(&rig, TASK_CONSUMER, (enum io_result)io);
        rig_expect(&rig, io == IO_OK ? "tr" : "x");
        assert_int_equal(rig.r.state, io == IO_OK ? RECEIVER_STREAMING : RECEIVER_ERROR);
    }
}

/* Facts 8.2 R5: the primary crashed inside a group; the next file follows in the same stream. */
static void a_group_that_its_primary_never_finished_is_cut(void **state)
{
    (void)state;
    rig_start(&rig, "mariadbd");
    rig_stream(&rig, "");
    rig_group(&rig, 1, false);
    rig_send(&rig, PART_GTID, 2, false);
    rig_settle(&rig);
    rig_send(&rig, PART_ROTATE, 0, false);
    memset(rig.log, 0, sizeof rig.log);
    rig_send(&rig, PART_FDE, 0, true);
    rig_expect(&rig, "ta");
    assert_int_equal(rig.r.relay_complete, rig_file(&rig, 1)->len);
    rig_group(&rig, 2, true);
    rig_expect(&rig, "wfwfwfwfa");
    rig_start(&rig, "go-mysql-channel");
    rig_stream(&rig, "");
    rig_send(&rig, PART_GTID, 1, false);
    rig_send(&rig, PART_FDE, 0, true);
    rig_expect(&rig, "ka");
    assert_int_equal(rig.r.queued, 0);
}

/* ---- what cannot be right -------------------------------------------------------------------- */

/* Sends the bytes as a packet: the receiver must stop, having changed nothing else. */
static void expect_refused(const uint8_t *p, uint32_t len, const char *letters)
{
    const struct rig before = rig;
    rig_packet(&rig, p, len);
    rig_expect(&rig, letters);
    assert_int_equal(rig.r.state, RECEIVER_ERROR);
    assert_int_equal(rig.r.relay_len, before.r.relay_len);
    assert_memory_equal(&rig.r.pos, &before.r.pos, sizeof rig.r.pos);
    assert_memory_equal(rig.file, before.file, sizeof rig.file);
    assert_false(receiver_ready(&rig.r));
    rig_net(&rig, EV_NET_DOWN);
    rig_net(&rig, EV_NET_UP);
    rig_expect(&rig, ""); /* stays until ADMIN_FOLLOW */
    rig = before;
}

static void refusals_and_garbage_stop_the_receiver(void **state)
{
    (void)state;
    rig_start(&rig, "mariadbd");
    rig_stream(&rig, "");
    rig_group(&rig, 1, true);
    memset(rig.log, 0, sizeof rig.log);
    expect_refused((const uint8_t *)"\xff\x99\x07#HY000", 9, "x"); /* error 1945, facts 8.1 C6 */
    expect_refused((const uint8_t *)"\xfe", 1, "x");
    expect_refused((const uint8_t *)"\0", 1, "x");
    expect_refused((const uint8_t *)"\0\xef\1", 3, "x");
    expect_refused((const uint8_t *)"\0\0\1abc", 6, "x");
    rig_make(&rig, PART_XID, 2); /* the end of a group without its GTID */
    uint8_t p[600] = {0, SEMISYNC_MAGIC, 1};
    memcpy(p + 3, rig.event, rig.event_len);
    expect_refused(p, 3 + rig.event_len, "x");
    rig_make(&rig, PART_GTID, 2);
    memcpy(p + 3, rig.event, rig.event_len);
    expect_refused(p, 3 + rig.event_len + 1, "x"); /* bytes behind the event */
    for (uint32_t i = 0; i < rig.event_len; i++) {
        p[3 + i] ^= 0x10;
        expect_refused(p, 3 + rig.event_len, "x");
        p[3 + i] ^= 0x10;
        expect_refused(p, 3 + i, "x");
    }
    rig_frame(&rig, false);
    rig_settle(&rig);
    memset(rig.log, 0, sizeof rig.log);
    expect_refused(p, 3 + rig.event_len, "x"); /* a GTID inside a group */
}

static void a_group_needs_a_rotate_and_a_sequence_number(void **state)
{
    (void)state;
    rig_start(&rig, "ackproof");
    rig_boot(&rig, "");
    rig_admin(&rig, ADMIN_FOLLOW, PRIMARY);
    rig_net(&rig, EV_NET_UP);
    memset(rig.log, 0, sizeof rig.log);
    uint8_t p[600] = {0, SEMISYNC_MAGIC, 1};
    rig_make(&rig, PART_GTID, 1);
    memcpy(p + 3, rig.event, rig.event_len);
    expect_refused(p, 3 + rig.event_len, "x");
    rig_make(&rig, PART_LIST, 1);
    memcpy(p + 3, rig.event, rig.event_len);
    expect_refused(p, 3 + rig.event_len, "x"); /* an ACK for it would have no file name */
    const char *names[] = {"binlog.1", "mysql-bin.000001"};
    struct event_ctx c = {.timestamp = 1, .server_id = 10, .start = 4};
    for (int i = 0; i < 2; i++) {
        struct writer w = writer_over(p + 3, sizeof p - 3);
        assert_int_equal(encode_rotate(&w, &c, names[i], 4), FMT_OK);
        expect_refused(p, 3 + w.len, "x");
    }
    struct writer w = writer_over(p + 3, sizeof p - 3);
    assert_int_equal(encode_rotate(&w, &c, "binlog.000001", UINT64_C(1) << 32), FMT_OK);
    expect_refused(p, 3 + w.len, "x");
}

static void a_fifth_domain_has_no_room(void **state)
{
    (void)state;
    rig_start(&rig, "mariadbd");
    rig_stream(&rig, "1-1-1,2-1-1,3-1-1,4-1-1");
    rig_make(&rig, PART_GTID, 1); /* domain 0 */
    uint8_t p[600] = {0, SEMISYNC_MAGIC, 0};
    memcpy(p + 3, rig.event, rig.event_len);
    expect_refused(p, 3 + rig.event_len, "x");
}

/* Connector/C answers before it has looked at the checksum (facts 3.2). */
static void libmariadb_acks_an_event_that_it_then_rejects(void **state)
{
    (void)state;
    rig_start(&rig, "libmariadb");
    rig_stream(&rig, "");
    uint8_t p[600] = {0, SEMISYNC_MAGIC, 1};
    rig_make(&rig, PART_GTID, 1);
    memcpy(p + 3, rig.event, rig.event_len);
    p[3 + rig.event_len - 1] ^= 1;
    expect_refused(p, 3 + rig.event_len, "ax");
}

static void parsing_changes_nothing(void **state)
{
    (void)state;
    rig_start(&rig, "mariadbd");
    rig_stream(&rig, "");
    rig_send(&rig, PART_GTID, 1, false);
    rig_settle(&rig);
    const struct receiver before = rig.r;
    for (int part = PART_GTID; part < PARTS; part++) {
        uint8_t b[600];
        struct writer w = writer_over(b, sizeof b);
        rig_make(&rig, part, 1);
        assert_int_equal(encode_event_packet(&w, rig.event, rig.event_len, true, true), FMT_OK);
        struct parsed p;
        assert_int_equal(parse_head(&rig.set, b, w.len, &p), FMT_OK);
        assert_int_equal(parse_body(&rig.r, &rig.set, &p),
                         part == PART_GTID ? FMT_BAD_BODY : FMT_OK);
        assert_true(p.packet.need_ack);
        assert_int_equal(p.off, rig.off);
    }
    assert_memory_equal(&rig.r, &before, sizeof before);
}

/* ---- disk errors ----------------------------------------------------------------------------- */

static void a_failed_write_or_fsync_is_not_acked(void **state)
{
    (void)state;
    const char *profiles[] = {"mariadbd", "ackproof", "go-mysql-handler"};
    for (int i = 0; i < 3; i++) {
        for (int write = 0; write < 2; write++) {
            rig_start(&rig, profiles[i]);
            rig_stream(&rig, "");
            rig_group(&rig, 1, true);
            rig_send(&rig, PART_GTID, 2, false);
            rig_settle(&rig);
            const uint32_t acks = rig.acks;
            memset(rig.log, 0, sizeof rig.log);
            rig.fail_write = write != 0 ? IO_ENOSPC : IO_OK;
            rig_send(&rig, PART_XID, 2, true);
            if (write == 0) {
                if (i == 2) {
                    continue; /* never syncs */
                }
                rig_fsync(&rig, TASK_RECEIVER, IO_EIO);
            }
            rig_expect(&rig, write != 0 ? "wx" : "wfx");
            assert_int_equal(rig.acks, acks);
            assert_int_equal(rig.r.state, RECEIVER_ERROR);
            assert_int_equal(rig_seq(&rig.r.pos), 1);
            /* The administrator tries again: what the disk may have kept of group 2 is cut off. */
            rig_admin(&rig, ADMIN_FOLLOW, OTHER);
            rig_net(&rig, EV_NET_UP);
            rig_settle(&rig);
            rig_expect(&rig, i == 1 ? "ntfr" : "ntr");
            assert_int_equal(rig_seq(&rig.request.pos), 1);
            rig_greet(&rig);
            rig_group(&rig, 2, true);
            assert_int_equal(rig.acks, acks + 1);
            assert_int_equal(rig.r.relay_complete, rig_file(&rig, 1)->len);
        }
    }
}

static void a_disk_error_after_the_link_is_gone_ends_the_retry(void **state)
{
    (void)state;
    rig_start(&rig, "mariadbd");
    rig_stream(&rig, "");
    rig_send(&rig, PART_GTID, 1, false);
    rig_net(&rig, EV_NET_DOWN);
    rig_fsync(&rig, TASK_RECEIVER, IO_EIO);
    rig_expect(&rig, "wfnx");
    assert_int_equal(rig.r.state, RECEIVER_ERROR);
    rig_start(&rig, "mariadbd");
    rig_stream(&rig, "");
    rig_send(&rig, PART_GTID, 1, false);
    rig_admin(&rig, ADMIN_STOP_SLAVE, 0);
    rig_fsync(&rig, TASK_RECEIVER, IO_EIO);
    rig_expect(&rig, "wfx");
    assert_int_equal(rig.r.state, RECEIVER_ERROR);
}

static void a_consumer_error_loses_nothing_in_memory(void **state)
{
    (void)state;
    rig_start(&rig, "go-mysql-channel");
    rig_stream(&rig, "");
    rig_group(&rig, 1, true);
    rig_send(&rig, PART_GTID, 2, false);
    rig.fail_write = IO_ENOSPC;
    consume();
    rig_expect(&rig, "kawx");
    assert_int_equal(rig.r.state, RECEIVER_ERROR);
    rig_admin(&rig, ADMIN_FOLLOW, PRIMARY);
    rig_expect(&rig, "nk");
    while (rig.r.queued > 0) {
        consume();
    }
    rig_net(&rig, EV_NET_UP);
    rig_expect(&rig, "wkwkwkwr");
    assert_int_equal(rig_seq(&rig.request.pos), 1);
    assert_int_equal(rig.r.relay_complete, rig_file(&rig, 1)->len);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_partial_group_is_cut_and_fetched_again),
        cmocka_unit_test(a_lost_link_leaves_canonical_state),
        cmocka_unit_test(an_event_in_the_disks_hands_still_counts),
        cmocka_unit_test(an_event_in_the_disks_hands_may_be_cut),
        cmocka_unit_test(what_a_request_claims_is_on_disk),
        cmocka_unit_test(a_buffered_partial_group_is_dropped),
        cmocka_unit_test(a_cut_waits_for_the_consumer),
        cmocka_unit_test(a_group_that_its_primary_never_finished_is_cut),
        cmocka_unit_test(refusals_and_garbage_stop_the_receiver),
        cmocka_unit_test(a_group_needs_a_rotate_and_a_sequence_number),
        cmocka_unit_test(a_fifth_domain_has_no_room),
        cmocka_unit_test(libmariadb_acks_an_event_that_it_then_rejects),
        cmocka_unit_test(parsing_changes_nothing),
        cmocka_unit_test(a_failed_write_or_fsync_is_not_acked),
        cmocka_unit_test(a_disk_error_after_the_link_is_gone_ends_the_retry),
        cmocka_unit_test(a_consumer_error_loses_nothing_in_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}

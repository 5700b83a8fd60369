/* The receiver on a good day: each profile's order of write, fsync and ACK; positions; the buffer.
 * */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "format/event_crc.h"
#include "replica/buffer.h"
#include "replica/test_replica.h"

static struct rig rig;

/* ---- profiles -------------------------------------------------------------------------------- */

static void a_handler_and_a_buffer_is_an_error(void **state)
{
    (void)state;
    struct receiver_profile p = *receiver_profile_find("mariadbd");
    assert_true(receiver_profile_check(&p));
    p.buffered = true;
    assert_false(receiver_profile_check(&p));
    p.handler = false;
    assert_false(receiver_profile_check(&p)); /* nobody tells when the consumer has handled it */
    p.ack = ACK_AFTER_QUEUE;
    assert_true(receiver_profile_check(&p));
    p.buffered = false;
    assert_false(receiver_profile_check(&p)); /* no consumer at all */
    p.handler = true;
    assert_false(receiver_profile_check(&p)); /* no queue */
    p.ack = ACK_BEFORE_HANDLE;
    p.sync = HANDLER_SYNC_BEFORE_ACK;
    assert_false(receiver_profile_check(&p)); /* the ACK has left by then */
    for (uint32_t i = 0; receiver_profile_at(i) != NULL; i++) {
        assert_true(receiver_profile_check(receiver_profile_at(i)));
    }
}

/* One group with an ACK, one without. */
static void expect_order(const char *profile, const char *with_ack, const char *without)
{
    rig_start(&rig, profile);
    rig_stream(&rig, "");
    rig_group(&rig, 1, true);
    rig_expect(&rig, with_ack);
    rig_group(&rig, 2, false);
    rig_expect(&rig, without);
    assert_int_equal(rig_seq(&rig.r.pos), 2);
    assert_int_equal(rig.acks, 1);
}

static void each_profile_keeps_its_order(void **state)
{
    (void)state;
    expect_order("mariadbd", "wfwfwfwfa", "wfwfwfwf");
    expect_order("ackproof", "wwwwfa", "wwww");
    expect_order("libmariadb", "wwwaw", "wwww");
    expect_order("go-mysql-handler", "wwwwa", "wwww");
    expect_order("go-mysql-channel", "ka", "");
}

static void sync_relay_log_counts_events(void **state)
{
    (void)state;
    rig_start(&rig, "mariadbd");
    rig.set.sync_relay_log = 3;
    rig_stream(&rig, "");
    rig_group(&rig, 1, true);
    rig_expect(&rig, "wwwfwa"); /* the ACK stands behind one event that is not synced */
    rig_group(&rig, 2, true);
    rig_expect(&rig, "wwfwwa");
    rig.set.sync_relay_log = 0;
    rig_start(&rig, "mariadbd");
    rig.set.sync_relay_log = 0;
    rig_stream(&rig, "");
    rig_group(&rig, 1, true);
    rig_expect(&rig, "wwwwa");
    assert_int_equal(rig.r.unsynced, 0);
}

static void an_ack_waits_for_the_disk(void **state)
{
    (void)state;
    rig_start(&rig, "ackproof");
    rig_stream(&rig, "");
    rig_send(&rig, PART_GTID, 1, false);
    rig_send(&rig, PART_ROWS, 1, false);
    rig_send(&rig, PART_XID, 1, true);
    rig_expect(&rig, "wwwf");
    assert_false(receiver_ready(&rig.r));
    assert_int_equal(rig_seq(&rig.r.pos), 0); /* handled is not yet advanced */
    assert_int_not_equal(rig.r.primary_off, rig.off);
    assert_int_equal(rig.r.parsed_off, rig.off);
    rig_fsync(&rig, TASK_RECEIVER, IO_OK);
    rig_expect(&rig, "a");
    assert_true(receiver_ready(&rig.r));
    assert_int_equal(rig_seq(&rig.r.pos), 1);
    assert_int_equal(rig.ack.pos, rig.off);
    assert_string_equal(rig.ack.file, "binlog.000001");
    assert_int_equal(rig_file(&rig, 1)->durable, rig_file(&rig, 1)->len);
}

static void no_ack_without_semi_sync(void **state)
{
    (void)state;
    rig_start(&rig, "mariadbd");
    rig.set.semi_sync_slave = false;
    rig_stream(&rig, "0-10-4");
    assert_int_equal(rig.request.semi_sync, 0);
    rig_group(&rig, 5, false);
    rig_expect(&rig, "wfwfwfwf");
    assert_int_equal(rig_seq(&rig.r.pos), 5);
}

/* ---- connecting ------------------------------------------------------------------------------ */

static void follow_connects_and_asks_for_what_it_lacks(void **state)
{
    (void)state;
    rig_start(&rig, "mariadbd");
    rig_boot(&rig, "0-10-7,3-9-1");
    rig_expect(&rig, "cwf");
    assert_int_equal(rig.r.state, RECEIVER_STOPPED);
    assert_false(receiver_ready(&rig.r));
    rig_admin(&rig, ADMIN_FOLLOW, OTHER);
    rig_expect(&rig, "n");
    assert_int_equal(rig.r.state, RECEIVER_CONNECTING);
    assert_false(receiver_ready(&rig.r));
    rig_step(&rig, &(struct event){.kind = EV_TIMER, .task = TASK_RECEIVER});
    rig_expect(&rig, "n");
    rig_step(&rig, &(struct event){.kind = EV_NET_UP, .peer = PRIMARY}); /* not whom we follow */
    rig_expect(&rig, "");
    rig_net(&rig, EV_NET_UP);
    rig_expect(&rig, "r");
    assert_true(receiver_ready(&rig.r));
    char text[128];
    assert_true(gtid_pos_text(&rig.request.pos, text, sizeof text));
    assert_string_equal(text, "0-10-7,3-9-1");
    assert_int_equal(rig.request.server_id, 10 + SELF);
    assert_int_equal(rig.request.semi_sync, 1);
    rig_step(&rig, &(struct event){.kind = EV_TIMER, .task = TASK_RECEIVER});
    rig_admin(&rig, ADMIN_STOP_SLAVE, 0);
    rig_expect(&rig, "x");
    rig_admin(&rig, ADMIN_STOP_SLAVE, 0);
    rig_net(&rig, EV_NET_DOWN); /* of the connection that we closed */
    rig_net(&rig, EV_NET_UP);
    rig_expect(&rig, "");
    assert_int_equal(rig.r.state, RECEIVER_STOPPED);
}

static void what_stands_outside_groups_is_not_stored(void **state)
{
    (void)state;
    rig_start(&rig, "mariadbd");
    rig_stream(&rig, "");
    assert_int_equal(rig.r.primary_file, 1);
    assert_int_equal(rig.r.primary_off, 256);
    assert_int_equal(rig.r.relay_len, rig_file(&rig, 1)->len);
    rig_send(&rig, PART_LIST, 0, true); /* catching up, a primary may ask at any event */
    rig_expect(&rig, "a");
    assert_int_equal(rig.ack.pos, 256);
    rig_group(&rig, 1, false);
    memset(rig.log, 0, sizeof rig.log);
    const struct receiver before = rig.r;
    struct event_ctx c = {.timestamp = 1, .server_id = 10, .start = 50};
    struct writer w = writer_over(rig.event, sizeof rig.event);
    assert_int_equal(encode_binlog_checkpoint(&w, &c, "binlog.000009"), FMT_OK);
    rig.event_len = w.len;
    rig_frame(&rig, false);
    assert_memory_equal(&rig.r, &before, sizeof before); /* the checkpoint's file is not ours */
    w = writer_over(rig.event, sizeof rig.event);
    c.start = 4000;
    assert_int_equal(encode_stop(&w, &c), FMT_OK);
    rig.event[4] = EVENT_HEARTBEAT; /* same shape; the CRC has to be made anew */
    rig.event_len = w.len;
    uint32_t crc = event_crc(rig.event, w.len - EVENT_CRC_LEN);
    for (int i = 0; i < EVENT_CRC_LEN; i++) {
        rig.event[w.len - EVENT_CRC_LEN + (uint32_t)i] = (uint8_t)(crc >> 8 * i);
    }
    rig_frame(&rig, false);
    assert_memory_equal(&rig.r, &before, sizeof before);
    w = writer_over(rig.event, sizeof rig.event);
    assert_int_equal(encode_rotate(&w, &c, "binlog.000002", 4), FMT_OK);
    rig.event_len = w.len;
    rig_frame(&rig, false);
    rig_expect(&rig, "");
    assert_int_equal(rig.r.primary_file, 2);
    assert_int_equal(rig.r.primary_off, 4);
}

static void groups_are_stored_verbatim(void **state)
{
    (void)state;
    rig_start(&rig, "mariadbd");
    rig_stream(&rig, "");
    uint32_t at = rig_file(&rig, 1)->len;
    for (int part = 0; part < PARTS; part++) {
        rig_send(&rig, part, 1, false);
        rig_settle(&rig);
        assert_memory_equal(rig_file(&rig, 1)->bytes + at, rig.event, rig.event_len);
        at += rig.event_len;
        assert_int_equal(rig_file(&rig, 1)->len, at);
        assert_int_equal(rig.r.relay_len, at);
        assert_int_equal(rig.r.relay_complete == at, part == PART_XID);
        assert_int_equal(rig.r.scan.open, part != PART_XID);
    }
    struct relay_group found;
    struct relay_header h;
    const struct file_view *f = &rig_view(&rig)->at[0];
    assert_int_equal(relay_header_decode(f, &h), FMT_OK);
    assert_int_equal(relay_next_group(f, h.len, &found), RELAY_GROUP);
    assert_int_equal(found.k, 1);
    assert_int_equal(found.v, 10);
    assert_int_equal(found.xid, 101);
    assert_int_equal(found.end, at);
}

/* Between groups nothing of them is left, so that equal situations are equal bytes. */
static void a_finished_group_leaves_no_trace(void **state)
{
    (void)state;
    rig_start(&rig, "go-mysql-channel");
    rig_stream(&rig, "");
    rig_group(&rig, 1, true);
    while (rig.r.queued > 0) {
        rig_step(&rig, &(struct event){.kind = EV_RUN, .task = TASK_CONSUMER});
    }
    const struct group_scan none = {0};
    const uint8_t zeros[RECEIVER_BUFFER_MAX] = {0};
    assert_memory_equal(&rig.r.scan, &none, sizeof none);
    assert_memory_equal(rig.r.buffer, zeros, sizeof zeros);
    assert_int_equal(rig.r.writing, 0);
}

static void duplicates_are_skipped_and_acked(void **state)
{
    (void)state;
    rig_start(&rig, "mariadbd");
    rig_stream(&rig, "0-10-2");
    const uint32_t len = rig.r.relay_len;
    rig_group(&rig, 1, true);
    rig_expect(&rig, "a");
    rig_send(&rig, PART_GTID, 2, false);
    assert_int_equal(rig.r.skipping, 1);
    rig_send(&rig, PART_ROWS, 2, false);
    rig_send(&rig, PART_XID, 2, true);
    rig_expect(&rig, "a");
    assert_int_equal(rig.r.skipping, 0);
    assert_int_equal(rig.r.relay_len, len);
    assert_int_equal(rig.r.primary_off, rig.off);
    rig_group(&rig, 3, true);
    rig_expect(&rig, "wfwfwfwfa");
    assert_int_equal(rig_seq(&rig.r.pos), 3);
}

/* ackproof: an ACK speaks for all before it, so all before it is synced first. */
static void an_ack_for_a_duplicate_syncs_what_came_before(void **state)
{
    (void)state;
    rig_start(&rig, "ackproof");
    rig_stream(&rig, "");
    rig_group(&rig, 1, false);
    rig_group(&rig, 1, true);
    rig_expect(&rig, "wwwwfa");
    assert_int_equal(rig_file(&rig, 1)->durable, rig_file(&rig, 1)->len);
    rig_group(&rig, 1, true);
    rig_expect(&rig, "a"); /* nothing new: no second fsync */
    rig_group(&rig, 2, false);
    rig_send(&rig, PART_LIST, 0, true);
    rig_settle(&rig);
    rig_expect(&rig, "wwwwfa");
}

static void the_applier_sees_what_was_advanced_over(void **state)
{
    (void)state;
    rig_start(&rig, "mariadbd");
    rig_stream(&rig, "");
    rig_group(&rig, 1, false);
    for (int part = 0; part < PARTS; part++) {
        rig_settle(&rig);
        rig_send(&rig, part, 2, true);
    }
    struct disk_view all = *rig_view(&rig);
    struct disk_view seen;
    receiver_visible(&rig.r, &all, &seen);
    assert_int_equal(seen.n, all.n);
    assert_int_equal(seen.at[0].len, rig.r.relay_complete);
    assert_true(seen.at[0].len < all.at[0].len);
    rig_settle(&rig);
    receiver_visible(&rig.r, rig_view(&rig), &seen);
    assert_int_equal(seen.at[0].len, rig_file(&rig, 1)->len);
}

/* ---- buffered -------------------------------------------------------------------------------- */

static void consume(void)
{
    rig_step(&rig, &(struct event){.kind = EV_RUN, .task = TASK_CONSUMER});
}

static void a_buffered_receiver_advances_when_it_has_queued(void **state)
{
    (void)state;
    rig_start(&rig, "go-mysql-channel");
    rig_stream(&rig, "");
    const uint32_t header = rig.r.relay_len;
    rig_group(&rig, 1, true);
    rig_expect(&rig, "ka");
    assert_int_equal(rig_seq(&rig.r.pos), 1);
    assert_int_equal(rig.r.relay_len, header); /* ACKed, and nowhere but in memory */
    for (int part = 0; part < PARTS; part++) {
        consume();
        rig_expect(&rig, part == PART_XID ? "w" : "wk");
        assert_int_equal(rig.r.relay_complete > header, part == PART_XID);
    }
    assert_int_equal(rig.r.queued, 0);
    assert_int_equal(rig.r.relay_complete, rig_file(&rig, 1)->len);
    consume(); /* a wake-up with nothing to do */
    rig_expect(&rig, "");
    struct relay_header h;
    struct relay_group g;
    assert_int_equal(relay_header_decode(&rig_view(&rig)->at[0], &h), FMT_OK);
    assert_int_equal(relay_next_group(&rig_view(&rig)->at[0], h.len, &g), RELAY_GROUP);
    assert_int_equal(g.gtid.seq, 1);
}

static void a_full_buffer_takes_no_packet(void **state)
{
    (void)state;
    rig_start(&rig, "go-mysql-channel");
    rig_stream(&rig, "");
    uint64_t seq = 0;
    int part = 0;
    while (receiver_ready(&rig.r)) {
        seq += part == 0 ? 1 : 0;
        rig_send(&rig, part, seq, false);
        part = (part + 1) % PARTS;
    }
    assert_true(rig.r.queued + 2 + RECEIVER_EVENT_MAX > RECEIVER_BUFFER_MAX);
    assert_true(seq > 2);
    while (rig.r.queued > 0) {
        consume();
    }
    assert_true(receiver_ready(&rig.r));
    for (; part != 0; part = (part + 1) % PARTS) {
        rig_send(&rig, part, seq, false);
        consume();
    }
    assert_int_equal(rig_seq(&rig.r.pos), seq);
    assert_int_equal(rig.r.relay_complete, rig_file(&rig, 1)->len);
}

static void a_consumer_may_sync_by_count_while_packets_come_in(void **state)
{
    (void)state;
    const struct receiver_profile custom = {.name = "custom",
                                            .ack = ACK_AFTER_QUEUE,
                                            .sync = HANDLER_SYNC_COUNTED,
                                            .buffered = true,
                                            .verify_crc_before_ack = true};
    rig_start(&rig, "mariadbd");
    rig.set.receiver = &custom;
    rig_stream(&rig, "");
    rig_send(&rig, PART_GTID, 1, false);
    consume();
    rig_expect(&rig, "kwf");
    consume(); /* it waits for the disk */
    rig_send(&rig, PART_ROWS, 1, false);
    rig_send(&rig, PART_XID, 1, true);
    rig_expect(&rig, "a");
    rig_fsync(&rig, TASK_CONSUMER, IO_OK);
    rig_expect(&rig, "k");
    consume();
    rig_fsync(&rig, TASK_CONSUMER, IO_OK);
    consume();
    rig_fsync(&rig, TASK_CONSUMER, IO_OK);
    rig_expect(&rig, "wfkwf");
    assert_int_equal(rig.r.relay_complete, rig_file(&rig, 1)->durable);
}

static void the_buffer_keeps_order_and_ends_of_groups(void **state)
{
    (void)state;
    struct receiver r;
    memset(&r, 0, sizeof r);
    const struct receiver empty = r;
    struct buffer_entry e;
    assert_false(buffer_front(&r, &e));
    buffer_put(&r, (const uint8_t *)"a", 1, false);
    buffer_put(&r, (const uint8_t *)"bcd", 3, true);
    buffer_put(&r, (const uint8_t *)"ef", 2, false);
    assert_true(buffer_front(&r, &e));
    assert_int_equal(e.len, 1);
    assert_false(e.ends_group);
    buffer_drop_partial(&r, false);
    buffer_pop(&r);
    assert_true(buffer_front(&r, &e));
    assert_int_equal(e.len, 3);
    assert_memory_equal(e.event, "bcd", 3);
    assert_true(e.ends_group);
    buffer_pop(&r);
    assert_memory_equal(&r, &empty, sizeof r);
    buffer_put(&r, (const uint8_t *)"gh", 2, false);
    buffer_put(&r, (const uint8_t *)"ij", 2, false);
    buffer_drop_partial(&r, true);
    assert_true(buffer_front(&r, &e));
    assert_memory_equal(e.event, "gh", 2);
    buffer_drop_partial(&r, false);
    assert_memory_equal(&r, &empty, sizeof r);
    assert_true(buffer_fits(&r, RECEIVER_EVENT_MAX));
    assert_false(buffer_fits(&r, RECEIVER_EVENT_MAX + 1));
}

/* ---- dump request ---------------------------------------------------------------------------- */

static void dump_requests_round_trip(void **state)
{
    (void)state;
    struct dump_request q = {.server_id = 0x01020304, .semi_sync = 1};
    for (uint32_t i = 0; i <= GTID_DOMAINS_MAX; i++) {
        uint8_t at[256];
        struct writer w = writer_over(at, sizeof at);
        assert_int_equal(encode_dump_request(&w, &q), FMT_OK);
        struct dump_request back;
        assert_int_equal(decode_dump_request(at, w.len, &back), FMT_OK);
        assert_memory_equal(&back, &q, sizeof q);
        struct writer tight = writer_over(at, w.len - 1);
        assert_int_equal(encode_dump_request(&tight, &q), FMT_FULL);
        const struct gtid longest = {UINT32_MAX - i, UINT32_MAX, UINT64_MAX};
        assert_int_equal(gtid_pos_set(&q.pos, longest), i < GTID_DOMAINS_MAX);
        q.semi_sync ^= 1;
    }
}

static void bad_dump_requests_are_refused(void **state)
{
    (void)state;
    struct dump_request q;
    const struct dump_request none = {0};
    assert_int_equal(decode_dump_request(NULL, 0, &q), FMT_SHORT);
    assert_int_equal(decode_dump_request((const uint8_t *)"\1\0\0\0", 4, &q), FMT_SHORT);
    assert_int_equal(decode_dump_request((const uint8_t *)"\1\0\0\0\0", 5, &q), FMT_OK);
    assert_int_equal(q.pos.n, 0);
    assert_int_equal(decode_dump_request((const uint8_t *)"\1\0\0\0\2", 5, &q), FMT_BAD_BODY);
    assert_int_equal(decode_dump_request((const uint8_t *)"\1\0\0\0\1x", 6, &q), FMT_BAD_BODY);
    assert_memory_equal(&q, &none, sizeof q);
    assert_int_equal(decode_dump_request((const uint8_t *)"\1\0\0\0\1\0", 6, &q), FMT_BAD_BODY);
    assert_int_equal(decode_dump_request((const uint8_t *)"\1\0\0\0\0000-1-1,0-1-2", 16, &q),
                     FMT_BAD_BODY);
    uint8_t big[400];
    memset(big, ' ', sizeof big);
    big[4] = 0;
    assert_int_equal(decode_dump_request(big, sizeof big, &q), FMT_BAD_BODY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_handler_and_a_buffer_is_an_error),
        cmocka_unit_test(each_profile_keeps_its_order),
        cmocka_unit_test(sync_relay_log_counts_events),
        cmocka_unit_test(an_ack_waits_for_the_disk),
        cmocka_unit_test(no_ack_without_semi_sync),
        cmocka_unit_test(follow_connects_and_asks_for_what_it_lacks),
        cmocka_unit_test(what_stands_outside_groups_is_not_stored),
        cmocka_unit_test(groups_are_stored_verbatim),
        cmocka_unit_test(a_finished_group_leaves_no_trace),
        cmocka_unit_test(duplicates_are_skipped_and_acked),
        cmocka_unit_test(an_ack_for_a_duplicate_syncs_what_came_before),
        cmocka_unit_test(the_applier_sees_what_was_advanced_over),
        cmocka_unit_test(a_buffered_receiver_advances_when_it_has_queued),
        cmocka_unit_test(a_full_buffer_takes_no_packet),
        cmocka_unit_test(a_consumer_may_sync_by_count_while_packets_come_in),
        cmocka_unit_test(the_buffer_keeps_order_and_ends_of_groups),
        cmocka_unit_test(dump_requests_round_trip),
        cmocka_unit_test(bad_dump_requests_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}

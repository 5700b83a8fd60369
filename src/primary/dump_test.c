#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "primary/test_primary.h"

static struct tw w;
static int32_t next_key;

/* A server of replicated transactions, so that any GTID can be in its binlog. */
static void begin(void)
{
    tw_init(&w);
    tw_boot(&w, ADMIN_FOLLOW);
    tw_clear(&w);
    next_key = 1;
}

static void hold(const char *gtids)
{
    while (*gtids != '\0') {
        struct gtid g;
        bool error = false;
        assert_true(gtid_parse(&gtids, &g));
        gtids += *gtids == ' ';
        tw_apply(&w, g, 100u + (uint32_t)next_key, next_key);
        next_key++;
        tw_settle(&w);
        assert_true(primary_applied(&w.p, &error));
        assert_false(error);
    }
    tw_clear(&w);
}

/* A crash of the process and its recovery: the next file begins. */
static void restart(void)
{
    tw_kill(&w);
    tw_boot(&w, ADMIN_FOLLOW);
    tw_clear(&w);
}

static void ask(const char *pos, const char *expected)
{
    tw_clear(&w);
    tw_connect(&w, 1, pos, false);
    tw_settle(&w);
    assert_stream(&w, 1, expected);
}

/* ---- the stream ------------------------------------------------------------------------------ */

static void check_head_of_stream(bool semi_sync)
{
    static const uint8_t types[] = {EVENT_ROTATE,    EVENT_FORMAT_DESCRIPTION, EVENT_GTID,
                                    EVENT_TABLE_MAP, EVENT_WRITE_ROWS_V1,      EVENT_XID};
    assert_int_equal(w.n_sent, sizeof types);
    for (uint32_t i = 0; i < w.n_sent; i++) {
        assert_int_equal(w.sent[i].type, types[i]);
        assert_int_equal(w.sent[i].semi_sync, semi_sync);
        assert_int_equal(w.sent[i].need_ack, semi_sync && types[i] == EVENT_XID);
        assert_int_equal(w.sent[i].file, 1);
    }
    assert_int_equal(w.sent[0].log_pos, 0); /* artificial */
    assert_true(w.sent[1].log_pos > BINLOG_MAGIC_LEN);
    assert_int_equal(w.sent[5].log_pos, w.p.binlog.len);
}

static void test_semi_sync_header_and_flag(void **state)
{
    (void)state;
    for (uint32_t semi_sync = 0; semi_sync <= 1; semi_sync++) {
        tw_init(&w);
        tw_serve(&w);
        tw_client(&w, 0, 0);
        tw_settle(&w);
        tw_clear(&w);
        tw_connect(&w, 1, "", semi_sync != 0);
        tw_settle(&w);
        check_head_of_stream(semi_sync != 0);
    }
}

/* Semi-sync is not enabled on a replica: the header is there, no ACK is asked for. */
static void test_header_without_semi_sync_master(void **state)
{
    (void)state;
    begin();
    hold("0-9-1");
    tw_connect(&w, 1, "", true);
    tw_settle(&w);
    assert_stream(&w, 1, "0-9-1");
    for (uint32_t i = 0; i < w.n_sent; i++)
        assert_true(w.sent[i].semi_sync);
}

static void test_one_group_per_step(void **state)
{
    (void)state;
    begin();
    hold("0-9-1 0-9-2 0-9-3");
    tw_connect(&w, 1, "0-9-1", false);
    tw_run(&w, TASK_DUMP + 1); /* ROTATE, FORMAT_DESCRIPTION */
    assert_int_equal(w.n_sent, 2);
    tw_run(&w, TASK_DUMP + 1);
    assert_stream(&w, 1, "0-9-2");
    tw_run(&w, TASK_DUMP + 1);
    assert_stream(&w, 1, "0-9-2 0-9-3");
    assert_int_equal(w.runnable, 0);
}

static void test_nothing_beyond_the_published_end(void **state)
{
    (void)state;
    static const char *const profiles[] = {"mariadb-10.11", "mysql-8.0"};
    for (uint32_t i = 0; i < 2; i++) {
        tw_init(&w);
        w.set.profile = server_profile_find(profiles[i]);
        tw_serve(&w);
        tw_connect(&w, 1, "", true);
        tw_settle(&w);
        tw_client(&w, 0, 0);
        tw_run(&w, 0);
        tw_fsync(&w, 0, IO_OK);
        tw_run_only(&w, 0); /* written, the fsync is under way */
        assert_int_equal(w.io[0].n, 1);
        w.runnable |= 1u << (TASK_DUMP + 1);
        tw_run_all(&w);
        assert_stream(&w, 1, "");
        tw_fsync(&w, 0, IO_OK);
        tw_run_all(&w);
        assert_stream(&w, 1, "0-1-1!");
    }
}

/* BEFORE_WRITE: what is sent stands in the cache, not in the file. */
static void test_sends_from_the_cache(void **state)
{
    (void)state;
    tw_init(&w);
    w.set.wait_point = WAIT_BEFORE_WRITE;
    tw_serve(&w);
    tw_connect(&w, 1, "", true);
    tw_settle(&w);
    tw_client(&w, 0, 0);
    tw_settle(&w);
    const uint32_t len = tw_file(&w, FILE_BINLOG, 1)->len;
    assert_stream(&w, 1, "0-1-1!");
    assert_true(w.p.binlog.cached > 0);
    assert_int_equal(w.p.binlog.end_pos, log_pos(1, len + w.p.binlog.cached));
    /* Who connects now gets it from the cache as well, behind what the file holds. */
    tw_connect(&w, 2, "", true);
    tw_settle(&w);
    assert_stream(&w, 2, "0-1-1!");
    tw_ack(&w, 2, w.p.binlog.end_pos);
    tw_settle(&w);
    assert_int_equal(w.p.binlog.cached, 0);
    tw_clear(&w);
    tw_connect(&w, 3, "", true);
    tw_settle(&w);
    assert_stream(&w, 3, "0-1-1");
}

/* Two groups in the cache: the second is read from behind the first. */
static void test_sends_a_commit_group_from_the_cache(void **state)
{
    (void)state;
    tw_init(&w);
    w.set.wait_point = WAIT_BEFORE_WRITE;
    tw_serve(&w);
    tw_connect(&w, 1, "", true);
    tw_settle(&w);
    for (uint32_t i = 0; i < 2; i++) {
        tw_client(&w, i, i);
        tw_run(&w, i);
    }
    tw_fsync(&w, 0, IO_OK);
    tw_fsync(&w, 1, IO_OK);
    tw_settle(&w);
    assert_stream(&w, 1, "0-1-1! 0-1-2!");
    assert_int_equal(w.p.dump[1].pos, w.p.binlog.end_pos);
}

/* BEFORE_WRITE: the group was sent and ACKed, and cannot be written. */
static void write_fails_behind_the_ack(enum sent_error then)
{
    tw_init(&w);
    w.set.wait_point = WAIT_BEFORE_WRITE;
    w.set.sent_error = then;
    tw_serve(&w);
    tw_connect(&w, 1, "", true);
    tw_settle(&w);
    tw_client(&w, 0, 0);
    tw_run(&w, 0);
    tw_fsync(&w, 0, IO_OK);
    tw_settle(&w);
    assert_stream(&w, 1, "0-1-1!");
    w.fail_kind = FILE_BINLOG;
    w.fail_write = IO_ENOSPC;
    tw_clear(&w);
    tw_ack(&w, 1, w.p.binlog.end_pos);
    tw_settle(&w);
}

static void test_write_error_behind_the_ack(void **state)
{
    (void)state;
    write_fails_behind_the_ack(SENT_ERROR_ABORT);
    assert_string_equal(w.log, "aX");

    write_fails_behind_the_ack(SENT_ERROR_ROLL_BACK);
    assert_string_equal(w.log, "ae1");
    assert_int_equal(w.e.n_rows, 0);
    assert_int_equal(w.p.binlog.end_pos, log_pos(1, w.p.binlog.len));
    assert_false(w.p.dump[1].active); /* it has what will never be here */
    /* The ACKed position is free again, and its ACK speaks for whoever gets it. */
    const log_pos_t acked = w.p.semisync.replied;
    w.fail_write = IO_OK;
    tw_clear(&w);
    tw_client(&w, 0, 1);
    tw_settle(&w);
    assert_int_equal(w.p.binlog.end_pos, acked);
    assert_string_equal(w.log, "xrpwbv2o2"); /* and no ACK in it */
}

/* ---- connect rules (facts 8.1) --------------------------------------------------------------- */

static void test_c1_starts_behind_exactly_the_gtid(void **state)
{
    (void)state;
    begin();
    hold("0-1-1 0-1-2 0-2-3 0-2-4");
    ask("", "0-1-1 0-1-2 0-2-3 0-2-4");
    ask("0-1-1", "0-1-2 0-2-3 0-2-4");
    ask("0-1-2", "0-2-3 0-2-4");
    ask("0-2-3", "0-2-4");
    ask("0-2-4", "");
    hold("0-2-5"); /* and goes on from there */
    tw_settle(&w);
    w.runnable = 0;
    ask("0-2-4", "0-2-5");
}

/* Sequence numbers of different servers may be out of order: matched by the triple, not by >. */
static void test_c1_out_of_order_between_servers(void **state)
{
    (void)state;
    begin();
    hold("0-1-10 0-2-3 0-1-11 0-2-4");
    ask("0-2-3", "0-1-11 0-2-4");
    ask("0-1-10", "0-2-3 0-1-11 0-2-4");
    ask("0-1-11", "0-2-4");
}

/* A number that was left out: without strict mode the stream goes on behind the hole. */
static void test_c1_hole(void **state)
{
    (void)state;
    begin();
    hold("0-1-1 0-1-3 0-1-4");
    ask("0-1-2", "0-1-3 0-1-4");
}

static void test_c6_ahead(void **state)
{
    (void)state;
    begin();
    hold("0-1-1 0-1-2");
    ask("0-1-3", "E1945");
    assert_false(w.p.dump[1].active);
    ask("0-7-3", "E1945");
    ask("0-1-2", "");
    assert_true(w.p.dump[1].active);
}

static void test_c7_diverged(void **state)
{
    (void)state;
    begin();
    hold("0-1-1 0-1-2 0-1-3");
    ask("0-2-3", "E1236");
    ask("0-2-1", "E1236");
    hold("0-2-4");
    ask("0-2-4", "");
    ask("0-1-4", "E1236"); /* the number is there, of another server */
    ask("0-1-3", "0-2-4");
}

static void test_c2_unknown_domain(void **state)
{
    (void)state;
    begin();
    hold("0-1-1");
    tw_connect(&w, 1, "0-1-1,5-3-2", false);
    tw_settle(&w);
    assert_true(w.p.dump[1].active);
    assert_stream(&w, 1, "");
    hold("5-3-1"); /* the first group of the domain decides: 5-3-2 is not there */
    assert_false(w.p.dump[1].active);

    begin();
    tw_connect(&w, 1, "5-3-2", false);
    tw_connect(&w, 2, "5-3-1", false);
    tw_settle(&w);
    tw_apply(&w, (struct gtid){5, 3, 1}, 200, 1);
    tw_settle(&w);
    assert_stream(&w, 1, "E1945");
    assert_stream(&w, 2, ""); /* 5-3-1 itself: it has it */
    assert_true(w.p.dump[2].active);
    bool error = false;
    assert_true(primary_applied(&w.p, &error));
    tw_apply(&w, (struct gtid){5, 3, 2}, 201, 2);
    tw_settle(&w);
    assert_stream(&w, 2, "5-3-2");

    begin(); /* known by the time its dump thread comes to it, and diverged */
    tw_connect(&w, 1, "5-3-2", true);
    hold("5-4-2");
    assert_false(w.p.dump[1].active);
    assert_int_equal(w.p.semisync.clients, 0);
}

static void test_several_domains(void **state)
{
    (void)state;
    begin();
    hold("0-1-1 1-1-1 0-1-2 1-1-2 2-1-1 0-1-3");
    ask("0-1-2,1-1-1", "1-1-2 2-1-1 0-1-3");
    ask("0-1-1,1-1-2,2-1-1", "0-1-2 0-1-3");
    ask("1-1-1", "0-1-1 0-1-2 1-1-2 2-1-1 0-1-3");
    ask("0-1-3,1-1-2,2-1-2", "E1945");
    ask("0-1-3,1-2-1", "E1236");
}

static void test_malformed_request(void **state)
{
    (void)state;
    static const uint8_t junk[] = {1, 2, 3};
    begin();
    tw_frame(&w, 1, junk, sizeof junk);
    assert_int_equal(w.sent[0].error, 1047);
    assert_false(w.p.dump[1].active);
}

/* ---- several files --------------------------------------------------------------------------- */

static void test_starts_in_the_newest_file_that_will_do(void **state)
{
    (void)state;
    static const struct {
        const char *pos, *expected;
        uint32_t file;
    } cases[] = {
        {"", "0-1-1 0-1-2 0-1-3 0-1-4 0-1-5", 1},
        {"0-1-1", "0-1-2 0-1-3 0-1-4 0-1-5", 1},
        {"0-1-2", "0-1-3 0-1-4 0-1-5", 2}, /* the last of file 1: the domain is open at once */
        {"0-1-3", "0-1-4 0-1-5", 2},
        {"0-1-4", "0-1-5", 3},
        {"0-1-5", "", 3},
    };
    begin();
    hold("0-1-1 0-1-2");
    restart();
    hold("0-1-3 0-1-4");
    restart();
    hold("0-1-5");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ask(cases[i].pos, cases[i].expected);
        assert_int_equal(w.sent[0].type, EVENT_ROTATE);
        assert_int_equal(w.sent[0].file, cases[i].file);
        assert_int_equal(w.p.dump[1].pos, w.p.binlog.end_pos);
    }
    /* Each file is announced, with its FORMAT_DESCRIPTION behind. */
    ask("", cases[0].expected);
    uint32_t file = 0;
    for (uint32_t i = 0; i + 1 < w.n_sent; i++) {
        if (w.sent[i].type != EVENT_ROTATE)
            continue;
        assert_int_equal(w.sent[i].file, ++file);
        assert_int_equal(w.sent[i + 1].type, EVENT_FORMAT_DESCRIPTION);
    }
    assert_int_equal(file, 3);
}

static void test_start_file_with_several_domains(void **state)
{
    (void)state;
    begin();
    hold("0-1-1 1-1-1 0-1-2");
    restart();
    hold("1-1-2 0-1-3");
    ask("0-1-2", "1-1-1 1-1-2 0-1-3"); /* domain 1 is not asked for: from the beginning */
    assert_int_equal(w.sent[0].file, 1);
    ask("0-1-2,1-1-1", "1-1-2 0-1-3");
    assert_int_equal(w.sent[0].file, 2);
    ask("0-1-1,1-1-1", "0-1-2 1-1-2 0-1-3");
    assert_int_equal(w.sent[0].file, 1);
    ask("0-1-3,1-1-1", "1-1-2");
    ask("0-1-3,1-1-2,2-1-1", "");
}

static void test_start_file_with_several_servers(void **state)
{
    (void)state;
    begin();
    hold("0-1-5 0-2-6");
    restart();
    hold("0-2-7");
    ask("0-2-6", "0-2-7");
    assert_int_equal(w.sent[0].file, 2);
    ask("0-2-7", "");
    begin(); /* the GTID stands before the file, what is behind it is another server's */
    hold("0-1-1 0-1-2");
    restart();
    hold("0-2-3 0-1-4");
    ask("0-1-2", "0-2-3 0-1-4");
    assert_int_equal(w.sent[0].file, 2);
}

/* Length of the whole events of a torn group, which begins at `start`. */
static uint32_t whole_events(uint32_t start, uint32_t len)
{
    const struct tw_file *f = tw_file(&w, FILE_BINLOG, 1);
    struct event_head h;
    uint32_t off = start;
    while (off < len && event_parse(f->bytes + off, len - off, true, &h) == FMT_OK)
        off += h.len;
    return off - start;
}

static uint32_t groups_begun(void)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < w.n_sent; i++)
        n += w.sent[i].type == EVENT_GTID ? 1 : 0;
    return n;
}

/* A torn group at the end of a crashed file is sent as far as it goes, and the next file behind it;
 * a torn event ends the stream. MySQL's is cut off. A replica that has all before it starts in the
 * next file. */
static void test_torn_tail_of_an_old_file(void **state)
{
    (void)state;
    struct tw_group g[4];
    for (uint32_t mysql = 0; mysql <= 1; mysql++) {
        begin();
        w.set.profile = server_profile_find(mysql ? "mysql-8.0" : "mariadb-10.11");
        hold("0-1-1 0-1-2");
        assert_int_equal(tw_groups(&w, 1, g, 4), 2);
        static struct tw before;
        before = w;
        for (uint32_t len = g[0].end; len <= g[1].end; len++) {
            w = before;
            uint32_t whole = whole_events(g[0].end, len);
            bool torn = g[0].end + whole < len;
            tw_kill(&w);
            tw_file(&w, FILE_BINLOG, 1)->len = len;
            tw_boot(&w, ADMIN_FOLLOW);
            tw_clear(&w);
            tw_apply(&w, (struct gtid){0, 1, 3}, 300, 9);
            tw_settle(&w);
            bool cut = mysql && len < g[1].end;
            bool ends = torn && !cut;
            ask("", len == g[1].end ? "0-1-1 0-1-2 0-1-3" : ends ? "0-1-1 E1236" : "0-1-1 0-1-3");
            assert_int_equal(groups_begun(), 1 + (whole > 0 && !cut ? 1 : 0) + (ends ? 0 : 1));
            ask("0-1-1", len < g[1].end ? "0-1-3" : "0-1-2 0-1-3");
        }
    }
}

/* The dump thread of a semi-sync replica hangs there, in place of the error. */
static void test_torn_event_and_a_semi_sync_replica(void **state)
{
    (void)state;
    struct tw_group g[4];
    begin();
    hold("0-1-1 0-1-2");
    assert_int_equal(tw_groups(&w, 1, g, 4), 2);
    tw_kill(&w);
    tw_file(&w, FILE_BINLOG, 1)->len = g[1].end - 1;
    tw_serve(&w);
    tw_clear(&w);
    tw_connect(&w, 1, "", true);
    tw_settle(&w);
    assert_stream(&w, 1, "0-1-1");
    assert_int_equal(w.p.dump[1].active, DUMP_HANGS);
    assert_int_equal(w.p.semisync.clients, 0);
    tw_client(&w, 0, 5);
    tw_settle(&w);
    assert_stream(&w, 1, "0-1-1");
    assert_int_equal(w.answered, 0);
    ask("0-1-1", "0-1-2"); /* the next connection ends it, and begins in the next file */
}

/* A replica that starts at the beginning of a file is taken to have ACKed all before it. */
static void test_start_position_counts_as_an_ack(void **state)
{
    (void)state;
    tw_init(&w);
    tw_serve(&w);
    tw_connect(&w, 1, "", true);
    assert_int_equal(w.p.semisync.replied, log_pos(1, BINLOG_MAGIC_LEN));
    tw_kill(&w);
    tw_serve(&w);
    tw_connect(&w, 1, "", true);
    assert_int_equal(w.p.semisync.replied, log_pos(2, BINLOG_MAGIC_LEN));
    tw_connect(&w, 2, "", false);
    assert_int_equal(w.p.semisync.clients, 1u << 1);
}

/* A file whose list names the asked GTID, but not as the last of its domain, begins too late: what
 * came between stands before it (facts 8.1). */
static void asked_gtid_is_not_the_last_of_its_domain(void **state)
{
    (void)state;
    bool error;
    tw_init(&w);
    tw_boot(&w, ADMIN_FOLLOW);
    tw_apply(&w, (struct gtid){0, 1, 5}, 101, 1);
    tw_settle(&w);
    assert_true(primary_applied(&w.p, &error));
    tw_apply(&w, (struct gtid){0, 2, 6}, 102, 2);
    tw_settle(&w);
    assert_true(primary_applied(&w.p, &error));
    tw_kill(&w);
    tw_boot(&w, ADMIN_FOLLOW);
    tw_apply(&w, (struct gtid){0, 2, 7}, 103, 3);
    tw_settle(&w);
    assert_true(primary_applied(&w.p, &error));
    tw_clear(&w);
    tw_connect(&w, 1, "0-1-5", false);
    tw_settle(&w);
    assert_stream(&w, 1, "0-2-6 0-2-7");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_semi_sync_header_and_flag),
        cmocka_unit_test(test_header_without_semi_sync_master),
        cmocka_unit_test(test_one_group_per_step),
        cmocka_unit_test(test_nothing_beyond_the_published_end),
        cmocka_unit_test(test_sends_from_the_cache),
        cmocka_unit_test(test_sends_a_commit_group_from_the_cache),
        cmocka_unit_test(test_write_error_behind_the_ack),
        cmocka_unit_test(test_c1_starts_behind_exactly_the_gtid),
        cmocka_unit_test(test_c1_out_of_order_between_servers),
        cmocka_unit_test(test_c1_hole),
        cmocka_unit_test(test_c6_ahead),
        cmocka_unit_test(test_c7_diverged),
        cmocka_unit_test(test_c2_unknown_domain),
        cmocka_unit_test(test_several_domains),
        cmocka_unit_test(test_malformed_request),
        cmocka_unit_test(test_starts_in_the_newest_file_that_will_do),
        cmocka_unit_test(test_start_file_with_several_domains),
        cmocka_unit_test(test_start_file_with_several_servers),
        cmocka_unit_test(test_torn_tail_of_an_old_file),
        cmocka_unit_test(test_torn_event_and_a_semi_sync_replica),
        cmocka_unit_test(test_start_position_counts_as_an_ack),
        cmocka_unit_test(asked_gtid_is_not_the_last_of_its_domain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "primary/test_primary.h"

enum { TXNS = 3, BOOT_FSYNCS = 3, ALL = (1 << TXNS) - 1 };

static struct tw w, crashed, mid;

static void set_up(void)
{
    tw_init(&w);
    w.set.semi_sync_master = false;
}

/* Three transactions are in the binlog. All were prepared before the first was committed, so with
 * F=1 their commit records are in memory only, and a crash leaves all of them in doubt. */
static void commit_three(void)
{
    tw_serve(&w);
    for (uint32_t i = 0; i < TXNS; i++) {
        tw_client(&w, i, i);
        tw_run(&w, i);
    }
    tw_settle(&w);
    assert_int_equal(w.visible, ALL);
}

static uint32_t head_len(struct tw *of, uint32_t num)
{
    const struct tw_file *f = tw_file(of, FILE_BINLOG, num);
    struct file_view v = {f->id, f->len, f->bytes};
    struct gtid_state state;
    bool in_use = false;
    return binlog_head(&v, &in_use, &state);
}

/* xids of the commit records of the redo log from byte `from` on, in order, one per byte. */
static uint64_t redo_commits(struct tw *of, uint32_t from)
{
    const struct tw_file *f = tw_file(of, FILE_REDO, 1);
    uint64_t xids = 0;
    for (uint32_t at = from; at + REDO_RECORD_LEN <= f->len; at += REDO_RECORD_LEN) {
        if (f->bytes[at] == 2)
            xids = xids << 8 | f->bytes[at + 4];
    }
    return xids;
}

static const char *index_text(struct tw *of)
{
    static char text[FILE_BYTES_MAX + 1];
    const struct tw_file *f = tw_file(of, FILE_BINLOG_INDEX, 1);
    memcpy(text, f->bytes, f->len);
    text[f->len] = '\0';
    return text;
}

static void check_recovered(uint32_t committed, uint8_t new_file)
{
    assert_int_equal(w.p.boot, BOOT_DONE);
    assert_int_equal(w.visible, (1u << committed) - 1);
    assert_int_equal(w.e.n_rows, committed);
    assert_int_equal(engine_in_doubt(&w.e, 0), 0);
    assert_int_equal(gtid_state_latest(&w.p.binlog.state, 0).seq, committed);
    assert_int_equal(w.p.binlog.num, new_file);
    assert_int_equal(w.p.binlog.end_pos, log_pos(new_file, head_len(&w, new_file)));
    assert_true(tw_in_use(&w, new_file));
    /* All of it is durable: another crash changes nothing. */
    assert_int_equal(w.e.synced, engine_lsn(&w.e));
    for (uint32_t i = 0; i < TW_FILES; i++) {
        if (w.file[i].id.kind == FILE_BINLOG && w.file[i].id.num == new_file)
            assert_int_equal(w.file[i].kept_len, w.file[i].len);
    }
}

/* ---- what is committed ----------------------------------------------------------------------- */

static void test_every_length_of_the_binlog(void **state)
{
    (void)state;
    struct tw_group g[TXNS + 1];
    set_up();
    commit_three();
    tw_kill(&w);
    const uint32_t full = tw_file(&w, FILE_BINLOG, 1)->len;
    const uint32_t head = head_len(&w, 1);
    assert_int_equal(tw_groups(&w, 1, g, TXNS + 1), TXNS);
    crashed = w;
    for (uint32_t len = head; len <= full; len++) {
        w = crashed;
        tw_file(&w, FILE_BINLOG, 1)->len = len;
        uint32_t complete = 0;
        uint32_t end = head;
        while (complete < TXNS && g[complete].end <= len)
            end = g[complete++].end;
        tw_boot(&w, ADMIN_SERVE);
        check_recovered(complete, 2);
        assert_int_equal(w.p.recovered_len, end);
        assert_true(tw_in_use(&w, 1)); /* for good: only the last file's flag is looked at */
        assert_int_equal(tw_file(&w, FILE_BINLOG, 1)->len, len); /* not cut (MDEV-6608) */
        /* The next transaction takes the next free number. */
        tw_clear(&w);
        tw_client(&w, 0, TXNS);
        tw_settle(&w);
        assert_int_equal(gtid_state_latest(&w.p.binlog.state, 0).seq, complete + 1);
        assert_string_equal(w.log, "xrwbpv4o4");
    }
}

/* A byte that went bad ends the file there, whatever stands behind. */
static void test_bad_byte_in_a_group(void **state)
{
    (void)state;
    struct tw_group g[TXNS + 1];
    set_up();
    commit_three();
    tw_kill(&w);
    assert_int_equal(tw_groups(&w, 1, g, TXNS + 1), TXNS);
    tw_file(&w, FILE_BINLOG, 1)->bytes[g[1].start + 30] ^= 1;
    tw_boot(&w, ADMIN_SERVE);
    check_recovered(1, 2);
}

static void test_commits_in_binlog_order(void **state)
{
    (void)state;
    struct tw_group g[3];
    set_up();
    tw_serve(&w);
    tw_client(&w, 0, 0);
    tw_client(&w, 1, 1);
    tw_run(&w, 0); /* prepares first */
    tw_run(&w, 1);
    tw_fsync(&w, 1, IO_OK); /* queues first */
    tw_fsync(&w, 0, IO_OK);
    tw_settle(&w);
    assert_int_equal(tw_groups(&w, 1, g, 3), 2);
    assert_int_equal(g[0].xid, 2);
    tw_kill(&w);
    const uint32_t redo = tw_file(&w, FILE_REDO, 1)->len;
    tw_boot(&w, ADMIN_SERVE);
    assert_int_equal(redo_commits(&w, redo), 0x0201);
}

static void test_prepared_and_not_in_the_binlog(void **state)
{
    (void)state;
    set_up();
    tw_serve(&w);
    tw_client(&w, 0, 0);
    tw_settle(&w);
    tw_client(&w, 1, 1);
    tw_client(&w, 2, 2);
    tw_run(&w, 1);
    tw_run(&w, 2);
    tw_fsync(&w, 1, IO_OK);
    tw_power(&w);
    tw_boot(&w, ADMIN_SERVE);
    check_recovered(1, 2);
}

static void test_weak_settings_and_power_loss(void **state)
{
    (void)state;
    set_up(); /* sync_binlog=0: the tail of the binlog is gone, so it is rolled back */
    w.set.sync_binlog = 0;
    commit_three();
    tw_power(&w);
    tw_boot(&w, ADMIN_SERVE);
    check_recovered(0, 2);

    set_up(); /* and where a neighbour's prepare took its commit record along, it stays */
    w.set.sync_binlog = 0;
    tw_serve(&w);
    for (uint32_t i = 0; i < TXNS; i++) {
        tw_client(&w, 0, i);
        tw_settle(&w);
    }
    tw_power(&w);
    tw_boot(&w, ADMIN_SERVE);
    assert_int_equal(w.visible, ALL >> 1);
    assert_int_equal(w.p.binlog.state.n, 0);

    set_up(); /* F=2: in the binlog, the prepare is gone; the binlog says it has it (facts 11.1) */
    w.set.flush_log_at_trx_commit = 2;
    commit_three();
    crashed = w;
    tw_power(&w);
    tw_boot(&w, ADMIN_SERVE);
    assert_int_equal(w.visible, 0);
    assert_int_equal(gtid_state_latest(&w.p.binlog.state, 0).seq, TXNS);
    w = crashed; /* a KILL does not hurt it */
    tw_kill(&w);
    tw_boot(&w, ADMIN_SERVE);
    check_recovered(TXNS, 2);

    set_up(); /* F=0: a KILL is enough */
    w.set.flush_log_at_trx_commit = 0;
    commit_three();
    tw_kill(&w);
    tw_boot(&w, ADMIN_SERVE);
    assert_int_equal(w.visible, 0);
    assert_int_equal(gtid_state_latest(&w.p.binlog.state, 0).seq, TXNS);
}

/* What a server cannot start from. */
static void test_start_refused(void **state)
{
    (void)state;
    set_up();
    commit_three();
    tw_kill(&w);
    crashed = w;

    /* The flag is clear, so nobody says what is in doubt. That is why it may fall only when the
     * next file is registered. */
    memset(tw_file(&w, FILE_BINLOG, 1)->bytes + BINLOG_MAGIC_LEN + 17, 0, 2);
    assert_false(tw_in_use(&w, 1));
    tw_start(&w, ADMIN_SERVE);
    assert_true(w.exited);

    w = crashed; /* the index names a file whose head is not whole */
    for (uint32_t len = 0, head = head_len(&crashed, 1); len < head; len++) {
        w = crashed;
        tw_file(&w, FILE_BINLOG, 1)->len = len;
        tw_start(&w, ADMIN_SERVE);
        assert_true(w.exited);
    }

    w = crashed; /* or that is not there */
    memset(tw_file(&w, FILE_BINLOG, 1), 0, sizeof(struct tw_file));
    tw_start(&w, ADMIN_SERVE);
    assert_true(w.exited);
}

static void test_state_goes_on_from_file_to_file(void **state)
{
    (void)state;
    set_up();
    commit_three();
    tw_kill(&w);
    tw_boot(&w, ADMIN_SERVE);
    tw_kill(&w);
    tw_boot(&w, ADMIN_SERVE); /* file 2 holds no group; its GTID_LIST carries the state */
    check_recovered(TXNS, 3);
    const struct tw_file *f = tw_file(&w, FILE_BINLOG, 3);
    struct file_view v = {f->id, f->len, f->bytes};
    struct gtid_state before;
    bool in_use = false;
    assert_true(binlog_head(&v, &in_use, &before) == f->len);
    assert_true(in_use);
    assert_memory_equal(&before, &w.p.binlog.state, sizeof before);
}

/* ---- the order of start-up ------------------------------------------------------------------- */

static void test_order_of_the_fsyncs(void **state)
{
    (void)state;
    set_up();
    commit_three();
    tw_power(&w);
    tw_start(&w, ADMIN_SERVE);
    /* Decisions first. */
    assert_int_equal(w.io[TASK_BOOT].n, 1);
    assert_int_equal(w.io[TASK_BOOT].file[0].kind, FILE_REDO);
    assert_int_equal(w.p.boot, BOOT_REDO);
    assert_null(tw_file(&w, FILE_BINLOG, 2));
    assert_int_equal(redo_commits(&w, 0), 0x010203);
    tw_fsync(&w, TASK_BOOT, IO_OK);
    /* Then the new file. */
    assert_int_equal(w.io[TASK_BOOT].file[0].num, 2);
    assert_int_equal(w.io[TASK_BOOT].file[0].kind, FILE_BINLOG);
    assert_int_equal(w.p.boot, BOOT_BINLOG);
    assert_int_equal(head_len(&w, 2), tw_file(&w, FILE_BINLOG, 2)->len);
    assert_true(tw_in_use(&w, 1));
    assert_false(primary_booted(&w.p));
    assert_string_equal(index_text(&w), "binlog.000001\n");
    tw_fsync(&w, TASK_BOOT, IO_OK);
    /* Only now the index names it. */
    assert_int_equal(w.io[TASK_BOOT].file[0].kind, FILE_BINLOG_INDEX);
    assert_string_equal(index_text(&w), "binlog.000001\nbinlog.000002\n");
    assert_true(tw_in_use(&w, 1));
    assert_false(w.p.serving);
    assert_false(primary_booted(&w.p));
    tw_fsync(&w, TASK_BOOT, IO_OK);
    assert_true(w.p.serving);
    assert_true(primary_booted(&w.p));
    check_recovered(TXNS, 2);
}

static void test_first_start(void **state)
{
    (void)state;
    set_up();
    tw_start(&w, ADMIN_SERVE);
    assert_non_null(tw_file(&w, FILE_REDO, 1));
    for (int i = 0; i < BOOT_FSYNCS; i++) {
        assert_false(w.p.serving);
        tw_fsync(&w, TASK_BOOT, IO_OK);
    }
    check_recovered(0, 1);
    assert_true(w.p.serving);
}

/* Goes through `done` fsyncs of the start-up, then dies. */
static void die_in_boot(uint32_t done, bool power)
{
    tw_start(&w, ADMIN_SERVE);
    for (uint32_t i = 0; i < done; i++)
        tw_fsync(&w, TASK_BOOT, IO_OK);
    if (power)
        tw_power(&w);
    else
        tw_kill(&w);
}

/* A start-up that is interrupted at any fsync, and once more at any, ends like one that is not. */
static void test_crash_in_recovery_twice(void **state)
{
    (void)state;
    set_up();
    tw_serve(&w);
    for (uint32_t i = 0; i <= TXNS; i++) {
        tw_client(&w, i, i);
        tw_run(&w, i);
    }
    for (uint32_t i = 0; i < TXNS; i++)
        tw_fsync(&w, i, IO_OK);
    tw_run_all(&w);
    tw_fsync(&w, 0, IO_OK); /* three are in the binlog, one more is prepared only */
    tw_run_all(&w);
    tw_power(&w);
    crashed = w;
    for (uint32_t i = 0; i < BOOT_FSYNCS * BOOT_FSYNCS * 4; i++) {
        w = crashed;
        die_in_boot(i / 4 % BOOT_FSYNCS, (i & 1) != 0);
        die_in_boot(i / 4 / BOOT_FSYNCS, (i & 2) != 0);
        tw_boot(&w, ADMIN_SERVE);
        check_recovered(TXNS, w.p.binlog.num);
        assert_true(w.p.binlog.num <= 4);
        tw_clear(&w);
        tw_connect(&w, 1, "", false);
        tw_settle(&w);
        assert_stream(&w, 1, "0-1-1 0-1-2 0-1-3");
    }
}

static void test_torn_head_of_the_new_file(void **state)
{
    (void)state;
    set_up();
    commit_three();
    tw_power(&w);
    tw_start(&w, ADMIN_SERVE);
    tw_fsync(&w, TASK_BOOT, IO_OK);
    const uint32_t full = tw_file(&w, FILE_BINLOG, 2)->len;
    mid = w;
    for (uint32_t len = 0; len <= full; len++) {
        w = mid;
        tw_kill(&w);
        tw_file(&w, FILE_BINLOG, 2)->len = len;
        tw_boot(&w, ADMIN_SERVE);
        check_recovered(TXNS, 2); /* not in the index: deleted, its number is free */
        assert_int_equal(tw_file(&w, FILE_BINLOG, 2)->len, full);
    }
}

static void test_disk_error_ends_the_start(void **state)
{
    (void)state;
    for (uint32_t done = 0; done < BOOT_FSYNCS; done++) {
        set_up();
        commit_three();
        tw_kill(&w);
        tw_start(&w, ADMIN_SERVE);
        for (uint32_t i = 0; i < done; i++)
            tw_fsync(&w, TASK_BOOT, IO_OK);
        tw_fsync(&w, TASK_BOOT, IO_EIO);
        assert_true(w.exited);
        assert_false(w.p.serving);
        assert_int_equal(w.io[TASK_BOOT].n, 0);
    }
}

/* ---- who is let in, and when ----------------------------------------------------------------- */

static void test_replica_is_not_let_in(void **state)
{
    (void)state;
    set_up();
    w.set.semi_sync_master = true;
    w.set.recovery = RECOVERY_WAIT_ACK; /* of a primary; a replica waits for nobody */
    tw_boot(&w, ADMIN_FOLLOW);
    tw_kill(&w);
    tw_boot(&w, ADMIN_FOLLOW);
    assert_int_equal(w.p.boot, BOOT_DONE);
    assert_false(w.p.serving);
    assert_false(w.p.semisync.enabled);
}

static void test_read_only_until_told(void **state)
{
    (void)state;
    set_up();
    w.set.semi_sync_master = true;
    w.set.recovery = RECOVERY_READ_ONLY;
    tw_boot(&w, ADMIN_SERVE);
    assert_int_equal(w.p.boot, BOOT_DONE);
    assert_false(w.p.serving);
    assert_false(w.p.semisync.enabled);
    tw_clear(&w);
    tw_client(&w, 0, 0);
    assert_string_equal(w.log, "e1");
    tw_admin(&w, ADMIN_SERVE);
    assert_true(w.p.serving && w.p.semisync.on);
}

static void begin_wait_ack(uint32_t timeout_ms)
{
    tw_init(&w);
    w.set.recovery = RECOVERY_WAIT_ACK;
    w.set.semi_sync_timeout_ms = timeout_ms;
    tw_serve(&w); /* nothing was recovered: nothing to wait for */
    for (uint32_t i = 0; i < TXNS; i++) {
        tw_client(&w, i, i);
        tw_settle(&w);
    }
    tw_kill(&w);
    tw_boot(&w, ADMIN_SERVE);
    assert_int_equal(w.p.boot, BOOT_WAIT_ACK);
    assert_true(primary_booted(&w.p)); /* replicas may connect */
    assert_false(w.p.serving);
    tw_clear(&w);
    tw_client(&w, 0, 5);
    assert_string_equal(w.log, "e6");
    tw_clear(&w);
}

static void test_wait_for_the_ack_of_what_was_recovered(void **state)
{
    (void)state;
    begin_wait_ack(0);
    const log_pos_t end = log_pos(1, w.p.recovered_len);
    tw_connect(&w, 1, "0-1-1", true);
    tw_settle(&w);
    assert_stream(&w, 1, "0-1-2!"); /* two of three were written */
    assert_false(w.p.serving);
    tw_ack(&w, 1, end - 1);
    tw_settle(&w);
    assert_false(w.p.serving);
    tw_ack(&w, 1, end);
    assert_false(w.p.serving); /* a task has to come to it */
    tw_settle(&w);
    assert_true(w.p.serving);
    assert_int_equal(w.p.boot, BOOT_DONE);
    tw_clear(&w);
    tw_client(&w, 0, 5);
    tw_settle(&w);
    assert_string_equal(w.log, "xrwbgpSW");
}

/* A replica that has everything says so by the place it starts from. */
static void test_wait_ends_with_a_replica_that_has_all(void **state)
{
    (void)state;
    begin_wait_ack(0);
    tw_connect(&w, 1, "0-1-2", false); /* not a semi-sync replica */
    tw_settle(&w);
    assert_false(w.p.serving);
    tw_connect(&w, 1, "0-1-2", true);
    tw_settle(&w);
    assert_true(w.p.serving);
}

static void test_wait_ends_with_the_timeout(void **state)
{
    (void)state;
    begin_wait_ack(10000);
    assert_int_equal(w.timers, 1u << TASK_BOOT);
    assert_int_equal(w.timer_ms[TASK_BOOT], 10000);
    tw_timer(&w, TASK_BOOT);
    tw_settle(&w);
    assert_true(w.p.serving);
    assert_false(w.p.semisync.on);
}

/* The second start finds a file with nothing but its head behind the one that matters. */
static void wait_for_ack_after_two_crashes(void **state)
{
    (void)state;
    tw_init(&w);
    w.set.recovery = RECOVERY_WAIT_ACK;
    tw_serve(&w);
    tw_client(&w, 0, 0);
    tw_settle(&w); /* written, published, not ACKed */
    for (int crash = 0; crash < 2; crash++) {
        tw_kill(&w);
        tw_boot(&w, ADMIN_SERVE);
        assert_int_equal(w.p.boot, BOOT_WAIT_ACK);
    }
    tw_connect(&w, 1, "", true);
    tw_settle(&w);
    assert_stream(&w, 1, "0-1-1!");
    tw_ack(&w, 1, w.p.recovered_end);
    tw_settle(&w);
    assert_true(w.p.serving);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_length_of_the_binlog),
        cmocka_unit_test(test_bad_byte_in_a_group),
        cmocka_unit_test(test_commits_in_binlog_order),
        cmocka_unit_test(test_prepared_and_not_in_the_binlog),
        cmocka_unit_test(test_weak_settings_and_power_loss),
        cmocka_unit_test(test_start_refused),
        cmocka_unit_test(test_state_goes_on_from_file_to_file),
        cmocka_unit_test(test_order_of_the_fsyncs),
        cmocka_unit_test(test_first_start),
        cmocka_unit_test(test_crash_in_recovery_twice),
        cmocka_unit_test(test_torn_head_of_the_new_file),
        cmocka_unit_test(test_disk_error_ends_the_start),
        cmocka_unit_test(test_replica_is_not_let_in),
        cmocka_unit_test(test_read_only_until_told),
        cmocka_unit_test(test_wait_for_the_ack_of_what_was_recovered),
        cmocka_unit_test(test_wait_ends_with_a_replica_that_has_all),
        cmocka_unit_test(test_wait_ends_with_the_timeout),
        cmocka_unit_test(wait_for_ack_after_two_crashes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "primary/test_primary.h"

static struct tw w, crashed;

static void begin(uint32_t max_binlog_size)
{
    tw_init(&w);
    w.set.semi_sync_master = false;
    w.set.max_binlog_size = max_binlog_size;
    tw_serve(&w);
}

/* The files that the checkpoint events of a file name, in order, one digit each. */
static uint32_t checkpoints(uint32_t num)
{
    const struct tw_file *f = tw_file(&w, FILE_BINLOG, num);
    struct event_head h;
    char name[BINLOG_NAME_MAX];
    uint32_t all = 0;
    for (uint32_t off = BINLOG_MAGIC_LEN; off < f->len; off += h.len) {
        assert_int_equal(event_parse(f->bytes + off, f->len - off, true, &h), FMT_OK);
        if (h.type != EVENT_BINLOG_CHECKPOINT)
            continue;
        assert_int_equal(decode_binlog_checkpoint(f->bytes + off, &h, name), FMT_OK);
        all = all * 10 + binlog_name_num(name);
    }
    return all;
}

static void redo_flush(void)
{
    assert_true(primary_checkpoint_waits(&w.p));
    tw_event(&w, &(struct event){.kind = EV_RUN, .task = TASK_REDO});
    tw_fsync(&w, TASK_REDO, IO_OK);
}

static void flush_logs(void)
{
    tw_event(&w,
             &(struct event){.kind = EV_ADMIN, .admin = ADMIN_FLUSH_LOGS, .task = TASK_OPERATOR});
}

/* The commit record is in memory when the client is answered: the old file is needed until the redo
 * log has been fsynced past it. */
static void test_waits_for_the_redo_log(void **state)
{
    (void)state;
    begin(1);
    tw_client(&w, 0, 0);
    tw_settle(&w);
    assert_int_equal(w.answered, 1);
    assert_int_equal(w.p.binlog.oldest, 1);
    assert_int_equal(checkpoints(2), 1);
    tw_clear(&w);
    redo_flush();
    tw_settle(&w);
    assert_string_equal(w.log, "xrwbp"); /* written, fsynced, published like a group */
    assert_int_equal(checkpoints(2), 12);
    assert_int_equal(w.p.binlog.oldest, 2);
    assert_int_equal(w.p.binlog.end_pos, log_pos(2, tw_file(&w, FILE_BINLOG, 2)->len));
    assert_false(primary_checkpoint_waits(&w.p));
    tw_power(&w);
    tw_boot(&w, ADMIN_SERVE);
    assert_int_equal(w.visible, 1);
    assert_int_equal(w.p.recovered_from, 2);
    assert_int_equal(gtid_state_latest(&w.p.binlog.state, 0).seq, 1);
}

/* Nobody but the redo log is waited for where a neighbour's prepare has flushed it already. */
static void test_a_prepare_flushes_as_well(void **state)
{
    (void)state;
    begin(1);
    tw_client(&w, 0, 0);
    tw_settle(&w);
    tw_client(&w, 0, 1);
    tw_run(&w, 0);
    tw_fsync(&w, 0, IO_OK);
    assert_false(primary_checkpoint_waits(&w.p));
    tw_settle(&w);
    /* T2 was in file 2 before the event of file 1 was: file 3 says 2, nothing is skipped. */
    assert_int_equal(w.p.binlog.num, 3);
    redo_flush();
    tw_settle(&w);
    assert_int_equal(w.p.binlog.oldest, 3);
    assert_int_equal(checkpoints(3) % 10, 3);
}

/* A transaction that is not unlogged keeps its file, whatever the engine says. */
static void test_an_open_transaction_keeps_its_file(void **state)
{
    (void)state;
    begin(0);
    tw_client(&w, 0, 0);
    tw_client(&w, 1, 1);
    tw_run(&w, 0);
    tw_fsync(&w, 0, IO_OK);
    tw_run(&w, 0);
    tw_fsync(&w, 0, IO_OK); /* T1 is written and fsynced; its thread sleeps */
    assert_int_equal(w.p.binlog.life[0].xids, 1);
    flush_logs();
    tw_run_only(&w, TASK_OPERATOR);
    assert_int_equal(w.p.by[TASK_OPERATOR].state, COMMITTER_LOCK); /* LOCK_log is T1's */
    tw_settle(&w);
    assert_int_equal(w.p.binlog.num, 2);
    assert_int_equal(w.p.by[TASK_OPERATOR].state, COMMITTER_IDLE);
    assert_int_equal(w.answered, 3);
    for (uint32_t lock = 0; lock < COMMIT_LOCKS; lock++)
        assert_int_equal(w.p.owner[lock], 0);
}

/* MDEV-24526: T1 stands behind its binlog write, LOCK_log is free. The statement goes past it or
 * not, as the profile has it. */
static void test_flush_logs_walks_the_chain(void **state)
{
    (void)state;
    for (int overtakes = 0; overtakes <= 1; overtakes++) {
        tw_init(&w);
        w.set.profile = server_profile_find(overtakes ? "before-mdev-24526" : "mariadb-10.11");
        tw_serve(&w);
        tw_connect(&w, 1, "", true);
        tw_client(&w, 0, 0);
        tw_settle(&w); /* waits for its ACK with LOCK_after_binlog_sync */
        assert_int_equal(w.p.owner[LOCK_AFTER_BINLOG_SYNC], 1);
        flush_logs();
        tw_settle(&w);
        assert_int_equal(w.p.binlog.num, 2);
        assert_int_equal(w.p.by[TASK_OPERATOR].state, overtakes ? COMMITTER_IDLE : COMMITTER_LOCK);
        assert_int_equal(w.p.owner[LOCK_LOG], overtakes ? 0 : TASK_OPERATOR + 1);
        assert_int_equal(w.p.binlog.life[0].xids, overtakes ? 1 : 2);
        tw_ack(&w, 1, w.p.by[0].end);
        tw_settle(&w);
        assert_int_equal(w.answered, 1);
        assert_int_equal(checkpoints(2), overtakes ? 12 : 1);
        tw_power(&w);
        w.set.semi_sync_master = false;
        tw_boot(&w, ADMIN_SERVE);
        assert_int_equal(w.visible, overtakes ? 0 : 1); /* rolled back, and in the binlog */
        assert_int_equal(gtid_state_latest(&w.p.binlog.state, 0).seq, 1);
    }
}

/* A group whose fsync failed was counted, and is not any more (MDEV-9510). */
static void test_failed_group_is_not_counted(void **state)
{
    (void)state;
    begin(1);
    tw_client(&w, 0, 0);
    tw_run(&w, 0);
    tw_fsync(&w, 0, IO_OK);
    tw_run(&w, 0);
    assert_int_equal(w.p.binlog.life[0].xids, 1);
    tw_fsync(&w, 0, IO_EIO);
    tw_settle(&w);
    assert_int_equal(w.p.binlog.life[0].xids, 0);
    assert_int_equal(w.p.binlog.num, 1);
}

/* Dies at any fsync of a run over four files: nothing that is in a binlog is missing in the engine,
 * and the other way round. */
static void test_crash_anywhere(void **state)
{
    (void)state;
    for (uint32_t fsyncs = 0; fsyncs < 60; fsyncs++) {
        begin(1);
        uint32_t left = fsyncs;
        uint32_t sent = 0;
        while (left-- > 0) {
            if ((sent == 0 || w.answered != 0) && sent < 3)
                tw_client(&w, 0, sent++);
            tw_run_all(&w);
            uint32_t task = 0;
            while (task < TASKS_MAX && w.io[task].n == 0)
                task++;
            if (task < TASKS_MAX)
                tw_fsync(&w, task, IO_OK);
            else if (primary_checkpoint_waits(&w.p))
                tw_event(&w, &(struct event){.kind = EV_RUN, .task = TASK_REDO});
        }
        crashed = w;
        for (int power = 0; power <= 1; power++) {
            w = crashed;
            if (power)
                tw_power(&w);
            else
                tw_kill(&w);
            tw_boot(&w, ADMIN_SERVE);
            assert_int_equal(w.p.boot, BOOT_DONE);
            uint32_t in_binlog = 0;
            struct tw_group g[3];
            for (uint32_t num = 1; num <= w.p.binlog.num; num++) {
                for (uint32_t n = tw_groups(&w, num, g, 3); n-- > 0;)
                    in_binlog |= 1u << (g[n].k - 1);
            }
            assert_int_equal(w.visible, in_binlog);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_waits_for_the_redo_log),
        cmocka_unit_test(test_a_prepare_flushes_as_well),
        cmocka_unit_test(test_an_open_transaction_keeps_its_file),
        cmocka_unit_test(test_flush_logs_walks_the_chain),
        cmocka_unit_test(test_failed_group_is_not_counted),
        cmocka_unit_test(test_crash_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}

/* Crash recovery of a server that takes itself for a replica (--init-rpl-role=SLAVE, facts 5.2). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "primary/test_primary.h"

enum { TXNS = 3 };

static struct tw w, crashed;
static struct tw_group g[TXNS + 1];

/* Three groups are in the binlog and in doubt. */
static void crash_with_three_in_doubt(void)
{
    tw_init(&w);
    w.set.semi_sync_master = false;
    w.set.init_rpl_role = ROLE_SLAVE;
    tw_serve(&w);
    for (uint32_t i = 0; i < TXNS; i++) {
        tw_client(&w, i, i);
        tw_run(&w, i);
    }
    tw_settle(&w);
    tw_power(&w);
    assert_int_equal(tw_groups(&w, 1, g, TXNS + 1), TXNS);
}

/* Another way to say that a transaction is not in doubt: its redo says committed. `committed` has
 * bit i for T(i+1). */
static void commit_in_redo(uint32_t committed)
{
    struct tw_file *f = tw_file(&w, FILE_REDO, 1);
    struct disk_view view;
    struct actions out;
    tw_view(&w, &view);
    const struct env env = {.set = &w.set, .disk = &view};
    actions_clear(&out);
    engine_boot(&w.e, &env, &out);
    for (uint32_t i = 0; i < TXNS; i++) {
        if (committed >> i & 1)
            engine_commit_ordered(&w.e, i + 1);
    }
    memcpy(f->bytes + f->len, w.e.buffer, w.e.buffered);
    f->len += w.e.buffered;
    memcpy(f->kept, f->bytes, FILE_BYTES_MAX);
    f->kept_len = f->len;
    tw_kill(&w);
}

static void check(uint32_t kept)
{
    const struct tw_file *f = tw_file(&w, FILE_BINLOG, 1);
    assert_int_equal(w.visible, (1u << kept) - 1);
    assert_int_equal(engine_in_doubt(&w.e, 0), 0);
    assert_int_equal(gtid_state_latest(&w.p.binlog.state, 0).seq, kept);
    assert_int_equal(f->len, kept == TXNS ? g[TXNS - 1].end : g[kept].start);
    assert_int_equal(f->kept_len, f->len);
    assert_int_equal(tw_in_use(&w, 1), kept == TXNS); /* marked as closed where it is cut */
    assert_int_equal(w.p.binlog.num, 2);
}

/* Cut at the first in doubt behind the last committed one; what is in doubt before that one is
 * committed. */
static void test_where_it_cuts(void **state)
{
    (void)state;
    for (uint32_t committed = 0; committed < 1u << TXNS; committed++) {
        uint32_t kept = 0;
        for (uint32_t i = 0; i < TXNS; i++)
            kept = (committed >> i & 1) != 0 ? i + 1 : kept;
        crash_with_three_in_doubt();
        commit_in_redo(committed);
        tw_boot(&w, ADMIN_FOLLOW);
        check(kept);
        assert_int_equal(w.p.boot, BOOT_DONE);
        assert_false(w.p.serving);
    }
}

/* The prepare is lost (F=0, F=2): the group is not in doubt, so it counts as committed, and those
 * before it with it (facts 11.6). The binlog then has what the engine has not. */
static void test_lost_prepare_counts_as_committed(void **state)
{
    (void)state;
    crash_with_three_in_doubt();
    struct tw_file *f = tw_file(&w, FILE_REDO, 1);
    f->len = 2 * REDO_RECORD_LEN; /* prepares of T1 and T2 */
    tw_boot(&w, ADMIN_FOLLOW);
    assert_int_equal(w.visible, 1u << 0 | 1u << 1);
    assert_int_equal(gtid_state_latest(&w.p.binlog.state, 0).seq, 3);
    assert_int_equal(tw_file(&w, FILE_BINLOG, 1)->len, g[2].end);
}

static void test_prepared_and_not_in_the_binlog(void **state)
{
    (void)state;
    crash_with_three_in_doubt();
    commit_in_redo(1u << 0 | 1u << 1);
    tw_file(&w, FILE_BINLOG, 1)->len = g[1].end; /* T3 was never written */
    tw_boot(&w, ADMIN_FOLLOW);
    assert_int_equal(w.visible, 1u << 0 | 1u << 1);
    assert_int_equal(tw_file(&w, FILE_BINLOG, 1)->len, g[1].end);
    assert_true(tw_in_use(&w, 1)); /* nothing was cut */
}

/* The cut, then the decisions, then the new file. */
static void test_order_of_the_fsyncs(void **state)
{
    (void)state;
    crash_with_three_in_doubt();
    const uint32_t redo = tw_file(&w, FILE_REDO, 1)->len;
    tw_start(&w, ADMIN_FOLLOW);
    assert_int_equal(w.p.boot, BOOT_CUT);
    assert_true(primary_cuts(&w.p));
    assert_int_equal(w.io[TASK_BOOT].file[0].kind, FILE_BINLOG);
    assert_int_equal(tw_file(&w, FILE_BINLOG, 1)->len, g[0].start);
    assert_int_equal(tw_file(&w, FILE_REDO, 1)->len, redo);
    assert_null(tw_file(&w, FILE_BINLOG, 2));
    tw_fsync(&w, TASK_BOOT, IO_OK);
    assert_int_equal(w.p.boot, BOOT_REDO);
    assert_false(primary_cuts(&w.p));
    assert_int_equal(w.io[TASK_BOOT].file[0].kind, FILE_REDO);
    tw_fsync(&w, TASK_BOOT, IO_OK);
    assert_int_equal(w.p.boot, BOOT_BINLOG);
    for (int i = 0; i < 2; i++) { /* the new file, then its name */
        assert_int_equal(w.io[TASK_BOOT].n, 1);
        assert_false(primary_booted(&w.p));
        tw_fsync(&w, TASK_BOOT, IO_OK);
    }
    assert_int_equal(w.p.boot, BOOT_DONE);
    check(0);
}

/* The numbers that were cut off are given again. */
static void test_numbers_are_used_again(void **state)
{
    (void)state;
    crash_with_three_in_doubt();
    tw_boot(&w, ADMIN_SERVE);
    check(0);
    tw_clear(&w);
    tw_connect(&w, 1, "", false);
    tw_client(&w, 0, 5);
    tw_settle(&w);
    assert_stream(&w, 1, "0-1-1");
}

/* The engine flushes its log by itself, once a second. */
static void background_flush(void)
{
    w.runnable |= 1u << TASK_REDO;
    tw_run(&w, TASK_REDO);
    tw_fsync(&w, TASK_REDO, IO_OK);
}

/* A crash before the cut is durable changes nothing, and none does behind the decisions. Between
 * the two the binlog is closed and the engine in doubt: the server does not start (seen on
 * 10.11.19). Where the engine has flushed its log before the cut, the group is found in the binlog
 * and not in doubt any more: it stays there, and the engine does not have it (facts 5.2, B34; seen
 * on 10.11.19). */
static void test_crash_around_the_cut(void **state)
{
    (void)state;
    static const struct {
        uint32_t fsyncs;
        bool flushed, starts;
        uint32_t stays;
    } cases[] = {
        {0, false, true, 0},   {1, false, false, 0}, {2, false, true, 0},
        {0, true, true, TXNS}, {1, true, true, 0},
    };
    crash_with_three_in_doubt();
    crashed = w;
    for (uint32_t n = 0; n < sizeof cases / sizeof cases[0]; n++) {
        w = crashed;
        tw_start(&w, ADMIN_FOLLOW);
        if (cases[n].flushed)
            background_flush();
        for (uint32_t i = 0; i < cases[n].fsyncs; i++)
            tw_fsync(&w, TASK_BOOT, IO_OK);
        tw_power(&w);
        tw_start(&w, ADMIN_FOLLOW);
        assert_int_equal(w.exited, !cases[n].starts);
        if (!cases[n].starts)
            continue;
        tw_settle(&w);
        assert_int_equal(w.p.boot, BOOT_DONE);
        assert_int_equal(w.visible, 0);
        assert_int_equal(gtid_state_latest(&w.p.binlog.state, 0).seq, cases[n].stays);
        assert_int_equal(tw_groups(&w, 1, g, TXNS + 1), cases[n].stays);
    }
}

static void test_role_master_never_cuts(void **state)
{
    (void)state;
    crash_with_three_in_doubt();
    w.set.init_rpl_role = ROLE_MASTER;
    tw_boot(&w, ADMIN_FOLLOW);
    check(TXNS);
}

/* ---- over several files ---------------------------------------------------------------------- */

/* One transaction in each of the files 1, 2, 3; file 4 has only its head. All three are in doubt,
 * since all were prepared before the first commit record was written. */
static void crash_with_four_files(void)
{
    tw_init(&w);
    w.set.semi_sync_master = false;
    w.set.max_binlog_size = 1;
    w.set.init_rpl_role = ROLE_SLAVE;
    tw_serve(&w);
    for (uint32_t i = 0; i < TXNS; i++) {
        tw_client(&w, i, i);
        tw_run(&w, i);
    }
    for (uint32_t i = 0; i < TXNS; i++) {
        while ((w.answered >> i & 1) == 0) {
            tw_fsync(&w, i, IO_OK);
            tw_run_only(&w, i);
        }
    }
    tw_power(&w);
    for (uint32_t i = 0; i < TXNS; i++)
        assert_int_equal(tw_groups(&w, i + 1, &g[i], 1), 1);
    assert_non_null(tw_file(&w, FILE_BINLOG, TXNS + 1));
}

/* The cut is in an older file: the later files go. */
static void test_cut_in_an_older_file(void **state)
{
    (void)state;
    for (uint32_t committed = 0; committed < 1u << TXNS; committed++) {
        uint32_t kept = 0;
        for (uint32_t i = 0; i < TXNS; i++)
            kept = (committed >> i & 1) != 0 ? i + 1 : kept;
        crash_with_four_files();
        commit_in_redo(committed);
        tw_boot(&w, ADMIN_FOLLOW);
        assert_int_equal(w.p.boot, BOOT_DONE);
        assert_int_equal(w.visible, (1u << kept) - 1);
        assert_int_equal(gtid_state_latest(&w.p.binlog.state, 0).seq, kept);
        assert_int_equal(w.p.recovered_from, 1);
        assert_int_equal(w.p.binlog.num, kept == TXNS ? TXNS + 2 : kept + 2);
        for (uint32_t i = 0; i < TXNS; i++) {
            struct tw_group one;
            const struct tw_file *f = tw_file(&w, FILE_BINLOG, i + 1);
            assert_int_equal(f == NULL ? 0 : tw_groups(&w, i + 1, &one, 1), i < kept);
            if (i == kept)
                assert_int_equal(f->len, g[i].start);
        }
    }
}

/* Dies behind `done` fsyncs of the start, by power or kill, with or without a flush of the engine's
 * log before. Where the index is cut and the file is not, the last file is one that the rotation
 * had marked as closed (without an fsync): nobody looks into it again, and only the groups of the
 * later files are gone; or, where the engine is in doubt, the server does not start. */
static void test_crash_in_a_cut_over_files(void **state)
{
    (void)state;
    enum { REFUSED = 0 };
    static const uint8_t left[2][12] = {
        {1, 1, 1, REFUSED, REFUSED, 1, 1, 1, 1, 1, 1, 1},
        {3, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1},
    };
    crash_with_four_files();
    commit_in_redo(1); /* T1 is committed: file 2 is cut, files 3 and 4 go */
    crashed = w;
    for (uint32_t i = 0; i < 24; i++) {
        const uint32_t done = i % 12 / 2;
        const uint8_t expected = left[i / 12][i % 12];
        w = crashed;
        tw_start(&w, ADMIN_FOLLOW);
        if (i >= 12)
            background_flush();
        for (uint32_t k = 0; k < done && w.p.boot != BOOT_DONE; k++)
            tw_fsync(&w, TASK_BOOT, IO_OK);
        (i % 2 == 0 ? tw_power : tw_kill)(&w);
        tw_start(&w, ADMIN_FOLLOW);
        assert_int_equal(w.exited, expected == REFUSED);
        if (expected == REFUSED)
            continue;
        tw_settle(&w);
        assert_int_equal(w.p.boot, BOOT_DONE);
        assert_int_equal(w.visible, 1);
        assert_int_equal(gtid_state_latest(&w.p.binlog.state, 0).seq, expected);
        assert_int_equal(engine_in_doubt(&w.e, 0), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_where_it_cuts),
        cmocka_unit_test(test_lost_prepare_counts_as_committed),
        cmocka_unit_test(test_prepared_and_not_in_the_binlog),
        cmocka_unit_test(test_order_of_the_fsyncs),
        cmocka_unit_test(test_numbers_are_used_again),
        cmocka_unit_test(test_crash_around_the_cut),
        cmocka_unit_test(test_role_master_never_cuts),
        cmocka_unit_test(test_cut_in_an_older_file),
        cmocka_unit_test(test_crash_in_a_cut_over_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}

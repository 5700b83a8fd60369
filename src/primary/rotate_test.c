#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "primary/test_primary.h"

static struct tw w, before, mid;

static const char *index_text(void)
{
    static char text[FILE_BYTES_MAX + 1];
    const struct tw_file *f = tw_file(&w, FILE_BINLOG_INDEX, 1);
    assert_non_null(f);
    memcpy(text, f->bytes, f->len);
    text[f->len] = '\0';
    return text;
}

static uint8_t last_type(uint32_t num)
{
    const struct tw_file *f = tw_file(&w, FILE_BINLOG, num);
    struct event_head h;
    uint8_t type = 0;
    for (uint32_t off = BINLOG_MAGIC_LEN; off < f->len; off += h.len) {
        assert_int_equal(event_parse(f->bytes + off, f->len - off, true, &h), FMT_OK);
        type = h.type;
    }
    return type;
}

/* The oldest file that the head of a file says recovery needs. */
static uint32_t checkpoint_of_head(uint32_t num)
{
    const struct tw_file *f = tw_file(&w, FILE_BINLOG, num);
    struct event_head h;
    char name[BINLOG_NAME_MAX];
    for (uint32_t off = BINLOG_MAGIC_LEN; off < f->len; off += h.len) {
        assert_int_equal(event_parse(f->bytes + off, f->len - off, true, &h), FMT_OK);
        if (h.type != EVENT_BINLOG_CHECKPOINT)
            continue;
        assert_int_equal(decode_binlog_checkpoint(f->bytes + off, &h, name), FMT_OK);
        return binlog_name_num(name);
    }
    return 0;
}

static void begin(uint32_t max_binlog_size)
{
    tw_init(&w);
    w.set.semi_sync_master = false;
    w.set.max_binlog_size = max_binlog_size;
    tw_serve(&w);
}

static void test_order(void **state)
{
    (void)state;
    begin(1);
    tw_client(&w, 0, 0);
    tw_settle(&w);
    /* Old file, new file, index; the flag of the old file last; then the commit goes on. */
    assert_string_equal(w.log, "xrwbpwbwbnipwv1o1");
    assert_string_equal(index_text(), "binlog.000001\nbinlog.000002\n");
    assert_int_equal(last_type(1), EVENT_ROTATE);
    assert_int_equal(last_type(2), EVENT_BINLOG_CHECKPOINT);
    assert_int_equal(checkpoint_of_head(2), 1);
    assert_int_equal(w.p.binlog.num, 2);
    assert_int_equal(w.p.binlog.end_pos, log_pos(2, tw_file(&w, FILE_BINLOG, 2)->len));
    assert_false(tw_in_use(&w, 1));
    assert_true(tw_in_use(&w, 2));
    /* Nobody fsyncs the flag. */
    const struct tw_file *f = tw_file(&w, FILE_BINLOG, 1);
    assert_int_equal(f->kept_len, f->len);
    assert_int_not_equal(f->kept[BINLOG_MAGIC_LEN + 17], f->bytes[BINLOG_MAGIC_LEN + 17]);
    /* The state goes on in the new file. */
    tw_client(&w, 0, 1);
    tw_settle(&w);
    struct tw_group g;
    assert_int_equal(tw_groups(&w, 2, &g, 1), 1);
    assert_int_equal(g.gtid.seq, 2);
}

static void test_size(void **state)
{
    (void)state;
    begin(0);
    tw_client(&w, 0, 0);
    tw_settle(&w);
    const uint32_t full = w.p.binlog.len;
    for (uint32_t more = 0; more <= 1; more++) {
        begin(full + more); /* full when it has reached the size, not before */
        tw_client(&w, 0, 0);
        tw_settle(&w);
        assert_int_equal(w.p.binlog.num, more ? 1 : 2);
    }
}

/* The old file is fsynced at its close even where sync_binlog is 0. */
static void test_close_fsyncs_at_any_setting(void **state)
{
    (void)state;
    begin(1);
    w.set.sync_binlog = 0;
    tw_client(&w, 0, 0);
    tw_settle(&w);
    assert_string_equal(w.log, "xrwpwbwbnipwv1o1");
}

/* LOCK_log is held meanwhile: a second group cannot be written to the old file. */
static void test_nobody_writes_meanwhile(void **state)
{
    (void)state;
    begin(1);
    tw_client(&w, 0, 0);
    tw_client(&w, 1, 1);
    while (w.p.binlog.rotation != ROTATION_CREATE) {
        tw_run_only(&w, 0);
        tw_fsync(&w, 0, IO_OK);
    }
    tw_run_only(&w, 1);
    tw_fsync(&w, 1, IO_OK);
    tw_run_only(&w, 1);
    assert_int_equal(w.p.by[1].state, COMMITTER_LOCK);
    const struct env env = {.set = &w.set};
    assert_string_equal(primary_wanted_lock(&env, &w.p.by[1]), "LOCK_log");
    tw_settle(&w);
    assert_int_equal(w.p.binlog.num, 3);
    assert_int_equal(w.answered, 3);
}

/* ---- crashes --------------------------------------------------------------------------------- */

/* Dies behind `done` fsyncs of the commit; the start finds what was in the binlog. */
static void test_crash_at_each_step(void **state)
{
    (void)state;
    begin(1);
    tw_client(&w, 0, 0);
    tw_client(&w, 1, 1);
    tw_run(&w, 0);
    tw_run(&w, 1);
    tw_fsync(&w, 0, IO_OK); /* T2 is prepared, and gets no further */
    before = w;
    for (uint32_t i = 0; i < 2 * 7; i++) {
        const uint32_t done = i / 2;
        w = before;
        tw_run_only(&w, 0);
        for (uint32_t k = 0; k < done && w.io[0].n != 0; k++) {
            tw_fsync(&w, 0, IO_OK);
            tw_run_only(&w, 0);
        }
        const bool in_binlog = done >= 1 || i % 2 != 0; /* binlog fsynced, or killed only */
        if (i % 2 == 0)
            tw_power(&w);
        else
            tw_kill(&w);
        tw_boot(&w, ADMIN_SERVE);
        assert_false(w.exited);
        assert_int_equal(w.p.boot, BOOT_DONE);
        struct tw_group g[2];
        uint32_t groups = 0;
        for (uint32_t num = 1; num <= w.p.binlog.num; num++)
            groups += tw_file(&w, FILE_BINLOG, num) != NULL ? tw_groups(&w, num, g, 2) : 0;
        assert_int_equal(groups, in_binlog);
        assert_int_equal(w.visible, in_binlog);
        assert_int_equal(engine_in_doubt(&w.e, 0), 0);
        assert_int_equal(gtid_state_latest(&w.p.binlog.state, 0).seq, in_binlog);
        /* No number is left out, and every name has its file. */
        struct binlog_index index;
        struct disk_view view;
        tw_view(&w, &view);
        const struct env env = {.set = &w.set, .disk = &view};
        const struct ctx c = {.env = &env, .p = &w.p};
        binlog_index_read(&c, &index);
        assert_int_equal(index.n, w.p.binlog.num);
        for (uint32_t k = 0; k < index.n; k++) {
            assert_int_equal(index.num[k], k + 1);
            assert_non_null(tw_file(&w, FILE_BINLOG, k + 1));
        }
        assert_null(tw_file(&w, FILE_BINLOG, index.n + 1));
    }
}

/* What is in doubt is looked for in all files from the checkpoint on, and committed in order. */
static void test_recovery_over_files(void **state)
{
    (void)state;
    begin(1);
    for (uint32_t i = 0; i < 3; i++) {
        tw_client(&w, i, i);
        tw_run(&w, i);
    }
    for (uint32_t i = 3; i-- > 0;) {
        while ((w.answered >> i & 1) == 0) {
            tw_fsync(&w, i, IO_OK);
            tw_run_only(&w, i);
        }
    }
    tw_power(&w);
    mid = w;
    const uint32_t redo = tw_file(&w, FILE_REDO, 1)->len;
    tw_boot(&w, ADMIN_SERVE);
    assert_int_equal(w.visible, 7);
    assert_int_equal(w.p.recovered_from, 1);
    assert_int_equal(w.p.recovered_file, 4);
    assert_int_equal(w.p.binlog.num, 5);
    assert_int_equal(gtid_state_latest(&w.p.binlog.state, 0).seq, 3);
    const struct tw_file *f = tw_file(&w, FILE_REDO, 1);
    for (uint32_t i = 0; i < 3; i++) /* T3, T2, T1 */
        assert_int_equal(f->bytes[redo + i * REDO_RECORD_LEN + 4], 3 - i);
    assert_int_equal(checkpoint_of_head(5), 5);

    w = mid; /* the file that the checkpoint names is gone */
    memset(tw_file(&w, FILE_BINLOG, 1), 0, sizeof(struct tw_file));
    tw_start(&w, ADMIN_SERVE);
    assert_true(w.exited);
}

/* A name that makes no sense ends the index. */
static void test_index_lines(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t n;
    } cases[] = {{"", 0},
                 {"binlog.000001", 0},
                 {"binlog.000001\n", 1},
                 {"binlog.000001\nbinlog.000002", 1},
                 {"binlog.000001\nrelay.000002\nbinlog.000003\n", 1},
                 {"binlog.000001\nbinlog.000007\n", 2}};
    for (uint32_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct disk_view view = {.n = 1,
                                 .at = {{{FILE_BINLOG_INDEX, 1},
                                         (uint32_t)strlen(cases[i].text),
                                         (const uint8_t *)cases[i].text}}};
        const struct env env = {.disk = &view};
        const struct ctx c = {.env = &env};
        struct binlog_index index;
        binlog_index_read(&c, &index);
        assert_int_equal(index.n, cases[i].n);
    }
}

static void test_disk_error_ends_the_server(void **state)
{
    (void)state;
    for (uint32_t done = 2; done < 5; done++) {
        begin(1);
        tw_client(&w, 0, 0);
        tw_run_only(&w, 0);
        for (uint32_t k = 0; k < done; k++) {
            tw_fsync(&w, 0, IO_OK);
            tw_run_only(&w, 0);
        }
        tw_fsync(&w, 0, IO_EIO);
        assert_true(w.exited);
    }
}

/* ---- MySQL ----------------------------------------------------------------------------------- */

/* T1 is through and rotates while T2 is written and waits for its ACK. */
static void drain(const char *profile, bool after_sync)
{
    tw_init(&w);
    w.set.profile = server_profile_find(profile);
    w.set.wait_point = after_sync ? WAIT_AFTER_SYNC : WAIT_AFTER_COMMIT;
    w.set.max_binlog_size = 1;
    tw_serve(&w);
    tw_connect(&w, 1, "", true);
    tw_client(&w, 0, 0);
    tw_settle(&w);
    assert_stream(&w, 1, "0-1-1!");
    tw_client(&w, 1, 1);
    tw_run_only(&w, 1); /* prepared */
    tw_fsync(&w, 1, IO_OK);
    tw_run_only(&w, 1); /* written */
    const log_pos_t end = w.p.by[0].end;
    tw_ack(&w, 1, end);
    tw_run_only(&w, 0);
    if (w.io[0].n != 0)
        tw_fsync(&w, 0, IO_OK);
}

static void test_mysql_rotates_last(void **state)
{
    (void)state;
    tw_init(&w);
    w.set.profile = server_profile_find("mysql-8.0");
    w.set.semi_sync_master = false;
    w.set.max_binlog_size = 1;
    tw_serve(&w);
    tw_client(&w, 0, 0);
    tw_settle(&w);
    /* Visible; the commit record made durable; then the files; then the answer. */
    assert_string_equal(w.log, "xrwbpv1xrwbwbnipwo1");
    assert_int_equal(checkpoint_of_head(2), 2); /* nothing in file 1 is in doubt */
    tw_power(&w);
    tw_boot(&w, ADMIN_SERVE);
    assert_int_equal(w.visible, 1);
    assert_int_equal(w.p.recovered_from, 2);
}

static void test_mysql_waits_for_what_is_in_doubt(void **state)
{
    (void)state;
    drain("mysql-8.0", true);
    tw_settle(&w);
    assert_int_equal(w.p.by[0].state, COMMITTER_DRAIN);
    assert_int_equal(w.p.owner[LOCK_LOG], 1);
    assert_int_equal(w.p.by[1].state, COMMITTER_ACK);
    assert_int_equal(w.answered, 0);
    assert_int_equal(w.sent[w.n_sent - 1].gtid.seq, 2); /* sent: nobody needs LOCK_log for that */
    tw_ack(&w, 1, w.p.by[1].end);
    tw_settle(&w);
    assert_int_equal(w.answered, 3);
    assert_int_equal(w.p.binlog.num, 2); /* T2 found the file full as well; one of them rotates */
    for (uint32_t lock = 0; lock < COMMIT_LOCKS; lock++)
        assert_int_equal(w.p.owner[lock], 0);
}

/* Bug 44058: the dump thread needs LOCK_log, which the drain holds, which waits for the ACK of what
 * the dump thread cannot send. */
static void test_drain_against_the_dump_thread(void **state)
{
    (void)state;
    drain("mysql-bug-44058", true);
    tw_settle(&w);
    assert_int_equal(w.p.by[0].state, COMMITTER_DRAIN);
    assert_int_equal(w.p.by[1].state, COMMITTER_ACK);
    assert_int_equal(w.sent[w.n_sent - 1].gtid.seq, 1);
    assert_int_equal(w.runnable, 0);
    /* Under AFTER_COMMIT nothing that waits is in doubt any more. */
    drain("mysql-bug-44058", false);
    tw_settle(&w);
    assert_int_equal(w.answered, 1);
    assert_int_equal(w.p.by[1].state, COMMITTER_ACK);
    assert_int_equal(w.sent[w.n_sent - 1].gtid.seq, 2);
    tw_ack(&w, 1, w.p.by[1].end);
    tw_settle(&w);
    assert_int_equal(w.answered, 3);
}

/* ---- dump threads ---------------------------------------------------------------------------- */

static void test_dump_follows(void **state)
{
    (void)state;
    tw_init(&w);
    w.set.max_binlog_size = 1;
    tw_serve(&w);
    tw_connect(&w, 1, "", true);
    for (uint32_t i = 0; i < 2; i++) {
        tw_clear(&w);
        tw_client(&w, 0, i);
        tw_settle(&w);
        assert_stream(&w, 1, i == 0 ? "0-1-1!" : "0-1-2!");
        assert_int_equal(w.answered, 0);
        /* Of the old file: the group and its ROTATE, without a flag. Then the new file. */
        const struct tw_sent *s = &w.sent[w.n_sent - 3];
        static const uint8_t types[] = {EVENT_ROTATE, EVENT_ROTATE, EVENT_FORMAT_DESCRIPTION};
        for (uint32_t k = 0; k < 3; k++) {
            assert_int_equal(s[k].type, types[k]);
            assert_int_equal(s[k].file, i + 2);
            assert_false(s[k].need_ack);
        }
        assert_int_equal(s[-1].type, EVENT_XID);
        assert_int_equal(s[-1].file, i + 1);
        tw_ack(&w, 1, log_pos(i + 1, s[-1].log_pos));
        tw_settle(&w);
        assert_int_equal(w.answered, 1);
    }
    /* A replica that has the first starts in the second file. */
    tw_clear(&w);
    tw_connect(&w, 2, "0-1-1", true);
    tw_settle(&w);
    assert_stream(&w, 2, "0-1-2");
    assert_int_equal(w.sent[0].file, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_size),
        cmocka_unit_test(test_close_fsyncs_at_any_setting),
        cmocka_unit_test(test_nobody_writes_meanwhile),
        cmocka_unit_test(test_crash_at_each_step),
        cmocka_unit_test(test_recovery_over_files),
        cmocka_unit_test(test_index_lines),
        cmocka_unit_test(test_disk_error_ends_the_server),
        cmocka_unit_test(test_mysql_rotates_last),
        cmocka_unit_test(test_mysql_waits_for_what_is_in_doubt),
        cmocka_unit_test(test_drain_against_the_dump_thread),
        cmocka_unit_test(test_dump_follows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "engine/engine.h"

static struct engine e;
static struct actions out;
static struct server_settings set;
static struct disk_view view;
static const struct env env = {.set = &set, .disk = &view};
static const struct gtid own; /* of a client's own transaction: none */

/* The redo file of the test: what write(2) made of it. */
static uint8_t file[FILE_BYTES_MAX];
static uint32_t file_len;
static bool file_there;

static void show_file(void)
{
    memset(&view, 0, sizeof view);
    if (file_there) {
        view.n = 1;
        view.at[0] = (struct file_view){{FILE_REDO, 1}, file_len, file};
    }
}

/* Carries the actions out; their kinds as letters. */
static const char *carry_out(void)
{
    static char log[ACTIONS_MAX + 1];
    memset(log, 0, sizeof log);
    for (uint32_t i = 0; i < out.n; i++) {
        const struct action *a = &out.at[i];
        assert_int_equal(a->file.kind, FILE_REDO);
        switch (a->kind) {
        case ACT_CREATE:
            log[i] = 'c';
            assert_false(file_there);
            file_there = true;
            file_len = 0;
            break;
        case ACT_TRUNCATE:
            log[i] = 't';
            assert_true(a->off < file_len);
            file_len = a->off;
            break;
        case ACT_WRITE:
            log[i] = 'w';
            assert_int_equal(a->off, file_len);
            memcpy(file + a->off, out.bytes + a->at, a->len);
            file_len += a->len;
            break;
        default:
            assert_int_equal(a->kind, ACT_FSYNC);
            log[i] = 'f';
        }
    }
    actions_clear(&out);
    show_file();
    return log;
}

static const char *boot(void)
{
    actions_clear(&out);
    engine_boot(&e, &env, &out);
    return carry_out();
}

static void begin(uint32_t level)
{
    server_settings_default(&set);
    set.flush_log_at_trx_commit = level;
    file_there = false;
    file_len = 0;
    show_file();
    assert_string_equal(boot(), "c");
}

static bool reads(int32_t k, int32_t expected)
{
    int32_t v = 0;
    return engine_read(&e, k, &v) && v == expected;
}

static void flush(void)
{
    engine_sync(&e, TASK_REDO, &out);
    (void)carry_out();
    engine_flushed(&e, e.written);
}

static void test_visible_only_when_committed(void **state)
{
    (void)state;
    int32_t v = 77;
    begin(1);
    assert_false(engine_read(&e, 1, &v));
    assert_true(engine_prepare(&e, 10, 1, 100, own));
    assert_false(engine_read(&e, 1, &v));
    assert_int_equal(v, 77);
    assert_true(engine_is_prepared(&e, 10));
    assert_false(engine_is_prepared(&e, 11));
    engine_commit_ordered(&e, 10);
    assert_true(reads(1, 100));
    assert_int_equal(engine_read_keys(&e, 2), 1);
    assert_int_equal(engine_read_keys(&e, 0), 0);
    assert_false(engine_is_prepared(&e, 10));
    assert_true(engine_prepare(&e, 11, -2, -200, own));
    assert_int_equal(engine_read_keys(&e, 32), 1); /* prepared, and no key of a client */
    engine_rollback(&e, 11);
    assert_false(engine_read(&e, -2, &v));
    assert_int_equal(e.n_rows, 1);
    assert_int_equal(engine_lsn(&e), 4 * REDO_RECORD_LEN);
}

/* Hidden by a metadata lock, and durable: a restart shows it. */
static void test_executed_is_hidden_until_committed(void **state)
{
    (void)state;
    int32_t v = 0;
    begin(1);
    assert_true(engine_prepare(&e, 10, 1, 100, own));
    engine_execute(&e, 10);
    assert_false(engine_read(&e, 1, &v));
    assert_int_equal(engine_read_keys(&e, 2), 0);
    assert_false(engine_is_prepared(&e, 10));
    assert_true(engine_in_doubt(&e, 0) == 0);
    const uint32_t lsn = engine_lsn(&e);
    engine_commit_ordered(&e, 10);
    assert_int_equal(engine_lsn(&e), lsn); /* its commit record was there already */
    assert_true(reads(1, 100));
    assert_true(engine_prepare(&e, 11, 2, 200, own));
    engine_execute(&e, 11);
    flush();
    (void)boot();
    assert_true(reads(2, 200));
}

static void test_duplicates_and_a_full_table(void **state)
{
    (void)state;
    begin(1);
    assert_true(engine_prepare(&e, 10, 1, 100, own));
    const uint32_t lsn = engine_lsn(&e);
    assert_false(engine_prepare(&e, 11, 1, 101, own)); /* prepared by another */
    engine_commit_ordered(&e, 10);
    assert_false(engine_prepare(&e, 12, 1, 102, own));
    assert_int_equal(engine_lsn(&e), lsn + REDO_RECORD_LEN);
    assert_true(reads(1, 100));
    for (int32_t k = 2; k <= TXNS_MAX; k++)
        assert_true(engine_prepare(&e, 20 + (uint64_t)k, k, k, own));
    assert_false(engine_prepare(&e, 99, 99, 99, own));
    engine_rollback(&e, 25);
    flush();
    assert_true(engine_prepare(&e, 99, 99, 99, own));
    assert_true(engine_prepare(&e, 98, 5, 5, own) == false); /* full again */
}

static void test_in_doubt_in_order_of_prepare(void **state)
{
    (void)state;
    begin(1);
    for (uint64_t xid = 5; xid >= 1; xid--)
        assert_true(engine_prepare(&e, xid, (int32_t)xid, 0, own));
    engine_commit_ordered(&e, 4);
    engine_rollback(&e, 2);
    assert_int_equal(engine_in_doubt(&e, 0), 5);
    assert_int_equal(engine_in_doubt(&e, 1), 3);
    assert_int_equal(engine_in_doubt(&e, 2), 1);
    assert_int_equal(engine_in_doubt(&e, 3), 0);
}

/* The slave position moves with the row, not before it. */
static void test_slave_position(void **state)
{
    (void)state;
    begin(1);
    assert_true(engine_prepare(&e, 10, 1, 100, (struct gtid){0, 9, 5}));
    assert_true(engine_prepare(&e, 11, 2, 200, (struct gtid){3, 9, 7}));
    assert_int_equal(e.applied.n, 0);
    engine_commit_ordered(&e, 11);
    assert_int_equal(e.applied.n, 1);
    assert_true(gtid_equal(e.applied.at[0], (struct gtid){3, 9, 7}));
    engine_commit_ordered(&e, 10);
    assert_int_equal(gtid_pos_find(&e.applied, 0).seq, 5);
    assert_true(engine_prepare(&e, 12, 3, 300, (struct gtid){0, 9, 6}));
    engine_rollback(&e, 12);
    assert_int_equal(gtid_pos_find(&e.applied, 0).seq, 5);
    assert_true(engine_prepare(&e, 13, 4, 400, own));
    engine_commit_ordered(&e, 13); /* a client's own leaves it alone */
    assert_int_equal(e.applied.n, 2);
}

/* ---- flush levels ---------------------------------------------------------------------------- */

static void test_flush_of_a_prepare(void **state)
{
    (void)state;
    static const char *const first[] = {"", "wf", "w"};
    static const char *const commit[] = {"", "", "w"};
    for (uint32_t level = 0; level <= 2; level++) {
        begin(level);
        assert_true(engine_prepare(&e, 10, 1, 100, own));
        assert_int_equal(engine_flush_prepare(&e, &env, 0, &out), level != 0);
        assert_string_equal(carry_out(), first[level]);
        assert_int_equal(e.written, level == 0 ? 0 : REDO_RECORD_LEN);
        assert_int_equal(e.synced, 0); /* not before the disk has answered */
        if (level == 1)
            engine_flushed(&e, e.written);
        engine_commit_ordered(&e, 10);
        assert_int_equal(engine_flush_commit(&e, &env, 0, &out), level == 2);
        assert_string_equal(carry_out(), commit[level]);
        assert_int_equal(engine_flush_commit(&e, &env, 0, &out), false); /* nothing left */
        assert_int_equal(engine_background_due(&e, &env), level != 1);
        assert_true(engine_flush_all(&e, TASK_REDO, &out));
        assert_string_equal(carry_out(), level == 2 ? "f" : "wf");
        engine_flushed(&e, e.written);
        assert_false(engine_background_due(&e, &env));
        assert_false(engine_flush_all(&e, TASK_REDO, &out));
        assert_int_equal(out.n, 0);
        assert_int_equal(e.synced, engine_lsn(&e));
    }
}

/* F=1: another's flush wrote the record, but its fsync has not ended: an own one is needed. */
static void test_written_by_another_is_not_durable(void **state)
{
    (void)state;
    begin(1);
    assert_true(engine_prepare(&e, 10, 1, 100, own));
    assert_true(engine_prepare(&e, 11, 2, 200, own));
    assert_true(engine_flush_prepare(&e, &env, 0, &out));
    assert_string_equal(carry_out(), "wf");
    const uint32_t lsn = e.written;
    assert_true(engine_flush_prepare(&e, &env, 1, &out));
    assert_string_equal(carry_out(), "f");
    engine_flushed(&e, lsn);
    assert_false(engine_flush_prepare(&e, &env, 2, &out)); /* now it is */
    assert_true(engine_prepare(&e, 12, 3, 300, own));
    engine_flushed(&e, lsn - REDO_RECORD_LEN); /* an older answer takes nothing back */
    assert_int_equal(e.synced, lsn);
    assert_true(engine_flush_prepare(&e, &env, 2, &out));
    assert_string_equal(carry_out(), "wf");

    begin(2); /* F=2 asks for no more than the write */
    assert_true(engine_prepare(&e, 10, 1, 100, own));
    assert_true(engine_prepare(&e, 11, 2, 200, own));
    assert_true(engine_flush_prepare(&e, &env, 0, &out));
    assert_false(engine_flush_prepare(&e, &env, 1, &out));
    assert_string_equal(carry_out(), "w");
}

/* ---- redo replay ----------------------------------------------------------------------------- */

static void make_log(void)
{
    begin(1);
    assert_true(engine_prepare(&e, 10, 1, -100, (struct gtid){0, 9, 1}));
    assert_true(engine_prepare(&e, 11, 2, 200, (struct gtid){0, 9, 2}));
    engine_commit_ordered(&e, 10);
    assert_true(engine_prepare(&e, 12, 3, 300, own));
    engine_rollback(&e, 12);
    engine_commit_ordered(&e, 11);
    assert_true(engine_prepare(&e, 13, 3, 301, own));
    flush();
    assert_int_equal(file_len, 7 * REDO_RECORD_LEN);
}

/* What the log says when its first n records are there. */
static void check_replayed(uint32_t n)
{
    static const uint32_t rows[] = {0, 1, 2, 2, 3, 2, 2, 3};
    static const uint64_t applied[] = {0, 0, 0, 1, 1, 1, 2, 2};
    assert_int_equal(e.n_rows, rows[n]);
    assert_int_equal(gtid_pos_find(&e.applied, 0).seq, applied[n]);
    assert_int_equal(reads(1, -100), n >= 3);
    assert_int_equal(reads(2, 200), n >= 6);
    assert_int_equal(engine_is_prepared(&e, 10), n >= 1 && n < 3);
    assert_int_equal(engine_is_prepared(&e, 11), n >= 2 && n < 6);
    assert_int_equal(engine_is_prepared(&e, 12), n == 4);
    assert_int_equal(engine_is_prepared(&e, 13), n == 7);
    assert_int_equal(e.written, n * REDO_RECORD_LEN);
    assert_int_equal(e.synced, 0); /* nobody knows what the last life had fsynced */
    assert_int_equal(e.buffered, 0);
}

static void test_every_length_of_the_log(void **state)
{
    (void)state;
    make_log();
    uint8_t whole[FILE_BYTES_MAX];
    memcpy(whole, file, sizeof whole);
    for (uint32_t len = 0; len <= 7 * REDO_RECORD_LEN; len++) {
        memcpy(file, whole, sizeof whole);
        file_len = len;
        show_file();
        assert_string_equal(boot(), len % REDO_RECORD_LEN == 0 ? "" : "t");
        assert_int_equal(file_len, len / REDO_RECORD_LEN * REDO_RECORD_LEN);
        check_replayed(len / REDO_RECORD_LEN);
        /* And on from there: the new record stands where the torn one was. */
        assert_true(engine_prepare(&e, 50, 50, 500, own));
        flush();
        assert_string_equal(boot(), "");
        assert_true(engine_is_prepared(&e, 50));
    }
}

static void test_a_bad_byte_ends_the_log(void **state)
{
    (void)state;
    make_log();
    uint8_t whole[FILE_BYTES_MAX];
    memcpy(whole, file, sizeof whole);
    for (uint32_t at = 0; at < 7 * REDO_RECORD_LEN; at++) {
        memcpy(file, whole, sizeof whole);
        file_len = 7 * REDO_RECORD_LEN;
        file[at] ^= 0x40;
        show_file();
        assert_string_equal(boot(), "t");
        check_replayed(at / REDO_RECORD_LEN);
    }
}

/* Records that contradict what stands before them end the log too: here the first one is lost. */
static void test_contradiction_ends_the_log(void **state)
{
    (void)state;
    make_log();
    memmove(file, file + REDO_RECORD_LEN, file_len - REDO_RECORD_LEN);
    file_len -= REDO_RECORD_LEN;
    show_file();
    assert_string_equal(boot(), "t");
    assert_int_equal(e.n_rows, 1); /* prepare of 11; the commit of 10 fits nothing */
    assert_true(engine_is_prepared(&e, 11));

    make_log(); /* the same key prepared twice */
    memcpy(file + REDO_RECORD_LEN, file, REDO_RECORD_LEN);
    show_file();
    assert_string_equal(boot(), "t");
    check_replayed(1);
}

static void test_recovery_syncs_whatever_the_level(void **state)
{
    (void)state;
    for (uint32_t level = 0; level <= 2; level++) {
        begin(level);
        engine_sync(&e, TASK_BOOT, &out);
        assert_string_equal(carry_out(), "f"); /* what the last life wrote may not be durable */
        assert_true(engine_prepare(&e, 10, 1, 1, own));
        engine_sync(&e, TASK_BOOT, &out);
        assert_string_equal(carry_out(), "wf");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_visible_only_when_committed),
        cmocka_unit_test(test_executed_is_hidden_until_committed),
        cmocka_unit_test(test_duplicates_and_a_full_table),
        cmocka_unit_test(test_in_doubt_in_order_of_prepare),
        cmocka_unit_test(test_slave_position),
        cmocka_unit_test(test_flush_of_a_prepare),
        cmocka_unit_test(test_written_by_another_is_not_durable),
        cmocka_unit_test(test_every_length_of_the_log),
        cmocka_unit_test(test_a_bad_byte_ends_the_log),
        cmocka_unit_test(test_contradiction_ends_the_log),
        cmocka_unit_test(test_recovery_syncs_whatever_the_level),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}

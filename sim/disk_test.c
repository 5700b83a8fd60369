/* The disk: claim and truth, entries, tears, failed and lying fsyncs, and what the hash sees. */
#include "sim/disk_test_util.h"

static struct disk a;
static struct disk b;

static uint32_t n_outcomes(const struct disk *d, const struct disk_device *dev)
{
    static struct outcomes o;
    disk_outcomes(d, dev, &o);
    return o.n;
}

/* Power loss with all answers 0: the least survives. */
static struct disk_loss lose_most(struct disk *d)
{
    struct odometer o;
    odometer_init(&o);
    return disk_power_loss(d, &TEARING, &o.base);
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void test_errors(void **state)
{
    (void)state;
    static uint8_t bytes[FILE_BYTES_MAX + 1];
    disk_init(&a);
    assert_int_equal(disk_write(&a, BINLOG_1, 0, bytes, 1), DISK_NO_FILE);
    assert_int_equal(disk_truncate(&a, BINLOG_1, 0), DISK_NO_FILE);
    assert_int_equal(disk_unlink(&a, BINLOG_1), DISK_NO_FILE);
    assert_int_equal(disk_make_durable(&a, BINLOG_1, DISK_NOW), DISK_NO_FILE);
    assert_int_equal(disk_create(&a, BINLOG_1), DISK_OK);
    assert_int_equal(disk_create(&a, BINLOG_1), DISK_EXISTS);
    assert_int_equal(disk_write(&a, BINLOG_1, 1, bytes, 1), DISK_BAD_RANGE);
    assert_int_equal(disk_write(&a, BINLOG_1, 0, bytes, FILE_BYTES_MAX + 1), DISK_FULL);
    assert_int_equal(disk_write(&a, BINLOG_1, 0, bytes, FILE_BYTES_MAX), DISK_OK);
    assert_int_equal(disk_write(&a, BINLOG_1, FILE_BYTES_MAX, bytes, 1), DISK_FULL);
    /* No room is left for what a long write overwrites. */
    assert_int_equal(disk_write(&a, BINLOG_1, 0, bytes, DISK_UNDO_MAX + 1), DISK_FULL);
    assert_int_equal(disk_write(&a, BINLOG_1, 0, bytes, DISK_UNDO_MAX), DISK_OK);
    assert_int_equal(disk_truncate(&a, BINLOG_1, FILE_BYTES_MAX + 1), DISK_BAD_RANGE);
    assert_int_equal(disk_truncate(&a, BINLOG_1, FILE_BYTES_MAX), DISK_OK);
    assert_int_equal(a.n_pending, 3);
    while (a.n_pending < DISK_PENDING_MAX) {
        assert_int_equal(disk_write(&a, BINLOG_1, 0, bytes, 1), DISK_OK);
    }
    assert_int_equal(disk_write(&a, BINLOG_1, 0, bytes, 1), DISK_FULL);
    assert_int_equal(disk_truncate(&a, BINLOG_1, 0), DISK_FULL);
    assert_int_equal(disk_unlink(&a, BINLOG_1), DISK_FULL);
    assert_int_equal(disk_create(&a, BINLOG_2), DISK_FULL);
    assert_int_equal(disk_make_durable(&a, BINLOG_1, DISK_NOW), DISK_OK);
    for (uint8_t i = 1; i < FILES_MAX; i++) {
        assert_int_equal(disk_create(&a, (struct file_id){FILE_RELAY, i}), DISK_OK);
    }
    assert_int_equal(disk_create(&a, BINLOG_2), DISK_FULL);
}

static void test_claim_and_truth(void **state)
{
    (void)state;
    disk_init(&a);
    durable_file(&a, BINLOG_1, 100, 1);
    assert_false(disk_has_pending(&a));
    assert_true(disk_range_durable(&a, BINLOG_1, 0, 100));
    append(&a, BINLOG_1, 50, 2);
    assert_true(disk_has_pending(&a));
    assert_true(disk_range_durable(&a, BINLOG_1, 0, 100));
    assert_false(disk_range_durable(&a, BINLOG_1, 99, 101));
    assert_false(disk_range_durable(&a, BINLOG_1, 0, 151));
    assert_false(disk_range_durable(&a, BINLOG_2, 0, 0));

    disk_fsync_lie(&a, BINLOG_1,
                   DISK_NOW); /* claims, keeps nothing; an honest one later keeps all */
    assert_true(has(&a, BINLOG_1, 150));
    assert_false(disk_range_durable(&a, BINLOG_1, 0, 150));
    assert_int_equal(n_outcomes(&a, &ORDERED), 2);
    disk_copy(&b, &a);
    struct disk_loss loss = lose_most(&b);
    assert_int_equal(loss.lost, 1);
    assert_int_equal(loss.torn, 0);
    assert_true(has(&b, BINLOG_1, 100));
    disk_make_durable(&a, BINLOG_1, DISK_NOW);
    assert_true(disk_range_durable(&a, BINLOG_1, 0, 150));
    assert_int_equal(n_outcomes(&a, &ALL_ODDS), 1);
}

static void test_failed_fsync(void **state)
{
    (void)state;
    disk_init(&a);
    durable_file(&a, BINLOG_1, 10, 1);
    append(&a, BINLOG_1, 10, 2);
    disk_fsync_fail(&a, BINLOG_1, DISK_NOW);
    append(&a, BINLOG_1, 10, 3);
    disk_make_durable(&a, BINLOG_1,
                      DISK_NOW); /* fsyncgate: the second fsync succeeds and does not help */
    assert_false(disk_range_durable(&a, BINLOG_1, 10, 20));
    assert_true(disk_range_durable(&a, BINLOG_1, 0, 10));
    assert_true(disk_range_durable(&a, BINLOG_1, 20, 30));
    assert_true(disk_has_pending(&a));
    assert_int_equal(n_outcomes(&a, &ORDERED), 2);
    struct disk_view v;
    disk_view(&a, &v);
    assert_int_equal(v.at[0].bytes[10] == 0, 0);
    lose_most(&a);
    disk_view(&a, &v);
    assert_int_equal(v.at[0].len, 30);
    for (uint32_t i = 10; i < 20; i++) {
        assert_int_equal(v.at[0].bytes[i], 0);
    }
    assert_int_not_equal(v.at[0].bytes[20], 0);
    assert_true(disk_range_durable(&a, BINLOG_1, 0, 30));
    assert_false(disk_has_pending(&a));
}

static void test_torn_write(void **state)
{
    (void)state;
    disk_init(&a);
    durable_file(&a, BINLOG_1, 500, 1);
    append(&a, BINLOG_1, 12, 2); /* ends at the boundary: cannot be torn */
    assert_int_equal(n_outcomes(&a, &TEARING), 2);
    append(&a, BINLOG_1, 1100, 3); /* 512 .. 1612: cuts at 1024, 1536 */
    assert_int_equal(n_outcomes(&a, &TEARING), 5);
    assert_int_equal(n_outcomes(&a, &ORDERED), 3);
    struct odometer o;
    odometer_init(&o);
    bool seen = false;
    do {
        disk_copy(&b, &a);
        struct disk_loss loss = disk_power_loss(&b, &TEARING, &o.base);
        assert_int_equal(o.what[0], CHOOSE_SURVIVE);
        assert_int_equal(o.alternatives[0], 3);
        assert_int_equal(loss.lost, 2 - o.answer[0]);
        assert_int_equal(o.n, o.answer[0] == 1 ? 2 : 1);
        if (o.n == 2) {
            assert_int_equal(o.what[1], CHOOSE_TEAR);
            assert_int_equal(o.alternatives[1], 3);
            assert_int_equal(loss.torn, o.answer[1] > 0);
            assert_true(has(&b, BINLOG_1, o.answer[1] > 0 ? 512 + 512 * o.answer[1] : 512));
            seen = true;
        }
    } while (odometer_next(&o));
    assert_true(seen);
}

static void test_entries(void **state)
{
    (void)state;
    disk_init(&a);
    disk_create(&a, BINLOG_1);
    append(&a, BINLOG_1, 10, 1);
    assert_false(disk_range_durable(&a, BINLOG_1, 0, 0));
    assert_int_equal(n_outcomes(&a, &ORDERED), 3);    /* no file, empty file, file */
    assert_int_equal(n_outcomes(&a, &REORDERING), 3); /* data needs its entry */
    disk_fsync_fail(&a, BINLOG_1, DISK_NOW);          /* the journal still has the entry */
    assert_int_equal(n_outcomes(&a, &ORDERED), 3);
    disk_make_durable(&a, BINLOG_1, DISK_NOW);
    assert_int_equal(n_outcomes(&a, &ORDERED), 2);
    assert_true(disk_range_durable(&a, BINLOG_1, 0, 0));

    /* Files persist independently of each other. */
    disk_init(&a);
    durable_file(&a, BINLOG_1, 10, 1);
    durable_file(&a, REDO_1, 10, 2);
    append(&a, BINLOG_1, 10, 3);
    append(&a, REDO_1, 10, 4);
    append(&a, REDO_1, 10, 5);
    assert_int_equal(n_outcomes(&a, &ORDERED), 6);
    assert_int_equal(n_outcomes(&a, &REORDERING), 8);
    disk_make_durable(&a, REDO_1, DISK_NOW);
    assert_int_equal(n_outcomes(&a, &ORDERED), 2);
}

static void test_unlink(void **state)
{
    (void)state;
    disk_init(&a);
    durable_file(&a, RELAY_1, 10, 1);
    append(&a, RELAY_1, 5, 2);
    assert_int_equal(disk_unlink(&a, RELAY_1), DISK_OK);
    assert_false(disk_range_durable(&a, RELAY_1, 0, 1));
    assert_int_equal(disk_unlink(&a, RELAY_1), DISK_NO_FILE);
    struct disk_view v;
    disk_view(&a, &v);
    assert_int_equal(v.n, 0);
    assert_int_equal(n_outcomes(&a, &ORDERED), 3);
    assert_int_equal(n_outcomes(&a, &REORDERING), 3);
    disk_copy(&b, &a);
    assert_int_equal(lose_most(&b).lost, 2);
    assert_true(has(&b, RELAY_1, 10));
    assert_true(disk_range_durable(&b, RELAY_1, 0, 10));

    /* The same name again: old file, nothing, empty, 7 bytes; never the new data in the old file,
     * never the new entry without the unlink of the old one. */
    disk_create(&a, RELAY_1);
    append(&a, RELAY_1, 7, 3);
    assert_int_equal(n_outcomes(&a, &ORDERED), 5);
    assert_int_equal(n_outcomes(&a, &REORDERING), 5);
    disk_copy(&b, &a);
    disk_unlink(&b, RELAY_1);
    disk_create(&b, RELAY_1);
    assert_int_equal(b.n_files, 3);
    assert_int_equal(n_outcomes(&b, &ORDERED), 5); /* the third is empty like the second was */
    append(&b, RELAY_1, 9, 4);
    assert_int_equal(n_outcomes(&b, &ORDERED), 6);

    /* One journal commit carries the unlinks; fsync of another file will do. */
    disk_create(&a, BINLOG_1);
    disk_make_durable(&a, BINLOG_1, DISK_NOW);
    assert_int_equal(a.n_files, 2);
    assert_int_equal(n_outcomes(&a, &ORDERED), 3);
    disk_make_durable(&a, RELAY_1, DISK_NOW);
    assert_true(has(&a, RELAY_1, 7));
    assert_int_equal(n_outcomes(&a, &ALL_ODDS), 1);
}

static void test_undo(void **state)
{
    (void)state;
    static uint8_t bytes[2048];
    static struct outcomes o;
    disk_init(&a);
    durable_file(&a, REDO_1, 700, 1);
    disk_copy(&b, &a);
    fill(bytes, sizeof bytes, 9);
    disk_write(&a, REDO_1, 690, bytes, 16);  /* over the end */
    disk_truncate(&a, REDO_1, 600);          /* cut off ... */
    disk_write(&a, REDO_1, 600, bytes, 300); /* ... and written again, longer */
    disk_write(&a, REDO_1, 890, bytes, 12);
    disk_truncate(&a, REDO_1, 100);
    disk_write(&a, REDO_1, 90, bytes, 16);
    assert_true(has(&a, REDO_1, 106));
    disk_outcomes(&a, &ORDERED, &o);
    assert_int_equal(o.n, 7);
    lose_most(&a);
    assert_true(digest_disk(&a) == digest_disk(&b));
    assert_true(print_hash(&a) == print_hash(&b));
}

static void test_hash_and_copy(void **state)
{
    (void)state;
    /* The same content and pending set, reached in another order. */
    disk_init(&a);
    disk_create(&a, REDO_1);
    disk_create(&a, BINLOG_1);
    append(&a, REDO_1, 20, 1);
    append(&a, BINLOG_1, 30, 2);
    disk_create(&a, RELAY_1);
    memset(&b, 0x5a, sizeof b);
    disk_init(&b);
    disk_create(&b, RELAY_1);
    disk_create(&b, BINLOG_2);
    disk_create(&b, BINLOG_1);
    append(&b, BINLOG_2, 600, 3);
    append(&b, BINLOG_1, 30, 2);
    disk_create(&b, REDO_1);
    append(&b, REDO_1, 20, 1);
    assert_true(print_hash(&a) != print_hash(&b));
    disk_make_durable(&b, BINLOG_2, DISK_NOW);
    disk_unlink(&b, BINLOG_2);
    disk_copy(&a, &b);
    assert_true(print_hash(&a) == print_hash(&b));
    static struct disk kept;
    disk_copy(&kept, &a);
    disk_make_durable(&kept, REDO_1, DISK_NOW);
    assert_true(print_hash(&kept) != print_hash(&a));

    disk_init(&b);
    durable_file(&b, REDO_1, 20, 1);
    disk_create(&b, BINLOG_1);
    append(&b, BINLOG_1, 30, 2);
    disk_create(&b, RELAY_1);
    assert_true(print_hash(&kept) == print_hash(&b));

    /* Same bytes, different truth: different states. */
    disk_init(&a);
    durable_file(&a, BINLOG_1, 20, 1);
    disk_copy(&b, &a);
    append(&a, BINLOG_1, 5, 7);
    append(&b, BINLOG_1, 5, 7);
    assert_true(print_hash(&a) == print_hash(&b));
    disk_fsync_fail(&b, BINLOG_1, DISK_NOW);
    assert_true(print_hash(&a) != print_hash(&b));
    disk_make_durable(&a, BINLOG_1, DISK_NOW);
    assert_true(print_hash(&a) != print_hash(&b));
    disk_truncate(&b, BINLOG_1, 20);
    disk_make_durable(&b, BINLOG_1, DISK_NOW);
    lose_most(&b);
    disk_truncate(&a, BINLOG_1, 20);
    disk_make_durable(&a, BINLOG_1, DISK_NOW);
    assert_true(print_hash(&a) == print_hash(&b));

    /* A copy writes nothing that is not in use. */
    memset(&b, 0xcc, sizeof b);
    disk_copy(&b, &a);
    for (uint32_t i = b.used; i < sizeof b.bytes; i++) {
        assert_int_equal(b.bytes[i], 0xcc);
    }
    assert_int_equal(((uint8_t *)b.pending)[0], 0xcc);
    assert_memory_equal(b.bytes, a.bytes, a.used);
    assert_true(print_hash(&a) == print_hash(&b));
}

static void test_view_is_sorted(void **state)
{
    (void)state;
    struct disk_view v;
    disk_init(&a);
    durable_file(&a, RELAY_1, 3, 1);
    durable_file(&a, BINLOG_2, 4, 2);
    durable_file(&a, REDO_1, 5, 3);
    durable_file(&a, BINLOG_1, 6, 4);
    disk_view(&a, &v);
    assert_int_equal(v.n, 4);
    const struct file_id want[4] = {REDO_1, BINLOG_1, BINLOG_2, RELAY_1};
    const uint32_t len[4] = {5, 6, 4, 3};
    for (uint32_t i = 0; i < 4; i++) {
        uint8_t bytes[8];
        fill(bytes, len[i], (const uint32_t[]){3, 4, 2, 1}[i]);
        assert_int_equal(v.at[i].id.kind, want[i].kind);
        assert_int_equal(v.at[i].id.num, want[i].num);
        assert_int_equal(v.at[i].len, len[i]);
        assert_memory_equal(v.at[i].bytes, bytes, len[i]);
    }
}

/* An fsync promises what was written when it was asked for. */
static void an_fsync_covers_what_was_there(void **state)
{
    (void)state;
    disk_init(&a);
    disk_create(&a, BINLOG_1);
    assert_int_equal(disk_write(&a, BINLOG_1, 0, (const uint8_t *)"one", 3), DISK_OK);
    disk_fsync_ask(&a, BINLOG_1, 3);
    assert_int_equal(disk_write(&a, BINLOG_1, 3, (const uint8_t *)"two", 3), DISK_OK);
    disk_fsync_ask(&a, BINLOG_1, DISK_NOW - 1);
    assert_int_equal(disk_write(&a, BINLOG_1, 6, (const uint8_t *)"six", 3), DISK_OK);
    assert_int_equal(disk_make_durable(&a, BINLOG_1, 3), DISK_OK);
    assert_true(disk_range_durable(&a, BINLOG_1, 0, 3));
    assert_false(disk_range_durable(&a, BINLOG_1, 3, 6));
    disk_fsync_lie(&a, BINLOG_1, DISK_NOW - 1);
    assert_false(disk_range_durable(&a, BINLOG_1, 3, 6));
    disk_fsync_ask(&a, BINLOG_1, 3);
    disk_fsync_forget_all(&a); /* nobody is there any more who could be told */
    assert_int_equal(disk_make_durable(&a, BINLOG_1, 3), DISK_OK);
    assert_false(disk_range_durable(&a, BINLOG_1, 3, 6));
    disk_fsync_ask(&a, BINLOG_1, 3);
    assert_int_equal(disk_write(&a, BINLOG_1, 9, (const uint8_t *)"ten", 3), DISK_OK);
    disk_fsync_fail(&a, BINLOG_1, 3); /* the last write is still dirty, and the next fsync's */
    assert_int_equal(disk_make_durable(&a, BINLOG_1, DISK_NOW), DISK_OK);
    assert_false(disk_range_durable(&a, BINLOG_1, 3, 9));
    assert_true(disk_range_durable(&a, BINLOG_1, 9, 12));
}

static void an_unlink_is_durable_with_what_was_asked_behind_it(void **state)
{
    (void)state;
    disk_init(&a);
    disk_create(&a, BINLOG_1);
    disk_create(&a, RELAY_1);
    disk_make_durable(&a, BINLOG_1, DISK_NOW);
    disk_make_durable(&a, RELAY_1, DISK_NOW);
    disk_fsync_ask(&a, BINLOG_1, 0);
    assert_int_equal(disk_unlink(&a, RELAY_1), DISK_OK);
    disk_make_durable(&a, BINLOG_1, 0);
    assert_true(disk_has_pending(&a)); /* it came later */
    disk_fsync_ask(&a, BINLOG_1, 0);
    disk_make_durable(&a, BINLOG_1, 0);
    assert_false(disk_has_pending(&a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_claim_and_truth),
        cmocka_unit_test(test_failed_fsync),
        cmocka_unit_test(test_torn_write),
        cmocka_unit_test(test_entries),
        cmocka_unit_test(test_unlink),
        cmocka_unit_test(test_undo),
        cmocka_unit_test(test_hash_and_copy),
        cmocka_unit_test(test_view_is_sorted),
        cmocka_unit_test(an_fsync_covers_what_was_there),
        cmocka_unit_test(an_unlink_is_durable_with_what_was_asked_behind_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}

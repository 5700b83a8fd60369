#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "model/history.h"

enum { FILE_MAX = 8192 };

/* A file under construction. */
static uint8_t bytes[FILE_MAX];
static struct writer w;

static struct event_ctx at(uint32_t server)
{
    return (struct event_ctx){.timestamp = 1700000000, .server_id = server, .start = w.len};
}

static void head(void)
{
    static const struct gtid_state empty;
    struct event_ctx x;
    w = writer_over(bytes, sizeof bytes);
    encode_magic(&w);
    x = at(1);
    encode_format_description(&w, &x, "10.11.18-MariaDB-log");
    x = at(1);
    encode_gtid_list(&w, &x, &empty);
    x = at(1);
    encode_binlog_checkpoint(&w, &x, "binlog.000001");
}

static void group(struct gtid g, int32_t k)
{
    struct event_ctx x = at(g.server);
    encode_gtid(&w, &x, g, GTID_FLAG_TRANSACTIONAL, 0);
    x = at(g.server);
    encode_table_map(&w, &x, 18, "ap", "t");
    x = at(g.server);
    encode_write_rows(&w, &x, 18, k, k * 100);
    x = at(g.server);
    encode_xid(&w, &x, (uint64_t)k + 50);
    assert_false(w.failed);
}

/* A group without a row: DDL. */
static void ddl(struct gtid g)
{
    struct event_ctx x = at(g.server);
    encode_gtid(&w, &x, g, GTID_FLAG_STANDALONE | GTID_FLAG_DDL, 0);
    x = at(g.server);
    encode_query(&w, &x, "ap", "CREATE TABLE u (k INT)");
    assert_false(w.failed);
}

static void two_domains(void)
{
    head();
    group((struct gtid){0, 1, 1}, 1);
    group((struct gtid){3, 2, 9}, 4);
    ddl((struct gtid){0, 1, 2});
    group((struct gtid){0, 1, 3}, 2);
}

static void test_reads_complete_groups(void **state)
{
    (void)state;
    struct history h;
    two_domains();
    history_clear(&h);
    assert_true(history_read(&h, 1, bytes, w.len));
    assert_int_equal(h.n, 3);
    assert_int_equal(history_mask(&h), 1u << 0 | 1u << 3 | 1u << 1);
    assert_int_equal(h.broken, 0);
    assert_int_equal(h.parsed, w.len);
    const struct held *t = history_find(&h, 3);
    assert_non_null(t);
    assert_true(t->domain == 3 && t->server == 2 && t->seq == 9 && t->file == 1);
    assert_int_equal(t->start, h.at[0].end);
    assert_true(h.at[2].start > t->end); /* the DDL stands between */
    assert_int_equal(h.at[2].end, w.len);
    assert_null(history_find(&h, 2));
}

/* Fed byte by byte, every prefix says the same as when it is read at once. */
static void test_byte_by_byte(void **state)
{
    (void)state;
    struct history slow;
    struct history fast;
    two_domains();
    history_clear(&slow);
    for (uint32_t len = 0; len <= w.len; len++) {
        /* Only the prefix may be looked at: it lies at the end of its memory. */
        static uint8_t copy[FILE_MAX];
        uint8_t *prefix = copy + FILE_MAX - len;
        memcpy(prefix, bytes, len);
        history_clear(&fast);
        assert_true(history_read(&fast, 1, prefix, len));
        assert_true(history_read(&slow, 1, prefix, len));
        assert_memory_equal(&slow, &fast, sizeof slow);
        assert_int_equal(slow.broken, 0);
        uint32_t complete = 0;
        while (complete < slow.n && slow.at[complete].end <= len)
            complete++;
        assert_int_equal(complete, slow.n);
    }
    assert_int_equal(slow.n, 3);
}

/* In steps of every size, over two files. */
static void test_in_steps_over_files(void **state)
{
    (void)state;
    static uint8_t first[FILE_MAX];
    struct history once;
    struct history h;
    two_domains();
    const uint32_t first_len = w.len;
    memcpy(first, bytes, w.len);
    head();
    group((struct gtid){0, 1, 4}, 7);
    history_clear(&once);
    assert_true(history_read(&once, 1, first, first_len));
    assert_true(history_read(&once, 2, bytes, w.len));
    assert_int_equal(once.n, 4);
    assert_int_equal(once.at[3].file, 2);
    assert_int_equal(once.at[3].end, w.len);
    for (uint32_t step = 1; step < first_len; step += 7) {
        history_clear(&h);
        for (uint32_t len = step; len < first_len; len += step)
            assert_true(history_read(&h, 1, first, len));
        assert_true(history_read(&h, 1, first, first_len));
        for (uint32_t len = step; len < w.len; len += step)
            assert_true(history_read(&h, 2, bytes, len));
        assert_true(history_read(&h, 2, bytes, w.len));
        assert_memory_equal(&h, &once, sizeof h);
    }
}

/* A torn group at the end of a file is not in the history; the next file goes on behind it. */
static void test_torn_tail_before_the_next_file(void **state)
{
    (void)state;
    struct history h;
    head();
    group((struct gtid){0, 1, 1}, 1);
    group((struct gtid){0, 1, 2}, 2);
    history_clear(&h);
    assert_true(history_read(&h, 1, bytes, w.len - 1));
    assert_int_equal(history_mask(&h), 1u << 0);
    head();
    group((struct gtid){0, 1, 2}, 3);
    assert_true(history_read(&h, 2, bytes, w.len));
    assert_int_equal(history_mask(&h), 1u << 0 | 1u << 2);
    assert_int_equal(h.broken, 0);
}

static void test_broken(void **state)
{
    (void)state;
    struct history h;
    two_domains();
    history_clear(&h);
    assert_true(history_read(&h, 1, bytes, w.len));
    const uint32_t second = h.at[1].start;
    bytes[second + 25] ^= 1; /* bit rot: CRC */
    history_clear(&h);
    assert_true(history_read(&h, 1, bytes, w.len));
    assert_int_equal(h.broken, 1);
    assert_int_equal(h.n, 1);
    assert_int_equal(h.parsed, second);
    bytes[second + 25] ^= 1; /* and whole again */
    history_clear(&h);
    assert_true(history_read(&h, 1, bytes, w.len));
    assert_int_equal(h.broken, 0);
    assert_int_equal(h.n, 3);

    const uint32_t last = h.at[2].start; /* the same in the last group is a torn tail */
    bytes[last + 25] ^= 1;
    history_clear(&h);
    assert_true(history_read(&h, 1, bytes, w.len));
    assert_int_equal(h.broken, 0);
    assert_int_equal(h.n, 2);
    bytes[last + 25] ^= 1;
    memset(bytes + second, 0, 60); /* a hole of zeros, in an older file */
    history_clear(&h);
    assert_true(history_read(&h, 1, bytes, w.len));
    assert_true(history_read(&h, 2, bytes, BINLOG_MAGIC_LEN));
    assert_int_equal(h.broken, 1);

    head(); /* an event of a group without its GTID */
    struct event_ctx x = at(1);
    encode_xid(&w, &x, 5);
    history_clear(&h);
    assert_true(history_read(&h, 1, bytes, w.len));
    assert_int_equal(h.broken, 1);

    head(); /* a group inside a group */
    x = at(1);
    encode_gtid(&w, &x, (struct gtid){0, 1, 1}, GTID_FLAG_TRANSACTIONAL, 0);
    group((struct gtid){0, 1, 2}, 1);
    history_clear(&h);
    assert_true(history_read(&h, 1, bytes, w.len));
    assert_int_equal(h.broken, 1);
    assert_int_equal(h.n, 0);
}

static void test_full(void **state)
{
    (void)state;
    struct history h;
    history_clear(&h);
    for (uint32_t i = 0; i < HISTORY_MAX; i++) {
        head();
        group((struct gtid){0, 1, i + 1}, 1);
        assert_true(history_read(&h, i + 1, bytes, w.len));
    }
    head();
    group((struct gtid){0, 1, 99}, 1);
    assert_false(history_read(&h, HISTORY_MAX + 1, bytes, w.len));
    assert_int_equal(h.n, HISTORY_MAX);
}

static void test_prefix_and_gtid(void **state)
{
    (void)state;
    static const struct history empty;
    struct history a = {.n = 2,
                        .at = {{.txn = 0, .domain = 0, .server = 1, .seq = 1, .start = 300},
                               {.txn = 1, .domain = 0, .server = 1, .seq = 2, .start = 500}}};
    struct history b = a;
    b.n = 3;
    b.at[2] = (struct held){.txn = 2, .domain = 0, .server = 2, .seq = 3};
    assert_true(history_prefix(&a, &b));
    assert_true(history_prefix(&a, &a));
    assert_true(history_prefix(&empty, &a));
    assert_false(history_prefix(&b, &a));
    b.at[1].start = 700; /* where it stands does not count */
    b.at[0].file = 9;
    assert_true(history_prefix(&a, &b));
    b.at[1].txn = 5;
    assert_false(history_prefix(&a, &b));
    b.at[1].txn = 1;
    b.at[1].seq = 4;
    assert_false(history_prefix(&a, &b));
    struct held g = a.at[0];
    assert_true(held_same_gtid(&g, &a.at[0]));
    g.txn = 7;
    assert_true(held_same_gtid(&g, &a.at[0]));
    g.server = 2;
    assert_false(held_same_gtid(&g, &a.at[0]));
    g = a.at[0];
    g.domain = 1;
    assert_false(held_same_gtid(&g, &a.at[0]));
    g = a.at[0];
    g.seq = 2;
    assert_false(held_same_gtid(&g, &a.at[0]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_complete_groups),
        cmocka_unit_test(test_byte_by_byte),
        cmocka_unit_test(test_in_steps_over_files),
        cmocka_unit_test(test_torn_tail_before_the_next_file),
        cmocka_unit_test(test_broken),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_prefix_and_gtid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "format/ibb.h"
#include "format/redo.h"

/* ---- redo records ---------------------------------------------------------------------------- */

static void test_redo_record(void **state)
{
    (void)state;
    uint8_t bytes[256];
    const uint8_t payload[5] = {1, 2, 3, 4, 5};
    struct redo_record got;
    struct redo_record r = {.xid = 7,
                            .k = -3,
                            .v = 300,
                            .gtid = {1, 2, 3},
                            .type = REDO_WHOLE,
                            .len = sizeof payload,
                            .payload = payload};
    struct writer w = writer_over(bytes, sizeof bytes);
    redo_encode(&w, &r);
    assert_int_equal(w.len, REDO_RECORD_LEN + 5);
    assert_int_equal(redo_decode(bytes, sizeof bytes, &got), w.len);
    assert_int_equal(got.xid, 7);
    assert_int_equal(got.k, -3);
    assert_true(gtid_equal(got.gtid, r.gtid));
    assert_memory_equal(got.payload, payload, sizeof payload);
    for (uint32_t len = 0; len < w.len; len++)
        assert_int_equal(redo_decode(bytes, len, &got), 0);
    for (uint32_t i = 0; i < w.len; i++) {
        bytes[i] ^= 1;
        assert_int_equal(redo_decode(bytes, w.len, &got), 0);
        bytes[i] ^= 1;
    }
    w = writer_over(bytes, REDO_RECORD_LEN);
    redo_encode(&w, &r);
    assert_true(w.failed);
}

/* ---- files and pages ------------------------------------------------------------------------- */

static void test_where_things_stand(void **state)
{
    (void)state;
    assert_int_equal(ibb_file_of(IBB_START), 1);
    assert_int_equal(ibb_file_of(IBB_START + IBB_FILE_PAYLOAD - 1), 1);
    assert_int_equal(ibb_file_of(IBB_START + IBB_FILE_PAYLOAD), 2);
    for (uint32_t file = 1; file < 9; file++)
        assert_int_equal(ibb_file_of(ibb_file_start(file)), file);
}

static void test_page(void **state)
{
    (void)state;
    uint8_t page[IBB_PAGE] = {0};
    assert_false(ibb_page_whole(page, 0)); /* allocated and never written */
    assert_false(ibb_page_whole(page, 320));
    ibb_page_seal(page, 320);
    assert_true(ibb_page_whole(page, 320));
    assert_false(ibb_page_whole(page, 640)); /* a page in the place of another */
    page[17] ^= 4;
    assert_false(ibb_page_whole(page, 320));
}

static void test_header(void **state)
{
    (void)state;
    uint8_t page[IBB_PAGE];
    struct ibb_header got;
    struct ibb_header h = {.start = ibb_file_start(3), .first = ibb_file_start(3) + 9};
    assert_true(gtid_state_update(&h.state, (struct gtid){0, 2, 5}));
    assert_true(gtid_state_update(&h.state, (struct gtid){0, 1, 6}));
    ibb_header_encode(page, &h);
    assert_true(ibb_header_decode(page, sizeof page, 3, &got));
    assert_memory_equal(&got, &h, sizeof h);
    assert_false(ibb_header_decode(page, sizeof page, 2, &got));
    assert_false(ibb_header_decode(page, sizeof page - 1, 3, &got));
    page[5] ^= 1;
    assert_false(ibb_header_decode(page, sizeof page, 3, &got));
}

/* ---- records --------------------------------------------------------------------------------- */

static uint8_t stream[2048];
static struct writer w;

static struct event_ctx at(void)
{
    return (struct event_ctx){.server_id = 1, .start = w.len};
}

/* Opens a record at the end of the stream; its offset. */
static uint32_t open_record(void)
{
    uint32_t start = w.len;
    put_zero(&w, IBB_RECORD_HEAD);
    return start;
}

static void close_record(uint32_t start, enum ibb_type type, uint8_t flags)
{
    ibb_record_head(stream + start, type, flags, w.len - start - IBB_RECORD_HEAD, 99);
}

static void put_gtid(uint64_t seq)
{
    struct event_ctx x = at();
    encode_gtid(&w, &x, (struct gtid){0, 1, seq}, GTID_FLAG_TRANSACTIONAL, 0);
}

static void put_xid(void)
{
    struct event_ctx x = at();
    encode_xid(&w, &x, 5);
}

static void put_row(int32_t k)
{
    struct event_ctx x = at();
    encode_write_rows(&w, &x, 18, k, k * 100);
}

static void put_table(void)
{
    struct event_ctx x = at();
    encode_table_map(&w, &x, 18, "ap", "t");
}

/* A small group at 4, two pieces, and the commit record that refers to them. */
static uint32_t two_groups(void)
{
    memset(stream, 0, sizeof stream);
    w = writer_over(stream, sizeof stream);
    put_zero(&w, IBB_START);
    uint32_t one = open_record();
    put_gtid(1);
    put_table();
    put_row(1);
    put_xid();
    close_record(one, IBB_COMMIT, 0);
    uint32_t first = open_record();
    put_u32(&w, 0);
    put_table();
    close_record(first, IBB_PIECE, 0);
    uint32_t last = open_record();
    put_u32(&w, first);
    put_row(2);
    close_record(last, IBB_PIECE, 0);
    uint32_t commit = open_record();
    put_u32(&w, last);
    put_gtid(2);
    put_xid();
    close_record(commit, IBB_COMMIT, IBB_HAS_PIECES);
    assert_false(w.failed);
    return commit;
}

static bool group_at(uint32_t offset, int32_t *k)
{
    struct ibb_span span = {
        .bytes = stream + IBB_START, .base = IBB_START, .len = w.len - IBB_START};
    struct ibb_record r;
    struct group_scan g;
    struct event_head h;
    enum group_step step = GROUP_OUTSIDE;
    uint8_t bytes[512];
    struct writer out = writer_over(bytes, sizeof bytes);
    if (ibb_record_decode(stream + offset, w.len - offset, &r) == 0 || r.type != IBB_COMMIT ||
        !ibb_record_sound(&r) || !ibb_group(&span, &r, &out))
        return false;
    group_scan_start(&g);
    for (uint32_t off = 0; off < out.len; off += h.len) {
        assert_int_equal(event_parse(bytes + off, out.len - off, true, &h), FMT_OK);
        step = group_scan_event(&g, bytes + off, &h);
    }
    *k = g.k;
    return step == GROUP_END;
}

static void test_groups(void **state)
{
    (void)state;
    int32_t k = 0;
    uint32_t commit = two_groups();
    struct ibb_record r;
    assert_true(group_at(IBB_START, &k));
    assert_int_equal(k, 1);
    assert_true(group_at(commit, &k));
    assert_int_equal(k, 2);
    assert_true(ibb_record_decode(stream + commit, w.len - commit, &r) == w.len - commit);
    assert_int_equal(r.lsn, 99);
    assert_int_equal(ibb_gtid(&r).seq, 2);
    for (uint32_t len = 0; len < w.len - commit; len++)
        assert_int_equal(ibb_record_decode(stream + commit, len, &r), 0);
}

static void test_damaged_records(void **state)
{
    (void)state;
    int32_t k = 0;
    uint32_t commit = two_groups();
    struct ibb_record r;
    /* A reference to itself, to nothing, to what is no piece. */
    static const uint32_t wrong[] = {0xFFFF, IBB_START, 1};
    for (uint32_t i = 0; i < 3; i++) {
        struct writer ref = writer_over(stream + commit + IBB_RECORD_HEAD, 4);
        put_u32(&ref, i == 2 ? commit : wrong[i]);
        assert_false(group_at(commit, &k));
    }
    two_groups();
    stream[w.len - 1] = 0; /* the end of the XID event is gone */
    assert_true(ibb_record_decode(stream + commit, w.len - commit, &r) != 0);
    assert_false(ibb_record_sound(&r));
    two_groups();
    stream[commit] = 2;
    assert_int_equal(ibb_record_decode(stream + commit, w.len - commit, &r), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_redo_record), cmocka_unit_test(test_where_things_stand),
        cmocka_unit_test(test_page),        cmocka_unit_test(test_header),
        cmocka_unit_test(test_groups),      cmocka_unit_test(test_damaged_records),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "format/redo.h"
#include "model/stream.h"

enum { RECORD_LEN = IBB_RECORD_HEAD + 158 };

/* Three transactions in the redo log, each of RECORD_LEN bytes in the stream; pages of them. */
static uint8_t redo[2048];
static uint8_t stream[2048];
static uint8_t file[3][IBB_FILE];
static struct stream_logs logs;
static struct history h;

static void record(uint8_t *at, int32_t k, uint32_t offset)
{
    struct writer w = writer_over(at, RECORD_LEN);
    struct event_ctx x = {.server_id = 1, .start = offset};
    put_zero(&w, IBB_RECORD_HEAD);
    encode_gtid(&w, &x, (struct gtid){0, 1, (uint64_t)k}, GTID_FLAG_TRANSACTIONAL, 0);
    encode_table_map(&w, &x, 18, "ap", "t");
    encode_write_rows(&w, &x, 18, k, k * 100);
    encode_xid(&w, &x, (uint64_t)k);
    assert_false(w.failed);
    assert_int_equal(w.len, RECORD_LEN);
    ibb_record_head(at, IBB_COMMIT, 0, w.len - IBB_RECORD_HEAD, 0);
}

static void log_record(struct writer *w, int32_t k, uint32_t offset)
{
    uint8_t payload[4 + RECORD_LEN];
    struct writer p = writer_over(payload, sizeof payload);
    put_u32(&p, offset);
    put_bytes(&p, stream + offset, RECORD_LEN);
    struct redo_record r = {.k = k, .type = REDO_WHOLE, .len = sizeof payload, .payload = payload};
    redo_encode(w, &r);
}

/* What of the stream before `upto` stands in pages. */
static void write_pages(uint32_t upto)
{
    memset(file, 0, sizeof file);
    logs.n_files = 3;
    for (uint32_t i = 0; i < 3; i++) {
        struct ibb_header head = {.start = ibb_file_start(i + 1), .first = ibb_file_start(i + 1)};
        uint32_t len = upto > head.start ? upto - head.start : 0;
        logs.file[i] = (struct stream_file){i + 1, IBB_FILE, file[i]};
        if (len == 0)
            continue;
        ibb_header_encode(file[i], &head);
        memcpy(file[i] + IBB_PAGE, stream + head.start, len < IBB_PAYLOAD ? len : IBB_PAYLOAD);
        ibb_page_seal(file[i] + IBB_PAGE, head.start);
    }
}

static uint32_t offset_of(int32_t k)
{
    return IBB_START + (uint32_t)(k - 1) * RECORD_LEN;
}

/* T1 .. T`logged` in the file, the others in the buffer; a checkpoint behind the first ones. */
static void begin(int32_t logged, uint32_t checkpoint)
{
    static uint8_t buffer[1024];
    struct writer f = writer_over(redo, sizeof redo);
    struct writer b = writer_over(buffer, sizeof buffer);
    memset(&logs, 0, sizeof logs);
    for (int32_t k = 1; k <= 3; k++)
        record(stream + offset_of(k), k, offset_of(k));
    for (int32_t k = 1; k <= 3; k++)
        log_record(k <= logged ? &f : &b, k, offset_of(k));
    if (checkpoint != 0)
        redo_encode(&f, &(struct redo_record){.xid = checkpoint, .type = REDO_CHECKPOINT});
    logs.redo = redo;
    logs.redo_len = f.len;
    logs.buffer = buffer;
    logs.buffer_len = b.len;
    write_pages(checkpoint);
}

static void test_redo_and_buffer(void **state)
{
    (void)state;
    uint32_t from = 0;
    uint32_t to = 0;
    begin(2, 0);
    assert_true(stream_history(&h, &logs));
    assert_int_equal(history_mask(&h), 7);
    assert_int_equal(h.at[1].start, offset_of(2));
    assert_int_equal(h.at[1].end, offset_of(3));
    assert_int_equal(h.at[1].file, 1);
    assert_false(h.broken);
    logs.buffer_len = 0; /* the process is gone */
    assert_true(stream_history(&h, &logs));
    assert_int_equal(history_mask(&h), 3);
    assert_true(stream_commit(logs.redo, logs.redo_len, 1, &from, &to));
    assert_int_equal(from, logs.redo_len / 2);
    assert_int_equal(to, logs.redo_len);
    assert_false(stream_commit(logs.redo, logs.redo_len, 2, &from, &to));
    logs.redo_len--; /* torn */
    assert_true(stream_history(&h, &logs));
    assert_int_equal(history_mask(&h), 1);
}

static void test_pages_before_the_checkpoint(void **state)
{
    (void)state;
    /* Once inside T2, which crosses files; once behind T3. */
    const uint32_t checkpoints[] = {ibb_file_start(2), offset_of(3), offset_of(4)};
    for (uint32_t i = 0; i < 3; i++) {
        begin(3, checkpoints[i]);
        assert_true(stream_history(&h, &logs));
        assert_int_equal(history_mask(&h), 7);
        assert_false(h.broken);
        file[0][IBB_PAGE + 200] ^= 1; /* a page that the checkpoint relies on */
        assert_true(stream_history(&h, &logs));
        assert_true(h.broken);
        assert_int_equal(history_mask(&h) & 2, 0);
    }
    /* Behind the checkpoint a page says nothing. */
    begin(3, offset_of(2));
    file[0][IBB_PAGE + RECORD_LEN + 10] ^= 1;
    assert_true(stream_history(&h, &logs));
    assert_int_equal(history_mask(&h), 7);
    logs.n_files = 0;
    assert_true(stream_history(&h, &logs));
    assert_true(h.broken);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_redo_and_buffer),
        cmocka_unit_test(test_pages_before_the_checkpoint),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}

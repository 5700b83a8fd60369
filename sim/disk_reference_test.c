/* The disk against a plain reference: a file there is its durable image and a list of whole
 * operations, and a power loss plays the survivors forward. What disk.c does backwards, with undo
 * records in a shared arena, must give the same set of images for every subset of survivors.
 */
#include "sim/disk_test_util.h"

static struct disk a;

/* ---- the reference --------------------------------------------------------------------------- */

enum { R_WRITE = 1, R_CUT };
enum { R_DIRTY, R_CLEAN, R_DURABLE };
struct ref_op {
    int op, fate;
    uint32_t off, len;
    uint8_t data[2048];
};
struct ref_file {    /* one file whose entry is durable */
    bool neighbours; /* durable files before and behind it: no byte of theirs may move */
    uint32_t base_len, now_len, n;
    uint8_t base[FILE_BYTES_MAX], now[FILE_BYTES_MAX];
    struct ref_op op[12];
};

static uint32_t ref_play(uint8_t *image, uint32_t len, const struct ref_op *op, uint32_t data_len)
{
    uint32_t end = op->op == R_WRITE ? op->off + data_len : op->off;
    if (len < end) {
        memset(image + len, 0, end - len);
        len = end;
    }
    if (op->op == R_WRITE) {
        memcpy(image + op->off, op->data, data_len);
        return len;
    }
    return end;
}

static void ref_do(struct ref_file *f, int kind, uint32_t off, const uint8_t *data, uint32_t len)
{
    struct ref_op *op = &f->op[f->n++];
    *op = (struct ref_op){.op = kind, .off = off, .len = len};
    if (len > 0) {
        memcpy(op->data, data, len);
    }
    f->now_len = ref_play(f->now, f->now_len, op, len);
}

static void ref_fsync(struct ref_file *f)
{
    bool clean = false;
    for (uint32_t i = 0; i < f->n; i++) {
        clean = clean || f->op[i].fate == R_CLEAN;
        f->op[i].fate = f->op[i].fate == R_CLEAN ? R_CLEAN : R_DURABLE;
    }
    if (!clean) {
        memcpy(f->base, f->now, f->now_len);
        f->base_len = f->now_len;
        f->n = 0;
    }
}

static void ref_fsync_fail(struct ref_file *f)
{
    for (uint32_t i = 0; i < f->n; i++) {
        if (f->op[i].op == R_WRITE && f->op[i].fate == R_DIRTY) {
            f->op[i].fate = R_CLEAN;
        }
    }
}

static uint64_t digest_neighbour(uint64_t h, struct file_id id, uint32_t len, uint32_t seed)
{
    uint8_t bytes[64];
    fill(bytes, len, seed);
    return digest_file(h, id, bytes, len);
}

static uint64_t ref_image(const struct ref_file *f, uint32_t mask, uint32_t torn, uint32_t torn_len)
{
    static uint8_t image[FILE_BYTES_MAX];
    uint32_t len = f->base_len;
    memcpy(image, f->base, len);
    for (uint32_t i = 0; i < f->n; i++) {
        if (mask >> i & 1) {
            len = ref_play(image, len, &f->op[i], f->op[i].len);
        } else if (i == torn) {
            len = ref_play(image, len, &f->op[i], torn_len);
        }
    }
    uint64_t h = f->neighbours ? digest_neighbour(7, REDO_1, 33, 5) : 7;
    h = digest_file(h, BINLOG_1, image, len);
    return f->neighbours ? digest_neighbour(h, RELAY_1, 44, 6) : h;
}

static void ref_outcomes(const struct ref_file *f, const struct disk_device *dev,
                         struct outcomes *out)
{
    out->n = 0;
    for (uint32_t mask = 0; mask < 1u << f->n; mask++) {
        bool allowed = true;
        bool lost_before = false;
        uint32_t next = f->n; /* first dirty operation behind the last dirty survivor */
        for (uint32_t i = 0; i < f->n; i++) {
            bool kept = mask >> i & 1;
            if (f->op[i].fate == R_DURABLE) {
                allowed = allowed && kept;
            } else if (f->op[i].fate == R_DIRTY) {
                allowed = allowed && (dev->reorder || !kept || !lost_before);
                lost_before = lost_before || !kept;
                next = kept ? f->n : next == f->n ? i : next;
            }
        }
        if (!allowed) {
            continue;
        }
        outcomes_add(out, ref_image(f, mask, f->n, 0));
        if (dev->tear && next < f->n && f->op[next].op == R_WRITE) {
            const struct ref_op *op = &f->op[next];
            for (uint32_t cut = 1; cut < op->len; cut++) {
                if ((op->off + cut) % DISK_SECTOR == 0) {
                    outcomes_add(out, ref_image(f, mask, next, cut));
                }
            }
        }
    }
    outcomes_sort(out);
}

static void assert_same_outcomes(const struct disk *d, const struct ref_file *f,
                                 const struct disk_device *dev)
{
    static struct outcomes got;
    static struct outcomes want;
    disk_outcomes(d, dev, &got);
    ref_outcomes(f, dev, &want);
    assert_int_equal(got.n, want.n);
    assert_memory_equal(got.at, want.at, got.n * sizeof got.at[0]);
}

/* ---- random histories ------------------------------------------------------------------------ */

static void random_step(struct disk *d, struct ref_file *f, uint32_t *seed)
{
    static uint8_t bytes[2048];
    uint32_t len = 1 + noise(seed) % 40;
    uint32_t kind = noise(seed) % 12;
    fill(bytes, sizeof bytes, noise(seed));
    if (kind < 4 || f->now_len < 30) {
        len = noise(seed) % 4 == 0 ? len + 500 : len;
        if (f->now_len + len > 2000) {
            return;
        }
        assert_int_equal(disk_write(d, BINLOG_1, f->now_len, bytes, len), DISK_OK);
        ref_do(f, R_WRITE, f->now_len, bytes, len);
    } else if (kind < 7) {
        uint32_t back = noise(seed) % (noise(seed) % 2 == 0 ? DISK_UNDO_MAX : f->now_len);
        assert_int_equal(disk_write(d, BINLOG_1, f->now_len - back, bytes, len), DISK_OK);
        ref_do(f, R_WRITE, f->now_len - back, bytes, len);
    } else if (kind < 9) {
        uint32_t cut = 1 + noise(seed) % (f->now_len / 2);
        assert_int_equal(disk_truncate(d, BINLOG_1, f->now_len - cut), DISK_OK);
        ref_do(f, R_CUT, f->now_len - cut, NULL, 0);
    } else if (kind == 9) {
        disk_make_durable(d, BINLOG_1, DISK_NOW);
        ref_fsync(f);
    } else if (kind == 10) {
        disk_fsync_fail(d, BINLOG_1, DISK_NOW);
        ref_fsync_fail(f);
    } else {
        disk_fsync_lie(d, BINLOG_1, DISK_NOW);
    }
}

/* Is the range the same in every outcome that the reference allows? */
static bool ref_range_durable(const struct ref_file *f, uint32_t from, uint32_t to)
{
    for (uint32_t i = 0; i < f->n; i++) {
        const struct ref_op *op = &f->op[i];
        if (op->op == R_WRITE && op->fate != R_DURABLE && op->off < to &&
            op->off + op->len > from) {
            return false;
        }
    }
    return to <= f->now_len;
}

static void test_random_histories(void **state)
{
    (void)state;
    static struct ref_file f;
    const struct disk_device *devices[] = {&ORDERED, &TEARING, &REORDERING, &ALL_ODDS};
    uint32_t seed = 1;
    for (uint32_t round = 0; round < 400; round++) {
        memset(&f, 0, sizeof f);
        disk_init(&a);
        durable_file(&a, BINLOG_1, 0, 1);
        f.neighbours = round % 2 == 0;
        if (f.neighbours) {
            durable_file(&a, REDO_1, 33, 5);
            durable_file(&a, RELAY_1, 44, 6);
        }
        for (uint32_t i = 0; i < 14 && f.n < 7; i++) {
            random_step(&a, &f, &seed);
            uint32_t from = noise(&seed) % (f.now_len + 1);
            uint32_t to = from + noise(&seed) % 30;
            if (ref_range_durable(&f, from, to)) {
                assert_true(disk_range_durable(&a, BINLOG_1, from, to));
            }
        }
        assert_true(has(&a, BINLOG_1, f.now_len));
        for (uint32_t i = 0; i < 4; i++) {
            assert_same_outcomes(&a, &f, devices[i]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_histories),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}

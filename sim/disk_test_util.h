/* What the tests of the disk share: file ids, devices, a chooser that counts through all
 * answers, and the set of images that a power loss can leave.
 */
#ifndef ACKPROOF_SIM_DISK_TEST_UTIL_H
#define ACKPROOF_SIM_DISK_TEST_UTIL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sim/disk.h"

static const struct file_id BINLOG_1 = {FILE_BINLOG, 1};
static const struct file_id BINLOG_2 = {FILE_BINLOG, 2};
static const struct file_id RELAY_1 = {FILE_RELAY, 1};
static const struct file_id REDO_1 = {FILE_REDO, 1};
static const struct disk_device ORDERED = {.reorder = false, .tear = false};
static const struct disk_device TEARING = {.reorder = false, .tear = true};
static const struct disk_device REORDERING = {.reorder = true, .tear = false};
static const struct disk_device ALL_ODDS = {.reorder = true, .tear = true};

/* ---- a chooser that counts through all answers ----------------------------------------------- */

enum { ANSWERS_MAX = 64 };
struct odometer {
    struct chooser base;
    uint32_t n;    /* questions of this run */
    uint32_t kept; /* answers that are given; 0 behind them */
    uint32_t answer[ANSWERS_MAX];
    uint32_t alternatives[ANSWERS_MAX];
    uint8_t what[ANSWERS_MAX];
};

static inline uint32_t odometer_pick(struct chooser *c, enum choice what, uint32_t n,
                                     const uint32_t *keys)
{
    struct odometer *o = (struct odometer *)c;
    assert_null(keys);
    assert_true(o->n < ANSWERS_MAX);
    uint32_t i = o->n++;
    if (i >= o->kept) {
        o->answer[i] = 0;
    }
    o->alternatives[i] = n;
    o->what[i] = (uint8_t)what;
    return o->answer[i];
}

static inline void odometer_init(struct odometer *o)
{
    memset(o, 0, sizeof *o);
    o->base.pick = odometer_pick;
}

static inline bool odometer_next(struct odometer *o)
{
    while (o->n > 0 && o->answer[o->n - 1] + 1 == o->alternatives[o->n - 1]) {
        o->n--;
    }
    if (o->n == 0) {
        return false;
    }
    o->answer[o->n - 1]++;
    o->kept = o->n;
    o->n = 0;
    return true;
}

/* ---- sets of outcomes ------------------------------------------------------------------------ */

enum { OUTCOMES_MAX = 8192 };
struct outcomes {
    uint32_t n;
    uint64_t at[OUTCOMES_MAX];
};

static inline int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static inline void outcomes_add(struct outcomes *o, uint64_t digest)
{
    assert_true(o->n < OUTCOMES_MAX);
    o->at[o->n++] = digest;
}

static inline void outcomes_sort(struct outcomes *o)
{
    qsort(o->at, o->n, sizeof o->at[0], by_value);
    uint32_t n = 0;
    for (uint32_t i = 0; i < o->n; i++) {
        if (n == 0 || o->at[n - 1] != o->at[i]) {
            o->at[n++] = o->at[i];
        }
    }
    o->n = n;
}

static inline uint64_t digest_add(uint64_t h, const void *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        h = (h ^ ((const uint8_t *)bytes)[i]) * 0x100000001b3u;
    }
    return h ^ h >> 29;
}

static inline uint64_t digest_file(uint64_t h, struct file_id id, const uint8_t *bytes,
                                   uint32_t len)
{
    h = digest_add(h, &id, sizeof id);
    h = digest_add(h, &len, sizeof len);
    return digest_add(h, bytes, len);
}

/* A hash of what the world hashes of a disk. */
static inline uint64_t print_hash(const struct disk *d)
{
    static uint8_t print[DISK_PRINT_MAX];
    uint32_t n = disk_print(d, ~0u, print);
    uint64_t h = 14695981039346656037u;
    for (uint32_t i = 0; i < n; i++) {
        h = (h ^ print[i]) * 1099511628211u;
    }
    return h;
}

static inline uint64_t digest_disk(const struct disk *d)
{
    struct disk_view v;
    disk_view(d, &v);
    uint64_t h = 7;
    for (uint32_t i = 0; i < v.n; i++) {
        h = digest_file(h, v.at[i].id, v.at[i].bytes, v.at[i].len);
    }
    return h;
}

/* All images that a power loss of `d` can leave; asserts that nothing is pending behind it. */
static inline void disk_outcomes(const struct disk *d, const struct disk_device *dev,
                                 struct outcomes *out)
{
    static struct disk copy;
    struct odometer o;
    odometer_init(&o);
    out->n = 0;
    do {
        memset(&copy, 0xee, sizeof copy); /* what is not in use is garbage */
        disk_copy(&copy, d);
        disk_power_loss(&copy, dev, &o.base);
        assert_false(disk_has_pending(&copy));
        outcomes_add(out, digest_disk(&copy));
        static struct disk
            again; /* after a power loss only content counts, not how it came about */
        disk_init(&again);
        struct disk_view v;
        disk_view(&copy, &v);
        for (uint32_t i = v.n; i-- > 0;) {
            assert_int_equal(disk_create(&again, v.at[i].id), DISK_OK);
            assert_int_equal(disk_write(&again, v.at[i].id, 0, v.at[i].bytes, v.at[i].len),
                             DISK_OK);
            assert_int_equal(disk_make_durable(&again, v.at[i].id, DISK_NOW), DISK_OK);
        }
        assert_true(print_hash(&again) == print_hash(&copy));
    } while (odometer_next(&o));
    outcomes_sort(out);
}

/* ---- small helpers --------------------------------------------------------------------------- */

static inline uint32_t noise(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static inline void fill(uint8_t *bytes, uint32_t len, uint32_t seed)
{
    for (uint32_t i = 0; i < len; i++) {
        bytes[i] = (uint8_t)(1 + noise(&seed) % 255); /* never 0: a hole must show */
    }
}

static inline void append(struct disk *d, struct file_id id, uint32_t len, uint32_t seed)
{
    static uint8_t bytes[FILE_BYTES_MAX];
    struct disk_view v;
    disk_view(d, &v);
    uint32_t size = 0;
    for (uint32_t i = 0; i < v.n; i++) {
        size = v.at[i].id.kind == id.kind && v.at[i].id.num == id.num ? v.at[i].len : size;
    }
    fill(bytes, len, seed);
    assert_int_equal(disk_write(d, id, size, bytes, len), DISK_OK);
}

static inline void durable_file(struct disk *d, struct file_id id, uint32_t len, uint32_t seed)
{
    assert_int_equal(disk_create(d, id), DISK_OK);
    append(d, id, len, seed);
    assert_int_equal(disk_make_durable(d, id, DISK_NOW), DISK_OK);
}

static inline bool has(const struct disk *d, struct file_id id, uint32_t len)
{
    struct disk_view v;
    disk_view(d, &v);
    for (uint32_t i = 0; i < v.n; i++) {
        if (v.at[i].id.kind == id.kind && v.at[i].id.num == id.num) {
            return v.at[i].len == len;
        }
    }
    return false;
}

#endif

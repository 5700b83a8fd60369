/* Three sessions commit, and every order in which a server could run their threads, end their
 * fsyncs and get the ACK is tried: a recursive walk with a memory of the situations it was in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "primary/test_primary.h"

enum {
    SESSIONS = 3,
    DEPTH_MAX = 80,
    KNOWN_MAX = 1 << 18, /* hash slots */
    MOVE_ACK = TASKS_MAX,
    MOVE_TIMER,                             /* + session */
    MOVE_START = MOVE_TIMER + SESSIONS_MAX, /* + session */
    MOVES = MOVE_START + SESSIONS_MAX,
    MOVE_FSYNC = MOVES, /* + task */
};

static struct tw at_depth[DEPTH_MAX];
static uint64_t known[KNOWN_MAX];
static uint32_t n_known, n_ends, n_three, orders;
static enum commit_order order;

static uint64_t mix(uint64_t h, const void *from, size_t len)
{
    const uint8_t *p = from;
    for (; len > 0; p += 8, len -= 8) {
        uint64_t word = 0;
        memcpy(&word, p, len < 8 ? len : 8);
        h = (h ^ word) * 0x9E3779B97F4A7C15u;
        h ^= h >> 29;
        if (len < 8)
            break;
    }
    return h;
}

static bool is_known(struct tw *w)
{
    const struct tw_file *f = tw_file(w, FILE_BINLOG, 1);
    const struct tw_file *redo = tw_file(w, FILE_REDO, 1);
    uint64_t h = mix(1, &w->p, sizeof w->p);
    h = mix(h, &w->e, sizeof w->e);
    h = mix(h, &w->runnable, sizeof w->runnable);
    h = mix(h, &w->timers, sizeof w->timers);
    h = mix(h, w->io, sizeof w->io);
    h = mix(h, w->seen, sizeof w->seen);
    h = mix(h, &w->answered, sizeof w->answered);
    h = mix(h, f->bytes, f->len);
    h = mix(h, redo->bytes, redo->len) | 1;
    for (uint32_t i = (uint32_t)(h >> 40) % KNOWN_MAX;; i = (i + 1) % KNOWN_MAX) {
        if (known[i] == h)
            return true;
        if (known[i] == 0) {
            known[i] = h;
            assert_true(++n_known < KNOWN_MAX / 2);
            return false;
        }
    }
}

/* What must be true in every situation. */
static void check(struct tw *w)
{
    struct tw_group g[SESSIONS];
    const uint32_t n = tw_groups(w, 1, g, SESSIONS);
    assert_true(w->n_seen <= n); /* nothing is visible that is not in the binlog */
    for (uint32_t i = 0; i < w->n_seen; i++)
        assert_int_equal(g[i].xid, w->seen[i] + 1u); /* and in the order of the binlog */
    for (uint32_t t = 0; t < COMMITTERS; t++) {
        const struct committer *m = &w->p.by[t];
        if (m->lock != LOCK_NONE)
            assert_int_equal(w->p.owner[m->lock], t + 1);
    }
    for (uint32_t lock = LOCK_LOG; lock < COMMIT_LOCKS; lock++) {
        const uint32_t owner = w->p.owner[lock];
        assert_true(owner == 0 || w->p.by[owner - 1].lock == lock);
    }
    const bool late = w->set.wait_point != WAIT_BEFORE_WRITE;
    const struct tw_file *f = tw_file(w, FILE_BINLOG, 1);
    assert_true(!late || log_pos_offset(w->p.binlog.end_pos) <= f->len);
    const bool fsync_first =
        w->set.sync_binlog == 1 && w->set.profile->publish != PUBLISH_BEFORE_SYNC;
    if (late && fsync_first)
        assert_true(log_pos_offset(w->p.binlog.end_pos) <= f->kept_len);
    for (uint32_t i = 0; i < w->n_seen; i++) {
        const bool ok = (w->answered >> w->seen[i] & 1) != 0;
        const bool acked = w->p.semisync.replied >= log_pos(1, g[i].end);
        const bool awaited = w->set.semi_sync_timeout_ms == 0;
        assert_true(acked || !awaited || (!ok && w->set.wait_point == WAIT_AFTER_COMMIT));
        assert_true(w->set.sync_binlog != 1 || g[i].end <= f->kept_len);
    }
    assert_int_equal(w->answered & ~w->visible, 0);
}

static bool may(const struct tw *w, uint32_t move)
{
    if (move >= MOVE_FSYNC)
        return w->io[move - MOVE_FSYNC].n > 0;
    if (move >= MOVE_START)
        return move - MOVE_START < SESSIONS && (w->answered >> (move - MOVE_START) & 1) == 0 &&
               w->p.by[move - MOVE_START].state == COMMITTER_IDLE;
    if (move >= MOVE_TIMER)
        return (w->timers >> (move - MOVE_TIMER) & 1) != 0;
    if (move == MOVE_ACK)
        return w->p.semisync.wait != 0 && w->p.semisync.replied < w->p.binlog.end_pos;
    return (w->runnable >> move & 1) != 0 && move < COMMITTERS; /* the dump thread sleeps */
}

static void take(struct tw *w, uint32_t move)
{
    if (move >= MOVE_FSYNC)
        tw_fsync(w, move - MOVE_FSYNC, IO_OK);
    else if (move >= MOVE_START)
        tw_client(w, move - MOVE_START, move - MOVE_START);
    else if (move >= MOVE_TIMER)
        tw_timer(w, move - MOVE_TIMER);
    else if (move == MOVE_ACK)
        tw_ack(w, 1, w->p.binlog.end_pos);
    else
        tw_run(w, move);
    tw_clear(w);
}

static void walk(uint32_t depth)
{
    struct tw *w = &at_depth[depth];
    assert_true(depth + 1 < DEPTH_MAX);
    check(w);
    if (is_known(w))
        return;
    uint32_t moves = 0;
    for (uint32_t move = 0; move < MOVE_FSYNC + TASKS_MAX; move++) {
        if (!may(w, move))
            continue;
        moves++;
        at_depth[depth + 1] = *w;
        take(&at_depth[depth + 1], move);
        walk(depth + 1);
    }
    if (moves > 0)
        return;
    /* Nothing can go on: nobody may be left behind. */
    n_ends++;
    assert_int_equal(w->answered, (1u << SESSIONS) - 1);
    assert_int_equal(w->n_seen, SESSIONS);
    orders |= 1u << (w->seen[0] * 3 + w->seen[1]);
    struct tw_group g[SESSIONS];
    (void)tw_groups(w, 1, g, SESSIONS);
    n_three += g[0].commit_id != 0 && g[0].commit_id == g[2].commit_id;
}

static void explore(const char *profile, enum wait_point wait_point, uint32_t sync_binlog,
                    uint32_t timeout_ms)
{
    struct tw *w = &at_depth[0];
    memset(known, 0, sizeof known);
    n_known = n_ends = n_three = orders = 0;
    tw_init(w);
    w->set.profile = server_profile_find(profile);
    w->set.wait_point = wait_point;
    w->set.sync_binlog = sync_binlog;
    w->set.semi_sync_timeout_ms = timeout_ms;
    w->set.commit_order = order;
    tw_serve(w);
    tw_connect(w, 1, "", true);
    w->runnable = 0;
    w->answered = 0;
    tw_clear(w);
    walk(0);
    /* All six orders of three sessions came by, and groups of three among them. */
    assert_int_equal(orders, 1u << 1 | 1u << 2 | 1u << 3 | 1u << 5 | 1u << 6 | 1u << 7);
    assert_true(n_ends >= 6);
    assert_true(n_three > 0);
    print_message("%s, wait point %d, sync_binlog %u, timeout %u: %u situations, %u ends\n",
                  profile, (int)wait_point, sync_binlog, timeout_ms, n_known, n_ends);
}

static void test_mariadb_after_sync(void **state)
{
    (void)state;
    explore("mariadb-10.11", WAIT_AFTER_SYNC, 1, 0);
}

static void test_mariadb_after_commit(void **state)
{
    (void)state;
    explore("mariadb-10.11", WAIT_AFTER_COMMIT, 1, 0);
}

static void test_mariadb_before_write(void **state)
{
    (void)state;
    explore("mariadb-10.11", WAIT_BEFORE_WRITE, 1, 0);
}

static void test_mariadb_with_timeout(void **state)
{
    (void)state;
    explore("mariadb-10.11", WAIT_AFTER_SYNC, 0, 1);
}

static void test_mysql_8(void **state)
{
    (void)state;
    explore("mysql-8.0", WAIT_AFTER_SYNC, 1, 0);
}

static void test_mysql_8_after_commit(void **state)
{
    (void)state;
    explore("mysql-8.0", WAIT_AFTER_COMMIT, 0, 0);
}

static void test_mariadb_own_threads(void **state)
{
    (void)state;
    order = ORDER_BY_OWN_THREADS;
    explore("mariadb-10.11", WAIT_AFTER_SYNC, 1, 0);
    explore("mariadb-10.11", WAIT_AFTER_COMMIT, 1, 0);
    order = ORDER_BY_LEADER;
}

static void test_mysql_5_6(void **state)
{
    (void)state;
    explore("mysql-5.6", WAIT_AFTER_SYNC, 1, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mariadb_after_sync),
        cmocka_unit_test(test_mariadb_after_commit),
        cmocka_unit_test(test_mariadb_before_write),
        cmocka_unit_test(test_mariadb_with_timeout),
        cmocka_unit_test(test_mysql_8),
        cmocka_unit_test(test_mysql_8_after_commit),
        cmocka_unit_test(test_mariadb_own_threads),
        cmocka_unit_test(test_mysql_5_6),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}

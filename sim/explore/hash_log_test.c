/* Logs of hashes, and what they are for: a machine that is not deterministic is caught, at the step
 * in which it began. */
#include "sim/explore/toy_test_util.h"

#include <unistd.h>

#include "sim/explore/hash_log.h"
#include "sim/test_sim.h"

static char path[2][64];

static int setup(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        snprintf(path[i], sizeof path[i], "/tmp/ackproof-hashes-XXXXXX");
        int fd = mkstemp(path[i]);
        if (fd < 0)
            return -1;
        close(fd);
    }
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    return unlink(path[0]) | unlink(path[1]);
}

static enum hash_diff diff(char *said, size_t cap)
{
    FILE *out = fmemopen(said, cap, "w");
    assert_non_null(out);
    enum hash_diff d = hash_log_diff(path[0], path[1], out, out);
    fclose(out);
    return d;
}

static void put(int i, const char *text)
{
    FILE *f = fopen(path[i], "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static void log_run(int i, const struct machine *m, const struct scenario *sc,
                    const struct witness *w)
{
    struct run_outcome out;
    struct replay opt = {.hashes = fopen(path[i], "w")};
    FILE *err = tmpfile();
    assert_true(opt.hashes != NULL && err != NULL);
    search_replay(m, sc, w, &opt, &out, err, NULL, NULL);
    fclose(err);
    assert_int_equal(fclose(opt.hashes), 0);
}

#define H "0123456789abcdef0123456789abcde"

static void logs_are_compared(void **state)
{
    (void)state;
    char said[1024], expected[1024];
    const char *two = "0 start " H "0\n1 run 0 0 0, survive 1/3 " H "1\n";
    put(0, two);
    put(1, two);
    assert_int_equal(diff(said, sizeof said), HASH_LOGS_EQUAL);
    assert_string_equal(said, "1 steps, all equal\n");

    put(1, "0 start " H "0\n1 run 0 0 0, survive 1/3 " H "2\n");
    assert_int_equal(diff(said, sizeof said), HASH_LOGS_DIFFER);
    snprintf(expected, sizeof expected,
             "the runs differ first at step 1: the same move, another state\n"
             "  %s: run 0 0 0, survive 1/3 -> " H "1\n  %s: run 0 0 0, survive 1/3 -> " H "2\n",
             path[0], path[1]);
    assert_string_equal(said, expected);

    put(1, "0 start " H "0\n1 run 0 0 0, survive 2/3 " H "1\n");
    assert_int_equal(diff(said, sizeof said), HASH_LOGS_DIFFER);
    assert_non_null(strstr(said, "first at step 1\n"));

    put(1, "0 start " H "0\n");
    assert_int_equal(diff(said, sizeof said), HASH_LOGS_DIFFER);
    assert_non_null(strstr(said, "first at step 1\n"));
    assert_non_null(strstr(said, "the run has ended"));

    static const char *const bad[] = {"", "x\n", "1 run\n", "0 start " H "\n", "0 " H "0\n"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        put(0, bad[i]);
        put(1, bad[i]);
        assert_int_equal(diff(said, sizeof said), HASH_LOGS_BAD);
        assert_non_null(strstr(said, ": error: "));
    }
    assert_int_equal(hash_log_diff("no/such", path[0], stdout, stdout), HASH_LOGS_BAD);
    assert_int_equal(hash_log_diff(path[0], "no/such", stdout, stdout), HASH_LOGS_BAD);
}

/* ---- planted nondeterminism ------------------------------------------------------------------ */

static struct planted {
    const struct machine *on;
    uint64_t from, step; /* of the run under way */
    const void *where;   /* an address: the one thing here that no seed fixes */
} planted;

static enum step_result planted_step(struct sim *s)
{
    enum step_result end = planted.on->step(s);
    planted.step += end == STEP_MOVED;
    return end;
}

/* As if an address had been written into the state from some step on. */
static struct hash128 planted_hash(const struct world *w)
{
    struct hash128 h = planted.on->hash(w);
    if (planted.step >= planted.from)
        h.lo ^= (uint64_t)(uintptr_t)planted.where;
    return h;
}

/* The same witness twice on a machine that goes wrong from step `from` on. */
static enum hash_diff twice(const struct machine *of, const struct scenario *sc,
                            const struct witness *w, uint64_t from, char *said, size_t cap)
{
    void *block[2] = {malloc(64), malloc(64)}; /* both live: they cannot be in one place */
    struct machine m = *of;
    m.step = planted_step;
    m.hash = planted_hash;
    for (int i = 0; i < 2; i++) {
        planted = (struct planted){.on = of, .from = from, .where = block[i]};
        log_run(i, &m, sc, w);
    }
    free(block[0]);
    free(block[1]);
    return diff(said, cap);
}

static void planted_in_the_toy(void **state)
{
    (void)state;
    char said[1024];
    struct witness w = {0};
    rules = (struct rules){.n = 2, .k = 4, .kills = 1, .lies = 1};
    witness_start(&w, &scenario);
    for (uint32_t i = 0; i < 4; i++)
        witness_add(&w, CHOOSE_MOVE, key_of(MOVE_RUN, 0), 0);
    witness_add(&w, CHOOSE_MOVE, key_of(MOVE_KILL, 0), 0);
    witness_add(&w, CHOOSE_SURVIVE, 2, 5);
    assert_int_equal(twice(&toy_machine, &scenario, &w, 100, said, sizeof said), HASH_LOGS_EQUAL);
    assert_string_equal(said, "5 steps, all equal\n");
    for (uint64_t from = 1; from <= 5; from++) {
        char first[64];
        snprintf(first, sizeof first, "first at step %u: the same move", (unsigned)from);
        assert_int_equal(twice(&toy_machine, &scenario, &w, from, said, sizeof said),
                         HASH_LOGS_DIFFER);
        assert_non_null(strstr(said, first));
    }
    assert_non_null(strstr(said, ": kill 0 0 0, survive 2/5 -> "));
    witness_free(&w);
}

static void planted_in_the_world(void **state)
{
    (void)state;
    char said[1024];
    struct scenario sc;
    struct witness w = {0};
    struct run_outcome out;
    rig_load(&sc, RIG_PAIR "workload: {sessions: 1, transactions: 1}\n"
                           "faults: [{point: node/power, of: primary}]\n");
    explore_seed(&sc, DRIVER_SWARM, 7, &out, &w);
    assert_true(out.steps > 6);
    assert_int_equal(twice(&world_machine, &sc, &w, UINT64_MAX, said, sizeof said),
                     HASH_LOGS_EQUAL);
    assert_int_equal(twice(&world_machine, &sc, &w, 6, said, sizeof said), HASH_LOGS_DIFFER);
    assert_non_null(strstr(said, "first at step 6: the same move, another state\n"));
    witness_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logs_are_compared),
        cmocka_unit_test(planted_in_the_toy),
        cmocka_unit_test(planted_in_the_world),
    };
    return cmocka_run_group_tests(tests, setup, teardown) != 0;
}

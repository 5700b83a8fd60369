/* A search in pieces ends as one in one piece, wherever it is cut; files that do not belong to it
 * are refused. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "sim/explore/toy_test_util.h"

static char file[] = "/tmp/ackproof-save-XXXXXX";

static void assert_equal(const struct result *a, const struct result *b)
{
    assert_int_equal(a->states, b->states);
    assert_int_equal(a->transitions, b->transitions);
    assert_int_equal(a->moves, b->moves);
    assert_int_equal(a->ends, b->ends);
    assert_int_equal(a->depth_max, b->depth_max);
    assert_int_equal(a->reached, b->reached);
    assert_int_equal(a->exhausted, b->exhausted);
    assert_true(hash_equal(a->digest, b->digest));
    assert_memory_equal(a->verdict, b->verdict, sizeof a->verdict);
    assert_memory_equal(a->reach_times, b->reach_times, sizeof a->reach_times);
    for (uint32_t i = 0; i < INVARIANTS; i++) {
        assert_int_equal(a->witness[i].n, b->witness[i].n);
        if (a->witness[i].n > 0)
            assert_memory_equal(a->witness[i].choice, b->witness[i].choice,
                                a->witness[i].n * sizeof a->witness[i].choice[0]);
    }
}

/* Pieces that end at `first`, then after `each` more states, until it is exhausted. The number of
 * pieces. */
static uint32_t in_pieces(const struct machine *m, const struct scenario *sc, uint64_t first,
                          uint64_t each, struct result *r)
{
    struct explore_options o = {.max_states = first, .save = file};
    uint32_t pieces = 0;
    search_exhaust(m, sc, &o, r);
    for (pieces = 1; !r->exhausted; pieces++) {
        assert_true(r->saved);
        assert_int_equal(r->states, o.max_states);
        result_free(r);
        o.max_states += each;
        o.resume = file;
        assert_true(search_saved_check(m, sc, &o, stderr));
        search_exhaust(m, sc, &o, r);
    }
    assert_false(r->saved);
    return pieces;
}

static void toys_in_pieces(void **state)
{
    (void)state;
    static const struct rules some[] = {
        {.n = 2, .k = 4, .kills = 1, .lies = 1},
        {.n = 3, .k = 3, .kills = 2, .lies = 1, .many = true},
        {.n = 2, .k = 3, .turns = true},
    };
    for (size_t i = 0; i < sizeof some / sizeof some[0]; i++) {
        exhaust(some[i], NULL);
        struct result whole = result;
        for (uint64_t first = 1; first<whole.states; first += whole.states> 60 ? 17 : 1) {
            struct result r;
            uint32_t pieces = in_pieces(&toy_machine, &scenario, first, first % 3 + 40, &r);
            assert_true(pieces >= 2);
            assert_equal(&r, &whole);
            result_free(&r);
        }
        struct result r;
        in_pieces(&toy_machine, &scenario, 1, 1, &r); /* a piece per state */
        assert_equal(&r, &whole);
        result_free(&r);
        result_free(&whole);
    }
}

static void the_world_in_pieces(void **state)
{
    (void)state;
    struct scenario sc;
    struct result whole, r;
    assert_true(scenario_load("scenarios/01-after-commit.yaml", &sc, stderr));
    explore_exhaust(&sc, NULL, &whole);
    static const uint64_t cut[][2] = {{1, 5000000}, {2, 1000}, {777, 1}};
    for (size_t i = 0; i < sizeof cut / sizeof cut[0]; i++) {
        uint64_t each = cut[i][1] > 1 ? cut[i][1] : whole.states / 5;
        in_pieces(&world_machine, &sc, cut[i][0], each, &r);
        assert_equal(&r, &whole);
        result_free(&r);
    }
    result_free(&whole);
}

/* Time stops a search behind any transition, a bound of states only where one was new. */
static void time_is_a_bound(void **state)
{
    (void)state;
    const struct rules wide = {.n = 3, .k = 14, .lies = 1};
    exhaust(wide, NULL);
    struct result whole = result;
    struct explore_options o = {.seconds = 1e-9, .save = file};
    exhaust(wide, &o);
    uint32_t pieces;
    for (pieces = 1; !result.exhausted; pieces++) {
        assert_true(result.saved);
        result_free(&result);
        o.resume = file;
        exhaust(wide, &o);
    }
    assert_true(pieces >= 5);
    assert_equal(&result, &whole);
    result_free(&result);
    result_free(&whole);
}

/* ---- files that are refused ------------------------------------------------------------------ */

static void refused(const struct explore_options *o, const char *why)
{
    char said[512] = "";
    FILE *err = tmpfile();
    assert_non_null(err);
    assert_false(search_saved_check(&toy_machine, &scenario, o, err));
    rewind(err);
    size_t n = fread(said, 1, sizeof said - 1, err);
    said[n] = '\0';
    fclose(err);
    if (strncmp(said, o->resume, strlen(o->resume)) != 0 || strstr(said, why) == NULL)
        fail_msg("expected \"%s\": %s", why, said);
}

static void what_does_not_belong_is_refused(void **state)
{
    (void)state;
    struct explore_options o = {.max_states = 50, .save = file};
    exhaust((struct rules){.n = 2, .k = 9, .kills = 1}, &o);
    assert_true(result.saved);
    result_free(&result);
    o.resume = file;
    assert_true(search_saved_check(&toy_machine, &scenario, &o, stderr));
    o.no_reduction = REDUCE_ALL;
    refused(&o, "other reductions");
    o.no_reduction = 0;
    rules.kills = 2;
    refused(&o, "of another scenario");
    rules.kills = 1;

    static uint8_t bytes[100000];
    FILE *f = fopen(file, "rb");
    size_t n = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    assert_true(n > 500 && n < sizeof bytes);
    for (size_t cut = 0; cut < n; cut += cut < 700 ? 50 : 211) {
        f = fopen(file, "wb");
        fwrite(bytes, 1, cut, f);
        fclose(f);
        refused(&o, cut < 16 ? "no saved search" : "not complete");
    }
    for (size_t at = 40; at < n; at += 97) {
        bytes[at] ^= 4;
        f = fopen(file, "wb");
        fwrite(bytes, 1, n, f);
        fclose(f);
        refused(&o, "damaged");
        bytes[at] ^= 4;
    }
    f = fopen(file, "wb");
    for (uint32_t i = 0; i < 4000; i++)
        fputs("something else ", f);
    fclose(f);
    refused(&o, "no saved search");
    o.resume = "/nonexistent/file";
    refused(&o, "No such file");

    exhaust(rules, &(struct explore_options){.max_states = 50, .save = "/nonexistent/file"});
    assert_true(result.unsaved && !result.saved);
    result_free(&result);
}

/* A save that ends in the middle, killed or for want of room, leaves what was saved before. */
static void the_file_before_stays(void **state)
{
    (void)state;
    const struct rules some = {.n = 2, .k = 9, .kills = 1};
    const struct explore_options first = {.max_states = 50, .save = file};
    const struct explore_options more = {.max_states = 150, .save = file};
    exhaust(some, NULL);
    uint64_t states = result.states;
    result_free(&result);
    char beside[sizeof file + 8];
    snprintf(beside, sizeof beside, "%s.new", file);
    for (int killed = 0; killed < 2; killed++) {
        exhaust(some, &first);
        assert_true(result.saved);
        result_free(&result);
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            const struct rlimit none = {0}, bytes = {.rlim_cur = 1000, .rlim_max = 1000};
            setrlimit(RLIMIT_CORE, &none);
            setrlimit(RLIMIT_FSIZE, &bytes);
            signal(SIGXFSZ, killed ? SIG_DFL : SIG_IGN);
            exhaust(some, &more);
            _exit(result.unsaved && !result.saved ? 9 : 0);
        }
        int status;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(killed ? WIFSIGNALED(status) && WTERMSIG(status) == SIGXFSZ
                           : WIFEXITED(status) && WEXITSTATUS(status) == 9);
        assert_int_equal(access(beside, F_OK), killed ? 0 : -1);
        exhaust(some, &(struct explore_options){.resume = file});
        assert_true(result.exhausted);
        assert_int_equal(result.states, states);
        result_free(&result);
        unlink(beside);
    }
}

int main(void)
{
    int fd = mkstemp(file);
    if (fd < 0)
        return 1;
    close(fd);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(toys_in_pieces),        cmocka_unit_test(the_world_in_pieces),
        cmocka_unit_test(time_is_a_bound),       cmocka_unit_test(what_does_not_belong_is_refused),
        cmocka_unit_test(the_file_before_stays),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(file);
    return failed != 0;
}

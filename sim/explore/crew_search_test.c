/* Several processes on one search: on each small cell the numbers, verdicts and conditions are
 * those of one process, every witness replays, and a member that dies ends the search. */
#define _DEFAULT_SOURCE 1 /* fork */
#include <glob.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "sim/explore/toy_test_util.h"
#include "sim/explore/walk_test_util.h"

enum { SMALL = 15000 };

static void assert_equal(const struct result *many, const struct result *one, const char *which)
{
    if (many->states != one->states || many->transitions != one->transitions ||
        many->moves != one->moves || many->ends != one->ends || many->reached != one->reached ||
        !hash_equal(many->digest, one->digest) || many->exhausted != one->exhausted ||
        memcmp(many->verdict, one->verdict, sizeof one->verdict) != 0 ||
        memcmp(many->reach_times, one->reach_times, sizeof one->reach_times) != 0)
        fail_msg("%s: %llu states, %llu transitions, %llu ends, reached %llx in %u processes; "
                 "%llu, %llu, %llu, %llx in one",
                 which, (unsigned long long)many->states, (unsigned long long)many->transitions,
                 (unsigned long long)many->ends, (unsigned long long)many->reached, many->processes,
                 (unsigned long long)one->states, (unsigned long long)one->transitions,
                 (unsigned long long)one->ends, (unsigned long long)one->reached);
}

static void assert_witnesses(const struct scenario *sc, const struct result *r)
{
    for (uint32_t i = 0; i < INVARIANTS; i++) {
        struct run_outcome out;
        if (r->verdict[i] != VERDICT_BREAKS)
            continue;
        assert_int_equal(explore_replay(sc, &r->witness[i], NULL, &out, stderr, NULL, NULL),
                         REPLAY_DONE);
        assert_true(out.violated >> i & 1);
    }
}

static void all_small_cells(void **state)
{
    (void)state;
    glob_t files;
    uint32_t cells = 0, shared = 0;
    assert_int_equal(glob("scenarios/[0-9]*.yaml", 0, NULL, &files), 0);
    for (size_t i = 0; i < files.gl_pathc; i += WALK_STRIDE) {
        struct scenario sc;
        struct result one, many;
        assert_true(scenario_load(files.gl_pathv[i], &sc, stderr));
        explore_exhaust(&sc, &(struct explore_options){.max_states = SMALL}, &one);
        for (uint32_t jobs = 2; jobs <= 5 && one.exhausted; jobs += 3) {
            explore_exhaust(&sc, &(struct explore_options){.jobs = jobs, .share_after = 64}, &many);
            assert_equal(&many, &one, files.gl_pathv[i]);
            assert_witnesses(&sc, &many);
            shared += many.processes == jobs;
            cells++;
            result_free(&many);
        }
        result_free(&one);
    }
    print_message("%u searches, %u in several processes\n", cells, shared);
    assert_true(cells >= 50 / WALK_STRIDE && shared >= cells - cells / 4);
    globfree(&files);
}

/* So wide that the table moves several times while all add to it. */
static void the_table_moves(void **state)
{
    (void)state;
    struct result one;
    exhaust((struct rules){.n = 4, .k = 16, .kills = 1, .lies = 1}, NULL);
    one = result;
    for (uint32_t jobs = 2; jobs <= 4; jobs++) {
        exhaust(rules, &(struct explore_options){.jobs = jobs, .share_after = 10});
        assert_int_equal(result.processes, jobs);
        assert_equal(&result, &one, "toy");
        assert_replays(&result.witness[INV_NOLOSS], INV_NOLOSS);
        result_free(&result);
    }
    result_free(&one);
}

static void bounds_are_kept(void **state)
{
    (void)state;
    const struct rules wide = {.n = 4, .k = 16};
    exhaust(wide, &(struct explore_options){.jobs = 3, .share_after = 10, .max_states = 5000});
    assert_false(result.exhausted);
    assert_in_range(result.states, 4800, 5000);
    assert_int_equal(result.verdict[INV_AGREE], VERDICT_UNFINISHED);
    result_free(&result);
    exhaust(wide, &(struct explore_options){.jobs = 3, .share_after = 10, .memory_bytes = 1 << 20});
    assert_false(result.exhausted);
    assert_in_range(result.states, 10000, ((1 << 20) / 2 / 16) / 8 * 7 + 1);
    result_free(&result);
    /* A bound just above the states there are cuts nothing off (each process may hold back 64). */
    exhaust(wide, &(struct explore_options){.max_states = power(17, 4) + 512});
    assert_true(result.exhausted);
    result_free(&result);
    exhaust(wide, &(struct explore_options){
                      .jobs = 3, .share_after = 10, .max_states = power(17, 4) + 512});
    assert_true(result.exhausted);
    assert_int_equal(result.states, power(17, 4));
    result_free(&result);
}

/* It may stop once all that is asked is refuted, whoever refuted it. */
static void asked_promises_end_it(void **state)
{
    (void)state;
    const struct explore_options o = {
        .jobs = 3, .share_after = 10, .only = 1u << INV_NOLOSS, .no_witness = true};
    exhaust((struct rules){.n = 4, .k = 12, .kills = 1}, &o);
    assert_int_equal(result.verdict[INV_NOLOSS], VERDICT_BREAKS);
    assert_int_equal(result.witness[INV_NOLOSS].n, 0);
    result_free(&result);
}

/* Processors are taken from those that nobody uses, and given back. */
static void processors_are_given_back(void **state)
{
    (void)state;
    _Atomic int32_t *idle =
        mmap(NULL, sizeof *idle, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(idle != MAP_FAILED);
    const struct explore_options o = {.jobs = 8, .share_after = 10, .idle = idle};
    for (int32_t n = 0; n <= 2; n++) {
        atomic_store(idle, n);
        exhaust((struct rules){.n = 3, .k = 12, .kills = 1}, &o);
        assert_int_equal(result.processes, n == 0 ? 0 : n + 1);
        assert_int_equal(atomic_load(idle), n);
        assert_int_equal(result.states, 2 * power(13, 3));
        result_free(&result);
    }
    munmap((void *)(uintptr_t)idle, sizeof *idle);
}

/* ---- a member that dies ---------------------------------------------------------------------- */

static pid_t leader;

static enum step_result deadly_step(struct sim *s)
{
    if (getpid() != leader && toy(s)->count[0] == 9)
        raise(SIGKILL);
    return toy_step(s);
}

static void a_death_is_said(void **state)
{
    (void)state;
    FILE *said = tmpfile();
    assert_non_null(said);
    pid_t pid = fork();
    if (pid == 0) {
        struct machine deadly = toy_machine;
        deadly.step = deadly_step;
        leader = getpid();
        rules = (struct rules){.n = 4, .k = 20};
        dup2(fileno(said), STDERR_FILENO);
        search_exhaust(&deadly, &scenario, &(struct explore_options){.jobs = 3, .share_after = 10},
                       &result);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 3);
    char line[256] = "";
    rewind(said);
    assert_non_null(fgets(line, sizeof line, said));
    assert_non_null(strstr(line, "one of them died of signal 9"));
    fclose(said);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_small_cells), cmocka_unit_test(the_table_moves),
        cmocka_unit_test(bounds_are_kept), cmocka_unit_test(asked_promises_end_it),
        cmocka_unit_test(a_death_is_said), cmocka_unit_test(processors_are_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}

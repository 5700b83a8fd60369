/* A failed assertion of a core is a finding of the run; anywhere else it ends the process. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "sim/test_sim.h"

static void fails(void *arg)
{
    uint32_t *n = arg;
    (*n)++;
    assert(*n == 0 && "made to fail");
    (*n)++;
}

static void counts(void *arg)
{
    ++*(uint32_t *)arg;
}

static void a_failed_assertion_comes_back_with_its_text(void **state)
{
    (void)state;
    uint32_t n = 0;
    const char *why = "";
    assert_false(sane_run(fails, &n, &why));
    assert_int_equal(n, 1); /* nothing behind the assertion was run */
    assert_non_null(strstr(why, "sane_test.c:"));
    assert_non_null(strstr(why, "made to fail"));
    assert_true(sane_run(counts, &n, &why)); /* and it can be used again */
    assert_int_equal(n, 2);
    assert_null(why);
}

/* Runs it in a child; the signal that ended the child, and what it said. */
static int signal_of(void (*f)(void), char *said, size_t cap)
{
    int fd[2];
    assert_int_equal(pipe(fd), 0);
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        const struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        signal(SIGABRT, SIG_DFL);
        dup2(fd[1], STDERR_FILENO);
        f();
        _exit(0);
    }
    close(fd[1]);
    size_t len = 0;
    for (ssize_t got = 1; got > 0 && len + 1 < cap; len += got > 0 ? (size_t)got : 0)
        got = read(fd[0], said + len, cap - 1 - len);
    said[len] = 0;
    close(fd[0]);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void fail_outside(void)
{
    uint32_t n = 0;
    fails(&n);
}

static void fail_after(void)
{
    uint32_t n = 0;
    const char *why;
    if (!sane_run(fails, &n, &why))
        fail_outside(); /* it is not armed any more */
}

static void nested(void *arg)
{
    const char *why;
    sane_run(counts, arg, &why);
}

static void nest(void)
{
    uint32_t n = 0;
    const char *why = NULL;
    if (!sane_run(nested, &n, &why)) { /* one core runs at a time: that is an assertion too */
        fprintf(stderr, "%s\n", why);
        abort();
    }
}

static void outside_of_a_core_the_process_ends(void **state)
{
    (void)state;
    char said[1024];
    assert_int_equal(signal_of(fail_outside, said, sizeof said), SIGABRT);
    assert_non_null(strstr(said, "made to fail"));
    assert_non_null(strstr(said, "fails")); /* the function */
    assert_int_equal(signal_of(fail_after, said, sizeof said), SIGABRT);
    assert_non_null(strstr(said, "made to fail"));
    assert_int_equal(signal_of(nest, said, sizeof said), SIGABRT);
    assert_non_null(strstr(said, "!armed"));
}

struct listener {
    struct tracer base;
    struct trace_step last;
};

static void note(struct tracer *t, const struct trace_step *s)
{
    ((struct listener *)t)->last = *s;
}

/* The core's own state is spoilt, so that its next step fails: the run ends there, with SANE. */
static void a_core_that_fails_breaks_sane(void **state)
{
    (void)state;
    struct rig g;
    struct listener l = {.base = {.note = note}};
    rig_open(&g, RIG_PAIR "workload: {sessions: 2, transactions: 2}\n");
    g.sim.tracer = &l.base;
    rig_do(&g, MOVE_CLIENT, 0, -1);
    g.w->node[P].primary.by[1].state = COMMITTER_FOLLOWER;
    assert_int_equal(rig_do(&g, MOVE_CLIENT, 1, -1), 1u << INV_SANE);
    assert_int_equal(g.w->dead, 1);
    assert_int_equal(l.last.violated, 1u << INV_SANE);
    assert_non_null(strstr(l.last.broken, "SANE: assertion failed at "));
    assert_non_null(strstr(l.last.broken, "COMMITTER_IDLE"));
    struct hash128 before = world_hash(g.w);
    assert_int_equal(sim_step(&g.sim), STEP_END);
    assert_hash_equal(world_hash(g.w), before);
    assert_int_equal(g.sim.violated, 0); /* said once */
    rig_close(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failed_assertion_comes_back_with_its_text),
        cmocka_unit_test(outside_of_a_core_the_process_ends),
        cmocka_unit_test(a_core_that_fails_breaks_sane),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}

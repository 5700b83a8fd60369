/* Nothing is left behind: the ordinary end, a signal, and an end without warning. No server
 * needed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/live/guard.h"
#include "sim/live/test_live.h"

static char parent[] = "/tmp/ackproof-guard-test-XXXXXX";

static int make_parent(void **state)
{
    (void)state;
    return mkdtemp(parent) == NULL ? -1 : 0;
}

static int remove_parent(void **state)
{
    (void)state;
    return guard_remove(parent) ? 0 : -1;
}

static void write_some(const char *folder)
{
    char path[GUARD_PATH_MAX + 16];
    int fd;

    (void)snprintf(path, sizeof path, "%s/sub", folder);
    assert_int_equal(mkdir(path, 0700), 0);
    (void)snprintf(path, sizeof path, "%s/sub/file", folder);
    fd = open(path, O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    (void)close(fd);
}

/* A child that would stay for ever, recognised by its argument. */
static pid_t sleeper(struct guard *g)
{
    pid_t pid = guard_fork(g, -1);

    if (pid == 0) {
        (void)execl("/bin/sh", "sh", "-c", "while :; do sleep 1; done", parent, (char *)NULL);
        _exit(127);
    }
    assert_true(pid > 0);
    return pid;
}

static bool within_ms(uint32_t limit_ms, bool (*done)(void))
{
    uint64_t end = guard_now_ms() + limit_ms;

    while (!done()) {
        if (guard_now_ms() > end) {
            return false;
        }
        guard_sleep_ms(20);
    }
    return true;
}

static bool nothing_left(void)
{
    return test_entries(parent) == 0 && test_processes(parent) == 0;
}

static bool sleeper_is_up(void)
{
    return test_processes(parent) > 0;
}

static void test_ordinary_end(void **state)
{
    struct guard g;
    char dir[GUARD_PATH_MAX];

    (void)state;
    assert_true(guard_start(&g, parent));
    (void)snprintf(dir, sizeof dir, "%s", g.dir);
    write_some(g.dir);
    (void)sleeper(&g);
    assert_true(within_ms(5000, sleeper_is_up));
    assert_int_equal(guard_signal(), 0);
    assert_true(guard_stop(&g));
    assert_true(access(dir, F_OK) != 0 && errno == ENOENT);
    assert_true(nothing_left());
    assert_true(guard_stop(&g)); /* a second time does nothing */
}

static void test_reap(void **state)
{
    struct guard g;
    int status = 0;
    pid_t pid;

    (void)state;
    assert_true(guard_start(&g, parent));
    pid = guard_fork(&g, -1);
    if (pid == 0) {
        _exit(7);
    }
    assert_true(guard_reap(&g, pid, 5000, &status));
    assert_int_equal(WEXITSTATUS(status), 7);
    pid = sleeper(&g);
    assert_false(guard_reap(&g, pid, 0, &status));
    guard_kill(&g, pid, SIGKILL);
    assert_true(guard_reap(&g, pid, 5000, &status));
    assert_int_equal(WTERMSIG(status), SIGKILL);
    assert_true(guard_stop(&g));
    assert_true(nothing_left());
}

static void test_signal_sets_flag(void **state)
{
    struct guard g;

    (void)state;
    assert_true(guard_start(&g, parent));
    (void)raise(SIGTERM);
    assert_int_equal(guard_signal(), SIGTERM);
    assert_true(guard_stop(&g));
    assert_true(nothing_left());
}

/* SIGKILL of the process that guards: only the guardian can help. */
static void test_killed(void **state)
{
    int status = 0;
    pid_t pid;

    (void)state;
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct guard g;

        if (!guard_start(&g, parent)) {
            _exit(1);
        }
        write_some(g.dir);
        (void)sleeper(&g);
        for (;;) {
            guard_sleep_ms(1000);
        }
    }
    assert_true(within_ms(5000, sleeper_is_up));
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(within_ms(10000, nothing_left));
}

static void test_no_such_parent(void **state)
{
    struct guard g;

    (void)state;
    assert_false(guard_start(&g, "/nonexistent/folder"));
    assert_true(guard_stop(&g));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ordinary_end),     cmocka_unit_test(test_reap),
        cmocka_unit_test(test_signal_sets_flag), cmocka_unit_test(test_killed),
        cmocka_unit_test(test_no_such_parent),
    };

    return cmocka_run_group_tests(tests, make_parent, remove_parent) != 0;
}

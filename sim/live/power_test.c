/* A power loss of this program itself: it starts once more with the preloaded object, writes, and
 * is killed; then its files are looked at. No server needed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/live/guard.h"
#include "sim/live/power.h"

enum { PAGE = 4096 };

/* ---- what the process does that loses power ------------------------------------------------- */

static int file(const char *name)
{
    return open(name, O_RDWR | O_CREAT, 0600);
}

static void put(int fd, const char *text)
{
    if (write(fd, text, strlen(text)) != (ssize_t)strlen(text)) {
        _exit(2);
    }
}

static void at(int fd, const char *text, off_t off)
{
    if (pwrite(fd, text, strlen(text), off) != (ssize_t)strlen(text)) {
        _exit(2);
    }
}

static void do_appends(void)
{
    int fd = file("a");

    put(fd, "one ");
    (void)fsync(fd);
    put(fd, "two ");
    (void)fdatasync(fd);
    put(fd, "three");
}

static void do_overwrites(void)
{
    int fd = file("a");

    put(fd, "0123456789");
    (void)fsync(fd);
    at(fd, "xx", 2);
    at(fd, "yyyy", 1);
    at(fd, "zz", 9); /* beyond the end: half overwrites, half extends */
}

static void do_truncates(void)
{
    int fd = file("a");

    put(fd, "0123456789");
    (void)fsync(fd);
    if (ftruncate(fd, 4) != 0 || ftruncate(fd, 6) != 0) {
        _exit(2);
    }
    at(fd, "AB", 0);
}

static void do_append_mode(void)
{
    int fd = open("a", O_WRONLY | O_APPEND | O_CREAT, 0600);

    put(fd, "kept");
    (void)fsync(fd);
    (void)lseek(fd, 0, SEEK_SET);
    put(fd, "lost");
}

/* The name goes to another file; its inode may be used again. */
static void do_names(void)
{
    int fd = file("a");

    put(fd, "of a file that is unlinked");
    (void)close(fd);
    (void)unlink("a");
    fd = file("a");
    put(fd, "second");
    (void)fsync(fd);
    put(fd, " tail");
    (void)rename("a", "b");
    put(fd, " of b");
}

/* Another file next to it, with nothing durable. */
static void do_two(void)
{
    int b = file("b");

    do_appends();
    put(b, "b was never synced");
}

static void do_fsynced(void)
{
    do_appends();
    (void)fsync(file("a"));
}

/* An fsync that is refused covers nothing; the next one covers the page that is written again. Says
 * what it saw. */
static void do_fail(void)
{
    int fd = file("a");
    int rc;

    put(fd, "one ");
    rc = fsync(fd);
    if (rc == 0 || errno != EIO) {
        _exit(3);
    }
    put(fd, "two ");
    (void)fsync(fd);
    put(fd, "three");
}

/* Two and a half pages that no fsync writes any more, and half a page that one does. */
static void do_hole(void)
{
    char page[PAGE];
    int fd = file("a");

    memset(page, 'x', sizeof page);
    put(fd, "one ");
    (void)fsync(fd);
    for (int i = 0; i < 3; i++) {
        if (pwrite(fd, page, sizeof page, 4 + i * PAGE) != PAGE) {
            _exit(2);
        }
    }
    if (fsync(fd) == 0 || errno != EIO) {
        _exit(3);
    }
    at(fd, "two ", 4 + 3 * PAGE);
    (void)fsync(fd);
    at(fd, "three", 8 + 3 * PAGE);
}

/* Nothing is written behind it: the old size is what is durable. */
static void do_fail_last(void)
{
    int fd = file("a");

    put(fd, "one ");
    (void)fsync(fd);
    at(fd, "xx", 1);
    put(fd, "two ");
    (void)fsync(fd);
    (void)fsync(fd); /* there is nothing dirty */
}

static void do_full(void)
{
    int fd = file("a");

    put(fd, "one ");
    if (write(fd, "two", 3) != -1 || errno != ENOSPC) {
        _exit(3);
    }
    put(fd, "three");
    (void)fsync(fd);
}

static void do_nothing_synced(void)
{
    put(file("a"), " later");
}

/* Goes on where an earlier process was killed: it fsyncs what that one had left. */
static void do_fsync_only(void)
{
    (void)fsync(file("a"));
}

static const struct {
    const char *name;
    void (*run)(void);
} acts[] = {
    {"appends", do_appends},
    {"overwrites", do_overwrites},
    {"truncates", do_truncates},
    {"append_mode", do_append_mode},
    {"names", do_names},
    {"two", do_two},
    {"fsynced", do_fsynced},
    {"fail", do_fail},
    {"full", do_full},
    {"hole", do_hole},
    {"fail_last", do_fail_last},
    {"nothing_synced", do_nothing_synced},
    {"fsync_only", do_fsync_only},
};

static int act(const char *name)
{
    for (size_t i = 0; i < sizeof acts / sizeof acts[0]; i++) {
        if (strcmp(acts[i].name, name) == 0) {
            acts[i].run();
            (void)raise(SIGKILL);
        }
    }
    return 4;
}

/* ---- the test's side ------------------------------------------------------------------------ */

struct place {
    char dir[64];
    char root[80];
    char journal[80];
};

static int make_place(void **state)
{
    struct place *p = calloc(1, sizeof *p);

    (void)snprintf(p->dir, sizeof p->dir, "/tmp/ackproof-power-test-XXXXXX");
    if (mkdtemp(p->dir) == NULL) {
        return -1;
    }
    (void)snprintf(p->root, sizeof p->root, "%s/data", p->dir);
    (void)snprintf(p->journal, sizeof p->journal, "%s/journal", p->dir);
    *state = p;
    return mkdir(p->root, 0700) != 0 || mkdir(p->journal, 0700) != 0 ? -1 : 0;
}

static int remove_place(void **state)
{
    struct place *p = *state;
    bool gone = guard_remove(p->dir);

    free(p);
    return gone ? 0 : -1;
}

/* Plays an act in a process that is killed at its end. */
static void play(const struct place *p, const char *name)
{
    char object[POWER_PATH_MAX];
    int status = 0;
    pid_t pid;

    assert_non_null(power_object(object));
    pid = fork();
    if (pid == 0) {
        power_preload(object, p->root, p->journal);
        if (chdir(p->root) == 0) {
            (void)execl("/proc/self/exe", "power_test", "--act", name, (char *)NULL);
        }
        _exit(127);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGKILL);
}

static void expect(const struct place *p, const char *name, const char *text)
{
    char path[128];
    char got[128] = {0};
    FILE *f;

    (void)snprintf(path, sizeof path, "%s/%s", p->root, name);
    f = fopen(path, "re");
    assert_non_null(f);
    (void)!fread(got, 1, sizeof got - 1, f);
    (void)fclose(f);
    assert_string_equal(got, text);
}

static void lose(const struct place *p, const char *stem, const char *text)
{
    struct power_loss loss;
    char why[160] = "";

    assert_true(power_lose(p->journal, stem, &loss, why, sizeof why));
    assert_string_equal(why, "");
    assert_string_equal(loss.text, text);
}

static void a_kill_alone_loses_nothing(void **state)
{
    play(*state, "appends");
    expect(*state, "a", "one two three");
}

static void what_no_fsync_covers_is_lost(void **state)
{
    play(*state, "appends");
    lose(*state, NULL, "a (1 write)");
    expect(*state, "a", "one two ");
    lose(*state, NULL, "nothing");
}

static void overwritten_bytes_come_back(void **state)
{
    play(*state, "overwrites");
    expect(*state, "a", "0yyyy5678zz");
    lose(*state, NULL, "a (3 writes)");
    expect(*state, "a", "0123456789");
}

static void cut_bytes_come_back(void **state)
{
    play(*state, "truncates");
    lose(*state, NULL, "a (3 writes)");
    expect(*state, "a", "0123456789");
}

static void append_mode_writes_at_the_end(void **state)
{
    play(*state, "append_mode");
    expect(*state, "a", "keptlost");
    lose(*state, NULL, "a (1 write)");
    expect(*state, "a", "kept");
}

static void an_unlinked_file_has_no_claim_on_its_inode(void **state)
{
    play(*state, "names");
    expect(*state, "b", "second tail of b");
    lose(*state, NULL, "b (2 writes)");
    expect(*state, "b", "second");
}

static void a_disk_may_keep_some_files(void **state)
{
    play(*state, "two");
    lose(*state, "b", "b (1 write)");
    expect(*state, "a", "one two three");
    expect(*state, "b", "");
    lose(*state, NULL, "nothing"); /* what was kept is durable now */
}

/* A page cache outlives the process: what it left is lost as well, or covered by the next one. */
static void a_killed_process_leaves_its_page_cache(void **state)
{
    play(*state, "appends");
    play(*state, "fsync_only");
    lose(*state, NULL, "nothing");
    expect(*state, "a", "one two three");
}

static void and_the_next_process_may_not_sync_it(void **state)
{
    const struct place *p = *state;

    assert_true(power_set_trap(p->journal, "fsync", "a", "kill", 0));
    play(p, "appends"); /* killed at its first fsync, behind "one " */
    assert_true(power_trap_hit(p->journal));
    expect(p, "a", "one ");
    power_clear_trap(p->journal);
    assert_false(power_trap_hit(p->journal));
    play(p, "nothing_synced");
    lose(p, NULL, "a (2 writes)");
    expect(p, "a", "");
}

static void a_trap_counts(void **state)
{
    const struct place *p = *state;

    assert_true(power_set_trap(p->journal, "fsync", "a", "kill", 1));
    play(p, "appends");
    expect(p, "a", "one two ");
    lose(p, NULL, "a (1 write)");
    expect(p, "a", "one ");
}

static void a_trap_for_another_file_does_not_strike(void **state)
{
    const struct place *p = *state;

    assert_true(power_set_trap(p->journal, "fsync", "ab", "kill", 0));
    play(p, "appends");
    assert_false(power_trap_hit(p->journal));
    expect(p, "a", "one two three");
}

/* `any` counts calls of all kinds, and says which one it struck. */
static void a_trap_for_any_call_says_which(void **state)
{
    static const char *const called[] = {"write of a", "unlink of a", "write of a", "fsync of a"};
    const struct place *p = *state;
    char text[POWER_TEXT_MAX];

    for (uint32_t skip = 0; skip < sizeof called / sizeof called[0]; skip++) {
        assert_true(power_set_trap(p->journal, "any", "a", "kill", skip));
        assert_string_equal(power_trap_text(p->journal, text), "");
        play(p, "names");
        assert_string_equal(power_trap_text(p->journal, text), called[skip]);
        power_clear_trap(p->journal);
    }
    assert_true(power_set_trap(p->journal, "unlink", "a", "kill", 0));
    play(p, "names"); /* the write that comes first passes */
    expect(p, "a", "of a file that is unlinked");
}

/* The call is made, late. */
static void a_call_may_be_late(void **state)
{
    const struct place *p = *state;
    uint64_t begin = guard_now_ms();

    assert_true(power_set_trap(p->journal, "fsync", "a", "late", 1));
    play(p, "appends");
    assert_true(guard_now_ms() - begin >= 500);
    assert_true(power_trap_hit(p->journal));
    lose(p, NULL, "a (1 write)");
    expect(p, "a", "one two ");
}

static void an_fsync_may_lie(void **state)
{
    const struct place *p = *state;

    assert_true(power_set_trap(p->journal, "fsync", "a", "lie", 1));
    play(p, "appends");
    lose(p, NULL, "a (2 writes)");
    expect(p, "a", "one ");
}

/* The next one is honest, and covers what was claimed before. */
static void only_one_fsync_lies(void **state)
{
    const struct place *p = *state;

    assert_true(power_set_trap(p->journal, "fsync", "a", "lie", 1));
    play(p, "fsynced");
    lose(p, NULL, "nothing");
    expect(p, "a", "one two three");
}

static void an_fsync_may_fail_once(void **state)
{
    const struct place *p = *state;

    assert_true(power_set_trap(p->journal, "fsync", "a", "eio", 0));
    play(p, "fail");
    assert_true(power_trap_hit(p->journal));
    lose(p, NULL, "a (1 write)");
    expect(p, "a", "one two ");
}

static void a_failed_fsync_leaves_its_pages_clean(void **state)
{
    const struct place *p = *state;
    char path[128];
    char got[4 * PAGE];
    FILE *f;

    assert_true(power_set_trap(p->journal, "fsync", "a", "eio", 1));
    play(p, "hole");
    lose(p, NULL, "a (4 writes)");
    (void)snprintf(path, sizeof path, "%s/a", p->root);
    f = fopen(path, "re");
    assert_non_null(f);
    assert_int_equal(fread(got, 1, sizeof got, f), 8 + 3 * PAGE);
    (void)fclose(f);
    assert_memory_equal(got, "one ", 4);
    for (int i = 4; i < 3 * PAGE; i++) {
        assert_int_equal(got[i], 0);
    }
    assert_memory_equal(got + 3 * PAGE, "xxxxtwo ", 8); /* the page that was written again */
}

static void and_what_nobody_writes_again_is_lost(void **state)
{
    const struct place *p = *state;

    assert_true(power_set_trap(p->journal, "fsync", "a", "eio", 1));
    play(p, "fail_last");
    expect(p, "a", "oxx two ");
    lose(p, NULL, "a (2 writes)");
    expect(p, "a", "one ");
}

static void a_disk_may_be_full_once(void **state)
{
    const struct place *p = *state;

    assert_true(power_set_trap(p->journal, "write", "a", "enospc", 1));
    play(p, "full");
    lose(p, NULL, "nothing");
    expect(p, "a", "one three");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_place, remove_place)

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        TEST(a_kill_alone_loses_nothing),
        TEST(what_no_fsync_covers_is_lost),
        TEST(overwritten_bytes_come_back),
        TEST(cut_bytes_come_back),
        TEST(append_mode_writes_at_the_end),
        TEST(an_unlinked_file_has_no_claim_on_its_inode),
        TEST(a_disk_may_keep_some_files),
        TEST(a_killed_process_leaves_its_page_cache),
        TEST(and_the_next_process_may_not_sync_it),
        TEST(a_trap_counts),
        TEST(a_trap_for_another_file_does_not_strike),
        TEST(a_trap_for_any_call_says_which),
        TEST(a_call_may_be_late),
        TEST(an_fsync_may_lie),
        TEST(only_one_fsync_lies),
        TEST(an_fsync_may_fail_once),
        TEST(a_failed_fsync_leaves_its_pages_clean),
        TEST(and_what_nobody_writes_again_is_lost),
        TEST(a_disk_may_be_full_once),
    };
    char object[POWER_PATH_MAX];

    if (argc == 3 && strcmp(argv[1], "--act") == 0) {
        return act(argv[2]);
    }
    if (power_object(object) == NULL) {
        (void)fprintf(stderr, "power_test: no ackproof_power.so beside this program\n");
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}

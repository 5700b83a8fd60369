#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "sim/explore/search.h"

static char path[] = "witness_test_XXXXXX";

static int make_file(void **state)
{
    (void)state;
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(path);
}

static void put(const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static bool load(struct witness *w, char *said, size_t cap)
{
    FILE *err = tmpfile();
    assert_non_null(err);
    bool ok = witness_load(w, path, err);
    rewind(err);
    said[fread(said, 1, cap - 1, err)] = 0;
    fclose(err);
    return ok;
}

static void test_round_trip(void **state)
{
    (void)state;
    char said[256];
    struct witness w = {.final_hash = {.lo = 0xfedcba9876543210u, .hi = 0x42}};
    snprintf(w.scenario, sizeof w.scenario, "scenarios/with a blank: x.yaml");
    snprintf(w.invariant, sizeof w.invariant, "NOLOSS");
    for (uint32_t kind = 1; kind < MOVE_KINDS; kind++) {
        witness_add(&w, CHOOSE_MOVE, kind << 24 | 1 << 16 | 255 << 8 | kind, 9);
        for (uint32_t what = CHOOSE_FAULT; what < CHOICES; what++) {
            witness_add(&w, (enum choice)what, kind % 3, 3);
        }
    }
    for (uint32_t round = 0; round < 2; round++) {
        struct witness back;
        assert_true(witness_save(&w, path, stderr));
        assert_true(load(&back, said, sizeof said));
        assert_string_equal(back.scenario, w.scenario);
        assert_string_equal(back.invariant, w.invariant);
        assert_true(hash_equal(back.final_hash, w.final_hash));
        assert_int_equal(back.n, w.n);
        for (uint32_t i = 0; i < w.n; i++) {
            bool move = w.choice[i].what == CHOOSE_MOVE;
            assert_int_equal(back.choice[i].what, w.choice[i].what);
            assert_int_equal(back.choice[i].key, w.choice[i].key);
            assert_int_equal(back.choice[i].n, move ? 0 : w.choice[i].n);
        }
        witness_free(&back);
        w.invariant[0] = 0; /* a run that breaks nothing */
        w.n = 0;
    }
    witness_free(&w);
}

static void test_text(void **state)
{
    (void)state;
    char expected[256];
    char got[256] = {0};
    struct witness w = {.scenario = "a.yaml", .invariant = "LIVE", .final_hash = {.lo = 10}};
    witness_add(&w, CHOOSE_MOVE, (uint32_t)MOVE_RUN << 24 | 3 << 8, 4);
    witness_add(&w, CHOOSE_SURVIVE, 3, 5);
    assert_true(witness_save(&w, path, stderr));
    snprintf(expected, sizeof expected,
             "ackproof witness 1\nscenario: a.yaml\ninvariant: LIVE\n%s 0 3 0\nsurvive 3/5\n"
             "hash: 0000000000000000000000000000000a\n",
             move_kind_name(MOVE_RUN));
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    assert_true(fread(got, 1, sizeof got - 1, f) > 0);
    fclose(f);
    assert_string_equal(got, expected);
    witness_free(&w);
}

static void test_comments(void **state)
{
    (void)state;
    char text[512];
    char said[256];
    struct witness w;
    snprintf(text, sizeof text,
             "# found on a rainy day\nackproof witness 1\n\nscenario: a.yaml\r\ninvariant: none\n"
             "# the client\n%s 0 0 0\nhash: 00000000000000000000000000000001\n\n# end",
             move_kind_name(MOVE_CLIENT));
    put(text);
    assert_true(load(&w, said, sizeof said));
    assert_string_equal(said, "");
    assert_string_equal(w.scenario, "a.yaml");
    assert_int_equal(w.n, 1);
    witness_free(&w);
}

#define HEAD  "ackproof witness 1\nscenario: a.yaml\ninvariant: NOLOSS\n"
#define HASH  "hash: 00000000000000000000000000000001\n"
#define BLANK "                                                            "

/* Each message has its place: line, column, and a caret under it. */
static void test_malformed(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t line, column;
        const char *what;
    } bad[] = {
        {"", 1, 1, "empty"},
        {"ackproof witness 2\n", 1, 1, "not a witness"},
        {"ackproof witness 1\nscenario a.yaml\n", 2, 1, "`scenario: VALUE`"},
        {"ackproof witness 1\nscenario: \n", 2, 11, "a value is missing"},
        {"ackproof witness 1\nscenario: a.yaml\n", 3, 1, "ends before it is complete"},
        {"ackproof witness 1\nscenario: a\ninvariant: NOLOSSES\n", 3, 12, "unknown invariant"},
        {"ackproof witness 1\nscenario: a\ninvariant: NOLOSSNOLOSSNOLOSS\n", 3, 12, "too long"},
        {HEAD, 4, 1, "without its `hash:`"},
        {HEAD "hop 1 2 3\n" HASH, 4, 1, "unknown kind"},
        {HEAD "move 1 2 3\n" HASH, 4, 1, "unknown kind"},
        {HEAD "MOVE 1 2\n" HASH, 4, 9, "three numbers"},
        {HEAD "MOVE 1 2 256\n" HASH, 4, 10, "too large"},
        {HEAD "MOVE 1 2 99999999999999999999999\n" HASH, 4, 10, "too large"},
        {HEAD "MOVE 1 x 3\n" HASH, 4, 8, "a number is missing"},
        {HEAD "MOVE 1 2 3 4\n" HASH, 4, 11, "should end here"},
        {HEAD "fault 0/2\n" HASH, 4, 1, "must be a move"},
        {HEAD "MOVE 1 2 3\nfault 2/2\n" HASH, 5, 7, "stay below"},
        {HEAD "MOVE 1 2 3\nfault 2\n" HASH, 5, 8, "`/`"},
        {HEAD "MOVE 1 2 3\nfault 0/2 1\n" HASH, 5, 10, "should end here"},
        {HEAD "MOVE 1 2 3\nfault\n" HASH, 5, 6, "ANSWER/ALTERNATIVES"},
        {HEAD "hash: 0123\n", 4, 11, "32 hex digits"},
        {HEAD "hash: 000000000000000000000000000000010\n", 4, 39, "should end here"},
        {HEAD "hash: 0000000000000000000000000000000G\n", 4, 38, "32 hex digits"},
        {HEAD HASH HASH, 5, 1, "nothing may follow"},
        {HEAD BLANK BLANK BLANK BLANK BLANK BLANK BLANK BLANK BLANK "\n", 4, 1, "too long"},
    };
    for (uint32_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct witness w;
        char text[1024];
        char said[2048];
        char place[64];
        const char *move = strstr(bad[i].text, "MOVE");
        uint32_t column = bad[i].column;
        if (move != NULL) { /* a real name, of whatever length */
            const char *name = move_kind_name(MOVE_KILL);
            snprintf(text, sizeof text, "%.*s%s%s", (int)(move - bad[i].text), bad[i].text, name,
                     move + 4);
            column += bad[i].line == 4 ? (uint32_t)strlen(name) - 4 : 0;
        } else {
            snprintf(text, sizeof text, "%s", bad[i].text);
        }
        put(text);
        assert_false(load(&w, said, sizeof said));
        assert_null(w.choice);
        snprintf(place, sizeof place, "%s:%u:%u: error: ", path, bad[i].line, column);
        assert_non_null(strstr(said, bad[i].what));
        assert_memory_equal(said, place, strlen(place));
        const char *caret = strrchr(said, '^');
        assert_non_null(caret);
        const char *line = caret;
        while (line[-1] != '\n') {
            line--;
        }
        assert_int_equal(caret - line, column - 1);
    }
}

static void test_files_that_are_not_there(void **state)
{
    (void)state;
    struct witness w = {.scenario = "a.yaml"};
    FILE *err = tmpfile();
    assert_non_null(err);
    assert_false(witness_load(&w, "no/such/file", err));
    assert_false(witness_save(&(struct witness){.scenario = "a"}, "no/such/file", err));
    assert_false(witness_save(&(struct witness){.scenario = "a\nb"}, path, err));
    assert_false(witness_save(&(struct witness){.scenario = ""}, path, err));
    assert_true(ftell(err) > 100);
    fclose(err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_comments),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_files_that_are_not_there),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file) != 0;
}

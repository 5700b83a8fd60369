/* scenarios/witnesses: the known counterexamples. Every choice has to fit, and the promise has to
 * break in the last step and not before. Another final hash is a note only: any change of a core's
 * state changes hashes, and ci/witnesses writes new ones. */
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sim/explore/explore.h"

static void replay_one(const char *path)
{
    struct witness w;
    struct scenario sc;
    struct run_outcome out;
    if (!witness_load(&w, path, stderr) || !scenario_load(w.scenario, &sc, stderr))
        fail_msg("%s", path);
    enum invariant inv = invariant_find(w.invariant);
    assert_true(inv < INVARIANTS);
    FILE *said = tmpfile();
    assert_non_null(said);
    enum replay_end end = explore_replay(&sc, &w, NULL, &out, said, NULL, NULL);
    if (end != REPLAY_DONE) {
        char line[512];
        rewind(said);
        while (fgets(line, sizeof line, said) != NULL)
            print_message("%s: %s", end == REPLAY_MISFIT ? path : "note", line);
    }
    fclose(said);
    if (end == REPLAY_MISFIT)
        fail_msg("%s no longer fits; if the change is meant: ci/witnesses", path);
    if ((out.violated >> inv & 1) == 0)
        fail_msg("%s no longer breaks %s; if the change is meant: ci/witnesses", path, w.invariant);
    assert_true(out.steps > 0);
    if (out.steps > 1) {
        struct replay before = {.until = out.steps - 1};
        assert_int_equal(explore_replay(&sc, &w, &before, &out, stderr, NULL, NULL), REPLAY_DONE);
        if ((out.violated >> inv & 1) != 0)
            fail_msg("%s: %s breaks before the last step", path, w.invariant);
    }
    witness_free(&w);
}

static void all_of_them(void **state)
{
    (void)state;
    glob_t files;
    assert_int_equal(glob("scenarios/witnesses/*.witness", 0, NULL, &files), 0);
    assert_true(files.gl_pathc >= 10);
    for (size_t i = 0; i < files.gl_pathc; i++)
        replay_one(files.gl_pathv[i]);
    print_message("%zu witnesses\n", files.gl_pathc);
    globfree(&files);
}

/* Each promise that is refuted anywhere in the matrix has a witness here. */
static void each_refuted_promise(void **state)
{
    (void)state;
    static const enum invariant refuted[] = {INV_NOLOSS,   INV_NOPHANTOM, INV_NOAHEAD, INV_AGREE,
                                             INV_CONVERGE, INV_ACKTRUE,   INV_LIVE};
    for (size_t i = 0; i < sizeof refuted / sizeof refuted[0]; i++) {
        char pattern[64];
        glob_t files;
        snprintf(pattern, sizeof pattern, "scenarios/witnesses/*-%s.witness",
                 invariant_id(refuted[i]));
        if (glob(pattern, 0, NULL, &files) != 0)
            fail_msg("no %s", pattern);
        globfree(&files);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_of_them),
        cmocka_unit_test(each_refuted_promise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}

/* On the program itself ($ACKPROOF_BINARY): random runs with a bound on what they can miss. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "model/invariant.h"
#include "sim/cli/test_shell.h"

static int setup(void **state)
{
    (void)state;
    shell_open("sampling");
    put("async.yaml", "version: 1\nname: async\n"
                      "cluster: {primary: {semi_sync: off}, replicas: [{}]}\n"
                      "workload: {sessions: 1, transactions: 1}\n"
                      "faults: [{point: node/kill, of: primary}]\n"
                      "manager: {applier: at-promotion}\n"
                      "expect: {NOLOSS: breaks, CONVERGE: holds}\n");
    return 0;
}

static void options_that_do_not_fit(void **state)
{
    (void)state;
    assert_int_equal(sh("$A run $D/async.yaml --depth 2"), 2);
    says("--depth is for --driver pct, not for swarm");
    assert_int_equal(sh("$A run $D/async.yaml --depth 2 --driver guided"), 2);
    says("--depth is for --driver pct, not for guided");
    assert_int_equal(sh("$A run $D/async.yaml --driver pct --moves 20"), 2);
    says("--moves belongs to --depth");
    assert_int_equal(sh("$A run $D/async.yaml --driver pct --depth 2 --phases 3"), 2);
    says("--depth speaks of short runs");
    assert_int_equal(sh("$A run $D/async.yaml --driver pct --depth 0"), 2);
    says("--depth");
    assert_int_equal(sh("$A run $D/async.yaml --driver pct --depth 17"), 2);
    assert_int_equal(sh("$A run $D/async.yaml --driver pct --depth 2 --moves 0"), 2);
    says("--moves");
    assert_int_equal(sh("$A replay $D/async.yaml --seed 1 --depth 2"), 2);
    says("--depth is for --driver pct");
}

static double real(const json_t *o, const char *key)
{
    return json_number_value(json_object_get(o, key));
}

static json_t *cell_of(const json_t *root, enum invariant inv)
{
    return json_array_get(json_object_get(root, "cells"), inv);
}

static void verdicts_say_what_was_missed(void **state)
{
    (void)state;
    json_error_t e;
    assert_int_equal(sh("$A run $D/async.yaml --driver pct --depth 2 --moves 60 --seeds 1..5000 "
                        "--out $D/out --json $D/r.json --junit $D/r.xml"),
                     0);
    says(" actors; faults stop behind 60 moves, which 0 runs came to\n");
    says("a run shows a defect of depth <= 2 there with a chance of at least 1 / (");
    says(" * 61) = ");
    says("times 1/m for each answer out of m that it needs");
    says("what is unfinished: all 5000 runs missed such a defect with a chance of at most ");
    char path[128];
    snprintf(path, sizeof path, "%s/r.json", dir);
    json_t *root = json_load_file(path, 0, &e);
    assert_non_null(root);
    assert_int_equal(json_integer_value(json_object_get(root, "depth")), 2);
    assert_int_equal(json_integer_value(json_object_get(root, "calmed")), 0);
    json_t *holds = cell_of(root, INV_CONVERGE);
    assert_string_equal(json_string_value(json_object_get(holds, "verdict")), "unfinished");
    json_t *b = json_object_get(holds, "depth_bound");
    assert_int_equal(json_object_size(b), 7);
    assert_true(real(b, "depth") == 2 && real(b, "moves") == 60 && real(b, "turns") == 61);
    assert_true(real(b, "runs") == 5000);
    double n = real(b, "actors");
    assert_true(n > 5 && n < 25);
    double p = 1 / (n * 61);
    assert_true(real(b, "chance") <= p && real(b, "chance") > p * 0.98);
    double missed = pow(1 - p, 5000);
    assert_true(real(b, "missed") >= missed && real(b, "missed") < missed * 1.05);
    json_t *breaks = cell_of(root, INV_NOLOSS);
    assert_string_equal(json_string_value(json_object_get(breaks, "verdict")), "breaks");
    assert_true(json_is_null(json_object_get(breaks, "depth_bound")));
    json_decref(root);
    assert_int_equal(sh("grep -c 'a defect of depth &lt;= 2: ' $D/r.xml"), 0);
    says("1\n"); /* CONVERGE, the only one that is expected and unfinished */
    /* a find ended the runs: nothing is claimed of the other promises */
    assert_int_equal(
        sh("$A run $D/async.yaml --driver pct --depth 2 --seeds 1..5000 --until NOLOSS "
           "--out $D/out --json $D/r.json"),
        0);
    says("a find ended the runs");
    root = json_load_file(path, 0, &e);
    assert_non_null(root);
    assert_true(json_is_null(json_object_get(cell_of(root, INV_CONVERGE), "depth_bound")));
    json_decref(root);
    /* without a depth nothing is said */
    assert_int_equal(sh("$A run $D/async.yaml --driver pct --seeds 1..9 --out $D/out"), 0);
    assert_null(strstr(output, "actors"));
}

/* The command that `run` prints makes the same run, with the number of moves and without. */
static void seeds_replay(void **state)
{
    (void)state;
    assert_int_equal(sh("$A run $D/async.yaml --driver pct --depth 3 --seeds 1..3000 --out $D/out "
                        "| tee $D/said | sed -n 's/.*NOLOSS.*first: [^ ]* \\(replay .*\\)/\\1/p' "
                        ">$D/again; cat $D/said"),
                     0);
    says("--driver pct --depth 3 --moves ");
    assert_int_equal(sh("$A $(cat $D/again) >$D/1; cat $D/1"), 0);
    says("; broken: NOLOSS");
    assert_int_equal(sh("$A $(sed 's/ --moves .*//' $D/again) >$D/2; cmp $D/1 $D/2"), 0);
    assert_int_equal(sh("$A $(sed 's/ --depth .*//' $D/again) >$D/2; cmp -s $D/1 $D/2"), 1);
    assert_int_equal(sh("$A replay $D/out/run/async-NOLOSS.witness"), 0);
    says("; broken: NOLOSS");
    assert_int_equal(sh("$A run $D/async.yaml --driver pct --depth 3 --seeds 5..9 --hash"), 0);
    says("seed 9 hash ");
}

int main(void)
{
    binary = getenv("ACKPROOF_BINARY");
    if (binary == NULL)
        return 77;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_that_do_not_fit),
        cmocka_unit_test(verdicts_say_what_was_missed),
        cmocka_unit_test(seeds_replay),
    };
    return cmocka_run_group_tests(tests, setup, teardown) != 0;
}

/* The matrix file: that of the tree, with the loader itself; and cells that are made of a scenario
 * and of other bounds, on the program ($ACKPROOF_BINARY). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "model/invariant.h"
#include "sim/cli/matrix_file.h"
#include "sim/cli/test_shell.h"
#include "sim/scenario_yaml.h"

static int setup(void **state)
{
    (void)state;
    shell_open("matrix");
    put("async.yaml", "version: 1\nname: async\n"
                      "cluster: {primary: {semi_sync: off}, replicas: [{}]}\n"
                      "workload: {sessions: 1, transactions: 1}\n"
                      "faults: [{point: node/kill, of: primary}]\n"
                      "expect: {NOLOSS: breaks}\n");
    put("matrix.yaml",
        "version: 1\ncells:\n  - {row: 2, scenario: async.yaml, tier: ci}\n"
        "  - {row: 2, scenario: async.yaml, tier: full, with: {name: wide, replicas: 2,\n"
        "     workload: {transactions: 2}}}\n");
    return 0;
}

/* ---- cells with other bounds ---------------------------------------------------------------- */

static void a_made_cell_is_one_of_its_tier(void **state)
{
    (void)state;
    assert_int_equal(sh("$A check $D/matrix.yaml"), 0);
    says("a matrix of 2 scenarios");
    assert_int_equal(sh("$A matrix --matrix $D/matrix.yaml --out $D/ci"), 0);
    if (strstr(output, "wide ") != NULL)
        fail_msg("that is of the other tier: %s", output);
    says("9 cells");
    assert_int_equal(sh("$A matrix --tier full --matrix $D/matrix.yaml --out $D/o --json $D/j"), 0);
    says("18 cells");
    char path[128];
    snprintf(path, sizeof path, "%s/j", dir);
    json_t *root = json_load_file(path, 0, NULL);
    const json_t *cell = json_array_get(json_object_get(root, "cells"), INVARIANTS);
    assert_string_equal(json_string_value(json_object_get(cell, "scenario")), "wide");
    const json_t *bounds = json_object_get(cell, "bounds");
    assert_int_equal(json_integer_value(json_object_get(bounds, "transactions")), 2);
    assert_int_equal(json_integer_value(json_object_get(bounds, "sessions")), 1);
    assert_int_equal(json_integer_value(json_object_get(bounds, "nodes")), 3);
    json_decref(root);
}

/* Its scenario stands beside its witness, for every command that takes either. */
static void witnesses_of_a_made_cell_replay(void **state)
{
    (void)state;
    assert_int_equal(sh("$A matrix --cell wide --matrix $D/matrix.yaml --out $D/o"), 0);
    says("9 cells");
    assert_int_equal(sh("head -n 1 $D/o/witness/wide.yaml"), 0);
    says("/async.yaml by a cell of the matrix.\n");
    assert_int_equal(sh("$A prove $D/o/witness/wide.yaml --out $D/p"), 0);
    says("NOLOSS    breaks        as expected");
    assert_int_equal(sh("$A replay $D/o/witness/wide-NOLOSS.witness"), 0);
    says("; broken: NOLOSS");
    assert_int_equal(sh("$A shrink $D/o/witness/wide-NOLOSS.witness --out $D/o"), 0);
    says("  replicas      2 -> 1\n");
    /* also when the folder has gone elsewhere */
    assert_int_equal(
        sh("mv $D/o $D/elsewhere; $A explain $D/elsewhere/witness/wide-NOLOSS.witness"), 0);
    assert_int_equal(sh("rm $D/elsewhere/witness/wide.yaml;"
                        "$A replay $D/elsewhere/witness/wide-NOLOSS.witness"),
                     2);
    says("this is the scenario that the witness ");
}

static void errors_of_cells_have_their_place(void **state)
{
    (void)state;
    put("bad.yaml", "version: 1\ncells:\n"
                    "- {row: 1, scenario: async.yaml, tier: full, with: {name: async}}\n"
                    "- {row: 1, scenario: async.yaml, tier: full, with: {name: async}}\n"
                    "- {row: 1, scenario: async.yaml, tier: full, with: {name: w, replicas: 9}}\n");
    assert_int_equal(sh("$A matrix --matrix $D/bad.yaml"), 2);
    says("/bad.yaml:4:59: error: the name async is that of ");
    says("/bad.yaml:5:72: error: replicas is 1 .. 5, not 9\n");
    says("/bad.yaml:5:59: error: this scenario cannot be used\n");
    assert_int_equal(sh("$A matrix --cell wider --matrix $D/matrix.yaml"), 2);
    says("the matrix has no cell 'wider'");
    put("bad.yaml", "version: 1\ncells:\n"
                    "- {row: 1, scenario: async.yaml, tier: full, with: {session: 3}}\n");
    assert_int_equal(sh("$A check $D/bad.yaml"), 2);
    says("/bad.yaml:3:53: error: unknown key 'session' in with; allowed: name, ");
}

/* A bound that is hit is said, of states and of memory; what was found before it counts. */
static void a_bound_leaves_it_unfinished(void **state)
{
    (void)state;
    static const char *const bounds[] = {"--memory 4", "--max-states 100"};
    put("long.yaml", "version: 1\nname: long\ncluster: {replicas: [{}, {}]}\n"
                     "workload: {sessions: 4, transactions: 9}\n"
                     "faults: [{point: node/power, at_most: 3}]\nexpect: {LIVE: holds}\n");
    for (size_t i = 0; i < sizeof bounds / sizeof bounds[0]; i++) {
        char line[128];
        snprintf(line, sizeof line, "$A prove %s --out $D/b $D/long.yaml", bounds[i]);
        assert_int_equal(sh(line), 1);
        says("NOT exhausted");
        says("NOLOSS    unfinished    no expectation");
        says("LIVE      unfinished    expected holds");
    }
    assert_int_equal(sh("$A prove --memory 0 $D/long.yaml"), 2);
    says("--memory is 1 ..");
}

/* A worker keeps its blocks from one search to the next: what lies in them is nothing to it. */
static void a_search_knows_nothing_of_the_one_before(void **state)
{
    (void)state;
    assert_int_equal(sh("B=scenarios/23-count-2.yaml; P=\"$A prove --jobs 1 --out $D/b\";"
                        "$P scenarios/35-before-write-two-replicas.yaml $B >$D/two;"
                        "$P $B >$D/one; for i in one two; do"
                        "  grep ' states, ' $D/$i | tail -n 1 | cut -d , -f 1,2 >$D/$i.n; done;"
                        "test -s $D/one.n && diff $D/one.n $D/two.n"),
                     0);
}

/* ---- the tree's own ------------------------------------------------------------------------- */

static uint32_t all_faults(const struct scenario *s)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < s->n_faults; i++)
        sum += s->fault[i].at_most;
    for (uint32_t i = 0; i < s->n_operators; i++)
        sum += s->operator[i].at_most;
    return sum;
}

/* It is of the full tier, asks what its file asks, and has wider bounds in some way and narrower
 * ones in none. */
static void is_wider(const struct matrix *m, size_t i)
{
    const struct scenario *w = &m->scenario[i];
    struct scenario n;
    print_message("  %s\n", w->name);
    assert_int_equal(m->tier[i], TIER_FULL);
    assert_true(scenario_load(w->file, &n, stderr));
    assert_true(w->n_nodes >= n.n_nodes && w->sessions >= n.sessions);
    assert_true(w->transactions >= n.transactions && all_faults(w) >= all_faults(&n));
    assert_true(w->device.reorder >= n.device.reorder && w->device.tear >= n.device.tear);
    assert_true(w->n_nodes > n.n_nodes || w->sessions > n.sessions ||
                w->transactions > n.transactions || all_faults(w) > all_faults(&n) ||
                w->device.reorder > n.device.reorder || w->device.tear > n.device.tear);
    for (uint32_t k = 0; k < INVARIANTS; k++)
        assert_true(n.expect[k] == EXPECT_NONE || w->expect[k] != EXPECT_NONE);
}

static void the_matrix_of_the_tree(void **state)
{
    (void)state;
    struct matrix m;
    if (!matrix_load("scenarios/matrix.yaml", &m, stderr))
        fail();
    bool row[100] = {false};
    size_t wide = 0;
    for (size_t i = 0; i < m.n; i++) {
        assert_in_range(m.row[i], 1, 99);
        row[m.row[i]] = true;
        assert_true(m.scenario[i].reach != 0);
        /* the file is NN-NAME.yaml, NN the row */
        char file[128];
        snprintf(file, sizeof file, "scenarios/%02u-%s.yaml", m.row[i], m.scenario[i].name);
        assert_memory_equal(m.scenario[i].file, file, strlen("scenarios/NN-"));
        if (m.made[i])
            is_wider(&m, i);
        else
            assert_string_equal(m.scenario[i].file, file);
        wide += m.tier[i] == TIER_FULL;
    }
    for (int i = 1; i <= 13; i++)
        assert_true(row[i]);
    assert_true(wide > 0); /* else the full tier is the CI tier */
    matrix_free(&m);
}

/* ---- the schema for editors ----------------------------------------------------------------- */

/* A cell's keys are those that are checked above; those of `with` are the loader's, and but for the
 * number of replicas the scenario's own. */
static void schema_is_the_loaders(void **state)
{
    (void)state;
    json_error_t e;
    json_t *root = json_load_file("scenarios/matrix.schema.json", JSON_REJECT_DUPLICATES, &e);
    json_t *scenario = json_load_file("scenarios/scenario.schema.json", JSON_REJECT_DUPLICATES, &e);
    assert_true(root != NULL && scenario != NULL);
    const json_t *cell = json_object_get(
        json_object_get(json_object_get(json_object_get(root, "properties"), "cells"), "items"),
        "properties");
    assert_int_equal(json_object_size(cell), 4);
    const json_t *with = json_object_get(cell, "with");
    assert_true(json_is_false(json_object_get(with, "additionalProperties")));
    const json_t *keys = json_object_get(with, "properties");
    size_t n = 0;
    for (const cyaml_schema_field_t *f = scenario_with_fields; f->key != NULL; f++, n++) {
        const json_t *key = json_object_get(keys, f->key);
        print_message("  %s\n", f->key);
        assert_non_null(key);
        if (strcmp(f->key, "replicas") == 0)
            continue;
        char ref[80];
        snprintf(ref, sizeof ref, "scenario.schema.json#/properties/%s", f->key);
        assert_string_equal(json_string_value(json_object_get(key, "$ref")), ref);
        assert_non_null(json_object_get(json_object_get(scenario, "properties"), f->key));
    }
    assert_int_equal(json_object_size(keys), n);
    json_decref(root);
    json_decref(scenario);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_made_cell_is_one_of_its_tier),
        cmocka_unit_test(witnesses_of_a_made_cell_replay),
        cmocka_unit_test(errors_of_cells_have_their_place),
        cmocka_unit_test(a_bound_leaves_it_unfinished),
        cmocka_unit_test(a_search_knows_nothing_of_the_one_before),
        cmocka_unit_test(the_matrix_of_the_tree),
        cmocka_unit_test(schema_is_the_loaders),
    };
    binary = getenv("ACKPROOF_BINARY");
    if (binary == NULL || access(binary, X_OK) != 0) {
        fputs("skipped: ACKPROOF_BINARY does not name the ackproof program\n", stderr);
        return 77;
    }
    return cmocka_run_group_tests(tests, setup, teardown) != 0;
}

/* How many faults it takes: in the document, read back, and in what is rendered from it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "reports/document.h"

static struct scenario sc;
static struct fault_walk walk;
static struct fault_search search[2];

static struct report *build(void)
{
    static struct result res;
    memset(&sc, 0, sizeof sc);
    memset(&walk, 0, sizeof walk);
    memset(&res, 0, sizeof res);
    snprintf(sc.name, sizeof sc.name, "lossy");
    sc.n_faults = 3;
    sc.fault[0] = (struct fault_budget){FAULT_NODE_POWER, OF_PRIMARY, 2, FILE_NONE};
    sc.fault[1] = (struct fault_budget){FAULT_FSYNC_LIE, OF_REPLICA, 1, FILE_RELAY};
    sc.fault[2] = (struct fault_budget){FAULT_NODE_KILL, OF_PRIMARY, 1, FILE_NONE};
    res.exhausted = true;
    const enum invariant broken[] = {INV_NOLOSS, INV_NOPHANTOM, INV_LIVE, INV_SANE};
    for (uint32_t i = 0; i < 4; i++) {
        struct fault_sets *of = &walk.of[broken[i]];
        res.verdict[broken[i]] = VERDICT_BREAKS;
        of->asked = true;
        of->exhausted = i != 2;
        of->n = i == 3 ? 1 : 2;
        of->minimal[0] = (struct fault_budgets){{i == 3 ? 0 : 2, i == 3 ? 0 : 1}};
        of->minimal[1] = (struct fault_budgets){{0, 0, 1}};
        of->n_safe = i == 3 ? 0 : 1;
        of->safe[0] = (struct fault_budgets){{2}};
    }
    search[0] = (struct fault_search){.asked = 1u << INV_NOLOSS | 1u << INV_SANE,
                                      .broken = 1u << INV_SANE,
                                      .exhausted = true,
                                      .states = 1234};
    search[1] = (struct fault_search){.at = {{0, 0, 1}}, .asked = 1u << INV_NOLOSS};
    walk.search = search;
    walk.n = 2;
    struct report *r = report_new();
    assert_false(report_add_fault_sets(r, &sc, &walk));
    assert_true(report_add_scenario(r, &sc, 0, &res));
    assert_true(report_add_fault_sets(r, &sc, &walk));
    assert_true(report_add_fault_sets(r, &sc, &walk));
    return r;
}

static const char *temp_path(const char *name)
{
    static char path[256];
    const char *dir = getenv("TMPDIR");
    snprintf(path, sizeof path, "%s/ackproof-fault-sets-test-%ld-%s", dir != NULL ? dir : "/tmp",
             (long)getpid(), name);
    return path;
}

static char *slurp(FILE *f)
{
    char *text = calloc(1, 1 << 20);
    assert_non_null(text);
    rewind(f);
    assert_true(fread(text, 1, (1 << 20) - 1, f) > 0);
    return text;
}

static char *table_of(const struct report *r)
{
    FILE *f = tmpfile();
    assert_non_null(f);
    report_table(r, f, false);
    char *text = slurp(f);
    fclose(f);
    return text;
}

static struct report *read_back(const struct report *r)
{
    const char *path = temp_path("report.json");
    assert_true(report_write(r, path, stderr));
    struct report *again = report_read(path, stderr);
    assert_non_null(again);
    remove(path);
    return again;
}

static void the_document_says_it(void **state)
{
    (void)state;
    struct report *r = build();
    const json_t *cell = doc_cell(r, "lossy", "NOLOSS");
    const json_t *sets = doc_list(cell, "fault_sets");
    assert_int_equal(json_array_size(sets), 2);
    assert_int_equal(doc_number(json_array_get(sets, 0), "node/power of primary"), 2);
    assert_int_equal(
        doc_number(json_array_get(sets, 0), "disk/fsync/lie of replica on a relay log"), 1);
    assert_int_equal(json_object_size(json_array_get(sets, 0)), 2);
    assert_int_equal(json_object_size(json_array_get(sets, 1)), 1);
    assert_int_equal(doc_fewest_faults(sets), 1);
    assert_true(doc_flag(cell, "fault_sets_exhausted"));
    assert_false(doc_flag(doc_cell(r, "lossy", "LIVE"), "fault_sets_exhausted"));
    assert_int_equal(doc_fewest_faults(doc_list(doc_cell(r, "lossy", "SANE"), "fault_sets")), 0);
    assert_false(doc_has(doc_cell(r, "lossy", "AGREE"), "fault_sets"));
    const json_t *searches = doc_list(doc_scenario(r, "lossy"), "fault_searches");
    assert_int_equal(json_array_size(searches), 2);
    struct report *again = read_back(r);
    assert_true(json_equal(r->root, again->root));
    report_free(again);
    report_free(r);
}

static void the_table_says_it(void **state)
{
    (void)state;
    struct report *r = build();
    struct report *again = read_back(r);
    char *text = table_of(r);
    char *other = table_of(again);
    assert_string_equal(text, other);
    assert_non_null(strstr(text,
                           "NOLOSS, NOPHANTOM: breaks with: 1x disk/fsync/lie of replica on a "
                           "relay log, 2x node/power of primary;"));
    assert_non_null(strstr(text, "Safe up to: 2x"));
    assert_non_null(strstr(text, "SANE: no fault needed\n"));
    assert_non_null(strstr(text, "LIVE: breaks with: "));
    assert_non_null(strstr(text, "UNFINISHED"));
    for (const char *line = text; *line != '\0'; line += strcspn(line, "\n") + 1)
        assert_true(strcspn(line, "\n") <= 120);
    free(text);
    free(other);
    report_free(again);
    report_free(r);
}

static void the_page_says_it(void **state)
{
    (void)state;
    struct report *r = build();
    const char *path = temp_path("page.html");
    assert_true(report_html(r, path, stderr));
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    char *text = slurp(f);
    fclose(f);
    remove(path);
    assert_non_null(strstr(text, "What it takes to break a promise"));
    assert_non_null(strstr(text, "with 1 fault<"));
    assert_non_null(strstr(text, "no fault needed"));
    assert_non_null(strstr(text, "nothing: no fault is needed"));
    assert_non_null(strstr(text, "The 2 searches with fewer faults"));
    assert_non_null(strstr(text, "fewer faults may do"));
    free(text);
    report_free(r);
}

static void damage_is_refused(void **state)
{
    (void)state;
    struct report *r = build();
    json_t *cell = doc_cell(r, "lossy", "NOLOSS");
    const char *path = temp_path("bad.json");
    FILE *err = tmpfile();
    assert_non_null(err);
    put(json_array_get(doc_list(cell, "fault_sets"), 1), "node/kill of primary", new_text("1"));
    assert_true(report_write(r, path, stderr));
    assert_null(report_read(path, err));
    put(cell, "fault_sets", new_flag(true));
    assert_true(report_write(r, path, stderr));
    assert_null(report_read(path, err));
    remove(path);
    char *said = slurp(err);
    assert_non_null(
        strstr(said, "cells[0].fault_sets[1].node/kill of primary: must be an integer"));
    assert_non_null(strstr(said, "cells[0].fault_sets: must be a list"));
    free(said);
    fclose(err);
    report_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_document_says_it),
        cmocka_unit_test(the_table_says_it),
        cmocka_unit_test(the_page_says_it),
        cmocka_unit_test(damage_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}

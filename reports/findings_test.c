/* Findings: from a scenario into the document, back, and into page and table; what is said of real
 * servers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "reports/document.h"

static const char *temp_path(const char *name)
{
    static char path[256];
    const char *dir = getenv("TMPDIR");
    snprintf(path, sizeof path, "%s/ackproof-findings-test-%ld-%s", dir != NULL ? dir : "/tmp",
             (long)getpid(), name);
    return path;
}

static char *slurp(FILE *f)
{
    long size = ftell(f);
    char *text = calloc(1, (size_t)size + 1);
    assert_non_null(text);
    rewind(f);
    assert_int_equal(fread(text, 1, (size_t)size, f), (size_t)size);
    fclose(f);
    return text;
}

static char *table_of(const struct report *r)
{
    FILE *f = tmpfile();
    assert_non_null(f);
    report_table(r, f, false);
    return slurp(f);
}

static char *page_of(const struct report *r)
{
    const char *path = temp_path("page.html");
    assert_true(report_html(r, path, stderr));
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    assert_int_equal(fseek(f, 0, SEEK_END), 0);
    remove(path);
    return slurp(f);
}

static bool says(char *text, const char *words)
{
    bool found = strstr(text, words) != NULL;
    free(text);
    return found;
}

static void add(struct report *r, const char *name, const char *id, const char *server)
{
    static struct scenario sc;
    static struct result res;
    memset(&sc, 0, sizeof sc);
    memset(&res, 0, sizeof res);
    snprintf(sc.name, sizeof sc.name, "%s", name);
    snprintf(sc.finding.id, sizeof sc.finding.id, "%s", id);
    snprintf(sc.finding.what, sizeof sc.finding.what, "A killed <leader> frees its group.");
    snprintf(sc.finding.server, sizeof sc.finding.server, "%s", server);
    res.verdict[INV_NOLOSS] = VERDICT_BREAKS;
    res.verdict[INV_OBS] = VERDICT_BREAKS;
    assert_true(report_add_scenario(r, &sc, 0, &res));
    struct witness w = {.n = 1};
    assert_true(report_add_witness(r, &sc, INV_NOLOSS, "x.witness", &w, NULL, 0));
}

static const json_t *scenario(const struct report *r, const char *name)
{
    const json_t *sc = doc_scenario(r, name);
    assert_non_null(sc);
    return sc;
}

static void no_finding_is_not_mentioned(void **state)
{
    (void)state;
    struct report *r = report_new();
    add(r, "plain", "", "");
    assert_false(doc_has_findings(r));
    assert_false(doc_has(scenario(r, "plain"), "finding"));
    assert_false(says(table_of(r), "findings"));
    assert_false(says(page_of(r), "id=\"findings\""));
    assert_false(says(page_of(r), "#findings"));
    report_free(r);
}

static void page_and_table_tell(void **state)
{
    (void)state;
    struct report *r = report_new();
    add(r, "plain", "", "");
    add(r, "kill-leader", "A38", "10.11.19 does so");
    add(r, "untried", "B\x1b[1m9", "");
    assert_true(says(table_of(r), "  A38, kill-leader, breaks NOLOSS, OBS\n"
                                  "      A killed <leader> frees its group.\n"
                                  "      server: 10.11.19 does so\n"
                                  "  B?[1m9, untried, breaks NOLOSS, OBS\n"));
    assert_true(says(table_of(r), "      server: not tried on a server\n"));
    assert_true(says(page_of(r), "<a href=\"#findings\">Findings</a>"));
    assert_true(says(page_of(r), "A killed &lt;leader&gt; frees its group."));
    assert_true(says(page_of(r), "<a href=\"#s-kill-leader-NOLOSS\">NOLOSS</a>"));
    assert_true(says(page_of(r), "<a href=\"#s-kill-leader\">OBS</a>")); /* no witness */
    assert_false(says(page_of(r), "<a href=\"#s-plain-NOLOSS\">NOLOSS</a>"));
    assert_true(says(page_of(r), "<td>10.11.19 does so</td>"));
    assert_true(says(page_of(r), "<td>not tried on a server</td>"));
    report_free(r);
}

/* A run in this report stands before the recorded sentence, and is compared with this search. */
static void a_live_run_is_preferred(void **state)
{
    (void)state;
    struct report *r = report_new();
    char text[DOC_FINDING_MAX];
    const struct report_live_cell first[] = {
        {INV_NOLOSS, VERDICT_UNFINISHED, VERDICT_BREAKS, NULL, 0},
        {INV_AGREE, VERDICT_HOLDS, VERDICT_BREAKS, NULL, 0},
        {INV_LIVE, VERDICT_HOLDS, VERDICT_HOLDS, NULL, 0},
        {INV_OBS, VERDICT_BREAKS, VERDICT_HOLDS, NULL, 0},
    };
    const struct report_live_cell second = {INV_OBS, VERDICT_BREAKS, VERDICT_NOT_EXERCISED, NULL,
                                            0};
    add(r, "kill-leader", "A38", "as was recorded");
    report_add_live(r, "other", "9.9", first, 1);
    doc_finding_server(r, scenario(r, "kill-leader"), text);
    assert_string_equal(text, "as was recorded");
    report_add_live(r, "kill-leader", "10.11.19-MariaDB", first, 4);
    doc_finding_server(r, scenario(r, "kill-leader"), text);
    assert_string_equal(text, "10.11.19-MariaDB: NOLOSS confirmed, AGREE differs, OBS differs");
    report_add_live(r, "kill-leader", "11.8", &second, 1);
    doc_finding_server(r, scenario(r, "kill-leader"), text);
    assert_string_equal(text, "10.11.19-MariaDB: NOLOSS confirmed, AGREE differs, OBS differs; "
                              "11.8: not judged");
    report_free(r);
}

static void written(json_t *root, const char *path)
{
    assert_int_equal(json_dump_file(root, path, 0), 0);
}

static void is_read_and_checked(void **state)
{
    (void)state;
    struct report *r = report_new();
    add(r, "plain", "", "");
    add(r, "kill-leader", "A38", "");
    const char *path = temp_path("report.json");
    written(r->root, path);
    struct report *back = report_read(path, stderr);
    assert_non_null(back);
    assert_true(json_equal(back->root, r->root));
    report_free(back);

    json_t *finding = doc_object(scenario(r, "kill-leader"), "finding");
    assert_string_equal(doc_text(finding, "id"), "A38");
    assert_false(doc_has(finding, "server"));
    static const struct {
        const char *key;
        const char *value; /* NULL: removed */
        const char *reason;
    } bad[] = {
        {"more", "x", "scenarios[1].finding: unknown member \"more\""},
        {"what", "", "scenarios[1].finding.what: \"\" must not be empty"},
        {"id", NULL, "scenarios[1].finding: member \"id\" is missing"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        json_t *before = json_deep_copy(finding);
        if (bad[i].value != NULL)
            put(finding, bad[i].key, new_text(bad[i].value));
        else
            json_object_del(finding, bad[i].key);
        written(r->root, path);
        FILE *err = tmpfile();
        assert_null(report_read(path, err));
        assert_true(says(slurp(err), bad[i].reason));
        json_object_clear(finding);
        json_object_update(finding, before);
        json_decref(before);
    }
    remove(path);
    report_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_finding_is_not_mentioned),
        cmocka_unit_test(page_and_table_tell),
        cmocka_unit_test(a_live_run_is_preferred),
        cmocka_unit_test(is_read_and_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}

/* A report from made-up results: what is written is read back, every renderer says what the
 * document says, text from outside cannot break the pages, and a damaged document is refused with
 * its place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <libxml/parser.h>
#include <libxml/tree.h>
#include <libxml/xpath.h>

#include "reports/document.h"

static char *slurp(FILE *f)
{
    assert_int_equal(fseek(f, 0, SEEK_END), 0);
    long size = ftell(f);
    assert_true(size >= 0);
    rewind(f);
    char *text = malloc((size_t)size + 1);
    assert_non_null(text);
    assert_int_equal(fread(text, 1, (size_t)size, f), (size_t)size);
    text[size] = '\0';
    return text;
}

static char *slurp_path(const char *path)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    char *text = slurp(f);
    fclose(f);
    return text;
}

/* A file name of this process's own, removed by the test that made it. */
static const char *temp_path(const char *name)
{
    static char path[256];
    const char *dir = getenv("TMPDIR");
    snprintf(path, sizeof path, "%s/ackproof-report-test-%ld-%s", dir != NULL ? dir : "/tmp",
             (long)getpid(), name);
    return path;
}

/* ---- the made-up results --------------------------------------------------------------------- */

static void fill_scenario(struct scenario *sc, const char *name, const char *title)
{
    memset(sc, 0, sizeof *sc);
    snprintf(sc->file, sizeof sc->file, "scenarios/%s.yaml", name);
    snprintf(sc->name, sizeof sc->name, "%s", name);
    snprintf(sc->title, sizeof sc->title, "%s", title);
    snprintf(sc->story, sizeof sc->story,
             "The primary is lost at any moment and the most advanced replica is promoted.");
    snprintf(sc->source[0], sizeof sc->source[0], "MDEV-162");
    snprintf(sc->source[1], sizeof sc->source[1], "MySQL WL#6355");
    sc->n_sources = 2;
    sc->n_nodes = 3;
    for (uint32_t i = 0; i < sc->n_nodes; i++) {
        server_settings_default(&sc->node[i]);
        sc->node[i].profile = server_profile_find("mariadb-10.11");
        sc->node[i].receiver = receiver_profile_find("mariadbd");
        sc->node[i].server_id = i + 1;
    }
    sc->sessions = 2;
    sc->transactions = 2;
    sc->fault[0] = (struct fault_budget){FAULT_NODE_POWER, OF_PRIMARY, 1, FILE_NONE};
    sc->fault[1] = (struct fault_budget){FAULT_FSYNC_LIE, OF_REPLICA, 2, FILE_RELAY};
    sc->n_faults = 2;
    sc->manager.n_on_loss = 1;
    sc->manager.fence = true;
    sc->reach = (reach_mask)1 << REACH_PROMOTION | (reach_mask)1 << REACH_CRASH_BEFORE_ACK;
}

static void fill_result(struct result *res)
{
    memset(res, 0, sizeof *res);
    res->states = 191600;
    res->transitions = 1234567;
    res->ends = 812;
    res->depth_max = 96;
    res->exhausted = true;
    res->seconds = 1.2344;
    res->reach_times[REACH_PROMOTION] = 5321;
    res->reach_times[REACH_CRASH_BEFORE_ACK] = 77;
    res->reach_times[REACH_GROUP_OF_TWO] = 4;
}

static struct trace_step *add_step(struct trace_step *s, uint32_t kind, uint32_t a, uint32_t b,
                                   uint8_t lane, uint8_t to, const char *text)
{
    memset(s, 0, sizeof *s);
    s->move = kind << 24 | a << 16 | b << 8;
    s->lane = lane;
    s->to_lane = to;
    s->txn_mask = 1;
    s->hash.lo = kind;
    snprintf(s->text, sizeof s->text, "%s", text);
    return s + 1;
}

/* AFTER_COMMIT: visible on the primary, never on the replica. Answers the number of steps. */
static size_t fill_story(struct trace_step step[32])
{
    struct trace_step *s = step;
    s = add_step(s, MOVE_CLIENT, 0, 0, LANE_CLIENT, 0, "session 1 sends INSERT k=1; COMMIT");
    s = add_step(s, MOVE_RUN, 0, 0, 0, LANE_WORLD, "prepares transaction 1 in the engine");
    s = add_step(s, MOVE_RUN, 0, 0, 0, LANE_WORLD,
                 "leader of a group of one; writes 0-1-1 to binlog.000001 at 330 and starts the "
                 "fsync of the group, the stage table stands at sync");
    s = add_step(s, MOVE_DISK, 0, 0, 0, LANE_WORLD, "fsync of binlog.000001 is done");
    s = add_step(s, MOVE_RUN, 0, 9, 0, 1, "dump thread sends 0-1-1 to replica 1, ACK wanted");
    s = add_step(s, MOVE_RUN, 0, 10, 0, 2, "dump thread sends 0-1-1 to replica 2, ACK wanted");
    s = add_step(s, MOVE_RUN, 0, 0, 0, LANE_WORLD,
                 "commits transaction 1 in the engine; it is visible; waits for an ACK");
    s = add_step(s, MOVE_NET, 0, 1, 1, LANE_WORLD, "packet arrives; writes 0-1-1 to the relay log");
    s = add_step(s, MOVE_DISK, 1, 13, 1, 0, "fsync of the relay log is done; sends the ACK");
    s = add_step(s, MOVE_POWER, 0, 0, 0, LANE_WORLD, "primary loses power");
    s->reached = 0;
    s[-1].reached = (reach_mask)1 << REACH_CRASH_BEFORE_ACK | (reach_mask)1 << REACH_PRIMARY_CRASH;
    s = add_step(s, MOVE_MANAGER, 0, 0, LANE_MANAGER, LANE_WORLD, "takes the primary for lost");
    s = add_step(s, MOVE_MANAGER, 3, 2, LANE_MANAGER, 2, "promotes replica 2");
    s[-1].reached = (reach_mask)1 << REACH_PROMOTION;
    s[-1].violated = 1U << INV_NOPHANTOM | 1U << INV_CONVERGE;
    snprintf(s[-1].broken, sizeof s[-1].broken,
             "CONVERGE: T1 differs; NOPHANTOM: T1 was read on P; at step 7 and is not on the new "
             "primary R2 <b>&amp;; SANE: no");
    s = add_step(s, MOVE_START, 0, 0, 0, LANE_WORLD, "old primary boots again");
    for (struct trace_step *p = step; p < s; p++)
        p->step = (uint64_t)(p - step) + 1;
    return (size_t)(s - step);
}

static void add_all_as_expected(struct report *r)
{
    struct scenario sc;
    struct result res;
    struct trace_step step[32];
    struct witness w = {.n = 31, .final_hash = {.lo = 0x123, .hi = 0xabc}};
    fill_scenario(&sc, "01-after-commit", "AFTER_COMMIT, primary lost, failover");
    fill_result(&res);
    sc.expect[INV_NOLOSS] = EXPECT_HOLDS;
    sc.expect[INV_NOPHANTOM] = EXPECT_BREAKS;
    res.verdict[INV_NOPHANTOM] = VERDICT_BREAKS;
    res.verdict[INV_CONVERGE] = VERDICT_BREAKS;
    assert_true(report_add_scenario(r, &sc, 1, &res));
    assert_false(report_add_scenario(r, &sc, 1, &res));
    size_t n = fill_story(step);
    assert_true(report_add_witness(r, &sc, INV_NOPHANTOM, "out/01-NOPHANTOM.witness", &w, step, n));
    assert_true(report_add_witness(r, &sc, INV_CONVERGE, "out/01-CONVERGE.witness", &w, step, 2));
    assert_true(report_add_witness(r, &sc, INV_CONVERGE, "out/01-CONVERGE.witness", &w, NULL, 0));
}

static void add_deviations(struct report *r)
{
    struct scenario sc;
    struct result res;
    struct trace_step step[32];
    struct witness w = {.n = 31};
    fill_scenario(&sc, "04-a-scenario-with-quite-a-long-name-that-wraps", "Relay log purged");
    fill_result(&res);
    res.exhausted = false;
    res.states = 50000000;
    sc.expect[INV_NOLOSS] = EXPECT_HOLDS;
    res.verdict[INV_NOLOSS] = VERDICT_BREAKS;
    sc.expect[INV_ACKTRUE] = EXPECT_HOLDS;
    res.verdict[INV_ACKTRUE] = VERDICT_NOT_EXERCISED;
    sc.expect[INV_LIVE] = EXPECT_HOLDS;
    res.verdict[INV_LIVE] = VERDICT_UNFINISHED;
    res.bound = (struct explore_bound){.depth = 2, .actors = 8, .turns = 60, .runs = 500};
    sc.expect[INV_AGREE] = EXPECT_BREAKS;
    sc.reach |= (reach_mask)1 << REACH_RELAY_PURGED;
    assert_true(report_add_scenario(r, &sc, 4, &res));
    size_t n = fill_story(step);
    step[n - 2].violated = 1U << INV_NOLOSS;
    assert_true(report_add_witness(r, &sc, INV_NOLOSS, "out/04-NOLOSS.witness", &w, step, n));
}

/* Names and texts that would break a page, a terminal or JSON if they were not treated as text. */
static void add_hostile(struct report *r)
{
    struct scenario sc;
    struct result res;
    fill_scenario(&sc, "x<script>alert(1)</script>",
                  "\"quoted\" & 'more' \x01\x1b[31m \xff\xc0\xaf");
    fill_result(&res);
    snprintf(sc.story, sizeof sc.story, "</style></script>]]><!-- \xef\xbf\xbf \xc2\x9b");
    sc.n_nodes = 2;
    res.runs = 1000;
    res.exhausted = false;
    for (uint32_t i = 0; i < INVARIANTS; i++) { /* the widest table that there is */
        sc.expect[i] = EXPECT_HOLDS;
        res.verdict[i] = VERDICT_BREAKS;
    }
    assert_true(report_add_scenario(r, &sc, 0, &res));
}

static void add_live(struct report *r)
{
    static const char *const seen[] = {"COMMIT is waiting, a second connection reads k=1",
                                       "killed with SIGKILL; the replica has no k=1"};
    static const char *const lines[] = {"case 1: hold the ACK, kill -9", "k=1 <visible>"};
    struct report_live_cell cell[] = {
        {INV_NOPHANTOM, VERDICT_BREAKS, VERDICT_BREAKS, seen, 2},
        {INV_NOLOSS, VERDICT_HOLDS, VERDICT_BREAKS, seen, 1},
        {INV_ACKTRUE, VERDICT_UNFINISHED, VERDICT_NOT_EXERCISED, NULL, 0},
    };
    report_add_live(r, "01-after-commit", "10.11.14-MariaDB", cell, 1);
    report_add_live(r, "01-after-commit", "10.11.14-MariaDB", cell, 3);
    assert_true(report_add_live_lines(r, "01-after-commit", "10.11.14-MariaDB", lines, 2));
    assert_false(report_add_live_lines(r, "other", "10.11.14-MariaDB", lines, 2));
}

static struct report *full_report(void)
{
    struct report *r = report_new();
    report_set_identity(r, "0.1", "0123abcd-dirty", "gcc 12.2.0", NULL);
    add_hostile(r);
    add_deviations(r);
    add_all_as_expected(r);
    add_live(r);
    return r;
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void counts_are_right(void **state)
{
    (void)state;
    struct report *r = report_new();
    assert_true(report_as_expected(r));
    add_all_as_expected(r);
    assert_true(report_as_expected(r));
    report_free(r);

    r = full_report();
    struct report_counts n = report_summary(r);
    assert_int_equal(n.cells, 3 * INVARIANTS);
    assert_int_equal(n.as_expected, 2);
    assert_int_equal(n.differ, 11);
    assert_int_equal(n.not_exercised, 1);
    assert_int_equal(n.unfinished, 1);
    assert_int_equal(n.no_expectation, 12);
    assert_int_equal(n.live, 2);
    assert_int_equal(n.live_differ, 1);
    assert_false(report_as_expected(r));
    report_free(r);
}

static void rows_stand_in_order(void **state)
{
    (void)state;
    struct report *r = full_report();
    json_t *scenarios = doc_list(r->root, "scenarios");
    assert_int_equal(doc_number(json_array_get(scenarios, 0), "row"), 1);
    assert_int_equal(doc_number(json_array_get(scenarios, 1), "row"), 4);
    assert_int_equal(doc_number(json_array_get(scenarios, 2), "row"), 0);
    const json_t *cell = json_array_get(doc_list(r->root, "cells"), INV_NOPHANTOM);
    assert_string_equal(doc_text(cell, "scenario"), "01-after-commit");
    assert_string_equal(doc_text(cell, "witness"), "out/01-NOPHANTOM.witness");
    assert_false(doc_has(json_array_get(doc_list(r->root, "cells"), INV_AGREE), "expected"));
    report_free(r);
}

static void read_back_is_the_same(void **state)
{
    (void)state;
    struct report *r = full_report();
    const char *path = temp_path("report.json");
    assert_true(report_write(r, path, stderr));
    char *first = slurp_path(path);
    struct report *again = report_read(path, stderr);
    assert_non_null(again);
    assert_true(json_equal(r->root, again->root));
    assert_true(report_write(again, path, stderr));
    char *second = slurp_path(path);
    assert_string_equal(first, second);
    assert_non_null(strstr(first, "\"seconds\": 1.234,"));

    struct report *same = full_report();
    assert_true(report_write(same, path, stderr));
    char *third = slurp_path(path);
    assert_string_equal(first, third);
    free(first);
    free(second);
    free(third);
    remove(path);
    report_free(r);
    report_free(again);
    report_free(same);
}

static void contract_has_cells_only(void **state)
{
    (void)state;
    struct report *r = full_report();
    const char *path = temp_path("cells.json");
    assert_true(report_contract_json(r, path, stderr));
    json_t *o = json_load_file(path, 0, NULL);
    assert_int_equal(json_object_size(o), 2);
    assert_int_equal(doc_number(o, "schema"), 1);
    assert_int_equal(json_array_size(doc_list(o, "cells")), 3 * INVARIANTS);
    const json_t *cell = json_array_get(doc_list(o, "cells"), 0);
    assert_int_equal(json_object_size(cell), 17);
    assert_string_equal(doc_text(cell, "verdict"), "holds");
    assert_true(doc_flag(cell, "exhausted"));
    assert_int_equal(doc_number(doc_object(cell, "bounds"), "transactions"), 2);
    json_decref(o);
    remove(path);
    FILE *err = tmpfile();
    assert_false(report_contract_json(r, "/nonexistent/x.json", err));
    assert_false(report_write(r, "/nonexistent/x.json", err));
    assert_false(report_html(r, "/nonexistent/x.html", err));
    assert_false(report_junit(r, "/nonexistent/x.xml", err));
    char *said = slurp(err);
    assert_non_null(strstr(said, "/nonexistent/x.json: cannot be written: No such file"));
    assert_non_null(strstr(said, "/nonexistent/x.xml: cannot be written: No such file"));
    free(said);
    fclose(err);
    report_free(r);
}

static void merge_takes_all(void **state)
{
    (void)state;
    struct report *to = report_new();
    struct report *from = full_report();
    add_hostile(to);
    assert_false(report_merge(to, from));
    assert_int_equal(report_summary(to).scenarios, 1);
    report_free(to);

    to = report_new();
    add_live(to);
    assert_true(report_merge(to, from));
    assert_true(json_equal(to->root, from->root));
    report_free(to);
    report_free(from);
}

static void table_fits_and_tells(void **state)
{
    (void)state;
    struct report *r = full_report();
    FILE *out = tmpfile();
    report_table(r, out, false);
    char *text = slurp(out);
    assert_null(strchr(text, '\033'));
    for (const char *line = text; *line != '\0';) {
        size_t n = strcspn(line, "\n");
        size_t columns = 0;
        for (size_t i = 0; i < n; i++)
            columns += ((unsigned char)line[i] & 0xc0) != 0x80;
        assert_in_range(columns, 0, 120);
        line += n + (line[n] == '\n');
    }
    assert_non_null(strstr(text,
                           "27 cells: 2 as expected, 11 differ, 1 not exercised, 1 unfinished; "
                           "12 without an expectation\n"));
    assert_non_null(strstr(text, "n/exer! unfin.!"));
    assert_non_null(strstr(text, "50.00 M"));
    assert_non_null(strstr(text, "ackproof replay out/04-NOLOSS.witness"));
    assert_non_null(strstr(text, "never happened: relay log purged"));
    assert_non_null(strstr(text, "NOLOSS     server: breaks      search: holds       DIFFERS"));
    free(text);
    fclose(out);

    out = tmpfile();
    report_table(r, out, true);
    text = slurp(out);
    assert_non_null(strstr(text, "\033[1;31mBREAKS!\033[0m"));
    assert_null(strstr(text, "\033[31m"));
    free(text);
    fclose(out);
    report_free(r);
}

static int count_nodes(xmlDocPtr doc, const char *xpath)
{
    xmlXPathContextPtr context = xmlXPathNewContext(doc);
    xmlXPathObjectPtr found = xmlXPathEvalExpression(BAD_CAST xpath, context);
    assert_non_null(found);
    int n = found->nodesetval != NULL ? found->nodesetval->nodeNr : 0;
    xmlXPathFreeObject(found);
    xmlXPathFreeContext(context);
    return n;
}

static void junit_is_well_formed(void **state)
{
    (void)state;
    struct report *r = full_report();
    const char *path = temp_path("junit.xml");
    assert_true(report_junit(r, path, stderr));
    xmlDocPtr doc = xmlReadFile(path, NULL, XML_PARSE_NONET);
    assert_non_null(doc);
    assert_int_equal(count_nodes(doc, "/testsuites/testsuite"), 3);
    assert_int_equal(count_nodes(doc, "//testcase"), 3 * INVARIANTS);
    assert_int_equal(count_nodes(doc, "//testcase/failure"), 13);
    assert_int_equal(count_nodes(doc, "//testcase/skipped"), 12);
    assert_int_equal(count_nodes(doc, "/testsuites[@tests='27' and @failures='13' and "
                                      "@skipped='12']"),
                     1);
    assert_int_equal(count_nodes(doc, "//testcase[@classname='x<script>alert(1)</script>' and "
                                      "@name='SANE']"),
                     1);
    assert_int_equal(count_nodes(doc, "//failure[contains(., 'ackproof replay out/04-')]"), 1);
    assert_int_equal(count_nodes(doc, "//failure[@type='not-exercised' and contains(., "
                                      "'never happened: relay log purged')]"),
                     1);
    xmlFreeDoc(doc);
    remove(path);
    report_free(r);
}

static void html_is_well_formed(void **state)
{
    (void)state;
    struct report *r = full_report();
    const char *path = temp_path("report.html");
    assert_true(report_html(r, path, stderr));
    xmlDocPtr doc = xmlReadFile(path, NULL, XML_PARSE_NONET);
    assert_non_null(doc);
    assert_int_equal(count_nodes(doc, "/html/body/main"), 1);
    assert_int_equal(count_nodes(doc, "//script"), 1);
    assert_int_equal(count_nodes(doc, "//table[@class='matrix']/tbody"), 3);
    assert_int_equal(count_nodes(doc, "//table[@class='matrix']//a[contains(@class,'v ')]"), 27);
    assert_int_equal(count_nodes(doc, "//svg"), 2);
    assert_int_equal(count_nodes(doc, "//svg//rect[@class='band']"), 2);
    assert_int_equal(count_nodes(doc, "//details[@open]"), 1);
    assert_int_equal(count_nodes(doc, "//pre[.='ackproof replay out/01-NOPHANTOM.witness']"), 1);
    assert_int_equal(count_nodes(doc, "//pre[.='ackproof replay out/01-CONVERGE.witness']"), 1);
    assert_int_equal(count_nodes(doc, "//small[.='confirmed live']"), 1);
    assert_int_equal(count_nodes(doc, "//small[.='differs live']"), 1);
    assert_int_equal(count_nodes(doc, "//*[@src or @srcset or @data or @action]"), 0);
    assert_int_equal(count_nodes(doc, "//link | //img | //iframe | //object"), 0);
    /* every link stays on the page and leads somewhere, every id is there once */
    assert_int_equal(count_nodes(doc, "//*[@href and not(starts-with(@href, '#'))]"), 0);
    assert_int_equal(count_nodes(doc, "//a[not(substring(@href, 2) = //*/@id)]"), 0);
    assert_int_equal(count_nodes(doc, "//*[@id and @id = following::*/@id]"), 0);
    xmlFreeDoc(doc);
    char *text = slurp_path(path);
    assert_null(strstr(text, "http:"));
    assert_null(strstr(text, "https:"));
    assert_null(strstr(text, "<script>alert"));
    assert_null(strstr(text, "\x1b"));
    free(text);
    remove(path);
    report_free(r);
}

/* A packet's arrow ends in the row in which it arrives; one that never does ends in a circle. */
static void arrows_lead_to_arrivals(void **state)
{
    (void)state;
    struct report *r = full_report();
    const char *path = temp_path("arrows.html");
    assert_true(report_html(r, path, stderr));
    xmlDocPtr doc = xmlReadFile(path, NULL, XML_PARSE_NONET);
    assert_non_null(doc);
    const char *one = "//details[@id='s-01-after-commit-NOPHANTOM']//svg";
    char query[256];
    snprintf(query, sizeof query, "%s//line[@class='msg' and @y2 > @y1 + 20]", one);
    assert_int_equal(count_nodes(doc, query), 1); /* to replica 1 */
    snprintf(query, sizeof query, "%s//circle[@class='lost']", one);
    assert_int_equal(count_nodes(doc, query), 2); /* to replica 2, and the ACK */
    snprintf(query, sizeof query, "%s//path[@class='crash']", one);
    assert_int_equal(count_nodes(doc, query), 1);
    snprintf(query, sizeof query, "%s//line[@class='life down']", one);
    assert_int_equal(count_nodes(doc, query), 1);
    snprintf(query, sizeof query, "%s//circle[@class='start']", one);
    assert_int_equal(count_nodes(doc, query), 1);
    snprintf(query, sizeof query, "%s//text[@class='lane']", one);
    assert_int_equal(count_nodes(doc, query), 5); /* client 2 does nothing */
    assert_int_equal(count_nodes(doc,
                                 "//li/div[.='NOPHANTOM breaks: T1 was read on P; at step 7 and is "
                                 "not on the new primary R2 <b>&amp;']"),
                     1);
    xmlFreeDoc(doc);
    remove(path);
    report_free(r);
}

/* Replaces `from` by `to` in a good document, and expects that it is refused for `reason`. */
static void refused(const char *good, const char *from, const char *to, const char *reason)
{
    const char *path = temp_path("bad.json");
    const char *at = strstr(good, from);
    assert_non_null(at);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    fprintf(f, "%.*s%s%s", (int)(at - good), good, to, at + strlen(from));
    fclose(f);
    FILE *err = tmpfile();
    assert_null(report_read(path, err));
    char *said = slurp(err);
    if (strstr(said, reason) == NULL)
        fail_msg("expected \"%s\" in: %s", reason, said);
    assert_int_equal(strncmp(said, path, strlen(path)), 0);
    free(said);
    fclose(err);
    remove(path);
}

static void malformed_is_refused(void **state)
{
    (void)state;
    struct report *r = full_report();
    const char *path = temp_path("good.json");
    assert_true(report_write(r, path, stderr));
    char *good = slurp_path(path);
    remove(path);
    refused(good, "\"schema\": 1", "\"schema\": 2", "schema: 2 is not known here");
    refused(good, "\"schema\": 1", "\"schema\": \"1\"", "schema: must be an integer");
    refused(good, "\"schema\": 1", "\"schema\": 1, \"more\": 1", "unknown member \"more\"");
    refused(good, "\"schema\": 1", "\"schema\": 1,", "bad.json:");
    refused(good, "\"verdict\": \"holds\"", "\"verdict\": \"fine\"", "\"fine\" must be holds,");
    refused(good, "\"expected\": \"holds\"", "\"expected\": \"unfinished\"", "cells[0].expected");
    refused(good, "\"exhausted\": true", "\"exhausted\": 1", "must be true or false");
    refused(good, "\"states\": 191600", "\"states\": -1", "cells[0].states: must be an integer");
    refused(good, "\"missed\": ", "\"missed\": -", "from 0 to 1");
    refused(good, "\"seconds\": 1.234", "\"seconds\": null", "must be a number");
    refused(good, "\"invariant\": \"NOLOSS\"", "\"invariant\": \"NOLUCK\"", "cells[0].invariant");
    refused(good, "\"invariant\": \"NOLOSS\"", "\"invariant\": \"SANE\"", "must be NOLOSS of");
    refused(good, "\"collision_bound\": ", "\"collision_bound\": -", "from 0 to 1");
    refused(good, "\"scenario\": \"01-after-commit\"", "\"scenario\": \"\"", "must not be empty");
    refused(good, "\"file\":", "\"fill\":", "scenarios[0]: unknown member \"fill\"");
    refused(good, "\"lane\": 16", "\"lane\": 17", "is not listed");
    refused(good, "\"hash\": \"0", "\"hash\": \"G", "must be 32 hexadecimal digits");
    refused(good, "\"to\": 0,", "\"to\": 77,", "is not listed");
    refused(good, "\"prepares transaction 1 in the engine\"", "\"a\\u0000b\"", "NUL");
    refused(good, "\"disk\",", "3,", "must be [kind, a, b, c]");
    refused(good, "\"name\": \"promotion\"", "\"name\": 4", "].name: must be a string");
    refused(good, "\"node/power of primary\": 1", "\"x\": 0.5", "cells[0].bounds.faults.x");
    refused(good, "\"server profile\",", "\"server profile\", \"x\",",
            "scenarios[0].nodes[0].settings[0]: must be a list of two strings");
    refused(good, "\"01-after-commit\",\n   \"nodes\"", "\"02\",\n   \"nodes\"",
            "cells[0]: must be");
    free(good);
    report_free(r);

    FILE *err = tmpfile();
    assert_null(report_read("/nonexistent/report.json", err));
    char *said = slurp(err);
    assert_non_null(strstr(said, "/nonexistent/report.json: "));
    free(said);
    fclose(err);
}

static void every_setting_has_words(void **state)
{
    (void)state;
    struct scenario sc;
    struct result res;
    fill_scenario(&sc, "words", "");
    fill_result(&res);
    sc.n_faults = FAULT_POINTS;
    for (uint32_t i = 0; i < FAULT_POINTS; i++)
        sc.fault[i] = (struct fault_budget){(enum fault_point)i, OF_ANY, i + 1,
                                            i == 3 ? FILE_REDO : FILE_BINLOG};
    sc.node[0].wait_point = WAIT_BEFORE_WRITE;
    sc.node[0].recovery = RECOVERY_READ_ONLY;
    sc.node[1].recovery = RECOVERY_WAIT_ACK;
    sc.node[1].semi_sync_timeout_ms = 10000;
    sc.node[1].profile = server_profile_find("mysql-5.6");
    sc.manager.promote = PROMOTE_ANY;
    sc.manager.n_on_loss = 2;
    sc.manager.on_loss[0] = ON_LOSS_RESTART;
    sc.applier = APPLIER_AT_PROMOTION;
    sc.device.tear = true;
    struct report *r = report_new();
    assert_true(report_add_scenario(r, &sc, 0, &res));
    char *text = json_dumps(r->root, JSON_SORT_KEYS);
    assert_non_null(strstr(text, "\"BEFORE_WRITE\""));
    assert_non_null(strstr(text, "net/reset: a connection of any node is reset"));
    assert_non_null(strstr(text, "disk/fsync/fail: an fsync of the redo log on any node fails"));
    assert_non_null(strstr(text, "[\"primary lost, time 1\", \"restart it as the primary\"]"));
    assert_non_null(strstr(text, "\"title\": \"words\""));
    assert_null(strstr(text, "\"?\""));
    free(text);
    report_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_are_right),        cmocka_unit_test(rows_stand_in_order),
        cmocka_unit_test(read_back_is_the_same),   cmocka_unit_test(contract_has_cells_only),
        cmocka_unit_test(merge_takes_all),         cmocka_unit_test(table_fits_and_tells),
        cmocka_unit_test(junit_is_well_formed),    cmocka_unit_test(html_is_well_formed),
        cmocka_unit_test(arrows_lead_to_arrivals), cmocka_unit_test(malformed_is_refused),
        cmocka_unit_test(every_setting_has_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}

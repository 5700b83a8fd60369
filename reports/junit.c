/* JUnit: a test suite per scenario, a test case per invariant. A search judges all invariants at
 * once; its seconds are dealt to the cases evenly, so that sums come out right. */
#include "reports/document.h"
#include "reports/xml.h"

#include <assert.h>
#include <string.h>

static void never_met(struct xml *x, const json_t *scenario)
{
    size_t i;
    json_t *reach;
    json_array_foreach(doc_list(scenario, "reach"), i, reach)
    {
        if (doc_flag(reach, "required") && doc_number(reach, "times") == 0)
            xml_format(x, "never happened: %s\n", doc_text(reach, "name"));
    }
}

static void missed(struct xml *x, const json_t *bound)
{
    xml_format(
        x,
        "a defect of depth <= %llu: %llu actors, %llu turns, chance per run at least %.2e, of "
        "being missed by %llu runs at most %.2e\n",
        (unsigned long long)doc_number(bound, "depth"),
        (unsigned long long)doc_number(bound, "actors"),
        (unsigned long long)doc_number(bound, "turns"), doc_chance(bound, "chance"),
        (unsigned long long)doc_number(bound, "runs"), doc_chance(bound, "missed"));
}

static void failure(struct xml *x, const json_t *scenario, const json_t *cell)
{
    const char *verdict = doc_text(cell, "verdict");
    xml_open(x, "failure");
    xml_attr(x, "type", verdict);
    xml_attr_format(x, "message", "%s: %s, expected: %s", doc_text(cell, "invariant"),
                    verdict_words(verdict), doc_text(cell, "expected"));
    xml_format(x, "%s\n", invariant_statement(invariant_find(doc_text(cell, "invariant"))));
    xml_format(x, "%llu states, %llu transitions, %s\n",
               (unsigned long long)doc_number(cell, "states"),
               (unsigned long long)doc_number(cell, "transitions"),
               doc_flag(cell, "exhausted") ? "exhausted" : "not exhausted");
    if (doc_cell_class(cell) == CELL_NOT_EXERCISED)
        never_met(x, scenario);
    if (doc_has(cell, "depth_bound"))
        missed(x, doc_object(cell, "depth_bound"));
    if (doc_has(cell, "witness"))
        xml_format(x, "ackproof replay %s\n", doc_text(cell, "witness"));
    xml_close(x);
}

static void testcase(struct xml *x, const json_t *scenario, const json_t *cell)
{
    xml_open(x, "testcase");
    xml_attr(x, "classname", doc_text(scenario, "name"));
    xml_attr(x, "name", doc_text(cell, "invariant"));
    xml_attr(x, "file", doc_text(scenario, "file"));
    xml_attr_format(x, "time", "%.3f", doc_seconds(cell, "seconds") / INVARIANTS);
    enum cell_class class = doc_cell_class(cell);
    if (class == CELL_NO_EXPECTATION) {
        xml_open(x, "skipped");
        xml_attr_format(x, "message", "the scenario expects nothing; came out: %s",
                        verdict_words(doc_text(cell, "verdict")));
        xml_close_void(x);
    } else if (class != CELL_AS_EXPECTED) {
        failure(x, scenario, cell);
    }
    xml_close(x);
}

static void totals(struct xml *x, uint32_t tests, uint32_t failures, uint32_t skipped, double time)
{
    xml_attr_format(x, "tests", "%u", tests);
    xml_attr_format(x, "failures", "%u", failures);
    xml_attr(x, "errors", "0");
    xml_attr_format(x, "skipped", "%u", skipped);
    xml_attr_format(x, "time", "%.3f", time);
}

static void testsuite(struct xml *x, const struct report *r, size_t index)
{
    const json_t *scenario = json_array_get(doc_list(r->root, "scenarios"), index);
    const json_t *cells = doc_list(r->root, "cells");
    uint32_t failures = 0;
    uint32_t skipped = 0;
    for (size_t i = 0; i < INVARIANTS; i++) {
        enum cell_class class = doc_cell_class(json_array_get(cells, index * INVARIANTS + i));
        skipped += class == CELL_NO_EXPECTATION;
        failures += class != CELL_NO_EXPECTATION && class != CELL_AS_EXPECTED;
    }
    xml_open(x, "testsuite");
    xml_attr(x, "name", doc_text(scenario, "name"));
    totals(x, INVARIANTS, failures, skipped, doc_seconds(scenario, "seconds"));
    for (size_t i = 0; i < INVARIANTS; i++)
        testcase(x, scenario, json_array_get(cells, index * INVARIANTS + i));
    xml_close(x);
}

bool report_junit(const struct report *r, const char *path, FILE *err)
{
    assert(r != NULL && path != NULL && err != NULL);
    struct xml x;
    if (xml_begin(&x))
        xmlTextWriterSetIndent(x.w, 1);
    struct report_counts n = report_summary(r);
    double time = 0;
    size_t i;
    json_t *scenario;
    json_array_foreach(doc_list(r->root, "scenarios"), i, scenario) time +=
        doc_seconds(scenario, "seconds");
    xml_declaration(&x);
    xml_open(&x, "testsuites");
    xml_attr(&x, "name", "ackproof");
    totals(&x, n.cells, n.differ + n.not_exercised + n.unfinished, n.no_expectation, time);
    for (i = 0; i < n.scenarios; i++)
        testsuite(&x, r, i);
    xml_close(&x);
    return xml_finish(&x, path, err);
}

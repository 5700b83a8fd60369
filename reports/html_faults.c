/* What it takes to break each promise of a scenario, and the searches that show it. */
#include "reports/html.h"

#include <assert.h>
#include <string.h>

static void head(struct xml *x, const char *const *name, size_t n)
{
    xml_open(x, "thead");
    xml_open(x, "tr");
    for (size_t i = 0; i < n; i++) {
        xml_open(x, "th");
        xml_attr(x, "scope", "col");
        xml_text(x, name[i]);
        xml_close(x);
    }
    xml_close(x);
    xml_close(x);
}

static void sets_cell(struct xml *x, const json_t *sets, const char *none)
{
    size_t i;
    json_t *set;
    xml_open(x, "td");
    json_array_foreach(sets, i, set)
    {
        char text[DOC_FAULTS_MAX];
        doc_fault_set(set, text);
        xml_element(x, "div", NULL, text);
    }
    if (json_array_size(sets) == 0)
        xml_text(x, none);
    xml_close(x);
}

static void line(struct xml *x, const json_t *cell)
{
    xml_open(x, "tr");
    xml_open(x, "th");
    xml_attr(x, "scope", "row");
    xml_text(x, doc_text(cell, "invariant"));
    xml_close(x);
    sets_cell(x, doc_list(cell, "fault_sets"), "");
    sets_cell(x, doc_list(cell, "safe_up_to"), "nothing: no fault is needed");
    xml_element(x, "td", NULL,
                doc_flag(cell, "fault_sets_exhausted")
                    ? "yes"
                    : "no: a bound was hit below, fewer faults may do");
    xml_close(x);
}

static void ids_cell(struct xml *x, const json_t *ids)
{
    size_t i;
    json_t *id;
    xml_open(x, "td");
    json_array_foreach(ids, i, id) xml_format(x, "%s%s", i > 0 ? ", " : "", json_string_value(id));
    if (json_array_size(ids) == 0)
        xml_text(x, "none");
    xml_close(x);
}

static void searches(struct xml *x, const json_t *list)
{
    static const char *const name[] = {"At most", "Judged",    "Broken",
                                       "States",  "Exhausted", "Seconds"};
    size_t i;
    json_t *s;
    xml_open(x, "details");
    xml_open(x, "summary");
    xml_format(x, "The %zu searches with fewer faults", json_array_size(list));
    xml_close(x);
    html_open_scroll(x, "Searches with fewer faults");
    xml_open(x, "table");
    head(x, name, sizeof name / sizeof name[0]);
    xml_open(x, "tbody");
    json_array_foreach(list, i, s)
    {
        char text[DOC_FAULTS_MAX];
        char states[32];
        doc_fault_set(doc_object(s, "faults"), text);
        html_grouped(doc_number(s, "states"), states);
        bool all = json_array_size(doc_list(s, "asked")) == json_array_size(doc_list(s, "broken"));
        xml_open(x, "tr");
        xml_element(x, "td", NULL, text);
        ids_cell(x, doc_list(s, "asked"));
        ids_cell(x, doc_list(s, "broken"));
        xml_element(x, "td", NULL, states);
        xml_element(x, "td", NULL,
                    doc_flag(s, "exhausted") ? "yes"
                    : all                    ? "no need: all broken"
                                             : "no");
        xml_open(x, "td");
        xml_format(x, "%.2f", doc_seconds(s, "seconds"));
        xml_close(x);
        xml_close(x);
    }
    xml_close(x);
    xml_close(x);
    xml_close(x);
    xml_close(x);
}

void html_fault_sets(struct xml *x, const struct report *r, const json_t *scenario, size_t index)
{
    static const char *const name[] = {"Promise", "Smallest sets of faults that break it",
                                       "Safe up to", "Every smaller one searched"};
    const json_t *cells = doc_list(r->root, "cells");
    bool any = false;
    for (size_t i = 0; i < INVARIANTS; i++)
        any = any || doc_has_fault_sets(json_array_get(cells, index * INVARIANTS + i));
    if (!any)
        return;
    xml_element(x, "h4", NULL, "What it takes to break a promise");
    html_open_scroll(x, "Smallest sets of faults");
    xml_open(x, "table");
    head(x, name, sizeof name / sizeof name[0]);
    xml_open(x, "tbody");
    for (size_t i = 0; i < INVARIANTS; i++) {
        const json_t *cell = json_array_get(cells, index * INVARIANTS + i);
        if (doc_has_fault_sets(cell))
            line(x, cell);
    }
    xml_close(x);
    xml_close(x);
    xml_close(x);
    if (json_array_size(doc_list(scenario, "fault_searches")) > 0)
        searches(x, doc_list(scenario, "fault_searches"));
}

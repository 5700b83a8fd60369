/* What the search says of servers: each finding with its counterexamples, and what a server did. */
#include "reports/html.h"

static void link_to(struct xml *x, const char *id, const char *text)
{
    xml_open(x, "a");
    xml_attr_format(x, "href", "#%s", id);
    xml_text(x, text);
    xml_close(x);
}

/* Each broken promise, leading to its counterexample where the report has it. */
static void broken(struct xml *x, const struct report *r, size_t index)
{
    bool any = false;
    xml_open(x, "td");
    for (size_t i = 0; i < INVARIANTS; i++) {
        const json_t *cell = json_array_get(doc_list(r->root, "cells"), index * INVARIANTS + i);
        const char *id = doc_text(cell, "invariant");
        char to[HTML_ID_MAX];
        if (verdict_find(doc_text(cell, "verdict")) != VERDICT_BREAKS)
            continue;
        if (doc_witness(r, doc_text(cell, "scenario"), id) != NULL)
            html_cell_id(r, cell, to);
        else
            html_scenario_id(r, doc_text(cell, "scenario"), to);
        xml_open(x, "div");
        link_to(x, to, id);
        xml_close(x);
        any = true;
    }
    if (!any)
        xml_element(x, "span", "soft", "nothing within these bounds");
    xml_close(x);
}

static void line(struct xml *x, const struct report *r, const json_t *sc, size_t index)
{
    const json_t *f = doc_object(sc, "finding");
    char to[HTML_ID_MAX];
    char server[DOC_FINDING_MAX];
    html_scenario_id(r, doc_text(sc, "name"), to);
    doc_finding_server(r, sc, server);
    xml_open(x, "tr");
    xml_open(x, "th");
    xml_attr(x, "scope", "row");
    xml_text(x, doc_text(f, "id"));
    xml_close(x);
    xml_element(x, "td", NULL, doc_text(f, "what"));
    xml_open(x, "td");
    link_to(x, to, doc_text(sc, "name"));
    xml_close(x);
    broken(x, r, index);
    xml_element(x, "td", NULL, server);
    xml_close(x);
}

void html_findings(struct xml *x, const struct report *r)
{
    static const char *const head[] = {"Id", "Finding", "Scenario", "Breaks", "On a real server"};
    size_t i;
    json_t *sc;
    if (!doc_has_findings(r))
        return;
    html_section_head(x, "findings", "Findings");
    xml_element(x, "p", NULL,
                "Candidate defects: a server that works as the simulated one does breaks these "
                "promises although its settings say otherwise, or in a way that they do not tell. "
                "Each broken promise of the scenario leads to a simulated counterexample. What a "
                "server did is from the live runs of this report (in full below), else as it was "
                "recorded when it was tried.");
    html_open_scroll(x, "Findings");
    xml_open_class(x, "table", "findings");
    xml_open(x, "thead");
    xml_open(x, "tr");
    for (i = 0; i < sizeof head / sizeof head[0]; i++) {
        xml_open(x, "th");
        xml_attr(x, "scope", "col");
        xml_text(x, head[i]);
        xml_close(x);
    }
    xml_close(x);
    xml_close(x);
    xml_open(x, "tbody");
    json_array_foreach(doc_list(r->root, "scenarios"), i, sc)
    {
        if (doc_has(sc, "finding"))
            line(x, r, sc, i);
    }
    xml_close(x);
    xml_close(x);
    xml_close(x);
    xml_close(x);
}

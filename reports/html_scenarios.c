/* A section per scenario: what it tries, what it had to meet, and each counterexample in full. */
#include "reports/html.h"

#include <assert.h>
#include <string.h>

static void pairs(struct xml *x, const json_t *list)
{
    size_t i;
    json_t *pair;
    xml_open(x, "dl");
    json_array_foreach(list, i, pair)
    {
        xml_element(x, "dt", NULL, doc_text_at(pair, 0));
        xml_element(x, "dd", NULL, doc_text_at(pair, 1));
    }
    xml_close(x);
}

static void faults(struct xml *x, const json_t *sc)
{
    size_t i;
    json_t *v;
    const json_t *list = doc_list(sc, "faults");
    xml_element(x, "h4", NULL, "Faults that may happen");
    xml_open_class(x, "ul", "plain");
    json_array_foreach(list, i, v) xml_element(x, "li", NULL, json_string_value(v));
    if (json_array_size(list) == 0)
        xml_element(x, "li", "soft", "none");
    xml_close(x);
}

static void coverage(struct xml *x, const json_t *sc)
{
    size_t i;
    json_t *v;
    xml_element(x, "h4", NULL, "Coverage: conditions met");
    xml_open_class(x, "ul", "plain");
    json_array_foreach(doc_list(sc, "reach"), i, v)
    {
        bool met = doc_number(v, "times") != 0;
        bool required = doc_flag(v, "required");
        char times[32];
        html_grouped(doc_number(v, "times"), times);
        xml_open_class(x, "li", met ? NULL : "never");
        xml_element(x, "span", met ? "mark ok" : "mark bad", met ? "\xe2\x9c\x93" : "\xe2\x9c\x97");
        xml_text(x, doc_text(v, "name"));
        xml_open_class(x, "span", "soft");
        if (met)
            xml_format(x, " \xc2\xb7 %s times%s", times, required ? ", required" : "");
        else
            xml_text(x, " \xc2\xb7 required, never happened");
        xml_close(x);
        xml_close(x);
    }
    if (json_array_size(doc_list(sc, "reach")) == 0)
        xml_element(x, "li", "soft", "none was asked for, none was met");
    xml_close(x);
}

/* Rows are settings, columns nodes; all nodes of a report list the same settings in the same order,
 * and one that does not shows a blank. */
static void settings(struct xml *x, const json_t *sc)
{
    size_t i;
    size_t k;
    json_t *node;
    json_t *pair;
    const json_t *nodes = doc_list(sc, "nodes");
    if (json_array_size(nodes) == 0)
        return;
    xml_open(x, "details");
    xml_element(x, "summary", NULL, "Settings of the servers");
    html_open_scroll(x, "Settings of the servers");
    xml_open(x, "table");
    xml_open(x, "thead");
    xml_open(x, "tr");
    xml_element(x, "th", NULL, "Setting");
    json_array_foreach(nodes, i, node) xml_element(x, "th", NULL, doc_text(node, "name"));
    xml_close(x);
    xml_close(x);
    xml_open(x, "tbody");
    json_array_foreach(doc_list(json_array_get(nodes, 0), "settings"), k, pair)
    {
        xml_open(x, "tr");
        xml_open_class(x, "th", "mono");
        xml_attr(x, "scope", "row");
        xml_text(x, doc_text_at(pair, 0));
        xml_close(x);
        json_array_foreach(nodes, i, node)
        {
            const json_t *own = json_array_get(doc_list(node, "settings"), k);
            bool same = own != NULL && strcmp(doc_text_at(own, 0), doc_text_at(pair, 0)) == 0;
            xml_element(x, "td", NULL, same ? doc_text_at(own, 1) : "");
        }
        xml_close(x);
    }
    xml_close(x);
    xml_close(x);
    xml_close(x);
    xml_close(x);
}

static const char *lane_name(const json_t *witness, uint64_t lane)
{
    size_t i;
    json_t *x;
    json_array_foreach(doc_list(witness, "lanes"), i, x)
    {
        if (doc_number(x, "lane") == lane)
            return doc_text(x, "name");
    }
    return "world";
}

static void story(struct xml *x, const json_t *witness)
{
    size_t i;
    json_t *step;
    char broken[DOC_BROKEN_MAX];
    xml_open(x, "details");
    xml_element(x, "summary", NULL, "The same as text");
    xml_open_class(x, "ol", "story");
    json_array_foreach(doc_list(witness, "steps"), i, step)
    {
        xml_open(x, "li");
        xml_attr_format(x, "value", "%llu", (unsigned long long)doc_number(step, "step"));
        xml_open_class(x, "span", "who");
        xml_format(x, "%s: ", lane_name(witness, doc_number(step, "lane")));
        xml_close(x);
        xml_text(x, doc_step_text(step));
        if (doc_violates(step, doc_text(witness, "invariant"))) {
            doc_broken(step, doc_text(witness, "invariant"), broken);
            xml_open_class(x, "div", "hot");
            xml_format(x, "%s breaks: %s", doc_text(witness, "invariant"), broken);
            xml_close(x);
        }
        xml_close(x);
    }
    xml_close(x);
    xml_close(x);
}

/* The crossed edge of the first step that breaks the promise. */
static void crossed(const json_t *witness, char edge[DOC_BROKEN_MAX])
{
    edge[0] = '\0';
    size_t i;
    json_t *step;
    json_array_foreach(doc_list(witness, "steps"), i, step)
    {
        if (doc_violates(step, doc_text(witness, "invariant"))) {
            doc_broken(step, doc_text(witness, "invariant"), edge);
            return;
        }
    }
}

static void counterexample(struct xml *x, const struct report *r, const json_t *cell,
                           const json_t *witness)
{
    char id[HTML_ID_MAX];
    char expectation[HTML_ID_MAX];
    html_cell_id(r, cell, id);
    html_expectation(cell, expectation);
    xml_open(x, "details");
    xml_attr(x, "id", id);
    if (doc_cell_class(cell) == CELL_DIFFERS)
        xml_attr(x, "open", "open");
    xml_open(x, "summary");
    xml_open_class(x, "span", "tag");
    xml_format(x, "%s breaks", doc_text(cell, "invariant"));
    xml_close(x);
    xml_format(x, " (%s)", expectation);
    char edge[DOC_BROKEN_MAX];
    crossed(witness, edge);
    if (edge[0] != '\0') {
        xml_text(x, ": ");
        xml_element(x, "span", "crossed-text", edge);
    }
    xml_close(x);
    if (json_array_size(doc_list(witness, "steps")) > 0) {
        html_diagram(x, witness, id);
        xml_element(
            x, "p", "note",
            "Time runs downwards. Arrow: a message, from where it is sent to where it "
            "arrives. Arrow that ends in a circle: not delivered in this run. Cross: crash. "
            "Dashed: down. Ring: started again. Double bar: cut off by a partition. Band: "
            "the step in which the promise is broken.");
        story(x, witness);
    }
    xml_element(x, "h4", NULL, "Replay");
    xml_open(x, "pre");
    xml_format(x, "ackproof replay %s", doc_text(witness, "path"));
    xml_close(x);
    xml_open_class(x, "p", "note");
    xml_format(x, "%llu choices; the run ends in the state ",
               (unsigned long long)doc_number(witness, "choices"));
    xml_element(x, "code", NULL, doc_text(witness, "final_hash"));
    xml_close(x);
    xml_close(x);
}

static void chips(struct xml *x, const json_t *cells, size_t index)
{
    xml_open_class(x, "ul", "chips");
    for (size_t i = 0; i < INVARIANTS; i++) {
        const json_t *cell = json_array_get(cells, index * INVARIANTS + i);
        char klass[HTML_ID_MAX];
        char expectation[HTML_ID_MAX];
        html_cell_class(cell, klass);
        html_expectation(cell, expectation);
        xml_open_class(x, "li", klass);
        xml_open(x, "b");
        xml_format(x, "%s %s", doc_text(cell, "invariant"),
                   verdict_words(doc_text(cell, "verdict")));
        xml_close(x);
        xml_element(x, "small", NULL, expectation);
        xml_close(x);
    }
    xml_close(x);
}

static void search_size(struct xml *x, const json_t *sc)
{
    char states[32];
    char transitions[32];
    html_grouped(doc_number(sc, "states"), states);
    html_grouped(doc_number(sc, "transitions"), transitions);
    xml_open_class(x, "p", "meta");
    if (doc_number(sc, "runs") != 0)
        xml_format(x, "Sampled: %llu random runs, %s transitions, %.2f s.",
                   (unsigned long long)doc_number(sc, "runs"), transitions,
                   doc_seconds(sc, "seconds"));
    else
        xml_format(x,
                   "%s: %s states, %s transitions, %.2f s. Chance that a state was missed because "
                   "of equal fingerprints: below %.1e.",
                   doc_flag(sc, "exhausted") ? "Exhausted" : "Not exhausted", states, transitions,
                   doc_seconds(sc, "seconds"), doc_chance(sc, "collision_bound"));
    xml_close(x);
}

static void source_line(struct xml *x, const json_t *sc)
{
    size_t i;
    json_t *v;
    xml_open_class(x, "p", "meta");
    if (doc_number(sc, "row") != 0)
        xml_format(x, "Row %llu \xc2\xb7 ", (unsigned long long)doc_number(sc, "row"));
    xml_element(x, "code", NULL, doc_text(sc, "file"));
    json_array_foreach(doc_list(sc, "source"), i, v)
        xml_format(x, "%s%s", i == 0 ? " \xc2\xb7 after " : ", ", json_string_value(v));
    xml_close(x);
}

static void scenario_section(struct xml *x, const struct report *r, size_t index)
{
    const json_t *sc = json_array_get(doc_list(r->root, "scenarios"), index);
    const json_t *cells = doc_list(r->root, "cells");
    char id[HTML_ID_MAX];
    html_scenario_id(r, doc_text(sc, "name"), id);
    xml_open_class(x, "section", "scenario");
    xml_attr(x, "id", id);
    xml_element(x, "h3", NULL, doc_text(sc, "title"));
    source_line(x, sc);
    if (doc_has(sc, "story") && doc_text(sc, "story")[0] != '\0')
        xml_element(x, "p", NULL, doc_text(sc, "story"));
    chips(x, cells, index);
    search_size(x, sc);
    xml_open_class(x, "div", "cols");
    xml_open(x, "div");
    faults(x, sc);
    xml_element(x, "h4", NULL, "Workload and manager");
    pairs(x, doc_list(sc, "plan"));
    xml_close(x);
    xml_open(x, "div");
    coverage(x, sc);
    xml_close(x);
    xml_close(x);
    html_fault_sets(x, r, sc, index);
    settings(x, sc);
    for (size_t i = 0; i < INVARIANTS; i++) {
        const json_t *cell = json_array_get(cells, index * INVARIANTS + i);
        const json_t *witness = doc_witness(r, doc_text(sc, "name"), doc_text(cell, "invariant"));
        if (witness != NULL)
            counterexample(x, r, cell, witness);
    }
    xml_close(x);
}

void html_scenarios(struct xml *x, const struct report *r)
{
    xml_open(x, "section");
    xml_open(x, "h2");
    xml_attr(x, "id", "scenarios");
    xml_text(x, "Scenarios, coverage and counterexamples");
    xml_close(x);
    for (size_t i = 0; i < json_array_size(doc_list(r->root, "scenarios")); i++)
        scenario_section(x, r, i);
    xml_close(x);
}

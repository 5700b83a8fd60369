/* The matrix of verdicts and the table of bounds. */
#include "reports/html.h"

#include <assert.h>
#include <string.h>

void html_scenario_id(const struct report *r, const char *scenario, char id[HTML_ID_MAX])
{
    static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    size_t i;
    json_t *x;
    json_array_foreach(doc_list(r->root, "scenarios"), i, x)
    {
        if (strcmp(doc_text(x, "name"), scenario) == 0)
            break;
    }
    size_t len = strlen(scenario);
    if (len < HTML_ID_MAX / 2 && strspn(scenario, safe) == len)
        snprintf(id, HTML_ID_MAX, "s-%s", scenario);
    else
        snprintf(id, HTML_ID_MAX, "n-%zu", i);
}

void html_cell_id(const struct report *r, const json_t *cell, char id[HTML_ID_MAX])
{
    html_scenario_id(r, doc_text(cell, "scenario"), id);
    size_t len = strlen(id);
    snprintf(id + len, HTML_ID_MAX - len, "-%s", doc_text(cell, "invariant"));
}

void html_cell_class(const json_t *cell, char text[HTML_ID_MAX])
{
    enum cell_class class = doc_cell_class(cell);
    const char *how = class == CELL_AS_EXPECTED      ? "ok"
                      : class == CELL_NO_EXPECTATION ? "unasked"
                                                     : "bad";
    snprintf(text, HTML_ID_MAX, "v %s %s", doc_text(cell, "verdict"), how);
}

void html_expectation(const json_t *cell, char text[HTML_ID_MAX])
{
    enum cell_class class = doc_cell_class(cell);
    if (class == CELL_AS_EXPECTED)
        snprintf(text, HTML_ID_MAX, "as expected");
    else if (class == CELL_NO_EXPECTATION)
        snprintf(text, HTML_ID_MAX, "no expectation");
    else
        snprintf(text, HTML_ID_MAX, "expected: %s", doc_text(cell, "expected"));
}

void html_grouped(uint64_t n, char text[32])
{
    char digits[24];
    snprintf(digits, sizeof digits, "%llu", (unsigned long long)n);
    size_t len = strlen(digits);
    size_t used = 0;
    for (size_t i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            text[used++] = ',';
        text[used++] = digits[i];
    }
    text[used] = '\0';
}

void html_open_scroll(struct xml *x, const char *label)
{
    xml_open_class(x, "div", "scroll");
    xml_attr(x, "tabindex", "0");
    xml_attr(x, "role", "region");
    xml_attr(x, "aria-label", label);
}

static void cell_box(struct xml *x, const struct report *r, const json_t *cell)
{
    char id[HTML_ID_MAX];
    char klass[HTML_ID_MAX];
    char expectation[HTML_ID_MAX];
    bool shown = doc_witness(r, doc_text(cell, "scenario"), doc_text(cell, "invariant")) != NULL;
    if (shown)
        html_cell_id(r, cell, id);
    else
        html_scenario_id(r, doc_text(cell, "scenario"), id);
    html_cell_class(cell, klass);
    html_expectation(cell, expectation);
    xml_open_class(x, "a", klass);
    xml_attr_format(x, "href", "#%s", id);
    xml_element(x, "b", NULL, verdict_words(doc_text(cell, "verdict")));
    xml_element(x, "small", NULL, expectation);
    if (doc_has_fault_sets(cell)) {
        uint64_t n = doc_fewest_faults(doc_list(cell, "fault_sets"));
        char text[48];
        snprintf(text, sizeof text, n == 0 ? "no fault needed" : "with %llu fault%s",
                 (unsigned long long)n, n == 1 ? "" : "s");
        xml_element(x, "small", NULL, text);
    }
    const json_t *live = doc_live_cell(r, cell);
    if (live != NULL && verdict_find(doc_text(live, "live")) <= VERDICT_BREAKS) {
        bool same = strcmp(doc_text(live, "live"), doc_text(cell, "verdict")) == 0;
        xml_element(x, "small", NULL, same ? "confirmed live" : "differs live");
    }
    xml_close(x);
}

static void legend(struct xml *x)
{
    static const struct {
        const char *klass, *word, *meaning;
    } entry[] = {
        {"v holds ok", "holds", "nothing found"},
        {"v breaks ok", "breaks", "counterexample found, as expected: a positive control"},
        {"v bad", "any", "not what the scenario expects"},
        {"v unasked", "any", "the scenario expects nothing of this promise"},
    };
    xml_open_class(x, "ul", "legend");
    for (size_t i = 0; i < sizeof entry / sizeof entry[0]; i++) {
        xml_open(x, "li");
        xml_element(x, "span", entry[i].klass, entry[i].word);
        xml_text(x, entry[i].meaning);
        xml_close(x);
    }
    xml_close(x);
}

static void matrix_line(struct xml *x, const struct report *r, size_t index)
{
    const json_t *sc = json_array_get(doc_list(r->root, "scenarios"), index);
    const json_t *cells = doc_list(r->root, "cells");
    char id[HTML_ID_MAX];
    html_scenario_id(r, doc_text(sc, "name"), id);
    xml_open(x, "tr");
    xml_open_class(x, "td", "row");
    if (doc_number(sc, "row") != 0)
        xml_format(x, "%llu", (unsigned long long)doc_number(sc, "row"));
    xml_close(x);
    xml_open_class(x, "th", "name");
    xml_attr(x, "scope", "row");
    xml_open(x, "a");
    xml_attr_format(x, "href", "#%s", id);
    xml_text(x, doc_text(sc, "title"));
    xml_close(x);
    if (!doc_flag(sc, "exhausted"))
        xml_element(x, "div", "note", "not exhausted");
    xml_close(x);
    for (size_t i = 0; i < INVARIANTS; i++) {
        xml_open(x, "td");
        cell_box(x, r, json_array_get(cells, index * INVARIANTS + i));
        xml_close(x);
    }
    xml_close(x);
}

static void column_heads(struct xml *x)
{
    static const char *const before[] = {"Row", "Scenario"};
    xml_open(x, "thead");
    xml_open(x, "tr");
    for (size_t i = 0; i < 2; i++) {
        xml_open(x, "th");
        xml_attr(x, "scope", "col");
        xml_text(x, before[i]);
        xml_close(x);
    }
    for (uint32_t i = 0; i < INVARIANTS; i++) {
        xml_open(x, "th");
        xml_attr(x, "scope", "col");
        xml_attr(x, "title", invariant_statement((enum invariant)i));
        xml_text(x, invariant_id((enum invariant)i));
        xml_close(x);
    }
    xml_close(x);
    xml_close(x);
}

void html_matrix(struct xml *x, const struct report *r)
{
    const json_t *scenarios = doc_list(r->root, "scenarios");
    size_t n = json_array_size(scenarios);
    xml_open(x, "section");
    xml_open(x, "h2");
    xml_attr(x, "id", "matrix");
    xml_text(x, "Matrix");
    xml_close(x);
    legend(x);
    html_open_scroll(x, "Matrix of verdicts");
    xml_open_class(x, "table", "matrix");
    column_heads(x);
    for (size_t i = 0; i < n; i++) {
        uint64_t row = doc_number(json_array_get(scenarios, i), "row");
        bool first = i == 0 || doc_number(json_array_get(scenarios, i - 1), "row") != row;
        bool last = i + 1 == n || doc_number(json_array_get(scenarios, i + 1), "row") != row;
        if (first)
            xml_open(x, "tbody");
        matrix_line(x, r, i);
        if (last)
            xml_close(x);
    }
    xml_close(x);
    xml_close(x);
    xml_close(x);
}

static void number_cell(struct xml *x, uint64_t n)
{
    char text[32];
    html_grouped(n, text);
    xml_element(x, "td", "num", text);
}

static void budgets(struct xml *x, const json_t *bounds)
{
    const char *key;
    json_t *v;
    bool first = true;
    xml_open(x, "td");
    json_object_foreach(doc_object(bounds, "faults"), key, v)
    {
        xml_format(x, "%s%lld %s", first ? "" : ", ", (long long)json_integer_value(v), key);
        first = false;
    }
    if (first)
        xml_text(x, "none");
    xml_close(x);
}

static void bounds_line(struct xml *x, const struct report *r, size_t index)
{
    const json_t *sc = json_array_get(doc_list(r->root, "scenarios"), index);
    const json_t *cell = json_array_get(doc_list(r->root, "cells"), index * INVARIANTS);
    const json_t *bounds = doc_object(cell, "bounds");
    xml_open(x, "tr");
    xml_open(x, "th");
    xml_attr(x, "scope", "row");
    xml_text(x, doc_text(sc, "name"));
    xml_close(x);
    number_cell(x, doc_number(bounds, "nodes"));
    number_cell(x, doc_number(bounds, "sessions"));
    number_cell(x, doc_number(bounds, "transactions"));
    budgets(x, bounds);
    number_cell(x, doc_number(sc, "states"));
    number_cell(x, doc_number(sc, "transitions"));
    number_cell(x, doc_number(sc, "ends"));
    number_cell(x, doc_number(sc, "depth"));
    if (doc_number(sc, "runs") != 0) {
        xml_open(x, "td");
        xml_format(x, "no: %llu random runs", (unsigned long long)doc_number(sc, "runs"));
        xml_close(x);
    } else {
        xml_element(x, "td", NULL, doc_flag(sc, "exhausted") ? "yes" : "no");
    }
    xml_open_class(x, "td", "num");
    xml_format(x, "%.2f", doc_seconds(sc, "seconds"));
    xml_close(x);
    xml_close(x);
}

void html_bounds(struct xml *x, const struct report *r)
{
    static const char *const head[] = {"Scenario", "Nodes",     "Sessions",    "Transactions",
                                       "Faults",   "States",    "Transitions", "Ends",
                                       "Depth",    "Exhausted", "Seconds"};
    xml_open(x, "section");
    xml_open(x, "h2");
    xml_attr(x, "id", "bounds");
    xml_text(x, "Bounds and search sizes");
    xml_close(x);
    xml_element(x, "p", NULL,
                "What each search was bounded by, and what it visited. Faults: how often each may "
                "happen in one run. Ends: distinct states in which nothing can happen any more. "
                "Depth: moves of the longest run.");
    html_open_scroll(x, "Bounds and search sizes");
    xml_open(x, "table");
    xml_open(x, "thead");
    xml_open(x, "tr");
    for (size_t i = 0; i < sizeof head / sizeof head[0]; i++) {
        bool text = i == 0 || i == 4 || i == 9;
        xml_open_class(x, "th", text ? NULL : "num");
        xml_attr(x, "scope", "col");
        xml_text(x, head[i]);
        xml_close(x);
    }
    xml_close(x);
    xml_close(x);
    xml_open(x, "tbody");
    for (size_t i = 0; i < json_array_size(doc_list(r->root, "scenarios")); i++)
        bounds_line(x, r, i);
    xml_close(x);
    xml_close(x);
    xml_close(x);
    xml_close(x);
}

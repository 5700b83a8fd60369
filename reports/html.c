/* The HTML page: order of its sections, head, identity, promises, live results, limits. */
#include "reports/html.h"

#include <assert.h>
#include <string.h>

void html_section_head(struct xml *x, const char *id, const char *title)
{
    xml_open(x, "section");
    xml_open(x, "h2");
    xml_attr(x, "id", id);
    xml_text(x, title);
    xml_close(x);
}

/* The policy makes the browser itself refuse whatever would be fetched. */
static void head(struct xml *x)
{
    static const char *const meta[][2] = {
        {"viewport", "width=device-width, initial-scale=1"},
        {"color-scheme", "light dark"},
    };
    xml_open(x, "head");
    xml_open(x, "meta");
    xml_attr(x, "charset", "utf-8");
    xml_close_void(x);
    xml_open(x, "meta");
    xml_attr(x, "http-equiv", "Content-Security-Policy");
    xml_attr(x, "content",
             "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'");
    xml_close_void(x);
    for (size_t i = 0; i < sizeof meta / sizeof meta[0]; i++) {
        xml_open(x, "meta");
        xml_attr(x, "name", meta[i][0]);
        xml_attr(x, "content", meta[i][1]);
        xml_close_void(x);
    }
    xml_element(x, "title", NULL, "ackproof report");
    xml_open(x, "style");
    xml_raw(x, html_style);
    xml_close(x);
    xml_close(x);
}

static void tile(struct xml *x, uint32_t n, const char *what, bool alarm)
{
    xml_open_class(x, "li", alarm && n > 0 ? "alarm" : NULL);
    xml_open(x, "b");
    xml_format(x, "%u", n);
    xml_close(x);
    xml_text(x, what);
    xml_close(x);
}

static void headline(struct xml *x, const struct report_counts *n)
{
    uint32_t expected = n->cells - n->no_expectation;
    uint32_t wrong = expected - n->as_expected;
    xml_open_class(x, "div", wrong > 0 ? "headline bad" : "headline");
    xml_element(x, "p", "eyebrow", "ackproof report");
    xml_open(x, "h1");
    if (expected == 0)
        xml_text(x, "No verdict was expected");
    else if (wrong > 0)
        xml_format(x, "%u of %u verdicts did not come out as expected", wrong, expected);
    else
        xml_format(x, "All %u verdicts came out as expected", expected);
    xml_close(x);
    xml_open(x, "p");
    xml_format(x,
               "Durability of semi-synchronous replication under faults: %u scenario%s, each "
               "searched for a break of %d promises. A verdict speaks of the bounds stated beside "
               "it, and of the simulated servers; ",
               n->scenarios, n->scenarios == 1 ? "" : "s", INVARIANTS);
    xml_open(x, "a");
    xml_attr(x, "href", "#limits");
    xml_text(x, "what it does not say");
    xml_close(x);
    xml_text(x, " is listed at the end.");
    if (n->live > 0)
        xml_format(x, " On real servers %u verdict%s compared, %u of them differ%s.", n->live,
                   n->live == 1 ? " was" : "s were", n->live_differ,
                   n->live_differ == 1 ? "s" : "");
    xml_close(x);
    xml_close(x);
}

static void page_head(struct xml *x, const struct report *r)
{
    static const char *const link[][2] = {
        {"identity", "Identity"}, {"promises", "Promises"},  {"matrix", "Matrix"},
        {"findings", "Findings"}, {"bounds", "Bounds"},      {"scenarios", "Scenarios"},
        {"live", "Real servers"}, {"limits", "Limitations"},
    };
    struct report_counts n = report_summary(r);
    xml_open(x, "a");
    xml_attr(x, "class", "skip");
    xml_attr(x, "href", "#matrix");
    xml_text(x, "To the matrix");
    xml_close(x);
    xml_open(x, "header");
    headline(x, &n);
    xml_open_class(x, "ul", "tiles");
    tile(x, n.as_expected, "as expected", false);
    tile(x, n.differ, "differ", true);
    tile(x, n.not_exercised, "not exercised", true);
    tile(x, n.unfinished, "unfinished", true);
    tile(x, n.no_expectation, "without an expectation", false);
    xml_close(x);
    xml_open(x, "nav");
    xml_attr(x, "aria-label", "Sections");
    xml_open(x, "ul");
    for (size_t i = 0; i < sizeof link / sizeof link[0]; i++) {
        if (strcmp(link[i][0], "findings") == 0 && !doc_has_findings(r))
            continue;
        xml_open(x, "li");
        xml_open(x, "a");
        xml_attr_format(x, "href", "#%s", link[i][0]);
        xml_text(x, link[i][1]);
        xml_close(x);
        xml_close(x);
    }
    xml_close(x);
    xml_close(x);
    xml_close(x);
}

static void identity(struct xml *x, const struct report *r)
{
    static const char *const name[][2] = {
        {"version", "ackproof"},
        {"commit", "git commit"},
        {"compiler", "compiler"},
        {"command", "made by"},
    };
    const json_t *o = doc_object(r->root, "identity");
    html_section_head(x, "identity", "Identity");
    xml_open(x, "dl");
    for (size_t i = 0; i < sizeof name / sizeof name[0]; i++) {
        xml_element(x, "dt", NULL, name[i][1]);
        xml_open(x, "dd");
        if (doc_has(o, name[i][0]))
            xml_element(x, "code", NULL, doc_text(o, name[i][0]));
        else
            xml_element(x, "span", "soft", "not recorded");
        xml_close(x);
    }
    xml_element(x, "dt", NULL, "report schema");
    xml_open(x, "dd");
    xml_format(x, "%d", REPORT_SCHEMA);
    xml_close(x);
    xml_close(x);
    xml_close(x);
}

static void promises(struct xml *x, const struct report *r)
{
    size_t i;
    json_t *o;
    html_section_head(x, "promises", "Promises");
    xml_element(x, "p", NULL,
                "What is judged, in every state that is visited, against what the simulated disks, "
                "packets and clients really saw.");
    xml_open_class(x, "dl", "promises");
    json_array_foreach(doc_list(r->root, "invariants"), i, o)
    {
        xml_element(x, "dt", NULL, doc_text(o, "id"));
        xml_element(x, "dd", NULL, doc_text(o, "statement"));
    }
    xml_close(x);
    xml_close(x);
}

static void live_line(struct xml *x, const json_t *cell)
{
    size_t i;
    json_t *seen;
    bool judged = verdict_find(doc_text(cell, "live")) <= VERDICT_BREAKS;
    bool searched = verdict_find(doc_text(cell, "simulated")) <= VERDICT_BREAKS;
    bool same = strcmp(doc_text(cell, "live"), doc_text(cell, "simulated")) == 0;
    bool differs = doc_live_differs(cell);
    xml_open(x, "tr");
    xml_open(x, "th");
    xml_attr(x, "scope", "row");
    xml_text(x, doc_text(cell, "invariant"));
    xml_close(x);
    xml_element(x, "td", NULL, searched ? doc_text(cell, "simulated") : "no verdict");
    xml_element(x, "td", NULL, judged ? doc_text(cell, "live") : "not judged");
    xml_element(x, "td", differs ? "never" : NULL,
                !judged || !searched ? "\xe2\x80\x93"
                : same               ? "confirmed"
                                     : "differs");
    xml_open(x, "td");
    xml_open_class(x, "ul", "plain");
    json_array_foreach(doc_list(cell, "seen"), i, seen)
        xml_element(x, "li", NULL, json_string_value(seen));
    xml_close(x);
    xml_close(x);
    xml_close(x);
}

static void live_run(struct xml *x, const json_t *live)
{
    static const char *const head_of[] = {"Promise", "Search", "Server", "", "What was seen"};
    size_t i;
    json_t *cell;
    xml_open_class(x, "section", "scenario");
    xml_element(x, "h3", NULL, doc_text(live, "scenario"));
    xml_open_class(x, "p", "meta");
    xml_format(x, "on %s", doc_text(live, "server"));
    xml_close(x);
    html_open_scroll(x, "Live results beside simulated ones");
    xml_open(x, "table");
    xml_open(x, "thead");
    xml_open(x, "tr");
    for (i = 0; i < sizeof head_of / sizeof head_of[0]; i++)
        xml_element(x, i == 3 ? "td" : "th", NULL, head_of[i]);
    xml_close(x);
    xml_close(x);
    xml_open(x, "tbody");
    json_array_foreach(doc_list(live, "cells"), i, cell) live_line(x, cell);
    xml_close(x);
    xml_close(x);
    xml_close(x);
    if (json_array_size(doc_list(live, "lines")) > 0) {
        xml_open(x, "details");
        xml_element(x, "summary", NULL, "What was done and seen, case by case");
        xml_open(x, "pre");
        json_array_foreach(doc_list(live, "lines"), i, cell)
            xml_format(x, "%s\n", json_string_value(cell));
        xml_close(x);
        xml_close(x);
    }
    xml_close(x);
}

void html_live(struct xml *x, const struct report *r)
{
    size_t i;
    json_t *live;
    const json_t *list = doc_list(r->root, "live");
    html_section_head(x, "live", "Real servers beside the simulation");
    if (json_array_size(list) == 0)
        xml_element(
            x, "p", "soft",
            "No live run is part of this report. `ackproof live` plays a scenario on a real "
            "mariadbd.");
    else
        xml_element(x, "p", NULL,
                    "A live run is a sample: a break that was seen is a fact, a promise that held "
                    "held in the cases that were played.");
    json_array_foreach(list, i, live) live_run(x, live);
    xml_close(x);
}

void html_limits(struct xml *x)
{
    static const char *const limit[] = {
        "Exhausted means: every state that can be reached within the bounds listed (nodes, "
        "sessions, "
        "transactions, faults of each kind) was visited, and each promise was judged in each of "
        "them. It says nothing of larger clusters, longer runs or faults that are not listed.",
        "Holds without exhausted is a sample: nothing was found in so many runs, nothing is "
        "proved.",
        "Not exercised means: the search ended without a break, but a condition that the scenario "
        "requires never happened, so that the promise was not put to the test.",
        "Breaks means: there is a run, kept as a witness, that anybody can replay. A cell that is "
        "expected to break and no longer does counts as a failure, like the opposite.",
        "What is searched is ackproof's own implementation of the commit and ACK ordering, with "
        "settings and profiles modelled after servers; it is not the code of a server. How far the "
        "two agree is shown above where a live run was made.",
        "States are recognised by 128-bit fingerprints. Two states of equal fingerprint would be "
        "taken for one; for a billion states the chance of that is about one in 10^21.",
        "An exhaustive search has no clock: a timer that is armed may run out at any moment. "
        "Nothing is said of latency or throughput.",
        "Disks keep the writes to a file in order unless the scenario says otherwise, and sectors "
        "are written whole. Bit rot, lost directory entries and failing controllers happen only "
        "where they are listed as faults.",
        "Not claimed at all: contents of rows, DDL, XA, several replication channels, parallel "
        "appliers, filters, and everything that an operator may do by hand.",
    };
    html_section_head(x, "limits", "Limitations");
    xml_open(x, "ul");
    for (size_t i = 0; i < sizeof limit / sizeof limit[0]; i++)
        xml_element(x, "li", NULL, limit[i]);
    xml_close(x);
    xml_close(x);
}

static void page(struct xml *x, const struct report *r)
{
    xml_html_doctype(x);
    xml_open(x, "html");
    xml_attr(x, "lang", "en");
    head(x);
    xml_open(x, "body");
    page_head(x, r);
    xml_open(x, "main");
    identity(x, r);
    promises(x, r);
    html_matrix(x, r);
    html_findings(x, r);
    html_bounds(x, r);
    html_scenarios(x, r);
    html_live(x, r);
    html_costs(x, r);
    html_limits(x);
    xml_close(x);
    xml_element(x, "footer", NULL,
                "Everything on this page is derived from report.json beside it, which lists each "
                "cell, bound, coverage count and step in full; costs are from bench.csv.");
    xml_open(x, "script");
    xml_raw(x, html_script);
    xml_close(x);
    xml_close(x);
    xml_close(x);
}

bool report_html(const struct report *r, const char *path, FILE *err)
{
    assert(r != NULL && path != NULL && err != NULL);
    struct xml x;
    xml_begin(&x);
    page(&x, r);
    return xml_finish(&x, path, err);
}

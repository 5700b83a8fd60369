/* The parts of the HTML page. Each writes one section; html.c puts them in order. Nothing outside
 * of reports/html*.c includes this. */
#ifndef ACKPROOF_REPORTS_HTML_H
#define ACKPROOF_REPORTS_HTML_H

#include "reports/document.h"
#include "reports/xml.h"

extern const char html_style[]; /* the style sheet */
extern const char
    html_script[]; /* opens what a link or the printer asks for; the page reads without it */

/* Ids of a scenario's section and of a cell's counterexample: "s-NAME" and "s-NAME-INVARIANT", or
 * by number where the name has characters that an id should not have. */
enum { HTML_ID_MAX = 128 };
void html_scenario_id(const struct report *r, const char *scenario, char id[HTML_ID_MAX]);
void html_cell_id(const struct report *r, const json_t *cell, char id[HTML_ID_MAX]);

/* "holds", "breaks", "not-exercised", "unfinished", and behind it "ok", "bad" or "unasked". */
void html_cell_class(const json_t *cell, char text[HTML_ID_MAX]);
/* "as expected", "expected: holds", "no expectation" */
void html_expectation(const json_t *cell, char text[HTML_ID_MAX]);
/* 1234567 as "1,234,567" */
void html_grouped(uint64_t n, char text[32]);
/* Opens a section, to be closed by the caller. */
void html_section_head(struct xml *x, const char *id, const char *title);
/* Opens a container that scrolls sideways and can be reached by keyboard. */
void html_open_scroll(struct xml *x, const char *label);

void html_matrix(struct xml *x, const struct report *r);
void html_findings(struct xml *x, const struct report *r); /* nothing where there is none */
void html_bounds(struct xml *x, const struct report *r);
void html_scenarios(struct xml *x, const struct report *r);
void html_costs(struct xml *x, const struct report *r); /* nothing where it was not measured */
void html_live(struct xml *x, const struct report *r);
void html_limits(struct xml *x);
/* The smallest sets of faults of a scenario's cells; nothing where nobody asked. */
void html_fault_sets(struct xml *x, const struct report *r, const json_t *scenario, size_t index);
/* Space-time diagram of a witness as inline SVG; `id` prefixes the ids in it. */
void html_diagram(struct xml *x, const json_t *witness, const char *id);

#endif

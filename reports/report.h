/* The report of a run: one JSON document that everything for people and machines is derived from.
 *
 * A command builds a report while it searches (report_new, report_add_*), and either writes it
 * (report_write: report.json) or renders it at once. `ackproof report DIR` reads the document back
 * (report_read checks all of it) and renders the same things. A renderer sees nothing but the
 * document, so what a table, a page or a JUnit file says can be checked in report.json.
 *
 * Keys are sorted and no clock is asked: the same results give the same bytes, apart from the
 * `seconds` that the caller measured. reports/README.md documents the schema field by field.
 */
#ifndef ACKPROOF_REPORTS_REPORT_H
#define ACKPROOF_REPORTS_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "sim/explore/explore.h"
#include "sim/explore/fault_sets.h"
#include "sim/scenario.h"
#include "sim/world.h"

enum { REPORT_SCHEMA = 1 };

struct report; /* opaque: a checked JSON document */

struct report *report_new(void);    /* never NULL; ends the process where there is no memory */
void report_free(struct report *r); /* NULL is fine */

/* ---- building -------------------------------------------------------------------------------- */

/* Who made the report. Each may be NULL: not known. `commit` is a git commit with "-dirty" behind
 * it where the tree was changed; `command` the command line to repeat it. */
void report_set_identity(struct report *r, const char *version, const char *commit,
                         const char *compiler, const char *command);

/* Adds a scenario and its eight cells, in the order of enum invariant, witness null. `row` is the
 * row of the matrix that it belongs to, 0 where it belongs to none; scenarios of a row are shown
 * together. False, and nothing added, where the report holds a scenario of that name already. */
bool report_add_scenario(struct report *r, const struct scenario *sc, uint32_t row,
                         const struct result *res);

/* Says where the witness of a cell lies (the `witness` of the contract), and what happened in it:
 * `step[0..n)` as a tracer saw them, for the space-time diagram; n == 0: path only. Lanes are named
 * as in a story (client 1 ..., primary P, replica R1 ..., manager). False where the report has no
 * such scenario. Calling it again for the same cell replaces what was there. */
bool report_add_witness(struct report *r, const struct scenario *sc, enum invariant inv,
                        const char *path, const struct witness *w, const struct trace_step *step,
                        size_t n);

/* Says how many faults it takes to break each promise (`fault_sets`, `safe_up_to` of a cell), and
 * which searches found that. False where the report has no such scenario. Calling it again replaces
 * what was there. */
bool report_add_fault_sets(struct report *r, const struct scenario *sc,
                           const struct fault_walk *walk);

/* What a real server did beside what the search said. */
struct report_live_cell {
    enum invariant invariant;
    enum verdict simulated; /* of the search */
    enum verdict live; /* HOLDS: kept in this run; BREAKS: seen broken; NOT_EXERCISED: not judged */
    const char *const *seen; /* lines in words, in the order of time */
    uint32_t n_seen;
};
/* `scenario` need not be in the report. Adding the same (scenario, server) again replaces it. Where
 * the search was not asked, `simulated` is UNFINISHED. */
void report_add_live(struct report *r, const char *scenario, const char *server_version,
                     const struct report_live_cell *cell, uint32_t n);

/* What was done and seen in that run as a whole, case by case, in lines. False where the report has
 * no such live run. */
bool report_add_live_lines(struct report *r, const char *scenario, const char *server_version,
                           const char *const *line, uint32_t n);

/* Takes over all of `from` (identity where `to` has none). False at the first scenario that both
 * have; `to` is then unchanged. For the parts of a sharded run. */
bool report_merge(struct report *to, const struct report *from);

/* ---- the document ---------------------------------------------------------------------------- */

/* Both write to a new file beside `path` and rename it. False: the reason was printed to err. */
bool report_write(const struct report *r, const char *path, FILE *err);
/* Only the contract of the command line: {"cells":[...],"schema":1} (design section 8). */
bool report_contract_json(const struct report *r, const char *path, FILE *err);
/* Reads and checks a document. NULL: `path: reason` with the place was printed to err. */
struct report *report_read(const char *path, FILE *err);

/* Takes the table of costs that ci/bench wrote, to be shown on the page. True where there is no
 * such file. False: `path:line: reason` was printed to err. */
bool report_read_costs(struct report *r, const char *path, FILE *err);

/* ---- what it says ---------------------------------------------------------------------------- */

struct report_counts {
    uint32_t scenarios;
    uint32_t cells;          /* of all kinds: the sum of the five below */
    uint32_t as_expected;    /* verdict is what the scenario expects */
    uint32_t differ;         /* holds where breaks is expected or the reverse */
    uint32_t not_exercised;  /* an expectation, and a required condition never happened */
    uint32_t unfinished;     /* an expectation, and a bound was hit first */
    uint32_t no_expectation; /* the scenario expects nothing of this promise */
    uint32_t live;           /* live cells with a verdict of the search and of the server */
    uint32_t live_differ;    /* of these, holds beside breaks */
};
struct report_counts report_summary(const struct report *r);
/* No cell with an expectation came out otherwise: exit status 0, else 1. */
bool report_as_expected(const struct report *r);

/* ---- renderers ------------------------------------------------------------------------------- */

/* The verdict table for a terminal: a row per scenario, at most 110 columns, a legend, and the line
 * "N cells: A as expected, B differ, C not exercised, D unfinished; E without an expectation". */
void report_table(const struct report *r, FILE *out, bool colour);
/* One page that needs nothing else: no script, style, image or font from anywhere. */
bool report_html(const struct report *r, const char *path, FILE *err);
/* One testcase per scenario and invariant; failure where the verdict is not the expected one,
 * skipped where nothing is expected. */
bool report_junit(const struct report *r, const char *path, FILE *err);

#endif

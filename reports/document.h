/* The inside of a report: the JSON document and the few ways to read and write it that builder and
 * renderers share. Nothing outside of reports/ includes this.
 *
 * Readers (doc_*) are for documents that were built here or passed report_read, so a missing or
 * mistyped member is a fault of this folder and asserted.
 */
#ifndef ACKPROOF_REPORTS_DOCUMENT_H
#define ACKPROOF_REPORTS_DOCUMENT_H

#include <jansson.h>

#include "reports/report.h"

struct report {
    json_t *root;
    json_t *names; /* of the scenarios, as keys; NULL: not kept */
    json_t *costs; /* not part of report.json: what ci/bench measured; NULL: nothing */
};

/* ---- writing: a value that cannot be had for want of memory ends the process ----------------- */

json_t *new_object(void);
json_t *new_list(void);
/* Any C string; what is not UTF-8 becomes U+FFFD: JSON holds nothing else. NULL becomes null. */
json_t *new_text(const char *text);
json_t *new_number(uint64_t n);
json_t *new_seconds(double s);         /* rounded to milliseconds */
json_t *new_chance(double p);          /* rounded up */
json_t *new_chance_at_least(double p); /* rounded down */
json_t *new_flag(bool flag);
json_t *new_pair(const char *name, const char *value); /* ["name","value"] */
json_t *new_pair_number(const char *name, uint64_t value);
/* Both take over `value`. */
void put(json_t *object, const char *key, json_t *value);
void append(json_t *list, json_t *value);

/* Writes a new file beside `path` and renames it, so that nobody reads half a file; straight to
 * `path` where that is no regular file. False: errno says why. */
bool write_file(const char *path, const char *bytes, size_t n);

/* ---- reading --------------------------------------------------------------------------------- */

json_t *doc_list(const json_t *object, const char *key);
json_t *doc_object(const json_t *object, const char *key);
const char *doc_text(const json_t *object, const char *key); /* "" for null */
bool doc_has(const json_t *object, const char *key);         /* there, and not null */
uint64_t doc_number(const json_t *object, const char *key);
double doc_seconds(const json_t *object, const char *key);
double doc_chance(const json_t *object, const char *key);
bool doc_flag(const json_t *object, const char *key);
/* Element i of a list of strings or of a pair. */
const char *doc_text_at(const json_t *list, size_t i);

json_t *doc_scenario(const struct report *r, const char *name); /* NULL: none */
json_t *doc_cell(const struct report *r, const char *scenario, const char *invariant);
json_t *doc_witness(const struct report *r, const char *scenario, const char *invariant);
/* Index in `live`, or the number of its elements. */
size_t doc_live_index(const struct report *r, const char *scenario, const char *server);
/* Does a live run of this cell's scenario judge its promise? NULL: no. The last one counts. */
json_t *doc_live_cell(const struct report *r, const json_t *cell);
/* Holds beside breaks; what was not judged on either side does not differ. */
bool doc_live_differs(const json_t *live_cell);

/* What happened in a step; a task that only changed its own memory "goes on". */
const char *doc_step_text(const json_t *step);
/* Does the step break this promise? */
bool doc_violates(const json_t *step, const char *invariant);
/* The part of a step's `broken` that is about this promise, without its id. A step that breaks
 * several joins them: "NOLOSS: ...; AGREE: ...". */
enum { DOC_BROKEN_MAX = 512 };
void doc_broken(const json_t *step, const char *invariant, char text[DOC_BROKEN_MAX]);

/* A set of faults of this document in words: "1x node/kill of primary, 2x ...", "no fault". */
enum { DOC_FAULTS_MAX = 512 };
void doc_fault_set(const json_t *set, char text[DOC_FAULTS_MAX]);
/* Several of them, "A; or B", and how many faults the smallest takes. */
enum { DOC_FAULT_SETS_MAX = 4096 };
void doc_fault_sets(const json_t *sets, char text[DOC_FAULT_SETS_MAX]);
uint64_t doc_fewest_faults(const json_t *sets);
/* Was it asked what it takes to break this cell's promise, and does it break? */
bool doc_has_fault_sets(const json_t *cell);

/* Where `finding` of a scenario is not null (findings.c). */
bool doc_has_findings(const struct report *r);
/* What real servers did: of each live run in this report "VERSION: NOLOSS confirmed, ...", else the
 * recorded sentence, else "not tried on a server". */
enum { DOC_FINDING_MAX = 1024 };
void doc_finding_server(const struct report *r, const json_t *scenario, char text[DOC_FINDING_MAX]);

/* What is to be made of a cell. */
enum cell_class {
    CELL_AS_EXPECTED,
    CELL_DIFFERS,
    CELL_NOT_EXERCISED,
    CELL_UNFINISHED,
    CELL_NO_EXPECTATION,
    CELL_CLASSES
};
enum cell_class doc_cell_class(const json_t *cell);
/* The verdict of a text, or VERDICT_UNFINISHED + 1 where there is no such verdict. */
enum verdict verdict_find(const char *text);
/* A verdict in words: "not exercised" for "not-exercised". */
const char *verdict_words(const char *text);

/* ---- words of a scenario (words.c) ----------------------------------------------------------- */

/* [[name, value], ...] of one node, names being the servers' variables where there is one. */
json_t *words_settings(const struct server_settings *set);
/* [[name, value], ...] of what belongs to no single node: workload, manager, disks. */
json_t *words_plan(const struct scenario *sc);
/* ["the primary loses power, at most once", ...] */
json_t *words_faults(const struct scenario *sc);
/* {"node/power of primary": 1, ...} */
json_t *words_budgets(const struct scenario *sc);
/* The same with `n[i]` instead of the at_most of entry i; entries of 0 are left out. */
json_t *words_fault_set(const struct scenario *sc, const uint8_t n[SCENARIO_FAULTS_MAX]);
/* "primary P", "replica R1", "client 2", "manager": P and R1 are what a story calls the servers.
 * text has room for WORDS_LANE_MAX. */
enum { WORDS_LANE_MAX = 24 };
void words_lane(uint32_t lane, char *text);

#endif

/* The parts of the terminal's table. Nothing outside of reports/table*.c includes this. */
#ifndef ACKPROOF_REPORTS_TABLE_H
#define ACKPROOF_REPORTS_TABLE_H

#include "reports/document.h"

enum { TABLE_COLUMNS = 120 };

/* As many columns as a terminal takes for it: code points, near enough for names and ids. */
size_t table_columns(const char *text, size_t bytes);
/* A report may come from anywhere: no escape sequence of it reaches the terminal. */
void table_print(FILE *out, const char *text, size_t bytes);

/* Words of `text` from column `at` up to the right edge, further lines indented. */
void table_wrapped(FILE *out, size_t at, const char *text);

/* What the search says of servers, a finding after another; nothing where there is none. */
void table_findings(const struct report *r, FILE *out);
/* What it takes to break a promise, scenario by scenario; nothing where nobody asked. */
void table_fault_sets(const struct report *r, FILE *out);

#endif

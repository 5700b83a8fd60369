/* Below the verdicts: the smallest sets of faults that break a promise. */
#include "reports/table.h"

#include <assert.h>
#include <string.h>

enum { INDENT = 6, HANGING = 10 };

void table_wrapped(FILE *out, size_t at, const char *text)
{
    while (*text != '\0') {
        size_t len = strcspn(text, " ");
        size_t wide = table_columns(text, len);
        if (at + 1 + wide > TABLE_COLUMNS && at > HANGING) {
            fprintf(out, "\n%*s", HANGING, "");
            at = HANGING;
        } else {
            fputc(' ', out);
            at++;
        }
        table_print(out, text, len);
        at += wide;
        text += len + (text[len] == ' ');
    }
    fputc('\n', out);
}

static bool same_sets(const json_t *a, const json_t *b)
{
    return json_equal(json_object_get(a, "fault_sets"), json_object_get(b, "fault_sets")) &&
           json_equal(json_object_get(a, "safe_up_to"), json_object_get(b, "safe_up_to")) &&
           doc_flag(a, "fault_sets_exhausted") == doc_flag(b, "fault_sets_exhausted");
}

/* The cells [0, INVARIANTS) from `first` on that say the same as that one, in one line. */
static void print_sets(FILE *out, const json_t *cells, size_t base, size_t first)
{
    const json_t *cell = json_array_get(cells, base + first);
    size_t at = INDENT;
    fprintf(out, "%*s", INDENT, "");
    for (size_t i = first; i < INVARIANTS; i++) {
        const json_t *other = json_array_get(cells, base + i);
        if (!doc_has_fault_sets(other) || !same_sets(cell, other))
            continue;
        at += (size_t)fprintf(out, "%s%s", i > first ? ", " : "", doc_text(other, "invariant"));
    }
    char sets[DOC_FAULT_SETS_MAX];
    char safe[DOC_FAULT_SETS_MAX];
    char text[2 * DOC_FAULT_SETS_MAX + 128];
    doc_fault_sets(doc_list(cell, "fault_sets"), sets);
    doc_fault_sets(doc_list(cell, "safe_up_to"), safe);
    bool none = doc_fewest_faults(doc_list(cell, "fault_sets")) == 0;
    snprintf(text, sizeof text, "%s%s%s%s%s",
             none ? "no fault needed" : "breaks with: ", none ? "" : sets,
             safe[0] != '\0' ? ". Safe up to: " : "", safe,
             doc_flag(cell, "fault_sets_exhausted")
                 ? ""
                 : ". UNFINISHED: a bound was hit below, fewer faults may do");
    fputc(':', out);
    table_wrapped(out, at + 1, text);
}

void table_fault_sets(const struct report *r, FILE *out)
{
    assert(r != NULL && out != NULL);
    const json_t *cells = doc_list(r->root, "cells");
    bool any = false;
    for (size_t i = 0; i < json_array_size(cells); i += INVARIANTS) {
        bool named = false;
        for (size_t k = 0; k < INVARIANTS; k++) {
            const json_t *cell = json_array_get(cells, i + k);
            bool told = false;
            for (size_t j = 0; j < k; j++) {
                const json_t *other = json_array_get(cells, i + j);
                told = told || (doc_has_fault_sets(other) && same_sets(cell, other));
            }
            if (!doc_has_fault_sets(cell) || told)
                continue;
            if (!any)
                fputs("smallest sets of faults that break a promise; each smaller one was searched "
                      "by itself\n",
                      out);
            if (!named) {
                fputs("  ", out);
                table_print(out, doc_text(cell, "scenario"), strlen(doc_text(cell, "scenario")));
                fputc('\n', out);
            }
            any = named = true;
            print_sets(out, cells, i, k);
        }
    }
}

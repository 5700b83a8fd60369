/* The verdict table of the terminal. Columns are as wide as what stands in them, and the name gets
 * what is left of 110; a longer one goes on in the next line. */
#include "reports/table.h"

#include <assert.h>
#include <string.h>

enum { NAME_MIN = 18, CELL_TEXT_MAX = 16 };

struct table {
    FILE *out;
    bool colour;
    bool rows; /* the matrix has row numbers */
    size_t width[INVARIANTS];
    size_t name_width;
};

enum paint { PLAIN, GOOD, BAD, DIM, STRONG };

static void paint(const struct table *t, enum paint p)
{
    static const char *const code[] = {"\033[0m", "\033[32m", "\033[1;31m", "\033[2m", "\033[1m"};
    if (t->colour)
        fputs(code[p], t->out);
}

size_t table_columns(const char *text, size_t bytes)
{
    size_t n = 0;
    for (size_t i = 0; i < bytes; i++)
        n += ((unsigned char)text[i] & 0xc0) != 0x80;
    return n;
}

void table_print(FILE *out, const char *text, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        unsigned char ch = (unsigned char)text[i];
        /* U+0080..U+009F, the C1 controls, are C2 80..C2 9F */
        bool c1 = ch == 0xc2 && i + 1 < bytes && (unsigned char)text[i + 1] < 0xa0;
        if (c1)
            i++;
        fputc(ch < 0x20 || ch == 0x7f || c1 ? '?' : ch, out);
    }
}

static void pad(FILE *out, size_t n)
{
    while (n-- > 0)
        fputc(' ', out);
}

static void rule(const struct table *t)
{
    paint(t, DIM);
    for (size_t i = 0; i < TABLE_COLUMNS; i++)
        fputc('-', t->out);
    paint(t, PLAIN);
    fputc('\n', t->out);
}

static const char *cell_words(const json_t *cell)
{
    switch (verdict_find(doc_text(cell, "verdict"))) {
    case VERDICT_HOLDS:
        return "holds";
    case VERDICT_BREAKS:
        return "BREAKS";
    case VERDICT_NOT_EXERCISED:
        return "n/exer";
    case VERDICT_UNFINISHED:
        break;
    }
    return "unfin.";
}

static void cell_text(const json_t *cell, char text[CELL_TEXT_MAX])
{
    enum cell_class class = doc_cell_class(cell);
    bool asked = class != CELL_NO_EXPECTATION;
    bool wrong = asked && class != CELL_AS_EXPECTED;
    snprintf(text, CELL_TEXT_MAX, "%s%s%s", cell_words(cell), wrong ? "!" : "", asked ? "" : "*");
}

static enum paint cell_paint(const json_t *cell)
{
    switch (doc_cell_class(cell)) {
    case CELL_AS_EXPECTED:
        return verdict_find(doc_text(cell, "verdict")) == VERDICT_HOLDS ? GOOD : STRONG;
    case CELL_NO_EXPECTATION:
        return DIM;
    default:
        return BAD;
    }
}

/* "999,999", "1.23 M", "1.23 G": at most 8 columns. */
static void count_text(uint64_t n, char *text, size_t room)
{
    if (n >= 1000000000)
        snprintf(text, room, "%.2f G", (double)n / 1e9);
    else if (n >= 1000000)
        snprintf(text, room, "%.2f M", (double)n / 1e6);
    else if (n >= 1000)
        snprintf(text, room, "%llu,%03llu", (unsigned long long)n / 1000,
                 (unsigned long long)n % 1000);
    else
        snprintf(text, room, "%llu", (unsigned long long)n);
}

/* States, exhausted, seconds. */
enum { STATES_WIDTH = 8, EXHAUSTED_WIDTH = 4, SECONDS_WIDTH = 6 };

static void measure(const struct report *r, struct table *t)
{
    size_t i;
    json_t *x;
    for (i = 0; i < INVARIANTS; i++)
        t->width[i] = strlen(invariant_id((enum invariant)i));
    json_array_foreach(doc_list(r->root, "cells"), i, x)
    {
        char text[CELL_TEXT_MAX];
        cell_text(x, text);
        if (strlen(text) > t->width[i % INVARIANTS])
            t->width[i % INVARIANTS] = strlen(text);
    }
    json_array_foreach(doc_list(r->root, "scenarios"), i, x) t->rows =
        t->rows || doc_number(x, "row") != 0;
    size_t used = STATES_WIDTH + 1 + EXHAUSTED_WIDTH + 1 + SECONDS_WIDTH + 1 + (t->rows ? 4 : 0);
    for (i = 0; i < INVARIANTS; i++)
        used += t->width[i] + 1;
    t->name_width = TABLE_COLUMNS - used;
    assert(used + NAME_MIN <= TABLE_COLUMNS);
}

static void header(const struct table *t)
{
    paint(t, STRONG);
    if (t->rows)
        fputs(" #  ", t->out);
    fprintf(t->out, "%-*s", (int)t->name_width, "scenario");
    for (uint32_t i = 0; i < INVARIANTS; i++)
        fprintf(t->out, " %-*s", (int)t->width[i], invariant_id((enum invariant)i));
    fprintf(t->out, " %*s %*s %*s", STATES_WIDTH, "states", EXHAUSTED_WIDTH, "exh.", SECONDS_WIDTH,
            "sec.");
    paint(t, PLAIN);
    fputc('\n', t->out);
    rule(t);
}

/* How much of the name goes into this line: up to the last hyphen that fits. */
static size_t name_part(const struct table *t, const char *name)
{
    size_t len = strlen(name);
    size_t fits = 0;
    size_t cut = 0;
    for (size_t n = 1; n <= len; n++) {
        bool boundary = n == len || ((unsigned char)name[n] & 0xc0) != 0x80;
        if (!boundary || table_columns(name, n) > t->name_width)
            continue;
        fits = n;
        if (n == len || name[n - 1] == '-' || name[n - 1] == ' ')
            cut = n;
    }
    return cut > 0 ? cut : fits;
}

static void line(const struct report *r, const struct table *t, size_t index)
{
    const json_t *sc = json_array_get(doc_list(r->root, "scenarios"), index);
    const json_t *cells = doc_list(r->root, "cells");
    const char *name = doc_text(sc, "name");
    if (t->rows && doc_number(sc, "row") != 0)
        fprintf(t->out, "%2u  ", (unsigned)doc_number(sc, "row") % 100);
    else if (t->rows)
        fputs("    ", t->out);
    size_t part = name_part(t, name);
    table_print(t->out, name, part);
    pad(t->out, t->name_width - table_columns(name, part));
    for (size_t i = 0; i < INVARIANTS; i++) {
        const json_t *cell = json_array_get(cells, index * INVARIANTS + i);
        char text[CELL_TEXT_MAX];
        cell_text(cell, text);
        fputc(' ', t->out);
        paint(t, cell_paint(cell));
        fputs(text, t->out);
        paint(t, PLAIN);
        pad(t->out, t->width[i] - strlen(text));
    }
    char states[32];
    count_text(doc_number(sc, "states"), states, sizeof states);
    double seconds = doc_seconds(sc, "seconds");
    fprintf(t->out, " %*s %*s %*.*f\n", STATES_WIDTH, states, EXHAUSTED_WIDTH,
            doc_flag(sc, "exhausted") ? "yes" : "no", SECONDS_WIDTH, seconds < 100 ? 2 : 0,
            seconds);
    while (name[part] != '\0') {
        name += part;
        part = name_part(t, name);
        pad(t->out, t->rows ? 6 : 2);
        table_print(t->out, name, part);
        fputc('\n', t->out);
    }
}

static void print_string(FILE *out, const char *text)
{
    table_print(out, text, strlen(text));
}

static void print_differing(const struct table *t, const json_t *cell)
{
    fprintf(t->out, "      %s %s, expected: %s", doc_text(cell, "invariant"),
            doc_text(cell, "verdict"), doc_text(cell, "expected"));
    if (doc_has(cell, "witness")) {
        fputs("; ackproof replay ", t->out);
        print_string(t->out, doc_text(cell, "witness"));
    }
    fputc('\n', t->out);
}

/* The promises of a scenario that came out as `class`, in one line. */
static bool print_class(const struct report *r, const struct table *t, size_t index,
                        enum cell_class class, const char *words)
{
    bool any = false;
    for (size_t i = 0; i < INVARIANTS; i++) {
        const json_t *cell = json_array_get(doc_list(r->root, "cells"), index * INVARIANTS + i);
        if (doc_cell_class(cell) != class)
            continue;
        fprintf(t->out, "%s%s", any ? ", " : "      ", doc_text(cell, "invariant"));
        any = true;
    }
    if (any)
        fprintf(t->out, ": %s\n", words);
    return any;
}

static void print_never_met(const struct table *t, const json_t *scenario)
{
    size_t i;
    json_t *x;
    json_array_foreach(doc_list(scenario, "reach"), i, x)
    {
        if (!doc_flag(x, "required") || doc_number(x, "times") != 0)
            continue;
        fputs("        never happened: ", t->out);
        print_string(t->out, doc_text(x, "name"));
        fputc('\n', t->out);
    }
}

/* What did not come out as expected, scenario by scenario, with what to do next. */
static void print_deviations(const struct report *r, const struct table *t, size_t index)
{
    const json_t *sc = json_array_get(doc_list(r->root, "scenarios"), index);
    bool all_well = true;
    for (size_t i = 0; i < INVARIANTS; i++) {
        const json_t *cell = json_array_get(doc_list(r->root, "cells"), index * INVARIANTS + i);
        enum cell_class class = doc_cell_class(cell);
        bool well = class == CELL_AS_EXPECTED || class == CELL_NO_EXPECTATION;
        if (all_well && !well) {
            paint(t, BAD);
            fputs("  ! ", t->out);
            paint(t, PLAIN);
            print_string(t->out, doc_text(sc, "name"));
            fputc('\n', t->out);
        }
        all_well = all_well && well;
        if (class == CELL_DIFFERS)
            print_differing(t, cell);
    }
    if (print_class(r, t, index, CELL_NOT_EXERCISED, "not exercised"))
        print_never_met(t, sc);
    print_class(r, t, index, CELL_UNFINISHED, "unfinished");
}

static void print_live_cell(const struct table *t, const json_t *cell)
{
    bool differs = doc_live_differs(cell);
    bool judged = verdict_find(doc_text(cell, "live")) <= VERDICT_BREAKS;
    bool searched = verdict_find(doc_text(cell, "simulated")) <= VERDICT_BREAKS;
    paint(t, differs ? BAD : PLAIN);
    fprintf(t->out, "  %-9s  server: %-10s  search: %-10s  %s", doc_text(cell, "invariant"),
            judged ? doc_text(cell, "live") : "not judged",
            searched ? doc_text(cell, "simulated") : "no verdict",
            differs              ? "DIFFERS"
            : judged && searched ? "confirmed"
                                 : "");
    paint(t, PLAIN);
    fputc('\n', t->out);
}

static void print_live(const struct report *r, const struct table *t)
{
    size_t i;
    size_t k;
    json_t *live;
    json_t *cell;
    json_array_foreach(doc_list(r->root, "live"), i, live)
    {
        fputs("live on ", t->out);
        print_string(t->out, doc_text(live, "server"));
        fputs(", ", t->out);
        print_string(t->out, doc_text(live, "scenario"));
        fputs("\n", t->out);
        json_array_foreach(doc_list(live, "cells"), k, cell) print_live_cell(t, cell);
    }
}

/* Whether any of the searches took a state for one that it had seen: the sum over all of them. */
static void print_collisions(const struct report *r, const struct table *t)
{
    size_t i;
    json_t *x;
    double sum = 0;
    json_array_foreach(doc_list(r->root, "scenarios"), i, x) sum +=
        doc_chance(x, "collision_bound");
    paint(t, DIM);
    fprintf(t->out,
            "chance that any of these searches missed a state (equal fingerprints): below %.1e\n",
            sum);
    paint(t, PLAIN);
}

static void legend(const struct table *t)
{
    paint(t, DIM);
    fputs("holds: nothing found   BREAKS: counterexample found   unfin.: a bound was hit first\n"
          "n/exer: not exercised, a condition that the scenario requires never happened\n"
          "!: not as the scenario expects   *: the scenario expects nothing of this promise\n"
          "exh.: every state within the bounds was visited (holds without it is a sample, no "
          "proof)\n",
          t->out);
    paint(t, PLAIN);
}

void report_table(const struct report *r, FILE *out, bool colour)
{
    assert(r != NULL && out != NULL);
    struct table t = {.out = out, .colour = colour};
    struct report_counts n = report_summary(r);
    measure(r, &t);
    header(&t);
    for (size_t i = 0; i < n.scenarios; i++)
        line(r, &t, i);
    rule(&t);
    legend(&t);
    print_collisions(r, &t);
    table_fault_sets(r, out);
    table_findings(r, out);
    print_live(r, &t);
    for (size_t i = 0; i < n.scenarios; i++)
        print_deviations(r, &t, i);
    paint(&t, report_as_expected(r) ? GOOD : BAD);
    fprintf(out, "%u cells: %u as expected, %u differ, %u not exercised, %u unfinished", n.cells,
            n.as_expected, n.differ, n.not_exercised, n.unfinished);
    paint(&t, PLAIN);
    fprintf(out, "; %u without an expectation\n", n.no_expectation);
}

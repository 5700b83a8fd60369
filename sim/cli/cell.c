/* One scenario: searched in a child, told by the parent. */
#include "sim/cli/jobs.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Saves a witness, replays it, and keeps its story. */
static bool keep_witness(const struct scenario *sc, enum invariant inv, const char *dir,
                         struct cell_outcome *out)
{
    char *path = out->path[inv];
    int n =
        snprintf(path, sizeof out->path[inv], "%s/%s-%s.witness", dir, sc->name, invariant_id(inv));
    if (n < 0 || (size_t)n >= sizeof out->path[inv]) {
        fprintf(stderr, "ackproof: %s: the path is too long\n", dir);
        return false;
    }
    struct witness *w = &out->result.witness[inv];
    if (!cli_mkdirs(dir) || !witness_save(w, path, stderr))
        return false;
    struct run_outcome outcome;
    bool same = story_of(sc, w, &out->story[inv], &outcome);
    if (same && (outcome.violated >> inv & 1) == 0) {
        fprintf(stderr, "ackproof: %s: its replay does not break %s\n", path, invariant_id(inv));
        same = false;
    }
    return same;
}

void cell_search(const struct scenario *sc, const struct common *common,
                 const struct explore_options *options, struct cell_outcome *out)
{
    assert(sc != NULL && out != NULL);
    memset(out, 0, sizeof *out);
    explore_exhaust(sc, options, &out->result);
    struct explore_options more = *options; /* only the search itself is stopped and gone on with */
    more.save = more.resume = NULL;
    if (common->shortest)
        explore_shortest(sc, &more, &out->result);
    out->deterministic = true;
    char *dir = cli_path(common->out, "witness");
    for (uint32_t i = 0; i < INVARIANTS; i++) {
        story_init(&out->story[i]);
        if (out->result.verdict[i] == VERDICT_BREAKS && out->result.witness[i].n > 0 &&
            !keep_witness(sc, (enum invariant)i, dir, out))
            out->deterministic = false;
    }
    free(dir);
    out->asked_faults = common->fault_sets;
    if (common->fault_sets)
        explore_fault_sets(sc, &more, &out->result, &out->faults);
}

struct report *cell_report(const struct scenario *sc, uint32_t row, const struct cell_outcome *o)
{
    struct report *part = report_new();
    report_add_scenario(part, sc, row, &o->result);
    for (uint32_t i = 0; i < INVARIANTS; i++) {
        if (o->path[i][0] != '\0')
            report_add_witness(part, sc, (enum invariant)i, o->path[i], &o->result.witness[i],
                               o->story[i].step, o->story[i].n);
    }
    if (o->asked_faults)
        report_add_fault_sets(part, sc, &o->faults);
    return part;
}

/* ---- printing ------------------------------------------------------------------------------- */

enum paint { PLAIN, GOOD, BAD, DIM, STRONG };
static const char *paint(bool colour, enum paint p)
{
    static const char *const code[] = {"\033[0m", "\033[32m", "\033[1;31m", "\033[2m", "\033[1m"};
    return colour ? code[p] : "";
}

static const char *expected_text(enum expectation e)
{
    return e == EXPECT_HOLDS ? "holds" : e == EXPECT_BREAKS ? "breaks" : NULL;
}

static bool as_expected(const struct job *j, uint32_t i)
{
    const char *want = expected_text(j->scenario->expect[i]);
    return want == NULL || strcmp(want, verdict_text(j->outcome->result.verdict[i])) == 0;
}

static void print_reach(FILE *f, const struct job *j, bool colour)
{
    const struct result *r = &j->outcome->result;
    const char *sep = "  reached: ";
    for (uint32_t i = 0; i < REACHES; i++) {
        if ((j->scenario->reach >> i & 1) == 0 || (r->reached >> i & 1) == 0)
            continue;
        char n[16];
        fprintf(f, "%s%s (%s)", sep, reach_name((enum reach)i), cli_count(r->reach_times[i], n));
        sep = ", ";
    }
    if (sep[0] == ',')
        fputc('\n', f);
    for (uint32_t i = 0; i < REACHES; i++) {
        if ((j->scenario->reach >> i & 1) != 0 && (r->reached >> i & 1) == 0)
            fprintf(f, "  %snever reached: %s%s\n", paint(colour, BAD), reach_name((enum reach)i),
                    paint(colour, PLAIN));
    }
}

static void print_fault_sets(FILE *f, const struct scenario *sc, const struct fault_sets *of)
{
    char text[512];
    if (!of->asked)
        return;
    bool none = of->n == 1 && fault_budgets_sum(&of->minimal[0]) == 0;
    fprintf(f, "            %s", none ? "no fault needed" : "breaks with");
    for (uint32_t i = 0; i < of->n && !none; i++) {
        fault_budgets_text(sc, &of->minimal[i], text, sizeof text);
        fprintf(f, "%s%s", i > 0 ? "; or " : ": ", text);
    }
    for (uint32_t i = 0; i < of->n_safe; i++) {
        fault_budgets_text(sc, &of->safe[i], text, sizeof text);
        fprintf(f, "%s%s", i > 0 ? "; or " : ". Safe up to: ", text);
    }
    fputs(of->exhausted ? "\n" : ". Unfinished: fewer faults may do\n", f);
}

static void print_invariant(FILE *f, const struct job *j, uint32_t i, bool colour)
{
    const struct cell_outcome *o = j->outcome;
    const char *want = expected_text(j->scenario->expect[i]);
    bool ok = as_expected(j, i);
    fprintf(f, "  %-9s %s%-13s%s ", invariant_id((enum invariant)i),
            paint(colour, !ok            ? BAD
                          : want == NULL ? PLAIN
                                         : GOOD),
            verdict_text(o->result.verdict[i]), paint(colour, PLAIN));
    if (want == NULL)
        fputs("no expectation", f);
    else if (ok)
        fputs("as expected", f);
    else
        fprintf(f, "%sexpected %s%s", paint(colour, BAD), want, paint(colour, PLAIN));
    if (o->path[i][0] != '\0') {
        fprintf(f, "; %u choices%s: ", o->result.witness[i].n,
                o->result.shortest >> i & 1 ? ", in the fewest moves" : "");
        cli_print_quoted(f, cli_self);
        fputs(" replay ", f);
        cli_print_quoted(f, o->path[i]);
    }
    fputc('\n', f);
    print_fault_sets(f, j->scenario, &o->faults.of[i]);
}

void cell_print(FILE *f, const struct job *j, const struct common *common, bool colour)
{
    const struct scenario *sc = j->scenario;
    if (j->state != JOB_DONE) {
        fprintf(stderr, "ackproof: %s: %s\n", sc->name, j->failure);
        return;
    }
    bool all = true;
    for (uint32_t i = 0; i < INVARIANTS; i++)
        all = all && as_expected(j, i);
    if (common->quiet && all)
        return;
    const struct result *r = &j->outcome->result;
    fprintf(f, "%s%s%s  %s\n", paint(colour, STRONG), sc->name, paint(colour, PLAIN), sc->title);
    fprintf(f,
            "  %llu states, %llu transitions, %s, depth %llu, %.2f s; missed a state: p < %.0e\n",
            (unsigned long long)r->states, (unsigned long long)r->transitions,
            r->exhausted ? "exhausted" : "NOT exhausted", (unsigned long long)r->depth_max,
            r->seconds, explore_collision_bound(r->states));
    if (r->saved) {
        fputs("  stopped; to go on: --resume ", f);
        cli_print_quoted(f, common->save);
        fputc('\n', f);
    }
    for (uint32_t i = 0; i < INVARIANTS; i++)
        print_invariant(f, j, i, colour);
    print_reach(f, j, colour);
    fputc('\n', f);
    fflush(f);
}

/* ackproof matrix: every cell of the verdict table. */
#include "sim/cli/jobs.h"
#include "sim/cli/matrix_file.h"

#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CELLS_ASKED_MAX = 64 };

struct matrix_options {
    struct common common;
    const char *cell[CELLS_ASKED_MAX]; /* names; none: all */
    uint32_t n_cells;
    const char *file; /* NULL: look for it */
    enum tier tier;
};

enum { KEY_FAULT_SETS = 0x200, KEY_NO_FAULT_SETS, KEY_SHORTEST, KEY_CELL };

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct matrix_options *m = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &m->common;
        return 0;
    case 't':
        if (strcmp(arg, "ci") != 0 && strcmp(arg, "full") != 0)
            argp_error(state, "--tier is ci or full, not '%s'", arg);
        m->tier = strcmp(arg, "ci") == 0 ? TIER_CI : TIER_FULL;
        return 0;
    case 'm':
        m->file = arg;
        return 0;
    case KEY_FAULT_SETS:
    case KEY_NO_FAULT_SETS:
        m->common.fault_sets = key == KEY_FAULT_SETS;
        return 0;
    case KEY_CELL:
        if (m->n_cells == CELLS_ASKED_MAX)
            argp_error(state, "--cell can be given %d times", CELLS_ASKED_MAX);
        m->cell[m->n_cells++] = arg;
        return 0;
    case KEY_SHORTEST:
        m->common.shortest = true;
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "matrix takes no arguments; --matrix names another file");
        return EINVAL;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* scenarios/matrix.yaml here, or above the folder in which the program lies (a build folder
 * stands in the source tree). */
static bool find_matrix(char path[PATH_MAX])
{
    snprintf(path, PATH_MAX, "scenarios/matrix.yaml");
    if (access(path, R_OK) == 0)
        return true;
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n <= 0)
        return false;
    self[n] = '\0';
    for (char *dir = dirname(self); strcmp(dir, "/") != 0 && strcmp(dir, ".") != 0;
         dir = dirname(dir)) {
        n = snprintf(path, PATH_MAX, "%s/scenarios/matrix.yaml", dir);
        if (n > 0 && n < PATH_MAX && access(path, R_OK) == 0)
            return true;
    }
    return false;
}

static bool is_asked(const struct matrix_options *o, const char *name)
{
    bool asked = o->n_cells == 0;
    for (uint32_t i = 0; i < o->n_cells; i++)
        asked = asked || strcmp(o->cell[i], name) == 0;
    return asked;
}

/* Keeps the cells of the tier, or those that were asked for, of this shard. */
static void filter(struct matrix *m, const struct matrix_options *o)
{
    size_t in_tier = 0, kept = 0;
    for (size_t i = 0; i < m->n; i++) {
        bool in = o->n_cells > 0 ? is_asked(o, m->scenario[i].name) : m->tier[i] <= o->tier;
        if (!in || in_tier++ % o->common.shards != o->common.shard - 1)
            continue;
        m->scenario[kept] = m->scenario[i];
        m->row[kept] = m->row[i];
        m->made[kept] = m->made[i];
        kept++;
    }
    m->n = kept;
}

/* A cell that was asked for and is not there; NULL: none. */
static const char *not_there(const struct matrix *m, const struct matrix_options *o)
{
    for (uint32_t i = 0; i < o->n_cells; i++) {
        bool found = false;
        for (size_t k = 0; k < m->n; k++)
            found = found || strcmp(m->scenario[k].name, o->cell[i]) == 0;
        if (!found)
            return o->cell[i];
    }
    return NULL;
}

/* Leaves in m what is to be searched, with a file for each that has none. */
static int choose_cells(struct matrix *m, const struct matrix_options *o, const char *command)
{
    const char *missing = not_there(m, o);
    if (missing != NULL)
        return cli_usage(command, "the matrix has no cell '%s'", missing);
    filter(m, o);
    char *made = cli_path(o->common.out, "witness");
    bool written = matrix_write_made(m, made, stderr);
    free(made);
    return written ? EXIT_EXPECTED : EXIT_HARNESS;
}

int cmd_matrix(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"tier", 't', "TIER", 0, "ci (default) or full", 0},
        {"matrix", 'm', "FILE", 0, "Instead of scenarios/matrix.yaml", 0},
        {"cell", KEY_CELL, "NAME", 0, "Only this cell, of whatever tier; may be given again", 0},
        {"fault-sets", KEY_FAULT_SETS, NULL, 0,
         "Search for the smallest sets of faults that break each promise (default)", 0},
        {"no-fault-sets", KEY_NO_FAULT_SETS, NULL, 0, "Leave that out", 0},
        {"shortest", KEY_SHORTEST, NULL, 0,
         "Search breadth-first for counterexamples with the fewest moves", 0},
        {0},
    };
    static const struct argp_child children[] = {{&common_argp, 0, NULL, 0}, {0}};
    static const struct argp argp = {
        .options = options,
        .parser = parse,
        .doc = "Searches every cell of the matrix, prints the verdict table and writes "
               "DIR/report.json.",
        .children = children,
    };
    struct matrix_options o = {.tier = TIER_CI};
    common_default(&o.common);
    o.common.fault_sets = true;
    cli_parse(&argp, argc, argv, &o);
    char path[PATH_MAX];
    if (o.file == NULL && !find_matrix(path))
        return cli_usage(argv[0],
                         "there is no scenarios/matrix.yaml here; --matrix names the file");
    struct matrix m;
    if (!matrix_load(o.file != NULL ? o.file : path, &m, stderr))
        return EXIT_USAGE;
    int status = choose_cells(&m, &o, argv[0]);
    if (status != EXIT_EXPECTED) {
        matrix_free(&m);
        return status;
    }
    const char *again = o.tier == TIER_CI ? "ackproof matrix" : "ackproof matrix --tier full";
    struct report *r = search_scenarios(m.scenario, m.row, m.n, &o.common, again, &status);
    char *json = cli_path(o.common.out, "report.json");
    if (!cli_mkdirs(o.common.out) || !report_write(r, json, stderr))
        status = EXIT_HARNESS;
    bool stdout_taken = o.common.json != NULL && strcmp(o.common.json, "-") == 0;
    if (!o.common.quiet && !stdout_taken)
        report_table(r, stdout, common_colour(&o.common, stdout));
    free(json);
    report_free(r);
    matrix_free(&m);
    return status;
}

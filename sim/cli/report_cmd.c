/* ackproof report: everything that is derived from DIR/report.json. */
#include "sim/cli/jobs.h"

#include <stdlib.h>
#include <string.h>

struct report_options {
    struct common common;
    char **dir;
    size_t n;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct report_options *o = state->input;
    (void)arg;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &o->common;
        return 0;
    case ARGP_KEY_ARGS:
        o->dir = state->argv + state->next;
        o->n = (size_t)(state->argc - state->next);
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "which directory? (matrix writes reports/out)");
        return EINVAL;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* The parts of a sharded run are merged in the order given. */
static struct report *read_all(const struct report_options *o)
{
    struct report *all = NULL;
    for (size_t i = 0; i < o->n; i++) {
        char *path = cli_path(o->dir[i], "report.json");
        struct report *r = report_read(path, stderr);
        bool ok = r != NULL;
        if (ok && all == NULL) {
            all = r;
        } else if (ok) {
            ok = report_merge(all, r);
            if (!ok)
                fprintf(stderr, "ackproof: %s: holds a scenario that an earlier part has too\n",
                        path);
            report_free(r);
        }
        free(path);
        if (!ok) {
            report_free(all);
            return NULL;
        }
    }
    return all;
}

static bool render(const struct report *r, const struct report_options *o)
{
    char *html = cli_path(o->dir[0], "report.html"), *junit = cli_path(o->dir[0], "junit.xml");
    bool ok = report_html(r, html, stderr);
    ok = (o->common.junit != NULL || report_junit(r, junit, stderr)) && ok;
    ok = write_derived(r, &o->common) && ok;
    bool stdout_taken = o->common.json != NULL && strcmp(o->common.json, "-") == 0;
    if (ok && !o->common.quiet && !stdout_taken) {
        report_table(r, stdout, common_colour(&o->common, stdout));
        printf("\n%s\n%s\n", html, o->common.junit != NULL ? o->common.junit : junit);
    }
    free(html);
    free(junit);
    return ok;
}

int cmd_report(int argc, char **argv)
{
    static const struct argp_child children[] = {{&common_argp, 0, NULL, 0}, {0}};
    static const struct argp argp = {
        .parser = parse,
        .args_doc = "DIR...",
        .doc = "Prints the verdict table of DIR/report.json and writes DIR/report.html and "
               "DIR/junit.xml. DIR/bench.csv, written by ci/bench, is shown there too. Several "
               "directories are the shards of one run.",
        .children = children,
    };
    struct report_options o = {.n = 0};
    common_default(&o.common);
    cli_parse(&argp, argc, argv, &o);
    struct report *r = read_all(&o);
    if (r == NULL)
        return EXIT_USAGE;
    char *costs = cli_path(o.dir[0], "bench.csv");
    bool read = report_read_costs(r, costs, stderr);
    free(costs);
    if (!read) {
        report_free(r);
        return EXIT_USAGE;
    }
    bool ok = render(r, &o);
    int status = !ok ? EXIT_HARNESS : report_as_expected(r) ? EXIT_EXPECTED : EXIT_DIFFERS;
    report_free(r);
    return status;
}

/* ackproof prove, and the search that matrix and live share with it. */
#include "sim/cli/jobs.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef ACKPROOF_VERSION
#define ACKPROOF_VERSION "unknown"
#endif
#ifdef __clang__
#define COMPILER "clang " __clang_version__
#else
#define COMPILER "gcc " __VERSION__
#endif

struct telling {
    const struct common *common;
    struct report *report;
    FILE *to; /* standard output, unless that is for the JSON */
    bool colour;
    bool ok;
};

static void told(void *arg, struct job *j)
{
    struct telling *t = arg;
    cell_print(t->to, j, t->common, t->colour);
    if (j->state == JOB_DONE && !report_merge(t->report, j->part)) {
        fprintf(stderr, "ackproof: two scenarios are named %s\n", j->scenario->name);
        t->ok = false;
    }
    job_forget(j);
}

bool write_derived(const struct report *r, const struct common *common)
{
    bool ok = true;
    if (common->json != NULL && strcmp(common->json, "-") == 0) {
        /* The writer makes a new file and renames it, which standard output does not stand. */
        char path[] = "/tmp/ackproof-json-XXXXXX";
        int fd = mkstemp(path);
        ok = fd >= 0 && report_contract_json(r, path, stderr);
        if (ok)
            cli_copy_file(path, stdout);
        if (fd >= 0) {
            close(fd);
            unlink(path);
        }
    } else if (common->json != NULL) {
        ok = report_contract_json(r, common->json, stderr);
    }
    if (common->junit != NULL)
        ok = report_junit(r, common->junit, stderr) && ok;
    return ok;
}

struct report *search_scenarios(const struct scenario *sc, const uint32_t *row, size_t n,
                                const struct common *common, const char *command, int *status)
{
    assert(sc != NULL || n == 0);
    struct job *job = cli_alloc(n * sizeof *job);
    for (size_t i = 0; i < n; i++) {
        job[i].scenario = &sc[i];
        job[i].row = row == NULL ? 0 : row[i];
    }
    FILE *to = common->json != NULL && strcmp(common->json, "-") == 0 ? stderr : stdout;
    struct telling t = {common, report_new(), to, common_colour(common, to), true};
    report_set_identity(t.report, ACKPROOF_VERSION, NULL, COMPILER, command);
    bool ok = jobs_run(job, n, common, told, &t) && t.ok;
    jobs_free(job, n);
    ok = write_derived(t.report, common) && ok;
    *status = !ok ? EXIT_HARNESS : report_as_expected(t.report) ? EXIT_EXPECTED : EXIT_DIFFERS;
    return t.report;
}

/* ---- the command ---------------------------------------------------------------------------- */

struct prove {
    struct common common;
    const char **file;
    size_t n;
};

enum { KEY_FAULT_SETS = 0x200, KEY_SHORTEST, KEY_SAVE, KEY_RESUME, KEY_SECONDS };

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct prove *p = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &p->common;
        return 0;
    case KEY_FAULT_SETS:
        p->common.fault_sets = true;
        return 0;
    case KEY_SAVE:
        p->common.save = arg;
        return 0;
    case KEY_RESUME:
        p->common.resume = arg;
        return 0;
    case KEY_SECONDS:
        p->common.seconds = (double)cli_number(state, "--seconds", arg, 1, 1000000000);
        return 0;
    case KEY_SHORTEST:
        p->common.shortest = true;
        return 0;
    case ARGP_KEY_ARG:
        p->file = cli_grow(p->file, (p->n + 1) * sizeof *p->file);
        p->file[p->n++] = arg;
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "which scenario?");
        return EINVAL;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

int cmd_prove(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"fault-sets", KEY_FAULT_SETS, NULL, 0,
         "Search also for the smallest sets of faults that break each promise", 0},
        {"shortest", KEY_SHORTEST, NULL, 0,
         "Search breadth-first for counterexamples with the fewest moves", 0},
        {"seconds", KEY_SECONDS, "N", 0, "Stop each search after so long", 0},
        {"save", KEY_SAVE, "FILE", 0, "Where the search goes if a bound stops it", 0},
        {"resume", KEY_RESUME, "FILE", 0, "Go on with a search that was saved", 0},
        {0},
    };
    static const struct argp_child children[] = {{&common_argp, 0, NULL, 0}, {0}};
    static const struct argp argp = {
        .options = options,
        .parser = parse,
        .args_doc = "SCENARIO.yaml...",
        .doc =
            "Exhausts each scenario within its bounds and compares the verdict of each invariant "
            "with what the file expects. Witnesses go to DIR/witness.",
        .children = children,
    };
    struct prove p = {.n = 0};
    common_default(&p.common);
    cli_parse(&argp, argc, argv, &p);
    struct scenario *sc = cli_alloc(p.n * sizeof *sc);
    size_t n = 0;
    bool ok = true;
    for (size_t i = 0; i < p.n; i++) {
        struct scenario s; /* all files are checked, whatever shard this is */
        bool loaded = scenario_load(p.file[i], &s, stderr);
        ok = ok && loaded;
        if (loaded && i % p.common.shards == p.common.shard - 1)
            sc[n++] = s;
    }
    int status = EXIT_USAGE;
    if (ok && (p.common.save != NULL || p.common.resume != NULL) && n != 1)
        return cli_usage(argv[0], "--save and --resume are for one scenario");
    const struct explore_options saved = {.no_reduction = p.common.no_reduction,
                                          .resume = p.common.resume};
    if (ok && p.common.resume != NULL)
        ok = explore_saved_check(&sc[0], &saved, stderr);
    if (ok)
        report_free(search_scenarios(sc, NULL, n, &p.common, "ackproof prove", &status));
    free(sc);
    free(p.file);
    return status;
}

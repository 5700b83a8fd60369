/* ackproof live: scenarios on a real mariadbd, beside what the search says of them. */
#include "sim/cli/jobs.h"
#include "sim/live/live.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct live_command {
    struct common common;
    struct live_options live;
    bool search;
    char **file;
    size_t n;
};

enum { KEY_SERVER = 0x200, KEY_NO_SEARCH, KEY_TEMP };

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct live_command *c = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &c->common;
        return 0;
    case KEY_SERVER:
        c->live.server_path = arg;
        return 0;
    case KEY_TEMP:
        c->live.temp_dir = arg;
        return 0;
    case KEY_NO_SEARCH:
        c->search = false;
        return 0;
    case ARGP_KEY_ARGS:
        c->file = state->argv + state->next;
        c->n = (size_t)(state->argc - state->next);
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "which scenario?");
        return EINVAL;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* ---- what goes into report.json ------------------------------------------------------------- */

static enum verdict verdict_of(const struct live_judgement *j)
{
    return j->verdict == LIVE_HOLDS    ? VERDICT_HOLDS
           : j->verdict == LIVE_BREAKS ? VERDICT_BREAKS
                                       : VERDICT_NOT_EXERCISED;
}

/* The search's verdict where there was one, else what the scenario expects of it. */
static enum verdict searched(const struct job *j, uint32_t inv)
{
    return j != NULL && j->state == JOB_DONE ? j->outcome->result.verdict[inv] : VERDICT_UNFINISHED;
}

static void add_live(struct report *r, const struct scenario *sc, const struct job *j,
                     const struct live_result *live)
{
    const char *line[LIVE_LINES_MAX];
    for (uint32_t i = 0; i < live->n_lines; i++)
        line[i] = live->line[i];
    struct report_live_cell cell[INVARIANTS];
    uint32_t n = 0;
    for (uint32_t i = 0; i < INVARIANTS; i++) {
        if (live->judged[i].verdict == LIVE_NOT_JUDGED)
            continue;
        cell[n++] = (struct report_live_cell){.invariant = (enum invariant)i,
                                              .simulated = searched(j, i),
                                              .live = verdict_of(&live->judged[i]),
                                              .seen = line,
                                              .n_seen = live->n_lines};
    }
    if (n > 0)
        report_add_live(r, sc->name, live->server_version, cell, n);
}

/* DIR/report.json as an earlier matrix left it, or a new one. */
static struct report *open_report(const char *path)
{
    return access(path, R_OK) == 0 ? report_read(path, stderr) : report_new();
}

/* ---- the search beside it ------------------------------------------------------------------- */

static void ignore(void *arg, struct job *j)
{
    (void)arg;
    if (j->state != JOB_DONE)
        fprintf(stderr, "ackproof: %s: %s\n", j->scenario->name, j->failure);
}

static struct job *search(const struct scenario *sc, const struct live_command *c, bool *ok)
{
    struct job *job = cli_alloc(c->n * sizeof *job);
    for (size_t i = 0; i < c->n; i++)
        job[i].scenario = &sc[i];
    *ok = jobs_run(job, c->n, &c->common, ignore, NULL);
    return job;
}

/* 3 before 2 before 1; 77 only where nothing else is to be said. */
static int worse(int a, int b)
{
    if (a == EXIT_EXPECTED || a == EXIT_SKIPPED)
        return b == EXIT_EXPECTED ? a : b;
    return b == EXIT_SKIPPED || b < a ? a : b;
}

static int play(struct live_command *c, const struct scenario *sc, const struct job *j,
                struct report *r)
{
    for (uint32_t i = 0; i < INVARIANTS; i++)
        c->live.search_said[i] =
            j == NULL || j->state != JOB_DONE ? NULL : verdict_text(j->outcome->result.verdict[i]);
    struct live_result *live = cli_alloc(sizeof *live);
    int status = live_run(sc, &c->live, live, stdout);
    fflush(stdout);
    if (status > 128) {
        signal(status - 128, SIG_DFL);
        raise(status - 128);
    }
    if (status == EXIT_EXPECTED || status == EXIT_DIFFERS) {
        if (j != NULL && j->part != NULL)
            report_merge(r, j->part); /* false: the matrix has searched it already */
        add_live(r, sc, j, live);
    }
    free(live);
    return status;
}

static int play_all(struct live_command *c, const struct scenario *sc)
{
    char server[512];
    bool ok = true;
    struct job *job = NULL;
    /* Without a server there is nothing to compare with; live_run says what is missing. */
    if (c->search && live_find_server(c->live.server_path, server) != NULL)
        job = search(sc, c, &ok);
    char *path = cli_path(c->common.out, "report.json");
    struct report *r = cli_mkdirs(c->common.out) ? open_report(path) : NULL;
    int status = ok && r != NULL ? EXIT_EXPECTED : EXIT_HARNESS;
    bool first = true;
    for (size_t i = 0; r != NULL && i < c->n; i++) {
        int s = play(c, &sc[i], job == NULL ? NULL : &job[i], r);
        status = first && status == EXIT_EXPECTED ? s : worse(status, s);
        first = false;
    }
    if (r != NULL && status != EXIT_SKIPPED &&
        (!report_write(r, path, stderr) || !write_derived(r, &c->common)))
        status = EXIT_HARNESS;
    report_free(r);
    if (job != NULL)
        jobs_free(job, c->n);
    free(path);
    return status;
}

int cmd_live(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"server", KEY_SERVER, "PATH", 0, "mariadbd to start (default: the installed one)", 0},
        {"temp", KEY_TEMP, "DIR", 0, "Where its data directory goes (default: TMPDIR or /tmp)", 0},
        {"no-search", KEY_NO_SEARCH, NULL, 0, "Do not search the scenario first", 0},
        {0},
    };
    static const struct argp_child children[] = {{&common_argp, 0, NULL, 0}, {0}};
    static const struct argp argp = {
        .options = options,
        .parser = parse,
        .args_doc = "SCENARIO.yaml...",
        .doc = "Plays scenarios on a mariadbd of its own: holds ACKs, reads beside, kills and "
               "restarts it, and prints what it saw beside what the search says. The result is "
               "added to DIR/report.json.",
        .children = children,
    };
    struct live_command c = {.search = true};
    common_default(&c.common);
    cli_parse(&argp, argc, argv, &c);
    c.live.quiet = c.common.quiet;
    c.live.colour = common_colour(&c.common, stdout);
    c.live.out_dir = c.common.out;
    struct scenario *sc = cli_alloc(c.n * sizeof *sc);
    int status = EXIT_EXPECTED;
    for (size_t i = 0; i < c.n; i++) {
        if (!scenario_load(c.file[i], &sc[i], stderr))
            status = EXIT_USAGE;
    }
    if (status == EXIT_EXPECTED)
        status = play_all(&c, sc);
    free(sc);
    return status;
}

/* Options that every subcommand takes, and small things. */
#include "sim/cli/cli.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *cli_self = "ackproof";

enum { JOBS_MAX = 256 };

enum {
    KEY_JSON = 0x100,
    KEY_JUNIT,
    KEY_SHARD,
    KEY_COLOR,
    KEY_MAX_STATES,
    KEY_MEMORY,
    KEY_NO_REDUCTION,
};

static const struct argp_option options[] = {
    {.doc = "Common options:", .group = 10},
    {"jobs", 'j', "N", 0, "Processes at a time (default: the processors there are)", 10},
    {"out", 'o', "DIR", 0, "Where witnesses and reports go (default: reports/out)", 10},
    {"json", KEY_JSON, "FILE", 0, "Write the verdicts as JSON; - is standard output", 10},
    {"junit", KEY_JUNIT, "FILE", 0, "Write the verdicts as JUnit XML", 10},
    {"shard", KEY_SHARD, "K/N", 0, "Only part K of N of the scenarios", 10},
    {"no-reduction", KEY_NO_REDUCTION, "WHICH", OPTION_ARG_OPTIONAL,
     "Visit also what cannot be told apart; WHICH: a list of applier, sessions, gone, receiver, "
     "chain, loss, boot, replicas, stream, join (default: all)",
     10},
    {"max-states", KEY_MAX_STATES, "N", 0, "Bound of a search instead of the scenario's own", 10},
    {"memory", KEY_MEMORY, "MIB", 0,
     "Bound of one search (default: three quarters of the machine over the processes, at most "
     "4096)",
     10},
    {"color", KEY_COLOR, "WHEN", 0, "auto, always or never", 10},
    {"quiet", 'q', NULL, 0, "Say only what is not as expected", 10},
    {0},
};

void common_default(struct common *c)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    *c = (struct common){
        .jobs = n < 1          ? 1
                : n > JOBS_MAX ? JOBS_MAX
                               : (uint32_t)n,
        .out = "reports/out",
        .shard = 1,
        .shards = 1,
    };
}

uint64_t cli_number(struct argp_state *state, const char *what, const char *text, uint64_t min,
                    uint64_t max)
{
    char *end;
    errno = 0;
    unsigned long long n = strtoull(text, &end, 0);
    if (text[0] < '0' || text[0] > '9' || *end != '\0')
        argp_error(state, "%s wants a whole number, not '%s'", what, text);
    if (errno == ERANGE || n < min || n > max)
        argp_error(state, "%s is %llu .. %llu, not %s", what, (unsigned long long)min,
                   (unsigned long long)max, text);
    return n;
}

static void parse_shard(struct common *c, struct argp_state *state, const char *arg)
{
    unsigned k, n;
    char rest;
    if (sscanf(arg, "%u/%u%c", &k, &n, &rest) != 2 || k < 1 || k > n)
        argp_error(state, "--shard wants K/N with 1 <= K <= N, not '%s'", arg);
    c->shard = k;
    c->shards = n;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct common *c = state->input;
    switch (key) {
    case 'j':
        c->jobs = (uint32_t)cli_number(state, "--jobs", arg, 1, JOBS_MAX);
        return 0;
    case 'o':
        c->out = arg;
        return 0;
    case 'q':
        c->quiet = true;
        return 0;
    case KEY_JSON:
        c->json = arg;
        return 0;
    case KEY_JUNIT:
        c->junit = arg;
        return 0;
    case KEY_SHARD:
        parse_shard(c, state, arg);
        return 0;
    case KEY_NO_REDUCTION:
        c->no_reduction = arg == NULL ? REDUCE_ALL : reduction_find(arg);
        if (c->no_reduction == 0)
            argp_error(state, "--no-reduction knows no '%s'", arg);
        return 0;
    case KEY_MAX_STATES:
        c->max_states = cli_number(state, "--max-states", arg, 1, UINT64_MAX);
        return 0;
    case KEY_MEMORY:
        c->memory_bytes = cli_number(state, "--memory", arg, 1, (uint64_t)1 << 40) << 20;
        return 0;
    case KEY_COLOR:
        if (strcmp(arg, "auto") != 0 && strcmp(arg, "always") != 0 && strcmp(arg, "never") != 0)
            argp_error(state, "--color is auto, always or never, not '%s'", arg);
        c->color = arg[0] == 'n' ? COLOR_NEVER : arg[1] == 'l' ? COLOR_ALWAYS : COLOR_AUTO;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

const struct argp common_argp = {.options = options, .parser = parse};

static bool env_set(const char *name)
{
    const char *v = getenv(name);
    return v != NULL && v[0] != '\0';
}

bool common_colour(const struct common *c, FILE *stream)
{
    if (c->color != COLOR_AUTO)
        return c->color == COLOR_ALWAYS;
    if (env_set("NO_COLOR"))
        return false;
    const char *force = getenv("CLICOLOR_FORCE");
    if (force != NULL && force[0] != '\0' && strcmp(force, "0") != 0)
        return true;
    const char *term = getenv("TERM");
    return isatty(fileno(stream)) && (term == NULL || strcmp(term, "dumb") != 0);
}

bool common_progress(const struct common *c)
{
    const char *term = getenv("TERM");
    return !c->quiet && isatty(STDERR_FILENO) && !env_set("CI") &&
           (term == NULL || strcmp(term, "dumb") != 0);
}

void cli_parse(const struct argp *argp, int argc, char **argv, void *input)
{
    argp_err_exit_status = EXIT_USAGE;
    if (argp_parse(argp, argc, argv, 0, NULL, input) != 0)
        exit(EXIT_USAGE);
}

int cli_usage(const char *command, const char *format, ...)
{
    va_list ap;
    fprintf(stderr, "%s: ", command);
    va_start(ap, format);
    vfprintf(stderr, format, ap);
    va_end(ap);
    fputc('\n', stderr);
    return EXIT_USAGE;
}

void *cli_grow(void *p, size_t bytes)
{
    void *q = realloc(p, bytes > 0 ? bytes : 1);
    if (q == NULL) {
        fputs("ackproof: out of memory\n", stderr);
        exit(EXIT_HARNESS);
    }
    return q;
}

void *cli_alloc(size_t bytes)
{
    void *p = cli_grow(NULL, bytes);
    memset(p, 0, bytes);
    return p;
}

char *cli_path(const char *dir, const char *name)
{
    size_t n = strlen(dir) + strlen(name) + 2;
    char *p = cli_alloc(n);
    snprintf(p, n, "%s/%s", dir, name);
    return p;
}

bool cli_mkdirs(const char *path)
{
    char *p = cli_path(path, "");
    bool ok = true;
    for (char *s = p + 1; ok && *s != '\0'; s++) {
        if (*s != '/')
            continue;
        *s = '\0';
        ok = mkdir(p, 0777) == 0 || errno == EEXIST;
        if (!ok)
            fprintf(stderr, "ackproof: %s: %s\n", p, strerror(errno));
        *s = '/';
    }
    free(p);
    return ok;
}

void cli_copy_file(const char *from, FILE *to)
{
    FILE *f = fopen(from, "rb");
    if (f == NULL)
        return;
    char buf[4096];
    for (size_t n; (n = fread(buf, 1, sizeof buf, f)) > 0;)
        fwrite(buf, 1, n, to);
    fclose(f);
}

const char *cli_count(uint64_t n, char text[16])
{
    if (n >= 10000000000u)
        snprintf(text, 16, "%.1fG", (double)n / 1e9);
    else if (n >= 1000000)
        snprintf(text, 16, "%.1fM", (double)n / 1e6);
    else if (n >= 10000)
        snprintf(text, 16, "%.0fk", (double)n / 1e3);
    else
        snprintf(text, 16, "%u", (unsigned)n);
    return text;
}

void cli_print_quoted(FILE *f, const char *word)
{
    if (word[0] != '\0' && strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                        "0123456789_./=:,@+-") == strlen(word)) {
        fputs(word, f);
        return;
    }
    fputc('\'', f);
    for (; *word != '\0'; word++) {
        if (*word == '\'')
            fputs("'\\''", f);
        else
            fputc(*word, f);
    }
    fputc('\'', f);
}

const char *lane_name(const struct scenario *sc, uint32_t lane, char text[LANE_NAME_MAX])
{
    assert(sc != NULL);
    if (lane == LANE_MANAGER)
        snprintf(text, LANE_NAME_MAX, "manager");
    else if (lane == LANE_WORLD)
        snprintf(text, LANE_NAME_MAX, "world");
    else if (lane >= LANE_CLIENT)
        snprintf(text, LANE_NAME_MAX, "session %u", lane - LANE_CLIENT + 1);
    else if (lane == 0)
        snprintf(text, LANE_NAME_MAX, "primary");
    else
        snprintf(text, LANE_NAME_MAX, "replica %u", lane);
    return text;
}

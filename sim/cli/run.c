/* ackproof run: random runs of a scenario. A seed alone is a run; what is found here is replayed by
 * `ackproof replay SCENARIO --seed N`. Sampling refutes; it never says that something holds. */
#include "sim/cli/jobs.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct run_options {
    struct common common;
    const char *file;
    struct sampling how;
    uint64_t from, to;
    invariant_mask until;
    bool hash, to_stdout; /* to_stdout: the JSON, and nothing else */
};

static void parse_seeds(struct run_options *o, struct argp_state *state, const char *arg)
{
    const char *dots = strstr(arg, "..");
    char low[32];
    if (dots == NULL || (size_t)(dots - arg) >= sizeof low) {
        o->from = o->to = cli_number(state, "--seeds", arg, 0, UINT64_MAX);
        return;
    }
    memcpy(low, arg, (size_t)(dots - arg));
    low[dots - arg] = '\0';
    o->from = cli_number(state, "--seeds", low, 0, UINT64_MAX);
    o->to = cli_number(state, "--seeds", dots + 2, 0, UINT64_MAX);
    if (o->from > o->to || o->to - o->from == UINT64_MAX)
        argp_error(state, "--seeds wants A..B with A <= B, not '%s'", arg);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct run_options *o = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &o->how;
        state->child_inputs[1] = &o->common;
        return 0;
    case 's':
        parse_seeds(o, state, arg);
        return 0;
    case 'u': {
        enum invariant inv = invariant_find(arg);
        if (inv == INVARIANTS)
            argp_error(state, "--until wants a promise, not '%s'", arg);
        o->until |= 1u << inv;
        return 0;
    }
    case 'H':
        o->hash = true;
        return 0;
    case ARGP_KEY_ARG:
        if (o->file != NULL)
            argp_error(state, "one scenario at a time");
        o->file = arg;
        return 0;
    case ARGP_KEY_END:
        if (o->file == NULL)
            argp_error(state, "which scenario?");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static int print_hashes(const struct run_options *o, const struct scenario *sc)
{
    for (uint64_t seed = o->from;; seed++) {
        struct run_outcome out;
        explore_seed(sc, o->how.driver, seed, &out, NULL);
        printf("seed %llu hash %016llx%016llx\n", (unsigned long long)seed,
               (unsigned long long)out.rolling.hi, (unsigned long long)out.rolling.lo);
        if (seed == o->to)
            return EXIT_EXPECTED;
    }
}

/* Chances are rounded to the safe side. */
static void print_bound(const struct result *r)
{
    const struct explore_bound *b = &r->bound;
    if (b->depth == 0)
        return;
    printf("  %u actors; faults stop behind %u moves, which %llu runs came to\n", b->actors,
           b->moves, (unsigned long long)r->calmed);
    printf("  a run shows a defect of depth <= %u there with a chance of at least 1 / ", b->depth);
    if (b->depth == 1)
        printf("%u", b->actors);
    else if (b->depth == 2)
        printf("(%u * %u)", b->actors, b->turns);
    else
        printf("(%u * %u^%u)", b->actors, b->turns, b->depth - 1);
    printf(" = %.3g,\n  times 1/m for each answer out of m that it needs\n",
           explore_bound_chance(b) * 0.994);
    if (b->runs == 0)
        printf("  a find ended the runs: nothing is said of the other promises\n");
    else
        printf("  what is unfinished: all %llu runs missed such a defect with a chance of at most "
               "%.3g\n",
               (unsigned long long)b->runs, fmin(1, explore_bound_missed(b) * 1.006));
}

static void print_result(const struct run_options *o, const struct scenario *sc,
                         const struct result *r)
{
    bool colour = common_colour(&o->common, stdout);
    printf("%s: %llu runs (%s), %llu events, %.0f events/s, %llu different ends\n", sc->name,
           (unsigned long long)r->runs, driver_name(o->how.driver),
           (unsigned long long)r->transitions,
           r->seconds > 0 ? (double)r->transitions / r->seconds : 0.0, (unsigned long long)r->ends);
    if (sc->phases > 0)
        printf("  %llu phases came to rest and went on, %llu transactions, %llu crashes\n",
               (unsigned long long)r->phases, (unsigned long long)r->transactions,
               (unsigned long long)r->crashes);
    if (r->full > 0)
        printf("  %llu runs ended at a bound of the world (files, bytes)\n",
               (unsigned long long)r->full);
    for (uint32_t i = 0; i < INVARIANTS; i++) {
        const char *id = invariant_id((enum invariant)i);
        if (r->verdict[i] != VERDICT_BREAKS) {
            if (!o->common.quiet)
                printf("  %-9s 0 of %llu\n", id, (unsigned long long)r->runs);
            continue;
        }
        bool bad = sc->expect[i] == EXPECT_HOLDS;
        printf("  %-9s %s%llu of %llu%s%s; first: ", id, bad && colour ? "\033[1;31m" : "",
               (unsigned long long)r->broken_runs[i], (unsigned long long)r->runs,
               bad ? ", expected to hold" : "", bad && colour ? "\033[0m" : "");
        cli_print_quoted(stdout, cli_self);
        fputs(" replay ", stdout);
        cli_print_quoted(stdout, o->file);
        printf(" --seed %llu", (unsigned long long)r->first_seed[i]);
        sampling_print(stdout, &o->how);
        putchar('\n');
    }
    for (uint32_t i = 0; i < REACHES && !o->common.quiet; i++) {
        if ((sc->reach >> i & 1) != 0)
            printf("  reached in %llu runs: %s\n", (unsigned long long)r->reach_times[i],
                   reach_name((enum reach)i));
    }
    print_bound(r);
    printf("  digest %016llx%016llx\n", (unsigned long long)r->digest.hi,
           (unsigned long long)r->digest.lo);
}

/* DIR/run/NAME-PROMISE.witness for each promise that broke. */
static bool keep_witnesses(const struct run_options *o, const struct scenario *sc,
                           const struct result *r)
{
    char *dir = cli_path(o->common.out, "run");
    bool ok = true;
    bool made = false;
    for (uint32_t i = 0; i < INVARIANTS && ok; i++) {
        if (r->verdict[i] != VERDICT_BREAKS)
            continue;
        char name[SCENARIO_NAME_MAX + 32];
        snprintf(name, sizeof name, "%s-%s.witness", sc->name, invariant_id((enum invariant)i));
        char *path = cli_path(dir, name);
        ok = (made || cli_mkdirs(dir)) && witness_save(&r->witness[i], path, stderr);
        made = true;
        if (ok && !o->common.quiet && !o->to_stdout)
            printf("  witness of %u lines: %s\n", r->witness[i].n, path);
        free(path);
    }
    free(dir);
    return ok;
}

static json_t *number_text(uint64_t n)
{
    char text[24];
    snprintf(text, sizeof text, "%llu", (unsigned long long)n);
    return json_string(text);
}

/* The cells of the contract, and beside them what is particular to sampling. Seeds are texts,
 * since a JSON number stands for 53 bits in many readers. */
static bool add_sampling(const char *path, const struct run_options *o, const struct result *r)
{
    json_error_t e;
    json_t *root = json_load_file(path, 0, &e);
    if (root == NULL) {
        fprintf(stderr, "ackproof: %s: %s\n", path, e.text);
        return false;
    }
    char digest[40];
    snprintf(digest, sizeof digest, "%016llx%016llx", (unsigned long long)r->digest.hi,
             (unsigned long long)r->digest.lo);
    json_t *first = json_object();
    json_t *broken = json_object();
    for (uint32_t i = 0; i < INVARIANTS; i++) {
        const char *id = invariant_id((enum invariant)i);
        json_object_set_new(broken, id, json_integer((json_int_t)r->broken_runs[i]));
        json_object_set_new(first, id,
                            r->broken_runs[i] > 0 ? number_text(r->first_seed[i]) : json_null());
    }
    json_object_set_new(root, "driver", json_string(driver_name(o->how.driver)));
    json_object_set_new(root, "depth",
                        r->bound.depth > 0 ? json_integer(r->bound.depth) : json_null());
    json_object_set_new(root, "from", number_text(o->from));
    json_object_set_new(root, "to", number_text(o->to));
    json_object_set_new(root, "runs", json_integer((json_int_t)r->runs));
    json_object_set_new(root, "events", json_integer((json_int_t)r->transitions));
    json_object_set_new(root, "phases", json_integer((json_int_t)r->phases));
    json_object_set_new(root, "transactions", json_integer((json_int_t)r->transactions));
    json_object_set_new(root, "crashes", json_integer((json_int_t)r->crashes));
    json_object_set_new(root, "full", json_integer((json_int_t)r->full));
    json_object_set_new(root, "calmed", json_integer((json_int_t)r->calmed));
    json_object_set_new(root, "digest", json_string(digest));
    json_object_set_new(root, "broken_runs", broken);
    json_object_set_new(root, "first_seed", first);
    FILE *f = fopen(path, "w");
    bool ok = f != NULL && json_dumpf(root, f, JSON_SORT_KEYS | JSON_COMPACT) == 0;
    if (f != NULL)
        ok = fputc('\n', f) != EOF && fclose(f) == 0 && ok;
    json_decref(root);
    if (!ok)
        perror(path);
    return ok;
}

static bool write_files(const struct run_options *o, const struct scenario *sc,
                        const struct result *r)
{
    struct report *report = report_new();
    report_add_scenario(report, sc, 0, r);
    bool ok = write_derived(report, &o->common);
    report_free(report);
    if (o->common.json == NULL || strcmp(o->common.json, "-") == 0)
        return ok;
    return ok && add_sampling(o->common.json, o, r);
}

int cmd_run(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"seeds", 's', "A..B", 0, "First and last seed (default: 1..1000)", 0},
        {"until", 'u', "PROMISE", 0, "Stop behind the first run that breaks it, in one process", 0},
        {"hash", 'H', NULL, 0, "Print only the rolling hash of each seed's run", 0},
        {0},
    };
    static const struct argp_child children[] = {
        {&sampling_argp, 0, NULL, 0}, {&common_argp, 0, NULL, 0}, {0}};
    static const struct argp argp = {
        .options = options,
        .parser = parse,
        .args_doc = "SCENARIO.yaml",
        .doc =
            "Random runs, one per seed. Fails where a promise broke that the scenario expects to "
            "hold.",
        .children = children,
    };
    struct run_options o = {.from = 1, .to = 1000, .how = {.driver = DRIVER_SWARM}};
    common_default(&o.common);
    cli_parse(&argp, argc, argv, &o);
    struct scenario sc;
    if (!scenario_load(o.file, &sc, stderr))
        return EXIT_USAGE;
    sampling_apply(&o.how, &sc);
    if (o.hash)
        return print_hashes(&o, &sc);
    struct result r;
    memset(&r, 0, sizeof r);
    const struct explore_options how = {.jobs = o.common.jobs, .until = o.until};
    explore_random(&sc, o.how.driver, o.from, o.to, &how, &r);
    o.to_stdout = o.common.json != NULL && strcmp(o.common.json, "-") == 0;
    if (!o.to_stdout)
        print_result(&o, &sc, &r);
    int status =
        keep_witnesses(&o, &sc, &r) && write_files(&o, &sc, &r) ? EXIT_EXPECTED : EXIT_HARNESS;
    for (uint32_t i = 0; i < INVARIANTS && status == EXIT_EXPECTED; i++) {
        if (r.verdict[i] == VERDICT_BREAKS && sc.expect[i] == EXPECT_HOLDS)
            status = EXIT_DIFFERS;
    }
    result_free(&r);
    return status;
}

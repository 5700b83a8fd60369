/* ackproof replay: the same run again, step by step; and two such runs compared. */
#include "sim/cli/cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/explore/hash_log.h"

struct replay_options {
    struct common common;
    char *file, *other; /* other: --diff only */
    const char *hashes;
    bool seeded, gdb, hash, diff;
    uint64_t seed, until, break_at;
    struct sampling how;
};

enum { KEY_UNTIL = 0x200, KEY_BREAK_AT, KEY_GDB, KEY_HASH, KEY_HASHES, KEY_DIFF };

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct replay_options *o = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &o->how;
        state->child_inputs[1] = &o->common;
        return 0;
    case 's':
        o->seed = cli_number(state, "--seed", arg, 0, UINT64_MAX);
        o->seeded = true;
        return 0;
    case KEY_UNTIL:
        o->until = cli_number(state, "--until", arg, 1, UINT64_MAX);
        return 0;
    case KEY_BREAK_AT:
        o->break_at = cli_number(state, "--break-at", arg, 1, UINT64_MAX);
        return 0;
    case KEY_GDB:
        o->gdb = true;
        return 0;
    case KEY_HASH:
        o->hash = true;
        return 0;
    case KEY_HASHES:
        o->hashes = arg;
        return 0;
    case KEY_DIFF:
        o->diff = true;
        return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num > 1)
            argp_error(state, "one run at a time, or two files with --diff");
        *(state->arg_num == 0 ? &o->file : &o->other) = arg;
        return 0;
    case ARGP_KEY_END:
        if (o->file == NULL)
            argp_error(state, "which witness, or which scenario and --seed?");
        if (o->diff != (o->other != NULL))
            argp_error(state, o->diff ? "--diff wants two files that --hashes wrote"
                                      : "one run at a time, or two files with --diff");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* ---- the story as it happens ---------------------------------------------------------------- */

struct teller {
    struct tracer tracer; /* first: note() casts back */
    const struct scenario *sc;
    bool colour, hash, quiet;
    reach_mask told; /* conditions are told once, where they are first met */
};

static void print_marks(struct teller *t, const struct trace_step *s)
{
    for (uint32_t i = 0; i < REACHES; i++) {
        if (((s->reached & ~t->told) >> i & 1) != 0)
            printf("%21s%s+ %s%s\n", "", t->colour ? "\033[2m" : "", reach_name((enum reach)i),
                   t->colour ? "\033[0m" : "");
    }
    t->told |= s->reached;
    char text[TRACE_TEXT_MAX];
    for (uint32_t i = 0; i < INVARIANTS; i++) {
        if ((s->violated >> i & 1) != 0)
            printf("%21s%s! %s breaks: %s%s\n", "", t->colour ? "\033[1;31m" : "",
                   invariant_id((enum invariant)i), step_broken(s, (enum invariant)i, text),
                   t->colour ? "\033[0m" : "");
    }
}

static void tell(struct tracer *tracer, const struct trace_step *s)
{
    struct teller *t = (struct teller *)tracer;
    char lane[LANE_NAME_MAX], text[TRACE_TEXT_MAX];
    if (t->quiet)
        return;
    printf("%5llu  %-12s  %s", (unsigned long long)s->step, lane_name(t->sc, s->lane, lane),
           step_text(s, text));
    if (t->hash)
        printf("  [%016llx%016llx]", (unsigned long long)s->hash.hi,
               (unsigned long long)s->hash.lo);
    putchar('\n');
    print_marks(t, s);
}

/* ---- the debugger --------------------------------------------------------------------------- */

/* The first step that breaks what the witness is about (or anything): where to stop if nobody
 * says. */
static uint64_t step_of_break(const struct scenario *sc, const struct witness *w)
{
    struct story s;
    struct run_outcome out;
    uint64_t at = 0;
    enum invariant inv = invariant_find(w->invariant);
    story_init(&s);
    story_of(sc, w, &s, &out);
    for (size_t i = 0; i < s.n && at == 0; i++) {
        bool hit =
            inv < INVARIANTS ? (s.step[i].violated >> inv & 1) != 0 : s.step[i].violated != 0;
        if (hit)
            at = s.step[i].step;
    }
    story_free(&s);
    return at > 0 ? at : 1;
}

static int exec_gdb(const struct replay_options *o, const struct scenario *sc, uint64_t break_at)
{
    char at[24], seed[24], phases[24], depth[24], moves[24];
    snprintf(at, sizeof at, "%llu", (unsigned long long)break_at);
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)o->seed);
    char *self = cli_alloc(4096);
    ssize_t n = readlink("/proc/self/exe", self, 4095);
    if (n <= 0)
        snprintf(self, 4096, "%s", cli_self);
    const char *argv[28] = {"gdb",        "-q",
                            "-ex",        "set breakpoint pending on",
                            "-ex",        "break sim_break",
                            "-ex",        "run",
                            "-ex",        "finish",
                            "--args",     self,
                            "replay",     o->file,
                            "--break-at", at};
    int argc = 16;
    if (o->seeded) {
        argv[argc++] = "--seed";
        argv[argc++] = seed;
        argv[argc++] = "--driver";
        argv[argc++] = driver_name(o->how.driver);
        if (sc->phases > 0) {
            snprintf(phases, sizeof phases, "%u", sc->phases);
            argv[argc++] = "--phases";
            argv[argc++] = phases;
        }
        if (sc->depth > 0) {
            snprintf(depth, sizeof depth, "%u", sc->depth);
            snprintf(moves, sizeof moves, "%u", sc->max_steps);
            argv[argc++] = "--depth";
            argv[argc++] = depth;
            argv[argc++] = "--moves";
            argv[argc++] = moves;
        }
    }
    argv[argc] = NULL;
    fflush(NULL);
    execvp("gdb", (char *const *)(uintptr_t)argv);
    fprintf(stderr, "ackproof: gdb: %s (Debian package gdb)\n", strerror(errno));
    free(self);
    return EXIT_SKIPPED;
}

/* ---- the command ---------------------------------------------------------------------------- */

/* 1 where the named promise did not break, or, without a name, one broke that is expected to
 * hold. */
static int judge(const struct scenario *sc, const struct witness *w, const struct run_outcome *out,
                 bool whole)
{
    enum invariant named = invariant_find(w->invariant);
    if (named < INVARIANTS) {
        if (!whole || (out->violated >> named & 1) != 0)
            return EXIT_EXPECTED;
        fprintf(stderr, "ackproof: the run does not break %s, as the witness says\n", w->invariant);
        return EXIT_DIFFERS;
    }
    for (uint32_t i = 0; i < INVARIANTS; i++) {
        if ((out->violated >> i & 1) != 0 && sc->expect[i] == EXPECT_HOLDS)
            return EXIT_DIFFERS;
    }
    return EXIT_EXPECTED;
}

static int follow(const struct replay_options *o, const struct scenario *sc,
                  const struct witness *w)
{
    struct teller t = {.tracer = {.note = tell},
                       .sc = sc,
                       .colour = common_colour(&o->common, stdout),
                       .hash = o->hash,
                       .quiet = o->common.quiet};
    struct replay opt = {.until = o->until, .break_at = o->break_at, .tracer = &t.tracer};
    struct run_outcome out;
    if (o->hashes != NULL && (opt.hashes = fopen(o->hashes, "w")) == NULL) {
        fprintf(stderr, "ackproof: %s: %s\n", o->hashes, strerror(errno));
        return EXIT_HARNESS;
    }
    enum replay_end end = explore_replay(sc, w, &opt, &out, stderr, NULL, NULL);
    if (opt.hashes != NULL && fclose(opt.hashes) != 0) {
        fprintf(stderr, "ackproof: %s: %s\n", o->hashes, strerror(errno));
        return EXIT_HARNESS;
    }
    if (end != REPLAY_DONE)
        return EXIT_HARNESS;
    bool whole = o->until == 0 || out.steps < o->until;
    printf("%llu steps%s, rolling hash %016llx%016llx", (unsigned long long)out.steps,
           whole ? "" : " (--until)", (unsigned long long)out.rolling.hi,
           (unsigned long long)out.rolling.lo);
    if (whole)
        printf(", final state %016llx%016llx", (unsigned long long)w->final_hash.hi,
               (unsigned long long)w->final_hash.lo);
    fputs(out.violated == 0 ? "; no promise broken" : "; broken:", stdout);
    for (uint32_t i = 0; i < INVARIANTS; i++) {
        if ((out.violated >> i & 1) != 0)
            printf(" %s", invariant_id((enum invariant)i));
    }
    putchar('\n');
    return judge(sc, w, &out, whole);
}

int cmd_replay(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"seed", 's', "N", 0, "The run of this seed (the argument is a scenario)", 0},
        {"until", KEY_UNTIL, "STEP", 0, "Stop behind this step", 0},
        {"break-at", KEY_BREAK_AT, "STEP", 0, "Call sim_break() before this step", 0},
        {"gdb", KEY_GDB, NULL, 0, "Under gdb, stopped there (default: where the promise breaks)",
         0},
        {"hash", KEY_HASH, NULL, 0, "Print the state's hash with each step", 0},
        {"hashes", KEY_HASHES, "FILE", 0, "Write a line per step: number, choices, state's hash",
         0},
        {"diff", KEY_DIFF, NULL, 0, "Compare two such files; status 1 where they differ", 0},
        {0},
    };
    static const struct argp_child children[] = {
        {&sampling_argp, 0, "Of the seed:", 1}, {&common_argp, 0, NULL, 0}, {0}};
    static const struct argp argp = {
        .options = options,
        .parser = parse,
        .args_doc = "WITNESS\nSCENARIO.yaml --seed N\n--diff HASHES HASHES",
        .doc = "Makes the same run again and tells each step. Fails loudly (status 3) at the first "
               "choice that no longer fits, and where the final state differs. With --diff: the "
               "first step at which two runs that should be one differ.",
        .children = children,
    };
    struct replay_options o = {.how = {.driver = DRIVER_SWARM}};
    common_default(&o.common);
    cli_parse(&argp, argc, argv, &o);
    if (o.diff) {
        enum hash_diff d = hash_log_diff(o.file, o.other, stdout, stderr);
        return d == HASH_LOGS_EQUAL ? EXIT_EXPECTED
               : d == HASH_LOGS_BAD ? EXIT_USAGE
                                    : EXIT_DIFFERS;
    }
    struct scenario sc;
    struct witness w;
    memset(&w, 0, sizeof w);
    if (!o.seeded) {
        if (!load_witness(o.file, &w, &sc))
            return EXIT_USAGE;
    } else {
        if (!scenario_load(o.file, &sc, stderr))
            return EXIT_USAGE;
        struct run_outcome out;
        sampling_apply(&o.how, &sc);
        explore_seed(&sc, o.how.driver, o.seed, &out, &w);
    }
    int status = o.gdb ? exec_gdb(&o, &sc, o.break_at > 0 ? o.break_at : step_of_break(&sc, &w))
                       : follow(&o, &sc, &w);
    witness_free(&w);
    return status;
}

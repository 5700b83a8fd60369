/* ackproof shrink: a witness as small as it gets, in a scenario as small as it gets, and for each
 * line of it the proof that it is needed. */
#include "sim/cli/cli.h"

#include <stdlib.h>
#include <string.h>

#include "sim/explore/fault_sets.h"
#include "sim/explore/reduce.h"
#include "sim/scenario_write.h"

enum { PATH_ROOM = 512, FAULTS_TEXT_MAX = 512, MAX_STATES_DEFAULT = 200000 };

struct shrink_options {
    struct common common;
    char *file;
    bool keep_scenario;
};

enum { KEY_KEEP_SCENARIO = 0x200 };

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct shrink_options *o = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &o->common;
        return 0;
    case KEY_KEEP_SCENARIO:
        o->keep_scenario = true;
        return 0;
    case ARGP_KEY_ARG:
        if (o->file != NULL)
            argp_error(state, "one witness at a time");
        o->file = arg;
        return 0;
    case ARGP_KEY_END:
        if (o->file == NULL)
            argp_error(state, "which witness?");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* ---- is it still the same counterexample? --------------------------------------------------- */

struct edge {
    enum invariant inv;
    char text[EDGE_MAX];
};

/* False where the witness does not replay, or does not break its promise. */
static bool edge_of(const struct scenario *sc, const struct witness *w, struct edge *e)
{
    struct story story;
    struct run_outcome out;
    story_init(&story);
    bool ok = story_of(sc, w, &story, &out) && (out.violated >> e->inv & 1) != 0;
    story_edge(&story, e->inv, e->text);
    story_free(&story);
    return ok;
}

static bool same_edge(void *arg, const struct scenario *sc, const struct witness *w)
{
    const struct edge *from = arg;
    struct edge here = {.inv = from->inv};
    return edge_of(sc, w, &here) && strcmp(here.text, from->text) == 0;
}

/* ---- what is told ---------------------------------------------------------------------------- */

static uint32_t moves_of(const struct witness *w)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < w->n; i++)
        n += w->choice[i].what == CHOOSE_MOVE;
    return n;
}

static void tell_number(const char *what, uint32_t from, uint32_t to)
{
    if (from == to)
        printf("  %-13s %u\n", what, to);
    else
        printf("  %-13s %u -> %u\n", what, from, to);
}

static const char *faults_text(const struct scenario *sc, char text[FAULTS_TEXT_MAX])
{
    struct fault_budgets b = {{0}};
    for (uint32_t i = 0; i < sc->n_faults; i++)
        b.n[i] = (uint8_t)sc->fault[i].at_most;
    fault_budgets_text(sc, &b, text, FAULTS_TEXT_MAX);
    return text;
}

static void tell_change(const struct scenario *was, const struct scenario *is, uint32_t moves_was,
                        uint32_t moves_is)
{
    char a[FAULTS_TEXT_MAX], b[FAULTS_TEXT_MAX];
    tell_number("moves", moves_was, moves_is);
    tell_number("replicas", was->n_nodes - 1, is->n_nodes - 1);
    tell_number("sessions", was->sessions, is->sessions);
    tell_number("transactions", was->transactions, is->transactions);
    faults_text(was, a);
    faults_text(is, b);
    printf("  %-13s %s%s%s\n", "faults", a, strcmp(a, b) == 0 ? "" : " -> ",
           strcmp(a, b) == 0 ? "" : b);
}

static const char *choice_words(const struct witness_choice *c, char text[64])
{
    if (c->what == CHOOSE_MOVE)
        snprintf(text, 64, "%s %u %u %u", move_kind_name((enum move_kind)(c->key >> 24)),
                 c->key >> 16 & 255, c->key >> 8 & 255, c->key & 255);
    else
        snprintf(text, 64, "  %s %u/%u", choice_name((enum choice)c->what), c->key, c->n);
    return text;
}

/* One line per line of the witness. True where each is needed. */
static bool tell_need(const struct scenario *sc, const struct witness *w, enum invariant inv,
                      bool quiet)
{
    enum need *need = cli_alloc(w->n * sizeof *need);
    struct story story;
    struct run_outcome out;
    story_init(&story);
    bool replays = story_of(sc, w, &story, &out);
    uint32_t idle = explore_needed(sc, inv, w, need), asking = 0;
    size_t step = 0;
    for (uint32_t i = 0; i < w->n; i++) {
        static const char *const word[] = {
            [NEEDED] = "needed", [NEED_NONE] = "mildest", [NEED_NOT] = "NOT NEEDED"};
        char choice[64], text[TRACE_TEXT_MAX] = "";
        asking += need[i] != NEED_NONE;
        if (w->choice[i].what == CHOOSE_MOVE && step < story.n)
            step_text(&story.step[step++], text);
        if (!quiet || need[i] == NEED_NOT)
            printf("  %-20s %-10s %s\n", choice_words(&w->choice[i], choice), word[need[i]], text);
    }
    printf("%u of %u lines needed: without any one of them %s holds on the rest\n", asking - idle,
           asking, invariant_id(inv));
    story_free(&story);
    free(need);
    return replays && idle == 0;
}

/* ---- files ----------------------------------------------------------------------------------- */

/* "OUT/shrunk/NAME-INV.EXT" */
static bool path_of(char path[PATH_ROOM], const struct common *common, const char *name,
                    enum invariant inv, const char *ext)
{
    int n =
        snprintf(path, PATH_ROOM, "%s/shrunk/%s-%s.%s", common->out, name, invariant_id(inv), ext);
    if (n > 0 && n < PATH_ROOM)
        return true;
    fprintf(stderr, "ackproof: %s: the path is too long\n", common->out);
    return false;
}

static void rename_scenario(struct scenario *sc, enum invariant inv)
{
    char low[16];
    const char *id = invariant_id(inv);
    size_t n = 0;
    for (; id[n] != '\0' && n + 1 < sizeof low; n++)
        low[n] = (char)(id[n] >= 'A' && id[n] <= 'Z' ? id[n] - 'A' + 'a' : id[n]);
    low[n] = '\0';
    char name[SCENARIO_NAME_MAX];
    memcpy(name, sc->name, sizeof name);
    snprintf(sc->name, sizeof sc->name, "%.*s-%s", (int)(sizeof sc->name - n - 2), name, low);
}

/* The smaller scenario as a file, read back: what is told from here on is what the file says. */
static bool keep_scenario(struct scenario *sc, const char *path, const char *from,
                          enum invariant inv)
{
    char note[PATH_ROOM + 128];
    snprintf(note, sizeof note,
             "Reduced from %s by `ackproof shrink`:\nwhat is left still breaks %s.", from,
             invariant_id(inv));
    rename_scenario(sc, inv);
    return scenario_save(sc, path, note, stderr) && scenario_load(path, sc, stderr);
}

static bool keep(const struct shrink_options *o, struct scenario *sc, struct witness *w,
                 enum invariant inv, bool changed)
{
    char path[PATH_ROOM], name[SCENARIO_NAME_MAX], from[sizeof sc->file];
    char *dir = cli_path(o->common.out, "shrunk");
    bool ok = cli_mkdirs(dir);
    free(dir);
    memcpy(name, sc->name, sizeof name);
    memcpy(from, sc->file, sizeof from);
    if (ok && changed) {
        ok = path_of(path, &o->common, name, inv, "yaml") && strlen(path) < sizeof sc->file &&
             keep_scenario(sc, path, from, inv);
        if (ok) {
            memcpy(w->scenario, sc->file, sizeof w->scenario);
            printf("scenario: %s\n", path);
        }
    }
    ok = ok && path_of(path, &o->common, name, inv, "witness") && witness_save(w, path, stderr);
    if (ok) {
        printf("witness:  %s\n", path);
        fputs("replay:   ", stdout);
        cli_print_quoted(stdout, cli_self);
        fputs(" replay ", stdout);
        cli_print_quoted(stdout, path);
        putchar('\n');
    }
    return ok;
}

/* ---- the command ----------------------------------------------------------------------------- */

static int shrink(const struct shrink_options *o, struct scenario *sc, struct witness *w)
{
    struct edge edge = {.inv = invariant_find(w->invariant)};
    if (edge.inv == INVARIANTS)
        return cli_usage("ackproof shrink", "%s: it breaks no promise; there is nothing to keep",
                         o->file);
    if (!edge_of(sc, w, &edge)) {
        fprintf(stderr, "ackproof: %s: its replay does not break %s\n", o->file, w->invariant);
        return EXIT_HARNESS;
    }
    const struct scenario was = *sc;
    uint32_t moves = moves_of(w);
    bool changed = false;
    const struct reduce_options opt = {.max_states = o->common.max_states > 0 ? o->common.max_states
                                                                              : MAX_STATES_DEFAULT,
                                       .same = same_edge,
                                       .arg = &edge};
    if (o->keep_scenario)
        explore_shorten(sc, edge.inv, w);
    else
        changed = explore_reduce(sc, edge.inv, &opt, w);
    printf("%s %s: %s\n", was.name, invariant_id(edge.inv), edge.text);
    if (!o->common.quiet)
        tell_change(&was, sc, moves, moves_of(w));
    if (!keep(o, sc, w, edge.inv, changed))
        return EXIT_HARNESS;
    return tell_need(sc, w, edge.inv, o->common.quiet) ? EXIT_EXPECTED : EXIT_HARNESS;
}

int cmd_shrink(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"keep-scenario", KEY_KEEP_SCENARIO, NULL, 0, "Shorten the run only", 0},
        {0},
    };
    static const struct argp_child children[] = {{&common_argp, 0, NULL, 0}, {0}};
    static const struct argp argp = {
        .options = options,
        .parser = parse,
        .args_doc = "WITNESS",
        .doc =
            "Leaves out moves, weakens faults, drops replicas, sessions, transactions and faults, "
            "as long as the same promise breaks over the same edge; then shows for each line "
            "that is left that the promise holds without it. Writes OUT/shrunk/NAME-INV.witness, "
            "and .yaml beside it where the scenario became smaller. --max-states bounds each "
            "search on the way (200000).",
        .children = children,
    };
    struct shrink_options o = {.keep_scenario = false};
    common_default(&o.common);
    cli_parse(&argp, argc, argv, &o);
    struct scenario sc;
    struct witness w;
    if (!load_witness(o.file, &w, &sc))
        return EXIT_USAGE;
    int status = shrink(&o, &sc, &w);
    witness_free(&w);
    return status;
}

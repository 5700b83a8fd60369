/* ackproof explain: a counterexample as a space-time table, time downwards, a column per
 * session, server and manager; and in words what was promised and which edge of it was crossed. */
#include "sim/cli/cli.h"

#include <stdlib.h>
#include <string.h>

enum { COLUMN = 5, LANES_MAX = SESSIONS_MAX + NODES_MAX + 1, PAGE = 110, TEXT_MIN = 40 };

struct explain_options {
    struct common common;
    char *file;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct explain_options *o = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &o->common;
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

/* ---- the table ------------------------------------------------------------------------------ */

struct table {
    uint32_t lane[LANES_MAX];
    uint32_t n;
    bool colour;
    reach_mask told; /* conditions are told once, where they are first met */
};

static void add_lane(struct table *t, uint32_t lane)
{
    t->lane[t->n++] = lane;
}

static void choose_lanes(struct table *t, const struct scenario *sc)
{
    for (uint32_t i = 0; i < sc->sessions; i++)
        add_lane(t, LANE_CLIENT + i);
    for (uint32_t i = 0; i < sc->n_nodes; i++)
        add_lane(t, i);
    add_lane(t, LANE_MANAGER);
}

/* LANES_MAX where the lane has no column. */
static uint32_t column_of(const struct table *t, uint32_t lane)
{
    for (uint32_t i = 0; i < t->n; i++) {
        if (t->lane[i] == lane)
            return i;
    }
    return LANES_MAX;
}

/* "P", "R1", "S2", "M"; text has room for 16. */
static const char *short_name(uint32_t lane, char *text)
{
    if (lane == LANE_MANAGER || lane == 0)
        snprintf(text, 16, "%s", lane == 0 ? "P" : "M");
    else
        snprintf(text, 16, "%c%u", lane >= LANE_CLIENT ? 'S' : 'R',
                 lane >= LANE_CLIENT ? lane - LANE_CLIENT + 1 : lane);
    return text;
}

static void print_head(const struct table *t, const struct scenario *sc)
{
    char name[LANE_NAME_MAX], text[16];
    for (uint32_t i = 0; i < t->n; i++)
        printf("%s%s %s", i == 0 ? "" : ", ", short_name(t->lane[i], text),
               lane_name(sc, t->lane[i], name));
    fputs("\n\n step ", stdout);
    for (uint32_t i = 0; i < t->n; i++)
        printf("%-*s", COLUMN, short_name(t->lane[i], text));
    putchar('\n');
}

/* The rails of all lanes, with `o` where it happens and an arrow to where it goes. */
static void print_rails(const struct table *t, const struct trace_step *s)
{
    char line[LANES_MAX * COLUMN + 1];
    memset(line, ' ', sizeof line);
    for (uint32_t i = 0; i < t->n; i++)
        line[i * COLUMN] = '|';
    line[t->n * COLUMN] = '\0';
    uint32_t from = s == NULL ? LANES_MAX : column_of(t, s->lane);
    uint32_t to = s == NULL ? LANES_MAX : column_of(t, s->to_lane);
    if (from != LANES_MAX && to != LANES_MAX && from != to) {
        uint32_t a = (from < to ? from : to) * COLUMN, b = (from < to ? to : from) * COLUMN;
        memset(line + a, '-', b - a);
        line[to * COLUMN] = from < to ? '>' : '<';
    }
    if (from != LANES_MAX)
        line[from * COLUMN] = 'o';
    fputs(line, stdout);
}

/* Text behind the rails, in as many lines as it takes. */
static void print_text(const struct table *t, const char *text, const char *paint)
{
    size_t used = 6 + t->n * COLUMN + 1;
    size_t room = used + TEXT_MIN > PAGE ? TEXT_MIN : PAGE - used;
    const char *unpaint = t->colour && paint[0] != '\0' ? "\033[0m" : "";
    paint = t->colour ? paint : "";
    for (;;) {
        size_t len = strlen(text), cut = len;
        if (len > room) {
            for (cut = room; cut > 0 && text[cut] != ' '; cut--) {
            }
            cut = cut == 0 ? room : cut;
        }
        printf(" %s%.*s%s\n", paint, (int)cut, text, unpaint);
        text += cut;
        while (*text == ' ')
            text++;
        if (*text == '\0')
            return;
        fputs("      ", stdout);
        print_rails(t, NULL);
    }
}

static void print_note(const struct table *t, const char *text, const char *paint)
{
    fputs("      ", stdout);
    print_rails(t, NULL);
    print_text(t, text, paint);
}

static void print_step(struct table *t, const struct trace_step *s)
{
    printf("%5llu ", (unsigned long long)s->step);
    print_rails(t, s);
    char text[TRACE_TEXT_MAX + 32], part[TRACE_TEXT_MAX];
    print_text(t, step_text(s, part), "");
    for (uint32_t i = 0; i < REACHES; i++) {
        if (((s->reached & ~t->told) >> i & 1) != 0) {
            snprintf(text, sizeof text, "+ %s", reach_name((enum reach)i));
            print_note(t, text, "\033[2m");
        }
    }
    t->told |= s->reached;
    for (uint32_t i = 0; i < INVARIANTS; i++) {
        if ((s->violated >> i & 1) != 0) {
            snprintf(text, sizeof text, "! %s: %s", invariant_id((enum invariant)i),
                     step_broken(s, (enum invariant)i, part));
            print_note(t, text, "\033[1;31m");
        }
    }
}

/* ---- in words ------------------------------------------------------------------------------- */

static void print_transactions(uint32_t mask)
{
    const char *sep = mask != 0 ? ", about transaction " : "";
    for (uint32_t i = 0; i < TXNS_MAX; i++) {
        if ((mask >> i & 1) != 0) {
            printf("%s%u", sep, i + 1);
            sep = " and ";
        }
    }
}

static void print_broken(const struct story *story, uint32_t inv)
{
    for (size_t k = 0; k < story->n; k++) {
        const struct trace_step *s = &story->step[k];
        if ((s->violated >> inv & 1) == 0)
            continue;
        char broken[TRACE_TEXT_MAX], text[TRACE_TEXT_MAX];
        printf("\n%s breaks at step %llu", invariant_id((enum invariant)inv),
               (unsigned long long)s->step);
        print_transactions(s->txn_mask);
        printf(".\n  promise: %s\n  what happened: %s\n", invariant_statement((enum invariant)inv),
               s->broken[0] != '\0' ? step_broken(s, (enum invariant)inv, broken)
                                    : step_text(s, text));
        return;
    }
}

static void print_how(const char *witness)
{
    fputs("\nagain:    ", stdout);
    cli_print_quoted(stdout, cli_self);
    fputs(" replay ", stdout);
    cli_print_quoted(stdout, witness);
    fputs("\ndebugger: ", stdout);
    cli_print_quoted(stdout, cli_self);
    fputs(" replay ", stdout);
    cli_print_quoted(stdout, witness);
    fputs(" --gdb\n", stdout);
}

int cmd_explain(int argc, char **argv)
{
    static const struct argp_child children[] = {{&common_argp, 0, NULL, 0}, {0}};
    static const struct argp argp = {
        .parser = parse,
        .args_doc = "WITNESS",
        .doc =
            "Tells a counterexample: a space-time table, and in words which promise broke where.",
        .children = children,
    };
    struct explain_options o = {.file = NULL};
    common_default(&o.common);
    cli_parse(&argp, argc, argv, &o);
    struct scenario sc;
    struct witness w;
    if (!load_witness(o.file, &w, &sc))
        return EXIT_USAGE;
    struct story story;
    struct run_outcome out;
    story_init(&story);
    bool ok = story_of(&sc, &w, &story, &out);
    struct table t = {.colour = common_colour(&o.common, stdout)};
    choose_lanes(&t, &sc);
    printf("%s: %s\n", sc.name, sc.title);
    if (sc.story[0] != '\0')
        printf("%s\n", sc.story);
    putchar('\n');
    print_head(&t, &sc);
    for (size_t i = 0; i < story.n; i++)
        print_step(&t, &story.step[i]);
    for (uint32_t i = 0; i < INVARIANTS; i++) {
        if ((out.violated >> i & 1) != 0)
            print_broken(&story, i);
    }
    if (out.violated == 0)
        puts("\nno promise broke");
    print_how(o.file);
    story_free(&story);
    witness_free(&w);
    return ok ? EXIT_EXPECTED : EXIT_HARNESS;
}

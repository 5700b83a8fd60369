/* The ackproof command: what its subcommands share.
 *
 * Each subcommand is a function of its argc and argv (argv[0] is "ackproof NAME") that answers with
 * an exit status. Options that every subcommand takes are parsed by common_argp, a child parser of
 * each. The contract with scripts is in sim/cli/README.md: statuses, options, the shape of --json.
 */
#ifndef ACKPROOF_SIM_CLI_CLI_H
#define ACKPROOF_SIM_CLI_CLI_H

#include <argp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "reports/report.h"
#include "sim/explore/explore.h"
#include "sim/scenario.h"

enum exit_status {
    EXIT_EXPECTED = 0, /* all as expected */
    EXIT_DIFFERS = 1,  /* a verdict differs from the expectation */
    EXIT_USAGE = 2,    /* usage or scenario error */
    EXIT_HARNESS = 3,  /* the harness itself failed: nondeterminism, assertion, a file */
    EXIT_SKIPPED = 77, /* something named in the message is missing */
};

/* ---- options that every subcommand takes ---------------------------------------------------- */

struct common {
    uint32_t jobs;          /* searches, or processes that share random runs */
    const char *out;        /* directory for witnesses and reports */
    const char *json;       /* NULL: not asked for; "-": standard output */
    const char *junit;      /* NULL: not asked for */
    uint32_t shard, shards; /* this is part shard (from 1) of shards */
    uint64_t max_states;    /* 0: what the scenario says */
    uint64_t memory_bytes;  /* bound of one search; 0: its share of the machine */
    uint32_t no_reduction;  /* mask of enum reduction */
    enum { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER } color;
    bool quiet;
    double seconds;            /* prove: how long one search may take; 0: no matter */
    const char *save, *resume; /* prove: files of a search that was stopped, or NULL */
    bool shortest;             /* prove, matrix: witnesses with the fewest moves */
    bool
        fault_sets; /* prove, matrix: search for the smallest sets of faults that break a promise */
};
void common_default(struct common *c);
/* For .children of a subcommand's argp; its parser sets state->child_inputs[0] to a struct
 * common. */
extern const struct argp common_argp;
bool common_colour(const struct common *c, FILE *stream);
/* Does a progress line make sense on stderr? */
bool common_progress(const struct common *c);

/* argp_parse for a subcommand: usage errors end the process with EXIT_USAGE. */
void cli_parse(const struct argp *argp, int argc, char **argv, void *input);
/* Whole number with nothing behind it; a usage error of `state` otherwise. */
uint64_t cli_number(struct argp_state *state, const char *what, const char *text, uint64_t min,
                    uint64_t max);
/* A usage error that does not come from argp: prints "COMMAND: ..." and answers EXIT_USAGE. */
int cli_usage(const char *command, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- options of random runs (sampling.c) ----------------------------------------------------- */

enum { PHASES_MAX = 1000000000 };
struct sampling {
    enum driver driver;
    uint64_t phases, transactions; /* of a long run; 0: not given */
    uint32_t depth, moves;         /* pct with a bound; 0: not given */
};
/* For .children; wants a struct sampling. */
extern const struct argp sampling_argp;
/* Sets what the options say, and what follows from them where they say nothing. */
void sampling_apply(struct sampling *s, struct scenario *sc);
/* The same as options, where they are not the default. */
void sampling_print(FILE *f, const struct sampling *s);

/* ---- subcommands ---------------------------------------------------------------------------- */

int cmd_prove(int argc, char **argv);
int cmd_matrix(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_replay(int argc, char **argv);
int cmd_shrink(int argc, char **argv);
int cmd_explain(int argc, char **argv);
int cmd_export(int argc, char **argv);
int cmd_live(int argc, char **argv);
int cmd_report(int argc, char **argv);
int cmd_check(int argc, char **argv);

/* ---- small things --------------------------------------------------------------------------- */

/* malloc and realloc that never answer NULL. */
void *cli_alloc(size_t bytes);
void *cli_grow(void *p, size_t bytes);
/* mkdir -p. False: said why on stderr. */
bool cli_mkdirs(const char *path);
/* "DIR/NAME", allocated. */
char *cli_path(const char *dir, const char *name);
void cli_copy_file(const char *from, FILE *to);
/* This program, for replay commands and gdb: argv[0] of main. */
extern const char *cli_self;
/* "12.3M", "845k", "99"; text has room for 16. */
const char *cli_count(uint64_t n, char text[16]);
/* Words a shell would not take apart stay as they are, others come in single quotes. */
void cli_print_quoted(FILE *f, const char *word);

enum { LANE_NAME_MAX = 24 };
/* "session 1", "primary", "replica 1", "manager", "world". */
const char *lane_name(const struct scenario *sc, uint32_t lane, char text[LANE_NAME_MAX]);

/* ---- stories -------------------------------------------------------------------------------- */

/* What happened, or the bare move where the world had nothing to say about it. */
const char *step_text(const struct trace_step *s, char text[TRACE_TEXT_MAX]);
/* The parts of s->broken that are about this invariant, without its name in front. */
const char *step_broken(const struct trace_step *s, enum invariant inv, char text[TRACE_TEXT_MAX]);

/* Which edge was crossed, without the numbers of transactions: the parts about `inv` in the last
 * step that breaks it, each kind once ("T# was answered OK and ..."). Counterexamples with one
 * edge show one thing. */
struct story;
enum { EDGE_MAX = 2 * TRACE_TEXT_MAX };
const char *story_edge(const struct story *s, enum invariant inv, char text[EDGE_MAX]);

/* A tracer that keeps what it hears. */
struct story {
    struct tracer tracer; /* first: note() casts back */
    struct trace_step *step;
    size_t n, cap;
};
void story_init(struct story *s);
void story_free(struct story *s);
/* Follows a witness and keeps its story. On a misfit or another hash says so on stderr, and answers
 * false: the harness is not deterministic, or the witness is of another version. */
bool story_of(const struct scenario *sc, const struct witness *w, struct story *s,
              struct run_outcome *out);
/* A witness and its scenario, whose path is tried as it stands and then from the witness's
 * directory upwards. False: said why. */
bool load_witness(const char *path, struct witness *w, struct scenario *sc);

#endif

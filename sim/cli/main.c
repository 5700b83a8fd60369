/* ackproof: proves and refutes durability claims of semi-synchronous replication. */
#include "sim/cli/cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#ifndef ACKPROOF_VERSION
#define ACKPROOF_VERSION "unknown"
#endif

static const struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *what;
} commands[] = {
    {"prove", cmd_prove, "exhaust scenarios and compare with what they expect"},
    {"matrix", cmd_matrix, "all cells of scenarios/matrix.yaml; writes a report"},
    {"run", cmd_run, "random runs of a scenario from seeds"},
    {"replay", cmd_replay, "the same run again, step by step, from a witness or a seed"},
    {"shrink", cmd_shrink, "the smallest form of a witness, with a proof that each line is needed"},
    {"explain", cmd_explain, "the story of a witness: space-time table and what broke"},
    {"export", cmd_export, "the nodes' disks at a step of a witness, as real files"},
    {"live", cmd_live, "a scenario on a real mariadbd"},
    {"report", cmd_report, "table, HTML page and JUnit file from DIR/report.json"},
    {"check", cmd_check, "read scenario files and say what is wrong with them"},
};
enum { COMMANDS = sizeof commands / sizeof commands[0] };

struct choice_of_command {
    const struct command *command;
    int at; /* index in argv */
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct choice_of_command *c = state->input;
    if (key == ARGP_KEY_NO_ARGS)
        argp_usage(state);
    if (key != ARGP_KEY_ARG)
        return ARGP_ERR_UNKNOWN;
    for (int i = 0; i < COMMANDS; i++) {
        if (strcmp(arg, commands[i].name) == 0)
            c->command = &commands[i];
    }
    if (c->command == NULL)
        argp_error(state, "there is no command '%s'", arg);
    c->at = state->next - 1;
    state->next = state->argc; /* the rest is the command's */
    return 0;
}

static char *help(int key, const char *text, void *input)
{
    (void)input;
    if (key != ARGP_KEY_HELP_POST_DOC)
        return (char *)(uintptr_t)text;
    char *out = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&out, &n);
    if (f == NULL)
        return NULL;
    fputs("Commands:\n", f);
    for (int i = 0; i < COMMANDS; i++)
        fprintf(f, "  %-9s %s\n", commands[i].name, commands[i].what);
    fputs("\n`ackproof COMMAND --help' says more about one of them.\n\n"
          "Exit status: 0 all as expected, 1 a verdict differs from the expectation,\n"
          "2 usage or scenario error, 3 the harness itself failed, 77 skipped for want of\n"
          "something that the message names.",
          f);
    fclose(f);
    return out; /* argp frees it */
}

int main(int argc, char **argv)
{
    static const struct argp argp = {
        .parser = parse,
        .args_doc = "COMMAND [ARGUMENT...]",
        .doc = "Deterministic simulation of MariaDB and MySQL semi-synchronous replication: which "
               "durability guarantee holds in a configuration and which one breaks, with the proof "
               "or the counterexample.\v ",
        .help_filter = help,
    };
    argp_program_version = "ackproof " ACKPROOF_VERSION;
    argp_err_exit_status = EXIT_USAGE;
    cli_self = argc > 0 ? argv[0] : "ackproof";
    struct choice_of_command c = {NULL, 0};
    if (argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &c) != 0 || c.command == NULL)
        return EXIT_USAGE;
    char name[64];
    snprintf(name, sizeof name, "ackproof %s", c.command->name);
    argv[c.at] = name;
    int status = c.command->run(argc - c.at, argv + c.at);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "ackproof: standard output: %s\n", strerror(errno));
        return status == EXIT_EXPECTED ? EXIT_HARNESS : status;
    }
    return status;
}

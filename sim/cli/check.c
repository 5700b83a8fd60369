/* ackproof check: reads scenario files and says what is wrong with them. */
#include "sim/cli/cli.h"
#include "sim/cli/matrix_file.h"

#include <stdlib.h>

struct check {
    struct common common;
    char **file;
    size_t n;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct check *c = state->input;
    (void)arg;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &c->common;
        return 0;
    case ARGP_KEY_ARGS:
        c->file = state->argv + state->next;
        c->n = (size_t)(state->argc - state->next);
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "which file?");
        return EINVAL;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static bool check_matrix(const char *path, const struct common *common)
{
    struct matrix m;
    if (!matrix_load(path, &m, stderr))
        return false;
    if (!common->quiet)
        printf("%s: a matrix of %zu scenarios\n", path, m.n);
    matrix_free(&m);
    return true;
}

int cmd_check(int argc, char **argv)
{
    static const struct argp_child children[] = {{&common_argp, 0, NULL, 0}, {0}};
    static const struct argp argp = {
        .parser = parse,
        .args_doc = "FILE...",
        .doc = "Reads scenarios and matrix files without searching, and says what is wrong with "
               "them, with line, column and a caret.",
        .children = children,
    };
    struct check c = {.n = 0};
    common_default(&c.common);
    cli_parse(&argp, argc, argv, &c);
    int status = EXIT_EXPECTED;
    for (size_t i = 0; i < c.n; i++) {
        struct scenario sc;
        if (matrix_is(c.file[i])) {
            if (!check_matrix(c.file[i], &c.common))
                status = EXIT_USAGE;
        } else if (!scenario_load(c.file[i], &sc, stderr)) {
            status = EXIT_USAGE;
        } else if (!c.common.quiet) {
            printf("%s: %s: %u servers, %u sessions, %u transactions\n", c.file[i], sc.name,
                   sc.n_nodes, sc.sessions, sc.transactions);
        }
    }
    return status;
}

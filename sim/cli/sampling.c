/* The options that say how a random run is made: the driver, and how long it goes on. `run` and
 * `replay --seed` take the same, since all of them together are the run. */
#include "sim/cli/cli.h"

enum { KEY_PHASES = 0x300, KEY_TRANSACTIONS, KEY_DEPTH, KEY_MOVES };
enum { MOVES_LONGEST = 1000000 };

static const struct argp_option options[] = {
    {"driver", 'd', "NAME", 0, "swarm (default), pct, uniform or guided", 0},
    {"phases", KEY_PHASES, "N", 0,
     "Long runs: N times the scenario's transactions and faults; between them the faults stop, "
     "LIVE "
     "is judged, and the run goes on from there",
     0},
    {"transactions", KEY_TRANSACTIONS, "N", 0,
     "Long runs: as many phases as it takes for N transactions", 0},
    {"depth", KEY_DEPTH, "D", 0,
     "pct with a bound: what is the chance that all runs miss a defect of D orderings?", 0},
    {"moves", KEY_MOVES, "M", 0,
     "with --depth: the faults stop behind M moves (default: a quarter more than some runs take)",
     0},
    {0},
};

static void check(const struct sampling *s, struct argp_state *state)
{
    bool is_long = s->phases != 0 || s->transactions != 0;
    if (s->phases != 0 && s->transactions != 0)
        argp_error(state, "--phases or --transactions, not both");
    if (s->driver == DRIVER_GUIDED && is_long)
        argp_error(state, "guided makes short runs: no --phases, no --transactions");
    if (s->depth != 0 && s->driver != DRIVER_PCT)
        argp_error(state, "--depth is for --driver pct, not for %s", driver_name(s->driver));
    if (s->depth != 0 && is_long)
        argp_error(state, "--depth speaks of short runs: no --phases, no --transactions");
    if (s->moves != 0 && s->depth == 0)
        argp_error(state, "--moves belongs to --depth");
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct sampling *s = state->input;
    switch (key) {
    case 'd':
        s->driver = driver_find(arg);
        if (s->driver == DRIVERS)
            argp_error(state, "--driver is swarm, pct, uniform or guided, not '%s'", arg);
        return 0;
    case KEY_PHASES:
        s->phases = cli_number(state, "--phases", arg, 1, PHASES_MAX);
        return 0;
    case KEY_TRANSACTIONS:
        s->transactions = cli_number(state, "--transactions", arg, 1, PHASES_MAX);
        return 0;
    case KEY_DEPTH:
        s->depth = (uint32_t)cli_number(state, "--depth", arg, 1, DEPTH_MAX);
        return 0;
    case KEY_MOVES:
        s->moves = (uint32_t)cli_number(state, "--moves", arg, 1, MOVES_LONGEST);
        return 0;
    case ARGP_KEY_END:
        check(s, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

const struct argp sampling_argp = {.options = options, .parser = parse};

void sampling_apply(struct sampling *s, struct scenario *sc)
{
    uint64_t phases = s->phases;
    if (s->transactions > 0)
        phases = (s->transactions + sc->transactions - 1) / sc->transactions;
    sc->phases = (uint32_t)phases;
    if (s->depth == 0)
        return;
    sc->depth = s->depth;
    if (s->moves == 0)
        s->moves = explore_moves(sc);
    sc->max_steps = s->moves;
}

void sampling_print(FILE *f, const struct sampling *s)
{
    if (s->driver != DRIVER_SWARM)
        fprintf(f, " --driver %s", driver_name(s->driver));
    if (s->phases > 0)
        fprintf(f, " --phases %llu", (unsigned long long)s->phases);
    if (s->transactions > 0)
        fprintf(f, " --transactions %llu", (unsigned long long)s->transactions);
    if (s->depth > 0)
        fprintf(f, " --depth %u --moves %u", s->depth, s->moves);
}

/* The options that say how a random run is made: the driver, and how long it goes on. `run` and
 * `replay --seed` take the same, since all of them together are the run. */
#include "sim/cli/cli.h"

enum { KEY_PHASES = 0x300, KEY_TRANSACTIONS };

static const struct argp_option options[] = {
    {"driver", 'd', "NAME", 0, "swarm (default), pct, uniform or guided", 0},
    {"phases", KEY_PHASES, "N", 0,
     "Long runs: N times the scenario's transactions and faults; between them the faults stop, "
     "LIVE "
     "is judged, and the run goes on from there",
     0},
    {"transactions", KEY_TRANSACTIONS, "N", 0,
     "Long runs: as many phases as it takes for N transactions", 0},
    {0},
};

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
    case ARGP_KEY_END:
        if (s->phases != 0 && s->transactions != 0)
            argp_error(state, "--phases or --transactions, not both");
        if (s->driver == DRIVER_GUIDED && (s->phases != 0 || s->transactions != 0))
            argp_error(state, "guided makes short runs: no --phases, no --transactions");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

const struct argp sampling_argp = {.options = options, .parser = parse};

void sampling_apply(const struct sampling *s, struct scenario *sc)
{
    uint64_t phases = s->phases;
    if (s->transactions > 0)
        phases = (s->transactions + sc->transactions - 1) / sc->transactions;
    sc->phases = (uint32_t)phases;
}

void sampling_print(FILE *f, const struct sampling *s)
{
    if (s->driver != DRIVER_SWARM)
        fprintf(f, " --driver %s", driver_name(s->driver));
    if (s->phases > 0)
        fprintf(f, " --phases %llu", (unsigned long long)s->phases);
    if (s->transactions > 0)
        fprintf(f, " --transactions %llu", (unsigned long long)s->transactions);
}

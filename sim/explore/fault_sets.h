/* How many faults does it take? The lattice of budgets below the one of a scenario, searched from
 * the bottom up.
 *
 * A budget is a vector: how often each entry of the scenario's `faults` may happen. (0,0) is the
 * run without a fault, the scenario's own at_most are the top. One exhaustive search per budget
 * judges all promises at once. A budget is minimal for a promise if the promise breaks there and
 * at no budget below it; it is safe if the search was exhausted and the promise held. Budgets above
 * a minimal one need no search for that promise: whatever happens with fewer faults can happen with
 * more.
 *
 * A promise is judged against the faults that the budget admits: an ACK without an fsync is a
 * broken ACKTRUE as soon as one power loss may come, and none where only kills may.
 */
#ifndef ACKPROOF_SIM_EXPLORE_FAULT_SETS_H
#define ACKPROOF_SIM_EXPLORE_FAULT_SETS_H

#include "sim/explore/explore.h"

enum {
    FAULT_SETS_MAX = 24,         /* minimal or safe budgets that are kept per promise */
    FAULT_BUDGETS_DEFAULT = 4096 /* budgets that are searched for one scenario */
};

struct fault_budgets {
    uint8_t n[SCENARIO_FAULTS_MAX]; /* in the order of the scenario's faults */
};

/* Of one promise. */
struct fault_sets {
    bool asked;     /* it breaks at the scenario's own budget, and the lattice was walked */
    bool exhausted; /* no search below was cut short: `minimal` is all there is, and minimal */
    uint32_t n, n_safe;
    struct fault_budgets minimal[FAULT_SETS_MAX]; /* fewest faults first */
    struct fault_budgets safe[FAULT_SETS_MAX];    /* the largest ones, fewest faults first */
};

/* One search of the walk. */
struct fault_search {
    struct fault_budgets at;
    invariant_mask asked;  /* promises that no smaller budget had broken yet */
    invariant_mask broken; /* of these */
    bool exhausted;        /* false also where it could stop since all that was asked is broken */
    uint64_t states, transitions;
    double seconds;
};

struct fault_walk {
    struct fault_sets of[INVARIANTS];
    struct fault_search *search; /* malloc'd, in the order in which they were made */
    uint32_t n, cap;
    double seconds;
};

/* `full` is what explore_exhaust found at the scenario's own budget; it is not searched again.
 * Searches nothing where nothing breaks. */
void explore_fault_sets(const struct scenario *sc, const struct explore_options *o,
                        const struct result *full, struct fault_walk *walk);
void fault_walk_free(struct fault_walk *walk);

/* a is nowhere above b. */
bool fault_budgets_below(const struct fault_budgets *a, const struct fault_budgets *b);
uint32_t fault_budgets_sum(const struct fault_budgets *b);

/* "1x node/power of primary, 2x disk/fsync/lie of replica on a relay log"; "no fault" for the empty
 * one. What does not fit is cut off. */
void fault_budgets_text(const struct scenario *sc, const struct fault_budgets *b, char *text,
                        size_t cap);

#endif

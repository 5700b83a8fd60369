#include "sim/explore/fault_sets.h"
#include "sim/explore/search.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

uint32_t fault_budgets_sum(const struct fault_budgets *b)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < SCENARIO_FAULTS_MAX; i++) {
        sum += b->n[i];
    }
    return sum;
}

bool fault_budgets_below(const struct fault_budgets *a, const struct fault_budgets *b)
{
    for (uint32_t i = 0; i < SCENARIO_FAULTS_MAX; i++) {
        if (a->n[i] > b->n[i]) {
            return false;
        }
    }
    return true;
}

/* As reports/words.c names budgets. */
static const char *of_text(enum fault_of of)
{
    return of == OF_PRIMARY ? "primary" : of == OF_REPLICA ? "replica" : "any";
}

static const char *file_text(enum file_kind kind)
{
    switch (kind) {
    case FILE_REDO:
        return " on the redo log";
    case FILE_BINLOG:
        return " on a binlog";
    case FILE_BINLOG_INDEX:
        return " on the binlog index";
    case FILE_RELAY:
        return " on a relay log";
    default:
        return "";
    }
}

void fault_budgets_text(const struct scenario *sc, const struct fault_budgets *b, char *text,
                        size_t cap)
{
    assert(sc != NULL && b != NULL && text != NULL && cap > 0);
    size_t used = 0;
    text[0] = 0;
    for (uint32_t i = 0; i < sc->n_faults && used < cap; i++) {
        const struct fault_budget *f = &sc->fault[i];
        if (b->n[i] > 0) {
            int n =
                snprintf(text + used, cap - used, "%s%ux %s of %s%s", used > 0 ? ", " : "", b->n[i],
                         fault_point_name(f->point), of_text(f->of), file_text(f->file));
            used += n > 0 ? (size_t)n : 0;
        }
    }
    if (used == 0) {
        snprintf(text, cap, "no fault");
    }
}

/* ---- the lattice ----------------------------------------------------------------------------- */

struct lattice {
    const struct scenario *scenario;
    struct fault_budgets top;
    struct fault_budgets *at; /* all budgets but the top, fewest faults first */
    uint32_t n;
    bool whole; /* none was left out */
};

static int by_faults(const void *a, const void *b)
{
    const struct fault_budgets *x = a;
    const struct fault_budgets *y = b;
    uint32_t sx = fault_budgets_sum(x);
    uint32_t sy = fault_budgets_sum(y);
    return sx != sy ? (sx > sy) - (sx < sy) : -memcmp(x->n, y->n, sizeof x->n);
}

/* The next vector up to `top`, counted like an odometer; false behind the last. */
static bool next_budgets(struct fault_budgets *b, const struct fault_budgets *top)
{
    for (uint32_t i = 0; i < SCENARIO_FAULTS_MAX; i++) {
        if (b->n[i] < top->n[i]) {
            b->n[i]++;
            return true;
        }
        b->n[i] = 0;
    }
    return false;
}

static void lattice_open(struct lattice *l, const struct scenario *sc)
{
    *l = (struct lattice){.scenario = sc, .whole = true};
    uint64_t size = 1;
    for (uint32_t i = 0; i < sc->n_faults; i++) {
        assert(sc->fault[i].at_most <= UINT8_MAX);
        l->top.n[i] = (uint8_t)sc->fault[i].at_most;
        size = size > FAULT_BUDGETS_DEFAULT ? size : size * (sc->fault[i].at_most + 1);
    }
    /* Of a lattice that is too large the corner with the fewest of each fault is walked. */
    struct fault_budgets reach = l->top;
    while (size > FAULT_BUDGETS_DEFAULT) {
        l->whole = false;
        size = 1;
        uint8_t most = 0;
        for (uint32_t i = 0; i < sc->n_faults; i++) {
            most = reach.n[i] > most ? reach.n[i] : most;
        }
        for (uint32_t i = 0; i < sc->n_faults; i++) {
            reach.n[i] = reach.n[i] == most ? (uint8_t)(most - 1) : reach.n[i];
            size = size > FAULT_BUDGETS_DEFAULT ? size : size * (reach.n[i] + 1u);
        }
    }
    l->at = search_alloc(size * sizeof l->at[0]);
    struct fault_budgets b = {{0}};
    do {
        if (memcmp(&b, &l->top, sizeof b) != 0) {
            assert(l->n < size);
            l->at[l->n++] = b;
        }
    } while (next_budgets(&b, &reach));
    qsort(l->at, l->n, sizeof l->at[0], by_faults);
}

static bool covered(const struct fault_sets *s, const struct fault_budgets *b)
{
    for (uint32_t i = 0; i < s->n; i++) {
        if (fault_budgets_below(&s->minimal[i], b)) {
            return true;
        }
    }
    return false;
}

static void add_minimal(struct fault_sets *s, const struct fault_budgets *b)
{
    if (s->n == FAULT_SETS_MAX) {
        s->exhausted = false;
        return;
    }
    s->minimal[s->n++] = *b;
}

/* Larger ones replace smaller ones: budgets come fewest faults first. */
static void add_safe(struct fault_sets *s, const struct fault_budgets *b)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < s->n_safe; i++) {
        if (!fault_budgets_below(&s->safe[i], b)) {
            s->safe[kept++] = s->safe[i];
        }
    }
    s->n_safe = kept;
    if (s->n_safe < FAULT_SETS_MAX) {
        s->safe[s->n_safe++] = *b;
    }
}

static struct fault_search *walk_add(struct fault_walk *walk)
{
    if (walk->n == walk->cap) {
        walk->cap = walk->cap == 0 ? 16 : walk->cap * 2;
        walk->search = search_realloc(walk->search, walk->cap * sizeof walk->search[0]);
    }
    walk->search[walk->n] = (struct fault_search){.asked = 0};
    return &walk->search[walk->n++];
}

/* One search with this budget; only promises in `asked` are looked at. */
static void search_budget(const struct machine *m, const struct lattice *l,
                          const struct fault_budgets *b, invariant_mask asked,
                          const struct explore_options *o, struct fault_walk *walk)
{
    struct scenario sc = *l->scenario;
    for (uint32_t i = 0; i < sc.n_faults; i++) {
        sc.fault[i].at_most = b->n[i];
    }
    sc.reach = 0; /* with fewer faults there is less to meet */
    struct explore_options options = o != NULL ? *o : (struct explore_options){0};
    options.only = asked;
    options.no_witness = true;
    struct result r;
    search_exhaust(m, &sc, &options, &r);
    struct fault_search *s = walk_add(walk);
    *s = (struct fault_search){.at = *b,
                               .asked = asked,
                               .exhausted = r.exhausted,
                               .states = r.states,
                               .transitions = r.transitions,
                               .seconds = r.seconds};
    for (uint32_t i = 0; i < INVARIANTS; i++) {
        struct fault_sets *of = &walk->of[i];
        if ((asked >> i & 1) == 0) {
            continue;
        }
        if (r.verdict[i] == VERDICT_BREAKS) {
            s->broken |= 1u << i;
            add_minimal(of, b);
        } else if (r.verdict[i] == VERDICT_HOLDS) {
            add_safe(of, b);
        } else {
            of->exhausted = false;
        }
    }
    result_free(&r);
}

static void walk_lattice(const struct machine *m, const struct lattice *l,
                         const struct explore_options *o, struct fault_walk *walk)
{
    for (uint32_t k = 0; k < l->n; k++) {
        invariant_mask asked = 0;
        for (uint32_t i = 0; i < INVARIANTS; i++) {
            if (walk->of[i].asked && !covered(&walk->of[i], &l->at[k])) {
                asked |= 1u << i;
            }
        }
        if (asked != 0) {
            search_budget(m, l, &l->at[k], asked, o, walk);
        }
    }
}

void search_fault_sets(const struct machine *m, const struct scenario *sc,
                       const struct explore_options *o, const struct result *full,
                       struct fault_walk *walk)
{
    assert(m != NULL && sc != NULL && full != NULL && walk != NULL);
    assert(sc->n_faults <= SCENARIO_FAULTS_MAX);
    double started = search_seconds();
    memset(walk, 0, sizeof *walk);
    bool any = false;
    for (uint32_t i = 0; i < INVARIANTS; i++) {
        walk->of[i].asked = walk->of[i].exhausted = full->verdict[i] == VERDICT_BREAKS;
        any = any || walk->of[i].asked;
    }
    if (!any) {
        return;
    }
    struct lattice l;
    lattice_open(&l, sc);
    walk_lattice(m, &l, o, walk);
    for (uint32_t i = 0; i < INVARIANTS; i++) {
        struct fault_sets *of = &walk->of[i];
        if (of->asked && !covered(of, &l.top)) {
            add_minimal(of, &l.top);
        }
        of->exhausted = of->exhausted && l.whole;
    }
    free(l.at);
    walk->seconds = search_seconds() - started;
}

void explore_fault_sets(const struct scenario *sc, const struct explore_options *o,
                        const struct result *full, struct fault_walk *walk)
{
    search_fault_sets(&world_machine, sc, o, full, walk);
}

void fault_walk_free(struct fault_walk *walk)
{
    free(walk->search);
    memset(walk, 0, sizeof *walk);
}

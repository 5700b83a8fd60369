#include "sim/explore/reduce.h"

#include <assert.h>
#include <string.h>

#include "sim/explore/search.h"

/* ---- scenarios ------------------------------------------------------------------------------- */

static void drop_entry(struct scenario *sc, uint32_t i)
{
    assert(i < sc->n_faults);
    sc->n_faults--;
    memmove(&sc->fault[i], &sc->fault[i + 1], (sc->n_faults - i) * sizeof sc->fault[0]);
}

void scenario_drop_fault(struct scenario *sc, uint32_t i)
{
    assert(sc != NULL && i < sc->n_faults);
    assert(sc->fault[i].at_most > 0);
    if (--sc->fault[i].at_most == 0) {
        drop_entry(sc, i);
    }
}

void scenario_drop_operator(struct scenario *sc, uint32_t i)
{
    assert(sc != NULL && i < sc->n_operators);
    assert(sc->operator[i].at_most> 0);
    if (--sc->operator[i].at_most == 0) {
        sc->n_operators--;
        memmove(&sc->operator[i], &sc->operator[i + 1],
                (sc->n_operators - i) * sizeof sc->operator[0]);
    }
}

bool scenario_power_to_kill(struct scenario *sc, uint32_t i)
{
    assert(sc != NULL && i < sc->n_faults);
    struct fault_budget kill = sc->fault[i];
    if (kill.point != FAULT_NODE_POWER) {
        return false;
    }
    kill.point = FAULT_NODE_KILL;
    kill.at_most = 1;
    scenario_drop_fault(sc, i);
    for (uint32_t k = 0; k < sc->n_faults; k++) {
        struct fault_budget *f = &sc->fault[k];
        if (f->point != FAULT_NODE_KILL || ((uint32_t)f->of & (uint32_t)kill.of) == 0) {
            continue;
        }
        f->at_most++; /* two budgets for the same node are an error in a file */
        return f->of == kill.of;
    }
    if (sc->n_faults == SCENARIO_FAULTS_MAX) {
        return false;
    }
    sc->fault[sc->n_faults++] = kill;
    return true;
}

void scenario_drop_replica(struct scenario *sc, uint32_t node)
{
    assert(sc != NULL && node > 0 && node < sc->n_nodes);
    sc->n_nodes--;
    memmove(&sc->node[node], &sc->node[node + 1], (sc->n_nodes - node) * sizeof sc->node[0]);
}

/* ---- witnesses ------------------------------------------------------------------------------- */

enum { GONE = 255 };

/* Number of `x` when `gone` is left out. */
static uint32_t renumber(uint32_t x, uint32_t gone)
{
    return x == gone ? GONE : x > gone ? x - 1 : x;
}

/* Tasks are numbered by session and by node. */
static uint32_t task_without(uint32_t task, uint32_t node, uint32_t session)
{
    uint32_t first = TASK_DUMP;
    if (task >= first && task < first + NODES_MAX) {
        uint32_t to = renumber(task - first, node);
        return to == GONE ? GONE : first + to;
    }
    first = TASK_SESSION;
    if (task >= first && task < first + SESSIONS_MAX) {
        uint32_t to = renumber(task - first, session);
        return to == GONE ? GONE : first + to;
    }
    return task;
}

/* False where the move is about what is gone. */
static bool rename_move(uint32_t *key, uint32_t node, uint32_t session)
{
    uint32_t kind = *key >> 24;
    uint32_t a = *key >> 16 & 255;
    uint32_t b = *key >> 8 & 255;
    uint32_t c = *key & 255;
    switch (kind) {
    case MOVE_RUN:
    case MOVE_DISK:
    case MOVE_TIMER:
        a = renumber(a, node);
        b = task_without(b, node, session);
        break;
    case MOVE_NET:
    case MOVE_NET_DOWN:
    case MOVE_NET_OPEN:
    case MOVE_RESET:
        a = renumber(a, node);
        b = renumber(b, node);
        break;
    case MOVE_CLIENT:
        a = renumber(a, session);
        break;
    case MOVE_MANAGER:
        b = renumber(b, node);
        break;
    case MOVE_OPERATOR:
        a = renumber(a, node);
        if (b == OPERATOR_KILL_SESSION || b == OPERATOR_KILL_QUERY)
            c = renumber(c, session);
        break;
    default:
        a = renumber(a, node);
        break;
    }
    *key = kind << 24 | a << 16 | b << 8 | c;
    return a != GONE && b != GONE && (kind != MOVE_OPERATOR || c != GONE);
}

/* The record without a node and a session (GONE: with all of them); answers go with their moves. */
static void rename_record(struct witness *to, const struct scenario *sc, const struct witness *from,
                          uint32_t node, uint32_t session)
{
    bool kept = false;
    witness_start(to, sc);
    for (uint32_t i = 0; i < from->n; i++) {
        struct witness_choice c = from->choice[i];
        if (c.what == CHOOSE_MOVE) {
            kept = rename_move(&c.key, node, session);
        }
        if (kept) {
            witness_add(to, (enum choice)c.what, c.key, c.n);
        }
    }
}

/* ---- one step down --------------------------------------------------------------------------- */

struct reducer {
    const struct reduce_options *o;
    enum invariant inv;
    struct scenario best;
    struct witness *witness; /* of best */
    struct scenario candidate;
    struct witness record; /* the best one in the candidate's numbers */
};

static void accept(struct reducer *r)
{
    r->best = r->candidate;
    witness_copy(r->witness, &r->record, r->record.n);
}

static bool is_same(struct reducer *r)
{
    return r->o->same == NULL || r->o->same(r->o->arg, &r->candidate, &r->record);
}

static bool search(struct reducer *r)
{
    struct result found;
    struct scenario *sc = &r->candidate;
    uint64_t bound = sc->max_states;
    if (r->o->max_states == 0) {
        return false;
    }
    sc->max_states = 0;
    explore_exhaust(sc,
                    &(struct explore_options){.max_states = r->o->max_states,
                                              .only = (invariant_mask)1 << r->inv},
                    &found);
    sc->max_states = bound;
    bool broken = found.verdict[r->inv] == VERDICT_BREAKS && found.witness[r->inv].n > 0;
    if (broken) {
        witness_copy(&r->record, &found.witness[r->inv], found.witness[r->inv].n);
    }
    result_free(&found);
    return broken;
}

/* `candidate` and `record` are set. */
static bool try_step(struct reducer *r)
{
    if (explore_adapt(&r->candidate, r->inv, &r->record)) {
        explore_shorten(&r->candidate, r->inv, &r->record);
        if (is_same(r)) {
            accept(r);
            return true;
        }
    }
    if (search(r) && is_same(r)) {
        accept(r);
        return true;
    }
    return false;
}

static bool fewer_replicas(struct reducer *r)
{
    for (uint32_t node = r->best.n_nodes; node-- > 1 && r->best.n_nodes > 2;) {
        r->candidate = r->best;
        scenario_drop_replica(&r->candidate, node);
        rename_record(&r->record, &r->candidate, r->witness, node, GONE);
        if (try_step(r)) {
            return true;
        }
    }
    return false;
}

static bool fewer_clients(struct reducer *r)
{
    for (uint32_t session = r->best.sessions; session-- > 0 && r->best.sessions > 1;) {
        r->candidate = r->best;
        r->candidate.sessions--;
        rename_record(&r->record, &r->candidate, r->witness, GONE, session);
        if (try_step(r)) {
            return true;
        }
    }
    if (r->best.transactions > 1) {
        r->candidate = r->best;
        r->candidate.transactions--;
        rename_record(&r->record, &r->candidate, r->witness, GONE, GONE);
        return try_step(r);
    }
    return false;
}

static bool fewer_faults(struct reducer *r)
{
    for (uint32_t i = r->best.n_faults; i-- > 0;) {
        r->candidate = r->best;
        scenario_drop_fault(&r->candidate, i);
        rename_record(&r->record, &r->candidate, r->witness, GONE, GONE);
        if (try_step(r)) {
            return true;
        }
    }
    return false;
}

static bool fewer_operators(struct reducer *r)
{
    for (uint32_t i = r->best.n_operators; i-- > 0;) {
        r->candidate = r->best;
        scenario_drop_operator(&r->candidate, i);
        rename_record(&r->record, &r->candidate, r->witness, GONE, GONE);
        if (try_step(r)) {
            return true;
        }
    }
    return false;
}

static void power_to_kill(struct witness *w, uint32_t i)
{
    w->choice[i].key = (uint32_t)MOVE_KILL << 24 | (w->choice[i].key & 0xffffff);
}

/* One power loss becomes a kill: each one of the record in turn, since any of them may be it. */
static bool milder_faults(struct reducer *r)
{
    for (uint32_t f = 0; f < r->best.n_faults; f++) {
        for (uint32_t i = 0; i < r->witness->n; i++) {
            const struct witness_choice *c = &r->witness->choice[i];
            r->candidate = r->best;
            if (c->what != CHOOSE_MOVE || c->key >> 24 != MOVE_POWER ||
                !scenario_power_to_kill(&r->candidate, f)) {
                continue;
            }
            rename_record(&r->record, &r->candidate, r->witness, GONE, GONE);
            power_to_kill(&r->record, i);
            if (try_step(r)) {
                return true;
            }
        }
    }
    return false;
}

/* What a smaller scenario promises is about the one counterexample. */
static void expect_this_alone(struct reducer *r)
{
    struct run_outcome out;
    enum replay_end end = explore_replay(&r->best, r->witness, NULL, &out, stderr, NULL, NULL);
    assert(end == REPLAY_DONE);
    (void)end;
    r->best.reach &= out.reached;
    memset(r->best.expect, 0, sizeof r->best.expect);
    r->best.expect[r->inv] = EXPECT_BREAKS;
}

bool explore_reduce(struct scenario *sc, enum invariant inv, const struct reduce_options *o,
                    struct witness *w)
{
    assert(sc != NULL && o != NULL && w != NULL);
    assert((unsigned)inv < INVARIANTS);
    struct reducer r = {.o = o, .inv = inv, .best = *sc, .witness = w};
    bool changed = false;
    explore_shorten(&r.best, inv, w);
    while (fewer_replicas(&r) || fewer_clients(&r) || fewer_faults(&r) || fewer_operators(&r) ||
           milder_faults(&r)) {
        changed = true;
    }
    if (changed) {
        expect_this_alone(&r);
        *sc = r.best;
    }
    witness_free(&r.record);
    return changed;
}

/* Guided: runs that learn from each other.
 *
 * A seed is a session of GUIDED_RUNS runs. Of a run that shows an edge of the ledger (sim/edges.h)
 * that no run of the session showed before, what led to it is kept: the choices up to there. Every
 * second run starts with what was kept, often changed a little, follows it as far as it fits, and
 * then goes on by itself, half of them as pct and half as swarm does. The others are runs of pct,
 * so that nothing is out of reach. The newest records are taken more often: what they showed was
 * the hardest to come by.
 *
 * All draws come from streams that are keyed by the seed, and nothing is known of other sessions: a
 * seed gives the same runs everywhere.
 */
#include "sim/explore/sampler.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { KEPT_MAX = 128, SPAN_MAX = 12 };

struct cover {
    uint8_t seen[EDGES / 8];
    struct edges run;
    uint32_t fresh; /* choices up to the last edge that the run under way showed first; 0: none */
};

struct session {
    struct sampler sampler;
    struct cover cover;
    struct witness kept[KEPT_MAX];
    uint32_t n_kept; /* in all; the oldest gives way */
    struct witness plan;
    uint32_t n_nodes;
};

void cover_step(struct cover *c, const struct run *run, uint32_t key)
{
    uint32_t edge[EDGES_STEP_MAX];
    uint32_t n = run->on->machine->edges(&run->on->sim, key, &c->run, edge);
    assert(n <= EDGES_STEP_MAX);
    for (uint32_t i = 0; i < n; i++) {
        assert(edge[i] < EDGES);
        uint8_t bit = (uint8_t)(1u << edge[i] % 8);
        if ((c->seen[edge[i] / 8] & bit) == 0) {
            c->fresh = run->record->n;
        }
        c->seen[edge[i] / 8] |= bit;
    }
}

/* ---- changing a record ----------------------------------------------------------------------- */

static uint32_t below(struct session *s, uint32_t n)
{
    return draw_below(&s->sampler.streams, STREAM_GUIDE, n);
}

static const struct witness *pick_kept(struct session *s)
{
    uint32_t n = s->n_kept < KEPT_MAX ? s->n_kept : KEPT_MAX;
    uint32_t age = below(s, n);
    uint32_t other = below(s, n);
    age = other < age ? other : age; /* the newer of two */
    return &s->kept[(s->n_kept - 1 - age) % KEPT_MAX];
}

static void append(struct witness *plan, const struct witness *w, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to && i < w->n; i++) {
        witness_add(plan, (enum choice)w->choice[i].what, w->choice[i].key, w->choice[i].n);
    }
}

/* A fault or timeout that may or may not be possible where it is put; if not, it is skipped. */
static void append_rare(struct session *s)
{
    static const enum move_kind kinds[] = {MOVE_KILL, MOVE_POWER, MOVE_RESET, MOVE_PARTITION,
                                           MOVE_TIMER};
    enum move_kind kind = kinds[below(s, sizeof kinds / sizeof kinds[0])];
    uint32_t a = below(s, s->n_nodes);
    uint32_t b = kind == MOVE_RESET ? below(s, s->n_nodes) : 0;
    b = kind == MOVE_TIMER ? below(s, SESSIONS_MAX) : b;
    witness_add(&s->plan, CHOOSE_MOVE, (uint32_t)kind << 24 | a << 16 | b << 8, 0);
}

static void change_answer(struct session *s, uint32_t from)
{
    for (uint32_t i = from; i < s->plan.n; i++) {
        struct witness_choice *c = &s->plan.choice[i];
        if (c->what != CHOOSE_MOVE && c->n > 1) {
            c->key = below(s, c->n);
            return;
        }
    }
}

static void swap_choices(struct session *s, uint32_t at)
{
    uint32_t other = at + 1 + below(s, SPAN_MAX);
    if (other < s->plan.n) {
        struct witness_choice c = s->plan.choice[at];
        s->plan.choice[at] = s->plan.choice[other];
        s->plan.choice[other] = c;
    }
}

/* One change of the plan, at a choice drawn from all of it. */
static void change(struct session *s)
{
    struct witness whole = {0};
    uint32_t at = below(s, s->plan.n);
    uint32_t span = 1 + below(s, SPAN_MAX);
    const struct witness *other = pick_kept(s);
    switch (below(s, 6)) {
    case 0: /* what comes behind is drawn anew */
        s->plan.n = at;
        return;
    case 1:
        change_answer(s, at);
        return;
    case 2:
        swap_choices(s, at);
        return;
    default:
        break;
    }
    witness_copy(&whole, &s->plan, s->plan.n);
    s->plan.n = at;
    switch (below(s, 3)) {
    case 0: /* something is left out */
        append(&s->plan, &whole, at + span, whole.n);
        break;
    case 1: /* a fault comes between */
        append_rare(s);
        append(&s->plan, &whole, at, whole.n);
        break;
    default: /* it ends as another one did */
        append(&s->plan, other, below(s, other->n), other->n);
        break;
    }
    witness_free(&whole);
}

static void make_plan(struct session *s, const struct scenario *sc)
{
    const struct witness *base = pick_kept(s);
    witness_start(&s->plan, sc);
    append(&s->plan, base, 0, base->n);
    for (uint32_t changes = below(s, 4); changes > 0 && s->plan.n > 0; changes--) {
        change(s);
    }
}

/* ---- a session ------------------------------------------------------------------------------- */

static void keep(struct session *s, const struct witness *w)
{
    if (s->cover.fresh > 0) {
        witness_copy(&s->kept[s->n_kept % KEPT_MAX], w, s->cover.fresh);
        s->n_kept++;
    }
}

void guided_session(struct run *run, uint64_t seed, uint32_t length, guided_each *each, void *arg)
{
    const struct scenario *sc = run->on->sim.scenario;
    bool learns = run->on->machine->edges != NULL;
    struct session *s = search_alloc(sizeof *s);
    s->n_nodes = sc->n_nodes;
    s->sampler = (struct sampler){.length = length};
    s->sampler.cover = learns ? &s->cover : NULL;
    streams_start(&s->sampler.streams, seed);
    for (uint32_t i = 0; i < GUIDED_RUNS; i++) {
        memset(&s->cover.run, 0, sizeof s->cover.run);
        s->cover.fresh = 0;
        s->sampler.plan = NULL;
        s->sampler.plan_at = 0;
        s->sampler.driver = i % 4 == 3 ? DRIVER_SWARM : DRIVER_PCT;
        if (s->n_kept > 0 && i % 2 == 1) {
            make_plan(s, sc);
            s->sampler.plan = &s->plan;
        }
        sampler_start(&s->sampler);
        enum step_result end = sampler_run(run, &s->sampler);
        keep(s, run->record);
        if (!each(arg, run, end)) {
            break;
        }
    }
    for (uint32_t i = 0; i < KEPT_MAX; i++) {
        witness_free(&s->kept[i]);
    }
    witness_free(&s->plan);
    free(s);
}

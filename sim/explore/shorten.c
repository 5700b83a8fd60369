/* Makes a witness shorter: leaves out moves as long as the same promise still breaks.
 *
 * A candidate is followed leniently: a recorded move that is not possible is skipped, an answer
 * that is out of range becomes 0, and when the record is used up the run stops (a final state is
 * still judged). What was really done is the new witness, so each one accepted replays exactly.
 * Halves are tried first, then quarters, down to single moves, from the end to the beginning;
 * then each answer within a move is replaced by the mildest one. Both are repeated until nothing
 * gives.
 */
#include "sim/explore/search.h"

#include <assert.h>
#include <stdlib.h>

struct shortener {
    struct runner on;
    enum invariant inv;
    struct witness best;
    struct witness candidate; /* what to try */
    struct witness taken;     /* what came of it */
};

struct follower {
    struct chooser base;
    const struct witness *plan;
    struct witness *taken;
    uint32_t pos;
};

static uint32_t lenient_move(struct follower *f, uint32_t n, const uint32_t *keys)
{
    const struct witness *plan = f->plan;
    for (; f->pos < plan->n; f->pos++) {
        if (plan->choice[f->pos].what != CHOOSE_MOVE) {
            continue; /* an answer of a move that was skipped, or that nobody asked for */
        }
        for (uint32_t i = 0; i < n; i++) {
            if (keys[i] == plan->choice[f->pos].key) {
                f->pos++;
                return i;
            }
        }
    }
    return CHOICE_REFUSED;
}

static uint32_t lenient_pick(struct chooser *c, enum choice what, uint32_t n, const uint32_t *keys)
{
    struct follower *f = (struct follower *)c;
    uint32_t answer = 0;
    if (what == CHOOSE_MOVE) {
        answer = lenient_move(f, n, keys);
        if (answer == CHOICE_REFUSED) {
            return answer;
        }
    } else if (f->pos < f->plan->n && f->plan->choice[f->pos].what == (uint32_t)what) {
        const struct witness_choice *w = &f->plan->choice[f->pos++];
        answer = w->key < n ? w->key : 0;
    }
    witness_add(f->taken, what, what == CHOOSE_MOVE ? keys[answer] : answer, n);
    return answer;
}

/* Follows `plan` until the promise breaks. True where it does; `taken` then ends with that step. */
static bool breaks(struct shortener *s, const struct witness *plan)
{
    struct follower f = {.base = {.pick = lenient_pick}, .plan = plan, .taken = &s->taken};
    runner_reset(&s->on);
    witness_start(&s->taken, s->on.sim.scenario);
    s->taken.final_hash = s->on.machine->hash(s->on.sim.world);
    s->on.sim.chooser = &f.base;
    struct run run = {.on = &s->on, .record = &s->taken};
    enum step_result end = STEP_MOVED;
    while (end == STEP_MOVED && !(run.out.violated >> s->inv & 1)) {
        end = run_step(&run);
    }
    s->on.sim.chooser = NULL;
    return run.out.violated >> s->inv & 1;
}

static uint32_t n_moves(const struct witness *w)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < w->n; i++) {
        n += w->choice[i].what == CHOOSE_MOVE;
    }
    return n;
}

/* How far an answer is from the mildest: no fault, all survives, no tear, the first candidate. */
static uint32_t harshness(const struct witness_choice *c)
{
    switch (c->what) {
    case CHOOSE_MOVE:
        return 0;
    case CHOOSE_SURVIVE:
        return c->n - 1 - c->key;
    default:
        return c->key;
    }
}

static uint64_t total_harshness(const struct witness *w)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < w->n; i++) {
        sum += harshness(&w->choice[i]);
    }
    return sum;
}

/* Each accepted candidate is strictly better than the one before, so that this ends. */
static bool try_candidate(struct shortener *s)
{
    if (!breaks(s, &s->candidate)) {
        return false;
    }
    uint32_t old = n_moves(&s->best);
    uint32_t new = n_moves(&s->taken);
    if (new > old || (new == old &&total_harshness(&s->taken) >= total_harshness(&s->best))) {
        return false;
    }
    witness_copy(&s->best, &s->taken, s->taken.n);
    return true;
}

/* The record without moves [from, to) and their answers. */
static void leave_out(struct shortener *s, uint32_t from, uint32_t to)
{
    uint32_t move = 0; /* number of moves up to here, this one included */
    witness_start(&s->candidate, s->on.sim.scenario);
    for (uint32_t i = 0; i < s->best.n; i++) {
        const struct witness_choice *c = &s->best.choice[i];
        move += c->what == CHOOSE_MOVE;
        assert(move > 0);
        if (move <= from || move > to) {
            witness_add(&s->candidate, (enum choice)c->what, c->key, c->n);
        }
    }
}

static bool remove_moves(struct shortener *s)
{
    bool any = false;
    uint32_t size = n_moves(&s->best);
    while (size > 0) {
        bool shorter = false;
        for (uint32_t to = n_moves(&s->best); to > 0;) {
            uint32_t from = to > size ? to - size : 0;
            leave_out(s, from, to);
            shorter = try_candidate(s) || shorter;
            uint32_t moves = n_moves(&s->best);
            to = from < moves ? from : moves;
        }
        any = any || shorter;
        if (size == 1) {
            size = shorter ? 1 : 0; /* a removal may have made another one possible */
        } else {
            size /= 2;
        }
    }
    return any;
}

static bool soften_answers(struct shortener *s)
{
    bool any = false;
    for (uint32_t i = 0; i < s->best.n; i++) {
        if (harshness(&s->best.choice[i]) == 0) {
            continue;
        }
        witness_copy(&s->candidate, &s->best, s->best.n);
        struct witness_choice *c = &s->candidate.choice[i];
        c->key = c->what == CHOOSE_SURVIVE ? c->n - 1 : 0;
        any = try_candidate(s) || any;
    }
    return any;
}

void search_shorten(const struct machine *m, const struct scenario *sc, enum invariant inv,
                    struct witness *w)
{
    assert(m != NULL && sc != NULL && w != NULL);
    assert((unsigned)inv < INVARIANTS);
    struct shortener s = {.inv = inv};
    runner_open(&s.on, m, sc);
    bool broken = breaks(&s, w);
    assert(broken && "a witness that does not break its promise");
    if (broken) {
        witness_copy(&s.best, &s.taken, s.taken.n);
        while (remove_moves(&s) || soften_answers(&s)) {
        }
        witness_copy(w, &s.best, s.best.n);
        witness_name(w, sc, inv);
    }
    witness_free(&s.best);
    witness_free(&s.candidate);
    witness_free(&s.taken);
    runner_close(&s.on);
}

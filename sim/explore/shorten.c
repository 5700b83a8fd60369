/* Makes a witness shorter: leaves out moves as long as the same promise still breaks.
 *
 * A candidate is followed leniently: a recorded move that is not possible is skipped, an answer
 * that is out of range becomes 0, and when the record is used up the run stops (a final state is
 * still judged). What was really done is the new witness, so each one accepted replays exactly.
 * Halves are tried first, then quarters, down to single moves, from the end to the beginning;
 * then each power loss is replaced by a kill, and each answer within a move by a milder one, the
 * mildest first. All of it is repeated until nothing gives.
 *
 * The same following serves two more questions: does a witness still break its promise in another
 * scenario (search_adapt), and is each line of it needed (search_needed).
 */
#include "sim/explore/search.h"

#include <assert.h>
#include <stdlib.h>

enum { MILDER_MAX = 16, LONG_MIN = 6000 };

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

static uint32_t lenient_pick(struct chooser *c, enum choice what, uint32_t n, const uint32_t *keys)
{
    struct follower *f = (struct follower *)c;
    uint32_t answer = record_follow(f->plan, &f->pos, what, n, keys);
    if (answer == CHOICE_REFUSED) {
        if (what == CHOOSE_MOVE) {
            return answer;
        }
        answer = 0;
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
    s->on.sim.chooser = &f.base;
    struct run run = {.on = &s->on, .record = &s->taken};
    enum step_result end = STEP_MOVED;
    while (end == STEP_MOVED && !(run.out.violated >> s->inv & 1)) {
        end = run_step(&run);
    }
    run_settle(&run);
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

/* How far a choice is from the mildest: a kill for a power loss, no fault, all survives, no tear,
 * the first candidate. */
static uint32_t harshness(const struct witness_choice *c)
{
    switch (c->what) {
    case CHOOSE_MOVE:
        return c->key >> 24 == MOVE_POWER;
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

/* The `step`-th milder answer, the mildest first; false where there is none left. Of many answers
 * only the mildest ones and the one next to it are tried. */
static bool milder(const struct witness_choice *c, uint32_t step, uint32_t *key)
{
    uint32_t far = harshness(c);
    if (step >= far || step > MILDER_MAX) {
        return false;
    }
    if (c->what == CHOOSE_MOVE) {
        *key = (uint32_t)MOVE_KILL << 24 | (c->key & 0xffffff);
        return true;
    }
    uint32_t left = step == MILDER_MAX ? far - 1 : step; /* harshness of the new answer */
    *key = c->what == CHOOSE_SURVIVE ? c->n - 1 - left : left;
    return true;
}

static bool soften_answers(struct shortener *s)
{
    bool any = false;
    for (uint32_t i = 0; i < s->best.n; i++) {
        uint32_t key;
        for (uint32_t step = 0; i < s->best.n && milder(&s->best.choice[i], step, &key); step++) {
            witness_copy(&s->candidate, &s->best, s->best.n);
            s->candidate.choice[i].key = key;
            if (try_candidate(s)) {
                any = true;
                break;
            }
        }
    }
    return any;
}

/* ---- long runs ------------------------------------------------------------------------------ */

/* Where the record of the last `phases` phases begins; 0 where it has no more than these. */
static uint32_t begin_of_last(const struct witness *w, uint32_t phases)
{
    for (uint32_t i = w->n; i > 0; i--) {
        const struct witness_choice *c = &w->choice[i - 1];
        if (c->what == CHOOSE_MOVE && c->key >> 24 == MOVE_PHASE && --phases == 0) {
            return i;
        }
    }
    return 0;
}

static uint32_t swap_nodes(uint32_t node, uint32_t a, uint32_t b)
{
    return node == a ? b : node == b ? a : node;
}

/* The move with nodes a and b in each other's place. */
static uint32_t swap_in_move(uint32_t key, uint32_t a, uint32_t b)
{
    uint32_t kind = key >> 24;
    uint32_t first = key >> 16 & 255;
    uint32_t second = key >> 8 & 255;
    switch (kind) {
    case MOVE_CLIENT:
        return key;
    case MOVE_MANAGER: /* the first is what it does */
        second = swap_nodes(second, a, b);
        break;
    case MOVE_RUN:
    case MOVE_DISK:
    case MOVE_TIMER: /* the second is a task */
        first = swap_nodes(first, a, b);
        if (second >= TASK_DUMP && second < TASK_DUMP + NODES_MAX) {
            second = TASK_DUMP + swap_nodes(second - TASK_DUMP, a, b);
        }
        break;
    default:
        first = swap_nodes(first, a, b);
        second = swap_nodes(second, a, b);
    }
    return kind << 24 | first << 16 | second << 8 | (key & 255);
}

/* Does it break from the beginning of a run with no more than the end of the record? The primary of
 * a phase may be any node; at the beginning of a run it is node 0. */
static bool breaks_from(struct shortener *s, const struct witness *w, uint32_t from)
{
    for (uint32_t home = 0; home < s->on.sim.scenario->n_nodes; home++) {
        witness_start(&s->candidate, s->on.sim.scenario);
        for (uint32_t i = from; i < w->n; i++) {
            const struct witness_choice *c = &w->choice[i];
            bool move = c->what == CHOOSE_MOVE;
            witness_add(&s->candidate, (enum choice)c->what,
                        move ? swap_in_move(c->key, 0, home) : c->key, c->n);
        }
        if (breaks(s, &s->candidate)) {
            witness_copy(&s->best, &s->taken, s->taken.n);
            return true;
        }
    }
    return false;
}

/* Of a long run the last phase, if it breaks the promise by itself; else as few of the last phases
 * as are found to do it, doubled each time; else all of it. What is then still long is left as it
 * is: each move that is tried costs a run. */
static bool cut_to_phases(struct shortener *s, const struct witness *w)
{
    uint32_t from = begin_of_last(w, 1);
    for (uint32_t phases = 1; from > 0; phases *= 2, from = begin_of_last(w, phases)) {
        if (breaks_from(s, w, from)) {
            break;
        }
    }
    return s->best.n <= LONG_MIN;
}

static void open_shortener(struct shortener *s, const struct machine *m, const struct scenario *sc,
                           enum invariant inv, const struct witness *w)
{
    *s = (struct shortener){.inv = inv};
    runner_open(&s->on, m, sc);
    runner_allow(&s->on, w);
}

static void close_shortener(struct shortener *s)
{
    witness_free(&s->best);
    witness_free(&s->candidate);
    witness_free(&s->taken);
    runner_close(&s->on);
}

void search_shorten(const struct machine *m, const struct scenario *sc, enum invariant inv,
                    struct witness *w)
{
    assert(m != NULL && sc != NULL && w != NULL);
    assert((unsigned)inv < INVARIANTS);
    struct shortener s;
    open_shortener(&s, m, sc, inv, w);
    bool broken = breaks(&s, w);
    assert(broken && "a witness that does not break its promise");
    if (broken) {
        witness_copy(&s.best, &s.taken, s.taken.n);
        bool finely = cut_to_phases(&s, w);
        while (finely && (remove_moves(&s) || soften_answers(&s))) {
        }
        witness_copy(w, &s.best, s.best.n);
        witness_name(w, sc, inv);
    }
    close_shortener(&s);
}

bool search_adapt(const struct machine *m, const struct scenario *sc, enum invariant inv,
                  struct witness *w)
{
    assert(m != NULL && sc != NULL && w != NULL);
    assert((unsigned)inv < INVARIANTS);
    struct shortener s;
    open_shortener(&s, m, sc, inv, w);
    bool broken = breaks(&s, w);
    if (broken) {
        witness_copy(w, &s.taken, s.taken.n);
        witness_name(w, sc, inv);
    }
    close_shortener(&s);
    return broken;
}

/* Does it break with a milder answer at i? */
static bool breaks_milder(struct shortener *s, uint32_t i)
{
    uint32_t key;
    for (uint32_t step = 0; milder(&s->best.choice[i], step, &key); step++) {
        witness_copy(&s->candidate, &s->best, s->best.n);
        s->candidate.choice[i].key = key;
        if (breaks(s, &s->candidate)) {
            return true;
        }
    }
    return false;
}

uint32_t search_needed(const struct machine *m, const struct scenario *sc, enum invariant inv,
                       const struct witness *w, enum need *need)
{
    assert(m != NULL && sc != NULL && w != NULL && need != NULL);
    assert((unsigned)inv < INVARIANTS);
    struct shortener s;
    open_shortener(&s, m, sc, inv, w);
    witness_copy(&s.best, w, w->n);
    uint32_t moves = 0;
    uint32_t idle = 0;
    for (uint32_t i = 0; i < w->n; i++) {
        bool move = w->choice[i].what == CHOOSE_MOVE;
        bool mildest = harshness(&w->choice[i]) == 0;
        bool broken = !mildest && breaks_milder(&s, i);
        if (move && !broken) {
            leave_out(&s, moves, moves + 1);
            broken = breaks(&s, &s.candidate);
        }
        moves += move;
        need[i] = broken ? NEED_NOT : mildest && !move ? NEED_NONE : NEEDED;
        idle += broken;
    }
    close_shortener(&s);
    return idle;
}

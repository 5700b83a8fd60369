/* PCT with a bound on what it can miss (after Burckhardt et al., ASPLOS 2010).
 *
 * All that can move are actors (sim/actors.c): tasks, connections, clients, the manager, and as
 * well each timeout, each act of an operator and each fault at its place. The run is a sequence of
 * turns. In a turn the highest actor that can move makes a move, or falls. At first all orders of
 * the n actors are equally likely. Each of d - 1 falls has a turn of its own, drawn from 1 .. k.
 * Who is the highest in that turn falls below all that have not fallen, to a place that belongs to
 * the fall and not to the time: the place of fall i is below that of fall i - 1, whichever comes
 * first.
 *
 * Claim. A plan is a list of up to d pairs of moves "a[i] before b[i]", from i = 1. A run keeps it
 * if up to the end of faults it makes no b[i] without having made a[i]. The plan must be such that
 *   (1) each run that keeps it, and gives certain answers, breaks the promise;
 *   (2) it does not block itself: in a state that was reached by keeping it, where b[i] can be made
 *       and everybody else who can move stands at or behind a b[j] of its own with j > i, a[i] has
 *       been made.
 * Then one run breaks the promise with a chance of at least 1 / (n k^(d-1)), times 1/m for each of
 * these answers that has m alternatives.
 *
 * Proof. Let the actor of b[1] be the lowest at first (chance 1/n), and let fall i - 1 hit the
 * actor of b[i] in the turn in which it is the highest and b[i] is its next move. Suppose such a
 * run makes some b[i] without a[i], the first time that it breaks the plan. The actor of b[i] is
 * then at the place of fall i - 1 or below it; for i = 1 it may also be the lowest of those that
 * have not fallen. It is the highest that can move, so the others who can move are lower still:
 * they have fallen at some b[j] with j > i, and stand at it or behind it. By (2) a[i] has been
 * made, so the plan was not broken. Which turns those are follows from the first order, the answers
 * and the falls before, so for each fall that is needed there is one turn of k. A fall that is not
 * needed, since its b[i] never comes up or the plan has fewer pairs, does no harm in at least one
 * turn of k: there are at most M moves and, without it, d - 2 falls, and k = M + d - 1. Order,
 * falls and answers are drawn from streams of their own, so their chances multiply.
 *
 * Why places and not times: of two that have fallen the one whose b comes first in the plan must
 * move first, whichever of them was stopped first. With places by time some plans of three pairs
 * are found less often than the bound says (bounded_test.c has one). Why the fall comes before a
 * move and not behind one, as in the paper: a fault may have one move only, and must be stopped
 * before it. So two can fall with no move between them, which is why a fall takes a turn.
 *
 * (2) follows from the existence of one run that keeps the plan where the moves of different actors
 * commute and none takes another's next move away, with the pairs in the order in which that run
 * makes their b: of its moves not made yet the first one is possible, and its actor is not among
 * those in (2). Locks, crashes and the last transaction do take moves away; there (2) is part of
 * what a depth means.
 *
 * An actor with several moves at once (the manager) makes each of them with equal chance: which one
 * is an answer too. Integers only; each draw gives each alternative exactly the same chance, given
 * that the generator's numbers do.
 */
#include "sim/explore/sampler.h"

#include <assert.h>

void bounded_start(struct bounded *b, struct streams *s, const struct runner *on)
{
    const struct scenario *sc = on->sim.scenario;
    assert(sc->depth >= 1 && sc->depth <= DEPTH_MAX);
    assert(on->n_actors > 0);
    b->n = on->n_actors;
    b->actor = on->actor;
    b->turn = 0;
    b->falls = sc->depth - 1;
    uint32_t turns = bounded_turns(sc->depth, on->max_steps);
    for (uint32_t i = 0; i < b->falls; i++) {
        b->fall[i] = 1 + draw_fairly(s, STREAM_CHANGES, turns);
    }
    for (uint32_t i = 0; i < b->n; i++) { /* the places depth .. depth + n - 1 */
        uint32_t other = draw_fairly(s, STREAM_PRIORITIES, i + 1);
        b->place[i] = b->place[other];
        b->place[other] = (uint16_t)(sc->depth + i);
    }
}

uint32_t bounded_turns(uint32_t depth, uint32_t moves)
{
    return moves + depth - 1;
}

static uint32_t index_of(const struct bounded *b, uint32_t key)
{
    uint32_t actor = actor_of(key);
    uint32_t low = 0;
    uint32_t high = b->n;
    while (high - low > 1) {
        uint32_t middle = (low + high) / 2;
        *(b->actor[middle] <= actor ? &low : &high) = middle;
    }
    assert(b->actor[low] == actor && "somebody moves who is not in the list: n is no upper bound");
    return low;
}

static uint32_t highest(const struct bounded *b, uint32_t n, const uint32_t *keys)
{
    uint32_t top = index_of(b, keys[0]);
    for (uint32_t i = 1; i < n; i++) {
        uint32_t who = index_of(b, keys[i]);
        top = b->place[who] > b->place[top] ? who : top;
    }
    return top;
}

/* Where the highest falls to in this turn: the lowest place if several falls have it; 0: nobody
 * falls. */
static uint32_t place_of_fall(const struct bounded *b)
{
    for (uint32_t i = b->falls; i > 0; i--) {
        if (b->fall[i - 1] == b->turn) {
            return b->falls + 1 - i;
        }
    }
    return 0;
}

static uint32_t pick_of(uint32_t actor, struct streams *s, uint32_t n, const uint32_t *keys)
{
    uint32_t moves = 0;
    for (uint32_t i = 0; i < n; i++) {
        moves += actor_of(keys[i]) == actor;
    }
    uint32_t left = moves == 1 ? 0 : draw_fairly(s, CHOOSE_MOVE, moves);
    uint32_t i = 0;
    while (actor_of(keys[i]) != actor || left-- > 0) {
        i++;
    }
    assert(i < n);
    return i;
}

uint32_t bounded_pick(struct bounded *b, struct streams *s, uint32_t n, const uint32_t *keys)
{
    for (;;) {
        uint32_t top = highest(b, n, keys);
        b->turn++;
        uint32_t place = place_of_fall(b);
        if (place == 0) {
            return pick_of(b->actor[top], s, n, keys);
        }
        b->place[top] = (uint16_t)place;
    }
}

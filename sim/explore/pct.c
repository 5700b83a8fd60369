/* PCT: probabilistic concurrency testing (Burckhardt et al., ASPLOS 2010).
 *
 * Whoever can act (a task of a node, a connection, a client, the manager) has a priority drawn for
 * the run, and the highest that can move does. At d - 1 moves drawn over the length of a run the
 * one that is about to move falls below all others. In the paper a bug that needs d orderings shows
 * with a chance of at least 1 / (n * k^(d-1)) for n actors and k moves, in every run.
 *
 * That bound is not claimed here. The paper has no faults: here crashes, resets, partitions and
 * timeouts stand below everybody, so that by themselves they come last, and some of the change
 * points lift one of them to the top instead, for one move. The number of changes is drawn, who
 * falls later falls lower, and k is the length of a few runs made before. A priority is a function
 * of (seed, actor): actors that appear later need no table.
 */
#include "sim/explore/sampler.h"

#include <assert.h>
#include <stdlib.h>

/* Here each link between two servers is an actor of its own. */
static uint32_t line_of(uint32_t key)
{
    return move_without_link(key) != key ? key : actor_of(key);
}

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

void pct_start(struct pct *p, struct streams *s, uint32_t length)
{
    assert(length > 0);
    *p = (struct pct){.n_changes = 1 + draw_below(s, STREAM_CHANGES, PCT_CHANGES_MAX)};
    for (uint32_t i = 0; i < p->n_changes; i++) {
        p->change[i] = draw_below(s, STREAM_CHANGES, length);
        p->lifts[i] = draw_below(s, STREAM_CHANGES, 2) == 1;
    }
    qsort(p->change, p->n_changes, sizeof p->change[0], by_number);
}

/* Ordinary actors: above all demoted ones. Demoted: the later the lower. Rare: 0. */
static uint64_t priority(const struct pct *p, const struct streams *s, uint32_t key)
{
    if (move_is_rare(key)) {
        return 0;
    }
    uint32_t actor = line_of(key);
    for (uint32_t i = p->n_demoted; i > 0; i--) {
        if (p->demoted[i - 1] == actor) {
            return 1 + PCT_CHANGES_MAX - i;
        }
    }
    return ((uint64_t)1 << 32) + draw_named(s, STREAM_PRIORITIES, actor);
}

/* One of the moves of the highest actor: a manager may have several, and at the end of a run
 * nothing but faults may be left. */
static uint32_t pick_highest(struct pct *p, struct streams *s, uint32_t n, const uint32_t *keys)
{
    uint64_t top = 0;
    uint32_t same = 0;
    uint32_t best = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint64_t at = priority(p, s, keys[i]);
        if (i == 0 || at > top) {
            top = at;
            same = 0;
        }
        if (at == top) {
            same++;
            /* each of `same` with equal chance; asks nothing where there is one */
            best = same == 1 || draw_below(s, CHOOSE_MOVE, same) == 0 ? i : best;
        }
    }
    return best;
}

static bool pick_rare(struct streams *s, uint32_t n, const uint32_t *keys, uint32_t *picked)
{
    uint32_t rare = 0;
    for (uint32_t i = 0; i < n; i++) {
        rare += move_is_rare(keys[i]);
    }
    if (rare == 0) {
        return false;
    }
    uint32_t left = draw_below(s, STREAM_CHANGES, rare);
    for (uint32_t i = 0; i < n; i++) {
        if (move_is_rare(keys[i]) && left-- == 0) {
            *picked = i;
            return true;
        }
    }
    assert(false && "counted and not found");
    return false;
}

uint32_t pct_pick(struct pct *p, struct streams *s, uint32_t n, const uint32_t *keys)
{
    for (; p->next < p->n_changes && p->change[p->next] <= p->moves; p->next++) {
        if (p->lifts[p->next]) {
            p->lift = true;
        } else {
            assert(p->n_demoted < PCT_CHANGES_MAX);
            p->demoted[p->n_demoted++] = line_of(keys[pick_highest(p, s, n, keys)]);
        }
    }
    p->moves++;
    uint32_t picked = 0;
    if (p->lift && pick_rare(s, n, keys, &picked)) {
        p->lift = false;
        return picked;
    }
    return pick_highest(p, s, n, keys);
}

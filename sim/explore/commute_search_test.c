/* Moves that go first commute with all others. In every state of small cells, each move that may go
 * first is made before and behind each other move with each of its outcomes: the state, the
 * promises broken on the way and the conditions met are the same, and behind the other move it may
 * still go first. By induction nothing can happen before it that it would hide. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/explore/walk_test_util.h"

static const char *const cells[] = {
    "02-after-sync",      "03-before-write", "09-ackproof-power",         "09-libmariadb-kill",
    "12-asynchronous",    "14-rejoin-cut",   "14-rejoin-before-write",    "16-binlog-fsync-fails",
    "17-reset-and-power", "18-mysql-57",     "09-go-mysql-channel-power", "10-promote-any",
};

static struct {
    struct world *t, *tu, *u, *ut;
    uint32_t mask;
    uint64_t looked, pairs;
} d;

/* One move by its key, with these answers to what it asks. */
struct hand {
    struct chooser base;
    uint32_t answer[WALK_ASKED_MAX], n[WALK_ASKED_MAX], asked;
};

static uint32_t hand_pick(struct chooser *c, enum choice what, uint32_t n, const uint32_t *keys)
{
    struct hand *h = (struct hand *)c;
    (void)keys;
    assert_int_not_equal(what, CHOOSE_MOVE);
    assert_true(h->asked < WALK_ASKED_MAX);
    h->n[h->asked] = n;
    uint32_t a = h->answer[h->asked++];
    return a < n ? a : n - 1;
}

struct seen {
    invariant_mask broken;
    reach_mask reached;
};

static struct seen make(const struct walk *k, struct world *to, const struct world *from,
                        uint32_t key, struct hand *h)
{
    struct sim s = {.scenario = k->sim.scenario, .world = to, .chooser = &h->base};
    world_copy(to, from);
    h->asked = 0;
    moves_take(&s, key);
    return (struct seen){s.violated, s.reached};
}

static bool listed(const struct walk *k, struct world *w, uint32_t key)
{
    struct moves m;
    struct sim s = {.scenario = k->sim.scenario, .world = w};
    moves_list(&s, &m);
    for (uint32_t i = 0; i < m.n; i++) {
        if (m.key[i] == key)
            return true;
    }
    return false;
}

static void diamond(struct walk *k, const struct world *here, uint32_t t, uint32_t u,
                    struct hand *h)
{
    struct hand none = {.base = {.pick = hand_pick}};
    struct sim s = {.scenario = k->sim.scenario, .reduce = d.mask};
    const char *what = NULL;
    struct seen first = make(k, d.t, here, t, &none);
    assert_int_equal(none.asked, 0); /* a move that goes first leaves nothing open */
    struct seen b = make(k, d.u, here, u, h);
    uint32_t asked = h->asked;
    if (d.u->dead || d.u->full)
        return; /* the run ends there */
    s.world = d.u;
    if (!listed(k, d.u, t))
        what = "it is not possible any more";
    else if (moves_first_of(&s, t >> 24 == MOVE_NET ? t >> 8 & 255 : t >> 16 & 255) != t)
        what = "it may not go first any more";
    else if (!listed(k, d.t, u))
        what = "it takes the other's place";
    if (what == NULL) {
        struct seen c = make(k, d.ut, d.u, t, &none);
        struct seen a = make(k, d.tu, d.t, u, h);
        struct hash128 x = world_hash(d.tu);
        struct hash128 y = world_hash(d.ut);
        if (h->asked != asked)
            what = "the other asks something else";
        else if (x.lo != y.lo || x.hi != y.hi)
            what = "the states differ";
        else if ((first.broken | a.broken) != (b.broken | c.broken))
            what = "other promises break";
        else if ((first.reached | a.reached) != (b.reached | c.reached))
            what = "other conditions are met";
    }
    if (what != NULL)
        fail_msg("%s: %s %x goes first, beside %s %x: %s", k->sim.scenario->name,
                 move_kind_name((enum move_kind)(t >> 24)), t,
                 move_kind_name((enum move_kind)(u >> 24)), u, what);
    d.pairs++;
}

static void each(struct walk *k, uint32_t depth)
{
    const struct world *here = k->block[depth];
    struct sim s = {.scenario = k->sim.scenario, .world = k->block[depth], .reduce = d.mask};
    d.looked++;
    for (uint32_t node = 0; node < s.scenario->n_nodes; node++) {
        struct moves m;
        uint32_t t = moves_first_of(&s, node);
        if (t == 0)
            continue;
        s.reduce = 0;
        moves_list(&s, &m);
        s.reduce = d.mask;
        assert_true(listed(k, k->block[depth], t));
        for (uint32_t i = 0; i < m.n; i++) {
            struct hand h = {.base = {.pick = hand_pick}};
            if (m.key[i] == t)
                continue;
            do {
                diamond(k, here, t, m.key[i], &h);
            } while (walk_count_up(h.answer, h.n, h.asked));
        }
    }
}

static void look_at(const char *cell)
{
    static struct walk k;
    struct scenario sc;
    char path[128];
    snprintf(path, sizeof path, "scenarios/%s.yaml", cell);
    assert_true(scenario_load(path, &sc, stderr));
    d.looked = d.pairs = 0;
    walk_open(&k, &sc, REDUCE_SESSIONS);
    k.each = each;
    walk_all(&k);
    print_message("%s: %llu states, %llu pairs\n", cell, (unsigned long long)d.looked,
                  (unsigned long long)d.pairs);
    walk_close(&k);
}

static void first_moves_commute(void **state)
{
    (void)state;
    static const uint32_t masks[] = {REDUCE_APPLIER, REDUCE_RECEIVER};
    for (size_t m = 0; m < sizeof masks / sizeof masks[0]; m++) {
        uint64_t pairs = 0;
        d.mask = masks[m];
        for (size_t i = 0; i < sizeof cells / sizeof cells[0]; i++) {
            look_at(cells[i]);
            pairs += d.pairs;
        }
        assert_true(pairs > 10000);
    }
}

static int blocks(void **state)
{
    (void)state;
    struct world **at[] = {&d.t, &d.tu, &d.u, &d.ut};
    for (size_t i = 0; i < sizeof at / sizeof at[0]; i++) {
        *at[i] = calloc(1, world_size());
        assert_non_null(*at[i]);
    }
    return 0;
}

static int free_blocks(void **state)
{
    (void)state;
    free(d.t);
    free(d.tu);
    free(d.u);
    free(d.ut);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(first_moves_commute)};
    return cmocka_run_group_tests(tests, blocks, free_blocks) != 0;
}

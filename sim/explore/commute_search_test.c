/* Moves that go first commute with all others. In every state of small cells, each move that may go
 * first is made before and behind each other move with each of its outcomes: the state, the
 * promises broken on the way and the conditions met are the same, and behind the other move it may
 * still go first. (Or one does what the other would have done: a crash closes the connection that
 * was about to be noticed as gone.) By induction nothing can happen before it that it hides. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/explore/walk_test_util.h"

static const char *const cells[] = {
    "02-after-sync",
    "03-before-write",
    "09-ackproof-power",
    "09-libmariadb-kill",
    "12-asynchronous",
    "14-rejoin-cut",
    "14-rejoin-before-write",
    "16-binlog-fsync-fails",
    "17-reset-and-power",
    "18-mysql-57",
    "09-go-mysql-channel-power",
    "10-promote-any",
    "04-relay-synced-kept",
    "08-sync-binlog-1",
    "15-no-replica-no-wait",
    "11-partition-infinite",
};

static const uint32_t kinds[] = {REDUCE_APPLIER, REDUCE_RECEIVER, REDUCE_LOSS, REDUCE_BOOT};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

static struct {
    struct world *t, *tu, *u, *ut;
    uint32_t mask;
    uint64_t pairs, first[KINDS];
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

/* The key of this move in another state, 0 where it is not possible there: a connection may have
 * another place in the table, and of two servers one kind of move is possible on one only. */
static uint32_t there(const struct walk *k, struct world *w, uint32_t key)
{
    struct moves m;
    struct sim s = {.scenario = k->sim.scenario, .world = w};
    uint32_t kind = key >> 24;
    bool on_conn =
        kind == MOVE_NET || kind == MOVE_NET_DOWN || kind == MOVE_NET_OPEN || kind == MOVE_RESET;
    moves_list(&s, &m);
    for (uint32_t i = 0; i < m.n; i++) {
        if (on_conn ? m.key[i] >> 8 == key >> 8 : m.key[i] == key)
            return m.key[i];
    }
    return 0;
}

/* First u (already made), then t, against first t, then u. Where one of them does what the other
 * would have done, it stands for both. */
static const char *differs(struct walk *k, uint32_t t, uint32_t u, struct hand *h,
                           struct seen only_t, struct seen only_u)
{
    struct hand none = {.base = {.pick = hand_pick}};
    struct sim s = {.scenario = k->sim.scenario, .reduce = d.mask, .world = d.u};
    uint32_t asked = h->asked;
    struct seen t_last = {0, 0};
    struct seen u_last = {0, 0};
    uint32_t t_there = there(k, d.u, t);
    uint32_t u_there = there(k, d.t, u);
    uint32_t node = t >> 24 == MOVE_NET ? t >> 8 & 255 : t >> 16 & 255;
    if (t_there != 0 && moves_first_of(&s, node) != t_there)
        return "it may not go first any more";
    if (t_there == 0 && u_there == 0)
        return "each prevents the other";
    world_copy(d.ut, d.u);
    world_copy(d.tu, d.t);
    if (t_there != 0)
        t_last = make(k, d.ut, d.u, t_there, &none);
    if (u_there != 0) {
        u_last = make(k, d.tu, d.t, u_there, h);
        if (h->asked != asked)
            return "the other asks something else";
    }
    struct hash128 x = world_hash(d.tu);
    struct hash128 y = world_hash(d.ut);
    if (x.lo != y.lo || x.hi != y.hi)
        return "the states differ";
    if ((only_t.broken | u_last.broken) != (only_u.broken | t_last.broken))
        return "other promises break";
    if ((only_t.reached | u_last.reached) != (only_u.reached | t_last.reached))
        return "other conditions are met";
    return NULL;
}

static void diamond(struct walk *k, const struct world *here, uint32_t t, uint32_t u,
                    struct hand *h)
{
    struct hand none = {.base = {.pick = hand_pick}};
    struct seen only_t = make(k, d.t, here, t, &none);
    assert_int_equal(none.asked, 0); /* a move that goes first leaves nothing open */
    struct seen only_u = make(k, d.u, here, u, h);
    if (d.u->dead || d.u->full)
        return; /* the run ends there */
    const char *what = differs(k, t, u, h, only_t, only_u);
    if (what != NULL)
        fail_msg("%s: %s %x goes first, beside %s %x: %s", k->sim.scenario->name,
                 move_kind_name((enum move_kind)(t >> 24)), t,
                 move_kind_name((enum move_kind)(u >> 24)), u, what);
    d.pairs++;
}

static void beside_all_others(struct walk *k, uint32_t depth, uint32_t t)
{
    struct moves m;
    struct sim s = {.scenario = k->sim.scenario, .world = k->block[depth]};
    moves_list(&s, &m);
    assert_int_equal(there(k, k->block[depth], t), t);
    for (uint32_t i = 0; i < m.n; i++) {
        struct hand h = {.base = {.pick = hand_pick}};
        if (m.key[i] == t)
            continue;
        do {
            diamond(k, k->block[depth], t, m.key[i], &h);
        } while (walk_count_up(h.answer, h.n, h.asked));
    }
}

static void each(struct walk *k, uint32_t depth)
{
    struct sim s = {.scenario = k->sim.scenario, .world = k->block[depth]};
    for (size_t i = 0; i < KINDS; i++) {
        s.reduce = d.mask = kinds[i];
        for (uint32_t node = 0; node < s.scenario->n_nodes; node++) {
            uint32_t t = moves_first_of(&s, node);
            if (t == 0)
                continue;
            beside_all_others(k, depth, t);
            d.first[i]++;
        }
    }
}

static void walk_cell(const struct scenario *sc)
{
    static struct walk k;
    d.pairs = 0;
    walk_open(&k, sc, REDUCE_SESSIONS);
    k.each = each;
    walk_all(&k);
    print_message("%s: %llu states, %llu pairs\n", sc->name, (unsigned long long)k.states,
                  (unsigned long long)d.pairs);
    walk_close(&k);
}

static void first_moves_commute(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cells / sizeof cells[0]; i++) {
        struct scenario sc;
        char path[128];
        snprintf(path, sizeof path, "scenarios/%s.yaml", cells[i]);
        assert_true(scenario_load(path, &sc, stderr));
        walk_cell(&sc);
    }
    for (size_t i = 0; i < KINDS; i++)
        assert_true(d.first[i] > 10000);
}

/* A replica that comes back beside another one may be chosen or not, as soon as it is up. */
static void with_a_replica_that_comes_back(void **state)
{
    (void)state;
    static const char *const files[] = {"scenarios/10-promote-any.yaml",
                                        "scenarios/10-promote-most-advanced.yaml"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        struct scenario sc;
        assert_true(scenario_load(files[i], &sc, stderr));
        sc.sessions = sc.transactions = 1;
        sc.fault[0] = (struct fault_budget){FAULT_NODE_KILL, OF_PRIMARY, 1, FILE_NONE};
        sc.fault[1] = (struct fault_budget){FAULT_NODE_KILL, OF_REPLICA, 1, FILE_NONE};
        sc.n_faults = 2;
        walk_cell(&sc);
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
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_moves_commute),
        cmocka_unit_test(with_a_replica_that_comes_back),
    };
    return cmocka_run_group_tests(tests, blocks, free_blocks) != 0;
}

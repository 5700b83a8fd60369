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
    /* Each of these has shown a condition that was too weak. */
    "06-restart-waits-for-ack",
    "16-redo-fsync-fails",
    "21-off-on-forgotten",
    "22-stop-slave",
    "23-count-2-on-again-mysql",
    "27-abort-server-restart",
    "35-before-write-write-fails-goes-on",
};

static const uint32_t kinds[] = {REDUCE_APPLIER, REDUCE_RECEIVER, REDUCE_LOSS,
                                 REDUCE_BOOT,    REDUCE_STREAM,   REDUCE_JOIN};
enum { NAMED_STATES_MAX = 200000 };
enum { KINDS = sizeof kinds / sizeof kinds[0] };

static struct {
    struct world *t, *tu, *u, *ut;
    const struct world *here;
    uint32_t mask;
    uint64_t pairs, first[KINDS], cut_short;
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

/* Is it the same move in both states? A connection may have another place in the table. */
static bool same_move(const struct world *a, uint32_t of_a, const struct world *b, uint32_t of_b)
{
    uint32_t kind = of_a >> 24;
    bool on_conn =
        kind == MOVE_NET || kind == MOVE_NET_DOWN || kind == MOVE_NET_OPEN || kind == MOVE_RESET;
    if (!on_conn || of_a >> 8 != of_b >> 8)
        return of_a == of_b;
    /* Each of two servers may be the other's replica. */
    return a->conn[of_a & 255].replica == b->conn[of_b & 255].replica;
}

/* The key that a move possible here has in another state, 0 where it is not possible there. */
static uint32_t there(const struct walk *k, struct world *w, uint32_t key)
{
    struct moves m;
    struct sim s = {.scenario = k->sim.scenario, .world = w};
    moves_list(&s, &m);
    for (uint32_t i = 0; i < m.n; i++) {
        if (same_move(d.here, key, w, m.key[i]))
            return m.key[i];
    }
    return 0;
}

/* A move that goes first, and one beside it. */
struct pair {
    uint32_t node; /* that t is about */
    uint32_t t, u;
    struct hand *of_t, *of_u;
    struct seen only_t, only_u;
};

/* What the replica was sent is lost with the connection, or with the replica. Who had received a
 * part of a group is then as one who had received nothing; who had received all of it, as one whose
 * primary was a step slower or faster: no diamond shows that (sim/commute.c says why it is so, and
 * reduction_search_test.c that it is). */
static bool cuts_short(const struct walk *k, const struct pair *p)
{
    if ((d.mask != REDUCE_STREAM && d.mask != REDUCE_JOIN) || there(k, d.u, p->t) != 0)
        return false;
    d.cut_short++;
    return true;
}

/* The manager gives up a candidate that is down and was about to start: it can but choose it
 * again. */
static bool is_detour(const struct pair *p)
{
    return d.mask == REDUCE_BOOT &&
           p->u >> 8 == ((uint32_t)MOVE_MANAGER << 16 | (uint32_t)MANAGER_DETECT << 8 | p->node);
}

/* How far the ACK was when its primary crashed: with the ACK first it is there, and where it is
 * not, the crash came before the dump thread sent anything. */
static reach_mask of_ack_at_crash(void)
{
    static const enum reach at_crash[] = {REACH_CRASH_BEFORE_ACK, REACH_CRASH_ACK_IN_FLIGHT,
                                          REACH_CRASH_ACKED_INVISIBLE, REACH_CRASH_VISIBLE_UNACKED};
    bool crash = false;
    reach_mask mask = 0;
    for (uint32_t i = 0; i < d.u->n_nodes; i++)
        crash = crash || (d.u->node[i].state == NODE_DOWN && d.t->node[i].state != NODE_DOWN);
    if (d.mask != REDUCE_STREAM || !crash)
        return 0;
    for (size_t i = 0; i < sizeof at_crash / sizeof at_crash[0]; i++)
        mask |= (reach_mask)1 << at_crash[i];
    return mask;
}

/* Behind u it may still go first, or behind others that may. */
static bool still_goes_first(struct walk *k, uint32_t node, uint32_t t)
{
    enum { OTHERS_MAX = 4 };
    struct hand none = {.base = {.pick = hand_pick}};
    struct sim s = {.scenario = k->sim.scenario, .reduce = d.mask, .world = d.ut};
    world_copy(d.ut, d.u);
    for (uint32_t i = 0; i <= OTHERS_MAX; i++) {
        uint32_t first = moves_first_of(&s, node);
        if (first == 0 || same_move(d.u, t, d.ut, first))
            return first != 0;
        world_copy(d.tu, d.ut);
        make(k, d.ut, d.tu, first, &none);
    }
    return false;
}

/* First u (already made), then t, against first t, then u. Where one of them does what the other
 * would have done, it stands for both. */
static const char *differs(struct walk *k, const struct pair *p)
{
    uint32_t asked[2] = {p->of_t->asked, p->of_u->asked};
    struct seen t_last = {0, 0};
    struct seen u_last = {0, 0};
    uint32_t t_there = there(k, d.u, p->t);
    uint32_t u_there = there(k, d.t, p->u);
    if (t_there != 0 && !still_goes_first(k, p->node, t_there))
        return "it may not go first any more";
    if (t_there == 0 && u_there == 0)
        return "each prevents the other";
    world_copy(d.ut, d.u);
    world_copy(d.tu, d.t);
    if (t_there != 0) {
        t_last = make(k, d.ut, d.u, t_there, p->of_t);
        if (p->of_t->asked != asked[0])
            return "it asks something else behind the other";
    }
    if (u_there != 0) {
        u_last = make(k, d.tu, d.t, u_there, p->of_u);
        if (p->of_u->asked != asked[1])
            return "the other asks something else";
    }
    struct hash128 x = world_hash(d.tu);
    struct hash128 y = world_hash(d.ut);
    if (x.lo != y.lo || x.hi != y.hi)
        return "the states differ";
    if ((p->only_t.broken | u_last.broken) != (p->only_u.broken | t_last.broken))
        return "other promises break";
    reach_mask met[2] = {p->only_t.reached | u_last.reached, p->only_u.reached | t_last.reached};
    if (((met[0] ^ met[1]) & ~of_ack_at_crash()) != 0)
        return "other conditions are met";
    return NULL;
}

static void diamond(struct walk *k, const struct world *here, struct pair *p)
{
    d.here = here;
    p->only_t = make(k, d.t, here, p->t, p->of_t);
    p->only_u = make(k, d.u, here, p->u, p->of_u);
    if (d.u->dead || d.u->full || cuts_short(k, p) || is_detour(p))
        return;
    const char *what = differs(k, p);
    if (what != NULL)
        fail_msg("%s: %s: %s %x goes first, beside %s %x: %s", k->sim.scenario->name,
                 reduction_name((uint32_t)__builtin_ctz(d.mask)),
                 move_kind_name((enum move_kind)(p->t >> 24)), p->t,
                 move_kind_name((enum move_kind)(p->u >> 24)), p->u, what);
    d.pairs++;
}

static void beside_all_others(struct walk *k, uint32_t depth, uint32_t node, uint32_t t)
{
    struct moves m;
    struct sim s = {.scenario = k->sim.scenario, .world = k->block[depth]};
    moves_list(&s, &m);
    d.here = k->block[depth];
    assert_int_equal(there(k, k->block[depth], t), t);
    for (uint32_t i = 0; i < m.n; i++) {
        struct hand of_t = {.base = {.pick = hand_pick}};
        struct pair p = {.node = node, .t = t, .u = m.key[i], .of_t = &of_t};
        if (m.key[i] == t)
            continue;
        do {
            struct hand of_u = {.base = {.pick = hand_pick}};
            p.of_u = &of_u;
            do {
                diamond(k, k->block[depth], &p);
            } while (walk_count_up(of_u.answer, of_u.n, of_u.asked));
        } while (walk_count_up(of_t.answer, of_t.n, of_t.asked));
    }
}

static void each(struct walk *k, uint32_t depth)
{
    struct sim s = {.scenario = k->sim.scenario, .world = k->block[depth]};
    for (size_t i = 0; i < KINDS; i++) {
        s.reduce = d.mask = kinds[i];
        for (uint32_t node = 0; node <= s.scenario->n_nodes; node++) {
            uint32_t t = moves_first_of(&s, node);
            if (t == 0)
                continue;
            beside_all_others(k, depth, node, t);
            d.first[i]++;
        }
    }
}

static void walk_cell(const struct scenario *sc, uint64_t states_max)
{
    static struct walk k;
    d.pairs = d.cut_short = 0;
    walk_open(&k, sc, REDUCE_SESSIONS);
    k.states_max = states_max;
    k.each = each;
    walk_all(&k);
    print_message("%s: %llu states, %llu pairs, %llu cut short\n", sc->name,
                  (unsigned long long)k.states, (unsigned long long)d.pairs,
                  (unsigned long long)d.cut_short);
    walk_close(&k);
}

static void cell(const char *name, uint64_t states_max)
{
    struct scenario sc;
    char path[128];
    snprintf(path, sizeof path, "scenarios/%s.yaml", name);
    assert_true(scenario_load(path, &sc, stderr));
    walk_cell(&sc, states_max);
}

static void first_moves_commute(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cells / sizeof cells[0]; i += WALK_STRIDE)
        cell(cells[i], 0);
    for (size_t i = 0; i < KINDS; i++)
        assert_true(d.first[i] > 10000 || WALK_STRIDE > 1);
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
        walk_cell(&sc, 0);
    }
}

static char **named; /* on the command line */

static void in_named_cells(void **state)
{
    (void)state;
    for (char **name = named; *name != NULL; name++)
        cell(*name, NAMED_STATES_MAX);
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

/* With arguments: in these cells, as far as that many states go. */
int main(int argc, char **argv)
{
    const struct CMUnitTest list[] = {
        cmocka_unit_test(first_moves_commute),
        cmocka_unit_test(with_a_replica_that_comes_back),
    };
    const struct CMUnitTest some[] = {cmocka_unit_test(in_named_cells)};
    named = argv + 1;
    if (argc > 1)
        return cmocka_run_group_tests(some, blocks, free_blocks) != 0;
    return cmocka_run_group_tests(list, blocks, free_blocks) != 0;
}

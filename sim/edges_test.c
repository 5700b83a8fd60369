/* Edges of the ledger: the same course gives the same edges, another one gives others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/edges.h"
#include "sim/test_sim.h"

#define ONE   "workload: {sessions: 1, transactions: 1}\n"
#define TWO   "workload: {sessions: 2, transactions: 2}\n"
#define POWER "faults: [{point: node/power, of: primary}]\n"

static uint8_t seen[EDGES];
static struct edges memory;

static void begin(struct rig *g, const char *yaml)
{
    memset(seen, 0, sizeof seen);
    memset(&memory, 0, sizeof memory);
    rig_open(g, yaml);
}

/* Takes the move; how many of its edges are new. */
static uint32_t step(struct rig *g, uint32_t key)
{
    uint32_t edge[EDGES_STEP_MAX];
    rig_take(g, key);
    uint32_t n = sim_edges(&g->sim, key, &memory, edge);
    uint32_t fresh = 0;
    assert_true(n <= EDGES_STEP_MAX);
    for (uint32_t i = 0; i < n; i++) {
        assert_true(edge[i] < EDGES);
        fresh += !seen[edge[i]];
        seen[edge[i]] = 1;
    }
    return fresh;
}

static void a_commit_has_edges_and_the_next_ones_have_few(void **state)
{
    (void)state;
    struct rig g;
    begin(&g, RIG_HEAD "cluster: {primary: {semi_sync: off}, replicas: [{}]}\n"
                       "workload: {sessions: 1, transactions: 3}\n");
    uint32_t fresh[3] = {0};
    for (uint32_t t = 0; t < 3; t++) {
        fresh[t] += step(&g, rig_find(&g, MOVE_CLIENT, 0, -1));
        struct moves m;
        for (moves_list(&g.sim, &m); m.n > 0 && m.key[0] >> 24 != MOVE_CLIENT;
             moves_list(&g.sim, &m))
            fresh[t] += step(&g, m.key[0]);
    }
    assert_true(fresh[0] >= 6); /* written, durable, sent, received, visible, answered ... */
    assert_true(fresh[2] * 6 <= fresh[0]);
    rig_close(&g);
}

/* Of a transaction that goes all the way each thing that can become true of it is an edge: ten
 * kinds; nobody refuses it. An edge of the first 1024 is a pair, 32 times the one that was true
 * last and the one that is true now. */
static void each_thing_that_becomes_true_is_an_edge(void **state)
{
    (void)state;
    struct rig g;
    begin(&g, RIG_PAIR ONE);
    step(&g, rig_find(&g, MOVE_CLIENT, 0, -1));
    struct moves m;
    for (moves_list(&g.sim, &m); m.n > 0; moves_list(&g.sim, &m))
        step(&g, m.key[0]);
    bool kind[32] = {false};
    for (uint32_t i = 0; i < 1024; i++)
        kind[i % 32] |= seen[i] != 0;
    uint32_t kinds = 0;
    for (uint32_t k = 0; k < 32; k++)
        kinds += kind[k];
    assert_int_equal(kinds, 10);
    assert_false(kind[EDGE_KINDS]); /* refused is the last of them, counted from 1 */
    rig_close(&g);
}

/* So is each pair of conditions that one run meets. */
static void conditions_that_meet_are_edges(void **state)
{
    (void)state;
    struct rig g;
    begin(&g, RIG_PAIR ONE POWER);
    step(&g, rig_find(&g, MOVE_CLIENT, 0, -1));
    rig_run_to(&g, P, TASK_SESSION, "fsync");
    step(&g, rig_find(&g, MOVE_POWER, P, -1));
    uint32_t met = 0, pairs = 0;
    for (uint32_t r = 0; r < REACHES; r++) {
        met += rig_reached(&g, (enum reach)r);
        for (uint32_t other = 0; other < 64; other++)
            pairs += seen[1024 + r * 64 + other];
    }
    assert_true(met >= 2);
    assert_int_equal(pairs, met * (met + 1) / 2);
    rig_close(&g);
}

/* Where a power loss comes is an edge: before the write, behind it, behind the fsync. */
static void each_place_of_a_crash_is_an_edge(void **state)
{
    (void)state;
    struct rig g;
    static const char *const places[] = {"prepare", "write", "fsync", "publish", "commit"};
    static uint8_t all[EDGES];
    uint32_t total = 0;
    memset(all, 0, sizeof all);
    for (uint32_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        begin(&g, RIG_PAIR ONE POWER);
        step(&g, rig_find(&g, MOVE_CLIENT, 0, -1));
        if (i < 4)
            rig_run_to(&g, P, TASK_SESSION, places[i]);
        else
            rig_run(&g, P);
        uint32_t edge[EDGES_STEP_MAX];
        sim_edges(&g.sim, move_key(MOVE_RUN, P, TASK_SESSION, 0), &memory, edge);
        memset(seen, 0, sizeof seen);
        step(&g, rig_find(&g, MOVE_POWER, P, -1));
        uint32_t fresh = 0;
        for (uint32_t k = 0; k < EDGES; k++) {
            fresh += seen[k] && !all[k];
            all[k] |= seen[k];
        }
        assert_true(fresh >= 1);
        total += fresh;
        rig_close(&g);
    }
    assert_true(total >= 5);
}

/* Which session it was makes no difference. */
static void sessions_are_alike(void **state)
{
    (void)state;
    struct rig g;
    uint32_t edges[2][EDGES_STEP_MAX];
    uint32_t n[2];
    for (int session = 0; session < 2; session++) {
        begin(&g, RIG_PAIR TWO POWER);
        step(&g, rig_find(&g, MOVE_CLIENT, session, -1));
        uint32_t key = rig_find(&g, MOVE_POWER, P, -1);
        rig_take(&g, key);
        n[session] = sim_edges(&g.sim, key, &memory, edges[session]);
        rig_close(&g);
    }
    assert_int_equal(n[0], n[1]);
    assert_int_equal(edges[0][0], edges[1][0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_commit_has_edges_and_the_next_ones_have_few),
        cmocka_unit_test(each_thing_that_becomes_true_is_an_edge),
        cmocka_unit_test(conditions_that_meet_are_edges),
        cmocka_unit_test(each_place_of_a_crash_is_an_edge),
        cmocka_unit_test(sessions_are_alike),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

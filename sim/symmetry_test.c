/* Which sessions are alike, which move of theirs is offered, and the names of the reductions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/test_sim.h"

#define THREE "workload: {sessions: 3, transactions: 4}\n"

/* Bit i: session i may make a move of this kind. */
static uint32_t offered(struct rig *g, enum move_kind kind)
{
    uint32_t mask = 0;
    struct moves m;
    moves_list(&g->sim, &m);
    for (uint32_t i = 0; i < m.n; i++) {
        uint32_t session = kind == MOVE_CLIENT ? m.key[i] >> 16 & 255 : m.key[i] >> 8 & 255;
        if (m.key[i] >> 24 == (uint32_t)kind && session < SESSIONS_MAX)
            mask |= 1u << session;
    }
    return mask;
}

static void one_of_the_idle_sends(void **state)
{
    (void)state;
    struct rig g;
    rig_open(&g, RIG_PAIR THREE "faults: [{point: node/kill, of: primary}]\n");
    assert_int_equal(offered(&g, MOVE_CLIENT), 7);
    g.sim.reduce = REDUCE_SESSIONS;
    assert_int_equal(offered(&g, MOVE_CLIENT), 1);
    rig_do(&g, MOVE_CLIENT, 0, -1);
    assert_int_equal(offered(&g, MOVE_CLIENT), 2);
    rig_settle(&g); /* session 0 is idle again, and T2 still goes to session 1 */
    assert_int_equal(offered(&g, MOVE_CLIENT), 2);
    rig_do(&g, MOVE_CLIENT, 1, -1);
    rig_do(&g, MOVE_CLIENT, 2, -1);
    assert_int_equal(offered(&g, MOVE_CLIENT), 1); /* T4 where T1 was: the others are busy */
    rig_close(&g);
}

/* A session that hangs on another server is another session. */
static void idle_sessions_at_two_servers_are_two_kinds(void **state)
{
    (void)state;
    struct rig g;
    rig_open(&g, RIG_PAIR THREE "faults: [{point: node/kill, of: primary}]\n");
    g.sim.reduce = REDUCE_SESSIONS;
    g.w->client[1].node = R1;
    g.w->node[R1].primary.serving = 1;
    assert_int_equal(offered(&g, MOVE_CLIENT), 3);
    g.w->client[1].node = P;
    assert_int_equal(offered(&g, MOVE_CLIENT), 1);
    g.w->node[P].runnable |= 1u << 1; /* a wake-up that came late */
    assert_int_equal(offered(&g, MOVE_CLIENT), 3);
    rig_close(&g);
}

static void the_lowest_fresh_one_begins(void **state)
{
    (void)state;
    struct rig g;
    rig_open(&g, RIG_PAIR THREE);
    for (int i = 2; i >= 0; i--)
        rig_do(&g, MOVE_CLIENT, i, -1); /* T1 in session 2, T3 in session 0 */
    assert_int_equal(offered(&g, MOVE_RUN), 7);
    g.sim.reduce = REDUCE_SESSIONS;
    assert_int_equal(offered(&g, MOVE_RUN), 4);
    rig_do(&g, MOVE_RUN, P, 2);
    assert_int_equal(offered(&g, MOVE_RUN), 2);
    while (rig_find(&g, MOVE_DISK, P, 2) != 0)
        rig_do(&g, MOVE_DISK, P, 2); /* T1 is prepared and on its way: no longer alike */
    assert_int_equal(offered(&g, MOVE_RUN), 6);
    rig_do(&g, MOVE_RUN, P, 1);
    assert_int_equal(offered(&g, MOVE_RUN) & 1, 1);
    rig_close(&g);
}

static void names_and_lists_of_names(void **state)
{
    (void)state;
    uint32_t all = 0;
    for (uint32_t i = 0; i < REDUCTIONS; i++) {
        assert_int_equal(reduction_find(reduction_name(i)), 1u << i);
        all |= 1u << i;
    }
    assert_int_equal(all, REDUCE_ALL);
    assert_int_equal(reduction_find("sessions,applier"), REDUCE_SESSIONS | REDUCE_APPLIER);
    assert_int_equal(reduction_find("session"), 0);
    assert_int_equal(reduction_find("sessionss"), 0);
    assert_int_equal(reduction_find("sessions,"), 0);
    assert_int_equal(reduction_find(""), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_of_the_idle_sends),
        cmocka_unit_test(idle_sessions_at_two_servers_are_two_kinds),
        cmocka_unit_test(the_lowest_fresh_one_begins),
        cmocka_unit_test(names_and_lists_of_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}

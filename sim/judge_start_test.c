/* What a server may not leave behind when it has started. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/test_sim.h"

#define TWO_SERVERS RIG_HEAD "cluster: {primary: {}, replicas: [{}]}\n"

static void ends_with(struct rig *g, invariant_mask which)
{
    assert_int_equal(g->violated, which);
    rig_close(g);
}

static void a_prepared_transaction_is_somebodys(void **state)
{
    (void)state;
    struct rig g;
    for (int left = 0; left < 2; left++) {
        rig_open(&g, TWO_SERVERS);
        struct engine *e = &g.w->node[P].engine;
        if (left)
            assert_true(engine_prepare(e, 99, 15, 0, (struct gtid){0}));
        judge_booted(&g.sim, P);
        g.violated |= g.sim.violated;
        ends_with(&g, left ? 1u << INV_LIVE : 0);
    }
}

static void a_log_is_readable_after_a_start(void **state)
{
    (void)state;
    struct rig g;
    for (int which = 0; which < 3; which++) {
        rig_open(&g, TWO_SERVERS);
        g.w->node[P].binlog.broken = which == 1;
        g.w->node[P].relay.broken = which == 2;
        judge_booted(&g.sim, P);
        g.violated |= g.sim.violated;
        ends_with(&g, which != 0 ? 1u << INV_SANE : 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_prepared_transaction_is_somebodys),
        cmocka_unit_test(a_log_is_readable_after_a_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}

/* An old primary that wants to be a replica of the new one, on a real mariadbd. Without one: exit
 * status 77.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sim/live/test_play.h"

/* What only the old primary has is what it is refused for; nobody writes to it meanwhile. */
static void test_demoted(void **state)
{
    (void)state;
    test_scenario(&sc, "demoted");
    sc.sessions = 1;
    sc.fault[0].point = FAULT_NODE_POWER;
    sc.manager.on_loss[0] = ON_LOSS_DEMOTE;
    sc.node[0].recovery = sc.node[1].recovery = RECOVERY_READ_ONLY;
    play(0);
    judged(INV_NOLOSS, LIVE_HOLDS);
    judged(INV_NOPHANTOM, LIVE_HOLDS);
    judged(INV_AGREE, LIVE_HOLDS);
    assert_true(
        saw("reads T1 T2 there; it writes: The MariaDB server is running with the --read-"));
    assert_true(saw("it asks behind '0-1-2': old primary rejoined as replica"));
    assert_true(saw("it asks behind '0-1-2': old primary refused at its rejoin"));
    assert_true(saw("start from GTID 0-1-2, which is not in the master's binlog"));
}

/* A recovery that cuts leaves nothing to be refused for. */
static void test_cut(void **state)
{
    (void)state;
    test_scenario(&sc, "cut");
    sc.sessions = 1;
    sc.manager.rejoin = true;
    sc.node[0].init_rpl_role = ROLE_SLAVE;
    play(0);
    judged(INV_CONVERGE, LIVE_HOLDS);
    assert_true(saw("read-only: its table holds T1, its binlog T1"));
    assert_true(saw("it asks behind '0-1-1': old primary rejoined as replica"));
    assert_false(saw("old primary refused"));
}

/* A recovery that may not cut leaves all in doubt: with the other role it is committed. */
static void test_cut_refused(void **state)
{
    (void)state;
    test_scenario(&sc, "cut-refused");
    sc.plain = 1;
    sc.manager.on_loss[0] = ON_LOSS_RESTART;
    sc.node[0].init_rpl_role = ROLE_SLAVE;
    sc.expect[INV_LIVE] = EXPECT_BREAKS;
    play(0);
    judged(INV_LIVE, LIVE_BREAKS);
    assert_true(saw("it does not start again"));
    assert_true(saw("init_rpl_role=MASTER: its table holds T1 T2 T3, its binlog T1 T2 T3"));
}

static const struct CMUnitTest all[] = {
    cmocka_unit_test(test_demoted),
    cmocka_unit_test(test_cut),
    cmocka_unit_test(test_cut_refused),
};
TEST_PLAY_MAIN(all)

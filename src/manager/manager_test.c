#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "manager/manager.h"

enum { P, R1, R2, R3 };

static struct manager m;
static struct manager_policy policy;
static struct manager_view v;
static struct manager_option options[MANAGER_OPTIONS_MAX];
static struct manager_order orders[MANAGER_ORDERS_MAX];
static uint32_t n_orders;

static void node(uint32_t i, uint64_t received, bool hears_primary)
{
    v.node[i] = (struct manager_node){
        .reachable = true, .received = received, .applied = true, .hears_primary = hears_primary};
}

/* A primary and two replicas; R2 has received more. */
static void begin(enum loss_plan plan)
{
    memset(&m, 0, sizeof m);
    memset(&v, 0, sizeof v);
    policy = (struct manager_policy){
        .promote = PROMOTE_MOST_ADVANCED, .on_loss = {plan}, .n_on_loss = 1, .fence = true};
    v.n = 3;
    node(P, 9, false);
    v.node[P].serving = true;
    node(R1, 5, true);
    node(R2, 7, true);
}

static void lose(uint32_t i)
{
    v.node[i] = (struct manager_node){.down = true, .applied = true};
    for (uint32_t r = 0; r < v.n; r++)
        v.node[r].hears_primary = v.node[r].hears_primary && i != m.primary;
}

/* The options as text: "choose 1, choose 2". */
static void offers(const char *expected)
{
    char text[128] = "";
    memset(options, 0xee, sizeof options);
    const uint32_t n = manager_options(&m, &policy, &v, options);
    assert_true(n <= MANAGER_OPTIONS_MAX);
    for (uint32_t i = 0; i < n; i++) {
        const char *name = manager_act_name((enum manager_act)options[i].act);
        const char digit[] = {' ', (char)('0' + options[i].node), '\0'};
        strcat(text, i == 0 ? "" : ", ");
        strcat(text, name);
        strcat(text, digit);
    }
    assert_string_equal(text, expected);
}

/* Takes the first option, which must be the only one, and lists the orders. */
static void take(const char *offered, const char *expected)
{
    static const char *const admins[] = {"follow", "stop", "serve", "read-only"};
    char text[256] = "";
    offers(offered);
    const struct manager_option o = options[0];
    memset(orders, 0, sizeof orders);
    n_orders = manager_take(&m, &policy, &v, o, orders);
    assert_true(n_orders <= MANAGER_ORDERS_MAX);
    for (uint32_t i = 0; i < n_orders; i++) {
        const struct manager_order *d = &orders[i];
        char digits[] = {' ', (char)('0' + d->node), '>', (char)('0' + d->peer), '\0'};
        if (d->kind != ORDER_ADMIN || d->admin != ADMIN_FOLLOW)
            digits[2] = '\0';
        strcat(text, i == 0 ? "" : ", ");
        strcat(text, d->kind == ORDER_FENCE           ? "fence"
                     : d->kind == ORDER_START_PRIMARY ? "start"
                                                      : admins[d->admin]);
        strcat(text, digits);
    }
    assert_string_equal(text, expected);
}

/* ---- failover -------------------------------------------------------------------------------- */

static void test_failover_to_the_most_advanced(void **state)
{
    (void)state;
    begin(ON_LOSS_FAILOVER);
    offers("");
    lose(P);
    take("detect 0", "");
    assert_int_equal(m.state, MANAGER_LOST_FAILOVER);
    assert_int_equal(m.losses, 1);
    take("fence 0", "fence 0"); /* F4: before anybody is promoted */
    assert_int_equal(m.discarded, 1u << P);
    take("choose 2", "stop 2");
    assert_int_equal(m.state, MANAGER_APPLY);
    v.node[R2].applied = false; /* F2 */
    offers("");
    v.node[R2].applied = true;
    take("promote 2", "stop 2, serve 2, follow 1>2");
    assert_int_equal(m.state, MANAGER_WATCH);
    assert_int_equal(m.primary, R2);
    assert_int_equal(m.candidate, 0);
    v.node[R2].serving = true;
    offers("");
    /* The old primary comes back: F6, it is not asked any more. */
    node(P, 99, false);
    lose(R2);
    take("detect 2", "");
    take("fence 2", "fence 2");
    offers("choose 1");
}

/* With rejoin the fenced server becomes a replica of the new primary, and a candidate again. */
static void test_rejoin(void **state)
{
    (void)state;
    begin(ON_LOSS_FAILOVER);
    policy.rejoin = true;
    lose(P);
    take("detect 0", "");
    take("fence 0", "fence 0");
    node(P, 9, false); /* not before the promotion (F6) */
    take("choose 2", "stop 2");
    take("promote 2", "stop 2, serve 2, follow 0>2, follow 1>2");
    assert_int_equal(m.discarded, 0);
    lose(R2);
    take("detect 2", "");
    take("fence 2", "fence 2");
    offers("choose 0");
}

static void test_most_advanced(void **state)
{
    (void)state;
    static const struct {
        uint64_t received[4];
        uint32_t unreachable;
        const char *any, *best;
    } cases[] = {
        {{9, 5, 7, 7}, 0, "choose 1, choose 2, choose 3", "choose 2, choose 3"}, /* equals: each */
        {{9, 5, 7, 8}, 0, "choose 1, choose 2, choose 3", "choose 3"},
        {{9, 5, 7, 8}, 1u << R3, "choose 1, choose 2", "choose 2"},
        {{9, 0, 0, 0}, 1u << R1, "choose 2, choose 3", "choose 2, choose 3"},
        {{9, 5, 7, 8}, 1u << R1 | 1u << R2 | 1u << R3, "", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        begin(ON_LOSS_FAILOVER);
        v.n = 4;
        for (uint32_t r = P; r <= R3; r++) {
            node(r, cases[i].received[r], false);
            v.node[r].reachable = (cases[i].unreachable >> r & 1) == 0;
        }
        lose(P);
        m.state = MANAGER_ELECT;
        offers(cases[i].best);
        policy.promote = PROMOTE_ANY;
        offers(cases[i].any);
    }
}

static void test_without_fencing(void **state)
{
    (void)state;
    begin(ON_LOSS_FAILOVER);
    policy.fence = false; /* it cannot be reached: it is out, and may serve on */
    v.node[P].reachable = false;
    take("detect 0", "");
    take("fence 0", "");
    assert_int_equal(m.discarded, 1u << P);
    assert_int_equal(m.state, MANAGER_ELECT);
    take("choose 2", "stop 2");
}

static void test_verify(void **state)
{
    (void)state;
    begin(ON_LOSS_FAILOVER);
    v.node[P].reachable = false;
    offers("detect 0");
    policy.verify = true;
    offers(""); /* both hear from it */
    v.node[R1].hears_primary = false;
    offers("");
    v.node[R2].reachable = false; /* whom the manager cannot ask does not count */
    offers("detect 0");
    v.node[R2].reachable = true;
    m.discarded = 1u << R2; /* nor who is out */
    offers("detect 0");
    m.discarded = 0;
    v.node[R2].hears_primary = false;
    offers("detect 0");
}

static void test_candidate_lost_while_it_applies(void **state)
{
    (void)state;
    begin(ON_LOSS_FAILOVER);
    lose(P);
    take("detect 0", "");
    take("fence 0", "fence 0");
    take("choose 2", "stop 2");
    lose(R2);
    take("detect 2", "");
    assert_int_equal(m.state, MANAGER_ELECT);
    assert_int_equal(m.candidate, 0);
    assert_int_equal(m.losses, 1); /* not a loss of the primary */
    assert_int_equal(m.discarded, 1u << P);
    offers("choose 1");
    node(R2, 7, false); /* back again: the better one */
    take("choose 2", "stop 2");
    take("promote 2", "stop 2, serve 2, follow 1>2");
}

static void test_nobody_left(void **state)
{
    (void)state;
    begin(ON_LOSS_FAILOVER);
    lose(P);
    take("detect 0", "");
    take("fence 0", "fence 0");
    lose(R1);
    lose(R2);
    offers("");
    node(R1, 5, false);
    take("choose 1", "stop 1");
    take("promote 1", "stop 1, serve 1"); /* who is not reachable is told nothing */
}

/* ---- restart --------------------------------------------------------------------------------- */

static void start_again(void)
{
    lose(P);
    take("detect 0", "");
    assert_int_equal(m.state, MANAGER_LOST_RESTART);
    take("start 0", "start 0");
    assert_int_equal(m.state, MANAGER_STARTING);
    assert_int_equal(m.discarded, 0);
}

static void test_restart_waits_until_the_process_is_gone(void **state)
{
    (void)state;
    begin(ON_LOSS_RESTART);
    v.node[P].reachable = false;
    take("detect 0", "");
    offers(""); /* it may be running behind a partition */
    v.node[P].down = true;
    take("start 0", "start 0");
    offers("detect 0"); /* and down again before it was up */
    v.node[P].down = false;
    offers("");
    v.node[P].reachable = true;
    v.node[P].serving = true;
    offers(""); /* it serves: nothing to do */
}

static void test_restarted_and_ahead_is_kept(void **state)
{
    (void)state;
    begin(ON_LOSS_RESTART);
    start_again();
    node(P, 7, false);               /* read-only; not behind R2 */
    v.node[R2].hears_primary = true; /* R1 was refused while the primary was behind it */
    take("keep 0", "stop 0, serve 0, follow 1>0");
    assert_int_equal(m.state, MANAGER_WATCH);
    assert_int_equal(m.primary, P);
}

static void test_restarted_and_behind_catches_up(void **state)
{
    (void)state;
    begin(ON_LOSS_RESTART);
    start_again();
    node(P, 6, false);
    v.node[R2].applied = false; /* what R2 has not applied it cannot send */
    offers("");
    v.node[R2].applied = true;
    take("choose 2", "follow 0>2");
    assert_int_equal(m.state, MANAGER_CATCH_UP);
    assert_int_equal(m.candidate, R2 + 1);
    offers("");
    v.node[P].received = 7;
    v.node[P].applied = false;
    offers("");
    v.node[P].applied = true;
    take("keep 0", "stop 0, serve 0, follow 1>0, follow 2>0");
    assert_int_equal(m.state, MANAGER_WATCH);
    assert_int_equal(m.candidate, 0);
}

/* From whom, among equals, is open; not from one that could not send it yet. */
static void test_restarted_behind_two_equals(void **state)
{
    (void)state;
    begin(ON_LOSS_RESTART);
    start_again();
    node(P, 6, false);
    node(R1, 7, false);
    v.node[R2].received = 7;
    offers("choose 1, choose 2");
    v.node[R1].applied = false;
    offers("choose 2");
    v.node[R2].applied = false;
    offers("");
}

/* A catch-up was cut short behind the last event: all is received, not all is applied. */
static void test_restarted_with_relay_log_left(void **state)
{
    (void)state;
    begin(ON_LOSS_RESTART);
    start_again();
    node(P, 7, false);
    v.node[P].applied = false;
    take("choose 2", "follow 0>2");
    offers("");
    v.node[P].applied = true;
    offers("keep 0");
}

/* MDEV-34705 step 5. */
static void test_restarted_and_demoted(void **state)
{
    (void)state;
    begin(ON_LOSS_DEMOTE);
    start_again();
    v.node[P].down = false;
    offers(""); /* not before it is up: it is to follow */
    node(P, 6, false);
    take("choose 2", "stop 2");
    assert_int_equal(m.state, MANAGER_APPLY);
    v.node[R2].applied = false;
    offers("");
    v.node[R2].applied = true;
    take("promote 2", "stop 2, serve 2, follow 0>2, follow 1>2");
    assert_int_equal(m.primary, R2);
    assert_int_equal(m.discarded, 0);
}

static void test_demoted_with_the_candidate_lost(void **state)
{
    (void)state;
    begin(ON_LOSS_DEMOTE);
    start_again();
    node(P, 6, false);
    take("choose 2", "stop 2");
    lose(R2);
    take("detect 2", "");
    take("choose 1", "stop 1"); /* never the old primary itself */
    take("promote 1", "stop 1, serve 1, follow 0>1");
}

static void test_restarted_and_nobody_to_ask(void **state)
{
    (void)state;
    begin(ON_LOSS_RESTART);
    start_again();
    node(P, 6, false);
    lose(R1);
    lose(R2);
    offers(""); /* it stays read-only */
    node(R1, 5, false);
    offers("keep 0");
}

static void test_lost_again_while_it_catches_up(void **state)
{
    (void)state;
    begin(ON_LOSS_RESTART);
    policy.on_loss[1] = ON_LOSS_FAILOVER;
    policy.n_on_loss = 2;
    start_again();
    node(P, 6, false);
    take("choose 2", "follow 0>2");
    lose(P);
    take("detect 0", "");
    assert_int_equal(m.losses, 2);
    assert_int_equal(m.candidate, 0);
    take("fence 0", "fence 0"); /* the second loss has another plan */
    take("choose 2", "stop 2");
}

static void test_plans(void **state)
{
    (void)state;
    static const enum loss_plan plans[] = {ON_LOSS_RESTART, ON_LOSS_FAILOVER, ON_LOSS_RESTART};
    for (uint32_t n = 1; n <= 3; n++) {
        for (uint8_t losses = 0; losses < 6; losses++) {
            begin(ON_LOSS_RESTART);
            memcpy(policy.on_loss, plans, sizeof plans);
            policy.n_on_loss = n;
            m.losses = losses;
            lose(P);
            take("detect 0", "");
            const enum loss_plan plan = plans[losses < n ? losses : n - 1]; /* the last repeats */
            assert_int_equal(m.state, plan == ON_LOSS_RESTART ? MANAGER_LOST_RESTART
                                                              : MANAGER_LOST_FAILOVER);
        }
    }
    begin(ON_LOSS_RESTART);
    m.losses = UINT8_MAX;
    lose(P);
    take("detect 0", "");
    assert_int_equal(m.losses, UINT8_MAX);
}

/* A server that serves by itself is watched again, also where it then cannot be reached. */
static void test_restarted_and_serving_is_watched(void **state)
{
    (void)state;
    begin(ON_LOSS_RESTART);
    start_again();
    node(P, 7, false);
    v.node[P].serving = true;
    manager_sees_serving(&m, R1);
    assert_int_equal(m.state, MANAGER_STARTING);
    manager_sees_serving(&m, P);
    assert_int_equal(m.state, MANAGER_WATCH);
    offers("");
    v.node[P].reachable = false;
    offers("detect 0");
}

static void test_source_lost_while_it_catches_up(void **state)
{
    (void)state;
    begin(ON_LOSS_RESTART);
    start_again();
    node(P, 4, false);
    take("choose 2", "follow 0>2");
    lose(R2);
    take("choose 1", "follow 0>1"); /* R1 has more than the primary, and is there */
    v.node[P].received = 5;
    take("keep 0", "stop 0, serve 0, follow 1>0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_failover_to_the_most_advanced),
        cmocka_unit_test(test_rejoin),
        cmocka_unit_test(test_most_advanced),
        cmocka_unit_test(test_without_fencing),
        cmocka_unit_test(test_verify),
        cmocka_unit_test(test_candidate_lost_while_it_applies),
        cmocka_unit_test(test_nobody_left),
        cmocka_unit_test(test_restart_waits_until_the_process_is_gone),
        cmocka_unit_test(test_restarted_and_ahead_is_kept),
        cmocka_unit_test(test_restarted_and_behind_catches_up),
        cmocka_unit_test(test_restarted_behind_two_equals),
        cmocka_unit_test(test_restarted_with_relay_log_left),
        cmocka_unit_test(test_restarted_and_demoted),
        cmocka_unit_test(test_demoted_with_the_candidate_lost),
        cmocka_unit_test(test_restarted_and_nobody_to_ask),
        cmocka_unit_test(test_lost_again_while_it_catches_up),
        cmocka_unit_test(test_plans),
        cmocka_unit_test(test_restarted_and_serving_is_watched),
        cmocka_unit_test(test_source_lost_while_it_catches_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}

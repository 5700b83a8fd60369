/* The story: what each step tells whoever listens, and that listening changes nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/test_sim.h"

struct listener {
    struct tracer base;
    const struct world *w;
    uint32_t n;
    struct trace_step step[256];
};

static void note(struct tracer *t, const struct trace_step *s)
{
    struct listener *l = (struct listener *)t;
    assert_true(l->n < 256);
    assert_int_equal(s->step, l->n + 1);
    assert_hash_equal(s->hash, world_hash(l->w));
    assert_true(memchr(s->text, 0, sizeof s->text) != NULL);
    assert_true(memchr(s->broken, 0, sizeof s->broken) != NULL);
    l->step[l->n++] = *s;
}

#define ASYNC                                                                                      \
    RIG_HEAD "cluster: {primary: {semi_sync: off}, replicas: [{}]}\n"                              \
             "workload: {sessions: 1, transactions: 1}\n"                                          \
             "faults: [{point: node/kill, of: primary}]\n"

/* One run with and without a listener. */
static struct hash128 run(struct listener *l)
{
    struct rig g;
    rig_open(&g, ASYNC);
    if (l != NULL) {
        l->w = g.w;
        g.sim.tracer = &l->base;
    }
    rig_do(&g, MOVE_CLIENT, 0, -1);
    rig_run(&g, P);
    rig_do(&g, MOVE_KILL, P, -1);
    rig_do(&g, MOVE_NET_DOWN, R1, P);
    rig_manage(&g);
    assert_true(rig_broke(&g, INV_NOLOSS));
    struct hash128 h = world_hash(g.w);
    rig_close(&g);
    return h;
}

static const struct trace_step *telling(const struct listener *l, const char *text)
{
    for (uint32_t i = 0; i < l->n; i++) {
        if (strstr(l->step[i].text, text) != NULL)
            return &l->step[i];
    }
    fail_msg("nobody tells: %s", text);
    return NULL;
}

static void each_step_is_told_in_words(void **state)
{
    (void)state;
    struct listener l = {.base = {.note = note}};
    struct hash128 h = run(&l);
    const struct trace_step *s = &l.step[0];
    assert_int_equal(s->move, move_key(MOVE_CLIENT, 0, 0, 0));
    assert_int_equal(s->lane, LANE_CLIENT);
    assert_int_equal(s->to_lane, P);
    assert_int_equal(s->txn_mask, 1);
    assert_string_equal(s->text, "client 1 sends T1 to P");
    s = telling(&l, "P writes");
    assert_int_equal(s->lane, P);
    assert_int_equal(s->to_lane, LANE_WORLD);
    s = telling(&l, "T1 becomes visible on P");
    assert_true(s->txn_mask & 1);
    s = telling(&l, "client 1 gets OK for T1");
    assert_int_equal(s->to_lane, LANE_CLIENT);
    s = telling(&l, "P sends T1 to R1");
    assert_int_equal(s->to_lane, R1);
    s = telling(&l, "P is killed");
    assert_int_equal(s->move >> 24, MOVE_KILL);
    assert_true(s->reached >> REACH_PRIMARY_CRASH & 1);
    s = telling(&l, "manager: promote R1");
    assert_int_equal(s->lane, LANE_MANAGER);
    assert_int_equal(s->to_lane, R1);
    assert_non_null(strstr(s->text, "; ")); /* parts are joined */
    assert_true(s->violated >> INV_NOLOSS & 1);
    assert_non_null(strstr(s->broken, "NOLOSS: T1 was answered OK"));
    assert_non_null(strstr(s->broken, "; NOPHANTOM: T1 "));
    assert_hash_equal(l.step[l.n - 1].hash, h);
}

static void listening_changes_nothing(void **state)
{
    (void)state;
    struct listener l = {.base = {.note = note}};
    assert_hash_equal(run(NULL), run(&l));
}

static void a_long_story_is_cut_and_stays_a_text(void **state)
{
    (void)state;
    struct trace_step now = {.text = ""};
    struct sim s = {.now = &now};
    for (uint32_t i = 0; i < 100; i++) {
        story(&s, "part %u%%", i);
        story_broken(&s, INV_LIVE, "edge %u", i);
        assert_true(strlen(now.text) < TRACE_TEXT_MAX);
        assert_true(strlen(now.broken) < TRACE_TEXT_MAX);
    }
    assert_memory_equal(now.text, "part 0%; part 1%; ", 18);
    assert_memory_equal(now.broken, "edge 0; edge 1; ", 16);
    story_lane(&s, R2);
    story_to(&s, LANE_MANAGER);
    story_txns(&s, 1);
    story_txns(&s, 4);
    assert_int_equal(now.lane, R2);
    assert_int_equal(now.to_lane, LANE_MANAGER);
    assert_int_equal(now.txn_mask, 5);
}

static void nobody_listens(void **state)
{
    (void)state;
    struct sim s = {0};
    story(&s, "%s", "nothing");
    story_lane(&s, P);
    story_to(&s, P);
    story_txns(&s, 1);
    story_event(&s, P, (const uint8_t *)"\0", 1);
    story_broken(&s, INV_AGREE, "%s", "heard all the same");
    assert_int_equal(s.violated, 1u << INV_AGREE);
}

static void names(void **state)
{
    (void)state;
    struct sim s = {0};
    assert_string_equal(story_node(&s, P), "P");
    assert_string_equal(story_node(&s, R1), "R1");
    assert_string_equal(story_node(&s, 3), "R3");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_step_is_told_in_words),
        cmocka_unit_test(listening_changes_nothing),
        cmocka_unit_test(a_long_story_is_cut_and_stays_a_text),
        cmocka_unit_test(nobody_listens),
        cmocka_unit_test(names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}

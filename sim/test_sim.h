/* What the tests of this folder share: a world made from YAML text, a hand that moves it, and a
 * walker that moves it at random.
 *
 * The hand takes moves by their key; each step of it must be possible, and what the world asks
 * within a step is answered from a list (0 behind its end). A test includes cmocka before this. */
#ifndef ACKPROOF_SIM_TEST_SIM_H
#define ACKPROOF_SIM_TEST_SIM_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "sim/internal.h"

enum { P = 0, R1 = 1, R2 = 2, RIG_ASKED_MAX = 64, RIG_MOVES_MAX = 2000 };

/* The least that a scenario needs: one primary, one replica, all settings safe. */
#define RIG_HEAD "version: 1\nname: t\n"
#define RIG_PAIR RIG_HEAD "cluster: {primary: {}, replicas: [{}]}\n"
#define RIG_TRIO RIG_HEAD "cluster: {primary: {}, replicas: [{}, {}]}\n"

struct rig_question {
    enum choice what;
    uint32_t n;
    uint32_t key; /* of the first alternative; 0 where there are no keys */
};

struct rig {
    struct chooser base;
    struct scenario sc;
    struct sim sim;
    struct world *w;
    uint32_t move; /* key to be taken next */
    uint32_t n_answers, given;
    uint32_t answer[RIG_ASKED_MAX];
    uint32_t asked; /* in the last step, the move apart */
    struct rig_question question[RIG_ASKED_MAX];
    invariant_mask violated; /* in all steps since rig_open or rig_forget */
    reach_mask reached;
};

/* ---- a world --------------------------------------------------------------------------------- */

static inline void rig_load(struct scenario *sc, const char *yaml)
{
    char path[] = "/tmp/ackproof-sim-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, yaml, strlen(yaml)), (ssize_t)strlen(yaml));
    close(fd);
    bool ok = scenario_load(path, sc, stderr);
    unlink(path);
    assert_true(ok);
}

static inline struct world *rig_block(int fill)
{
    struct world *w = malloc(world_size());
    assert_non_null(w);
    memset(w, fill, world_size());
    return w;
}

static inline uint32_t rig_pick(struct chooser *c, enum choice what, uint32_t n,
                                const uint32_t *keys)
{
    struct rig *g = (struct rig *)c;
    if (what == CHOOSE_MOVE) {
        for (uint32_t i = 0; i < n; i++) {
            if (keys[i] == g->move)
                return i;
        }
        return CHOICE_REFUSED;
    }
    assert_true(g->asked < RIG_ASKED_MAX);
    g->question[g->asked++] =
        (struct rig_question){.what = what, .n = n, .key = keys != NULL ? keys[0] : 0};
    uint32_t r = g->given < g->n_answers ? g->answer[g->given++] : 0;
    return r < n ? r : n - 1; /* a large answer means: the last one */
}

/* Starts the world in a block of garbage: nothing may rely on what was there. */
static inline void rig_open(struct rig *g, const char *yaml)
{
    memset(g, 0, sizeof *g);
    rig_load(&g->sc, yaml);
    g->base.pick = rig_pick;
    g->w = rig_block(0xA5);
    g->sim = (struct sim){.scenario = &g->sc, .world = g->w, .chooser = &g->base};
    sim_start(&g->sim);
    assert_int_equal(g->asked, 0);
}

static inline void rig_close(struct rig *g)
{
    free(g->w);
    memset(g, 0, sizeof *g);
}

static inline void rig_forget(struct rig *g)
{
    g->violated = 0;
    g->reached = 0;
}

/* ---- the hand -------------------------------------------------------------------------------- */

static inline const char *rig_move_text(uint32_t key)
{
    static char text[48];
    snprintf(text, sizeof text, "%s %u %u %u", move_kind_name((enum move_kind)(key >> 24)),
             key >> 16 & 255, key >> 8 & 255, key & 255);
    return text;
}

static inline bool rig_may(const struct rig *g, uint32_t key)
{
    struct moves m;
    moves_list(&g->sim, &m);
    for (uint32_t i = 0; i < m.n; i++) {
        if (m.key[i] == key)
            return true;
    }
    return false;
}

/* One move; what it broke. */
static inline invariant_mask rig_take(struct rig *g, uint32_t key)
{
    g->move = key;
    g->asked = 0;
    if (!rig_may(g, key))
        fail_msg("cannot happen now: %s", rig_move_text(key));
    enum step_result r = sim_step(&g->sim);
    assert_true(r == STEP_MOVED || r == STEP_FULL);
    g->n_answers = 0;
    g->given = 0;
    g->violated |= g->sim.violated;
    g->reached |= g->sim.reached;
    return g->sim.violated;
}

/* The answers to what the next step asks. */
static inline void rig_answer(struct rig *g, uint32_t a)
{
    assert_true(g->n_answers < RIG_ASKED_MAX);
    g->answer[g->n_answers++] = a;
}

/* The first possible move of this kind with these numbers (-1: any); 0 where there is none. */
static inline uint32_t rig_find(const struct rig *g, enum move_kind kind, int a, int b)
{
    struct moves m;
    moves_list(&g->sim, &m);
    for (uint32_t i = 0; i < m.n; i++) {
        uint32_t k = m.key[i];
        if (k >> 24 == (uint32_t)kind && (a < 0 || (k >> 16 & 255) == (uint32_t)a) &&
            (b < 0 || (k >> 8 & 255) == (uint32_t)b))
            return k;
    }
    return 0;
}

static inline invariant_mask rig_do(struct rig *g, enum move_kind kind, int a, int b)
{
    uint32_t key = rig_find(g, kind, a, b);
    if (key == 0)
        fail_msg("cannot happen now: %s %d %d", move_kind_name(kind), a, b);
    return rig_take(g, key);
}

static inline invariant_mask rig_manager(struct rig *g, enum manager_act act)
{
    return rig_do(g, MOVE_MANAGER, (int)act, -1);
}

/* The tasks and fsyncs of one server, as long as there are any; true where there was one. */
static inline bool rig_run(struct rig *g, uint32_t node)
{
    bool any = false;
    for (uint32_t n = 0;; n++, any = true) {
        assert_true(n < RIG_MOVES_MAX);
        uint32_t key = rig_find(g, MOVE_DISK, (int)node, -1);
        if (key == 0)
            key = rig_find(g, MOVE_RUN, (int)node, -1);
        if (key == 0)
            return any;
        rig_take(g, key);
    }
}

/* One task of a server until it stands before this stage of the commit pipeline. */
static inline void rig_run_to(struct rig *g, uint32_t node, uint32_t task, const char *stage)
{
    struct env env = {.set = &g->sc.node[node]};
    const struct committer *c = &g->w->node[node].primary.by[task];
    for (uint32_t n = 0; strcmp(primary_stage_name(&env, c), stage) != 0; n++) {
        assert_true(n < RIG_MOVES_MAX);
        uint32_t key = rig_find(g, MOVE_DISK, (int)node, (int)task);
        if (key == 0)
            key = rig_find(g, MOVE_RUN, (int)node, (int)task);
        if (key == 0)
            fail_msg("task %u stands at %s and cannot go on", task, primary_stage_name(&env, c));
        rig_take(g, key);
    }
}

/* All that is on the way from one server to another arrives, and is handled there. */
static inline void rig_receive(struct rig *g, uint32_t from, uint32_t to)
{
    for (uint32_t n = 0;; n++) {
        assert_true(n < RIG_MOVES_MAX);
        uint32_t key = rig_find(g, MOVE_NET, (int)from, (int)to);
        if (key == 0)
            key = rig_find(g, MOVE_DISK, (int)to, TASK_RECEIVER);
        if (key == 0)
            return;
        rig_take(g, key);
    }
}

/* Everything that needs neither a client, nor the manager, a timeout, a restart or a fault. */
static inline void rig_settle(struct rig *g)
{
    for (uint32_t n = 0;; n++) {
        assert_true(n < RIG_MOVES_MAX);
        struct moves m;
        moves_list(&g->sim, &m);
        uint32_t key = 0;
        for (uint32_t i = 0; i + m.faults < m.n && key == 0; i++) {
            uint32_t kind = m.key[i] >> 24;
            if (kind != MOVE_CLIENT && kind != MOVE_MANAGER && kind != MOVE_TIMER &&
                kind != MOVE_START)
                key = m.key[i];
        }
        if (key == 0)
            return;
        rig_take(g, key);
    }
}

/* The manager takes the first thing it may do, and all settles, until there is nothing more. */
static inline void rig_manage(struct rig *g)
{
    for (uint32_t n = 0;; n++) {
        assert_true(n < 64);
        rig_settle(g);
        uint32_t key = rig_find(g, MOVE_MANAGER, -1, -1);
        if (key == 0)
            return;
        rig_take(g, key);
    }
}

static inline bool rig_broke(const struct rig *g, enum invariant i)
{
    return (g->violated >> i & 1) != 0;
}

static inline bool rig_reached(const struct rig *g, enum reach r)
{
    return (g->reached >> r & 1) != 0;
}

static inline bool rig_sees(const struct rig *g, uint32_t node, uint32_t txn)
{
    return (g->w->node[node].visible >> txn & 1) != 0;
}

static inline const struct conn *rig_conn(const struct rig *g, uint32_t replica)
{
    for (uint32_t i = 0; i < g->w->conns; i++) {
        const struct conn *c = &g->w->conn[i];
        if (c->used && c->replica == replica)
            return c;
    }
    return NULL;
}

static inline void assert_hash_equal(struct hash128 a, struct hash128 b)
{
    assert_int_equal(a.lo, b.lo);
    assert_int_equal(a.hi, b.hi);
}

static inline bool hashes_equal(struct hash128 a, struct hash128 b)
{
    return a.lo == b.lo && a.hi == b.hi;
}

/* ---- the walker ------------------------------------------------------------------------------ */

/* Uniform over moves, but faults, crashes and timeouts come rarely. Its only state is `seed`: a
 * copy of it gives the same answers again. */
struct walker {
    struct chooser base;
    uint64_t seed;
};

static inline uint64_t walker_draw(struct walker *k)
{
    uint64_t z = k->seed += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static inline uint32_t walker_pick(struct chooser *c, enum choice what, uint32_t n,
                                   const uint32_t *keys)
{
    struct walker *k = (struct walker *)c;
    uint32_t r = (uint32_t)(walker_draw(k) % n);
    if (what == CHOOSE_FAULT)
        return walker_draw(k) % 8 == 0 ? r : 0;
    for (uint32_t again = 0; again < 3 && what == CHOOSE_MOVE; again++) {
        uint32_t kind = keys[r] >> 24;
        if (kind != MOVE_TIMER && kind != MOVE_OPERATOR &&
            (kind < MOVE_KILL || kind > MOVE_PARTITION))
            return r;
        r = (uint32_t)(walker_draw(k) % n);
    }
    return r;
}

#endif

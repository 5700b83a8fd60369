/* For tests only: a toy machine whose states, transitions and shortest violations can be counted by
 * hand.
 *
 * n workers count to k each. With `kills`, MOVE_KILL may happen that often: it asks how much of
 * worker 0's count survives. With `lies`, a step of worker 1 asks whether it lies, that often.
 * With `turns` a switch can be flipped at any time, which makes cycles. Where the scenario has
 * faults, their budgets are taken for `kills` (the first) and `lies` (the second).
 */
#ifndef ACKPROOF_SIM_EXPLORE_TOY_TEST_UTIL_H
#define ACKPROOF_SIM_EXPLORE_TOY_TEST_UTIL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sim/explore/search.h"

static struct rules {
    uint32_t n, k;
    uint8_t kills, lies;
    bool turns;
    bool many; /* NOPHANTOM breaks with a kill and a lie, NOAHEAD with two kills, SANE by itself */
    bool full; /* a bound of the world is hit when worker 0 is done */
    bool tampered; /* a step leaves something else behind than it did before */
} rules;

struct toy {
    uint8_t count[4];
    uint8_t kills, lies, turned, odd;
    uint64_t steps; /* history: not hashed */
};

static struct toy *toy(struct sim *s)
{
    return (struct toy *)(void *)s->world;
}

static size_t toy_size(void)
{
    return sizeof(struct toy);
}

static void toy_start(struct sim *s)
{
    if (s->scenario->n_faults == 2) {
        rules.kills = (uint8_t)s->scenario->fault[0].at_most;
        rules.lies = (uint8_t)s->scenario->fault[1].at_most;
    }
    *toy(s) = (struct toy){.kills = rules.kills, .lies = rules.lies};
}

static void toy_copy(struct world *to, const struct world *from)
{
    memcpy(to, from, sizeof(struct toy));
}

static struct hash128 toy_hash(const struct world *w)
{
    uint64_t state;
    memcpy(&state, w, sizeof state);
    state ^= state >> 31;
    return (struct hash128){.lo = state, .hi = (state + 1) * 0x9e3779b97f4a7c15u};
}

static uint32_t key_of(enum move_kind kind, uint32_t a)
{
    return (uint32_t)kind << 24 | a << 16;
}

static uint32_t toy_moves(const struct toy *t, uint32_t *keys)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < rules.n; i++) {
        if (t->count[i] < rules.k) {
            keys[n++] = key_of(MOVE_RUN, i);
        }
    }
    if (t->kills > 0) {
        keys[n++] = key_of(MOVE_KILL, 0);
    }
    if (rules.turns) {
        keys[n++] = key_of(MOVE_TIMER, 7);
    }
    return n;
}

static void toy_run(struct sim *s, struct toy *t, uint32_t i)
{
    t->count[i]++;
    t->odd ^= rules.tampered && i == 1;
    if (i == 1 && t->lies > 0 && choose(s->chooser, CHOOSE_FAULT, 2, NULL) == 1) {
        t->lies--;
        s->reached |= 1u << REACH_FSYNC_LIED;
    }
    if (t->lies < rules.lies && t->count[1] == rules.k) {
        s->violated |= 1u << INV_AGREE;
    }
}

static void toy_kill(struct sim *s, struct toy *t)
{
    uint32_t had = t->count[0];
    t->kills--;
    t->count[0] = (uint8_t)choose(s->chooser, CHOOSE_SURVIVE, had + 1, NULL);
    s->reached |= 1u << REACH_PRIMARY_CRASH;
    if (had == rules.k && t->count[0] == 0 && t->count[1] >= 1) {
        s->violated |= 1u << INV_NOLOSS;
    }
}

static void toy_judge_many(struct sim *s, const struct toy *t)
{
    uint32_t kills = (uint32_t)(rules.kills - t->kills);
    uint32_t lies = (uint32_t)(rules.lies - t->lies);
    s->violated |= kills >= 1 && lies >= 1 ? 1u << INV_NOPHANTOM : 0;
    s->violated |= kills >= 2 ? 1u << INV_NOAHEAD : 0;
    s->violated |= t->count[0] == rules.k ? 1u << INV_SANE : 0;
}

static enum step_result toy_step(struct sim *s)
{
    struct toy *t = toy(s);
    uint32_t keys[8];
    uint32_t n = toy_moves(t, keys);
    if (n == 0) {
        s->violated = rules.kills > 0 ? 1u << INV_LIVE : 0;
        s->reached = (reach_mask)1 << REACH_ALL_DONE;
        return STEP_END;
    }
    uint32_t r = choose(s->chooser, CHOOSE_MOVE, n, keys);
    if (r == CHOICE_REFUSED) {
        return STEP_REFUSED;
    }
    t->steps++;
    if (keys[r] >> 24 == MOVE_RUN) {
        toy_run(s, t, keys[r] >> 16 & 255);
    } else if (keys[r] >> 24 == MOVE_KILL) {
        toy_kill(s, t);
    } else {
        t->turned ^= 1;
    }
    if (rules.many) {
        toy_judge_many(s, t);
    }
    return rules.full && t->count[0] == rules.k ? STEP_FULL : STEP_MOVED;
}

static const struct machine toy_machine = {
    .size = toy_size, .start = toy_start, .step = toy_step, .hash = toy_hash, .copy = toy_copy};
static struct scenario scenario = {.file = "toy.yaml"};
static struct result result;

static inline uint64_t power(uint64_t base, uint32_t n)
{
    return n == 0 ? 1 : base * power(base, n - 1);
}

static inline void exhaust(struct rules r, const struct explore_options *o)
{
    rules = r;
    search_exhaust(&toy_machine, &scenario, o, &result);
}

static inline enum replay_end replay(const struct witness *w, const struct replay *opt,
                                     struct run_outcome *out, char *said, size_t cap)
{
    FILE *err = tmpfile();
    assert_non_null(err);
    enum replay_end end = search_replay(&toy_machine, &scenario, w, opt, out, err, NULL, NULL);
    rewind(err);
    size_t len = said != NULL ? fread(said, 1, cap - 1, err) : 0;
    if (said != NULL) {
        said[len] = 0;
    }
    fclose(err);
    return end;
}

static inline void assert_replays(const struct witness *w, enum invariant inv)
{
    struct run_outcome out;
    char said[1024];
    assert_int_equal(replay(w, NULL, &out, said, sizeof said), REPLAY_DONE);
    assert_string_equal(said, "");
    assert_true(out.violated >> inv & 1);
    assert_string_equal(w->invariant, invariant_id(inv));
    assert_string_equal(w->scenario, "toy.yaml");
}

static inline uint32_t count_choices(const struct witness *w, enum choice what, uint32_t key)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < w->n; i++) {
        n += w->choice[i].what == (uint32_t)what && w->choice[i].key == key;
    }
    return n;
}

#endif

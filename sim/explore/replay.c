/* Strict replay: every question of the run must be the next line of the record, and every line must
 * be asked for. Anything else is said at once, with what was possible there.
 */
#include "sim/explore/hash_log.h"
#include "sim/explore/search.h"

#include <assert.h>
#include <stdlib.h>

enum { POSSIBLE_MAX = 24 };

struct follower {
    struct chooser base;
    const struct witness *witness;
    struct witness *record;
    const struct run *run;
    uint32_t pos;
    bool misfit;
    FILE *err;
};

static void say_misfit(struct follower *f, enum choice what, uint32_t n, const uint32_t *keys)
{
    char text[CHOICE_TEXT_MAX];
    f->misfit = true;
    fprintf(f->err, "%s: error: choice %u (step %llu) does not fit: ", f->witness->scenario,
            f->pos + 1, (unsigned long long)f->run->out.steps + 1);
    if (f->pos < f->witness->n) {
        choice_text(text, &f->witness->choice[f->pos]);
        fprintf(f->err, "the witness says `%s`", text);
    } else {
        fprintf(f->err, "the witness is at its end");
    }
    if (what != CHOOSE_MOVE) {
        fprintf(f->err, ", the run asks for `%s` of %u\n", choice_name(what), n);
        return;
    }
    fprintf(f->err, ", possible is");
    for (uint32_t i = 0; i < n && i < POSSIBLE_MAX; i++) {
        choice_text(text, &(struct witness_choice){.what = CHOOSE_MOVE, .key = keys[i]});
        fprintf(f->err, "%s `%s`", i == 0 ? "" : ",", text);
    }
    fprintf(f->err, "%s\n", n > POSSIBLE_MAX ? ", ..." : "");
}

static uint32_t follower_pick(struct chooser *c, enum choice what, uint32_t n, const uint32_t *keys)
{
    struct follower *f = (struct follower *)c;
    if (f->misfit) {
        return 0;
    }
    if (f->pos == f->witness->n && what == CHOOSE_MOVE) {
        return CHOICE_REFUSED; /* the end of the record */
    }
    const struct witness_choice *w = f->pos < f->witness->n ? &f->witness->choice[f->pos] : NULL;
    uint32_t answer = n;
    if (w != NULL && w->what == (uint32_t)what) {
        if (what == CHOOSE_MOVE) {
            for (answer = 0; answer < n && keys[answer] != w->key; answer++) {
            }
        } else if (w->n == n && w->key < n) {
            answer = w->key;
        }
    }
    if (answer == n) {
        say_misfit(f, what, n, keys);
        return what == CHOOSE_MOVE ? CHOICE_REFUSED : 0;
    }
    f->pos++;
    witness_add(f->record, what, w->key, n);
    return answer;
}

static bool follow(struct run *run, struct follower *f, const struct replay *opt)
{
    uint64_t until = opt != NULL ? opt->until : 0;
    uint64_t break_at = opt != NULL ? opt->break_at : 0;
    FILE *hashes = opt != NULL ? opt->hashes : NULL;
    enum step_result end = STEP_MOVED;
    if (hashes != NULL) {
        hash_log_step(hashes, 0, NULL, 0, run->on->machine->hash(run->on->sim.world));
    }
    while (end == STEP_MOVED && !f->misfit) {
        if (until != 0 && run->out.steps >= until) {
            return false;
        }
        if (break_at != 0 && run->out.steps + 1 == break_at) {
            sim_break();
        }
        uint32_t before = run->record->n;
        end = run_step(run);
        if (hashes != NULL && end == STEP_MOVED) {
            hash_log_step(hashes, run->out.steps, run->record->choice + before,
                          run->record->n - before, run->on->machine->hash(run->on->sim.world));
        }
    }
    if (!f->misfit && (end == STEP_FULL || f->pos < f->witness->n)) {
        fprintf(f->err, "%s: error: the run ends behind step %llu (%s), choice %u of %u is left\n",
                f->witness->scenario, (unsigned long long)run->out.steps,
                end == STEP_FULL ? "a bound of the world was hit" : "nothing can happen any more",
                f->pos + 1, f->witness->n);
        f->misfit = true;
    }
    return true;
}

enum replay_end search_replay(const struct machine *m, const struct scenario *sc,
                              const struct witness *w, const struct replay *opt,
                              struct run_outcome *out, FILE *err,
                              void (*done)(void *arg, const struct sim *s), void *arg)
{
    assert(m != NULL && sc != NULL && w != NULL && out != NULL && err != NULL);
    struct runner on;
    struct witness record = {0};
    runner_open(&on, m, sc);
    runner_allow(&on, w);
    witness_start(&record, sc);
    struct run run = {.on = &on, .record = &record};
    struct follower f = {
        .base = {.pick = follower_pick}, .witness = w, .record = &record, .run = &run, .err = err};
    on.sim.chooser = &f.base;
    on.sim.tracer = opt != NULL ? opt->tracer : NULL;
    bool to_the_end = follow(&run, &f, opt);
    run_settle(&run);
    *out = run.out;
    enum replay_end end = f.misfit ? REPLAY_MISFIT : REPLAY_DONE;
    if (end == REPLAY_DONE && to_the_end && !hash_equal(record.final_hash, w->final_hash)) {
        fprintf(err,
                "%s: error: every choice fits, but the run ends in state %016llx%016llx, "
                "the witness in %016llx%016llx\n",
                w->scenario, (unsigned long long)record.final_hash.hi,
                (unsigned long long)record.final_hash.lo, (unsigned long long)w->final_hash.hi,
                (unsigned long long)w->final_hash.lo);
        end = REPLAY_HASH_DIFFERS;
    }
    if (done != NULL) {
        done(arg, &on.sim);
    }
    witness_free(&record);
    runner_close(&on);
    return end;
}

/* A call that the compiler may neither inline nor drop. */
__attribute__((noinline)) void sim_break(void)
{
    __asm__ volatile("");
}

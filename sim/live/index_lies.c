/* Cases in which one fsync of the primary's binlog index claims and keeps nothing: the name of the
 * binlog that begins behind T2 is not durable. Power is lost with more or less written to that
 * binlog; the primary starts again, finds a file that the index does not name, and deletes it.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "sim/live/stage.h"
#include "sim/live/status.h"

struct lies_case {
    const char *title;
    uint32_t behind;     /* so many transactions come behind T2, one after the other */
    bool hold;           /* the ACK of the last is held; else all are answered */
    const char *strikes; /* at the fsync of this file, in the last; NULL: behind all */
    const char *loses;   /* the power loss takes of files of this stem only; NULL: of all */
    bool registered;     /* that the register of new files was unlinked was not durable either */
    bool kept;           /* a later fsync has made the name durable */
};

static const struct lies_case cases[] = {
    {.title = "power lost when T2, which has filled its binlog, waits for its ACK", .hold = true},
    {.title = "likewise; that the old binlog was marked as clean was durable by chance",
     .hold = true,
     .loses = "binlog.index"},
    {.title = "power lost when T3, first in the new binlog, waits for its ACK",
     .behind = 1,
     .hold = true},
    {.title = "power lost when T3, first in the new binlog, is answered", .behind = 1},
    {.title = "likewise; the register of new binlogs is still there",
     .behind = 1,
     .registered = true},
    {.title = "power lost before T4, behind T3 in the new binlog, is fsynced",
     .behind = 2,
     .strikes = "binlog.000002"},
    {.title = "T4 has filled the new binlog as well, and the next fsync of the index was honest",
     .behind = 2,
     .kept = true},
};

static bool trapped(struct stage *st)
{
    return power_trap_hit(st->run->server.journal);
}

static bool set_trap(struct stage *st, const char *stem, const char *action, uint32_t skip)
{
    return power_set_trap(st->run->server.journal, "fsync", stem, action, skip) ||
           run_fail(st->run, "a trap cannot be set");
}

static bool waits(struct stage *st)
{
    struct live_status s;

    return status_read(st->run, &st->reader, NULL, &s) && s.waiting > 0;
}

/* One transaction to its answer, or to its wait: a rotation is over by then. */
static bool commit(struct stage *st, bool hold)
{
    peer_set_hold(&st->peer[0], hold);
    return stage_send(st, 0) &&
           stage_until(st, stage_in_binlog, STAGE_LIMIT_MS, "the commit reaches the binlog") &&
           stage_until(st, stage_all_received, STAGE_LIMIT_MS, "the replica receives it") &&
           stage_until(st, hold ? waits : stage_all_answered, STAGE_LIMIT_MS,
                       hold ? "it waits for its ACK" : "it is answered") &&
           stage_read(st);
}

/* Soon behind T3's prepare the new binlog gets its checkpoint event, with an fsync of its own. */
static bool let_checkpoint_pass(struct stage *st)
{
    for (uint64_t end = guard_now_ms() + st->run->plan.settle_ms; guard_now_ms() < end;) {
        if (!stage_turn(st)) {
            return false;
        }
    }
    return true;
}

/* The last transaction, into the trap. */
static bool commit_into_trap(struct stage *st, const char *stem)
{
    uint64_t end = guard_now_ms() + STAGE_LIMIT_MS;

    if (!let_checkpoint_pass(st)) {
        return false;
    }
    peer_set_down(&st->peer[0], true); /* behind the trap there is nobody to connect to */
    if (!set_trap(st, stem, "kill", 0) || !stage_send(st, 0)) {
        return false;
    }
    while (!trapped(st)) {
        if (!stage_turn(st)) {
            return false;
        }
        if (guard_now_ms() > end) {
            return run_fail(st->run, "no fsync of %s came", stem);
        }
    }
    return true;
}

static bool commit_all(struct stage *st, const struct lies_case *c)
{
    /* A rotation opens the index anew, and fsyncs it before it writes the name of the next file. */
    if (!set_trap(st, "binlog.index", "lie", 1) || !commit(st, c->hold && c->behind == 0)) {
        return false;
    }
    if (!trapped(st)) {
        return run_fail(st->run, "T2 has not filled its binlog");
    }
    for (uint32_t i = 1; i <= c->behind; i++) {
        bool last = i == c->behind;

        if (!(last && c->strikes != NULL ? commit_into_trap(st, c->strikes)
                                         : commit(st, c->hold && last))) {
            return false;
        }
    }
    return true;
}

/* A rotation writes the name of the new file here, fsyncs it, and unlinks this when the index has
 * the name; directory entries are durable at once otherwise (preload/power.c). */
static bool put_register_back(struct stage *st)
{
    char path[GUARD_PATH_MAX + 32];
    FILE *f;

    (void)snprintf(path, sizeof path, "%s/binlog.~rec~", st->run->server.data);
    f = fopen(path, "we");
    if (f == NULL) {
        return run_fail(st->run, "binlog.~rec~ cannot be written");
    }
    (void)fputs("./binlog.000002\n", f);
    return fclose(f) == 0;
}

static bool lose_power(struct stage *st, const struct lies_case *c)
{
    st->keep_power = true;
    if (!stage_lose(st) || !stage_power_off(st, c->loses)) {
        return false;
    }
    if (logs_named(st->run->server.data, "binlog", 2) != c->kept) {
        return run_fail(st->run, "the fsync that lied was none of binlog.000002's name");
    }
    return !c->registered || put_register_back(st);
}

/* A file that the index did not name: the name may be in use again. */
static void say_file(struct stage *st)
{
    const char *data = st->run->server.data;
    char path[GUARD_PATH_MAX + 32];

    (void)snprintf(path, sizeof path, "%s/binlog.000002", data);
    run_say(st->run, "    the start %s",
            access(path, F_OK) == 0 && !logs_named(data, "binlog", 2)
                ? "left binlog.000002, which the index does not name"
                : "deleted binlog.000002, which the index did not name");
}

static bool play(struct stage *st, const void *played)
{
    const struct lies_case *c = played;

    if (!commit_all(st, c)) {
        return false;
    }
    stage_say_seen(st, "before");
    if (!lose_power(st, c)) {
        return false;
    }
    if (!stage_go_on(st)) {
        return false;
    }
    if (!st->refused) {
        if (!c->kept) {
            say_file(st);
        }
        stage_judge_replicas(st);
        run_held(st->run, INV_LIVE);
    }
    return true;
}

bool index_lies(struct live_run *r)
{
    struct stage *st = calloc(1, sizeof *st);
    bool good = true;

    assert(st != NULL);
    for (size_t i = 0; good && i < sizeof cases / sizeof cases[0]; i++) {
        good = stage_case(st, r, cases[i].title, play, &cases[i]);
    }
    free(st);
    return good;
}

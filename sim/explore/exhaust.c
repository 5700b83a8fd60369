/* Depth-first search over everything that choose() can answer. */
#include "sim/explore/crew.h"
#include "sim/explore/save.h"

#include <stdlib.h>

enum { TICK_EVERY = 65536, ATTEND_EVERY = 64, SECONDS_EVERY = 1024 };

/* Back to the nearest state on the path that has a transition left; false where there is none. */
static bool advance(struct search *s, bool leave)
{
    if (leave) {
        s->path.n = s->stack.first[s->depth];
    }
    while (!odometer_next(&s->path, s->stack.first[s->depth])) {
        if (s->depth == s->base) {
            return false;
        }
        s->depth--;
    }
    return true;
}

static void tell(const struct search *s, const struct explore_options *o)
{
    const struct result *r = s->result;
    struct progress p = {r->states, r->transitions, s->depth, search_seconds() - s->started};
    if (s->crew != NULL) {
        crew_progress(s, &p);
    }
    o->tick(o->arg, &p);
}

/* Now and then. False: the search is over. */
static bool attend(struct search *s, const struct explore_options *o)
{
    if (s->result->transitions % TICK_EVERY == 0 && o != NULL && o->tick != NULL) {
        tell(s, o);
    }
    if (s->result->transitions % SECONDS_EVERY == 0 && s->until > 0 &&
        search_seconds() > s->until) {
        return false;
    }
    crew_hire(s, o);
    return s->crew == NULL || crew_attend(s);
}

void search_walk(struct search *s, const struct explore_options *o)
{
    struct result *r = s->result;
    bool over = false;
    bool more = true;
    while (more && !over) {
        if (search_done(s) || !search_room(s)) {
            over = true;
            break;
        }
        enum after after = search_try(s);
        if (after == AFTER_DEEPER) {
            search_enter(s);
            r->depth_max = s->depth > r->depth_max ? s->depth : r->depth_max;
        } else {
            more = advance(s, after == AFTER_LEAVE) || (s->crew != NULL && crew_ask(s));
        }
        over = more && r->transitions % ATTEND_EVERY == 0 && !attend(s, o);
    }
    s->lost = s->cut;
    if (over) {
        s->cut = s->stopped = true;
        if (s->crew != NULL) {
            crew_stop(s);
        }
    }
}

void search_exhaust(const struct machine *m, const struct scenario *sc,
                    const struct explore_options *o, struct result *r)
{
    struct search s;
    search_open(&s, m, sc, o, r);
    if (o != NULL && o->resume != NULL && !search_resume(&s, o->resume, stderr)) {
        exit(3);
    }
    s.until = o != NULL && o->seconds > 0 ? search_seconds() + o->seconds : 0;
    search_walk(&s, o);
    if (s.crew != NULL) {
        crew_finish(&s, o);
    }
    if (o != NULL && o->save != NULL && s.stopped && !search_done(&s)) {
        r->saved = search_save(&s, o->save, stderr);
        r->unsaved = !r->saved;
    }
    search_close(&s, o);
    search_judge(&s);
}

bool search_saved_check(const struct machine *m, const struct scenario *sc,
                        const struct explore_options *o, FILE *err)
{
    struct search s;
    struct result r;
    search_open(&s, m, sc, o, &r);
    bool ok = search_resume(&s, o->resume, err);
    search_close(&s, o);
    result_free(&r);
    return ok;
}

bool explore_saved_check(const struct scenario *sc, const struct explore_options *o, FILE *err)
{
    return search_saved_check(&world_machine, sc, o, err);
}

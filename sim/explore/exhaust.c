/* Depth-first search over everything that choose() can answer. */
#include "sim/explore/walk.h"

#include <assert.h>

enum { TICK_EVERY = 65536 };

/* Back to the nearest state on the path that has a transition left; false where there is none. */
static bool advance(struct search *s, bool leave)
{
    if (leave) {
        s->path.n = s->stack.first[s->depth];
    }
    while (!odometer_next(&s->path, s->stack.first[s->depth])) {
        if (s->depth == 0) {
            return false;
        }
        s->depth--;
    }
    return true;
}

static void tell(const struct search *s, const struct explore_options *o)
{
    const struct result *r = s->result;
    if (r->transitions % TICK_EVERY == 0 && o != NULL && o->tick != NULL) {
        struct progress p = {r->states, r->transitions, s->depth, search_seconds() - s->started};
        o->tick(o->arg, &p);
    }
}

static void walk(struct search *s, const struct explore_options *o)
{
    struct result *r = s->result;
    bool more = true;
    while (more) {
        if (search_done(s) || !search_room(s)) {
            s->cut = true;
            return;
        }
        enum after after = search_try(s);
        if (after == AFTER_DEEPER) {
            search_enter(s);
            r->depth_max = s->depth > r->depth_max ? s->depth : r->depth_max;
        } else {
            more = advance(s, after == AFTER_LEAVE);
        }
        tell(s, o);
    }
}

void search_exhaust(const struct machine *m, const struct scenario *sc,
                    const struct explore_options *o, struct result *r)
{
    struct search s;
    search_open(&s, m, sc, o, r);
    walk(&s, o);
    search_close(&s, o);
    search_judge(&s);
}

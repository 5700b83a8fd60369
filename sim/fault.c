/* Fault points: libfiu asks, choose() answers.
 *
 * Each point is registered with libfiu under its exact name (with a wildcard the callback would be
 * told the pattern) and answered from outside, so that no probability and none of libfiu's own
 * random numbers decides anything. libfiu hands the callback no context: `asking` holds it for the
 * length of one fiu_fail call.
 */
#include <fiu.h>
#include <fiu-control.h>

#include "sim/internal.h"

static struct {
    struct sim *s;
    enum fault_point point;
} asking;

static struct fault_budget const *budget_of(const struct sim *s, enum fault_point p, uint32_t node,
                                            enum file_kind kind, uint32_t *slot)
{
    enum fault_of role = node == s->world->home ? OF_PRIMARY : OF_REPLICA;
    if (s->world->calm)
        return NULL;
    for (uint32_t i = 0; i < s->scenario->n_faults; i++) {
        const struct fault_budget *f = &s->scenario->fault[i];
        if (f->point != p || ((unsigned)f->of & (unsigned)role) == 0 || s->world->budget[i] == 0)
            continue;
        if (f->file != FILE_NONE && kind != FILE_NONE && f->file != kind)
            continue;
        *slot = i;
        return f;
    }
    return NULL;
}

bool fault_admitted(const struct sim *s, enum fault_point p, uint32_t node, enum file_kind kind)
{
    uint32_t slot = 0;
    return budget_of(s, p, node, kind, &slot) != NULL;
}

uint32_t fault_points_left(const struct sim *s, uint32_t node)
{
    unsigned role = node == s->world->home ? OF_PRIMARY : OF_REPLICA;
    uint32_t points = 0;
    for (uint32_t i = 0; i < s->scenario->n_faults && !s->world->calm; i++) {
        const struct fault_budget *f = &s->scenario->fault[i];
        if (((unsigned)f->of & role) != 0 && s->world->budget[i] > 0)
            points |= 1u << f->point;
    }
    return points;
}

void fault_spend(struct sim *s, enum fault_point p, uint32_t node)
{
    uint32_t slot = 0;
    const struct fault_budget *f = budget_of(s, p, node, FILE_NONE, &slot);
    assert(f != NULL);
    (void)f;
    s->world->budget[slot]--;
}

static int answer(const char *name, int *failnum, void **failinfo, unsigned int *flags)
{
    (void)name;
    (void)failnum;
    (void)failinfo;
    (void)flags;
    uint32_t key = asking.point;
    uint32_t keys[2] = {key, key};
    return choose(asking.s->chooser, CHOOSE_FAULT, 2, keys) == 1;
}

static void register_points(void)
{
    static bool done;
    if (done)
        return;
    done = true;
    fiu_init(0);
    for (uint32_t p = 0; p < FAULT_POINTS; p++)
        fiu_enable_external(fault_point_name((enum fault_point)p), 1, NULL, 0, answer);
}

bool fault_fires(struct sim *s, enum fault_point p, uint32_t node, enum file_kind kind)
{
    uint32_t slot = 0;
    if (budget_of(s, p, node, kind, &slot) == NULL)
        return false;
    register_points();
    asking.s = s;
    asking.point = p;
    bool fires = fiu_fail(fault_point_name(p)) != 0;
    asking.s = NULL;
    if (fires)
        s->world->budget[slot]--;
    return fires;
}

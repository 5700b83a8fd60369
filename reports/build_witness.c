/* The story of a counterexample, step by step, for the space-time diagram. */
#include "reports/document.h"

#include <assert.h>
#include <string.h>

static json_t *hash_text(struct hash128 h)
{
    char text[40];
    snprintf(text, sizeof text, "%016llx%016llx", (unsigned long long)h.hi,
             (unsigned long long)h.lo);
    return new_text(text);
}

static json_t *invariant_ids(invariant_mask mask)
{
    json_t *l = new_list();
    for (uint32_t i = 0; i < INVARIANTS; i++) {
        if ((mask >> i & 1) != 0)
            append(l, new_text(invariant_id((enum invariant)i)));
    }
    return l;
}

static json_t *reach_names(reach_mask mask)
{
    json_t *l = new_list();
    for (uint32_t i = 0; i < REACHES; i++) {
        if ((mask >> i & 1) != 0)
            append(l, new_text(reach_name((enum reach)i)));
    }
    return l;
}

static json_t *new_move(uint32_t key)
{
    uint32_t kind = key >> 24;
    json_t *l = new_list();
    bool known = kind > 0 && kind < MOVE_KINDS;
    append(l, new_text(known ? move_kind_name((enum move_kind)kind) : "none"));
    append(l, new_number(key >> 16 & 0xff));
    append(l, new_number(key >> 8 & 0xff));
    append(l, new_number(key & 0xff));
    return l;
}

static json_t *new_step(const struct trace_step *s)
{
    json_t *o = new_object();
    put(o, "step", new_number(s->step));
    put(o, "move", new_move(s->move));
    put(o, "lane", new_number(s->lane));
    put(o, "to", new_number(s->to_lane));
    json_t *transactions = new_list();
    for (uint32_t i = 0; i < TXNS_MAX; i++) {
        if ((s->txn_mask >> i & 1) != 0)
            append(transactions, new_number(i + 1));
    }
    put(o, "transactions", transactions);
    put(o, "text", new_text(s->text));
    put(o, "broken", new_text(s->broken));
    put(o, "violated", invariant_ids(s->violated));
    put(o, "reached", reach_names(s->reached));
    put(o, "hash", hash_text(s->hash));
    return o;
}

static void add_lane(json_t *lanes, uint32_t lane)
{
    char name[WORDS_LANE_MAX];
    words_lane(lane, name);
    json_t *o = new_object();
    put(o, "lane", new_number(lane));
    put(o, "name", new_text(name));
    append(lanes, o);
}

/* From left to right: clients, primary, replicas, manager. */
static json_t *new_lanes(const struct scenario *sc)
{
    json_t *l = new_list();
    for (uint32_t i = 0; i < sc->sessions; i++)
        add_lane(l, LANE_CLIENT + i);
    for (uint32_t i = 0; i < sc->n_nodes; i++)
        add_lane(l, i);
    add_lane(l, LANE_MANAGER);
    return l;
}

static void remove_witness(struct report *r, const json_t *old)
{
    json_t *list = doc_list(r->root, "witnesses");
    for (size_t i = 0; i < json_array_size(list); i++) {
        if (json_array_get(list, i) == old) {
            json_array_remove(list, i);
            return;
        }
    }
}

bool report_add_witness(struct report *r, const struct scenario *sc, enum invariant inv,
                        const char *path, const struct witness *w, const struct trace_step *step,
                        size_t n)
{
    assert(r != NULL && sc != NULL && path != NULL && w != NULL);
    assert(inv < INVARIANTS);
    assert(step != NULL || n == 0);
    assert(sc->sessions <= SESSIONS_MAX && sc->n_nodes <= NODES_MAX);
    json_t *cell = doc_cell(r, sc->name, invariant_id(inv));
    if (cell == NULL)
        return false;
    put(cell, "witness", new_text(path));
    const json_t *old = doc_witness(r, sc->name, invariant_id(inv));
    if (old != NULL)
        remove_witness(r, old);

    json_t *steps = new_list();
    for (size_t i = 0; i < n; i++)
        append(steps, new_step(&step[i]));
    json_t *o = new_object();
    put(o, "scenario", new_text(sc->name));
    put(o, "invariant", new_text(invariant_id(inv)));
    put(o, "path", new_text(path));
    put(o, "choices", new_number(w->n));
    put(o, "final_hash", hash_text(w->final_hash));
    put(o, "lanes", new_lanes(sc));
    put(o, "steps", steps);
    append(doc_list(r->root, "witnesses"), o);
    return true;
}

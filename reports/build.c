/* Builds the document. A value that a later reader would want to look up in the scenario file or in
 * the sources (settings, bounds, statements of the promises) is written out: the document stands
 * alone.
 */
#include "reports/document.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct report *report_new(void)
{
    struct report *r = calloc(1, sizeof *r);
    if (r == NULL) {
        fputs("ackproof: out of memory while writing a report\n", stderr);
        exit(3);
    }
    r->root = new_object();
    r->names = new_object();
    put(r->root, "schema", new_number(REPORT_SCHEMA));
    put(r->root, "cells", new_list());
    put(r->root, "scenarios", new_list());
    put(r->root, "witnesses", new_list());
    put(r->root, "live", new_list());
    json_t *invariants = new_list();
    for (uint32_t i = 0; i < INVARIANTS; i++) {
        json_t *o = new_object();
        put(o, "id", new_text(invariant_id((enum invariant)i)));
        put(o, "statement", new_text(invariant_statement((enum invariant)i)));
        append(invariants, o);
    }
    put(r->root, "invariants", invariants);
    report_set_identity(r, NULL, NULL, NULL, NULL);
    return r;
}

void report_free(struct report *r)
{
    if (r == NULL)
        return;
    json_decref(r->root);
    json_decref(r->names);
    json_decref(r->costs);
    free(r);
}

void report_set_identity(struct report *r, const char *version, const char *commit,
                         const char *compiler, const char *command)
{
    assert(r != NULL);
    json_t *o = new_object();
    put(o, "version", new_text(version));
    put(o, "commit", new_text(commit));
    put(o, "compiler", new_text(compiler));
    put(o, "command", new_text(command));
    put(r->root, "identity", o);
}

static json_t *bounds(const struct scenario *sc)
{
    json_t *o = new_object();
    put(o, "nodes", new_number(sc->n_nodes));
    put(o, "sessions", new_number(sc->sessions));
    put(o, "transactions", new_number(sc->transactions));
    put(o, "max_states", new_number(sc->max_states));
    put(o, "max_steps", new_number(sc->max_steps));
    put(o, "faults", words_budgets(sc));
    return o;
}

static json_t *expected_text(enum expectation e)
{
    return new_text(e == EXPECT_HOLDS ? "holds" : e == EXPECT_BREAKS ? "breaks" : NULL);
}

/* What random runs with a depth say of a promise that none of them broke; else null. */
static json_t *depth_bound(const struct explore_bound *b, enum verdict verdict)
{
    if (b->depth == 0 || b->runs == 0 || verdict != VERDICT_UNFINISHED)
        return new_text(NULL);
    json_t *o = new_object();
    put(o, "depth", new_number(b->depth));
    put(o, "actors", new_number(b->actors));
    put(o, "moves", new_number(b->moves));
    put(o, "turns", new_number(b->turns));
    put(o, "chance", new_chance_at_least(explore_bound_chance(b)));
    put(o, "runs", new_number(b->runs));
    put(o, "missed", new_chance(explore_bound_missed(b)));
    return o;
}

static json_t *new_cell(const struct scenario *sc, const struct result *res, enum invariant inv)
{
    json_t *o = new_object();
    put(o, "scenario", new_text(sc->name));
    put(o, "invariant", new_text(invariant_id(inv)));
    put(o, "verdict", new_text(verdict_text(res->verdict[inv])));
    put(o, "expected", expected_text(sc->expect[inv]));
    put(o, "states", new_number(res->states));
    put(o, "transitions", new_number(res->transitions));
    put(o, "moves", new_number(res->moves));
    put(o, "exhausted", new_flag(res->exhausted));
    put(o, "seconds", new_seconds(res->seconds));
    put(o, "collision_bound", new_chance(explore_collision_bound(res->states)));
    put(o, "depth_bound", depth_bound(&res->bound, res->verdict[inv]));
    put(o, "bounds", bounds(sc));
    put(o, "witness", new_text(NULL));
    put(o, "witness_shortest", new_flag((res->shortest >> inv & 1) != 0));
    put(o, "fault_sets", new_text(NULL));
    put(o, "fault_sets_exhausted", new_flag(false));
    put(o, "safe_up_to", new_text(NULL));
    return o;
}

/* What the scenario asks for, met or not, and what was met besides. */
static json_t *coverage(const struct scenario *sc, const struct result *res)
{
    json_t *l = new_list();
    for (uint32_t i = 0; i < REACHES; i++) {
        bool required = (sc->reach >> i & 1) != 0;
        if (!required && res->reach_times[i] == 0)
            continue;
        json_t *o = new_object();
        put(o, "name", new_text(reach_name((enum reach)i)));
        put(o, "times", new_number(res->reach_times[i]));
        put(o, "required", new_flag(required));
        append(l, o);
    }
    return l;
}

static json_t *nodes(const struct scenario *sc)
{
    json_t *l = new_list();
    for (uint32_t i = 0; i < sc->n_nodes; i++) {
        char name[WORDS_LANE_MAX];
        words_lane(i, name);
        json_t *o = new_object();
        put(o, "name", new_text(name));
        put(o, "settings", words_settings(&sc->node[i]));
        append(l, o);
    }
    return l;
}

static json_t *finding(const struct finding *f)
{
    if (f->id[0] == '\0')
        return new_text(NULL);
    json_t *o = new_object();
    put(o, "id", new_text(f->id));
    put(o, "what", new_text(f->what));
    put(o, "server", new_text(f->server[0] != '\0' ? f->server : NULL));
    return o;
}

static json_t *new_scenario(const struct scenario *sc, uint32_t row, const struct result *res)
{
    json_t *o = new_object();
    put(o, "name", new_text(sc->name));
    put(o, "file", new_text(sc->file));
    put(o, "row", new_number(row));
    put(o, "title", new_text(sc->title[0] != '\0' ? sc->title : sc->name));
    put(o, "story", new_text(sc->story));
    json_t *source = new_list();
    for (uint32_t i = 0; i < sc->n_sources; i++)
        append(source, new_text(sc->source[i]));
    put(o, "source", source);
    put(o, "finding", finding(&sc->finding));
    put(o, "nodes", nodes(sc));
    put(o, "plan", words_plan(sc));
    put(o, "faults", words_faults(sc));
    put(o, "reach", coverage(sc, res));
    put(o, "states", new_number(res->states));
    put(o, "transitions", new_number(res->transitions));
    put(o, "ends", new_number(res->ends));
    put(o, "runs", new_number(res->runs));
    put(o, "depth", new_number(res->depth_max));
    put(o, "exhausted", new_flag(res->exhausted));
    put(o, "seconds", new_seconds(res->seconds));
    put(o, "collision_bound", new_chance(explore_collision_bound(res->states)));
    put(o, "fault_searches", new_list());
    return o;
}

/* Scenarios of a row stand together, in the order in which they came; row 0 stands behind all. */
static size_t place_of_row(const json_t *scenarios, uint64_t row)
{
    size_t i = json_array_size(scenarios);
    while (i > 0) {
        uint64_t before = doc_number(json_array_get(scenarios, i - 1), "row");
        if (row == 0 || (before != 0 && before <= row))
            break;
        i--;
    }
    return i;
}

/* Takes over scenario and cells; cells follow the order of the scenarios, eight to each. */
static void insert_scenario(struct report *r, json_t *scenario, json_t *cell[INVARIANTS])
{
    json_t *scenarios = doc_list(r->root, "scenarios");
    json_t *cells = doc_list(r->root, "cells");
    assert(json_array_size(cells) == json_array_size(scenarios) * INVARIANTS);
    if (r->names != NULL)
        put(r->names, doc_text(scenario, "name"), json_true());
    size_t at = place_of_row(scenarios, doc_number(scenario, "row"));
    int failed = json_array_insert_new(scenarios, at, scenario);
    for (size_t i = 0; i < INVARIANTS; i++)
        failed |= json_array_insert_new(cells, at * INVARIANTS + i, cell[i]);
    if (failed != 0) {
        fputs("ackproof: out of memory while writing a report\n", stderr);
        exit(3);
    }
}

bool report_add_scenario(struct report *r, const struct scenario *sc, uint32_t row,
                         const struct result *res)
{
    assert(r != NULL);
    assert(sc != NULL && sc->n_nodes <= NODES_MAX && sc->n_sources <= SCENARIO_SOURCES_MAX);
    assert(res != NULL);
    if (doc_scenario(r, sc->name) != NULL)
        return false;
    json_t *cell[INVARIANTS];
    for (uint32_t i = 0; i < INVARIANTS; i++)
        cell[i] = new_cell(sc, res, (enum invariant)i);
    insert_scenario(r, new_scenario(sc, row, res), cell);
    return true;
}

void report_add_live(struct report *r, const char *scenario, const char *server_version,
                     const struct report_live_cell *cell, uint32_t n)
{
    assert(r != NULL);
    assert(scenario != NULL && server_version != NULL);
    assert(cell != NULL || n == 0);
    json_t *cells = new_list();
    for (uint32_t i = 0; i < n; i++) {
        json_t *o = new_object();
        put(o, "invariant", new_text(invariant_id(cell[i].invariant)));
        put(o, "simulated", new_text(verdict_text(cell[i].simulated)));
        put(o, "live", new_text(verdict_text(cell[i].live)));
        json_t *seen = new_list();
        for (uint32_t k = 0; k < cell[i].n_seen; k++)
            append(seen, new_text(cell[i].seen[k]));
        put(o, "seen", seen);
        append(cells, o);
    }
    json_t *o = new_object();
    put(o, "scenario", new_text(scenario));
    put(o, "server", new_text(server_version));
    put(o, "cells", cells);
    put(o, "lines", new_list());
    json_t *list = doc_list(r->root, "live");
    size_t at = doc_live_index(r, scenario, server_version);
    if (at < json_array_size(list))
        json_array_remove(list, at);
    append(list, o);
}

bool report_add_live_lines(struct report *r, const char *scenario, const char *server_version,
                           const char *const *line, uint32_t n)
{
    assert(r != NULL && scenario != NULL && server_version != NULL);
    assert(line != NULL || n == 0);
    json_t *list = doc_list(r->root, "live");
    size_t at = doc_live_index(r, scenario, server_version);
    if (at == json_array_size(list))
        return false;
    json_t *lines = new_list();
    for (uint32_t i = 0; i < n; i++)
        append(lines, new_text(line[i]));
    put(json_array_get(list, at), "lines", lines);
    return true;
}

static void merge_live(struct report *to, const struct report *from)
{
    size_t i;
    json_t *x;
    json_t *list = doc_list(to->root, "live");
    json_array_foreach(doc_list(from->root, "live"), i, x)
    {
        size_t at = doc_live_index(to, doc_text(x, "scenario"), doc_text(x, "server"));
        if (at < json_array_size(list))
            json_array_remove(list, at);
        append(list, json_incref(x));
    }
}

bool report_merge(struct report *to, const struct report *from)
{
    assert(to != NULL && from != NULL && to != from);
    size_t i;
    json_t *x;
    json_array_foreach(doc_list(from->root, "scenarios"), i, x)
    {
        if (doc_scenario(to, doc_text(x, "name")) != NULL)
            return false;
    }
    json_t *cells = doc_list(from->root, "cells");
    json_array_foreach(doc_list(from->root, "scenarios"), i, x)
    {
        json_t *cell[INVARIANTS];
        for (size_t k = 0; k < INVARIANTS; k++)
            cell[k] = json_incref(json_array_get(cells, i * INVARIANTS + k));
        insert_scenario(to, json_incref(x), cell);
    }
    json_array_foreach(doc_list(from->root, "witnesses"), i, x)
        append(doc_list(to->root, "witnesses"), json_incref(x));
    merge_live(to, from);
    if (!doc_has(doc_object(to->root, "identity"), "version"))
        put(to->root, "identity", json_incref(doc_object(from->root, "identity")));
    return true;
}

/* Reads report.json and checks it against the schema, so that a renderer can rely on every member.
 * The schema is a table of members; what ties parts together (each cell's scenario, each witness's
 * cell, each step's lane) is checked behind it. */
#include "reports/document.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum member_kind {
    TEXT,         /* string */
    TEXT_OR_NULL, /* string or null */
    NUMBER,       /* integer, not negative */
    SECONDS,      /* number, not negative */
    CHANCE,       /* number, 0 to 1 */
    FLAG,         /* true or false */
    TEXTS,        /* list of strings */
    NUMBERS,      /* list of integers */
    PAIRS,        /* list of [name, value] */
    BUDGETS,      /* object of integers, keys free */
    BUDGET_LISTS, /* list of these, or null */
    MOVE,         /* [kind, a, b, c] */
    OBJECT,       /* object with members `sub` */
    OBJECT_OR_NULL,
    OBJECTS /* list of these */
};

struct member {
    const char *key; /* NULL ends a list */
    enum member_kind kind;
    const struct member *sub;
    bool (*allowed)(const char *text); /* of TEXT, TEXT_OR_NULL and each of TEXTS; NULL: anything */
    const char *must;                  /* what `allowed` wants, in words */
};

struct checker {
    const char *path;
    FILE *err;
    char place[256];
};

static bool refuse(const struct checker *c, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(c->err, "%s: %s%s", c->path, c->place, c->place[0] != '\0' ? ": " : "");
    vfprintf(c->err, format, args);
    fputc('\n', c->err);
    va_end(args);
    return false;
}

static bool is_verdict(const char *text)
{
    return verdict_find(text) <= VERDICT_UNFINISHED;
}

static bool is_expected(const char *text)
{
    return strcmp(text, "holds") == 0 || strcmp(text, "breaks") == 0;
}

static bool is_invariant(const char *text)
{
    return invariant_find(text) < INVARIANTS;
}

static bool is_hash(const char *text)
{
    return strlen(text) == 32 && strspn(text, "0123456789abcdef") == 32;
}

static bool is_not_empty(const char *text)
{
    return text[0] != '\0';
}

#define VERDICT_MUST   is_verdict, "must be holds, breaks, not-exercised or unfinished"
#define INVARIANT_MUST is_invariant, "must be the id of an invariant"
#define HASH_MUST      is_hash, "must be 32 hexadecimal digits"
#define NAME_MUST      is_not_empty, "must not be empty"

static const struct member identity_members[] = {
    {"version", TEXT_OR_NULL, NULL, NULL, NULL},
    {"commit", TEXT_OR_NULL, NULL, NULL, NULL},
    {"compiler", TEXT_OR_NULL, NULL, NULL, NULL},
    {"command", TEXT_OR_NULL, NULL, NULL, NULL},
    {0},
};
static const struct member invariant_members[] = {
    {"id", TEXT, NULL, INVARIANT_MUST},
    {"statement", TEXT, NULL, NULL, NULL},
    {0},
};
static const struct member bounds_members[] = {
    {"nodes", NUMBER, NULL, NULL, NULL},
    {"sessions", NUMBER, NULL, NULL, NULL},
    {"transactions", NUMBER, NULL, NULL, NULL},
    {"max_states", NUMBER, NULL, NULL, NULL},
    {"max_steps", NUMBER, NULL, NULL, NULL},
    {"faults", BUDGETS, NULL, NULL, NULL},
    {0},
};
static const struct member depth_bound_members[] = {
    {"depth", NUMBER, NULL, NULL, NULL},  {"actors", NUMBER, NULL, NULL, NULL},
    {"moves", NUMBER, NULL, NULL, NULL},  {"turns", NUMBER, NULL, NULL, NULL},
    {"chance", CHANCE, NULL, NULL, NULL}, {"runs", NUMBER, NULL, NULL, NULL},
    {"missed", CHANCE, NULL, NULL, NULL}, {0},
};
static const struct member cell_members[] = {
    {"scenario", TEXT, NULL, NAME_MUST},
    {"invariant", TEXT, NULL, INVARIANT_MUST},
    {"verdict", TEXT, NULL, VERDICT_MUST},
    {"expected", TEXT_OR_NULL, NULL, is_expected, "must be holds, breaks or null"},
    {"states", NUMBER, NULL, NULL, NULL},
    {"transitions", NUMBER, NULL, NULL, NULL},
    {"moves", NUMBER, NULL, NULL, NULL},
    {"exhausted", FLAG, NULL, NULL, NULL},
    {"seconds", SECONDS, NULL, NULL, NULL},
    {"collision_bound", CHANCE, NULL, NULL, NULL},
    {"depth_bound", OBJECT_OR_NULL, depth_bound_members, NULL, NULL},
    {"bounds", OBJECT, bounds_members, NULL, NULL},
    {"witness", TEXT_OR_NULL, NULL, NULL, NULL},
    {"witness_shortest", FLAG, NULL, NULL, NULL},
    {"fault_sets", BUDGET_LISTS, NULL, NULL, NULL},
    {"fault_sets_exhausted", FLAG, NULL, NULL, NULL},
    {"safe_up_to", BUDGET_LISTS, NULL, NULL, NULL},
    {0},
};
static const struct member node_members[] = {
    {"name", TEXT, NULL, NULL, NULL},
    {"settings", PAIRS, NULL, NULL, NULL},
    {0},
};
static const struct member reach_members[] = {
    {"name", TEXT, NULL, NULL, NULL},
    {"times", NUMBER, NULL, NULL, NULL},
    {"required", FLAG, NULL, NULL, NULL},
    {0},
};
static const struct member fault_search_members[] = {
    {"faults", BUDGETS, NULL, NULL, NULL},   {"asked", TEXTS, NULL, INVARIANT_MUST},
    {"broken", TEXTS, NULL, INVARIANT_MUST}, {"exhausted", FLAG, NULL, NULL, NULL},
    {"states", NUMBER, NULL, NULL, NULL},    {"transitions", NUMBER, NULL, NULL, NULL},
    {"seconds", SECONDS, NULL, NULL, NULL},  {0},
};
static const struct member finding_members[] = {
    {"id", TEXT, NULL, NAME_MUST},
    {"what", TEXT, NULL, NAME_MUST},
    {"server", TEXT_OR_NULL, NULL, NULL, NULL},
    {0},
};
static const struct member scenario_members[] = {
    {"name", TEXT, NULL, NAME_MUST},
    {"file", TEXT, NULL, NULL, NULL},
    {"row", NUMBER, NULL, NULL, NULL},
    {"title", TEXT, NULL, NULL, NULL},
    {"story", TEXT, NULL, NULL, NULL},
    {"source", TEXTS, NULL, NULL, NULL},
    {"finding", OBJECT_OR_NULL, finding_members, NULL, NULL},
    {"nodes", OBJECTS, node_members, NULL, NULL},
    {"plan", PAIRS, NULL, NULL, NULL},
    {"faults", TEXTS, NULL, NULL, NULL},
    {"reach", OBJECTS, reach_members, NULL, NULL},
    {"states", NUMBER, NULL, NULL, NULL},
    {"transitions", NUMBER, NULL, NULL, NULL},
    {"ends", NUMBER, NULL, NULL, NULL},
    {"runs", NUMBER, NULL, NULL, NULL},
    {"depth", NUMBER, NULL, NULL, NULL},
    {"exhausted", FLAG, NULL, NULL, NULL},
    {"seconds", SECONDS, NULL, NULL, NULL},
    {"collision_bound", CHANCE, NULL, NULL, NULL},
    {"fault_searches", OBJECTS, fault_search_members, NULL, NULL},
    {0},
};
static const struct member lane_members[] = {
    {"lane", NUMBER, NULL, NULL, NULL},
    {"name", TEXT, NULL, NULL, NULL},
    {0},
};
static const struct member step_members[] = {
    {"step", NUMBER, NULL, NULL, NULL},
    {"move", MOVE, NULL, NULL, NULL},
    {"lane", NUMBER, NULL, NULL, NULL},
    {"to", NUMBER, NULL, NULL, NULL},
    {"transactions", NUMBERS, NULL, NULL, NULL},
    {"text", TEXT, NULL, NULL, NULL},
    {"broken", TEXT, NULL, NULL, NULL},
    {"violated", TEXTS, NULL, INVARIANT_MUST},
    {"reached", TEXTS, NULL, NULL, NULL},
    {"hash", TEXT, NULL, HASH_MUST},
    {0},
};
static const struct member witness_members[] = {
    {"scenario", TEXT, NULL, NAME_MUST},
    {"invariant", TEXT, NULL, INVARIANT_MUST},
    {"path", TEXT, NULL, NULL, NULL},
    {"choices", NUMBER, NULL, NULL, NULL},
    {"final_hash", TEXT, NULL, HASH_MUST},
    {"lanes", OBJECTS, lane_members, NULL, NULL},
    {"steps", OBJECTS, step_members, NULL, NULL},
    {0},
};
static const struct member live_cell_members[] = {
    {"invariant", TEXT, NULL, INVARIANT_MUST},
    {"simulated", TEXT, NULL, VERDICT_MUST},
    {"live", TEXT, NULL, VERDICT_MUST},
    {"seen", TEXTS, NULL, NULL, NULL},
    {0},
};
static const struct member live_members[] = {
    {"scenario", TEXT, NULL, NAME_MUST},
    {"server", TEXT, NULL, NULL, NULL},
    {"cells", OBJECTS, live_cell_members, NULL, NULL},
    {"lines", TEXTS, NULL, NULL, NULL},
    {0},
};
static const struct member report_members[] = {
    {"schema", NUMBER, NULL, NULL, NULL},
    {"identity", OBJECT, identity_members, NULL, NULL},
    {"invariants", OBJECTS, invariant_members, NULL, NULL},
    {"cells", OBJECTS, cell_members, NULL, NULL},
    {"scenarios", OBJECTS, scenario_members, NULL, NULL},
    {"witnesses", OBJECTS, witness_members, NULL, NULL},
    {"live", OBJECTS, live_members, NULL, NULL},
    {0},
};

static bool check_object(struct checker *c, json_t *object, const struct member *members);

/* Extends the place by a key or an index; the answer is where to cut it again. */
static size_t enter(struct checker *c, const char *key, size_t index)
{
    size_t len = strlen(c->place);
    if (key != NULL)
        snprintf(c->place + len, sizeof c->place - len, "%s%s", len > 0 ? "." : "", key);
    else
        snprintf(c->place + len, sizeof c->place - len, "[%zu]", index);
    return len;
}

static bool check_text(const struct checker *c, const json_t *v, const struct member *m)
{
    if (!json_is_string(v))
        return refuse(c, "must be a string%s", m->kind == TEXT_OR_NULL ? " or null" : "");
    if (strlen(json_string_value(v)) != json_string_length(v))
        return refuse(c, "holds a NUL character");
    if (m->allowed != NULL && !m->allowed(json_string_value(v)))
        return refuse(c, "\"%.40s\" %s", json_string_value(v), m->must);
    return true;
}

static bool check_number(const struct checker *c, const json_t *v)
{
    if (!json_is_integer(v) || json_integer_value(v) < 0)
        return refuse(c, "must be an integer that is not negative");
    return true;
}

static bool check_pair(const struct checker *c, const json_t *v)
{
    if (json_array_size(v) != 2 || !json_is_string(json_array_get(v, 0)) ||
        !json_is_string(json_array_get(v, 1)))
        return refuse(c, "must be a list of two strings");
    return true;
}

static bool check_budgets(struct checker *c, json_t *object)
{
    const char *key;
    json_t *v;
    if (!json_is_object(object))
        return refuse(c, "must be an object");
    json_object_foreach(object, key, v)
    {
        size_t cut = enter(c, key, 0);
        if (!check_number(c, v))
            return false;
        c->place[cut] = '\0';
    }
    return true;
}

static bool check_element(struct checker *c, json_t *v, const struct member *m)
{
    switch (m->kind) {
    case TEXTS:
        return check_text(c, v, m);
    case NUMBERS:
        return check_number(c, v);
    case PAIRS:
        return check_pair(c, v);
    case BUDGET_LISTS:
        return check_budgets(c, v);
    default:
        assert(m->kind == OBJECTS);
        return check_object(c, v, m->sub);
    }
}

static bool check_elements(struct checker *c, const json_t *list, const struct member *m)
{
    size_t i;
    json_t *v;
    if (!json_is_array(list))
        return refuse(c, "must be a list");
    json_array_foreach(list, i, v)
    {
        size_t cut = enter(c, NULL, i);
        if (!check_element(c, v, m))
            return false;
        c->place[cut] = '\0';
    }
    return true;
}

static bool check_move(const struct checker *c, const json_t *v)
{
    bool ok = json_array_size(v) == 4 && json_is_string(json_array_get(v, 0));
    for (size_t i = 1; ok && i < 4; i++) {
        const json_t *x = json_array_get(v, i);
        ok = json_is_integer(x) && json_integer_value(x) >= 0 && json_integer_value(x) <= 255;
    }
    return ok || refuse(c, "must be [kind, a, b, c] with 0 <= a, b, c <= 255");
}

static bool check_member(struct checker *c, json_t *v, const struct member *m)
{
    switch (m->kind) {
    case TEXT_OR_NULL:
        return json_is_null(v) || check_text(c, v, m);
    case TEXT:
        return check_text(c, v, m);
    case NUMBER:
        return check_number(c, v);
    case SECONDS:
        if (!json_is_number(v) || !(json_number_value(v) >= 0.0))
            return refuse(c, "must be a number that is not negative");
        return true;
    case CHANCE:
        if (!json_is_number(v) || !(json_number_value(v) >= 0.0 && json_number_value(v) <= 1.0))
            return refuse(c, "must be a number from 0 to 1");
        return true;
    case FLAG:
        return json_is_boolean(v) || refuse(c, "must be true or false");
    case BUDGETS:
        return check_budgets(c, v);
    case BUDGET_LISTS:
        if (json_is_null(v))
            return true;
        break;
    case MOVE:
        return check_move(c, v);
    case OBJECT_OR_NULL:
        return json_is_null(v) || check_object(c, v, m->sub);
    case OBJECT:
        return check_object(c, v, m->sub);
    case TEXTS:
    case NUMBERS:
    case PAIRS:
    case OBJECTS:
        break;
    }
    return check_elements(c, v, m);
}

static const struct member *find_member(const struct member *members, const char *key)
{
    while (members->key != NULL && strcmp(members->key, key) != 0)
        members++;
    return members->key != NULL ? members : NULL;
}

static bool check_object(struct checker *c, json_t *object, const struct member *members)
{
    if (!json_is_object(object))
        return refuse(c, "must be an object");
    const char *key;
    json_t *unused;
    json_object_foreach(object, key, unused)
    {
        if (find_member(members, key) == NULL)
            return refuse(c, "unknown member \"%.40s\"", key);
    }
    for (const struct member *m = members; m->key != NULL; m++) {
        json_t *v = json_object_get(object, m->key);
        if (v == NULL)
            return refuse(c, "member \"%s\" is missing", m->key);
        size_t cut = enter(c, m->key, 0);
        if (!check_member(c, v, m))
            return false;
        c->place[cut] = '\0';
    }
    return true;
}

/* Eight cells to each scenario, in the order of the scenarios and of enum invariant. */
static bool check_cells(struct checker *c, const struct report *r)
{
    const json_t *scenarios = doc_list(r->root, "scenarios");
    const json_t *cells = doc_list(r->root, "cells");
    size_t n = json_array_size(scenarios);
    for (size_t i = 0; i < n; i++) {
        const char *name = doc_text(json_array_get(scenarios, i), "name");
        if (doc_scenario(r, name) != json_array_get(scenarios, i))
            return refuse(c, "scenarios[%zu].name: \"%s\" is there twice", i, name);
    }
    if (json_array_size(cells) != n * INVARIANTS)
        return refuse(c, "cells: %zu cells, but %zu scenarios of %d invariants",
                      json_array_size(cells), n, INVARIANTS);
    for (size_t i = 0; i < n * INVARIANTS; i++) {
        const json_t *cell = json_array_get(cells, i);
        const char *name = doc_text(json_array_get(scenarios, i / INVARIANTS), "name");
        const char *id = invariant_id((enum invariant)(i % INVARIANTS));
        if (strcmp(doc_text(cell, "scenario"), name) != 0 ||
            strcmp(doc_text(cell, "invariant"), id) != 0)
            return refuse(c, "cells[%zu]: must be %s of scenario \"%s\"", i, id, name);
    }
    return true;
}

static bool has_lane(const json_t *lanes, uint64_t lane)
{
    size_t i;
    json_t *x;
    json_array_foreach(lanes, i, x)
    {
        if (doc_number(x, "lane") == lane)
            return true;
    }
    return lane == LANE_WORLD;
}

static bool check_witnesses(struct checker *c, const struct report *r)
{
    size_t i;
    size_t k;
    json_t *w;
    json_t *step;
    json_array_foreach(doc_list(r->root, "witnesses"), i, w)
    {
        const char *scenario = doc_text(w, "scenario");
        const char *id = doc_text(w, "invariant");
        if (doc_cell(r, scenario, id) == NULL)
            return refuse(c, "witnesses[%zu]: there is no scenario \"%s\"", i, scenario);
        if (doc_witness(r, scenario, id) != w)
            return refuse(c, "witnesses[%zu]: a second one for %s of \"%s\"", i, id, scenario);
        if (json_array_size(doc_list(w, "lanes")) > LANE_WORLD)
            return refuse(c, "witnesses[%zu].lanes: too many", i);
        json_array_foreach(doc_list(w, "steps"), k, step)
        {
            if (!has_lane(doc_list(w, "lanes"), doc_number(step, "lane")) ||
                !has_lane(doc_list(w, "lanes"), doc_number(step, "to")))
                return refuse(c, "witnesses[%zu].steps[%zu]: a lane that is not listed", i, k);
        }
    }
    return true;
}

static bool check_report(struct checker *c, const struct report *r)
{
    const json_t *schema = json_object_get(r->root, "schema");
    if (json_is_integer(schema) && json_integer_value(schema) != REPORT_SCHEMA)
        return refuse(c, "schema: %lld is not known here, only %d",
                      (long long)json_integer_value(schema), REPORT_SCHEMA);
    return check_object(c, r->root, report_members) && check_cells(c, r) && check_witnesses(c, r);
}

struct report *report_read(const char *path, FILE *err)
{
    assert(path != NULL && err != NULL);
    json_error_t error;
    struct checker c = {.path = path, .err = err, .place = ""};
    struct report *r = calloc(1, sizeof *r);
    if (r == NULL) {
        refuse(&c, "out of memory");
        return NULL;
    }
    r->root = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (r->root == NULL) {
        if (error.line > 0)
            fprintf(err, "%s:%d:%d: %s\n", path, error.line, error.column, error.text);
        else
            refuse(&c, "%s", error.text);
        free(r);
        return NULL;
    }
    if (!check_report(&c, r)) {
        report_free(r);
        return NULL;
    }
    return r;
}

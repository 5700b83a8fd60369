#include "reports/document.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static void *must(void *p)
{
    if (p == NULL) {
        fputs("ackproof: out of memory while writing a report\n", stderr);
        exit(3);
    }
    return p;
}

json_t *new_object(void)
{
    return must(json_object());
}

json_t *new_list(void)
{
    return must(json_array());
}

/* Length of the UTF-8 sequence at p, 0 where there is none. Overlong forms, surrogates and what
 * lies beyond U+10FFFF are none. */
static size_t utf8_length(const unsigned char *p)
{
    if (p[0] < 0x80)
        return 1;
    size_t n = p[0] >= 0xc2 && p[0] < 0xe0 ? 2 : p[0] >= 0xe0 && p[0] < 0xf0 ? 3 : 4;
    if (p[0] < 0xc2 || p[0] > 0xf4)
        return 0;
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0; /* also stops at the terminator */
    }
    bool overlong = (p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xf0 && p[1] < 0x90);
    bool surrogate = p[0] == 0xed && p[1] >= 0xa0;
    bool beyond = p[0] == 0xf4 && p[1] >= 0x90;
    return overlong || surrogate || beyond ? 0 : n;
}

json_t *new_text(const char *text)
{
    if (text == NULL)
        return must(json_null());
    size_t len = strlen(text);
    char *clean = must(malloc(len * 3 + 1)); /* U+FFFD takes three bytes */
    size_t used = 0;
    for (size_t i = 0; i < len;) {
        size_t n = utf8_length((const unsigned char *)text + i);
        memcpy(clean + used, n == 0 ? "\xef\xbf\xbd" : text + i, n == 0 ? 3 : n);
        used += n == 0 ? 3 : n;
        i += n == 0 ? 1 : n;
    }
    json_t *value = must(json_stringn(clean, used));
    free(clean);
    return value;
}

json_t *new_number(uint64_t n)
{
    return must(json_integer(n > INT64_MAX ? INT64_MAX : (json_int_t)n));
}

json_t *new_seconds(double s)
{
    assert(s >= 0.0 && s < 1e12);
    return must(json_real((double)(int64_t)(s * 1000.0 + 0.5) / 1000.0));
}

/* Few digits, so that the same number is read back. */
static json_t *rounded(double p)
{
    char text[32];
    snprintf(text, sizeof text, "%.2e", p);
    double few = strtod(text, NULL);
    return must(json_real(few < 1.0 ? few : 1.0));
}

json_t *new_chance(double p)
{
    assert(p >= 0.0 && p <= 1.0);
    return rounded(p * 1.006);
}

json_t *new_chance_at_least(double p)
{
    assert(p >= 0.0 && p <= 1.0);
    return rounded(p * 0.994);
}

json_t *new_flag(bool flag)
{
    return must(json_boolean(flag));
}

json_t *new_pair(const char *name, const char *value)
{
    json_t *pair = new_list();
    append(pair, new_text(name));
    append(pair, new_text(value));
    return pair;
}

json_t *new_pair_number(const char *name, uint64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    return new_pair(name, text);
}

void put(json_t *object, const char *key, json_t *value)
{
    assert(json_is_object(object));
    assert(value != NULL);
    if (json_object_set_new(object, key, value) != 0)
        must(NULL);
}

void append(json_t *list, json_t *value)
{
    assert(json_is_array(list));
    assert(value != NULL);
    if (json_array_append_new(list, value) != 0)
        must(NULL);
}

json_t *doc_list(const json_t *object, const char *key)
{
    json_t *v = json_object_get(object, key);
    assert(json_is_array(v));
    return v;
}

json_t *doc_object(const json_t *object, const char *key)
{
    json_t *v = json_object_get(object, key);
    assert(json_is_object(v));
    return v;
}

const char *doc_text(const json_t *object, const char *key)
{
    const json_t *v = json_object_get(object, key);
    assert(json_is_string(v) || json_is_null(v));
    return json_is_string(v) ? json_string_value(v) : "";
}

bool doc_has(const json_t *object, const char *key)
{
    const json_t *v = json_object_get(object, key);
    return v != NULL && !json_is_null(v);
}

uint64_t doc_number(const json_t *object, const char *key)
{
    const json_t *v = json_object_get(object, key);
    assert(json_is_integer(v));
    assert(json_integer_value(v) >= 0);
    return (uint64_t)json_integer_value(v);
}

double doc_seconds(const json_t *object, const char *key)
{
    const json_t *v = json_object_get(object, key);
    assert(json_is_number(v));
    return json_number_value(v);
}

double doc_chance(const json_t *object, const char *key)
{
    return doc_seconds(object, key);
}

bool doc_flag(const json_t *object, const char *key)
{
    const json_t *v = json_object_get(object, key);
    assert(json_is_boolean(v));
    return json_is_true(v);
}

const char *doc_text_at(const json_t *list, size_t i)
{
    const json_t *v = json_array_get(list, i);
    assert(json_is_string(v));
    return json_string_value(v);
}

json_t *doc_scenario(const struct report *r, const char *name)
{
    size_t i;
    json_t *sc;
    if (r->names != NULL && json_object_get(r->names, name) == NULL)
        return NULL; /* one that is added is new, as a rule */
    json_array_foreach(doc_list(r->root, "scenarios"), i, sc)
    {
        if (strcmp(doc_text(sc, "name"), name) == 0)
            return sc;
    }
    return NULL;
}

static json_t *find_pair(const struct report *r, const char *list, const char *scenario,
                         const char *invariant)
{
    size_t i;
    json_t *x;
    json_array_foreach(doc_list(r->root, list), i, x)
    {
        if (strcmp(doc_text(x, "scenario"), scenario) == 0 &&
            strcmp(doc_text(x, "invariant"), invariant) == 0)
            return x;
    }
    return NULL;
}

json_t *doc_cell(const struct report *r, const char *scenario, const char *invariant)
{
    return find_pair(r, "cells", scenario, invariant);
}

json_t *doc_witness(const struct report *r, const char *scenario, const char *invariant)
{
    return find_pair(r, "witnesses", scenario, invariant);
}

size_t doc_live_index(const struct report *r, const char *scenario, const char *server)
{
    size_t i;
    json_t *x;
    json_array_foreach(doc_list(r->root, "live"), i, x)
    {
        if (strcmp(doc_text(x, "scenario"), scenario) == 0 &&
            strcmp(doc_text(x, "server"), server) == 0)
            break;
    }
    return i;
}

json_t *doc_live_cell(const struct report *r, const json_t *cell)
{
    size_t i;
    size_t k;
    json_t *live;
    json_t *x;
    json_t *found = NULL;
    json_array_foreach(doc_list(r->root, "live"), i, live)
    {
        if (strcmp(doc_text(live, "scenario"), doc_text(cell, "scenario")) != 0)
            continue;
        json_array_foreach(doc_list(live, "cells"), k, x)
        {
            if (strcmp(doc_text(x, "invariant"), doc_text(cell, "invariant")) == 0)
                found = x;
        }
    }
    return found;
}

bool doc_live_differs(const json_t *live_cell)
{
    enum verdict a = verdict_find(doc_text(live_cell, "simulated"));
    enum verdict b = verdict_find(doc_text(live_cell, "live"));
    return (a == VERDICT_HOLDS && b == VERDICT_BREAKS) ||
           (a == VERDICT_BREAKS && b == VERDICT_HOLDS);
}

const char *doc_step_text(const json_t *step)
{
    const char *text = doc_text(step, "text");
    return text[0] != '\0' ? text : "goes on";
}

bool doc_violates(const json_t *step, const char *invariant)
{
    size_t i;
    json_t *v;
    json_array_foreach(doc_list(step, "violated"), i, v)
    {
        if (strcmp(json_string_value(v), invariant) == 0)
            return true;
    }
    return false;
}

/* Where a promise's id with a colon stands at the start of text or of a part of it; else NULL. */
static const char *find_part(const char *text, const char *invariant)
{
    size_t len = strlen(invariant);
    for (const char *p = text; p != NULL; p = strstr(p, "; ")) {
        p += p != text ? 2 : 0;
        if (strncmp(p, invariant, len) == 0 && strncmp(p + len, ": ", 2) == 0)
            return p;
    }
    return NULL;
}

void doc_broken(const json_t *step, const char *invariant, char text[DOC_BROKEN_MAX])
{
    const char *all = doc_text(step, "broken");
    const char *part = find_part(all, invariant);
    const char *from = part != NULL ? part + strlen(invariant) + 2 : all;
    size_t len = strlen(from);
    for (uint32_t i = 0; part != NULL && i < INVARIANTS; i++) {
        const char *other = find_part(all, invariant_id((enum invariant)i));
        if (other != NULL && other > from && (size_t)(other - from) - 2 < len)
            len = (size_t)(other - from) - 2; /* without the "; " before it */
    }
    snprintf(text, DOC_BROKEN_MAX, "%.*s", (int)len, from);
}

enum verdict verdict_find(const char *text)
{
    uint32_t v = VERDICT_HOLDS;
    while (v <= VERDICT_UNFINISHED && strcmp(verdict_text((enum verdict)v), text) != 0)
        v++;
    return (enum verdict)v;
}

const char *verdict_words(const char *text)
{
    return strcmp(text, "not-exercised") == 0 ? "not exercised" : text;
}

enum cell_class doc_cell_class(const json_t *cell)
{
    if (!doc_has(cell, "expected"))
        return CELL_NO_EXPECTATION;
    if (strcmp(doc_text(cell, "expected"), doc_text(cell, "verdict")) == 0)
        return CELL_AS_EXPECTED;
    switch (verdict_find(doc_text(cell, "verdict"))) {
    case VERDICT_NOT_EXERCISED:
        return CELL_NOT_EXERCISED;
    case VERDICT_UNFINISHED:
        return CELL_UNFINISHED;
    case VERDICT_HOLDS:
    case VERDICT_BREAKS:
        break;
    }
    return CELL_DIFFERS;
}

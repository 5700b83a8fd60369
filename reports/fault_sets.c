/* How many faults it takes: the walk over budgets as it stands in the document, and in words. */
#include "reports/document.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static json_t *new_sets(const struct scenario *sc, const struct fault_budgets *b, uint32_t n)
{
    json_t *l = new_list();
    for (uint32_t i = 0; i < n; i++)
        append(l, words_fault_set(sc, b[i].n));
    return l;
}

static json_t *new_ids(invariant_mask mask)
{
    json_t *l = new_list();
    for (uint32_t i = 0; i < INVARIANTS; i++) {
        if ((mask >> i & 1) != 0)
            append(l, new_text(invariant_id((enum invariant)i)));
    }
    return l;
}

static json_t *new_search(const struct scenario *sc, const struct fault_search *s)
{
    json_t *o = new_object();
    put(o, "faults", words_fault_set(sc, s->at.n));
    put(o, "asked", new_ids(s->asked));
    put(o, "broken", new_ids(s->broken));
    put(o, "exhausted", new_flag(s->exhausted));
    put(o, "states", new_number(s->states));
    put(o, "transitions", new_number(s->transitions));
    put(o, "seconds", new_seconds(s->seconds));
    return o;
}

bool report_add_fault_sets(struct report *r, const struct scenario *sc,
                           const struct fault_walk *walk)
{
    assert(r != NULL && sc != NULL && walk != NULL);
    json_t *scenario = doc_scenario(r, sc->name);
    if (scenario == NULL)
        return false;
    for (uint32_t i = 0; i < INVARIANTS; i++) {
        const struct fault_sets *of = &walk->of[i];
        json_t *cell = doc_cell(r, sc->name, invariant_id((enum invariant)i));
        assert(of->n <= FAULT_SETS_MAX && of->n_safe <= FAULT_SETS_MAX);
        put(cell, "fault_sets", of->asked ? new_sets(sc, of->minimal, of->n) : new_text(NULL));
        put(cell, "fault_sets_exhausted", new_flag(of->asked && of->exhausted));
        put(cell, "safe_up_to", of->asked ? new_sets(sc, of->safe, of->n_safe) : new_text(NULL));
    }
    json_t *searches = new_list();
    for (uint32_t i = 0; i < walk->n; i++)
        append(searches, new_search(sc, &walk->search[i]));
    put(scenario, "fault_searches", searches);
    return true;
}

/* ---- in words -------------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void doc_fault_set(const json_t *set, char text[DOC_FAULTS_MAX])
{
    const char *name[32]; /* sorted: a document that was read back has another order */
    size_t n = 0;
    size_t used = 0;
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)(uintptr_t)set, key, v)
    {
        if (n < sizeof name / sizeof name[0])
            name[n++] = key;
    }
    qsort(name, n, sizeof name[0], by_name);
    snprintf(text, DOC_FAULTS_MAX, "no fault");
    for (size_t i = 0; i < n && used < DOC_FAULTS_MAX; i++) {
        int len = snprintf(text + used, DOC_FAULTS_MAX - used, "%s%llux %s", i > 0 ? ", " : "",
                           (unsigned long long)doc_number(set, name[i]), name[i]);
        used += len > 0 ? (size_t)len : 0;
    }
}

void doc_fault_sets(const json_t *sets, char text[DOC_FAULT_SETS_MAX])
{
    char one[DOC_FAULTS_MAX];
    size_t used = 0;
    size_t i;
    json_t *set;
    text[0] = '\0';
    json_array_foreach(sets, i, set)
    {
        doc_fault_set(set, one);
        int len =
            snprintf(text + used, DOC_FAULT_SETS_MAX - used, "%s%s", i > 0 ? "; or " : "", one);
        used += len > 0 ? (size_t)len : 0;
        if (used >= DOC_FAULT_SETS_MAX)
            break;
    }
}

uint64_t doc_fewest_faults(const json_t *sets)
{
    uint64_t fewest = UINT64_MAX;
    size_t i;
    json_t *set;
    json_array_foreach(sets, i, set)
    {
        uint64_t sum = 0;
        const char *key;
        json_t *v;
        json_object_foreach(set, key, v) sum += doc_number(set, key);
        fewest = sum < fewest ? sum : fewest;
    }
    return fewest;
}

bool doc_has_fault_sets(const json_t *cell)
{
    return doc_has(cell, "fault_sets") && json_array_size(doc_list(cell, "fault_sets")) > 0;
}

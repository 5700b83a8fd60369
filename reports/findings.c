/* What the search says of the servers that a scenario is modelled after, and whether one of them
 * was seen to do it. */
#include <assert.h>
#include <string.h>

#include "reports/table.h"

enum { INDENT = 6 };

bool doc_has_findings(const struct report *r)
{
    size_t i;
    json_t *sc;
    json_array_foreach(doc_list(r->root, "scenarios"), i, sc)
    {
        if (doc_has(sc, "finding"))
            return true;
    }
    return false;
}

/* Appends what fits. */
static void add(char text[DOC_FINDING_MAX], const char *between, const char *more)
{
    size_t used = strlen(text);
    snprintf(text + used, DOC_FINDING_MAX - used, "%s%s", between, more);
}

/* The promises of one live run on which both the search of this report and the server have a
 * verdict, those that hold on both sides left out: they are no part of a finding. */
static void add_run(const struct report *r, const json_t *live, char text[DOC_FINDING_MAX])
{
    size_t i;
    json_t *x;
    bool any = false;
    add(text, text[0] != '\0' ? "; " : "", doc_text(live, "server"));
    json_array_foreach(doc_list(live, "cells"), i, x)
    {
        const char *id = doc_text(x, "invariant");
        const json_t *cell = doc_cell(r, doc_text(live, "scenario"), id);
        enum verdict said = verdict_find(doc_text(cell, "verdict"));
        enum verdict seen = verdict_find(doc_text(x, "live"));
        if (said > VERDICT_BREAKS || seen > VERDICT_BREAKS ||
            (said == VERDICT_HOLDS && seen == VERDICT_HOLDS))
            continue;
        add(text, any ? ", " : ": ", id);
        add(text, " ", said == seen ? "confirmed" : "differs");
        any = true;
    }
    if (!any)
        add(text, ": ", "not judged");
}

void doc_finding_server(const struct report *r, const json_t *scenario, char text[DOC_FINDING_MAX])
{
    assert(doc_has(scenario, "finding"));
    size_t i;
    json_t *live;
    const json_t *finding = doc_object(scenario, "finding");
    text[0] = '\0';
    json_array_foreach(doc_list(r->root, "live"), i, live)
    {
        if (strcmp(doc_text(live, "scenario"), doc_text(scenario, "name")) == 0)
            add_run(r, live, text);
    }
    if (text[0] == '\0')
        add(text, "",
            doc_has(finding, "server") ? doc_text(finding, "server") : "not tried on a server");
}

/* "NOLOSS, OBS", "nothing within these bounds" */
static void broken(const struct report *r, size_t index, char *text, size_t room)
{
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < INVARIANTS; i++) {
        const json_t *cell = json_array_get(doc_list(r->root, "cells"), index * INVARIANTS + i);
        if (verdict_find(doc_text(cell, "verdict")) == VERDICT_BREAKS)
            used += (size_t)snprintf(text + used, room - used, "%s%s", used > 0 ? ", " : "",
                                     doc_text(cell, "invariant"));
        assert(used < room);
    }
    if (used == 0)
        snprintf(text, room, "nothing within these bounds");
}

void table_findings(const struct report *r, FILE *out)
{
    assert(r != NULL && out != NULL);
    size_t i;
    json_t *sc;
    if (doc_has_findings(r))
        fputs("findings: what the search says of servers that work so\n", out);
    json_array_foreach(doc_list(r->root, "scenarios"), i, sc)
    {
        if (!doc_has(sc, "finding"))
            continue;
        const json_t *f = doc_object(sc, "finding");
        char breaks[INVARIANTS * 16 + 32];
        char server[DOC_FINDING_MAX];
        broken(r, i, breaks, sizeof breaks);
        doc_finding_server(r, sc, server);
        fputs("  ", out);
        table_print(out, doc_text(f, "id"), strlen(doc_text(f, "id")));
        fputs(", ", out);
        table_print(out, doc_text(sc, "name"), strlen(doc_text(sc, "name")));
        fprintf(out, ", breaks %s\n%*s", breaks, INDENT - 1, "");
        table_wrapped(out, INDENT - 1, doc_text(f, "what"));
        fprintf(out, "%*s", INDENT, "");
        fputs("server:", out);
        table_wrapped(out, INDENT + 7, server);
    }
}

/* What a search costs as its bounds grow: the table that ci/bench measured, read and checked. */
#include "reports/document.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static const char heading[] =
    "sessions,transactions,replicas,losses,exhausted,states,transitions,seconds,wall_seconds,"
    "ns_per_transition,peak_bytes,states_max";

/* Columns of a line, in the order of the heading. */
enum {
    COLUMN_EXHAUSTED = 4,
    COLUMN_STATES = 5,
    COLUMN_TRANSITIONS = 6,
    COLUMN_SECONDS = 7,
    COLUMN_PEAK = 10,
    COLUMNS = 12,
};

struct table {
    const char *path;
    unsigned line;
    FILE *err;
};

__attribute__((format(printf, 2, 3))) static bool refuse(const struct table *t, const char *f, ...)
{
    va_list args;
    va_start(args, f);
    fprintf(t->err, "%s:%u: ", t->path, t->line);
    vfprintf(t->err, f, args);
    fputc('\n', t->err);
    va_end(args);
    return false;
}

/* Cuts the line at its commas. */
static bool columns(const struct table *t, char *text, char *column[COLUMNS])
{
    uint32_t n = 0;
    for (char *rest = text; rest != NULL; n++) {
        char *field = strsep(&rest, ",");
        if (n < COLUMNS)
            column[n] = field;
    }
    return n == COLUMNS || refuse(t, "%u columns where %d are expected", n, COLUMNS);
}

static bool number(const struct table *t, const char *text, double *value)
{
    char *end = NULL;
    *value = strtod(text, &end);
    if (*text == '\0' || *end != '\0' || !(*value >= 0 && *value < 1e15))
        return refuse(t, "'%s' is not a number from 0", text);
    return true;
}

static bool point(const struct table *t, char *text, json_t *list)
{
    static const struct {
        const char *key;
        uint32_t column;
    } whole[] = {
        {"sessions", 0},        {"transactions", 1},       {"replicas", 2},
        {"losses", 3},          {"states", COLUMN_STATES}, {"transitions", COLUMN_TRANSITIONS},
        {"bytes", COLUMN_PEAK},
    };
    char *column[COLUMNS];
    double value;
    if (!columns(t, text, column))
        return false;
    bool exhausted = strcmp(column[COLUMN_EXHAUSTED], "true") == 0;
    if (!exhausted && strcmp(column[COLUMN_EXHAUSTED], "false") != 0)
        return refuse(t, "exhausted is '%s', not true or false", column[COLUMN_EXHAUSTED]);
    if (*column[COLUMN_STATES] == '\0')
        return true; /* not within the time that the bench gave it: nothing to show */
    json_t *p = new_object();
    bool ok = true;
    for (size_t i = 0; ok && i < sizeof whole / sizeof whole[0]; i++) {
        ok = number(t, column[whole[i].column], &value);
        put(p, whole[i].key, new_number(ok ? (uint64_t)value : 0));
    }
    ok = ok && number(t, column[COLUMN_SECONDS], &value);
    put(p, "seconds", json_real(ok ? value : 0));
    put(p, "exhausted", new_flag(exhausted));
    if (ok && doc_number(p, "states") == 0)
        ok = refuse(t, "a search has at least one state");
    if (ok)
        append(list, p);
    else
        json_decref(p);
    return ok;
}

static bool lines(struct table *t, FILE *f, json_t *list)
{
    char text[512];
    while (fgets(text, sizeof text, f) != NULL) {
        size_t len = strlen(text);
        t->line++;
        if (len == 0 || text[len - 1] != '\n')
            return refuse(t, "a line that is cut or too long");
        text[len - 1] = '\0';
        if (t->line == 1 && strcmp(text, heading) != 0)
            return refuse(t, "not the heading of ci/bench's table of costs");
        if (t->line > 1 && !point(t, text, list))
            return false;
    }
    if (ferror(f))
        return refuse(t, "%s", strerror(errno));
    return t->line > 0 || refuse(t, "empty");
}

bool report_read_costs(struct report *r, const char *path, FILE *err)
{
    assert(r != NULL && path != NULL && err != NULL);
    FILE *f = fopen(path, "r");
    if (f == NULL && errno == ENOENT)
        return true;
    if (f == NULL) {
        fprintf(err, "%s: %s\n", path, strerror(errno));
        return false;
    }
    struct table t = {.path = path, .err = err};
    json_t *list = new_list();
    bool ok = lines(&t, f, list);
    (void)fclose(f);
    json_decref(r->costs);
    r->costs = ok ? list : NULL;
    if (!ok)
        json_decref(list);
    return ok;
}

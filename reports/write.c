/* Files of a report: report.json, the contract of --json, and what the renderers hand over. */
#include "reports/document.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Nine digits: milliseconds of seconds come out as they went in (0.1, not 0.10000000000000001). */
#define DUMP_FLAGS (JSON_SORT_KEYS | JSON_REAL_PRECISION(9) | JSON_INDENT(1))

static bool write_all(const char *path, const char *bytes, size_t n)
{
    FILE *f = fopen(path, "wb");
    if (f == NULL)
        return false;
    bool ok = fwrite(bytes, 1, n, f) == n;
    return fclose(f) == 0 && ok;
}

bool write_file(const char *path, const char *bytes, size_t n)
{
    assert(path != NULL && bytes != NULL);
    struct stat st;
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) /* a pipe, /dev/stdout: nothing to rename */
        return write_all(path, bytes, n);
    size_t room = strlen(path) + sizeof ".new";
    char *beside = malloc(room);
    if (beside == NULL)
        return false;
    snprintf(beside, room, "%s.new", path);
    bool ok = write_all(beside, bytes, n) && rename(beside, path) == 0;
    if (!ok) {
        int reason = errno;
        remove(beside);
        errno = reason;
    }
    free(beside);
    return ok;
}

static bool write_json(const json_t *value, const char *path, FILE *err)
{
    char *text = json_dumps(value, DUMP_FLAGS);
    if (text == NULL) {
        fprintf(err, "%s: out of memory\n", path);
        return false;
    }
    size_t n = strlen(text);
    text[n] = '\n'; /* in the place of the terminator: text is bytes from here on */
    bool ok = write_file(path, text, n + 1);
    if (!ok)
        fprintf(err, "%s: cannot be written: %s\n", path, strerror(errno));
    free(text);
    return ok;
}

bool report_write(const struct report *r, const char *path, FILE *err)
{
    assert(r != NULL && path != NULL && err != NULL);
    return write_json(r->root, path, err);
}

bool report_contract_json(const struct report *r, const char *path, FILE *err)
{
    assert(r != NULL && path != NULL && err != NULL);
    json_t *o = new_object();
    put(o, "schema", new_number(REPORT_SCHEMA));
    put(o, "cells", json_incref(doc_list(r->root, "cells")));
    bool ok = write_json(o, path, err);
    json_decref(o);
    return ok;
}

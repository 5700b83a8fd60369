#include "sim/explore/hash_log.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "sim/explore/search.h"

void hash_log_step(FILE *log, uint64_t step, const struct witness_choice *choice, uint32_t n,
                   struct hash128 state)
{
    assert(log != NULL && (n == 0 || choice != NULL));
    assert((n == 0) == (step == 0));
    fprintf(log, "%llu%s", (unsigned long long)step, n == 0 ? " start" : "");
    for (uint32_t i = 0; i < n; i++) {
        char text[CHOICE_TEXT_MAX];
        choice_text(text, &choice[i]);
        fprintf(log, "%s %s", i == 0 ? "" : ",", text);
    }
    fprintf(log, " %016llx%016llx\n", (unsigned long long)state.hi, (unsigned long long)state.lo);
}

/* ---- comparing ------------------------------------------------------------------------------- */

enum { LOG_LINE_MAX = 2048, HASH_DIGITS = 32 };

struct side {
    const char *path;
    FILE *in;
    uint64_t line;
    bool ended, bad;
    char text[LOG_LINE_MAX];
    const char *what; /* within text: the move and its answers */
    const char *hash; /* within text */
};

static bool open_side(struct side *s, const char *path, FILE *err)
{
    *s = (struct side){.path = path, .in = fopen(path, "r")};
    if (s->in == NULL) {
        fprintf(err, "%s: error: %s\n", path, strerror(errno));
    }
    return s->in != NULL;
}

/* "STEP WHAT... HASH", cut into its three parts. */
static bool parse_line(struct side *s)
{
    size_t len = strlen(s->text);
    char *first = strchr(s->text, ' ');
    if (first == NULL || len < HASH_DIGITS + 1 || strspn(s->text, "0123456789") == 0) {
        return false;
    }
    char *last = s->text + len - HASH_DIGITS - 1;
    if (*last != ' ' || last <= first || strspn(last + 1, "0123456789abcdef") != HASH_DIGITS) {
        return false;
    }
    *first = 0;
    *last = 0;
    s->what = first + 1;
    s->hash = last + 1;
    return true;
}

static void next(struct side *s, FILE *err)
{
    s->line++;
    if (fgets(s->text, sizeof s->text, s->in) == NULL) {
        s->ended = true;
        return;
    }
    s->text[strcspn(s->text, "\r\n")] = 0;
    if (!parse_line(s)) {
        fprintf(err, "%s:%llu:1: error: `STEP MOVE HASH` expected\n%s\n^\n", s->path,
                (unsigned long long)s->line, s->text);
        s->bad = true;
    }
}

static void tell_side(FILE *out, const struct side *s)
{
    if (s->ended) {
        fprintf(out, "  %s: the run has ended\n", s->path);
    } else {
        fprintf(out, "  %s: %s -> %s\n", s->path, s->what, s->hash);
    }
}

static enum hash_diff diff(struct side *a, struct side *b, FILE *out, FILE *err)
{
    for (;;) {
        next(a, err);
        next(b, err);
        if (a->bad || b->bad) {
            return HASH_LOGS_BAD;
        }
        if (a->ended && b->ended) {
            if (a->line == 1) {
                fprintf(err, "%s: error: the file is empty\n", a->path);
                return HASH_LOGS_BAD;
            }
            fprintf(out, "%llu steps, all equal\n", (unsigned long long)a->line - 2);
            return HASH_LOGS_EQUAL;
        }
        if (a->ended || b->ended || strcmp(a->text, b->text) != 0 ||
            strcmp(a->what, b->what) != 0 || strcmp(a->hash, b->hash) != 0) {
            break;
        }
    }
    const struct side *there = a->ended ? b : a;
    bool choices = !a->ended && !b->ended && strcmp(a->what, b->what) == 0;
    fprintf(out, "the runs differ first at step %s%s\n", there->text,
            choices ? ": the same move, another state" : "");
    tell_side(out, a);
    tell_side(out, b);
    return HASH_LOGS_DIFFER;
}

enum hash_diff hash_log_diff(const char *path_a, const char *path_b, FILE *out, FILE *err)
{
    assert(path_a != NULL && path_b != NULL && out != NULL && err != NULL);
    struct side a;
    struct side b;
    if (!open_side(&a, path_a, err)) {
        return HASH_LOGS_BAD;
    }
    if (!open_side(&b, path_b, err)) {
        fclose(a.in);
        return HASH_LOGS_BAD;
    }
    enum hash_diff d = diff(&a, &b, out, err);
    fclose(a.in);
    fclose(b.in);
    return d;
}

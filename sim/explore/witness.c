/* The text form of a witness, made to be read, annotated and cut by hand:
 *
 *     ackproof witness 1
 *     scenario: scenarios/after-commit.yaml
 *     invariant: NOLOSS
 *     client 0 0 0
 *     disk 1 9 0
 *     fault 0/2
 *     hash: 0123456789abcdef0123456789abcdef
 *
 * A move is its kind and three numbers (sim/world.h), any other choice its kind, the answer, and
 * how many answers there were. Empty lines and lines that begin with # are skipped. A run that
 * breaks nothing has `invariant: none`.
 */
#include "sim/explore/search.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_BYTES_MAX = 512 };
static const char HEAD[] = "ackproof witness 1";
static const char NO_INVARIANT[] = "none";

/* ---- writing --------------------------------------------------------------------------------- */

bool witness_save(const struct witness *w, const char *path, FILE *err)
{
    assert(w != NULL && path != NULL && err != NULL);
    if (strpbrk(w->scenario, "\r\n") != NULL || w->scenario[0] == 0) {
        fprintf(err, "%s: error: a scenario path cannot be empty or hold a line break\n", path);
        return false;
    }
    FILE *out = fopen(path, "w");
    if (out == NULL) {
        fprintf(err, "%s: error: %s\n", path, strerror(errno));
        return false;
    }
    fprintf(out, "%s\nscenario: %s\ninvariant: %s\n", HEAD, w->scenario,
            w->invariant[0] != 0 ? w->invariant : NO_INVARIANT);
    if (w->shortest) {
        fputs("# No counterexample has fewer moves: all were tried, breadth first.\n", out);
    }
    for (uint32_t i = 0; i < w->n; i++) {
        char text[CHOICE_TEXT_MAX];
        choice_text(text, &w->choice[i]);
        fprintf(out, "%s\n", text);
    }
    fprintf(out, "hash: %016llx%016llx\n", (unsigned long long)w->final_hash.hi,
            (unsigned long long)w->final_hash.lo);
    bool bad = ferror(out) != 0;
    bad = fclose(out) != 0 || bad;
    if (bad) {
        fprintf(err, "%s: error: %s\n", path, errno != 0 ? strerror(errno) : "not written");
    }
    return !bad;
}

/* ---- reading --------------------------------------------------------------------------------- */

struct reader {
    const char *path;
    FILE *in;
    FILE *err;
    uint32_t line;
    char text[LINE_BYTES_MAX];
    const char *at; /* within text */
};

static bool complain(const struct reader *r, const char *at, const char *what)
{
    assert(at >= r->text && at < r->text + sizeof r->text);
    uint32_t column = (uint32_t)(at - r->text);
    fprintf(r->err, "%s:%u:%u: error: %s\n%s\n", r->path, r->line, column + 1, what, r->text);
    for (uint32_t i = 0; i < column; i++) {
        fputc(r->text[i] == '\t' ? '\t' : ' ', r->err);
    }
    fputs("^\n", r->err);
    return false;
}

/* The next line that says something; false at the end of the file or on a line that is no text. */
static bool next_line(struct reader *r, bool *bad)
{
    *bad = false;
    while (fgets(r->text, sizeof r->text, r->in) != NULL) {
        r->line++;
        size_t len = strcspn(r->text, "\r\n");
        bool whole = r->text[len] != 0 || feof(r->in);
        r->text[len] = 0;
        r->at = r->text;
        if (!whole) {
            *bad = true;
            return complain(r, r->text, "line too long, or not a text file");
        }
        if (len > 0 && r->text[0] != '#') {
            return true;
        }
    }
    r->line++;
    r->text[0] = 0;
    r->at = r->text;
    return false;
}

static bool take(struct reader *r, const char *word)
{
    size_t len = strlen(word);
    if (strncmp(r->at, word, len) != 0) {
        return false;
    }
    r->at += len;
    return true;
}

static bool take_number(struct reader *r, uint32_t max, uint32_t *out)
{
    const char *begin = r->at;
    uint64_t value = 0;
    while (*r->at >= '0' && *r->at <= '9' && value <= max) {
        value = value * 10 + (uint64_t)(*r->at++ - '0');
    }
    if (r->at == begin) {
        return complain(r, begin, "a number is missing here");
    }
    if (value > max) {
        return complain(r, begin, "this number is too large");
    }
    *out = (uint32_t)value;
    return true;
}

static bool take_end(struct reader *r)
{
    return *r->at == 0 || complain(r, r->at, "the line should end here");
}

/* "NAME: value" with `cap` bytes of room; the value is the rest of the line. */
static bool read_field(struct reader *r, const char *name, char *out, size_t cap)
{
    bool bad;
    if (!next_line(r, &bad)) {
        return bad ? false : complain(r, r->text, "the file ends before it is complete");
    }
    char expected[64];
    if (!take(r, name)) {
        snprintf(expected, sizeof expected, "`%sVALUE` expected", name);
        return complain(r, r->text, expected);
    }
    size_t len = strlen(r->at);
    if (len == 0) {
        return complain(r, r->at, "a value is missing here");
    }
    if (len >= cap) {
        return complain(r, r->at, "this value is too long");
    }
    memcpy(out, r->at, len + 1);
    return true;
}

static bool read_hash(struct reader *r, struct hash128 *out)
{
    uint64_t half[2] = {0};
    for (uint32_t i = 0; i < 32; i++) {
        char c = *r->at;
        uint32_t digit;
        if (c >= '0' && c <= '9') {
            digit = (uint32_t)(c - '0');
        } else if (c >= 'a' && c <= 'f') {
            digit = (uint32_t)(c - 'a') + 10;
        } else {
            return complain(r, r->at, "a hash is 32 hex digits");
        }
        half[i / 16] = half[i / 16] << 4 | digit;
        r->at++;
    }
    *out = (struct hash128){.hi = half[0], .lo = half[1]};
    return take_end(r);
}

static bool read_move(struct reader *r, enum move_kind kind, struct witness *w)
{
    uint32_t key = (uint32_t)kind;
    for (uint32_t i = 0; i < 3; i++) {
        uint32_t value;
        if (!take(r, " ")) {
            return complain(r, r->at, "a move has three numbers");
        }
        if (!take_number(r, 255, &value)) {
            return false;
        }
        key = key << 8 | value;
    }
    if (!take_end(r)) {
        return false;
    }
    witness_add(w, CHOOSE_MOVE, key, 0);
    return true;
}

static bool read_answer(struct reader *r, enum choice what, struct witness *w)
{
    uint32_t key = 0;
    uint32_t n = 0;
    if (!take(r, " ")) {
        return complain(r, r->at, "ANSWER/ALTERNATIVES expected");
    }
    const char *at = r->at;
    if (!take_number(r, UINT32_MAX - 1, &key)) {
        return false;
    }
    if (!take(r, "/")) {
        return complain(r, r->at, "`/` and the number of alternatives expected");
    }
    if (!take_number(r, UINT32_MAX - 1, &n) || !take_end(r)) {
        return false;
    }
    if (key >= n) {
        return complain(r, at, "answers count from 0 and stay below the number of alternatives");
    }
    if (w->n == 0) {
        return complain(r, r->text, "the first choice must be a move");
    }
    witness_add(w, what, key, n);
    return true;
}

static bool read_choice(struct reader *r, struct witness *w)
{
    char name[CHOICE_TEXT_MAX];
    size_t len = strcspn(r->at, " ");
    if (len >= sizeof name) {
        return complain(r, r->at, "unknown kind of choice");
    }
    memcpy(name, r->at, len);
    name[len] = 0;
    enum choice what = choice_find(name);
    if (what != CHOICES && what != CHOOSE_MOVE) {
        r->at += len;
        return read_answer(r, what, w);
    }
    enum move_kind kind = move_kind_find(name);
    if (kind < MOVE_RUN || kind >= MOVE_KINDS) {
        return complain(r, r->at, "unknown kind of choice");
    }
    r->at += len;
    return read_move(r, kind, w);
}

static bool read_all(struct reader *r, struct witness *w)
{
    bool bad;
    if (!next_line(r, &bad)) {
        return bad ? false : complain(r, r->text, "the file is empty");
    }
    if (strcmp(r->text, HEAD) != 0) {
        return complain(r, r->text, "not a witness: its first line is `ackproof witness 1`");
    }
    if (!read_field(r, "scenario: ", w->scenario, sizeof w->scenario) ||
        !read_field(r, "invariant: ", w->invariant, sizeof w->invariant)) {
        return false;
    }
    if (strcmp(w->invariant, NO_INVARIANT) == 0) {
        w->invariant[0] = 0;
    } else if (invariant_find(w->invariant) == INVARIANTS) {
        return complain(r, r->at, "unknown invariant");
    }
    while (next_line(r, &bad)) {
        if (take(r, "hash: ")) {
            if (!read_hash(r, &w->final_hash)) {
                return false;
            }
            if (next_line(r, &bad)) {
                return complain(r, r->text, "nothing may follow the hash");
            }
            return !bad;
        }
        if (!read_choice(r, w)) {
            return false;
        }
    }
    return bad ? false : complain(r, r->text, "the file ends without its `hash:` line");
}

bool witness_load(struct witness *w, const char *path, FILE *err)
{
    assert(w != NULL && path != NULL && err != NULL);
    *w = (struct witness){0};
    struct reader r = {.path = path, .in = fopen(path, "r"), .err = err};
    if (r.in == NULL) {
        fprintf(err, "%s: error: %s\n", path, strerror(errno));
        return false;
    }
    bool ok = read_all(&r, w);
    fclose(r.in);
    if (!ok) {
        witness_free(w);
    }
    return ok;
}

#include "sim/yaml_source.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* ---- printing ------------------------------------------------------------------------------- */

/* Start of a line (from 1); the end of the text where there are fewer. */
static const char *line_start(const char *text, const char *end, size_t line)
{
    while (line > 1 && text < end) {
        const char *nl = memchr(text, '\n', (size_t)(end - text));
        text = nl == NULL ? end : nl + 1;
        line--;
    }
    return text;
}

/* The caret stands under a character, so tabs are repeated and UTF-8 continuation bytes skipped. */
static void print_caret(FILE *err, const char *from, const char *to, size_t column)
{
    size_t at = 1;
    for (const char *p = from; at < column && p < to; p++) {
        if (((unsigned char)*p & 0xc0) == 0x80)
            continue;
        fputc(*p == '\t' ? '\t' : ' ', err);
        at++;
    }
    for (; at < column; at++)
        fputc(' ', err);
    fputs("^\n", err);
}

/* What stands in the file may be anything; a terminal gets no control bytes of it. */
static void print_line(FILE *err, const char *from, const char *to)
{
    for (const char *p = from; p < to; p++) {
        unsigned char c = (unsigned char)*p;
        fputc((c < 0x20 && c != '\t') || c == 0x7f ? '?' : c, err);
    }
    fputc('\n', err);
}

static void vpoint(FILE *err, const char *path, const char *text, size_t len, size_t line,
                   size_t column, const char *format, va_list ap)
{
    assert(line >= 1);
    assert(column >= 1);
    fprintf(err, "%s:%zu:%zu: error: ", path, line, column);
    char reason[1024];
    vsnprintf(reason, sizeof reason, format, ap);
    print_line(err, reason, reason + strlen(reason));
    if (text == NULL)
        return;
    const char *end = text + len;
    const char *from = line_start(text, end, line);
    const char *nl = memchr(from, '\n', (size_t)(end - from));
    const char *to = nl == NULL ? end : nl;
    if (to > from && to[-1] == '\r')
        to--;
    print_line(err, from, to);
    print_caret(err, from, to, column);
}

void yaml_source_point(FILE *err, const char *path, const char *text, size_t len, size_t line,
                       size_t column, const char *format, ...)
{
    assert(err != NULL);
    va_list ap;
    va_start(ap, format);
    vpoint(err, path, text, len, line, column, format, ap);
    va_end(ap);
}

__attribute__((format(printf, 3, 4))) static bool fail_at(struct yaml_source *s, yaml_mark_t m,
                                                          const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    vpoint(s->err, s->path, s->text, s->len, m.line + 1, m.column + 1, format, ap);
    va_end(ap);
    return false;
}

/* ---- reading and parsing -------------------------------------------------------------------- */

static bool read_file(struct yaml_source *s)
{
    FILE *f = fopen(s->path, "rb");
    if (f == NULL) {
        fprintf(s->err, "%s: error: %s\n", s->path, strerror(errno));
        return false;
    }
    s->text = malloc(YAML_SOURCE_BYTES_MAX + 1);
    if (s->text == NULL) {
        fprintf(s->err, "%s: error: out of memory\n", s->path);
        fclose(f);
        return false;
    }
    s->len = fread(s->text, 1, YAML_SOURCE_BYTES_MAX + 1, f);
    bool bad = ferror(f) != 0;
    fclose(f);
    if (bad || s->len > YAML_SOURCE_BYTES_MAX) {
        fprintf(s->err, "%s: error: %s\n", s->path,
                bad ? "cannot be read" : "longer than 256 KiB, not a scenario");
        return false;
    }
    s->text[s->len] = '\0';
    return true;
}

/* For an error of libyaml's reader only the byte offset is known. */
static yaml_mark_t mark_of_offset(const struct yaml_source *s, size_t offset)
{
    yaml_mark_t m = {.index = offset};
    for (size_t i = 0; i < offset && i < s->len; i++) {
        if (s->text[i] == '\n') {
            m.line++;
            m.column = 0;
        } else if (((unsigned char)s->text[i] & 0xc0) != 0x80) {
            m.column++;
        }
    }
    return m;
}

static bool parser_failed(struct yaml_source *s, const yaml_parser_t *p)
{
    const char *problem = p->problem == NULL ? "not YAML" : p->problem;
    if (p->error == YAML_READER_ERROR)
        return fail_at(s, mark_of_offset(s, p->problem_offset), "%s", problem);
    if (p->error == YAML_MEMORY_ERROR)
        return fail_at(s, (yaml_mark_t){0}, "out of memory");
    if (p->context != NULL)
        return fail_at(s, p->problem_mark, "%s, %s (line %zu)", problem, p->context,
                       p->context_mark.line + 1);
    return fail_at(s, p->problem_mark, "%s", problem);
}

/* A first walk over the events: the document tree no longer shows an alias, nor how deep a hostile
 * file is nested before it is built. */
static bool check_events(struct yaml_source *s)
{
    yaml_parser_t p;
    if (!yaml_parser_initialize(&p))
        return fail_at(s, (yaml_mark_t){0}, "out of memory");
    yaml_parser_set_input_string(&p, (const unsigned char *)s->text, s->len);
    bool ok = true, end = false;
    int documents = 0, depth = 0;
    while (ok && !end) {
        yaml_event_t e;
        if (!yaml_parser_parse(&p, &e)) {
            ok = parser_failed(s, &p);
            break;
        }
        if (e.type == YAML_SEQUENCE_START_EVENT || e.type == YAML_MAPPING_START_EVENT)
            depth++;
        else if (e.type == YAML_SEQUENCE_END_EVENT || e.type == YAML_MAPPING_END_EVENT)
            depth--;
        if (depth > 16)
            ok = fail_at(s, e.start_mark, "nested too deep");
        if (e.type == YAML_ALIAS_EVENT)
            ok = fail_at(s, e.start_mark, "aliases are not supported; write the value out");
        if (e.type == YAML_DOCUMENT_START_EVENT && ++documents > 1)
            ok = fail_at(s, e.start_mark, "a second document; one file holds one");
        end = e.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&e);
    }
    yaml_parser_delete(&p);
    return ok;
}

static bool parse(struct yaml_source *s)
{
    yaml_parser_t p;
    if (!yaml_parser_initialize(&p))
        return fail_at(s, (yaml_mark_t){0}, "out of memory");
    yaml_parser_set_input_string(&p, (const unsigned char *)s->text, s->len);
    bool ok = yaml_parser_load(&p, &s->doc) != 0;
    if (!ok)
        parser_failed(s, &p);
    s->has_doc = ok;
    yaml_parser_delete(&p);
    if (ok && yaml_document_get_root_node(&s->doc) == NULL)
        ok = fail_at(s, (yaml_mark_t){0}, "the file is empty");
    return ok;
}

bool yaml_source_open(struct yaml_source *s, const char *path, FILE *err)
{
    assert(s != NULL);
    assert(path != NULL);
    assert(err != NULL);
    *s = (struct yaml_source){.path = path, .err = err};
    if (read_file(s) && check_events(s) && parse(s))
        return true;
    yaml_source_close(s);
    return false;
}

void yaml_source_close(struct yaml_source *s)
{
    assert(s != NULL);
    if (s->has_doc)
        yaml_document_delete(&s->doc);
    free(s->text);
    s->has_doc = false;
    s->text = NULL;
}

/* ---- finding a node by its path ------------------------------------------------------------- */

static const char *scalar(const yaml_node_t *n)
{
    return (const char *)n->data.scalar.value;
}

static yaml_node_t *node(struct yaml_source *s, int id)
{
    return yaml_document_get_node(&s->doc, id);
}

static yaml_node_pair_t *find_pair(struct yaml_source *s, yaml_node_t *map, const char *key,
                                   size_t len)
{
    if (map->type != YAML_MAPPING_NODE)
        return NULL;
    for (yaml_node_pair_t *p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top;
         p++) {
        const yaml_node_t *k = node(s, p->key);
        if (k->type == YAML_SCALAR_NODE && strlen(scalar(k)) == len &&
            memcmp(scalar(k), key, len) == 0)
            return p;
    }
    return NULL;
}

/* Walks as far as the file goes. *key is the node of the last key on the way, or NULL. */
static yaml_node_t *find_path(struct yaml_source *s, const char *where, yaml_node_t **key,
                              bool *complete)
{
    yaml_node_t *n = yaml_document_get_root_node(&s->doc);
    *key = NULL;
    *complete = true;
    while (*where != '\0' && *where != '?') {
        if (*where == '.') {
            where++;
        } else if (*where == '[') {
            char *end;
            long i = strtol(where + 1, &end, 10);
            if (n->type != YAML_SEQUENCE_NODE ||
                i >= n->data.sequence.items.top - n->data.sequence.items.start) {
                *complete = false;
                return n;
            }
            n = node(s, n->data.sequence.items.start[i]);
            where = end + 1;
        } else {
            size_t len = strcspn(where, ".[?");
            yaml_node_pair_t *p = find_pair(s, n, where, len);
            if (p == NULL) {
                *complete = false;
                return n;
            }
            *key = node(s, p->key);
            n = node(s, p->value);
            where += len;
        }
    }
    return n;
}

bool yaml_source_has(struct yaml_source *s, const char *where)
{
    assert(s->has_doc);
    yaml_node_t *key;
    bool complete;
    find_path(s, where, &key, &complete);
    return complete;
}

/* The file that says what stands at `where`, and the place there: the file on top where that has
 * the first key of the path. */
static struct yaml_source *who_says(struct yaml_source *s, const char *where, char *at, size_t cap)
{
    snprintf(at, cap, "%s", where);
    if (s->over == NULL)
        return s;
    int key = (int)strcspn(where, ".[?");
    snprintf(at, cap, "%s.%.*s", s->over_at, key, where);
    bool there = key > 0 && yaml_source_has(s->over, at);
    snprintf(at, cap, "%s%s%s", there ? s->over_at : "", there ? "." : "", where);
    return there ? s->over : s;
}

bool yaml_source_error(struct yaml_source *s, const char *where, const char *format, ...)
{
    assert(s->has_doc);
    assert(where != NULL);
    char at[256];
    s = who_says(s, where, at, sizeof at);
    yaml_node_t *key;
    bool complete;
    const yaml_node_t *n = find_path(s, at, &key, &complete);
    size_t len = strlen(at);
    if (complete && key != NULL && len > 0 && at[len - 1] == '?')
        n = key;
    va_list ap;
    va_start(ap, format);
    vpoint(s->err, s->path, s->text, s->len, n->start_mark.line + 1, n->start_mark.column + 1,
           format, ap);
    va_end(ap);
    return false;
}

/* ---- the schema ----------------------------------------------------------------------------- */

struct list {
    char text[512];
    size_t len;
};
static void list_add(struct list *l, const char *word)
{
    int n =
        snprintf(l->text + l->len, sizeof l->text - l->len, "%s%s", l->len == 0 ? "" : ", ", word);
    if (n > 0 && l->len + (size_t)n < sizeof l->text)
        l->len += (size_t)n;
}

static const char *kind_of(const yaml_node_t *n)
{
    return n->type == YAML_MAPPING_NODE    ? "a mapping"
           : n->type == YAML_SEQUENCE_NODE ? "a list"
                                           : "a single value";
}

static bool plain(const yaml_node_t *n)
{
    return n->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

/* A line that is indented too far becomes part of the value before it, which is hard to see. */
static const char *hint(const yaml_node_t *n)
{
    return plain(n) && n->end_mark.line > n->start_mark.line
               ? " (the value goes on over the next line; is that indented too far?)"
               : "";
}

static bool check_uint(struct yaml_source *s, const char *key, const yaml_node_t *n,
                       const cyaml_schema_value_t *v)
{
    const char *text = scalar(n);
    char *end;
    errno = 0;
    unsigned long long x = strtoull(text, &end, 0);
    if (!plain(n) || text[0] < '0' || text[0] > '9' || *end != '\0')
        return fail_at(s, n->start_mark, "%s wants a whole number, not '%s'%s", key, text, hint(n));
    unsigned long long max = v->data_size >= 8 ? UINT64_MAX : (1ULL << (8 * v->data_size)) - 1;
    if (errno == ERANGE || x > max)
        return fail_at(s, n->start_mark, "%s is at most %llu", key, max);
    return true;
}

static bool check_enum(struct yaml_source *s, const char *key, const yaml_node_t *n,
                       const cyaml_schema_value_t *v)
{
    struct list allowed = {.len = 0};
    for (uint32_t i = 0; i < v->enumeration.count; i++) {
        if (strcmp(v->enumeration.strings[i].str, scalar(n)) == 0)
            return true;
        list_add(&allowed, v->enumeration.strings[i].str);
    }
    return fail_at(s, n->start_mark, "%s cannot be '%s'; allowed: %s%s", key, scalar(n),
                   allowed.text, hint(n));
}

static bool check_scalar(struct yaml_source *s, const char *key, const yaml_node_t *n,
                         const cyaml_schema_value_t *v)
{
    static const char *const bools[] = {"true", "false", "on", "off", "yes", "no"};
    if (n->type != YAML_SCALAR_NODE)
        return fail_at(s, n->start_mark, "%s wants a single value, not %s", key, kind_of(n));
    if (scalar(n)[0] == '\0' && plain(n))
        return fail_at(s, n->start_mark, "%s has no value", key);
    switch (v->type) {
    case CYAML_UINT:
        return check_uint(s, key, n, v);
    case CYAML_ENUM:
        return check_enum(s, key, n, v);
    case CYAML_BOOL:
        for (size_t i = 0; i < sizeof bools / sizeof bools[0]; i++) {
            if (plain(n) && strcmp(scalar(n), bools[i]) == 0)
                return true;
        }
        return fail_at(s, n->start_mark, "%s wants true or false, not '%s'%s", key, scalar(n),
                       hint(n));
    default:
        assert(v->type == CYAML_STRING);
        if (strlen(scalar(n)) > v->string.max)
            return fail_at(s, n->start_mark, "%s is longer than %u bytes", key, v->string.max);
        if (strlen(scalar(n)) < v->string.min)
            return fail_at(s, n->start_mark, "%s is empty", key);
        return true;
    }
}

static bool check_value(struct yaml_source *s, const char *key, yaml_node_t *n,
                        const cyaml_schema_value_t *v);

static bool check_list(struct yaml_source *s, const char *key, yaml_node_t *n,
                       const cyaml_schema_value_t *v)
{
    if (n->type != YAML_SEQUENCE_NODE)
        return fail_at(s, n->start_mark, "%s wants a list ([a, b]), not %s", key, kind_of(n));
    size_t count = (size_t)(n->data.sequence.items.top - n->data.sequence.items.start);
    if (count < v->sequence.min)
        return fail_at(s, n->start_mark, "%s wants at least %u entries", key, v->sequence.min);
    if (count > v->sequence.max)
        return fail_at(s, node(s, n->data.sequence.items.start[v->sequence.max])->start_mark,
                       "%s has %zu entries; at most %u fit", key, count, v->sequence.max);
    for (size_t i = 0; i < count; i++) {
        if (!check_value(s, key, node(s, n->data.sequence.items.start[i]), v->sequence.entry))
            return false;
    }
    return true;
}

static bool check_key(struct yaml_source *s, const char *key, yaml_node_t *map,
                      const yaml_node_pair_t *p, const cyaml_schema_value_t *v)
{
    yaml_node_t *k = node(s, p->key);
    if (k->type != YAML_SCALAR_NODE)
        return fail_at(s, k->start_mark, "a key of %s must be a word", key);
    struct list allowed = {.len = 0};
    for (const cyaml_schema_field_t *f = v->mapping.fields; f->key != NULL; f++) {
        list_add(&allowed, f->key);
        if (strcmp(f->key, scalar(k)) != 0)
            continue;
        if (find_pair(s, map, f->key, strlen(f->key)) != p)
            return fail_at(s, k->start_mark, "key '%s' is there twice", f->key);
        return check_value(s, f->key, node(s, p->value), &f->value);
    }
    return fail_at(s, k->start_mark, "unknown key '%s' in %s; allowed: %s", scalar(k), key,
                   allowed.text);
}

static bool check_mapping(struct yaml_source *s, const char *key, yaml_node_t *n,
                          const cyaml_schema_value_t *v)
{
    if (n->type != YAML_MAPPING_NODE)
        return fail_at(s, n->start_mark, "%s wants a mapping (key: value), not %s", key,
                       kind_of(n));
    for (yaml_node_pair_t *p = n->data.mapping.pairs.start; p < n->data.mapping.pairs.top; p++) {
        if (!check_key(s, key, n, p, v))
            return false;
    }
    for (const cyaml_schema_field_t *f = v->mapping.fields; f->key != NULL; f++) {
        if ((f->value.flags & CYAML_FLAG_OPTIONAL) == 0 &&
            find_pair(s, n, f->key, strlen(f->key)) == NULL)
            return fail_at(s, n->start_mark, "key '%s' is missing in %s", f->key, key);
    }
    return true;
}

static bool check_value(struct yaml_source *s, const char *key, yaml_node_t *n,
                        const cyaml_schema_value_t *v)
{
    switch (v->type) {
    case CYAML_MAPPING:
        return check_mapping(s, key, n, v);
    case CYAML_SEQUENCE:
        return check_list(s, key, n, v);
    default:
        return check_scalar(s, key, n, v);
    }
}

bool yaml_source_check(struct yaml_source *s, const cyaml_schema_value_t *schema)
{
    assert(s->has_doc);
    assert(schema != NULL);
    return check_value(s, "the file", yaml_document_get_root_node(&s->doc), schema);
}

/* ---- libcyaml ------------------------------------------------------------------------------- */

const cyaml_config_t *yaml_source_config(void)
{
    /* Silent: what it could complain of was checked with a position before. */
    static const cyaml_config_t config = {
        .log_fn = NULL, .mem_fn = cyaml_mem, .flags = CYAML_CFG_NO_ALIAS};
    return &config;
}

bool yaml_source_load(struct yaml_source *s, const cyaml_schema_value_t *schema, void **out,
                      unsigned *count)
{
    assert(out != NULL);
    if (!yaml_source_check(s, schema))
        return false;
    cyaml_err_t e = cyaml_load_data((const uint8_t *)s->text, s->len, yaml_source_config(), schema,
                                    (cyaml_data_t **)out, count);
    if (e == CYAML_OK)
        return true;
    return fail_at(s, (yaml_mark_t){0}, "libcyaml refuses the file: %s", cyaml_strerror(e));
}

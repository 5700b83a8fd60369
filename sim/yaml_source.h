/* A YAML file that errors can point into.
 *
 * libcyaml fills structs from schema tables but forgets where a value stood once it is loaded. This
 * keeps the text and libyaml's document beside it, so that every complaint, of the grammar, of the
 * schema or of what the values mean together, is printed alike:
 *
 *     FILE:LINE:COLUMN: error: REASON
 *     the line of the file
 *         ^
 *
 * The schema tables are libcyaml's own: yaml_source_check walks them over the document and says
 * what libcyaml would only refuse (which keys there are, which words are allowed), yaml_source_load
 * then has libcyaml fill the struct. Allocates; belongs to loading, never to a running simulation.
 */
#ifndef ACKPROOF_SIM_YAML_SOURCE_H
#define ACKPROOF_SIM_YAML_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <cyaml/cyaml.h>
#include <yaml.h>

enum { YAML_SOURCE_BYTES_MAX = 256 * 1024 };

struct yaml_source {
    const char *path; /* as given; not owned */
    FILE *err;
    char *text; /* NUL behind the end */
    size_t len;
    yaml_document_t doc;
    bool has_doc;
    /* Another file in which some keys of this one are given anew, and where in it; NULL: none.
     * Errors about those keys point there. Not owned. */
    struct yaml_source *over;
    const char *over_at;
};

/* Reads and parses. False: said why on `err`, nothing to close. Aliases, a second document and an
 * empty file are errors. */
bool yaml_source_open(struct yaml_source *s, const char *path, FILE *err);
void yaml_source_close(struct yaml_source *s);

/* Unknown and missing and doubled keys, wrong types, words that are not in a list. False: said
 * why. */
bool yaml_source_check(struct yaml_source *s, const cyaml_schema_value_t *schema);
/* Check, then fill. *out is freed with cyaml_free(yaml_source_config(), schema, *out, count). */
bool yaml_source_load(struct yaml_source *s, const cyaml_schema_value_t *schema, void **out,
                      unsigned *count);
const cyaml_config_t *yaml_source_config(void);

/* Complains at a node and answers false. `where` is a path such as
 * "cluster.replicas[1].receiver.ack"; where part of it is not in the file, the innermost node
 * that is. A trailing "?" points at the key instead of the value. Line and column count from 1,
 * the column in characters. */
bool yaml_source_error(struct yaml_source *s, const char *where, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The same at a line and column (from 1) of a text; `text` may be NULL. Used for other files
 * too. */
void yaml_source_point(FILE *err, const char *path, const char *text, size_t len, size_t line,
                       size_t column, const char *format, ...)
    __attribute__((format(printf, 7, 8)));
/* Is there a value at this path? */
bool yaml_source_has(struct yaml_source *s, const char *where);

#endif

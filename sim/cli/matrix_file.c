#include "sim/cli/matrix_file.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "sim/cli/cli.h"
#include "sim/scenario_with.h"
#include "sim/scenario_write.h"

struct raw_cell {
    uint32_t row;
    char *scenario;
    uint32_t tier;
    struct raw_with *with;
};
struct raw_matrix {
    uint32_t version;
    struct raw_cell *cells;
    uint32_t cells_count;
};

enum { CELLS_MAX = 4096, ROW_MAX = 999 };

static const cyaml_strval_t tiers[] = {{"ci", TIER_CI}, {"full", TIER_FULL}};
static const cyaml_schema_field_t cell_fields[] = {
    CYAML_FIELD_UINT("row", CYAML_FLAG_DEFAULT, struct raw_cell, row),
    CYAML_FIELD_STRING_PTR("scenario", CYAML_FLAG_POINTER, struct raw_cell, scenario, 1, 200),
    CYAML_FIELD_ENUM("tier", CYAML_FLAG_STRICT, struct raw_cell, tier, tiers,
                     CYAML_ARRAY_LEN(tiers)),
    CYAML_FIELD_MAPPING_PTR("with", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct raw_cell, with,
                            scenario_with_fields),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t cell_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_cell, cell_fields)};
static const cyaml_schema_field_t matrix_fields[] = {
    CYAML_FIELD_UINT("version", CYAML_FLAG_DEFAULT, struct raw_matrix, version),
    CYAML_FIELD_SEQUENCE("cells", CYAML_FLAG_POINTER, struct raw_matrix, cells, &cell_value, 1,
                         CELLS_MAX),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t matrix_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct raw_matrix, matrix_fields)};

/* Relative to the matrix file; allocated. */
static char *path_of(const struct yaml_source *src, const char *scenario)
{
    const char *slash = strrchr(src->path, '/');
    if (slash == NULL || scenario[0] == '/') {
        char *path = cli_alloc(strlen(scenario) + 1);
        memcpy(path, scenario, strlen(scenario));
        return path;
    }
    char *dir = cli_alloc((size_t)(slash - src->path) + 1);
    memcpy(dir, src->path, (size_t)(slash - src->path));
    char *path = cli_path(dir, scenario);
    free(dir);
    return path;
}

static bool load_cell(struct yaml_source *src, const struct raw_cell *c, uint32_t i,
                      struct matrix *m)
{
    char where[64], with[64];
    snprintf(where, sizeof where, "cells[%u].row", i);
    if (c->row < 1 || c->row > ROW_MAX)
        return yaml_source_error(src, where, "row is 1 .. %d, not %u", ROW_MAX, c->row);
    struct scenario *sc = &m->scenario[m->n];
    char *path = path_of(src, c->scenario);
    snprintf(with, sizeof with, "cells[%u].with", i);
    bool ok = c->with != NULL ? scenario_load_with(path, src, with, c->with, sc)
                              : scenario_load(path, sc, src->err);
    free(path);
    snprintf(where, sizeof where, "cells[%u].%s", i, c->with != NULL ? "with.name" : "scenario");
    if (!ok)
        return yaml_source_error(src, where, "this scenario cannot be used");
    for (size_t k = 0; k < m->n; k++) {
        if (strcmp(m->scenario[k].name, sc->name) == 0)
            return yaml_source_error(src, where, "the name %s is that of %s too", sc->name,
                                     m->scenario[k].file);
    }
    m->row[m->n] = c->row;
    m->tier[m->n] = (enum tier)c->tier;
    m->made[m->n] = c->with != NULL;
    m->n++;
    return true;
}

bool matrix_load(const char *path, struct matrix *m, FILE *err)
{
    assert(path != NULL && m != NULL && err != NULL);
    *m = (struct matrix){.n = 0};
    struct yaml_source src;
    if (!yaml_source_open(&src, path, err))
        return false;
    void *data = NULL;
    bool ok = yaml_source_load(&src, &matrix_value, &data, NULL);
    if (ok) {
        const struct raw_matrix *raw = data;
        m->scenario = cli_alloc(raw->cells_count * sizeof *m->scenario);
        m->row = cli_alloc(raw->cells_count * sizeof *m->row);
        m->tier = cli_alloc(raw->cells_count * sizeof *m->tier);
        m->made = cli_alloc(raw->cells_count * sizeof *m->made);
        if (raw->version != 1)
            ok = yaml_source_error(&src, "version",
                                   "version %u is not known; this ackproof reads 1", raw->version);
        for (uint32_t i = 0; i < raw->cells_count; i++)
            ok = load_cell(&src, &raw->cells[i], i, m) && ok;
        cyaml_free(yaml_source_config(), &matrix_value, data, 0);
    }
    yaml_source_close(&src);
    if (!ok)
        matrix_free(m);
    return ok;
}

void matrix_free(struct matrix *m)
{
    free(m->scenario);
    free(m->row);
    free(m->tier);
    free(m->made);
    *m = (struct matrix){.n = 0};
}

bool matrix_write_made(struct matrix *m, const char *dir, FILE *err)
{
    assert(m != NULL && dir != NULL && err != NULL);
    for (size_t i = 0; i < m->n; i++) {
        struct scenario *sc = &m->scenario[i];
        if (!m->made[i])
            continue;
        char path[sizeof sc->file], comment[sizeof sc->file + 80];
        int n = snprintf(path, sizeof path, "%s/%s.yaml", dir, sc->name);
        if (n < 0 || (size_t)n >= sizeof path) {
            fprintf(err, "%s/%s.yaml: error: the path is too long\n", dir, sc->name);
            return false;
        }
        snprintf(comment, sizeof comment, "Made of %s by a cell of the matrix.", sc->file);
        if (!cli_mkdirs(dir) || !scenario_save(sc, path, comment, err))
            return false;
        memcpy(sc->file, path, sizeof path);
    }
    return true;
}

bool matrix_is(const char *path)
{
    char *said = NULL;
    size_t n = 0;
    FILE *err = open_memstream(&said, &n);
    if (err == NULL)
        return false;
    struct yaml_source src;
    bool is = yaml_source_open(&src, path, err);
    if (is) {
        is = yaml_source_has(&src, "cells");
        yaml_source_close(&src);
    }
    fclose(err);
    free(said);
    return is;
}

/* scenarios/matrix.yaml: which scenario stands in which row of the verdict table, and in which
 * tier. */
#ifndef ACKPROOF_SIM_CLI_MATRIX_FILE_H
#define ACKPROOF_SIM_CLI_MATRIX_FILE_H

#include "sim/scenario.h"

enum tier { TIER_CI = 1, TIER_FULL = 2 };

struct matrix {
    struct scenario *scenario;
    uint32_t *row;
    enum tier *tier;
    bool *made; /* of a scenario file and what the cell says instead (sim/scenario_with.h) */
    size_t n;
};

/* Reads the file and every scenario in it, whose paths are relative to the file. False: said why on
 * `err` as scenario_load does, for all scenarios that are wrong. */
bool matrix_load(const char *path, struct matrix *m, FILE *err);
void matrix_free(struct matrix *m);
/* Writes the scenarios of cells that have no file of their own to DIR/NAME.yaml; their witnesses
 * name that file. False: said why. */
bool matrix_write_made(struct matrix *m, const char *dir, FILE *err);
/* Is this YAML file a matrix rather than a scenario? False where it cannot be read. */
bool matrix_is(const char *path);

#endif

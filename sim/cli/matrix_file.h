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
    size_t n;
};

/* Reads the file and every scenario in it, whose paths are relative to the file. False: said why on
 * `err` as scenario_load does, for all scenarios that are wrong. */
bool matrix_load(const char *path, struct matrix *m, FILE *err);
void matrix_free(struct matrix *m);
/* Is this YAML file a matrix rather than a scenario? False where it cannot be read. */
bool matrix_is(const char *path);

#endif

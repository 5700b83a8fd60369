/* A scenario with other bounds: a file, and on top of it what a cell of the matrix gives anew. So
 * the wide cells of the matrix ask the question of a scenario file without a copy of it. Loading
 * only.
 */
#ifndef ACKPROOF_SIM_SCENARIO_WITH_H
#define ACKPROOF_SIM_SCENARIO_WITH_H

#include "sim/scenario.h"
#include "sim/scenario_yaml.h"
#include "sim/yaml_source.h"

/* Loads `path` with `with` on top, which stands at `at` of `over` ("cells[3].with"). out->file is
 * `path`, of which out is not the content: scenario_save makes a file of it. A finding is the
 * narrow scenario's own and is left out. False: said why on over->err, with the place in the file
 * that is wrong. */
bool scenario_load_with(const char *path, struct yaml_source *over, const char *at,
                        const struct raw_with *with, struct scenario *out);

#endif

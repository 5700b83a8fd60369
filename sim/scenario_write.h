/* A scenario as a file again: what scenario_load reads from it is the same scenario (but `file`).
 * Every key is written, defaults too, so that the file says what it means on its own.
 */
#ifndef ACKPROOF_SIM_SCENARIO_WRITE_H
#define ACKPROOF_SIM_SCENARIO_WRITE_H

#include "sim/scenario.h"

/* `comment`: lines that stand on top, each behind "# "; NULL: none. False: said why on err. */
bool scenario_save(const struct scenario *s, const char *path, const char *comment, FILE *err);

#endif

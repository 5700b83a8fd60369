/* What two runs that should be one are compared by: a line per step with its number, the move, the
 * answers asked for within it, and the hash of the state behind it.
 *
 *     0 start 5f0c...
 *     1 client 0 0 0 9be1...
 *     2 power 0 0 0, survive 3/5 77d2...
 *
 * Equal logs: the runs were the same. Different ones: the first line that differs is where it
 * began, and everything behind it may differ for that reason alone.
 */
#ifndef ACKPROOF_SIM_EXPLORE_HASH_LOG_H
#define ACKPROOF_SIM_EXPLORE_HASH_LOG_H

#include "sim/explore/explore.h"

/* One line. The choices of the step are choice[0..n), the move first; n == 0: the start. */
void hash_log_step(FILE *log, uint64_t step, const struct witness_choice *choice, uint32_t n,
                   struct hash128 state);

enum hash_diff { HASH_LOGS_EQUAL, HASH_LOGS_DIFFER, HASH_LOGS_BAD };
/* Reads both up to the first difference and tells it on `out`; what is not a log, on `err`. */
enum hash_diff hash_log_diff(const char *path_a, const char *path_b, FILE *out, FILE *err);

#endif

/* A search that was cut short, in a file, and going on from it.
 *
 * The file holds what the search would need to go on as if it had never stopped: the path with the
 * answers given on it, from which the blocks are made again by stepping through it; the
 * fingerprints; the numbers so far; the counterexamples. Its head names what it belongs to: this
 * very program, the bytes of the scenario file, the state in which it begins, and the reductions. A
 * checksum is over all of it.
 *
 * What such a search is cut into does not show: it ends with the numbers of one that was not.
 */
#ifndef ACKPROOF_SIM_EXPLORE_SAVE_H
#define ACKPROOF_SIM_EXPLORE_SAVE_H

#include "sim/explore/walk.h"

/* False: the reason was printed to err. The file is written beside and renamed. */
bool search_save(const struct search *s, const char *path, FILE *err);
/* For a search that was just opened. False: the reason was printed to err; the search cannot be
 * used then. */
bool search_resume(struct search *s, const char *path, FILE *err);

#endif

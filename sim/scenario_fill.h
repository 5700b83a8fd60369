/* From what a scenario file says to what the simulator takes: defaults, inheritance between the
 * servers of a cluster, and the refusal of settings that no server could run with. Loading only.
 */
#ifndef ACKPROOF_SIM_SCENARIO_FILL_H
#define ACKPROOF_SIM_SCENARIO_FILL_H

#include "sim/scenario.h"
#include "sim/scenario_yaml.h"
#include "sim/yaml_source.h"

/* All but `file` and the cluster. False: said why, with its place, on src->err. */
bool scenario_fill(struct yaml_source *src, const struct raw_scenario *raw, struct scenario *out);
/* node[] and n_nodes; done first, the rest is checked against it. */
bool scenario_fill_cluster(struct yaml_source *src, const struct raw_scenario *raw,
                           struct scenario *out);

#endif

#include "sim/scenario.h"

#include <assert.h>
#include <string.h>

#include "sim/scenario_fill.h"
#include "sim/scenario_yaml.h"
#include "sim/yaml_source.h"

static const char *const points[FAULT_POINTS] = {
    [FAULT_NODE_KILL] = "node/kill",         [FAULT_NODE_POWER] = "node/power",
    [FAULT_FSYNC_LIE] = "disk/fsync/lie",    [FAULT_FSYNC_FAIL] = "disk/fsync/fail",
    [FAULT_WRITE_FAIL] = "disk/write/fail",  [FAULT_NET_RESET] = "net/reset",
    [FAULT_NET_PARTITION] = "net/partition",
};

const char *fault_point_name(enum fault_point p)
{
    assert(p < FAULT_POINTS);
    return points[p];
}

enum fault_point fault_point_find(const char *name)
{
    assert(name != NULL);
    for (uint32_t i = 0; i < FAULT_POINTS; i++) {
        if (strcmp(points[i], name) == 0)
            return (enum fault_point)i;
    }
    return FAULT_POINTS;
}

uint32_t scenario_budget(const struct scenario *s, enum fault_point p, uint32_t node)
{
    assert(s != NULL);
    assert(p < FAULT_POINTS);
    assert(node < s->n_nodes);
    uint32_t role = node == 0 ? OF_PRIMARY : OF_REPLICA, sum = 0;
    for (uint32_t i = 0; i < s->n_faults; i++) {
        if (s->fault[i].point == p && ((uint32_t)s->fault[i].of & role) != 0)
            sum += s->fault[i].at_most;
    }
    return sum;
}

bool scenario_admits_power(const struct scenario *s, uint32_t node)
{
    return scenario_budget(s, FAULT_NODE_POWER, node) > 0;
}

enum statement scenario_statement(const struct scenario *s, uint32_t txn)
{
    if (txn < s->large)
        return STATEMENT_LARGE;
    if (txn + s->ddl >= s->transactions)
        return STATEMENT_DDL;
    return txn + s->ddl + s->plain >= s->transactions ? STATEMENT_PLAIN : STATEMENT_INSERT;
}

bool scenario_load(const char *path, struct scenario *out, FILE *err)
{
    assert(path != NULL);
    assert(out != NULL);
    assert(err != NULL);
    memset(out, 0, sizeof *out);
    if (strlen(path) >= sizeof out->file) {
        fprintf(err, "%s: error: the path is longer than %zu bytes\n", path, sizeof out->file - 1);
        return false;
    }
    memcpy(out->file, path, strlen(path) + 1);
    struct yaml_source src;
    if (!yaml_source_open(&src, path, err))
        return false;
    void *data = NULL;
    bool ok = yaml_source_load(&src, scenario_yaml_schema(), &data, NULL);
    if (ok) {
        ok = scenario_fill_cluster(&src, data, out) && scenario_fill(&src, data, out);
        cyaml_free(yaml_source_config(), scenario_yaml_schema(), data, 0);
    }
    yaml_source_close(&src);
    return ok;
}

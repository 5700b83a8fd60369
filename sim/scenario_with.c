#include "sim/scenario_with.h"

#include <assert.h>
#include <string.h>

#include "sim/scenario_fill.h"

/* A scenario file's structs, and room for those that are put together from both. What is put
 * together borrows from both; nothing of it is freed. */
struct together {
    struct raw_scenario raw;
    struct raw_cluster cluster;
    struct raw_server replica[NODES_MAX];
    struct raw_workload workload;
    struct raw_disk disk;
    struct raw_manager manager;
    struct raw_bounds bounds;
    struct raw_expect expect;
};

#define TAKE(to, from, key) ((to).key = (from)->key != NULL ? (from)->key : (to).key)

/* So many replicas. Those behind the file's are like its last, but for the server_id: two servers
 * of one id do not replicate. */
static bool take_replicas(struct yaml_source *src, const struct raw_with *with, struct together *t)
{
    if (with->replicas == NULL)
        return true;
    uint32_t have = t->cluster.replicas_count, want = *with->replicas;
    if (want < 1 || want >= NODES_MAX)
        return yaml_source_error(src, "replicas", "replicas is 1 .. %d, not %u", NODES_MAX - 1,
                                 want);
    if (have == 0)
        return yaml_source_error(src, "replicas", "the scenario has no replica to be like");
    for (uint32_t i = 0; i < want; i++) {
        t->replica[i] = t->cluster.replicas[i < have ? i : have - 1];
        if (i >= have)
            t->replica[i].server_id = NULL;
    }
    t->cluster.replicas = t->replica;
    t->cluster.replicas_count = want;
    return true;
}

/* libcyaml makes nothing of an empty list, which is an answer too. */
static bool gives(struct yaml_source *src, const char *key)
{
    char at[64];
    snprintf(at, sizeof at, "%s.%s", src->over_at, key);
    return yaml_source_has(src->over, at);
}

static void take_lists(struct yaml_source *src, const struct raw_with *with,
                       struct raw_scenario *raw)
{
    if (gives(src, "source")) {
        raw->source = with->source;
        raw->source_count = with->source_count;
    }
    if (gives(src, "faults")) {
        raw->faults = with->faults;
        raw->faults_count = with->faults_count;
    }
    if (gives(src, "operator")) {
        raw->operator= with->operator;
        raw->operator_count = with->operator_count;
    }
    if (gives(src, "reach")) {
        raw->reach = with->reach;
        raw->reach_count = with->reach_count;
    }
}

static void take_manager(const struct raw_manager *from, struct raw_manager *to)
{
    TAKE(*to, from, promote);
    TAKE(*to, from, applier);
    TAKE(*to, from, fence);
    TAKE(*to, from, verify);
    TAKE(*to, from, old_primary);
    TAKE(*to, from, restart_replicas);
    if (from->on_primary_loss != NULL) {
        to->on_primary_loss = from->on_primary_loss;
        to->on_primary_loss_count = from->on_primary_loss_count;
    }
}

/* The mappings, key by key. */
static void take_mappings(const struct raw_with *with, struct together *t)
{
    if (with->workload != NULL) {
        TAKE(t->workload, with->workload, sessions);
        TAKE(t->workload, with->workload, transactions);
        TAKE(t->workload, with->workload, large);
        TAKE(t->workload, with->workload, ddl);
        TAKE(t->workload, with->workload, plain);
        t->raw.workload = &t->workload;
    }
    if (with->disk != NULL) {
        TAKE(t->disk, with->disk, reorder);
        TAKE(t->disk, with->disk, tear);
        t->raw.disk = &t->disk;
    }
    if (with->manager != NULL) {
        take_manager(with->manager, &t->manager);
        t->raw.manager = &t->manager;
    }
    if (with->bounds != NULL) {
        TAKE(t->bounds, with->bounds, states);
        TAKE(t->bounds, with->bounds, steps);
        t->raw.bounds = &t->bounds;
    }
    if (with->expect != NULL) {
        for (uint32_t i = 0; i < INVARIANTS; i++)
            TAKE(t->expect, with->expect, of[i]);
        t->raw.expect = &t->expect;
    }
}

static bool put_together(struct yaml_source *src, const struct raw_scenario *file,
                         const struct raw_with *with, struct together *t)
{
    *t = (struct together){.raw = *file, .cluster = *file->cluster};
    if (file->workload != NULL)
        t->workload = *file->workload;
    if (file->disk != NULL)
        t->disk = *file->disk;
    if (file->manager != NULL)
        t->manager = *file->manager;
    if (file->bounds != NULL)
        t->bounds = *file->bounds;
    if (file->expect != NULL)
        t->expect = *file->expect;
    t->raw.cluster = &t->cluster;
    t->raw.finding = NULL;
    TAKE(t->raw, with, name);
    TAKE(t->raw, with, title);
    TAKE(t->raw, with, story);
    take_lists(src, with, &t->raw);
    take_mappings(with, t);
    return take_replicas(src, with, t);
}

bool scenario_load_with(const char *path, struct yaml_source *over, const char *at,
                        const struct raw_with *with, struct scenario *out)
{
    assert(path != NULL && over != NULL && at != NULL && with != NULL && out != NULL);
    /* The file has to be right by itself: what is wrong with both together is then wrong here. */
    if (!scenario_load(path, out, over->err))
        return false;
    struct scenario alone = *out;
    memset(out, 0, sizeof *out);
    memcpy(out->file, alone.file, sizeof out->file);
    struct yaml_source src;
    if (!yaml_source_open(&src, path, over->err))
        return false;
    src.over = over;
    src.over_at = at;
    void *data = NULL;
    bool ok = yaml_source_load(&src, scenario_yaml_schema(), &data, NULL);
    if (ok) {
        struct together t;
        ok = put_together(&src, data, with, &t) && scenario_fill_cluster(&src, &t.raw, out) &&
             scenario_fill(&src, &t.raw, out);
        cyaml_free(yaml_source_config(), scenario_yaml_schema(), data, 0);
    }
    yaml_source_close(&src);
    return ok;
}

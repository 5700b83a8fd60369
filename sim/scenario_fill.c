#include "sim/scenario_fill.h"

#include <assert.h>
#include <string.h>

enum { WHERE_MAX = 64, AT_MOST_MAX = 100 };

/* Room was checked by the schema. */
static void copy_text(char *to, size_t cap, const char *from)
{
    assert(strlen(from) < cap);
    memcpy(to, from, strlen(from) + 1);
}

static void fill_finding(const struct raw_finding *raw, struct finding *out)
{
    copy_text(out->id, sizeof out->id, raw->id);
    copy_text(out->what, sizeof out->what, raw->what);
    if (raw->server != NULL)
        copy_text(out->server, sizeof out->server, raw->server);
}

static bool fill_texts(struct yaml_source *src, const struct raw_scenario *raw,
                       struct scenario *out)
{
    if (raw->version != 1)
        return yaml_source_error(src, "version", "version %u is not known; this ackproof reads 1",
                                 raw->version);
    for (const char *p = raw->name; *p != '\0'; p++) {
        if (strchr("abcdefghijklmnopqrstuvwxyz0123456789-", *p) == NULL)
            return yaml_source_error(src, "name", "a name has a-z, 0-9 and - only; it names files");
    }
    copy_text(out->name, sizeof out->name, raw->name);
    copy_text(out->title, sizeof out->title, raw->title != NULL ? raw->title : raw->name);
    if (raw->story != NULL)
        copy_text(out->story, sizeof out->story, raw->story);
    assert(raw->source_count <= SCENARIO_SOURCES_MAX);
    out->n_sources = raw->source_count;
    for (uint32_t i = 0; i < raw->source_count; i++)
        copy_text(out->source[i], sizeof out->source[i], raw->source[i]);
    if (raw->finding != NULL)
        fill_finding(raw->finding, &out->finding);
    return true;
}

enum { LARGE_MAX = 4 }; /* a node has room for FILES_MAX files */

/* What servers do with each kind. */
static bool check_statements(struct yaml_source *src, const struct scenario *s,
                             const struct server_settings *set)
{
    const char *key = s->ddl > 0     ? "workload.ddl"
                      : s->plain > 0 ? "workload.non_transactional"
                                     : "workload.large";
    bool is_mariadb = set->profile->publish == PUBLISH_AFTER_SYNC_CALL;
    if (s->ddl + s->plain > 0 && set->engine_binlog)
        return yaml_source_error(src, key, "%s not modelled with the binlog inside the engine",
                                 s->ddl > 0 ? "DDL is" : "tables without transactions are");
    if (s->plain > 0 && !is_mariadb)
        return yaml_source_error(src, key,
                                 "%s: what MySQL does with a table without transactions is not "
                                 "modelled; it was looked at on MariaDB only",
                                 set->profile->name);
    if (s->large > 0 && !set->profile->commit_by_rotate)
        return yaml_source_error(src, "workload.large",
                                 "%s does not make a binlog file of a large transaction; "
                                 "mariadb-11.8 does (MDEV-32014)",
                                 set->profile->name);
    if (s->ddl + s->plain + s->large > 0 && set->wait_point == WAIT_BEFORE_WRITE &&
        !set->engine_binlog)
        return yaml_source_error(src, key,
                                 "nobody has said yet what BEFORE_WRITE does with it "
                                 "(MDEV-34705)");
    return true;
}

/* Which of the transactions are not small inserts. */
static bool fill_statements(struct yaml_source *src, const struct raw_workload *w,
                            struct scenario *out)
{
    out->large = w->large != NULL ? *w->large : 0;
    out->ddl = w->ddl != NULL ? *w->ddl : 0;
    out->plain = w->plain != NULL ? *w->plain : 0;
    if (out->ddl > out->transactions)
        return yaml_source_error(src, "workload.ddl",
                                 "ddl says how many of the %u transactions are DDL",
                                 out->transactions);
    if (out->plain > out->transactions - out->ddl)
        return yaml_source_error(src, "workload.non_transactional",
                                 "non_transactional says how many of the other %u transactions go "
                                 "into a table without transactions",
                                 out->transactions - out->ddl);
    if (out->large > out->transactions - out->ddl - out->plain)
        return yaml_source_error(src, "workload.large",
                                 "large says how many of the other %u transactions are large",
                                 out->transactions - out->ddl - out->plain);
    if (out->large > LARGE_MAX)
        return yaml_source_error(src, "workload.large",
                                 "large is at most %d: each makes a binlog file", LARGE_MAX);
    for (uint32_t n = 0; n < out->n_nodes; n++) {
        if (!check_statements(src, out, &out->node[n]))
            return false;
    }
    return true;
}

static bool fill_workload(struct yaml_source *src, const struct raw_scenario *raw,
                          struct scenario *out)
{
    const struct raw_workload none = {0}, *w = raw->workload != NULL ? raw->workload : &none;
    out->sessions = w->sessions != NULL ? *w->sessions : 2;
    out->transactions = w->transactions != NULL ? *w->transactions : 2;
    if (out->sessions < 1 || out->sessions > SESSIONS_MAX)
        return yaml_source_error(src, "workload.sessions", "sessions is 1 .. %d, not %u",
                                 SESSIONS_MAX, out->sessions);
    if (out->transactions < 1 || out->transactions > SCENARIO_TXNS_MAX)
        return yaml_source_error(src, "workload.transactions", "transactions is 1 .. %d, not %u",
                                 SCENARIO_TXNS_MAX, out->transactions);
    if (!fill_statements(src, w, out))
        return false;
    if (raw->disk != NULL) {
        out->device.reorder = raw->disk->reorder != NULL && *raw->disk->reorder;
        out->device.tear = raw->disk->tear != NULL && *raw->disk->tear;
    }
    return true;
}

/* ---- faults --------------------------------------------------------------------------------- */

static bool is_disk_fault(enum fault_point p)
{
    return p == FAULT_FSYNC_LIE || p == FAULT_FSYNC_FAIL || p == FAULT_WRITE_FAIL;
}

static bool check_fault(struct yaml_source *src, const struct scenario *out,
                        const struct fault_budget *f, const char *key[4])
{
    if (f->at_most < 1 || f->at_most > AT_MOST_MAX)
        return yaml_source_error(src, key[2], "at_most is 1 .. %d, not %u", AT_MOST_MAX,
                                 f->at_most);
    if (f->file != FILE_NONE && !is_disk_fault(f->point))
        return yaml_source_error(src, key[3], "%s does not act on a file",
                                 fault_point_name(f->point));
    if (f->of == OF_REPLICA && out->n_nodes == 1)
        return yaml_source_error(src, key[1],
                                 "a fault of a node that does not exist: the cluster has "
                                 "no replica");
    if (f->point == FAULT_NET_PARTITION && f->of != OF_PRIMARY)
        return yaml_source_error(src, key[1],
                                 "net/partition cuts the primary off; it is of: primary");
    if ((f->point == FAULT_NET_PARTITION || f->point == FAULT_NET_RESET) && out->n_nodes == 1)
        return yaml_source_error(src, key[0], "%s needs a replica; the cluster has none",
                                 fault_point_name(f->point));
    return true;
}

static bool fill_fault(struct yaml_source *src, const struct raw_fault *r, uint32_t i,
                       struct scenario *out)
{
    char where[WHERE_MAX], text[4][WHERE_MAX];
    static const char *const keys[4] = {"point", "of", "at_most", "file"};
    const char *key[4];
    snprintf(where, sizeof where, "faults[%u]", i);
    for (int k = 0; k < 4; k++) {
        snprintf(text[k], sizeof text[k], "faults[%u].%s", i, keys[k]);
        key[k] = text[k];
    }
    struct fault_budget *f = &out->fault[i];
    f->point = fault_point_find(r->point);
    if (f->point == FAULT_POINTS) {
        char names[256] = "";
        for (uint32_t p = 0; p < FAULT_POINTS; p++) {
            strncat(names, p == 0 ? "" : ", ", sizeof names - strlen(names) - 1);
            strncat(names, fault_point_name((enum fault_point)p), sizeof names - strlen(names) - 1);
        }
        return yaml_source_error(src, key[0], "there is no fault point '%s'; known: %s", r->point,
                                 names);
    }
    enum fault_of usual = f->point == FAULT_NET_PARTITION ? OF_PRIMARY : OF_ANY;
    f->of = r->of != NULL ? (enum fault_of) * r->of : usual;
    f->at_most = r->at_most != NULL ? *r->at_most : 1;
    f->file = r->file != NULL ? (enum file_kind) * r->file : FILE_NONE;
    if (!check_fault(src, out, f, key))
        return false;
    for (uint32_t k = 0; k < i; k++) {
        const struct fault_budget *o = &out->fault[k];
        if (o->point == f->point && (o->of & f->of) != 0 &&
            (o->file == f->file || o->file == FILE_NONE || f->file == FILE_NONE))
            return yaml_source_error(src, where,
                                     "this overlaps with faults[%u]; give one budget for "
                                     "%s of the same node",
                                     k, fault_point_name(f->point));
    }
    return true;
}

/* ---- operators ------------------------------------------------------------------------------ */

static bool unknown_act(struct yaml_source *src, const char *where, const char *what)
{
    char names[512] = "";
    for (uint32_t a = 0; a < OPERATOR_ACTS; a++) {
        if (!operator_act_modelled((enum operator_act)a))
            continue;
        strncat(names, names[0] == '\0' ? "" : ", ", sizeof names - strlen(names) - 1);
        strncat(names, operator_act_name((enum operator_act)a), sizeof names - strlen(names) - 1);
    }
    return yaml_source_error(src, where, "operators do not '%s'; known: %s", what, names);
}

static bool fill_operator(struct yaml_source *src, const struct raw_operator *r, uint32_t i,
                          struct scenario *out)
{
    char where[WHERE_MAX];
    struct operator_budget *o = &out->operator[i];
    snprintf(where, sizeof where, "operator[%u].do", i);
    o->act = operator_act_find(r->what);
    if (o->act == OPERATOR_ACTS)
        return unknown_act(src, where, r->what);
    if (!operator_act_modelled(o->act))
        return yaml_source_error(src, where, "%s is not modelled yet", r->what);
    bool mariadbs = o->act == OPERATOR_SHUTDOWN || o->act == OPERATOR_SHUTDOWN_WAIT ||
                    o->act == OPERATOR_RESET_MASTER;
    if (mariadbs && !out->node[0].profile->semisync.kill_ends_wait)
        return yaml_source_error(src, where, "%s is modelled for MariaDB, not for %s", r->what,
                                 out->node[0].profile->name);
    for (uint32_t n = 0; n < out->n_nodes && (mariadbs || o->act == OPERATOR_FLUSH_LOGS); n++) {
        if (out->node[n].engine_binlog)
            return yaml_source_error(
                src, where, "%s is not modelled with the binlog inside the engine", r->what);
    }
    o->of = r->of != NULL ? (enum fault_of) * r->of : operator_act_of(o->act);
    for (uint32_t n = 0; n < out->n_nodes && o->act == OPERATOR_PURGE_BINLOG; n++) {
        unsigned role = n == 0 ? OF_PRIMARY : OF_REPLICA;
        if (((unsigned)o->of & role) != 0 && !out->node[n].engine_binlog)
            return yaml_source_error(src, where, "%s is modelled for binlog_storage_engine only",
                                     r->what);
    }
    o->at_most = r->at_most != NULL ? *r->at_most : 1;
    snprintf(where, sizeof where, "operator[%u].at_most", i);
    if (o->at_most < 1 || o->at_most > AT_MOST_MAX)
        return yaml_source_error(src, where, "at_most is 1 .. %d, not %u", AT_MOST_MAX, o->at_most);
    snprintf(where, sizeof where, "operator[%u].%s", i, r->of != NULL ? "of" : "do");
    if (o->of == OF_REPLICA && out->n_nodes == 1)
        return yaml_source_error(src, where, "%s is done to a replica; the cluster has none",
                                 r->what);
    snprintf(where, sizeof where, "operator[%u]", i);
    for (uint32_t k = 0; k < i; k++) {
        if (out->operator[k].act == o->act &&((unsigned)out->operator[k].of &(unsigned) o->of) != 0)
            return yaml_source_error(
                src, where,
                "this overlaps with operator[%u]; give one budget for %s of the same node", k,
                r->what);
    }
    return true;
}

/* ---- what the manager does ------------------------------------------------------------------ */

static bool all_start_read_only(const struct scenario *s)
{
    for (uint32_t n = 0; n < s->n_nodes; n++) {
        if (s->node[n].recovery != RECOVERY_READ_ONLY)
            return false;
    }
    return true;
}

static bool fill_manager(struct yaml_source *src, const struct raw_scenario *raw,
                         struct scenario *out)
{
    bool alone = out->n_nodes == 1;
    out->manager.promote = PROMOTE_MOST_ADVANCED;
    out->manager.on_loss[0] = alone ? ON_LOSS_RESTART : ON_LOSS_FAILOVER;
    out->manager.n_on_loss = 1;
    out->restart_replicas = true;
    out->manager.fence = true;
    out->manager.verify = true;
    out->applier = APPLIER_FREE;
    const struct raw_manager *m = raw->manager;
    if (m == NULL)
        return true;
    if (m->promote != NULL) {
        if (alone)
            return yaml_source_error(src, "manager.promote?", "there is no replica to promote");
        out->manager.promote = (enum promote) * m->promote;
    }
    if (m->on_primary_loss != NULL) {
        assert(m->on_primary_loss_count >= 1 && m->on_primary_loss_count <= LOSS_PLANS_MAX);
        out->manager.n_on_loss = m->on_primary_loss_count;
        for (uint32_t i = 0; i < out->manager.n_on_loss; i++) {
            out->manager.on_loss[i] = (enum loss_plan)m->on_primary_loss[i];
            char where[WHERE_MAX];
            snprintf(where, sizeof where, "manager.on_primary_loss[%u]", i);
            if (alone && out->manager.on_loss[i] != ON_LOSS_RESTART)
                return yaml_source_error(src, where, "%s needs a replica; the cluster has none",
                                         out->manager.on_loss[i] == ON_LOSS_FAILOVER ? "failover"
                                                                                     : "demote");
            if (out->manager.on_loss[i] == ON_LOSS_DEMOTE && !all_start_read_only(out))
                return yaml_source_error(src, where,
                                         "demote needs recovery: read-only; a server that serves "
                                         "at once is not asked");
        }
    }
    if (m->fence != NULL)
        out->manager.fence = *m->fence;
    if (m->verify != NULL)
        out->manager.verify = *m->verify;
    if (m->old_primary != NULL)
        out->manager.rejoin = *m->old_primary != 0;
    if (m->restart_replicas != NULL)
        out->restart_replicas = *m->restart_replicas;
    if (m->applier != NULL)
        out->applier = (enum applier_pace) * m->applier;
    return true;
}

static bool fill_bounds(struct yaml_source *src, const struct raw_scenario *raw,
                        struct scenario *out)
{
    const struct raw_bounds *b = raw->bounds;
    if (b == NULL)
        return true;
    if (b->states != NULL && *b->states == 0)
        return yaml_source_error(src, "bounds.states",
                                 "a bound is at least 1; leave the key out for "
                                 "the driver's own");
    if (b->steps != NULL && *b->steps == 0)
        return yaml_source_error(src, "bounds.steps",
                                 "a bound is at least 1; leave the key out for "
                                 "the driver's own");
    out->max_states = b->states != NULL ? *b->states : 0;
    out->max_steps = b->steps != NULL ? *b->steps : 0;
    return true;
}

/* ---- what must come out --------------------------------------------------------------------- */

static bool ignores_errors(const struct server_settings *set)
{
    return settings_binlog_error(set) == BINLOG_ERROR_IGNORE;
}

static bool asks_per_member(const struct server_settings *set)
{
    return set->semi_sync_master && settings_group_wait(set) == GROUP_WAIT_EACH;
}

static bool asks_per_group(const struct server_settings *set)
{
    return set->semi_sync_master && settings_group_wait(set) == GROUP_WAIT_LAST;
}

static bool any_server(const struct scenario *s, bool (*is)(const struct server_settings *set))
{
    bool any = false;
    for (uint32_t n = 0; n < s->n_nodes; n++)
        any |= is(&s->node[n]);
    return any;
}

static bool times_out(const struct server_settings *set)
{
    return set->semi_sync_master && set->semi_sync_timeout_ms != 0;
}

static bool rotates(const struct server_settings *set)
{
    return set->max_binlog_size != 0;
}

/* A condition that no server of the cluster is set up for. */
static const char *not_set_up(const struct scenario *s, enum reach r)
{
    switch (r) {
    case REACH_TIMEOUT:
        return any_server(s, times_out) ? NULL : "no primary has a finite timeout";
    case REACH_ROTATED:
    case REACH_CRASH_ROTATING:
        return s->large > 0 || any_server(s, rotates) ? NULL : "no server has a max_binlog_size";
    case REACH_DDL_NOT_AWAITED:
        return s->ddl > 0 && any_server(s, rotates) ? NULL : "it needs DDL and a max_binlog_size";
    case REACH_ACK_PER_MEMBER:
        return any_server(s, asks_per_member) ? NULL : "no server has ack: commit";
    case REACH_ACK_PER_GROUP:
        return any_server(s, asks_per_group) ? NULL : "no server has ack: group";
    default:
        return NULL;
    }
}

/* Some conditions only an operator can meet. */
static bool needs_operator(const struct scenario *s, enum reach r)
{
    for (uint32_t i = 0; i < s->n_operators; i++) {
        if (operator_act_reaches(s->operator[i].act, r))
            return false;
    }
    for (uint32_t a = 0; a < OPERATOR_ACTS; a++) {
        if (operator_act_reaches((enum operator_act)a, r))
            return true;
    }
    return false;
}

/* A condition that names a fault which the scenario does not admit can never be met. */
static const char *impossible(const struct scenario *s, enum reach r)
{
    bool primary = false, replica = false, power = false, lie = false, partition = false;
    bool disk = false;
    for (uint32_t i = 0; i < s->n_faults; i++) {
        const struct fault_budget *f = &s->fault[i];
        /* A server ends itself when its redo log, or a log at its start, cannot be written. */
        bool crash = f->point == FAULT_NODE_KILL || f->point == FAULT_NODE_POWER ||
                     f->point == FAULT_FSYNC_FAIL || f->point == FAULT_WRITE_FAIL;
        primary |= crash && (f->of & OF_PRIMARY) != 0;
        replica |= crash && (f->of & OF_REPLICA) != 0;
        power |= f->point == FAULT_NODE_POWER;
        lie |= f->point == FAULT_FSYNC_LIE;
        partition |= f->point == FAULT_NET_PARTITION;
        disk |= f->point == FAULT_FSYNC_FAIL || f->point == FAULT_WRITE_FAIL;
    }
    if (needs_operator(s, r))
        return "no operator does that";
    switch (r) {
    case REACH_PRIMARY_CRASH:
        return primary || replica ? NULL : "no fault crashes a node";
    case REACH_REPLICA_CRASH:
        return primary || replica ? NULL : "no fault crashes a node";
    case REACH_POWER_UNSYNCED_LOST:
        return power ? NULL : "no node/power is admitted";
    case REACH_POWER_TORN:
    case REACH_STREAM_TORN:
        return power && s->device.tear ? NULL : "it needs node/power and disk.tear";
    case REACH_FSYNC_LIED:
        return lie ? NULL : "no disk/fsync/lie is admitted";
    case REACH_PARTITION:
    case REACH_OK_WHILE_PARTITIONED:
        return partition ? NULL : "no net/partition is admitted";
    case REACH_BINLOG_ERROR:
        return disk ? NULL : "no disk/fsync/fail and no disk/write/fail is admitted";
    case REACH_BINLOG_CLOSED:
        return disk && any_server(s, ignores_errors)
                   ? NULL
                   : "it needs binlog_error_action: IGNORE_ERROR and a disk fault";
    case REACH_ROTATED:
    case REACH_CRASH_ROTATING:
    case REACH_CHECKPOINT:
        for (uint32_t i = 0; i < s->n_operators; i++) {
            if (s->operator[i].act == OPERATOR_FLUSH_LOGS)
                return NULL;
        }
        for (uint32_t n = 0; n < s->n_nodes; n++) {
            if (s->node[n].max_binlog_size != 0)
                return NULL;
        }
        if (s->large > 0)
            return NULL;
        return "no server has a max_binlog_size, no operator does flush-logs";
    case REACH_GROUP_OF_TWO:
    case REACH_TWO_GROUPS:
        return s->sessions >= 2 && s->transactions >= 2 ? NULL : "it needs two sessions";
    default:
        return not_set_up(s, r);
    }
}

static bool fill_reach(struct yaml_source *src, const struct raw_scenario *raw,
                       struct scenario *out)
{
    for (uint32_t i = 0; i < raw->reach_count; i++) {
        char where[WHERE_MAX];
        snprintf(where, sizeof where, "reach[%u]", i);
        enum reach r = reach_find(raw->reach[i]);
        if (r == REACHES)
            return yaml_source_error(src, where,
                                     "there is no condition '%s'; scenarios/README.md "
                                     "lists them",
                                     raw->reach[i]);
        if ((out->reach >> r & 1) != 0)
            return yaml_source_error(src, where, "'%s' is listed twice", raw->reach[i]);
        const char *why = impossible(out, r);
        if (why != NULL)
            return yaml_source_error(src, where, "'%s' can never happen here: %s", raw->reach[i],
                                     why);
        out->reach |= (reach_mask)1 << r;
    }
    return true;
}

bool scenario_fill(struct yaml_source *src, const struct raw_scenario *raw, struct scenario *out)
{
    assert(out->n_nodes >= 1 && out->n_nodes <= NODES_MAX);
    if (!fill_texts(src, raw, out) || !fill_workload(src, raw, out))
        return false;
    assert(raw->faults_count <= SCENARIO_FAULTS_MAX);
    for (uint32_t i = 0; i < raw->faults_count; i++) {
        if (!fill_fault(src, &raw->faults[i], i, out))
            return false;
    }
    out->n_faults = raw->faults_count;
    assert(raw->operator_count <= SCENARIO_OPERATORS_MAX);
    for (uint32_t i = 0; i < raw->operator_count; i++) {
        if (!fill_operator(src, &raw->operator[i], i, out))
            return false;
    }
    out->n_operators = raw->operator_count;
    if (!fill_manager(src, raw, out) || !fill_bounds(src, raw, out) || !fill_reach(src, raw, out))
        return false;
    for (uint32_t i = 0; raw->expect != NULL && i < INVARIANTS; i++) {
        if (raw->expect->of[i] != NULL)
            out->expect[i] = (enum expectation) * raw->expect->of[i];
    }
    return true;
}

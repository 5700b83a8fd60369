/* Fills the structs of scenario_yaml.h and has libcyaml write them by the tables that the loader
 * reads by, so that a word or key cannot be spelt in two ways. */
#include "sim/scenario_write.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sim/scenario_yaml.h"

enum { TIMEOUT_TEXT_MAX = 24 };

/* Everything that the pointers of the raw structs point at. */
struct server_room {
    struct raw_receiver receiver;
    uint32_t server_id, domain_id, sync_binlog, flush, sync_relay_log, max_binlog_size,
        first_binlog;
    uint32_t wait_point, relay_log, recovery, role, sent_error, binlog_engine, ack, sync;
    uint32_t ack_of, binlog_error;
    uint32_t wait_count;
    bool by_leader, handler, buffered, crc, semi_sync, wait_no_slave;
    char timeout[TIMEOUT_TEXT_MAX];
};
struct room {
    struct scenario s; /* libcyaml takes texts as char *; this copy is ours */
    struct raw_scenario raw;
    struct raw_cluster cluster;
    struct raw_server server[NODES_MAX];
    struct server_room of[NODES_MAX];
    struct raw_workload workload;
    struct raw_disk disk;
    struct raw_fault fault[SCENARIO_FAULTS_MAX];
    uint32_t fault_of[SCENARIO_FAULTS_MAX], fault_file[SCENARIO_FAULTS_MAX];
    struct raw_operator operator[SCENARIO_OPERATORS_MAX];
    uint32_t operator_of[SCENARIO_OPERATORS_MAX];
    struct raw_manager manager;
    uint32_t promote, applier, old_primary, on_loss[LOSS_PLANS_MAX];
    struct raw_finding finding;
    struct raw_bounds bounds;
    struct raw_expect expect;
    uint32_t expected[INVARIANTS];
    char *source[SCENARIO_SOURCES_MAX];
    char *reach[REACHES];
};

/* The text is not written to: libcyaml has no const in its structs. */
static char *text(const char *t)
{
    return (char *)(uintptr_t)t;
}

static void write_receiver(const struct receiver_profile *p, struct raw_server *raw,
                           struct server_room *room)
{
    raw->receiver = &room->receiver;
    if (receiver_profile_find(p->name) == p) {
        room->receiver.profile = text(p->name);
        return;
    }
    room->ack = p->ack;
    room->sync = p->sync;
    room->handler = p->handler;
    room->buffered = p->buffered;
    room->crc = p->verify_crc_before_ack;
    room->receiver = (struct raw_receiver){.ack = &room->ack,
                                           .sync = &room->sync,
                                           .handler = &room->handler,
                                           .buffered = &room->buffered,
                                           .verify_crc_before_ack = &room->crc};
}

/* What only one kind of server knows. */
static void write_kind(const struct server_settings *set, struct raw_server *raw,
                       struct server_room *room)
{
    bool mysql = set->profile->binlog_error != BINLOG_ERROR_ROLLBACK;
    room->ack_of = settings_group_wait(set);
    room->binlog_error = settings_binlog_error(set);
    room->by_leader = set->commit_order == ORDER_BY_LEADER;
    raw->ack = &room->ack_of;
    raw->binlog_error_action = mysql ? &room->binlog_error : NULL;
    raw->binlog_order_commits = mysql ? &room->by_leader : NULL;
    raw->binlog_optimize_thread_scheduling = mysql ? NULL : &room->by_leader;
}

static void write_server(const struct server_settings *set, struct raw_server *raw,
                         struct server_room *room)
{
    assert(set->semi_sync_master == set->semi_sync_slave);
    if (set->semi_sync_timeout_ms == 0)
        snprintf(room->timeout, sizeof room->timeout, "infinite");
    else
        snprintf(room->timeout, sizeof room->timeout, "%ums", set->semi_sync_timeout_ms);
    room->server_id = set->server_id;
    room->domain_id = set->domain_id;
    room->sync_binlog = set->sync_binlog;
    room->flush = set->flush_log_at_trx_commit;
    room->sync_relay_log = set->sync_relay_log;
    room->max_binlog_size = set->max_binlog_size;
    room->first_binlog = set->first_binlog;
    room->wait_point = set->wait_point;
    room->relay_log = set->relay_restart;
    room->recovery = set->recovery;
    room->role = set->init_rpl_role;
    room->sent_error = set->sent_error;
    room->binlog_engine = set->engine_binlog;
    room->semi_sync = set->semi_sync_master;
    room->wait_no_slave = set->wait_no_slave;
    room->wait_count = set->wait_for_slave_count;
    *raw = (struct raw_server){.profile = text(set->profile->name),
                               .server_id = &room->server_id,
                               .domain_id = &room->domain_id,
                               .sync_binlog = &room->sync_binlog,
                               .flush_log_at_trx_commit = &room->flush,
                               .sync_relay_log = &room->sync_relay_log,
                               .max_binlog_size = &room->max_binlog_size,
                               .first_binlog = &room->first_binlog,
                               .timeout = room->timeout,
                               .wait_point = &room->wait_point,
                               .relay_log = &room->relay_log,
                               .recovery = &room->recovery,
                               .init_rpl_role = &room->role,
                               .sent_error = &room->sent_error,
                               .binlog_engine = &room->binlog_engine,
                               .semi_sync = &room->semi_sync,
                               .wait_no_slave = &room->wait_no_slave};
    if (set->profile->semisync.ack_count != ACK_COUNT_ONE) /* others refuse the key */
        raw->wait_for_slave_count = &room->wait_count;
    write_kind(set, raw, room);
    write_receiver(set->receiver, raw, room);
}

static void write_cluster(struct room *r)
{
    struct scenario *s = &r->s;
    assert(s->n_nodes >= 1 && s->n_nodes <= NODES_MAX);
    for (uint32_t n = 0; n < s->n_nodes; n++)
        write_server(&s->node[n], &r->server[n], &r->of[n]);
    r->cluster.primary = &r->server[0];
    if (s->n_nodes > 1) {
        r->cluster.replicas = &r->server[1];
        r->cluster.replicas_count = s->n_nodes - 1;
    }
    r->raw.cluster = &r->cluster;
    r->workload =
        (struct raw_workload){&s->sessions, &s->transactions, &s->large, &s->ddl, &s->plain};
    r->raw.workload = &r->workload;
    r->disk = (struct raw_disk){&s->device.reorder, &s->device.tear};
    r->raw.disk = &r->disk;
}

static void write_faults(struct room *r)
{
    struct scenario *s = &r->s;
    assert(s->n_faults <= SCENARIO_FAULTS_MAX);
    for (uint32_t i = 0; i < s->n_faults; i++) {
        struct fault_budget *f = &s->fault[i];
        r->fault_of[i] = (uint32_t)f->of;
        r->fault_file[i] = (uint32_t)f->file;
        r->fault[i] = (struct raw_fault){.point = text(fault_point_name(f->point)),
                                         .of = &r->fault_of[i],
                                         .at_most = &f->at_most,
                                         .file = f->file != FILE_NONE ? &r->fault_file[i] : NULL};
    }
    if (s->n_faults > 0) {
        r->raw.faults = r->fault;
        r->raw.faults_count = s->n_faults;
    }
}

static void write_operators(struct room *r)
{
    struct scenario *s = &r->s;
    assert(s->n_operators <= SCENARIO_OPERATORS_MAX);
    for (uint32_t i = 0; i < s->n_operators; i++) {
        struct operator_budget *o = &s->operator[i];
        r->operator_of[i] = (uint32_t)o->of;
        r->operator[i] =(struct raw_operator){.what = text(operator_act_name(o->act)),
                                              .of = &r->operator_of[i],
                                              .at_most = &o->at_most};
    }
    if (s->n_operators > 0) {
        r->raw.operator= r->operator;
        r->raw.operator_count = s->n_operators;
    }
}

static void write_manager(struct room *r)
{
    struct scenario *s = &r->s;
    assert(s->manager.n_on_loss >= 1 && s->manager.n_on_loss <= LOSS_PLANS_MAX);
    r->promote = s->manager.promote;
    r->applier = s->applier;
    r->old_primary = s->manager.rejoin;
    for (uint32_t i = 0; i < s->manager.n_on_loss; i++)
        r->on_loss[i] = s->manager.on_loss[i];
    r->manager = (struct raw_manager){
        .promote = s->n_nodes > 1 ? &r->promote : NULL, /* alone, the key is refused */
        .applier = &r->applier,
        .on_primary_loss = r->on_loss,
        .on_primary_loss_count = s->manager.n_on_loss,
        .fence = &s->manager.fence,
        .verify = &s->manager.verify,
        .old_primary = &r->old_primary,
        .restart_replicas = &s->restart_replicas,
    };
    r->raw.manager = &r->manager;
}

static void write_rest(struct room *r)
{
    struct scenario *s = &r->s;
    if (s->max_states != 0 || s->max_steps != 0) {
        r->bounds.states = s->max_states != 0 ? &s->max_states : NULL;
        r->bounds.steps = s->max_steps != 0 ? &s->max_steps : NULL;
        r->raw.bounds = &r->bounds;
    }
    for (uint32_t i = 0; i < s->n_sources; i++)
        r->source[i] = s->source[i];
    r->raw.source = s->n_sources > 0 ? r->source : NULL;
    r->raw.source_count = s->n_sources;
    if (s->finding.id[0] != '\0') {
        r->finding = (struct raw_finding){
            .id = s->finding.id,
            .what = s->finding.what,
            .server = s->finding.server[0] != '\0' ? s->finding.server : NULL,
        };
        r->raw.finding = &r->finding;
    }
    for (uint32_t i = 0; i < REACHES; i++) {
        if ((s->reach >> i & 1) != 0)
            r->reach[r->raw.reach_count++] = text(reach_name((enum reach)i));
    }
    r->raw.reach = r->raw.reach_count > 0 ? r->reach : NULL;
    bool any = false;
    for (uint32_t i = 0; i < INVARIANTS; i++) {
        r->expected[i] = s->expect[i];
        r->expect.of[i] = s->expect[i] != EXPECT_NONE ? &r->expected[i] : NULL;
        any = any || s->expect[i] != EXPECT_NONE;
    }
    r->raw.expect = any ? &r->expect : NULL;
}

static void write_comment(FILE *out, const char *comment)
{
    while (comment != NULL && *comment != '\0') {
        size_t len = strcspn(comment, "\n");
        fprintf(out, "# %.*s\n", (int)len, comment);
        comment += len + (comment[len] == '\n');
    }
}

bool scenario_save(const struct scenario *s, const char *path, const char *comment, FILE *err)
{
    assert(s != NULL && path != NULL && err != NULL);
    assert(s->name[0] != '\0' && s->title[0] != '\0');
    static const cyaml_config_t config = {
        .log_fn = NULL, .mem_fn = cyaml_mem, .flags = CYAML_CFG_STYLE_BLOCK};
    struct room *r = calloc(1, sizeof *r);
    char *yaml = NULL;
    size_t len = 0;
    bool ok = false;
    if (r != NULL) {
        r->s = *s;
        r->raw = (struct raw_scenario){.version = 1,
                                       .name = r->s.name,
                                       .title = r->s.title,
                                       .story = r->s.story[0] != '\0' ? r->s.story : NULL};
        write_cluster(r);
        write_faults(r);
        write_operators(r);
        write_manager(r);
        write_rest(r);
        ok = cyaml_save_data(&yaml, &len, &config, scenario_yaml_schema(), &r->raw, 0) == CYAML_OK;
    }
    errno = ok ? 0 : ENOMEM; /* nothing else is left to go wrong in there */
    FILE *out = ok ? fopen(path, "w") : NULL;
    if (out != NULL) {
        write_comment(out, comment);
        ok = fwrite(yaml, 1, len, out) == len;
        ok = fclose(out) == 0 && ok;
    }
    ok = ok && out != NULL;
    if (!ok)
        fprintf(err, "%s: error: %s\n", path, errno != 0 ? strerror(errno) : "not written");
    free(yaml);
    free(r);
    return ok;
}

/* load(write(x)) == x, for every scenario of the tree and for one with all that these leave out. */
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "sim/scenario_write.h"

static char path[] = "/tmp/ackproof-scenario-XXXXXX";

static int setup(void **state)
{
    (void)state;
    int fd = mkstemp(path);
    return fd >= 0 ? close(fd) : -1;
}

static int teardown(void **state)
{
    (void)state;
    return unlink(path);
}

static void same_server(const struct server_settings *a, const struct server_settings *b)
{
    assert_ptr_equal(a->profile, b->profile);
    assert_ptr_equal(a->receiver, b->receiver); /* a custom one is a row of a table too */
    assert_int_equal(a->server_id, b->server_id);
    assert_int_equal(a->domain_id, b->domain_id);
    assert_int_equal(a->sync_binlog, b->sync_binlog);
    assert_int_equal(a->flush_log_at_trx_commit, b->flush_log_at_trx_commit);
    assert_int_equal(a->sync_relay_log, b->sync_relay_log);
    assert_int_equal(a->max_binlog_size, b->max_binlog_size);
    assert_int_equal(a->semi_sync_timeout_ms, b->semi_sync_timeout_ms);
    assert_int_equal(a->wait_point, b->wait_point);
    assert_int_equal(a->relay_restart, b->relay_restart);
    assert_int_equal(a->recovery, b->recovery);
    assert_int_equal(a->init_rpl_role, b->init_rpl_role);
    assert_int_equal(a->sent_error, b->sent_error);
    assert_int_equal(a->engine_binlog, b->engine_binlog);
    assert_int_equal(settings_group_wait(a), settings_group_wait(b));
    assert_int_equal(settings_binlog_error(a), settings_binlog_error(b));
    assert_int_equal(a->commit_order, b->commit_order);
    assert_int_equal(a->semi_sync_master, b->semi_sync_master);
    assert_int_equal(a->semi_sync_slave, b->semi_sync_slave);
    assert_int_equal(a->wait_no_slave, b->wait_no_slave);
    assert_int_equal(a->wait_for_slave_count, b->wait_for_slave_count);
}

static void same(const struct scenario *a, const struct scenario *b)
{
    assert_string_equal(a->name, b->name);
    assert_string_equal(a->title, b->title);
    assert_string_equal(a->story, b->story);
    assert_int_equal(a->n_sources, b->n_sources);
    for (uint32_t i = 0; i < a->n_sources; i++)
        assert_string_equal(a->source[i], b->source[i]);
    assert_string_equal(a->finding.id, b->finding.id);
    assert_string_equal(a->finding.what, b->finding.what);
    assert_string_equal(a->finding.server, b->finding.server);
    assert_int_equal(a->n_nodes, b->n_nodes);
    for (uint32_t i = 0; i < a->n_nodes; i++)
        same_server(&a->node[i], &b->node[i]);
    assert_int_equal(a->device.reorder, b->device.reorder);
    assert_int_equal(a->device.tear, b->device.tear);
    assert_int_equal(a->sessions, b->sessions);
    assert_int_equal(a->large, b->large);
    assert_int_equal(a->ddl, b->ddl);
    assert_int_equal(a->plain, b->plain);
    assert_int_equal(a->transactions, b->transactions);
    assert_int_equal(a->n_faults, b->n_faults);
    assert_memory_equal(a->fault, b->fault, a->n_faults * sizeof a->fault[0]);
    assert_int_equal(a->n_operators, b->n_operators);
    assert_memory_equal(a->operator, b->operator, a->n_operators * sizeof a->operator[0]);
    assert_int_equal(a->manager.promote, b->manager.promote);
    assert_int_equal(a->manager.n_on_loss, b->manager.n_on_loss);
    assert_memory_equal(a->manager.on_loss, b->manager.on_loss, sizeof a->manager.on_loss);
    assert_int_equal(a->manager.fence, b->manager.fence);
    assert_int_equal(a->manager.rejoin, b->manager.rejoin);
    assert_int_equal(a->manager.verify, b->manager.verify);
    assert_int_equal(a->restart_replicas, b->restart_replicas);
    assert_int_equal(a->applier, b->applier);
    assert_true(a->max_states == b->max_states);
    assert_int_equal(a->max_steps, b->max_steps);
    assert_true(a->reach == b->reach);
    assert_memory_equal(a->expect, b->expect, sizeof a->expect);
}

static void there_and_back(const char *file)
{
    struct scenario first, second;
    if (!scenario_load(file, &first, stderr))
        fail_msg("%s", file);
    assert_true(scenario_save(&first, path, "a note\nof two lines", stderr));
    if (!scenario_load(path, &second, stderr))
        fail_msg("%s, as written", file);
    same(&first, &second);
}

static void every_scenario(void **state)
{
    (void)state;
    glob_t files;
    assert_int_equal(glob("scenarios/[0-9]*.yaml", 0, NULL, &files), 0);
    assert_true(files.gl_pathc > 30);
    for (size_t i = 0; i < files.gl_pathc; i++)
        there_and_back(files.gl_pathv[i]);
    globfree(&files);
}

static void everything_else(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "version: 1\nname: '12'\ntitle: \"yes: #1 'q' \\\"d\\\"\"\n"
        "story: \"two\\nlines, \\u00e4 and a tab\\t\\x01, [x] {y}\"\nsource: ['1.0', 'no', '~']\n"
        "finding: {id: '7', what: \"it: 'so'\", server: '~'}\n"
        "cluster:\n"
        "  primary: {profile: mariadb-11.8, wait_point: AFTER_COMMIT, timeout: 1500ms,\n"
        "            sync_binlog: 0, innodb_flush_log_at_trx_commit: 2, recovery: read-only,\n"
        "            wait_no_slave: off, server_id: 4294967295, domain_id: 3}\n"
        "  replicas:\n"
        "    - {receiver: {buffered: yes, sync: never, verify_crc_before_ack: no}}\n"
        "    - {semi_sync: off, wait_point: AFTER_SYNC, sync_relay_log: 0x10, max_binlog_size: "
        "700, relay_log: purge,\n"
        "       recovery: serve, init_rpl_role: SLAVE}\n"
        "workload: {sessions: 3, transactions: 4, ddl: 2}\ndisk: {reorder: true, tear: on}\n"
        "faults: [{point: disk/fsync/lie, of: replica, at_most: 2, file: relay},\n"
        "         {point: node/power}, {point: net/partition}, {point: net/reset, at_most: 100}]\n"
        "operator: [{do: kill-session}, {do: stop-slave, of: any, at_most: 3}]\n"
        "manager: {promote: any, on_primary_loss: [restart, failover], fence: false,\n"
        "          verify: off, restart_replicas: no, applier: at-promotion}\n"
        "bounds: {states: 5000000000, steps: 300}\n"
        "reach: [promotion, ACK in flight at the crash]\n"
        "expect: {NOLOSS: holds, SANE: breaks}\n",
        "version: 1\nname: count\ncluster: {primary: {profile: mysql-8.0, wait_for_slave_count: "
        "2}, replicas: [{}, {profile: mysql-5.7, wait_for_slave_count: 3}]}\n",
        "version: 1\nname: large\ncluster: {primary: {profile: mariadb-11.8}}\n"
        "workload: {transactions: 5, large: 2, ddl: 3}\n",
        "version: 1\nname: alone\nfinding: {id: A1, what: x}\ncluster: {primary: {semi_sync: "
        "off}}\n",
        "version: 1\nname: kinds\ncluster:\n"
        "  primary: {profile: mysql-5.7, binlog_error_action: IGNORE_ERROR,\n"
        "            binlog_order_commits: off}\n"
        "  replicas: [{profile: mysql-8.0, binlog_order_commits: on}, {profile: mysql-8.0},\n"
        "             {binlog_optimize_thread_scheduling: no, ack: group}]\n",
        "version: 1\nname: before\ncluster:\n"
        "  primary: {wait_point: BEFORE_WRITE, write_error_after_send: roll-back,\n"
        "            recovery: read-only}\n  replicas: [{write_error_after_send: abort}]\n"
        "manager: {on_primary_loss: [restart, demote]}\n",
        "version: 1\nname: inside\ncluster:\n"
        "  primary: {profile: mariadb-12.3, binlog_storage_engine: innodb,\n"
        "            wait_point: AFTER_COMMIT}\n  replicas: [{profile: mariadb-12.3}]\n"
        "workload: {transactions: 3, large: 2}\n"
        "faults: [{point: disk/fsync/lie, file: ibb}]\n",
    };
    char file[] = "/tmp/ackproof-scenario-XXXXXX";
    int fd = mkstemp(file);
    assert_true(fd >= 0);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        ssize_t len = (ssize_t)strlen(texts[i]);
        assert_int_equal(ftruncate(fd, 0), 0);
        assert_int_equal(pwrite(fd, texts[i], (size_t)len, 0), len);
        there_and_back(file);
    }
    close(fd);
    unlink(file);
}

static void a_path_that_cannot_be(void **state)
{
    (void)state;
    struct scenario s;
    assert_true(scenario_load("scenarios/02-after-sync.yaml", &s, stderr));
    char said[128] = "";
    FILE *err = fmemopen(said, sizeof said, "w");
    assert_false(scenario_save(&s, "no/such/dir/x.yaml", NULL, err));
    fclose(err);
    assert_string_equal(said, "no/such/dir/x.yaml: error: No such file or directory\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_scenario),
        cmocka_unit_test(everything_else),
        cmocka_unit_test(a_path_that_cannot_be),
    };
    return cmocka_run_group_tests(tests, setup, teardown) != 0;
}

/* Every kind of error of a scenario file, with its exact place and text, and what a file without
 * one fills in. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "sim/test_scenario.h"

static void grammar(void **state)
{
    (void)state;
    static const struct try t[] = {
        {"", ":1:1: error: the file is empty\n\n^\n"},
        {"# nothing\n", ":1:1: error: the file is empty\n# nothing\n^\n"},
        {"version: 1\n  name: x\n", ":2:7: error: mapping values are not allowed in this context\n"
                                    "  name: x\n      ^\n"},
        {"version: 1\nname: [x\n", ":3:1: error: did not find expected ',' or ']', while parsing a "
                                   "flow sequence (line 2)\n\n^\n"},
        {"version: 1\nname: \xff\n",
         ":2:7: error: invalid leading UTF-8 octet\nname: \xff\n      ^\n"},
        {"version: 1\nname: &n x\ntitle: *n\n",
         ":3:8: error: aliases are not supported; write the value out\ntitle: *n\n       ^\n"},
        {PAIR "---\nversion: 1\n", ":4:1: error: a second document; one file holds one\n---\n^\n"},
        {"[[[[[[[[[[[[[[[[[x", ":1:17: error: nested too deep\n"
                               "[[[[[[[[[[[[[[[[[x\n                ^\n"},
        {"- a\n", ":1:1: error: the file wants a mapping (key: value), not a list\n- a\n^\n"},
        {"a", ":1:1: error: the file wants a mapping (key: value), not a single value\na\n^\n"},
    };
    RUN(t);
}

static void keys_and_types(void **state)
{
    (void)state;
    static const struct try t[] = {
        {"version: 1\nname: x\n", ":1:1: error: key 'cluster' is missing in the file\n"
                                  "version: 1\n^\n"},
        {"name: x\ncluster: {}\n",
         ":1:1: error: key 'version' is missing in the file\nname: x\n^\n"},
        {PAIR "name: y\n", ":4:1: error: key 'name' is there twice\nname: y\n^\n"},
        {PAIR "finding: {id: A1}\n", ":4:10: error: key 'what' is missing in finding\n"
                                     "finding: {id: A1}\n         ^\n"},
        {PAIR "[a]: y\n", ":4:1: error: a key of the file must be a word\n[a]: y\n^\n"},
        {PAIR "workload: {session: 2}\n",
         ":4:12: error: unknown key 'session' in workload; allowed: "
         "sessions, transactions, large, ddl, non_transactional\n"
         "workload: {session: 2}\n           ^\n"},
        {P("\xc3\xa4: 1"),
         ":3:21: error: unknown key '\xc3\xa4' in primary; allowed: profile, "
         "receiver, server_id, domain_id, sync_binlog, "
         "innodb_flush_log_at_trx_commit, sync_relay_log, max_binlog_size, first_binlog, "
         "relay_log, semi_sync, wait_point, timeout, wait_no_slave, "
         "wait_for_slave_count, recovery, init_rpl_role, "
         "binlog_storage_engine, write_error_after_send, ack, binlog_error_action, "
         "binlog_order_commits, binlog_optimize_thread_scheduling\n"
         "cluster: {primary: {\xc3\xa4: 1}, replicas: [{}]}\n"
         "                    ^\n"},
        {PAIR "workload: {sessions: two}\n",
         ":4:22: error: sessions wants a whole number, not 'two'\n"
         "workload: {sessions: two}\n                     ^\n"},
        {PAIR "workload: {sessions: \"2\"}\n",
         ":4:22: error: sessions wants a whole number, not '2'\n"
         "workload: {sessions: \"2\"}\n                     ^\n"},
        {PAIR "workload: {sessions: -1}\n",
         ":4:22: error: sessions wants a whole number, not '-1'\n"
         "workload: {sessions: -1}\n                     ^\n"},
        {PAIR "workload: {sessions: 4294967296}\n",
         ":4:22: error: sessions is at most 4294967295\n"
         "workload: {sessions: 4294967296}\n                     ^\n"},
        {PAIR "workload: 2\n", ":4:11: error: workload wants a mapping (key: value), not a single "
                               "value\nworkload: 2\n          ^\n"},
        {PAIR "workload:\n",
         ":4:10: error: workload wants a mapping (key: value), not a single value\n"
         "workload:\n         ^\n"},
        {PAIR "title:\n", ":4:7: error: title has no value\ntitle:\n      ^\n"},
        {PAIR "title: ''\n", ":4:8: error: title is empty\ntitle: ''\n       ^\n"},
        {PAIR "title: [x]\n",
         ":4:8: error: title wants a single value, not a list\ntitle: [x]\n       ^\n"},
        {PAIR "source: MDEV-162\n",
         ":4:9: error: source wants a list ([a, b]), not a single value\n"
         "source: MDEV-162\n        ^\n"},
        {PAIR "source: [a, b, c, d, e, f, g]\n",
         ":4:28: error: source has 7 entries; at most 6 fit\n"
         "source: [a, b, c, d, e, f, g]\n                           ^\n"},
        {PAIR "manager: {on_primary_loss: []}\n",
         ":4:28: error: on_primary_loss wants at least 1 entries\n"
         "manager: {on_primary_loss: []}\n                           ^\n"},
        {PAIR "disk: {tear: 1}\n",
         ":4:14: error: tear wants true or false, not '1'\ndisk: {tear: 1}\n             ^\n"},
        {PAIR "faults: [{at_most: 1}]\n", ":4:10: error: key 'point' is missing in faults\n"
                                          "faults: [{at_most: 1}]\n         ^\n"},
    };
    RUN(t);
}

static void operators(void **state)
{
    (void)state;
    static const struct try t[] = {
        {PAIR "operator: [{do: reboot}]\n",
         ":4:17: error: operators do not 'reboot'; known: set-semi-sync-off, set-semi-sync-on, "
         "kill-session, kill-query, stop-slave, start-slave, flush-logs, shutdown, "
         "shutdown-wait-for-all-slaves, reset-master, purge-binlog\n"
         "operator: [{do: reboot}]\n                ^\n"},
        {PAIR "operator: [{do: kill-query}, {do: kill-query, of: any}]\n",
         ":4:30: error: this overlaps with operator[0]; give one budget for kill-query of the same "
         "node\noperator: [{do: kill-query}, {do: kill-query, of: any}]\n"
         "                             ^\n"},
        {ALONE "operator: [{do: stop-slave}]\n",
         ":4:17: error: stop-slave is done to a replica; the cluster has none\n"
         "operator: [{do: stop-slave}]\n                ^\n"},
        {P("wait_for_slave_count: 2"),
         ":3:43: error: mariadb-10.11 does not start: unknown variable "
         "'rpl_semi_sync_master_wait_for_slave_count' (MySQL 5.7 has it, and a preview of MariaDB "
         "12.1)\ncluster: {primary: {wait_for_slave_count: 2}, replicas: [{}]}\n"
         "                                          ^\n"},
        {PAIR "operator: [{do: kill-query, at_most: 0}]\n",
         ":4:38: error: at_most is 1 .. 100, not 0\n"
         "operator: [{do: kill-query, at_most: 0}]\n                                     ^\n"},
        {PAIR "operator: [{do: kill-query}]\nreach: [replica stopped by an operator]\n",
         ":5:9: error: 'replica stopped by an operator' can never happen here: no operator does "
         "that\nreach: [replica stopped by an operator]\n        ^\n"},
    };
    RUN(t);
}

static void words(void **state)
{
    (void)state;
    static const struct try t[] = {
        {P("wait_point: after_sync"),
         ":3:33: error: wait_point cannot be 'after_sync'; allowed: AFTER_COMMIT, AFTER_SYNC, "
         "BEFORE_WRITE\ncluster: {primary: {wait_point: after_sync}, replicas: [{}]}\n"
         "                                ^\n"},
        {HEAD "cluster:\n  primary:\n    wait_point: AFTER_SYNC\n      sync_binlog\n",
         ":5:17: error: wait_point cannot be 'AFTER_SYNC sync_binlog'; allowed: AFTER_COMMIT, "
         "AFTER_SYNC, BEFORE_WRITE (the value goes on over the next line; is that indented too "
         "far?)\n"
         "    wait_point: AFTER_SYNC\n                ^\n"},
        {HEAD "cluster:\n\tprimary: {}\n",
         ":4:1: error: found character that cannot start any token, "
         "while scanning for the next token (line 4)\n"
         "\tprimary: {}\n^\n"},
        {PAIR "expect: {NOLOSS: yes}\n", ":4:18: error: NOLOSS cannot be 'yes'; allowed: holds, "
                                         "breaks\nexpect: {NOLOSS: yes}\n                 ^\n"},
        {PAIR "expect: {NOLOS: holds}\n",
         ":4:10: error: unknown key 'NOLOS' in expect; allowed: NOLOSS, NOPHANTOM, NOAHEAD, AGREE, "
         "CONVERGE, ACKTRUE, LIVE, OBS, SANE\nexpect: {NOLOS: holds}\n         ^\n"},
        {PAIR "reach: [promotions]\n",
         ":4:9: error: there is no condition 'promotions'; scenarios/README.md lists them\n"
         "reach: [promotions]\n        ^\n"},
        {PAIR "reach: [promotion, promotion]\n", ":4:20: error: 'promotion' is listed twice\n"
                                                 "reach: [promotion, promotion]\n"
                                                 "                   ^\n"},
        {PAIR "faults: [{point: node/kil}]\n",
         ":4:18: error: there is no fault point 'node/kil'; known: node/kill, node/power, "
         "disk/fsync/lie, disk/fsync/fail, disk/write/fail, net/reset, net/partition\n"
         "faults: [{point: node/kil}]\n                 ^\n"},
        {P("profile: oracle"),
         ":3:30: error: there is no server profile 'oracle'; known: "
         "mariadb-10.11, mariadb-10.11.9, mariadb-11.8, "
         "mariadb-12.1-preview, mariadb-12.3, mysql-5.6, mysql-5.7, mysql-8.0, "
         "mysql-bug-44058, before-mdev-342, before-mdev-24526, before-mdev-181\n"
         "cluster: {primary: {profile: oracle}, replicas: [{}]}\n"
         "                             ^\n"},
        {R("receiver: {profile: mysqld}"),
         ":3:43: error: there is no receiver 'mysqld'; known: mariadbd, ackproof, libmariadb, "
         "go-mysql-channel, go-mysql-handler\n"
         "cluster: {replicas: [{receiver: {profile: mysqld}}]}\n"
         "                                          ^\n"},
        {P("timeout: 10"), ":3:30: error: timeout wants infinite or a number with its unit (10s, "
                           "500ms), not '10'\ncluster: {primary: {timeout: 10}, replicas: [{}]}\n"
                           "                             ^\n"},
        {"version: 1\nname: X\ncluster: {}\n",
         ":2:7: error: a name has a-z, 0-9 and - only; it names files\nname: X\n      ^\n"},
        {"version: 2\nname: x\ncluster: {}\n",
         ":1:10: error: version 2 is not known; this ackproof "
         "reads 1\nversion: 2\n         ^\n"},
    };
    RUN(t);
}

static void servers(void **state)
{
    (void)state;
    static const struct try t[] = {
        {P("timeout: 0s"),
         ":3:30: error: a timeout of 0 lets every commit go on as if semi-sync were "
         "off; say semi_sync: off if that is meant\n"
         "cluster: {primary: {timeout: 0s}, replicas: [{}]}\n"
         "                             ^\n"},
        {P("timeout: 4294968s"),
         ":3:30: error: a timeout is at most 4294967295 ms; infinite waits for good\n"
         "cluster: {primary: {timeout: 4294968s}, replicas: [{}]}\n"
         "                             ^\n"},
        {P("server_id: 0"),
         ":3:32: error: server_id 0 neither sends nor accepts replication; it is "
         "1 .. 4294967295\ncluster: {primary: {server_id: 0}, replicas: [{}]}\n"
         "                               ^\n"},
        {R("server_id: 1"), ":3:34: error: server_id 1 is that of node 0 too; a replica refuses a "
                            "primary with its own server id\n"
                            "cluster: {replicas: [{server_id: 1}]}\n"
                            "                                 ^\n"},
        {P("innodb_flush_log_at_trx_commit: 4"),
         ":3:53: error: innodb_flush_log_at_trx_commit is 0, 1, 2 or 3\n"
         "cluster: {primary: {innodb_flush_log_at_trx_commit: 4}, replicas: [{}]}\n"
         "                                                    ^\n"},
        {P("semi_sync: off, wait_point: BEFORE_WRITE"),
         ":3:49: error: BEFORE_WRITE sends a transaction to be ACKed before it is written; without "
         "semi_sync nothing would be written\n"
         "cluster: {primary: {semi_sync: off, wait_point: BEFORE_WRITE}, replicas: [{}]}\n"
         "                                                ^\n"},
        {P("semi_sync: off, recovery: wait-for-ack"),
         ":3:47: error: recovery: wait-for-ack needs semi_sync; nobody would ACK\n"
         "cluster: {primary: {semi_sync: off, recovery: wait-for-ack}, replicas: [{}]}\n"
         "                                              ^\n"},
        {P("profile: mysql-5.6, wait_point: AFTER_SYNC"),
         ":3:53: error: mysql-5.6 waits AFTER_COMMIT only; AFTER_SYNC came with MySQL 5.7.2 "
         "(WL#6355)\n"
         "cluster: {primary: {profile: mysql-5.6, wait_point: AFTER_SYNC}, replicas: [{}]}\n"
         "                                                    ^\n"},
        {P("profile: mysql-8.0, wait_point: BEFORE_WRITE"),
         ":3:53: error: mysql-8.0 has no BEFORE_WRITE; it is a proposal for MariaDB (MDEV-34705)\n"
         "cluster: {primary: {profile: mysql-8.0, wait_point: BEFORE_WRITE}, replicas: [{}]}\n"
         "                                                    ^\n"},
        {HEAD "cluster: {replicas: [{}, {}, {}, {}, {}, {}]}\n",
         ":3:42: error: replicas has 6 entries; at most 5 fit\n"
         "cluster: {replicas: [{}, {}, {}, {}, {}, {}]}\n"
         "                                         ^\n"},
    };
    RUN(t);
}

static void receivers(void **state)
{
    (void)state;
    static const struct try t[] = {
        {R("receiver: {handler: true, buffered: true}"),
         ":3:49: error: a receiver has a handler or a buffer, not both: two consumers of one "
         "stream "
         "would each see a part of it\n"
         "cluster: {replicas: [{receiver: {handler: true, buffered: true}}]}\n"
         "                                                ^\n"},
        {R("receiver: {handler: false}"),
         ":3:34: error: a receiver without a handler and without a buffer drops every event\n"
         "cluster: {replicas: [{receiver: {handler: false}}]}\n"
         "                                 ^\n"},
        {R("receiver: {ack: after-queue}"),
         ":3:39: error: ack: after-queue needs buffered: true; a handler has no queue\n"
         "cluster: {replicas: [{receiver: {ack: after-queue}}]}\n"
         "                                      ^\n"},
        {R("receiver: {buffered: true, ack: after-handle}"),
         ":3:55: error: ack: after-handle needs a handler; nobody tells a buffered receiver when "
         "its "
         "consumer is done\n"
         "cluster: {replicas: [{receiver: {buffered: true, ack: after-handle}}]}\n"
         "                                                      ^\n"},
        {R("receiver: {ack: before-handle, sync: before-ack}"),
         ":3:60: error: sync: before-ack needs ack: after-handle; the ACK has left before anything "
         "is "
         "handled\n"
         "cluster: {replicas: [{receiver: {ack: before-handle, sync: before-ack}}]}\n"
         "                                                           ^\n"},
        {R("receiver: {profile: mariadbd, buffered: true}"),
         ":3:53: error: profile mariadbd already says this; give a profile or describe the "
         "receiver, "
         "not both\n"
         "cluster: {replicas: [{receiver: {profile: mariadbd, buffered: true}}]}\n"
         "                                                    ^\n"},
        {R("receiver: {}"),
         ":3:33: error: receiver wants a profile, or ack, sync, handler, buffered\n"
         "cluster: {replicas: [{receiver: {}}]}\n"
         "                                ^\n"},
    };
    RUN(t);
}

static void cluster_wide(void **state)
{
    (void)state;
    static const struct try t[] = {
        {PAIR "workload: {sessions: 5}\n", ":4:22: error: sessions is 1 .. 4, not 5\n"
                                           "workload: {sessions: 5}\n                     ^\n"},
        {PAIR "workload: {transactions: 0}\n",
         ":4:26: error: transactions is 1 .. 15, not 0\n"
         "workload: {transactions: 0}\n                         ^\n"},
        {ALONE "faults: [{point: node/kill, of: replica}]\n",
         ":4:33: error: a fault of a node that does not exist: the cluster has no replica\n"
         "faults: [{point: node/kill, of: replica}]\n                                ^\n"},
        {ALONE "faults: [{point: net/reset}]\n",
         ":4:18: error: net/reset needs a replica; the cluster has none\n"
         "faults: [{point: net/reset}]\n                 ^\n"},
        {PAIR "faults: [{point: net/partition, of: replica}]\n",
         ":4:37: error: net/partition cuts the primary off; it is of: primary\n"
         "faults: [{point: net/partition, of: replica}]\n                                    ^\n"},
        {PAIR "faults: [{point: node/kill, file: relay}]\n",
         ":4:35: error: node/kill does not act on a file\n"
         "faults: [{point: node/kill, file: relay}]\n                                  ^\n"},
        {PAIR "faults: [{point: node/kill, at_most: 0}]\n",
         ":4:38: error: at_most is 1 .. 100, not 0\n"
         "faults: [{point: node/kill, at_most: 0}]\n                                     ^\n"},
        {PAIR "faults: [{point: node/kill}, {point: node/kill, of: replica}]\n",
         ":4:30: error: this overlaps with faults[0]; give one budget for node/kill of the same "
         "node\n"
         "faults: [{point: node/kill}, {point: node/kill, of: replica}]\n"
         "                             ^\n"},
        {ALONE "manager: {promote: any}\n", ":4:11: error: there is no replica to promote\n"
                                            "manager: {promote: any}\n          ^\n"},
        {ALONE "manager: {on_primary_loss: [restart, failover]}\n",
         ":4:38: error: failover needs a replica; the cluster has none\n"
         "manager: {on_primary_loss: [restart, failover]}\n"
         "                                     ^\n"},
        {PAIR "bounds: {states: 0}\n",
         ":4:18: error: a bound is at least 1; leave the key out for the "
         "driver's own\nbounds: {states: 0}\n                 ^\n"},
        {PAIR "reach: [partition]\n", ":4:9: error: 'partition' can never happen here: no "
                                      "net/partition is admitted\nreach: [partition]\n        ^\n"},
        {PAIR "reach:\n  - semi-sync timeout\n",
         ":5:5: error: 'semi-sync timeout' can never happen here: no primary has a finite timeout\n"
         "  - semi-sync timeout\n    ^\n"},
    };
    RUN(t);
}

static void tabs_and_control_bytes(void **state)
{
    (void)state;
    wants(PAIR "workload:\t{sessions: 9}\n", ":4:22: error: sessions is 1 .. 4, not 9\n"
                                             "workload:\t{sessions: 9}\n         \t           ^\n");
    wants(PAIR "expect: {NOLOSS: \"a\\e[1mb\"}\n",
          ":4:18: error: NOLOSS cannot be 'a?[1mb'; allowed: holds, breaks\n"
          "expect: {NOLOSS: \"a\\e[1mb\"}\n                 ^\n");
    wants(PAIR "disk: {tear: x}\r\n",
          ":4:14: error: tear wants true or false, not 'x'\ndisk: {tear: x}\n             ^\n");
}

static void unreadable(void **state)
{
    (void)state;
    struct scenario s;
    char text[256] = "";
    FILE *err = fmemopen(text, sizeof text, "w");
    assert_false(scenario_load("no/such.yaml", &s, err));
    fclose(err);
    assert_string_equal(text, "no/such.yaml: error: No such file or directory\n");
}

static void defaults(void **state)
{
    (void)state;
    struct scenario s = good(PAIR);
    assert_int_equal(s.n_nodes, 2);
    for (uint32_t n = 0; n < 2; n++) {
        const struct server_settings *set = &s.node[n];
        assert_string_equal(set->profile->name, "mariadb-10.11");
        assert_string_equal(set->receiver->name, "mariadbd");
        assert_int_equal(set->server_id, n + 1);
        assert_int_equal(set->domain_id, 0);
        assert_int_equal(set->sync_binlog, 1);
        assert_int_equal(set->flush_log_at_trx_commit, 1);
        assert_int_equal(set->sync_relay_log, 1);
        assert_int_equal(set->semi_sync_timeout_ms, 0);
        assert_int_equal(set->wait_point, WAIT_AFTER_SYNC);
        assert_int_equal(set->relay_restart, RELAY_KEEP);
        assert_int_equal(set->recovery, RECOVERY_SERVE);
        assert_true(set->semi_sync_master && set->semi_sync_slave && set->wait_no_slave);
    }
    assert_string_equal(s.title, "x");
    assert_int_equal(s.sessions, 2);
    assert_int_equal(s.transactions, 2);
    assert_false(s.device.reorder || s.device.tear);
    assert_int_equal(s.n_faults, 0);
    assert_int_equal(s.manager.promote, PROMOTE_MOST_ADVANCED);
    assert_int_equal(s.manager.n_on_loss, 1);
    assert_int_equal(s.manager.on_loss[0], ON_LOSS_FAILOVER);
    assert_true(s.restart_replicas && s.manager.fence && s.manager.verify);
    assert_int_equal(s.applier, APPLIER_FREE);
    assert_int_equal(s.max_states, 0);
    assert_int_equal(s.reach, 0);
    assert_int_equal(good(ALONE).manager.on_loss[0], ON_LOSS_RESTART);
}

static void everything(void **state)
{
    (void)state;
    struct scenario s = good(
        "version: 1\nname: full\ntitle: a title\nstory: a story\nsource: [MDEV-162, 'bug 1']\n"
        "cluster:\n"
        "  primary: {profile: mariadb-11.8, wait_point: AFTER_COMMIT, timeout: 10s, sync_binlog: "
        "0,\n"
        "            innodb_flush_log_at_trx_commit: 2, recovery: read-only, wait_no_slave: off,\n"
        "            server_id: 11, domain_id: 3}\n"
        "  replicas:\n"
        "    - {receiver: {buffered: yes, sync: never, verify_crc_before_ack: no}, relay_log: "
        "purge}\n"
        "    - {semi_sync: off, timeout: 500ms, wait_point: AFTER_SYNC, sync_relay_log: 0x10,\n"
        "       recovery: serve}\n"
        "workload: {sessions: 3, transactions: 4}\n"
        "disk: {reorder: true, tear: on}\n"
        "faults:\n"
        "  - {point: disk/fsync/lie, of: replica, at_most: 2, file: relay}\n"
        "  - {point: node/power}\n"
        "  - {point: net/partition}\n"
        "manager: {promote: any, on_primary_loss: [restart, failover], fence: false, verify: off,\n"
        "          restart_replicas: no, applier: at-promotion}\n"
        "bounds: {states: 5000000000, steps: 300}\n"
        "reach: [promotion, ACK in flight at the crash]\n"
        "expect: {NOLOSS: holds, SANE: breaks}\n");
    assert_string_equal(s.title, "a title");
    assert_string_equal(s.source[1], "bug 1");
    assert_int_equal(s.node[0].semi_sync_timeout_ms, 10000);
    assert_int_equal(s.node[0].domain_id, 3);
    assert_false(s.node[0].wait_no_slave);
    assert_int_equal(s.node[0].recovery, RECOVERY_READ_ONLY);
    /* inherited from the primary: what the replica would do in its place */
    assert_int_equal(s.node[1].wait_point, WAIT_AFTER_COMMIT);
    assert_int_equal(s.node[1].semi_sync_timeout_ms, 10000);
    assert_int_equal(s.node[1].recovery, RECOVERY_READ_ONLY);
    assert_false(s.node[1].wait_no_slave);
    /* not inherited */
    assert_string_equal(s.node[1].profile->name, "mariadb-10.11");
    assert_int_equal(s.node[1].sync_binlog, 1);
    assert_int_equal(s.node[1].server_id, 2);
    assert_int_equal(s.node[1].relay_restart, RELAY_PURGE);
    assert_string_equal(s.node[1].receiver->name, "custom");
    assert_true(s.node[1].receiver->buffered && !s.node[1].receiver->handler);
    assert_int_equal(s.node[1].receiver->ack, ACK_AFTER_QUEUE);
    assert_int_equal(s.node[1].receiver->sync, HANDLER_SYNC_NEVER);
    assert_false(s.node[1].receiver->verify_crc_before_ack);
    assert_false(s.node[2].semi_sync_master || s.node[2].semi_sync_slave);
    assert_int_equal(s.node[2].semi_sync_timeout_ms, 500);
    assert_int_equal(s.node[2].sync_relay_log, 16);
    assert_true(s.device.reorder && s.device.tear);
    assert_int_equal(s.manager.n_on_loss, 2);
    assert_int_equal(s.manager.on_loss[1], ON_LOSS_FAILOVER);
    assert_false(s.manager.fence || s.restart_replicas);
    assert_false(s.manager.verify);
    assert_int_equal(s.applier, APPLIER_AT_PROMOTION);
    assert_true(s.max_states == 5000000000u);
    assert_int_equal(s.max_steps, 300);
    assert_true(s.reach == (1ull << REACH_PROMOTION | 1ull << REACH_CRASH_ACK_IN_FLIGHT));
    assert_int_equal(s.expect[INV_NOLOSS], EXPECT_HOLDS);
    assert_int_equal(s.expect[INV_SANE], EXPECT_BREAKS);
    assert_int_equal(s.expect[INV_LIVE], EXPECT_NONE);
    /* budgets go by the role at the start */
    assert_int_equal(scenario_budget(&s, FAULT_FSYNC_LIE, 0), 0);
    assert_int_equal(scenario_budget(&s, FAULT_FSYNC_LIE, 2), 2);
    assert_int_equal(scenario_budget(&s, FAULT_NET_PARTITION, 1), 0);
    assert_int_equal(scenario_budget(&s, FAULT_NET_PARTITION, 0), 1);
    assert_true(scenario_admits_power(&s, 0) && scenario_admits_power(&s, 1));
    assert_int_equal(s.fault[0].file, FILE_RELAY);
}

/* The same text with one byte changed, cut or doubled must never do more than complain. */
static void damaged_files(void **state)
{
    (void)state;
    static const char text[] = P("wait_point: AFTER_SYNC, timeout: 10s, sync_binlog: 1") //
        "faults: [{point: node/power, of: primary, at_most: 1}]\n"
        "reach: [promotion]\nexpect: {NOLOSS: holds}\n";
    static const char bytes[] = "{[]}:,&*!|>'\"%@`\n\t\0\xff- #a0";
    char buf[sizeof text];
    for (size_t at = 0; at < sizeof text - 1; at++) {
        struct scenario s;
        char *said;
        memcpy(buf, text, sizeof text);
        buf[at] = bytes[at * 7 % (sizeof bytes - 1)];
        bool ok = load(buf, sizeof text - 1, &s, &said);
        assert_true(ok == (said[0] == '\0'));
        free(said);
        ok = load(text, at, &s, &said);
        assert_true(ok == (said[0] == '\0'));
        free(said);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grammar),      cmocka_unit_test(keys_and_types),
        cmocka_unit_test(words),        cmocka_unit_test(servers),
        cmocka_unit_test(operators),    cmocka_unit_test(receivers),
        cmocka_unit_test(cluster_wide), cmocka_unit_test(tabs_and_control_bytes),
        cmocka_unit_test(unreadable),   cmocka_unit_test(defaults),
        cmocka_unit_test(everything),   cmocka_unit_test(damaged_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}

/* What one kind of server has and the other refuses, and the statements of a workload. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/test_scenario.h"

static void kinds_of_servers(void **state)
{
    (void)state;
    static const struct try t[] = {
        {P("profile: mysql-8.0, innodb_flush_log_at_trx_commit: 3"),
         ":3:73: error: innodb_flush_log_at_trx_commit is 0, 1 or 2 in mysql-8.0; 3 is MariaDB's\n"
         "cluster: {primary: {profile: mysql-8.0, innodb_flush_log_at_trx_commit: 3}, "
         "replicas: [{}]}\n"
         "                                                                        ^\n"},
        {P("profile: mysql-8.0, ack: commit"),
         ":3:46: error: mysql-8.0 waits once per group; ack: commit is MariaDB's way\n"
         "cluster: {primary: {profile: mysql-8.0, ack: commit}, replicas: [{}]}\n"
         "                                             ^\n"},
        {P("binlog_error_action: IGNORE_ERROR"),
         ":3:42: error: unknown variable binlog_error_action: mariadb-10.11 rolls the group back "
         "and keeps the binlog open\n"
         "cluster: {primary: {binlog_error_action: IGNORE_ERROR}, replicas: [{}]}\n"
         "                                         ^\n"},
        {P("binlog_order_commits: off"),
         ":3:21: error: unknown variable binlog_order_commits: mariadb-10.11 always commits in "
         "binlog order\n"
         "cluster: {primary: {binlog_order_commits: off}, replicas: [{}]}\n"
         "                    ^\n"},
        {P("profile: mysql-5.7, binlog_optimize_thread_scheduling: off"),
         ":3:41: error: unknown variable binlog_optimize_thread_scheduling: it is MariaDB's\n"
         "cluster: {primary: {profile: mysql-5.7, binlog_optimize_thread_scheduling: off}, "
         "replicas: [{}]}\n"
         "                                        ^\n"},
    };
    RUN(t);
}

static void statements(void **state)
{
    (void)state;
    static const struct try t[] = {
        {PAIR "workload: {ddl: 3}\n",
         ":4:17: error: ddl says how many of the 2 transactions are DDL\n"
         "workload: {ddl: 3}\n                ^\n"},
        {PAIR "workload: {ddl: 1, large: 2}\n",
         ":4:27: error: large says how many of the other 1 transactions are large\n"
         "workload: {ddl: 1, large: 2}\n                          ^\n"},
        {PAIR "workload: {transactions: 9, large: 5}\n",
         ":4:36: error: large is at most 4: each makes a binlog file\n"
         "workload: {transactions: 9, large: 5}\n                                   ^\n"},
        {PAIR "workload: {large: 1}\n",
         ":4:19: error: mariadb-10.11 does not make a binlog file of a large transaction; "
         "mariadb-11.8 does (MDEV-32014)\nworkload: {large: 1}\n                  ^\n"},
        {PAIR "workload: {ddl: 1, non_transactional: 2}\n",
         ":4:39: error: non_transactional says how many of the other 1 transactions go "
         "into a table "
         "without transactions\nworkload: {ddl: 1, non_transactional: 2}\n"
         "                                      ^\n"},
        {P("profile: mysql-8.0") "workload: {non_transactional: 1}\n",
         ":4:31: error: mysql-8.0: what MySQL does with a table without transactions is "
         "not "
         "modelled; it was looked at on MariaDB only\nworkload: {non_transactional: 1}\n"
         "                              ^\n"},
        {P("profile: mariadb-12.3, wait_point: AFTER_COMMIT, binlog_storage_engine: "
           "innodb") "workload: {non_transactional: 1}\n",
         ":4:31: error: tables without transactions are not modelled with the binlog "
         "inside the "
         "engine\nworkload: {non_transactional: 1}\n                              ^\n"},
        {P("wait_point: BEFORE_WRITE") "workload: {ddl: 1}\n",
         ":4:17: error: nobody has said yet what BEFORE_WRITE does with it (MDEV-34705)\n"
         "workload: {ddl: 1}\n                ^\n"},
    };
    RUN(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_of_servers),
        cmocka_unit_test(statements),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}

/* What a scenario may say about the binlog inside the engine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "sim/scenario.h"

static struct scenario s;

/* Loads the text; what was said about it, behind the place. */
static const char *load(const char *text)
{
    static char said[1024];
    char file[] = "/tmp/ackproof-scenario-XXXXXX";
    int fd = mkstemp(file);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    memset(said, 0, sizeof said);
    FILE *err = fmemopen(said, sizeof said, "w");
    bool ok = scenario_load(file, &s, err);
    fclose(err);
    close(fd);
    unlink(file);
    assert_int_equal(ok, said[0] == '\0');
    char *reason = strstr(said, "error: ");
    said[strcspn(said, "\n")] = '\0';
    return reason != NULL ? reason + strlen("error: ") : "";
}

#define PRIMARY(keys)                                                                              \
    "version: 1\nname: x\ncluster: {primary: {profile: mariadb-12.3, binlog_storage_engine: "      \
    "innodb, " keys "}, replicas: [{profile: mariadb-12.3, wait_point: AFTER_COMMIT}]}\n"
#define LARGE "workload: {transactions: 2, large: "

static void what_a_server_would_not_start_with(void **state)
{
    (void)state;
    static const struct {
        const char *text, *reason;
    } cases[] = {
        {"version: 1\nname: x\ncluster: {primary: {binlog_storage_engine: innodb}}\n",
         "unknown variable 'binlog_storage_engine' in mariadb-10.11; it came with mariadb-12.3 "
         "(MDEV-34705)"},
        {PRIMARY("sync_binlog: 1"),
         "binlog_storage_engine has no AFTER_SYNC: binlog write and engine commit are one step, "
         "nothing lies between them; AFTER_COMMIT, or BEFORE_WRITE as MDEV-34705 proposes it"},
        {PRIMARY("wait_point: AFTER_COMMIT, init_rpl_role: SLAVE"),
         "init_rpl_role SLAVE cuts a binlog that is apart from the engine; with "
         "binlog_storage_engine there is nothing in doubt to cut"},
        {PRIMARY("wait_point: AFTER_COMMIT, max_binlog_size: 1"),
         "the files of a binlog inside the engine have a fixed size here"},
        {PRIMARY("wait_point: AFTER_COMMIT") LARGE "3}\n",
         "large says how many of the other 2 transactions are large"},
        {PRIMARY("wait_point: AFTER_COMMIT") "workload: {ddl: 1}\n",
         "DDL is not modelled with the binlog inside the engine"},
        {PRIMARY("wait_point: AFTER_COMMIT") "operator: [{do: flush-logs}]\n",
         "flush-logs is not modelled with the binlog inside the engine"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_string_equal(load(cases[i].text), cases[i].reason);
}

static void what_it_starts_with(void **state)
{
    (void)state;
    assert_string_equal(load(PRIMARY("wait_point: BEFORE_WRITE") LARGE "1}\n"), "");
    assert_true(s.node[0].engine_binlog);
    assert_false(s.node[1].engine_binlog); /* as the profile, each server's own */
    assert_string_equal(load(PRIMARY("wait_point: BEFORE_WRITE")), "");
    assert_string_equal(load(PRIMARY("semi_sync: off")), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_server_would_not_start_with),
        cmocka_unit_test(what_it_starts_with),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}

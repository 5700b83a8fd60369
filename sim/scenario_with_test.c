/* A scenario file and what stands on top of it: what the result is, and where errors point. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/scenario_with.h"
#include "sim/test_scenario.h"

struct top {
    struct raw_with *with;
};
static const cyaml_schema_field_t top_fields[] = {
    CYAML_FIELD_MAPPING_PTR("with", CYAML_FLAG_POINTER, struct top, with, scenario_with_fields),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t top_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct top, top_fields)};

static const char base[] = "version: 1\n"
                           "name: base\n"
                           "finding: {id: A1, what: something}\n"
                           "cluster:\n"
                           "  primary: {sync_binlog: 0}\n"
                           "  replicas: [{server_id: 7, relay_log: purge}]\n"
                           "workload: {sessions: 2, transactions: 3, ddl: 1}\n"
                           "faults: [{point: node/kill, of: primary}]\n"
                           "manager: {fence: false, on_primary_loss: [restart, failover]}\n"
                           "reach: [primary crash]\n"
                           "expect: {NOLOSS: holds, LIVE: breaks}\n";

static void put(char path[], const char *text)
{
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    size_t n = strlen(text);
    assert_int_equal(write(fd, text, n), (ssize_t)n);
    close(fd);
}

/* Loads `file` with "with: TOP" on it. What is said has B for the name of the file, T for that of
 * the other. */
static bool put_on(const char *file, const char *top, struct scenario *out, char said[1024])
{
    char b[] = "/tmp/ackproof-base-XXXXXX", t[] = "/tmp/ackproof-top-XXXXXX", text[1024];
    put(b, file);
    snprintf(text, sizeof text, "with: %s\n", top);
    put(t, text);
    char *buf = NULL;
    size_t n = 0;
    FILE *err = open_memstream(&buf, &n);
    assert_non_null(err);
    struct yaml_source src;
    void *data = NULL;
    assert_true(yaml_source_open(&src, t, err));
    bool ok = yaml_source_load(&src, &top_value, &data, NULL);
    if (ok) {
        ok = scenario_load_with(b, &src, "with", ((struct top *)data)->with, out);
        cyaml_free(yaml_source_config(), &top_value, data, 0);
    }
    yaml_source_close(&src);
    fclose(err);
    unlink(b);
    unlink(t);
    const char *from = buf;
    said[0] = '\0';
    if (strncmp(from, b, strlen(b)) == 0 || strncmp(from, t, strlen(t)) == 0) {
        strcpy(said, from[14] == 'b' ? "B" : "T");
        from += strlen(from[14] == 'b' ? b : t);
    }
    strncat(said, from, 1000);
    free(buf);
    return ok;
}

static void wants_on(const char *top, const char *expected)
{
    struct scenario s;
    char said[1024];
    bool ok = put_on(base, top, &s, said);
    assert_string_equal(said, expected);
    assert_false(ok);
}

static struct scenario good_on(const char *top)
{
    struct scenario s;
    char said[1024];
    bool ok = put_on(base, top, &s, said);
    assert_string_equal(said, "");
    assert_true(ok);
    return s;
}

static void mappings_key_by_key_and_lists_whole(void **state)
{
    (void)state;
    struct scenario s = good_on("{name: wide}");
    assert_string_equal(s.name, "wide");
    assert_string_equal(s.title, "wide");
    assert_int_equal(s.n_nodes, 2);
    assert_int_equal(s.ddl, 1);
    assert_string_equal(s.finding.id, ""); /* the narrow one's own */
    s = good_on(
        "{name: wide, title: A title, story: And a story, source: [X], workload: "
        "{non_transactional: 2, sessions: "
        "3, transactions: 5}, disk: {tear: true}, faults: [{point: node/power, of: primary, "
        "at_most: 2}], operator: [{do: kill-query}], manager: {verify: false}, bounds: "
        "{states: 9, steps: 8}, reach: [promotion, primary crash], expect: {LIVE: holds}}");
    assert_string_equal(s.title, "A title");
    assert_string_equal(s.story, "And a story");
    assert_string_equal(s.source[0], "X");
    assert_int_equal(s.sessions, 3);
    assert_int_equal(s.transactions, 5);
    assert_int_equal(s.ddl, 1);
    assert_int_equal(s.plain, 2);
    assert_true(s.device.tear && !s.device.reorder);
    assert_int_equal(s.n_faults, 1);
    assert_int_equal(s.fault[0].point, FAULT_NODE_POWER);
    assert_int_equal(s.fault[0].at_most, 2);
    assert_int_equal(s.operator[0].act, OPERATOR_KILL_QUERY);
    assert_false(s.manager.fence);
    assert_false(s.manager.verify);
    assert_int_equal(s.manager.n_on_loss, 2);
    assert_int_equal(s.max_states, 9);
    assert_int_equal(s.max_steps, 8);
    assert_true(s.reach ==
                ((reach_mask)1 << REACH_PROMOTION | (reach_mask)1 << REACH_PRIMARY_CRASH));
    assert_int_equal(s.expect[INV_NOLOSS], EXPECT_HOLDS);
    assert_int_equal(s.expect[INV_LIVE], EXPECT_HOLDS);
    assert_int_equal(s.node[0].sync_binlog, 0);
    s = good_on("{name: wide, manager: {on_primary_loss: [failover]}, faults: [], reach: []}");
    assert_int_equal(s.manager.n_on_loss, 1);
    assert_int_equal(s.n_faults, 0);
    assert_true(s.reach == 0);
}

static void replicas_like_the_last(void **state)
{
    (void)state;
    struct scenario s = good_on("{name: wide, replicas: 3}");
    assert_int_equal(s.n_nodes, 4);
    for (uint32_t n = 1; n < 4; n++)
        assert_int_equal(s.node[n].relay_restart, RELAY_PURGE);
    assert_int_equal(s.node[1].server_id, 7);
    assert_int_equal(s.node[2].server_id, 3);
    assert_int_equal(s.node[3].server_id, 4);
    wants_on("{name: wide, replicas: 6}", "T:1:30: error: replicas is 1 .. 5, not 6\n"
                                          "with: {name: wide, replicas: 6}\n"
                                          "                             ^\n");
    char said[1024];
    assert_false(
        put_on("version: 1\nname: base\ncluster: {}\n", "{name: wide, replicas: 1}", &s, said));
    assert_string_equal(said, "T:1:30: error: the scenario has no replica to be like\n"
                              "with: {name: wide, replicas: 1}\n"
                              "                             ^\n");
}

/* An error points into the file that says what is wrong. */
static void errors_point_at_who_says_it(void **state)
{
    (void)state;
    wants_on("{workload: {sessions: 3}}", "T:1:7: error: key 'name' is missing in with\n"
                                          "with: {workload: {sessions: 3}}\n"
                                          "      ^\n");
    wants_on("{name: Wide}", "T:1:14: error: a name has a-z, 0-9 and - only; it names files\n"
                             "with: {name: Wide}\n"
                             "             ^\n");
    wants_on("{name: w, cluster: {}}",
             "T:1:17: error: unknown key 'cluster' in with; allowed: name, title, story, source, "
             "replicas, workload, disk, faults, operator, manager, bounds, reach, expect\n"
             "with: {name: w, cluster: {}}\n"
             "                ^\n");
    wants_on("{name: w, workload: {sessions: 5}}", "T:1:38: error: sessions is 1 .. 4, not 5\n"
                                                   "with: {name: w, workload: {sessions: 5}}\n"
                                                   "                                     ^\n");
    /* the ddl of the file, but too many for the transactions on top of it */
    wants_on("{name: w, workload: {transactions: 16}}",
             "T:1:42: error: transactions is 1 .. 15, not 16\n"
             "with: {name: w, workload: {transactions: 16}}\n"
             "                                         ^\n");
    wants_on("{name: w, faults: [{point: node/power}, {point: node/power, of: primary}]}",
             "T:1:47: error: this overlaps with faults[0]; give one budget for node/power of the "
             "same node\n"
             "with: {name: w, faults: [{point: node/power}, {point: node/power, of: primary}]}\n"
             "                                              ^\n");
    /* what the file asks for is not possible any more: its own line */
    wants_on("{name: w, faults: []}",
             "B:10:9: error: 'primary crash' can never happen here: no fault crashes a node\n"
             "reach: [primary crash]\n"
             "        ^\n");
    struct scenario s;
    char said[1024];
    assert_false(put_on("version: 2\nname: base\ncluster: {}\n", "{name: wide}", &s, said));
    assert_string_equal(said, "B:1:10: error: version 2 is not known; this ackproof reads 1\n"
                              "version: 2\n"
                              "         ^\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mappings_key_by_key_and_lists_whole),
        cmocka_unit_test(replicas_like_the_last),
        cmocka_unit_test(errors_point_at_who_says_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}

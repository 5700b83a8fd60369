/* What `ackproof export` writes, read by MariaDB's own mariadb-binlog: every binlog and relay log
 * is accepted with its checksums, and holds the groups that the world's history says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "format/test_process.h"
#include "sim/explore/explore.h"
#include "sim/world_state.h"

static const char *binary;
static char reader[TEST_PATH_MAX];
static char dir[64];

static char *in_dir(const char *name)
{
    static char path[TEST_PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static void load(struct scenario *sc, const char *yaml)
{
    const char *path = in_dir("scenario.yaml");
    assert_true(test_write_file(path, (const uint8_t *)yaml, (uint32_t)strlen(yaml)));
    assert_true(scenario_load(path, sc, stderr));
}

/* ---- what mariadb-binlog sees ---------------------------------------------------------------- */

struct group {
    unsigned domain, server, seq;
    int k, v;
};

/* The complete groups in the reader's output: GTID, row, XID. What the log ends in the middle of is
 * not counted, here as in the model. */
static uint32_t read_groups(char *text, struct group *g, uint32_t max)
{
    uint32_t n = 0;
    struct group now = {0};
    char *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        const char *at = strstr(line, "\tGTID ");
        unsigned xid;
        if (at != NULL) {
            now = (struct group){0};
            assert_int_equal(sscanf(at, "\tGTID %u-%u-%u", &now.domain, &now.server, &now.seq), 3);
        }
        (void)sscanf(line, "###   @1=%d", &now.k);
        (void)sscanf(line, "###   @2=%d", &now.v);
        at = strstr(line, "\tXid = ");
        if (at != NULL && sscanf(at, "\tXid = %u", &xid) == 1) {
            assert_true(n < max);
            assert_true(now.k != 0 && now.seq != 0);
            g[n++] = now;
        }
    }
    return n;
}

static void check_file(const char *path, const struct history *h, uint32_t num)
{
    const char *const argv[] = {reader, "--verify-binlog-checksum", "-v", path, NULL};
    int status = test_run(argv, in_dir("output"));
    uint32_t len = 0;
    char *text = (char *)test_read_file(in_dir("output"), &len);
    assert_non_null(text);
    if (status != 0)
        fail_msg("%s: exit status %d: %s", path, status, text);
    struct group g[HISTORY_MAX];
    uint32_t n = read_groups(text, g, HISTORY_MAX);
    uint32_t at = 0;
    for (uint32_t i = 0; i < h->n; i++) {
        const struct held *e = &h->at[i];
        if (e->file != num)
            continue;
        if (at == n)
            fail_msg("%s: T%u is not in it", path, e->txn + 1u);
        assert_int_equal(g[at].domain, e->domain);
        assert_int_equal(g[at].server, e->server);
        assert_int_equal(g[at].seq, e->seq);
        assert_int_equal(g[at].k, e->txn + 1);
        assert_int_equal(g[at].v, (e->txn + 1) * 100);
        at++;
    }
    assert_int_equal(at, n); /* and nothing else */
    free(text);
}

/* ---- a run, exported ------------------------------------------------------------------------- */

struct counts {
    uint32_t binlogs, relays, groups;
};

struct at_step {
    const struct scenario *sc;
    struct counts *counts;
};

static void check_node(const struct node *node, uint32_t i, struct counts *c)
{
    struct disk_view v;
    disk_view(&node->disk, &v);
    for (uint32_t f = 0; f < v.n; f++) {
        bool binlog = v.at[f].id.kind == FILE_BINLOG;
        char name[64];
        if (!binlog && v.at[f].id.kind != FILE_RELAY)
            continue;
        snprintf(name, sizeof name, "out/node%u/%s.%06u", i, binlog ? "binlog" : "relay",
                 v.at[f].id.num);
        char path[TEST_PATH_MAX];
        memcpy(path, in_dir(name), sizeof path);
        uint32_t len = 0;
        uint8_t *bytes = test_read_file(path, &len);
        assert_non_null(bytes);
        assert_int_equal(len, v.at[f].len);
        assert_memory_equal(bytes, v.at[f].bytes, len);
        free(bytes);
        check_file(path, binlog ? &node->binlog : &node->relay, v.at[f].id.num);
        *(binlog ? &c->binlogs : &c->relays) += 1;
        c->groups += binlog ? node->binlog.n : node->relay.n;
    }
}

static void check(void *arg, const struct sim *s)
{
    struct at_step *a = arg;
    for (uint32_t i = 0; i < a->sc->n_nodes; i++)
        check_node(&s->world->node[i], i, a->counts);
}

static void export_and_check(const struct scenario *sc, const struct witness *w, uint64_t step,
                             struct counts *counts)
{
    struct run_outcome out;
    struct at_step a = {.sc = sc, .counts = counts};
    const struct replay opt = {.until = step};
    char at[24], witness[TEST_PATH_MAX], to[TEST_PATH_MAX], remove[TEST_PATH_MAX];
    snprintf(at, sizeof at, "%llu", (unsigned long long)step);
    memcpy(witness, in_dir("run.witness"), sizeof witness);
    memcpy(to, in_dir("out"), sizeof to);
    snprintf(remove, sizeof remove, "%s/log", dir);
    assert_true(witness_save(w, witness, stderr));
    const char *const rm[] = {"/bin/rm", "-rf", to, NULL};
    assert_int_equal(test_run(rm, remove), 0);
    const char *const argv[] = {binary, "export", witness, "--at", at, to, NULL};
    assert_int_equal(test_run(argv, remove), 0);
    assert_int_equal(explore_replay(sc, w, &opt, &out, stderr, check, &a), REPLAY_DONE);
}

/* Several steps of a run: the middle of it, and its end. */
static struct counts export_run(const struct scenario *sc, const struct witness *w, uint64_t steps)
{
    struct counts c = {0};
    assert_true(steps > 10);
    for (uint64_t part = 1; part <= 4; part++)
        export_and_check(sc, w, steps * part / 4, &c);
    return c;
}

static uint64_t steps_of(const struct scenario *sc, const struct witness *w)
{
    struct run_outcome out;
    assert_int_equal(explore_replay(sc, w, NULL, &out, stderr, NULL, NULL), REPLAY_DONE);
    return out.steps;
}

static struct counts export_witness(const char *yaml, enum invariant inv)
{
    struct scenario sc;
    struct result r;
    load(&sc, yaml);
    explore_exhaust(&sc, NULL, &r);
    assert_int_equal(r.verdict[inv], VERDICT_BREAKS);
    struct counts c = export_run(&sc, &r.witness[inv], steps_of(&sc, &r.witness[inv]));
    result_free(&r);
    return c;
}

#define HEAD "version: 1\nname: t\n"
#define ONE  "workload: {sessions: 1, transactions: 1}\n"

static void a_lost_primary(void **state)
{
    (void)state;
    struct counts c =
        export_witness(HEAD "cluster: {primary: {wait_point: AFTER_COMMIT}, replicas: [{}]}\n" ONE
                            "faults: [{point: node/power, of: primary}]\n",
                       INV_NOPHANTOM);
    assert_true(c.binlogs >= 8 && c.relays >= 4 && c.groups > 0);
}

static void a_restarted_primary_has_a_second_binlog(void **state)
{
    (void)state;
    struct counts c = export_witness(HEAD "cluster: {primary: {sync_binlog: 0}, replicas: [{}]}\n"
                                          "workload: {sessions: 1, transactions: 2}\n"
                                          "faults: [{point: node/power, of: primary}]\n"
                                          "manager: {on_primary_loss: [restart]}\n",
                                     INV_CONVERGE);
    assert_true(c.binlogs > 8); /* binlog.000002 */
    assert_int_equal(access(in_dir("out/node0/binlog.000002"), R_OK), 0);
}

static void a_replica_that_kept_its_relay_log(void **state)
{
    (void)state;
    struct counts c = export_witness(HEAD "cluster: {primary: {}, replicas: [{}]}\n" ONE
                                          "faults: [{point: node/power, of: replica}]\n"
                                          "manager: {applier: at-promotion}\n",
                                     INV_LIVE);
    assert_true(c.relays >= 4 && c.groups > 0);
}

static void a_run_without_a_fault(void **state)
{
    (void)state;
    struct scenario sc;
    load(&sc, HEAD "cluster: {primary: {}, replicas: [{}, {receiver: {profile: ackproof}}]}\n"
                   "workload: {sessions: 3, transactions: 6}\n");
    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct witness w = {0};
        struct run_outcome out;
        explore_seed(&sc, DRIVER_SWARM, seed, &out, &w);
        assert_true(out.reached >> REACH_ALL_DONE & 1);
        assert_int_equal(out.violated, 0);
        struct counts c = export_run(&sc, &w, out.steps);
        assert_int_equal(c.binlogs, 4 * 3);
        assert_int_equal(c.relays, 4 * 3); /* a primary has one too: roles change */
        witness_free(&w);
    }
}

static int setup(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/ackproof-export-XXXXXX");
    return mkdtemp(dir) == NULL;
}

static int teardown(void **state)
{
    (void)state;
    const char *const rm[] = {"/bin/rm", "-rf", dir, NULL};
    return test_run(rm, "/dev/null");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lost_primary),
        cmocka_unit_test(a_restarted_primary_has_a_second_binlog),
        cmocka_unit_test(a_replica_that_kept_its_relay_log),
        cmocka_unit_test(a_run_without_a_fault),
    };
    binary = getenv("ACKPROOF_BINARY");
    if (binary == NULL || access(binary, X_OK) != 0) {
        fprintf(stderr, "skipped: ACKPROOF_BINARY names no program\n");
        return TEST_SKIPPED;
    }
    if (!test_find_program("mariadb-binlog", reader)) {
        fprintf(stderr, "skipped: mariadb-binlog is missing (package mariadb-client)\n");
        return TEST_SKIPPED;
    }
    return cmocka_run_group_tests(tests, setup, teardown) != 0;
}

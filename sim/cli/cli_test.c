/* The contract of the command line, on the program itself ($ACKPROOF_BINARY): exit statuses, the
 * shape of --json, where errors point. And the JSON schema of scenarios against the loader's own
 * tables. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "model/invariant.h"
#include "model/reach.h"
#include "sim/scenario_yaml.h"

enum { OUTPUT_MAX = 64 * 1024 };

static const char *binary;
static char dir[64];
static char output[OUTPUT_MAX]; /* of the last command, stdout and stderr together */

static char *in_dir(const char *name)
{
    static char path[256][128]; /* a test holds few of them, and not for long */
    static int turn;
    turn = (turn + 1) % 256;
    snprintf(path[turn], sizeof path[turn], "%s/%s", dir, name);
    return path[turn];
}

static void put(const char *name, const char *text)
{
    FILE *f = fopen(in_dir(name), "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static pid_t start(int fd, const char *const *args)
{
    const char *argv[24] = {binary};
    int n = 1;
    for (; args[n - 1] != NULL; n++)
        argv[n] = args[n - 1];
    argv[n] = NULL;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        dup2(fd, STDOUT_FILENO);
        dup2(fd, STDERR_FILENO);
        execv(binary, (char *const *)(uintptr_t)argv);
        _exit(126);
    }
    return pid;
}

/* Exit status; -n where signal n ended it. */
static int run(const char *first, ...)
{
    const char *args[24];
    int n = 0;
    va_list ap;
    va_start(ap, first);
    for (const char *a = first; a != NULL; a = va_arg(ap, const char *))
        args[n++] = a;
    args[n] = NULL;
    va_end(ap);
    int fd = open(in_dir("output"), O_RDWR | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    int status;
    pid_t pid = start(fd, args);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    ssize_t got = pread(fd, output, sizeof output - 1, 0);
    assert_true(got >= 0);
    output[got] = '\0';
    close(fd);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static void says(const char *text)
{
    if (strstr(output, text) == NULL)
        fail_msg("no \"%s\" in: %s", text, output);
}

#define HEAD  "version: 1\nname: tiny\ncluster: {replicas: [{}]}\n"
#define WORK  "workload: {sessions: 1, transactions: 1}\n"
#define ASYNC "version: 1\nname: async\ncluster: {primary: {semi_sync: off}, replicas: [{}]}\n"

static int setup(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/ackproof-cli-XXXXXX");
    assert_non_null(mkdtemp(dir));
    put("holds.yaml", HEAD WORK "expect: {NOLOSS: holds}\n");
    put("wrong.yaml", HEAD WORK "expect: {NOLOSS: breaks}\n");
    put("none.yaml", HEAD WORK);
    put("unmet.yaml", HEAD WORK "reach: [promotion]\nexpect: {NOLOSS: holds}\n");
    put("async.yaml", ASYNC WORK "faults: [{point: node/kill, of: primary}]\n"
                                 "expect: {NOLOSS: breaks}\n");
    put("bad.yaml", "version: 1\nname: bad\ncluster: {replica: []}\n");
    put("matrix.yaml", "version: 1\ncells:\n  - {row: 1, scenario: holds.yaml, tier: ci}\n"
                       "  - {row: 2, scenario: async.yaml, tier: full}\n");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -r '%s'", dir);
    return system(command);
}

/* ---- exit statuses -------------------------------------------------------------------------- */

static void usage_is_2(void **state)
{
    (void)state;
    static const char *const commands[] = {"prove",  "run",  "replay", "shrink", "explain",
                                           "export", "live", "report", "check"};
    assert_int_equal(run(NULL), 2);
    assert_int_equal(run("nonsense", NULL), 2);
    says("there is no command 'nonsense'");
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        assert_int_equal(run(commands[i], NULL), 2);
        says("--help");
        assert_int_equal(run(commands[i], "--nonsense", NULL), 2);
        assert_int_equal(run(commands[i], "--help", NULL), 0);
        says("--json=FILE");
    }
    assert_int_equal(run("matrix", "x", NULL), 2);
    assert_int_equal(run("prove", "--jobs", "0", in_dir("holds.yaml"), NULL), 2);
    assert_int_equal(run("prove", "--shard", "3/2", in_dir("holds.yaml"), NULL), 2);
    assert_int_equal(run("run", "--seeds", "9..3", in_dir("holds.yaml"), NULL), 2);
    assert_int_equal(run("run", "--driver", "best", in_dir("holds.yaml"), NULL), 2);
    assert_int_equal(run("replay", in_dir("no.witness"), NULL), 2);
    assert_int_equal(run("report", in_dir("no"), NULL), 2);
    assert_int_equal(run("--help", NULL), 0);
    says("Exit status: 0 all as expected");
    assert_int_equal(run("--version", NULL), 0);
    says("ackproof ");
}

static void errors_have_a_caret(void **state)
{
    (void)state;
    char *bad = in_dir("bad.yaml"), expected[512];
    snprintf(expected, sizeof expected,
             "%s:3:11: error: unknown key 'replica' in cluster; allowed: primary, replicas\n"
             "cluster: {replica: []}\n          ^\n",
             bad);
    static const char *const commands[] = {"prove", "run", "live", "check"};
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        assert_int_equal(run(commands[i], bad, NULL), 2);
        assert_string_equal(output, expected);
    }
    /* one bad file stops all of them, before anything is searched */
    assert_int_equal(run("prove", in_dir("holds.yaml"), bad, "--out", in_dir("o"), NULL), 2);
    assert_string_equal(output, expected);
}

static void verdicts_make_the_status(void **state)
{
    (void)state;
    char *out = in_dir("out");
    assert_int_equal(run("prove", in_dir("holds.yaml"), "--out", out, NULL), 0);
    says("NOLOSS    holds         as expected");
    says("AGREE     holds         no expectation");
    says(", exhausted, ");
    assert_int_equal(run("prove", in_dir("none.yaml"), "--out", out, NULL), 0);
    assert_int_equal(run("prove", in_dir("wrong.yaml"), "--out", out, "-q", NULL), 1);
    says("NOLOSS    holds         expected breaks");
    assert_int_equal(run("prove", in_dir("unmet.yaml"), "--out", out, NULL), 1);
    says("NOLOSS    not-exercised expected holds");
    says("never reached: promotion");
    assert_int_equal(run("prove", in_dir("holds.yaml"), "--out", out, "--max-states", "2", NULL),
                     1);
    says("NOLOSS    unfinished    expected holds");
    says("NOT exhausted");
    assert_int_equal(run("prove", in_dir("holds.yaml"), "--out", out, "-q", NULL), 0);
    assert_string_equal(output, "");
    assert_int_equal(run("prove", in_dir("holds.yaml"), "--out", "/proc/none", NULL), 3);
}

/* ---- --json --------------------------------------------------------------------------------- */

static const char *const cell_keys[] = {"bounds",
                                        "collision_bound",
                                        "depth_bound",
                                        "exhausted",
                                        "expected",
                                        "fault_sets",
                                        "fault_sets_exhausted",
                                        "invariant",
                                        "moves",
                                        "safe_up_to",
                                        "scenario",
                                        "seconds",
                                        "states",
                                        "transitions",
                                        "verdict",
                                        "witness",
                                        "witness_shortest"};

static void check_cell(json_t *cell, size_t i)
{
    size_t k = 0;
    const char *key;
    json_t *value;
    /* the object keeps the order of the file: sorted */
    json_object_foreach(cell, key, value)
    {
        assert_true(k < sizeof cell_keys / sizeof cell_keys[0]);
        assert_string_equal(key, cell_keys[k++]);
    }
    assert_int_equal(k, sizeof cell_keys / sizeof cell_keys[0]);
    assert_string_equal(json_string_value(json_object_get(cell, "scenario")), "async");
    assert_string_equal(json_string_value(json_object_get(cell, "invariant")),
                        invariant_id((enum invariant)i));
    assert_true(json_is_true(json_object_get(cell, "exhausted")));
    assert_true(json_integer_value(json_object_get(cell, "states")) > 0);
    assert_true(json_integer_value(json_object_get(cell, "transitions")) > 0);
    assert_true(json_is_number(json_object_get(cell, "seconds")));
    double states = (double)json_integer_value(json_object_get(cell, "states"));
    double bound = json_real_value(json_object_get(cell, "collision_bound"));
    assert_true(bound >= states * states * 0x1p-129 && bound < states * states * 0x1p-126);
    assert_true(json_is_null(json_object_get(cell, "depth_bound"))); /* of random runs */
    assert_true(json_is_object(json_object_get(cell, "bounds")));
}

static void json_has_the_shape(void **state)
{
    (void)state;
    char *json = in_dir("a.json");
    assert_int_equal(run("prove", in_dir("async.yaml"), "--out", in_dir("out"), "--json", json,
                         "--junit", in_dir("a.xml"), NULL),
                     0);
    json_error_t e;
    json_t *root = json_load_file(json, JSON_REJECT_DUPLICATES, &e);
    assert_non_null(root);
    assert_int_equal(json_object_size(root), 2);
    assert_int_equal(json_integer_value(json_object_get(root, "schema")), 1);
    json_t *cells = json_object_get(root, "cells");
    assert_int_equal(json_array_size(cells), INVARIANTS);
    for (size_t i = 0; i < INVARIANTS; i++)
        check_cell(json_array_get(cells, i), i);
    json_t *noloss = json_array_get(cells, INV_NOLOSS), *sane = json_array_get(cells, INV_SANE);
    assert_string_equal(json_string_value(json_object_get(noloss, "verdict")), "breaks");
    assert_string_equal(json_string_value(json_object_get(noloss, "expected")), "breaks");
    assert_int_equal(access(json_string_value(json_object_get(noloss, "witness")), R_OK), 0);
    assert_true(json_is_null(json_object_get(sane, "expected")));
    assert_true(json_is_null(json_object_get(sane, "witness")));
    json_decref(root);
    assert_int_equal(access(in_dir("a.xml"), R_OK), 0);

    assert_int_equal(
        run("prove", in_dir("none.yaml"), "--out", in_dir("out"), "--json", "-", "-q", NULL), 0);
    root = json_loads(output, 0, &e);
    assert_non_null(root);
    assert_int_equal(json_array_size(json_object_get(root, "cells")), INVARIANTS);
    json_decref(root);
}

/* ---- witnesses ------------------------------------------------------------------------------ */

static void witnesses_replay(void **state)
{
    (void)state;
    char *out = in_dir("out"), witness[256], bent[256];
    assert_int_equal(run("prove", in_dir("async.yaml"), "--out", out, NULL), 0);
    snprintf(witness, sizeof witness, "%s", in_dir("out/witness/async-NOLOSS.witness"));
    says(witness);
    assert_int_equal(run("replay", witness, NULL), 0);
    says("NOLOSS breaks: ");
    says("; broken: NOLOSS");
    assert_int_equal(run("replay", witness, "--until", "1", NULL), 0);
    says("1 steps (--until)");
    assert_int_equal(run("explain", witness, NULL), 0);
    says("NOLOSS breaks at step ");
    says("promise: A transaction whose client got OK");
    assert_int_equal(run("export", witness, "--at", "3", in_dir("disks"), NULL), 0);
    says("node0/binlog.000001");
    assert_int_equal(access(in_dir("disks/node1/redo.log"), R_OK), 0);

    /* a choice that is not possible: the replay says where, and is no success */
    snprintf(bent, sizeof bent, "%s", in_dir("bent.witness"));
    FILE *from = fopen(witness, "r"), *to = fopen(bent, "w");
    assert_true(from != NULL && to != NULL);
    char line[256];
    for (int n = 0; fgets(line, sizeof line, from) != NULL; n++)
        fputs(n == 3 ? "start 3 0 0\n" : line, to);
    fclose(from);
    fclose(to);
    assert_int_equal(run("replay", bent, NULL), 3);
    says("does not fit");
    put("text.witness", "no witness\n");
    assert_int_equal(run("replay", in_dir("text.witness"), NULL), 2);
    says("text.witness:1:");
}

static void runs_follow_their_seed(void **state)
{
    (void)state;
    static char once[OUTPUT_MAX];
    char *file = in_dir("async.yaml");
    assert_int_equal(run("run", file, "--seeds", "3..6", "--hash", NULL), 0);
    assert_memory_equal(output, "seed 3 hash ", 12);
    memcpy(once, output, sizeof once);
    assert_int_equal(run("run", file, "--seeds", "3..6", "--hash", NULL), 0);
    assert_string_equal(output, once);
    assert_int_equal(run("run", file, "--seeds", "1..200", "--json", in_dir("r.json"), NULL), 0);
    says("NOLOSS ");
    says("of 200; first: ");
    says("digest ");
    json_error_t e;
    json_t *root = json_load_file(in_dir("r.json"), 0, &e);
    assert_non_null(root);
    assert_int_equal(json_integer_value(json_object_get(root, "runs")), 200);
    assert_true(json_integer_value(json_object_get(root, "events")) > 200);
    const char *seed =
        json_string_value(json_object_get(json_object_get(root, "first_seed"), "NOLOSS"));
    assert_non_null(seed);
    assert_int_equal(run("replay", file, "--seed", seed, NULL), 0);
    says("NOLOSS breaks: ");
    /* the counts are those of each seed by itself, whoever made the runs */
    static const char *const drivers[] = {"swarm", "uniform", "pct"};
    for (size_t i = 0; i < 3; i++) {
        json_t *got[2];
        for (size_t k = 0; k < 2; k++) {
            assert_int_equal(run("run", file, "--seeds", "1..2000", "--driver", drivers[i],
                                 "--jobs", k == 0 ? "1" : "3", "--json", in_dir("r.json"), NULL),
                             0);
            got[k] = json_load_file(in_dir("r.json"), 0, &e);
            assert_non_null(got[k]);
        }
        static const char *const keys[] = {"digest", "broken_runs", "first_seed", "events"};
        for (size_t k = 0; k < 4; k++)
            assert_true(
                json_equal(json_object_get(got[0], keys[k]), json_object_get(got[1], keys[k])));
        seed = json_string_value(json_object_get(json_object_get(got[0], "first_seed"), "NOLOSS"));
        assert_non_null(seed);
        assert_int_equal(run("replay", file, "--seed", seed, "--driver", drivers[i], NULL), 0);
        says("NOLOSS breaks: ");
        json_decref(got[0]);
        json_decref(got[1]);
    }
    /* what is expected to hold and is refuted by a sample fails */
    put("async-holds.yaml", ASYNC WORK "faults: [{point: node/kill, of: primary}]\n"
                                       "expect: {NOLOSS: holds}\n");
    json_decref(root);
    assert_int_equal(run("run", in_dir("async-holds.yaml"), "--seeds", "1..200", NULL), 1);
    says("expected to hold");
}

static void long_runs_and_sessions(void **state)
{
    (void)state;
    put("safe.yaml", HEAD "workload: {sessions: 2, transactions: 2}\n"
                          "faults: [{point: node/kill, of: primary}]\n");
    char *safe = in_dir("safe.yaml");
    assert_int_equal(run("run", safe, "--seeds", "1..2", "--transactions", "60", NULL), 0);
    says("58 phases came to rest and went on, ");
    assert_int_equal(run("replay", safe, "--seed", "1", "--phases", "5", NULL), 0);
    says("all servers are provisioned anew, ");
    says("no promise broken");
    char *file = in_dir("async.yaml");
    assert_int_equal(run("run", file, "--seeds", "1..1", "--phases", "500", NULL), 0);
    says("--seed 1 --phases 500");
    says("witness of ");
    assert_int_equal(run("replay", file, "--seed", "1", "--phases", "500", NULL), 0);
    says(" breaks: ");
    assert_int_equal(run("run", file, "--seeds", "1..9", "--driver", "guided", "--until", "NOLOSS",
                         "--out", in_dir("guided"), NULL),
                     0);
    says("--driver guided");
    assert_int_equal(run("replay", in_dir("guided/run/async-NOLOSS.witness"), NULL), 0);
    says("NOLOSS breaks: ");
    assert_int_equal(run("run", file, "--phases", "2", "--transactions", "9", NULL), 2);
    assert_int_equal(run("run", file, "--phases", "2", "--driver", "guided", NULL), 2);
    assert_int_equal(run("run", file, "--until", "NOTHING", NULL), 2);
    says("--until wants a promise");
}

/* ---- matrix, report, check ------------------------------------------------------------------ */

static void matrix_and_report(void **state)
{
    (void)state;
    char *file = in_dir("matrix.yaml"), *out = in_dir("m");
    assert_int_equal(run("check", file, in_dir("holds.yaml"), NULL), 0);
    says("a matrix of 2 scenarios");
    assert_int_equal(run("matrix", "--matrix", file, "--out", out, "--color", "never", NULL), 0);
    says("9 cells");
    assert_int_equal(access(in_dir("m/report.json"), R_OK), 0);
    if (strstr(output, "smallest sets") != NULL)
        fail_msg("nothing breaks here: %s", output);
    assert_int_equal(run("report", out, NULL), 0);
    assert_int_equal(access(in_dir("m/report.html"), R_OK), 0);
    assert_int_equal(access(in_dir("m/junit.xml"), R_OK), 0);
    /* shards make parts that report puts together */
    out = in_dir("s2");
    assert_int_equal(run("matrix", "--tier", "full", "--shard", "1/2", "--matrix",
                         in_dir("matrix.yaml"), "--out", in_dir("s1"), NULL),
                     0);
    assert_int_equal(run("matrix", "--tier", "full", "--shard", "2/2", "--matrix",
                         in_dir("matrix.yaml"), "--out", out, NULL),
                     0);
    says("smallest sets of faults");
    says("NOLOSS");
    says("breaks with: 1x node/kill of primary. Safe up to: no fault");
    assert_int_equal(run("report", in_dir("s1"), in_dir("s2"), NULL), 0);
    says("18 cells");
    says("breaks with: 1x node/kill of primary. Safe up to: no fault");
    assert_int_equal(run("matrix", "--tier", "full", "--no-fault-sets", "--matrix",
                         in_dir("matrix.yaml"), "--out", out, NULL),
                     0);
    if (strstr(output, "breaks with") != NULL)
        fail_msg("nobody asked: %s", output);
    assert_int_equal(run("prove", "--fault-sets", in_dir("async.yaml"), "--out", out, NULL), 0);
    says("            breaks with: 1x node/kill of primary. Safe up to: no fault\n");
    put("twice.yaml", "version: 1\ncells:\n- {row: 1, scenario: holds.yaml, tier: ci}\n"
                      "- {row: 1, scenario: none.yaml, tier: ci}\n");
    assert_int_equal(run("matrix", "--matrix", in_dir("twice.yaml"), NULL), 2);
    says("twice.yaml:4:22: error: the name tiny is that of ");
}

/* An interrupted search leaves nothing behind. */
static void interrupt_cleans_up(void **state)
{
    (void)state;
    put("long.yaml", "version: 1\nname: long\n"
                     "cluster: {replicas: [{}, {}, {}]}\n"
                     "workload: {sessions: 4, transactions: 15}\n"
                     "faults: [{point: node/power, at_most: 4}, {point: net/reset, at_most: 4}]\n");
    char *out = in_dir("long");
    const char *const args[] = {"prove", in_dir("long.yaml"), "--out", out, NULL};
    int fd = open(in_dir("output"), O_RDWR | O_CREAT | O_TRUNC, 0600), status;
    pid_t pid = start(fd, args);
    const struct timespec pause = {.tv_nsec = 700000000};
    nanosleep(&pause, NULL);
    kill(pid, SIGINT);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    close(fd);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGINT);
    assert_int_equal(rmdir(in_dir("long")), 0);
}

/* The first process that `pid` started; 0: none. */
static pid_t child_of(pid_t pid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)pid, (int)pid);
    FILE *f = fopen(path, "r");
    int child = 0;
    if (f != NULL && fscanf(f, "%d", &child) != 1)
        child = 0;
    if (f != NULL)
        fclose(f);
    return child;
}

/* A search that dies costs its own scenario. */
static void a_crash_costs_one_scenario(void **state)
{
    (void)state;
    const char *const args[] = {"prove",
                                "--jobs",
                                "1",
                                "--color",
                                "never",
                                "--out",
                                in_dir("killed"),
                                in_dir("long.yaml"),
                                in_dir("holds.yaml"),
                                NULL};
    int fd = open(in_dir("output"), O_RDWR | O_CREAT | O_TRUNC, 0600), status;
    pid_t pid = start(fd, args);
    const struct timespec pause = {.tv_nsec = 300000000};
    nanosleep(&pause, NULL);
    pid_t worker = child_of(pid);
    assert_true(worker > 0);
    kill(worker, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(WEXITSTATUS(status), 3);
    static char text[4096];
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    assert_true(n > 0);
    text[n] = '\0';
    close(fd);
    assert_non_null(strstr(text, "long: the search died of signal 9"));
}

/* ---- the schema for editors ----------------------------------------------------------------- */

static const json_t *resolve(const json_t *root, const json_t *s)
{
    const char *ref = json_string_value(json_object_get(s, "$ref"));
    if (ref == NULL)
        return s;
    assert_memory_equal(ref, "#/definitions/", 14);
    return json_object_get(json_object_get(root, "definitions"), ref + 14);
}

/* Keys, which of them are required, words and kinds are those of the loader. */
static void same(const json_t *root, const json_t *given, const cyaml_schema_value_t *v,
                 const char *key)
{
    const json_t *s = resolve(root, given);
    print_message("  %s\n", key);
    assert_non_null(s);
    const json_t *words = json_object_get(s, "enum");
    switch (v->type) {
    case CYAML_MAPPING: {
        const json_t *p = json_object_get(s, "properties");
        assert_true(json_is_false(json_object_get(s, "additionalProperties")));
        size_t n = 0, required = 0;
        for (const cyaml_schema_field_t *f = v->mapping.fields; f->key != NULL; f++, n++) {
            same(root, json_object_get(p, f->key), &f->value, f->key);
            required += (f->value.flags & CYAML_FLAG_OPTIONAL) == 0;
        }
        assert_int_equal(json_object_size(p), n);
        assert_int_equal(json_array_size(json_object_get(s, "required")), required);
        break;
    }
    case CYAML_SEQUENCE:
        same(root, json_object_get(s, "items"), v->sequence.entry, "  entry");
        break;
    case CYAML_ENUM:
        assert_int_equal(json_array_size(words), v->enumeration.count);
        for (uint32_t i = 0; i < v->enumeration.count; i++) {
            bool found = false;
            for (size_t k = 0; k < json_array_size(words); k++)
                found = found || strcmp(json_string_value(json_array_get(words, k)),
                                        v->enumeration.strings[i].str) == 0;
            assert_true(found);
        }
        break;
    default:
        break;
    }
}

static void schema_is_the_loaders(void **state)
{
    (void)state;
    json_error_t e;
    json_t *root = json_load_file("scenarios/scenario.schema.json", JSON_REJECT_DUPLICATES, &e);
    assert_non_null(root);
    same(root, root, scenario_yaml_schema(), "scenario");
    const json_t *p = json_object_get(root, "properties");
    const json_t *reach =
        json_object_get(json_object_get(json_object_get(p, "reach"), "items"), "enum");
    assert_int_equal(json_array_size(reach), REACHES);
    for (size_t i = 0; i < REACHES; i++)
        assert_string_equal(json_string_value(json_array_get(reach, i)), reach_name((enum reach)i));
    json_decref(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(usage_is_2),
        cmocka_unit_test(errors_have_a_caret),
        cmocka_unit_test(verdicts_make_the_status),
        cmocka_unit_test(json_has_the_shape),
        cmocka_unit_test(witnesses_replay),
        cmocka_unit_test(runs_follow_their_seed),
        cmocka_unit_test(long_runs_and_sessions),
        cmocka_unit_test(matrix_and_report),
        cmocka_unit_test(interrupt_cleans_up),
        cmocka_unit_test(a_crash_costs_one_scenario),
        cmocka_unit_test(schema_is_the_loaders),
    };
    binary = getenv("ACKPROOF_BINARY");
    if (binary == NULL || access(binary, X_OK) != 0) {
        fputs("skipped: ACKPROOF_BINARY does not name the ackproof program\n", stderr);
        return 77;
    }
    return cmocka_run_group_tests(tests, setup, teardown) != 0;
}

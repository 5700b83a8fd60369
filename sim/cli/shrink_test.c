/* On the program itself ($ACKPROOF_BINARY): shrink, logs of hashes, and ci/determinism on programs
 * that are deterministic and on one that is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "sim/cli/test_shell.h"

static int setup(void **state)
{
    (void)state;
    shell_open("shrink");
    put("async.yaml", "version: 1\nname: async\n"
                      "cluster: {primary: {semi_sync: off}, replicas: [{}]}\n"
                      "workload: {sessions: 2, transactions: 2}\n"
                      "faults: [{point: node/power, of: primary}]\n"
                      "manager: {applier: at-promotion}\nreach: [promotion]\n"
                      "expect: {NOLOSS: breaks}\n");
    return sh("$A prove --quiet --out $D/out $D/async.yaml");
}

static void shrinks_and_proves_need(void **state)
{
    (void)state;
    assert_int_equal(sh("$A shrink $D/out/witness/async-NOLOSS.witness --out $D/out"), 0);
    says("async NOLOSS: T# was answered OK and is not on the primary elected now\n");
    says("sessions      2 -> 1\n");
    says("transactions  2 -> 1\n");
    says("faults        1x node/power of primary -> 1x node/kill of primary\n");
    says("client 0 0 0         needed     client 1 sends T1");
    says("lines needed: without any one of them NOLOSS holds on the rest\n");
    /* what was written stands on its own: it loads, replays, and proves what it says */
    assert_int_equal(sh("$A replay $D/out/shrunk/async-NOLOSS.witness"), 0);
    says("; broken: NOLOSS");
    assert_int_equal(sh("$A prove --out $D/out $D/out/shrunk/async-NOLOSS.yaml"), 0);
    says("NOLOSS    breaks        as expected");
    says("reached: promotion");
    /* nothing is left to take away */
    assert_int_equal(sh("$A shrink $D/out/shrunk/async-NOLOSS.witness --out $D/twice"), 0);
    says("  sessions      1\n");
    assert_int_equal(sh("grep -v '^scenario' $D/out/shrunk/async-NOLOSS.witness >$D/1;"
                        "grep -v '^scenario' $D/twice/shrunk/async-noloss-NOLOSS.witness >$D/2;"
                        "cmp $D/1 $D/2"),
                     0);
    /* the scenario kept */
    assert_int_equal(
        sh("$A shrink --keep-scenario $D/out/witness/async-NOLOSS.witness --out $D/kept"), 0);
    says("sessions      2\n");
    assert_int_equal(sh("test ! -e $D/kept/shrunk/async-NOLOSS.yaml"), 0);
    assert_int_equal(sh("$A replay $D/kept/shrunk/async-NOLOSS.witness"), 0);
}

static void shrink_says_what_is_wrong(void **state)
{
    (void)state;
    assert_int_equal(sh("$A shrink"), 2);
    assert_int_equal(sh("$A shrink --nonsense"), 2);
    assert_int_equal(sh("$A shrink $D/no.witness"), 2);
    assert_int_equal(sh("W=$D/out/witness/async-NOLOSS.witness;"
                        "sed 's/^invariant.*/invariant: none/' $W >$D/none.witness;"
                        "sed 's/^client.*/client 3 0 0/' $W >$D/bent.witness;"
                        "$A shrink $D/none.witness --out $D/o"),
                     2);
    says("it breaks no promise");
    assert_int_equal(sh("$A shrink $D/bent.witness --out $D/o"), 3);
    says("does not fit");
    assert_int_equal(sh("$A shrink $D/out/witness/async-NOLOSS.witness --out /proc/none"), 3);
}

static void logs_of_hashes(void **state)
{
    (void)state;
    assert_int_equal(sh("W=$D/out/witness/async-NOLOSS.witness; $A replay -q $W --hashes $D/a && "
                        "$A replay -q $W --hashes $D/b && $A replay --diff $D/a $D/b"),
                     0);
    says(" steps, all equal\n");
    assert_int_equal(sh("sed '4{s/[0-7]$/8/;t;s/.$/0/}' $D/a >$D/c; "
                        "$A replay --diff $D/a $D/c"),
                     1);
    says("the runs differ first at step 3: the same move, another state\n");
    assert_int_equal(sh("$A replay --diff $D/a"), 2);
    assert_int_equal(sh("$A replay $D/a $D/b"), 2);
    assert_int_equal(sh("$A replay --diff $D/a $D/async.yaml"), 2);
    says("async.yaml:1:1: error: ");
    assert_int_equal(sh("$A replay -q $D/out/witness/async-NOLOSS.witness --hashes /proc/x"), 3);
}

/* A program that answers with a state of its own from step 5 of seed 3 on: what is planted is the
 * number of its process. */
static const char planted[] = "#!/bin/sh\n"
                              "\"$ACKPROOF_BINARY\" \"$@\" || exit\n"
                              "[ \"$1\" != run ] || exit 0\n"
                              "while [ $# -gt 0 ] && [ \"$1\" != --hashes ]; do shift; done\n"
                              "[ $# -gt 1 ] || exit 0\n"
                              "h=$(printf %032x $$)\n"
                              "sed -i \"6,\\$s/ [0-9a-f]*$/ $h/\" \"$2\"\n";
static const char planted_run[] =
    "#!/bin/sh\n"
    "[ \"$1\" = run ] || exec $D/planted \"$@\"\n"
    "\"$ACKPROOF_BINARY\" \"$@\" | sed \"s/^seed 3 hash .*/seed 3 hash $(printf %032x $$)/\"\n";

static const char planted_search[] = "#!/bin/sh\n"
                                     "[ \"$1\" = prove ] || exec \"$ACKPROOF_BINARY\" \"$@\"\n"
                                     "exec \"$ACKPROOF_BINARY\" \"$@\" --no-reduction\n";

static void determinism_is_checked(void **state)
{
    (void)state;
    const char *check = "export D ACKPROOF_BINARY=$A ACKPROOF_DETERMINISM_OUT=$D/det; "
                        "bash ci/determinism --programs ";
    char line[512];
    snprintf(line, sizeof line, "%s $A,$A $D/async.yaml 1..5", check);
    assert_int_equal(sh(line), 0);
    says("program-2: 5 hashes, equal to program-1");
    says("program-1-again: 5 hashes, equal to program-1");
    says("program-2: search of ");
    says(" states, equal to program-1");
    /* one that searches another way, or finds another counterexample */
    put("other", planted_search);
    snprintf(line, sizeof line, "chmod +x $D/other; %s $A,$D/other $D/async.yaml 1..5", check);
    assert_int_equal(sh(line), 1);
    says("program-2: 5 hashes, equal to program-1");
    says("program-2: its search differs from that of program-1:\n");
    says("> NOLOSS breaks");
    put("planted", planted);
    put("wrong", planted_run);
    snprintf(line, sizeof line, "chmod +x $D/planted $D/wrong; %s $A,$D/wrong $D/async.yaml 1..5",
             check);
    assert_int_equal(sh(line), 1);
    says("program-2: differs from program-1, first at seed 3\n");
    says("the runs differ first at step 5: the same move, another state\n");
    says("program-1-again: 5 hashes, equal to program-1");
    /* the same program, another process: it is not equal to itself either */
    snprintf(line, sizeof line, "%s $D/wrong $D/async.yaml 1..5", check);
    assert_int_equal(sh(line), 1);
    says("program-1-again: differs from program-1, first at seed 3\n");
    says("first at step 5: ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shrinks_and_proves_need),
        cmocka_unit_test(shrink_says_what_is_wrong),
        cmocka_unit_test(logs_of_hashes),
        cmocka_unit_test(determinism_is_checked),
    };
    binary = getenv("ACKPROOF_BINARY");
    if (binary == NULL || access(binary, X_OK) != 0) {
        fputs("skipped: ACKPROOF_BINARY does not name the ackproof program\n", stderr);
        return 77;
    }
    return cmocka_run_group_tests(tests, setup, teardown) != 0;
}

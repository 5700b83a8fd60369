/* What tests on the program itself ($ACKPROOF_BINARY) share: a directory of their own, and a shell.
 * A test includes cmocka before this, and sets `binary`. */
#ifndef ACKPROOF_SIM_CLI_TEST_SHELL_H
#define ACKPROOF_SIM_CLI_TEST_SHELL_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *binary;
static char dir[64];
static char output[64 * 1024]; /* of the last command, stdout and stderr together */

/* A line of shell, in which $A is the program and $D the directory of this test. */
static inline int sh(const char *line)
{
    char command[2048];
    snprintf(command, sizeof command, "A='%s' D='%s'; { %s; } 2>&1", binary, dir, line);
    FILE *f = popen(command, "r");
    assert_non_null(f);
    output[fread(output, 1, sizeof output - 1, f)] = '\0';
    int status = pclose(f);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static inline void says(const char *text)
{
    if (strstr(output, text) == NULL)
        fail_msg("no \"%s\" in: %s", text, output);
}

static inline void put(const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

/* Makes the directory; its name tells whose it is. */
static inline void shell_open(const char *whose)
{
    snprintf(dir, sizeof dir, "/tmp/ackproof-%s-XXXXXX", whose);
    assert_non_null(mkdtemp(dir));
}

static inline int teardown(void **state)
{
    (void)state;
    return sh("rm -r $D");
}

#endif

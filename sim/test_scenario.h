/* What the tests of the loader share: texts that it must refuse with a certain error, or take.
 * A test includes cmocka before this. */
#ifndef ACKPROOF_SIM_TEST_SCENARIO_H
#define ACKPROOF_SIM_TEST_SCENARIO_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/scenario.h"

/* Loads a text; *said is what was printed, without the path in front. The caller frees it. */
static inline bool load(const char *text, size_t len, struct scenario *out, char **said)
{
    char path[] = "/tmp/ackproof-scenario-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, len), (ssize_t)len);
    close(fd);
    char *buf = NULL;
    size_t n = 0;
    FILE *err = open_memstream(&buf, &n);
    assert_non_null(err);
    bool ok = scenario_load(path, out, err);
    fclose(err);
    unlink(path);
    assert_non_null(buf);
    if (!ok) {
        assert_memory_equal(buf, path, strlen(path));
        memmove(buf, buf + strlen(path), n - strlen(path) + 1);
    }
    *said = buf;
    return ok;
}

static inline void wants(const char *text, const char *expected)
{
    struct scenario s;
    char *said;
    bool ok = load(text, strlen(text), &s, &said);
    assert_string_equal(said, expected);
    assert_false(ok);
    free(said);
}

static inline struct scenario good(const char *text)
{
    struct scenario s;
    char *said;
    bool ok = load(text, strlen(text), &s, &said);
    assert_string_equal(said, "");
    assert_true(ok);
    free(said);
    return s;
}

/* A file of one line behind a sound head of two: line 3 is the one that is tried. The replicas line
 * is part of some tries, so there are two heads. */
#define HEAD  "version: 1\nname: x\n"
#define PAIR  HEAD "cluster: {primary: {}, replicas: [{}]}\n"
#define ALONE HEAD "cluster: {primary: {}}\n"
#define P(x)  HEAD "cluster: {primary: {" x "}, replicas: [{}]}\n"
#define R(x)  HEAD "cluster: {replicas: [{" x "}]}\n"

struct
try {
    const char *text;
    const char *expected;
};

static inline void run(const struct try *t, size_t n)
{
    for (size_t i = 0; i < n; i++)
        wants(t[i].text, t[i].expected);
}
#define RUN(t) run(t, sizeof t / sizeof t[0])

#endif

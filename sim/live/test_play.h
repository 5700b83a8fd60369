/* What the tests of sim/live share that play a scenario on a mariadbd: a folder in which nothing
 * may remain, the scenario, and what came out.
 */
#ifndef ACKPROOF_SIM_LIVE_TEST_PLAY_H
#define ACKPROOF_SIM_LIVE_TEST_PLAY_H

#include "sim/live/guard.h"
#include "sim/live/live.h"
#include "sim/live/test_live.h"

static char parent[] = "/tmp/ackproof-live-test-XXXXXX";
static struct scenario sc;
static struct live_result result;

static inline int make_parent(void **state)
{
    (void)state;
    return mkdtemp(parent) == NULL ? -1 : 0;
}

static inline int remove_parent(void **state)
{
    (void)state;
    return guard_remove(parent) ? 0 : -1;
}

static inline bool nothing_left(void)
{
    return test_entries(parent) == 0 && test_processes(parent) == 0;
}

/* Plays the scenario; on a surprise shows what was seen. */
static inline void play(int status)
{
    struct live_options o = {.temp_dir = parent, .quiet = true};
    FILE *null = fopen("/dev/null", "we");
    int got;

    assert_non_null(null);
    got = live_run(&sc, &o, &result, null);
    (void)fclose(null);
    if (got != status) {
        for (uint32_t i = 0; i < result.n_lines; i++) {
            print_message("%s\n", result.line[i]);
        }
        fail_msg("%s: status %d (%s), expected %d", sc.name, got, result.reason, status);
    }
    assert_true(nothing_left());
}

static inline void judged(enum invariant i, enum live_verdict v)
{
    if (result.judged[i].verdict != v) {
        fail_msg("%s: %s: %s, expected %s", sc.name, invariant_id(i),
                 live_verdict_text(result.judged[i].verdict), live_verdict_text(v));
    }
    assert_int_equal(result.judged[i].broken > 0, v == LIVE_BREAKS);
    assert_int_equal(result.judged[i].how[0] != '\0', v == LIVE_BREAKS);
}

/* Is this among what was said? */
static inline bool saw(const char *text)
{
    for (uint32_t i = 0; i < result.n_lines; i++) {
        if (strstr(result.line[i], text) != NULL) {
            return true;
        }
    }
    return false;
}

/* In the case whose title begins so the restarted server's reader "reads T1 T2", no more. */
static inline bool reads_in(const char *title, const char *reads)
{
    bool here = false;

    for (uint32_t i = 0; i < result.n_lines; i++) {
        const char *line = result.line[i];
        const char *seen = strstr(line, "the second connection reads");

        if (strncmp(line, "case ", 5) == 0) {
            const char *colon = strchr(line, ':');

            here = colon != NULL && strncmp(colon + 2, title, strlen(title)) == 0;
        } else if (here && seen != NULL) {
            return strcmp(strstr(seen, "reads"), reads) == 0;
        }
    }
    return false;
}

static inline int run_with(const char *server)
{
    struct live_options o = {.temp_dir = parent, .quiet = true, .server_path = server};
    FILE *null = fopen("/dev/null", "we");
    int status;

    assert_non_null(null);
    status = live_run(&sc, &o, &result, null);
    (void)fclose(null);
    assert_true(nothing_left());
    return status;
}

/* The tests; an argument chooses some by their name: 'test_cell_2*'. Without a mariadbd 77. */
#define TEST_PLAY_MAIN(tests)                                                                      \
    int main(int argc, char **argv)                                                                \
    {                                                                                              \
        char path[512];                                                                            \
                                                                                                   \
        if (live_find_server(NULL, path) == NULL) {                                                \
            print_message("skipped: no mariadbd (Debian package mariadb-server)\n");               \
            return 77;                                                                             \
        }                                                                                          \
        if (argc > 1) {                                                                            \
            cmocka_set_test_filter(argv[1]);                                                       \
        }                                                                                          \
        return cmocka_run_group_tests(tests, make_parent, remove_parent) != 0;                     \
    }

#endif

/* The table of costs: read, refused with its place, drawn. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "reports/document.h"

#define HEAD                                                                                       \
    "sessions,transactions,replicas,losses,exhausted,states,transitions,seconds,wall_seconds,"     \
    "ns_per_transition,peak_bytes,states_max\n"

static const char *temp_path(const char *name)
{
    static char path[256];
    const char *dir = getenv("TMPDIR");
    snprintf(path, sizeof path, "%s/ackproof-costs-test-%ld-%s", dir != NULL ? dir : "/tmp",
             (long)getpid(), name);
    return path;
}

/* Reads the text as a table; what was said against it, "" where nothing was. */
static bool read_text(struct report *r, const char *text, char said[256])
{
    const char *path = temp_path("in.csv");
    assert_true(write_file(path, text, strlen(text)));
    char *buffer = NULL;
    size_t len = 0;
    FILE *err = open_memstream(&buffer, &len);
    assert_non_null(err);
    bool ok = report_read_costs(r, path, err);
    assert_int_equal(fclose(err), 0);
    const char *reason = buffer;
    if (strncmp(buffer, path, strlen(path)) == 0)
        reason += strlen(path);
    snprintf(said, 256, "%s", reason);
    free(buffer);
    remove(path);
    return ok;
}

static void refused(const char *text, const char *reason)
{
    char said[256];
    struct report *r = report_new();
    assert_false(read_text(r, text, said));
    assert_string_equal(said, reason);
    assert_null(r->costs);
    report_free(r);
}

static void bad_tables_are_refused_with_their_place(void **state)
{
    (void)state;
    refused("", ":0: empty\n");
    refused("sessions,transactions\n", ":1: not the heading of ci/bench's table of costs\n");
    refused(HEAD "1,1,1\n", ":2: 3 columns where 12 are expected\n");
    refused(HEAD "1,1,1,1,true,9,9,0.1,0.1,1,1,1,1\n", ":2: 13 columns where 12 are expected\n");
    refused(HEAD "1,1,1,1,maybe,9,9,0.1,0.1,1,1,1\n",
            ":2: exhausted is 'maybe', not true or false\n");
    refused(HEAD "1,1,1,1,true,9,-9,0.1,0.1,1,1,1\n", ":2: '-9' is not a number from 0\n");
    refused(HEAD "1,1,1,1,true,9,9,nan,0.1,1,1,1\n", ":2: 'nan' is not a number from 0\n");
    refused(HEAD "1,1,1,1,true,0,9,0.1,0.1,1,1,1\n", ":2: a search has at least one state\n");
    refused(HEAD "1,1,1,1,true,9,9,0.1,0.1,1,1,1", ":2: a line that is cut or too long\n");
}

static void no_table_is_no_section(void **state)
{
    (void)state;
    struct report *r = report_new();
    assert_true(report_read_costs(r, temp_path("missing.csv"), stderr));
    assert_null(r->costs);
    report_free(r);
}

static size_t times(const char *text, const char *part)
{
    size_t n = 0;
    for (const char *at = strstr(text, part); at != NULL; at = strstr(at + 1, part))
        n++;
    return n;
}

/* Four points on the axis of sessions, one cut, one not finished in its time; one point on none. */
static void curves_show_what_was_measured(void **state)
{
    (void)state;
    char said[256];
    struct report *r = report_new();
    assert_true(read_text(r,
                          HEAD "1,2,1,1,true,1000,3000,0.002,0.1,1,8000000,5\n"
                               "2,2,1,1,true,20000,60000,0.03,0.1,1,9000000,5\n"
                               "3,2,1,1,false,200000,600000,0.4,0.1,1,19000000,5\n"
                               "4,2,1,1,false,,,15,15,,99,5\n"
                               "3,3,1,1,true,777777,800000,1,1,1,1000,5\n",
                          said));
    assert_int_equal(json_array_size(r->costs), 4);
    const char *path = temp_path("out.html");
    assert_true(report_html(r, path, stderr));
    char *page = calloc(1, 1 << 20);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    assert_true(fread(page, 1, (1 << 20) - 1, f) > 0);
    assert_int_equal(fclose(f), 0);
    remove(path);
    assert_non_null(strstr(page, "What a search costs"));
    /* The axes of transactions, replicas and losses have the one point they share with it. */
    assert_int_equal(times(page, "class=\"curve\""), 12);
    assert_int_equal(times(page, "<circle class=\"start\""), 3);
    assert_int_equal(times(page, "<circle class=\"dot\""), 3 * (2 + 3));
    assert_non_null(strstr(page, "777,777"));
    assert_non_null(strstr(page, "no: cut at this many"));
    free(page);
    report_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_tables_are_refused_with_their_place),
        cmocka_unit_test(no_table_is_no_section),
        cmocka_unit_test(curves_show_what_was_measured),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}

#include "sim/live/live.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/live/run.h"

enum {
    STATUS_AS_EXPECTED = 0,
    STATUS_DIFFERS = 1,
    STATUS_FAILED = 3,
    STATUS_SKIPPED = 77,
    STATUS_SIGNAL = 128,
};

const char *live_verdict_text(enum live_verdict v)
{
    switch (v) {
    case LIVE_NOT_JUDGED:
        return "not judged";
    case LIVE_HOLDS:
        return "holds";
    case LIVE_BREAKS:
        return "breaks";
    }
    assert(false);
    return "?";
}

static const char *expectation_text(enum expectation e)
{
    return e == EXPECT_HOLDS ? "holds" : e == EXPECT_BREAKS ? "breaks" : "-";
}

/* ---- speaking ------------------------------------------------------------------------------- */

static void print_line(const struct live_run *r, const char *line, bool always)
{
    bool red =
        r->opt->colour && (strstr(line, "BROKEN") != NULL || strstr(line, "DIFFERS") != NULL);

    if (always || !r->opt->quiet) {
        (void)fprintf(r->log, "%s%s%s\n", red ? "\033[31m" : "", line, red ? "\033[0m" : "");
        (void)fflush(r->log); /* somebody watches: a case takes a second or two */
    }
}

static void keep_line(struct live_run *r, const char *line)
{
    if (r->out->n_lines < LIVE_LINES_MAX) {
        (void)snprintf(r->out->line[r->out->n_lines++], LIVE_LINE_MAX, "%s", line);
    }
}

static void say(struct live_run *r, bool always, const char *format, va_list args)
{
    char line[LIVE_LINE_MAX];

    (void)vsnprintf(line, sizeof line, format, args);
    for (size_t n = strlen(line); n > 0 && line[n - 1] == ' '; n--) {
        line[n - 1] = '\0'; /* an empty last column of the table */
    }
    keep_line(r, line);
    print_line(r, line, always);
}

void run_say(struct live_run *r, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    say(r, false, format, args);
    va_end(args);
}

static void table(struct live_run *r, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void table(struct live_run *r, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    say(r, true, format, args);
    va_end(args);
}

bool run_fail(struct live_run *r, const char *format, ...)
{
    va_list args;

    if (r->out->reason[0] == '\0') {
        va_start(args, format);
        (void)vsnprintf(r->out->reason, sizeof r->out->reason, format, args);
        va_end(args);
    }
    return false;
}

/* ---- judging -------------------------------------------------------------------------------- */

void run_case(struct live_run *r, const char *title)
{
    r->judged = 0;
    r->broken = 0;
    r->out->n_cases++;
    run_say(r, "case %u: %s", r->out->n_cases, title);
}

void run_held(struct live_run *r, enum invariant i)
{
    assert(i < INVARIANTS);
    r->judged |= 1u << i;
}

void run_broke(struct live_run *r, enum invariant i, const char *format, ...)
{
    struct live_judgement *j = &r->out->judged[i];
    va_list args;
    int n;

    assert(i < INVARIANTS);
    r->judged |= 1u << i;
    r->broken |= 1u << i;
    if (j->how[0] == '\0') {
        n = snprintf(j->how, sizeof j->how, "case %u: ", r->out->n_cases);
        va_start(args, format);
        (void)vsnprintf(j->how + n, sizeof j->how - (size_t)n, format, args);
        va_end(args);
    }
}

void run_judge(struct live_run *r, enum invariant i, txn_mask bad, const char *how)
{
    char txns[TXNS_TEXT_MAX];

    if (bad == 0) {
        run_held(r, i);
    } else {
        run_broke(r, i, "%s: %s", txns_text(bad, txns), how);
    }
}

void run_case_end(struct live_run *r)
{
    char text[LIVE_LINE_MAX];
    size_t n = 0;

    text[0] = '\0';
    for (int i = 0; i < INVARIANTS; i++) {
        struct live_judgement *j = &r->out->judged[i];
        bool broke = (r->broken >> i & 1) != 0;

        if ((r->judged >> i & 1) == 0) {
            continue;
        }
        j->cases++;
        j->broken += broke ? 1 : 0;
        n += (size_t)snprintf(text + n, sizeof text - n, "  %s %s", invariant_id((enum invariant)i),
                              broke ? "BROKEN" : "held");
        assert(n < sizeof text);
    }
    if (text[0] != '\0') {
        run_say(r, "  %s", text);
    }
}

/* ---- the verdicts --------------------------------------------------------------------------- */

static void conclude(struct live_run *r)
{
    for (int i = 0; i < INVARIANTS; i++) {
        struct live_judgement *j = &r->out->judged[i];

        j->verdict = j->cases == 0 ? LIVE_NOT_JUDGED : j->broken == 0 ? LIVE_HOLDS : LIVE_BREAKS;
        r->out->n_judged += j->verdict != LIVE_NOT_JUDGED ? 1 : 0;
    }
}

static bool differs(const struct live_judgement *j)
{
    return j->expected != EXPECT_NONE && j->verdict != LIVE_NOT_JUDGED &&
           (j->verdict == LIVE_HOLDS) != (j->expected == EXPECT_HOLDS);
}

static void print_row(struct live_run *r, enum invariant i)
{
    const struct live_judgement *j = &r->out->judged[i];
    const char *search = r->opt->search_said[i];
    char seen[48];

    if (j->verdict == LIVE_NOT_JUDGED) {
        (void)snprintf(seen, sizeof seen, "not judged");
    } else if (j->verdict == LIVE_HOLDS) {
        (void)snprintf(seen, sizeof seen, "held in %u of %u", j->cases, j->cases);
    } else {
        (void)snprintf(seen, sizeof seen, "broke in %u of %u", j->broken, j->cases);
    }
    table(r, "%-10s %-16s %-9s %-13s %s", invariant_id(i), seen, expectation_text(j->expected),
          search == NULL ? "-" : search,
          differs(j)                      ? "DIFFERS"
          : j->verdict == LIVE_NOT_JUDGED ? ""
          : j->expected == EXPECT_NONE    ? ""
                                          : "as expected");
}

static int print_table(struct live_run *r)
{
    int status = STATUS_AS_EXPECTED;

    table(r, "%s on mariadbd %s: %u cases, %.1f s", r->out->scenario, r->out->server_version,
          r->out->n_cases, r->out->seconds);
    table(r, "%-10s %-16s %-9s %-13s", "promise", "seen here", "scenario", "search");
    for (int i = 0; i < INVARIANTS; i++) {
        const struct live_judgement *j = &r->out->judged[i];

        if (j->verdict != LIVE_NOT_JUDGED || j->expected != EXPECT_NONE) {
            print_row(r, (enum invariant)i);
        }
        if (differs(j)) {
            status = STATUS_DIFFERS;
        }
    }
    for (int i = 0; i < INVARIANTS; i++) {
        if (r->out->judged[i].verdict == LIVE_BREAKS) {
            table(r, "%-10s %s", invariant_id((enum invariant)i), r->out->judged[i].how);
        }
    }
    return status;
}

static void save_lines(const struct live_run *r)
{
    char path[1024];
    FILE *f;

    if (r->opt->out_dir == NULL) {
        return;
    }
    (void)mkdir(r->opt->out_dir, 0777);
    (void)snprintf(path, sizeof path, "%s/%s.live.txt", r->opt->out_dir, r->out->scenario);
    f = fopen(path, "we");
    if (f == NULL) {
        (void)fprintf(r->log, "live: %s: %s\n", path, strerror(errno));
        return;
    }
    for (uint32_t i = 0; i < r->out->n_lines; i++) {
        (void)fprintf(f, "%s\n", r->out->line[i]);
    }
    (void)fclose(f);
}

/* ---- start and end -------------------------------------------------------------------------- */

static bool executable(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

const char *live_find_server(const char *server_path, char path[512])
{
    const char *dirs = getenv("PATH");
    char list[4096];
    char *save = NULL;

    if (server_path != NULL) {
        int n = snprintf(path, 512, "%s", server_path);

        return n > 0 && n < 512 && executable(path) ? path : NULL;
    }
    (void)snprintf(list, sizeof list, "%.4000s:/usr/sbin", dirs == NULL ? "" : dirs);
    for (char *d = strtok_r(list, ":", &save); d != NULL; d = strtok_r(NULL, ":", &save)) {
        int n = snprintf(path, 512, "%s/mariadbd", d);

        if (n > 0 && n < 512 && executable(path)) {
            return path;
        }
    }
    return NULL;
}

static int skip(struct live_run *r)
{
    (void)fprintf(r->log, "live: %s: skipped: %s\n", r->out->scenario, r->out->reason);
    return STATUS_SKIPPED;
}

static bool (*const players[])(struct live_run *r) = {
    [LIVE_PRIMARY_LOST] = primary_lost,
    [LIVE_OPERATED] = operated,
    [LIVE_DDL] = ddl_under_way,
    [LIVE_REPLICA_AWAY] = replica_away,
    [LIVE_SHUT_DOWN] = shut_down_by_operator,
    [LIVE_UNDISTURBED] = undisturbed,
    [LIVE_INDEX_LIES] = index_lies,
    [LIVE_DISK_FAILS] = disk_fails,
    [LIVE_RECEIVER_LOST] = receiver_lost,
    [LIVE_ALONE] = alone,
};

static int play(struct live_run *r, const char *server)
{
    enum server_made made = server_make(&r->server, &r->guard, server);
    bool played;
    int rc;

    if (made != SERVER_MADE) {
        (void)run_fail(r, "%s", r->server.why);
        return made == SERVER_MISSING ? skip(r) : STATUS_FAILED;
    }
    if (r->plan.watched && !server_watch(&r->server)) {
        (void)run_fail(r, "no lib/ackproof_power.so beside this program: without it no power loss "
                          "and no disk that fails");
        return skip(r);
    }
    rc = uv_loop_init(&r->loop);
    if (rc != 0) {
        (void)run_fail(r, "uv_loop_init: %s", uv_strerror(rc));
        return STATUS_FAILED;
    }
    played = players[r->plan.kind](r);
    (void)uv_run(&r->loop, UV_RUN_NOWAIT); /* close callbacks that are still due */
    rc = uv_loop_close(&r->loop);
    assert(rc == 0 || !played);
    (void)rc;
    return played ? STATUS_AS_EXPECTED : STATUS_FAILED;
}

static const char *temp_parent(const struct live_options *o)
{
    const char *t = o->temp_dir != NULL ? o->temp_dir : getenv("TMPDIR");

    return t == NULL || t[0] == '\0' ? "/tmp" : t;
}

static int guarded(struct live_run *r, const char *server)
{
    uint64_t begin = guard_now_ms();
    int sig;
    int status;

    if (!guard_start(&r->guard, temp_parent(r->opt))) {
        (void)run_fail(r, "temporary directory: %s", strerror(errno));
        return STATUS_FAILED;
    }
    status = play(r, server);
    sig = guard_signal();
    if (!guard_stop(&r->guard)) {
        (void)run_fail(r, "something in the temporary directory could not be removed");
        status = STATUS_FAILED;
    }
    r->out->seconds = (double)(guard_now_ms() - begin) / 1000.0;
    if (sig != 0) {
        (void)fprintf(r->log, "live: %s: interrupted, everything removed\n", r->out->scenario);
        return STATUS_SIGNAL + sig;
    }
    return status;
}

int live_run(const struct scenario *sc, const struct live_options *o, struct live_result *out,
             FILE *log)
{
    struct live_run *r = calloc(1, sizeof *r);
    char path[512];
    const char *server;
    int status;

    assert(sc != NULL && o != NULL && out != NULL && log != NULL);
    assert(r != NULL);
    memset(out, 0, sizeof *out);
    r->sc = sc;
    r->opt = o;
    r->out = out;
    r->log = log;
    (void)snprintf(out->scenario, sizeof out->scenario, "%s", sc->name);
    for (int i = 0; i < INVARIANTS; i++) {
        out->judged[i].expected = sc->expect[i];
    }
    server = live_find_server(o->server_path, path);
    if (server == NULL) {
        (void)run_fail(r,
                       "no program %.80s: install the Debian package mariadb-server, or name a "
                       "mariadbd with --server",
                       o->server_path == NULL ? "mariadbd" : o->server_path);
        status = skip(r);
    } else if (!plan_make(sc, server_version(server), &r->plan, out->reason, sizeof out->reason)) {
        status = skip(r);
    } else {
        status = guarded(r, server);
        if (status == STATUS_AS_EXPECTED) {
            conclude(r);
            status = print_table(r);
            save_lines(r);
        } else if (status == STATUS_FAILED) {
            (void)fprintf(log, "live: %s: failed: %s\n", out->scenario, out->reason);
        }
    }
    free(r);
    return status;
}

#include "sim/live/server.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATH_AND_NAME (GUARD_PATH_MAX + 64)

static bool fail(struct live_server *s, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static bool fail(struct live_server *s, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(s->why, sizeof s->why, format, args);
    va_end(args);
    return false;
}

/* ---- the error log -------------------------------------------------------------------------- */

/* What is said behind every reason for which a server does not start. */
static bool only_follows(const char *error)
{
    static const char *const words[] = {"Crash recovery failed", "Can't init tc log", "Aborting"};
    bool follows = false;

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        follows |= strstr(error, words[i]) != NULL;
    }
    return follows;
}

/* A failed assertion, else the last line of the log that says ERROR and why, else the last line;
 * that is what a DBA would look at. Without the time before it. */
static void log_quote(const char *path, char *text, size_t cap)
{
    char line[512];
    int best = 0;
    FILE *f = fopen(path, "re");

    text[0] = '\0';
    if (f == NULL) {
        return;
    }
    while (fgets(line, sizeof line, f) != NULL) {
        const char *error = strstr(line, "[ERROR]");
        int rank = strstr(line, "Assertion") != NULL       ? 2
                   : error != NULL && !only_follows(error) ? 1
                                                           : 0;

        line[strcspn(line, "\n")] = '\0';
        if (line[0] != '\0' && rank >= best) {
            (void)snprintf(text, cap, "%.*s", (int)cap - 1, error == NULL ? line : error);
            best = rank;
        }
    }
    (void)fclose(f);
}

/* ---- initialising --------------------------------------------------------------------------- */

static void folder_of(const char *path, char *folder, size_t cap)
{
    const char *slash = strrchr(path, '/');

    (void)snprintf(folder, cap, "%.*s", slash == NULL ? 1 : (int)(slash - path),
                   slash == NULL ? "." : path);
}

/* The tool belongs to the server: look beside it first. */
static bool find_install_db(const char *server, char tool[PATH_AND_NAME])
{
    static const char *const beside[] = {"/mariadb-install-db", "/../bin/mariadb-install-db",
                                         "/../scripts/mariadb-install-db"};
    char folder[GUARD_PATH_MAX];

    folder_of(server, folder, sizeof folder);
    for (size_t i = 0; i < sizeof beside / sizeof beside[0]; i++) {
        (void)snprintf(tool, PATH_AND_NAME, "%s%s", folder, beside[i]);
        if (access(tool, X_OK) == 0) {
            return true;
        }
    }
    (void)snprintf(tool, PATH_AND_NAME, "/usr/bin/mariadb-install-db");
    return access(tool, X_OK) == 0;
}

static void redirect(const char *log)
{
    int in = open("/dev/null", O_RDONLY);
    int out = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);

    if (in >= 0) {
        (void)dup2(in, 0);
    }
    if (out >= 0) {
        (void)dup2(out, 1);
        (void)dup2(out, 2);
    }
    if (in > 2) {
        (void)close(in);
    }
    if (out > 2) {
        (void)close(out);
    }
}

/* In the child: does not return. */
static _Noreturn void exec_install_db(const struct live_server *s, const char *tool,
                                      const char *table, const char *log)
{
    char basedir[PATH_AND_NAME];
    char datadir[PATH_AND_NAME];
    char folder[GUARD_PATH_MAX];
    char extra[PATH_AND_NAME + 16];
    char tmpdir[PATH_AND_NAME];
    char *argv[13];
    int n = 0;

    redirect(log);
    folder_of(s->path, folder, sizeof folder);
    (void)snprintf(basedir, sizeof basedir, "--basedir=%s/..", folder);
    (void)snprintf(datadir, sizeof datadir, "--datadir=%s", s->pristine);
    argv[n++] = (char *)(uintptr_t)tool;
    argv[n++] = (char *)(uintptr_t) "--no-defaults";
    if (strncmp(s->path, "/usr/", 5) != 0) {
        argv[n++] = basedir; /* not the packaged one: its own messages and system tables */
    }
    argv[n++] = datadir;
    argv[n++] = (char *)(uintptr_t) "--auth-root-authentication-method=normal";
    argv[n++] = (char *)(uintptr_t) "--skip-test-db";
    (void)snprintf(extra, sizeof extra, "--extra-file=%s", table);
    argv[n++] = extra;
    /* A server that starts removes all #sql* of its tmpdir, those of another one too. */
    (void)snprintf(tmpdir, sizeof tmpdir, "--tmpdir=%s", s->guard->dir);
    argv[n++] = tmpdir;
    argv[n++] = (char *)(uintptr_t) "--skip-log-bin";
    argv[n++] = (char *)(uintptr_t) "--innodb-log-file-size=4M";
    if (geteuid() == 0) {
        argv[n++] = (char *)(uintptr_t) "--user=root";
    }
    argv[n] = NULL;
    (void)execv(tool, argv);
    _exit(127);
}

/* The table of the workload is part of the data directory: without a binlog event, so that every
 * replica starts from the same empty position, and durable before any case begins. */
static bool write_table(const char *path)
{
    FILE *f = fopen(path, "we");

    if (f == NULL) {
        return false;
    }
    (void)fputs(SESSION_TABLE, f);
    return fclose(f) == 0;
}

enum server_made server_make(struct live_server *s, struct guard *g, const char *path)
{
    char tool[PATH_AND_NAME];
    char table[PATH_AND_NAME];
    char log[PATH_AND_NAME];
    char quote[120];
    int status = 0;
    int n;

    assert(s != NULL && g != NULL && path != NULL);
    assert(g->dir[0] != '\0');
    memset(s, 0, sizeof *s);
    s->guard = g;
    (void)snprintf(s->path, sizeof s->path, "%s", path);
    (void)snprintf(s->pristine, sizeof s->pristine, "%.400s/pristine", g->dir);
    (void)snprintf(log, sizeof log, "%s/install.log", g->dir);
    (void)snprintf(table, sizeof table, "%s/table.sql", g->dir);
    n = snprintf(s->socket, sizeof s->socket, "%.512s/s", g->dir);
    if (n < 0 || (size_t)n >= sizeof s->socket) {
        (void)fail(s, "the temporary directory's name is too long for a unix "
                      "socket; choose another with --temp");
        return SERVER_FAILED;
    }
    if (!find_install_db(path, tool)) {
        (void)fail(s, "no mariadb-install-db beside the server or in /usr/bin "
                      "(Debian package mariadb-server)");
        return SERVER_MISSING;
    }
    if (!write_table(table)) {
        (void)fail(s, "%.120s: %s", table, strerror(errno));
        return SERVER_FAILED;
    }
    s->pid = guard_fork(g, -1);
    if (s->pid == 0) {
        exec_install_db(s, tool, table, log);
    }
    if (s->pid < 0) {
        s->pid = 0;
        (void)fail(s, "fork: %s", strerror(errno));
        return SERVER_FAILED;
    }
    if (!guard_reap(g, s->pid, SERVER_READY_MS, &status)) {
        guard_kill(g, s->pid, SIGKILL);
        (void)fail(s, "mariadb-install-db did not end");
        return SERVER_FAILED; /* guard_stop reaps it */
    }
    s->pid = 0;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        log_quote(log, quote, sizeof quote);
        (void)fail(s, "mariadb-install-db failed: %s", quote);
        return SERVER_FAILED;
    }
    return SERVER_MADE;
}

/* ---- a fresh data directory ----------------------------------------------------------------- */

/* nftw hands no argument to its callback. */
static const char *copy_from;
static const char *copy_to;

static int copy_file(const char *from, const char *to, off_t size)
{
    int in = open(from, O_RDONLY | O_CLOEXEC);
    int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    ssize_t n = 0;

    while (in >= 0 && out >= 0 && size > 0) {
        n = copy_file_range(in, NULL, out, NULL, (size_t)size, 0);
        if (n <= 0) {
            break;
        }
        size -= n;
    }
    if (in >= 0) {
        (void)close(in);
    }
    if (out >= 0) {
        (void)close(out);
    }
    return in >= 0 && out >= 0 && size == 0 ? 0 : -1;
}

static int copy_entry(const char *path, const struct stat *st, int type, struct FTW *at)
{
    char to[PATH_MAX];
    int n = snprintf(to, sizeof to, "%s%s", copy_to, path + strlen(copy_from));

    (void)at;
    if (n < 0 || (size_t)n >= sizeof to) {
        return -1;
    }
    if (type == FTW_D) {
        return mkdir(to, 0700);
    }
    return type == FTW_F ? copy_file(path, to, st->st_size) : 0;
}

bool server_fresh(struct live_server *s, const char *name)
{
    int rc;

    assert(s != NULL && name != NULL && strchr(name, '/') == NULL);
    assert(s->pid == 0 && s->data[0] == '\0');
    (void)snprintf(s->data, sizeof s->data, "%.400s/%.60s", s->guard->dir, name);
    (void)snprintf(s->journal, sizeof s->journal, "%.400s/%.60s.undo", s->guard->dir, name);
    if (s->watched && mkdir(s->journal, 0700) != 0) {
        return fail(s, "%.120s: %s", s->journal, strerror(errno));
    }
    copy_from = s->pristine;
    copy_to = s->data;
    errno = 0;
    rc = nftw(s->pristine, copy_entry, 16, FTW_PHYS);
    copy_from = copy_to = NULL;
    return rc == 0 || fail(s, "copying the data directory: %s", strerror(errno));
}

void server_discard(struct live_server *s)
{
    assert(s != NULL);
    if (s->pid == 0 && s->data[0] != '\0') { /* still running: a signal came; guard_stop removes */
        (void)guard_remove(s->data);
        (void)guard_remove(s->journal);
        s->data[0] = '\0';
    }
}

/* ---- start ---------------------------------------------------------------------------------- */

enum { ARGS_MAX = 40, ARG_TEXT_MAX = PATH_AND_NAME };

struct args {
    int n;
    char *argv[ARGS_MAX + 1];
    char text[ARGS_MAX][ARG_TEXT_MAX];
};

static void arg(struct args *a, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void arg(struct args *a, const char *format, ...)
{
    va_list list;

    assert(a->n < ARGS_MAX);
    va_start(list, format);
    (void)vsnprintf(a->text[a->n], ARG_TEXT_MAX, format, list);
    va_end(list);
    a->argv[a->n] = a->text[a->n];
    a->n++;
}

/* mariadbd has no infinite timeout; an hour outlives every case. */
static uint32_t timeout_of(const struct server_settings *set)
{
    return set->semi_sync_timeout_ms == 0 ? 3600000 : set->semi_sync_timeout_ms;
}

static void server_args(struct args *a, const struct live_server *s,
                        const struct server_settings *set)
{
    arg(a, "%s", s->path);
    arg(a, "--no-defaults");
    arg(a, "--datadir=%s", s->data);
    arg(a, "--socket=%s", s->socket);
    arg(a, "--pid-file=%s/pid", s->data);
    arg(a, "--log-error=%s/error.log", s->data);
    arg(a, "--tmpdir=%s", s->guard->dir);
    arg(a, "--skip-networking");
    if (geteuid() == 0) {
        arg(a, "--user=root");
    }
    if (strncmp(s->path, "/usr/", 5) != 0) {
        char folder[GUARD_PATH_MAX];

        folder_of(s->path, folder, sizeof folder);
        arg(a, "--basedir=%s/..", folder);
    }
    arg(a, "--innodb-buffer-pool-size=8M");
    arg(a, "--innodb-log-file-size=4M");
    if (s->watched) { /* every write and every fsync as a call that can be seen */
        arg(a, "--innodb-use-native-aio=0");
        arg(a, "--innodb-flush-method=fsync");
        arg(a, "--loose-innodb-log-file-buffering=ON");
        arg(a, "--loose-innodb-log-file-mmap=OFF");
    }
    arg(a, "--key-buffer-size=1M");
    arg(a, "--aria-pagecache-buffer-size=1M");
    arg(a, "--performance-schema=OFF");
    arg(a, "--skip-slave-start");
    arg(a, "--log-bin=binlog");
    arg(a, "--binlog-format=ROW");
    arg(a, "--binlog-checksum=CRC32");
    arg(a, "--loose-binlog-gtid-index=OFF"); /* a file beside each binlog, of no concern here */
    arg(a, "--loose-binlog-large-commit-threshold=%d", SESSION_LARGE_MIN);
    arg(a, "--gtid-strict-mode=ON");
    arg(a, "--server-id=%" PRIu32, set->server_id);
    arg(a, "--gtid-domain-id=%" PRIu32, set->domain_id);
    arg(a, "--sync-binlog=%" PRIu32, set->sync_binlog);
    arg(a, "--innodb-flush-log-at-trx-commit=%" PRIu32, set->flush_log_at_trx_commit);
    if (set->max_binlog_size > 0) {
        arg(a, "--max-binlog-size=%d", SESSION_PAD);
    }
    if (set->init_rpl_role == ROLE_SLAVE) {
        arg(a, "--init-rpl-role=SLAVE");
    }
    if (set->commit_order == ORDER_BY_OWN_THREADS) {
        arg(a, "--binlog-optimize-thread-scheduling=OFF");
    }
    if (set->recovery == RECOVERY_READ_ONLY) {
        arg(a, "--read-only=1");
    }
    arg(a, "--rpl-semi-sync-master-enabled=%s", set->semi_sync_master ? "ON" : "OFF");
    arg(a, "--rpl-semi-sync-master-timeout=%" PRIu32, timeout_of(set));
    arg(a, "--rpl-semi-sync-master-wait-no-slave=%s", set->wait_no_slave ? "ON" : "OFF");
    arg(a, "--rpl-semi-sync-master-wait-point=%s",
        set->wait_point == WAIT_AFTER_COMMIT ? "AFTER_COMMIT" : "AFTER_SYNC");
}

static bool wait_ready(struct live_server *s, struct live_session *client)
{
    uint64_t end = guard_now_ms() + SERVER_READY_MS;

    while (guard_now_ms() < end) {
        if (guard_signal() != 0) {
            return fail(s, "interrupted");
        }
        if (server_died(s)) {
            return false;
        }
        if (access(s->socket, F_OK) == 0 && session_open(client, s->socket)) {
            return true;
        }
        guard_sleep_ms(20);
    }
    return fail(s, "the server did not answer within %d s: %.120s", SERVER_READY_MS / 1000,
                client->error);
}

bool server_start(struct live_server *s, const struct server_settings *set,
                  struct live_session *client)
{
    struct args a;
    char log[PATH_AND_NAME];

    assert(s != NULL && set != NULL && client != NULL);
    assert(s->pid == 0 && s->data[0] != '\0');
    assert(set->wait_point != WAIT_BEFORE_WRITE); /* no released server has it */
    memset(&a, 0, sizeof a);
    memset(client, 0, sizeof *client);
    server_args(&a, s, set);
    (void)unlink(s->socket);
    (void)snprintf(log, sizeof log, "%s/console.log", s->data);
    s->pid = guard_fork(s->guard, -1);
    if (s->pid == 0) {
        redirect(log);
        if (s->watched) {
            power_preload(s->object, s->data, s->journal);
        }
        if (chdir(s->data) == 0) {
            (void)execv(s->path, a.argv);
        }
        _exit(127);
    }
    if (s->pid < 0) {
        s->pid = 0;
        return fail(s, "fork: %s", strerror(errno));
    }
    return wait_ready(s, client);
}

bool server_ended(struct live_server *s, int *status)
{
    assert(s != NULL && status != NULL);
    if (s->pid == 0 || !guard_reap(s->guard, s->pid, 0, status)) {
        return false;
    }
    s->pid = 0;
    return true;
}

bool server_died(struct live_server *s)
{
    char log[PATH_AND_NAME];
    char quote[160];
    int status = 0;

    if (!server_ended(s, &status)) {
        return false;
    }
    (void)snprintf(log, sizeof log, "%s/error.log", s->data);
    log_quote(log, quote, sizeof quote);
    if (quote[0] == '\0') {
        (void)snprintf(log, sizeof log, "%s/console.log", s->data);
        log_quote(log, quote, sizeof quote);
    }
    (void)fail(s, "the server ended by itself (%s %d): %s",
               WIFSIGNALED(status) ? "signal" : "status",
               WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), quote);
    return true;
}

void server_kill(struct live_server *s)
{
    int status = 0;

    assert(s != NULL);
    if (s->pid == 0) {
        return;
    }
    guard_kill(s->guard, s->pid, SIGKILL);
    /* A signal to us ends the wait early; guard_stop then reaps. */
    if (guard_reap(s->guard, s->pid, 10000, &status)) {
        s->pid = 0;
    }
}

uint32_t server_version(const char *path)
{
    char command[GUARD_PATH_MAX + 40];
    char line[256] = "";
    unsigned major;
    unsigned minor;
    unsigned patch;
    const char *ver;
    FILE *f;

    (void)snprintf(command, sizeof command, "'%.512s' --no-defaults --version 2>/dev/null", path);
    f = strchr(path, '\'') != NULL ? NULL : popen(command, "re");
    if (f == NULL) {
        return 0;
    }
    if (fgets(line, sizeof line, f) == NULL) {
        line[0] = '\0';
    }
    (void)pclose(f);
    ver = strstr(line, "Ver ");
    if (ver == NULL || sscanf(ver, "Ver %u.%u.%u", &major, &minor, &patch) != 3) {
        return 0;
    }
    return major * 10000 + minor * 100 + patch;
}

bool server_watch(struct live_server *s)
{
    assert(s != NULL && s->pid == 0);
    s->watched = power_object(s->object) != NULL;
    return s->watched;
}

bool server_power_off(struct live_server *s, const char *stem, struct power_loss *loss)
{
    assert(s != NULL && s->watched && loss != NULL);
    server_kill(s);
    return s->pid == 0 && power_lose(s->journal, stem, loss, s->why, sizeof s->why);
}

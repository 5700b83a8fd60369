/* What a real mariadbd writes must be understood by our decoders, to the last byte.
 *
 * Starts a server of its own in a scratch directory, on a unix socket only, lets it write several
 * binlog files, and reads them. Nothing of it is left at the end (test_process.h). */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "format/event.h"
#include "format/event_crc.h"
#include "format/test_process.h"

enum { FILES = 4, GTIDS_MAX = 256, READY_TICKS = 600 };

static const char sql[] =
    "CREATE DATABASE d; USE d;"
    "CREATE TABLE t (k INT NOT NULL, v INT NOT NULL) ENGINE=InnoDB;"
    "CREATE TABLE m (k INT NOT NULL, v INT NOT NULL) ENGINE=MyISAM;"
    "CREATE TABLE w (a VARCHAR(50), b DOUBLE, c INT) ENGINE=InnoDB;"
    "INSERT INTO t VALUES (1001, -1001);"
    "INSERT INTO t VALUES (2, 20), (3, 30);"
    "FLUSH BINARY LOGS;"
    "BEGIN; INSERT INTO w VALUES ('x', 0.5, 1); SAVEPOINT s; INSERT INTO t VALUES (4, 40);"
    " ROLLBACK TO s; INSERT INTO t VALUES (5, 50); COMMIT;"
    "INSERT INTO m VALUES (6, 60);"
    "BEGIN; INSERT INTO t VALUES (7, 70); INSERT INTO m VALUES (7, 70); ROLLBACK;"
    "UPDATE t SET v = v + 1; DELETE FROM t WHERE k = 2;"
    "SET SESSION gtid_domain_id = 3; INSERT INTO t VALUES (8, 80); INSERT INTO t VALUES (9, 90);"
    "SET SESSION gtid_domain_id = 0; SET SESSION server_id = 8; INSERT INTO t VALUES (10, 100);"
    "SET SESSION server_id = 7; INSERT INTO t VALUES (11, 110);"
    "FLUSH BINARY LOGS;"
    "SET SESSION binlog_format = STATEMENT;"
    "SET @u = 5; INSERT INTO w VALUES (@u, RAND(), LAST_INSERT_ID());"
    "INSERT INTO m VALUES (@u, 12);"
    "SET SESSION binlog_format = ROW;"
    "XA START 'a'; INSERT INTO t VALUES (13, 130); XA END 'a'; XA PREPARE 'a'; XA COMMIT 'a';"
    "ALTER TABLE t ADD INDEX (k); DROP TABLE w; TRUNCATE TABLE m;"
    "FLUSH BINARY LOGS;"
    "SET GLOBAL binlog_commit_wait_count = 2; SET GLOBAL binlog_commit_wait_usec = 5000000;";

static char mariadbd[TEST_PATH_MAX];
static char install_db[TEST_PATH_MAX];
static char client[TEST_PATH_MAX];
static char mariadb_binlog[TEST_PATH_MAX];

static const char *scratch;
static char datadir[TEST_PATH_MAX + 32];
static char socket_option[TEST_PATH_MAX + 32];
static char log_path[TEST_PATH_MAX + 32];

static struct binlog {
    uint8_t *bytes;
    uint32_t len;
} files[FILES];
static struct binlog while_running; /* the last file before the shutdown */
static struct gtid seen[GTIDS_MAX];
static uint32_t seen_n;

static void binlog_path(char *path, size_t cap, int i)
{
    const int n = snprintf(path, cap, "%s/binlog.%06d", datadir, i + 1);
    assert_true(n > 0 && (size_t)n < cap);
}

static void show_log(void)
{
    uint32_t len = 0;
    uint8_t *text = test_read_file(log_path, &len);
    print_error("%s\n", text == NULL ? "no log" : (const char *)text);
    free(text);
}

static pid_t start_client(const char *statements, const char *output)
{
    const char *const argv[] = {client,      "--no-defaults", "--user=root", socket_option,
                                "--execute", statements,      NULL};
    return test_start(argv, output);
}

static void install(void)
{
    char data_option[sizeof datadir + 16];
    (void)snprintf(data_option, sizeof data_option, "--datadir=%s", datadir);
    const char *argv[] = {install_db,
                          "--no-defaults",
                          data_option,
                          "--auth-root-authentication-method=normal",
                          "--skip-test-db",
                          NULL,
                          NULL};
    if (geteuid() == 0) {
        argv[5] = "--user=root";
    }
    const int status = test_run(argv, log_path);
    if (status != 0) {
        show_log();
    }
    assert_int_equal(status, 0);
}

static pid_t start_server(void)
{
    char data_option[sizeof datadir + 16];
    char pid_option[sizeof datadir + 32];
    (void)snprintf(data_option, sizeof data_option, "--datadir=%s", datadir);
    (void)snprintf(pid_option, sizeof pid_option, "--pid-file=%s/pid", datadir);
    const char *argv[] = {mariadbd,
                          "--no-defaults",
                          data_option,
                          socket_option,
                          pid_option,
                          "--skip-networking",
                          "--server-id=7",
                          "--log-bin=binlog",
                          "--binlog-format=ROW",
                          "--binlog-checksum=CRC32",
                          "--innodb-buffer-pool-size=16M",
                          "--innodb-log-file-size=8M",
                          NULL,
                          NULL};
    if (geteuid() == 0) {
        argv[12] = "--user=root";
    }
    const pid_t server = test_start(argv, log_path);
    assert_true(server > 0);
    return server;
}

static void wait_until_ready(pid_t server, const char *out)
{
    for (int tick = 0; tick < READY_TICKS; tick++) {
        if (test_wait(start_client("SELECT 1", out)) == 0) {
            return;
        }
        if (waitpid(server, NULL, WNOHANG) == server) {
            break;
        }
        test_sleep_ms(100);
    }
    show_log();
    fail_msg("the server did not come up");
}

static void read_binlog(int i, struct binlog *b)
{
    char path[sizeof datadir + 32];
    binlog_path(path, sizeof path, i);
    b->bytes = test_read_file(path, &b->len);
    assert_non_null(b->bytes);
    assert_true(b->len > BINLOG_MAGIC_LEN);
}

/* Two clients that commit at the same time: the server waits for the second one to form a group. */
static void commit_two_together(void)
{
    char out[2][TEST_PATH_MAX + 32];
    pid_t clients[2];
    for (int i = 0; i < 2; i++) {
        (void)snprintf(out[i], sizeof out[i], "%s/client%d", scratch, i);
        clients[i] = start_client(i == 0 ? "INSERT INTO d.t VALUES (14, 140)"
                                         : "INSERT INTO d.t VALUES (15, 150)",
                                  out[i]);
        assert_true(clients[i] > 0);
    }
    assert_int_equal(test_wait(clients[0]), 0);
    assert_int_equal(test_wait(clients[1]), 0);
}

static int server_writes_files(void **state)
{
    (void)state;
    char out[TEST_PATH_MAX + 32];
    (void)snprintf(out, sizeof out, "%s/out", scratch);
    (void)snprintf(datadir, sizeof datadir, "%s/data", scratch);
    (void)snprintf(socket_option, sizeof socket_option, "--socket=%s/s", scratch);
    (void)snprintf(log_path, sizeof log_path, "%s/log", scratch);
    install();
    const pid_t server = start_server();
    wait_until_ready(server, out);
    const int status = test_wait(start_client(sql, out));
    if (status != 0) {
        uint32_t len = 0;
        print_error("%s\n", (const char *)test_read_file(out, &len));
    }
    assert_int_equal(status, 0);
    commit_two_together();
    read_binlog(FILES - 1, &while_running);
    assert_int_equal(kill(server, SIGTERM), 0);
    assert_int_equal(test_wait(server), 0);
    for (int i = 0; i < FILES; i++) {
        read_binlog(i, &files[i]);
    }
    return 0;
}

static int forget_files(void **state)
{
    (void)state;
    for (int i = 0; i < FILES; i++) {
        free(files[i].bytes);
    }
    free(while_running.bytes);
    return 0;
}

/* Reads the event at `at`; its end position in the header must be where it ends. */
static const uint8_t *event_at(const struct binlog *b, uint32_t at, struct event_head *h)
{
    const uint8_t *event = b->bytes + at;
    const enum fmt e = event_parse(event, b->len - at, true, h);
    if (e != FMT_OK) {
        print_error("at %u: %s\n", at, fmt_text(e));
    }
    assert_int_equal(e, FMT_OK);
    assert_int_equal(h->log_pos, at + h->len);
    return event;
}

static void check_gtid_list(const uint8_t *event, const struct event_head *h,
                            const struct gtid_state *so_far)
{
    struct gtid_state listed;
    assert_int_equal(decode_gtid_list(event, h, &listed), FMT_OK);
    assert_memory_equal(&listed, so_far, sizeof listed);
}

static void note_gtid(const struct gtid_event *e, struct gtid_state *so_far)
{
    const struct gtid before = gtid_state_latest(so_far, e->gtid.domain);
    assert_int_equal(e->gtid.seq, before.seq + 1);
    assert_true(gtid_state_update(so_far, e->gtid));
    assert_true(seen_n < GTIDS_MAX);
    seen[seen_n++] = e->gtid;
}

/* Counts of what the scanner said. */
struct counts {
    uint32_t groups, xids, commit_ids;
};

static void read_whole_file(int i, struct gtid_state *so_far, struct counts *n, uint8_t *last_type)
{
    const struct binlog *b = &files[i];
    struct group_scan g;
    struct event_head h;
    group_scan_start(&g);
    assert_memory_equal(b->bytes, binlog_magic, BINLOG_MAGIC_LEN);
    for (uint32_t at = BINLOG_MAGIC_LEN; at < b->len; at += h.len) {
        const uint8_t *event = event_at(b, at, &h);
        const enum group_step step = group_scan_event(&g, event, &h);
        if (step == GROUP_ERROR) {
            print_error("file %d at %u, type %u\n", i + 1, at, (unsigned)h.type);
        }
        assert_int_not_equal(step, GROUP_ERROR);
        if (h.type == EVENT_GTID_LIST) {
            check_gtid_list(event, &h, so_far);
        }
        if (step == GROUP_BEGIN) {
            note_gtid(&g.gtid, so_far);
            n->commit_ids += g.gtid.commit_id != 0 ? 1 : 0;
        }
        if (step == GROUP_END) {
            n->groups++;
            n->xids += g.xid != 0 ? 1 : 0;
        }
        if (step == GROUP_END && g.rows != 0 && g.k == 1001) {
            assert_int_equal(g.v, -1001);
        }
        *last_type = h.type;
    }
    assert_int_equal(g.open, 0);
}

static void all_files_are_understood(void **state)
{
    (void)state;
    struct gtid_state so_far = {0};
    struct counts n = {0};
    seen_n = 0;
    for (int i = 0; i < FILES; i++) {
        uint8_t last_type = 0;
        read_whole_file(i, &so_far, &n, &last_type);
        assert_int_equal(last_type, i + 1 < FILES ? EVENT_ROTATE : EVENT_STOP);
    }
    assert_int_equal(n.groups, seen_n);
    assert_true(n.groups > 20);
    assert_true(n.xids > 8);
    assert_int_equal(n.commit_ids, 2);
    assert_true(gtid_state_latest(&so_far, 3).seq == 2);
    assert_true(gtid_state_seq(&so_far, 0, 8) != 0);
}

static void file_events_name_the_right_files(void **state)
{
    (void)state;
    for (int i = 0; i < FILES; i++) {
        struct event_head h;
        char want[BINLOG_NAME_MAX];
        char file[BINLOG_NAME_MAX] = {0};
        for (uint32_t at = BINLOG_MAGIC_LEN; at < files[i].len; at += h.len) {
            const uint8_t *event = event_at(&files[i], at, &h);
            struct rotate_event rotate;
            if (h.type == EVENT_BINLOG_CHECKPOINT) {
                assert_int_equal(decode_binlog_checkpoint(event, &h, file), FMT_OK);
            }
            if (h.type == EVENT_ROTATE) {
                (void)snprintf(want, sizeof want, "binlog.%06d", i + 2);
                assert_int_equal(decode_rotate(event, &h, &rotate), FMT_OK);
                assert_string_equal(rotate.next_file, want);
                assert_int_equal(rotate.next_pos, BINLOG_MAGIC_LEN);
            }
        }
        /* The last checkpoint of a file that was closed in peace names the file itself. */
        (void)snprintf(want, sizeof want, "binlog.%06d", i + 1);
        assert_string_equal(file, want);
    }
}

static void mariadb_binlog_prints_the_same_gtids(void **state)
{
    (void)state;
    char out[TEST_PATH_MAX + 32];
    (void)snprintf(out, sizeof out, "%s/printed", scratch);
    uint32_t at_gtid = 0;
    for (int i = 0; i < FILES; i++) {
        char path[sizeof datadir + 32];
        binlog_path(path, sizeof path, i);
        const char *const argv[] = {mariadb_binlog, "--no-defaults", "--verify-binlog-checksum",
                                    path, NULL};
        assert_int_equal(test_run(argv, out), 0);
        uint32_t len = 0;
        char *text = (char *)test_read_file(out, &len);
        assert_non_null(text);
        const char *p = text;
        while (test_next_printed_gtid(&p) != NULL) {
            struct gtid g;
            assert_true(gtid_parse(&p, &g));
            assert_true(at_gtid < seen_n);
            assert_true(gtid_equal(g, seen[at_gtid]));
            at_gtid++;
        }
        free(text);
    }
    assert_int_equal(at_gtid, seen_n);
}

/* Our FORMAT_DESCRIPTION is the server's, but for what the server said of itself. */
static void our_format_description_is_the_servers(void **state)
{
    (void)state;
    for (int i = 0; i < FILES; i++) {
        struct event_head h;
        const uint8_t *event = event_at(&files[i], BINLOG_MAGIC_LEN, &h);
        char version[51] = {0};
        memcpy(version, event + EVENT_HEADER_LEN + 2, 50);
        if (strncmp(version, "10.11.", 6) != 0) {
            print_message("the server is %s: another table of event types\n", version);
            skip();
        }
        const struct event_ctx c = {.timestamp = h.timestamp,
                                    .server_id = h.server_id,
                                    .start = BINLOG_MAGIC_LEN,
                                    .flags = 0};
        uint8_t bytes[512];
        struct writer w = writer_over(bytes, sizeof bytes);
        assert_int_equal(encode_format_description(&w, &c, version), FMT_OK);
        assert_int_equal(w.len, h.len);
        if (i == 0) {
            /* The first file after a start carries the time of its creation, and so another CRC. */
            memcpy(bytes + EVENT_HEADER_LEN + 52, event + EVENT_HEADER_LEN + 52, 4);
            assert_memory_equal(bytes, event, w.len - EVENT_CRC_LEN);
            continue;
        }
        assert_memory_equal(bytes, event, w.len);
    }
}

static void a_running_server_marks_its_file_in_use(void **state)
{
    (void)state;
    struct event_head h;
    (void)event_at(&while_running, BINLOG_MAGIC_LEN, &h);
    assert_true(format_description_in_use(&h));
    (void)event_at(&files[FILES - 1], BINLOG_MAGIC_LEN, &h);
    assert_false(format_description_in_use(&h));
    /* One byte was changed in place; the rest only grew. */
    uint8_t *bytes = while_running.bytes;
    uint32_t offset = 0;
    format_description_set_in_use(bytes + BINLOG_MAGIC_LEN, false, &offset);
    assert_true(while_running.len < files[FILES - 1].len);
    assert_memory_equal(bytes, files[FILES - 1].bytes, while_running.len);
}

static int body(const char *dir)
{
    scratch = dir;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_files_are_understood),
        cmocka_unit_test(file_events_name_the_right_files),
        cmocka_unit_test(mariadb_binlog_prints_the_same_gtids),
        cmocka_unit_test(our_format_description_is_the_servers),
        cmocka_unit_test(a_running_server_marks_its_file_in_use),
    };
    return cmocka_run_group_tests(tests, server_writes_files, forget_files) != 0;
}

int main(void)
{
    if (!test_find_program("mariadbd", mariadbd) ||
        !test_find_program("mariadb-install-db", install_db)) {
        (void)fprintf(stderr, "skipped: no mariadbd or mariadb-install-db (package "
                              "mariadb-server)\n");
        return TEST_SKIPPED;
    }
    if (!test_find_program("mariadb", client) ||
        !test_find_program("mariadb-binlog", mariadb_binlog)) {
        (void)fprintf(stderr, "skipped: no mariadb or mariadb-binlog (package mariadb-client)\n");
        return TEST_SKIPPED;
    }
    return test_guarded(body);
}

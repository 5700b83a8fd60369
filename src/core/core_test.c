#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/core.h"
#include "core/settings.h"

/* ---- disk view ------------------------------------------------------------------------------- */

static void views_find_files_by_kind_and_number(void **state)
{
    (void)state;
    const struct disk_view v = {.n = 4,
                                .at = {{.id = {FILE_REDO, 1}, .len = 1},
                                       {.id = {FILE_BINLOG, 2}, .len = 2},
                                       {.id = {FILE_BINLOG, 5}, .len = 3},
                                       {.id = {FILE_RELAY, 1}, .len = 4}}};
    assert_ptr_equal(view_find(&v, (struct file_id){FILE_BINLOG, 5}), &v.at[2]);
    assert_ptr_equal(view_find(&v, (struct file_id){FILE_REDO, 1}), &v.at[0]);
    assert_null(view_find(&v, (struct file_id){FILE_BINLOG, 3}));
    assert_null(view_find(&v, (struct file_id){FILE_BACKUP, 1}));
    assert_int_equal(view_first(&v, FILE_BINLOG), 2);
    assert_int_equal(view_last(&v, FILE_BINLOG), 5);
    assert_int_equal(view_first(&v, FILE_RELAY), 1);
    assert_int_equal(view_last(&v, FILE_RELAY), 1);
    assert_int_equal(view_first(&v, FILE_BACKUP), 0);
    assert_int_equal(view_last(&v, FILE_BACKUP), 0);
}

static void positions_compare_like_numbers(void **state)
{
    (void)state;
    assert_true(log_pos(1, UINT32_MAX) < log_pos(2, 4));
    assert_true(log_pos(2, 4) < log_pos(2, 5));
    assert_int_equal(log_pos_file(log_pos(7, 9)), 7);
    assert_int_equal(log_pos_offset(log_pos(7, 9)), 9);
}

/* ---- actions --------------------------------------------------------------------------------- */

static struct actions list;

static void actions_carry_what_was_asked(void **state)
{
    (void)state;
    const struct file_id f = {FILE_BINLOG, 3};
    memset(&list, 0xA5, sizeof list);
    actions_clear(&list);
    act_create(&list, TASK_BOOT, f);
    act_write(&list, TASK_BOOT, f, 4, (const uint8_t *)"abc", 3);
    act_truncate(&list, TASK_BOOT, f, 5);
    act_fsync(&list, TASK_BOOT, f);
    act_unlink(&list, TASK_BOOT, f);
    act_send(&list, 2, LINK_TO_REPLICA, (const uint8_t *)"de", 2);
    act_wake(&list, TASK_DUMP + 2);
    act_reply(&list, TASK_SESSION + 1, 4, CLIENT_ERROR);
    assert_int_equal(list.n, 8);
    assert_int_equal(list.used, 5);
    assert_memory_equal(list.bytes, "abcde", 5);
    const struct action want[8] = {
        {.kind = ACT_CREATE, .task = TASK_BOOT, .file = f},
        {.kind = ACT_WRITE, .task = TASK_BOOT, .file = f, .off = 4, .at = 0, .len = 3},
        {.kind = ACT_TRUNCATE, .task = TASK_BOOT, .file = f, .off = 5},
        {.kind = ACT_FSYNC, .task = TASK_BOOT, .file = f},
        {.kind = ACT_UNLINK, .task = TASK_BOOT, .file = f},
        {.kind = ACT_SEND, .peer = 2, .link = LINK_TO_REPLICA, .at = 3, .len = 2},
        {.kind = ACT_WAKE, .task = TASK_DUMP + 2},
        {.kind = ACT_REPLY, .task = TASK_SESSION + 1, .txn = 4, .arg = CLIENT_ERROR}};
    for (uint32_t i = 0; i < list.n; i++) {
        assert_memory_equal(&list.at[i], &want[i], sizeof want[i]);
    }
    actions_clear(&list);
    assert_int_equal(list.n, 0);
    assert_int_equal(list.used, 0);
}

static void payloads_may_be_filled_in_place(void **state)
{
    (void)state;
    const struct file_id f = {FILE_RELAY, 1};
    actions_clear(&list);
    memcpy(act_room(&list, 10), "abcd", 4);
    act_write_done(&list, TASK_RECEIVER, f, 0, 4);
    memcpy(act_room(&list, 10), "xy", 2);
    act_send_done(&list, 1, LINK_TO_PRIMARY, 2);
    assert_int_equal(list.n, 2);
    assert_int_equal(list.used, 6);
    assert_memory_equal(list.bytes + list.at[0].at, "abcd", 4);
    assert_memory_equal(list.bytes + list.at[1].at, "xy", 2);
    /* A room that is not taken costs nothing. */
    (void)act_room(&list, ACTION_BYTES_MAX - 6);
    assert_int_equal(list.used, 6);
}

/* ---- names ----------------------------------------------------------------------------------- */

static void names_round_trip(void **state)
{
    (void)state;
    const struct {
        uint32_t num;
        const char *name;
    } known[] = {{1, "binlog.000001"},
                 {42, "binlog.000042"},
                 {999999, "binlog.999999"},
                 {1000000, "binlog.1000000"},
                 {UINT32_MAX, "binlog.4294967295"}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        char text[64];
        binlog_name(text, known[i].num);
        assert_string_equal(text, known[i].name);
        assert_int_equal(binlog_name_num(known[i].name), known[i].num);
    }
}

static void other_names_have_no_number(void **state)
{
    (void)state;
    const char *bad[] = {"",
                         "binlog",
                         "binlog.",
                         "binlog.00001",
                         "binlog.0000001",
                         "binlog.000000",
                         "binlog.00000x",
                         "binlog.000001 ",
                         "binlog.-00001",
                         "relay.000001",
                         "binlog.4294967296",
                         "binlog.99999999999",
                         "binlog.18446744073709551617"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(binlog_name_num(bad[i]), 0);
    }
}

/* ---- settings -------------------------------------------------------------------------------- */

static void server_profiles_are_found_by_name(void **state)
{
    (void)state;
    uint32_t n = 0;
    for (; server_profile_at(n) != NULL; n++) {
        const struct server_profile *p = server_profile_at(n);
        assert_ptr_equal(server_profile_find(p->name), p);
        assert_non_null(
            strstr(p->version, "-MariaDB")); /* or readers take the events for MySQL's */
        assert_true(strlen(p->version) < 50);
    }
    assert_true(n >= 6);
    assert_null(server_profile_at(UINT32_MAX));
    assert_null(server_profile_find("mariadb"));
    assert_int_equal(server_profile_find("mariadb-11.8")->publish, PUBLISH_AFTER_SYNC_CALL);
    assert_int_equal(server_profile_find("mysql-5.6")->publish, PUBLISH_BEFORE_SYNC);
    assert_int_equal(server_profile_find("mysql-8.0")->group_wait, GROUP_WAIT_LAST);
}

static void receiver_profiles_are_found_by_name(void **state)
{
    (void)state;
    uint32_t n = 0;
    for (; receiver_profile_at(n) != NULL; n++) {
        const struct receiver_profile *p = receiver_profile_at(n);
        assert_ptr_equal(receiver_profile_find(p->name), p);
        assert_true(p->handler != p->buffered);
    }
    assert_int_equal(n, 5);
    assert_null(receiver_profile_find(""));
    assert_int_equal(receiver_profile_find("libmariadb")->ack, ACK_BEFORE_HANDLE);
    assert_false(receiver_profile_find("libmariadb")->verify_crc_before_ack);
    assert_int_equal(receiver_profile_find("ackproof")->sync, HANDLER_SYNC_BEFORE_ACK);
}

static void defaults_are_the_safe_ones(void **state)
{
    (void)state;
    struct server_settings s;
    memset(&s, 0xA5, sizeof s);
    server_settings_default(&s);
    assert_string_equal(s.profile->name, "mariadb-10.11");
    assert_string_equal(s.receiver->name, "mariadbd");
    assert_int_equal(s.sync_binlog, 1);
    assert_int_equal(s.flush_log_at_trx_commit, 1);
    assert_int_equal(s.sync_relay_log, 1);
    assert_int_equal(s.semi_sync_timeout_ms, 0);
    assert_int_equal(s.wait_point, WAIT_AFTER_SYNC);
    assert_true(s.semi_sync_master && s.semi_sync_slave && s.wait_no_slave);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(views_find_files_by_kind_and_number),
        cmocka_unit_test(positions_compare_like_numbers),
        cmocka_unit_test(actions_carry_what_was_asked),
        cmocka_unit_test(payloads_may_be_filled_in_place),
        cmocka_unit_test(names_round_trip),
        cmocka_unit_test(other_names_have_no_number),
        cmocka_unit_test(server_profiles_are_found_by_name),
        cmocka_unit_test(receiver_profiles_are_found_by_name),
        cmocka_unit_test(defaults_are_the_safe_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}

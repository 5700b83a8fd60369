#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "format/gtid.h"

static void text_and_back(void **state)
{
    (void)state;
    const struct {
        struct gtid g;
        const char *text;
    } cases[] = {
        {{0, 0, 0}, "0-0-0"},
        {{0, 1, 10}, "0-1-10"},
        {{7, 123, 9000000000}, "7-123-9000000000"},
        {{UINT32_MAX, UINT32_MAX, UINT64_MAX}, "4294967295-4294967295-18446744073709551615"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[GTID_TEXT_MAX];
        assert_string_equal(gtid_text(cases[i].g, text), cases[i].text);
        const char *p = text;
        struct gtid back;
        assert_true(gtid_parse(&p, &back));
        assert_true(gtid_equal(back, cases[i].g));
        assert_int_equal(*p, '\0');
    }
    assert_false(gtid_equal((struct gtid){1, 2, 3}, (struct gtid){0, 2, 3}));
    assert_false(gtid_equal((struct gtid){1, 2, 3}, (struct gtid){1, 0, 3}));
    assert_false(gtid_equal((struct gtid){1, 2, 3}, (struct gtid){1, 2, 0}));
}

static void malformed_text_is_refused(void **state)
{
    (void)state;
    const char *const cases[] = {
        "",
        "-",
        "1",
        "1-",
        "1-2",
        "1-2-",
        "-1-2-3",
        "1--2-3",
        "1-2-x",
        " 1-2-3",
        "1 -2-3",
        "+1-2-3",
        "1-2--3",
        "4294967296-1-1",
        "1-4294967296-1",
        "1-1-18446744073709551616",
        "1-1-99999999999999999999999999",
        "99999999999999999999999999-1-1",
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *p = cases[i];
        struct gtid g = {1, 2, 3};
        assert_false(gtid_parse(&p, &g));
        assert_ptr_equal(p, cases[i]);
    }
    const char *p = "1-2-3,4-5-6";
    struct gtid g;
    assert_true(gtid_parse(&p, &g));
    assert_string_equal(p, ",4-5-6");
}

static void a_position_has_one_entry_per_domain(void **state)
{
    (void)state;
    struct gtid_pos p = {0};
    assert_true(gtid_pos_find(&p, 0).seq == 0);
    assert_true(gtid_pos_set(&p, (struct gtid){5, 1, 10}));
    assert_true(gtid_pos_set(&p, (struct gtid){1, 1, 20}));
    assert_true(gtid_pos_set(&p, (struct gtid){3, 1, 30}));
    assert_true(gtid_pos_set(&p, (struct gtid){3, 2, 4}));
    assert_int_equal(p.n, 3);
    assert_int_equal(p.at[0].domain, 1);
    assert_int_equal(p.at[1].domain, 3);
    assert_int_equal(p.at[2].domain, 5);
    assert_true(gtid_equal(gtid_pos_find(&p, 3), (struct gtid){3, 2, 4}));
    assert_true(gtid_pos_set(&p, (struct gtid){9, 1, 1}));
    const struct gtid_pos full = p;
    assert_false(gtid_pos_set(&p, (struct gtid){4, 1, 1}));
    assert_memory_equal(&p, &full, sizeof p);
}

static void raise_never_lowers(void **state)
{
    (void)state;
    struct gtid_pos p = {0};
    assert_true(gtid_pos_raise(&p, (struct gtid){0, 1, 5}));
    assert_true(gtid_pos_raise(&p, (struct gtid){0, 2, 5}));
    assert_true(gtid_pos_raise(&p, (struct gtid){0, 2, 4}));
    assert_true(gtid_equal(gtid_pos_find(&p, 0), (struct gtid){0, 1, 5}));
    assert_true(gtid_pos_raise(&p, (struct gtid){0, 2, 6}));
    assert_true(gtid_equal(gtid_pos_find(&p, 0), (struct gtid){0, 2, 6}));
}

static void position_text_and_back(void **state)
{
    (void)state;
    struct gtid_pos p;
    char text[4 * GTID_TEXT_MAX];
    assert_true(gtid_pos_parse(" 1-1-7 , 0-1-3,4294967295-4294967295-18446744073709551615 ", &p));
    assert_int_equal(p.n, 3);
    assert_true(gtid_pos_text(&p, text, sizeof text));
    assert_string_equal(text, "0-1-3,1-1-7,4294967295-4294967295-18446744073709551615");
    struct gtid_pos again;
    assert_true(gtid_pos_parse(text, &again));
    assert_memory_equal(&p, &again, sizeof p);

    /* Exactly enough room, then one byte less. */
    const uint32_t need = (uint32_t)strlen(text) + 1;
    char tight[4 * GTID_TEXT_MAX];
    assert_true(gtid_pos_text(&p, tight, need));
    assert_string_equal(tight, text);
    for (uint32_t cap = 1; cap < need; cap++) {
        assert_false(gtid_pos_text(&p, tight, cap));
        assert_string_equal(tight, "");
    }

    assert_true(gtid_pos_parse("", &p));
    assert_int_equal(p.n, 0);
    assert_true(gtid_pos_text(&p, text, 1));
    assert_string_equal(text, "");
    assert_true(gtid_pos_parse("   ", &p));
    assert_int_equal(p.n, 0);
}

static void malformed_positions_leave_it_empty(void **state)
{
    (void)state;
    const char *const cases[] = {
        ",",      "0-1-3,",      ",0-1-3",        "0-1-3 1-1-1",
        "0-1-3x", "0-1-3,0-2-4", "0-1-1,x",       "1-1-1,2-1-1,3-1-1,4-1-1,5-1-1",
        "0-1-0",  "0-1-3,,",     "0-1-3,\t1-1-1", "0-1-3;1-1-1",
    };
    const struct gtid_pos empty = {0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct gtid_pos p;
        memset(&p, 0xaa, sizeof p);
        assert_false(gtid_pos_parse(cases[i], &p));
        assert_memory_equal(&p, &empty, sizeof p);
    }
}

static void a_state_lists_the_latest_last(void **state)
{
    (void)state;
    struct gtid_state s = {0};
    assert_true(gtid_state_update(&s, (struct gtid){2, 9, 1}));
    assert_true(gtid_state_update(&s, (struct gtid){0, 3, 10}));
    assert_true(gtid_state_update(&s, (struct gtid){0, 1, 11}));
    assert_true(gtid_state_update(&s, (struct gtid){0, 2, 5}));
    /* Domain 0: the latest is that of server 2 although its number is the lowest. */
    assert_int_equal(s.n, 4);
    assert_true(gtid_equal(s.at[0], (struct gtid){0, 1, 11}));
    assert_true(gtid_equal(s.at[1], (struct gtid){0, 3, 10}));
    assert_true(gtid_equal(s.at[2], (struct gtid){0, 2, 5}));
    assert_true(gtid_equal(s.at[3], (struct gtid){2, 9, 1}));
    assert_true(gtid_equal(gtid_state_latest(&s, 0), (struct gtid){0, 2, 5}));

    assert_true(gtid_state_update(&s, (struct gtid){0, 3, 12}));
    assert_true(gtid_equal(s.at[0], (struct gtid){0, 1, 11}));
    assert_true(gtid_equal(s.at[1], (struct gtid){0, 2, 5}));
    assert_true(gtid_equal(s.at[2], (struct gtid){0, 3, 12}));
    assert_true(gtid_state_seq(&s, 0, 2) == 5);
    assert_true(gtid_state_seq(&s, 0, 9) == 0);
    assert_true(gtid_state_latest(&s, 1).seq == 0);

    struct gtid_pos p;
    gtid_state_pos(&s, &p);
    assert_int_equal(p.n, 2);
    assert_true(gtid_equal(p.at[0], (struct gtid){0, 3, 12}));
    assert_true(gtid_equal(p.at[1], (struct gtid){2, 9, 1}));
}

static void holds_is_per_server(void **state)
{
    (void)state;
    struct gtid_state s = {0};
    assert_true(gtid_state_update(&s, (struct gtid){0, 1, 10}));
    assert_true(gtid_state_update(&s, (struct gtid){0, 2, 12}));
    assert_true(gtid_state_holds(&s, (struct gtid){0, 1, 10}));
    assert_true(gtid_state_holds(&s, (struct gtid){0, 1, 3}));
    assert_false(gtid_state_holds(&s, (struct gtid){0, 1, 11}));
    assert_true(gtid_state_holds(&s, (struct gtid){0, 2, 11}));
    assert_false(gtid_state_holds(&s, (struct gtid){0, 3, 1}));
    assert_false(gtid_state_holds(&s, (struct gtid){1, 1, 1}));
}

static void a_full_state_refuses_and_stays(void **state)
{
    (void)state;
    struct gtid_state s = {0};
    for (uint32_t i = 0; i < GTID_STATE_MAX; i++) {
        assert_true(gtid_state_update(&s, (struct gtid){i % 2, i, i + 1}));
    }
    const struct gtid_state full = s;
    assert_false(gtid_state_update(&s, (struct gtid){0, 100, 1}));
    assert_false(gtid_state_update(&s, (struct gtid){9, 1, 1}));
    assert_memory_equal(&s, &full, sizeof s);
    assert_true(gtid_state_update(&s, (struct gtid){0, 2, 50}));
    assert_int_equal(s.n, GTID_STATE_MAX);

    /* One domain more than a position has room for. */
    struct gtid_state d = {0};
    for (uint32_t i = 0; i < GTID_DOMAINS_MAX; i++) {
        assert_true(gtid_state_update(&d, (struct gtid){i, 1, 1}));
    }
    assert_false(gtid_state_update(&d, (struct gtid){GTID_DOMAINS_MAX, 1, 1}));
    assert_true(gtid_state_update(&d, (struct gtid){0, 2, 1}));
}

/* Against a plain list of all updates: many random updates, every question after each of them. */
static void a_state_agrees_with_a_list(void **state)
{
    (void)state;
    struct gtid_state s = {0};
    struct gtid all[400];
    uint32_t x = 12345;
    for (uint32_t n = 0; n < 400; n++) {
        x = x * 1664525 + 1013904223;
        all[n] = (struct gtid){(x >> 16) % 2, (x >> 20) % 4 + 1, n + 1};
        assert_true(gtid_state_update(&s, all[n]));
        for (uint32_t domain = 0; domain < 2; domain++) {
            struct gtid latest = {0, 0, 0};
            uint64_t by_server[5] = {0};
            for (uint32_t i = 0; i <= n; i++) {
                if (all[i].domain == domain) {
                    latest = all[i];
                    by_server[all[i].server] = all[i].seq;
                }
            }
            assert_true(gtid_equal(gtid_state_latest(&s, domain), latest));
            for (uint32_t server = 1; server < 5; server++) {
                assert_true(gtid_state_seq(&s, domain, server) == by_server[server]);
            }
        }
        for (uint32_t i = s.n; i < GTID_STATE_MAX; i++) {
            assert_true(gtid_equal(s.at[i], (struct gtid){0, 0, 0}));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_and_back),
        cmocka_unit_test(malformed_text_is_refused),
        cmocka_unit_test(a_position_has_one_entry_per_domain),
        cmocka_unit_test(raise_never_lowers),
        cmocka_unit_test(position_text_and_back),
        cmocka_unit_test(malformed_positions_leave_it_empty),
        cmocka_unit_test(a_state_lists_the_latest_last),
        cmocka_unit_test(holds_is_per_server),
        cmocka_unit_test(a_full_state_refuses_and_stays),
        cmocka_unit_test(a_state_agrees_with_a_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}

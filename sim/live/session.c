#include "sim/live/session.h"

#include <assert.h>
#include <errno.h>
#include <mysql.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "format/event.h"
#include "sim/live/guard.h"

static bool failed(struct live_session *s)
{
    (void)snprintf(s->error, sizeof s->error, "%.140s", mysql_error((MYSQL *)s->my));
    return false;
}

bool session_open_as(struct live_session *s, const char *socket, const char *user)
{
    unsigned connect_s = 5;
    unsigned read_s = 30;
    MYSQL *my;

    assert(s != NULL && socket != NULL && user != NULL);
    memset(s, 0, sizeof *s);
    my = mysql_init(NULL);
    if (my == NULL) {
        (void)snprintf(s->error, sizeof s->error, "libmariadb: out of memory");
        return false;
    }
    (void)mysql_options(my, MYSQL_OPT_CONNECT_TIMEOUT, &connect_s);
    (void)mysql_options(my, MYSQL_OPT_READ_TIMEOUT, &read_s);
    s->my = my;
    if (mysql_real_connect(my, "localhost", user, "", NULL, 0, socket, 0) == NULL) {
        (void)failed(s);
        mysql_close(my);
        s->my = NULL;
        return false;
    }
    return true;
}

bool session_open(struct live_session *s, const char *socket)
{
    return session_open_as(s, socket, "root");
}

void session_close(struct live_session *s, bool abruptly)
{
    assert(s != NULL);
    if (s->my != NULL) {
        if (abruptly) {
            (void)shutdown((int)mysql_get_socket((MYSQL *)s->my), SHUT_RDWR);
        }
        mysql_close((MYSQL *)s->my);
    }
    s->my = NULL;
    s->waiting = false;
}

bool session_exec(struct live_session *s, const char *sql)
{
    MYSQL_RES *res;

    assert(s != NULL && s->my != NULL && !s->waiting);
    if (mysql_query((MYSQL *)s->my, sql) != 0) {
        return failed(s);
    }
    res = mysql_store_result((MYSQL *)s->my);
    if (res != NULL) {
        mysql_free_result(res);
    }
    return true;
}

bool session_text(struct live_session *s, const char *sql, char *text, size_t cap)
{
    MYSQL_RES *res;
    MYSQL_ROW row;

    assert(s != NULL && s->my != NULL && !s->waiting);
    assert(text != NULL && cap > 0);
    text[0] = '\0';
    if (mysql_query((MYSQL *)s->my, sql) != 0) {
        return failed(s);
    }
    res = mysql_store_result((MYSQL *)s->my);
    if (res == NULL) {
        return failed(s);
    }
    row = mysql_fetch_row(res);
    if (row != NULL && row[0] != NULL) {
        (void)snprintf(text, cap, "%s", row[0]);
    }
    mysql_free_result(res);
    return true;
}

bool session_visible(struct live_session *s, txn_mask *txns)
{
    MYSQL_RES *res;
    MYSQL_ROW row;

    assert(s != NULL && s->my != NULL && txns != NULL && !s->waiting);
    *txns = 0;
    if (mysql_query((MYSQL *)s->my,
                    "SELECT k FROM ackproof.t UNION ALL SELECT k FROM ackproof.plain") != 0) {
        return failed(s);
    }
    res = mysql_store_result((MYSQL *)s->my);
    if (res == NULL) {
        return failed(s);
    }
    while ((row = mysql_fetch_row(res)) != NULL) {
        unsigned long k = row[0] == NULL ? 0 : strtoul(row[0], NULL, 10);

        if (k > 0 && k <= LEDGER_TXNS) {
            *txns |= 1u << (k - 1);
        }
    }
    mysql_free_result(res);
    return true;
}

bool session_send(struct live_session *s, const char *sql)
{
    assert(s != NULL && s->my != NULL && !s->waiting);
    s->answer = ANSWER_NONE;
    if (mysql_send_query((MYSQL *)s->my, sql, (unsigned long)strlen(sql)) != 0) {
        s->answer = ANSWER_GONE;
        return failed(s);
    }
    s->waiting = true;
    return true;
}

enum answer session_answer(struct live_session *s, uint32_t wait_ms)
{
    uint64_t end = guard_now_ms() + wait_ms;
    struct pollfd p;

    assert(s != NULL);
    if (!s->waiting) {
        return s->answer;
    }
    p.fd = (int)mysql_get_socket((MYSQL *)s->my);
    p.events = POLLIN;
    for (;;) {
        uint64_t now = guard_now_ms();
        int left = end > now ? (int)(end - now) : 0;
        int rc = poll(&p, 1, left);

        if (rc > 0) {
            break;
        }
        if (rc == 0 || errno != EINTR || guard_signal() != 0) {
            return ANSWER_NONE;
        }
    }
    s->waiting = false;
    if (mysql_read_query_result((MYSQL *)s->my) == 0) {
        s->answer = ANSWER_OK;
        return s->answer;
    }
    (void)failed(s);
    /* 2000..2999 are libmariadb's own errors: the connection, not the server's opinion. */
    s->answer = mysql_errno((MYSQL *)s->my) >= 2000 && mysql_errno((MYSQL *)s->my) < 3000
                    ? ANSWER_GONE
                    : ANSWER_ERROR;
    return s->answer;
}

bool session_send_plain(struct live_session *s, uint32_t txn)
{
    char sql[80];

    assert(txn < LEDGER_TXNS);
    (void)snprintf(sql, sizeof sql, "INSERT INTO ackproof.plain (k, v) VALUES (%u, %u)", txn + 1,
                   txn + 1);
    return session_send(s, sql);
}

bool session_send_insert(struct live_session *s, uint32_t txn, uint32_t pad)
{
    char sql[80 + SESSION_PAD_MAX];

    assert(txn < LEDGER_TXNS && pad <= SESSION_PAD_MAX);
    (void)snprintf(sql, sizeof sql, "INSERT INTO ackproof.t (k, v) VALUES (%u, %u) /*%*s*/",
                   txn + 1, txn + 1, (int)pad, "");
    return session_send(s, sql);
}

bool session_send_large(struct live_session *s, uint32_t txn)
{
    enum { ROW_LEN = 7000, ROWS = SESSION_LARGE_MIN / ROW_LEN + 100 };
    char row[120];
    char rows[160];

    assert(txn < LEDGER_TXNS);
    (void)snprintf(row, sizeof row, "INSERT INTO ackproof.t (k, v) VALUES (%u, %u)", txn + 1,
                   txn + 1);
    (void)snprintf(rows, sizeof rows,
                   "INSERT INTO ackproof.large SELECT %u, seq, REPEAT('x', %d) FROM"
                   " ackproof.seq_1_to_%d",
                   txn + 1, ROW_LEN, ROWS);
    return session_exec(s, "BEGIN") && session_exec(s, row) && session_exec(s, rows) &&
           session_send(s, "COMMIT");
}

bool session_send_ddl(struct live_session *s, uint32_t txn)
{
    char sql[DDL_TEXT_MAX];

    assert(txn < LEDGER_TXNS);
    if (mysql_select_db((MYSQL *)s->my, "ackproof") != 0) {
        return failed(s);
    }
    ddl_text(sql, (int32_t)txn + 1, (int32_t)txn + 1);
    return session_send(s, sql);
}

bool session_sees_ddl(struct live_session *s, uint32_t txn)
{
    char sql[80];

    (void)snprintf(sql, sizeof sql, "SELECT v FROM ackproof.t%u", txn + 1);
    return session_exec(s, "SET SESSION lock_wait_timeout=0") && session_exec(s, sql);
}

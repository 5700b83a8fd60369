#include "sim/live/dump.h"

#include <assert.h>
#include <errno.h>
#include <mysql.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

enum {
    COMMAND_BINLOG_DUMP = 0x12,
    COMMAND_REGISTER_SLAVE = 0x15,
    DUMP_SEND_MAX = 256,
    DUMP_WAIT_MS = 10000,
    POS_TEXT_MAX = GTID_DOMAINS_MAX * GTID_TEXT_MAX,
};

static bool say(char *why, size_t cap, const char *what, const char *text)
{
    (void)snprintf(why, cap, "%s: %s", what, text);
    return false;
}

void *dump_connect(const char *socket, char *why, size_t cap)
{
    unsigned limit_s = 10;
    MYSQL *my = mysql_init(NULL);

    assert(socket != NULL && why != NULL);
    if (my == NULL) {
        (void)say(why, cap, "libmariadb", "out of memory");
        return NULL;
    }
    (void)mysql_options(my, MYSQL_OPT_CONNECT_TIMEOUT, &limit_s);
    (void)mysql_options(my, MYSQL_OPT_READ_TIMEOUT, &limit_s);
    if (mysql_real_connect(my, "localhost", "root", "", NULL, 0, socket, 0) == NULL) {
        (void)say(why, cap, "replica cannot connect", mysql_error(my));
        mysql_close(my);
        return NULL;
    }
    return my;
}

int dump_fd(void *my)
{
    assert(my != NULL);
    return (int)mysql_get_socket((MYSQL *)my);
}

void dump_close(void *my)
{
    assert(my != NULL);
    /* No COM_QUIT: for the primary this replica is gone, it does not say good-bye. */
    (void)shutdown(dump_fd(my), SHUT_RDWR);
    mysql_close((MYSQL *)my);
}

static bool statement(void *my, const char *sql, char *why, size_t cap)
{
    MYSQL_RES *res;

    if (mysql_query((MYSQL *)my, sql) != 0) {
        return say(why, cap, sql, mysql_error((MYSQL *)my));
    }
    res = mysql_store_result((MYSQL *)my);
    if (res != NULL) {
        mysql_free_result(res);
    }
    return true;
}

bool dump_kill(void *my, const char *socket, char *why, size_t cap)
{
    char sql[40];
    void *other;
    bool killed;

    assert(my != NULL);
    (void)snprintf(sql, sizeof sql, "KILL %lu", mysql_thread_id((MYSQL *)my));
    other = dump_connect(socket, why, cap);
    killed = other != NULL && statement(other, sql, why, cap);
    if (other != NULL) {
        mysql_close((MYSQL *)other);
    }
    return killed;
}

bool dump_negotiate(void *my, const struct gtid_pos *pos, bool semi_sync, char *why, size_t cap)
{
    static const char *const fixed[] = {
        "SET @master_binlog_checksum=@@global.binlog_checksum",
        "SET @mariadb_slave_capability=4",
        "SELECT @@GLOBAL.gtid_domain_id",
    };
    static const char *const behind[] = {
        "SET @slave_gtid_strict_mode=1",
        "SET @slave_gtid_ignore_duplicates=0",
        "SHOW VARIABLES LIKE 'rpl_semi_sync_master_enabled'",
    };
    char text[POS_TEXT_MAX];
    char sql[POS_TEXT_MAX + 40];

    assert(my != NULL && pos != NULL && why != NULL);
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++) {
        if (!statement(my, fixed[i], why, cap)) {
            return false;
        }
    }
    if (!gtid_pos_text(pos, text, sizeof text)) {
        return say(why, cap, "negotiation", "GTID position too long");
    }
    (void)snprintf(sql, sizeof sql, "SET @slave_connect_state='%s'", text);
    if (!statement(my, sql, why, cap)) {
        return false;
    }
    for (size_t i = 0; i < sizeof behind / sizeof behind[0]; i++) {
        if (!statement(my, behind[i], why, cap)) {
            return false;
        }
    }
    return !semi_sync || statement(my, "SET @rpl_semi_sync_slave=1", why, cap);
}

/* ---- raw packets ---------------------------------------------------------------------------- */

static bool wait_for(int fd, short what)
{
    struct pollfd p = {.fd = fd, .events = what};
    int rc;

    do {
        rc = poll(&p, 1, DUMP_WAIT_MS);
    } while (rc < 0 && errno == EINTR);
    return rc > 0;
}

bool dump_send(int fd, const uint8_t *payload, uint32_t len)
{
    uint8_t packet[PACKET_HEADER_LEN + DUMP_SEND_MAX];
    size_t put = 0;
    size_t all = PACKET_HEADER_LEN + len;

    assert(fd >= 0 && payload != NULL && len > 0 && len <= DUMP_SEND_MAX);
    packet[0] = (uint8_t)(len & 0xff);
    packet[1] = (uint8_t)(len >> 8);
    packet[2] = 0;
    packet[3] = 0; /* each command, and each ACK, starts at sequence number 0 */
    memcpy(packet + PACKET_HEADER_LEN, payload, len);
    while (put < all) {
        ssize_t n = send(fd, packet + put, all - put, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (n > 0) {
            put += (size_t)n;
        } else if (errno == EAGAIN) {
            if (!wait_for(fd, POLLOUT)) {
                return false;
            }
        } else if (errno != EINTR) {
            return false;
        }
    }
    return true;
}

static bool receive_exactly(int fd, uint8_t *bytes, size_t len)
{
    size_t got = 0;

    while (got < len) {
        ssize_t n = recv(fd, bytes + got, len - got, MSG_DONTWAIT);

        if (n > 0) {
            got += (size_t)n;
        } else if (n == 0) {
            return false;
        } else if (errno == EAGAIN) {
            if (!wait_for(fd, POLLIN)) {
                return false;
            }
        } else if (errno != EINTR) {
            return false;
        }
    }
    return true;
}

/* One packet; of a longer one than fits `body` the rest is read and thrown away. Its length, 0
 * where nothing came. */
static size_t receive_packet(int fd, uint8_t *body, size_t cap)
{
    uint8_t head[PACKET_HEADER_LEN];
    uint8_t rest[256];
    size_t len;
    size_t left;

    if (!receive_exactly(fd, head, sizeof head)) {
        return 0;
    }
    len = (size_t)head[0] | (size_t)head[1] << 8 | (size_t)head[2] << 16;
    if (!receive_exactly(fd, body, len < cap ? len : cap)) {
        return 0;
    }
    for (left = len > cap ? len - cap : 0; left > 0;) {
        size_t part = left < sizeof rest ? left : sizeof rest;

        if (!receive_exactly(fd, rest, part)) {
            return 0;
        }
        left -= part;
    }
    return len < cap ? len : cap;
}

/* The words of an ERR packet, behind its code and SQLSTATE. */
static const char *error_text(uint8_t *body, size_t len)
{
    body[len] = '\0';
    return len > 9 ? (const char *)body + 9 : "refused";
}

/* The answer to a command: an OK packet, or an ERR packet with the server's words. */
static bool expect_ok(int fd, const char *what, char *why, size_t cap)
{
    uint8_t body[512];
    size_t len = receive_packet(fd, body, sizeof body - 1);

    if (len == 0) {
        return say(why, cap, what, "no answer");
    }
    return body[0] == 0x00 || say(why, cap, what, error_text(body, len));
}

enum dump_said dump_first_group(int fd, char *why, size_t cap)
{
    enum { TYPE_AT = 1 + 4, PACKETS_MAX = 100 };
    uint8_t body[512];

    for (int i = 0; i < PACKETS_MAX; i++) {
        size_t len = receive_packet(fd, body, sizeof body - 1);

        if (len == 0) {
            break;
        }
        if (body[0] != 0x00) {
            (void)snprintf(why, cap, "%s", error_text(body, len));
            return DUMP_REFUSES;
        }
        if (len > TYPE_AT && body[TYPE_AT] == EVENT_GTID) {
            return DUMP_SENDS;
        }
    }
    (void)say(why, cap, "dump", "no event group comes, and no error");
    return DUMP_FAILED;
}

bool dump_request(void *my, uint32_t server_id, char *why, size_t cap)
{
    uint8_t bytes[64];
    int fd = dump_fd(my);
    struct writer w = writer_over(bytes, sizeof bytes);

    put_u8(&w, COMMAND_REGISTER_SLAVE);
    put_u32(&w, server_id);
    put_zero(&w, 3); /* host, user, password: all empty */
    put_u16(&w, 0);  /* port */
    put_u32(&w, 0);  /* rank, unused */
    put_u32(&w, 0);  /* primary's id, filled in by it */
    assert(!w.failed);
    if (!dump_send(fd, bytes, w.len)) {
        return say(why, cap, "COM_REGISTER_SLAVE", strerror(errno));
    }
    if (!expect_ok(fd, "COM_REGISTER_SLAVE", why, cap)) {
        return false;
    }
    w = writer_over(bytes, sizeof bytes);
    put_u8(&w, COMMAND_BINLOG_DUMP);
    put_u32(&w, BINLOG_MAGIC_LEN); /* position and file name are ignored with GTID */
    put_u16(&w, 0);
    put_u32(&w, server_id);
    assert(!w.failed);
    return dump_send(fd, bytes, w.len) || say(why, cap, "COM_BINLOG_DUMP", strerror(errno));
}

/* The Connector/C application of sim/live/app.h: what a careful programmer writes with libmariadb's
 * replica interface. It loses ACKed transactions all the same, because the ACK has left before
 * mariadb_rpl_fetch returns (facts 3.2).
 */
#include <errno.h>
#include <fcntl.h>
#include <mysql.h>
#include <mariadb_rpl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/live/app.h"
#include "sim/live/dump.h"

static void say(int fd, char word)
{
    ssize_t n = write(fd, &word, 1);

    (void)n;
}

static void await_leave(int fd)
{
    char word;

    if (read(fd, &word, 1) != 1) {
        _exit(0); /* nobody is there any more to give it */
    }
}

static void store(int file, int fd, const void *bytes, size_t len)
{
    if (write(file, bytes, len) != (ssize_t)len || fsync(file) != 0) {
        app_give_up(fd, "store", strerror(errno));
    }
}

static int open_file(const char *folder, int fd)
{
    char path[GUARD_PATH_MAX + 32];
    int file;

    (void)snprintf(path, sizeof path, "%.512s/relay.000001", folder);
    (void)mkdir(folder, 0700);
    file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file < 0) {
        app_give_up(fd, path, strerror(errno));
    }
    store(file, fd, binlog_magic, BINLOG_MAGIC_LEN);
    return file;
}

static MARIADB_RPL *open_stream(const struct server_settings *set, const char *socket, int fd)
{
    static const struct gtid_pos nothing;
    char why[120];
    MYSQL *my = dump_connect(socket, why, sizeof why);
    MARIADB_RPL *rpl;

    /* GTID connect is not libmariadb's: the application runs the statements itself (facts 3.2). */
    if (my == NULL || !dump_negotiate(my, &nothing, true, why, sizeof why)) {
        app_give_up(fd, "connect", why);
    }
    rpl = mariadb_rpl_init(my);
    if (rpl == NULL) {
        app_give_up(fd, "mariadb_rpl_init", mysql_error(my));
    }
    (void)mariadb_rpl_optionsv(rpl, MARIADB_RPL_SERVER_ID, set->server_id);
    (void)mariadb_rpl_optionsv(rpl, MARIADB_RPL_START, (unsigned long)BINLOG_MAGIC_LEN);
    (void)mariadb_rpl_optionsv(rpl, MARIADB_RPL_FLAGS, 0U);
    (void)mariadb_rpl_optionsv(rpl, MARIADB_RPL_SEMI_SYNC, 1U);
    if (mariadb_rpl_open(rpl) != 0) {
        app_give_up(fd, "mariadb_rpl_open", mariadb_rpl_error(rpl));
    }
    return rpl;
}

void app_main_libmariadb(const struct server_settings *set, const char *socket, const char *folder,
                         int fd)
{
    int file = open_file(folder, fd);
    MARIADB_RPL *rpl = open_stream(set, socket, fd);
    MARIADB_RPL_EVENT *e = NULL;

    while ((e = mariadb_rpl_fetch(rpl, e)) != NULL) {
        bool want_ack = e->is_semi_sync != 0 && (e->semi_sync_flags & 1) != 0;

        if (want_ack) {
            say(fd, APP_FETCHED);
            await_leave(fd);
        }
        store(file, fd, e->raw_data + e->raw_data_ofs, e->raw_data_size - e->raw_data_ofs);
        if (want_ack) {
            say(fd, APP_STORED);
        }
    }
    app_give_up(fd, "mariadb_rpl_fetch", mariadb_rpl_error(rpl));
}

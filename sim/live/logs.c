#include "sim/live/logs.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_READ_MAX = 1 << 25 };

/* The whole file, malloc'd; NULL with errno. */
static uint8_t *read_whole(const char *path, uint32_t *len)
{
    FILE *f = fopen(path, "rbe");
    if (f == NULL) {
        return NULL;
    }
    uint8_t *bytes = malloc(FILE_READ_MAX);
    assert(bytes != NULL);
    *len = (uint32_t)fread(bytes, 1, FILE_READ_MAX, f);
    (void)fclose(f);
    return bytes;
}

bool logs_named(const char *folder, const char *stem, uint32_t num)
{
    char path[700];
    char line[700];
    char name[64];
    bool named = false;
    (void)snprintf(path, sizeof path, "%.512s/%.32s.index", folder, stem);
    (void)snprintf(name, sizeof name, "./%.32s.%06u", stem, num);
    FILE *f = fopen(path, "re");
    if (f == NULL) {
        return true;
    }
    while (!named && fgets(line, sizeof line, f) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        named = strcmp(line, name) == 0;
    }
    (void)fclose(f);
    return named;
}

bool logs_read(struct history *h, const char *folder, const char *stem, char *why, size_t cap)
{
    return logs_read_from(h, folder, stem, 1, why, cap);
}

bool logs_read_from(struct history *h, const char *folder, const char *stem, uint32_t first,
                    char *why, size_t cap)
{
    assert(h != NULL && folder != NULL && stem != NULL && why != NULL);
    history_clear(h);
    why[0] = '\0';
    for (uint32_t i = 1; i <= LOGS_FILES_MAX; i++) {
        uint32_t num = first + i - 1;
        char path[700];
        uint32_t len = 0;
        if (!logs_named(folder, stem, num)) {
            continue;
        }
        (void)snprintf(path, sizeof path, "%.512s/%.32s.%06u", folder, stem, num);
        uint8_t *bytes = read_whole(path, &len);
        if (bytes == NULL) {
            if (errno == ENOENT) {
                continue;
            }
            (void)snprintf(why, cap, "%.32s.%06u: %s", stem, num, strerror(errno));
            return false;
        }
        const bool room = history_read(h, i, bytes, len);
        free(bytes);
        if (!room) {
            (void)snprintf(why, cap, "%.32s.%06u: too many transactions", stem, num);
            return false;
        }
        if (h->broken != 0 && why[0] == '\0') {
            (void)snprintf(why, cap, "%.32s.%06u is unreadable behind offset %u", stem, num,
                           h->parsed);
        }
    }
    return true;
}

bool logs_in_use(const char *folder, const char *stem)
{
    bool in_use = false;

    for (uint32_t num = 1; num <= LOGS_FILES_MAX; num++) {
        char path[700];
        uint32_t len = 0;
        struct event_head head;
        (void)snprintf(path, sizeof path, "%.512s/%.32s.%06u", folder, stem, num);
        uint8_t *bytes = read_whole(path, &len);
        if (bytes != NULL) {
            in_use = len > BINLOG_MAGIC_LEN &&
                     event_parse(bytes + BINLOG_MAGIC_LEN, len - BINLOG_MAGIC_LEN, true, &head) ==
                         FMT_OK &&
                     (head.flags & EVENT_FLAG_IN_USE) != 0;
            free(bytes);
        }
    }
    return in_use;
}

const char *txns_text(txn_mask txns, char text[TXNS_TEXT_MAX])
{
    size_t n = 0;
    (void)snprintf(text, TXNS_TEXT_MAX, "nothing");
    for (unsigned t = 0; t < 32 && txns >> t != 0; t++) {
        if ((txns >> t & 1) != 0) {
            n += (size_t)snprintf(text + n, TXNS_TEXT_MAX - n, "%sT%u", n > 0 ? " " : "", t + 1);
        }
    }
    return text;
}

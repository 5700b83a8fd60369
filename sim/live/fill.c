#include "sim/live/fill.h"

#include <assert.h>
#include <string.h>

#include "format/event.h"

/* Of the first binlog; the GTID_LIST of a later one is a few bytes longer. */
static void put_head(struct writer *w, const struct event_ctx *x)
{
    struct gtid_state nothing;

    memset(&nothing, 0, sizeof nothing);
    encode_magic(w);
    encode_format_description(w, x, "10.11");
    encode_gtid_list(w, x, &nothing);
    encode_binlog_checkpoint(w, x, "binlog.000001");
}

static void put_group(struct writer *w, const struct event_ctx *x)
{
    struct gtid gtid = {.domain = 0, .server = 1, .seq = 1};

    encode_gtid(w, x, gtid, GTID_FLAG_TRANSACTIONAL, 0);
    encode_table_map(w, x, 1, "ap", "t");
    encode_write_rows(w, x, 1, 1, 1);
    encode_xid(w, x, 1);
}

uint32_t fill_groups(uint32_t max_binlog_size)
{
    uint8_t bytes[1024];
    struct event_ctx x = {.timestamp = 1, .server_id = 1};
    struct writer w = writer_over(bytes, sizeof bytes);
    uint32_t head;
    uint32_t group;

    put_head(&w, &x);
    head = w.len;
    put_group(&w, &x);
    group = w.len - head;
    assert(!w.failed);
    if (max_binlog_size == 0) {
        return 0;
    }
    return max_binlog_size <= head + group ? 1 : (max_binlog_size - head + group - 1) / group;
}

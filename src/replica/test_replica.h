/* What the tests of this folder share: a disk that tells claim from truth, a primary's stream, and
 * a driver that carries out a receiver's actions and notes them as letters.
 *
 *   c create  w write  t truncate  f fsync (issued)  u unlink
 *   n connect  x close  r dump request  a ACK  k wake the consumer
 *
 * A test includes cmocka before this. */
#ifndef ACKPROOF_REPLICA_TEST_REPLICA_H
#define ACKPROOF_REPLICA_TEST_REPLICA_H

#include <stdio.h>

#include "replica/applier.h"
#include "replica/receiver.h"
#include "replica/relay.h"

enum { RIG_LOG_MAX = 256, RIG_STREAM_MAX = 4096, SELF = 1, PRIMARY = 0, OTHER = 2 };

struct rig_file {
    struct file_id id; /* FILE_NONE: free */
    uint32_t len;
    uint32_t durable;
    uint8_t bytes[FILE_BYTES_MAX];
};

struct rig {
    struct server_settings set;
    struct receiver r;
    struct rig_file file[FILES_MAX];
    struct disk_view view;
    struct actions out;
    char log[RIG_LOG_MAX];
    uint32_t pending[TASKS_MAX]; /* bit i: fsync of file slot i is under way for the task */
    enum io_result fail_write;   /* the next write fails so */
    struct ack_packet ack;       /* last sent */
    struct dump_request request; /* last sent */
    uint32_t acks;
    /* the primary's side */
    uint32_t server_id;
    uint32_t off; /* end of its binlog */
    uint32_t event_len;
    uint8_t event[512]; /* last event made */
};

static inline const struct disk_view *rig_view(struct rig *g)
{
    memset(&g->view, 0, sizeof g->view);
    for (uint32_t i = 0; i < FILES_MAX; i++) {
        const struct rig_file *f = &g->file[i];
        if (f->id.kind == FILE_NONE) {
            continue;
        }
        uint32_t at = g->view.n++;
        for (; at > 0 && g->view.at[at - 1].id.num > f->id.num; at--) {
            g->view.at[at] = g->view.at[at - 1];
        }
        g->view.at[at] = (struct file_view){f->id, f->len, f->bytes};
    }
    return &g->view;
}

static inline struct rig_file *rig_file(struct rig *g, uint32_t num)
{
    for (uint32_t i = 0; i < FILES_MAX; i++) {
        if (g->file[i].id.kind == FILE_RELAY && g->file[i].id.num == num) {
            return &g->file[i];
        }
    }
    return NULL;
}

static inline struct rig_file *rig_create(struct rig *g, struct file_id id)
{
    for (uint32_t i = 0; i < FILES_MAX; i++) {
        if (g->file[i].id.kind == FILE_NONE) {
            memset(&g->file[i], 0, sizeof g->file[i]);
            g->file[i].id = id;
            return &g->file[i];
        }
    }
    fail();
    return NULL;
}

static inline void rig_note(struct rig *g, char letter)
{
    const size_t n = strlen(g->log);
    assert_true(n + 1 < RIG_LOG_MAX);
    g->log[n] = letter;
}

static inline struct env rig_env(struct rig *g)
{
    return (struct env){.set = &g->set, .disk = rig_view(g), .node = SELF};
}

static inline void rig_send_action(struct rig *g, const struct action *a)
{
    const uint8_t *p = g->out.bytes + a->at;
    assert_int_equal(a->link, LINK_TO_PRIMARY);
    assert_int_equal(a->peer, g->r.primary);
    if (p[0] == SEMISYNC_MAGIC) {
        assert_int_equal(decode_ack(p, a->len, &g->ack), FMT_OK);
        g->acks++;
        rig_note(g, 'a');
    } else {
        assert_int_equal(decode_dump_request(p, a->len, &g->request), FMT_OK);
        rig_note(g, 'r');
    }
}

static inline bool rig_is_disk(uint8_t kind)
{
    return kind == ACT_WRITE || kind == ACT_TRUNCATE || kind == ACT_CREATE || kind == ACT_UNLINK ||
           kind == ACT_FSYNC;
}

/* Carries out one disk action; the result is that of a write. */
static inline enum io_result rig_disk_action(struct rig *g, const struct action *a)
{
    struct rig_file *f = rig_file(g, a->file.num);
    assert_int_equal(a->file.kind, FILE_RELAY);
    assert_true((f == NULL) == (a->kind == ACT_CREATE));
    switch (a->kind) {
    case ACT_CREATE:
        rig_note(g, 'c');
        (void)rig_create(g, a->file);
        break;
    case ACT_UNLINK:
        rig_note(g, 'u');
        f->id.kind = FILE_NONE;
        break;
    case ACT_TRUNCATE:
        rig_note(g, 't');
        assert_true(a->off < f->len);
        f->len = a->off;
        f->durable = f->durable < f->len ? f->durable : f->len;
        break;
    case ACT_FSYNC:
        rig_note(g, 'f');
        g->pending[a->task] |= 1u << (f - g->file);
        break;
    default:
        rig_note(g, 'w');
        if (g->fail_write != IO_OK) {
            const enum io_result e = g->fail_write;
            g->fail_write = IO_OK;
            return e;
        }
        assert_int_equal(a->off, f->len); /* append only */
        assert_true(f->len + a->len <= FILE_BYTES_MAX);
        memcpy(f->bytes + f->len, g->out.bytes + a->at, a->len);
        f->len += a->len;
        break;
    }
    return IO_OK;
}

static inline void rig_step(struct rig *g, const struct event *e);

static inline void rig_disk_done(struct rig *g, uint32_t task, enum io_result io)
{
    for (uint32_t i = 0; i < FILES_MAX && io == IO_OK; i++) {
        if ((g->pending[task] & 1u << i) != 0) {
            g->file[i].durable = g->file[i].len;
        }
    }
    g->pending[task] = 0;
    if (task != TASK_BOOT) {
        rig_step(g,
                 &(struct event){.kind = EV_DISK_DONE, .task = (uint8_t)task, .io = (uint8_t)io});
    }
}

/* Lists without an fsync are answered in the same step; the others by rig_fsync. */
static inline void rig_carry_out(struct rig *g)
{
    const uint32_t tasks[] = {TASK_BOOT, TASK_RECEIVER, TASK_CONSUMER};
    bool listed[TASKS_MAX] = {false};
    enum io_result io[TASKS_MAX] = {IO_OK};
    for (uint32_t i = 0; i < g->out.n; i++) {
        const struct action *a = &g->out.at[i];
        if (rig_is_disk(a->kind)) {
            assert_true(a->task == TASK_BOOT || a->task == TASK_RECEIVER ||
                        a->task == TASK_CONSUMER);
            assert_true(listed[a->task] || g->pending[a->task] == 0); /* one list at a time */
            listed[a->task] = true;
            if (io[a->task] == IO_OK) {
                io[a->task] = rig_disk_action(g, a);
            }
            continue;
        }
        switch (a->kind) {
        case ACT_SEND:
            rig_send_action(g, a);
            break;
        case ACT_WAKE:
            assert_int_equal(a->task, TASK_CONSUMER);
            rig_note(g, 'k');
            break;
        case ACT_CONNECT:
            rig_note(g, 'n');
            break;
        default:
            assert_int_equal(a->kind, ACT_CLOSE);
            rig_note(g, 'x');
            break;
        }
    }
    actions_clear(&g->out);
    for (uint32_t i = 0; i < sizeof tasks / sizeof tasks[0]; i++) {
        const uint32_t t = tasks[i];
        if (listed[t] && (io[t] != IO_OK || g->pending[t] == 0)) {
            rig_disk_done(g, t, io[t]);
        }
    }
}

static inline void rig_step(struct rig *g, const struct event *e)
{
    const struct env env = rig_env(g);
    assert_int_equal(g->out.n, 0);
    receiver_step(&g->r, &env, e, &g->out);
    rig_carry_out(g);
}

static inline void rig_fsync(struct rig *g, uint32_t task, enum io_result io)
{
    assert_int_not_equal(g->pending[task], 0);
    rig_disk_done(g, task, io);
}

/* The letters noted since the last call are these. */
#define rig_expect(g, text)                                                                        \
    do {                                                                                           \
        assert_string_equal((g)->log, (text));                                                     \
        memset((g)->log, 0, RIG_LOG_MAX);                                                          \
    } while (0)

static inline void rig_boot(struct rig *g, const char *applied)
{
    struct gtid_pos pos;
    assert_true(gtid_pos_parse(applied, &pos));
    memset(g->pending, 0, sizeof g->pending);
    memset(g->log, 0, sizeof g->log);
    memset(&g->r, 0xA5, sizeof g->r);
    const struct env env = rig_env(g);
    receiver_boot(&g->r, &env, &pos, &g->out);
    rig_carry_out(g);
    if (g->pending[TASK_BOOT] != 0) {
        rig_fsync(g, TASK_BOOT, IO_OK);
    }
}

static inline void rig_start(struct rig *g, const char *profile)
{
    memset(g, 0, sizeof *g);
    server_settings_default(&g->set);
    g->set.server_id = 10 + SELF;
    g->set.receiver = receiver_profile_find(profile);
    assert_non_null(g->set.receiver);
    g->server_id = 10 + PRIMARY;
    g->off = 256;
}

/* ---- the primary's side ---------------------------------------------------------------------- */

static inline void rig_net(struct rig *g, uint8_t kind)
{
    rig_step(g, &(struct event){.kind = kind, .peer = g->r.primary, .link = LINK_TO_PRIMARY});
}

static inline void rig_admin(struct rig *g, uint8_t admin, uint8_t peer)
{
    rig_step(g, &(struct event){.kind = EV_ADMIN, .admin = admin, .peer = peer});
}

static inline void rig_packet(struct rig *g, const uint8_t *p, uint32_t len)
{
    rig_step(g, &(struct event){.kind = EV_NET_FRAME,
                                .peer = g->r.primary,
                                .link = LINK_TO_PRIMARY,
                                .bytes = p,
                                .len = len});
}

/* Sends the event that was made last. */
static inline void rig_frame(struct rig *g, bool need_ack)
{
    uint8_t p[600];
    struct writer w = writer_over(p, sizeof p);
    assert_int_equal(
        encode_event_packet(&w, g->event, g->event_len, g->set.semi_sync_slave, need_ack), FMT_OK);
    rig_packet(g, p, w.len);
}

enum { PART_GTID, PART_TABLE_MAP, PART_ROWS, PART_XID, PARTS, PART_ROTATE, PART_FDE, PART_LIST };

/* Makes event `part` of group `seq` (domain 0); the off of artificial events does not move. */
static inline void rig_make(struct rig *g, int part, uint64_t seq)
{
    struct writer w = writer_over(g->event, sizeof g->event);
    struct event_ctx c = {
        .timestamp = EVENT_TIMESTAMP, .server_id = g->server_id, .start = g->off, .flags = 0};
    const struct gtid gtid = {0, g->server_id, seq};
    const struct gtid_state list = {0};
    enum fmt e = FMT_OK;
    switch (part) {
    case PART_GTID:
        e = encode_gtid(&w, &c, gtid, GTID_FLAG_TRANSACTIONAL, 0);
        break;
    case PART_TABLE_MAP:
        e = encode_table_map(&w, &c, 20, "test", "t");
        break;
    case PART_ROWS:
        e = encode_write_rows(&w, &c, 20, (int32_t)seq, (int32_t)seq * 10);
        break;
    case PART_XID:
        e = encode_xid(&w, &c, 100 + seq);
        break;
    case PART_ROTATE:
        c.flags = EVENT_FLAG_ARTIFICIAL;
        e = encode_rotate(&w, &c, "binlog.000001", g->off);
        break;
    case PART_FDE:
        c.start = BINLOG_MAGIC_LEN;
        e = encode_format_description(&w, &c, "10.11.18-MariaDB-log");
        break;
    default:
        c.flags = EVENT_FLAG_ARTIFICIAL;
        e = encode_gtid_list(&w, &c, &list);
        break;
    }
    assert_int_equal(e, FMT_OK);
    g->event_len = w.len;
    if (part < PARTS) {
        g->off += w.len;
    }
}

static inline void rig_send(struct rig *g, int part, uint64_t seq, bool need_ack)
{
    rig_make(g, part, seq);
    rig_frame(g, need_ack);
}

static inline void rig_settle(struct rig *g)
{
    while (g->pending[TASK_RECEIVER] != 0) {
        rig_fsync(g, TASK_RECEIVER, IO_OK);
    }
}

/* A whole group, ACK wanted with its last event, all fsyncs answered. */
static inline void rig_group(struct rig *g, uint64_t seq, bool need_ack)
{
    for (int part = 0; part < PARTS; part++) {
        rig_send(g, part, seq, need_ack && part == PART_XID);
        rig_settle(g);
    }
}

static inline void rig_greet(struct rig *g)
{
    rig_send(g, PART_ROTATE, 0, false);
    rig_send(g, PART_FDE, 0, false);
    rig_send(g, PART_LIST, 0, false);
}

/* Boots, follows, and takes the stream up to its first group. */
static inline void rig_stream(struct rig *g, const char *applied)
{
    rig_boot(g, applied);
    rig_admin(g, ADMIN_FOLLOW, PRIMARY);
    rig_net(g, EV_NET_UP);
    rig_settle(g);
    rig_greet(g);
    memset(g->log, 0, sizeof g->log);
}

static inline uint64_t rig_seq(const struct gtid_pos *pos)
{
    return gtid_pos_find(pos, 0).seq;
}

#endif

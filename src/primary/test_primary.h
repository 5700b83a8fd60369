/* What the tests of this folder share: one server over a disk of byte arrays.
 *
 * The bench carries out the actions of the primary and notes what others could see of it, one mark
 * after the other. Tasks run, fsyncs end and packets arrive only when the test says so; write(2) is
 * answered at once. tw_settle runs tasks as long as there are any, dump threads before sessions,
 * and lets an fsync end only where nothing else can go on: what stands before an `r` or `b` did not
 * wait for that fsync.
 *
 *   x redo written      r redo fsync ended    w binlog written     b binlog fsync ended
 *   n index written     i index fsync ended  t table written
 *   g registered        p published           s group sent         S group sent, ACK wanted
 *   W waits for an ACK  a ACK arrives         v1 T1 is visible     T timer runs out
 *   o1 OK for T1        e1 error for T1       X server ends itself
 *
 * A test includes cmocka before this. */
#ifndef ACKPROOF_PRIMARY_TEST_PRIMARY_H
#define ACKPROOF_PRIMARY_TEST_PRIMARY_H

#include <stdio.h>

#include "format/packet.h"
#include "primary/internal.h"

enum { TW_FILES = 12, TW_SENT_MAX = 96, TW_LOG_MAX = 256, TW_IO_MAX = 4, TW_HEAD_MAX = 512 };

struct tw_file {
    struct file_id id; /* FILE_NONE: free */
    uint32_t len;
    uint32_t kept_len; /* what a power loss leaves; UINT32_MAX: not even the name */
    uint8_t bytes[FILE_BYTES_MAX];
    uint8_t kept[FILE_BYTES_MAX];
};

/* A packet to a replica. */
struct tw_sent {
    uint8_t peer;
    uint8_t type; /* enum event_type; 0: an error packet */
    uint8_t need_ack;
    uint8_t semi_sync;
    uint32_t error; /* 1945 */
    uint32_t log_pos;
    uint32_t file;    /* that the last ROTATE named */
    struct gtid gtid; /* of the group it belongs to */
};

struct tw_io {
    uint32_t n; /* fsyncs under way for the task */
    struct file_id file[TW_IO_MAX];
};

struct tw {
    struct server_settings set;
    struct primary p;
    struct engine e;
    uint32_t runnable; /* bit i: task i */
    uint32_t timers;
    uint32_t timer_ms[TASKS_MAX];
    struct tw_io io[TASKS_MAX];
    uint32_t visible; /* bit t: T(t+1) */
    uint32_t n_seen;
    uint8_t seen[TXNS_MAX]; /* in the order in which they became visible */
    uint32_t answered;      /* bit i: session i */
    uint32_t exited;
    uint32_t closed; /* bit i: ACT_CLOSE to node i */
    enum file_kind fail_kind;
    enum io_result fail_write; /* of the next write to a file of that kind */
    char log[TW_LOG_MAX];
    uint32_t n_sent;
    struct tw_sent sent[TW_SENT_MAX];
    uint32_t stream_file[NODES_MAX];
    struct gtid stream_gtid[NODES_MAX];
    struct tw_file file[TW_FILES];
};

static inline void tw_note(struct tw *w, const char *mark)
{
    assert_true(strlen(w->log) + strlen(mark) < TW_LOG_MAX);
    strcat(w->log, mark);
}

static inline void tw_note_txn(struct tw *w, char letter, uint32_t txn)
{
    tw_note(w, (const char[]){letter, (char)('1' + txn), '\0'});
}

static inline void tw_clear(struct tw *w)
{
    memset(w->log, 0, sizeof w->log);
    memset(w->sent, 0, sizeof w->sent);
    w->n_sent = 0;
}

/* ---- disk ------------------------------------------------------------------------------------ */

static inline struct tw_file *tw_file(struct tw *w, enum file_kind kind, uint32_t num)
{
    for (uint32_t i = 0; i < TW_FILES; i++) {
        if (w->file[i].id.kind == kind && w->file[i].id.num == num)
            return &w->file[i];
    }
    return NULL;
}

static inline void tw_view(const struct tw *w, struct disk_view *v)
{
    memset(v, 0, sizeof *v);
    for (uint32_t i = 0; i < TW_FILES; i++) {
        const struct tw_file *f = &w->file[i];
        if (f->id.kind == FILE_NONE)
            continue;
        uint32_t at = v->n++;
        const uint32_t key = (uint32_t)f->id.kind << 8 | f->id.num;
        for (; at > 0 && ((uint32_t)v->at[at - 1].id.kind << 8 | v->at[at - 1].id.num) > key; at--)
            v->at[at] = v->at[at - 1];
        v->at[at] = (struct file_view){f->id, f->len, f->bytes};
    }
}

static inline void tw_create(struct tw *w, struct file_id id)
{
    assert_null(tw_file(w, (enum file_kind)id.kind, id.num));
    for (uint32_t i = 0; i < TW_FILES; i++) {
        if (w->file[i].id.kind == FILE_NONE) {
            memset(&w->file[i], 0, sizeof w->file[i]);
            w->file[i].id = id;
            w->file[i].kept_len = UINT32_MAX;
            return;
        }
    }
    fail();
}

static inline enum io_result tw_disk_action(struct tw *w, const struct action *a,
                                            const uint8_t *bytes)
{
    if (a->kind == ACT_CREATE) {
        tw_create(w, a->file);
        return IO_OK;
    }
    struct tw_file *f = tw_file(w, (enum file_kind)a->file.kind, a->file.num);
    assert_non_null(f);
    switch (a->kind) {
    case ACT_UNLINK:
        memset(f, 0, sizeof *f);
        break;
    case ACT_TRUNCATE:
        assert_true(a->off < f->len);
        f->len = a->off;
        break;
    default:
        if (w->fail_write != IO_OK && w->fail_kind == (enum file_kind)a->file.kind) {
            const enum io_result e = w->fail_write;
            w->fail_write = IO_OK;
            return e;
        }
        assert_true(a->off <= f->len && a->off + a->len <= FILE_BYTES_MAX);
        memcpy(f->bytes + a->off, bytes + a->at, a->len);
        if (a->off + a->len > f->len)
            f->len = a->off + a->len;
        tw_note(w, a->task == TASK_BOOT                ? ""
                   : a->file.kind == FILE_REDO         ? "x"
                   : a->file.kind == FILE_BINLOG_INDEX ? "n"
                   : a->file.kind == FILE_TABLE        ? "t"
                                                       : "w");
    }
    return IO_OK;
}

/* ---- actions --------------------------------------------------------------------------------- */

static inline void tw_sent(struct tw *w, const struct action *a, const uint8_t *bytes)
{
    const uint8_t *packet = bytes + a->at;
    assert_true(w->n_sent < TW_SENT_MAX);
    assert_int_equal(a->link, LINK_TO_REPLICA);
    struct tw_sent *s = &w->sent[w->n_sent++];
    s->peer = a->peer;
    if (packet[0] == 0xFF) {
        for (uint32_t i = 1; i <= 4; i++)
            s->error = s->error * 10 + (uint32_t)(packet[i] - '0');
        return;
    }
    struct event_packet p;
    struct event_head h;
    struct gtid_event g;
    struct rotate_event rotate;
    const bool semi = w->p.dump[a->peer].semi_sync != 0;
    assert_int_equal(decode_event_packet(packet, a->len, semi, &p), FMT_OK);
    assert_int_equal(event_parse(p.event, p.len, true, &h), FMT_OK);
    if (h.type == EVENT_ROTATE) {
        assert_int_equal(decode_rotate(p.event, &h, &rotate), FMT_OK);
        w->stream_file[a->peer] = binlog_name_num(rotate.next_file);
    }
    if (h.type == EVENT_GTID) {
        assert_int_equal(decode_gtid(p.event, &h, &g), FMT_OK);
        w->stream_gtid[a->peer] = g.gtid;
    }
    s->type = h.type;
    s->need_ack = p.need_ack;
    s->semi_sync = p.semi_sync;
    s->log_pos = h.log_pos;
    s->file = w->stream_file[a->peer];
    s->gtid = w->stream_gtid[a->peer];
    if (h.type == EVENT_XID || h.type == EVENT_QUERY)
        tw_note(w, p.need_ack ? "S" : "s");
    else
        assert_false(p.need_ack);
}

static inline void tw_other_action(struct tw *w, const struct action *a, const uint8_t *bytes)
{
    switch (a->kind) {
    case ACT_WAKE:
        w->runnable |= 1u << a->task;
        break;
    case ACT_SEND:
        tw_sent(w, a, bytes);
        break;
    case ACT_CLOSE:
        w->closed |= 1u << a->peer;
        break;
    case ACT_SET_TIMER:
        w->timers |= 1u << a->task;
        w->timer_ms[a->task] = a->arg;
        break;
    case ACT_CLEAR_TIMER:
        w->timers &= ~(1u << a->task);
        break;
    case ACT_REPLY:
        assert_false(w->answered >> a->task & 1);
        w->answered |= 1u << a->task;
        tw_note_txn(w, a->arg == CLIENT_OK ? 'o' : 'e', a->txn);
        break;
    case ACT_EXIT:
        assert_int_not_equal(a->arg, IO_OK);
        w->exited = 1;
        tw_note(w, "X");
        break;
    default:
        fail();
    }
}

static inline void tw_event(struct tw *w, const struct event *ev);

/* Disk lists without an fsync are answered at the end. */
static inline void tw_carry_out(struct tw *w, const struct actions *out)
{
    uint32_t wrote = 0;
    uint32_t failed = 0;
    enum io_result result = IO_OK;
    for (uint32_t i = 0; i < out->n; i++) {
        const struct action *a = &out->at[i];
        const uint32_t bit = 1u << a->task;
        if (a->kind == ACT_FSYNC && (failed & bit) == 0) {
            struct tw_io *io = &w->io[a->task];
            assert_true(io->n < TW_IO_MAX);
            assert_non_null(tw_file(w, (enum file_kind)a->file.kind, a->file.num));
            io->file[io->n++] = a->file;
        } else if (a->kind == ACT_WRITE || a->kind == ACT_CREATE || a->kind == ACT_UNLINK ||
                   a->kind == ACT_TRUNCATE) {
            assert_int_equal(w->io[a->task].n, 0); /* fsyncs stand last in a list */
            wrote |= bit;
            const enum io_result e = (failed & bit) != 0 ? IO_OK : tw_disk_action(w, a, out->bytes);
            if (e != IO_OK) {
                failed |= bit;
                result = e;
            }
        } else if (a->kind != ACT_FSYNC) {
            tw_other_action(w, a, out->bytes);
        }
    }
    for (uint8_t t = 0; t < TASKS_MAX; t++) {
        if ((wrote >> t & 1) != 0 && w->io[t].n == 0) {
            const uint8_t io = (uint8_t)((failed >> t & 1) != 0 ? result : IO_OK);
            tw_event(w, &(struct event){.kind = EV_DISK_DONE, .task = t, .io = io});
        }
    }
}

static inline void tw_observe(struct tw *w, log_pos_t registered, log_pos_t published,
                              const uint8_t state[COMMITTERS])
{
    if (w->p.semisync.committed > registered)
        tw_note(w, "g");
    if (w->p.binlog.end_pos > published)
        tw_note(w, "p");
    for (uint32_t t = 0; t < COMMITTERS; t++) {
        if (w->p.by[t].state == COMMITTER_ACK && state[t] != COMMITTER_ACK)
            tw_note(w, "W");
    }
    for (uint32_t t = 0; t < TXNS_MAX; t++) {
        int32_t v = 0;
        const bool now = engine_read(&w->e, (int32_t)t + 1, &v);
        if (now && (w->visible >> t & 1) == 0) {
            tw_note_txn(w, 'v', t);
            w->seen[w->n_seen++] = (uint8_t)t;
            w->visible |= 1u << t;
        }
    }
}

static inline void tw_event(struct tw *w, const struct event *ev)
{
    struct actions out;
    struct disk_view view;
    uint8_t state[COMMITTERS];
    const log_pos_t registered = w->p.semisync.committed;
    const log_pos_t published = w->p.binlog.end_pos;
    tw_view(w, &view);
    const struct env env = {.set = &w->set, .disk = &view, .node = 0};
    for (uint32_t t = 0; t < COMMITTERS; t++)
        state[t] = w->p.by[t].state;
    actions_clear(&out);
    if (ev->kind == EV_BOOT)
        engine_boot(&w->e, &env, &out);
    primary_step(&w->p, &w->e, &env, ev, &out);
    if (w->p.boot == BOOT_DONE && ev->kind != EV_BOOT)
        tw_observe(w, registered, published, state);
    tw_carry_out(w, &out);
}

/* ---- what the test says ---------------------------------------------------------------------- */

static inline void tw_run(struct tw *w, uint32_t task)
{
    assert_true(w->runnable >> task & 1);
    w->runnable &= ~(1u << task);
    tw_event(w, &(struct event){.kind = EV_RUN, .task = (uint8_t)task});
}

/* The fsyncs of a task end. */
static inline void tw_fsync(struct tw *w, uint32_t task, enum io_result result)
{
    const struct tw_io io = w->io[task];
    assert_true(io.n > 0);
    memset(&w->io[task], 0, sizeof w->io[task]);
    for (uint32_t i = 0; i < io.n && result == IO_OK; i++) {
        struct tw_file *f = tw_file(w, (enum file_kind)io.file[i].kind, io.file[i].num);
        memcpy(f->kept, f->bytes, FILE_BYTES_MAX);
        f->kept_len = f->len;
        tw_note(w, task == TASK_BOOT                 ? ""
                   : f->id.kind == FILE_REDO         ? "r"
                   : f->id.kind == FILE_BINLOG_INDEX ? "i"
                                                     : "b");
    }
    tw_event(w,
             &(struct event){.kind = EV_DISK_DONE, .task = (uint8_t)task, .io = (uint8_t)result});
}

/* Runs tasks until none can, the highest number first. */
static inline void tw_run_all(struct tw *w)
{
    while (w->runnable != 0 && w->exited == 0) {
        uint32_t task = TASKS_MAX - 1;
        while ((w->runnable >> task & 1) == 0)
            task--;
        tw_run(w, task);
    }
}

/* Runs a task as far as it can go without the others. */
static inline void tw_run_only(struct tw *w, uint32_t task)
{
    while (w->runnable >> task & 1)
        tw_run(w, task);
}

static inline void tw_settle(struct tw *w)
{
    for (;;) {
        tw_run_all(w);
        uint32_t task = 0;
        while (task < TASKS_MAX && w->io[task].n == 0)
            task++;
        if (task == TASKS_MAX || w->exited != 0)
            return;
        tw_fsync(w, task, IO_OK);
    }
}

static inline void tw_statement(struct tw *w, uint32_t session, uint32_t txn, enum statement what)
{
    const uint8_t task = (uint8_t)session, kind = (uint8_t)what;
    const struct event e = {EV_CLIENT, .task = task, .txn = (uint16_t)txn, .statement = kind};
    w->answered &= ~(1u << session);
    tw_event(w, &e);
}

static inline void tw_client(struct tw *w, uint32_t session, uint32_t txn)
{
    tw_statement(w, session, txn, STATEMENT_INSERT);
}

static inline void tw_timer(struct tw *w, uint32_t task)
{
    assert_true(w->timers >> task & 1);
    w->timers &= ~(1u << task);
    tw_note(w, "T");
    tw_event(w, &(struct event){.kind = EV_TIMER, .task = (uint8_t)task});
}

static inline void tw_admin(struct tw *w, enum admin admin)
{
    tw_event(w, &(struct event){.kind = EV_ADMIN, .admin = (uint8_t)admin});
}

static inline void tw_frame(struct tw *w, uint32_t node, const uint8_t *bytes, uint32_t len)
{
    const uint8_t peer = (uint8_t)node;
    tw_event(w, &(struct event){.kind = EV_NET_FRAME,
                                .peer = peer,
                                .link = LINK_TO_REPLICA,
                                .bytes = bytes,
                                .len = len});
}

static inline void tw_connect(struct tw *w, uint32_t node, const char *pos, bool semi_sync)
{
    uint8_t bytes[256];
    struct writer out = writer_over(bytes, sizeof bytes);
    struct dump_request q = {.server_id = node + 1, .semi_sync = semi_sync};
    assert_true(gtid_pos_parse(pos, &q.pos));
    assert_int_equal(encode_dump_request(&out, &q), FMT_OK);
    tw_event(w,
             &(struct event){.kind = EV_NET_OPEN, .peer = (uint8_t)node, .link = LINK_TO_REPLICA});
    tw_frame(w, node, bytes, out.len);
}

static inline void tw_down(struct tw *w, uint32_t node)
{
    tw_event(w,
             &(struct event){.kind = EV_NET_DOWN, .peer = (uint8_t)node, .link = LINK_TO_REPLICA});
}

static inline void tw_ack_name(struct tw *w, uint32_t node, const char *file, uint64_t pos)
{
    uint8_t bytes[128];
    struct writer out = writer_over(bytes, sizeof bytes);
    struct ack_packet a = {.pos = pos};
    strcpy(a.file, file);
    assert_int_equal(encode_ack(&out, &a), FMT_OK);
    tw_note(w, "a");
    tw_frame(w, node, bytes, out.len);
}

static inline void tw_ack(struct tw *w, uint32_t node, log_pos_t pos)
{
    char name[BINLOG_NAME_MAX];
    binlog_name(name, log_pos_file(pos));
    tw_ack_name(w, node, name, log_pos_offset(pos));
}

/* A replicated transaction: the applier takes it through the pipeline. */
static inline void tw_apply(struct tw *w, struct gtid gtid, uint64_t xid, int32_t k)
{
    struct actions out;
    actions_clear(&out);
    const struct replicated_group g = {.gtid = gtid, .xid = xid, .k = k, .v = k * 100};
    assert_true(primary_apply(&w->p, &g, &out));
    tw_carry_out(w, &out);
}

/* ---- life and death -------------------------------------------------------------------------- */

static inline void tw_start(struct tw *w, enum admin as)
{
    tw_event(w, &(struct event){.kind = EV_BOOT, .admin = (uint8_t)as, .task = TASK_BOOT});
}

static inline void tw_boot(struct tw *w, enum admin as)
{
    tw_start(w, as);
    tw_settle(w);
}

/* The process is gone; the page cache stays. */
static inline void tw_kill(struct tw *w)
{
    memset(&w->p, 0, sizeof w->p);
    memset(&w->e, 0, sizeof w->e);
    memset(w->io, 0, sizeof w->io);
    w->runnable = 0;
    w->timers = 0;
    w->visible = 0;
    w->n_seen = 0;
    w->exited = 0;
    memset(w->seen, 0, sizeof w->seen);
    tw_clear(w);
}

/* Only what an fsync covered stays. */
static inline void tw_power(struct tw *w)
{
    tw_kill(w);
    for (uint32_t i = 0; i < TW_FILES; i++) {
        struct tw_file *f = &w->file[i];
        if (f->id.kind == FILE_NONE)
            continue;
        if (f->kept_len == UINT32_MAX) {
            memset(f, 0, sizeof *f);
            continue;
        }
        memcpy(f->bytes, f->kept, FILE_BYTES_MAX);
        f->len = f->kept_len;
    }
}

static inline void tw_init(struct tw *w)
{
    memset(w, 0, sizeof *w);
    server_settings_default(&w->set);
}

/* A primary that serves; the marks of its start are forgotten. */
static inline void tw_serve(struct tw *w)
{
    tw_boot(w, ADMIN_SERVE);
    assert_int_equal(w->p.boot, BOOT_DONE);
    assert_true(w->p.serving);
    tw_clear(w);
}

/* ---- what there is to see -------------------------------------------------------------------- */

/* The complete groups of a binlog, from its bytes. */
struct tw_group {
    struct gtid gtid;
    uint64_t xid, commit_id;
    int32_t k, v;
    uint32_t start, end;
};
static inline uint32_t tw_groups(struct tw *w, uint32_t num, struct tw_group *groups, uint32_t cap)
{
    const struct tw_file *f = tw_file(w, FILE_BINLOG, num);
    uint32_t off = BINLOG_MAGIC_LEN;
    uint32_t n = 0;
    struct group_scan g;
    struct event_head h;
    if (f == NULL || f->len < off)
        return 0;
    group_scan_start(&g);
    while (event_parse(f->bytes + off, f->len - off, true, &h) == FMT_OK) {
        const enum group_step step = group_scan_event(&g, f->bytes + off, &h);
        assert_int_not_equal(step, GROUP_ERROR);
        assert_int_equal(h.log_pos, off + h.len);
        if (step == GROUP_BEGIN)
            groups[n].start = off;
        off += h.len;
        if (step == GROUP_END) {
            assert_true(n < cap);
            groups[n].gtid = g.gtid.gtid;
            groups[n].xid = g.xid;
            groups[n].commit_id = g.gtid.commit_id;
            groups[n].k = g.k;
            groups[n].v = g.v;
            groups[n++].end = off;
        }
    }
    return n;
}

static inline bool tw_in_use(struct tw *w, uint32_t num)
{
    const struct tw_file *f = tw_file(w, FILE_BINLOG, num);
    struct event_head h;
    assert_non_null(f);
    assert_int_equal(event_parse(f->bytes + BINLOG_MAGIC_LEN, f->len - BINLOG_MAGIC_LEN, true, &h),
                     FMT_OK);
    return format_description_in_use(&h);
}

/* The groups sent to a node since tw_clear, as "0-1-1 0-1-2!": ! where an ACK is wanted. */
static inline const char *tw_stream(const struct tw *w, uint32_t node, char text[256])
{
    text[0] = '\0';
    for (uint32_t i = 0; i < w->n_sent; i++) {
        const struct tw_sent *s = &w->sent[i];
        char gtid[GTID_TEXT_MAX];
        char one[GTID_TEXT_MAX + 12];
        if (s->peer != node || (s->type != EVENT_XID && s->error == 0))
            continue;
        if (s->error != 0)
            snprintf(one, sizeof one, "%sE%u", text[0] == '\0' ? "" : " ", s->error);
        else
            snprintf(one, sizeof one, "%s%s%s", text[0] == '\0' ? "" : " ",
                     gtid_text(s->gtid, gtid), s->need_ack ? "!" : "");
        assert_true(strlen(text) + strlen(one) < 256);
        strcat(text, one);
    }
    return text;
}

#define assert_stream(w, node, expected)                                                           \
    do {                                                                                           \
        char stream_text[256];                                                                     \
        assert_string_equal(tw_stream(w, node, stream_text), expected);                            \
    } while (0)

#endif

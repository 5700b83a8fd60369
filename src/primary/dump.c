/* Dump threads: what a replica is sent, from where, and with which flag (facts 3.1, 8.1).
 *
 * A step of a dump thread sends one event group, each event as one packet. It reads only up to the
 * published end of the binlog, older files up to their end, whatever a crash has left there. A
 * replica that asks for a GTID position gets, per domain, everything behind exactly that GTID; the
 * gate of a domain opens when the GTID has passed by.
 */
#include "primary/internal.h"

enum { EVENT_PACKET_HEAD = 3 };

static void send_event(const struct ctx *c, uint32_t node, const uint8_t *event, uint32_t len,
                       bool need_ack)
{
    bool semi = c->p->dump[node].semi_sync;
    struct writer w =
        writer_over(act_room(c->out, len + EVENT_PACKET_HEAD), len + EVENT_PACKET_HEAD);
    enum fmt e = encode_event_packet(&w, event, len, semi, need_ack);
    assert(e == FMT_OK);
    (void)e;
    act_send(c->out, node, LINK_TO_REPLICA, w.at, w.len);
}

/* An error packet: FF and a text; the receiver gives up (1236, 1945). */
static void refuse(const struct ctx *c, uint32_t node, const char *reason)
{
    uint8_t packet[96];
    struct writer w = writer_over(packet, sizeof packet);
    put_u8(&w, 0xFF);
    put_bytes(&w, reason, (uint32_t)strlen(reason));
    assert(!w.failed);
    act_send(c->out, node, LINK_TO_REPLICA, packet, w.len);
    memset(&c->p->dump[node], 0, sizeof c->p->dump[node]);
}

/* A replica that comes again before its old connection was found dead ends the old dump thread
 * (kill_zombie_dump_threads). */
void dump_accept(const struct ctx *c, uint32_t node)
{
    assert(node < NODES_MAX);
    struct action *a = act(c->out, ACT_CLOSE);
    a->peer = (uint8_t)node;
    a->link = LINK_TO_REPLICA;
    dump_end(c, node);
}

void dump_end(const struct ctx *c, uint32_t node)
{
    if (c->p->dump[node].active == DUMP_ACTIVE && c->p->dump[node].semi_sync)
        semisync_replica_leaves(&c->p->semisync, c->env, node, c->out);
    memset(&c->p->dump[node], 0, sizeof c->p->dump[node]);
}

void dump_take_back(const struct ctx *c, log_pos_t end)
{
    c->p->binlog.end_pos = end;
    for (uint32_t node = 0; node < NODES_MAX; node++) {
        if (c->p->dump[node].active && c->p->dump[node].pos > end)
            dump_accept(c, node);
    }
}

/* Is the GTID a replica has in a domain part of our history (rules C1, C2, C6, C7)? NULL: yes, or
 * we know nothing of the domain. */
static const char *check_gtid(const struct ctx *c, struct gtid g, bool *unknown)
{
    const struct gtid_state *s = &c->p->binlog.state;
    struct gtid latest = gtid_state_latest(s, g.domain);
    *unknown = latest.seq == 0;
    if (*unknown || gtid_state_holds(s, g))
        return NULL;
    if (latest.seq < g.seq)
        return "1945 GTID position is ahead of the binlog";
    return "1236 GTID position is not in the binlog: diverged";
}

bool dump_covers(const struct gtid_pos *pos, const struct gtid_state *before)
{
    for (uint32_t i = 0; i < before->n; i++) {
        struct gtid asked = gtid_pos_find(pos, before->at[i].domain);
        bool same = asked.server == before->at[i].server;
        bool last = gtid_equal(gtid_state_latest(before, asked.domain), before->at[i]);
        if (asked.seq == 0 || (same && asked.seq < before->at[i].seq) ||
            (same && asked.seq == before->at[i].seq && !last))
            return false;
    }
    return true;
}

uint16_t dump_gates(const struct gtid_pos *pos, const struct gtid_state *before)
{
    uint16_t gates = 0;
    for (uint32_t i = 0; i < pos->n; i++) {
        if (gtid_state_holds(before, pos->at[i]))
            gates |= (uint16_t)(1u << i);
    }
    return gates;
}

/* gtid_find_binlog_pos: the newest file that the replica has everything before. */
static uint32_t find_file(const struct ctx *c, const struct gtid_pos *pos)
{
    uint32_t first = view_first(c->env->disk, FILE_BINLOG);
    for (uint32_t num = c->p->binlog.num; num > first; num--) {
        struct gtid_state before;
        bool in_use = false;
        const struct file_view *f =
            view_find(c->env->disk, (struct file_id){.kind = FILE_BINLOG, .num = (uint8_t)num});
        if (f == NULL || binlog_head(f, &in_use, &before) == 0)
            continue;
        if (dump_covers(pos, &before))
            return num;
    }
    return first;
}

/* A domain whose requested GTID stands before the file is open at once. */
static uint16_t open_gates(const struct ctx *c, const struct gtid_pos *pos, uint32_t file)
{
    struct gtid_state before;
    bool in_use = false;
    const struct file_view *f =
        view_find(c->env->disk, (struct file_id){.kind = FILE_BINLOG, .num = (uint8_t)file});
    if (f == NULL || binlog_head(f, &in_use, &before) == 0)
        return 0;
    return dump_gates(pos, &before);
}

static void start(const struct ctx *c, uint32_t node, const struct dump_request *q)
{
    struct dump *d = &c->p->dump[node];
    uint16_t unknown = 0;
    for (uint32_t i = 0; i < q->pos.n; i++) {
        bool no_domain = false;
        const char *reason = check_gtid(c, q->pos.at[i], &no_domain);
        if (reason != NULL) {
            refuse(c, node, reason);
            return;
        }
        unknown |= (uint16_t)((no_domain ? 1u : 0u) << i);
    }
    uint16_t gates = 0;
    log_pos_t from = 0;
    if (c->e->ibb.on) {
        from = engine_dump_start(c, &q->pos, &gates);
        if (from == 0) {
            refuse(c, node, "1236 what the replica needs was purged from the binlog");
            return;
        }
    } else {
        uint32_t file = find_file(c, &q->pos);
        gates = open_gates(c, &q->pos, file);
        from = log_pos(file, BINLOG_MAGIC_LEN);
    }
    *d =
        (struct dump){.active = DUMP_ACTIVE,
                      .semi_sync = q->semi_sync != 0, /* whether or not semi-sync is enabled here */
                      .gates = gates,
                      .unknown = unknown,
                      .pos = from,
                      .from = q->pos};
    if (d->semi_sync)
        semisync_replica_joins(&c->p->semisync, c->env, node, d->pos, c->out);
    act_wake(c->out, TASK_DUMP + node);
}

void dump_frame(const struct ctx *c, uint32_t node, const uint8_t *bytes, uint32_t len)
{
    assert(node < NODES_MAX);
    struct dump *d = &c->p->dump[node];
    if (d->active) {
        struct ack_packet ack;
        if (d->active == DUMP_ACTIVE && d->semi_sync && decode_ack(bytes, len, &ack) == FMT_OK)
            semisync_ack(&c->p->semisync, c->env, node,
                         log_pos(binlog_name_num(ack.file), (uint32_t)ack.pos), c->out);
        return;
    }
    struct dump_request q;
    if (decode_dump_request(bytes, len, &q) != FMT_OK) {
        refuse(c, node, "1047 malformed dump request");
        return;
    }
    start(c, node, &q);
}

/* Rule C2: of a domain that was unknown at connect, the first group decides. */
static const char *check_unknown(const struct ctx *c, struct dump *d, struct gtid g)
{
    for (uint32_t i = 0; i < d->from.n; i++) {
        if (d->from.at[i].domain != g.domain || (d->unknown >> i & 1) == 0)
            continue;
        bool unknown = false;
        d->unknown &= (uint16_t) ~(1u << i);
        return check_gtid(c, d->from.at[i], &unknown);
    }
    return NULL;
}

/* True where the group is to be sent; moves the gate of its domain. */
static bool gate(struct dump *d, struct gtid g)
{
    for (uint32_t i = 0; i < d->from.n; i++) {
        struct gtid from = d->from.at[i];
        if (from.domain != g.domain || (d->gates >> i & 1) != 0)
            continue;
        if (from.server == g.server && g.seq >= from.seq)
            d->gates |= (uint16_t)(1u << i);
        return from.server == g.server && g.seq > from.seq;
    }
    return true;
}

/* A new file: its name (artificial ROTATE) and its FORMAT_DESCRIPTION, then on behind its head. */
void dump_greet(const struct ctx *c, uint32_t node, const uint8_t *bytes, uint32_t len)
{
    struct dump *d = &c->p->dump[node];
    struct event_head h;
    uint8_t rotate[128];
    char name[BINLOG_NAME_MAX];
    struct writer w = writer_over(rotate, sizeof rotate);
    struct event_ctx x = {.server_id = c->env->set->server_id, .flags = EVENT_FLAG_ARTIFICIAL};
    binlog_name(name, log_pos_file(d->pos));
    encode_rotate(&w, &x, name, log_pos_offset(d->pos));
    assert(!w.failed);
    send_event(c, node, rotate, w.len, false);
    if (event_parse(bytes, len, true, &h) == FMT_OK && h.type == EVENT_FORMAT_DESCRIPTION) {
        send_event(c, node, bytes, h.len, false);
        d->pos += h.len;
    }
    d->greeted = 1;
}

/* Steps over one event group or one event outside groups. Sends it where the gate is open. False:
 * nothing complete stands there. */
bool dump_group(const struct ctx *c, uint32_t node, const uint8_t *bytes, uint32_t len, bool *sent)
{
    struct dump *d = &c->p->dump[node];
    struct group_scan g;
    struct event_head h;
    uint32_t off = 0;
    enum group_step step = GROUP_OUTSIDE;
    group_scan_start(&g);
    *sent = false;
    do {
        if (event_parse(bytes + off, len - off, true, &h) != FMT_OK)
            return false;
        step = group_scan_event(&g, bytes + off, &h);
        if (step == GROUP_ERROR)
            return false;
        off += h.len;
    } while (step == GROUP_BEGIN || step == GROUP_MIDDLE);
    const char *reason = step == GROUP_END ? check_unknown(c, d, g.gtid.gtid) : NULL;
    if (reason != NULL) {
        if (d->semi_sync)
            semisync_replica_leaves(&c->p->semisync, c->env, node, c->out);
        refuse(c, node, reason);
        return false;
    }
    if (h.type == EVENT_ROTATE) /* of what stands outside groups nothing else is sent */
        send_event(c, node, bytes, h.len, false);
    if (step == GROUP_END && gate(d, g.gtid.gtid)) {
        *sent = true;
        for (uint32_t at = 0; at < off; at += h.len) {
            enum fmt e = event_parse(bytes + at, off - at, false, &h);
            assert(e == FMT_OK);
            (void)e;
            log_pos_t end = log_pos(log_pos_file(d->pos), h.log_pos);
            send_event(c, node, bytes + at, h.len,
                       d->semi_sync && semisync_wants_ack(&c->p->semisync, c->env, end));
        }
    }
    d->pos += off;
    return true;
}

/* What follows the last complete group of an older file: the head of one that a power loss tore.
 * Its whole events are sent, the next file's head tells the replica that no more will come. Where
 * an event is torn the stream ends with an error. That of a semi-sync replica ends before the ACK
 * receiver has noticed its begin: the dump thread waits for ever to be taken off its list, and the
 * replica is told nothing (all seen on 10.11.19). */
static void dump_torn(const struct ctx *c, uint32_t node)
{
    struct dump *d = &c->p->dump[node];
    struct group_scan g;
    struct event_head h;
    uint32_t off = log_pos_offset(d->pos);
    const struct file_view *f = view_find(
        c->env->disk, (struct file_id){.kind = FILE_BINLOG, .num = (uint8_t)log_pos_file(d->pos)});
    if (f == NULL || f->len <= off || c->env->set->profile->cuts_torn_tail)
        return;
    group_scan_start(&g);
    bool open = true;
    for (; off < f->len && event_parse(f->bytes + off, f->len - off, true, &h) == FMT_OK;
         off += h.len) {
        if (group_scan_event(&g, f->bytes + off, &h) == GROUP_BEGIN)
            open = gate(d, g.gtid.gtid);
        if (open)
            send_event(c, node, f->bytes + off, h.len, false);
    }
    if (off == f->len)
        return;
    if (!d->semi_sync) {
        refuse(c, node, "1236 binlog truncated in the middle of event");
        return;
    }
    semisync_replica_leaves(&c->p->semisync, c->env, node, c->out);
    d->active = DUMP_HANGS;
}

void dump_wake(const struct ctx *c)
{
    for (uint32_t i = 0; i < NODES_MAX; i++) {
        if (c->p->dump[i].active)
            act_wake(c->out, TASK_DUMP + i);
    }
}

/* Up to MySQL 5.6 the current file is read under LOCK_log. Nothing else can happen within the
 * step, so that it need not be taken, only be free. */
static bool may_read(const struct ctx *c, const struct dump *d)
{
    return !c->env->set->profile->dump_takes_log_lock || c->p->owner[LOCK_LOG] == 0 ||
           log_pos_file(d->pos) != c->p->binlog.num;
}

/* Its file is gone. It takes its place in it for one in the new file of that name, and ends when it
 * finds that wrong: there is something behind that place, and not in the file that it has open. */
static void run_stale(const struct ctx *c, uint32_t node)
{
    if (c->p->dump[node].pos >= c->p->binlog.end_pos)
        return;
    struct action *a = act(c->out, ACT_CLOSE);
    a->peer = (uint8_t)node;
    a->link = LINK_TO_REPLICA;
    dump_end(c, node);
}

void dump_run(const struct ctx *c, uint32_t node)
{
    assert(node < NODES_MAX);
    struct dump *d = &c->p->dump[node];
    if (d->active == DUMP_HANGS)
        return;
    if (d->active && d->stale) {
        run_stale(c, node);
        return;
    }
    if (!may_read(c, d))
        return;
    if (c->e->ibb.on) {
        engine_dump_run(c, node);
        return;
    }
    while (d->active) {
        uint32_t len = 0;
        uint32_t num = log_pos_file(d->pos);
        const uint8_t *bytes = binlog_read(c, d->pos, &len);
        bool sent = false;
        if (bytes != NULL && !d->greeted) {
            dump_greet(c, node, bytes, len);
            act_wake(c->out, TASK_DUMP + node);
            return;
        }
        if (bytes != NULL && dump_group(c, node, bytes, len, &sent)) {
            if (!sent)
                continue;
            bool more = log_pos_file(d->pos) < c->p->binlog.num || d->pos < c->p->binlog.end_pos;
            if (more)
                act_wake(c->out, TASK_DUMP + node);
            return;
        }
        if (num >= c->p->binlog.num || !d->active)
            return;
        dump_torn(c, node);
        if (d->active != DUMP_ACTIVE)
            return;
        d->pos = log_pos(num + 1, BINLOG_MAGIC_LEN);
        d->greeted = 0;
    }
}

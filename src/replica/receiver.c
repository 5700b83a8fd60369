#include "replica/receiver.h"

#include "replica/buffer.h"
#include "replica/parse.h"
#include "replica/relay.h"

static_assert(sizeof(struct receiver) == 8 + 24 + sizeof(struct gtid_pos) +
                                             sizeof(struct group_scan) + 8 + RECEIVER_BUFFER_MAX,
              "a receiver has no padding");

bool receiver_profile_check(const struct receiver_profile *p)
{
    assert(p != NULL);
    if (p->handler == p->buffered) {
        return false;
    }
    switch (p->ack) {
    case ACK_AFTER_QUEUE:
        return p->buffered && p->sync != HANDLER_SYNC_BEFORE_ACK;
    case ACK_AFTER_HANDLE:
        return p->handler;
    case ACK_BEFORE_HANDLE:
        return p->sync != HANDLER_SYNC_BEFORE_ACK;
    }
    return false;
}

bool receiver_ready(const struct receiver *r)
{
    assert(r != NULL);
    return r->state == RECEIVER_STREAMING && r->busy == RECEIVER_IDLE &&
           buffer_fits(r, RECEIVER_EVENT_MAX);
}

void receiver_visible(const struct receiver *r, const struct disk_view *disk, struct disk_view *out)
{
    assert(r != NULL && disk != NULL && out != NULL);
    *out = *disk;
    for (uint32_t i = 0; i < out->n; i++) {
        struct file_view *f = &out->at[i];
        if (f->id.kind == FILE_RELAY && f->id.num == r->relay_num && f->len > r->relay_complete) {
            f->len = r->relay_complete;
        }
    }
}

/* One step's surroundings, handed from function to function. */
struct step {
    struct receiver *r;
    const struct env *env;
    const struct receiver_profile *profile;
    struct actions *out;
};

static struct file_id current_relay(const struct receiver *r)
{
    assert(r->relay_num > 0); /* receiver_boot has opened it */
    return (struct file_id){.kind = FILE_RELAY, .num = r->relay_num};
}

/* ---- ACK ------------------------------------------------------------------------------------- */

static void send_ack(const struct step *s, uint32_t pos)
{
    assert(s->r->state == RECEIVER_STREAMING);
    assert(s->r->primary_file != 0);
    struct ack_packet ack = {.pos = pos};
    binlog_name(ack.file, s->r->primary_file);
    enum { ACK_LEN_MAX = ACK_LEN_MIN + BINLOG_NAME_MAX };
    struct writer w = writer_over(act_room(s->out, ACK_LEN_MAX), ACK_LEN_MAX);
    const enum fmt e = encode_ack(&w, &ack);
    assert(e == FMT_OK);
    (void)e;
    act_send_done(s->out, s->r->primary, LINK_TO_PRIMARY, w.len);
}

/* ---- link ------------------------------------------------------------------------------------ */

/* What was known of a stream that is over. Equal situations are to be equal bytes. */
static void forget_stream(struct receiver *r)
{
    assert(r->busy != RECEIVER_HANDLING);
    buffer_drop_partial(r, r->consuming != 0);
    group_scan_start(&r->scan);
    r->skipping = 0;
    r->primary_file = 0;
    r->primary_off = 0;
    r->parsed_off = 0;
}

static void stream_over(struct receiver *r)
{
    r->up = 0;
    r->ack_due = 0;
    if (r->busy != RECEIVER_HANDLING) {
        forget_stream(r); /* else when the disk has answered: the event may end its group */
    }
}

static void act_on_link(const struct step *s, enum action_kind kind)
{
    assert(kind == ACT_CONNECT || kind == ACT_CLOSE);
    struct action *one = act(s->out, kind);
    one->peer = s->r->primary;
    one->link = LINK_TO_PRIMARY;
}

static void leave(const struct step *s, enum receiver_state to)
{
    assert(to == RECEIVER_STOPPED || to == RECEIVER_ERROR);
    struct receiver *r = s->r;
    if (r->state == RECEIVER_CONNECTING || r->state == RECEIVER_STREAMING) {
        act_on_link(s, ACT_CLOSE);
    }
    r->state = (uint8_t)to;
    stream_over(r);
}

static void connect_again(const struct step *s)
{
    s->r->state = RECEIVER_CONNECTING;
    stream_over(s->r);
    act_on_link(s, ACT_CONNECT);
}

static void follow(const struct step *s, uint8_t peer)
{
    assert(peer < NODES_MAX && peer != s->env->node);
    struct receiver *r = s->r;
    leave(s, RECEIVER_STOPPED);
    r->primary = peer;
    connect_again(s);
    if (r->queued > 0 && r->consuming == 0) {
        act_wake(s->out, TASK_CONSUMER); /* it may have stopped on a disk error */
    }
}

static void send_request(const struct step *s)
{
    struct receiver *r = s->r;
    assert(r->state == RECEIVER_CONNECTING && r->up != 0);
    const struct dump_request q = {.server_id = s->env->set->server_id,
                                   .semi_sync = s->env->set->semi_sync_slave ? 1 : 0,
                                   .pos = r->pos};
    enum { REQUEST_LEN_MAX = 4 + 1 + GTID_DOMAINS_MAX * GTID_TEXT_MAX };
    struct writer w = writer_over(act_room(s->out, REQUEST_LEN_MAX), REQUEST_LEN_MAX);
    const enum fmt e = encode_dump_request(&w, &q);
    assert(e == FMT_OK);
    (void)e;
    act_send_done(s->out, r->primary, LINK_TO_PRIMARY, w.len);
    r->up = 0;
    r->state = RECEIVER_STREAMING;
}

/* ---- handle: the disk side ------------------------------------------------------------------- */

/* Is an fsync due with the event that is being written? Counts it. */
static bool sync_due(const struct step *s, bool need_ack)
{
    const uint32_t every = s->env->set->sync_relay_log;
    struct receiver *r = s->r;
    switch (s->profile->sync) {
    case HANDLER_SYNC_NEVER:
        return false;
    case HANDLER_SYNC_COUNTED:
        if (every == 0) {
            return false;
        }
        r->unsynced++;
        if (r->unsynced < every) {
            return false;
        }
        r->unsynced = 0;
        return true;
    case HANDLER_SYNC_BEFORE_ACK:
        r->unsynced = need_ack ? 0 : 1;
        return need_ack;
    }
    assert(false);
    return false;
}

static void write_event(const struct step *s, uint32_t task, const uint8_t *event, uint32_t len,
                        bool need_ack)
{
    struct receiver *r = s->r;
    assert(r->writing == 0 && len > 0);
    act_write(s->out, task, current_relay(r), r->relay_len, event, len);
    if (sync_due(s, need_ack)) {
        act_fsync(s->out, task, current_relay(r));
    }
    r->writing = len;
}

/* The stream has moved on by an event that is not stored. An ACK for it speaks for all before it.
 * */
static void settle(const struct step *s, bool need_ack)
{
    struct receiver *r = s->r;
    assert(r->busy == RECEIVER_IDLE && (r->writing == 0 || r->consuming != 0));
    if (!need_ack || s->profile->ack == ACK_BEFORE_HANDLE) {
        return;
    }
    if (s->profile->sync == HANDLER_SYNC_BEFORE_ACK && r->unsynced != 0) {
        act_fsync(s->out, TASK_RECEIVER, current_relay(r));
        r->unsynced = 0;
        r->busy = RECEIVER_HANDLING;
        r->ack_due = 1;
        return;
    }
    send_ack(s, r->primary_off);
}

static void prepared(const struct step *s)
{
    struct receiver *r = s->r;
    r->busy = RECEIVER_IDLE;
    group_scan_start(&r->scan);
    r->skipping = 0;
    if (r->queued > 0) {
        act_wake(s->out, TASK_CONSUMER); /* it does not run while we prepare */
    }
    if (r->up != 0) {
        send_request(s);
    } else if (r->state == RECEIVER_STREAMING) {
        const bool need_ack = r->ack_due != 0;
        r->ack_due = 0;
        settle(s, need_ack);
    }
}

/* Cuts a partial group off (facts 8.3 P6): it will be sent again from its start, or never be
 * completed. Its head may stand in the relay log, its tail in the buffer. Also cut is what a failed
 * write or fsync left behind the last group that was advanced over. In the end comes prepared(). */
static void prepare(const struct step *s)
{
    struct receiver *r = s->r;
    assert(r->busy != RECEIVER_HANDLING);
    r->busy = RECEIVER_PREPARING;
    buffer_drop_partial(r, r->consuming != 0);
    if (r->consuming != 0) {
        return; /* goes on when the consumer's disk actions are done */
    }
    const struct file_view *f = relay_view(s->env->disk, r->relay_num);
    assert(f != NULL && f->len >= r->relay_complete);
    bool wait = false;
    /* With complete groups in the buffer the head in the relay log is the first one's. */
    if (r->queued == 0 && f->len > r->relay_complete) {
        act_truncate(s->out, TASK_RECEIVER, current_relay(r), r->relay_complete);
        r->relay_len = r->relay_complete;
        wait = true;
    }
    /* The primary takes the place from which we go on for an ACK (facts 2.1, dump_start), so the
     * position in the request has to be as true as one. */
    if (s->profile->sync == HANDLER_SYNC_BEFORE_ACK && r->unsynced != 0) {
        act_fsync(s->out, TASK_RECEIVER, current_relay(r));
        r->unsynced = 0;
        wait = true;
    }
    if (!wait) {
        prepared(s);
    }
}

static void prepare_when_idle(const struct step *s)
{
    if (s->r->up != 0 && s->r->busy == RECEIVER_IDLE) {
        prepare(s);
    }
}

/* ---- advance --------------------------------------------------------------------------------- */

static void advance_group(struct receiver *r)
{
    assert(r->scan.open == 0 && r->scan.gtid.gtid.seq != 0);
    const bool raised = gtid_pos_raise(&r->pos, r->scan.gtid.gtid);
    assert(raised); /* checked where the group began */
    (void)raised;
    group_scan_start(&r->scan);
}

static void handled(const struct step *s)
{
    struct receiver *r = s->r;
    assert(r->busy == RECEIVER_HANDLING);
    r->busy = RECEIVER_IDLE;
    r->primary_off = r->parsed_off;
    if (r->writing > 0) {
        r->relay_len += r->writing;
        r->writing = 0;
        if (r->scan.open == 0) {
            r->relay_complete = r->relay_len;
            advance_group(r);
        }
    }
    if (r->state != RECEIVER_STREAMING) {
        assert(r->ack_due == 0);
        forget_stream(r);
    } else if (r->ack_due != 0) {
        r->ack_due = 0;
        send_ack(s, r->primary_off);
    }
    prepare_when_idle(s);
}

static void receiver_disk_done(const struct step *s, enum io_result io)
{
    struct receiver *r = s->r;
    assert(r->busy != RECEIVER_IDLE);
    if (io == IO_OK) {
        if (r->busy == RECEIVER_HANDLING) {
            handled(s);
        } else {
            prepared(s);
        }
        return;
    }
    r->busy = RECEIVER_IDLE;
    r->writing = 0;
    if (s->profile->sync == HANDLER_SYNC_BEFORE_ACK) {
        r->unsynced = 1;
    }
    leave(s, RECEIVER_ERROR);
}

/* ---- consumer of a buffered profile ---------------------------------------------------------- */

static void consumer_run(const struct step *s)
{
    struct receiver *r = s->r;
    struct buffer_entry front;
    if (r->consuming != 0 || r->busy == RECEIVER_PREPARING || !buffer_front(r, &front)) {
        return;
    }
    assert(s->profile->buffered);
    write_event(s, TASK_CONSUMER, front.event, front.len, false);
    r->consuming = 1;
}

static void consumer_disk_done(const struct step *s, enum io_result io)
{
    struct receiver *r = s->r;
    assert(r->consuming != 0);
    struct buffer_entry front = {0};
    const bool there = buffer_front(r, &front);
    assert(there && front.len == r->writing);
    (void)there;
    r->consuming = 0;
    r->writing = 0;
    if (io != IO_OK) {
        r->busy =
            RECEIVER_IDLE; /* PREPARING waited for this and has nothing of its own under way */
        leave(s, RECEIVER_ERROR);
        return;
    }
    r->relay_len += front.len;
    if (front.ends_group) {
        r->relay_complete = r->relay_len;
    }
    buffer_pop(r);
    if (r->busy == RECEIVER_PREPARING) {
        prepare(s);
    } else if (r->queued > 0) {
        act_wake(s->out, TASK_CONSUMER);
    }
}

/* ---- frames ---------------------------------------------------------------------------------- */

static enum fmt on_rotate(struct receiver *r, const struct parsed *p)
{
    struct rotate_event rotate;
    const enum fmt f = decode_rotate(p->packet.event, &p->head, &rotate);
    if (f != FMT_OK) {
        return f;
    }
    const uint32_t num = binlog_name_num(rotate.next_file);
    if (num == 0 || rotate.next_pos > UINT32_MAX) {
        return FMT_BAD_BODY;
    }
    r->primary_file = num;
    r->primary_off = (uint32_t)rotate.next_pos;
    r->parsed_off = r->primary_off;
    return FMT_OK;
}

/* ROTATE, FORMAT_DESCRIPTION, GTID_LIST, BINLOG_CHECKPOINT, HEARTBEAT, STOP: none is stored. */
static enum fmt on_outside(const struct step *s, const struct parsed *p)
{
    struct receiver *r = s->r;
    const bool need_ack = p->packet.need_ack;
    if (p->head.type == EVENT_ROTATE) {
        const enum fmt f = on_rotate(r, p);
        if (f != FMT_OK) {
            return f;
        }
    } else if (p->head.type != EVENT_HEARTBEAT && p->off > r->primary_off) {
        r->primary_off = p->off; /* a heartbeat tells where the primary is, not where we are */
        r->parsed_off = p->off;
    }
    if (need_ack && r->primary_file == 0) {
        return FMT_BAD_BODY;
    }
    if (p->head.type == EVENT_FORMAT_DESCRIPTION && r->scan.open != 0) {
        /* The primary crashed inside this group and was started again: the rest of it will never
         * come (facts 8.2 R5). A group of ours is never continued behind a FORMAT_DESCRIPTION (P7),
         * since each connection starts with a whole group. */
        r->ack_due = need_ack ? 1 : 0;
        prepare(s);
        return FMT_OK;
    }
    settle(s, need_ack);
    return FMT_OK;
}

/* An event of a group that the received position covers already. */
static void skip_event(const struct step *s, const struct parsed *p)
{
    struct receiver *r = s->r;
    r->scan = p->scan;
    r->parsed_off = p->off;
    r->primary_off = p->off;
    r->skipping = 1;
    if (p->step == GROUP_END) {
        r->skipping = 0;
        group_scan_start(&r->scan);
    }
    settle(s, p->packet.need_ack); /* ACKed although it is not written (facts 3.1) */
}

static enum fmt queue_event(const struct step *s, const struct parsed *p)
{
    struct receiver *r = s->r;
    if (p->packet.len > RECEIVER_EVENT_MAX) {
        return FMT_BAD_LENGTH;
    }
    if (r->queued == 0) {
        act_wake(s->out, TASK_CONSUMER);
    }
    buffer_put(r, p->packet.event, p->packet.len, p->step == GROUP_END);
    r->scan = p->scan;
    r->parsed_off = p->off;
    r->primary_off = p->off;
    if (p->step == GROUP_END) {
        advance_group(r);
    }
    settle(s, p->packet.need_ack);
    return FMT_OK;
}

static enum fmt on_group_event(const struct step *s, const struct parsed *p)
{
    struct receiver *r = s->r;
    const struct gtid g = p->scan.gtid.gtid;
    const bool there = gtid_pos_find(&r->pos, g.domain).seq >= g.seq;
    assert(p->step == GROUP_BEGIN || (r->skipping != 0) == there);
    if (there) {
        skip_event(s, p);
        return FMT_OK;
    }
    if (s->profile->buffered) {
        return queue_event(s, p);
    }
    r->scan = p->scan;
    r->parsed_off = p->off;
    write_event(s, TASK_RECEIVER, p->packet.event, p->packet.len, p->packet.need_ack);
    r->busy = RECEIVER_HANDLING;
    r->ack_due = p->packet.need_ack && s->profile->ack == ACK_AFTER_HANDLE ? 1 : 0;
    return FMT_OK;
}

static void on_frame(const struct step *s, const struct event *e)
{
    struct receiver *r = s->r;
    assert(receiver_ready(r));
    assert(r->writing == 0 || r->consuming != 0);
    struct parsed p;
    enum fmt f = parse_head(s->env->set, e->bytes, e->len, &p);
    if (f == FMT_OK && p.packet.need_ack && s->profile->ack == ACK_BEFORE_HANDLE &&
        r->primary_file != 0) {
        send_ack(s, p.head.log_pos);
    }
    if (f == FMT_OK) {
        f = parse_body(r, s->env->set, &p);
    }
    if (f == FMT_OK) {
        f = p.step == GROUP_OUTSIDE ? on_outside(s, &p) : on_group_event(s, &p);
    }
    if (f != FMT_OK) {
        leave(s, RECEIVER_ERROR);
    }
}

/* ---- step ------------------------------------------------------------------------------------ */

static void on_net(const struct step *s, const struct event *e)
{
    struct receiver *r = s->r;
    assert(e->link == LINK_TO_PRIMARY);
    const bool ours = e->peer == r->primary &&
                      (r->state == RECEIVER_CONNECTING || r->state == RECEIVER_STREAMING);
    if (!ours) {
        return; /* of a connection that we have closed */
    }
    switch (e->kind) {
    case EV_NET_UP:
        if (r->state == RECEIVER_CONNECTING) {
            r->up = 1;
            prepare_when_idle(s);
        }
        break;
    case EV_NET_DOWN:
        connect_again(s);
        break;
    default:
        assert(e->kind == EV_NET_FRAME && e->bytes != NULL);
        on_frame(s, e);
        break;
    }
}

static void on_disk_done(const struct step *s, const struct event *e)
{
    if (e->task == TASK_CONSUMER) {
        consumer_disk_done(s, (enum io_result)e->io);
    } else {
        assert(e->task == TASK_RECEIVER);
        receiver_disk_done(s, (enum io_result)e->io);
    }
}

void receiver_step(struct receiver *r, const struct env *env, const struct event *e,
                   struct actions *out)
{
    assert(r != NULL && env != NULL && env->set != NULL && e != NULL && out != NULL);
    assert(receiver_profile_check(env->set->receiver));
    assert(r->relay_num > 0); /* booted */
    const struct step s = {.r = r, .env = env, .profile = env->set->receiver, .out = out};
    switch (e->kind) {
    case EV_ADMIN:
        assert(e->admin == ADMIN_FOLLOW || e->admin == ADMIN_STOP_SLAVE);
        if (e->admin == ADMIN_FOLLOW) {
            follow(&s, e->peer);
        } else {
            leave(&s, RECEIVER_STOPPED);
        }
        break;
    case EV_NET_UP:
    case EV_NET_DOWN:
    case EV_NET_FRAME:
        on_net(&s, e);
        break;
    case EV_DISK_DONE:
        on_disk_done(&s, e);
        break;
    case EV_RUN:
        assert(e->task == TASK_CONSUMER);
        consumer_run(&s);
        break;
    case EV_TIMER:
        assert(e->task == TASK_RECEIVER);
        if (r->state == RECEIVER_CONNECTING && r->up == 0) {
            act_on_link(&s, ACT_CONNECT);
        }
        break;
    default:
        assert(false); /* an event that is not the receiver's */
        break;
    }
    assert(r->relay_complete <= r->relay_len);
    assert(r->busy != RECEIVER_IDLE || r->ack_due == 0);
}

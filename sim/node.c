/* A server in the world: events reach its cores here, and what they want is carried out here.
 *
 * Which core takes which event is fixed by the task or the link; what connects the cores of one
 * server (the applier's group goes through the commit pipeline, the receiver starts where the
 * recovery ended) is in `after`. A core's actions are done in order; writes at once, fsyncs when
 * the world likes.
 */
#include <stdio.h>

#include "sim/internal.h"

static const char *file_text(struct file_id id)
{
    static const char *const names[] = {[FILE_NONE] = "?",
                                        [FILE_REDO] = "redo log",
                                        [FILE_BINLOG] = "binlog",
                                        [FILE_RELAY] = "relay log",
                                        [FILE_BACKUP] = "backup",
                                        [FILE_BINLOG_INDEX] = "binlog index",
                                        [FILE_IBB] = "engine binlog",
                                        [FILE_TABLE] = "table"};
    return names[id.kind];
}

static struct env env_of(const struct sim *s, uint32_t node, struct disk_view *view)
{
    disk_view(&s->world->node[node].disk, view);
    return (struct env){.set = &s->scenario->node[node], .disk = view, .node = node};
}

/* ---- logs that changed ---------------------------------------------------------------------- */

static void log_changed(struct sim *s, uint32_t node, const struct action *a)
{
    if (a->file.kind != FILE_BINLOG && a->file.kind != FILE_RELAY)
        return;
    struct node *n = &s->world->node[node];
    uint32_t newest = a->file.kind == FILE_BINLOG ? n->binlog.file : n->relay.file;
    uint32_t binlog = n->binlog.n;
    uint32_t relay = n->relay.n;
    if (a->kind == ACT_WRITE && a->off > 0 && a->file.num >= newest) {
        node_read_log(s, node, a->file);
    } else {
        node_reread(s, node);
        binlog = relay = 0;
    }
    judge_holds(s, node, binlog, relay);
}

/* ---- disk actions --------------------------------------------------------------------------- */

/* RESET MASTER: what the file held is held by the engine alone from now on. */
static void forget(struct node *n, uint32_t file)
{
    for (uint32_t i = 0; i < n->binlog.n; i++) {
        if (n->binlog.at[i].file == file)
            n->forgotten |= 1u << n->binlog.at[i].txn;
    }
}

static enum io_result disk_action(struct sim *s, uint32_t node, const struct action *a,
                                  const uint8_t *bytes)
{
    struct disk *d = &s->world->node[node].disk;
    enum disk_error e = DISK_OK;
    switch (a->kind) {
    case ACT_WRITE:
        if (fault_fires(s, FAULT_WRITE_FAIL, node, (enum file_kind)a->file.kind)) {
            story(s, "write to the %s of %s fails (ENOSPC)", file_text(a->file),
                  story_node(s, node));
            if (a->file.kind == FILE_BINLOG)
                reach(s, REACH_BINLOG_ERROR);
            return IO_ENOSPC;
        }
        story(s, "%s writes %u bytes to its %s", story_node(s, node), a->len, file_text(a->file));
        if (a->file.kind == FILE_BINLOG_INDEX && s->world->node[node].state == NODE_UP)
            reach(s, REACH_ROTATED);
        if (a->file.kind == FILE_BINLOG && a->task == TASK_BACKGROUND)
            reach(s, REACH_CHECKPOINT);
        e = disk_write(d, a->file, a->off, bytes + a->at, a->len);
        break;
    case ACT_CREATE:
        e = disk_create(d, a->file);
        break;
    case ACT_UNLINK:
        story(s, "%s deletes a %s", story_node(s, node), file_text(a->file));
        if (a->file.kind == FILE_BINLOG && a->task == TASK_OPERATOR)
            forget(&s->world->node[node], a->file.num);
        else if (a->file.kind == FILE_BINLOG)
            reach(s, REACH_UNREGISTERED);
        e = disk_unlink(d, a->file);
        break;
    default:
        story(s, "%s cuts its %s to %u bytes", story_node(s, node), file_text(a->file), a->off);
        if (a->file.kind == FILE_BINLOG)
            reach(s, REACH_BINLOG_CUT);
        e = disk_truncate(d, a->file, a->off);
        break;
    }
    if (e == DISK_FULL)
        s->world->full = 1;
    else if (e != DISK_OK)
        judge_insane(s, "a core asked its disk for what cannot be");
    else
        log_changed(s, node, a);
    return IO_OK;
}

_Static_assert((int)TASKS_MAX <= (int)DISK_NOW, "each task may ask for an fsync");

static void fsync_asked(struct sim *s, uint32_t node, const struct action *a)
{
    struct io *io = &s->world->node[node].io[a->task];
    if (io->n == IO_FILES_MAX) {
        judge_insane(s, "a core asked for too many fsyncs at once");
        return;
    }
    io->active = 1;
    s->world->node[node].in_io |= 1u << a->task;
    if (io->n == 0)
        disk_fsync_ask(&s->world->node[node].disk, a->file, a->task);
    io->file[io->n++] = a->file;
}

static void disk_answer(struct sim *s, uint32_t node, uint32_t task, enum io_result result)
{
    struct node *n = &s->world->node[node];
    memset(&n->io[task], 0, sizeof n->io[task]);
    n->in_io &= ~(1u << task);
    struct event e = {.kind = EV_DISK_DONE, .task = (uint8_t)task, .io = (uint8_t)result};
    node_event(s, node, &e);
}

void node_disk(struct sim *s, uint32_t node, uint32_t task)
{
    struct node *n = &s->world->node[node];
    struct io *io = &n->io[task];
    assert(io->active && io->next < io->n);
    node_touch(s->world, node);
    struct file_id id = io->file[io->next++];
    if (fault_fires(s, FAULT_FSYNC_FAIL, node, (enum file_kind)id.kind)) {
        story(s, "fsync of the %s of %s fails (EIO)", file_text(id), story_node(s, node));
        if (id.kind == FILE_BINLOG)
            reach(s, REACH_BINLOG_ERROR);
        disk_fsync_fail(&n->disk, id, task);
        disk_answer(s, node, task, IO_EIO);
        return;
    }
    if (fault_fires(s, FAULT_FSYNC_LIE, node, (enum file_kind)id.kind)) {
        story(s, "fsync of the %s of %s LIES: it claims, and keeps nothing", file_text(id),
              story_node(s, node));
        reach(s, REACH_FSYNC_LIED);
        disk_fsync_lie(&n->disk, id, task);
    } else {
        story(s, "fsync of the %s of %s is done", file_text(id), story_node(s, node));
        if (disk_make_durable(&n->disk, id, task) != DISK_OK) {
            judge_insane(s, "a core asked for the fsync of a file that is not there");
            return;
        }
    }
    if (io->next == io->n)
        disk_answer(s, node, task, IO_OK);
    else
        disk_fsync_ask(&n->disk, io->file[io->next], task); /* one after the other */
}

/* ---- other actions -------------------------------------------------------------------------- */

/* An OK although semi-sync is on and still waits for that very position, in a file that is not the
 * current one any more. */
static void reach_not_awaited(struct sim *s, const struct node *n, uint32_t txn)
{
    const struct held *h = history_find(&n->binlog, txn);
    const struct semisync *semi = &n->primary.semisync;
    for (uint32_t i = 0; h != NULL && i < semi->n; i++) {
        if (semi->active[i].pos == log_pos(h->file, h->end) && h->file != n->primary.binlog.num)
            reach(s, REACH_DDL_NOT_AWAITED);
    }
}

static void reply(struct sim *s, uint32_t node, const struct action *a)
{
    struct client *c = &s->world->client[a->task];
    bool lost = a->arg == CLIENT_LOST;
    if (!c->busy || c->node != node || c->txn != a->txn || lost != (c->busy == CLIENT_CUT_OFF)) {
        judge_insane(s, "an answer to a client that did not ask");
        return;
    }
    c->busy = CLIENT_IDLE;
    c->txn = 0;
    story_txns(s, 1u << a->txn);
    if (a->arg != CLIENT_ERROR)
        judge_counted(s, node, a->task, a->txn);
    if (lost) {
        story(s, "session %u ends", a->task + 1); /* whether it committed, nobody was told */
        return;
    }
    story_to(s, LANE_CLIENT + a->task);
    if (a->arg == CLIENT_OK) {
        story(s, "client %u gets OK for T%u", a->task + 1, a->txn + 1);
        s->world->ledger.answered |= 1u << a->txn;
        if (s->world->node[node].primary.binlog.closed)
            reach(s, REACH_BINLOG_CLOSED);
        if (s->scenario->ddl > 0)
            reach_not_awaited(s, &s->world->node[node], a->txn);
        judge_answer(s, node, a->txn);
    } else {
        story(s, "client %u gets an error for T%u", a->task + 1, a->txn + 1);
        s->world->ledger.refused |= 1u << a->txn;
    }
}

static void send_packet(struct sim *s, uint32_t node, const struct action *a, const uint8_t *bytes)
{
    const uint8_t *packet = bytes + a->at;
    if (a->link == LINK_TO_REPLICA)
        judge_sent(s, node, a->peer, packet, a->len);
    else
        judge_ack(s, node, a->peer, packet, a->len);
    net_send(s, node, a->peer, (enum link)a->link, packet, a->len);
}

static void act_now(struct sim *s, uint32_t node, const struct action *a, const uint8_t *bytes,
                    uint32_t *exited)
{
    struct node *n = &s->world->node[node];
    switch (a->kind) {
    case ACT_WAKE:
        n->runnable |= 1u << a->task;
        break;
    case ACT_CONNECT:
        net_connect(s, node, a->peer);
        break;
    case ACT_CLOSE:
        net_close(s, node, a->peer, (enum link)a->link);
        break;
    case ACT_SEND:
        send_packet(s, node, a, bytes);
        break;
    case ACT_SET_TIMER:
        n->timers |= 1u << a->task;
        break;
    case ACT_CLEAR_TIMER:
        n->timers &= ~(1u << a->task);
        break;
    case ACT_REPLY:
        reply(s, node, a);
        break;
    case ACT_EXIT:
        if (a->arg == EXIT_REFUSED) {
            n->refused = 1;
            reach(s, REACH_START_REFUSED);
        }
        *exited = a->arg == EXIT_SHUTDOWN ? 2 : 1;
        break;
    default:
        judge_insane(s, "an action that the world does not know");
    }
}

static bool is_disk_action(uint8_t kind)
{
    return kind == ACT_WRITE || kind == ACT_TRUNCATE || kind == ACT_CREATE || kind == ACT_UNLINK ||
           kind == ACT_FSYNC;
}

/* Carries the list out. Disk lists that hold no fsync are answered at the end. */
static void carry_out(struct sim *s, uint32_t node, const struct actions *out)
{
    uint32_t wrote = 0;
    uint32_t synced = 0;
    uint32_t failed = 0;
    uint32_t exited = 0;
    uint8_t result[TASKS_MAX] = {IO_OK};
    for (uint32_t i = 0; i < out->n && !s->world->dead; i++) {
        const struct action *a = &out->at[i];
        if (!is_disk_action(a->kind)) {
            act_now(s, node, a, out->bytes, &exited);
            continue;
        }
        assert(a->task < TASKS_MAX);
        uint32_t bit = 1u << a->task;
        if (failed & bit)
            continue;
        if (a->kind == ACT_FSYNC) {
            fsync_asked(s, node, a);
            synced |= bit;
            continue;
        }
        wrote |= bit;
        if (synced & bit)
            judge_insane(s, "a core wrote behind an fsync in one list");
        result[a->task] = (uint8_t)disk_action(s, node, a, out->bytes);
        if (result[a->task] != IO_OK)
            failed |= bit;
    }
    if (exited) {
        story(s, "%s %s", story_node(s, node), exited == 1 ? "ends itself" : "has shut down");
        if (exited == 1)
            judge_crash(s, node);
        node_die(s, node);
        return;
    }
    for (uint32_t due = (wrote & ~synced) | failed; due != 0 && !s->world->dead; due &= due - 1) {
        uint32_t t = (uint32_t)__builtin_ctz(due);
        disk_answer(s, node, t, (enum io_result)result[t]);
    }
}

/* ---- the cores of one server ---------------------------------------------------------------- */

static void boot_relay(struct sim *s, uint32_t node, const struct env *env, struct actions *out)
{
    struct node *n = &s->world->node[node];
    struct gtid_pos pos;
    primary_gtid_pos(&n->primary, &n->engine, &pos);
    n->relay_boot = 1;
    uint32_t held = history_mask(&n->relay) & ~history_mask(&n->binlog);
    receiver_boot(&n->receiver, env, &pos, out);
    applier_boot(&n->applier, &pos);
    if (held != 0 && n->restarted)
        reach(s, env->set->relay_restart == RELAY_PURGE ? REACH_RELAY_PURGED : REACH_RELAY_KEPT);
}

static void up(struct sim *s, uint32_t node)
{
    struct node *n = &s->world->node[node];
    n->state = NODE_UP;
    n->relay_boot = 0;
    story(s, "%s is up", story_node(s, node));
    judge_booted(s, node);
    if (n->follows != 0) {
        struct event e = {
            .kind = EV_ADMIN, .admin = ADMIN_FOLLOW, .peer = (uint8_t)(n->follows - 1)};
        node_event(s, node, &e);
    }
}

/* An applier that is idle takes the next group of the relay log into the commit pipeline. */
static void applier_run(struct sim *s, uint32_t node, const struct env *env, struct actions *out)
{
    struct node *n = &s->world->node[node];
    struct replicated_group g;
    if (n->primary.by[TASK_APPLIER].state == COMMITTER_IDLE && !n->applier.busy &&
        !n->primary.by[TASK_APPLIER].finished) {
        struct disk_view seen;
        receiver_visible(&n->receiver, env->disk, &seen);
        if (!applier_next(&n->applier, &seen, &g))
            return;
        bool taken = primary_apply(&n->primary, &g, out);
        assert(taken);
        (void)taken;
    }
}

static void dispatch(struct sim *s, uint32_t node, const struct env *env, const struct event *e,
                     struct actions *out)
{
    struct node *n = &s->world->node[node];
    bool receiver = e->task == TASK_RECEIVER || e->task == TASK_CONSUMER;
    switch (e->kind) {
    case EV_RUN:
        if (e->task == TASK_APPLIER)
            applier_run(s, node, env, out);
        break;
    case EV_DISK_DONE:
        if (e->task == TASK_BOOT && n->relay_boot)
            return; /* see `after` */
        break;
    case EV_NET_UP:
    case EV_NET_FRAME:
    case EV_NET_DOWN:
        receiver = e->link == LINK_TO_PRIMARY;
        break;
    case EV_ADMIN:
        receiver = e->admin == ADMIN_FOLLOW || e->admin == ADMIN_STOP_SLAVE;
        break;
    default:
        break;
    }
    if (e->kind == EV_BOOT)
        engine_boot(&n->engine, env, out);
    if (receiver)
        receiver_step(&n->receiver, env, e, out);
    else
        primary_step(&n->primary, &n->engine, env, e, out);
}

static void reach_groups(struct sim *s, const struct primary *p)
{
    uint32_t groups = 0;
    for (uint32_t t = 0; t < SESSIONS_MAX; t++) {
        if (p->by[t].head == 0)
            continue;
        groups++;
        if (p->by[p->by[t].head - 1].next != 0)
            reach(s, REACH_GROUP_OF_TWO);
    }
    if (groups >= 2)
        reach(s, REACH_TWO_GROUPS);
}

/* How many ACKs a group asks for: `before` positions were waited for before this step. */
static void reach_acks(struct sim *s, const struct primary *p, uint32_t task, uint32_t before)
{
    const struct committer *leader = &p->by[task];
    bool group = leader->head != 0 && p->by[leader->head - 1].next != 0;
    if (!group || p->semisync.n <= before)
        return;
    reach(s, p->semisync.n > before + 1 ? REACH_ACK_PER_MEMBER : REACH_ACK_PER_GROUP);
}

/* What one core's step means for its neighbours in the same server. */
static void after(struct sim *s, uint32_t node, const struct event *e)
{
    struct node *n = &s->world->node[node];
    bool error = false;
    if (n->state == NODE_DOWN)
        return;
    if (e->task < COMMITTERS && (e->kind == EV_RUN || e->kind == EV_DISK_DONE))
        reach_groups(s, &n->primary);
    struct gtid applied = n->primary.by[TASK_APPLIER].gtid;
    if (primary_applied(&n->primary, &error)) {
        if (error)
            n->applier.failed = 1;
        else
            applier_done(&n->applier, applied);
    }
    if (n->state == NODE_BOOTING && !n->relay_boot && primary_booted(&n->primary)) {
        struct disk_view view;
        struct actions out;
        struct env env = env_of(s, node, &view);
        actions_clear(&out);
        boot_relay(s, node, &env, &out);
        carry_out(s, node, &out);
        if (n->state == NODE_BOOTING && !n->io[TASK_BOOT].active)
            up(s, node);
    } else if (n->state == NODE_BOOTING && n->relay_boot && e->kind == EV_DISK_DONE &&
               e->task == TASK_BOOT) {
        if (e->io == IO_OK)
            up(s, node);
        else
            node_die(s, node);
    }
}

static void refresh(struct sim *s, uint32_t node, const struct event *e)
{
    struct node *n = &s->world->node[node];
    struct disk_view view;
    struct disk_view seen;
    bool replica_side = e->task == TASK_RECEIVER || e->task == TASK_CONSUMER ||
                        e->task == TASK_APPLIER || e->task == TASK_BOOT ||
                        (e->kind == EV_NET_FRAME && e->link == LINK_TO_PRIMARY);
    if (n->state == NODE_UP && replica_side) {
        disk_view(&n->disk, &view);
        receiver_visible(&n->receiver, &view, &seen);
        n->behind = applier_behind(&n->applier, &seen);
    }
}

static bool lets_clients_in(const struct node *n)
{
    return n->state == NODE_UP && n->primary.serving;
}

void node_event(struct sim *s, uint32_t node, const struct event *e)
{
    struct node *n = &s->world->node[node];
    if (s->world->dead || n->state == NODE_DOWN)
        return;
    struct disk_view view;
    struct actions out;
    struct env env = env_of(s, node, &view);
    bool served = lets_clients_in(n);
    bool stream = e->kind == EV_NET_FRAME && e->link == LINK_TO_REPLICA;
    bool streamed = stream && n->primary.dump[e->peer].active;
    uint32_t cached = n->primary.binlog.cached;
    uint32_t awaited = n->primary.semisync.n;
    bool enabled = n->primary.semisync.enabled;
    bool resets = primary_resets(&n->primary);
    uint32_t lsn = engine_lsn(&n->engine);
    uint32_t base = n->engine.ibb.base;
    bool commits =
        s->now != NULL && e->task < COMMITTERS && (e->kind == EV_RUN || e->kind == EV_DISK_DONE);
    const char *stage = commits ? primary_stage_name(&env, &n->primary.by[e->task]) : NULL;
    node_touch(s->world, node);
    actions_clear(&out);
    dispatch(s, node, &env, e, &out);
    if (commits)
        story_committer(s, node, e->task, stage);
    carry_out(s, node, &out);
    if (n->engine.ibb.on && engine_lsn(&n->engine) != lsn) {
        uint32_t before = n->binlog.n;
        uint32_t held = history_mask(&n->binlog);
        node_read_engine(s, node);
        if (n->engine.ibb.base != base) { /* at a start the two are the same */
            n->forgotten |= held & ~history_mask(&n->binlog);
            before = n->binlog.n;
        }
        judge_holds(s, node, before, n->relay.n);
    }
    after(s, node, e);
    refresh(s, node, e);
    node_drop_late_wakes(n);
    if (n->state == NODE_DOWN)
        return;
    if (!served && lets_clients_in(n)) {
        manager_sees_serving(&s->world->manager, node);
        judge_elected(s, node);
    }
    if (n->primary.binlog.cached > cached)
        judge_holds(s, node, n->binlog.n, n->relay.n); /* rendered, not written: it has its GTID */
    bool refused =
        e->kind == EV_NET_FRAME && e->link == LINK_TO_PRIMARY && e->len > 0 && e->bytes[0] == 0xFF;
    if (refused && node == s->world->home)
        reach(s, REACH_REJOIN_REFUSED);
    for (uint32_t i = 0; i < s->world->n_nodes; i++) {
        if (n->primary.dump[i].active == DUMP_HANGS)
            reach(s, REACH_STREAM_TORN);
    }
    if (stream && n->primary.semisync.n < awaited)
        reach(s, REACH_ACK_COUNTED);
    if (e->task < COMMITTERS && (e->kind == EV_RUN || e->kind == EV_DISK_DONE))
        reach_acks(s, &n->primary, e->task, awaited);
    if (stream && !streamed && n->primary.dump[e->peer].active)
        judge_stream(s, e->peer, node);
    if (stream && !streamed && !n->primary.dump[e->peer].active)
        reach(s, REACH_DUMP_REFUSED);
    if (resets && !primary_resets(&n->primary))
        n->commits = n->acked = 0; /* and the counters are zero */
    judge_status(s, node, enabled);
    judge_visible(s, node);
}

/* ---- life and death ------------------------------------------------------------------------- */

void node_boot(struct sim *s, uint32_t node, enum admin as, uint32_t follows)
{
    struct node *n = &s->world->node[node];
    assert(n->state == NODE_DOWN);
    n->state = NODE_BOOTING;
    n->boots_as = (uint8_t)as;
    n->follows = (uint8_t)follows;
    n->apply_all = s->world->calm || s->world->manager.candidate == node + 1;
    node_reread(s, node);
    story(s, "%s starts as %s", story_node(s, node), as == ADMIN_SERVE ? "primary" : "replica");
    struct event e = {.kind = EV_BOOT, .admin = (uint8_t)as, .task = TASK_BOOT};
    node_event(s, node, &e);
}

void node_die(struct sim *s, uint32_t node)
{
    struct node *n = &s->world->node[node];
    n->state = NODE_DOWN;
    n->restarted = 1;
    n->relay_boot = 0;
    n->apply_all = 0;
    n->behind = 0;
    n->runnable = 0;
    n->timers = 0;
    n->visible = 0;
    n->in_io = 0;
    n->commits = 0;
    n->acked = 0;
    n->noticed = 0;
    memset(n->io, 0, sizeof n->io);
    disk_fsync_forget_all(&n->disk);
    memset(&n->applier, 0, sizeof n->applier);
    memset(&n->receiver, 0, sizeof n->receiver);
    memset(&n->primary, 0, sizeof n->primary);
    memset(&n->engine, 0, sizeof n->engine);
    node_touch(s->world, node);
    if (s->scenario->node[node].engine_binlog)
        node_read_engine(s, node); /* what stood in its memory only is gone */
    net_node_died(s, node);
    for (uint32_t i = 0; i < SESSIONS_MAX; i++) {
        if (s->world->client[i].node != node)
            continue;
        s->world->client[i].busy = CLIENT_IDLE; /* it will never know */
        s->world->client[i].txn = 0;
    }
}

void node_power_loss(struct sim *s, uint32_t node)
{
    struct node *n = &s->world->node[node];
    node_touch(s->world, node);
    struct disk_loss loss = disk_power_loss(&n->disk, &s->scenario->device, s->chooser);
    if (loss.lost > 0) {
        reach(s, REACH_POWER_UNSYNCED_LOST);
        story(s, "%u writes that were not durable are lost", loss.lost);
    }
    if (loss.torn > 0) {
        reach(s, REACH_POWER_TORN);
        story(s, "one write is torn");
    }
    node_reread(s, node);
}

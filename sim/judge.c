/* The judges: called by the world where a promise could break. They look at disks, packets, answers
 * and reads; what a core believes is not asked.
 */
#include "format/packet.h"
#include "sim/internal.h"

static uint32_t lowest(uint32_t mask)
{
    uint32_t t = 0;
    while (t < 32 && (mask >> t & 1) == 0)
        t++;
    return t;
}

void judged(struct sim *s, enum invariant i, uint32_t bad, const char *edge)
{
    if (bad == 0)
        return;
    story_txns(s, bad);
    story_broken(s, i, "%s: T%u %s", invariant_id(i), lowest(bad) + 1, edge);
}

static bool discarded(const struct world *w, uint32_t node)
{
    return (w->manager.discarded >> node & 1) != 0;
}

static uint32_t read_all(const struct sim *s, const struct node *n)
{
    return engine_read_keys(&n->engine, first_txn(s->scenario) + 1);
}

/* Everything that the node holds, applied or not. */
static uint32_t holds(const struct node *n)
{
    return history_mask(&n->binlog) | history_mask(&n->relay);
}

/* The groups that a primary has rendered and not written (BEFORE_WRITE sends them first). */
static void cache_history(const struct node *n, struct history *h)
{
    const struct binlog *b = &n->primary.binlog;
    uint8_t bytes[BINLOG_MAGIC_LEN + BINLOG_CACHE_MAX];
    history_clear(h);
    if (b->cached == 0)
        return;
    if (n->engine.ibb.on) {
        struct ibb_span span = ibb_span(&n->engine);
        struct ibb_record r;
        uint32_t at = 0;
        for (uint32_t len; (len = ibb_record_decode(b->cache + at, b->cached - at, &r)) != 0;
             at += len)
            stream_add(h, &span, &r, b->len + at, b->len + at + len);
        return;
    }
    memcpy(bytes, binlog_magic, BINLOG_MAGIC_LEN);
    memcpy(bytes + BINLOG_MAGIC_LEN, b->cache, b->cached);
    bool fits = history_read(h, 1, bytes, BINLOG_MAGIC_LEN + b->cached);
    assert(fits);
    (void)fits;
}

static uint32_t primary_holds(const struct node *n)
{
    struct history cache;
    cache_history(n, &cache);
    return history_mask(&n->binlog) | history_mask(&cache) | n->forgotten;
}

void judge_insane(struct sim *s, const char *why)
{
    s->world->dead = 1;
    story_broken(s, INV_SANE, "SANE: %s", why);
}

/* What a reader sees and a binlog must have: not what RESET MASTER has deleted, unless a power loss
 * has brought it back. */
static uint32_t in_question(const struct node *n)
{
    return n->visible & (~n->forgotten | history_mask(&n->binlog));
}

void judge_visible(struct sim *s, uint32_t node)
{
    struct node *n = &s->world->node[node];
    if (n->state != NODE_UP)
        return;
    uint32_t before = n->visible;
    n->visible = read_all(s, n);
    if (n->visible != before) {
        story_txns(s, n->visible & ~before);
        for (uint32_t t = 0; t <= first_txn(s->scenario); t++) {
            if ((n->visible & ~before) >> t & 1)
                story(s, "T%u becomes visible on %s", t + 1, story_node(s, node));
        }
        /* What cannot be read now has overtaken nobody, and is overtaken by nobody. */
        uint32_t locked = engine_locked_keys(&n->engine, first_txn(s->scenario) + 1);
        uint32_t bad = ledger_disagree(&n->binlog, in_question(n) | locked, false) & ~locked;
        if ((bad & history_mask(&n->binlog)) != 0)
            reach(s, REACH_COMMIT_OVERTOOK);
        judged(s, INV_AGREE, bad, "is visible out of the order of the binlog");
    }
    if (n->primary.serving)
        s->world->ledger.seen |= n->visible;
}

/* What the recovery did, for the conditions that a scenario wants to have been met. */
static void reach_recovery(struct sim *s, const struct node *n)
{
    const struct ledger *l = &s->world->ledger;
    uint32_t acked = 0;
    for (uint32_t i = 0; i < s->scenario->n_nodes; i++)
        acked |= l->acked[i];
    uint32_t committed = 0;
    for (uint32_t m = n->visible; m != 0; m &= m - 1)
        committed++;
    /* Two records for each decided transaction, and after a recovery all are decided. */
    if (!n->engine.ibb.on && engine_lsn(&n->engine) / REDO_RECORD_LEN / 2 > committed)
        reach(s, REACH_RECOVERY_ROLLBACK);
    if (n->primary.recovered_from < n->primary.recovered_file)
        reach(s, REACH_RECOVERY_FILES);
    if (n->boots_as != ADMIN_SERVE) {
        reach(s, REACH_REPLICA_RESTART);
        return;
    }
    if ((n->visible & ~l->seen) != 0)
        reach(s, REACH_RECOVERY_COMMIT);
    if ((n->visible & ~l->seen & ~acked) != 0)
        reach(s, REACH_RECOVERED_UNACKED);
}

void judge_booted(struct sim *s, uint32_t node)
{
    struct world *w = s->world;
    struct node *n = &w->node[node];
    n->visible = read_all(s, n);
    judged(s, INV_AGREE, ledger_disagree(&n->binlog, in_question(n), true),
           "differs between binlog and engine after the recovery");
    if (engine_in_doubt(&n->engine, 0) != 0)
        story_broken(
            s, INV_LIVE, "LIVE: %s",
            "a prepared transaction is nobody's after the start: its locks are held for ever");
    if (n->binlog.broken || n->relay.broken)
        story_broken(s, INV_SANE, "SANE: the %s has an unreadable event with others behind it",
                     n->binlog.broken ? "binlog" : "relay log");
    if (n->restarted)
        reach_recovery(s, n);
    judged(s, INV_ACKTRUE, w->ledger.acked[node] & ~holds(n),
           "was ACKed by this replica, which does not hold it after its restart");
}

/* Groups are compared when they come: all that stood before has been, so that an event costs as
 * much as it brings. */
static void judge_same_gtid(struct sim *s, uint32_t node, uint32_t binlog, uint32_t relay)
{
    const struct world *w = s->world;
    const struct node *n = &w->node[node];
    if (discarded(w, node))
        return;
    for (uint32_t i = 0; i < s->scenario->n_nodes; i++) {
        const struct node *o = &w->node[i];
        if (discarded(w, i))
            continue;
        uint32_t bad = ledger_diverged_from(&n->binlog, binlog, &o->binlog) |
                       ledger_diverged_from(&n->binlog, binlog, &o->relay) |
                       ledger_diverged_from(&n->relay, relay, &o->relay) |
                       ledger_diverged_from(&n->relay, relay, &o->binlog);
        if (n->primary.binlog.cached != 0) {
            struct history cache;
            cache_history(n, &cache);
            bad |= ledger_diverged(&cache, &o->binlog) | ledger_diverged(&cache, &o->relay);
        }
        if (bad != 0)
            reach(s, REACH_GTID_REUSED);
        judged(s, INV_CONVERGE, bad, "has the GTID of another transaction");
    }
}

void judge_taken_back(struct sim *s, uint32_t node)
{
    judge_same_gtid(s, node, 0, 0);
}

void judge_holds(struct sim *s, uint32_t node, uint32_t binlog, uint32_t relay)
{
    struct world *w = s->world;
    struct node *n = &w->node[node];
    judge_same_gtid(s, node, binlog, relay);
    /* What an earlier life of the primary had sent may still arrive when it serves again. */
    uint32_t p = w->ledger.elected;
    bool serves = w->node[p].state == NODE_UP && w->node[p].primary.serving;
    if (node != p && (w->ledger.recovered >> p & 1) != 0 && serves)
        judged(s, INV_NOAHEAD, ledger_ahead(primary_holds(&w->node[p]), holds(n)),
               "is on a replica and not on the recovered primary");
}

static void judge_ahead(struct sim *s, uint32_t node)
{
    struct world *w = s->world;
    for (uint32_t i = 0; i < s->scenario->n_nodes; i++) {
        if (i != node && !discarded(w, i))
            judged(s, INV_NOAHEAD,
                   ledger_ahead(history_mask(&w->node[node].binlog) | w->node[node].forgotten,
                                holds(&w->node[i])),
                   "is on a replica and not on the recovered primary");
    }
}

void judge_elected(struct sim *s, uint32_t node)
{
    struct world *w = s->world;
    struct node *n = &w->node[node];
    n->visible = read_all(s, n);
    w->ledger.elected = (uint8_t)node;
    story(s, "%s serves as primary", story_node(s, node));
    if (n->restarted && n->boots_as == ADMIN_SERVE) {
        w->ledger.recovered |= (uint8_t)(1u << node);
        reach(s, REACH_RESTART_AS_PRIMARY);
        judge_ahead(s, node);
    }
    judged(s, INV_NOLOSS, ledger_lost(&w->ledger, n->visible),
           "was answered OK and is not on the primary elected now");
    judged(s, INV_NOPHANTOM, ledger_phantom(&w->ledger, n->visible),
           "was read on a serving primary and is not on the primary elected now");
}

void judge_answer(struct sim *s, uint32_t node, uint32_t txn)
{
    struct world *w = s->world;
    uint32_t p = w->ledger.elected;
    if ((w->cut_off >> node & 1) != 0)
        reach(s, REACH_OK_WHILE_PARTITIONED);
    judge_protected(s, node, txn);
    if (p != node && (w->node[p].visible >> txn & 1) == 0)
        judged(s, INV_NOLOSS, 1u << txn, "is answered OK by a primary that was replaced already");
}

/* A group is recognised by its row, or by its DDL. */
void judge_sent(struct sim *s, uint32_t primary, uint32_t replica, const uint8_t *bytes,
                uint32_t len)
{
    struct event_head h;
    struct event_packet p;
    int32_t k, v;
    bool semi = len > 1 && bytes[1] == SEMISYNC_MAGIC;
    if (decode_event_packet(bytes, len, semi, &p) != FMT_OK ||
        event_parse(p.event, p.len, false, &h) != FMT_OK || !event_row(p.event, &h, &k, &v))
        return;
    assert(k >= 1 && k <= TXNS_MAX);
    const struct conn *c = conn_of(s->world, replica, primary, LINK_TO_REPLICA, primary);
    if (c == NULL || !c->replica_open || !net_reachable(s->world, replica, primary))
        return; /* nobody is there, or in reach, and this end has not noticed yet */
    s->world->ledger.sent[replica] |= 1u << (k - 1);
    story(s, "%s sends T%d to %s", story_node(s, primary), k, story_node(s, replica));
    story_txns(s, 1u << (k - 1));
    story_to(s, replica);
}

/* Would the group of its binlog survive a power loss? Inside the engine it is as durable as the
 * redo record that committed it. */
static bool binlog_durable(const struct sim *s, uint32_t node, const struct held *h)
{
    const struct node *n = &s->world->node[node];
    struct file_id redo = {.kind = FILE_REDO, .num = 1};
    struct disk_view view;
    uint32_t from = 0;
    uint32_t to = 0;
    if (!s->scenario->node[node].engine_binlog)
        return disk_range_durable(&n->disk, (struct file_id){FILE_BINLOG, h->file}, h->start,
                                  h->end);
    disk_view(&n->disk, &view);
    const struct file_view *f = view_find(&view, redo);
    return f != NULL && stream_commit(f->bytes, f->len, h->txn, &from, &to) &&
           disk_range_durable(&n->disk, redo, from, to);
}

/* Would the group survive every crash of this node that the scenario admits? */
static bool survives(const struct sim *s, uint32_t node, uint32_t txn)
{
    const struct node *n = &s->world->node[node];
    const struct held *relay = history_find(&n->relay, txn);
    const struct held *binlog = history_find(&n->binlog, txn);
    if (!scenario_admits_power(s->scenario, role_of(s->world, node)))
        return relay != NULL || binlog != NULL;
    return (relay != NULL && disk_range_durable(&n->disk, (struct file_id){FILE_RELAY, relay->file},
                                                relay->start, relay->end)) ||
           (binlog != NULL && binlog_durable(s, node, binlog));
}

/* In the binlog of the primary, or in what it has rendered and not written. */
static uint32_t released_by(const struct node *primary, uint32_t file, uint32_t offset)
{
    const struct binlog *b = &primary->primary.binlog;
    struct history cache;
    cache_history(primary, &cache);
    uint32_t mask = ledger_released(&primary->binlog, file, offset);
    if (primary->engine.ibb.on)
        mask |= ledger_released(&cache, file, offset);
    else if (file == b->num && offset > b->len)
        mask |= ledger_released(&cache, 1, offset - b->len + BINLOG_MAGIC_LEN);
    return mask;
}

bool released_for_good(const struct sim *s, uint32_t primary, uint32_t file, uint32_t offset)
{
    const struct node *n = &s->world->node[primary];
    uint32_t released = ledger_released(&n->binlog, file, offset);
    bool whole = false;
    for (uint32_t i = 0; i < n->binlog.n; i++) {
        const struct held *h = &n->binlog.at[i];
        if ((released >> h->txn & 1) != 0 && !binlog_durable(s, primary, h))
            return false;
        whole |= h->file == file && h->end == offset;
    }
    return whole;
}

void judge_ack(struct sim *s, uint32_t replica, uint32_t primary, const uint8_t *bytes,
               uint32_t len)
{
    struct ack_packet ack;
    if (decode_ack(bytes, len, &ack) != FMT_OK)
        return; /* a dump request */
    struct ledger *l = &s->world->ledger;
    uint32_t released =
        released_by(&s->world->node[primary], binlog_name_num(ack.file), (uint32_t)ack.pos);
    uint32_t bad = 0;
    for (uint32_t t = 0; t <= first_txn(s->scenario); t++) {
        if ((released >> t & 1) != 0 && !survives(s, replica, t))
            bad |= 1u << t;
    }
    l->acked[replica] |= released;
    story(s, "%s ACKs %s:%u", story_node(s, replica), ack.file, (unsigned)ack.pos);
    story_txns(s, released);
    story_to(s, primary);
    judged(s, INV_ACKTRUE, bad,
           scenario_admits_power(s->scenario, role_of(s->world, replica))
               ? "is released by an ACK and not durable on the replica that sent it"
               : "is released by an ACK and not written by the replica that sent it");
}

void judge_stream(struct sim *s, uint32_t replica, uint32_t primary)
{
    const struct world *w = s->world;
    if (replica == w->home && w->node[primary].primary.serving)
        reach(s, REACH_REJOIN);
    if (!w->node[primary].primary.serving)
        return; /* it waits for the manager's word, and may be behind */
    judged(s, INV_CONVERGE, holds(&w->node[replica]) & ~primary_holds(&w->node[primary]),
           "is on a replica that the primary accepted, and not on the primary");
}

static void reach_crash(struct sim *s, const struct node *n, uint32_t node)
{
    const struct world *w = s->world;
    bool ack_in_flight = false;
    uint32_t acked = 0;
    uint32_t sent = 0;
    for (uint32_t i = 0; i < w->conns; i++)
        ack_in_flight |= w->conn[i].used && w->conn[i].primary == node && w->conn[i].up_len > 0;
    for (uint32_t i = 0; i < s->scenario->n_nodes; i++) {
        acked |= w->ledger.acked[i];
        sent |= i != node ? w->ledger.sent[i] : 0; /* what it was sent itself it has not sent */
    }
    for (uint32_t t = 0; t <= first_txn(s->scenario); t++) {
        const struct held *h = history_find(&n->binlog, t);
        bool visible = n->visible >> t & 1;
        bool has_ack = acked >> t & 1;
        if (w->ledger.answered >> t & 1)
            continue;
        if (h == NULL) {
            if (sent >> t & 1)
                reach(s, REACH_CRASH_SENT_UNWRITTEN);
            continue;
        }
        bool durable = binlog_durable(s, node, h);
        if (!durable)
            reach(s, REACH_CRASH_BEFORE_SYNC);
        if (durable && !has_ack)
            reach(s, REACH_CRASH_BEFORE_ACK);
        if (has_ack && ack_in_flight)
            reach(s, REACH_CRASH_ACK_IN_FLIGHT);
        if (has_ack && !visible)
            reach(s, REACH_CRASH_ACKED_INVISIBLE);
        if (visible && !has_ack)
            reach(s, REACH_CRASH_VISIBLE_UNACKED);
    }
}

void judge_crash(struct sim *s, uint32_t node)
{
    const struct node *n = &s->world->node[node];
    if (n->boots_as != ADMIN_SERVE && !n->primary.serving) {
        reach(s, REACH_REPLICA_CRASH);
        return;
    }
    reach(s, REACH_PRIMARY_CRASH);
    if (n->state == NODE_UP && n->primary.binlog.rotation != ROTATION_NONE)
        reach(s, REACH_CRASH_ROTATING);
    reach_crash(s, n, node);
}

/* Do as many semi-sync replicas as it waits for hang on this primary, alive and in reach? */
static bool has_replicas(const struct sim *s, uint32_t primary)
{
    const struct world *w = s->world;
    uint32_t n = 0;
    for (uint32_t i = 0; i < w->conns; i++) {
        const struct conn *c = &w->conn[i];
        n += c->used && c->primary == primary && c->replica_open && c->primary_open &&
             w->node[c->replica].state == NODE_UP && net_reachable(w, c->replica, primary) &&
             w->node[primary].primary.dump[c->replica].active &&
             w->node[primary].primary.dump[c->replica].semi_sync;
    }
    return n >= s->scenario->node[primary].wait_for_slave_count;
}

static bool waits_for_ack(const struct node *n)
{
    for (uint32_t t = 0; t < COMMITTERS; t++) {
        if (semisync_is_waiting(&n->primary.semisync, t))
            return true;
    }
    return false;
}

void judge_stuck(struct sim *s)
{
    const struct world *w = s->world;
    for (uint32_t i = 0; i < s->scenario->sessions; i++) {
        const struct client *c = &w->client[i];
        if (c->busy != CLIENT_WAITS)
            continue; /* who was cut off does not wait */
        if (waits_for_ack(&w->node[c->node])) {
            /* Waiting for ever is what an infinite timeout promises when nobody is there. */
            if (has_replicas(s, c->node))
                judged(s, INV_LIVE, 1u << c->txn, "waits for an ACK that nobody is asked for");
        } else {
            judged(s, INV_LIVE, 1u << c->txn, "is stuck and nothing can move it");
        }
    }
    uint32_t p = w->manager.primary;
    bool settled = (w->manager.state == MANAGER_WATCH || w->manager.state == MANAGER_STARTING) &&
                   (w->node[p].primary.serving ||
                    (w->node[p].primary.boot == BOOT_WAIT_ACK && !has_replicas(s, p)));
    bool hope = false;
    for (uint32_t i = 0; i < s->scenario->n_nodes; i++)
        hope |=
            i != p && w->node[i].state == NODE_UP && !discarded(w, i) && (w->cut_off >> i & 1) == 0;
    if (!settled && hope)
        story_broken(s, INV_LIVE, "LIVE: no primary is let in although a replica is there");
    if (s->scenario->n_nodes == 1 && w->node[p].refused)
        story_broken(s, INV_LIVE, "LIVE: the only server was to go on and does not start");
}

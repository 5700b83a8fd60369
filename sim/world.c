#include "sim/world.h"

#define XXH_INLINE_ALL /* short inputs: the call would cost as much as the hash */
#include <xxhash.h>

#include "sim/internal.h"
#include "sim/peek.h"

size_t world_size(void)
{
    return sizeof(struct world);
}

uint64_t world_steps(const struct world *w)
{
    return w->steps;
}

const struct disk *world_disk(const struct world *w, uint32_t node)
{
    assert(node < NODES_MAX);
    return &w->node[node].disk;
}

/* ---- copy and hash: only what is in use -------------------------------------------------------
 * */

static size_t ibb_used(const struct ibb *b)
{
    return offsetof(struct ibb, bytes) + (b->end - b->base);
}

static void node_copy(struct node *to, const struct node *from)
{
    memcpy(to, from, offsetof(struct node, binlog));
    memcpy(&to->binlog, &from->binlog,
           offsetof(struct history, at) + from->binlog.n * sizeof from->binlog.at[0]);
    memcpy(&to->relay, &from->relay,
           offsetof(struct history, at) + from->relay.n * sizeof from->relay.at[0]);
    to->applier = from->applier;
    memcpy(&to->receiver, &from->receiver,
           offsetof(struct receiver, buffer) + from->receiver.queued);
    memcpy(&to->primary, &from->primary,
           offsetof(struct primary, binlog) + offsetof(struct binlog, cache) +
               from->primary.binlog.cached);
    memcpy(&to->engine, &from->engine, offsetof(struct engine, row));
    memcpy(to->engine.row, from->engine.row, from->engine.n_rows * sizeof from->engine.row[0]);
    memcpy(to->engine.buffer, from->engine.buffer, from->engine.buffered);
    to->engine.ibb.on = from->engine.ibb.on;
    if (from->engine.ibb.on)
        memcpy(&to->engine.ibb, &from->engine.ibb, ibb_used(&from->engine.ibb));
    disk_copy(&to->disk, &from->disk);
}

static void copy_some(struct world *to, const struct world *from, uint32_t nodes)
{
    memcpy(to, from, offsetof(struct world, conn));
    to->touched = 0;
    for (uint32_t i = 0; i < from->conns; i++) {
        const struct conn *c = &from->conn[i];
        memcpy(&to->conn[i], c, offsetof(struct conn, down) + c->down_len);
        memcpy(to->conn[i].up, c->up, c->up_len);
    }
    for (; nodes != 0; nodes &= nodes - 1) {
        uint32_t i = (uint32_t)__builtin_ctz(nodes);
        node_copy(&to->node[i], &from->node[i]);
    }
}

void world_copy(struct world *to, const struct world *from)
{
    copy_some(to, from, (1u << from->n_nodes) - 1);
}

void world_undo(struct world *to, const struct world *from)
{
    copy_some(to, from, to->touched);
}

static void tally_leave_out(struct ack_tally *t, uint32_t replicas)
{
    for (uint32_t i = 0; i < ACK_SLOTS_MAX; i++) {
        if (t->of[i] != 0 && (replicas >> (t->of[i] - 1) & 1) != 0) {
            t->of[i] = 0;
            t->pos[i] = 0;
        }
    }
}

/* Core state in one piece: what lies between unused parts is moved together. Dump threads of the
 * replicas in `but`, and whatever else it knows of these, are left out. */
static uint32_t print_memory(const struct node *n, uint32_t but, uint8_t *flat)
{
    uint32_t len = 0;
#define TAKE(ptr, size)                                                                            \
    do {                                                                                           \
        memcpy(flat + len, (ptr), (size));                                                         \
        len += (uint32_t)(size);                                                                   \
    } while (0)
    uint8_t head[10] = {n->state,     n->restarted, n->boots_as, n->relay_boot, n->follows,
                        n->apply_all, n->refused,   n->commits,  n->noticed,    n->acked};
    TAKE(head, sizeof head);
    TAKE(&n->forgotten, sizeof n->forgotten);
    uint32_t tasks = ~(but << TASK_DUMP);
    uint32_t to_do[3] = {n->runnable & tasks, n->timers & tasks, n->in_io & tasks};
    TAKE(to_do, sizeof to_do);
    for (uint32_t left = n->in_io & tasks; left != 0; left &= left - 1)
        TAKE(&n->io[__builtin_ctz(left)], sizeof n->io[0]);
    TAKE(&n->applier, sizeof n->applier);
    TAKE(&n->receiver, offsetof(struct receiver, buffer) + n->receiver.queued);
    /* What is idle is all zeros: that it is idle says as much. */
    const struct primary *p = &n->primary;
    uint32_t busy = 0;
    for (uint32_t i = 0; i < COMMITTERS; i++)
        busy |= (p->by[i].state != COMMITTER_IDLE || p->by[i].finished ? 1u : 0u) << i;
    for (uint32_t i = 0; i < NODES_MAX; i++)
        busy |= (p->dump[i].active && (but >> i & 1) == 0 ? 1u : 0u) << (COMMITTERS + i);
    TAKE(&busy, sizeof busy);
    TAKE(p, offsetof(struct primary, by));
    for (; busy != 0; busy &= busy - 1) {
        uint32_t i = (uint32_t)__builtin_ctz(busy);
        if (i < COMMITTERS)
            TAKE(&p->by[i], sizeof p->by[i]);
        else
            TAKE(&p->dump[i - COMMITTERS], sizeof p->dump[0]);
    }
    TAKE(&p->semisync, offsetof(struct semisync, active));
    flat[len - offsetof(struct semisync, active) + offsetof(struct semisync, clients)] &=
        (uint8_t)~but;
    TAKE(p->semisync.active, p->semisync.n * sizeof p->semisync.active[0]);
    if (p->semisync.tallies) {
        struct ack_tally tally = p->semisync.tally;
        tally_leave_out(&tally, but);
        TAKE(&tally, sizeof tally);
    }
    TAKE(&p->binlog, offsetof(struct binlog, cache) + p->binlog.cached);
    TAKE(&n->engine, offsetof(struct engine, row));
    TAKE(n->engine.row, n->engine.n_rows * sizeof n->engine.row[0]);
    TAKE(n->engine.buffer, n->engine.buffered);
    if (n->engine.ibb.on) {
        uint8_t *lsn = flat + len + offsetof(struct ibb, dump_lsn);
        TAKE(&n->engine.ibb, ibb_used(&n->engine.ibb));
        for (uint32_t left = but; left != 0; left &= left - 1)
            memset(lsn + (uint32_t)__builtin_ctz(left) * sizeof(uint32_t), 0, sizeof(uint32_t));
    }
#undef TAKE
    return len;
}

struct hash128 node_hash(const struct world *cw, uint32_t node)
{
    /* The hashes of the nodes are a cache inside the block; filling it changes no content. */
    struct world *w = (struct world *)(uintptr_t)cw;
    static _Thread_local uint8_t flat[sizeof(struct node)];
    struct node *n = &w->node[node];
    if (n->fresh_hash)
        return n->hash;
    uint32_t but = node == w->home ? w->twins.bag : 0;
    uint32_t len = print_memory(n, but, flat);
    len += w->twins.of[node] != 0
               ? replica_print_disk(&n->disk, w->twins.server_id[node], flat + len)
               : disk_print(&n->disk, ~(but << TASK_DUMP), flat + len);
    XXH128_hash_t h = XXH3_128bits(flat, len);
    n->hash = (struct hash128){.lo = h.low64, .hi = h.high64};
    n->fresh_hash = 1;
    return n->hash;
}

/* A server that is down and will never be started again: nobody reads its disk any more, once no
 * replica is left that could still send it an ACK. */
static bool is_gone(const struct world *w, uint32_t node)
{
    if (w->node[node].state != NODE_DOWN || (w->manager.discarded >> node & 1) == 0)
        return false;
    for (uint32_t i = 0; i < w->conns; i++) {
        const struct conn *c = &w->conn[i];
        if (c->used && c->primary == node && c->replica_open)
            return false; /* one that is asked for anew will never stand */
    }
    return true;
}

/* The place in conn[] says only which was free when it was asked for. Of one pair of servers there
 * may be two: one that the replica has given up, and its next. */
uint32_t conns_in_order(const struct world *w, const struct conn *order[CONNS_MAX])
{
    uint32_t rank[CONNS_MAX];
    uint32_t n = 0;
    for (uint32_t i = 0; i < w->conns; i++) {
        const struct conn *c = &w->conn[i];
        if (!c->used)
            continue;
        uint32_t r = (uint32_t)c->replica << 8 | (uint32_t)c->primary << 1 |
                     (c->asked || c->replica_open ? 1u : 0u);
        uint32_t at = n++;
        for (; at > 0 && rank[at - 1] > r; at--) {
            rank[at] = rank[at - 1];
            order[at] = order[at - 1];
        }
        rank[at] = r;
        order[at] = c;
    }
    return n;
}

uint32_t conn_print(const struct conn *c, uint8_t *to)
{
    uint32_t len = (uint32_t)offsetof(struct conn, down) + c->down_len;
    memcpy(to, c, len);
    memcpy(to + len, c->up, c->up_len);
    return len + c->up_len;
}

/* What the clients, the manager and the ledger know; not of the replicas in a bag. */
static uint32_t print_head(const struct world *w, uint8_t *flat)
{
#define AT(field) (offsetof(struct world, field) - offsetof(struct world, dead))
    uint8_t others = (uint8_t)~w->twins.bag;
    memcpy(flat, &w->dead, AT(conn));
    memset(flat + AT(ledger.refused), 0, sizeof w->ledger.refused);
    flat[AT(cut_off)] &= others;
    flat[AT(tried)] &= others;
    flat[AT(manager.discarded)] &= others;
    flat[AT(ledger.recovered)] &= others;
    for (uint32_t left = w->twins.bag; left != 0; left &= left - 1) {
        uint32_t i = (uint32_t)__builtin_ctz(left);
        memset(flat + AT(ledger.acked[0]) + i * sizeof(uint32_t), 0, sizeof(uint32_t));
        memset(flat + AT(ledger.sent[0]) + i * sizeof(uint32_t), 0, sizeof(uint32_t));
    }
    return AT(conn);
#undef AT
}

/* The replicas in a bag, in an order that does not go by their numbers. */
static uint32_t print_bag(const struct world *w, uint8_t *flat)
{
    const struct hash128 *hash = replicas_hashes(w);
    struct hash128 of[NODES_MAX];
    uint32_t n = 0;
    for (uint32_t left = w->twins.bag; left != 0; left &= left - 1) {
        struct hash128 h = hash[__builtin_ctz(left)];
        uint32_t at = n++;
        for (; at > 0 && (of[at - 1].hi > h.hi || (of[at - 1].hi == h.hi && of[at - 1].lo > h.lo));
             at--)
            of[at] = of[at - 1];
        of[at] = h;
    }
    memcpy(flat, of, n * sizeof of[0]);
    return n * (uint32_t)sizeof of[0];
}

static bool in_bag(const struct world *w, uint32_t node)
{
    return w->twins.bag != 0 && (w->twins.bag >> node & 1) != 0;
}

struct hash128 world_hash(const struct world *w)
{
    static _Thread_local uint8_t flat[sizeof(struct world)];
    const struct conn *conn[CONNS_MAX];
    uint32_t n_conns = conns_in_order(w, conn);
    uint32_t len = print_head(w, flat);
    for (uint32_t i = 0; i < n_conns; i++) {
        if (!in_bag(w, conn[i]->replica))
            len += conn_print(conn[i], flat + len);
    }
    for (uint32_t i = 0; i < w->n_nodes; i++) {
        if ((w->forget && is_gone(w, i)) || in_bag(w, i))
            continue;
        struct hash128 h = node_hash(w, i);
        memcpy(flat + len, &h, sizeof h);
        len += (uint32_t)sizeof h;
    }
    if (w->twins.bag != 0)
        len += print_bag(w, flat + len);
    XXH128_hash_t h = XXH3_128bits(flat, len);
    return (struct hash128){.lo = h.low64, .hi = h.high64};
}

/* ---- steps ------------------------------------------------------------------------------------
 * */

struct taking {
    struct sim *s;
    uint32_t key;
};

static void take(void *arg)
{
    struct taking *t = arg;
    moves_take(t->s, t->key);
}

static void guarded(struct sim *s, uint32_t key)
{
    struct taking t = {.s = s, .key = key};
    const char *why = NULL;
    if (!sane_run(take, &t, &why))
        judge_insane(s, why);
}

static bool all_done_without_fault(const struct sim *s)
{
    for (uint32_t i = 0; i < s->scenario->n_faults; i++) {
        if (s->world->budget[i] != s->scenario->fault[i].at_most)
            return false;
    }
    return s->world->ledger.answered == txn_bits(s->scenario);
}

static void make_move(struct sim *s, uint32_t key)
{
    struct world *w = s->world;
    struct trace_step now = {.step = w->steps + 1, .move = key, .to_lane = LANE_WORLD};
    s->now = s->tracer != NULL ? &now : NULL;
    w->steps++;
    guarded(s, key);
    if (w->calm)
        calm_step(s);
    if (!w->dead && !w->full && !moves_any(s)) {
        judge_stuck(s);
        judge_back(s);
        if (all_done_without_fault(s))
            reach(s, REACH_ALL_DONE);
    }
    if (s->tracer != NULL) {
        now.violated = s->violated;
        now.reached = s->reached;
        now.hash = world_hash(w);
        s->now = NULL;
        s->tracer->note(s->tracer, &now);
    }
}

/* Many states become one when the memory of a server goes: what follows is done once if that one is
 * remembered. */
static bool is_crash(uint32_t key)
{
    uint32_t kind = key >> 24;
    return kind == MOVE_KILL || kind == MOVE_POWER || kind == MOVE_RESET || kind == MOVE_PARTITION;
}

/* Goes on as long as there is no choice what comes next: each state in between would have one
 * successor and need not be remembered. Cycles end at the bound. */
static void go_on(struct sim *s)
{
    enum { CHAIN_MAX = 64 };
    for (uint32_t i = 0; i < CHAIN_MAX && !s->world->dead && !s->world->full; i++) {
        uint32_t key = moves_first(s);
        if (key == 0)
            key = moves_only(s);
        if (key == 0 || s->chooser->pick(s->chooser, CHOOSE_MOVE, 1, &key) == CHOICE_REFUSED)
            return;
        make_move(s, key);
    }
}

enum step_result sim_step(struct sim *s)
{
    struct moves m;
    m.n = 1;
    s->violated = 0;
    s->reached = 0;
    m.key[0] = s->reduce != 0 ? moves_first(s) : 0;
    if (m.key[0] == 0)
        moves_list(s, &m);
    if (m.n == 0)
        return s->world->full ? STEP_FULL : STEP_END;
    uint32_t pick = s->chooser->pick(s->chooser, CHOOSE_MOVE, m.n, m.key);
    if (pick == CHOICE_REFUSED)
        return STEP_REFUSED;
    assert(pick < m.n);
    make_move(s, m.key[pick]);
    if ((s->reduce & REDUCE_CHAIN) && !is_crash(m.key[pick]))
        go_on(s);
    return s->world->full ? STEP_FULL : STEP_MOVED;
}

/* ---- start ------------------------------------------------------------------------------------
 * */

static uint32_t first(struct chooser *c, enum choice what, uint32_t n, const uint32_t *keys)
{
    (void)c;
    (void)what;
    (void)n;
    (void)keys;
    return 0;
}

static void serve_at_first_start(struct sim *s)
{
    struct moves m;
    uint32_t home = s->world->home;
    while (s->world->node[home].state != NODE_UP) {
        moves_list(s, &m);
        assert(m.n > 0);
        moves_take(s, m.key[0]);
    }
    node_event(s, home, &(struct event){.kind = EV_ADMIN, .admin = ADMIN_SERVE});
}

/* Runs along the first move that is neither a client's nor the manager's until there is none. */
static void settle(struct sim *s)
{
    struct moves m;
    for (;;) {
        moves_list(s, &m);
        uint32_t i = 0;
        while (i < m.n && (m.key[i] >> 24 == MOVE_CLIENT || m.key[i] >> 24 == MOVE_MANAGER))
            i++;
        if (i == m.n)
            return;
        moves_take(s, m.key[i]);
    }
}

static void make_all_durable(struct disk *d)
{
    struct disk_view v;
    disk_view(d, &v);
    for (uint32_t i = 0; i < v.n; i++) {
        enum disk_error e = disk_make_durable(d, v.at[i].id, DISK_NOW);
        assert(e == DISK_OK);
        (void)e;
    }
}

/* No cluster is empty: one transaction is everywhere, applied and long durable, before the run.
 * Without it a replica would ask for a domain that a new primary has never heard of, which a server
 * lets pass (facts 8.1 rule C2) and no real cluster meets. */
static void replicate_first_transaction(struct sim *s)
{
    struct world *w = s->world;
    struct client *c = &w->client[0];
    struct primary *p = &w->node[w->home].primary;
    for (uint32_t i = 0; i < s->scenario->n_nodes; i++)
        w->node[i].apply_all = i != w->home;
    /* It is older than semi-sync, so that a primary without replicas has it too. */
    uint8_t on = p->semisync.on;
    p->semisync.on = 0;
    c->busy = CLIENT_WAITS;
    c->txn = (uint8_t)first_txn(s->scenario);
    struct event e = {.kind = EV_CLIENT, .task = TASK_SESSION, .txn = c->txn};
    node_event(s, w->home, &e);
    settle(s);
    p->semisync.on = on;
    for (uint32_t i = 0; i < s->scenario->n_nodes; i++)
        node_event(s, i, &(struct event){.kind = EV_RUN, .task = TASK_REDO}); /* once a second */
    settle(s);
    for (uint32_t i = 0; i < s->scenario->n_nodes; i++) {
        w->node[i].apply_all = 0;
        make_all_durable(&w->node[i].disk);
    }
    for (uint32_t i = 0; i < SESSIONS_MAX; i++)
        w->client[i] = (struct client){.node = w->home};
}

static void take_over(struct world *w, const struct carried *c)
{
    w->home = c->home;
    w->manager.primary = c->home;
    w->ledger.elected = c->home;
    w->steps = c->steps;
    w->phase = c->phase;
    for (uint32_t i = 0; i < SESSIONS_MAX; i++)
        w->client[i].node = c->home;
}

static void take_over_counters(struct world *w, const struct carried *c)
{
    for (uint32_t i = 0; i < w->n_nodes; i++) {
        w->node[i].primary.binlog.flushes = c->flushes[i];
        w->node[i].receiver.unsynced = c->unsynced[i];
        node_touch(w, i);
    }
    if (c->semi_sync_off)
        w->node[c->home].primary.semisync.on = 0;
}

void start_cluster(struct sim *s, const struct carried *c)
{
    struct world *w = s->world;
    const struct scenario *sc = s->scenario;
    struct chooser fixed = {.pick = first};
    struct chooser *driver = s->chooser;
    bool may_calm = s->may_calm;
    memset(w, 0, sizeof *w);
    s->chooser = &fixed;
    s->may_calm = false;
    w->n_nodes = (uint8_t)sc->n_nodes;
    if (c != NULL)
        take_over(w, c);
    for (uint32_t i = 0; i < sc->n_nodes; i++)
        disk_init(&w->node[i].disk);
    for (uint32_t i = 0; i < sc->n_nodes; i++)
        node_boot(s, i, i == w->home ? ADMIN_SERVE : ADMIN_FOLLOW, i == w->home ? 0 : w->home + 1u);
    /* A first start is nobody's recovery: a server that waits for the manager's word gets it. */
    if (sc->node[w->home].recovery == RECOVERY_READ_ONLY)
        serve_at_first_start(s);
    settle(s);
    if (c != NULL)
        w->node[c->home].primary.binlog.state = c->gtids;
    replicate_first_transaction(s);
    if (c != NULL)
        take_over_counters(w, c);
    assert(!w->dead && !w->full);
    for (uint32_t i = 0; i < sc->n_faults; i++)
        w->budget[i] = (uint8_t)sc->fault[i].at_most;
    for (uint32_t i = 0; i < sc->n_operators; i++)
        w->operator_left[i] = (uint8_t)sc->operator[i].at_most;
    s->chooser = driver;
    s->may_calm = may_calm;
}

void sim_start(struct sim *s)
{
    struct tracer *tracer = s->tracer;
    s->tracer = NULL;
    s->now = NULL;
    start_cluster(s, NULL);
    s->world->steps = 0;
    s->world->forget = (s->reduce & REDUCE_GONE) != 0 && !s->scenario->manager.rejoin;
    if ((s->reduce & REDUCE_REPLICAS) != 0 && s->scenario->n_nodes > 2) {
        replicas_find_twins(s, &s->world->twins);
        for (uint32_t i = 0; i < s->world->n_nodes; i++)
            node_touch(s->world, i); /* their hashes are of another kind from now on */
    }
    s->tracer = tracer;
    s->violated = 0;
    s->reached = 0;
}

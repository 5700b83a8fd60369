/* What could happen next, in a fixed order, and the doing of it. Operators and faults come last:
 * a run may end without them. */
#include "sim/internal.h"

const char *move_kind_name(enum move_kind k)
{
    static const char *const names[MOVE_KINDS] = {
        [0] = "none",           [MOVE_RUN] = "run",           [MOVE_DISK] = "disk",
        [MOVE_NET] = "net",     [MOVE_NET_DOWN] = "net-down", [MOVE_NET_OPEN] = "net-open",
        [MOVE_TIMER] = "timer", [MOVE_CLIENT] = "client",     [MOVE_KILL] = "kill",
        [MOVE_POWER] = "power", [MOVE_RESET] = "reset",       [MOVE_PARTITION] = "partition",
        [MOVE_START] = "start", [MOVE_MANAGER] = "manager",   [MOVE_OPERATOR] = "operator",
        [MOVE_CALM] = "calm",   [MOVE_PHASE] = "phase",
    };
    assert(k < MOVE_KINDS);
    return names[k];
}

enum move_kind move_kind_find(const char *name)
{
    for (uint32_t k = MOVE_RUN; k < MOVE_KINDS; k++) {
        if (strcmp(move_kind_name((enum move_kind)k), name) == 0)
            return (enum move_kind)k;
    }
    return MOVE_KINDS;
}

void manager_view_of(const struct world *w, uint32_t n_nodes, struct manager_view *v)
{
    memset(v, 0, sizeof *v);
    v->n = n_nodes;
    for (uint32_t i = 0; i < n_nodes; i++) {
        const struct node *n = &w->node[i];
        struct manager_node *m = &v->node[i];
        m->down = n->state == NODE_DOWN;
        /* A server whose recovery waits for an ACK lets nobody in, the manager neither. */
        m->reachable = n->state == NODE_UP && n->primary.boot == BOOT_DONE &&
                       n->primary.shutdown == SHUTDOWN_NOT && (w->cut_off >> i & 1) == 0;
        m->serving = n->primary.serving;
        m->hears_primary =
            n->receiver.state == RECEIVER_STREAMING && n->receiver.primary == w->manager.primary;
        m->applied = !n->behind && !n->applier.busy && n->receiver.busy == 0 &&
                     n->receiver.queued == 0 && !n->receiver.consuming;
        for (uint32_t d = 0; d < n->receiver.pos.n; d++) {
            if (n->receiver.pos.at[d].seq > m->received)
                m->received = n->receiver.pos.at[d].seq;
        }
        struct gtid_pos own;
        primary_gtid_pos(&n->primary, &n->engine, &own);
        for (uint32_t d = 0; d < own.n; d++) {
            if (own.at[d].seq > m->received)
                m->received = own.at[d].seq;
        }
    }
}

/* A dump thread that the socket buffer blocks is not runnable. */
static bool may_run(const struct sim *s, uint32_t node, uint32_t task)
{
    const struct world *w = s->world;
    if (task < SESSIONS_MAX && (s->reduce & REDUCE_SESSIONS) != 0)
        return session_stands_for_equals(s, task);
    if (task < TASK_DUMP || task >= TASK_DUMP + NODES_MAX)
        return true;
    return net_has_room(w, node, task - TASK_DUMP);
}

bool applier_may_start(const struct sim *s, uint32_t node)
{
    const struct node *n = &s->world->node[node];
    return n->state == NODE_UP && n->behind && !n->applier.busy && !n->applier.failed &&
           (s->scenario->applier == APPLIER_FREE || n->apply_all);
}

/* May the engine flush its log, or write pages, by itself? */
static bool redo_is_due(const struct sim *s, uint32_t node)
{
    const struct node *n = &s->world->node[node];
    struct env env = {.set = &s->scenario->node[node]};
    if ((n->in_io >> TASK_REDO & 1) != 0)
        return false;
    if (n->state != NODE_UP)
        return primary_cuts(&n->primary) && engine_lsn(&n->engine) > n->engine.synced &&
               moves_in_danger(s, node);
    /* When pages are written shows only in what a crash, a disk fault or a purge leaves of them. */
    return engine_background_due(&n->engine, &env) || primary_checkpoint_waits(&n->primary) ||
           (ibb_pages_due(&n->engine) && (moves_in_danger(s, node) || operator_may_purge(s, node)));
}

static void list_node(const struct sim *s, uint32_t node, struct moves *m)
{
    const struct world *w = s->world;
    const struct node *n = &w->node[node];
    if (n->state == NODE_DOWN)
        return;
    uint32_t runnable = n->runnable;
    if (applier_may_start(s, node))
        runnable |= 1u << TASK_APPLIER;
    if (redo_is_due(s, node))
        runnable |= 1u << TASK_REDO;
    for (uint32_t left = runnable | n->in_io | n->timers; left != 0; left &= left - 1) {
        uint32_t t = (uint32_t)__builtin_ctz(left);
        if ((runnable >> t & 1) != 0 && may_run(s, node, t))
            moves_add(m, move_key(MOVE_RUN, node, t, 0));
        if (n->in_io >> t & 1)
            moves_add(m, move_key(MOVE_DISK, node, t, 0));
        if (n->timers >> t & 1)
            moves_add(m, move_key(MOVE_TIMER, node, t, 0));
    }
}

static void list_conns(const struct sim *s, struct moves *m)
{
    const struct world *w = s->world;
    for (uint32_t i = 0; i < w->conns; i++) {
        const struct conn *c = &w->conn[i];
        if (!c->used)
            continue;
        bool reachable = net_reachable(w, c->replica, c->primary);
        uint32_t a = c->replica;
        uint32_t b = c->primary;
        if (c->asked && reachable && w->node[b].state == NODE_UP && w->node[a].state == NODE_UP)
            moves_add(m, move_key(MOVE_NET_OPEN, a, b, i));
        if (c->replica_open && c->down_len > 0 && reachable && w->node[a].state == NODE_UP &&
            receiver_ready(&w->node[a].receiver))
            moves_add(m, move_key(MOVE_NET, b, a, i));
        if (c->primary_open && c->up_len > 0 && reachable && w->node[b].state != NODE_DOWN)
            moves_add(m, move_key(MOVE_NET, a, b, i));
        bool broken = !reachable;
        if (c->replica_open && (!c->primary_open || broken) && !w->node[a].receiver.busy)
            moves_add(m, move_key(MOVE_NET_DOWN, a, b, i));
        if (c->primary_open && !c->replica_open)
            moves_add(m, move_key(MOVE_NET_DOWN, b, a, i));
    }
}

/* A session stays where it is let in, and else goes to whom the manager takes for the primary. */
static uint32_t home_of(const struct world *w, uint32_t session)
{
    uint32_t node = w->client[session].node;
    bool in = w->node[node].state == NODE_UP && w->node[node].primary.serving;
    return in ? node : w->manager.primary;
}

/* Transactions are numbered as they are sent: whoever is idle may send the next one. */
static void list_clients(const struct sim *s, struct moves *m)
{
    const struct world *w = s->world;
    const struct scenario *sc = s->scenario;
    if (w->sent == sc->transactions)
        return;
    for (uint32_t i = 0; i < sc->sessions && i < sc->transactions; i++) {
        const struct client *c = &w->client[i];
        uint32_t node = home_of(w, i);
        if (c->busy != CLIENT_IDLE || w->node[node].state != NODE_UP ||
            !w->node[node].primary.serving)
            continue;
        if ((s->reduce & REDUCE_SESSIONS) == 0 || session_stands_for_equals(s, i))
            moves_add(m, move_key(MOVE_CLIENT, i, 0, 0));
    }
}

static void list_manager(const struct sim *s, struct moves *m)
{
    const struct world *w = s->world;
    const struct node *p = &w->node[w->manager.primary];
    /* The common case costs nothing: all is well, and the manager only watches. */
    bool well = w->manager.state == MANAGER_WATCH && p->state == NODE_UP &&
                p->primary.boot == BOOT_DONE && p->primary.shutdown == SHUTDOWN_NOT &&
                w->cut_off == 0;
    if (!well) {
        struct manager_view v;
        struct manager_option o[MANAGER_OPTIONS_MAX];
        manager_view_of(w, s->scenario->n_nodes, &v);
        uint32_t n = manager_options(&w->manager, &s->scenario->manager, &v, o);
        for (uint32_t i = 0; i < n; i++) {
            if (o[i].act == MANAGER_START && w->node[o[i].node].refused)
                continue;
            moves_add(m, move_key(MOVE_MANAGER, o[i].act, o[i].node, 0));
        }
    }
    bool start = w->calm || s->scenario->restart_replicas;
    for (uint32_t i = 0; i < s->scenario->n_nodes && start; i++) {
        if (i != w->manager.primary && w->node[i].state == NODE_DOWN && !w->node[i].refused &&
            ((w->manager.discarded | w->tried) >> i & 1) == 0)
            moves_add(m, move_key(MOVE_START, i, 0, 0));
    }
}

static void list_faults(const struct sim *s, struct moves *m)
{
    const struct world *w = s->world;
    uint32_t all = 0;
    uint32_t left[NODES_MAX]; /* points that can still strike the node */
    for (uint32_t i = 0; i < s->scenario->n_nodes; i++) {
        left[i] = fault_points_left(s, i);
        all |= left[i];
        if (w->node[i].state == NODE_DOWN)
            continue;
        if (left[i] >> FAULT_NODE_KILL & 1)
            moves_add(m, move_key(MOVE_KILL, i, 0, 0));
        if (left[i] >> FAULT_NODE_POWER & 1)
            moves_add(m, move_key(MOVE_POWER, i, 0, 0));
        if ((left[i] >> FAULT_NET_PARTITION & 1) != 0 && (w->cut_off >> i & 1) == 0)
            moves_add(m, move_key(MOVE_PARTITION, i, 0, 0));
    }
    for (uint32_t i = 0; i < w->conns && (all >> FAULT_NET_RESET & 1) != 0; i++) {
        const struct conn *c = &w->conn[i];
        if (c->used && c->replica_open && c->primary_open && !w->node[c->replica].receiver.busy &&
            (left[c->replica] >> FAULT_NET_RESET & 1) != 0)
            moves_add(m, move_key(MOVE_RESET, c->replica, c->primary, i));
    }
}

static void list_all_but_faults(const struct sim *s, struct moves *m)
{
    m->n = 0;
    m->faults = 0;
    if (s->world->dead || s->world->full)
        return;
    for (uint32_t i = 0; i < s->scenario->n_nodes; i++)
        list_node(s, i, m);
    list_conns(s, m);
    list_clients(s, m);
    list_manager(s, m);
}

void moves_list(const struct sim *s, struct moves *m)
{
    list_all_but_faults(s, m);
    uint32_t before = m->n;
    if (!s->world->dead && !s->world->full) {
        operator_list(s, m);
        list_faults(s, m);
    }
    m->faults = m->n - before;
    if ((s->reduce & REDUCE_REPLICAS) != 0 && s->scenario->n_nodes > 2)
        moves_of_one_for_equals(s, m);
    if (calm_listed(s))
        moves_add(m, move_key(MOVE_CALM, 0, 0, 0));
    else if (m->n == 0 && phase_listed(s))
        moves_add(m, move_key(MOVE_PHASE, 0, 0, 0));
}

bool moves_any(const struct sim *s)
{
    struct moves m;
    for (uint32_t i = 0; i < s->scenario->n_nodes; i++) {
        const struct node *n = &s->world->node[i];
        if ((n->runnable | n->in_io | n->timers) != 0 && n->state != NODE_DOWN)
            return true; /* a cheap answer for most states */
    }
    list_all_but_faults(s, &m);
    return m.n > 0;
}

uint32_t moves_only(const struct sim *s)
{
    struct moves m;
    uint32_t tasks = 0; /* a cheap answer for most states: two tasks can go on */
    for (uint32_t i = 0; i < s->scenario->n_nodes; i++) {
        const struct node *n = &s->world->node[i];
        if (n->state != NODE_DOWN)
            tasks += (uint32_t)__builtin_popcount(n->runnable | n->in_io);
    }
    if (tasks > 2)
        return 0;
    moves_list(s, &m);
    return m.n == 1 ? m.key[0] : 0;
}

/* ---- doing it ---------------------------------------------------------------------------------
 * */

static void take_client(struct sim *s, uint32_t session)
{
    struct world *w = s->world;
    struct client *c = &w->client[session];
    uint32_t txn = w->sent++;
    c->node = (uint8_t)home_of(w, session);
    c->busy = CLIENT_WAITS;
    c->txn = (uint8_t)txn;
    story_lane(s, LANE_CLIENT + session);
    story_to(s, c->node);
    story_txns(s, 1u << txn);
    static const char *const words[] = {[STATEMENT_INSERT] = "",
                                        [STATEMENT_LARGE] = " (large)",
                                        [STATEMENT_PLAIN] = " (MyISAM)",
                                        [STATEMENT_DDL] = " (DDL)"};
    enum statement what = scenario_statement(s->scenario, txn);
    story(s, "client %u sends T%u%s to %s", session + 1, txn + 1, words[what],
          story_node(s, c->node));
    struct event e = {.kind = EV_CLIENT,
                      .task = (uint8_t)session,
                      .txn = (uint16_t)txn,
                      .statement = (uint8_t)what};
    node_event(s, c->node, &e);
}

static void take_crash(struct sim *s, uint32_t node, bool power)
{
    story(s, "%s %s", story_node(s, node), power ? "loses power" : "is killed");
    fault_spend(s, power ? FAULT_NODE_POWER : FAULT_NODE_KILL, node);
    judge_crash(s, node);
    node_die(s, node);
    if (power)
        node_power_loss(s, node);
}

static void order_admin(struct sim *s, const struct manager_order *o)
{
    struct world *w = s->world;
    struct event e = {.kind = EV_ADMIN, .admin = o->admin, .peer = o->peer};
    if (o->admin == ADMIN_STOP_SLAVE || o->admin == ADMIN_FOLLOW) {
        w->node[o->node].apply_all = 1;
        w->node[o->node].follows = o->admin == ADMIN_FOLLOW ? (uint8_t)(o->peer + 1) : 0;
    }
    node_touch(w, o->node);
    node_event(s, o->node, &e);
}

static void reach_manager(struct sim *s, struct manager_option o, const struct manager_view *v)
{
    const struct manager *m = &s->world->manager;
    if (o.act == MANAGER_PROMOTE) {
        reach(s, REACH_PROMOTION);
        if (s->world->node[o.node].apply_all && s->world->node[o.node].relay.n > 0)
            reach(s, REACH_PROMOTION_APPLIED_RELAY);
        for (uint32_t i = 0; i < v->n; i++) {
            if (i != m->primary && v->node[i].received > v->node[o.node].received)
                reach(s, REACH_PROMOTION_OF_LESSER);
        }
    }
    if (o.act == MANAGER_KEEP && m->state == MANAGER_CATCH_UP)
        reach(s, REACH_CAUGHT_UP_FROM_REPLICA);
}

static void take_manager(struct sim *s, struct manager_option o)
{
    struct world *w = s->world;
    struct manager_view v;
    struct manager_order orders[MANAGER_ORDERS_MAX];
    manager_view_of(w, s->scenario->n_nodes, &v);
    reach_manager(s, o, &v);
    story_lane(s, LANE_MANAGER);
    story_to(s, o.node);
    story(s, "manager: %s %s", manager_act_name((enum manager_act)o.act), story_node(s, o.node));
    uint32_t out = w->manager.discarded;
    uint32_t n = manager_take(&w->manager, &s->scenario->manager, &v, o, orders);
    for (uint32_t back = out & ~(uint32_t)w->manager.discarded; back != 0; back &= back - 1)
        judge_taken_back(s, (uint32_t)__builtin_ctz(back));
    for (uint32_t i = 0; i < n; i++) {
        uint32_t node = orders[i].node;
        switch (orders[i].kind) {
        case ORDER_ADMIN:
            order_admin(s, &orders[i]);
            break;
        case ORDER_FENCE:
            if (w->node[node].state != NODE_DOWN)
                node_die(s, node);
            break;
        case ORDER_START_PRIMARY:
            node_boot(s, node, ADMIN_SERVE, 0);
            break;
        default:
            assert(0 && "an order that the world does not know");
        }
    }
}

static void take_partition(struct sim *s, uint32_t node)
{
    fault_spend(s, FAULT_NET_PARTITION, node);
    s->world->cut_off |= (uint8_t)(1u << node);
    reach(s, REACH_PARTITION);
    story(s, "%s is cut off from the other servers and the manager", story_node(s, node));
}

static void take_net(struct sim *s, enum move_kind kind, uint32_t a, uint32_t conn)
{
    const struct conn *c = &s->world->conn[conn];
    switch (kind) {
    case MOVE_NET:
        story_lane(s, a == c->primary ? c->replica : c->primary);
        net_deliver(s, conn, a == c->primary);
        break;
    case MOVE_NET_OPEN:
        net_opened(s, conn);
        break;
    case MOVE_NET_DOWN:
        net_down(s, conn, a == c->replica);
        break;
    default:
        fault_spend(s, FAULT_NET_RESET, c->replica);
        net_reset(s, conn);
        break;
    }
}

void moves_take(struct sim *s, uint32_t key)
{
    struct world *w = s->world;
    enum move_kind kind = (enum move_kind)(key >> 24);
    uint32_t a = key >> 16 & 0xFF;
    uint32_t b = key >> 8 & 0xFF;
    uint32_t c = key & 0xFF;
    story_lane(s, a);
    switch (kind) {
    case MOVE_RUN:
        w->node[a].runnable &= ~(1u << b);
        if (b >= TASK_DUMP && b < TASK_DUMP + NODES_MAX)
            story(s, "dump thread for %s", story_node(s, b - TASK_DUMP));
        node_event(s, a, &(struct event){.kind = EV_RUN, .task = (uint8_t)b});
        break;
    case MOVE_DISK:
        node_disk(s, a, b);
        break;
    case MOVE_TIMER:
        w->node[a].timers &= ~(1u << b);
        reach(s, REACH_TIMEOUT);
        story(s, "the semi-sync timeout of %s runs out", story_node(s, a));
        node_event(s, a, &(struct event){.kind = EV_TIMER, .task = (uint8_t)b});
        break;
    case MOVE_CLIENT:
        take_client(s, a);
        break;
    case MOVE_KILL:
    case MOVE_POWER:
        take_crash(s, a, kind == MOVE_POWER);
        break;
    case MOVE_PARTITION:
        take_partition(s, a);
        break;
    case MOVE_START:
        if (w->calm)
            w->tried |= (uint8_t)(1u << a);
        node_boot(s, a, ADMIN_FOLLOW, w->manager.primary + 1u);
        break;
    case MOVE_MANAGER:
        take_manager(s, (struct manager_option){.act = (uint8_t)a, .node = (uint8_t)b});
        break;
    case MOVE_OPERATOR:
        operator_take(s, a, (enum operator_act)b, c);
        break;
    case MOVE_CALM:
        take_calm(s);
        break;
    case MOVE_PHASE:
        take_phase(s);
        break;
    default:
        take_net(s, kind, a, c);
        break;
    }
}

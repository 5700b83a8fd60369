/* Actors: whose move it is, and which of them a scenario can show at all.
 *
 * The threads of a bound on random runs (sim/explore/bounded.c). A task of a server is one,
 * together with the fsync that it waits for; so is each kind of packet or notice between two
 * servers in one direction, each client, the manager, each timer, each start, and each fault or
 * act of an operator at one place. The list is an upper bound: it goes by what the scenario
 * admits, not by what was seen. A test walks all scenarios and finds nobody who is not in it.
 */
#include <stdlib.h>

#include "sim/internal.h"

uint32_t move_without_link(uint32_t key)
{
    switch (key >> 24) {
    case MOVE_NET:
    case MOVE_NET_DOWN:
    case MOVE_NET_OPEN:
    case MOVE_RESET:
        return key & ~(uint32_t)255;
    default:
        return key;
    }
}

uint32_t actor_of(uint32_t key)
{
    switch (key >> 24) {
    case MOVE_DISK:
        return (uint32_t)MOVE_RUN << 24 | (key & 0xffffffu);
    case MOVE_MANAGER:
        return (uint32_t)MOVE_MANAGER << 24;
    default:
        return move_without_link(key);
    }
}

/* What may become of the servers: masks of nodes. */
struct roles {
    uint32_t serves;     /* may let clients in */
    uint32_t follows;    /* may be somebody's replica */
    uint32_t starts;     /* may be started in the run */
    uint32_t catches_up; /* may follow any other before it serves again */
};

struct listing {
    const struct scenario *sc;
    struct roles roles;
    uint32_t n;
    uint32_t *actor;
};

static void add(struct listing *l, enum move_kind kind, uint32_t a, uint32_t b, uint32_t c)
{
    assert(l->n < ACTORS_MAX);
    l->actor[l->n++] = actor_of(move_key(kind, a, b, c));
}

static bool plans(const struct scenario *sc, enum loss_plan plan)
{
    for (uint32_t i = 0; i < sc->manager.n_on_loss; i++) {
        if (sc->manager.on_loss[i] == plan)
            return true;
    }
    return false;
}

static bool operators_may(const struct scenario *sc, enum operator_act act, uint32_t node)
{
    unsigned role = node == 0 ? OF_PRIMARY : OF_REPLICA;
    for (uint32_t i = 0; i < sc->n_operators; i++) {
        if (sc->operator[i].act == act &&((unsigned)sc->operator[i].of & role) != 0)
            return true;
    }
    return false;
}

static bool shuts_down(const struct scenario *sc, uint32_t node)
{
    return operators_may(sc, OPERATOR_SHUTDOWN, node) ||
           operators_may(sc, OPERATOR_SHUTDOWN_WAIT, node);
}

/* Nodes that may go down or be taken for lost: by all but a reset and a lie. */
static uint32_t may_be_lost(const struct scenario *sc)
{
    uint32_t lost = 0;
    for (uint32_t i = 0; i < sc->n_nodes; i++) {
        bool may = shuts_down(sc, i);
        for (uint32_t p = 0; p < FAULT_POINTS; p++)
            may |= p != FAULT_NET_RESET && p != FAULT_FSYNC_LIE &&
                   scenario_budget(sc, (enum fault_point)p, i) > 0;
        lost |= (may ? 1u : 0u) << i;
    }
    return lost;
}

static struct roles roles_of(const struct scenario *sc)
{
    uint32_t replicas = ((1u << sc->n_nodes) - 1) & ~1u;
    uint32_t lost = may_be_lost(sc);
    bool restarts = plans(sc, ON_LOSS_RESTART);
    bool demotes = plans(sc, ON_LOSS_DEMOTE) && (lost & 1) != 0;
    bool replaced = demotes || (plans(sc, ON_LOSS_FAILOVER) && (lost & 1) != 0);
    struct roles r = {.serves = 1 | (replaced ? replicas : 0), .follows = replicas};
    if (restarts || demotes)
        r.starts |= r.serves;
    if (sc->restart_replicas)
        r.starts |= replicas | (replaced && sc->manager.rejoin ? 1 : 0);
    r.starts &= lost;
    for (uint32_t i = 0; i < sc->n_nodes && restarts; i++) {
        if ((r.serves & r.starts) >> i & 1 && sc->node[i].recovery == RECOVERY_READ_ONLY)
            r.catches_up |= 1u << i;
    }
    r.follows |= r.catches_up | ((replaced && sc->manager.rejoin) || demotes ? 1 : 0);
    return r;
}

/* May the node be the replica of that one? */
static bool may_pair(const struct listing *l, uint32_t replica, uint32_t primary)
{
    const struct roles *r = &l->roles;
    return replica != primary && (r->follows >> replica & 1) != 0 &&
           ((r->serves >> primary & 1) != 0 || (r->catches_up >> replica & 1) != 0);
}

static bool may_rotate(const struct scenario *sc, uint32_t node)
{
    const struct server_settings *set = &sc->node[node];
    return set->max_binlog_size != 0 || operators_may(sc, OPERATOR_FLUSH_LOGS, node) ||
           operators_may(sc, OPERATOR_RESET_MASTER, node) ||
           (sc->large > 0 && set->profile->commit_by_rotate);
}

static bool may_write_redo(const struct listing *l, uint32_t node)
{
    const struct server_settings *set = &l->sc->node[node];
    bool later = set->flush_log_at_trx_commit == 0 || set->flush_log_at_trx_commit == 2;
    bool cuts = set->init_rpl_role == ROLE_SLAVE && (l->roles.starts >> node & 1) != 0;
    return later || cuts || set->engine_binlog || may_rotate(l->sc, node);
}

static void list_tasks(struct listing *l, uint32_t node)
{
    const struct scenario *sc = l->sc;
    bool serves = (l->roles.serves >> node & 1) != 0;
    bool follows = (l->roles.follows >> node & 1) != 0;
    for (uint32_t t = 0; t < sc->sessions && t < sc->transactions && serves; t++) {
        add(l, MOVE_RUN, node, TASK_SESSION + t, 0);
        if (sc->node[node].semi_sync_timeout_ms != 0)
            add(l, MOVE_TIMER, node, TASK_SESSION + t, 0);
    }
    if (follows) {
        add(l, MOVE_RUN, node, TASK_APPLIER, 0);
        add(l, MOVE_RUN, node, TASK_RECEIVER, 0);
        if (sc->node[node].receiver->buffered)
            add(l, MOVE_RUN, node, TASK_CONSUMER, 0);
    }
    if (operators_may(sc, OPERATOR_FLUSH_LOGS, node) ||
        operators_may(sc, OPERATOR_RESET_MASTER, node) ||
        operators_may(sc, OPERATOR_PURGE_BINLOG, node))
        add(l, MOVE_RUN, node, TASK_OPERATOR, 0);
    if (may_rotate(sc, node))
        add(l, MOVE_RUN, node, TASK_BACKGROUND, 0);
    if ((l->roles.starts >> node & 1) != 0 || shuts_down(sc, node))
        add(l, MOVE_RUN, node, TASK_BOOT, 0);
    if (operators_may(sc, OPERATOR_SHUTDOWN_WAIT, node) && sc->node[node].semi_sync_timeout_ms != 0)
        add(l, MOVE_TIMER, node, TASK_BOOT, 0);
    if (may_write_redo(l, node))
        add(l, MOVE_RUN, node, TASK_REDO, 0);
}

static void list_pair(struct listing *l, uint32_t replica, uint32_t primary)
{
    add(l, MOVE_RUN, primary, TASK_DUMP + replica, 0);
    add(l, MOVE_NET_OPEN, replica, primary, 0);
    add(l, MOVE_NET, replica, primary, 0);
    add(l, MOVE_NET, primary, replica, 0);
    add(l, MOVE_NET_DOWN, replica, primary, 0);
    add(l, MOVE_NET_DOWN, primary, replica, 0);
    if (scenario_budget(l->sc, FAULT_NET_RESET, replica) > 0)
        add(l, MOVE_RESET, replica, primary, 0);
}

static void list_strikes(struct listing *l, uint32_t node)
{
    const struct scenario *sc = l->sc;
    if (scenario_budget(sc, FAULT_NODE_KILL, node) > 0)
        add(l, MOVE_KILL, node, 0, 0);
    if (scenario_budget(sc, FAULT_NODE_POWER, node) > 0)
        add(l, MOVE_POWER, node, 0, 0);
    if (scenario_budget(sc, FAULT_NET_PARTITION, node) > 0)
        add(l, MOVE_PARTITION, node, 0, 0);
    for (uint32_t act = 0; act < OPERATOR_ACTS; act++) {
        if (!operators_may(sc, (enum operator_act)act, node))
            continue;
        bool each = act == OPERATOR_KILL_SESSION || act == OPERATOR_KILL_QUERY;
        for (uint32_t t = 0; t < (each ? sc->sessions : 1); t++)
            add(l, MOVE_OPERATOR, node, act, t);
    }
}

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

uint32_t scenario_actors(const struct scenario *sc, uint32_t *actor)
{
    struct listing l = {.sc = sc, .roles = roles_of(sc), .actor = actor};
    for (uint32_t i = 0; i < sc->n_nodes; i++) {
        list_tasks(&l, i);
        list_strikes(&l, i);
        for (uint32_t k = 0; k < sc->n_nodes; k++) {
            if (may_pair(&l, i, k))
                list_pair(&l, i, k);
        }
        if (sc->restart_replicas && (l.roles.starts >> i & 1) != 0)
            add(&l, MOVE_START, i, 0, 0);
    }
    for (uint32_t t = 0; t < sc->sessions && t < sc->transactions; t++)
        add(&l, MOVE_CLIENT, t, 0, 0);
    if (may_be_lost(sc) != 0)
        add(&l, MOVE_MANAGER, 0, 0, 0);
    qsort(actor, l.n, sizeof actor[0], by_number);
    uint32_t n = 0;
    for (uint32_t i = 0; i < l.n; i++) { /* two servers may be each other's replica */
        if (n == 0 || actor[n - 1] != actor[i])
            actor[n++] = actor[i];
    }
    return n;
}

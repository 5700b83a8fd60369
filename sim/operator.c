/* What operators do to servers while clients work: moves with a budget, like faults, that a run may
 * also end without. Each act is a row: its word in a scenario, whose it is unless the scenario says
 * otherwise, the statement, the order to the core, and the condition that it meets.
 *
 * An act is listed only while it would change something; what it then does is the core's business.
 */
#include "sim/internal.h"

enum { EACH_SESSION = 1 };

static const struct operator_row {
    const char *word;
    const char *statement;
    enum fault_of of;
    enum admin admin;
    enum reach reach;
    uint8_t each; /* EACH_SESSION: aimed at one session */
    bool modelled;
} rows[OPERATOR_ACTS] = {
    [OPERATOR_SEMI_SYNC_OFF] = {"set-semi-sync-off", "SET GLOBAL rpl_semi_sync_master_enabled=0",
                                OF_PRIMARY, ADMIN_SEMI_SYNC_OFF, REACH_OPERATOR_SEMI_SYNC_OFF, 0,
                                true},
    [OPERATOR_SEMI_SYNC_ON] = {"set-semi-sync-on", "SET GLOBAL rpl_semi_sync_master_enabled=1",
                               OF_PRIMARY, ADMIN_SEMI_SYNC_ON, REACH_OPERATOR_SEMI_SYNC_ON, 0,
                               true},
    [OPERATOR_KILL_SESSION] = {"kill-session", "KILL CONNECTION", OF_PRIMARY, ADMIN_KILL_CONNECTION,
                               REACH_KILLED_WAITER, EACH_SESSION, true},
    [OPERATOR_KILL_QUERY] = {"kill-query", "KILL QUERY", OF_PRIMARY, ADMIN_KILL_QUERY,
                             REACH_KILLED_WAITER, EACH_SESSION, true},
    [OPERATOR_STOP_SLAVE] = {"stop-slave", "STOP SLAVE IO_THREAD", OF_REPLICA, ADMIN_STOP_SLAVE,
                             REACH_OPERATOR_STOP_SLAVE, 0, true},
    [OPERATOR_START_SLAVE] = {"start-slave", "START SLAVE IO_THREAD", OF_REPLICA, ADMIN_FOLLOW,
                              REACH_OPERATOR_START_SLAVE, 0, true},
    [OPERATOR_FLUSH_LOGS] = {"flush-logs", "FLUSH BINARY LOGS", OF_PRIMARY, ADMIN_FLUSH_LOGS,
                             REACH_OPERATOR_FLUSH_LOGS, 0, true},
    [OPERATOR_SHUTDOWN] = {"shutdown", "SHUTDOWN", OF_PRIMARY, ADMIN_SHUTDOWN, REACH_SHUTDOWN, 0,
                           true},
    [OPERATOR_SHUTDOWN_WAIT] = {"shutdown-wait-for-all-slaves", "SHUTDOWN WAIT FOR ALL SLAVES",
                                OF_PRIMARY, ADMIN_SHUTDOWN_WAIT, REACH_SHUTDOWN_WAIT, 0, true},
    [OPERATOR_RESET_MASTER] = {"reset-master", "RESET MASTER", OF_PRIMARY, ADMIN_RESET_MASTER,
                               REACH_RESET_MASTER, 0, true},
    [OPERATOR_PURGE_BINLOG] = {"purge-binlog", "PURGE BINARY LOGS", OF_PRIMARY, ADMIN_PURGE,
                               REACH_PURGED, 0, true},
};

const char *operator_act_name(enum operator_act a)
{
    assert(a < OPERATOR_ACTS);
    return rows[a].word;
}

enum operator_act operator_act_find(const char *name)
{
    assert(name != NULL);
    for (uint32_t a = 0; a < OPERATOR_ACTS; a++) {
        if (strcmp(rows[a].word, name) == 0)
            return (enum operator_act)a;
    }
    return OPERATOR_ACTS;
}

const char *operator_act_statement(enum operator_act a)
{
    assert(a < OPERATOR_ACTS);
    return rows[a].statement;
}

bool operator_act_modelled(enum operator_act a)
{
    assert(a < OPERATOR_ACTS);
    return rows[a].modelled;
}

enum fault_of operator_act_of(enum operator_act a)
{
    assert(a < OPERATOR_ACTS);
    return rows[a].of;
}

bool operator_act_reaches(enum operator_act a, enum reach r)
{
    assert(a < OPERATOR_ACTS);
    bool leads = rows[a].each == EACH_SESSION && r == REACH_KILLED_LEADER;
    bool held = a == OPERATOR_PURGE_BINLOG && r == REACH_PURGE_HELD;
    return rows[a].reach == r || leads || held;
}

/* ---- when ------------------------------------------------------------------------------------ */

/* The slot of a budget that is left for this act on this node; SCENARIO_OPERATORS_MAX: none. */
static uint32_t slot_of(const struct sim *s, enum operator_act act, uint32_t node)
{
    unsigned role = node == s->world->home ? OF_PRIMARY : OF_REPLICA;
    for (uint32_t i = 0; i < s->scenario->n_operators && !s->world->calm; i++) {
        const struct operator_budget *o = &s->scenario->operator[i];
        if (o->act == act && ((unsigned)o->of & role) != 0 && s->world->operator_left[i] > 0)
            return i;
    }
    return SCENARIO_OPERATORS_MAX;
}

static bool stands_still(const struct node *n)
{
    return n->receiver.state == RECEIVER_STOPPED || n->receiver.state == RECEIVER_ERROR;
}

static bool would_change(const struct sim *s, enum operator_act act, uint32_t node)
{
    const struct node *n = &s->world->node[node];
    if (n->state != NODE_UP || n->primary.boot != BOOT_DONE || n->primary.shutdown != SHUTDOWN_NOT)
        return false;
    switch (act) {
    case OPERATOR_SEMI_SYNC_OFF:
        return n->primary.semisync.enabled;
    case OPERATOR_SEMI_SYNC_ON:
        return !n->primary.semisync.enabled;
    case OPERATOR_STOP_SLAVE:
        return !stands_still(n);
    case OPERATOR_START_SLAVE:
        return stands_still(n) && n->follows != 0 && s->world->manager.primary != node;
    case OPERATOR_SHUTDOWN:
    case OPERATOR_SHUTDOWN_WAIT:
        return n->primary.serving;
    case OPERATOR_RESET_MASTER:
        return n->primary.serving && n->primary.by[TASK_OPERATOR].state == COMMITTER_IDLE;
    case OPERATOR_FLUSH_LOGS:
        return n->primary.by[TASK_OPERATOR].state == COMMITTER_IDLE && !n->primary.binlog.closed;
    case OPERATOR_PURGE_BINLOG:
        return n->engine.ibb.on && n->primary.by[TASK_OPERATOR].state == COMMITTER_IDLE &&
               ibb_file_start(ibb_file_in_use(&n->engine)) > n->engine.ibb.base;
    default:
        return true;
    }
}

static bool would_kill(const struct sim *s, enum operator_act act, uint32_t node, uint32_t session)
{
    const struct node *n = &s->world->node[node];
    bool ends_wait = s->scenario->node[node].profile->semisync.kill_ends_wait;
    return s->world->client[session].busy == CLIENT_WAITS &&
           s->world->client[session].node == node &&
           primary_kill_victim(&n->primary, session) != KILL_NOBODY &&
           (ends_wait || act == OPERATOR_KILL_SESSION);
}

void operator_list(const struct sim *s, struct moves *m)
{
    for (uint32_t i = 0; i < s->scenario->n_operators; i++) {
        if (s->world->operator_left[i] == 0)
            continue;
        enum operator_act act = s->scenario->operator[i].act;
        for (uint32_t node = 0; node < s->scenario->n_nodes; node++) {
            if (slot_of(s, act, node) != i || !would_change(s, act, node))
                continue;
            if (rows[act].each != EACH_SESSION) {
                moves_add(m, move_key(MOVE_OPERATOR, node, act, 0));
                continue;
            }
            for (uint32_t t = 0; t < s->scenario->sessions; t++) {
                if (would_kill(s, act, node, t))
                    moves_add(m, move_key(MOVE_OPERATOR, node, act, t));
            }
        }
    }
}

bool operator_may_purge(const struct sim *s, uint32_t node)
{
    return slot_of(s, OPERATOR_PURGE_BINLOG, node) != SCENARIO_OPERATORS_MAX;
}

bool operator_admitted(const struct sim *s, uint32_t node)
{
    for (uint32_t a = 0; a < OPERATOR_ACTS; a++) {
        if (slot_of(s, (enum operator_act)a, node) != SCENARIO_OPERATORS_MAX)
            return true;
    }
    return false;
}

/* ---- doing it -------------------------------------------------------------------------------- */

static void kill_client(struct sim *s, enum operator_act act, uint32_t node, uint32_t session)
{
    struct client *c = &s->world->client[session];
    if (primary_kill_victim(&s->world->node[node].primary, session) == KILL_LEADER)
        reach(s, REACH_KILLED_LEADER);
    story(s, "%s of session %u on %s", rows[act].statement, session + 1, story_node(s, node));
    story_txns(s, 1u << c->txn);
    if (act == OPERATOR_KILL_SESSION) {
        c->busy = CLIENT_CUT_OFF;
        story(s, "client %u loses its connection", session + 1);
        story_to(s, LANE_CLIENT + session);
    }
}

static bool is_shutdown(enum operator_act act)
{
    return act == OPERATOR_SHUTDOWN || act == OPERATOR_SHUTDOWN_WAIT;
}

void operator_take(struct sim *s, uint32_t node, enum operator_act act, uint32_t session)
{
    struct node *n = &s->world->node[node];
    uint32_t slot = slot_of(s, act, node);
    assert(slot < SCENARIO_OPERATORS_MAX);
    s->world->operator_left[slot]--;
    reach(s, rows[act].reach);
    if (act == OPERATOR_PURGE_BINLOG &&
        primary_purge_to(&n->primary, &n->engine) < ibb_file_in_use(&n->engine))
        reach(s, REACH_PURGE_HELD);
    struct event e = {.kind = EV_ADMIN, .admin = (uint8_t)rows[act].admin};
    if (rows[act].each == EACH_SESSION) {
        e.task = (uint8_t)(TASK_SESSION + session);
        kill_client(s, act, node, session);
    } else {
        story(s, "%s on %s", rows[act].statement, story_node(s, node));
    }
    for (uint32_t t = 0; t < SESSIONS_MAX && is_shutdown(act); t++) {
        struct client *c = &s->world->client[t];
        if (c->node == node && c->busy == CLIENT_WAITS)
            c->busy = CLIENT_CUT_OFF;
    }
    if (rows[act].admin == ADMIN_FOLLOW)
        e.peer = (uint8_t)(n->follows - 1);
    node_event(s, node, &e);
}

/* What is alike: symmetry reduction for the exhaustive search, the names of all reductions, and
 * what has no meaning any more. */
#include "sim/internal.h"

static const char *const names[REDUCTIONS] = {"applier", "sessions", "gone", "receiver",
                                              "chain",   "loss",     "boot", "replicas",
                                              "stream",  "join"};

const char *reduction_name(uint32_t i)
{
    assert(i < REDUCTIONS);
    return names[i];
}

uint32_t reduction_find(const char *list)
{
    uint32_t mask = 0;
    for (;;) {
        size_t len = strcspn(list, ",");
        uint32_t i = 0;
        while (i < REDUCTIONS && (strlen(names[i]) != len || strncmp(names[i], list, len) != 0))
            i++;
        if (i == REDUCTIONS)
            return 0;
        mask |= 1u << i;
        if (list[len] == '\0')
            return mask;
        list += len + 1;
    }
}

/* Nothing but its number tells anybody which of the two idle sessions it is. */
static bool idle_alike(const struct world *w, uint32_t a, uint32_t b)
{
    if (memcmp(&w->client[a], &w->client[b], sizeof w->client[a]) != 0)
        return false;
    for (uint32_t i = 0; i < w->n_nodes; i++) {
        const struct node *n = &w->node[i];
        uint32_t bits = n->runnable | n->timers | n->in_io;
        if (((bits >> a | bits >> b) & 1) != 0)
            return false; /* something is still under way for one of them */
        if (n->primary.by[a].state != COMMITTER_IDLE || n->primary.by[b].state != COMMITTER_IDLE)
            return false;
    }
    return true;
}

/* It has been sent and nothing was done about it: the number of the transaction stands nowhere but
 * with its session. */
static bool is_fresh(const struct world *w, uint32_t session)
{
    const struct client *c = &w->client[session];
    const struct node *n = &w->node[c->node];
    struct committer m = n->primary.by[session];
    static const struct committer fresh = {.state = COMMITTER_READY};
    m.txn = 0;
    m.k = m.v = 0;
    m.xid = 0;
    return c->busy == CLIENT_WAITS && n->state == NODE_UP && memcmp(&m, &fresh, sizeof m) == 0 &&
           (n->runnable >> session & 1) != 0 && ((n->in_io | n->timers) >> session & 1) == 0;
}

/* A transaction goes to the session of its number, so that equal situations are equal bytes too;
 * where that one is not idle, to the next that is. Of fresh ones the lowest number begins. */
bool session_stands_for_equals(const struct sim *s, uint32_t session)
{
    const struct world *w = s->world;
    uint32_t n = s->scenario->sessions;
    if (w->client[session].busy != CLIENT_IDLE) {
        for (uint32_t i = 0; i < n; i++) {
            if (i != session && is_fresh(w, i) && w->client[i].node == w->client[session].node &&
                w->client[i].txn < w->client[session].txn)
                return !is_fresh(w, session);
        }
        return true;
    }
    for (uint32_t i = w->sent % n; i != session; i = (i + 1) % n) {
        if (idle_alike(w, i, session))
            return false;
    }
    return true;
}

/* A wake-up that its thread has overtaken: to run for it would change nothing. */
void node_drop_late_wakes(struct node *n)
{
    for (uint32_t left = n->runnable & ((1u << COMMITTERS) - 1); left != 0; left &= left - 1) {
        uint32_t t = (uint32_t)__builtin_ctz(left);
        uint8_t state = n->primary.by[t].state;
        if (state != COMMITTER_READY && state != COMMITTER_ACK)
            n->runnable &= ~(1u << t);
    }
    for (uint32_t i = 0; i < NODES_MAX; i++) {
        if (!n->primary.dump[i].active)
            n->runnable &= ~(1u << (TASK_DUMP + i));
    }
}

#include "manager/manager.h"

const char *manager_act_name(enum manager_act a)
{
    static const char *const names[MANAGER_ACTS] = {
        [MANAGER_DETECT] = "detect",   [MANAGER_FENCE] = "fence", [MANAGER_CHOOSE] = "choose",
        [MANAGER_PROMOTE] = "promote", [MANAGER_START] = "start", [MANAGER_KEEP] = "keep",
    };
    assert(a < MANAGER_ACTS);
    return names[a];
}

static enum loss_plan plan(const struct manager_policy *policy, uint32_t loss)
{
    assert(policy->n_on_loss >= 1 && policy->n_on_loss <= LOSS_PLANS_MAX);
    return policy->on_loss[loss < policy->n_on_loss ? loss : policy->n_on_loss - 1];
}

/* The loss under way is answered by a demotion. */
static bool demotes(const struct manager *m, const struct manager_policy *policy)
{
    return m->losses > 0 && plan(policy, m->losses - 1u) == ON_LOSS_DEMOTE;
}

static bool is_candidate(const struct manager *m, const struct manager_view *v, uint32_t node)
{
    return node != m->primary && (m->discarded >> node & 1) == 0 && v->node[node].reachable;
}

/* What the most advanced has received; *n: how many can be reached. */
static uint64_t most_received(const struct manager *m, const struct manager_view *v, uint32_t *n)
{
    uint64_t most = 0;
    *n = 0;
    for (uint32_t i = 0; i < v->n; i++) {
        if (!is_candidate(m, v, i))
            continue;
        most = v->node[i].received > most ? v->node[i].received : most;
        ++*n;
    }
    return most;
}

/* F1: by received position, over all that can be reached. Nothing says which among equals: each of
 * them may be. */
static uint32_t candidates(const struct manager *m, enum promote promote,
                           const struct manager_view *v, struct manager_option *options)
{
    uint32_t n = 0;
    uint32_t reachable = 0;
    uint64_t most = most_received(m, v, &reachable);
    for (uint32_t i = 0; i < v->n; i++) {
        if (is_candidate(m, v, i) && (promote == PROMOTE_ANY || v->node[i].received == most))
            options[n++] = (struct manager_option){.act = MANAGER_CHOOSE, .node = (uint8_t)i};
    }
    return n;
}

/* A server that came up read-only: up to the most advanced replica, or kept as it is. */
static uint32_t after_start(const struct manager *m, const struct manager_view *v,
                            struct manager_option *options)
{
    const struct manager_node *p = &v->node[m->primary];
    uint32_t reachable = 0;
    uint64_t most = most_received(m, v, &reachable);
    if (reachable == 0)
        return 0; /* nobody to ask: it stays read-only */
    /* What the server itself has received and not applied, from a catch-up that was cut short, is
     * as good as missing: it would serve without it. */
    if (most <= p->received && p->applied) {
        options[0] = (struct manager_option){.act = MANAGER_KEEP, .node = m->primary};
        return 1;
    }
    uint32_t n = 0;
    uint32_t of = candidates(m, PROMOTE_MOST_ADVANCED, v, options);
    /* What a replica has received and not applied is not in its binlog yet: it could not send it,
     * and would refuse a server that has it. */
    for (uint32_t i = 0; i < of; i++) {
        if (v->node[options[i].node].applied)
            options[n++] = options[i];
    }
    return n;
}

/* Also keeps the positions comparable: nobody receives any more when they are looked at. */
static bool somebody_hears(const struct manager *m, const struct manager_view *v)
{
    for (uint32_t i = 0; i < v->n; i++) {
        if (is_candidate(m, v, i) && v->node[i].hears_primary)
            return true;
    }
    return false;
}

uint32_t manager_options(const struct manager *m, const struct manager_policy *policy,
                         const struct manager_view *v,
                         struct manager_option options[MANAGER_OPTIONS_MAX])
{
    assert(m != NULL && policy != NULL && v != NULL && v->n <= NODES_MAX);
    const struct manager_node *p = &v->node[m->primary];
    uint32_t other = m->candidate == 0 ? NODES_MAX : m->candidate - 1u;
    options[0] = (struct manager_option){.act = MANAGER_DETECT, .node = m->primary};
    switch (m->state) {
    case MANAGER_WATCH:
        return !p->reachable && !(policy->verify && somebody_hears(m, v));
    case MANAGER_LOST_FAILOVER:
        options[0].act = MANAGER_FENCE;
        return 1;
    case MANAGER_LOST_RESTART:
        options[0].act = MANAGER_START;
        return p->down;
    case MANAGER_ELECT:
        return candidates(m, policy->promote, v, options);
    case MANAGER_APPLY:
        if (!v->node[other].reachable) {
            options[0].node = (uint8_t)other; /* the candidate is lost in its turn */
            return 1;
        }
        options[0] = (struct manager_option){.act = MANAGER_PROMOTE, .node = (uint8_t)other};
        return v->node[other].applied;
    case MANAGER_STARTING:
        if (p->down)
            return 1;
        if (!p->reachable || p->serving)
            return 0;
        return demotes(m, policy) ? candidates(m, policy->promote, v, options)
                                  : after_start(m, v, options);
    case MANAGER_CATCH_UP:
        if (p->down)
            return 1;
        if (!v->node[other].reachable)
            return p->reachable ? after_start(m, v, options) : 0; /* its source is lost: another */
        options[0].act = MANAGER_KEEP;
        return p->reachable && p->applied && p->received >= v->node[other].received;
    default:
        assert(0 && "a state that the manager does not have");
        return 0;
    }
}

void manager_sees_serving(struct manager *m, uint32_t node)
{
    if (m->state == MANAGER_STARTING && m->primary == node)
        m->state = MANAGER_WATCH;
}

static struct manager_order order(enum admin admin, uint32_t node, uint32_t peer)
{
    return (struct manager_order){
        .kind = ORDER_ADMIN, .node = (uint8_t)node, .admin = (uint8_t)admin, .peer = (uint8_t)peer};
}

static uint32_t promote(struct manager *m, const struct manager_policy *policy,
                        const struct manager_view *v, uint32_t node, struct manager_order *orders)
{
    uint32_t n = 0;
    m->primary = (uint8_t)node;
    m->candidate = 0;
    m->state = MANAGER_WATCH;
    if (policy->rejoin)
        m->discarded = 0;
    orders[n++] = order(ADMIN_STOP_SLAVE, node, node); /* it may have started anew meanwhile */
    orders[n++] = order(ADMIN_SERVE, node, node);
    for (uint32_t i = 0; i < v->n; i++) {
        if (is_candidate(m, v, i))
            orders[n++] = order(ADMIN_FOLLOW, i, node);
    }
    return n;
}

/* A replica that asked the primary for its own position while that was behind it was refused, and
 * does not try again by itself. */
static uint32_t keep(struct manager *m, const struct manager_view *v, uint32_t node,
                     struct manager_order *orders)
{
    uint32_t n = 0;
    m->state = MANAGER_WATCH;
    m->candidate = 0;
    orders[n++] = order(ADMIN_STOP_SLAVE, node, node);
    orders[n++] = order(ADMIN_SERVE, node, node);
    for (uint32_t i = 0; i < v->n; i++) {
        if (is_candidate(m, v, i) && !v->node[i].hears_primary)
            orders[n++] = order(ADMIN_FOLLOW, i, node);
    }
    return n;
}

static void detect(struct manager *m, const struct manager_policy *policy, uint32_t node)
{
    if (m->state == MANAGER_APPLY && node != m->primary) {
        m->candidate = 0;
        m->state = MANAGER_ELECT;
        return;
    }
    bool failover = plan(policy, m->losses) == ON_LOSS_FAILOVER;
    m->state = failover ? MANAGER_LOST_FAILOVER : MANAGER_LOST_RESTART;
    m->candidate = 0;
    if (m->losses < UINT8_MAX)
        m->losses++;
}

uint32_t manager_take(struct manager *m, const struct manager_policy *policy,
                      const struct manager_view *v, struct manager_option option,
                      struct manager_order orders[MANAGER_ORDERS_MAX])
{
    uint32_t node = option.node;
    assert(node < v->n);
    switch (option.act) {
    case MANAGER_DETECT:
        detect(m, policy, node);
        return 0;
    case MANAGER_FENCE:
        m->discarded |= (uint8_t)(1u << node);
        m->state = MANAGER_ELECT;
        orders[0] = (struct manager_order){.kind = ORDER_FENCE, .node = (uint8_t)node};
        return policy->fence;
    case MANAGER_CHOOSE:
        m->candidate = (uint8_t)(node + 1);
        if (m->state == MANAGER_ELECT || demotes(m, policy)) {
            m->state = MANAGER_APPLY;
            orders[0] = order(ADMIN_STOP_SLAVE, node, node);
        } else {
            m->state = MANAGER_CATCH_UP;
            orders[0] = order(ADMIN_FOLLOW, m->primary, node);
        }
        return 1;
    case MANAGER_PROMOTE:
        return promote(m, policy, v, node, orders);
    case MANAGER_START:
        m->state = MANAGER_STARTING;
        orders[0] = (struct manager_order){.kind = ORDER_START_PRIMARY, .node = (uint8_t)node};
        return 1;
    case MANAGER_KEEP:
        return keep(m, v, node, orders);
    default:
        assert(0 && "an act that the manager does not know");
        return 0;
    }
}

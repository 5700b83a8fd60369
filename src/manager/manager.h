/* The failover manager: notices the loss of the primary, fences it, promotes a replica, or starts
 * the old primary again (facts section 7, rules F1 to F7).
 *
 *   WATCH --primary unreachable--> LOST
 *   LOST, plan failover: fence -> ELECT -> APPLY (IO thread stopped, relay log applied first: F2)
 *         -> promote, point the others at it -> WATCH
 *   LOST, plan restart: start it as primary -> STARTING -> WATCH once it serves; a server that
 *         comes up read-only is first brought up to the most advanced replica (MDEV-34705
 *         steps 3, 4): CATCH_UP -> keep -> WATCH
 *   LOST, plan demote: as restart, but once it is up read-only the most advanced replica is
 *         promoted, and it becomes a replica (MDEV-34705 step 5): STARTING -> APPLY -> promote
 *
 * The manager knows only what it can ask: `view`. When it acts is for the world to choose: each
 * state offers options, the world takes one.
 */
#ifndef ACKPROOF_MANAGER_MANAGER_H
#define ACKPROOF_MANAGER_MANAGER_H

#include "core/core.h"

enum promote { PROMOTE_MOST_ADVANCED, PROMOTE_ANY };

/* What to do when the primary is lost for the 1st, 2nd ... time; the last entry repeats. */
enum loss_plan {
    ON_LOSS_FAILOVER, /* fence, promote a replica, the old primary is discarded */
    ON_LOSS_RESTART,  /* start it again and keep it as the primary */
    ON_LOSS_DEMOTE,   /* start it again; it stays read-only, another is promoted, it follows */
};

enum { LOSS_PLANS_MAX = 4 };

struct manager_policy {
    enum promote promote;
    enum loss_plan on_loss[LOSS_PLANS_MAX];
    uint32_t n_on_loss;
    bool fence;  /* a lost primary is fenced before anybody is promoted; false: it cannot be */
    bool rejoin; /* the old primary is started again, as a replica of the new one */
    bool verify; /* not lost while a replica still hears from it (MaxScale verify_master_failure) */
};

enum manager_state {
    MANAGER_WATCH,
    MANAGER_LOST_FAILOVER,
    MANAGER_LOST_RESTART,
    MANAGER_ELECT,
    MANAGER_APPLY,
    MANAGER_STARTING,
    MANAGER_CATCH_UP,
};

struct manager {
    uint8_t state;     /* enum manager_state */
    uint8_t primary;   /* node it takes for the primary */
    uint8_t candidate; /* node + 1 being promoted or caught up from; 0 = none */
    uint8_t losses;
    uint8_t discarded; /* bit i: node i is out for good */
    uint8_t reserved[3];
};

/* What the manager can find out about a node. */
struct manager_node {
    bool reachable;     /* it is up, booted, and answers */
    bool down;          /* its process is not there (a failed ping alone does not tell) */
    bool serving;       /* read_only is off */
    bool hears_primary; /* its IO thread is connected to the node that is taken for the primary */
    bool applied;       /* nothing is left in the relay log */
    uint64_t received;  /* gtid_io_pos (received), not below gtid_current_pos: sequence number */
};
struct manager_view {
    uint32_t n;
    struct manager_node node[NODES_MAX];
};

enum manager_act {
    MANAGER_DETECT, /* the primary is taken for lost */
    MANAGER_FENCE,
    MANAGER_CHOOSE,  /* node: candidate, or server to catch up from */
    MANAGER_PROMOTE, /* the candidate serves, the others follow it */
    MANAGER_START,   /* the lost primary is started */
    MANAGER_KEEP,    /* it has caught up, or had nothing to catch up: it serves again */
    MANAGER_ACTS
};
const char *manager_act_name(enum manager_act a); /* "detect" */

struct manager_option {
    uint8_t act;  /* enum manager_act */
    uint8_t node; /* node it is about */
};
enum { MANAGER_OPTIONS_MAX = NODES_MAX + 1, MANAGER_ORDERS_MAX = 2 * NODES_MAX };

/* What is to be done to the nodes. */
enum order_kind { ORDER_ADMIN, ORDER_FENCE, ORDER_START_PRIMARY };
struct manager_order {
    uint8_t kind; /* enum order_kind */
    uint8_t node;
    uint8_t admin; /* enum admin */
    uint8_t peer;
};

/* What it could do now; the number of options. 0 = nothing to do, or nothing possible yet. */
uint32_t manager_options(const struct manager *m, const struct manager_policy *policy,
                         const struct manager_view *view,
                         struct manager_option options[MANAGER_OPTIONS_MAX]);
/* A node lets clients in: the start that the manager waited for is over. */
void manager_sees_serving(struct manager *m, uint32_t node);
/* Takes one of them; the number of orders. */
uint32_t manager_take(struct manager *m, const struct manager_policy *policy,
                      const struct manager_view *view, struct manager_option option,
                      struct manager_order orders[MANAGER_ORDERS_MAX]);

#endif

#include "sim/live/plan.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "sim/live/fill.h"

enum {
    SETTLE_MS = 250,
    SETTLE_BEHIND_TIMEOUT_MS = 700,
    TIMEOUT_LONGEST_MS = 15000, /* longer: a case would take too long to be played to its end */
    VERSION_MDEV_34122 = 101110,
    VERSION_LARGE = 110701, /* MDEV-32014 */
    KILLS = 1 << OPERATOR_KILL_SESSION | 1 << OPERATOR_KILL_QUERY,
    SHUTDOWNS = 1 << OPERATOR_SHUTDOWN | 1 << OPERATOR_SHUTDOWN_WAIT,
};

static bool refuse(char *why, size_t cap, const char *text)
{
    (void)snprintf(why, cap, "%s", text);
    return false;
}

/* What follows the n-th loss of the primary; the last entry repeats. */
static enum loss_plan loss_plan(const struct scenario *sc, uint32_t n)
{
    const struct manager_policy *m = &sc->manager;

    return m->n_on_loss == 0 ? ON_LOSS_FAILOVER
                             : m->on_loss[n < m->n_on_loss ? n : m->n_on_loss - 1];
}

/* Each loss is answered by a promotion, with the old primary up, read-only. */
static bool demotes(const struct scenario *sc)
{
    return sc->manager.n_on_loss == 1 && loss_plan(sc, 0) == ON_LOSS_DEMOTE;
}

static bool no_such_option(const struct scenario *sc, char *why, size_t cap)
{
    const struct server_settings *p = &sc->node[0];

    assert(p->profile != NULL);
    if (strncmp(p->profile->name, "mariadb-", 8) != 0) {
        (void)snprintf(why, cap, "its primary is a %s, this drives mariadbd only",
                       p->profile->name);
        return true;
    }
    if (p->semi_sync_master && p->wait_point == WAIT_BEFORE_WRITE) {
        return !refuse(why, cap, "no released mariadbd has the wait point BEFORE_WRITE");
    }
    if (settings_group_wait(p) == GROUP_WAIT_LAST) {
        return !refuse(why, cap, "no released mariadbd has a group wait for one ACK (MDEV-33491)");
    }
    if (p->recovery == RECOVERY_WAIT_ACK) {
        return !refuse(why, cap, "no option of mariadbd makes recovery wait for an ACK");
    }
    if (p->recovery == RECOVERY_READ_ONLY && !demotes(sc)) {
        return !refuse(why, cap,
                       "a primary that stays shut until it has caught up needs a manager and a "
                       "replica that serves; the peers here only receive");
    }
    return false;
}

/* What only servers of other versions have. */
static bool no_such_version(const struct scenario *sc, uint32_t version, char *why, size_t cap)
{
    const struct server_settings *p = &sc->node[0];

    if (p->engine_binlog) {
        return !refuse(why, cap, "the binlog inside the engine (MariaDB 12.3) is not driven here");
    }
    if (p->wait_for_slave_count > 1) {
        return !refuse(why, cap,
                       "no released mariadbd has rpl_semi_sync_master_wait_for_slave_count");
    }
    if (strcmp(p->profile->name, "mariadb-10.11.9") == 0 && version >= VERSION_MDEV_34122) {
        return !refuse(why, cap, "this mariadbd has MDEV-34122 (10.11.10), its primary has not");
    }
    if (sc->large > 0 && version < VERSION_LARGE) {
        return !refuse(why, cap,
                       "large transactions need binlog_large_commit_threshold (MariaDB 11.7)");
    }
    return false;
}

static uint32_t of_primary(const struct scenario *sc, enum fault_point p)
{
    return scenario_budget(sc, p, 0);
}

static uint32_t of_replicas(const struct scenario *sc, enum fault_point p)
{
    uint32_t n = 0;

    for (uint32_t node = 1; node < sc->n_nodes; node++) {
        n += scenario_budget(sc, p, node);
    }
    return n;
}

/* The lies that can be had: in the replica's own store, and of the index below a primary. */
static bool takes_lie(const struct fault_budget *f, struct live_plan *p)
{
    if (f->point != FAULT_FSYNC_LIE || f->at_most == 0) {
        return false;
    }
    if (f->of == OF_REPLICA && f->file == FILE_RELAY) {
        p->relay_lies = true;
        return true;
    }
    if (f->of == OF_PRIMARY && f->file == FILE_BINLOG_INDEX) {
        p->index_lies = true;
        return true;
    }
    return false;
}

/* What a lie needs: power losses that show it, and nothing beside it. */
static bool plan_lies(const struct scenario *sc, struct live_plan *p, char *why, size_t cap)
{
    if (p->relay_lies && (p->index_lies || p->kind != LIVE_PRIMARY_LOST || !p->replica_power)) {
        return refuse(why, cap,
                      "a relay log's fsync that lies is played with power losses of the replica "
                      "and the loss of the primary");
    }
    if (!p->index_lies) {
        return true;
    }
    if (p->kind != LIVE_PRIMARY_LOST || !p->power || !p->restart || p->failover || p->kills > 0 ||
        p->peers != 1 || !sc->node[0].semi_sync_master || sc->node[0].semi_sync_timeout_ms != 0 ||
        !p->synced || p->cuts || p->fills != 2) {
        return refuse(why, cap,
                      "an fsync of the index that lies is played with two groups to a binlog, one "
                      "replica, and one power loss of a primary that starts again");
    }
    p->kind = LIVE_INDEX_LIES;
    return true;
}

/* One failed write or fsync of the primary's binlog or redo log can be had; no other bad disk. */
static bool plan_disk(const struct scenario *sc, struct live_plan *p)
{
    for (uint32_t i = 0; i < sc->n_faults; i++) {
        const struct fault_budget *f = &sc->fault[i];
        bool fails = f->point == FAULT_FSYNC_FAIL || f->point == FAULT_WRITE_FAIL;

        if (takes_lie(f, p)) {
            continue;
        }
        if ((fails || f->point == FAULT_FSYNC_LIE) && f->at_most > 0) {
            if (!fails || f->of != OF_PRIMARY || p->fails != NULL ||
                (f->file != FILE_BINLOG && f->file != FILE_REDO)) {
                return false;
            }
            p->fails_file = f->file;
            p->fails = f->point == FAULT_FSYNC_FAIL ? "fsync" : "write";
        }
    }
    return true;
}

/* A receiver that is lost with the ACK of a durable transaction in hand and comes
 * back. Here a kill -9 stands in for a power loss as well: either the transaction is on the disk,
 * or the receiver asks for it again, and both are played. */
static bool comes_back(const struct scenario *sc)
{
    const char *receiver = sc->node[1].receiver->name;

    return sc->n_nodes == 2 && sc->restart_replicas && sc->node[0].semi_sync_master &&
           sc->node[0].semi_sync_timeout_ms == 0 && sc->node[1].semi_sync_slave &&
           (strcmp(receiver, "mariadbd") == 0 || strcmp(receiver, "ackproof") == 0);
}

static bool plan_live_only(const struct scenario *sc, struct live_plan *p)
{
    p->kind = LIVE_RECEIVER_LOST;
    p->kill_for_power = of_replicas(sc, FAULT_NODE_POWER) > 0;
    p->comes_back = true;
    p->live_only = true;
    return true;
}

/* A receiver of our own that loses power and comes back, beside a primary that goes on. */
static bool plan_replica_power(struct live_plan *p)
{
    p->kind = LIVE_REPLICA_AWAY;
    p->sessions = 2;
    p->replica_power = true;
    return true;
}

static bool plan_receiver(const struct scenario *sc, struct live_plan *p, char *why, size_t cap)
{
    const struct receiver_profile *r = sc->node[1].receiver;

    p->kind = LIVE_RECEIVER_LOST;
    p->libmariadb = strcmp(r->name, "libmariadb") == 0;
    if (sc->n_nodes != 2) {
        return refuse(why, cap, "the loss of a receiver is played with one replica only");
    }
    if (!sc->node[0].semi_sync_master || sc->node[0].semi_sync_timeout_ms != 0) {
        return refuse(why, cap, "without an infinite timeout an OK does not prove an ACK");
    }
    if (p->libmariadb) {
        p->kill_for_power = of_replicas(sc, FAULT_NODE_POWER) > 0; /* it breaks by less */
        return true;
    }
    if (comes_back(sc) && of_replicas(sc, FAULT_NODE_POWER) > 0) {
        return plan_replica_power(p);
    }
    if (comes_back(sc) && strcmp(r->name, "ackproof") != 0) {
        return plan_live_only(sc, p);
    }
    if (strcmp(r->name, "ackproof") != 0) {
        (void)snprintf(why, cap,
                       "its receiver (%s) is a program that is not part of this one; only "
                       "libmariadb and ackproof can be killed here",
                       r->name);
        return false;
    }
    if (of_replicas(sc, FAULT_NODE_POWER) > 0) {
        return refuse(why, cap,
                      "it needs a power loss of the replica; kill -9 leaves the page "
                      "cache as it is");
    }
    p->comes_back = comes_back(sc);
    return true;
}

static bool plays_receivers(const struct scenario *sc, char *why, size_t cap)
{
    for (uint32_t node = 1; node < sc->n_nodes; node++) {
        if (strcmp(sc->node[node].receiver->name, "mariadbd") != 0 &&
            strcmp(sc->node[node].receiver->name, "ackproof") != 0) {
            return refuse(why, cap,
                          "the receiver core plays mariadbd's and its own receiver here, "
                          "no client library's");
        }
    }
    return true;
}

/* "Not answered" is watched until the timeout is over. */
static bool plan_timeout(const struct server_settings *s, struct live_plan *p, char *why,
                         size_t cap)
{
    if (!s->semi_sync_master || s->semi_sync_timeout_ms == 0) {
        return true;
    }
    p->settle_ms = s->semi_sync_timeout_ms + SETTLE_BEHIND_TIMEOUT_MS;
    return s->semi_sync_timeout_ms <= TIMEOUT_LONGEST_MS ||
           refuse(why, cap, "its semi-sync timeout is finite and above 15 s");
}

/* The promoted replica is played by a second server, which is filled with inserts. */
static bool follows(const struct scenario *sc, const struct live_plan *p)
{
    return p->failover && (sc->manager.rejoin || demotes(sc)) && !p->promote_any &&
           sc->large == 0 && sc->plain == 0 && sc->ddl == 0 && !sc->node[1].engine_binlog;
}

/* The only replica loses power with its primary, or before it: what it holds then decides. */
static bool replica_power(const struct scenario *sc, uint32_t losses)
{
    return sc->n_nodes == 2 && losses > 0 && of_replicas(sc, FAULT_NODE_POWER) > 0 &&
           sc->restart_replicas && loss_plan(sc, 0) == ON_LOSS_FAILOVER && !sc->manager.rejoin &&
           sc->n_operators == 0 && sc->ddl == 0;
}

static bool plan_primary(const struct scenario *sc, struct live_plan *p, uint32_t losses, char *why,
                         size_t cap)
{
    const struct server_settings *s = &sc->node[0];
    p->kind = LIVE_PRIMARY_LOST;
    p->kills = of_primary(sc, FAULT_NODE_KILL);
    p->powers = of_primary(sc, FAULT_NODE_POWER);
    p->shows = s->flush_log_at_trx_commit == 3;
    p->synced = s->sync_binlog == 1;
    p->counted = s->sync_binlog > 1;
    p->full_unsynced = s->max_binlog_size > 0 && s->sync_binlog == 0;
    p->cuts = s->init_rpl_role == ROLE_SLAVE;
    if (of_replicas(sc, FAULT_NODE_KILL) + of_replicas(sc, FAULT_NODE_POWER) > 0) {
        p->replica_power = replica_power(sc, losses);
        p->comes_back = comes_back(sc);
        if (!p->replica_power && p->comes_back) {
            return plan_live_only(sc, p);
        }
        if (!p->replica_power) {
            return refuse(why, cap,
                          "it loses a replica beside the primary, which is played with one that "
                          "loses power, is started again and promoted");
        }
    }
    if (!plays_receivers(sc, why, cap) || !plan_timeout(s, p, why, cap)) {
        return false;
    }
    p->promote_any = sc->manager.promote == PROMOTE_ANY;
    p->partition = losses == 0;
    p->restart = losses > 0 && loss_plan(sc, 0) == ON_LOSS_RESTART;
    p->failover = !p->restart || (losses > 1 && loss_plan(sc, 1) == ON_LOSS_FAILOVER);
    p->rejoins = p->failover && (sc->manager.rejoin || demotes(sc));
    p->follows = p->rejoins && !p->partition && follows(sc, p);
    p->power = p->powers > 0 && (p->restart || p->rejoins);
    p->kill_for_power = p->powers > 0 && !p->power;
    p->tears = sc->device.tear && p->power && p->restart && !p->failover && p->kills == 0 &&
               p->peers == 1 && p->sessions > 1 && sc->transactions > 2 && p->synced &&
               s->semi_sync_master && s->semi_sync_timeout_ms == 0 && s->max_binlog_size == 0;
    p->recovers = p->power || (p->cuts && losses > 1 && (p->restart || p->rejoins));
    return true;
}

static bool plan_disk_fails(const struct scenario *sc, struct live_plan *p, char *why, size_t cap)
{
    p->kind = LIVE_DISK_FAILS;
    return (p->acts == 0 && !(p->restart && p->failover) && !p->partition && p->peers == 1 &&
            sc->node[0].max_binlog_size == 0) ||
           refuse(why, cap,
                  "a disk that fails is played with one replica, one binlog and one loss of the "
                  "primary");
}

/* InnoDB ends the server: that is the loss of the primary, and a kill for what is on its disk. */
static bool plan_redo_fails(const struct scenario *sc, struct live_plan *p, char *why, size_t cap)
{
    p->restart = loss_plan(sc, 0) == ON_LOSS_RESTART;
    p->failover = !p->restart;
    if (sc->n_faults > 1 || p->ddl || !sc->node[0].semi_sync_master ||
        sc->node[0].semi_sync_timeout_ms != 0) {
        return refuse(why, cap,
                      "a redo log that fails is played with commits that wait, and without DDL "
                      "and other faults");
    }
    return plays_receivers(sc, why, cap) && plan_disk_fails(sc, p, why, cap);
}

/* DDL is lost with its primary at each of its steps; what is done to its session, and a binlog that
 * it fills, are acts. Two commits are in the pipeline at most: the second waits for the first and
 * holds LOCK_log. */
static bool plan_ddl(const struct scenario *sc, struct live_plan *p, char *why, size_t cap)
{
    bool fills = sc->node[0].max_binlog_size > 0;

    p->sessions = p->sessions < 2 ? p->sessions : 2;
    p->ddl = p->ddl < p->sessions ? p->ddl : p->sessions;
    if (p->unharmed || p->large > 0 || p->plain > 0) {
        return refuse(why, cap,
                      "DDL is played with a loss of the primary, and beside ordinary transactions");
    }
    if (p->acts == 0 && !fills) {
        p->kind = LIVE_DDL;
        return true;
    }
    if (!p->failover) {
        return refuse(why, cap,
                      "DDL that fills the binlog, or whose session is killed, is played with a "
                      "promotion");
    }
    return ((p->acts & ~(uint32_t)KILLS) == 0 && !(p->acts != 0 && fills)) ||
           refuse(why, cap, "DDL is played with a kill of its session and no other act");
}

/* Acts and DDL are played with the ACKs on their way; afterwards the primary is lost, or nobody. */
static bool plan_operated(const struct scenario *sc, struct live_plan *p, char *why, size_t cap)
{
    const uint32_t known = 1u << OPERATOR_SEMI_SYNC_OFF | 1u << OPERATOR_SEMI_SYNC_ON |
                           1u << OPERATOR_KILL_SESSION | 1u << OPERATOR_KILL_QUERY |
                           1u << OPERATOR_FLUSH_LOGS | 1u << OPERATOR_RESET_MASTER;

    if (p->acts == 0 && !p->ddl) {
        return true;
    }
    if ((p->acts & ~known) != 0) {
        return refuse(why, cap, "operators do something in it that is not played");
    }
    if (p->kind != LIVE_PRIMARY_LOST || p->partition || (p->restart && p->failover)) {
        return refuse(why, cap, "acts of operators are played with one loss of the primary");
    }
    if (!sc->node[0].semi_sync_master || sc->node[0].semi_sync_timeout_ms != 0) {
        return refuse(why, cap, "acts of operators and DDL need commits that wait");
    }
    p->kind = LIVE_OPERATED;
    return p->ddl == 0 || plan_ddl(sc, p, why, cap);
}

/* The replica is away for a while; whatever its session waited for, another one commits then. */
static bool plan_stopped(const struct scenario *sc, struct live_plan *p, char *why, size_t cap)
{
    const uint32_t stop = 1u << OPERATOR_STOP_SLAVE;

    p->kind = LIVE_REPLICA_AWAY;
    p->sessions = 2;
    if ((p->acts & ~(stop | 1u << OPERATOR_START_SLAVE)) != 0 || p->ddl) {
        return refuse(why, cap, "STOP SLAVE is played without DDL and other acts of operators");
    }
    if (sc->n_nodes != 2 || !sc->node[0].semi_sync_master || !sc->node[1].semi_sync_slave ||
        sc->n_faults > 0) {
        return refuse(why, cap, "STOP SLAVE is played with one semi-sync replica and no fault");
    }
    return plays_receivers(sc, why, cap) && plan_timeout(&sc->node[0], p, why, cap);
}

/* The same where its connection is reset and no operator acts. */
static bool plan_reset(const struct scenario *sc, struct live_plan *p, char *why, size_t cap)
{
    p->kind = LIVE_REPLICA_AWAY;
    p->sessions = 2;
    for (uint32_t i = 0; i < sc->n_faults; i++) {
        if (sc->fault[i].point != FAULT_NET_RESET) {
            return refuse(why, cap, "a reset alone is played without other faults");
        }
    }
    if (sc->n_nodes != 2 || !sc->node[0].semi_sync_master || !sc->node[1].semi_sync_slave) {
        return refuse(why, cap, "a reset is played with one semi-sync replica");
    }
    return plays_receivers(sc, why, cap) && plan_timeout(&sc->node[0], p, why, cap);
}

/* Nothing goes wrong: only the order of the commits can. */
static bool plan_undisturbed(const struct scenario *sc, struct live_plan *p, char *why, size_t cap)
{
    const struct server_settings *s = &sc->node[0];

    p->kind = LIVE_UNDISTURBED;
    p->sessions = p->sessions < 2 ? 2 : p->sessions;
    if (sc->n_faults > 0) {
        return refuse(why, cap, "nobody is lost in it, and its faults are not played alone");
    }
    if (sc->n_nodes != 2 || !s->semi_sync_master || s->semi_sync_timeout_ms != 0 ||
        !sc->node[1].semi_sync_slave || s->max_binlog_size > 0 || sc->large > 0 || sc->plain > 0) {
        return refuse(why, cap,
                      "commits that nothing disturbs are played as inserts that wait for one "
                      "replica, in one binlog");
    }
    return plays_receivers(sc, why, cap);
}

/* Each shutdown is a loss of the primary, by its own will; a power loss strikes one of them. */
static bool plan_shut_down(const struct scenario *sc, struct live_plan *p, char *why, size_t cap)
{
    const struct server_settings *s = &sc->node[0];
    uint32_t shutdowns = 0;

    p->kind = LIVE_SHUT_DOWN;
    for (uint32_t i = 0; i < sc->n_operators; i++) {
        shutdowns += sc->operator[i].at_most;
    }
    p->powers = of_primary(sc, FAULT_NODE_POWER);
    p->restart = loss_plan(sc, 0) == ON_LOSS_RESTART;
    p->failover = !p->restart || (shutdowns > 1 && loss_plan(sc, 1) == ON_LOSS_FAILOVER);
    p->power = p->powers > 0 && p->restart;
    p->promote_any = sc->manager.promote == PROMOTE_ANY;
    p->follows = follows(sc, p);
    if ((p->acts & ~(uint32_t)SHUTDOWNS) != 0 || p->ddl || s->max_binlog_size > 0 ||
        !s->semi_sync_master || s->semi_sync_timeout_ms != 0) {
        return refuse(why, cap,
                      "a shutdown is played with commits that wait, in one binlog, and "
                      "without DDL and other acts");
    }
    for (uint32_t i = 0; i < sc->n_faults; i++) {
        if (sc->fault[i].point != FAULT_NODE_POWER || sc->fault[i].of != OF_PRIMARY || !p->power ||
            p->failover) {
            return refuse(why, cap,
                          "a shutdown is played without a fault, or with a power loss of a "
                          "primary that starts again");
        }
    }
    return plays_receivers(sc, why, cap);
}

/* Without a replica there is nothing to ACK: what a restart finds is all there is to judge. */
static bool plan_alone(const struct scenario *sc, struct live_plan *p, char *why, size_t cap)
{
    const uint32_t reset = 1u << OPERATOR_RESET_MASTER;

    p->kind = LIVE_ALONE;
    p->sessions = 2;
    p->powers = of_primary(sc, FAULT_NODE_POWER);
    p->restart = loss_plan(sc, 0) == ON_LOSS_RESTART;
    p->power = p->powers > 0 && p->restart;
    if (!p->power || sc->n_faults > 1 || sc->node[0].semi_sync_master) {
        return refuse(why, cap,
                      "a primary without a replica is played with power losses, restarts and "
                      "semi-sync off");
    }
    if (p->ddl || p->plain > 0 || p->large > 0 || (p->acts & ~reset) != 0 ||
        (p->acts == 0) == (sc->node[0].max_binlog_size == 0)) {
        return refuse(why, cap,
                      "without a replica either binlogs that fill up are played, or RESET MASTER");
    }
    return true;
}

/* Which players, and what they need. */
static bool plan_kind(const struct scenario *sc, struct live_plan *p, char *why, size_t cap)
{
    uint32_t losses = of_primary(sc, FAULT_NODE_KILL) + of_primary(sc, FAULT_NODE_POWER);

    if (p->peers == 0) {
        return plan_alone(sc, p, why, cap);
    }
    if ((p->acts & (uint32_t)SHUTDOWNS) != 0) {
        return plan_shut_down(sc, p, why, cap);
    }
    if (p->fails != NULL && p->fails_file == FILE_REDO) {
        return plan_redo_fails(sc, p, why, cap);
    }
    if (losses > 0 || of_primary(sc, FAULT_NET_PARTITION) > 0) {
        return plan_primary(sc, p, losses, why, cap) &&
               (p->fails != NULL ? plan_disk_fails(sc, p, why, cap)
                                 : plan_operated(sc, p, why, cap));
    }
    if ((p->acts & 1u << OPERATOR_STOP_SLAVE) != 0) {
        return plan_stopped(sc, p, why, cap);
    }
    if (p->acts != 0 || p->ddl) {
        p->unharmed = true;
        return plays_receivers(sc, why, cap) && plan_operated(sc, p, why, cap);
    }
    if (of_replicas(sc, FAULT_NODE_KILL) + of_replicas(sc, FAULT_NODE_POWER) > 0) {
        return plan_receiver(sc, p, why, cap);
    }
    return p->resets ? plan_reset(sc, p, why, cap) : plan_undisturbed(sc, p, why, cap);
}

bool plan_make(const struct scenario *sc, uint32_t version, struct live_plan *p, char *why,
               size_t cap)
{
    assert(sc != NULL && p != NULL && why != NULL && cap > 0);
    assert(sc->n_nodes > 0 && sc->n_nodes <= NODES_MAX);
    memset(p, 0, sizeof *p);
    p->peers = sc->n_nodes - 1;
    p->sessions = sc->sessions == 0 ? 1 : sc->sessions;
    p->settle_ms = SETTLE_MS;
    p->ddl = sc->ddl;
    p->resets = of_replicas(sc, FAULT_NET_RESET) > 0;
    for (uint32_t i = 0; i < sc->n_operators; i++) {
        p->acts |= 1u << sc->operator[i].act;
    }
    p->large = sc->large;
    p->plain = sc->plain;
    if (no_such_option(sc, why, cap) || no_such_version(sc, version, why, cap)) {
        return false;
    }
    if (!plan_disk(sc, p)) {
        return refuse(why, cap, "it needs a disk that fails or lies");
    }
    p->fills = fill_groups(sc->node[0].max_binlog_size);
    if (!plan_kind(sc, p, why, cap) || !plan_lies(sc, p, why, cap)) {
        return false;
    }
    if (p->fills > 1 && sc->ddl == 0 && p->kind != LIVE_INDEX_LIES) {
        return refuse(why, cap,
                      "binlogs of several groups are played with an index that lies, or with DDL");
    }
    p->watched = p->power || p->recovers || p->fails != NULL ||
                 (p->kind == LIVE_DDL && p->restart); /* killed at given calls */
    return true;
}

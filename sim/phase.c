/* Long runs: faults stop, LIVE is judged, and the run goes on from where it stands.
 *
 * The block has room for one window of transactions, and the judges' masks have a bit for each,
 * which is what makes a judgement cost the same at any time. A long run is therefore a chain of
 * phases, each with a window of its own:
 *
 *   faults --calm--> no fault strikes any more, partitions heal, servers that are down are started,
 *          appliers that lag are let go on; the world runs until nothing can happen
 *   quiet  LIVE is judged, as in every final state
 *   --phase--> every server is provisioned from the primary as a DBA does it: data restored, RESET
 *          MASTER, gtid_binlog_state set; faults may strike again
 *
 * What goes on over a phase's end: who is primary (if it is configured as the scenario's primary
 * is; if not, that one is made primary again), GTID sequence numbers and the servers that they
 * came from, whether semi-sync is on, the counters of sync_binlog=N and sync_relay_log=N. What is
 * settled is judged and leaves: rows, logs, and with them file numbers and positions, which begin
 * anew as they do behind RESET MASTER. The manager's plan for the first loss, second loss ... and
 * the budgets of the faults begin anew too: each phase asks the question of the scenario.
 *
 * Both moves are choices like any other, so that a record holds them and a replay makes them.
 */
#include "sim/internal.h"

bool calm_listed(const struct sim *s)
{
    return s->may_calm && !s->world->calm && !s->world->dead && !s->world->full;
}

bool phase_listed(const struct sim *s)
{
    const struct world *w = s->world;
    return w->calm && w->phase < s->phases && !w->dead && !w->full;
}

void take_calm(struct sim *s)
{
    struct world *w = s->world;
    story_lane(s, LANE_WORLD);
    story(s, "no fault strikes any more");
    w->calm = 1;
    w->cut_off = 0;
    for (uint32_t i = 0; i < s->scenario->n_nodes; i++) {
        w->node[i].apply_all = 1;
        node_touch(w, i);
    }
}

/* Each server's highest; the domain's highest last, since the next one is counted from it. */
static void carry_gtid(struct carried *c, struct gtid g)
{
    struct gtid_state *all = &c->gtids;
    if (g.seq <= gtid_state_seq(all, g.domain, g.server))
        return;
    struct gtid last = gtid_state_latest(all, g.domain);
    bool room = gtid_state_update(all, g) && (last.seq <= g.seq || gtid_state_update(all, last));
    assert(room);
    (void)room;
}

static void carry_all(struct carried *c, const struct node *n)
{
    for (uint32_t g = 0; g < n->primary.binlog.state.n; g++)
        carry_gtid(c, n->primary.binlog.state.at[g]);
    for (uint32_t g = 0; g < n->binlog.n; g++) {
        const struct held *h = &n->binlog.at[g];
        carry_gtid(c, (struct gtid){.domain = h->domain, .server = h->server, .seq = h->seq});
    }
}

/* Is it configured as the server that the scenario calls the primary? */
static bool like_the_first(const struct scenario *sc, uint32_t node)
{
    struct server_settings a = sc->node[0];
    struct server_settings b = sc->node[node];
    a.server_id = b.server_id;
    return memcmp(&a, &b, sizeof a) == 0;
}

void take_phase(struct sim *s)
{
    struct world *w = s->world;
    uint32_t home = like_the_first(s->scenario, w->manager.primary) ? w->manager.primary : 0;
    struct carried c = {.home = (uint8_t)home, .steps = w->steps, .phase = w->phase + 1};
    struct trace_step *now = s->now;
    for (uint32_t i = 0; i < s->scenario->n_nodes; i++) {
        const struct node *n = &w->node[i];
        c.unsynced[i] = n->receiver.unsynced;
        c.flushes[i] = n->primary.binlog.flushes;
        carry_all(&c, n); /* what a lost server had given out is given to nobody else */
    }
    const struct primary *p = &w->node[home].primary; /* zeros where it is down */
    c.semi_sync_off = p->serving && p->semisync.enabled && !p->semisync.on;
    s->now = NULL;
    start_cluster(s, &c);
    s->now = now;
    s->reached = 0;
    story_lane(s, LANE_WORLD);
    story(s, "all servers are provisioned anew, %s serves on", story_node(s, c.home));
}

void calm_step(struct sim *s)
{
    struct world *w = s->world;
    if (w->calm < CALM_STEPS_MAX && ++w->calm == CALM_STEPS_MAX)
        story_broken(s, INV_LIVE,
                     "LIVE: the cluster does not come to rest in %u steps without a fault",
                     (unsigned)CALM_STEPS_MAX);
}

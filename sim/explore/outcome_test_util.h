/* What came of a run, apart from names: what each server holds and shows, what the clients and the
 * manager know, what is left to go wrong. Two final states that differ only in which of two equal
 * sessions sent what, or which of two equal replicas is which, have the same outcome. */
#ifndef ACKPROOF_SIM_EXPLORE_OUTCOME_TEST_UTIL_H
#define ACKPROOF_SIM_EXPLORE_OUTCOME_TEST_UTIL_H

#include <xxhash.h>

#include "sim/internal.h"

struct naming {
    uint8_t txn[TXNS_MAX];   /* name of transaction t */
    uint8_t node[NODES_MAX]; /* name of node i */
};

struct outcome {
    uint32_t n;
    uint32_t word[1024];
};

static inline void outcome_put(struct outcome *o, uint64_t v)
{
    assert(o->n + 2 <= sizeof o->word / sizeof o->word[0]);
    o->word[o->n++] = (uint32_t)v;
    o->word[o->n++] = (uint32_t)(v >> 32);
}

static inline uint32_t outcome_mask(const uint8_t *name, uint32_t n, uint32_t mask)
{
    uint32_t named = 0;
    for (uint32_t i = 0; i < n; i++)
        named |= (mask >> i & 1) << name[i];
    return named;
}

static inline uint32_t outcome_server(const struct scenario *sc, const struct naming *by,
                                      uint32_t server)
{
    for (uint32_t i = 0; i < sc->n_nodes; i++) {
        if (sc->node[i].server_id == server)
            return by->node[i];
    }
    return NODES_MAX;
}

static inline void outcome_history(struct outcome *o, const struct scenario *sc,
                                   const struct naming *by, const struct history *h)
{
    outcome_put(o, h->n);
    for (uint32_t i = 0; i < h->n; i++) {
        const struct held *e = &h->at[i];
        outcome_put(o, by->txn[e->txn]);
        outcome_put(o, (uint64_t)e->file << 32 | e->start);
        outcome_put(o, (uint64_t)outcome_server(sc, by, e->server) << 32 | e->seq);
    }
}

/* Is anything pending that somebody could miss? Not what was received of a group that is not
 * complete, nor that it is cut off: how much of it stands in the last relay log nobody reads. */
static inline bool outcome_pending(const struct node *n)
{
    for (uint32_t i = 0; i < n->disk.n_pending; i++) {
        const struct disk_pending *p = &n->disk.pending[i];
        struct file_id id = n->disk.file[p->slot].id;
        if (id.kind != FILE_RELAY || id.num != n->relay.file || p->off < n->relay.parsed)
            return true;
    }
    return false;
}

static inline void outcome_node(struct outcome *o, const struct scenario *sc,
                                const struct naming *by, const struct node *n)
{
    outcome_put(o, n->state | (uint32_t)n->restarted << 8 | (uint32_t)n->boots_as << 16);
    outcome_put(o, n->follows == 0 ? 0 : by->node[n->follows - 1] + 1u);
    outcome_put(o, outcome_mask(by->txn, TXNS_MAX, n->visible));
    outcome_put(o, n->primary.serving | (uint32_t)n->primary.boot << 8 |
                       (uint32_t)n->primary.semisync.on << 16);
    outcome_put(o, n->receiver.state | (uint32_t)n->applier.failed << 8);
    outcome_history(o, sc, by, &n->binlog);
    outcome_history(o, sc, by, &n->relay);
    outcome_put(o, n->engine.n_rows);
    for (uint32_t i = 0; i < n->engine.n_rows; i++)
        outcome_put(o, by->txn[n->engine.row[i].k - 1] | n->engine.row[i].state << 8);
    outcome_put(o, outcome_pending(n));
}

static inline void outcome_clients(struct outcome *o, const struct scenario *sc,
                                   const struct naming *by, const struct world *w)
{
    uint32_t one[SESSIONS_MAX];
    for (uint32_t i = 0; i < sc->sessions; i++) {
        const struct client *c = &w->client[i];
        one[i] = (uint32_t)by->node[c->node] << 16 | (uint32_t)c->busy << 8 |
                 (c->busy ? by->txn[c->txn] : 0u);
        for (uint32_t j = i; j > 0 && one[j - 1] > one[j]; j--) {
            uint32_t t = one[j];
            one[j] = one[j - 1];
            one[j - 1] = t;
        }
    }
    for (uint32_t i = 0; i < sc->sessions; i++)
        outcome_put(o, one[i]);
}

static inline uint64_t outcome_named(const struct scenario *sc, const struct world *w,
                                     const struct naming *by)
{
    struct outcome o = {.n = 0};
    const struct manager *m = &w->manager;
    const struct ledger *l = &w->ledger;
    outcome_put(&o, w->dead | (uint32_t)w->sent << 8 |
                        outcome_mask(by->node, NODES_MAX, w->cut_off) << 16);
    for (uint32_t i = 0; i < sc->n_faults; i++)
        outcome_put(&o, w->budget[i]);
    outcome_put(&o, m->state | (uint32_t)m->losses << 8);
    outcome_put(&o, by->node[m->primary]);
    outcome_put(&o, m->candidate == 0 ? 0 : by->node[m->candidate - 1] + 1u);
    outcome_put(&o, outcome_mask(by->node, NODES_MAX, m->discarded));
    outcome_put(&o, outcome_mask(by->txn, TXNS_MAX, l->answered));
    outcome_put(&o, outcome_mask(by->txn, TXNS_MAX, l->seen));
    outcome_put(&o, by->node[l->elected]);
    outcome_put(&o, outcome_mask(by->node, NODES_MAX, l->recovered));
    outcome_clients(&o, sc, by, w);
    for (uint32_t name = 0; name < sc->n_nodes; name++) {
        uint32_t i = 0;
        while (by->node[i] != name)
            i++;
        outcome_put(&o, outcome_mask(by->txn, TXNS_MAX, l->acked[i]));
        if (w->node[i].state == NODE_DOWN && (m->discarded >> i & 1) != 0 && !sc->manager.rejoin)
            continue; /* gone for good: nobody will read its disk */
        outcome_node(&o, sc, by, &w->node[i]);
    }
    return XXH3_64bits(o.word, o.n * sizeof o.word[0]);
}

/* The smallest over all names of transactions, from `txn` on. */
static inline uint64_t outcome_least(const struct scenario *sc, const struct world *w,
                                     struct naming *by, uint32_t txn)
{
    if (txn + 1 >= sc->transactions)
        return outcome_named(sc, w, by);
    uint64_t least = UINT64_MAX;
    for (uint32_t i = txn; i < sc->transactions; i++) {
        uint8_t was = by->txn[txn];
        by->txn[txn] = by->txn[i];
        by->txn[i] = was;
        uint64_t h = outcome_least(sc, w, by, txn + 1);
        least = h < least ? h : least;
        was = by->txn[txn];
        by->txn[txn] = by->txn[i];
        by->txn[i] = was;
    }
    return least;
}

static inline bool outcome_equal_replicas(const struct scenario *sc, uint32_t a, uint32_t b)
{
    struct server_settings of_b = sc->node[b];
    of_b.server_id = sc->node[a].server_id;
    return memcmp(&sc->node[a], &of_b, sizeof of_b) == 0;
}

/* The smallest over all names; of three replicas that are alike each two are swapped. */
static inline struct hash128 outcome_of(const struct scenario *sc, const struct world *w)
{
    struct naming by;
    for (uint32_t i = 0; i < TXNS_MAX; i++)
        by.txn[i] = (uint8_t)i;
    for (uint32_t i = 0; i < NODES_MAX; i++)
        by.node[i] = (uint8_t)i;
    uint64_t least = outcome_least(sc, w, &by, 0);
    for (uint32_t a = 1; a < sc->n_nodes; a++) {
        for (uint32_t b = a + 1; b < sc->n_nodes; b++) {
            if (!outcome_equal_replicas(sc, a, b))
                continue;
            by.node[a] = (uint8_t)b;
            by.node[b] = (uint8_t)a;
            uint64_t h = outcome_least(sc, w, &by, 0);
            least = h < least ? h : least;
            by.node[a] = (uint8_t)a;
            by.node[b] = (uint8_t)b;
        }
    }
    return (struct hash128){.lo = least, .hi = ~least};
}

#endif

#include "sim/edges.h"

#include "sim/internal.h"

/* What can be true of a transaction. */
enum edge_kind {
    EDGE_WRITTEN, /* in the binlog of who is taken for the primary */
    EDGE_DURABLE, /* and no power loss could take it */
    EDGE_SENT,
    EDGE_RECEIVED, /* in a relay log */
    EDGE_KEPT,     /* of every server that could be promoted: durable or applied */
    EDGE_ACKED,
    EDGE_VISIBLE,         /* on the primary */
    EDGE_VISIBLE_REPLICA, /* on another server */
    EDGE_SEEN,
    EDGE_ANSWERED,
    EDGE_REFUSED,
};
_Static_assert((int)EDGE_REFUSED + 1 == (int)EDGE_KINDS, "a mask for each");
_Static_assert((int)TXNS_MAX <= (int)EDGE_TXNS, "a byte for each");

/* Groups of this history that no power loss could take. */
static uint32_t durable(const struct node *n, const struct history *h, enum file_kind kind)
{
    uint32_t mask = 0;
    for (uint32_t i = 0; i < h->n; i++) {
        struct file_id id = {.kind = (uint8_t)kind, .num = h->at[i].file};
        if (disk_range_durable(&n->disk, id, h->at[i].start, h->at[i].end))
            mask |= 1u << h->at[i].txn;
    }
    return mask;
}

static void look(const struct sim *s, uint32_t mask[EDGE_KINDS])
{
    const struct world *w = s->world;
    const struct ledger *l = &w->ledger;
    const struct node *p = &w->node[w->manager.primary];
    memset(mask, 0, EDGE_KINDS * sizeof mask[0]);
    mask[EDGE_WRITTEN] = history_mask(&p->binlog);
    mask[EDGE_DURABLE] = durable(p, &p->binlog, FILE_BINLOG);
    mask[EDGE_KEPT] = UINT32_MAX;
    for (uint32_t i = 0; i < w->n_nodes; i++) {
        const struct node *n = &w->node[i];
        mask[EDGE_SENT] |= l->sent[i];
        mask[EDGE_ACKED] |= l->acked[i];
        if (n == p)
            continue;
        mask[EDGE_RECEIVED] |= history_mask(&n->relay);
        mask[EDGE_KEPT] &= durable(n, &n->relay, FILE_RELAY) | durable(n, &n->binlog, FILE_BINLOG);
        mask[EDGE_VISIBLE_REPLICA] |= n->visible;
    }
    mask[EDGE_VISIBLE] = p->visible;
    mask[EDGE_SEEN] = l->seen;
    mask[EDGE_ANSWERED] = l->answered;
    mask[EDGE_REFUSED] = l->refused;
}

static uint32_t mix(uint64_t x)
{
    x ^= x >> 33;
    x *= 0xff51afd7ed558ccdu;
    x ^= x >> 33;
    x *= 0xc4ceb9fe1a85ec53u;
    return (uint32_t)(x >> 32);
}

enum { PAIR_BASE = 0, MEETING_BASE = 1024, CUT_BASE = 8192 };

/* The low half of what is remembered: it became true; with KINDS added: it stopped being true. */
static uint32_t pairs(struct edges *e, const uint32_t now[EDGE_KINDS], uint32_t *out)
{
    uint32_t n = 0;
    for (uint32_t k = 0; k < EDGE_KINDS; k++) {
        uint32_t other = now[k] ^ e->mask[k];
        e->mask[k] = now[k];
        for (; other != 0; other &= other - 1) {
            uint32_t t = (uint32_t)__builtin_ctz(other);
            uint32_t what = 1 + k + ((now[k] >> t & 1) != 0 ? 0 : EDGE_KINDS);
            if (n < EDGES_STEP_MAX / 2)
                out[n++] = PAIR_BASE + e->last[t] * 32u + what;
            e->last[t] = (uint8_t)what;
        }
    }
    return n;
}

static bool cuts(uint32_t kind)
{
    return kind == MOVE_KILL || kind == MOVE_POWER || kind == MOVE_RESET ||
           kind == MOVE_PARTITION || kind == MOVE_TIMER || kind == MOVE_START ||
           kind == MOVE_MANAGER || kind == MOVE_OPERATOR;
}

/* Whichever transaction and whichever session it is: sums. */
static uint32_t shape(const struct sim *s, const struct edges *e, uint32_t key)
{
    const struct world *w = s->world;
    uint32_t node = key >> 24 == MOVE_MANAGER ? key >> 8 & 255 : key >> 16 & 255;
    uint64_t all = (uint64_t)(key >> 24) << 8 | (node == w->manager.primary);
    uint32_t sum = 0;
    for (uint32_t t = 0; t < w->sent; t++) {
        uint64_t status = 1;
        for (uint32_t k = 0; k < EDGE_KINDS; k++)
            status = status << 1 | (e->mask[k] >> t & 1);
        sum += mix(status);
    }
    return mix(all << 32 | (sum + e->pipeline));
}

/* Where the committers of all servers stand. */
static uint32_t pipeline(const struct world *w)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < w->n_nodes; i++) {
        uint32_t primary = i == w->manager.primary;
        for (uint32_t t = 0; t < COMMITTERS; t++) {
            const struct committer *c = &w->node[i].primary.by[t];
            if (c->state != COMMITTER_IDLE)
                sum += mix(1u << 20 | (uint32_t)c->state << 10 | (uint32_t)c->row << 2 | primary);
        }
    }
    return sum;
}

static uint32_t meetings(struct edges *e, reach_mask now, uint32_t *out, uint32_t room)
{
    uint32_t n = 0;
    for (reach_mask fresh = now & ~e->reached; fresh != 0; fresh &= fresh - 1) {
        uint32_t r = (uint32_t)__builtin_ctzll(fresh);
        e->reached |= (reach_mask)1 << r;
        for (reach_mask with = e->reached; with != 0 && n < room; with &= with - 1)
            out[n++] = MEETING_BASE + r * 64 + (uint32_t)__builtin_ctzll(with);
    }
    return n;
}

uint32_t sim_edges(const struct sim *s, uint32_t key, struct edges *e, uint32_t *out)
{
    uint32_t now[EDGE_KINDS];
    uint32_t n = 0;
    if (cuts(key >> 24)) /* as it was before the step: that is what was cut */
        out[n++] = CUT_BASE + shape(s, e, key) % (EDGES - CUT_BASE);
    e->pipeline = pipeline(s->world);
    look(s, now);
    n += pairs(e, now, out + n);
    return n + meetings(e, s->reached, out + n, EDGES_STEP_MAX - n);
}

/* Replicas that are alike: symmetry reduction for the exhaustive search.
 *
 * Nobody goes by the number of a replica: not the primary, not the network, not a fault, and a
 * manager that has to choose among equals may take any. So to swap two replicas with equal settings
 * in a state gives a state from which the same will happen, with the two swapped.
 *
 * As long as the two are alike in all else too, that is the same state: whatever the one could do
 * the other could do as well, and only the lower number moves. Where none of them will ever be
 * promoted they are a bag: states that are each other's mirror image have one fingerprint. Once one
 * is promoted its server_id is in everybody's binlog, which this does not rename.
 */
#define XXH_INLINE_ALL /* short inputs: the call would cost as much as the hash */
#include <xxhash.h>

#include "format/packet.h"
#include "sim/internal.h"

/* Who would have to be replaced is in no danger. */
static bool primary_stays(const struct sim *s)
{
    const struct world *w = s->world;
    const struct node *p = &w->node[w->home];
    uint32_t harmless = 1u << FAULT_NET_RESET | 1u << FAULT_FSYNC_LIE;
    if (p->state != NODE_UP || !p->primary.serving || w->cut_off != 0 ||
        (fault_points_left(s, w->home) & ~harmless) != 0)
        return false;
    for (uint32_t i = 0; i < s->scenario->n_operators; i++) {
        enum operator_act act = s->scenario->operator[i].act;
        if ((act == OPERATOR_SHUTDOWN || act == OPERATOR_SHUTDOWN_WAIT) && w->operator_left[i] != 0)
            return false;
    }
    return p->primary.shutdown == SHUTDOWN_NOT;
}

/* No replica is promoted, and the primary catches up from none. */
static bool nobody_is_ever_chosen(const struct sim *s)
{
    const struct manager_policy *m = &s->scenario->manager;
    bool restarts = s->scenario->node[s->world->home].recovery != RECOVERY_READ_ONLY;
    for (uint32_t i = 0; i < m->n_on_loss; i++)
        restarts = restarts && m->on_loss[i] == ON_LOSS_RESTART;
    return restarts || primary_stays(s);
}

static bool same_settings(const struct sim *s, uint32_t a, uint32_t b)
{
    struct server_settings of_b = s->scenario->node[b];
    of_b.server_id = s->scenario->node[a].server_id;
    return memcmp(&s->scenario->node[a], &of_b, sizeof of_b) == 0;
}

void replicas_find_twins(const struct sim *s, struct twins *t)
{
    uint32_t n = s->scenario->n_nodes;
    uint32_t home = s->world->home;
    *t = (struct twins){0};
    for (uint32_t a = 0; a < n; a++) {
        t->server_id[a] = s->scenario->node[a].server_id;
        for (uint32_t b = a + 1; b < n && a != home && t->of[a] == 0; b++) {
            if (b != home && same_settings(s, a, b))
                t->of[a] = (uint8_t)(a + 1);
        }
        for (uint32_t b = a + 1; b < n; b++) {
            if (t->of[a] == a + 1 && b != home && same_settings(s, a, b))
                t->of[b] = (uint8_t)(a + 1);
        }
    }
    for (uint32_t i = 0; i < n && nobody_is_ever_chosen(s); i++)
        t->bag |= (uint8_t)((t->of[i] != 0 ? 1u : 0u) << i);
    /* MySQL's minAck takes the last slot that is below (facts 2.3). */
    t->slot_order = s->scenario->node[home].profile->semisync.ack_count != ACK_COUNT_EACH;
}

/* ---- what they hold ------------------------------------------------------------------------- */

/* What a server writes to its logs of itself has its server_id, which takes part in the checksum.
 * That another one would have written the same shows in the rest. */
static void hide_server(uint8_t *log, uint32_t size, uint32_t server_id)
{
    enum { SERVER = 5 };
    uint32_t at = BINLOG_MAGIC_LEN;
    struct event_head h;
    while (at < size && event_parse(log + at, size - at, false, &h) == FMT_OK) {
        if (h.server_id == server_id && event_parse(log + at, h.len, true, &h) == FMT_OK) {
            memset(log + at + SERVER, 0, sizeof h.server_id);
            memset(log + at + h.len - EVENT_CRC_LEN, 0, EVENT_CRC_LEN);
        }
        at += h.len;
    }
}

uint32_t replica_print_disk(const struct disk *d, uint32_t server_id, uint8_t *to)
{
    uint32_t at = 0;
    uint32_t len = disk_print(d, ~0u, to);
    for (uint32_t i = 0; i < d->n_files; i++) {
        const struct disk_file *f = &d->file[i];
        if (f->id.kind == FILE_BINLOG || f->id.kind == FILE_RELAY) {
            uint8_t *file = to + DISK_PRINT_FILES + i * sizeof *f;
            memset(file + offsetof(struct disk_file, content), 0, sizeof f->content);
            memcpy(to + len, d->bytes + at, f->high);
            hide_server(to + len, f->size, server_id);
            len += f->high;
        }
        at += f->high;
    }
    return len;
}

/* ---- what others know of them --------------------------------------------------------------- */

/* A replica that asks for a stream says its server_id. */
static void hide_requester(uint8_t *up, uint32_t len, uint32_t server_id)
{
    struct ack_packet ack;
    struct dump_request q;
    uint32_t n = 0;
    for (uint32_t at = 0; at + 2 <= len; at += 2 + n) {
        uint8_t *packet = up + at + 2;
        n = up[at] | (uint32_t)up[at + 1] << 8;
        if (decode_ack(packet, n, &ack) != FMT_OK && decode_dump_request(packet, n, &q) == FMT_OK &&
            q.server_id == server_id)
            memset(packet, 0, sizeof q.server_id);
    }
}

/* Its connections, with the place of its own number left empty. */
static uint32_t print_conns(const struct world *w, uint32_t replica, uint8_t *to)
{
    uint32_t len = 0;
    const struct conn *order[CONNS_MAX];
    uint32_t n = conns_in_order(w, order);
    for (uint32_t i = 0; i < n; i++) {
        const struct conn *c = order[i];
        if (c->replica != replica && c->primary != replica)
            continue;
        uint8_t *own = to + len +
                       (c->replica == replica ? offsetof(struct conn, replica)
                                              : offsetof(struct conn, primary));
        len += conn_print(c, to + len);
        *own = UINT8_MAX;
        hide_requester(to + len - c->up_len, c->replica == replica ? c->up_len : 0,
                       w->twins.server_id[replica]);
    }
    return len;
}

static uint8_t slot_of(const struct world *w, const struct semisync *m, uint32_t replica,
                       log_pos_t *pos)
{
    for (uint32_t i = 0; i < ACK_SLOTS_MAX && m->tallies; i++) {
        if (m->tally.of[i] == replica + 1) {
            *pos = m->tally.pos[i];
            return (uint8_t)(1 + (w->twins.slot_order ? i : 0));
        }
    }
    return 0;
}

/* What a server has of it: its dump thread, and its part in semi-sync. Each part is there or not
 * by what stands before it. */
static uint32_t print_known(const struct world *w, const struct node *n, uint32_t replica,
                            uint8_t *to)
{
    const struct primary *p = &n->primary;
    uint32_t task = TASK_DUMP + replica;
    log_pos_t pos = 0;
    uint8_t slot = slot_of(w, &p->semisync, replica, &pos);
    uint32_t dump_lsn = n->engine.ibb.on ? n->engine.ibb.dump_lsn[replica] : 0;
    bool in_io = (n->in_io >> task & 1) != 0;
    uint8_t flags =
        (uint8_t)((n->runnable >> task & 1) | (n->timers >> task & 1) << 1 | (uint32_t)in_io << 2 |
                  (p->semisync.clients >> replica & 1u) << 3 |
                  (n->follows == replica + 1 ? 16u : 0u) | (p->dump[replica].active ? 32u : 0u));
    to[0] = flags;
    to[1] = slot;
    uint32_t len = 2;
    memcpy(to + len, &dump_lsn, sizeof dump_lsn);
    len += sizeof dump_lsn;
    memcpy(to + len, &pos, sizeof pos);
    len += sizeof pos;
    if (p->dump[replica].active) {
        memcpy(to + len, &p->dump[replica], sizeof p->dump[0]);
        len += sizeof p->dump[0];
    }
    if (in_io) {
        memcpy(to + len, &n->io[task], sizeof n->io[0]);
        len += sizeof n->io[0];
        for (uint32_t i = 0; i < n->disk.n_pending; i++) /* what its fsync was asked for behind */
            to[len++] = n->disk.pending[i].asked >> task & 1;
    }
    return len;
}

static uint32_t print_ledger(const struct world *w, uint32_t r, uint8_t *to)
{
    const struct ledger *l = &w->ledger;
    uint32_t of[4] = {w->twins.of[r], l->acked[r], l->sent[r],
                      (l->recovered >> r & 1u) | (w->cut_off >> r & 1u) << 1 |
                          (w->manager.discarded >> r & 1u) << 2 | (w->tried >> r & 1u) << 3};
    memcpy(to, of, sizeof of);
    return sizeof of;
}

static struct hash128 hash_replica(const struct world *w, uint32_t replica)
{
    enum { KNOWN_MAX = 16 + sizeof(struct dump) + sizeof(struct io) + DISK_PENDING_MAX };
    static _Thread_local uint8_t flat[CONNS_MAX * sizeof(struct conn) + NODES_MAX * KNOWN_MAX + 64];
    struct hash128 own = node_hash(w, replica);
    memcpy(flat, &own, sizeof own);
    uint32_t len = sizeof own;
    len += print_ledger(w, replica, flat + len);
    for (uint32_t i = 0; i < w->n_nodes; i++) {
        if (i != replica)
            len += print_known(w, &w->node[i], replica, flat + len);
    }
    len += print_conns(w, replica, flat + len);
    XXH128_hash_t h = XXH3_128bits(flat, len);
    return (struct hash128){.lo = h.low64, .hi = h.high64};
}

const struct hash128 *replicas_hashes(const struct world *cw)
{
    /* A cache inside the block: each step from a state begins with what its hash ended with. */
    struct world *w = (struct world *)(uintptr_t)cw;
    struct twins *t = &w->twins;
    for (uint32_t i = 0; i < w->n_nodes && t->hashed_at != w->steps + 1; i++) {
        if (t->of[i] != 0)
            t->hash[i] = hash_replica(w, i);
    }
    t->hashed_at = w->steps + 1;
    return t->hash;
}

/* ---- of those that are alike one moves ------------------------------------------------------- */

/* The replica that the move is one of; NODES_MAX: none. */
static uint32_t mover(const struct world *w, uint32_t key)
{
    enum move_kind kind = (enum move_kind)(key >> 24);
    uint32_t a = key >> 16 & 0xFF;
    uint32_t b = key >> 8 & 0xFF;
    switch (kind) {
    case MOVE_RUN:
        return b >= TASK_DUMP && b < TASK_DUMP + NODES_MAX ? b - TASK_DUMP : a;
    case MOVE_NET:
    case MOVE_NET_DOWN:
    case MOVE_NET_OPEN:
    case MOVE_RESET:
        return w->conn[key & 0xFF].replica;
    case MOVE_DISK:
    case MOVE_TIMER:
    case MOVE_KILL:
    case MOVE_POWER:
    case MOVE_PARTITION:
    case MOVE_START:
    case MOVE_OPERATOR:
        return a;
    case MOVE_MANAGER:
        return b;
    default:
        return NODES_MAX;
    }
}

/* Nobody but the first primary has ever written to a binlog of his own accord. */
static bool nobody_chosen_yet(const struct world *w)
{
    return w->twins.bag != 0 ||
           (w->manager.losses == 0 && w->manager.primary == w->home && w->manager.candidate == 0);
}

void moves_of_one_for_equals(const struct sim *s, struct moves *m)
{
    const struct world *w = s->world;
    uint32_t left_out = 0;
    if (m->n < 2 || !nobody_chosen_yet(w))
        return;
    const struct hash128 *hash = replicas_hashes(w);
    for (uint32_t b = 0; b < w->n_nodes; b++) {
        for (uint32_t a = 0; a < b; a++) {
            if (w->twins.of[a] == w->twins.of[b] && w->twins.of[a] != 0 &&
                hash[a].lo == hash[b].lo && hash[a].hi == hash[b].hi)
                left_out |= 1u << b;
        }
    }
    uint32_t n = 0;
    uint32_t others = m->n - m->faults;
    uint32_t faults = 0;
    for (uint32_t i = 0; i < m->n && left_out != 0; i++) {
        if (left_out >> mover(w, m->key[i]) & 1)
            continue;
        faults += i >= others;
        m->key[n++] = m->key[i];
    }
    if (left_out != 0) {
        m->n = n;
        m->faults = faults;
    }
}

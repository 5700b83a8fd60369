/* Replicas that are alike: symmetry reduction for the exhaustive search.
 *
 * Two replicas with equal settings, to which the same has happened so far, differ in nothing but
 * their number and their server_id. To swap them leaves such a state as it is; whatever the one
 * could do now the other could do as well, and all that follows would be the same with the two
 * swapped. So only the lower number moves, until the two differ.
 *
 * That needs a world that does not go by numbers. A manager that promotes the most advanced one
 * does, where two are equally far: so the reduction rests while such a choice may still come.
 */
#include "format/event.h"
#include "sim/internal.h"

/* Who would have to be replaced is in no danger: nobody will ever be chosen. */
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

/* Whichever of them is chosen, the other may be chosen too. */
static bool chosen_alike(const struct sim *s)
{
    const struct manager_policy *m = &s->scenario->manager;
    bool any = m->promote == PROMOTE_ANY;
    for (uint32_t i = 0; i < m->n_on_loss; i++)
        any = any && m->on_loss[i] == ON_LOSS_FAILOVER;
    return any || primary_stays(s);
}

static bool same_settings(const struct sim *s, uint32_t a, uint32_t b)
{
    struct server_settings of_b = s->scenario->node[b];
    of_b.server_id = s->scenario->node[a].server_id;
    return memcmp(&s->scenario->node[a], &of_b, sizeof of_b) == 0;
}

static bool same_bit(uint32_t mask, uint32_t a, uint32_t b)
{
    return (mask >> a & 1) == (mask >> b & 1);
}

/* ---- what they hold ------------------------------------------------------------------------- */

static uint32_t u32_at(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* Logs are alike where they are apart from who wrote an event, and its checksum. Only what a server
 * writes of itself may differ: each must have written its own. */
static bool same_log(const struct sim *s, const uint8_t *const log[2], uint32_t size,
                     const uint32_t node[2])
{
    enum { MAGIC = 4, SERVER = 5, LENGTH = 9, HEAD = 19, CRC = 4 };
    uint32_t at = size < MAGIC ? size : MAGIC;
    bool same = memcmp(log[0], log[1], at) == 0;
    while (same && at + HEAD + CRC <= size) {
        const uint8_t *x = log[0] + at;
        const uint8_t *y = log[1] + at;
        uint32_t len = u32_at(x + LENGTH);
        bool own = u32_at(x + SERVER) == s->scenario->node[node[0]].server_id &&
                   u32_at(y + SERVER) == s->scenario->node[node[1]].server_id;
        if (len < HEAD + CRC || len > size - at || u32_at(y + LENGTH) != len)
            break;
        same = own ? memcmp(x, y, SERVER) == 0 &&
                         memcmp(x + LENGTH, y + LENGTH, len - LENGTH - CRC) == 0
                   : memcmp(x, y, len) == 0;
        at += len;
    }
    return same && memcmp(log[0] + at, log[1] + at, size - at) == 0;
}

static bool same_disk(const struct sim *s, const uint32_t node[2])
{
    const struct disk *x = &s->world->node[node[0]].disk;
    const struct disk *y = &s->world->node[node[1]].disk;
    uint32_t at = 0;
    if (x->n_files != y->n_files || x->n_pending != y->n_pending || x->used != y->used ||
        memcmp(x->pending, y->pending, x->n_pending * sizeof x->pending[0]) != 0)
        return false;
    for (uint32_t i = 0; i < x->n_files; i++) {
        const struct disk_file *f = &x->file[i];
        if (memcmp(f, &y->file[i], offsetof(struct disk_file, content)) != 0)
            return false;
        bool is_log = (f->id.kind == FILE_BINLOG || f->id.kind == FILE_RELAY) && f->high == f->size;
        const uint8_t *const bytes[2] = {x->bytes + at, y->bytes + at};
        if (is_log ? !same_log(s, bytes, f->size, node)
                   : memcmp(f->content, y->file[i].content, sizeof f->content) != 0)
            return false;
        at += f->high;
    }
    return true;
}

/* ---- what others know of them --------------------------------------------------------------- */

static const struct conn *only_conn(const struct world *w, uint32_t replica, uint32_t *n)
{
    const struct conn *found = NULL;
    for (uint32_t i = 0; i < w->conns; i++) { /* what lies behind is of another search */
        const struct conn *c = &w->conn[i];
        if (!c->used || (c->replica != replica && c->primary != replica))
            continue;
        *n += c->replica == replica ? 1 : CONNS_MAX;
        found = c;
    }
    return found;
}

static bool same_conns(const struct world *w, uint32_t a, uint32_t b)
{
    uint32_t n[2] = {0, 0};
    const struct conn *x = only_conn(w, a, &n[0]);
    const struct conn *y = only_conn(w, b, &n[1]);
    if (n[0] != n[1] || n[0] > 1)
        return false;
    return x == NULL ||
           (x->primary == y->primary && x->asked == y->asked &&
            x->replica_open == y->replica_open && x->primary_open == y->primary_open &&
            x->down_len == y->down_len && x->up_len == y->up_len &&
            memcmp(x->down, y->down, x->down_len) == 0 && memcmp(x->up, y->up, x->up_len) == 0);
}

/* Neither has a slot; or both have, with the same position, where the order of slots says nothing.
 */
static bool same_slots(const struct sim *s, const struct node *n, uint32_t a, uint32_t b)
{
    const struct ack_tally *t = &n->primary.semisync.tally;
    log_pos_t pos[2] = {0, 0};
    if (!n->primary.semisync.tallies)
        return true;
    for (uint32_t i = 0; i < ACK_SLOTS_MAX; i++) {
        if (t->of[i] == a + 1)
            pos[0] = t->pos[i];
        if (t->of[i] == b + 1)
            pos[1] = t->pos[i];
    }
    const struct server_settings *set = &s->scenario->node[n - s->world->node];
    bool slots_alike = set->profile->semisync.ack_count == ACK_COUNT_EACH;
    return pos[0] == pos[1] && (pos[0] == 0 || slots_alike);
}

static bool known_alike(const struct sim *s, uint32_t node, uint32_t a, uint32_t b)
{
    const struct node *n = &s->world->node[node];
    const struct primary *p = &n->primary;
    uint32_t tasks[3] = {n->runnable, n->timers, n->in_io};
    for (uint32_t i = 0; i < 3; i++) {
        if (!same_bit(tasks[i] >> TASK_DUMP, a, b))
            return false;
    }
    return n->follows != a + 1 && n->follows != b + 1 && same_bit(p->semisync.clients, a, b) &&
           memcmp(&p->dump[a], &p->dump[b], sizeof p->dump[a]) == 0 && same_slots(s, n, a, b);
}

static bool judged_alike(const struct world *w, uint32_t a, uint32_t b)
{
    const struct ledger *l = &w->ledger;
    return l->acked[a] == l->acked[b] && l->sent[a] == l->sent[b] && same_bit(l->recovered, a, b) &&
           same_bit(w->cut_off, a, b) && same_bit(w->manager.discarded, a, b) &&
           same_bit(w->tried, a, b);
}

/* ---- both together -------------------------------------------------------------------------- */

static bool alike(const struct sim *s, uint32_t a, uint32_t b)
{
    const struct world *w = s->world;
    const uint32_t node[2] = {a, b};
    if (!judged_alike(w, a, b) || !known_alike(s, w->home, a, b) || !same_settings(s, a, b) ||
        !same_conns(w, a, b) || !node_same_memory(&w->node[a], &w->node[b]))
        return false;
    for (uint32_t i = 0; i < w->n_nodes; i++) {
        if (i != a && i != b && !known_alike(s, i, a, b))
            return false;
    }
    return same_disk(s, node);
}

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
    return w->manager.losses == 0 && w->manager.primary == w->home && w->manager.candidate == 0 &&
           w->calm == 0 && w->phase == 0;
}

void moves_of_one_for_equals(const struct sim *s, struct moves *m)
{
    const struct world *w = s->world;
    uint32_t left_out = 0;
    if (m->n < 2 || !nobody_chosen_yet(w) || !chosen_alike(s))
        return;
    for (uint32_t b = 1; b < w->n_nodes; b++) {
        for (uint32_t a = 0; a < b && b != w->home; a++) {
            if (a != w->home && alike(s, a, b))
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

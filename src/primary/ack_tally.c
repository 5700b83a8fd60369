#include "primary/ack_tally.h"

/* ---- MySQL: AckContainer -------------------------------------------------------------------- */

/* The replica's slot takes the new position. False: it has none; *empty is then the last slot that
 * is free, `size` where none is. */
static bool update(struct ack_tally *t, uint32_t size, uint32_t node, log_pos_t pos,
                   uint32_t *empty)
{
    *empty = size;
    for (uint32_t i = 0; i < size; i++) {
        if (t->of[i] == 0) {
            *empty = i;
        } else if (t->of[i] == node + 1) {
            t->pos[i] = pos;
            return true;
        }
    }
    return false;
}

/* minAck: the last that is below; `size` where none is. */
static uint32_t last_below(const struct ack_tally *t, uint32_t size, log_pos_t pos)
{
    uint32_t found = size;
    for (uint32_t i = 0; i < size; i++) {
        if (t->pos[i] < pos)
            found = i;
    }
    return found;
}

static uint32_t free_all_at(struct ack_tally *t, uint32_t size, log_pos_t pos)
{
    uint32_t empty = size;
    for (uint32_t i = 0; i < size; i++) {
        if (t->of[i] == 0 || t->pos[i] != pos)
            continue;
        t->of[i] = 0;
        t->pos[i] = 0;
        empty = i;
    }
    return empty;
}

static log_pos_t insert_slots(struct ack_tally *t, uint32_t size, uint32_t node, log_pos_t pos)
{
    uint32_t empty = size;
    if (pos <= t->greatest || update(t, size, node, pos, &empty))
        return 0;
    log_pos_t report = 0;
    if (empty == size) {
        uint32_t least = last_below(t, size, pos);
        t->greatest = least == size ? pos : t->pos[least];
        report = t->greatest;
        empty = free_all_at(t, size, report);
        if (least == size)
            return report; /* the new one is the least: it is not kept */
    }
    assert(empty < size);
    t->of[empty] = (uint8_t)(node + 1);
    t->pos[empty] = pos;
    return report;
}

/* ---- MariaDB's proposal --------------------------------------------------------------------- */

static log_pos_t insert_each(struct ack_tally *t, uint32_t count, uint32_t node, log_pos_t pos)
{
    uint32_t i = 0;
    while (t->of[i] != node + 1 && t->of[i] != 0)
        i++;
    assert(i < ACK_SLOTS_MAX);
    t->of[i] = (uint8_t)(node + 1);
    if (pos > t->pos[i])
        t->pos[i] = pos;
    log_pos_t best = 0;
    for (uint32_t k = 0; k < ACK_SLOTS_MAX; k++) {
        uint32_t n = 0;
        for (uint32_t j = 0; j < ACK_SLOTS_MAX; j++)
            n += t->of[j] != 0 && t->pos[j] >= t->pos[k];
        if (n >= count && t->pos[k] > best)
            best = t->pos[k];
    }
    if (best <= t->greatest)
        return 0;
    t->greatest = best;
    return best;
}

log_pos_t ack_tally_insert(struct ack_tally *t, enum ack_count how, uint32_t count, uint32_t node,
                           log_pos_t pos)
{
    assert(t != NULL && node < NODES_MAX && pos != 0);
    assert(count >= 2 && count <= ACK_SLOTS_MAX);
    assert(how != ACK_COUNT_ONE);
    return how == ACK_COUNT_SLOTS ? insert_slots(t, count - 1, node, pos)
                                  : insert_each(t, count, node, pos);
}

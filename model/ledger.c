#include "model/ledger.h"

#include <assert.h>

txn_mask ledger_lost(const struct ledger *l, uint32_t visible)
{
    return l->answered & ~visible;
}

txn_mask ledger_phantom(const struct ledger *l, uint32_t visible)
{
    return l->seen & ~visible;
}

txn_mask ledger_ahead(uint32_t binlog, uint32_t replica)
{
    return replica & ~binlog;
}

txn_mask ledger_disagree(const struct history *binlog, uint32_t visible, bool whole)
{
    txn_mask bad = 0;
    bool gap = false; /* a group of the binlog that is not visible came by */
    for (uint32_t i = 0; i < binlog->n; i++) {
        uint32_t bit = 1u << binlog->at[i].txn;
        if ((visible & bit) == 0) {
            gap = true;
            if (whole)
                bad |= bit;
        } else if (gap) {
            bad |= bit; /* overtook one that stands before it in the binlog */
        }
    }
    return bad | (visible & ~history_mask(binlog));
}

txn_mask ledger_diverged(const struct history *a, const struct history *b)
{
    return ledger_diverged_from(a, 0, b);
}

txn_mask ledger_diverged_from(const struct history *a, uint32_t from, const struct history *b)
{
    txn_mask bad = 0;
    for (uint32_t i = from; i < a->n; i++) {
        for (uint32_t j = 0; j < b->n; j++) {
            if (held_same_gtid(&a->at[i], &b->at[j]) && a->at[i].txn != b->at[j].txn)
                bad |= 1u << a->at[i].txn | 1u << b->at[j].txn;
        }
    }
    return bad;
}

txn_mask ledger_released(const struct history *binlog, uint32_t file, uint32_t offset)
{
    txn_mask mask = 0;
    for (uint32_t i = 0; i < binlog->n; i++) {
        const struct held *h = &binlog->at[i];
        if (h->file < file || (h->file == file && h->end <= offset))
            mask |= 1u << h->txn;
    }
    return mask;
}

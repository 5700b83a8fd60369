#include "model/invariant.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

static const struct {
    const char *id;
    const char *statement;
} invariants[INVARIANTS] = {
    [INV_NOLOSS] = {"NOLOSS", "A transaction whose client got OK survives on every primary elected "
                              "later."},
    [INV_NOPHANTOM] = {"NOPHANTOM", "What any reader could see on a serving primary is there on "
                                    "every primary elected later."},
    [INV_NOAHEAD] = {"NOAHEAD",
                     "No replica holds a transaction that the recovered primary, serving "
                     "again, does not hold."},
    [INV_AGREE] = {"AGREE", "Binlog and engine of a server hold the same transactions in the same "
                            "order."},
    [INV_CONVERGE] = {"CONVERGE",
                      "The same GTID is the same content everywhere, and a replica is a "
                      "prefix of its primary."},
    [INV_ACKTRUE] = {"ACKTRUE", "An ACK for a position means that all it releases is durable on "
                                "that replica."},
    [INV_LIVE] = {"LIVE", "No deadlock, no lost wake-up, no wait beyond its timeout."},
    [INV_OBS] = {"OBS", "The status says ON only while each OK carries its ACKs, and the status "
                        "counters add up."},
    [INV_SANE] = {"SANE",
                  "No assertion fails, no core asks the world for nonsense, no file ends up "
                  "unreadable."},
};

const char *invariant_id(enum invariant i)
{
    assert(i < INVARIANTS);
    return invariants[i].id;
}

const char *invariant_statement(enum invariant i)
{
    assert(i < INVARIANTS);
    return invariants[i].statement;
}

enum invariant invariant_find(const char *id)
{
    assert(id != NULL);
    for (uint32_t i = 0; i < INVARIANTS; i++) {
        if (strcmp(invariants[i].id, id) == 0)
            return (enum invariant)i;
    }
    return INVARIANTS;
}

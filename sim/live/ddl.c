/* Cases in which the primary is lost with a DDL statement under way: it waits for its ACK, alone or
 * behind a transaction that waits, or it stands at one of the calls by which it becomes a table and
 * a group of the binlog. Then a restart, which may be lost again, or a promotion.
 *
 * CREATE TABLE, as MariaDB 10.6 and later do it (strace of 10.11.19): an entry in ddl_recovery.log,
 * the .frm, the table in InnoDB (its redo log fsynced twice, whatever F is), the XID in the entry,
 * the binlog, the wait of AFTER_SYNC, the end of the entry. Each is written and fsynced.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim/live/stage.h"
#include "sim/live/status.h"

enum acks { ACKS_HELD, ACKS_SENT, NOTHING_RECEIVED };

struct ddl_case {
    const char *title;
    enum acks acks;
    bool behind;      /* a transaction is committed first */
    const char *call; /* the server is killed at this call of the DDL; NULL: when all is at rest */
    const char *stem;
    uint32_t skip; /* so many such calls come first */
    bool twice;    /* lost again: at this call of its recovery; NULL: when it serves again */
    bool catch_up; /* and the replicas have fetched and ACKed everything */
    const char *again_call;
    const char *again_stem; /* the files of which a power loss then takes something */
};

#define BINLOG  "binlog.000001"
#define DDL_LOG "ddl_recovery.log"

static const struct ddl_case cases[] = {
    {.title = "it has reached every replica, every ACK is held"},
    {.title = "a transaction waits, and the DDL statement behind it; every ACK is held",
     .behind = true},
    {.title = "every ACK was sent, the clients have their answers", .acks = ACKS_SENT},
    {.title = "the DDL statement was behind a transaction; every ACK was sent, all have answers",
     .acks = ACKS_SENT,
     .behind = true},
    {.title = "it is in the binlog and has reached no replica", .acks = NOTHING_RECEIVED},
    {.title = "lost before the entry in the DDL log is fsynced", .call = "fsync", .stem = DDL_LOG},
    {.title = "lost before the table's redo log is fsynced for the second time",
     .call = "fsync",
     .stem = "ib_logfile0",
     .skip = 1},
    {.title = "lost when the table is made, and its XID not written to the DDL log",
     .call = "write",
     .stem = DDL_LOG,
     .skip = 2},
    {.title = "lost before the XID in the DDL log is fsynced",
     .call = "fsync",
     .stem = DDL_LOG,
     .skip = 2},
    {.title = "lost when all is done but the binlog", .call = "write", .stem = BINLOG},
    {.title = "the same behind a transaction that waits",
     .behind = true,
     .call = "write",
     .stem = BINLOG},
    {.title = "lost before its group is fsynced", .call = "fsync", .stem = BINLOG},
    {.title = "the same behind a transaction that waits",
     .behind = true,
     .call = "fsync",
     .stem = BINLOG},
    {.title = "ACKed; lost before the end of the entry in the DDL log",
     .acks = ACKS_SENT,
     .call = "write",
     .stem = DDL_LOG,
     .skip = 3},
    {.title = "lost before its group is fsynced, and when it serves again",
     .call = "fsync",
     .stem = BINLOG,
     .twice = true,
     .again_stem = BINLOG},
    {.title = "likewise; the replicas catch up before it is lost again",
     .call = "fsync",
     .stem = BINLOG,
     .twice = true,
     .catch_up = true,
     .again_stem = BINLOG},
    {.title = "it waits; lost again before recovery writes to the DDL log",
     .twice = true,
     .again_call = "write",
     .again_stem = DDL_LOG},
    {.title = "it waits; lost again before what recovery wrote to the DDL log is fsynced",
     .twice = true,
     .again_call = "fsync",
     .again_stem = DDL_LOG},
    {.title = "it waits; lost again when recovery makes the next binlog",
     .twice = true,
     .again_call = "write",
     .again_stem = "binlog.000002"},
    {.title = "all was done but the binlog; lost again when recovery makes the next binlog",
     .call = "write",
     .stem = BINLOG,
     .twice = true,
     .again_call = "write",
     .again_stem = "binlog.000002"},
    {.title = "all was done but the binlog; lost again before recovery rolls it back",
     .call = "write",
     .stem = BINLOG,
     .twice = true,
     .again_call = "write",
     .again_stem = "ddl_recovery-backup.log"},
    {.title =
         "all was done but the binlog; lost again when recovery has rolled it back in the engine",
     .call = "write",
     .stem = BINLOG,
     .twice = true,
     .again_call = "fsync",
     .again_stem = DDL_LOG},
};

/* ---- the window ----------------------------------------------------------------------------- */

static void let_replicas(struct stage *st, const struct ddl_case *c, bool hold)
{
    for (uint32_t i = 0; i < st->n_peers; i++) {
        peer_set_deaf(&st->peer[i], c->acks == NOTHING_RECEIVED);
        peer_set_hold(&st->peer[i], hold);
        if (c->call != NULL) {
            peer_set_down(&st->peer[i], true); /* behind the trap nobody is there to connect to */
        }
    }
}

static bool commit_into_trap(struct stage *st, const struct ddl_case *c)
{
    let_replicas(st, c, c->acks != ACKS_SENT);
    return (!c->behind || (stage_send(st, 0) && stage_until(st, stage_in_binlog, STAGE_LIMIT_MS,
                                                            "T2 reaches the binlog"))) &&
           stage_set_trap(st, c->call, c->stem, "kill", c->skip) &&
           stage_send(st, c->behind ? 1 : 0) && stage_until_trapped(st, c->call, c->stem);
}

static bool observe(struct stage *st, const struct ddl_case *c)
{
    struct live_status s;
    bool acked = c->acks == ACKS_SENT;

    if (!stage_watch(st, st->run->plan.settle_ms) ||
        !status_read(st->run, &st->reader, "then", &s)) {
        return false;
    }
    status_judge(st->run, &s, st->ledger.answered, acked ? 0 : st->ledger.answered & ~1u);
    return true;
}

/* All wait at the same time, so that no commit has made another one's record durable; then the ACKs
 * leave. */
static bool commit(struct stage *st, const struct ddl_case *c)
{
    let_replicas(st, c, true);
    if (!stage_commit(st) ||
        !stage_until(st, stage_in_binlog, STAGE_LIMIT_MS, "the commits reach the binlog") ||
        !stage_until(st, stage_all_received, STAGE_LIMIT_MS, "the replicas receive them")) {
        return false;
    }
    if (c->acks == ACKS_SENT) {
        let_replicas(st, c, false);
        if (!stage_until(st, stage_all_answered, STAGE_LIMIT_MS, "all are answered")) {
            return false;
        }
    }
    return observe(st, c);
}

/* ---- a case --------------------------------------------------------------------------------- */

/* As a replica of whoever was promoted: nobody reads there, engine and binlog are compared. */
static bool rejoin(struct stage *st)
{
    txn_mask visible = 0;
    char in_table[TXNS_TEXT_MAX];
    char in_binlog[TXNS_TEXT_MAX];

    if (!stage_start_again(st, &visible) || st->refused) {
        return st->refused;
    }
    run_say(st->run, "    started again: its tables hold %s, its binlog %s",
            txns_text(visible, in_table), txns_text(history_mask(&st->primary), in_binlog));
    run_judge(st->run, INV_AGREE, ledger_disagree(&st->primary, visible, true),
              "not in both binlog and tables after recovery");
    return true;
}

/* Between the two it is read, where it came as far as that. A power loss takes of the logs only: a
 * table may be gone for another reason then (10.11.19: InnoDB makes a checkpoint behind pages that
 * no fsync has covered, where they were written while one of the same file was under way). */
static bool lose_again(struct stage *st, const struct ddl_case *c)
{
    st->loses = c->again_stem;
    return (c->again_call == NULL
                ? stage_go_on(st)
                : stage_start_into_trap(st, c->again_call, c->again_stem, "kill", 0)) &&
           (!c->catch_up || stage_catch_up(st)) && stage_lose(st);
}

static bool play(struct stage *st, const void *played)
{
    const struct ddl_case *c = played;
    const struct live_plan *p = &st->run->plan;

    st->ddl = c->behind ? st->ddl << 1 : st->ddl;
    if (c->call != NULL ? !commit_into_trap(st, c) : !commit(st, c)) {
        return false;
    }
    if (!stage_lose(st)) {
        return false;
    }
    stage_say_seen(st, "lost");
    if ((c->twice && !lose_again(st, c)) || (p->restart && !stage_go_on(st))) {
        return false;
    }
    stage_judge_replicas(st);
    if (st->refused) {
        st->run->judged &= st->run->broken; /* what a promise holds for has not come */
    }
    return !p->rejoins || rejoin(st);
}

/* A transaction comes first only where not all are DDL; and a server that nobody starts again has
 * not more to show at one call than at another. */
static bool applies(const struct live_plan *p, const struct ddl_case *c)
{
    bool twice = p->restart && !p->cuts && p->kills + p->powers > 1;

    return !(c->twice && !twice) && !(c->behind && p->ddl >= p->sessions) &&
           (c->call == NULL || p->restart || p->rejoins);
}

bool ddl_under_way(struct live_run *r)
{
    struct stage *st = calloc(1, sizeof *st);
    bool good = true;

    assert(st != NULL);
    for (size_t i = 0; good && i < sizeof cases / sizeof cases[0]; i++) {
        if (!applies(&r->plan, &cases[i])) {
            continue;
        }
        good = stage_case(st, r, cases[i].title, play, &cases[i]);
    }
    free(st);
    return good;
}

#include "sim/live/status.h"

#include <stdio.h>
#include <string.h>

bool status_read(struct live_run *r, struct live_session *reader, const char *when,
                 struct live_status *s)
{
    char text[200];
    char on[8];

    memset(s, 0, sizeof *s);
    if (!session_text(reader,
                      "SELECT GROUP_CONCAT(LOWER(SUBSTR(VARIABLE_NAME, 22)), '=', VARIABLE_VALUE"
                      " ORDER BY VARIABLE_NAME SEPARATOR ' ') FROM"
                      " information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME IN"
                      " ('RPL_SEMI_SYNC_MASTER_CLIENTS', 'RPL_SEMI_SYNC_MASTER_NO_TX',"
                      " 'RPL_SEMI_SYNC_MASTER_STATUS', 'RPL_SEMI_SYNC_MASTER_WAIT_SESSIONS',"
                      " 'RPL_SEMI_SYNC_MASTER_YES_TX')",
                      text, sizeof text)) {
        return run_fail(r, "reader: %s", reader->error);
    }
    if (sscanf(text, "clients=%u no_tx=%u status=%7s wait_sessions=%u yes_tx=%u", &s->clients,
               &s->no, on, &s->waiting, &s->yes) != 5) {
        return run_fail(r, "status variables: %s", text);
    }
    s->on = strcmp(on, "ON") == 0;
    if (when != NULL) {
        run_say(r, "    %s: Rpl_semi_sync_master: %s", when, text);
    }
    return true;
}

void status_judge_sum(struct live_run *r, const struct live_status *s, txn_mask answered)
{
    unsigned oks = (unsigned)__builtin_popcount(answered);

    run_held(r, INV_OBS);
    if (oks != s->yes + s->no) {
        run_broke(r, INV_OBS, "%u commits answered OK and no other, yes_tx + no_tx = %u", oks,
                  s->yes + s->no);
    }
}

void status_judge(struct live_run *r, const struct live_status *s, txn_mask answered, txn_mask bare)
{
    char txns[TXNS_TEXT_MAX];
    unsigned oks = (unsigned)__builtin_popcount(answered);

    run_held(r, INV_OBS);
    if (bare != 0 && s->on) {
        run_broke(r, INV_OBS, "%s answered OK without an ACK, and the status is ON",
                  txns_text(bare, txns));
    } else if (oks > s->yes + s->no) {
        run_broke(r, INV_OBS, "%u commits answered OK, yes_tx + no_tx = %u", oks, s->yes + s->no);
    }
}

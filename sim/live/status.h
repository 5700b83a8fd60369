/* The semi-sync status variables of a primary, as an operator reads them, and what they are worth
 * beside what the clients were told (OBS).
 */
#ifndef ACKPROOF_SIM_LIVE_STATUS_H
#define ACKPROOF_SIM_LIVE_STATUS_H

#include "sim/live/run.h"

struct live_status {
    bool on;
    unsigned clients;
    unsigned yes, no; /* commits with an ACK, and without */
    unsigned waiting; /* sessions */
};

/* Reads them with `reader`; says them where `when` is not NULL. False after run_fail. */
bool status_read(struct live_run *r, struct live_session *reader, const char *when,
                 struct live_status *s);
/* OBS: `answered` were told OK; of these `bare` without an ACK, and with nothing but ON to be seen
 * at that time. */
void status_judge(struct live_run *r, const struct live_status *s, txn_mask answered,
                  txn_mask bare);
/* Nobody waits, and whoever was not told OK has not committed. */
void status_judge_sum(struct live_run *r, const struct live_status *s, txn_mask answered);

#endif

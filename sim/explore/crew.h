/* Several processes on one search.
 *
 * Processes and not threads: a failed assertion of a core comes back by longjmp, libfiu hands its
 * callbacks no context, and a crash shall cost this search only. A search begins alone. Once it is
 * large its table of fingerprints moves to shared memory and it forks members, which begin with
 * nothing. Whoever has nothing left asks, and somebody who has gives away the answers that nobody
 * has tried yet in the state of his path that is nearest to the start: block, path and answers go
 * through the asker's mailbox. A state is walked on by the one whose fingerprint was first in the
 * table, so each state is entered once, and all numbers add up to those of a search that is alone.
 *
 *     works ──nothing left──► asks ──mailbox is full──► works
 *       │                      └──everybody asks, or a bound was hit──► adds up, ends
 *       └── the table is full: one moves it to a larger place, the others stand still
 *
 * Address space for all places of the table is taken at the beginning (the system backs only what
 * is written), since nothing that is mapped after the fork would be seen by the others. Members die
 * with the leader; the leader ends the search with status 3 where a member dies.
 */
#ifndef ACKPROOF_SIM_EXPLORE_CREW_H
#define ACKPROOF_SIM_EXPLORE_CREW_H

#include "sim/explore/walk.h"

/* Called by a search that is alone or leads, now and then: shares it out if it is large and
 * processors are idle. Members walk in here and do not come back. */
void crew_hire(struct search *s, const struct explore_options *o);
/* Called by members and leader, every few transitions: gives to whoever asks, stands still where
 * that is asked. False: the search is over. */
bool crew_attend(struct search *s);
/* May another state be added? False: a bound is hit, or the search is over. */
bool crew_make_room(struct search *s);
/* Nothing is left here. True: somebody gave something. False: the search is over; `cut` where it
 * ended early. */
bool crew_ask(struct search *s);
/* The search is over for all. */
void crew_stop(struct search *s);
/* The leader waits for its members and adds up; a member ends here. */
void crew_finish(struct search *s, const struct explore_options *o);
void crew_free(struct search *s);
/* All members' numbers so far, for progress. */
void crew_progress(const struct search *s, struct progress *p);

#endif

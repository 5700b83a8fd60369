/* How many groups fill a binlog. The simulated servers' groups are short, so that a scenario says
 * max_binlog_size in hundreds of bytes; a real server takes no less than 4096. The same scenario is
 * played with groups so long that the same number of them fills a binlog.
 */
#ifndef ACKPROOF_SIM_LIVE_FILL_H
#define ACKPROOF_SIM_LIVE_FILL_H

#include <stdint.h>

/* Inserts of the simulated clients behind the head of a binlog; 0 where none is ever full. */
uint32_t fill_groups(uint32_t max_binlog_size);

#endif

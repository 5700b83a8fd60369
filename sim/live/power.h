/* Power losses and disk errors of a real server: the runner's half of sim/live/preload.
 *
 * A server is started with the preloaded object (power_preload, in the child). From then on its
 * journals say which bytes no fsync has covered. After a kill -9, power_lose puts the files back:
 * the two together are a power loss of the worst kind, in which all that was not covered is gone. A
 * disk may as well have kept any part of it; `stem` chooses one such part, the loss of some files
 * only. What is not modelled stands in preload/power.c.
 */
#ifndef ACKPROOF_SIM_LIVE_POWER_H
#define ACKPROOF_SIM_LIVE_POWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { POWER_PATH_MAX = 512, POWER_TEXT_MAX = 140 };

/* The preloaded object beside this program (lib/ackproof_power.so), or NULL. */
const char *power_object(char path[POWER_PATH_MAX]);
/* Between fork and exec: the environment of a process whose files below `root` are watched. Its
 * journals stand in the folder `journal`, which exists and is not below root. */
void power_preload(const char *object, const char *root, const char *journal);

/* At the (skip + 1)-th call (write, truncate, fsync, unlink, or any of them) on a file whose name
 * begins with `stem`, what journal.h lists: kill, stall, late, eio, enospc, lie. One trap at a
 * time. */
bool power_set_trap(const char *journal, const char *call, const char *stem, const char *action,
                    uint32_t skip);
/* Has it struck? */
bool power_trap_hit(const char *journal);
/* What it struck: "write of binlog.index"; empty where it has not. Returns text. */
const char *power_trap_text(const char *journal, char text[POWER_TEXT_MAX]);
/* Takes away a trap, and the sign that it struck. */
void power_clear_trap(const char *journal);

struct power_loss {
    uint32_t files;            /* that lost something */
    uint32_t writes;           /* undone: writes, truncations, extensions */
    char text[POWER_TEXT_MAX]; /* "binlog.000001 (1 write), ib_logfile0 (2 writes)", or "nothing" */
};

/* The process is gone: puts all files back (or only those whose name begins with `stem`, NULL for
 * all) to what is durable, and forgets the journals: what is left is durable. False with `why`
 * where a file cannot be put back. */
bool power_lose(const char *journal, const char *stem, struct power_loss *loss, char *why,
                size_t cap);

#endif

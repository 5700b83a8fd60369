/* The one source of uncertainty. Whatever the world leaves open is one call of choose(); who
 * answers is the driver: exhaustive search, a random driver, a recorded witness (design section
 * 7).
 */
#ifndef ACKPROOF_SIM_CHOOSE_H
#define ACKPROOF_SIM_CHOOSE_H

#include <stdint.h>

enum choice {
    CHOOSE_MOVE,    /* what happens next; keys[] are move keys (sim/world.h) */
    CHOOSE_FAULT,   /* does an admitted fault fire here: 0 no, 1 yes; key: the fault point */
    CHOOSE_SURVIVE, /* how much of the pending operations a power loss leaves; 0 = least */
    CHOOSE_TEAR,    /* how many sectors of the last surviving write are there */
    CHOOSE_PICK,    /* one of several candidates, for example whom to promote */
    CHOICES
};
const char *choice_name(enum choice c);    /* "move" */
enum choice choice_find(const char *name); /* CHOICES where unknown */

/* A driver that follows a record may find that nothing of it fits any more. Only to CHOOSE_MOVE:
 * the step is then not made (STEP_REFUSED) and the world is unchanged. */
#define CHOICE_REFUSED UINT32_MAX

/* A driver. pick answers 0 <= r < n, or CHOICE_REFUSED. keys[0..n) name the alternatives stably
 * (the same alternative has the same key in other states, so that a witness survives the removal
 * of earlier choices); NULL where the index itself is the name. */
struct chooser {
    uint32_t (*pick)(struct chooser *c, enum choice what, uint32_t n, const uint32_t *keys);
};

/* n == 1 is answered without asking, except for CHOOSE_MOVE, so that a record names every move. */
uint32_t choose(struct chooser *c, enum choice what, uint32_t n, const uint32_t *keys);

#endif

#include "sim/choose.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

static const char *const names[CHOICES] = {
    [CHOOSE_MOVE] = "move", [CHOOSE_FAULT] = "fault", [CHOOSE_SURVIVE] = "survive",
    [CHOOSE_TEAR] = "tear", [CHOOSE_PICK] = "pick",
};

const char *choice_name(enum choice c)
{
    assert((unsigned)c < CHOICES);
    return names[c];
}

enum choice choice_find(const char *name)
{
    assert(name != NULL);
    for (uint32_t i = 0; i < CHOICES; i++) {
        if (strcmp(names[i], name) == 0) {
            return (enum choice)i;
        }
    }
    return CHOICES;
}

uint32_t choose(struct chooser *c, enum choice what, uint32_t n, const uint32_t *keys)
{
    assert(c != NULL && c->pick != NULL);
    assert((unsigned)what < CHOICES);
    assert(n > 0);
    assert(what != CHOOSE_MOVE || keys != NULL);
    if (n == 1 && what != CHOOSE_MOVE) {
        return 0;
    }
    uint32_t r = c->pick(c, what, n, keys);
    assert(r < n || (what == CHOOSE_MOVE && r == CHOICE_REFUSED));
    return r;
}

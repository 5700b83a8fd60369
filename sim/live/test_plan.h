/* What the tests of the plan share: a scenario, and what becomes of it. */
#ifndef ACKPROOF_SIM_LIVE_TEST_PLAN_H
#define ACKPROOF_SIM_LIVE_TEST_PLAN_H

#include "sim/live/plan.h"
#include "sim/live/test_live.h"

static struct scenario sc;
static struct live_plan plan;
static char why[200];
static uint32_t version = 101119;

static inline bool make(void)
{
    why[0] = '\0';
    return plan_make(&sc, version, &plan, why, sizeof why);
}

static inline void refused_for(const char *word)
{
    assert_false(make());
    if (strstr(why, word) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", why, word);
    }
}

#endif

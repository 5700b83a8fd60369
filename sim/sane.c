/* Assertions of the code under test are findings, not the end of the harness: while a core runs, a
 * failed assert jumps back to the world, which records it as SANE broken and ends the run there.
 * Outside of a core (the harness itself is wrong) it ends the process as always.
 */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim/internal.h"

static jmp_buf back;
static bool armed;
static char text[TRACE_TEXT_MAX];

bool sane_run(void (*f)(void *arg), void *arg, const char **why)
{
    assert(!armed);
    *why = NULL;
    if (setjmp(back) != 0) {
        armed = false;
        *why = text;
        return false;
    }
    armed = true;
    f(arg);
    armed = false;
    return true;
}

/* glibc's assert() calls this; the definition here takes precedence over the library's. */
_Noreturn void __assert_fail(const char *expression, const char *file, unsigned int line,
                             const char *function);
_Noreturn void __assert_fail(const char *expression, const char *file, unsigned int line,
                             const char *function)
{
    if (armed) {
        snprintf(text, sizeof text, "assertion failed at %s:%u: %s", file, line, expression);
        longjmp(back, 1);
    }
    fprintf(stderr, "%s:%u: %s: assertion failed: %s\n", file, line, function, expression);
    abort();
}

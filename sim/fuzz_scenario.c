/* Scenario files from a fuzzer: the loader may refuse, with something said, and do nothing else. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "sim/scenario.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char path[] = "/tmp/ackproof-fuzz-XXXXXX";
    static int fd = -1;
    static FILE *sink;
    if (fd < 0) {
        fd = mkstemp(path);
        sink = fopen("/dev/null", "w");
        if (fd < 0 || sink == NULL)
            abort();
    }
    if (ftruncate(fd, 0) != 0 || pwrite(fd, data, size, 0) != (ssize_t)size)
        abort();
    struct scenario s;
    if (scenario_load(path, &s, sink)) {
        /* whatever was let through is within the bounds of the simulator */
        if (s.n_nodes < 1 || s.n_nodes > NODES_MAX || s.sessions < 1 || s.sessions > SESSIONS_MAX ||
            s.transactions < 1 || s.transactions > SCENARIO_TXNS_MAX || s.manager.n_on_loss < 1)
            abort();
    }
    return 0;
}

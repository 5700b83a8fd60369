/* The yardstick for random runs: libraft's own test fixture, a simulated cluster of three servers
 * in memory, stepping one event after the other while commands are submitted.
 *
 *   bench_raft CLUSTERS COMMANDS
 *
 * Makes CLUSTERS clusters from nothing, each until it has elected a leader and applied COMMANDS
 * commands everywhere, four of them in flight at a time. Prints how many events that were. A step
 * fires one tick, disk completion, send or delivery, and checks election safety and that the
 * leader's log only grows; ci/README.md says what that does and does not compare with.
 */
#include <raft.h>
#include <raft/fixture.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SERVERS = 3, IN_FLIGHT = 4, STEPS_MAX = 1000000 };

struct tally {
    unsigned submitted, done;
    unsigned applied; /* on all servers together */
};

static struct tally tally;

static void must(int status, const char *what)
{
    if (status != 0) {
        (void)fprintf(stderr, "bench_raft: %s: %s\n", what, raft_strerror(status));
        exit(1);
    }
}

static int on_apply(struct raft_fsm *fsm, const struct raft_buffer *buf, void **result)
{
    (void)fsm;
    (void)buf;
    *result = NULL;
    tally.applied++;
    return 0;
}

static int on_snapshot(struct raft_fsm *fsm, struct raft_buffer *bufs[], unsigned *n)
{
    (void)fsm;
    *n = 1;
    *bufs = raft_malloc(sizeof **bufs);
    (*bufs)[0] = (struct raft_buffer){.base = raft_malloc(8), .len = 8};
    memset((*bufs)[0].base, 0, 8);
    return 0;
}

static int on_restore(struct raft_fsm *fsm, struct raft_buffer *buf)
{
    (void)fsm;
    raft_free(buf->base);
    return 0;
}

static void on_done(struct raft_apply *request, int status, void *result)
{
    (void)result;
    must(status, "apply");
    tally.done++;
    free(request);
}

static void submit(struct raft *leader)
{
    struct raft_apply *request = calloc(1, sizeof *request);
    struct raft_buffer buf = {.base = raft_malloc(8), .len = 8};
    if (request == NULL || buf.base == NULL) {
        must(RAFT_NOMEM, "submit");
        return;
    }
    memset(buf.base, 0, buf.len);
    must(raft_apply(leader, request, &buf, 1, on_done), "apply");
    tally.submitted++;
}

static unsigned long run_cluster(unsigned commands)
{
    static struct raft_fixture f;
    struct raft_fsm fsm[SERVERS];
    struct raft_configuration all;
    unsigned long steps = 0;
    tally = (struct tally){0};
    memset(&f, 0, sizeof f);
    must(raft_fixture_initialize(&f), "initialize");
    for (unsigned i = 0; i < SERVERS; i++) {
        fsm[i] = (struct raft_fsm){
            .version = 1, .apply = on_apply, .snapshot = on_snapshot, .restore = on_restore};
        must(raft_fixture_grow(&f, &fsm[i]), "grow");
    }
    must(raft_fixture_configuration(&f, SERVERS, &all), "configuration");
    must(raft_fixture_bootstrap(&f, &all), "bootstrap");
    raft_configuration_close(&all);
    must(raft_fixture_start(&f), "start");
    while (tally.applied < commands * SERVERS) {
        unsigned leader = raft_fixture_leader_index(&f);
        while (leader < SERVERS && tally.submitted < commands &&
               tally.submitted - tally.done < IN_FLIGHT) {
            submit(raft_fixture_get(&f, leader));
        }
        (void)raft_fixture_step(&f);
        if (++steps > STEPS_MAX) {
            (void)fputs("bench_raft: the cluster makes no progress\n", stderr);
            exit(1);
        }
    }
    raft_fixture_close(&f);
    return steps;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        (void)fputs("usage: bench_raft CLUSTERS COMMANDS\n", stderr);
        return 2;
    }
    unsigned long clusters = strtoul(argv[1], NULL, 10);
    unsigned commands = (unsigned)strtoul(argv[2], NULL, 10);
    unsigned long steps = 0;
    for (unsigned long i = 0; i < clusters; i++) {
        steps += run_cluster(commands);
    }
    (void)printf("%lu\n", steps);
    return 0;
}

/* Random runs in several processes. Each takes every n-th seed and leaves its numbers in memory
 * that it shares with its parent, which adds them up. Sums and minima only: how the seeds are dealt
 * out does not show in the result. Processes and not threads, since libfiu hands its callbacks no
 * context (sim/fault.c), and so that a failed assertion can be told with its seed.
 */
#define _DEFAULT_SOURCE 1 /* MAP_ANONYMOUS */
#include "sim/explore/sampler.h"
#include "sim/explore/visited.h"

#include <assert.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { JOBS_MAX = 256 };

static const uint64_t ENDS_MAX = (uint64_t)4
                                 << 20; /* final states that one process can hand back */

struct desk {
    volatile uint64_t at; /* seed under way */
    struct result result;
    uint64_t n_ends;
    struct hash128 end[];
};

struct worker {
    pid_t pid;
    struct desk *desk;
    size_t bytes;
};

static void fail(const char *what)
{
    fprintf(stderr, "ackproof: random runs: %s\n", what);
    exit(3);
}

static void hand_back_ends(const struct visited *ends, struct desk *desk, uint64_t room)
{
    for (uint64_t i = 0; i < ends->cap && desk->n_ends < room; i++) {
        if ((ends->at[i].lo | ends->at[i].hi) != 0) {
            desk->end[desk->n_ends++] = ends->at[i];
        }
    }
}

static _Noreturn void work(struct runner *on, enum driver d, const struct share *mine,
                           struct desk *desk, uint64_t room)
{
    struct visited ends;
    visited_init(&ends, room * 2 * sizeof desk->end[0]);
    struct share share = *mine;
    share.ends = &ends;
    share.at = &desk->at;
    share.options = NULL;
    random_share(on, d, &share, &desk->result);
    hand_back_ends(&ends, desk, room);
    _exit(0);
}

static void hire(struct worker *w, struct runner *on, enum driver d, const struct share *mine)
{
    uint64_t runs = (mine->last - mine->from - mine->first) / mine->stride + 1;
    uint64_t room = runs < ENDS_MAX ? runs : ENDS_MAX;
    if (d == DRIVER_GUIDED) {
        room = room < ENDS_MAX / GUIDED_RUNS ? room * GUIDED_RUNS : ENDS_MAX;
    }
    w->bytes = sizeof *w->desk + (size_t)room * sizeof w->desk->end[0];
    void *p = mmap(NULL, w->bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) {
        fail("no memory to share");
    }
    w->desk = p;
    w->desk->at = mine->from + mine->first;
    w->pid = fork();
    if (w->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* nobody shall go on when the parent was killed */
        work(on, d, mine, w->desk, room);
    }
    if (w->pid < 0) {
        fail("no process can be started");
    }
}

static void collect(struct worker *w, struct visited *ends, struct result *r)
{
    int status = 0;
    if (waitpid(w->pid, &status, 0) != w->pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        fprintf(stderr, "ackproof: the run of seed %llu ended its process\n",
                (unsigned long long)w->desk->at);
        exit(3);
    }
    result_add_share(r, &w->desk->result);
    for (uint64_t i = 0; i < w->desk->n_ends; i++) {
        if (visited_add(ends, w->desk->end[i]) == VISITED_NEW) {
            r->ends++;
        }
    }
    munmap(w->desk, w->bytes);
}

void random_in_processes(struct runner *on, enum driver d, uint32_t jobs, const struct share *all,
                         struct result *r)
{
    assert(on != NULL && all != NULL && r != NULL);
    assert(jobs > 1 && all->stride == 1 && all->first == 0);
    struct worker worker[JOBS_MAX];
    jobs = jobs < JOBS_MAX ? jobs : JOBS_MAX;
    assert(all->last - all->from >= jobs - 1);
    fflush(NULL);
    for (uint32_t i = 0; i < jobs; i++) {
        struct share mine = *all;
        mine.first = i;
        mine.stride = jobs;
        hire(&worker[i], on, d, &mine);
    }
    for (uint32_t i = 0; i < jobs; i++) {
        collect(&worker[i], all->ends, r);
    }
}

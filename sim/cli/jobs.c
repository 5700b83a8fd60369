#include "sim/cli/jobs.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WORKERS_MAX = 256, NOTHING = 0, TELL_EVERY_MS = 250 };

/* What a worker is at, in memory that all processes share. */
struct slot {
    _Atomic uint64_t job; /* number + 1 of the job under way, or NOTHING */
    _Atomic uint64_t states, transitions, depth, milliseconds;
};
struct board {
    _Atomic uint64_t next; /* job that nobody has claimed yet */
    _Atomic int32_t idle;  /* processors for which there is no scenario left */
    struct slot slot[WORKERS_MAX];
};

struct worker {
    pid_t pid; /* 0: none in this slot */
    int fd;    /* it tells its outcomes here */
};

struct pool {
    struct job *job;
    size_t n, finished, told;
    const struct common *common;
    struct board *board;
    struct worker worker[WORKERS_MAX];
    uint32_t slots, running;
    int signals; /* signalfd */
    sigset_t watched, before;
    uint64_t memory_bytes; /* of one search */
    bool progress, shown;
};

/* ---- the worker ----------------------------------------------------------------------------- */

static void tick(void *arg, const struct progress *p)
{
    struct slot *s = arg;
    atomic_store(&s->states, p->states);
    atomic_store(&s->transitions, p->transitions);
    atomic_store(&s->depth, p->depth);
    atomic_store(&s->milliseconds, (uint64_t)(p->seconds * 1000));
}

static _Noreturn void work(struct pool *p, uint32_t w, int fd)
{
    struct slot *slot = &p->board->slot[w];
    const struct explore_options options = {
        .max_states = p->common->max_states,
        .no_reduction = p->common->no_reduction,
        .memory_bytes = p->memory_bytes,
        .tick = tick,
        .arg = slot,
        .memory = explore_memory_new(),
        .jobs = p->common->jobs,
        .idle = &p->board->idle,
        .seconds = p->common->seconds,
        .save = p->common->save,
        .resume = p->common->resume,
    };
    struct cell_outcome *out = cli_alloc(sizeof *out);
    bool ok = true;
    for (uint64_t i; ok && (i = atomic_fetch_add(&p->board->next, 1)) < p->n;) {
        tick(slot, &(struct progress){0});
        atomic_store(&slot->job, i + 1);
        cell_search(p->job[i].scenario, p->common, &options, out);
        ok = cell_outcome_send(fd, i, out);
        cell_outcome_free(out);
        atomic_store(&slot->job, NOTHING);
    }
    explore_memory_free(options.memory);
    atomic_fetch_add(&p->board->idle, 1);
    fflush(NULL);
    _exit(ok ? 0 : EXIT_HARNESS);
}

/* A process in slot w; false where there can be none. */
static bool hire(struct pool *p, uint32_t w)
{
    int fd[2];
    if (pipe(fd) != 0)
        return false;
    pid_t parent = getpid();
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        /* Nobody shall search on when the parent was killed. */
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(EXIT_HARNESS);
        sigprocmask(SIG_SETMASK, &p->before, NULL);
        close(fd[0]);
        work(p, w, fd[1]);
    }
    close(fd[1]);
    if (pid < 0) {
        close(fd[0]);
        return false;
    }
    p->worker[w] = (struct worker){.pid = pid, .fd = fd[0]};
    p->running++;
    return true;
}

/* ---- the parent ----------------------------------------------------------------------------- */

static void fail(struct pool *p, size_t i, const char *why, const char *detail)
{
    struct job *j = &p->job[i];
    if (j->state != JOB_WAITING)
        return;
    j->state = JOB_FAILED;
    snprintf(j->failure, sizeof j->failure, "%s%s", why, detail);
    p->finished++;
}

/* Its pipe is closed: it has ended, of its own will or not. */
static void bury(struct pool *p, uint32_t w)
{
    struct slot *s = &p->board->slot[w];
    int status = 0;
    while (waitpid(p->worker[w].pid, &status, 0) < 0 && errno == EINTR) {
    }
    close(p->worker[w].fd);
    p->worker[w] = (struct worker){0};
    p->running--;
    uint64_t job = atomic_exchange(&s->job, NOTHING);
    if (job == NOTHING && status == 0)
        return;
    char text[80];
    if (WIFSIGNALED(status))
        snprintf(text, sizeof text, "died of signal %d (%s)", WTERMSIG(status),
                 strsignal(WTERMSIG(status)));
    else
        snprintf(text, sizeof text, "ended with status %d", WEXITSTATUS(status));
    if (job != NOTHING)
        fail(p, job - 1, "the search ", text);
}

static void collect(struct pool *p, uint32_t w)
{
    struct cell_outcome *o = cli_alloc(sizeof *o);
    size_t i;
    if (!cell_outcome_receive(p->worker[w].fd, &i, o)) {
        cell_outcome_free(o);
        free(o);
        bury(p, w);
        return;
    }
    assert(i < p->n && p->job[i].state == JOB_WAITING);
    struct job *j = &p->job[i];
    j->outcome = o;
    if (!o->deterministic) {
        fail(p, i, "a witness did not replay to the same state", "");
        return;
    }
    if (o->result.unsaved) {
        fail(p, i, "the search could not be saved", "");
        return;
    }
    j->part = cell_report(j->scenario, j->row, o);
    j->state = JOB_DONE;
    p->finished++;
}

static void clear_progress(struct pool *p)
{
    if (p->shown)
        fputs("\r\033[K", stderr);
    p->shown = false;
}

static void show_progress(struct pool *p)
{
    char line[256];
    size_t len = 0;
    int n = snprintf(line, sizeof line, "[%zu/%zu]", p->finished, p->n);
    for (uint32_t w = 0; w < p->slots && n > 0; w++) {
        struct slot *s = &p->board->slot[w];
        uint64_t job = atomic_load(&s->job);
        len += (size_t)n;
        n = 0;
        if (job == NOTHING || len > 90)
            continue;
        const struct scenario *sc = p->job[job - 1].scenario;
        uint64_t ms = atomic_load(&s->milliseconds), moves = atomic_load(&s->transitions);
        uint64_t bound = p->common->max_states != 0 ? p->common->max_states
                         : sc->max_states != 0      ? sc->max_states
                                                    : 50000000;
        char a[16], b[16], c[16];
        n = snprintf(line + len, sizeof line - len, " %s %s states of %s, %s/s, depth %u;",
                     sc->name, cli_count(atomic_load(&s->states), a), cli_count(bound, b),
                     cli_count(ms > 0 ? moves * 1000 / ms : 0, c),
                     (unsigned)atomic_load(&s->depth));
        if (n < 0 || (size_t)n >= sizeof line - len)
            break;
    }
    fprintf(stderr, "\r%s\033[K", line);
    p->shown = true;
}

/* Ends by the signal itself, so that a shell or make sees an interrupted command. */
static _Noreturn void die_of(struct pool *p, int sig)
{
    clear_progress(p);
    for (uint32_t w = 0; w < p->slots; w++) {
        if (p->worker[w].pid != 0)
            kill(p->worker[w].pid, SIGKILL);
    }
    for (uint32_t w = 0; w < p->slots; w++) {
        if (p->worker[w].pid != 0)
            waitpid(p->worker[w].pid, NULL, 0);
    }
    fprintf(stderr, "ackproof: interrupted, %zu of %zu scenarios were finished\n", p->finished,
            p->n);
    signal(sig, SIG_DFL);
    raise(sig);
    sigprocmask(SIG_SETMASK, &p->before, NULL);
    _exit(128 + sig);
}

/* Waits for an outcome, the end of a worker, a signal, or the next line of progress. */
static void wait_for_news(struct pool *p)
{
    struct pollfd at[WORKERS_MAX + 1];
    uint32_t of[WORKERS_MAX + 1];
    nfds_t n = 1;
    at[0] = (struct pollfd){.fd = p->signals, .events = POLLIN};
    for (uint32_t w = 0; w < p->slots; w++) {
        if (p->worker[w].pid == 0)
            continue;
        of[n] = w;
        at[n++] = (struct pollfd){.fd = p->worker[w].fd, .events = POLLIN};
    }
    if (poll(at, n, p->progress ? TELL_EVERY_MS : -1) <= 0)
        return;
    struct signalfd_siginfo info;
    if (at[0].revents != 0 && read(p->signals, &info, sizeof info) == (ssize_t)sizeof info)
        die_of(p, (int)info.ssi_signo);
    for (nfds_t i = 1; i < n; i++) {
        if (at[i].revents != 0)
            collect(p, of[i]);
    }
}

/* Workers for what is left to be claimed. Where none can be had, and none is there, all that is
 * left has failed. */
static void staff(struct pool *p)
{
    for (uint32_t w = 0; w < p->slots && atomic_load(&p->board->next) < p->n; w++) {
        if (p->worker[w].pid == 0 && !hire(p, w))
            break;
    }
    for (size_t i = 0; p->running == 0 && i < p->n; i++)
        fail(p, i, "cannot be searched: ", "its process ended before it began, or did not start");
}

static bool pool_open(struct pool *p)
{
    if (!cli_mkdirs(p->common->out))
        return false;
    p->board =
        mmap(NULL, sizeof *p->board, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (p->board == MAP_FAILED) {
        perror("ackproof: mmap");
        return false;
    }
    p->slots = p->common->jobs < WORKERS_MAX ? p->common->jobs : WORKERS_MAX;
    p->slots = p->n < p->slots ? (uint32_t)p->n : p->slots;
    atomic_store(&p->board->idle, (int32_t)(p->common->jobs - p->slots));
    long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    p->memory_bytes = p->common->memory_bytes;
    if (p->memory_bytes == 0 && pages > 0 && size > 0) {
        uint64_t share = (uint64_t)pages / 4 * 3 * (uint64_t)size / (p->slots > 0 ? p->slots : 1);
        p->memory_bytes = share < (uint64_t)4 << 30 ? share : 0;
    }
    sigemptyset(&p->watched);
    sigaddset(&p->watched, SIGINT);
    sigaddset(&p->watched, SIGTERM);
    sigaddset(&p->watched, SIGHUP);
    signal(SIGCHLD, SIG_DFL); /* where it is ignored, children vanish without a status */
    sigprocmask(SIG_BLOCK, &p->watched, &p->before);
    p->signals = signalfd(-1, &p->watched, SFD_CLOEXEC);
    if (p->signals < 0) {
        perror("ackproof: signalfd");
        sigprocmask(SIG_SETMASK, &p->before, NULL);
        munmap(p->board, sizeof *p->board);
        return false;
    }
    return true;
}

bool jobs_run(struct job *job, size_t n, const struct common *common,
              void (*done)(void *arg, struct job *j), void *arg)
{
    assert(job != NULL || n == 0);
    struct pool p = {.job = job, .n = n, .common = common, .progress = common_progress(common)};
    if (!pool_open(&p))
        return false;
    bool ok = true;
    while (p.told < n) {
        staff(&p);
        if (p.running > 0)
            wait_for_news(&p);
        if (p.progress)
            show_progress(&p);
        for (; p.told < n && job[p.told].state != JOB_WAITING; p.told++) {
            clear_progress(&p);
            ok = ok && job[p.told].state == JOB_DONE;
            done(arg, &job[p.told]);
        }
    }
    for (uint32_t w = 0; w < p.slots; w++) {
        if (p.worker[w].pid != 0)
            bury(&p, w);
    }
    close(p.signals);
    sigprocmask(SIG_SETMASK, &p.before, NULL);
    munmap(p.board, sizeof *p.board);
    return ok;
}

void job_forget(struct job *j)
{
    report_free(j->part);
    j->part = NULL;
    cell_outcome_free(j->outcome);
    free(j->outcome);
    j->outcome = NULL;
}

void jobs_free(struct job *job, size_t n)
{
    for (size_t i = 0; i < n; i++)
        job_forget(&job[i]);
    free(job);
}

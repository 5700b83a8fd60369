#include "sim/cli/jobs.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* One per job, in memory that parent and children share. */
struct slot {
    _Atomic uint64_t states, transitions, depth, milliseconds;
};

struct pool {
    struct job *job;
    size_t n, started, finished, told, running;
    const struct common *common;
    char dir[WITNESS_PATH_MAX]; /* temporary */
    struct slot *slot;
    sigset_t watched, before;
    uint64_t memory_bytes; /* of one child */
    bool progress, shown;
};

/* ---- the child ------------------------------------------------------------------------------ */

static void tick(void *arg, const struct progress *p)
{
    struct slot *s = arg;
    atomic_store(&s->states, p->states);
    atomic_store(&s->transitions, p->transitions);
    atomic_store(&s->depth, p->depth);
    atomic_store(&s->milliseconds, (uint64_t)(p->seconds * 1000));
}

static void part_path(const struct pool *p, size_t i, const char *kind, char path[WITNESS_PATH_MAX])
{
    int n = snprintf(path, WITNESS_PATH_MAX, "%s/%zu.%s", p->dir, i, kind);
    assert(n > 0 && n < WITNESS_PATH_MAX);
    (void)n;
}

static bool write_outcome(const char *path, const struct cell_outcome *o)
{
    FILE *f = fopen(path, "wb");
    if (f == NULL)
        return false;
    bool ok = fwrite(o, sizeof *o, 1, f) == 1;
    return fclose(f) == 0 && ok;
}

static _Noreturn void child(struct pool *p, size_t i, pid_t parent)
{
    /* Nobody shall search on when the parent was killed. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(EXIT_HARNESS);
    sigprocmask(SIG_SETMASK, &p->before, NULL);
    const struct explore_options options = {
        .max_states = p->common->max_states,
        .no_reduction = p->common->no_reduction,
        .memory_bytes = p->memory_bytes,
        .tick = tick,
        .arg = &p->slot[i],
    };
    struct cell_outcome *out = cli_alloc(sizeof *out);
    struct report *part = report_new();
    cell_search(p->job[i].scenario, p->job[i].row, p->common, &options, out, part);
    char path[WITNESS_PATH_MAX];
    part_path(p, i, "json", path);
    bool ok = report_write(part, path, stderr);
    part_path(p, i, "outcome", path);
    ok = ok && write_outcome(path, out);
    report_free(part);
    free(out);
    fflush(NULL);
    _exit(ok ? 0 : EXIT_HARNESS);
}

static void start(struct pool *p, size_t i)
{
    struct job *j = &p->job[i];
    pid_t parent = getpid();
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        child(p, i, parent);
    if (pid < 0) {
        j->state = JOB_FAILED;
        snprintf(j->failure, sizeof j->failure, "cannot be started: %s", strerror(errno));
        p->finished++;
        return;
    }
    j->state = JOB_RUNNING;
    j->pid = pid;
    p->running++;
}

/* ---- the parent ----------------------------------------------------------------------------- */

static bool read_outcome(const char *path, struct cell_outcome *o)
{
    FILE *f = fopen(path, "rb");
    if (f == NULL)
        return false;
    bool ok = fread(o, sizeof *o, 1, f) == 1;
    fclose(f);
    return ok;
}

static void collect(struct pool *p, size_t i, int status)
{
    struct job *j = &p->job[i];
    char path[WITNESS_PATH_MAX], json[WITNESS_PATH_MAX];
    part_path(p, i, "outcome", path);
    part_path(p, i, "json", json);
    j->state = JOB_FAILED;
    j->pid = 0;
    if (WIFSIGNALED(status)) {
        snprintf(j->failure, sizeof j->failure, "the search died of signal %d (%s)",
                 WTERMSIG(status), strsignal(WTERMSIG(status)));
    } else if (WEXITSTATUS(status) != 0) {
        snprintf(j->failure, sizeof j->failure, "the search ended with status %d",
                 WEXITSTATUS(status));
    } else if (!read_outcome(path, &j->outcome) || (j->part = report_read(json, stderr)) == NULL) {
        snprintf(j->failure, sizeof j->failure, "the search left no readable result");
    } else if (!j->outcome.deterministic) {
        snprintf(j->failure, sizeof j->failure, "a witness did not replay to the same state");
    } else {
        j->state = JOB_DONE;
    }
    unlink(path);
    unlink(json);
    p->running--;
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
    for (size_t i = 0; i < p->n && n > 0; i++) {
        const struct job *j = &p->job[i];
        len += (size_t)n;
        n = 0;
        if (j->state != JOB_RUNNING || len > 90)
            continue;
        struct slot *s = &p->slot[i];
        uint64_t ms = atomic_load(&s->milliseconds), moves = atomic_load(&s->transitions);
        uint64_t bound = p->common->max_states != 0     ? p->common->max_states
                         : j->scenario->max_states != 0 ? j->scenario->max_states
                                                        : 50000000;
        char a[16], b[16], c[16];
        n = snprintf(line + len, sizeof line - len, " %s %s states of %s, %s/s, depth %u;",
                     j->scenario->name, cli_count(atomic_load(&s->states), a), cli_count(bound, b),
                     cli_count(ms > 0 ? moves * 1000 / ms : 0, c),
                     (unsigned)atomic_load(&s->depth));
        if (n < 0 || (size_t)n >= sizeof line - len)
            break;
    }
    fprintf(stderr, "\r%s\033[K", line);
    p->shown = true;
}

static void remove_dir(const struct pool *p)
{
    char path[WITNESS_PATH_MAX];
    for (size_t i = 0; i < p->n; i++) {
        part_path(p, i, "json", path);
        unlink(path);
        part_path(p, i, "outcome", path);
        unlink(path);
    }
    rmdir(p->dir);
}

/* Ends by the signal itself, so that a shell or make sees an interrupted command. */
static _Noreturn void die_of(struct pool *p, int sig)
{
    clear_progress(p);
    for (size_t i = 0; i < p->n; i++) {
        if (p->job[i].state == JOB_RUNNING)
            kill(p->job[i].pid, SIGKILL);
    }
    for (size_t i = 0; i < p->n; i++) {
        if (p->job[i].state == JOB_RUNNING)
            waitpid(p->job[i].pid, NULL, 0);
    }
    remove_dir(p);
    fprintf(stderr, "ackproof: interrupted, %zu of %zu scenarios were finished\n", p->finished,
            p->n);
    signal(sig, SIG_DFL);
    raise(sig);
    sigprocmask(SIG_SETMASK, &p->before, NULL);
    _exit(128 + sig);
}

static void reap(struct pool *p)
{
    for (size_t i = 0; i < p->n; i++) {
        int status;
        if (p->job[i].state != JOB_RUNNING)
            continue;
        pid_t pid = waitpid(p->job[i].pid, &status, WNOHANG);
        if (pid > 0)
            collect(p, i, status);
        else if (pid < 0 && errno != EINTR)
            collect(p, i, EXIT_HARNESS << 8);
    }
}

static bool pool_open(struct pool *p)
{
    if (!cli_mkdirs(p->common->out))
        return false;
    int n = snprintf(p->dir, sizeof p->dir - 32, "%s/.search-XXXXXX", p->common->out);
    if (n < 0 || (size_t)n >= sizeof p->dir - 32 || mkdtemp(p->dir) == NULL) {
        fprintf(stderr, "ackproof: %s: %s\n", p->common->out, strerror(errno));
        return false;
    }
    p->slot = mmap(NULL, (p->n + 1) * sizeof *p->slot, PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (p->slot == MAP_FAILED) {
        perror("ackproof: mmap");
        rmdir(p->dir);
        return false;
    }
    long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    if (pages > 0 && size > 0) {
        uint64_t share = (uint64_t)pages / 4 * 3 * (uint64_t)size / p->common->jobs;
        p->memory_bytes = share < (uint64_t)4 << 30 ? share : 0;
    }
    sigemptyset(&p->watched);
    sigaddset(&p->watched, SIGINT);
    sigaddset(&p->watched, SIGTERM);
    sigaddset(&p->watched, SIGHUP);
    sigaddset(&p->watched, SIGCHLD);
    signal(SIGCHLD, SIG_DFL); /* where it is ignored, children vanish without a status */
    sigprocmask(SIG_BLOCK, &p->watched, &p->before);
    return true;
}

bool jobs_run(struct job *job, size_t n, const struct common *common,
              void (*done)(void *arg, const struct job *j), void *arg)
{
    assert(job != NULL || n == 0);
    struct pool p = {.job = job, .n = n, .common = common, .progress = common_progress(common)};
    if (!pool_open(&p))
        return false;
    const struct timespec pause = {.tv_nsec = 250000000};
    bool ok = true;
    while (p.told < n) {
        while (p.started < n && p.running < common->jobs)
            start(&p, p.started++);
        if (p.running > 0) {
            int sig = sigtimedwait(&p.watched, NULL, &pause);
            if (sig > 0 && sig != SIGCHLD)
                die_of(&p, sig);
        }
        reap(&p);
        if (p.progress)
            show_progress(&p);
        for (; p.told < n && job[p.told].state >= JOB_DONE; p.told++) {
            clear_progress(&p);
            ok = ok && job[p.told].state == JOB_DONE;
            done(arg, &job[p.told]);
        }
    }
    sigprocmask(SIG_SETMASK, &p.before, NULL);
    munmap(p.slot, (n + 1) * sizeof *p.slot);
    remove_dir(&p);
    return ok;
}

void jobs_free(struct job *job, size_t n)
{
    for (size_t i = 0; i < n; i++)
        report_free(job[i].part);
    free(job);
}

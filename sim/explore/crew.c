#define _DEFAULT_SOURCE 1 /* MAP_ANONYMOUS */
#include "sim/explore/crew.h"

#include <assert.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    MEMBERS_MAX = 64,
    PATH_MAX_CHOICES = 1 << 16, /* that a mailbox or a witness can hold */
    BATCH = 64,                 /* states that a member may add before it asks again */
    SPINS = 50,
    TABLES_MAX = 40
};

enum box { BOX_IDLE, BOX_ASKS, BOX_FILLING, BOX_FULL };
enum stop { STOP_NOT, STOP_DONE, STOP_CUT };

/* What a member leaves behind, and where it is given work. */
struct member {
    _Atomic uint32_t box;
    _Atomic uint64_t states, transitions; /* so far, for progress */
    pid_t pid;
    uint32_t depth, first, n; /* of what is given */
    struct result result;     /* at the end; its witnesses lie in `witness` */
    bool cut;
    invariant_mask refuted;
    uint32_t witness_depth[INVARIANTS];
    uint32_t witness_n[INVARIANTS];
    /* In memory that is only backed where it was written. */
    struct path_choice choice[PATH_MAX_CHOICES];
    struct witness_choice witness[INVARIANTS][PATH_MAX_CHOICES];
};

struct crew {
    size_t bytes; /* of the whole mapping */
    uint32_t members_max;
    uint64_t states_max, memory_max;
    struct hash128 *table[TABLES_MAX]; /* places of the visited set, each twice as large */
    uint64_t cap_first;
    uint32_t tables;

    _Atomic uint32_t members; /* that were started, the leader among them */
    _Atomic uint32_t busy;    /* that have work, or are about to get it */
    _Atomic uint32_t asking;
    _Atomic uint32_t stop;
    _Atomic uint32_t pause; /* stand still: the table moves */
    _Atomic uint32_t parked;
    _Atomic uint32_t now;     /* table in use */
    _Atomic uint64_t taken;   /* states that were added or may be added by who took them */
    _Atomic uint32_t refuted; /* by anybody */
    _Atomic uint64_t stacks;  /* bytes */

    struct member *member; /* [members_max] */
    uint8_t *block;        /* of the mailboxes */
    size_t stride;
};

static struct member *me(const struct search *s)
{
    return &s->crew->member[s->member];
}

static struct world *box_block(const struct crew *c, uint32_t member)
{
    return (struct world *)(void *)(c->block + c->stride * member);
}

/* ---- the end of a member --------------------------------------------------------------------- */

static _Noreturn void give_up(const struct search *s, const char *why)
{
    const struct crew *c = s->crew;
    for (uint32_t i = 1; s->member == 0 && i < c->members; i++) {
        if (c->member[i].pid > 0) {
            kill(c->member[i].pid, SIGKILL);
            waitpid(c->member[i].pid, NULL, 0);
        }
    }
    fprintf(stderr, "ackproof: a search in several processes: %s\n", why);
    exit(3);
}

/* The leader's eye on its members: one that is gone before the end has crashed. */
static void look_after(const struct search *s)
{
    struct crew *c = s->crew;
    for (uint32_t i = 1; s->member == 0 && i < c->members; i++) {
        int status = 0;
        pid_t pid = c->member[i].pid;
        if (pid == 0 || waitpid(pid, &status, WNOHANG) == 0) {
            continue;
        }
        c->member[i].pid = 0;
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
            char why[64];
            snprintf(why, sizeof why, "one of them %s %d",
                     WIFSIGNALED(status) ? "died of signal" : "ended with status",
                     WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
            give_up(s, why);
        }
    }
}

static void wait_a_bit(const struct search *s, uint32_t *spins)
{
    const struct timespec t = {.tv_nsec = 20000};
    if (++*spins < SPINS) {
        sched_yield();
        return;
    }
    nanosleep(&t, NULL);
    look_after(s);
}

/* ---- the table ------------------------------------------------------------------------------- */

static uint64_t table_cap(const struct crew *c, uint32_t i)
{
    return c->cap_first << i;
}

static void table_use(struct search *s)
{
    const struct crew *c = s->crew;
    uint32_t now = atomic_load(&c->now);
    s->visited.at = c->table[now];
    s->visited.cap = table_cap(c, now);
    s->visited.shift = (uint32_t)__builtin_clzll(s->visited.cap) + 1;
}

static void stand_still(struct search *s)
{
    struct crew *c = s->crew;
    uint32_t spins = 0;
    /* The next one who moves the table may still count us: look again before going on. */
    do {
        atomic_fetch_add(&c->parked, 1);
        while (atomic_load(&c->pause) != 0 && atomic_load(&c->stop) == STOP_NOT) {
            wait_a_bit(s, &spins);
        }
        atomic_fetch_sub(&c->parked, 1);
    } while (atomic_load(&c->pause) != 0 && atomic_load(&c->stop) == STOP_NOT);
    table_use(s);
}

/* How many states the table takes before it has to grow, or cannot. */
static uint64_t table_room(const struct crew *c)
{
    uint32_t now = atomic_load(&c->now);
    uint64_t cap = table_cap(c, now);
    uint64_t bytes = cap * sizeof(struct hash128);
    bool grows = now + 1 < c->tables && bytes * 3 + atomic_load(&c->stacks) <= c->memory_max;
    return grows ? cap / 4 * 3 : cap / 8 * 7;
}

static void table_grow(struct search *s)
{
    struct crew *c = s->crew;
    uint32_t none = 0;
    uint32_t now = atomic_load(&c->now);
    if (!atomic_compare_exchange_strong(&c->pause, &none, 1)) {
        return; /* somebody else is at it */
    }
    uint32_t spins = 0;
    while (atomic_load(&c->parked) + 1 < atomic_load(&c->members) &&
           atomic_load(&c->stop) == STOP_NOT) {
        wait_a_bit(s, &spins);
    }
    if (now == atomic_load(&c->now) && atomic_load(&c->stop) == STOP_NOT) {
        visited_move(c->table[now + 1], table_cap(c, now + 1), &s->visited);
        (void)madvise(c->table[now], table_cap(c, now) * sizeof(struct hash128), MADV_REMOVE);
        atomic_store(&c->now, now + 1);
    }
    atomic_store(&c->pause, 0);
    table_use(s);
}

static void count_stack(struct search *s)
{
    uint64_t mine = (uint64_t)s->stack.frames * s->stack.stride;
    uint64_t all = atomic_fetch_add(&s->crew->stacks, mine - s->stack_told) + mine - s->stack_told;
    s->stack_told = mine;
    s->others = all - mine;
}

bool crew_make_room(struct search *s)
{
    struct crew *c = s->crew;
    count_stack(s);
    while (s->visited.n >= s->visited.grow_at) {
        if (atomic_load(&c->pause) != 0) {
            stand_still(s);
        }
        if (atomic_load(&c->stop) != STOP_NOT) {
            return false;
        }
        uint64_t cap = table_cap(c, atomic_load(&c->now));
        uint64_t taken = atomic_load(&c->taken);
        uint64_t room = table_room(c);
        uint64_t most = room < c->states_max ? room : c->states_max;
        if (taken < most) {
            uint64_t batch = (most - taken) / (4 * c->members_max) + 1;
            batch = batch < BATCH ? batch : BATCH;
            if (atomic_compare_exchange_strong(&c->taken, &taken, taken + batch)) {
                s->visited.grow_at = s->visited.n + batch;
            }
        } else if (taken >= c->states_max || room > cap / 4 * 3) {
            return false;
        } else {
            table_grow(s);
        }
    }
    return atomic_load(&c->stop) == STOP_NOT;
}

/* ---- work ------------------------------------------------------------------------------------ */

void crew_stop(struct search *s)
{
    uint32_t not = STOP_NOT;
    atomic_compare_exchange_strong(&s->crew->stop, &not, STOP_CUT);
}

static struct member *find_asker(struct crew *c, uint32_t *number)
{
    for (uint32_t i = 0; i < atomic_load(&c->members); i++) {
        uint32_t asks = BOX_ASKS;
        if (atomic_compare_exchange_strong(&c->member[i].box, &asks, BOX_FILLING)) {
            *number = i;
            return &c->member[i];
        }
    }
    return NULL;
}

/* To one who asks: what nobody has tried in the state nearest to the start. */
static void give(struct search *s)
{
    struct crew *c = s->crew;
    uint32_t n = 0;
    while (s->base < s->depth && (n = search_untried(s, s->base)) == 0) {
        s->base++;
    }
    uint32_t first = s->stack.first[s->base];
    uint32_t number;
    struct member *to;
    if (n == 0 || first + n > PATH_MAX_CHOICES || (to = find_asker(c, &number)) == NULL) {
        return;
    }
    atomic_fetch_add(&c->busy, 1);
    atomic_fetch_sub(&c->asking, 1);
    to->depth = s->base;
    to->first = first;
    to->n = first + n;
    memcpy(to->choice, s->path.at, (first + n) * sizeof to->choice[0]);
    to->choice[first + n - 1].answer++;
    s->machine->copy(box_block(c, number), search_block(s, s->base));
    atomic_store(&to->box, BOX_FULL);
    s->base++;
}

static void receive(struct search *s)
{
    struct member *m = me(s);
    if (!search_stand_at(s, m->depth)) {
        give_up(s, "no memory for a path");
    }
    s->machine->copy(search_block(s, m->depth), box_block(s->crew, s->member));
    s->stack.first[m->depth] = m->first;
    s->path.n = 0;
    for (uint32_t i = 0; i < m->n; i++) {
        odometer_add(&s->path, &m->choice[i]);
    }
    atomic_store(&m->box, BOX_IDLE);
}

/* False: somebody is filling our box, or has. */
static bool withdraw(struct search *s)
{
    uint32_t asks = BOX_ASKS;
    return atomic_compare_exchange_strong(&me(s)->box, &asks, BOX_IDLE);
}

bool crew_ask(struct search *s)
{
    struct crew *c = s->crew;
    struct member *m = me(s);
    atomic_fetch_sub(&c->taken, s->visited.grow_at - s->visited.n);
    s->visited.grow_at = s->visited.n;
    atomic_store(&m->states, s->result->states);
    atomic_store(&m->transitions, s->result->transitions);
    atomic_fetch_or(&c->refuted, s->refuted);
    atomic_store(&m->box, BOX_ASKS);
    atomic_fetch_add(&c->asking, 1);
    if (atomic_fetch_sub(&c->busy, 1) == 1) {
        uint32_t not = STOP_NOT;
        atomic_compare_exchange_strong(&c->stop, &not, STOP_DONE);
    }
    uint32_t spins = 0;
    while (atomic_load(&m->box) != BOX_FULL) {
        uint32_t stop = atomic_load(&c->stop);
        if (stop != STOP_NOT && withdraw(s)) {
            s->cut = s->cut || stop == STOP_CUT;
            return false;
        }
        if (stop == STOP_NOT && atomic_load(&c->pause) != 0) {
            stand_still(s);
        }
        wait_a_bit(s, &spins);
    }
    receive(s);
    return true;
}

bool crew_attend(struct search *s)
{
    struct crew *c = s->crew;
    if (atomic_load_explicit(&c->pause, memory_order_relaxed) != 0) {
        stand_still(s);
    }
    if (s->refuted != 0 && (atomic_fetch_or(&c->refuted, s->refuted) & s->wanted) == s->wanted) {
        return false;
    }
    if (atomic_load_explicit(&c->asking, memory_order_relaxed) > 0) {
        give(s);
    }
    if (s->result->transitions % 4096 < 64) {
        atomic_store(&me(s)->states, s->result->states);
        atomic_store(&me(s)->transitions, s->result->transitions);
        look_after(s);
    }
    return atomic_load_explicit(&c->stop, memory_order_relaxed) == STOP_NOT;
}

void crew_progress(const struct search *s, struct progress *p)
{
    for (uint32_t i = 0; i < s->crew->members; i++) {
        if (i != s->member) {
            p->states += atomic_load(&s->crew->member[i].states);
            p->transitions += atomic_load(&s->crew->member[i].transitions);
        }
    }
}

/* ---- adding up ------------------------------------------------------------------------------- */

static void leave_behind(struct search *s)
{
    struct member *m = me(s);
    m->result = *s->result;
    m->cut = s->cut;
    m->refuted = s->refuted;
    memcpy(m->witness_depth, s->witness_depth, sizeof m->witness_depth);
    for (uint32_t i = 0; i < INVARIANTS; i++) {
        const struct witness *w = &s->result->witness[i];
        if (w->n > PATH_MAX_CHOICES) {
            give_up(s, "a path is too long");
        }
        m->witness_n[i] = w->n;
        if (w->n > 0) {
            memcpy(m->witness[i], w->choice, w->n * sizeof w->choice[0]);
        }
    }
}

/* Which of two paths of one length is taken shall not depend on who was first. */
static bool comes_before(const struct witness_choice *a, uint32_t n, const struct witness *b)
{
    for (uint32_t i = 0; i < n && i < b->n; i++) {
        if (a[i].key != b->choice[i].key) {
            return a[i].key < b->choice[i].key;
        }
    }
    return n < b->n;
}

static void add_witness(struct search *s, const struct member *m, uint32_t inv)
{
    struct witness *w = &s->result->witness[inv];
    bool known = s->refuted >> inv & 1;
    if (known && (m->witness_depth[inv] > s->witness_depth[inv] ||
                  (m->witness_depth[inv] == s->witness_depth[inv] &&
                   !comes_before(m->witness[inv], m->witness_n[inv], w)))) {
        return;
    }
    s->witness_depth[inv] = m->witness_depth[inv];
    witness_start(w, s->sim.scenario);
    for (uint32_t i = 0; i < m->witness_n[inv]; i++) {
        const struct witness_choice *c = &m->witness[inv][i];
        witness_add(w, (enum choice)c->what, c->key, c->n);
    }
}

static void add_member(struct search *s, const struct member *m)
{
    struct result *r = s->result;
    r->states += m->result.states;
    r->transitions += m->result.transitions;
    r->moves += m->result.moves;
    r->ends += m->result.ends;
    r->digest.lo += m->result.digest.lo;
    r->digest.hi += m->result.digest.hi;
    r->depth_max = m->result.depth_max > r->depth_max ? m->result.depth_max : r->depth_max;
    r->reached |= m->result.reached;
    for (uint32_t i = 0; i < REACHES; i++) {
        r->reach_times[i] += m->result.reach_times[i];
    }
    for (uint32_t i = 0; i < INVARIANTS; i++) {
        if (m->refuted >> i & 1) {
            add_witness(s, m, i);
        }
    }
    s->refuted |= m->refuted;
    s->cut = s->cut || m->cut;
}

void crew_finish(struct search *s, const struct explore_options *o)
{
    struct crew *c = s->crew;
    if (s->member != 0) {
        leave_behind(s);
        _exit(0);
    }
    uint32_t spins = SPINS;
    for (uint32_t i = 1; i < c->members; i++) {
        while (c->member[i].pid != 0) {
            wait_a_bit(s, &spins);
        }
        add_member(s, &c->member[i]);
        if (o->idle != NULL) {
            atomic_fetch_add(o->idle, 1);
        }
    }
    s->result->processes = c->members;
}

void crew_free(struct search *s)
{
    if (s->crew != NULL) {
        visited_free(&s->visited);
        munmap(s->crew, s->crew->bytes);
        s->crew = NULL;
    }
}

/* ---- hiring ---------------------------------------------------------------------------------- */

static size_t pages(size_t bytes)
{
    return (bytes + 4095) / 4096 * 4096;
}

/* Places for tables from `first` on, as many as the bound of memory lets grow. */
static uint32_t count_tables(uint64_t first, uint64_t bytes_max, size_t *bytes)
{
    uint32_t n = 1;
    *bytes = first * sizeof(struct hash128);
    while (n < TABLES_MAX && (first << (n - 1)) * sizeof(struct hash128) <= bytes_max / 3) {
        *bytes += (first << n) * sizeof(struct hash128);
        n++;
    }
    return n;
}

static struct crew *crew_map(const struct search *s, uint32_t members_max)
{
    uint64_t first = s->visited.cap;
    size_t tables;
    uint32_t n = count_tables(first, s->memory_max, &tables);
    size_t members = pages(members_max * sizeof(struct member));
    size_t blocks = pages(members_max * s->stack.stride);
    size_t bytes = pages(sizeof(struct crew)) + members + blocks + tables;
    uint8_t *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) {
        return NULL;
    }
    struct crew *c = (struct crew *)(void *)p;
    *c = (struct crew){.bytes = bytes,
                       .members_max = members_max,
                       .states_max = s->states_max,
                       .memory_max = s->memory_max,
                       .cap_first = first,
                       .tables = n,
                       .stride = s->stack.stride};
    c->member = (struct member *)(void *)(p + pages(sizeof *c));
    c->block = p + pages(sizeof *c) + members;
    uint8_t *table = c->block + blocks;
    for (uint32_t i = 0; i < n; i++) {
        c->table[i] = (struct hash128 *)(void *)table;
        table += table_cap(c, i) * sizeof(struct hash128);
    }
    (void)madvise(c->table[0], tables, MADV_HUGEPAGE);
    return c;
}

/* The table moves to where all see it. */
static bool crew_open(struct search *s, uint32_t members_max)
{
    struct crew *c = crew_map(s, members_max);
    if (c == NULL) {
        return false;
    }
    memcpy(c->table[0], s->visited.at, s->visited.cap * sizeof(struct hash128));
    for (uint64_t i = 0; i < s->visited.cap; i++) { /* neither half of one in shared memory is 0 */
        struct hash128 *h = &c->table[0][i];
        h->hi += h->lo != 0 && h->hi == 0;
        h->lo += h->hi != 0 && h->lo == 0;
    }
    uint64_t n = s->visited.n;
    visited_free(&s->visited);
    s->crew = c;
    s->visited = (struct visited){.n = n, .grow_at = n, .shared = true};
    atomic_store(&c->members, 1);
    atomic_store(&c->busy, 1);
    atomic_store(&c->taken, n);
    table_use(s);
    s->states_max = UINT64_MAX;
    return true;
}

static _Noreturn void serve(struct search *s, uint32_t number, pid_t leader)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* nobody shall search on when the leader was killed */
    if (getppid() != leader) {
        _exit(3);
    }
    s->member = number;
    memset(s->result, 0, sizeof *s->result);
    s->refuted = 0;
    s->cut = false;
    s->visited.n = s->visited.grow_at = 0;
    s->stack_told = 0;
    table_use(s);
    if (crew_ask(s)) {
        search_walk(s, NULL);
    }
    crew_finish(s, NULL);
    _exit(3);
}

static bool hire(struct search *s)
{
    struct crew *c = s->crew;
    uint32_t number = atomic_load(&c->members);
    pid_t leader = getpid();
    atomic_fetch_add(&c->busy, 1); /* it asks before anything else */
    atomic_fetch_add(&c->members, 1);
    pid_t pid = fork();
    if (pid == 0) {
        serve(s, number, leader);
    }
    if (pid < 0) {
        atomic_fetch_sub(&c->members, 1);
        atomic_fetch_sub(&c->busy, 1);
        return false;
    }
    c->member[number].pid = pid;
    return true;
}

static bool take_processor(_Atomic int32_t *idle)
{
    if (idle == NULL) {
        return true;
    }
    int32_t n = atomic_load(idle);
    while (n > 0 && !atomic_compare_exchange_weak(idle, &n, n - 1)) {
    }
    return n > 0;
}

void crew_hire(struct search *s, const struct explore_options *o)
{
    uint64_t after = o != NULL && o->share_after > 0 ? o->share_after : 200000;
    uint32_t jobs = o == NULL ? 1 : o->jobs < MEMBERS_MAX ? o->jobs : MEMBERS_MAX;
    if (o == NULL || s->result->states < after || s->member != 0 || s->alone || o->save != NULL) {
        return;
    }
    while ((s->crew == NULL ? 1 : s->crew->members) < jobs && take_processor(o->idle)) {
        if ((s->crew == NULL && !crew_open(s, jobs)) || !hire(s)) {
            s->alone = true; /* as good as it gets */
            if (o->idle != NULL) {
                atomic_fetch_add(o->idle, 1);
            }
            return;
        }
    }
}

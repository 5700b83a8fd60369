/* Whole searches of small worlds: exact verdicts, the same counts again and by another way, what
 * sampling finds and must not find, and witnesses that can be replayed. */
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/explore/search.h"
#include "sim/explore/walk_test_util.h"
#include "sim/test_sim.h"

#define B(x) (1u << INV_##x)

#define LOSE_P  "faults: [{point: node/power, of: primary}]\n"
#define LOSE_PR "faults: [{point: node/power, of: primary}, {point: node/power, of: replica}]\n"
#define LAGS    "manager: {applier: at-promotion}\n"
#define RESTART "manager: {on_primary_loss: [restart]}\n"
#define ONE     "workload: {sessions: 1, transactions: 1}\n"
#define SEQ     "workload: {sessions: 1, transactions: 2}\n"
#define TWO     "workload: {sessions: 2, transactions: 2}\n"
#define PAIR_OF(primary, replica)                                                                  \
    RIG_HEAD "cluster: {primary: {" primary "}, replicas: [{" replica "}]}\n"

struct cell {
    uint32_t row;
    const char *what;
    invariant_mask breaks;
    const char *yaml;
};

static const struct cell cells[] = {
    {1, "AFTER_COMMIT, one", B(NOPHANTOM), PAIR_OF("wait_point: AFTER_COMMIT", "") ONE LOSE_P},
    {1, "AFTER_COMMIT, two", B(NOPHANTOM), PAIR_OF("wait_point: AFTER_COMMIT", "") SEQ LOSE_P},
    {2, "AFTER_SYNC, one", 0, RIG_PAIR ONE LOSE_P},
    {2, "AFTER_SYNC, two", 0, RIG_PAIR TWO LOSE_P},
    {3, "BEFORE_WRITE", 0, PAIR_OF("wait_point: BEFORE_WRITE", "") ONE LOSE_P},
    {4, "relay not synced", B(NOLOSS) | B(NOPHANTOM) | B(ACKTRUE) | B(LIVE),
     PAIR_OF("", "sync_relay_log: 0") ONE LOSE_PR LAGS},
    {4, "relay synced and kept", B(LIVE), RIG_PAIR ONE LOSE_PR LAGS},
    {4, "relay synced and purged", B(NOLOSS) | B(NOPHANTOM) | B(ACKTRUE),
     PAIR_OF("", "relay_log: purge") ONE LOSE_PR LAGS},
    {5, "one relay fsync lies", B(NOLOSS) | B(NOPHANTOM) | B(ACKTRUE) | B(LIVE),
     RIG_PAIR ONE
     "faults: [{point: disk/fsync/lie, of: replica, file: relay},\n"
     "         {point: node/power, of: primary}, {point: node/power, of: replica}]\n" LAGS},
    {8, "sync_binlog=0", B(NOLOSS) | B(NOPHANTOM) | B(NOAHEAD) | B(CONVERGE) | B(AGREE) | B(LIVE),
     PAIR_OF("sync_binlog: 0", "") SEQ LOSE_P RESTART},
    {8, "sync_binlog=1", 0, RIG_PAIR SEQ LOSE_P RESTART},
    {10, "promote the most advanced", 0, RIG_TRIO ONE LOSE_P LAGS},
    {10, "promote any", B(NOLOSS) | B(NOPHANTOM),
     RIG_TRIO ONE LOSE_P "manager: {promote: any, applier: at-promotion}\n"},
    {12, "asynchronous", B(NOLOSS) | B(NOPHANTOM), PAIR_OF("semi_sync: off", "") ONE LOSE_P},
    {0, "a server alone", 0, RIG_HEAD "cluster: {primary: {semi_sync: off}}\n" TWO LOSE_P},
};
enum { CELLS = sizeof cells / sizeof cells[0] };

static struct result found[CELLS];
static struct scenario scenario[CELLS];

static invariant_mask broken(const struct result *r)
{
    invariant_mask m = 0;
    for (uint32_t i = 0; i < INVARIANTS; i++)
        m |= (r->verdict[i] == VERDICT_BREAKS ? 1u : 0u) << i;
    return m;
}

static void verdicts_are_exact(void **state)
{
    (void)state;
    for (uint32_t c = 0; c < CELLS; c++) {
        rig_load(&scenario[c], cells[c].yaml);
        explore_exhaust(&scenario[c], NULL, &found[c]);
        assert_true(found[c].exhausted);
        for (uint32_t i = 0; i < INVARIANTS; i++) {
            if (found[c].verdict[i] !=
                ((cells[c].breaks >> i & 1) != 0 ? VERDICT_BREAKS : VERDICT_HOLDS))
                fail_msg("%s: %s %s", cells[c].what, invariant_id((enum invariant)i),
                         verdict_text(found[c].verdict[i]));
        }
        print_message("row %2u  %-26s %8llu states %8llu transitions %6llu ends\n", cells[c].row,
                      cells[c].what, (unsigned long long)found[c].states,
                      (unsigned long long)found[c].transitions, (unsigned long long)found[c].ends);
    }
}

/* The blocks of the second search lie in memory that the searches before it have used. */
static void a_second_search_is_the_same(void **state)
{
    (void)state;
    for (uint32_t c = CELLS; c-- > 0;) {
        struct result again;
        explore_exhaust(&scenario[c], NULL, &again);
        if (again.states != found[c].states)
            print_error("%s\n", cells[c].what);
        assert_int_equal(again.states, found[c].states);
        assert_int_equal(again.transitions, found[c].transitions);
        assert_int_equal(again.ends, found[c].ends);
        assert_int_equal(again.depth_max, found[c].depth_max);
        assert_int_equal(again.reached, found[c].reached);
        assert_memory_equal(again.reach_times, found[c].reach_times, sizeof again.reach_times);
        assert_int_equal(broken(&again), broken(&found[c]));
        for (uint32_t i = 0; i < INVARIANTS; i++)
            assert_hash_equal(again.witness[i].final_hash, found[c].witness[i].final_hash);
        result_free(&again);
    }
}

/* ---- the same by another way ----------------------------------------------------------------- */

/* Recursion over whole blocks, copied with memcpy; every hash from scratch; answers are counted up
 * by hand. Shares nothing with the search but the world itself. */
enum { SEEN_MAX = 1 << 18 };
static struct naive {
    struct hash128 seen[SEEN_MAX];
    bool used[SEEN_MAX];
    uint64_t states, transitions, ends;
    invariant_mask broken;
} naive;

static bool first_time(struct hash128 h)
{
    uint64_t at = h.lo % SEEN_MAX;
    for (; naive.used[at]; at = (at + 1) % SEEN_MAX) {
        if (hashes_equal(naive.seen[at], h))
            return false;
    }
    naive.used[at] = true;
    naive.seen[at] = h;
    naive.states++;
    assert_true(naive.states < SEEN_MAX / 2);
    return true;
}

static struct hash128 hash_anew(struct rig *g)
{
    for (uint32_t i = 0; i < g->sc.n_nodes; i++)
        node_touch(g->w, i);
    return world_hash(g->w);
}

/* The next list of answers to the last step's questions; false where all were given. */
static bool count_up(struct rig *g, uint32_t *answer)
{
    for (uint32_t i = g->asked; i-- > 0;) {
        if (answer[i] + 1 < g->question[i].n) {
            answer[i]++;
            memset(answer + i + 1, 0, (RIG_ASKED_MAX - i - 1) * sizeof answer[0]);
            return true;
        }
    }
    return false;
}

static void visit(struct rig *g)
{
    struct moves m;
    struct world *here = rig_block(0);
    memcpy(here, g->w, world_size());
    moves_list(&g->sim, &m);
    if (m.n == 0)
        naive.ends++;
    for (uint32_t i = 0; i < m.n; i++) {
        uint32_t answer[RIG_ASKED_MAX] = {0};
        do {
            memcpy(g->w, here, world_size());
            for (uint32_t a = 0; a < RIG_ASKED_MAX; a++)
                rig_answer(g, answer[a]);
            naive.broken |= rig_take(g, m.key[i]);
            naive.transitions++;
            struct rig asked;
            memcpy(&asked, g, sizeof asked);
            if (first_time(hash_anew(g)))
                visit(g);
            memcpy(g->question, asked.question, sizeof g->question);
            g->asked = asked.asked;
        } while (count_up(g, answer));
    }
    free(here);
}

static void another_way_finds_the_same(void **state)
{
    (void)state;
    for (uint32_t c = 0; c < CELLS; c += WALK_STRIDE) {
        struct rig g;
        struct result whole; /* the reduction left out: the other way has none */
        if (found[c].states > 20000)
            continue;
        explore_exhaust(&scenario[c], &(struct explore_options){.no_reduction = REDUCE_ALL},
                        &whole);
        memset(&naive, 0, sizeof naive);
        rig_open(&g, cells[c].yaml);
        assert_true(first_time(hash_anew(&g)));
        visit(&g);
        if (naive.states != whole.states)
            print_error("%s\n", cells[c].what);
        assert_int_equal(naive.states, whole.states);
        assert_int_equal(naive.transitions, whole.transitions);
        assert_int_equal(whole.moves, whole.transitions);
        assert_true(found[c].moves > found[c].transitions); /* with what follows from them */
        assert_int_equal(naive.ends, whole.ends);
        result_free(&whole);
        assert_int_equal(naive.broken, cells[c].breaks);
        rig_close(&g);
    }
}

/* ---- sampling -------------------------------------------------------------------------------- */

static void sampling_never_refutes_what_holds(void **state)
{
    (void)state;
    const uint32_t runs = 20000 / WALK_STRIDE;
    for (uint32_t c = 0; c < CELLS; c++) {
        struct result r;
        explore_random(&scenario[c], DRIVER_SWARM, 1, runs, NULL, &r);
        assert_int_equal(r.runs, runs);
        if ((broken(&r) & ~cells[c].breaks) != 0)
            fail_msg("%s: broken is %x", cells[c].what, broken(&r));
        assert_int_equal(r.reached & ~found[c].reached, 0); /* nor meets what cannot be met */
        result_free(&r);
    }
}

static void sampling_finds_what_breaks(void **state)
{
    (void)state;
    for (uint32_t c = 0; c < CELLS; c++) {
        uint32_t row = cells[c].row;
        if (row != 1 && row != 4 && row != 5 && row != 10)
            continue;
        invariant_mask open = cells[c].breaks;
        for (uint64_t from = 1; open != 0 && from < 200000; from += 10000) {
            struct result r;
            explore_random(&scenario[c], DRIVER_SWARM, from, from + 9999, NULL, &r);
            open &= ~broken(&r);
            result_free(&r);
        }
        if (open != 0)
            fail_msg("%s: %x is not found in 200000 seeds", cells[c].what, open);
    }
}

/* ---- what a block does not use ------------------------------------------------------------ */

/* Where a copy leaves the target as it was, anything may stand: here what looks most like something
 * in use. */
static void copy_over_rubbish(struct world *to, const struct world *from)
{
    static uint32_t turn;
    static const int rubbish[] = {0x01, 0x00, 0x02, 0xA5};
    memset(to, rubbish[turn++ % 4], sizeof *to);
    world_copy(to, from);
}

static void assert_unread(const struct scenario *sc, uint64_t max_states)
{
    const struct explore_options o = {.max_states = max_states};
    struct machine dirty = world_machine;
    struct result clean, other;
    dirty.copy = copy_over_rubbish;
    dirty.undo = NULL;
    search_exhaust(&world_machine, sc, &o, &clean);
    search_exhaust(&dirty, sc, &o, &other);
    assert_int_equal(other.states, clean.states);
    assert_int_equal(other.transitions, clean.transitions);
    assert_hash_equal(other.digest, clean.digest);
    assert_memory_equal(other.verdict, clean.verdict, sizeof clean.verdict);
    result_free(&clean);
    result_free(&other);
}

static void nobody_reads_what_is_not_in_use(void **state)
{
    (void)state;
    glob_t files;
    struct scenario sc;
    rig_load(&sc, RIG_TRIO ONE
             "faults: [{point: net/reset, at_most: 1}, {point: node/kill, of: replica}]\n");
    assert_unread(&sc, 2000);
    assert_int_equal(glob("scenarios/[0-9]*.yaml", 0, NULL, &files), 0);
    for (size_t i = 0; i < files.gl_pathc; i += WALK_STRIDE) {
        assert_true(scenario_load(files.gl_pathv[i], &sc, stderr));
        assert_unread(&sc, 120);
    }
    globfree(&files);
}

/* ---- witnesses ------------------------------------------------------------------------------- */

static void a_witness_can_be_replayed(void **state)
{
    (void)state;
    uint32_t n = 0;
    for (uint32_t c = 0; c < CELLS; c++) {
        for (uint32_t i = 0; i < INVARIANTS; i++) {
            const struct witness *w = &found[c].witness[i];
            struct run_outcome out[2];
            if ((cells[c].breaks >> i & 1) == 0) {
                assert_int_equal(w->n, 0);
                continue;
            }
            assert_true(w->n > 0);
            for (uint32_t again = 0; again < 2; again++)
                assert_int_equal(
                    explore_replay(&scenario[c], w, NULL, &out[again], stderr, NULL, NULL),
                    REPLAY_DONE);
            assert_true(out[0].violated >> i & 1);
            assert_hash_equal(out[0].rolling, out[1].rolling);
            n++;
        }
    }
    assert_true(n >= 20);
}

static int free_all(void **state)
{
    (void)state;
    for (uint32_t c = 0; c < CELLS; c++)
        result_free(&found[c]);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verdicts_are_exact),
        cmocka_unit_test(a_second_search_is_the_same),
        cmocka_unit_test(another_way_finds_the_same),
        cmocka_unit_test(sampling_never_refutes_what_holds),
        cmocka_unit_test(sampling_finds_what_breaks),
        cmocka_unit_test(nobody_reads_what_is_not_in_use),
        cmocka_unit_test(a_witness_can_be_replayed),
    };
    return cmocka_run_group_tests(tests, NULL, free_all) != 0;
}

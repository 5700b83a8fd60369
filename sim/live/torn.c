/* Cases in which a power loss tears the last write to the binlog: of T3's group a part is left, cut
 * at a sector, behind T2, which waits for its ACK. The server starts again, leaves the part where
 * it is, and goes on in the next file. What a replica is sent of it depends on where it begins.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "sim/live/stage.h"

enum {
    SECTOR = 512,
    TAIL_MAX = 2 * SECTOR,
    TORN_PAD = 2 * SECTOR,
    TORN_WATCH_MS = 1000,
};

struct torn_case {
    const char *title;
    bool behind;  /* the replica has not received T2 */
    bool between; /* the cut falls between two events, else into one */
};

static const struct torn_case cases[] = {
    {.title = "T3's group is torn in an event; the replica has T2"},
    {.title = "T3's group is torn in an event; the replica lacks T2", .behind = true},
    {.title = "T3's group is torn between two events; the replica lacks T2",
     .behind = true,
     .between = true},
};

struct torn_play {
    struct stage st; /* first: what is turned */
    char path[GUARD_PATH_MAX + 32];
    uint32_t from, to; /* the part of T3's group that is left */
    uint8_t tail[TAIL_MAX];
};

/* ---- the torn write ------------------------------------------------------------------------- */

static bool size_of(struct torn_play *p, uint32_t *size)
{
    struct stat s;

    if (stat(p->path, &s) != 0) {
        return run_fail(p->st.run, "no binlog.000001");
    }
    *size = (uint32_t)s.st_size;
    return true;
}

/* Length of GTID and ANNOTATE_ROWS of the last group, whose like T3's is. */
static bool head_of_group(struct torn_play *p, uint32_t *len)
{
    enum { EVENTS_MAX = 2 };
    const struct held *last = &p->st.primary.at[p->st.primary.n - 1];
    uint8_t bytes[TAIL_MAX];
    struct event_head h;
    FILE *f = fopen(p->path, "rbe");
    size_t n = 0;

    if (f != NULL && fseek(f, (long)last->start, SEEK_SET) == 0) {
        n = fread(bytes, 1, sizeof bytes, f);
    }
    if (f != NULL) {
        (void)fclose(f);
    }
    *len = 0;
    for (int i = 0; i < EVENTS_MAX; i++) {
        if (event_parse(bytes + *len, (uint32_t)n - *len, true, &h) != FMT_OK) {
            return run_fail(p->st.run, "the last group of binlog.000001 cannot be read");
        }
        *len += h.len;
    }
    return true;
}

/* T3 is made so long that the cut is where it is to be. */
static bool choose_cut(struct torn_play *p, const struct torn_case *c)
{
    uint32_t head;

    if (!stage_read_logs(&p->st) || !size_of(p, &p->from) || !head_of_group(p, &head)) {
        return false;
    }
    p->st.pad = TORN_PAD;
    p->to = p->from + SECTOR - p->from % SECTOR;
    if (c->between) {
        p->st.pad = SECTOR - (p->from + head) % SECTOR;
        p->to = p->from + head + p->st.pad;
    }
    assert(p->to - p->from <= sizeof p->tail);
    return true;
}

static bool commit_into_trap(struct torn_play *p)
{
    struct stage *st = &p->st;

    peer_set_down(&st->peer[0], true); /* behind the trap there is nobody to connect to */
    if (!stage_set_trap(st, "fsync", "binlog.000001", "kill", 0) || !stage_send(st, 1) ||
        !stage_until_trapped(st, "fsync", "binlog.000001")) {
        return false;
    }
    power_clear_trap(st->run->server.journal);
    return true;
}

/* Reads what is to be left, or puts it back behind what is durable. */
static bool tail(struct torn_play *p, bool put)
{
    FILE *f = fopen(p->path, put ? "r+be" : "rbe");
    size_t len = p->to - p->from;
    bool good = f != NULL && fseek(f, (long)p->from, SEEK_SET) == 0 &&
                (put ? fwrite(p->tail, 1, len, f) : fread(p->tail, 1, len, f)) == len;

    if (f != NULL) {
        good = fclose(f) == 0 && good;
    }
    return good || run_fail(p->st.run, "binlog.000001 has no such part");
}

static bool lose_power(struct torn_play *p)
{
    struct stage *st = &p->st;
    uint32_t size = 0;

    st->keep_power = true;
    if (!stage_lose(st) || !tail(p, false) || !stage_power_off(st, NULL) || !size_of(p, &size)) {
        return false;
    }
    if (size != p->from) {
        return run_fail(st->run, "T3's group was not what was lost of binlog.000001");
    }
    run_say(st->run, "    of T3's group %u bytes are left, up to %u", p->to - p->from, p->to);
    return tail(p, true) && stage_read_logs(st);
}

/* ---- behind the restart --------------------------------------------------------------------- */

static bool has_t2(const struct stage *st)
{
    return peer_received(&st->peer[0]) >= 2;
}

/* An error would stop an IO thread. The dump thread of a semi-sync replica that meets the torn
 * event does not get so far: it hangs, with all that it has sent still in its buffer. */
static bool connect_again(struct stage *st)
{
    struct peer *p = &st->peer[0];

    peer_set_deaf(p, false);
    peer_set_hold(p, false);
    peer_set_down(p, false);
    for (uint64_t end = guard_now_ms() + TORN_WATCH_MS; guard_now_ms() < end && !has_t2(st);) {
        if (!stage_turn(st)) {
            return false;
        }
    }
    run_say(st->run, "    the replica is %s, and has %s", peer_streaming(p) ? "connected" : "away",
            has_t2(st) ? "T2" : "not been sent T2, nor an error");
    return true;
}

static bool say_dump(struct stage *st)
{
    char text[120];

    if (!session_text(&st->reader,
                      "SELECT STATE FROM information_schema.PROCESSLIST WHERE COMMAND ="
                      " 'Binlog Dump' ORDER BY ID DESC LIMIT 1",
                      text, sizeof text)) {
        return run_fail(st->run, "reader: %s", st->reader.error);
    }
    run_say(st->run, "    its dump thread: %s", text);
    return true;
}

/* T4 takes the GTID of what was torn. */
static bool next_transaction(struct stage *st)
{
    struct live_session *client = &st->client[0];
    uint64_t begin = guard_now_ms();

    st->pad = 0;
    if (!session_open(client, st->run->server.socket)) {
        return run_fail(st->run, "client: %s", client->error);
    }
    if (!stage_send(st, 0)) {
        return false;
    }
    while (!stage_answered(st, 0) && guard_now_ms() - begin < RUN_STUCK_MS) {
        if (!stage_turn(st)) {
            return false;
        }
    }
    run_judge(st->run, INV_LIVE, stage_answered(st, 0) ? 0 : st->sent[0],
              "not answered beside a replica that is connected");
    return true;
}

static bool play(struct torn_play *p, const struct torn_case *c, const char *name)
{
    struct stage *st = &p->st;

    if (!stage_up(st, st->run, name)) {
        return false;
    }
    (void)snprintf(p->path, sizeof p->path, "%s/binlog.000001", st->run->server.data);
    peer_set_deaf(&st->peer[0], c->behind);
    peer_set_hold(&st->peer[0], true);
    if (!stage_send(st, 0) ||
        !stage_until(st, stage_in_binlog, STAGE_LIMIT_MS, "T2 reaches the binlog") ||
        !stage_until(st, stage_all_received, STAGE_LIMIT_MS, "the replica receives T2") ||
        !choose_cut(p, c) || !commit_into_trap(p) || !lose_power(p)) {
        return false;
    }
    stage_say_seen(st, "lost");
    if (!stage_go_on(st) || st->refused) {
        return st->refused;
    }
    if (!connect_again(st) || !next_transaction(st) || !say_dump(st) || !stage_read(st) ||
        !stage_read_logs(st)) {
        return false;
    }
    stage_say_seen(st, "T4 behind it");
    stage_judge_replicas(st);
    return true;
}

bool torn_writes(struct live_run *r)
{
    bool good = true;

    for (size_t i = 0; good && i < sizeof cases / sizeof cases[0]; i++) {
        struct torn_play *p = calloc(1, sizeof *p);
        char name[16];

        assert(p != NULL);
        run_case(r, cases[i].title);
        (void)snprintf(name, sizeof name, "case%u", r->out->n_cases);
        p->st.run = r;
        good = play(p, &cases[i], name);
        stage_down(&p->st);
        run_case_end(r);
        free(p);
    }
    return good;
}

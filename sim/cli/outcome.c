/* What a worker found, on its way to the parent: the struct as it stands in memory, and behind it
 * what its pointers point to, in a fixed order. Both are the same program, forked, so nothing needs
 * to be portable. */
#include "sim/cli/jobs.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct head {
    size_t number;
    size_t bytes; /* behind the head */
};

struct piece {
    void *at;
    size_t bytes;
};
enum { PIECES_MAX = 2 * INVARIANTS + 1 };

/* What the pointers of an outcome point to. */
static uint32_t pieces(const struct cell_outcome *o, struct piece at[PIECES_MAX])
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < INVARIANTS; i++) {
        const struct witness *w = &o->result.witness[i];
        at[n++] = (struct piece){w->choice, w->n * sizeof w->choice[0]};
        at[n++] = (struct piece){o->story[i].step, o->story[i].n * sizeof o->story[i].step[0]};
    }
    at[n++] = (struct piece){o->faults.search, o->faults.n * sizeof o->faults.search[0]};
    assert(n == PIECES_MAX);
    return n;
}

/* They point to something else now. */
static void settle(struct cell_outcome *o, const struct piece at[PIECES_MAX])
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < INVARIANTS; i++) {
        o->result.witness[i].choice = at[n++].at;
        o->result.witness[i].cap = o->result.witness[i].n;
        o->story[i].step = at[n++].at;
        o->story[i].cap = o->story[i].n;
    }
    o->faults.search = at[n].at;
    o->faults.cap = o->faults.n;
}

void cell_outcome_free(struct cell_outcome *o)
{
    if (o == NULL)
        return;
    result_free(&o->result);
    for (uint32_t i = 0; i < INVARIANTS; i++)
        story_free(&o->story[i]);
    fault_walk_free(&o->faults);
}

static bool write_all(int fd, const uint8_t *bytes, size_t n)
{
    while (n > 0) {
        ssize_t done = write(fd, bytes, n);
        if (done < 0 && errno != EINTR)
            return false;
        bytes += done > 0 ? done : 0;
        n -= done > 0 ? (size_t)done : 0;
    }
    return true;
}

static bool read_all(int fd, void *to, size_t n)
{
    uint8_t *bytes = to;
    while (n > 0) {
        ssize_t done = read(fd, bytes, n);
        if (done == 0 || (done < 0 && errno != EINTR))
            return false;
        bytes += done > 0 ? done : 0;
        n -= done > 0 ? (size_t)done : 0;
    }
    return true;
}

bool cell_outcome_send(int fd, size_t number, const struct cell_outcome *o)
{
    struct piece at[PIECES_MAX];
    uint32_t n = pieces(o, at);
    struct head head = {number, sizeof *o};
    for (uint32_t i = 0; i < n; i++)
        head.bytes += at[i].bytes;
    uint8_t *text = cli_alloc(sizeof head + head.bytes); /* one write where the pipe takes it */
    size_t used = sizeof head + sizeof *o;
    memcpy(text, &head, sizeof head);
    memcpy(text + sizeof head, o, sizeof *o);
    for (uint32_t i = 0; i < n; i++) {
        if (at[i].bytes > 0)
            memcpy(text + used, at[i].at, at[i].bytes);
        used += at[i].bytes;
    }
    bool ok = write_all(fd, text, used);
    free(text);
    return ok;
}

bool cell_outcome_receive(int fd, size_t *number, struct cell_outcome *o)
{
    struct head head;
    if (!read_all(fd, &head, sizeof head) || !read_all(fd, o, sizeof *o)) {
        memset(o, 0, sizeof *o);
        return false;
    }
    *number = head.number;
    struct piece at[PIECES_MAX];
    uint32_t n = pieces(o, at);
    bool ok = true;
    for (uint32_t i = 0; i < n; i++) {
        at[i].at = at[i].bytes > 0 ? cli_alloc(at[i].bytes) : NULL;
        ok = ok && (at[i].bytes == 0 || read_all(fd, at[i].at, at[i].bytes));
    }
    settle(o, at);
    return ok;
}

/* `ackproof live`: a scenario on a real mariadbd.
 *
 * live_run starts a server of its own (temporary data directory, unix socket, no network), attaches
 * one semi-sync peer per replica of the scenario (the receiver core of src/replica over real files
 * and the real dump stream, which sends its ACK packets itself and can hold them), lets clients
 * commit, reads from a connection of its own, kills with SIGKILL, restarts where the scenario says
 * so, and judges what it saw by the same promises as the search. The scenario's settings decide
 * what is played, never its name.
 *
 * A crash test samples: "held" means held in every case that was played, never proved. A broken
 * promise is a fact. Everything started here is ended and every file made here is removed before
 * live_run returns, and also on SIGINT, SIGTERM, SIGHUP, on a failed assertion, or when this
 * process gets SIGKILL (a guardian process watches it, sim/live/guard.h).
 */
#ifndef ACKPROOF_SIM_LIVE_LIVE_H
#define ACKPROOF_SIM_LIVE_LIVE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "model/invariant.h"
#include "sim/scenario.h"

enum { LIVE_LINE_MAX = 200, LIVE_LINES_MAX = 400 };

enum live_verdict {
    LIVE_NOT_JUDGED, /* a kill -9, a held ACK and a restart cannot show it */
    LIVE_HOLDS,      /* held in every case in which it was judged */
    LIVE_BREAKS,     /* broke in at least one */
};
const char *live_verdict_text(enum live_verdict v); /* "not judged" "holds" "breaks" */

struct live_options {
    const char *server_path; /* NULL: mariadbd is looked for in PATH, then in /usr/sbin */
    const char *temp_dir;    /* where the data directory goes; NULL: TMPDIR, then /tmp */
    const char *out_dir; /* NULL, or: the lines below go to out_dir/<scenario>.live.txt as well */
    bool quiet;          /* nothing on log but errors, reasons for 77, and the table */
    bool colour;
    /* What the search said of each promise ("holds", "breaks", ...), printed beside what was seen;
     * NULL where it was not asked. */
    const char *search_said[INVARIANTS];
};

struct live_judgement {
    enum live_verdict verdict;
    enum expectation expected;
    uint32_t cases;          /* in which it was judged */
    uint32_t broken;         /* of which it broke */
    char how[LIVE_LINE_MAX]; /* the first break in words; "" without one */
};

struct live_result {
    char scenario[SCENARIO_NAME_MAX];
    char server_version[64]; /* as the server says it: "10.11.19-MariaDB-..." */
    struct live_judgement judged[INVARIANTS];
    uint32_t n_judged; /* promises with a verdict other than LIVE_NOT_JUDGED */
    uint32_t n_cases;
    double seconds;
    char reason[LIVE_LINE_MAX]; /* of status 3 or 77; else "" */
    uint32_t n_lines;           /* what was seen, case by case, as printed */
    char line[LIVE_LINES_MAX][LIVE_LINE_MAX];
};

/* Exit status as in design section 8:
 *   0   every promise that could be judged came out as the scenario expects
 *   1   one differs
 *   3   the run itself failed: server died unasked, time limit, I/O
 *   77  something is missing: no mariadbd (names the Debian package), or there is nothing in the
 *       scenario that a real server can be made to show (says why)
 *   128 + n   ended by signal n, after cleaning up; the caller may raise it again
 * `out` is filled in all cases. Not reentrant: signal handlers and one guardian per process. */
int live_run(const struct scenario *sc, const struct live_options *o, struct live_result *out,
             FILE *log);

/* Where live_run would find the server: an executable file, or NULL. `path` has room for 512. */
const char *live_find_server(const char *server_path, char path[512]);

#endif

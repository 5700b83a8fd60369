/* Witnesses and the stories they tell. */
#include "sim/cli/cli.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void keep(struct tracer *t, const struct trace_step *s)
{
    struct story *story = (struct story *)t;
    if (story->n == story->cap) {
        story->cap = story->cap == 0 ? 64 : 2 * story->cap;
        story->step = cli_grow(story->step, story->cap * sizeof *story->step);
    }
    story->step[story->n++] = *s;
}

void story_init(struct story *s)
{
    *s = (struct story){.tracer = {.note = keep}};
}

void story_free(struct story *s)
{
    free(s->step);
    story_init(s);
}

bool story_of(const struct scenario *sc, const struct witness *w, struct story *s,
              struct run_outcome *out)
{
    assert(sc != NULL && w != NULL && s != NULL && out != NULL);
    const struct replay opt = {.tracer = &s->tracer};
    return explore_replay(sc, w, &opt, out, stderr, NULL, NULL) == REPLAY_DONE;
}

static void task_text(uint32_t task, char text[TRACE_TEXT_MAX])
{
    static const char *const names[TASKS_MAX] = {
        [TASK_APPLIER] = "the applier",
        [TASK_OPERATOR] = "the operator's session",
        [TASK_BACKGROUND] = "the binlog background thread",
        [TASK_RECEIVER] = "the receiver",
        [TASK_CONSUMER] = "the consumer",
        [TASK_BOOT] = "the start-up",
        [TASK_REDO] = "the redo log flusher",
    };
    if (task < SESSIONS_MAX)
        snprintf(text, TRACE_TEXT_MAX, "(session %u goes on)", task + 1);
    else if (task >= TASK_DUMP && task < TASK_DUMP + NODES_MAX)
        snprintf(text, TRACE_TEXT_MAX, "(the dump thread for replica %u goes on)",
                 task - TASK_DUMP);
    else
        snprintf(text, TRACE_TEXT_MAX, "(%s goes on)", task < TASKS_MAX ? names[task] : "a task");
}

const char *step_text(const struct trace_step *s, char text[TRACE_TEXT_MAX])
{
    uint32_t kind = s->move >> 24;
    if (s->text[0] != '\0')
        snprintf(text, TRACE_TEXT_MAX, "%s", s->text);
    else if (kind == MOVE_RUN)
        task_text(s->move >> 8 & 0xff, text);
    else if (kind > 0 && kind < MOVE_KINDS)
        snprintf(text, TRACE_TEXT_MAX, "(%s)", move_kind_name((enum move_kind)kind));
    else
        text[0] = '\0';
    return text;
}

/* `broken` is "NOLOSS: ...; LIVE: ...; LIVE: ...". */
const char *step_broken(const struct trace_step *s, enum invariant inv, char text[TRACE_TEXT_MAX])
{
    const char *id = invariant_id(inv), *part = s->broken;
    size_t id_len = strlen(id), used = 0;
    text[0] = '\0';
    while (*part != '\0') {
        const char *end = strstr(part, "; ");
        size_t len = end == NULL ? strlen(part) : (size_t)(end - part);
        if (len > id_len + 2 && memcmp(part, id, id_len) == 0 && part[id_len] == ':') {
            int n = snprintf(text + used, TRACE_TEXT_MAX - used, "%s%.*s", used > 0 ? "; " : "",
                             (int)(len - id_len - 2), part + id_len + 2);
            used += n < 0 ? 0 : (size_t)n;
            if (used >= TRACE_TEXT_MAX)
                break;
        }
        part += len + (end == NULL ? 0 : 2);
    }
    if (used == 0)
        snprintf(text, TRACE_TEXT_MAX, "%s", s->broken);
    return text;
}

/* Adds `part`, with # for each number, unless it is there. */
static void add_kind(char *edge, const char *part, size_t len)
{
    char kind[TRACE_TEXT_MAX];
    size_t n = 0;
    for (size_t i = 0; i < len && n + 1 < sizeof kind; i++) {
        bool digit = part[i] >= '0' && part[i] <= '9';
        if (!digit)
            kind[n++] = part[i];
        else if (n == 0 || kind[n - 1] != '#')
            kind[n++] = '#';
    }
    kind[n] = '\0';
    size_t used = strlen(edge);
    if (strstr(edge, kind) == NULL)
        snprintf(edge + used, EDGE_MAX - used, "%s%s", used > 0 ? "; " : "", kind);
}

const char *story_edge(const struct story *s, enum invariant inv, char text[EDGE_MAX])
{
    assert(s != NULL && text != NULL);
    char broken[TRACE_TEXT_MAX];
    text[0] = '\0';
    for (size_t i = s->n; i-- > 0;) {
        if ((s->step[i].violated >> inv & 1) == 0)
            continue;
        const char *part = step_broken(&s->step[i], inv, broken);
        for (const char *end; (end = strstr(part, "; ")) != NULL; part = end + 2)
            add_kind(text, part, (size_t)(end - part));
        add_kind(text, part, strlen(part));
        break;
    }
    return text;
}

static bool in_dir(const char *dir, const char *name, char *path, size_t cap)
{
    int n = snprintf(path, cap, "%s/%s", dir, name);
    return n > 0 && (size_t)n < cap && access(path, R_OK) == 0;
}

/* A witness names its scenario relative to where the search ran. Replayed from elsewhere, the
 * file is looked for from the witness's own directory upwards, and last beside the witness, where
 * the scenarios lie that a search made. */
static bool find_scenario(const char *witness, const char *scenario, char *path, size_t cap)
{
    int n = snprintf(path, cap, "%s", scenario);
    if (n < 0 || (size_t)n >= cap)
        return false;
    if (access(path, R_OK) == 0)
        return true;
    const char *last = strrchr(scenario, '/'), *name = last == NULL ? scenario : last + 1;
    char *own = cli_path(".", witness); /* has a slash */
    if (witness[0] == '/')
        memmove(own, own + 2, strlen(own + 2) + 1);
    *strrchr(own, '/') = '\0';
    char *dir = cli_path(own, "");
    bool found = false;
    for (char *slash; scenario[0] != '/' && !found && (slash = strrchr(dir, '/')) != NULL;) {
        *slash = '\0';
        found = in_dir(dir, scenario, path, cap);
    }
    found = found || in_dir(own, name, path, cap);
    free(dir);
    free(own);
    if (!found)
        snprintf(path, cap, "%s", scenario);
    return true;
}

bool load_witness(const char *path, struct witness *w, struct scenario *sc)
{
    memset(w, 0, sizeof *w);
    if (!witness_load(w, path, stderr))
        return false;
    char file[sizeof sc->file];
    if (!find_scenario(path, w->scenario, file, sizeof file) || !scenario_load(file, sc, stderr)) {
        fprintf(stderr, "ackproof: %s: this is the scenario that the witness %s names\n",
                w->scenario, path);
        witness_free(w);
        return false;
    }
    return true;
}

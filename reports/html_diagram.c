/* The space-time diagram of a counterexample: a lane per client session, server and manager, time
 * downwards, a row per step with its text beside it.
 *
 * A packet between servers leaves in one step and arrives in a later one (the move "net"), so its
 * arrow slopes from the one row to the other; packets of one direction arrive in the order in which
 * they were sent. What goes to or comes from clients and manager takes no time. Where the steps are
 * very many, the last ones are drawn: the promise breaks there.
 */
#include "reports/html.h"

#include <assert.h>
#include <string.h>

enum {
    ROWS_MAX = 400,
    LANES = LANE_WORLD + 1,
    TOP = 40,        /* y of the first row's upper edge */
    STEP_WIDTH = 40, /* step numbers */
    LANE_WIDTH = 92,
    TEXT_WIDTH = 590,
    TEXT_COLUMNS = 86, /* characters to a line of text */
    BOLD_COLUMNS = 74,
    LINE_HEIGHT = 16,
    ROW_GAP = 9,
    NO_ROW = -1,
};

struct diagram {
    struct xml *x;
    const json_t *witness;
    const char *invariant;
    const char *id;
    size_t first; /* index of the first step drawn */
    int rows;
    int x_of[LANES]; /* 0: lane not drawn */
    int lanes;
    int y_of[ROWS_MAX]; /* middle of the first text line */
    int height_of[ROWS_MAX];
    int arrival[ROWS_MAX]; /* row in which what this row sent to another server arrives */
    int height;
    int text_x;
    int width;
};

static json_t *step_at(const struct diagram *d, int row)
{
    assert(row >= 0 && row < d->rows);
    return json_array_get(doc_list(d->witness, "steps"), d->first + (size_t)row);
}

static enum move_kind move_of(const json_t *step, uint32_t *a, uint32_t *b)
{
    const json_t *move = doc_list(step, "move");
    *a = (uint32_t)json_integer_value(json_array_get(move, 1));
    *b = (uint32_t)json_integer_value(json_array_get(move, 2));
    return move_kind_find(doc_text_at(move, 0));
}

static bool is_node(uint64_t lane)
{
    return lane < LANE_CLIENT;
}

/* ---- text ------------------------------------------------------------------------------------ */

/* Bytes of the next line of so many characters at most, cut at a blank where there is one. */
static size_t wrapped(const char *text, size_t columns)
{
    size_t at = 0;
    size_t blank = 0;
    for (size_t n = 0; text[at] != '\0' && n < columns; n++) {
        at++;
        while (((unsigned char)text[at] & 0xc0) == 0x80)
            at++;
        if (text[at] == ' ')
            blank = at;
    }
    return text[at] == '\0' || blank == 0 ? at : blank;
}

/* Writes the lines of a text from y on, or only counts them where `x` is NULL. */
static int write_lines(struct xml *x, const char *klass, int left, int y, const char *text)
{
    int lines = 0;
    bool bold = strcmp(klass, "t hot") == 0 || strcmp(klass, "t crossed") == 0;
    while (*text != '\0') {
        size_t n = wrapped(text, bold ? BOLD_COLUMNS : TEXT_COLUMNS);
        if (x != NULL) {
            xml_open_class(x, "text", klass);
            xml_attr_format(x, "x", "%d", left);
            xml_attr_format(x, "y", "%d", y + lines * LINE_HEIGHT + 4);
            xml_format(x, "%.*s", (int)n, text);
            xml_close(x);
        }
        lines++;
        text += n;
        while (*text == ' ')
            text++;
    }
    return lines;
}

static void append_text(char *text, size_t room, const char *part)
{
    size_t len = strlen(text);
    snprintf(text + len, room - len, "%s%s", len > 0 ? ", " : "", part);
}

static void join(const json_t *list, const char *except, char *text, size_t room)
{
    size_t i;
    json_t *v;
    text[0] = '\0';
    json_array_foreach(list, i, v)
    {
        if (strcmp(json_string_value(v), except) != 0)
            append_text(text, room, json_string_value(v));
    }
}

/* What happened; which promise broke; which other ones; which conditions were met. Answers the
 * number of lines; writes nothing where `x` is NULL. */
static int row_text(const struct diagram *d, struct xml *x, int row, int y)
{
    const json_t *step = step_at(d, row);
    bool hot = doc_violates(step, d->invariant);
    int left = d->text_x;
    char names[512];
    char broken[DOC_BROKEN_MAX];
    char line[768];
    int n = write_lines(x, hot ? "t hot" : "t", left, y, doc_step_text(step));
    if (hot) {
        doc_broken(step, d->invariant, broken);
        snprintf(line, sizeof line, "%s breaks: %s", d->invariant, broken);
        n += write_lines(x, "t crossed", left, y + n * LINE_HEIGHT, line);
    }
    join(doc_list(step, "violated"), d->invariant, names, sizeof names);
    if (names[0] != '\0') {
        snprintf(line, sizeof line, "%s: %s", hot ? "with it" : "breaks on the way", names);
        n += write_lines(x, "t note", left, y + n * LINE_HEIGHT, line);
    }
    join(doc_list(step, "reached"), "", names, sizeof names);
    if (names[0] != '\0') {
        snprintf(line, sizeof line, "condition met: %s", names);
        n += write_lines(x, "t note", left, y + n * LINE_HEIGHT, line);
    }
    return n > 0 ? n : 1;
}

/* ---- layout ---------------------------------------------------------------------------------- */

/* Servers always have a lane, sessions and the manager where they do something. */
static void lay_lanes(struct diagram *d)
{
    bool used[LANES] = {false};
    for (int row = 0; row < d->rows; row++) {
        used[doc_number(step_at(d, row), "lane")] = true;
        used[doc_number(step_at(d, row), "to")] = true;
    }
    size_t i;
    json_t *lane;
    json_array_foreach(doc_list(d->witness, "lanes"), i, lane)
    {
        uint64_t n = doc_number(lane, "lane");
        if (n >= LANE_WORLD || d->x_of[n] != 0 || (!used[n] && !is_node(n)))
            continue;
        d->x_of[n] = STEP_WIDTH + LANE_WIDTH / 2 + d->lanes * LANE_WIDTH;
        d->lanes++;
    }
    d->text_x = STEP_WIDTH + d->lanes * LANE_WIDTH + 12;
    d->width = d->text_x + TEXT_WIDTH;
}

static void lay_rows(struct diagram *d)
{
    int y = TOP;
    for (int row = 0; row < d->rows; row++) {
        d->height_of[row] = row_text(d, NULL, row, 0) * LINE_HEIGHT + ROW_GAP;
        d->y_of[row] = y + ROW_GAP / 2 + LINE_HEIGHT / 2;
        y += d->height_of[row];
    }
    d->height = y + 8;
}

/* Nothing that was sent between a and b before this row arrives behind it. */
static void cut_off(const struct diagram *d, bool pending[ROWS_MAX], int row, uint64_t a,
                    uint64_t b)
{
    for (int i = 0; i < row; i++) {
        uint64_t from = doc_number(step_at(d, i), "lane");
        uint64_t to = doc_number(step_at(d, i), "to");
        if ((from == a && to == b) || (from == b && to == a))
            pending[i] = false;
    }
}

static void match_arrivals(struct diagram *d)
{
    bool pending[ROWS_MAX] = {false};
    for (int row = 0; row < d->rows; row++) {
        const json_t *step = step_at(d, row);
        uint32_t a;
        uint32_t b;
        enum move_kind kind = move_of(step, &a, &b);
        d->arrival[row] = NO_ROW;
        if (kind == MOVE_RESET || kind == MOVE_NET_OPEN)
            cut_off(d, pending, row, a, b);
        for (int i = 0; kind == MOVE_NET && i < row; i++) {
            if (pending[i] && doc_number(step_at(d, i), "lane") == a &&
                doc_number(step_at(d, i), "to") == b) {
                pending[i] = false;
                d->arrival[i] = row;
                break;
            }
        }
        uint64_t from = doc_number(step, "lane");
        uint64_t to = doc_number(step, "to");
        pending[row] = is_node(from) && is_node(to) && from != to;
    }
}

/* ---- drawing --------------------------------------------------------------------------------- */

static void draw_line(const struct diagram *d, const char *klass, int x1, int y1, int x2, int y2)
{
    xml_open_class(d->x, "line", klass);
    xml_attr_format(d->x, "x1", "%d", x1);
    xml_attr_format(d->x, "y1", "%d", y1);
    xml_attr_format(d->x, "x2", "%d", x2);
    xml_attr_format(d->x, "y2", "%d", y2);
}

static void draw_arrow(const struct diagram *d, const char *klass, bool hot, int x1, int y1, int x2,
                       int y2)
{
    draw_line(d, klass, x1 + (x2 > x1 ? 5 : -5), y1, x2 - (x2 > x1 ? 5 : -5), y2);
    xml_attr_format(d->x, "marker-end", "url(#%s-%s)", d->id, hot ? "hot" : "tip");
    xml_close_void(d->x);
}

static void draw_marker(const struct diagram *d, const char *name, const char *klass)
{
    xml_open(d->x, "marker");
    xml_attr_format(d->x, "id", "%s-%s", d->id, name);
    xml_attr(d->x, "viewBox", "0 0 8 8");
    xml_attr(d->x, "refX", "7");
    xml_attr(d->x, "refY", "4");
    xml_attr(d->x, "markerWidth", "7");
    xml_attr(d->x, "markerHeight", "7");
    xml_attr(d->x, "orient", "auto");
    xml_open_class(d->x, "path", klass);
    xml_attr(d->x, "d", "M0,0.8 L8,4 L0,7.2 z");
    xml_close_void(d->x);
    xml_close(d->x);
}

static void draw_circle(const struct diagram *d, const char *klass, int at, int y, int radius)
{
    xml_open_class(d->x, "circle", klass);
    xml_attr_format(d->x, "cx", "%d", at);
    xml_attr_format(d->x, "cy", "%d", y);
    xml_attr_format(d->x, "r", "%d", radius);
    xml_close_void(d->x);
}

static void draw_cross(const struct diagram *d, int at, int y)
{
    xml_open_class(d->x, "path", "crash");
    xml_attr_format(d->x, "d", "M%d,%d l14,14 M%d,%d l-14,14", at - 7, y - 7, at + 7, y - 7);
    xml_close_void(d->x);
}

/* What a step does to the process of a server. One that is down and acts was started by something
 * else than its own move (the manager's orders). */
enum life { LIFE_AS_BEFORE, LIFE_ENDS, LIFE_BEGINS };

static enum life life_of(const json_t *step, uint64_t lane, bool up)
{
    uint32_t a;
    uint32_t b;
    enum move_kind kind = move_of(step, &a, &b);
    if (up) {
        bool crashes = (kind == MOVE_KILL || kind == MOVE_POWER) && a == lane;
        bool fenced = kind == MOVE_MANAGER && a == MANAGER_FENCE && b == lane;
        return crashes || fenced ? LIFE_ENDS : LIFE_AS_BEFORE;
    }
    bool started = kind == MOVE_START && a == lane;
    bool ordered = kind == MOVE_MANAGER && a == MANAGER_START && b == lane;
    bool acts = kind == MOVE_RUN && a == lane;
    return started || ordered || acts ? LIFE_BEGINS : LIFE_AS_BEFORE;
}

/* The life of a lane: whole while the process runs, dashed while it is down. */
static void draw_life(const struct diagram *d, uint64_t lane)
{
    int at = d->x_of[lane];
    int from = TOP - 8;
    bool up = true;
    for (int row = 0; row < d->rows && is_node(lane); row++) {
        enum life life = life_of(step_at(d, row), lane, up);
        if (life == LIFE_AS_BEFORE)
            continue;
        draw_line(d, up ? "life" : "life down", at, from, at, d->y_of[row]);
        xml_close_void(d->x);
        if (life == LIFE_BEGINS)
            draw_circle(d, "start", at, d->y_of[row], 6);
        else
            draw_cross(d, at, d->y_of[row]);
        from = d->y_of[row];
        up = life == LIFE_BEGINS;
    }
    draw_line(d, up ? "life" : "life down", at, from, at, d->height - 4);
    xml_close_void(d->x);
}

static void draw_lanes(const struct diagram *d)
{
    size_t i;
    json_t *lane;
    json_array_foreach(doc_list(d->witness, "lanes"), i, lane)
    {
        uint64_t n = doc_number(lane, "lane");
        if (n >= LANE_WORLD || d->x_of[n] == 0)
            continue;
        xml_open_class(d->x, "text", "lane");
        xml_attr_format(d->x, "x", "%d", d->x_of[n]);
        xml_attr(d->x, "y", "20");
        xml_text(d->x, doc_text(lane, "name"));
        xml_close(d->x);
        draw_life(d, n);
    }
}

static void draw_event(const struct diagram *d, int row, bool hot)
{
    const json_t *step = step_at(d, row);
    uint32_t a;
    uint32_t b;
    enum move_kind kind = move_of(step, &a, &b);
    uint64_t lane = doc_number(step, "lane");
    bool on_node = is_node(a) && d->x_of[a] != 0;
    bool drawn = kind == MOVE_KILL || kind == MOVE_POWER || kind == MOVE_START;
    if (kind == MOVE_PARTITION && on_node) {
        xml_open_class(d->x, "path", "crash");
        xml_attr_format(d->x, "d", "M%d,%d l20,0 M%d,%d l20,0", d->x_of[a] - 10, d->y_of[row] - 3,
                        d->x_of[a] - 10, d->y_of[row] + 3);
        xml_close_void(d->x);
    } else if (d->x_of[lane] != 0 && !drawn) {
        draw_circle(d, hot ? "dot hot" : "dot", d->x_of[lane], d->y_of[row], 4);
    }
}

static void draw_message(const struct diagram *d, int row, bool hot)
{
    const json_t *step = step_at(d, row);
    uint64_t from = doc_number(step, "lane");
    uint64_t to = doc_number(step, "to");
    if (from == to || d->x_of[from] == 0 || d->x_of[to] == 0)
        return;
    int y = d->y_of[row];
    int x1 = d->x_of[from];
    int x2 = d->x_of[to];
    if (!is_node(from) || !is_node(to)) {
        draw_arrow(d, hot ? "msg hot" : "msg", hot, x1, y, x2, y);
    } else if (d->arrival[row] != NO_ROW) {
        draw_arrow(d, hot ? "msg hot" : "msg", hot, x1, y, x2, d->y_of[d->arrival[row]] - 2);
    } else {
        int end = x1 + (x2 - x1) * 45 / 100;
        draw_line(d, "msg lost", x1 + (x2 > x1 ? 5 : -5), y, end, y + 8);
        xml_close_void(d->x);
        draw_circle(d, "lost", end + (x2 > x1 ? 3 : -3), y + 9, 3);
    }
}

static void draw_row(const struct diagram *d, int row)
{
    bool hot = doc_violates(step_at(d, row), d->invariant);
    if (hot) {
        xml_open_class(d->x, "rect", "band");
        xml_attr(d->x, "x", "0");
        xml_attr_format(d->x, "y", "%d", d->y_of[row] - LINE_HEIGHT / 2 - ROW_GAP / 2);
        xml_attr_format(d->x, "width", "%d", d->width);
        xml_attr_format(d->x, "height", "%d", d->height_of[row]);
        xml_close_void(d->x);
    }
    xml_open_class(d->x, "text", "n");
    xml_attr_format(d->x, "x", "%d", STEP_WIDTH - 12);
    xml_attr_format(d->x, "y", "%d", d->y_of[row] + 4);
    xml_format(d->x, "%llu", (unsigned long long)doc_number(step_at(d, row), "step"));
    xml_close(d->x);
    row_text(d, d->x, row, d->y_of[row]);
}

static void draw(const struct diagram *d)
{
    xml_open_class(d->x, "svg", "diagram");
    xml_attr_format(d->x, "width", "%d", d->width);
    xml_attr_format(d->x, "height", "%d", d->height);
    xml_attr_format(d->x, "viewBox", "0 0 %d %d", d->width, d->height);
    xml_attr(d->x, "role", "img");
    xml_attr_format(d->x, "aria-labelledby", "%s-title", d->id);
    xml_open(d->x, "title");
    xml_attr_format(d->x, "id", "%s-title", d->id);
    xml_format(d->x, "Space-time diagram: how %s breaks; the same as text follows", d->invariant);
    xml_close(d->x);
    xml_open(d->x, "defs");
    draw_marker(d, "tip", "tip");
    draw_marker(d, "hot", "tip hot");
    xml_close(d->x);
    for (int row = 0; row < d->rows; row++)
        draw_row(d, row);
    draw_lanes(d);
    for (int row = 0; row < d->rows; row++)
        draw_message(d, row, doc_violates(step_at(d, row), d->invariant));
    for (int row = 0; row < d->rows; row++)
        draw_event(d, row, doc_violates(step_at(d, row), d->invariant));
    xml_close(d->x);
}

void html_diagram(struct xml *x, const json_t *witness, const char *id)
{
    assert(x != NULL && witness != NULL && id != NULL);
    size_t n = json_array_size(doc_list(witness, "steps"));
    struct diagram d = {.x = x,
                        .witness = witness,
                        .invariant = doc_text(witness, "invariant"),
                        .id = id,
                        .first = n > ROWS_MAX ? n - ROWS_MAX : 0};
    d.rows = (int)(n - d.first);
    lay_lanes(&d);
    lay_rows(&d);
    match_arrivals(&d);
    if (d.first > 0) {
        xml_open_class(x, "p", "note");
        xml_format(x, "The last %d of %zu steps.", d.rows, n);
        xml_close(x);
    }
    html_open_scroll(x, "Space-time diagram");
    draw(&d);
    xml_close(x);
}

/* What a search costs as its bounds grow: a curve for each bound and measure, and the table behind
 * them. A curve moves one bound and keeps the other three at the values that most points share. */
#include "reports/html.h"

#include <assert.h>
#include <math.h>
#include <string.h>

enum {
    AXES = 4,
    MEASURES = 3,
    POINTS_MAX = 16, /* of a curve */
    PANEL_WIDTH = 245,
    PANEL_HEIGHT = 150,
    LEFT = 72,
    TOP = 26,
    PLOT_WIDTH = 150,
    PLOT_HEIGHT = 86,
};

static const char *const axis_key[AXES] = {"sessions", "transactions", "replicas", "losses"};
static const char *const axis_name[AXES] = {"sessions", "transactions", "replicas", "power losses"};
/* Around them ci/bench varies one bound at a time. */
static const uint64_t base[AXES] = {2, 2, 1, 1};
static const char *const measure_name[MEASURES] = {"states", "\xc2\xb5s per state",
                                                   "bytes per state"};

struct curve {
    uint32_t n;
    uint32_t x[POINTS_MAX];
    double y[POINTS_MAX];
    bool exhausted[POINTS_MAX];
};

static double measure(const json_t *p, int which)
{
    double states = (double)doc_number(p, "states");
    if (which == 0)
        return states;
    if (which == 1)
        return 1e6 * doc_seconds(p, "seconds") / states;
    return (double)doc_number(p, "bytes") / states;
}

static struct curve curve_of(const json_t *costs, int axis, int which)
{
    struct curve c = {.n = 0};
    size_t i;
    json_t *p;
    json_array_foreach(costs, i, p)
    {
        bool on = c.n < POINTS_MAX;
        for (int a = 0; a < AXES; a++)
            on = on && (a == axis || doc_number(p, axis_key[a]) == base[a]);
        if (!on)
            continue;
        c.x[c.n] = (uint32_t)doc_number(p, axis_key[axis]);
        c.y[c.n] = measure(p, which);
        c.exhausted[c.n++] = doc_flag(p, "exhausted");
    }
    return c;
}

/* Powers of ten around all values of a measure, the same for all its panels. */
struct scale {
    int low, high;
};

static struct scale scale_of(const json_t *costs, int which)
{
    struct scale s = {99, -99};
    size_t i;
    json_t *p;
    json_array_foreach(costs, i, p)
    {
        double v = measure(p, which);
        if (v <= 0)
            continue;
        int low = (int)floor(log10(v));
        int high = (int)ceil(log10(v));
        s.low = low < s.low ? low : s.low;
        s.high = high > s.high ? high : s.high;
    }
    if (s.high <= s.low)
        s.high = s.low + 1;
    return s;
}

static double y_of(const struct scale *s, double v)
{
    double share = v > 0 ? (log10(v) - s->low) / (s->high - s->low) : 0;
    return TOP + PLOT_HEIGHT * (1 - share);
}

static double x_of(const struct curve *c, uint32_t x)
{
    uint32_t first = c->x[0];
    uint32_t last = c->x[c->n - 1];
    return LEFT + (last == first ? PLOT_WIDTH / 2.0
                                 : PLOT_WIDTH * (double)(x - first) / (double)(last - first));
}

static void label(struct xml *x, const char *klass, double at_x, double at_y, const char *text)
{
    xml_open_class(x, "text", klass);
    xml_attr_format(x, "x", "%.1f", at_x);
    xml_attr_format(x, "y", "%.1f", at_y);
    xml_text(x, text);
    xml_close(x);
}

static void grid(struct xml *x, const struct scale *s)
{
    char text[32];
    int step = (s->high - s->low + 2) / 3;
    for (int e = s->low; e <= s->high; e += step) {
        double y = y_of(s, pow(10, e));
        xml_open_class(x, "line", "grid");
        xml_attr_format(x, "x1", "%d", LEFT);
        xml_attr_format(x, "x2", "%d", LEFT + PLOT_WIDTH);
        xml_attr_format(x, "y1", "%.1f", y);
        xml_attr_format(x, "y2", "%.1f", y);
        xml_close_void(x);
        if (e < 0)
            snprintf(text, sizeof text, "%g", pow(10, e));
        else
            html_grouped((uint64_t)llround(pow(10, e)), text);
        label(x, "n", LEFT - 6, y + 4, text);
    }
}

static void plot(struct xml *x, const struct curve *c, const struct scale *s)
{
    char text[32];
    xml_open_class(x, "polyline", "curve");
    char points[POINTS_MAX * 24];
    size_t len = 0;
    for (uint32_t i = 0; i < c->n; i++)
        len += (size_t)snprintf(points + len, sizeof points - len, "%.1f,%.1f ", x_of(c, c->x[i]),
                                y_of(s, c->y[i]));
    xml_attr(x, "points", points);
    xml_close_void(x);
    for (uint32_t i = 0; i < c->n; i++) {
        xml_open_class(x, "circle", c->exhausted[i] ? "dot" : "start");
        xml_attr_format(x, "cx", "%.1f", x_of(c, c->x[i]));
        xml_attr_format(x, "cy", "%.1f", y_of(s, c->y[i]));
        xml_attr(x, "r", "3.5");
        xml_close_void(x);
        snprintf(text, sizeof text, "%u", c->x[i]);
        label(x, "tick", x_of(c, c->x[i]), TOP + PLOT_HEIGHT + 16, text);
    }
}

static void panel(struct xml *x, const json_t *costs, int axis, int which)
{
    struct curve c = curve_of(costs, axis, which);
    struct scale s = scale_of(costs, which);
    char title[64];
    if (c.n == 0)
        return;
    xml_open(x, "g");
    xml_attr_format(x, "transform", "translate(%d %d)", axis * PANEL_WIDTH, which * PANEL_HEIGHT);
    snprintf(title, sizeof title, "%s by %s", measure_name[which], axis_name[axis]);
    label(x, "note", LEFT - 6, TOP - 12, title);
    grid(x, &s);
    plot(x, &c, &s);
    xml_close(x);
}

static void numbers(struct xml *x, const json_t *p)
{
    char text[32];
    xml_open(x, "tr");
    for (int a = 0; a < AXES; a++) {
        xml_open_class(x, "td", "num");
        xml_format(x, "%u", (unsigned)doc_number(p, axis_key[a]));
        xml_close(x);
    }
    html_grouped(doc_number(p, "states"), text);
    xml_element(x, "td", "num", text);
    html_grouped(doc_number(p, "transitions"), text);
    xml_element(x, "td", "num", text);
    xml_open_class(x, "td", "num");
    xml_format(x, "%.2f", measure(p, 1));
    xml_close(x);
    xml_open_class(x, "td", "num");
    xml_format(x, "%.0f", measure(p, 2));
    xml_close(x);
    xml_element(x, "td", NULL, doc_flag(p, "exhausted") ? "yes" : "no: cut at this many");
    xml_close(x);
}

static void table(struct xml *x, const json_t *costs)
{
    static const char *const name[] = {"Sessions",        "Transactions", "Replicas",
                                       "Losses",          "States",       "Transitions",
                                       "\xc2\xb5s/state", "Bytes/state",  "Exhausted"};
    size_t i;
    json_t *p;
    xml_open(x, "details");
    xml_element(x, "summary", NULL, "The numbers");
    html_open_scroll(x, "Cost of a search by its bounds");
    xml_open(x, "table");
    xml_open(x, "thead");
    xml_open(x, "tr");
    for (i = 0; i < sizeof name / sizeof name[0]; i++) {
        xml_open(x, "th");
        xml_attr(x, "scope", "col");
        xml_text(x, name[i]);
        xml_close(x);
    }
    xml_close(x);
    xml_close(x);
    xml_open(x, "tbody");
    json_array_foreach(costs, i, p) numbers(x, p);
    xml_close(x);
    xml_close(x);
    xml_close(x);
    xml_close(x);
}

void html_costs(struct xml *x, const struct report *r)
{
    if (json_array_size(r->costs) == 0)
        return;
    html_section_head(x, "costs", "What a search costs");
    xml_format(
        x,
        "ci/bench searched one scenario at growing bounds, %zu of them, each in one process. "
        "Times are processor seconds; time and bytes are of the whole process, so that small "
        "searches look dear. A hollow point was cut at a number of states: there would be "
        "more of them.",
        json_array_size(r->costs));
    html_open_scroll(x, "Curves of cost by bound");
    xml_open_class(x, "svg", "diagram");
    xml_attr(x, "role", "img");
    xml_attr(x, "aria-label",
             "States, time per state and memory per state as sessions, transactions, replicas and "
             "power losses grow; the table below has the numbers.");
    xml_attr_format(x, "width", "%d", AXES * PANEL_WIDTH);
    xml_attr_format(x, "height", "%d", MEASURES * PANEL_HEIGHT);
    xml_attr_format(x, "viewBox", "0 0 %d %d", AXES * PANEL_WIDTH, MEASURES * PANEL_HEIGHT);
    for (int which = 0; which < MEASURES; which++) {
        for (int axis = 0; axis < AXES; axis++)
            panel(x, r->costs, axis, which);
    }
    xml_close(x);
    xml_close(x);
    table(x, r->costs);
    xml_close(x);
}

#include "format/gtid.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

static_assert(sizeof(struct gtid) == 16, "a GTID has no padding");
static_assert(sizeof(struct gtid_pos) == 8 + 16 * GTID_DOMAINS_MAX, "a position has no padding");
static_assert(sizeof(struct gtid_state) == 8 + 16 * GTID_STATE_MAX, "a state has no padding");

static const struct gtid no_gtid = {0, 0, 0};

bool gtid_equal(struct gtid a, struct gtid b)
{
    return a.domain == b.domain && a.server == b.server && a.seq == b.seq;
}

/* Writes v in decimal without NUL; returns the number of digits. */
static uint32_t decimal_put(uint64_t v, char *out)
{
    char reversed[20];
    uint32_t n = 0;
    do {
        assert(n < sizeof reversed);
        reversed[n++] = (char)('0' + v % 10);
        v /= 10;
    } while (v != 0);
    for (uint32_t i = 0; i < n; i++) {
        out[i] = reversed[n - 1 - i];
    }
    return n;
}

/* Reads one or more digits up to `max` and moves *text behind them. */
static bool decimal_get(const char **text, uint64_t max, uint64_t *v)
{
    const char *p = *text;
    if (*p < '0' || *p > '9') {
        return false;
    }
    uint64_t sum = 0;
    for (; *p >= '0' && *p <= '9'; p++) {
        uint64_t digit = (uint64_t)(*p - '0');
        if (sum > (max - digit) / 10) {
            return false;
        }
        sum = sum * 10 + digit;
    }
    *v = sum;
    *text = p;
    return true;
}

/* Writes the GTID and NUL; returns the length without NUL. */
static uint32_t gtid_put(struct gtid g, char *text)
{
    uint32_t n = decimal_put(g.domain, text);
    text[n++] = '-';
    n += decimal_put(g.server, text + n);
    text[n++] = '-';
    n += decimal_put(g.seq, text + n);
    assert(n < GTID_TEXT_MAX);
    text[n] = '\0';
    return n;
}

const char *gtid_text(struct gtid g, char *text)
{
    assert(text != NULL);
    (void)gtid_put(g, text);
    return text;
}

bool gtid_parse(const char **text, struct gtid *g)
{
    assert(text != NULL && *text != NULL);
    assert(g != NULL);
    const char *p = *text;
    uint64_t domain = 0;
    uint64_t server = 0;
    uint64_t seq = 0;
    if (!decimal_get(&p, UINT32_MAX, &domain) || *p++ != '-') {
        return false;
    }
    if (!decimal_get(&p, UINT32_MAX, &server) || *p++ != '-') {
        return false;
    }
    if (!decimal_get(&p, UINT64_MAX, &seq)) {
        return false;
    }
    g->domain = (uint32_t)domain;
    g->server = (uint32_t)server;
    g->seq = seq;
    *text = p;
    return true;
}

/* ---- positions ------------------------------------------------------------------------------- */

/* The index of the domain's entry, or where it would have to stand. */
static uint32_t pos_index(const struct gtid_pos *p, uint32_t domain)
{
    assert(p != NULL);
    assert(p->n <= GTID_DOMAINS_MAX);
    uint32_t i = 0;
    while (i < p->n && p->at[i].domain < domain) {
        i++;
    }
    return i;
}

struct gtid gtid_pos_find(const struct gtid_pos *p, uint32_t domain)
{
    uint32_t i = pos_index(p, domain);
    return i < p->n && p->at[i].domain == domain ? p->at[i] : no_gtid;
}

bool gtid_pos_set(struct gtid_pos *p, struct gtid g)
{
    assert(g.seq != 0);
    uint32_t i = pos_index(p, g.domain);
    if (i < p->n && p->at[i].domain == g.domain) {
        p->at[i] = g;
        return true;
    }
    if (p->n == GTID_DOMAINS_MAX) {
        return false;
    }
    for (uint32_t j = p->n; j > i; j--) {
        p->at[j] = p->at[j - 1];
    }
    p->at[i] = g;
    p->n++;
    return true;
}

bool gtid_pos_raise(struct gtid_pos *p, struct gtid g)
{
    assert(g.seq != 0);
    if (g.seq <= gtid_pos_find(p, g.domain).seq) {
        return true;
    }
    return gtid_pos_set(p, g);
}

bool gtid_pos_text(const struct gtid_pos *p, char *text, uint32_t cap)
{
    assert(p != NULL && p->n <= GTID_DOMAINS_MAX);
    assert(text != NULL && cap > 0);
    uint32_t used = 0;
    text[0] = '\0';
    for (uint32_t i = 0; i < p->n; i++) {
        char one[GTID_TEXT_MAX];
        uint32_t len = gtid_put(p->at[i], one);
        uint32_t comma = i > 0 ? 1 : 0;
        if (comma + len + 1 > cap - used) {
            text[0] = '\0';
            return false;
        }
        if (comma != 0) {
            text[used++] = ',';
        }
        memcpy(text + used, one, len + 1);
        used += len;
    }
    assert(used < cap);
    return true;
}

static const char *skip_spaces(const char *p)
{
    while (*p == ' ') {
        p++;
    }
    return p;
}

/* Adds the entries of a list that is not empty. */
static bool pos_parse_list(const char *text, struct gtid_pos *p)
{
    for (;;) {
        struct gtid g;
        if (!gtid_parse(&text, &g) || g.seq == 0) {
            return false;
        }
        if (gtid_pos_find(p, g.domain).seq != 0 || !gtid_pos_set(p, g)) {
            return false;
        }
        text = skip_spaces(text);
        if (*text == '\0') {
            return true;
        }
        if (*text != ',') {
            return false;
        }
        text = skip_spaces(text + 1);
    }
}

bool gtid_pos_parse(const char *text, struct gtid_pos *p)
{
    assert(text != NULL);
    assert(p != NULL);
    memset(p, 0, sizeof *p);
    text = skip_spaces(text);
    if (*text == '\0') {
        return true;
    }
    if (!pos_parse_list(text, p)) {
        memset(p, 0, sizeof *p);
        return false;
    }
    return true;
}

/* ---- states ----------------------------------------------------------------------------------
 * A state never holds more than GTID_DOMAINS_MAX domains, so that a position can stand for it. */

/* The run of entries of one domain: [first, end). Empty at the place where it would stand. */
static void state_run(const struct gtid_state *s, uint32_t domain, uint32_t *first, uint32_t *end)
{
    assert(s != NULL);
    assert(s->n <= GTID_STATE_MAX);
    uint32_t i = 0;
    while (i < s->n && s->at[i].domain < domain) {
        i++;
    }
    *first = i;
    while (i < s->n && s->at[i].domain == domain) {
        i++;
    }
    *end = i;
}

static uint32_t state_domains(const struct gtid_state *s)
{
    uint32_t domains = 0;
    for (uint32_t i = 0; i < s->n; i++) {
        domains += i == 0 || s->at[i].domain != s->at[i - 1].domain ? 1 : 0;
    }
    assert(domains <= GTID_DOMAINS_MAX);
    return domains;
}

static void state_remove(struct gtid_state *s, uint32_t i)
{
    assert(i < s->n);
    for (uint32_t j = i; j + 1 < s->n; j++) {
        s->at[j] = s->at[j + 1];
    }
    s->n--;
    s->at[s->n] = no_gtid;
}

static void state_insert(struct gtid_state *s, uint32_t i, struct gtid g)
{
    assert(i <= s->n);
    assert(s->n < GTID_STATE_MAX);
    for (uint32_t j = s->n; j > i; j--) {
        s->at[j] = s->at[j - 1];
    }
    s->at[i] = g;
    s->n++;
}

/* The domain's last entry stops being the latest: it goes to its place by server. */
static void state_demote_last(struct gtid_state *s, uint32_t first, uint32_t end)
{
    assert(first < end && end <= s->n);
    struct gtid g = s->at[end - 1];
    uint32_t i = end - 1;
    while (i > first && s->at[i - 1].server > g.server) {
        s->at[i] = s->at[i - 1];
        i--;
    }
    s->at[i] = g;
}

bool gtid_state_update(struct gtid_state *s, struct gtid g)
{
    assert(g.seq != 0);
    uint32_t first;
    uint32_t end;
    state_run(s, g.domain, &first, &end);
    if (first < end && s->at[end - 1].server == g.server) {
        s->at[end - 1].seq = g.seq;
        return true;
    }
    for (uint32_t i = first; i < end; i++) {
        if (s->at[i].server == g.server) {
            state_remove(s, i);
            end--;
            break;
        }
    }
    if (s->n == GTID_STATE_MAX) {
        return false;
    }
    if (first == end && state_domains(s) == GTID_DOMAINS_MAX) {
        return false;
    }
    if (first < end) {
        state_demote_last(s, first, end);
    }
    state_insert(s, end, g);
    return true;
}

uint64_t gtid_state_seq(const struct gtid_state *s, uint32_t domain, uint32_t server)
{
    assert(s != NULL);
    assert(s->n <= GTID_STATE_MAX);
    for (uint32_t i = 0; i < s->n; i++) {
        if (s->at[i].domain == domain && s->at[i].server == server) {
            return s->at[i].seq;
        }
    }
    return 0;
}

struct gtid gtid_state_latest(const struct gtid_state *s, uint32_t domain)
{
    uint32_t first;
    uint32_t end;
    state_run(s, domain, &first, &end);
    return first < end ? s->at[end - 1] : no_gtid;
}

void gtid_state_pos(const struct gtid_state *s, struct gtid_pos *p)
{
    assert(s != NULL && s->n <= GTID_STATE_MAX);
    assert(p != NULL);
    memset(p, 0, sizeof *p);
    for (uint32_t i = 0; i < s->n; i++) {
        if (i + 1 == s->n || s->at[i + 1].domain != s->at[i].domain) {
            assert(p->n < GTID_DOMAINS_MAX);
            p->at[p->n++] = s->at[i];
        }
    }
}

bool gtid_state_holds(const struct gtid_state *s, struct gtid g)
{
    assert(g.seq != 0);
    return gtid_state_seq(s, g.domain, g.server) >= g.seq;
}

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "format/event.h"

static const char before_k[] = "CREATE TABLE t";
static const char before_v[] = " (v INT DEFAULT ";
static const char behind_v[] = ")";

static char *append(char *at, const char *word)
{
    size_t n = strlen(word);
    memcpy(at, word, n);
    return at + n;
}

static char *append_number(char *at, int32_t number)
{
    char digits[10];
    uint32_t n = 0;
    assert(number > 0);
    for (uint32_t left = (uint32_t)number; left != 0; left /= 10)
        digits[n++] = (char)('0' + left % 10);
    while (n > 0)
        *at++ = digits[--n];
    return at;
}

void ddl_text(char text[DDL_TEXT_MAX], int32_t k, int32_t v)
{
    assert(text != NULL);
    char *at = append_number(append(text, before_k), k);
    at = append(append_number(append(at, before_v), v), behind_v);
    *at = '\0';
    assert(at < text + DDL_TEXT_MAX);
}

static bool skip_word(const char **at, const char *end, const char *word)
{
    size_t n = strlen(word);
    if ((size_t)(end - *at) < n || memcmp(*at, word, n) != 0)
        return false;
    *at += n;
    return true;
}

static bool skip_number(const char **at, const char *end, int32_t *number)
{
    int64_t n = 0;
    const char *from = *at;
    while (*at < end && **at >= '0' && **at <= '9' && n <= INT32_MAX)
        n = n * 10 + (*(*at)++ - '0');
    *number = (int32_t)(n <= INT32_MAX ? n : 0);
    return *at > from && *number > 0;
}

bool ddl_parse(const char *text, uint32_t len, int32_t *k, int32_t *v)
{
    assert(text != NULL && k != NULL && v != NULL);
    const char *at = text;
    const char *end = text + len;
    return skip_word(&at, end, before_k) && skip_number(&at, end, k) &&
           skip_word(&at, end, before_v) && skip_number(&at, end, v) &&
           skip_word(&at, end, behind_v) && at == end;
}

bool event_row(const uint8_t *event, const struct event_head *h, int32_t *k, int32_t *v)
{
    struct rows_event row;
    const char *text;
    uint32_t len;
    if (h->type == EVENT_QUERY)
        return decode_query(event, h, &text, &len) == FMT_OK && ddl_parse(text, len, k, v);
    if (h->type != EVENT_WRITE_ROWS_V1 || decode_write_rows(event, h, &row) != FMT_OK)
        return false;
    *k = row.k;
    *v = row.v;
    return true;
}

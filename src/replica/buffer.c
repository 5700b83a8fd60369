#include "replica/buffer.h"

enum { ENTRY_HEAD = 2, ENTRY_ENDS_GROUP = 0x8000 };

static_assert((int)RECEIVER_EVENT_MAX < (int)ENTRY_ENDS_GROUP,
              "the length leaves the top bit free");
static_assert((int)ENTRY_HEAD + (int)RECEIVER_EVENT_MAX <= (int)RECEIVER_BUFFER_MAX,
              "one event fits");

/* The entry at offset `at`, which must be the start of one. */
static struct buffer_entry entry_at(const struct receiver *r, uint32_t at)
{
    assert(r->queued <= RECEIVER_BUFFER_MAX);
    assert(at + ENTRY_HEAD < r->queued);
    const uint32_t head = r->buffer[at] | (uint32_t)r->buffer[at + 1] << 8;
    struct buffer_entry e = {.event = r->buffer + at + ENTRY_HEAD,
                             .len = head & ~(uint32_t)ENTRY_ENDS_GROUP,
                             .ends_group = (head & ENTRY_ENDS_GROUP) != 0};
    assert(e.len > 0 && at + ENTRY_HEAD + e.len <= r->queued);
    return e;
}

static void shorten(struct receiver *r, uint32_t to)
{
    assert(to <= r->queued);
    memset(r->buffer + to, 0, r->queued - to);
    r->queued = to;
}

bool buffer_fits(const struct receiver *r, uint32_t len)
{
    assert(r != NULL && r->queued <= RECEIVER_BUFFER_MAX);
    return len <= RECEIVER_EVENT_MAX && ENTRY_HEAD + len <= RECEIVER_BUFFER_MAX - r->queued;
}

void buffer_put(struct receiver *r, const uint8_t *event, uint32_t len, bool ends_group)
{
    assert(event != NULL && len > 0);
    assert(buffer_fits(r, len));
    const uint32_t head = len | (ends_group ? (uint32_t)ENTRY_ENDS_GROUP : 0);
    uint8_t *at = r->buffer + r->queued;
    at[0] = (uint8_t)(head & 0xff);
    at[1] = (uint8_t)(head >> 8);
    memcpy(at + ENTRY_HEAD, event, len);
    r->queued += ENTRY_HEAD + len;
}

bool buffer_front(const struct receiver *r, struct buffer_entry *e)
{
    assert(r != NULL && e != NULL);
    if (r->queued == 0) {
        return false;
    }
    *e = entry_at(r, 0);
    return true;
}

void buffer_pop(struct receiver *r)
{
    assert(r != NULL && r->queued > 0);
    const uint32_t gone = ENTRY_HEAD + entry_at(r, 0).len;
    memmove(r->buffer, r->buffer + gone, r->queued - gone);
    shorten(r, r->queued - gone);
}

void buffer_drop_partial(struct receiver *r, bool keep_front)
{
    assert(r != NULL);
    assert(!keep_front || r->queued > 0);
    uint32_t complete = 0;
    for (uint32_t at = 0; at < r->queued;) {
        const struct buffer_entry e = entry_at(r, at);
        const bool keep = e.ends_group || (keep_front && at == 0);
        at += ENTRY_HEAD + e.len;
        complete = keep ? at : complete;
    }
    shorten(r, complete);
}

/* The story of a step, in words, for whoever replays it. Costs nothing while nobody listens. */
#include <stdio.h>

#include "format/packet.h"
#include "sim/internal.h"

static void append(char *text, const char *format, va_list args)
{
    size_t used = strlen(text);
    if (used > 0 && used + 2 < TRACE_TEXT_MAX) {
        memcpy(text + used, "; ", 3);
        used += 2;
    }
    if (used + 1 < TRACE_TEXT_MAX)
        vsnprintf(text + used, TRACE_TEXT_MAX - used, format, args);
}

void story(struct sim *s, const char *format, ...)
{
    if (s->now == NULL)
        return;
    va_list args;
    va_start(args, format);
    append(s->now->text, format, args);
    va_end(args);
}

void story_broken(struct sim *s, enum invariant i, const char *format, ...)
{
    s->violated |= 1u << i;
    if (s->now == NULL)
        return;
    va_list args;
    va_start(args, format);
    append(s->now->broken, format, args);
    va_end(args);
}

void story_lane(struct sim *s, uint32_t lane)
{
    if (s->now != NULL)
        s->now->lane = (uint8_t)lane;
}

void story_to(struct sim *s, uint32_t lane)
{
    if (s->now != NULL)
        s->now->to_lane = (uint8_t)lane;
}

void story_txns(struct sim *s, uint32_t mask)
{
    if (s->now != NULL)
        s->now->txn_mask |= (uint16_t)mask;
}

const char *story_node(const struct sim *s, uint32_t node)
{
    static const char *const names[NODES_MAX] = {"P", "R1", "R2", "R3", "R4", "R5"};
    (void)s;
    assert(node < NODES_MAX);
    return names[node];
}

void story_event(struct sim *s, uint32_t node, const uint8_t *packet, uint32_t len)
{
    struct event_head h;
    struct event_packet p;
    if (s->now == NULL)
        return;
    bool semi = len > 1 && packet[1] == SEMISYNC_MAGIC;
    if (decode_event_packet(packet, len, semi, &p) == FMT_OK &&
        event_parse(p.event, p.len, false, &h) == FMT_OK)
        story(s, "%s takes %s%s", story_node(s, node), event_type_text(h.type),
              p.need_ack ? " (ACK wanted)" : "");
}

void story_request(struct sim *s, uint32_t node, uint32_t replica, const uint8_t *packet,
                   uint32_t len)
{
    struct ack_packet ack;
    if (s->now == NULL)
        return;
    if (decode_ack(packet, len, &ack) == FMT_OK)
        story(s, "%s takes the ACK of %s up to %s:%u", story_node(s, node), story_node(s, replica),
              ack.file, (unsigned)ack.pos);
    else
        story(s, "%s takes the dump request of %s", story_node(s, node), story_node(s, replica));
}

void story_committer(struct sim *s, uint32_t node, uint32_t task, const char *before)
{
    const struct node *n = &s->world->node[node];
    const struct committer *m = &n->primary.by[task];
    struct env env = {.set = &s->scenario->node[node]};
    char who[24];
    static const char *const others[] = {"applier of", "operator on", "checkpoint of"};
    if (task < TASK_APPLIER)
        snprintf(who, sizeof who, "session %u", task + 1);
    else
        snprintf(who, sizeof who, "%s %s", others[task - TASK_APPLIER], story_node(s, node));
    switch (m->state) {
    case COMMITTER_LOCK:
        story(s, "%s waits for %s", who, primary_wanted_lock(&env, m));
        break;
    case COMMITTER_ACK:
        story(s, "%s waits for an ACK", who);
        break;
    case COMMITTER_FOLLOWER:
        story(s, "%s joins the group of a leader", who);
        break;
    case COMMITTER_IDLE:
        break;
    default:
        if (strcmp(before, primary_stage_name(&env, m)) != 0)
            story(s, "%s reaches %s", who, primary_stage_name(&env, m));
    }
}

#include "replica/parse.h"

enum fmt parse_head(const struct server_settings *set, const uint8_t *bytes, uint32_t len,
                    struct parsed *p)
{
    assert(bytes != NULL);
    memset(p, 0, sizeof *p);
    enum fmt f = decode_event_packet(bytes, len, set->semi_sync_slave, &p->packet);
    if (f != FMT_OK) {
        return f;
    }
    f = event_parse(p->packet.event, p->packet.len, set->receiver->verify_crc_before_ack, &p->head);
    if (f == FMT_OK && p->head.len != p->packet.len) {
        f = FMT_BAD_LENGTH;
    }
    return f;
}

enum fmt parse_body(const struct receiver *r, const struct server_settings *set, struct parsed *p)
{
    assert(p->packet.event != NULL && p->head.len == p->packet.len);
    if (!set->receiver->verify_crc_before_ack) {
        struct event_head again;
        const enum fmt f = event_parse(p->packet.event, p->packet.len, true, &again);
        if (f != FMT_OK) {
            return f;
        }
    }
    p->scan = r->scan;
    p->step = group_scan_event(&p->scan, p->packet.event, &p->head);
    p->off = p->head.log_pos != 0 ? p->head.log_pos : r->primary_off;
    if (p->step == GROUP_ERROR) {
        return FMT_BAD_BODY;
    }
    if (p->step == GROUP_OUTSIDE) {
        return FMT_OK;
    }
    if (r->primary_file == 0) {
        return FMT_BAD_BODY; /* a stream begins with a ROTATE: without it no position has a name */
    }
    if (p->step == GROUP_BEGIN) {
        struct gtid_pos pos = r->pos;
        const struct gtid g = p->scan.gtid.gtid;
        if (g.seq == 0 || !gtid_pos_raise(&pos, g)) {
            return FMT_BAD_BODY; /* seq 0 is no GTID; or too many domains */
        }
    }
    return FMT_OK;
}

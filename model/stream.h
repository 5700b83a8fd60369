/* What a server with the binlog inside its engine holds, read from bytes: the redo log says what
 * stands behind the last checkpoint, the pages of the binlog files what stands before it.
 */
#ifndef ACKPROOF_MODEL_STREAM_H
#define ACKPROOF_MODEL_STREAM_H

#include "format/ibb.h"
#include "model/history.h"

enum { STREAM_FILES_MAX = 12, STREAM_MAX = 4096 };

struct stream_file {
    uint32_t num;
    uint32_t len;
    const uint8_t *bytes;
};

/* The disk's files, and what a living process has in its redo buffer: its readers see that too. */
struct stream_logs {
    const uint8_t *redo;
    uint32_t redo_len;
    uint32_t buffer_len;
    const uint8_t *buffer;
    uint32_t n_files; /* sorted by number */
    struct stream_file file[STREAM_FILES_MAX];
};

/* Replaces the history by what the logs hold. Positions are offsets in the stream, in file 1.
 * False: HISTORY_MAX, or a stream longer than STREAM_MAX. h->broken where pages before the
 * checkpoint are not readable; what follows them is lost. */
bool stream_history(struct history *h, const struct stream_logs *l);
/* Adds one commit record that stands at [start, end). */
bool stream_add(struct history *h, const struct ibb_span *stream, const struct ibb_record *r,
                uint32_t start, uint32_t end);
/* The bytes of the redo log that make a transaction's commit. */
bool stream_commit(const uint8_t *redo, uint32_t len, uint32_t txn, uint32_t *from, uint32_t *to);

#endif

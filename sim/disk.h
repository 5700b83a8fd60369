/* The disk of one node: what it claims and what it keeps.
 *
 * A file has one byte image, that of the page cache (what read(2) gives, what survives a
 * SIGKILL), and the disk has an ordered list of pending operations: changes of that image, of
 * sizes and of directory entries that are not durable yet. An fsync makes the pending operations
 * of its file durable that were there when it was asked for, unless a fault says otherwise. A power
 * loss keeps a dependency-closed
 * part of the pending operations, which choose() picks, and the last one kept may be torn at a
 * 512-byte sector boundary; what is not kept is undone, so that the image then again is what
 * read(2) would give.
 *
 * Dependencies and device profile: operations on one file persist in the order in which they
 * were made (a journalling file system in ordered mode, append-only files), operations on
 * different files independently of each other; data needs the directory entry of its file, and
 * entries of one name persist in order. `reorder` drops the order within a file: any subset may
 * survive, a hole reads as zeros.
 *
 * Verbs tell claim from truth: disk_make_durable is what an honest fsync does; disk_fsync_lie
 * leaves the operations pending; disk_fsync_fail (EIO) leaves them in the page cache as clean
 * pages that no later fsync of theirs will write (fsyncgate), so only a power loss shows.
 *
 * Flat, no padding with undefined content, no pointers: copy with disk_copy (which copies only
 * what is in use), hash what disk_print writes (equal for equal contents, whatever the history).
 */
#ifndef ACKPROOF_SIM_DISK_H
#define ACKPROOF_SIM_DISK_H

#include "core/core.h"
#include "sim/choose.h"

enum { DISK_PENDING_MAX = 40, DISK_SECTOR = 512, DISK_UNDO_MAX = 16 };

struct disk_device {
    bool reorder; /* writes to one file may persist out of order */
    bool tear;    /* the last surviving write may be cut at a sector boundary */
};

enum disk_error {
    DISK_OK = 0,
    DISK_NO_FILE,  /* the file is not there */
    DISK_EXISTS,   /* create of a file that is there */
    DISK_FULL,     /* FILE_BYTES_MAX, FILES_MAX or DISK_PENDING_MAX */
    DISK_BAD_RANGE /* write that leaves a hole, truncate beyond the end */
};

struct disk_pending {
    uint8_t op;   /* private to disk.c, disk_loss.c */
    uint8_t slot; /* file */
    uint8_t fate; /* private: dirty, clean after a failed fsync, or durable behind a clean one */
    uint8_t undo_len;
    uint32_t asked; /* bit i: the fsync of i, under way, was asked for when this was written */
    uint32_t off;
    uint32_t len;
    uint8_t undo[DISK_UNDO_MAX]; /* overwritten bytes, where they are not more */
};

/* A file's bytes are one extent of the arena: [0, size) is the visible image, [size, high) what
 * pending truncates cut off and long writes overwrote, the newest first. Extents lie back to back
 * in slot order, so that a copy is one run of memory. */
struct disk_file {
    struct file_id id;
    uint8_t unlinked; /* no longer visible, kept until the unlink is durable */
    uint8_t reserved;
    uint32_t size;       /* visible */
    uint32_t high;       /* length of the extent, >= size */
    uint32_t content[4]; /* XXH3-128 of the extent; brought up to date by every change */
};

/* Private to disk.c and disk_loss.c. Canonical: slots by (kind, num, age), pending operations by
 * (slot, age). */
struct disk {
    uint32_t n_pending;
    uint32_t n_files;
    uint32_t used; /* bytes of the arena in use: the sum of all high */
    uint32_t reserved;
    struct disk_file file[FILES_MAX];
    struct disk_pending pending[DISK_PENDING_MAX];
    uint8_t bytes[FILES_MAX * FILE_BYTES_MAX];
};

void disk_init(struct disk *d);
enum disk_error disk_create(struct disk *d, struct file_id id);
/* Unlinking is pending until the next fsync of any file of the disk or a power loss. */
enum disk_error disk_unlink(struct disk *d, struct file_id id);
enum disk_error disk_write(struct disk *d, struct file_id id, uint32_t off, const uint8_t *bytes,
                           uint32_t len);
enum disk_error disk_truncate(struct disk *d, struct file_id id, uint32_t size);
/* `who` (0 .. 31) asks for an fsync of the file, one at a time; it ends with one of the three
 * below. What is written meanwhile is not promised by it. */
void disk_fsync_ask(struct disk *d, struct file_id id, uint32_t who);
void disk_fsync_forget_all(struct disk *d); /* who asked for them is dead */
/* An honest fsync: what was pending of the file when it was asked for, its directory entry
 * included, and unlinks (one journal commit). DISK_NOW: as if it were asked for now. */
enum { DISK_NOW = 32 };
enum disk_error disk_make_durable(struct disk *d, struct file_id id, uint32_t who);
void disk_fsync_lie(struct disk *d, struct file_id id, uint32_t who);
void disk_fsync_fail(struct disk *d, struct file_id id, uint32_t who);

/* What a power loss left out. */
struct disk_loss {
    uint32_t lost; /* pending operations that were undone */
    uint32_t torn; /* 1 where a write was torn */
};
/* Asks CHOOSE_SURVIVE per file that has pending operations (n = number + 1: how many of them, in
 * order, survive; with device.reorder instead once per operation with n = 2) and CHOOSE_TEAR where
 * the next operation behind the surviving ones is a write that crosses a sector boundary (n = whole
 * sectors it could leave + 1, 0 = none). A clean page (failed fsync) is outside that order: it is
 * asked for by itself, n = 2. Afterwards nothing is pending. */
struct disk_loss disk_power_loss(struct disk *d, const struct disk_device *dev, struct chooser *c);

/* True where bytes [from, to) of the file survive every power loss that could come now. */
bool disk_range_durable(const struct disk *d, struct file_id id, uint32_t from, uint32_t to);
/* True where there is anything that a power loss could take. */
bool disk_has_pending(const struct disk *d);

void disk_view(const struct disk *d, struct disk_view *v);
void disk_copy(struct disk *to, const struct disk *from);
/* Writes what tells one disk from another (equal for equal contents, whatever the history) to
 * `to`, which has room for DISK_PRINT_MAX bytes; the number of bytes. It is for hashing: contents
 * of files stand there as their own 128-bit hashes. `who`: bit i: fsyncs of i count; all: ~0. */
enum {
    DISK_PRINT_FILES = sizeof(uint32_t[2]), /* here file[0 .. n_files) stand */
    DISK_PRINT_MAX = DISK_PRINT_FILES + FILES_MAX * sizeof(struct disk_file) +
                     DISK_PENDING_MAX * sizeof(struct disk_pending)
};
uint32_t disk_print(const struct disk *d, uint32_t who, uint8_t *to);

#endif

/* ackproof export: the nodes' disks at a step of a witness, as real files. What is written is
 * what read(2) would give there, the page cache included; mariadb-binlog reads the binlogs and
 * relay logs. */
#include "sim/cli/cli.h"
#include "sim/peek.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct export_options {
    struct common common;
    char *witness, *dir;
    uint64_t at;
    /* filled while replaying */
    const struct scenario *sc;
    bool ok;
};

enum { KEY_AT = 0x200 };

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct export_options *o = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &o->common;
        return 0;
    case KEY_AT:
        o->at = cli_number(state, "--at", arg, 1, UINT64_MAX);
        return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num > 1)
            argp_error(state, "a witness and a directory, nothing else");
        *(state->arg_num == 0 ? &o->witness : &o->dir) = arg;
        return 0;
    case ARGP_KEY_END:
        if (state->arg_num < 2)
            argp_error(state, "which witness, and into which directory?");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static bool file_name(struct file_id id, char text[32])
{
    switch (id.kind) {
    case FILE_REDO:
        snprintf(text, 32, "redo.log");
        return true;
    case FILE_BINLOG:
        snprintf(text, 32, "binlog.%06u", id.num);
        return true;
    case FILE_BINLOG_INDEX:
        snprintf(text, 32, "binlog.index");
        return true;
    case FILE_RELAY:
        snprintf(text, 32, "relay.%06u", id.num);
        return true;
    case FILE_IBB:
        snprintf(text, 32, "binlog-%06u.ibb", id.num - 1u);
        return true;
    case FILE_TABLE:
        snprintf(text, 32, "table.rows");
        return true;
    case FILE_BACKUP:
        snprintf(text, 32, "backup.%06u", id.num);
        return true;
    default:
        return false;
    }
}

static bool write_file(const char *dir, const char *name, const uint8_t *bytes, size_t len)
{
    char *path = cli_path(dir, name);
    FILE *f = fopen(path, "wb");
    bool ok = f != NULL && fwrite(bytes, 1, len, f) == len;
    if (f != NULL)
        ok = fclose(f) == 0 && ok;
    if (!ok)
        fprintf(stderr, "ackproof: %s: %s\n", path, strerror(errno));
    free(path);
    return ok;
}

static void write_node(struct export_options *o, const struct disk *d, uint32_t node)
{
    char name[32], lane[LANE_NAME_MAX];
    snprintf(name, sizeof name, "node%u", node);
    char *dir = cli_path(o->dir, name);
    o->ok = cli_mkdirs(dir) && o->ok;
    struct disk_view v;
    disk_view(d, &v);
    for (uint32_t i = 0; i < v.n && o->ok; i++) {
        const struct file_view *f = &v.at[i];
        if (!file_name(f->id, name))
            continue;
        o->ok = write_file(dir, name, f->bytes, f->len);
        if (o->ok && !o->common.quiet)
            printf("%s/%s  %u bytes, %s\n", dir, name, f->len, lane_name(o->sc, node, lane));
    }
    free(dir);
}

static void at_end(void *arg, const struct sim *s)
{
    struct export_options *o = arg;
    for (uint32_t n = 0; n < o->sc->n_nodes; n++)
        write_node(o, world_disk(s->world, n), n);
}

int cmd_export(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"at", KEY_AT, "STEP", 0, "Behind this step (default: the end)", 0},
        {0},
    };
    static const struct argp_child children[] = {{&common_argp, 0, NULL, 0}, {0}};
    static const struct argp argp = {
        .options = options,
        .parser = parse,
        .args_doc = "WITNESS DIR",
        .doc = "Writes each server's files as they are at a step of a run into DIR/node0, "
               "DIR/node1 ...: binlog.000001, relay.000001, redo.log.",
        .children = children,
    };
    struct export_options o = {.ok = true};
    common_default(&o.common);
    cli_parse(&argp, argc, argv, &o);
    struct scenario sc;
    struct witness w;
    if (!load_witness(o.witness, &w, &sc))
        return EXIT_USAGE;
    o.sc = &sc;
    struct run_outcome out;
    const struct replay opt = {.until = o.at};
    int status = EXIT_EXPECTED;
    if (explore_replay(&sc, &w, &opt, &out, stderr, at_end, &o) != REPLAY_DONE || !o.ok)
        status = EXIT_HARNESS;
    if (status == EXIT_EXPECTED && out.steps < o.at)
        fprintf(stderr, "ackproof: the run has %llu steps only; this is its end\n",
                (unsigned long long)out.steps);
    witness_free(&w);
    return status;
}

# The rules of ci/tidy that look into C files. Reads .c and .h files by their path from the root of
# the repository; prints findings as file:line: message; exit status 1 if there are any.
#
# Limits, layers and exceptions are the tables in BEGIN. Runs under mawk and gawk.

function finding(line, text)
{
    printf "%s:%d: %s\n", FILENAME, line, text
    findings++
}

function layer_rule(layer, may,    list, n, i)
{
    n = split(may, list, " ")
    for (i = 1; i <= n; i++) {
        arrow[layer, list[i]] = 1
    }
    known[layer] = 1
}

function ban(group, names,    list, n, i)
{
    n = split(names, list, " ")
    for (i = 1; i <= n; i++) {
        n_banned++
        banned_name[n_banned] = list[i]
        banned_group[n_banned] = group
    }
}

function except(path, groups, why,    list, n, i)
{
    n = split(groups, list, " ")
    n_excepts++
    except_path[n_excepts] = path
    for (i = 1; i <= n; i++) {
        except_group[n_excepts, list[i]] = 1
    }
}

BEGIN {
    max_file = 600
    max_function = 70
    max_columns = 100

    # Which layer may include which. "X!" means: of X only its public header X/X.h.
    cores = "engine primary replica manager"
    layer_rule("format", "format")
    layer_rule("core", "core format")
    layer_rule("engine", "engine core format primary! replica! manager!")
    layer_rule("primary", "primary core format engine! replica! manager!")
    layer_rule("replica", "replica core format engine! primary! manager!")
    layer_rule("manager", "manager core format engine! primary! replica!")
    layer_rule("host", "host core format engine! primary! replica! manager!")
    layer_rule("model", "model format")
    below_sim = "model core format " cores
    layer_rule("sim", "sim " below_sim)
    layer_rule("sim/explore", "sim/explore sim " below_sim)
    layer_rule("sim/live", "sim/live sim host " below_sim)
    layer_rule("reports", "reports sim/explore sim/live sim host " below_sim)
    layer_rule("sim/cli", "sim/cli reports sim/explore sim/live sim host " below_sim)

    # What the cores, the oracle and the simulated world never call.
    ban("time", "time clock gettimeofday clock_gettime timespec_get localtime gmtime")
    ban("random", "rand srand rand_r random srandom drand48 lrand48 getrandom arc4random")
    ban("sleep", "sleep usleep nanosleep")
    ban("thread", "pthread_ thrd_ mtx_ cnd_")
    ban("process", "getenv getpid fork system")
    ban("alloc", "malloc calloc realloc free aligned_alloc posix_memalign strdup strndup alloca")

    # Exceptions by path. Tests, fuzzers, test_*.h and reports/ are free of the ban.
    except("src/host/", "time sleep thread process alloc", "production I/O")
    except("sim/live/", "time sleep thread process alloc", "real servers")
    except("sim/cli/", "time sleep thread process alloc", "the command")
    except("sim/explore/", "time sleep process alloc", "search tables, progress, workers")
    except("sim/scenario", "alloc", "the YAML reader frees what libcyaml gave")
    except("sim/yaml", "alloc", "likewise")
}

function layer_of(path)
{
    if (path ~ /^src\/[^\/]+\//) {
        sub(/^src\//, "", path)
        sub(/\/.*/, "", path)
        return path
    }
    if (path ~ /^sim\/(explore|live|cli)\//) {
        sub(/^sim\//, "", path)
        sub(/\/.*/, "", path)
        return "sim/" path
    }
    sub(/\/.*/, "", path)
    return path
}

function end_of_file()
{
    if (file == "") {
        return
    }
    if (lines > max_file) {
        printf "%s:%d: file has %d lines, limit %d\n", file, lines, lines, max_file
        findings++
    }
}

FNR == 1 {
    end_of_file()
    file = FILENAME
    in_comment = 0
    body = 0
    layer = layer_of(FILENAME)
    n_bans = 0
    n_files++
    is_test = FILENAME ~ /(_test\.c|\/fuzz_[^\/]*\.c|\/test_[^\/]*\.h)$/
    free_of_ban = is_test || FILENAME !~ /^(src|model|sim)\//
    if (!free_of_ban) {
        for (i = 1; i <= n_banned; i++) {
            ok = 0
            for (e = 1; e <= n_excepts; e++) {
                if (index(FILENAME, except_path[e]) == 1 && (e, banned_group[i]) in except_group) {
                    ok = 1
                }
            }
            if (!ok) {
                n_bans++
                bans[n_bans] = banned_name[i]
            }
        }
        # One look with all names first; most lines need no second.
        any = ""
        for (i = 1; i <= n_bans; i++) {
            any = any (i > 1 ? "|" : "") bans[i]
        }
        any = "(" any ")"
    }
    if (FILENAME ~ /^(src|model|sim|reports)\// && !(layer in known)) {
        finding(1, "folder is in no layer: add it to the table in ci/tidy.awk")
    }
}

# The line without comments, strings and character constants. Keeps in_comment across lines.
function code_of(s,    out, c, at)
{
    out = ""
    while (s != "") {
        if (in_comment) {
            at = index(s, "*/")
            if (at == 0) {
                return out
            }
            s = substr(s, at + 2)
            in_comment = 0
            continue
        }
        if (!match(s, /\/\*|\/\/|["']/)) {
            return out s
        }
        c = substr(s, RSTART, RLENGTH)
        out = out substr(s, 1, RSTART - 1)
        s = substr(s, RSTART + RLENGTH)
        if (c == "//") {
            return out
        }
        if (c == "/*") {
            in_comment = 1
            out = out " "
        } else if (c == "\"") {
            if (!match(s, /^([^"\\]|\\.)*"/)) {
                return out
            }
            s = substr(s, RLENGTH + 1)
            out = out "\"\""
        } else {
            if (!match(s, /^([^'\\]|\\.)*'/)) {
                return out
            }
            s = substr(s, RLENGTH + 1)
            out = out "0"
        }
    }
    return out
}

function check_include(line,    quoted, path, target)
{
    if (!match(line, /^[ ]*#[ ]*include[ ]*["<][^">]+[">]/)) {
        return
    }
    path = substr(line, RSTART, RLENGTH)
    quoted = path ~ /"$/
    sub(/^[^"<]*["<]/, "", path)
    sub(/[">]$/, "", path)
    if (path ~ /\.\.\//) {
        finding(FNR, "include with ../ : name it from src/ or from the root")
        return
    }
    if (path ~ /\.c$/) {
        finding(FNR, "include of a .c file")
        return
    }
    if (path ~ /(^|\/)test_[^\/]*\.h$/ && !is_test) {
        finding(FNR, "only tests include " path)
        return
    }
    sub(/^src\//, "", path)
    if (path !~ /\//) {
        return # a neighbour, or a system header
    }
    target = layer_of(path)
    if (!(target in known)) {
        if (quoted) {
            finding(FNR, "include of " path ": in no layer (libraries are included with <>)")
        }
        return
    }
    if (!(layer in known) || (layer, target) in arrow) {
        return
    }
    if ((layer, target "!") in arrow) {
        if (path != target "/" target ".h") {
            finding(FNR, "include against the arrows: " layer " may include of " target \
                " only " target "/" target ".h, not " path)
        }
        return
    }
    finding(FNR, "include against the arrows: " layer " must not include " path)
}

function check_calls(code,    i, rest)
{
    if (free_of_ban || n_bans == 0 || code !~ any) {
        return
    }
    for (i = 1; i <= n_bans; i++) {
        rest = bans[i]
        if (rest ~ /_$/) {
            if (code ~ ("(^|[^A-Za-z0-9_])" rest "[a-z]")) {
                finding(FNR, "banned here: " rest "*")
            }
        } else if (code ~ ("(^|[^A-Za-z0-9_.>])" rest "[ ]*[(]")) {
            finding(FNR, "banned here: " rest "()")
        }
    }
}

{
    lines = FNR
    if (index($0, "\t")) {
        finding(FNR, "tab")
    }
    if ($0 ~ /[ \r]$/) {
        finding(FNR, "trailing blank")
    }
    # Bytes to characters: continuation bytes of UTF-8 do not count.
    width = length($0)
    if (width > max_columns) {
        wide = $0
        gsub(/[\200-\277]/, "", wide)
        width = length(wide)
        if (width > max_columns) {
            finding(FNR, "line has " width " columns, limit " max_columns)
        }
    }
    if (!in_comment) {
        check_include($0)
    }
    code = code_of($0)
    check_calls(code)

    # clang-format puts the braces of functions, and of nothing else, into the first column.
    if (code ~ /^\{/) {
        body = FNR
    } else if (code ~ /^\}/ && body) {
        if (FNR - body + 1 > max_function) {
            finding(body, "function has " (FNR - body + 1) " lines, limit " max_function)
        }
        body = 0
    }
}

END {
    end_of_file()
    exit findings > 0
}

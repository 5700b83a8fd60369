# shellcheck shell=bash
# What the scripts of ci/ share. Sourced; leaves the caller in the root of the repository.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root" || exit

me=ci/${0##*/}
jobs=${ACKPROOF_JOBS:-$(nproc)}
# shellcheck disable=SC2034 # not every script uses every colour
{
    bold='' red='' green='' plain=''
    if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
        bold=$'\033[1m' red=$'\033[31m' green=$'\033[32m' plain=$'\033[0m'
    fi
}

say() {
    printf '%s%s: %s%s\n' "$bold" "$me" "$*" "$plain"
}

die() {
    printf '%s%s: %s%s\n' "$red" "$me" "$*" "$plain" >&2
    exit 1
}

# quiet NAME COMMAND...: output goes to build/logs/NAME.log and is shown only when the command fails.
quiet() {
    local log=build/logs/$1.log
    shift
    mkdir -p build/logs
    if ! "$@" >"$log" 2>&1; then
        tail -n 100 "$log" >&2
        printf '%s%s: failed: %s (all of it: %s)%s\n' "$red" "$me" "$*" "$log" "$plain" >&2
        return 1
    fi
}

# build PRESET [TARGET]
build() {
    say "building $1${2:+ ($2)}"
    quiet "$1-configure" cmake --preset "$1" || return 1
    quiet "$1-build" cmake --build --preset "$1" -j "$jobs" ${2:+--target "$2"} || return 1
    # The warnings of a build that went well are worth seeing too.
    grep -A 5 'warning:' "build/logs/$1-build.log" || true
}

# run_tests PRESET LABELS: LABELS is a regular expression.
run_tests() {
    ctest --test-dir "build/$1" -L "^($2)\$" -j "$jobs" --output-on-failure --no-tests=error \
        --output-junit ctest.xml
}

#!/bin/bash
set -euo pipefail
fail() { printf '%s\n' "$*"; exit 1; }

[ -s ~/card.sh ] || fail "Expected the script ~/card.sh, but it is missing or empty."
errors=$(mktemp)
trap 'rm -f "$errors"' EXIT
try() {
    local what=$1 status=0 out
    shift
    out=$(timeout 5 bash ~/card.sh "$@" 2> "$errors") || status=$?
    [ "$status" = 2 ] || fail "Expected the exit status 2 $what, found $status."
    [ -z "$out" ] || fail "Expected nothing on standard output $what, found \"${out:0:60}\"."
    grep -qi '^usage' "$errors" || fail "Expected a line beginning with Usage: on standard error $what, found \"$(head -n 1 "$errors")\"."
}
try "without a name"
try "with an empty name" ""
echo "Who calls it wrongly is told how to call it."

#!/bin/bash
set -euo pipefail
fail() { printf '%s\n' "$*"; exit 1; }

file=~/answers/sample.log
[ -f "$file" ] || fail "Expected the last 20 lines in ~/answers/sample.log, but there is no such file yet."
lines=$(wc -l < "$file")
[ "$lines" = 20 ] || fail "Expected 20 lines in ~/answers/sample.log, found $lines (>> adds to a file, > replaces it)."
cmp -s "$file" <(tail -n 20 ~/ferry/access.log) || fail "Expected the last 20 lines of access.log, but these 20 are others."
echo "The last 20 lines are there."

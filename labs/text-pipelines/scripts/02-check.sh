#!/bin/bash
set -euo pipefail
fail() { printf '%s\n' "$*"; exit 1; }

file=~/answers/errors.log
[ -s "$file" ] || fail "Expected the failed requests in ~/answers/errors.log, but it is missing or empty."
want=$(grep -c '" 500 ' ~/ferry/access.log)
wrong=$(grep -cv '" 500 ' "$file" || true)
[ "$wrong" = 0 ] || fail "Expected only lines with the status 500, but $wrong are others, such as: $(grep -v '" 500 ' "$file" | tail -n 1)"
got=$(wc -l < "$file")
[ "$got" = "$want" ] || fail "All your lines have the status 500, but there are $got of them, and access.log has $want."
cmp -s <(sort "$file") <(grep '" 500 ' ~/ferry/access.log | sort) || fail "The number is right, but some lines are not as they are in access.log."
echo "$want requests failed with the status 500."

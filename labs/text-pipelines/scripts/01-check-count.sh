#!/bin/bash
set -euo pipefail
fail() { printf '%s\n' "$*"; exit 1; }

file=~/answers/requests.txt
[ -f "$file" ] || fail "Expected the number of requests in ~/answers/requests.txt, but there is no such file yet."
got=$(grep -oE '[0-9]+' "$file" | head -n 1 || true)
want=$(wc -l < ~/ferry/access.log)
[ -n "$got" ] || fail "Expected a number in ~/answers/requests.txt, found none."
[ "$got" = "$want" ] || fail "Expected as many as access.log has lines, found $got."
echo "$want requests."

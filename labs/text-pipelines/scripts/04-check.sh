#!/bin/bash
set -euo pipefail
fail() { printf '%s\n' "$*"; exit 1; }

file=~/answers/anonymous.log
[ -s "$file" ] || fail "Expected the changed log in ~/answers/anonymous.log, but it is missing or empty."
want=$(wc -l < ~/ferry/access.log)
got=$(wc -l < "$file")
[ "$got" = "$want" ] || fail "Expected all $want lines in ~/answers/anonymous.log, found $got."
open=$(grep -Ev '^[0-9]+\.[0-9]+\.[0-9]+\.0 ' "$file" | head -n 1 || true)
[ -z "$open" ] || fail "Expected that every line begins with an address that ends in .0, found: ${open:0:60}"
odd=$(diff <(sed -E 's/^([0-9]+\.[0-9]+\.[0-9]+\.)[0-9]+/\10/' ~/ferry/access.log) "$file" | grep '^>' | head -n 1 || true)
[ -z "$odd" ] || fail "The addresses end in .0, but something else changed as well, for example in: ${odd:2}"
echo "All $want addresses are anonymous."

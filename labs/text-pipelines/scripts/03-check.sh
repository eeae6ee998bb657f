#!/bin/bash
set -euo pipefail
fail() { printf '%s\n' "$*"; exit 1; }

file=~/answers/top.txt
[ -s "$file" ] || fail "Expected the five busiest clients in ~/answers/top.txt, but it is missing or empty."
got=$(sed -E 's/^[[:space:]]+//; s/[[:space:]]+$//; s/[[:space:]]+/ /g; /^$/d' "$file")
count=$(wc -l <<< "$got")
[ "$count" = 5 ] || fail "Expected 5 lines in ~/answers/top.txt, found $count."
want=$(cut -d ' ' -f 1 ~/ferry/access.log | sort | uniq -c | sort -rn | head -n 5 | sed -E 's/^ +//')
line=0
while IFS= read -r expected <&3 && IFS= read -r found <&4; do
    line=$((line + 1))
    [[ $found =~ ^[0-9]+\ [0-9.]+$ ]] || fail "Expected a number and an address in line $line, found \"$found\"."
    [ "$found" = "$expected" ] || fail "Line $line is not the client of rank $line with its number of requests: found \"$found\"."
done 3<<< "$want" 4<<< "$got"
echo "The busiest client is ${want%%$'\n'*} (requests, address)."

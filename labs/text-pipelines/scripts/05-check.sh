#!/bin/bash
set -euo pipefail
fail() { printf '%s\n' "$*"; exit 1; }

file=~/answers/traffic.txt
[ -s "$file" ] || fail "Expected bytes and paths in ~/answers/traffic.txt, but it is missing or empty."
got=$(sed -E 's/^[[:space:]]+//; s/[[:space:]]+$//; s/[[:space:]]+/ /g; /^$/d' "$file")
want=$(awk '{ bytes[$7] += $NF } END { for (path in bytes) printf "%d %s\n", bytes[path], path }' ~/ferry/access.log | sort -rn)
odd=$(grep -Ev '^[0-9]+ /[^ ]*$' <<< "$got" | head -n 1 || true)
[ -z "$odd" ] || fail "Expected each line to be a number, a space and a path, found \"$odd\"."
while read -r bytes path; do
    line=$(grep -E "^[0-9]+ $path\$" <<< "$got" | head -n 1 || true)
    [ -n "$line" ] || fail "Expected a line for the path $path, found none."
    [ "${line%% *}" = "$bytes" ] || fail "The sum for $path is not ${line%% *}: add up the last field of all its lines."
done <<< "$want"
[ "$(wc -l <<< "$got")" = "$(wc -l <<< "$want")" ] || fail "Expected one line for each of the $(wc -l <<< "$want") paths, found $(wc -l <<< "$got") lines."
[ "$(cut -d ' ' -f 1 <<< "$got")" = "$(cut -d ' ' -f 1 <<< "$want")" ] || fail "All sums are right, but they are not in order: the largest comes first."
echo "All sums are right; most bytes went to ${want%%$'\n'*}."

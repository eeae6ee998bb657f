#!/bin/bash
set -euo pipefail
fail() { printf '%s\n' "$*"; exit 1; }

script=~/report.sh
[ -s "$script" ] || fail "Expected the script ~/report.sh, but it is missing or empty."
errors=$(mktemp)
trap 'rm -f "$errors"' EXIT
got=$(timeout 5 bash "$script" ~/ferry/access.log 2> "$errors") || fail "report.sh ended with an error: $(tail -n 1 "$errors")"
[ -n "$got" ] || fail "Expected lines with an hour and a number from report.sh, but it printed nothing."
odd=$(grep -Ev '^[0-9][0-9] [0-9]+$' <<< "$got" | head -n 1 || true)
[ -z "$odd" ] || fail "Expected each line to be an hour, a space and a number, such as \"18 214\", found \"$odd\"."
want=$(awk '$9 >= 500 && $9 <= 599 { split($4, time, ":"); count[time[2]]++ } END { for (hour in count) print hour, count[hour] }' ~/ferry/access.log | sort)
[ "$got" = "$want" ] && { echo "The report is right. The trouble began at 18 hours."; exit 0; }
sum() { awk '{ sum += $2 } END { print sum + 0 }'; }
[ "$(sum <<< "$got")" = "$(sum <<< "$want")" ] || fail "Expected $(sum <<< "$want") failed requests in all (500 to 599), your report has $(sum <<< "$got")."
fail "The sum is right, but the hours or their order are not; the first line is \"$(head -n 1 <<< "$got")\"."

#!/bin/bash
set -euo pipefail
fail() { printf '%s\n' "$*"; exit 1; }

[ -s ~/overdue.sh ] || fail "Expected the script ~/overdue.sh, but it is missing or empty."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# try WHAT TODAY EXPECTED
try() {
    local out
    out=$(timeout 5 bash ~/overdue.sh "$work/loans of may.csv" "$2" 2> "$work/errors") || fail "overdue.sh failed with $1: $(tail -n 1 "$work/errors")"
    [ "$out" = "$3" ] || fail "With $1, expected \"${3//$'\n'/ | }\", found \"$(tr '\n' '|' <<< "$out" | cut -c 1-120)\"."
}
printf 'borrower,title,due\nA  B,C:\\new,2025-05-01\nEve,X * Y,2025-05-31\n' > "$work/loans of may.csv"
try "two loans, one due today" 2025-05-31 $'A  B: C:\\new (2025-05-01)\n1 overdue'
try "nothing overdue" 2024-12-31 "0 overdue"
printf 'Zoe,Last Line,2025-05-02' >> "$work/loans of may.csv"
try "a last line without an end" 2025-06-01 $'A  B: C:\\new (2025-05-01)\nEve: X * Y (2025-05-31)\nZoe: Last Line (2025-05-02)\n3 overdue'
echo "What is overdue is listed, down to the last line."

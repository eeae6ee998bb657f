#!/bin/bash
set -euo pipefail
fail() { printf '%s\n' "$*"; exit 1; }

file=~/bakery/payroll.csv
[ -s "$file" ] || fail "Expected the file ~/bakery/payroll.csv with its content, but it is missing or empty."
mode=$(stat -c %a "$file")
[ "$mode" = 600 ] || fail "Expected the mode 600 (rw-------) on payroll.csv, found $mode ($(stat -c %A "$file"))."
echo "payroll.csv is yours alone."

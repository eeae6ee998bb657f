#!/bin/bash
set -euo pipefail
fail() { printf '%s\n' "$*"; exit 1; }

file=~/answers/modes.txt
[ -f "$file" ] || fail "Expected your answers in ~/answers/modes.txt, but there is no such file yet."
while read -r name want; do
    # The last line about a file counts, so that a correction may be appended.
    got=$(sed -nE "s/^[[:space:]]*${name//./\\.}[[:space:]:=]+([^[:space:]]+).*/\1/p" "$file" | tail -n 1)
    [ -n "$got" ] || fail "Expected a line \"$name NUMBER\" in ~/answers/modes.txt, found none."
    [ "${got#0}" = "$want" ] || fail "The mode of $name is not $got. Look at its letters again: r is 4, w is 2, x is 1."
done <<'END'
menu.txt 640
payroll.csv 666
bake.sh 644
END
echo "All three modes are right."

#!/bin/bash
set -euo pipefail
fail() { printf '%s\n' "$*"; exit 1; }

file=~/answers/parent
[ -f "$file" ] || fail "Expected a name in ~/answers/parent, but there is no such file yet."
got=$(tr -d '[:space:]' < "$file")
got=${got##*/}
[[ ! $got =~ ^[0-9]+$ ]] || fail "Expected the program's name in ~/answers/parent, found the number $got: ps -p $got shows its name."
[ "$got" = mast ] || fail "Expected the program whose PID is gauge's PPID, found \"${got:0:40}\"."
echo "mast is the parent of gauge."

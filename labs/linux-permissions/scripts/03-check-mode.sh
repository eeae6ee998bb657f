#!/bin/bash
set -euo pipefail
fail() { printf '%s\n' "$*"; exit 1; }

file=~/bakery/bake.sh
[ -f "$file" ] || fail "Expected the script ~/bakery/bake.sh, but it is gone."
letters=$(stat -c %A "$file")
[ "${letters:3:1}" = x ] || fail "Expected x as the owner's third letter on bake.sh, found $letters."
[ "${letters:5:1}${letters:8:1}" = -- ] || fail "Expected that only you can change bake.sh, but others may write it: $letters."
echo "bake.sh may run ($letters)."

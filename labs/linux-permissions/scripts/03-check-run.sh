#!/bin/bash
set -euo pipefail
fail() { printf '%s\n' "$*"; exit 1; }

file=~/bakery/baked.txt
[ -f "$file" ] || fail "Expected ~/bakery/baked.txt, which bake.sh writes, but it is not there: run ./bake.sh in ~/bakery."
want="Baked 84 loaves"
got=$(head -n 1 "$file")
[ "$got" = "$want" ] || fail "Expected \"$want\" in baked.txt, found \"$got\"."
echo "The bread is baked."

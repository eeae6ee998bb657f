#!/bin/bash
set -euo pipefail
fail() { printf '%s\n' "$*"; exit 1; }

dir=~/bakery/recipes
[ -d "$dir" ] || fail "Expected the directory ~/bakery/recipes, but it is gone."
mode=$(stat -c %a "$dir")
[ "$mode" = 750 ] || fail "Expected the mode 750 (rwxr-x---) on recipes, found $mode ($(stat -c %A "$dir"))."
count=$(find "$dir" -name '*.txt' | wc -l)
[ "$count" -ge 4 ] || fail "Expected the four recipes in ~/bakery/recipes, found $count."
echo "The recipes can be read again."

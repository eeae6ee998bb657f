#!/bin/bash
set -euo pipefail
fail() { printf '%s\n' "$*"; exit 1; }

dir=~/bakery/counter
[ -d "$dir" ] || fail "Expected the directory ~/bakery/counter, but it is gone."
mode=$(stat -c %a "$dir")
[ "$mode" = 711 ] || fail "Expected the mode 711 (rwx--x--x) on counter, found $mode ($(stat -c %A "$dir"))."
echo "The counter has a door and no window."

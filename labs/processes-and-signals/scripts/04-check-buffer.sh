#!/bin/bash
set -euo pipefail
fail() { printf '%s\n' "$*"; exit 1; }

pid=$(pgrep -x -u "$(id -u)" buffer | head -n 1 || true)
state=""
[ -z "$pid" ] || state=$(ps -o stat= -p "$pid" || true)
# Z: it has ended, and its parent is about to notice.
if [[ -n $state && $state != Z* ]]; then
    [[ $state != T* ]] || fail "buffer (process $pid) is stopped, so it cannot answer: kill -CONT $pid lets it."
    fail "Expected buffer to have ended, but it still runs as process $pid."
fi
saved=~/station/saved.txt
[ -f "$saved" ] || fail "buffer has ended, but saved nothing: it was not asked. ~/station/launch buffer starts it again; try another signal."
grep -qE '^saved [0-9]+ readings$' "$saved" || fail "Expected \"saved N readings\" in ~/station/saved.txt, found \"$(head -n 1 "$saved")\"."
echo "buffer $(head -n 1 "$saved") and ended."

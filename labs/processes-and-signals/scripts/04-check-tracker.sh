#!/bin/bash
set -euo pipefail
fail() { printf '%s\n' "$*"; exit 1; }

pid=$(pgrep -x -u "$(id -u)" tracker | head -n 1 || true)
state=""
[ -z "$pid" ] || state=$(ps -o stat= -p "$pid" || true)
# Z: it has ended, and its parent is about to notice.
[[ -z $state || $state == Z* ]] || fail "Expected tracker to be gone, but it still runs as process $pid; it ignores HUP, INT, QUIT and TERM."
echo "tracker is gone."

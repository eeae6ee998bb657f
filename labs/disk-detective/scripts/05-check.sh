#!/bin/bash
set -euo pipefail
fail() { printf '%s\n' "$*"; exit 1; }

while IFS= read -r link; do
    size=$(stat -L -c %s "$link" 2> /dev/null || echo 0)
    if [ "$size" -gt 1000000 ]; then
        pid=${link#/proc/}
        pid=${pid%%/*}
        fail "Process $pid ($(ps -o comm= -p "$pid" || true)) still has a deleted file open: $((size / 1048576)) MiB."
    fi
done < <(find /proc/[0-9]*/fd -user "$(id -u)" -lname '*(deleted)' 2> /dev/null)
pid=$(pgrep -o -x -u "$(id -u)" recorder || true)
[ -n "$pid" ] || fail "The space is free, but the service recorder does not run any more. ~/server/bin/start recorder starts it."
echo "No deleted file takes space, and the recorder runs."

#!/bin/bash
set -euo pipefail
fail() { printf '%s\n' "$*"; exit 1; }

cd ~/server 2> /dev/null || fail "Expected the folder ~/server, but it is gone. Start over to get it back."
# A subshell of the service has its name for a moment: the oldest one is the service itself.
pid=$(pgrep -o -x -u "$(id -u)" orders || true)
[ -n "$pid" ] || fail "Expected the service orders to go on, but it does not run. ~/server/bin/start orders starts it."
target=$(readlink "/proc/$pid/fd/9" || true)
case $target in
    *"(deleted)") fail "The log's name is gone, but orders (process $pid) still writes to the file without a name. End it, and start it again: pkill -x orders; ~/server/bin/start orders" ;;
    "$PWD/var/log/orders.log") ;;
    *) fail "Expected that orders writes to var/log/orders.log, but it writes to ${target:-nothing}." ;;
esac
size=$(stat -c %s var/log/orders.log)
[ "$size" -lt 1000000 ] || fail "Expected a log smaller than 1 MB, found $((size / 1024)) KiB."
echo "The log is small, and orders goes on writing to it."

#!/bin/bash
set -euo pipefail
fail() { printf '%s\n' "$*"; exit 1; }

cd ~/station
set_to=$(sed -n 's/^interval=\([0-9][0-9]*\)$/\1/p' collector.conf | head -n 1)
[ "$set_to" = 2 ] || fail "Expected interval=2 in ~/station/collector.conf, found \"$(head -n 1 collector.conf)\"."
# A subshell of the collector has its name for a moment: the oldest one is the collector itself.
pid=$(pgrep -o -x -u "$(id -u)" collector || true)
[ -n "$pid" ] || fail "Expected collector to go on running, but it has ended. ~/station/launch collector starts it again."
last=$(grep "^$pid " collector.log | tail -n 1 || true)
case $last in
    "$pid reloaded: a reading every 2 s") echo "The collector, still process $pid, has the new setting." ;;
    "$pid started: a reading every 2 s") fail "The collector has the new setting because it was restarted. Send it HUP as well, to see that it needs no restart." ;;
    *) fail "The file says 2, but collector (process $pid) still has the old setting: nobody has told it since to read the file again." ;;
esac

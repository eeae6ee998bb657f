#!/bin/bash
set -euo pipefail
fail() { printf '%s\n' "$*"; exit 1; }

pid=$(pgrep -x -u "$(id -u)" forecast | head -n 1 || true)
[ -n "$pid" ] || fail "Expected forecast to go on running, but it has ended. ~/station/launch forecast starts it again."
state=$(ps -o stat= -p "$pid" || true)
nice=$(ps -o ni= -p "$pid" | tr -d ' ' || true)
[[ $nice =~ ^-?[0-9]+$ ]] || fail "forecast has just ended. ~/station/launch forecast starts it again."
[ "$nice" -ge 10 ] || fail "Expected a niceness of at least 10 for forecast (process $pid), found $nice."
[[ $state != T* ]] || fail "forecast is nice enough, but it is stopped: kill -CONT $pid lets it go on."
echo "forecast goes on with a niceness of $nice."

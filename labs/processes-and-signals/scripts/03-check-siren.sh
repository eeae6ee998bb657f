#!/bin/bash
set -euo pipefail
fail() { printf '%s\n' "$*"; exit 1; }

pid=$(pgrep -x -u "$(id -u)" siren | head -n 1 || true)
[ -n "$pid" ] || fail "Expected siren to be paused, but it has ended. ~/station/launch siren starts it again."
state=$(ps -o stat= -p "$pid" || true)
[[ $state == T* ]] || fail "Expected siren (process $pid) in the state T (stopped), found ${state:-none}."
echo "Silence. The siren is paused, and can go on at any time."

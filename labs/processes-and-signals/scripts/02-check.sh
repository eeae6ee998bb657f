#!/bin/bash
set -euo pipefail
fail() { printf '%s\n' "$*"; exit 1; }

pids=$(pgrep -x -u "$(id -u)" rainfall || true)
[ -n "$pids" ] || fail "Expected a running process rainfall, found none."
why=""
for pid in $pids; do
    state=$(ps -o stat= -p "$pid" || true)
    output=$(readlink "/proc/$pid/fd/1" || true)
    if [[ $state == T* ]]; then
        why="rainfall ($pid) is stopped: bg lets it go on."
    elif [ "$output" != "$HOME/rain.log" ]; then
        why="Expected the output of rainfall ($pid) in ~/rain.log, but it goes to ${output:-nowhere}."
    elif [[ $state == *+* ]]; then
        why="rainfall ($pid) is in the foreground of a terminal: Ctrl-Z and bg send it to the background."
    elif [ ! -s "$HOME/rain.log" ]; then
        why="rainfall ($pid) runs, but ~/rain.log is empty. Wait a second."
    else
        echo "It rains into ~/rain.log, in the background."
        exit 0
    fi
done
fail "$why"

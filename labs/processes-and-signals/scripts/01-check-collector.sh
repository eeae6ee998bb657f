#!/bin/bash
set -euo pipefail
fail() { printf '%s\n' "$*"; exit 1; }

file=~/answers/collector
[ -f "$file" ] || fail "Expected a PID in ~/answers/collector, but there is no such file yet."
got=$(tr -d '[:space:]' < "$file")
[[ $got =~ ^[0-9]+$ ]] || fail "Expected one number in ~/answers/collector, found \"${got:0:40}\"."
name=$(ps -o comm= -p "$got" || true)
[ -n "$name" ] || fail "No process has the number $got now. If the collector was ended, ~/station/launch collector starts it again."
[ "$name" = collector ] || fail "The process $got is $name, not collector."
echo "The collector is process $got."

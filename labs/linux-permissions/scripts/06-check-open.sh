#!/bin/bash
set -euo pipefail
fail() { printf '%s\n' "$*"; exit 1; }

cd ~/bakery/archive 2> /dev/null || fail "Expected that you can enter ~/bakery/archive, but it is closed to you or gone: chmod 755 opens it."
open=$(find . -perm -002 2> /dev/null || true)
[ -z "$open" ] || fail "Expected nothing that others can write, found $(wc -l <<< "$open"), for example $(head -n 1 <<< "$open")."
special=$(find . -perm /6000 2> /dev/null || true)
[ -z "$special" ] || fail "Others can write nothing any more, but $(head -n 1 <<< "$special") still has setuid or setgid."
echo "Nothing is open."

#!/bin/bash
set -euo pipefail
fail() { printf '%s\n' "$*"; exit 1; }

file=~/answers/largest
[ -f "$file" ] || fail "Expected a path in ~/answers/largest, but there is no such file yet."
got=$(head -n 1 "$file" | sed -E 's/^[[:space:]]+//; s/[[:space:]]+$//; s#/+$##')
got=${got/#\~/$HOME}
got=${got#"$HOME/"}
got=${got#./}
got=${got#server/}
case $got in
    var/cache/.thumbs) echo "7 MB of thumbnails, in a folder that ls does not show." ;;
    "" | server) fail "Expected a folder below ~/server, found \"$(head -n 1 "$file")\"." ;;
    var | var/cache) fail "$got is on the way to it. Look into it once more, hidden names as well." ;;
    *) fail "Expected the folder whose own files take most space; ${got:0:60} is not it. In each level, go into the largest." ;;
esac

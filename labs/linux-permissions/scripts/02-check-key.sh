#!/bin/bash
set -euo pipefail
fail() { printf '%s\n' "$*"; exit 1; }

file=~/bakery/keys/oven_key
[ -s "$file" ] || fail "Expected the file ~/bakery/keys/oven_key with its content, but it is missing or empty."
mode=$(stat -c %a "$file")
case $mode in
    600 | 400) echo "The key is private." ;;
    *) fail "Expected the mode 600 or 400 on keys/oven_key, found $mode ($(stat -c %A "$file"))." ;;
esac

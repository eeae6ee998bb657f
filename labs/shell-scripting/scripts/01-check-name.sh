#!/bin/bash
set -euo pipefail
fail() { printf '%s\n' "$*"; exit 1; }

[ -s ~/card.sh ] || fail "Expected the script ~/card.sh, but it is missing or empty."
for name in "Ines" "Ana   de la *Cruz*" "*" "O'Hara \"Tom\""; do
    got=$(timeout 5 bash ~/card.sh "$name" 2>&1) || fail "card.sh failed for the name: $name ($(tail -n 1 <<< "$got"))"
    [ "$got" = "Library card for: $name" ] || fail "Expected \"Library card for: $name\", found \"${got:0:80}\"."
done
echo "Every name gets its card."

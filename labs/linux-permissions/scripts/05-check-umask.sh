#!/bin/bash
set -euo pipefail
fail() { printf '%s\n' "$*"; exit 1; }

script=~/bakery/new-order.sh
[ -s "$script" ] || fail "Expected the script ~/bakery/new-order.sh, but it is missing or empty."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
(umask 022; timeout 5 bash "$script" order.txt "three walnut loaves") > log 2>&1 || fail "new-order.sh ended with an error: $(tail -n 1 log)"
[ -f order.txt ] || fail "Expected new-order.sh NAME TEXT to write a file NAME, but it wrote none."
[ "$(cat order.txt)" = "three walnut loaves" ] || fail "Expected the order's text in the file, found \"$(head -n 1 order.txt)\"."
mode=$(stat -c %a order.txt)
[ "$mode" = 600 ] || fail "Expected that a new order has the mode 600, but the script made one with $mode."
echo "New orders are private from their first moment."

#!/bin/bash
set -euo pipefail
fail() { printf '%s\n' "$*"; exit 1; }

[ -s ~/count.sh ] || fail "Expected the script ~/count.sh, but it is missing or empty."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
count() { timeout 5 bash ~/count.sh "$1" 2> "$work/errors" || fail "count.sh failed for $2: $(tail -n 1 "$work/errors")"; }

mkdir "$work/new books" "$work/none"
printf 'one\ntwo\n' > "$work/new books/sea  of two spaces.txt"
printf 'one\n' > "$work/new books/a.txt"
: > "$work/new books/empty.txt"
echo "not a book" > "$work/new books/list.csv"
want=$'a.txt: 1\nempty.txt: 0\nsea  of two spaces.txt: 2'
# $() takes the function's exit with it, message included.
got=$(count "$work/new books" "a folder with a space in its name") || fail "$got"
[ "$(sort <<< "$got")" = "$want" ] || fail "Expected the lines \"${want//$'\n'/ | }\", found \"${got//$'\n'/ | }\". $(tail -n 1 "$work/errors")"
got=$(count "$work/none" "a folder without .txt files") || fail "$got"
[ -z "$got" ] || fail "Expected nothing for a folder without .txt files, found \"${got:0:60}\"."
echo "All files are counted, whatever their names."

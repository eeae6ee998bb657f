#!/bin/bash
set -euo pipefail
fail() { printf '%s\n' "$*"; exit 1; }

[ -s ~/valid.sh ] || fail "Expected the script ~/valid.sh, but it is missing or empty."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# judge WHAT FILE TEXT STATUS
judge() {
    local status=0 out
    out=$(timeout 5 bash ~/valid.sh "$2" 2> "$work/errors") || status=$?
    [ "$out" = "$3" ] || fail "For $1, expected ${3:-nothing} on standard output, found \"${out:0:60}\"."
    [ "$status" = "$4" ] || fail "For $1, expected the exit status $4, found $status."
}
printf 'title: Emma\nauthor: Jane Austen\n' > "$work/a book.txt"
printf 'shelf: A\nauthor: Jane Austen\n' > "$work/untitled"
printf 'title: Beowulf\n' > "$work/anonymous"
printf 'subtitle: a tale\nauthor: X\n' > "$work/sub"
printf 'shelf: B\n' > "$work/bare"
judge "a book with title and author" "$work/a book.txt" "ok" 0
judge "a book without a title" "$work/untitled" "no title" 1
judge "a book with nothing but a subtitle" "$work/sub" "no title" 1
judge "a book with neither title nor author" "$work/bare" "no title" 1
judge "a book without an author" "$work/anonymous" "no author" 1
judge "a file that is not there" "$work/missing" "" 2
[ -s "$work/errors" ] || fail "For a file that is not there, expected a message on standard error, found none."
echo "Every entry is judged as it should be."

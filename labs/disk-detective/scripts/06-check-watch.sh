#!/bin/bash
set -euo pipefail
fail() { printf '%s\n' "$*"; exit 1; }

[ -s ~/watch.sh ] || fail "Expected the script ~/watch.sh, but it is missing or empty."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
dir="$work/my files"
mkdir -p "$dir/deep/.hidden"
size=60
for name in "deep/.hidden/a" "two words" ".dot" "deep/d" "e" "f" "g"; do
    head -c "$((size * 1024))" /dev/zero > "$dir/$name"
    size=$((size - 8))
done
run() {
    status=0
    out=$(timeout 5 bash ~/watch.sh "$dir" "$1" 2> "$work/errors") || status=$?
}

run 20000
[ "$status" = 0 ] || fail "For a folder below the limit, expected the status 0, found $status. $(tail -n 1 "$work/errors")"
[ -z "$out" ] || fail "For a folder below the limit, expected nothing, found \"$(head -n 1 <<< "$out")\"."
run 100
[ "$status" = 1 ] || fail "For a folder above the limit, expected the status 1, found $status. $(tail -n 1 "$work/errors")"
want="$dir/deep/.hidden/a
$dir/two words
$dir/.dot
$dir/deep/d
$dir/e"
lines=0
[ -z "$out" ] || lines=$(wc -l <<< "$out")
[ "$lines" = 5 ] || fail "Expected the five largest files, found $lines lines."
[ "$out" = "$want" ] || fail "Expected the five largest files, largest first, each as its path alone; the first line is \"$(head -n 1 <<< "${out//$work\//}")\"."
echo "The script warns when it should, and only then."

#!/bin/bash
set -euo pipefail
fail() { printf '%s\n' "$*"; exit 1; }

[ -s ~/backup.sh ] || fail "Expected the script ~/backup.sh, but it is missing or empty."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/my books/a" "$work/tmp"
echo "one" > "$work/my books/a/one page.txt"
echo "two" > "$work/my books/.hidden"
cd /
TMPDIR=$work/tmp timeout 8 bash ~/backup.sh "$work/my books" "$work/new/place" > "$work/log" 2>&1 || fail "backup.sh failed for a folder \"my books\": $(tail -n 1 "$work/log")"
archive="$work/new/place/my books-$(date +%F).tar.gz"
[ -f "$archive" ] || fail "Expected the archive \"my books-$(date +%F).tar.gz\" in the destination, found: $(ls -m "$work/new/place" 2> /dev/null || echo "no such folder")"
list=$(tar -tzf "$archive" 2> /dev/null | sort) || fail "The archive is there, but it is not a gzipped tar archive."
for path in "my books/a/one page.txt" "my books/.hidden"; do
    grep -qxF "$path" <<< "$list" || fail "Expected \"$path\" in the archive, found: ${list//$'\n'/, }"
done
[ "$(tar -xzOf "$archive" "my books/.hidden")" = two ] || fail "A file in the archive has not the content that it should have."
left=$(find "$work/tmp" "$work/new/place" -mindepth 1 ! -path "$archive" | head -n 1)
[ -z "$left" ] || fail "The archive is right, but something was left behind: ${left#"$work"/}"
echo "The backup is complete."

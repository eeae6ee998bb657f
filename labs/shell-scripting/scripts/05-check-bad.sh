#!/bin/bash
set -euo pipefail
fail() { printf '%s\n' "$*"; exit 1; }

[ -s ~/backup.sh ] || fail "Expected the script ~/backup.sh, but it is missing or empty."
work=$(mktemp -d)
trap 'chmod -R u+rwx "$work"; rm -rf "$work"' EXIT
mkdir -p "$work/books" "$work/place" "$work/tmp"
echo "precious" > "$work/place/old.tar.gz"
echo "readable" > "$work/books/open"
echo "not readable" > "$work/books/closed"
chmod 000 "$work/books/closed"
# must_fail WHAT FOLDER
must_fail() {
    if TMPDIR=$work/tmp timeout 8 bash ~/backup.sh "$2" "$work/place" > /dev/null 2>&1; then
        fail "Expected a status other than 0 for $1, but backup.sh reported success."
    fi
    local left
    left=$(find "$work/place" "$work/tmp" -mindepth 1 ! -name old.tar.gz | head -n 1)
    [ -z "$left" ] || fail "For $1, backup.sh failed as it should, but left something behind: ${left#"$work"/}"
    [ "$(cat "$work/place/old.tar.gz")" = precious ] || fail "An older backup in the destination was damaged."
}
# A script that cannot even make a good backup would pass here by failing always.
mkdir "$work/good"
echo "page" > "$work/good/page"
TMPDIR=$work/tmp timeout 8 bash ~/backup.sh "$work/good" "$work/elsewhere" > /dev/null 2>&1 || fail "First make a good backup succeed: the folder \"good\" could not be packed."
must_fail "a folder that is not there" "$work/missing"
must_fail "a folder with a file that cannot be read" "$work/books"
echo "A failure is noticed, and leaves nothing behind."

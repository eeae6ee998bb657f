#!/bin/bash
set -euo pipefail
fail() { printf '%s\n' "$*"; exit 1; }

cd ~/tale 2> /dev/null || fail "Expected a repository in ~/tale, but there is no such folder."
one=$(echo "Once upon a time" | git hash-object --stdin)
two=$(echo "A dragon" | git hash-object --stdin)
git cat-file -e "$two" 2> /dev/null || fail "Expected a blob with the line \"A dragon\" in the store, found none: hash-object -w stores it."
trees=$(git cat-file --batch-all-objects --batch-check='%(objecttype) %(objectname)' | sed -n 's/^tree //p')
[ -n "$trees" ] || fail "Both blobs are in the store, but there is no tree yet: git write-tree makes one from the index."
for tree in $trees; do
    list=$(git ls-tree -r "$tree" | sed -E 's/^[0-9]+ blob ([0-9a-f]+)\t/\1 /')
    if grep -qx "$one chapter1.txt" <<< "$list" && grep -qx "$two notes/who.txt" <<< "$list"; then
        echo "The tree ${tree:0:10} holds both files."
        exit 0
    fi
done
fail "Expected a tree with chapter1.txt and notes/who.txt; the index has: $(git ls-files | tr '\n' ' ')"

#!/bin/bash
set -euo pipefail
fail() { printf '%s\n' "$*"; exit 1; }

cd ~/tale 2> /dev/null || fail "Expected a repository in ~/tale, but there is no such folder."
commit=$(git rev-parse -q --verify refs/heads/main || true)
if [ -z "$commit" ]; then
    made=$(git cat-file --batch-all-objects --batch-check='%(objecttype) %(objectname)' | sed -n 's/^commit //p' | head -n 1)
    [ -z "$made" ] || fail "There is a commit (${made:0:10}), but the branch main does not point to it yet: git update-ref."
    fail "Expected a commit in ~/tale, found none: git commit-tree makes one."
fi
[ "$(git cat-file -t "$commit")" = commit ] || fail "Expected that main points to a commit, but ${commit:0:10} is a $(git cat-file -t "$commit")."
[ "$(git show "$commit:chapter1.txt" 2> /dev/null || true)" = "Once upon a time" ] || fail "Expected chapter1.txt with \"Once upon a time\" in the commit on main, found: $(git ls-tree -r --name-only "$commit" | tr '\n' ' ')"
[ "$(git show "$commit:notes/who.txt" 2> /dev/null || true)" = "A dragon" ] || fail "Expected notes/who.txt with \"A dragon\" in the commit on main, found: $(git ls-tree -r --name-only "$commit" | tr '\n' ' ')"
echo "main points to ${commit:0:10}, made by hand."

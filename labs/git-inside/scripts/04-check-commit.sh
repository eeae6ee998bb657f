#!/bin/bash
set -euo pipefail
fail() { printf '%s\n' "$*"; exit 1; }

cd ~/tale 2> /dev/null || fail "Expected a repository in ~/tale, but there is no such folder."
git rev-parse -q --verify refs/heads/dragon^{commit} > /dev/null 2>&1 || fail "Expected a branch dragon first."
if ! git cat-file -e dragon:chapter2.txt 2> /dev/null; then
    ! git cat-file -e main:chapter2.txt 2> /dev/null || fail "chapter2.txt was committed on main; HEAD did not name dragon yet. git branch -f dragon main puts dragon there, too."
    fail "Expected a commit with chapter2.txt on the branch dragon, found: $(git log -1 --format='%h %s' dragon)"
fi
git merge-base --is-ancestor "$(git rev-list --max-parents=0 main | tail -n 1)" dragon || fail "Expected that the new commit follows the one on main, but it has another history."
echo "dragon moved to $(git log -1 --format='%h (%s)' dragon)."

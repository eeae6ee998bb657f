#!/bin/bash
set -euo pipefail
fail() { printf '%s\n' "$*"; exit 1; }

cd ~/tale 2> /dev/null || fail "Expected a repository in ~/tale, but there is no such folder."
for branch in main dragon; do
    git rev-parse -q --verify "refs/heads/$branch^{commit}" > /dev/null 2>&1 || fail "Expected a branch $branch, but there is none."
done
[ ! -e .git/MERGE_HEAD ] || fail "The merge has begun, but is not committed yet: git commit --no-edit ends it."
git cat-file -e main:title.txt 2> /dev/null || fail "Expected a commit with title.txt on main, found: $(git log -1 --format='%h %s' main)"
git merge-base --is-ancestor dragon main || fail "Expected that main contains the branch dragon, but it does not yet: $(git rev-list --count main..dragon) commit(s) are missing."
merge=$(git rev-list --min-parents=2 -n 1 main)
[ -n "$merge" ] || fail "main contains dragon, but without a merge commit (fast-forward or rebase). Commit once more on dragon, and merge that with git merge --no-ff --no-edit dragon."
for file in chapter1.txt chapter2.txt title.txt; do
    git cat-file -e "main:$file" 2> /dev/null || fail "Expected $file on main after the merge, but it is missing."
done
echo "The merge ${merge:0:10} has the parents $(git log -1 --format='%p' "$merge")."

#!/bin/bash
set -euo pipefail
fail() { printf '%s\n' "$*"; exit 1; }

cd ~/tale 2> /dev/null || fail "Expected a repository in ~/tale, but there is no such folder."
main=$(git rev-parse -q --verify refs/heads/main^{commit} 2> /dev/null || true)
[ -n "$main" ] || fail "Expected the branch main with your commit of step 3, but there is none."
dragon=$(git rev-parse -q --verify refs/heads/dragon^{commit} 2> /dev/null || true)
[ -n "$dragon" ] || fail "Expected a branch dragon that points to a commit, found only: $(git for-each-ref --format='%(refname:short)' refs/heads 2> /dev/null | tr '\n' ' ')"
first=$(git rev-list --max-parents=0 main | tail -n 1)
git merge-base --is-ancestor "$first" "$dragon" || fail "Expected that dragon begins at the commit of main, but they have no common history."
echo "The branch dragon is there, at ${dragon:0:10}."

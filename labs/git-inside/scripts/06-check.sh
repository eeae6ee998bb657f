#!/bin/bash
set -euo pipefail
fail() { printf '%s\n' "$*"; exit 1; }

cd ~/rescue 2> /dev/null || fail "Expected the repository ~/rescue, but there is no such folder."
tip=$(git rev-parse -q --verify refs/heads/ending^{commit} 2> /dev/null || true)
[ -n "$tip" ] || fail "Expected a branch ending in ~/rescue, found only: $(git for-each-ref --format='%(refname:short)' refs/heads | tr '\n' ' ')"
subject=$(git log -1 --format=%s "$tip")
[ "$subject" != "Try a silly ending" ] || fail "The branch ending points to \"$subject\". That is another lost commit, not the true ending."
[ "$subject" != "Let her wait" ] || fail "The branch ending points to \"$subject\", which is the true ending, but not its last commit."
[ "$(git show "$tip:chapter4.txt" 2> /dev/null || true)" = "The last ship was her own." ] || fail "Expected chapter4.txt of the true ending in the branch, found the commit \"$subject\"."
[ "$(git log --format=%s "$tip" | sed -n 2p)" = "Let her wait" ] || fail "The text is there, but not the history: expected that \"Let her wait\" comes before it, found \"$(git log --format=%s "$tip" | sed -n 2p)\"."
echo "The ending is back, with its history: ${tip:0:10}."

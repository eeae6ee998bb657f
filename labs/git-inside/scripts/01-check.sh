#!/bin/bash
set -euo pipefail
fail() { printf '%s\n' "$*"; exit 1; }

cd ~/tale 2> /dev/null || fail "Expected a repository in ~/tale, but there is no such folder yet."
[ "$(git rev-parse --show-toplevel 2> /dev/null || true)" = "$PWD" ] || fail "Expected a repository in ~/tale, but git init was not run there."
blob=$(echo "Once upon a time" | git hash-object --stdin)
git cat-file -e "$blob" 2> /dev/null && { echo "The blob ${blob:0:10} is in the store."; exit 0; }
count=$(git cat-file --batch-all-objects --batch-check | wc -l)
[ "$count" = 0 ] || fail "Expected a blob with exactly the line \"Once upon a time\"; the $count object(s) in the store are others. Mind capitals and spaces."
fail "Expected a blob in the store of ~/tale, but the store is empty: did you use -w?"

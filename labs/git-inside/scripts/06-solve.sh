#!/bin/bash
set -euo pipefail
cd ~/rescue
for commit in $(git fsck --no-reflogs 2> /dev/null | sed -n 's/^dangling commit //p'); do
    if git cat-file -e "$commit:chapter4.txt" 2> /dev/null; then
        git branch ending "$commit"
    fi
done

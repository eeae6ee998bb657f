#!/bin/bash
set -euo pipefail
cd ~/tale
cp .git/refs/heads/main .git/refs/heads/dragon
git symbolic-ref HEAD refs/heads/dragon
echo "There was a dragon." > chapter2.txt
git add chapter2.txt
git commit -q -m "Let the dragon in"

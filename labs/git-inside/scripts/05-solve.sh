#!/bin/bash
set -euo pipefail
cd ~/tale
git switch -q main
echo "The Tale of a Dragon" > title.txt
git add title.txt
git diff --cached --quiet || git commit -q -m "Give it a title"
git merge -q --no-edit dragon

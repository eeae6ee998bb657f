#!/bin/bash
set -euo pipefail
cd ~/tale
one=$(echo "Once upon a time" | git hash-object -w --stdin)
two=$(echo "A dragon" | git hash-object -w --stdin)
git update-index --add --cacheinfo "100644,$one,chapter1.txt"
git update-index --add --cacheinfo "100644,$two,notes/who.txt"
git write-tree

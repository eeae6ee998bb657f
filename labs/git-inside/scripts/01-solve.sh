#!/bin/bash
set -euo pipefail
git init -q ~/tale
cd ~/tale
echo "Once upon a time" | git hash-object -w --stdin

#!/bin/bash
set -euo pipefail
cd ~/tale
git update-ref refs/heads/main "$(git commit-tree "$(git write-tree)" -m "Begin the tale")"
git restore .

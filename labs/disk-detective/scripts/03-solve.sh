#!/bin/bash
set -euo pipefail
find ~/server/var/spool -name '*.eml' -mtime +30 -delete

#!/bin/bash
set -euo pipefail
awk '{ bytes[$7] += $NF } END { for (path in bytes) print bytes[path], path }' ~/ferry/access.log | sort -rn > ~/answers/traffic.txt

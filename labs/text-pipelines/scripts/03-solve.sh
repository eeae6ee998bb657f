#!/bin/bash
set -euo pipefail
cut -d ' ' -f 1 ~/ferry/access.log | sort | uniq -c | sort -rn | head -n 5 > ~/answers/top.txt

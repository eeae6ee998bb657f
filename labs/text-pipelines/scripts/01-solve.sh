#!/bin/bash
set -euo pipefail
wc -l < ~/ferry/access.log > ~/answers/requests.txt
tail -n 20 ~/ferry/access.log > ~/answers/sample.log

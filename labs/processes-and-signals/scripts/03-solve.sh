#!/bin/bash
set -euo pipefail
kill -STOP "$(pgrep -x siren)"
renice -n 10 -p "$(pgrep -x forecast)"

#!/bin/bash
set -euo pipefail
setsid nohup ~/station/rainfall < /dev/null > ~/rain.log 2>&1 &
sleep 0.3

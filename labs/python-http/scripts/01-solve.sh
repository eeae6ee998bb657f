#!/bin/bash
set -euo pipefail
setsid python3 -m http.server 8080 --bind 127.0.0.1 --directory ~/garden/site < /dev/null > ~/server.log 2>&1 &
sleep 0.5

#!/bin/bash
set -euo pipefail
sed -i 's/\bHTTPServer\b/ThreadingHTTPServer/' ~/garden/server.py

# Start the server again, so that it reads the files anew.
pkill -f 'python3 server[.]py' || true
sleep 0.3
cd ~/garden
setsid python3 server.py < /dev/null > ~/server.log 2>&1 &
sleep 0.7

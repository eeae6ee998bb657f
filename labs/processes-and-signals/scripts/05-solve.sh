#!/bin/bash
set -euo pipefail
echo "interval=2" > ~/station/collector.conf
pkill -HUP -o -x collector

#!/bin/bash
set -euo pipefail
pkill -x recorder
sleep 0.5
~/server/bin/start recorder
sleep 0.5

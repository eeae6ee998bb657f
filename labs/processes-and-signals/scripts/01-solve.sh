#!/bin/bash
set -euo pipefail
pgrep -x collector > ~/answers/collector
ps -o comm= -p "$(ps -o ppid= -p "$(pgrep -x gauge)" | tr -d ' ')" > ~/answers/parent

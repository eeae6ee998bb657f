#!/bin/bash
set -euo pipefail
sed -E 's/^([0-9]+\.[0-9]+\.[0-9]+\.)[0-9]+/\10/' ~/ferry/access.log > ~/answers/anonymous.log

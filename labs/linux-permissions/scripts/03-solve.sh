#!/bin/bash
set -euo pipefail
cd ~/bakery
chmod u+x bake.sh
./bake.sh

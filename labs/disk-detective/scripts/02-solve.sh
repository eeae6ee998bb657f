#!/bin/bash
set -euo pipefail
rm ~/server/srv/app/core.2291
rm -r ~/server/var/cache/.thumbs

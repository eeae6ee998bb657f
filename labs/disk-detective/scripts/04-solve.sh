#!/bin/bash
set -euo pipefail
truncate -s 0 ~/server/var/log/orders.log

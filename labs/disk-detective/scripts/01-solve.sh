#!/bin/bash
set -euo pipefail
echo var/cache/.thumbs > ~/answers/largest

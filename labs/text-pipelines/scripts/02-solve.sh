#!/bin/bash
set -euo pipefail
grep '" 500 ' ~/ferry/access.log > ~/answers/errors.log

#!/bin/bash
set -euo pipefail
pkill -TERM -x buffer
pkill -KILL -x tracker

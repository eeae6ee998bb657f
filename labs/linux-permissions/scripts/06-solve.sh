#!/bin/bash
set -euo pipefail
find ~/bakery/archive -perm -002 -exec chmod o-w {} +
find ~/bakery/archive -perm /6000 -exec chmod u-s,g-s {} +

#!/bin/bash
# Keeps the database as it is before the learner changes it: for the check, and to put it back.
set -euo pipefail

home=/home/learner
[ -e "$home/before.db" ] || cp "$home/train.db" "$home/before.db"
chown root:root "$home/before.db"
chmod 444 "$home/before.db"

#!/bin/bash
# Fills the night train's database.
set -euo pipefail

home=/home/learner
mkdir -p "$home/answers"
rm -f "$home/train.db"
sqlite3 -batch -init /dev/null "$home/train.db" < "$home/train.sql" > /dev/null
rm -f "$home/train.sql"
printf '.headers on\n.mode column\n.nullvalue NULL\n' > "$home/.sqliterc"
chown -R learner:learner "$home/train.db" "$home/.sqliterc" "$home/answers"

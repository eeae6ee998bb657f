#!/bin/bash
# Starts the weather station's programs as the learner.
set -euo pipefail

home=/home/learner
mkdir -p "$home/answers"
chmod 755 "$home"/station/*
chmod 644 "$home/station/collector.conf"
chown -R learner:learner "$home/station" "$home/answers"

learner=()
[ "$(id -u)" != 0 ] || learner=(setpriv --reuid=learner --regid=learner --clear-groups)
HOME=$home "${learner[@]}" "$home/station/launch" collector mast siren forecast buffer tracker

#!/bin/bash
# The garden belongs to the learner.
set -euo pipefail
chown -R learner:learner /home/learner/garden

#!/bin/bash
set -euo pipefail
printf '%s\n' 'menu.txt 640' 'payroll.csv 666' 'bake.sh 644' > ~/answers/modes.txt

#!/bin/bash
set -euo pipefail
cat > ~/report.sh <<'END'
#!/bin/bash
# Usage: report.sh LOGFILE     prints for each hour how many requests failed
set -euo pipefail

awk '$9 >= 500 && $9 <= 599 { print $4 }' "$1" | cut -d : -f 2 | sort | uniq -c | awk '{ print $2, $1 }'
END

#!/bin/bash
set -euo pipefail
cat > ~/guard.sh <<'END'
#!/bin/bash
# Usage: guard.sh PROGRAM PIDFILE
finish() {
    kill "$child"
    rm -f "$pidfile"
    exit 0
}

pidfile=$2
"$1" &
child=$!
trap finish TERM
echo "$child" > "$pidfile"
wait "$child"
END

#!/bin/bash
set -euo pipefail
cat > ~/watch.sh <<'END'
#!/bin/bash
# Usage: watch.sh FOLDER LIMIT     prints the largest files if FOLDER takes more than LIMIT KiB
used=$(du -sk "$1" | cut -f 1)
if [ "$used" -gt "$2" ]; then
    find "$1" -type f -printf '%s %p\n' | sort -rn | head -n 5 | cut -d ' ' -f 2-
    exit 1
fi
END

#!/bin/bash
set -euo pipefail
cat > ~/backup.sh <<'END'
#!/bin/bash
# Usage: backup.sh FOLDER DESTINATION
set -euo pipefail

name=$(basename "$1")
mkdir -p "$2"
tmp=$(mktemp -d "$2/.backup-XXXXXX")
trap 'rm -rf "$tmp"' EXIT

tar -czf "$tmp/archive" -C "$(dirname "$1")" "$name"
mv "$tmp/archive" "$2/$name-$(date +%F).tar.gz"
END

#!/bin/bash
set -euo pipefail
cat > ~/valid.sh <<'END'
#!/bin/bash
# Usage: valid.sh FILE
if [ ! -f "$1" ]; then
    echo "there is no file $1" >&2
    exit 2
fi
if ! grep -q '^title: ' "$1"; then
    echo "no title"
    exit 1
fi
if ! grep -q '^author: ' "$1"; then
    echo "no author"
    exit 1
fi
echo "ok"
END

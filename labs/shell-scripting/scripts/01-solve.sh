#!/bin/bash
set -euo pipefail
cat > ~/card.sh <<'END'
#!/bin/bash
# Usage: card.sh NAME
if [ -z "${1:-}" ]; then
    echo "Usage: card.sh NAME" >&2
    exit 2
fi
echo "Library card for: $1"
END

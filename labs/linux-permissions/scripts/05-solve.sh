#!/bin/bash
set -euo pipefail
cat > ~/bakery/new-order.sh <<'END'
#!/bin/bash
# Usage: new-order.sh NAME TEXT     writes the order into the file NAME
umask 077
printf '%s\n' "$2" > "$1"
END
chmod 3770 ~/bakery/shared

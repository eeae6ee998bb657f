#!/bin/bash
set -euo pipefail
cat > ~/count.sh <<'END'
#!/bin/bash
# Usage: count.sh FOLDER
for file in "$1"/*.txt; do
    [ -e "$file" ] || continue
    echo "$(basename "$file"): $(wc -l < "$file")"
done
END

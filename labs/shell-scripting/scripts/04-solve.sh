#!/bin/bash
set -euo pipefail
cat > ~/overdue.sh <<'END'
#!/bin/bash
# Usage: overdue.sh FILE TODAY
count=0
while IFS=, read -r borrower title due || [ -n "$borrower" ]; do
    [ "$borrower" = borrower ] && continue
    if [[ $due < $2 ]]; then
        echo "$borrower: $title ($due)"
        count=$((count + 1))
    fi
done < "$1"
echo "$count overdue"
END

#!/bin/bash
set -euo pipefail
fail() { printf '%s\n' "$*"; exit 1; }

dir=~/bakery/shared
[ -d "$dir" ] || fail "Expected the directory ~/bakery/shared, but it is gone."
mode=$(stat -c %a "$dir")
[ "$mode" = 3770 ] && { echo "The shared folder is ready."; exit 0; }
case $mode in
    770) fail "Owner and group are right (770), but setgid (2) and sticky (1) are still missing in front." ;;
    2770) fail "setgid is there (2770), but the sticky bit (1) is missing: anybody in the group could remove others' files." ;;
    1770) fail "The sticky bit is there (1770), but setgid (2) is missing: new files would keep their creator's group." ;;
    *) fail "Expected the mode 3770 (rwxrws--T) on shared, found $mode ($(stat -c %A "$dir"))." ;;
esac

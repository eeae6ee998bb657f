#!/bin/bash
set -euo pipefail
fail() { printf '%s\n' "$*"; exit 1; }

cd ~/bakery/archive 2> /dev/null || fail "Expected that you can enter ~/bakery/archive, but it is closed to you or gone: chmod 755 opens it."
first() { find . "$@" 2> /dev/null | head -n 1 || true; }
open=$(first '(' -perm -002 -o -perm /6000 ')')
[ -z "$open" ] || fail "The inspection waits until nothing is open any more; $open still has the mode $(stat -c %a "$open")."
closed=$(first -type d ! -perm -555)
[ -z "$closed" ] || fail "Expected that everybody can enter and list the directories, but $closed has the mode $(stat -c %a "$closed")."
count=$(find . -type f | wc -l)
[ "$count" -ge 73 ] || fail "Expected all 73 files of the archive, found $count: put back what was removed, or start over."
dead=$(first -name '*.sh' ! -perm -555)
[ -z "$dead" ] || fail "Expected that all scripts still run, but $dead has the mode $(stat -c %a "$dead")."
unread=$(first -name '*.txt' ! -perm -644)
[ -z "$unread" ] || fail "Expected that the books stay readable for all, but $unread has the mode $(stat -c %a "$unread")."
odd=$(first -name '*.txt' -perm /111)
[ -z "$odd" ] || fail "Expected that books are no programs, but $odd may be run now: mode $(stat -c %a "$odd")."
echo "Closed where it must be, and nothing is broken. The inspector is content."

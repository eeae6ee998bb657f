#!/bin/bash
set -euo pipefail
fail() { printf '%s\n' "$*"; exit 1; }

cd ~/server/var/spool 2> /dev/null || fail "Expected the folder ~/server/var/spool, but it is gone. Start over to get it back."
fresh=$(find . -name 'new-*.eml' | wc -l)
[ "$fresh" = 60 ] || fail "Expected the 60 mails that are younger than 30 days, found $fresh of them: too much was removed. Start over to get them back."
old=$(find . -name '*.eml' -mtime +30 | wc -l)
[ "$old" = 0 ] || fail "Expected no mail older than 30 days, found $old."
echo "1,200 old mails are gone, and 60 new ones are kept."

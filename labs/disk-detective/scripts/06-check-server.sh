#!/bin/bash
set -euo pipefail
fail() { printf '%s\n' "$*"; exit 1; }

[ -s ~/watch.sh ] || fail "Expected the script ~/watch.sh first."
cd ~/server 2> /dev/null || fail "Expected the folder ~/server, but it is gone. Start over to get it back."
for n in {1..8}; do
    cmp -s "srv/photos/wedding-$n.raw" <(yes "original photo $n" | head -c 524288) || fail "The photo srv/photos/wedding-$n.raw is not as it was. Start over to get it back."
done
cmp -s var/lib/shop.db <(yes "customer and order" | head -c 6291456) || fail "The database var/lib/shop.db is not as it was. Start over to get it back."
mails=$(find var/spool -name 'new-*.eml' 2> /dev/null | wc -l)
[ "$mails" = 60 ] || fail "Expected the 60 mails of the last 30 days, found $mails."
for service in orders recorder; do
    pgrep -x -u "$(id -u)" "$service" > /dev/null || fail "Expected the service $service to run. ~/server/bin/start $service starts it."
done
used=$(du -sk . | cut -f 1)
[ "$used" -lt 14000 ] || fail "Expected less than 14,000 KiB in ~/server, found $used: du -h ~/server | sort -h shows where."
echo "The server is well: $((used / 1024)) MiB, and every photo is there."

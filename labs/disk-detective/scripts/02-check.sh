#!/bin/bash
set -euo pipefail
fail() { printf '%s\n' "$*"; exit 1; }

cd ~/server 2> /dev/null || fail "Expected the folder ~/server, but it is gone. Start over to get it back."
[ -f var/lib/shop.db ] || fail "The database var/lib/shop.db is gone, and it was precious. Start over to get it back."
photos=$(find srv/photos -name '*.raw' 2> /dev/null | wc -l)
[ "$photos" = 8 ] || fail "Expected the 8 photos in srv/photos, found $photos. They were precious: start over to get them back."
dump=$(find srv -name 'core.*' 2> /dev/null | head -n 1)
[ -z "$dump" ] || fail "Expected no core dump any more, found $dump ($(du -h "$dump" | cut -f 1))."
cache=0
[ ! -d var/cache ] || cache=$(find var/cache -type f | wc -l)
[ "$cache" = 0 ] || fail "The dump is gone, but the cache still has $cache files ($(du -sh var/cache | cut -f 1))."
echo "12 MB are free again, and nothing precious is lost."

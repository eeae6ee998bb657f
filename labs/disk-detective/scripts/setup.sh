#!/bin/bash
# Fills the server, and starts its two services as the learner.
set -euo pipefail

home=/home/learner
server=$home/server
mkdir -p "$home/answers" "$server"/srv/{photos,app} "$server"/var/{lib,cache/.thumbs,spool/sent,log,tmp}

# filled FILE TEXT KIB writes about so many KiB of lines that say TEXT. One cat of many names is the fastest way.
block=$(mktemp)
trap 'rm -f "$block"' EXIT
filled() {
    local names=() i
    printf '%s\n' "$(head -c 65536 < <(yes "$2"))" > "$block"
    for ((i = 0; i < $3 / 64; i++)); do names+=("$block"); done
    cat "${names[@]}" > "$1"
}
photo=$server/srv/photos/wedding
filled "$photo-1.raw" "original photo" 256
tee "$photo"-{2..8}.raw < "$photo-1.raw" > /dev/null
for n in {1..8}; do echo "photo $n" >> "$photo-$n.raw"; done
filled "$server/var/lib/shop.db" "customer and order" 4096
filled "$server/srv/app/core.2291" "memory" 5120
thumb=$server/var/cache/.thumbs/thumb
filled "$thumb-1.jpg" "thumb" 512
tee "$thumb"-{2..14}.jpg < "$thumb-1.jpg" > /dev/null
filled "$server/var/log/orders.log" "2025-05-01 08:00:00 order 1: 3 prints" 5120
echo "the shop" > "$server/srv/app/shop"

cd "$server/var/spool/sent"
for n in {1..1200}; do echo "Subject: your order $n" > "old-$n.eml"; done
for n in {1..60}; do echo "Subject: your order $n" > "new-$n.eml"; done
touch -d '200 days ago' old-?.eml old-??.eml
touch -d '90 days ago' old-???.eml
touch -d '35 days ago' old-????.eml
touch -d '20 days ago' new-?.eml
cd /

# The first text says it.
echo "USED=$(du -sh "$server" | cut -f 1)" >> "$CLOUDKIDA_ENV"

chmod 755 "$server"/bin/*
chown -R learner:learner "$server" "$home/answers"

learner=()
[ "$(id -u)" != 0 ] || learner=(setpriv --reuid=learner --regid=learner --clear-groups)
HOME=$home "${learner[@]}" "$server/bin/start" orders recorder
for _ in {1..50}; do
    [ ! -s "$server/var/tmp/stream.raw" ] || break
    sleep 0.05
done
# The file that somebody removed while the recorder had it open.
filled "$server/var/tmp/frames" "frame" 6144
cat "$server/var/tmp/frames" >> "$server/var/tmp/stream.raw"
rm "$server/var/tmp/stream.raw" "$server/var/tmp/frames"

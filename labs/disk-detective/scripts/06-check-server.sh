#!/bin/bash
set -euo pipefail
fail() { printf '%s\n' "$*"; exit 1; }

[ -s ~/watch.sh ] || fail "Expected the script ~/watch.sh first."
cd ~/server 2> /dev/null || fail "Expected the folder ~/server, but it is gone. Start over to get it back."
# What is precious, as the setup wrote it.
while read -r sum file; do
    [ -f "$file" ] || fail "Expected ~/server/$file, which was precious, but it is gone. Start over to get it back."
    [ "$(sha256sum < "$file")" = "$sum  -" ] || fail "~/server/$file is not as it was. Start over to get it back."
done <<'END'
a2d1c78144cb4087d3fdd2af1beac1b16219676255e0aca725dd93731a0206e8 srv/photos/wedding-1.raw
4f3f88cbda66a810d2696bd444854de820f35a8716c21f70711ffbc5168a17d4 srv/photos/wedding-2.raw
ec34f24cd68d1e98f27c3ed34b691867144adf750d0056cf273aa95c632e1379 srv/photos/wedding-3.raw
c3a45feba39dd6998328ff6e36303e0c3098af1b29ebe9580becb9ba8c669737 srv/photos/wedding-4.raw
213f93f3df41bf4817ec179d664f436bc1c5e4ec5c1e01421837a6e67374c6f5 srv/photos/wedding-5.raw
d19796ad9a1fabdd9bc6bdbf4e8ca7260da75eef5e081ffbcc16ca5c4702e2ed srv/photos/wedding-6.raw
66e8b5b78403c6c865442ce1e057f097e733b9b637afbc98cd77c92533f0735c srv/photos/wedding-7.raw
bc558345c0555f59b3ab219e54d8b1a83014197b2186ce3fa3ad0846ab42c97c srv/photos/wedding-8.raw
f3fb0325730f03fd8660b0a586f9c7655109254c838d42370ab2542068feaa3d var/lib/shop.db
END
mails=$(find var/spool -name 'new-*.eml' 2> /dev/null | wc -l)
[ "$mails" = 60 ] || fail "Expected the 60 mails of the last 30 days, found $mails."
for service in orders recorder; do
    pgrep -x -u "$(id -u)" "$service" > /dev/null || fail "Expected the service $service to run. ~/server/bin/start $service starts it."
done
used=$(du -sk . | cut -f 1)
[ "$used" -lt 9000 ] || fail "Expected less than 9,000 KiB in ~/server, found $used: du -h ~/server | sort -h shows where."
echo "The server is well: $((used / 1024)) MiB, and every photo is there."

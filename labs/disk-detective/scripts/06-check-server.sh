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
33002d8dd734ad64ed0bc83ccb146d3d29978345fd70cb3fee5ee7975ee94e65 srv/photos/wedding-1.raw
d8f7c36f34dee89bb24d01149a3f7bb56dee826b4b8cfc892e552591a6db01fe srv/photos/wedding-2.raw
194d34fba664d97e6be79b3e0f0fae513431213ce94d6a100dd140413676138e srv/photos/wedding-3.raw
7766779c9b7bc21d21622531015fbc820de473c36d00173a6750cd68eb115012 srv/photos/wedding-4.raw
ab77ee2c175d4aa6d710a5f3b0b3291e40f1a3ede6dcfd8b521a3f5359489d93 srv/photos/wedding-5.raw
ad7d34bfd1b3d6a83c500a742c17430ac725aee3e1ef32215ad887c97cb75f82 srv/photos/wedding-6.raw
11116cfcd7648ee2d2a624b6cf7fad29c3b9bf95b9643cbd60c52110b60b818d srv/photos/wedding-7.raw
67de7b9c9405573c230dc8859856ff1e6f3646e3bdfac19f6872211f647a6602 srv/photos/wedding-8.raw
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

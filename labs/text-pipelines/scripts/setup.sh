#!/bin/bash
# Writes one Saturday of the ferry's web server: 4,000 requests, the same on every machine.
set -euo pipefail

home=/home/learner
mkdir -p "$home/ferry" "$home/answers"

awk '
# A Lehmer generator of our own: rand() differs between awks.
function pick(n) { seed = (seed * 16807) % 2147483647; return seed % n }
function line(t, ip, path, status, size) {
    printf "%05d %s - - [14/Jun/2025:%02d:%02d:%02d +0000] \"GET %s HTTP/1.1\" %d %d\n",
        t, ip, int(t / 3600), int(t / 60) % 60, t % 60, path, status, size
}
BEGIN {
    seed = 20250615
    split("/ /timetable /tickets /tickets/return /search /island/walks /island/500-steps /img/ferry.jpg /css/site.css /contact", path, " ")
    split("2100 5400 8800 9100 1500 7300 6200 88000 3100 1900", size, " ")
    for (i = 0; i < 3000; i++) {
        p = 1 + pick(10)
        status = 200
        n = pick(100)
        if (n < 4) status = 304
        else if (n < 7) status = 404
        else if (n == 7) status = 500
        bytes = status == 200 ? size[p] + pick(900) : status == 304 ? 0 : 310 + pick(200)
        if (i % 97 == 0) { status = 200; bytes = 500 }
        line(pick(86400), "192.0.2." (1 + pick(60)), path[p], status, bytes)
    }
    for (i = 0; i < 1000; i++) {
        t = 64800 + pick(6300)
        if (pick(10) < 6) line(t, "198.51.100.23", "/search", pick(10) < 4 ? 500 : 200, 1400 + pick(300))
        else if (pick(10) < 5) line(t, "203.0.113." (4 + pick(4)), "/tickets", pick(10) < 6 ? 503 : 200, 320 + pick(100))
        else line(t, "192.0.2." (1 + pick(60)), "/tickets", pick(10) < 5 ? 500 : 200, 8000 + pick(900))
    }
}' | sort -n | cut -d ' ' -f 2- > "$home/ferry/access.log"

chmod 444 "$home/ferry/access.log"
chown -R learner:learner "$home/ferry" "$home/answers"

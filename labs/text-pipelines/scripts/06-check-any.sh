#!/bin/bash
set -euo pipefail
fail() { printf '%s\n' "$*"; exit 1; }

script=~/report.sh
[ -s "$script" ] || fail "Expected the script ~/report.sh, but it is missing or empty."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/other day.log" <<'END'
192.0.2.1 - - [21/Jun/2025:09:59:59 +0000] "GET /island/500-steps HTTP/1.1" 200 503
192.0.2.2 - - [21/Jun/2025:09:59:59 +0000] "GET / HTTP/1.1" 502 100
192.0.2.3 - - [21/Jun/2025:05:00:00 +0000] "GET /search HTTP/1.1" 500 100
192.0.2.3 - - [21/Jun/2025:05:00:01 +0000] "GET /search HTTP/1.1" 404 500
192.0.2.4 - - [21/Jun/2025:23:10:00 +0000] "GET /tickets HTTP/1.1" 503 100
192.0.2.5 - - [21/Jun/2025:23:11:00 +0000] "GET /tickets HTTP/1.1" 599 100
END
got=$(timeout 5 bash "$script" "$work/other day.log" 2> "$work/errors") || fail "With another log report.sh ended with an error: $(tail -n 1 "$work/errors")"
want=$'05 1\n09 1\n23 2'
[ "$got" = "$want" ] || fail "A log with failures at 05 (1), 09 (1) and 23 (2) hours gave: $(head -n 5 <<< "${got:-nothing. $(tail -n 1 "$work/errors")}" | paste -sd , | cut -c 1-120)"
echo "The report works for any day."

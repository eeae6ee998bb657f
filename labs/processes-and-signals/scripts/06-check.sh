#!/bin/bash
set -euo pipefail
fail() { printf '%s\n' "$*"; exit 1; }

[ -s ~/guard.sh ] || fail "Expected the script ~/guard.sh, but it is missing or empty."
work=$(mktemp -d)
guard=""
child=""
clear_up() {
    exec 2> /dev/null # or else bash would have the last word, about a process that was killed
    for pid in $guard $child; do kill -KILL "$pid" 2> /dev/null || true; done
    rm -rf "$work"
}
trap clear_up EXIT
alive() { [ -n "$1" ] && kill -0 "$1" 2> /dev/null; }
# within SECONDS COMMAND... succeeds as soon as the command does.
within() {
    local tries=$(($1 * 10))
    shift
    while ! "$@"; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || return 1
        sleep 0.1
    done
}
printf '#!/bin/bash\nexec sleep 60\n' > "$work/program"
chmod 755 "$work/program"

bash ~/guard.sh "$work/program" "$work/pid" < /dev/null > "$work/log" 2>&1 &
guard=$!
within 3 test -s "$work/pid" || fail "Expected guard.sh to write a PID into the file that its second argument names, but it did not."
child=$(tr -d '[:space:]' < "$work/pid")
[[ $child =~ ^[0-9]+$ ]] || { found=$child; child=""; fail "Expected a PID in the PID file, found \"${found:0:40}\"."; }
alive "$child" || fail "Expected the PID file to hold the PID of the started program, but no process has the number $child."
alive "$guard" || fail "Expected guard.sh to wait for its program, but it ended at once."

sleep 0.3 # the trap may be set after the file was written
kill -TERM "$guard"
gone() { ! alive "$1"; }
within 5 gone "$guard" || fail "Expected guard.sh to end within 5 seconds of TERM, but it still runs."
within 2 gone "$child" || fail "The guard is gone, but the program that it started still runs: an orphan."
[ ! -e "$work/pid" ] || fail "Guard and program are gone, but the PID file is still there."
echo "The guard ends its program, clears up, and goes."

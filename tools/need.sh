#!/usr/bin/env bash
# Makes sure that the machine has what a job (build, test, bench) needs. Go and Node.js are the newcomer's own to
# install; the rest is installed through apt-get where that may be done (as root), and named in one line where not.
set -euo pipefail
job=${1:?usage: need.sh build|test|bench}
wanted=()

# at_least NAME WANTED FOUND HINT
at_least() {
  if [[ -z $3 || $(printf '%s\n' "$2" "$3" | sort -V | head -n 1) != "$2" ]]; then
    echo "$1 $2 or newer is needed, ${3:-none} was found: see $4" >&2
    exit 1
  fi
}

# package NAME COMMAND...: the Debian package, unless one of the commands is there
package() {
  local name=$1 command
  shift
  for command in "$@"; do
    command -v "$command" >/dev/null && return
  done
  wanted+=("$name")
}

case $job in
  build)
    # In the module, an older Go fetches the one that go.mod names, unless it was told not to.
    found=$(go env GOVERSION 2>/dev/null || (cd / && go env GOVERSION 2>/dev/null) || true)
    at_least Go 1.26 "$(sed 's/^go//; s/[- ].*//' <<<"$found")" https://go.dev/doc/install
    at_least Node.js 20.19 "$(node --version 2>/dev/null | tr -d v)" https://nodejs.org/en/download
    package npm npm
    ;;
  test)
    package chromium chromium chromium-browser google-chrome
    package redis-server redis-server valkey-server
    ;;&
  bench)
    package runc runc
    ;;&
  test | bench)
    # What the sample labs and their tests use.
    package git git
    package python3 python3
    package sqlite3 sqlite3
    package curl curl
    ;;
  *)
    echo "usage: need.sh build|test|bench" >&2
    exit 2
    ;;
esac

((${#wanted[@]})) || exit 0
if ((EUID == 0)) && command -v apt-get >/dev/null; then
  echo "Installing ${wanted[*]} with apt-get ..."
  log=$(mktemp)
  trap 'rm -f "$log"' EXIT
  if apt-get update -qq &>"$log" &&
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${wanted[@]}" </dev/null &>>"$log"; then
    exit 0
  fi
  tail -n 5 "$log" >&2
fi
echo "Missing on this machine: ${wanted[*]}. Install it, such as with: sudo apt-get install ${wanted[*]}" >&2
exit 1

#!/usr/bin/env bash
# Says what is missing for a job (build, test, bench), one line each. What the tests and the benchmarks need comes from
# the system's packages: it is installed where that is possible (root, apt-get), else named.
set -euo pipefail
job=${1:?usage: need.sh build|test|bench}

missing=()
at_least() { # command, least major version, present version, how to get it
  if [ -z "$3" ]; then missing+=("$1 $2 or newer is missing: $4"); return; fi
  if [ "${3%%.*}" -lt "$2" ]; then missing+=("$1 $3 is too old, $2 or newer is needed: $4"); fi
}

case $job in
  build)
    go_minor=$(go env GOVERSION 2>/dev/null | sed -nE 's/^go1\.([0-9]+).*/\1/p' || true)
    at_least "Go 1." 26 "$go_minor" "https://go.dev/dl"
    at_least "Node.js" 20 "$(node --version 2>/dev/null | tr -d v || true)" "https://nodejs.org"
    ;;
  test | bench)
    # command -> Debian package
    declare -A packages=([git]=git [python3]=python3 [sqlite3]=sqlite3 [curl]=curl)
    [ "$job" = test ] && packages[chromium]=chromium
    [ "$job" = bench ] && packages[runc]=runc
    wanted=()
    for command in "${!packages[@]}"; do
      command -v "$command" >/dev/null || wanted+=("${packages[$command]}")
    done
    if [ ${#wanted[@]} -gt 0 ]; then
      if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "installing ${wanted[*]} (apt-get)"
        apt-get update -qq >/dev/null
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${wanted[@]}" >/dev/null
      else
        missing+=("install ${wanted[*]} (such as: sudo apt-get install ${wanted[*]})")
      fi
    fi
    ;;
  *) echo "need.sh: no such job: $job" >&2; exit 2 ;;
esac

for line in "${missing[@]}"; do echo "$line" >&2; done
[ ${#missing[@]} -eq 0 ]

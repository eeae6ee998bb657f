#!/usr/bin/env bash
# What must hold before a change is merged, apart from the tests. Every check runs, so that one run shows every problem.
set -uo pipefail
cd "$(dirname "$0")/.."

temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT
failed=()

# check NAME COMMAND...
check() {
  local name=$1 from=$SECONDS
  shift
  if "$@" >"$temp/out" 2>&1; then
    printf 'ok    %-16s %3d s\n' "$name" $((SECONDS - from))
  else
    failed+=("$name")
    printf 'FAIL  %-16s %3d s\n' "$name" $((SECONDS - from))
    sed 's/^/      /' "$temp/out" | head -n 200
  fi
}

formatted() {
  local files
  files=$(git ls-files --cached --others --exclude-standard -- '*.go' | xargs gofmt -l)
  [[ -z $files ]] || { printf 'run gofmt -w on:\n%s\n' "$files"; return 1; }
}

# The API's document and the console's types are generated: what is committed must be what comes out.
api_document() {
  bin/cloudkida openapi | diff -u api/openapi.json - ||
    { echo 'api/openapi.json is out of date: run make gen'; return 1; }
}

api_types() {
  (cd web && npx openapi-typescript ../api/openapi.json -o "$temp/schema.gen.ts" >/dev/null) &&
    diff -u web/src/lib/api/schema.gen.ts "$temp/schema.gen.ts" ||
    { echo 'web/src/lib/api/schema.gen.ts is out of date: run make gen'; return 1; }
}

go_client() {
  bin/cloudkida openapi --for-generators >"$temp/openapi-3.0.json" &&
    bin/oapi-codegen -config tools/client/config.yaml -o "$temp/api.gen.go" "$temp/openapi-3.0.json" &&
    cmp client/api.gen.go "$temp/api.gen.go" ||
    { echo 'client/api.gen.go is out of date: run make gen'; return 1; }
}

shell_syntax() {
  local file
  git ls-files --cached --others --exclude-standard -- '*.sh' .ci/run |
    while read -r file; do bash -n "$file" || return 1; done
}

check gofmt formatted
check 'go vet' go vet ./...
check 'go mod tidy' go mod tidy -diff
check golangci-lint bin/golangci-lint run -j 2
check 'api document' api_document
check 'api types' api_types
check 'go client' go_client
check 'console types' npm --prefix web run --silent types
check 'console lint' npm --prefix web run --silent lint
check 'journeys types' npm --prefix e2e run --silent types
check 'shell syntax' shell_syntax

if ((${#failed[@]})); then
  echo "make check: ${#failed[@]} failed: ${failed[*]}" >&2
  exit 1
fi

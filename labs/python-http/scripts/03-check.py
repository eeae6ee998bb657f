#!/usr/bin/python3
import csv
import json
import os
import sys
import urllib.error
import urllib.request

try:
    with urllib.request.urlopen("http://127.0.0.1:8080/levels", timeout=5) as response:
        kind = response.headers.get_content_type()
        text = response.read(100_000).decode(errors="replace")
except urllib.error.HTTPError as error:
    why = " See terminal 2 for the reason." if error.code == 500 else ""
    sys.exit(f"Expected the status 200 from GET /levels, found {error.code}.{why}")
except OSError as error:
    sys.exit(f"Expected your service on port 8080, but nothing answers there ({getattr(error, 'reason', error)}).")
try:
    got = json.loads(text)
except ValueError:
    sys.exit(f"Expected JSON from GET /levels, found: {text[:60]!r}")
if kind != "application/json":
    sys.exit(f"Expected the type application/json, found {kind}.")
if not isinstance(got, list):
    sys.exit(f"Expected a JSON list, found: {text[:60]}")
with open(os.path.expanduser("~/garden/levels.csv"), newline="") as file:
    rows = list(csv.DictReader(file))
if len(got) != len(rows):
    sys.exit(f"Expected {len(rows)} tanks, as in levels.csv, found {len(got)}.")
for row, tank in zip(rows, got):
    want = {"tank": row["tank"], "liters": int(row["liters"]), "capacity": int(row["capacity"])}
    if tank == row:
        sys.exit(f"Expected liters and capacity as numbers, found texts: {json.dumps(tank)}")
    if tank != want:
        sys.exit(f"Expected {json.dumps(want)}, found {json.dumps(tank)[:120]}")
print("All tanks are there, with numbers that are numbers.")

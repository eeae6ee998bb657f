#!/usr/bin/python3
import csv
import json
import os
import sys
import urllib.error
import urllib.request


def get(path):
    """Returns status, content type and text, whatever the status."""
    try:
        response = urllib.request.urlopen("http://127.0.0.1:8080" + path, timeout=5)
    except urllib.error.HTTPError as error:
        response = error
    except OSError as error:
        sys.exit(f"Expected your service on port 8080, but nothing answers there ({getattr(error, 'reason', error)}).")
    with response:
        return response.status, response.headers.get_content_type(), response.read(100_000).decode(errors="replace")


def parse(path, kind, text):
    try:
        value = json.loads(text)
    except ValueError:
        sys.exit(f"Expected JSON from GET {path}, found: {text[:60]!r}")
    if kind != "application/json":
        sys.exit(f"Expected the type application/json from GET {path}, found {kind}.")
    return value


with open(os.path.expanduser("~/garden/levels.csv"), newline="") as file:
    for row in csv.DictReader(file):
        path = "/levels/" + row["tank"]
        want = {"tank": row["tank"], "liters": int(row["liters"]), "capacity": int(row["capacity"])}
        status, kind, text = get(path)
        if status != 200:
            sys.exit(f"Expected the status 200 from GET {path}, found {status}.")
        if parse(path, kind, text) != want:
            sys.exit(f"Expected {json.dumps(want)} from GET {path}, found: {text.strip()[:100]}")

path = "/levels/duckpond"
status, kind, text = get(path)
if status != 404:
    sys.exit(f"Expected the status 404 for a tank that is not there (GET {path}), found {status}.")
value = parse(path, kind, text)
if not isinstance(value, dict) or "duckpond" not in str(value.get("error", "")):
    sys.exit(f'The status 404 is right, but expected an object with "error" that names the tank, found: {text.strip()[:100]}')
print("Each tank has its path, and what is not there is a 404.")

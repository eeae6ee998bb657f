#!/usr/bin/python3
import json
import os
import sys
import urllib.error
import urllib.request

FILE = os.path.expanduser("~/garden/levels.csv")


def post(path, data):
    request = urllib.request.Request("http://127.0.0.1:8080" + path, data=data, method="POST")
    try:
        response = urllib.request.urlopen(request, timeout=5)
    except urllib.error.HTTPError as error:
        response = error
    except OSError as error:
        sys.exit(f"Expected your service on port 8080, but nothing answers there ({getattr(error, 'reason', error)}).")
    with response:
        return response.status, response.read(100_000).decode(errors="replace")


def expect(want, path, data):
    with open(FILE, "rb") as file:
        before = file.read()
    status, text = post(path, data)
    what = f"POST {path} with the body {data.decode(errors='replace')[:40]!r}"
    with open(FILE, "rb") as file:
        if file.read() != before:
            with open(FILE, "wb") as restored:
                restored.write(before)
            sys.exit(f"{what} changed levels.csv. (The check has put it back.)")
    if status != want:
        sys.exit(f"Expected the status {want} for {what}, found {status}.")
    try:
        named = "error" in json.loads(text)
    except (ValueError, TypeError):
        named = False
    if not named:
        sys.exit(f'Expected JSON with an "error" for {what}, found: {text.strip()[:60]!r}')


for body in (b"hello", b"", b"[1, 2]", b"{}", b"null", b'{"liters": "400"}', b'{"liters": true}', b'{"liters": -3}', b'{"liters": 999999}', b"\xff\xfe"):
    expect(400, "/levels/north", body)
expect(404, "/levels/duckpond", b'{"liters": 1}')
print("Nonsense is refused, and changes nothing.")

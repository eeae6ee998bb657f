#!/usr/bin/python3
import json
import socket
import sys
import urllib.error
import urllib.request


def get(path):
    try:
        with urllib.request.urlopen("http://127.0.0.1:8080" + path, timeout=2) as response:
            return response.read(100_000).decode(errors="replace")
    except urllib.error.HTTPError as error:
        sys.exit(f"Expected the status 200 from GET {path}, found {error.code}.")
    except TimeoutError:
        sys.exit(f"While others keep silent, GET {path} had no answer within 2 seconds: one client is served after the other.")
    except OSError as error:
        if isinstance(getattr(error, "reason", None), TimeoutError):
            sys.exit(f"While others keep silent, GET {path} had no answer within 2 seconds: one client is served after the other.")
        sys.exit(f"Expected your service on port 8080, but nothing answers there ({getattr(error, 'reason', error)}).")


silent = []
try:
    for _ in range(5):
        silent.append(socket.create_connection(("127.0.0.1", 8080), timeout=2))
except OSError as error:
    sys.exit(f"Expected your service on port 8080, but nothing answers there ({error}).")
if get("/healthz").strip().lower() != "ok":
    sys.exit('Expected the text "ok" from GET /healthz.')
try:
    tanks, north = json.loads(get("/levels")), json.loads(get("/levels/north"))
except ValueError:
    sys.exit("Expected JSON from /levels and /levels/north.")
if north not in tanks:
    sys.exit("Expected that GET /levels/north is one of the tanks of GET /levels.")
print("Five silent clients, and nobody waits. The garden has its service.")

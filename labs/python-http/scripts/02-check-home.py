#!/usr/bin/python3
import sys
import urllib.error
import urllib.request

try:
    with urllib.request.urlopen("http://127.0.0.1:8080/", timeout=5) as response:
        text = response.read(100_000).decode(errors="replace")
except urllib.error.HTTPError as error:
    sys.exit(f"Expected the status 200 from GET /, found {error.code}.")
except OSError as error:
    sys.exit(f"Expected your service on port 8080, but nothing answers there ({getattr(error, 'reason', error)}).")
if "rain tanks" in text:
    sys.exit("The old server still serves the folder on port 8080: stop it with Ctrl-C, then start server.py.")
print("Your own service answers.")

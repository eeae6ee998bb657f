#!/usr/bin/python3
import sys
import urllib.error
import urllib.request

try:
    with urllib.request.urlopen("http://127.0.0.1:8080/", timeout=5) as response:
        text = response.read(100_000).decode(errors="replace")
except urllib.error.HTTPError as error:
    sys.exit(f"Expected the garden's page at /, but the server answered with the status {error.code}: does it serve ~/garden/site?")
except OSError as error:
    sys.exit(f"Expected a web server on port 8080, but nothing answers there ({getattr(error, 'reason', error)}).")
if "community garden" not in text.lower():
    sys.exit("A server answers on port 8080, but not with the garden's page: does it serve ~/garden/site?")
print("The folder is on the web.")

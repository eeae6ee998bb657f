#!/usr/bin/python3
import sys
import urllib.error
import urllib.request

try:
    with urllib.request.urlopen("http://127.0.0.1:8080/healthz", timeout=5) as response:
        kind = response.headers.get_content_type()
        text = response.read(1000).decode(errors="replace").strip()
except urllib.error.HTTPError as error:
    sys.exit(f"Expected the status 200 from GET /healthz, found {error.code}.")
except OSError as error:
    sys.exit(f"Expected your service on port 8080, but nothing answers there ({getattr(error, 'reason', error)}).")
if text.lower() != "ok":
    sys.exit(f'Expected the text "ok" from GET /healthz, found "{text[:60]}".')
if kind != "text/plain":
    sys.exit(f"The text is right, but expected the type text/plain, found {kind}.")
print("The service says that it is well.")

#!/bin/bash
set -euo pipefail
cat > ~/garden/server.py <<'END'
"""Speaks HTTP on port 8080. What to answer is decided in routes.py."""
import re
import traceback
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import unquote, urlsplit

import routes


class Handler(BaseHTTPRequestHandler):
    timeout = 60  # seconds that a client may be silent

    def answer(self):
        path = unquote(urlsplit(self.path).path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status, kind, text = 404, "text/plain", "There is nothing here.\n"
        # The last route that fits wins, so a better version may simply be added.
        for method, pattern, function in reversed(routes.ROUTES):
            match = re.fullmatch(pattern, path)
            if method == self.command and match:
                try:
                    status, kind, text = function(body, *match.groups())
                except Exception:
                    traceback.print_exc()
                    status, kind, text = 500, "text/plain", "Sorry, that is our fault.\n"
                break
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind + "; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = answer


HTTPServer(("127.0.0.1", 8080), Handler).serve_forever()
END
cat > ~/garden/routes.py <<'END'
"""What the garden's service answers: a status, a content type and a text."""
import csv
import json
from pathlib import Path

LEVELS = Path(__file__).with_name("levels.csv")
ROUTES = []


def route(method, pattern):
    def register(function):
        ROUTES.append((method, pattern, function))
        return function
    return register


@route("GET", "/")
def home(body):
    return 200, "text/html", "<h1>The garden is listening</h1>\n"
END
cat >> ~/garden/routes.py <<'END'


@route("GET", "/healthz")
def health(body):
    return 200, "text/plain", "ok\n"
END

# The old server must free the port first.
pkill -f 'http[.]server 8080' || true
# Start the server again, so that it reads the files anew.
pkill -f 'python3 server[.]py' || true
sleep 0.3
cd ~/garden
setsid python3 server.py < /dev/null > ~/server.log 2>&1 &
sleep 0.7

#!/bin/bash
set -euo pipefail
cat >> ~/garden/routes.py <<'END'


@route("GET", "/levels/([^/]+)")
def level(body, name):
    for tank in read_levels():
        if tank["tank"] == name:
            return as_json(200, tank)
    return as_json(404, {"error": f"There is no tank {name!r}."})
END

# Start the server again, so that it reads the files anew.
pkill -f 'python3 server[.]py' || true
sleep 0.3
cd ~/garden
setsid python3 server.py < /dev/null > ~/server.log 2>&1 &
sleep 0.7

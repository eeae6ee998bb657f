#!/bin/bash
set -euo pipefail
cat >> ~/garden/routes.py <<'END'


def write_levels(tanks):
    fresh = LEVELS.with_suffix(".new")
    with fresh.open("w", newline="") as file:
        writer = csv.DictWriter(file, ["tank", "liters", "capacity"])
        writer.writeheader()
        writer.writerows(tanks)
    fresh.replace(LEVELS)


@route("POST", "/levels/([^/]+)")
def set_level(body, name):
    tanks = read_levels()
    tank = next((tank for tank in tanks if tank["tank"] == name), None)
    if tank is None:
        return as_json(404, {"error": f"There is no tank {name!r}."})
    try:
        request = json.loads(body)
    except ValueError:
        return as_json(400, {"error": "The body is not JSON."})
    liters = request.get("liters") if isinstance(request, dict) else None
    if type(liters) is not int or not 0 <= liters <= tank["capacity"]:
        return as_json(400, {"error": f"liters must be a whole number from 0 to {tank['capacity']}."})
    tank["liters"] = liters
    write_levels(tanks)
    return as_json(200, tank)
END

# Start the server again, so that it reads the files anew.
pkill -f 'python3 server[.]py' || true
sleep 0.3
cd ~/garden
setsid python3 server.py < /dev/null > ~/server.log 2>&1 &
sleep 0.7

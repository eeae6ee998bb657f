#!/bin/bash
set -euo pipefail
cat > ~/answers/1.sql <<'END'
SELECT name, email FROM passenger
WHERE city_id = 2 AND email IS NOT NULL
ORDER BY name;
END

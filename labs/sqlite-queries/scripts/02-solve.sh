#!/bin/bash
set -euo pipefail
cat > ~/answers/2.sql <<'END'
SELECT city_id, count(*), count(email) FROM passenger
GROUP BY city_id
HAVING count(*) >= 50
ORDER BY count(*) DESC;
END

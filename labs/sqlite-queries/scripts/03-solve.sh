#!/bin/bash
set -euo pipefail
cat > ~/answers/3a.sql <<'END'
SELECT train.name, count(booking.id)
FROM train
LEFT JOIN booking ON booking.train_id = train.id
GROUP BY train.id
ORDER BY count(booking.id) DESC;
END
cat > ~/answers/3b.sql <<'END'
SELECT passenger.name
FROM passenger
LEFT JOIN booking ON booking.passenger_id = passenger.id
WHERE booking.id IS NULL;
END

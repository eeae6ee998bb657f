#!/bin/bash
set -euo pipefail
cat > ~/answers/6.sql <<'END'
WITH monthly AS (
    SELECT substr(departure, 1, 7) AS month, count(*) AS bookings, sum(price) / 100 AS income
    FROM booking JOIN train ON train.id = booking.train_id
    WHERE train.name = 'Polar Star'
    GROUP BY month
)
SELECT month, bookings, income, sum(income) OVER (ORDER BY month) AS total
FROM monthly
ORDER BY month;
END

#!/bin/bash
set -euo pipefail
sqlite3 ~/train.db "
BEGIN;
UPDATE OR IGNORE booking SET departure = '2025-12-23', price = 0 WHERE train_id = 1 AND departure = '2025-12-22';
UPDATE booking SET departure = '2025-12-24', price = 0 WHERE train_id = 1 AND departure = '2025-12-22';
COMMIT;"

#!/bin/bash
set -euo pipefail
sqlite3 ~/train.db "CREATE INDEX booking_passenger ON booking (passenger_id);"

#!/bin/bash
set -euo pipefail
chmod 600 ~/bakery/payroll.csv ~/bakery/keys/oven_key

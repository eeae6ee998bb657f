#!/bin/bash
set -euo pipefail
chmod 750 ~/bakery/recipes
chmod 711 ~/bakery/counter

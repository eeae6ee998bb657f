#!/bin/bash
# Usage: new-order.sh NAME TEXT     writes the order into the file NAME
printf '%s\n' "$2" > "$1"

#!/bin/bash
# Adds up the loaves that were ordered and writes down what was baked.
total=0
while IFS=, read -r customer loaves; do
    [ "$customer" = customer ] && continue
    total=$((total + loaves))
done < orders.csv
echo "Baked $total loaves" | tee baked.txt

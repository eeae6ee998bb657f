#!/bin/bash
# Leaves the bakery in the state in which the last administrator left it.
set -euo pipefail

home=/home/learner
bakery=$home/bakery
mkdir -p "$home/answers" "$bakery/recipes" "$bakery/shared" "$bakery"/archive/{2019,2020,2021}/{01..12}

for bread in country-rye sourdough walnut-loaf cinnamon-knot; do
    printf '%s\nFlour 500 g, water 350 g, salt 10 g, time.\n' "$bread" > "$bakery/recipes/$bread.txt"
done
for year in 2019 2020 2021; do
    for month in {01..12}; do
        echo "Takings of $year-$month: $((10#$month * 731 + year)).00" > "$bakery/archive/$year/$month/takings.txt"
        printf '#!/bin/bash\ncat "$(dirname "$0")/takings.txt"\n' > "$bakery/archive/$year/$month/show.sh"
    done
done
printf '#!/bin/bash\necho "I used to run with my owner'"'"'s rights."\n' > "$bakery/archive/2019/fix-till.sh"

chown -R learner:learner "$bakery" "$home/answers"
chmod 755 "$bakery" "$bakery/keys"
chmod 640 "$bakery/menu.txt"
chmod 666 "$bakery/payroll.csv"
chmod 644 "$bakery/bake.sh" "$bakery/orders.csv" "$bakery/keys/oven_key"
chmod 755 "$bakery/new-order.sh" "$bakery/shared"
chmod 777 "$bakery/counter"

find "$bakery/archive" -type d -exec chmod 755 {} +
find "$bakery/archive" -name '*.txt' -exec chmod 644 {} +
find "$bakery/archive" -name '*.sh' -exec chmod 755 {} +
chmod 666 "$bakery"/archive/2019/{03,07}/takings.txt "$bakery"/archive/2021/11/takings.txt
chmod 777 "$bakery"/archive/2020/05 "$bakery"/archive/2020/05/show.sh "$bakery"/archive/2021/02/show.sh
chmod 4755 "$bakery/archive/2019/fix-till.sh"

#!/usr/bin/python3
import os
import sqlite3
import sys

CLOSED, NEXT, LAST = "2025-12-22", "2025-12-23", "2025-12-24"


def bookings(name):
    """All bookings of a database by their id."""
    path = os.path.expanduser(f"~/{name}")
    if not os.path.exists(path):
        sys.exit(f"Expected the database ~/{name}, but it is gone. Start over to get it back.")
    try:
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=3)
        return {row[0]: row[1:] for row in connection.execute("select id, passenger_id, train_id, departure, seat, price from booking")}
    except sqlite3.Error as error:
        sys.exit(f"~/{name} could not be read: {error}")


before, now = bookings("before.db"), bookings("train.db")
taken = {seat for _, train, departure, seat, _ in before.values() if train == 1 and departure == NEXT}
left = sum(1 for _, train, departure, _, _ in now.values() if train == 1 and departure == CLOSED)
back = "cp ~/before.db ~/train.db puts the old state back."
if before.keys() != now.keys():
    sys.exit(f"Expected {len(before)} bookings as before, found {len(now)}: something was deleted or added. {back}")
for number, (passenger, train, departure, seat, price) in before.items():
    found = now[number]
    if train != 1 or departure != CLOSED:
        if found != (passenger, train, departure, seat, price):
            sys.exit(f"Booking {number} is not of the Polar Star on {CLOSED}, but it has changed. {back}")
        continue
    want = (passenger, 1, LAST if seat in taken else NEXT, seat, 0)
    if found == want:
        continue
    if left:
        sys.exit(f"Expected no booking of the Polar Star on {CLOSED} any more, found {left}.")
    if found[3] != seat:
        sys.exit(f"Booking {number} had the seat {seat} and now has {found[3]}: seats stay the same. {back}")
    if found[2] != want[2]:
        sys.exit(f"Expected booking {number} (seat {seat}) on {want[2]}, found it on {found[2]}. {back}")
    sys.exit(f"Booking {number} was moved, but its price is {found[4]}, expected 0.")
print("Everybody has a seat, and nothing else has changed.")

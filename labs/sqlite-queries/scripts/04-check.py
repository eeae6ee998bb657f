#!/usr/bin/python3
import os
import sqlite3
import sys

DATABASE = os.path.expanduser("~/train.db")
if not os.path.exists(DATABASE):
    sys.exit("Expected the database ~/train.db, but it is gone. Start over to get it back.")
try:
    connection = sqlite3.connect(f"file:{DATABASE}?mode=ro", uri=True, timeout=3)
    plan = "; ".join(row[3] for row in connection.execute("explain query plan select * from booking where passenger_id = 77"))
    indexes = [row[0] for row in connection.execute("select name from sqlite_schema where type = 'index' and sql is not null")]
except sqlite3.Error as error:
    sys.exit(f"The database could not be asked: {error}")
if not plan.startswith("SEARCH"):
    more = f" You made {', '.join(indexes)}, but not on the column that the question is about." if indexes else ""
    sys.exit(f"Expected the plan SEARCH booking USING INDEX, found: {plan}.{more}")
if "INDEX" not in plan or not indexes:
    sys.exit(f"Expected that an index of yours is used, found the plan: {plan}.")
print(f"The plan is now: {plan}")

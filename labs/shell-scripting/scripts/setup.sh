#!/bin/bash
# Adds the book whose file has a space in its name, and gives the library to the learner.
set -euo pipefail

library=/home/learner/library
printf 'title: The Old Man and the Sea\nauthor: Ernest Hemingway\nshelf: H-2\n' > "$library/books/old man.txt"
chown -R learner:learner "$library"

-- +goose Up
-- What the planner knows of the words of names. Without it a search is guessed to find thousands of people, as few names
-- have a third word and an index without rows has no statistics: the planner then reads everybody in the order of the
-- answer, in place of the few that the indexes of 0057 find.
create statistics identity.user_words on
  (lower(name)),
  (substring(lower(name) from '^[^ ]+ (.*)$')),
  (substring(lower(name) from '^[^ ]+ [^ ]+ (.*)$')),
  (substring(lower(name) from '^[^ ]+ [^ ]+ [^ ]+ (.*)$'))
  from identity."user";
analyze identity."user";

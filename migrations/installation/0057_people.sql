-- +goose Up
-- People are found in a pool of a million as fast as in one of a thousand: by the start of their address (its collation is
-- "C") and of their name, from its first word on, its second, third or fourth. Each is a B-tree, of which a search reads
-- what it finds and nothing else.
create index user_email on identity."user" (email_key);
create index user_name_1 on identity."user" (lower(name) text_pattern_ops);
create index user_name_2 on identity."user" (substring(lower(name) from '^[^ ]+ (.*)$') text_pattern_ops)
  where substring(lower(name) from '^[^ ]+ (.*)$') is not null;
create index user_name_3 on identity."user" (substring(lower(name) from '^[^ ]+ [^ ]+ (.*)$') text_pattern_ops)
  where substring(lower(name) from '^[^ ]+ [^ ]+ (.*)$') is not null;
create index user_name_4 on identity."user" (substring(lower(name) from '^[^ ]+ [^ ]+ [^ ]+ (.*)$') text_pattern_ops)
  where substring(lower(name) from '^[^ ]+ [^ ]+ [^ ]+ (.*)$') is not null;

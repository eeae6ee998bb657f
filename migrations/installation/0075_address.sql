-- +goose Up
-- People give their account another e-mail address. Who reads the mailbox of the address before can object: each row is one
-- such right, from the moment that the change is asked for.
create table identity.address_change (
  id uuid primary key, -- of the mail_proof
  user_id uuid not null references identity."user" (id) on delete cascade,
  email text not null check (length(email) <= 254), -- the address before, which its owner had proved
  email_key text collate "C" not null,
  object_hash bytea not null unique, -- of the link in the letters
  created_at timestamptz not null,
  expires_at timestamptz not null
);
create index address_change_user on identity.address_change (user_id, id);
create index address_change_expiry on identity.address_change (expires_at);
grant select, insert, delete on identity.address_change to cloudkida_identity;
grant update (expires_at) on identity.address_change to cloudkida_identity; -- for update skip locked asks for it

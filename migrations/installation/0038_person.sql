-- +goose Up
-- A person's rights: what they agreed to, and the proof that they were erased.

create table identity.consent (
  user_id uuid not null references identity."user" (id) on delete cascade,
  document text not null check (document ~ '^[a-z][a-z-]{0,39}$'), -- such as terms
  version text not null check (length(version) between 1 and 40),
  at timestamptz not null default now(),
  address_hash bytea check (length(address_hash) = 32), -- of the network address, keyed: the same one is seen to be the same
  primary key (user_id, document, version)
);
grant select, insert on identity.consent to cloudkida_identity;

-- It names the person by an id that nothing else knows any more.
create table identity.erasure (
  user_id uuid primary key,
  document text not null, -- JSON, exactly as it was signed
  signature bytea not null,
  key_id text not null,
  created_at timestamptz not null default now()
);
grant select, insert on identity.erasure to cloudkida_identity;

create index mail_message_recipient on control.mail_message (lower(recipient));

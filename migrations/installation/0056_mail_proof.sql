-- +goose Up
-- What people do by proving that a mailbox is theirs: sign up, and give their account another address.

alter table identity."user" add column locale text not null default '' check (locale ~ '^([a-z]{2,3}(-[A-Za-z0-9]{2,8})*)?$'); -- '': as the browser says
grant update (locale) on identity."user" to cloudkida_identity;

-- A row is there whether its address has an account or not: nothing that strangers see depends on that.
create table identity.mail_proof (
  id uuid primary key default uuidv7(),
  pool_id uuid not null references identity.pool (id) on delete cascade,
  purpose text not null check (purpose in ('sign-up', 'address')),
  user_id uuid references identity."user" (id) on delete cascade, -- whose new address it is
  email text not null check (length(email) <= 254), -- as it was typed
  email_key text collate "C" not null,
  name text not null default '' check (length(name) <= 100),
  query text not null default '' check (length(query) <= 8192), -- the authorization request that goes on afterwards
  locale text not null default '',
  handle_hash bytea unique, -- of the browser that asked
  token_hash bytea unique, -- of the link; null: nothing can be proved with this row
  code_hash bytea check (length(code_hash) = 32), -- keyed, as it is short
  code_tries int not null default 0,
  by_code boolean not null default false, -- proved in the browser that asked
  sends int not null default 1,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  used_at timestamptz,
  check ((purpose = 'address') = (user_id is not null))
);
create index mail_proof_email on identity.mail_proof (pool_id, email_key, id);
create index mail_proof_user on identity.mail_proof (user_id);
create index mail_proof_expiry on identity.mail_proof (expires_at);
grant select, insert, delete on identity.mail_proof to cloudkida_identity;
grant update (token_hash, code_hash, code_tries, by_code, sends, used_at, expires_at) on identity.mail_proof to cloudkida_identity;

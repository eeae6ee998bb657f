-- +goose Up
-- Factors of sign-in beside the password, and who must have one. What would let somebody in is sealed or hashed.

alter table identity.pool
  add column mfa text not null default 'optional' check (mfa in ('off', 'optional', 'required', 'required_for')),
  add column mfa_roles text[] not null default '{}' check (mfa_roles <@ array['owner', 'admin', 'author', 'instructor', 'learner', 'operator']),
  add constraint pool_mfa_roles check ((mfa = 'required_for') = (cardinality(mfa_roles) > 0));
grant update (mfa, mfa_roles) on identity.pool to cloudkida_identity;

create table identity.factor (
  id uuid primary key default uuidv7(),
  pool_id uuid not null,
  user_id uuid not null,
  kind text not null check (kind in ('totp', 'passkey', 'email')),
  name text not null check (length(name) between 1 and 60), -- what its owner calls it
  sealed bytea, -- totp: the shared secret, sealed by the master key
  last_step bigint not null default 0, -- totp: the latest time step whose code was used; earlier ones are used up, too
  credential_id bytea check (length(credential_id) between 1 and 1023),
  credential bytea, -- passkey: its public key, counter and flags, as JSON
  confirmed_at timestamptz, -- null: enrolment has begun, and it counts for nothing
  used_at timestamptz,
  created_at timestamptz not null default now(),
  foreign key (pool_id, user_id) references identity."user" (pool_id, id) on delete cascade,
  check ((kind = 'totp') = (sealed is not null)),
  check ((kind = 'passkey') = (credential_id is not null and credential is not null))
);
create index factor_user on identity.factor (user_id);
create unique index factor_credential on identity.factor (pool_id, credential_id);
create unique index factor_email on identity.factor (user_id) where kind = 'email';
grant select, insert, delete on identity.factor to cloudkida_identity;
grant update (name, last_step, credential, confirmed_at, used_at) on identity.factor to cloudkida_identity;

create table identity.recovery_code (
  user_id uuid not null references identity."user" (id) on delete cascade,
  code_hash bytea not null check (length(code_hash) = 32), -- keyed, as the codes are short enough to be typed
  created_at timestamptz not null default now(),
  used_at timestamptz,
  primary key (user_id, code_hash)
);
grant select, insert, delete on identity.recovery_code to cloudkida_identity;
grant update (used_at) on identity.recovery_code to cloudkida_identity;

-- One step of one person in one browser that is not over: between the password and the session, or within an enrolment.
-- The browser has its token in a cookie. It never becomes a session.
create table identity.challenge (
  token_hash bytea primary key,
  pool_id uuid not null references identity.pool (id) on delete cascade,
  user_id uuid, -- null: a passkey will say who it is
  purpose text not null check (purpose in ('sign-in', 'passkey', 'enrol')),
  browser_session_id uuid references identity.browser_session (id) on delete cascade, -- within an enrolment
  methods text[] not null default '{}', -- how the person has proved who they are so far
  code_hash bytea check (length(code_hash) = 32), -- of the code that was sent by mail, keyed
  code_expires_at timestamptz,
  code_tries int not null default 0,
  ceremony bytea, -- what the answer of a passkey is checked against
  tries int not null default 0,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  foreign key (pool_id, user_id) references identity."user" (pool_id, id) on delete cascade,
  check (purpose = 'passkey' or user_id is not null),
  check ((purpose = 'enrol') = (browser_session_id is not null))
);
create index challenge_user on identity.challenge (user_id);
create index challenge_session on identity.challenge (browser_session_id);
create index challenge_expiry on identity.challenge (expires_at);
grant select, insert, delete on identity.challenge to cloudkida_identity;
grant update (code_hash, code_expires_at, code_tries, ceremony, tries) on identity.challenge to cloudkida_identity;

-- What tells a person which of the devices this is.
alter table identity.browser_session
  add column user_agent text not null default '' check (length(user_agent) <= 300),
  add column address text not null default '' check (length(address) <= 64);
-- Signing in again in the same browser goes on with what the earlier sign-in opened there.
grant update (browser_session_id) on identity.token_family to cloudkida_identity;
